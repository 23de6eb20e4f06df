//! Packages each program of `used/` with `--stdlib used` and with the whole standard library: both
//! print the same. There is one for every package of the standard library, and for the modules that
//! are known to import others by computed names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::{Result, check, plain, tools, trial};

/// Packages without a program: what they do needs a terminal or a display, or nobody imports them.
const WITHOUT: [&str; 9] = [
    "__phello__",
    "_pyrepl",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "re",
    "test",
    "tkinter",
    "turtledemo",
];

fn main() -> std::process::ExitCode {
    let mut trials = vec![trial("every_package_has_a_program", complete)];
    for file in programs().unwrap_or_default() {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        trials.push(trial(name, move || same(&file)));
    }
    oxidize_tests::main(trials)
}

fn programs() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(tools::here().join("used"))? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn same(file: &Path) -> Result {
    let place = tools::scratch()?;
    std::fs::copy(file, place.path().join("__main__.py"))?;
    let package = Package::new(place.path());
    let all = Run::new(package.build()?.path()).outcome()?.success()?;
    let used = package.options(["--stdlib", "used"]).build()?;
    let used = Run::new(used.path()).outcome()?.success()?;
    check(
        used.stdout == all.stdout && used.stderr == all.stderr,
        || format!("with all of it:\n{all}\nwith what is used:\n{used}"),
    )
}

fn complete() -> Result {
    let python = plain::python(tools::GNU)?;
    let program = "import os, sysconfig\n\
                   for found in os.scandir(sysconfig.get_path('stdlib')):\n    \
                       if os.path.exists(os.path.join(found.path, '__init__.py')): print(found.name)\n";
    let outcome = Run::new(&python)
        .arguments(["-c", program])
        .outcome()?
        .success()?;
    let mut texts = String::new();
    for file in programs()? {
        texts.push_str(&std::fs::read_to_string(file)?);
    }
    let words: BTreeSet<&str> = texts
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect();
    let without = outcome.stdout.lines().filter(|name| !words.contains(name));
    let without: Vec<_> = without.filter(|name| !WITHOUT.contains(name)).collect();
    check(without.is_empty(), || {
        format!("no program uses {without:?}")
    })
}
