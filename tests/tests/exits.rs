//! The end of a program, three times: under a plain interpreter, packaged with the full exit, and
//! packaged with the fast one. Output, exit status and the bytes of every file left behind are the
//! same.
//!
//! Each case of `exits/cases` says in its first line which way the fast exit goes: `fast`, `full`
//! (something alive has code that runs at its end), or `unseen` where the case takes away the means
//! to tell.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use oxidize_tests::package::Package;
use oxidize_tests::run::{Outcome, Run};
use oxidize_tests::tools::{self, GNU, MUSL};
use oxidize_tests::{Result, check, plain, trial};

const TRACE: &str = "OXIDIZE_TRACE_EXIT";

fn resources() -> PathBuf {
    tools::here().join("exits")
}

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    let mut cases: Vec<String> = fs::read_dir(resources().join("cases"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .filter(|name| !name.starts_with('_'))
        .collect();
    cases.sort();
    for (label, target) in [("gnu", GNU), ("musl", MUSL)] {
        for case in &cases {
            let name = case.clone();
            trials.push(trial(format!("{label}::{case}"), move || {
                compare(target, &name)
            }));
        }
    }
    trials.push(trial("the_cases_are_there", move || {
        check(cases.len() > 90, || format!("{} cases", cases.len()))
    }));
    oxidize_tests::main(trials)
}

/// What a run leaves behind.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    outcome: Outcome,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

fn compare(target: &str, case: &str) -> Result {
    let script = resources().join("__main__.py");
    let package = |exit| {
        Package::new(resources())
            .target(target)
            .options(["--script".into(), script.display().to_string()])
            .options(["--exit", exit])
            .shared()
    };
    let (full, fast) = (package("full")?, package("fast")?);
    let python = plain::python(target)?;
    let with_python = Run::new(&python).arguments(["-B".as_ref(), script.as_os_str()]);
    let expected = leave(with_python, case, target, &python)?;
    for (way, app) in [("full", &full), ("fast", &fast)] {
        let found = leave(Run::new(app.path()), case, target, app.path())?;
        check(found == expected, || {
            format!("python:\n{expected:#?}\npackaged, {way} exit:\n{found:#?}")
        })?;
    }
    let text = fs::read_to_string(resources().join(format!("cases/{case}.py")))?;
    let way = text.lines().next().unwrap_or_default();
    let told = Run::new(fast.path())
        .arguments([case])
        .variable(TRACE, "1")
        .outcome()?;
    let told: Vec<&str> = told
        .stderr
        .lines()
        .filter(|line| line.starts_with("exit: "))
        .collect();
    let as_expected = match way {
        "# fast" => told.last() == Some(&"exit: fast"),
        "# full" => told
            .last()
            .is_some_and(|line| line.starts_with("exit: full, because of ")),
        "# unseen" => told.is_empty(),
        _ => false,
    };
    check(as_expected, || {
        format!("expected {way:?}, was told {told:?}")
    })
}

fn leave(run: Run, case: &str, target: &str, program: &Path) -> Result<Left> {
    let place = tools::scratch()?;
    let mut outcome = run.arguments([case]).directory(place.path()).outcome()?;
    for text in [&mut outcome.stdout, &mut outcome.stderr] {
        *text = without_addresses(&plain::without_paths(text, program, &resources(), target)?);
    }
    let mut files = BTreeMap::new();
    collect(place.path(), place.path(), &mut files)?;
    Ok(Left { outcome, files })
}

/// `<generator object f at 0x7f...>` differs in each process.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split(" at 0x");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str(" at ");
        result.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    result
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(())
}
