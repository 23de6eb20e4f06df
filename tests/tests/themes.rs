//! What users of earlier packagers asked for and complained about: the table in
//! tests/THEMES.md names a test for each, and these are the tests that no other suite has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use object::Object;
use oxidize_tests::package::{App, Package};
use oxidize_tests::run::Run;
use oxidize_tests::targets::{ARM_GNU, WINDOWS};
use oxidize_tests::tools::{self, GNU};
use oxidize_tests::{Result, check, trial};

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("the_table_names_tests", table),
        trial("packages_with_nothing_installed", nothing_installed),
        trial("programs_need_an_old_system_only", needs_of_programs),
        trial("programs_are_small", sizes),
    ])
}

/// Each line has a test that exists, or says why there is none.
fn table() -> Result {
    let text = fs::read_to_string(tools::here().join("THEMES.md"))?;
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").collect())
        .filter(|cells: &Vec<&str>| cells[0].parse::<u32>().is_ok())
        .collect();
    let numbers: Vec<u32> = rows
        .iter()
        .filter_map(|cells| cells[0].parse().ok())
        .collect();
    check(numbers == (1..=31).collect::<Vec<u32>>(), || {
        format!("{numbers:?}")
    })?;
    for cells in rows {
        let tests: Vec<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        check(!tests.is_empty() || cells[2].starts_with("none: "), || {
            cells.join(" | ")
        })?;
        for test in tests {
            check(exists(test), || {
                format!("theme {}: no test `{test}`", cells[0])
            })?;
        }
    }
    Ok(())
}

/// Whether there is a test of this name, which is written as `SUITE NAME`.
fn exists(test: &str) -> bool {
    let Some((suite, name)) = test.split_once(' ') else {
        return false;
    };
    let here = tools::here();
    if suite == "oxidize-trial" {
        return here.join("programs").join(format!("{name}.py")).is_file();
    }
    if suite == "apps" {
        let (app, case) = name.split_once("::").unwrap_or((name, "__main__"));
        let app = here.join("apps").join(app);
        let file = format!("{case}.py");
        return app.join(&file).is_file() || app.join("cases").join(file).is_file();
    }
    let injector = tools::checkout().join("injector/tests");
    let places = [
        here.join(format!("tests/{suite}.rs")),
        here.join(format!("tests/{suite}/main.rs")),
        injector.join(format!("{suite}.rs")),
    ];
    let text = places
        .iter()
        .find_map(|place| fs::read_to_string(place).ok());
    text.is_some_and(|text| {
        [
            format!("\"{name}\""),
            format!("::{name}\""),
            format!("fn {name}("),
        ]
        .iter()
        .any(|form| text.contains(form.as_str()))
    })
}

fn hello(target: &str) -> Result<App> {
    Package::new(tools::checkout().join("examples/hello"))
        .target(target)
        .shared()
}

fn greets(program: &Path) -> Result {
    let outcome = Run::new(program).outcome()?.success()?;
    check(outcome.stdout.starts_with("Hello from Python"), || {
        outcome.to_string()
    })
}

/// Neither a compiler nor a linker nor a Python: an empty `PATH`, and nothing of the user's.
fn nothing_installed() -> Result {
    let place = tools::scratch()?;
    for target in [GNU, WINDOWS, "aarch64-apple-darwin"] {
        let output = place.path().join(target);
        let done = Package::new(tools::checkout().join("examples/hello"))
            .target(target)
            .command(&output)?
            .env_clear()
            .env("PATH", "")
            .env("HOME", place.path())
            .output()?;
        check(done.status.success() && output.is_file(), || {
            format!("{target}: {}", String::from_utf8_lossy(&done.stderr))
        })?;
    }
    greets(&place.path().join(GNU))
}

/// What must be there on the machine of a user: glibc 2.17, and libraries that are part of Windows.
fn needs_of_programs() -> Result {
    for target in [GNU, ARM_GNU] {
        let bytes = fs::read(hello(target)?.path())?;
        let elf = goblin::elf::Elf::parse(&bytes)?;
        let needs = elf.verneed.as_ref();
        let names: Vec<&str> = needs
            .iter()
            .flat_map(|needs| needs.iter())
            .flat_map(|need| need.iter().collect::<Vec<_>>())
            .filter_map(|version| elf.dynstrtab.get_at(version.vna_name))
            .collect();
        let newer = |name: &&&str| {
            let version = name.strip_prefix("GLIBC_2.");
            let minor = version.and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
            minor.is_some_and(|minor| minor > 17)
        };
        check(
            names.len() > 1 && !names.iter().any(|name| newer(&name)),
            || format!("{target}: {names:?}"),
        )?;
    }
    let bytes = fs::read(hello(WINDOWS)?.path())?;
    let file = object::File::parse(&*bytes)?;
    let libraries: BTreeSet<String> = file
        .imports()?
        .map(|import| Ok(String::from_utf8_lossy(import?.library()).to_ascii_lowercase()))
        .collect::<Result<_>>()?;
    // Windows 10 has the C runtime; the one of Visual C++ it has not.
    let foreign = |library: &&String| {
        let names = ["vcruntime", "msvcp", "python", "lib"];
        names.iter().any(|name| library.starts_with(name))
    };
    check(
        libraries.contains("kernel32.dll") && !libraries.iter().any(|one| foreign(&one)),
        || format!("{libraries:?}"),
    )
}

/// The figures of docs/size.md are no accident: the interpreter, its libraries and the whole
/// standard library.
fn sizes() -> Result {
    const MIB: u64 = 1 << 20;
    let whole = fs::metadata(hello(GNU)?.path())?.len();
    let small = Package::new(tools::checkout().join("examples/hello"))
        .options(["--compress", "--no-source", "--stdlib", "used"])
        .shared()?;
    greets(small.path())?;
    let small = fs::metadata(small.path())?.len();
    check(whole < 31 * MIB && small < 27 * MIB, || {
        format!("{whole} and {small} bytes")
    })
}
