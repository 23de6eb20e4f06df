//! CPython's own tests, in the plain interpreter and in a packaged one that carries the test
//! package with it. How each test ends must be the same, but for what `cpython/differences.toml`
//! lists with a reason; an entry there that no longer differs fails too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oxidize_tests::package::{App, Package};
use oxidize_tests::run::{Ending, Run};
use oxidize_tests::{Result, check, plain, tools, trial};
use serde::Deserialize;

/// How each test ended, by its id.
type Outcomes = BTreeMap<String, String>;

/// `cpython/differences.toml`, which explains its keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Differences {
    modules: Vec<String>,
    on_disk: Vec<String>,
    #[serde(default)]
    difference: Vec<Group>,
    #[serde(default)]
    unstable: Vec<Unstable>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    reason: String,
    plain: String,
    packaged: String,
    tests: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unstable {
    reason: String,
    tests: Vec<String>,
}

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    match read() {
        Ok(differences) => {
            for module in differences.modules.iter().chain(&differences.on_disk) {
                let (module, differences) = (module.clone(), differences.clone());
                trials.push(trial(module.clone(), move || {
                    compare(&module, &differences)
                }));
            }
            trials.push(trial("entries_belong_to_modules", move || {
                entries(&differences)
            }));
        }
        Err(stop) => trials.push(trial("differences.toml", move || Err(stop))),
    }
    oxidize_tests::main(trials)
}

fn directory() -> std::path::PathBuf {
    tools::here().join("cpython")
}

fn read() -> Result<Differences> {
    Ok(toml::from_str(&std::fs::read_to_string(
        directory().join("differences.toml"),
    )?)?)
}

/// The application: CPython's test package. Nothing of it is run but what the interpreter's command
/// line says.
fn packaged() -> Result<App> {
    Package::new(plain::test_suite()?).launcher().shared()
}

fn compare(module: &str, differences: &Differences) -> Result {
    let plain = observe(
        Run::new(plain::python_with_tests()?).arguments(["-I"]),
        module,
        None,
    )?;
    let packaged = if differences.on_disk.iter().any(|other| other == module) {
        let app = Package::new(tools::checkout().join("examples/hello"))
            .launcher()
            .shared()?;
        observe(app.interpreter(), module, Some(&plain::test_suite()?))?
    } else {
        observe(packaged()?.interpreter(), module, None)?
    };
    check(plain.len() > 1, || {
        format!("the plain interpreter ran no test: {plain:?}")
    })?;

    let unstable: BTreeSet<&str> = differences
        .unstable
        .iter()
        .flat_map(|entry| entry.tests.iter().map(String::as_str))
        .collect();
    let mut expected: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for group in &differences.difference {
        for test in group.tests.iter().filter(|test| belongs(test, module)) {
            expected.insert(test, (&group.plain, &group.packaged));
        }
    }
    let absent = "absent".to_owned();
    let ids: BTreeSet<&String> = plain.keys().chain(packaged.keys()).collect();
    let mut wrong = Vec::new();
    for id in ids {
        let change = (
            plain.get(id).unwrap_or(&absent).as_str(),
            packaged.get(id).unwrap_or(&absent).as_str(),
        );
        match expected.remove(id.as_str()) {
            _ if unstable.contains(id.as_str()) => {}
            Some(expected) if expected == change => {}
            Some(expected) => wrong.push(format!("{id}: listed as {expected:?}, is {change:?}")),
            None if change.0 == change.1 => {}
            None => wrong.push(format!("{id}: {change:?}")),
        }
    }
    wrong.extend(
        expected
            .keys()
            .map(|id| format!("{id} is listed and did not run")),
    );
    check(wrong.is_empty(), || {
        format!(
            "plain and packaged differ otherwise than listed:\n{}",
            wrong.join("\n")
        )
    })
}

/// Whether a test id is of this module: `test.test_json.test_tool.TestMain.test_x`, `setUpClass
/// (test.test_json.X)`.
fn belongs(test: &str, module: &str) -> bool {
    test.split_once(&format!("test.{module}"))
        .is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

fn observe(run: Run, module: &str, suite: Option<&Path>) -> Result<Outcomes> {
    let place = tools::scratch()?;
    let results = place.path().join("results.json");
    let work = place.path().join("work");
    std::fs::create_dir(&work)?;
    let runner = directory().join("runner.py");
    let run = run
        .arguments([&runner as &Path, &results, Path::new(module)])
        .arguments(suite);
    let outcome = run.directory(work).timeout(600).outcome()?;
    check(
        outcome.ending == Ending::Status(0) && results.is_file(),
        || outcome.to_string(),
    )?;
    Ok(serde_json::from_str(&std::fs::read_to_string(results)?)?)
}

/// Entries that no module runs would stay for ever.
fn entries(differences: &Differences) -> Result {
    let groups = differences
        .difference
        .iter()
        .map(|group| (&group.reason, &group.tests));
    for (reason, tests) in groups.chain(
        differences
            .unstable
            .iter()
            .map(|entry| (&entry.reason, &entry.tests)),
    ) {
        check(!reason.trim().is_empty(), || {
            format!("no reason for {tests:?}")
        })?;
        for test in tests {
            let owner = differences
                .modules
                .iter()
                .chain(&differences.on_disk)
                .any(|module| belongs(test, module));
            check(owner, || format!("{test} belongs to no module of the list"))?;
        }
    }
    Ok(())
}
