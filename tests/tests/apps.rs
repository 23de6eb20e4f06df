//! Runs every program under `apps/` that has expectations at its head, packaged for each target.

use std::path::{Path, PathBuf};

use oxidize_tests::expect::Expectations;
use oxidize_tests::package::Package;
use oxidize_tests::targets::{self, RUNNABLE, Target};
use oxidize_tests::tools;
use oxidize_tests::{Result, Stop, check, fail, missing, trial};
use serde::Deserialize;

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    match programs() {
        Ok(programs) => {
            for (name, file, resources) in programs {
                for Target { label, triple } in RUNNABLE {
                    let (file, resources) = (file.clone(), resources.clone());
                    let test = name.clone();
                    trials.push(trial(format!("{label}::{name}"), move || {
                        let result = run(&file, &resources, triple);
                        match targets::emulator(triple) {
                            Some(emulator) => unlike(emulator, &test, result),
                            None => result,
                        }
                    }));
                }
            }
        }
        Err(stop) => trials.push(trial("apps", move || Err(stop))),
    }
    oxidize_tests::main(trials)
}

/// What an emulator lacks, by test (`wine/differences.toml`, `qemu/differences.toml`).
#[derive(Deserialize)]
struct Differences {
    #[serde(default)]
    difference: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    test: String,
    reason: String,
}

/// The result of a test under an emulator: one that is listed must fail, and any other must not.
fn unlike(emulator: &str, test: &str, result: Result) -> Result {
    let list = tools::here().join(emulator).join("differences.toml");
    let text = std::fs::read_to_string(list)?;
    let known: Differences = toml::from_str(&text)?;
    let known = known.difference.iter().find(|known| known.test == test);
    match (known, result) {
        (Some(_), Err(Stop::Failed(_))) => Ok(()),
        (Some(known), Ok(())) => fail(format!(
            "{emulator} does it now, so it is no difference any more: {}",
            known.reason
        )),
        (_, result) => result,
    }
}

/// Name, file and resources directory of each Python file that may be a test: those directly in
/// `apps/APP/` and in `apps/APP/cases/`.
fn programs() -> Result<Vec<(String, PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    for app in sorted(&tools::here().join("apps"))? {
        let Some(name) = app
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|_| app.is_dir())
        else {
            continue;
        };
        for folder in [app.clone(), app.join("cases")] {
            if !folder.is_dir() {
                continue;
            }
            for file in sorted(&folder)? {
                if file.extension().is_some_and(|suffix| suffix == "py")
                    && Expectations::read(&file)?.is_some()
                {
                    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                    let name = if stem == "__main__" {
                        name.to_owned()
                    } else {
                        format!("{name}::{stem}")
                    };
                    found.push((name, file, app.clone()));
                }
            }
        }
    }
    Ok(found)
}

fn sorted(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn run(file: &Path, resources: &Path, target: &str) -> Result {
    let Some(expected) = Expectations::read(file)? else {
        return Ok(());
    };
    for need in &expected.needs {
        match need.as_str() {
            // Nothing is missing: the test does not apply.
            "gnu" if !target.ends_with("-linux-gnu") => return Ok(()),
            "gnu" => {}
            "posix" if targets::is_windows(target) => return Ok(()),
            "windows" if !targets::is_windows(target) => return Ok(()),
            "linux" if !target.contains("-linux-") => return Ok(()),
            "linux" | "posix" | "windows" => {}
            "root" if !tools::is_root() => return missing("the rights of root"),
            "root" => {}
            path if Path::new(path).exists() => {}
            path => return missing(path),
        }
    }
    let app = Package::new(resources)
        .target(target)
        .options(expected.package)
        .shared()?;
    for case in &expected.cases {
        case.run(app.path())?;
    }
    check(!expected.cases.is_empty(), || {
        Stop::Failed("no run".to_owned()).to_string()
    })
}
