//! The archives that all targets share: the standard library with the common headers, and apart
//! from it the tests.

use crate::fetch::Fetcher;
use crate::lock::archive_name;
use crate::pack;
use crate::recipe::{CPYTHON, Recipes};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Packages that only serve CPython's own test suite, relative to `Lib`.
const TEST_PACKAGES: &[&str] = &["test", "idlelib/idle_test"];

/// Left out of both: no source of a module, or written by an interpreter.
fn is_dropped(name: &str) -> bool {
    name == "__pycache__" || name == ".gitignore"
}

/// Writes `cpython-VERSION-stdlib.tar.zst` and `cpython-VERSION-tests.tar.zst` into `out`.
pub(crate) fn build(
    recipes: &Recipes,
    fetcher: &Fetcher<'_>,
    work: &Path,
    out: &Path,
) -> Result<[PathBuf; 2]> {
    let python = &recipes.cpython.python;
    eprintln!("== standard library of CPython {}", python.version);
    let source = fetcher.unpack(CPYTHON, &work.join("src"))?;
    let dist = work.join("dist");
    if dist.is_dir() {
        std::fs::remove_dir_all(&dist)?;
    }
    let within = format!("python/install/lib/python{}", python.short());
    let (stdlib, tests) = (dist.join("stdlib"), dist.join("tests"));
    copy(
        &source.join("Lib"),
        Path::new(""),
        &stdlib.join(&within),
        &tests.join(&within),
    )?;
    let headers = stdlib.join(format!("python/install/include/python{}", python.short()));
    copy(&source.join("Include"), Path::new(""), &headers, &headers)?;
    std::fs::create_dir_all(out)?;
    let mut archives = Vec::new();
    for (part, root) in [("stdlib", &stdlib), ("tests", &tests)] {
        let archive = out.join(archive_name(&python.version, part));
        pack::pack(root, &archive)?;
        archives.push(archive);
    }
    Ok([archives.remove(0), archives.remove(0)])
}

fn copy(root: &Path, relative: &Path, stdlib: &Path, tests: &Path) -> Result<()> {
    for entry in std::fs::read_dir(root.join(relative))? {
        let entry = entry?;
        let name = entry.file_name();
        if is_dropped(&name.to_string_lossy()) {
            continue;
        }
        let relative = relative.join(&name);
        if entry.path().is_dir() {
            copy(root, &relative, stdlib, tests)?;
        } else {
            let is_test = TEST_PACKAGES
                .iter()
                .any(|package| relative.starts_with(package));
            let to = if is_test { tests } else { stdlib }.join(&relative);
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
