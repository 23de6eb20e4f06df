//! Packages from PyPI for the host's Python: other people's readers.

#![allow(unreachable_pub)] // a part of several tests

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// A directory for `PYTHONPATH` with these packages, called `name`, installed once for all runs.
/// They are pinned, so that a red test is never another release's doing.
///
/// # Errors
/// Why they cannot be installed.
pub fn packages(name: &str, wanted: &[&str]) -> Result<PathBuf, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (place, stamp) = (kept.join(name), kept.join(format!("{name}.txt")));
    let list = wanted.join("\n");
    if place.is_dir() && fs::read_to_string(&stamp).is_ok_and(|had| had == list) {
        return Ok(place);
    }
    let fresh = tempfile::tempdir_in(kept).map_err(|error| error.to_string())?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip.args(["--disable-pip-version-check", "--target"]);
    let directory = fresh.path().join(name);
    let output = pip.arg(&directory).args(wanted).output();
    let output = output.map_err(|error| format!("python3: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("packages from PyPI: {said}"));
    }
    let _ = fs::remove_dir_all(&place);
    let kept = fs::rename(&directory, &place).and_then(|()| fs::write(&stamp, list));
    kept.map(|()| place).map_err(|error| error.to_string())
}
