//! The interpreter to compare with: `oxidize-plain-python`, laid out as an installed Python with
//! the standard library of the same distribution around it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::tools::GNU;
use crate::{Result, fail, targets, tools};

use oxidize_python::{HEADERS, LIBRARY, PROGRAM};

/// The program of an installed Python for this target.
pub fn python(target: &str) -> Result<PathBuf> {
    static PYTHONS: Mutex<BTreeMap<String, Result<PathBuf>>> = Mutex::new(BTreeMap::new());
    let mut pythons = PYTHONS.lock().unwrap_or_else(PoisonError::into_inner);
    pythons
        .entry(target.to_owned())
        .or_insert_with(|| {
            let place = if targets::is_windows(target) {
                "python.exe"
            } else {
                PROGRAM
            };
            put_program(&prefix(target)?.join(place), &tools::plain_python(target)?)
        })
        .clone()
}

/// The host's, with CPython's test package beside the standard library, as an installed Python has
/// it.
pub fn python_with_tests() -> Result<PathBuf> {
    static PYTHON: OnceLock<Result<PathBuf>> = OnceLock::new();
    PYTHON
        .get_or_init(|| {
            let prefix = unpacked("tested", &["stdlib", GNU, "tests"])?;
            put_program(&prefix.join(PROGRAM), &tools::plain_python(GNU)?)
        })
        .clone()
}

fn put_program(python: &Path, program: &Path) -> Result<PathBuf> {
    let directory = python.parent().unwrap_or(python);
    std::fs::create_dir_all(directory)?;
    // Another test may run the old one: replace, do not overwrite.
    let fresh = directory.join(format!(".python-{}", std::process::id()));
    tools::copy_program(program, &fresh)?;
    std::fs::rename(fresh, python)?;
    Ok(python.to_owned())
}

/// The directory with the standard library, common part and the target's.
fn prefix(target: &str) -> Result<PathBuf> {
    let prefix = unpacked(&format!("stdlib-{target}"), &["stdlib", target])?;
    if targets::is_windows(target) {
        // Where Python looks for it there. A concurrent test may have been faster.
        let _ = std::fs::rename(prefix.join(LIBRARY), prefix.join("Lib"));
        std::fs::create_dir_all(prefix.join("DLLs"))?;
    }
    Ok(prefix)
}

/// A directory that holds CPython's package `test` and nothing else.
pub fn test_suite() -> Result<PathBuf> {
    Ok(unpacked("tests", &["tests"])?.join(LIBRARY))
}

/// The directory of CPython's headers for the host's target.
pub fn headers() -> Result<PathBuf> {
    Ok(unpacked("headers", &["stdlib", GNU])?.join(HEADERS))
}

/// The `python/install/lib` of these archives (`include` for `headers`), unpacked once for each
/// content.
fn unpacked(name: &str, parts: &[&str]) -> Result<PathBuf> {
    let mut stamp = name.to_owned();
    for part in parts {
        let described = std::fs::metadata(archive(part)?)?;
        let modified = described
            .modified()?
            .duration_since(std::time::UNIX_EPOCH)?;
        stamp.push_str(&format!("-{}-{}", described.len(), modified.as_nanos()));
    }
    let place = tools::cache("python")?.join(stamp);
    if !place.is_dir() {
        let fresh = tempfile::tempdir_in(tools::cache("python")?)?;
        for part in parts {
            // Of the test archive the package `test`: the tests of IDLE would hide IDLE.
            let below = match *part {
                "tests" => Path::new(LIBRARY).join("test"),
                _ if name == "headers" => "include".into(),
                _ => "lib".into(),
            };
            unpack(&archive(part)?, &below, fresh.path())?;
        }
        // getpath complains on standard error where this directory is not.
        std::fs::create_dir_all(fresh.path().join(LIBRARY).join("lib-dynload"))?;
        // A concurrent test may have been faster; its directory is as good.
        if let Err(error) = std::fs::rename(fresh.path(), &place)
            && !place.is_dir()
        {
            return Err(error.into());
        }
    }
    Ok(place)
}

/// Unpacks what lies at `below` in an archive's `python/install`.
fn unpack(archive: &Path, below: &Path, prefix: &Path) -> Result {
    let mut archive = tar::Archive::new(zstd::Decoder::new(std::fs::File::open(archive)?)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Ok(path) = path.strip_prefix("python/install") else {
            continue;
        };
        if path.starts_with(below) {
            let path = prefix.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(prefix))?;
            entry.unpack(path)?;
        }
    }
    Ok(())
}

fn archive(part: &str) -> Result<PathBuf> {
    let name = format!("cpython-{}-{part}.tar.zst", oxidize_python::VERSION);
    let directory = std::env::var_os("OXIDIZE_TEST_DISTRIBUTIONS").map_or_else(
        || tools::checkout().join("prebuilt/distributions"),
        PathBuf::from,
    );
    let path = directory.join(&name);
    if path.is_file() {
        Ok(path)
    } else {
        fail(format!("{} is not there", path.display()))
    }
}

/// Text in which the paths of a packaged program and of the same program on disk have become equal.
pub fn without_paths(text: &str, program: &Path, resources: &Path, target: &str) -> Result<String> {
    let path = |path: &Path| match path.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => fail(format!("{} is not UTF-8", path.display())),
    };
    if targets::is_windows(target) {
        // wine's drive Z is the root directory. Python's `repr` doubles backslashes.
        let library = prefix(target)?.join("Lib");
        let mut text = text.to_owned();
        for (place, name) in [
            (format!("Z:{}", path(resources)?), "RESOURCES"),
            ("C:/~oxidize/app".to_owned(), "RESOURCES"),
            (format!("Z:{}", path(&library)?), "STDLIB"),
            ("C:/~oxidize/Lib".to_owned(), "STDLIB"),
            (format!("Z:{}", path(program)?), "PROGRAM"),
        ] {
            for separator in ["\\\\", "\\", "/"] {
                text = text.replace(&place.replace('/', separator), name);
            }
        }
        return Ok(text);
    }
    Ok(text
        .replace(&path(resources)?, "RESOURCES")
        .replace("/~oxidize/app", "RESOURCES")
        .replace(&path(&prefix(target)?.join(LIBRARY))?, "STDLIB")
        .replace(oxidize_python::VIRTUAL_LIBRARY, "STDLIB")
        .replace(&path(program)?, "PROGRAM"))
}
