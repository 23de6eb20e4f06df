//! Several entry points in one file.

use std::fs;
use std::path::{Path, PathBuf};

use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::targets::{self, WINDOWS};
use oxidize_tests::{Result, check, tools, trial};

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    for (label, target) in [
        ("gnu", tools::GNU),
        ("musl", tools::MUSL),
        ("windows", WINDOWS),
    ] {
        trials.push(trial(
            format!("{label}::by_the_first_argument"),
            move || by_argument(target),
        ));
        trials.push(trial(
            format!("{label}::by_the_name_of_the_program"),
            move || by_name(target),
        ));
    }
    trials.push(trial("what_cannot_be_an_entry_point_is_refused", refused));
    oxidize_tests::main(trials)
}

/// A module, a function and a program that starts children.
fn resources(place: &Path) -> Result {
    fs::create_dir_all(place)?;
    fs::write(
        place.join("one.py"),
        "import sys\nprint('one', sys.argv[1:], __name__)\n",
    )?;
    fs::write(
        place.join("both.py"),
        "import subprocess, sys

def two():
    print('two', sys.argv[1:])
    return 3

def child():
    code = 'import sys; print(\"child\", sys.argv[1:])'
    subprocess.run([sys.executable, '-c', code, 'two'], check=True)
",
    )?;
    fs::write(
        place.join("main.py"),
        "import sys\nprint('main', sys.argv[1:])\n",
    )?;
    Ok(())
}

fn package(place: &Path, target: &str, options: &[&str]) -> Result<PathBuf> {
    let tree = place.join("resources");
    resources(&tree)?;
    let app = place.join(if targets::is_windows(target) {
        "app.exe"
    } else {
        "app"
    });
    Package::new(&tree)
        .target(target)
        .options(options.iter().copied())
        .write(&app)?;
    Ok(app)
}

const NAMES: [&str; 6] = [
    "--entry-point",
    "one=one",
    "--entry-point",
    "two=both:two",
    "--entry-point",
    "child=both:child",
];

fn by_argument(target: &str) -> Result {
    let place = tools::scratch()?;
    let app = package(place.path(), target, &NAMES)?;
    let run = |arguments: &[&str]| Run::new(&app).arguments(arguments).outcome();
    run(&["one", "a", "one"])?.prints("one ['a', 'one'] __main__\n")?;
    run(&["child"])?.prints("child ['two']\n")?;
    let outcome = run(&["two", "-c", "x"])?;
    check(outcome.stdout == "two ['-c', 'x']\n", || {
        outcome.to_string()
    })?;
    for arguments in [&[][..], &["three"], &["-m", "one"]] {
        let outcome = run(arguments)?;
        check(
            outcome.stdout.is_empty()
                && outcome.stderr.starts_with("usage: ")
                && outcome
                    .stderr
                    .trim_end()
                    .ends_with("{one,two,child} [ARGUMENT ...]"),
            || outcome.to_string(),
        )?;
    }
    Ok(())
}

fn by_name(target: &str) -> Result {
    let place = tools::scratch()?;
    let options = [&NAMES[..], &["--entry", "main"]].concat();
    let app = package(place.path(), target, &options)?;
    // With an entry point of its own, all arguments are the program's.
    Run::new(&app)
        .arguments(["one"])
        .outcome()?
        .prints("main ['one']\n")?;
    let suffix = if targets::is_windows(target) {
        ".exe"
    } else {
        ""
    };
    for (name, expected) in [
        ("one", "one ['two'] __main__\n"),
        ("child", "child ['two']\n"),
        ("other", "main ['two']\n"),
    ] {
        let path = place.path().join(format!("{name}{suffix}"));
        fs::hard_link(&app, &path)?;
        Run::new(&path)
            .arguments(["two"])
            .outcome()?
            .prints(expected)?;
    }
    Ok(())
}

fn refused() -> Result {
    let place = tools::scratch()?;
    let tree = place.path().join("resources");
    resources(&tree)?;
    let app = place.path().join("app");
    for (options, expected) in [
        (
            ["one=one", "one=main"],
            "two entry points have the name `one`",
        ),
        (["one=one", "two=absent"], "absent"),
        (["one=one", "two=absent:main"], "absent"),
        (["one=one", "two"], "NAME=VALUE"),
        (["one=one", "two=both:"], "both:"),
    ] {
        let options = options.iter().flat_map(|value| ["--entry-point", value]);
        let package = Package::new(&tree).options(options);
        let output = package.command(&app)?.output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        check(
            !output.status.success() && said.contains(expected) && !app.exists(),
            || format!("{expected}: {said}"),
        )?;
    }
    Ok(())
}
