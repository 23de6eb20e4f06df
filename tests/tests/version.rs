//! Which CPython is packaged is said by the lock and its recipe alone.

use std::fs;
use std::path::{Path, PathBuf};

use oxidize_python::{MINOR_VERSION, TAG, VERSION, VERSION_HEX};
use oxidize_tests::tools;

fn sources(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// Code without comments and unit tests, whose examples are of some version.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn no_code_says_which_python_is_packaged() {
    let checkout = tools::checkout();
    let hex = format!("0x{VERSION_HEX:08x}");
    let mut files = Vec::new();
    for crate_ in [
        "python", "format", "stubs", "injector", "prebuilt", "benches", "tests",
    ] {
        sources(&checkout.join(crate_).join("src"), &mut files);
    }
    sources(&checkout.join("stubs/src"), &mut files);
    files.push(checkout.join("stubs/build.rs"));
    assert!(files.len() > 200, "the sources have moved");
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| !file.ends_with("tests.rs") && !file.ends_with("stage_tests.rs"))
    {
        let text = fs::read_to_string(file).unwrap();
        for (number, line) in code(&text) {
            let plain = line.replace('_', "");
            let says = names_version(line)
                || line.contains(&format!("cp{TAG}"))
                || line.contains(&format!("python{TAG}"))
                || line.contains(&format!("\"{TAG}\""))
                || plain.contains(&hex);
            if says {
                found.push(format!("{}:{}: {line}", file.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whether the version stands there, and not as a part of other numbers (an object identifier).
fn names_version(line: &str) -> bool {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    line.match_indices(MINOR_VERSION).any(|(at, version)| {
        let (before, behind) = (&line[..at], &line[at + version.len()..]);
        !before.ends_with(is_number) && !behind.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// What pyo3-ffi is told has to be a file of its own.
#[test]
fn the_configuration_of_pyo3_names_the_same_version() {
    let path = tools::checkout().join("prebuilt/generated/pyo3-ffi.config");
    let text = fs::read_to_string(path).unwrap();
    let line = format!("version={MINOR_VERSION}");
    assert!(text.lines().any(|one| one == line), "{text}");
    assert!(VERSION.starts_with(MINOR_VERSION));
}
