//! Packages from PyPI for the host's Python: other people's tools, installed once below the target
//! directory.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::{Result, missing, tools};

/// A folder for `PYTHONPATH` with these packages (pinned, so that a red test is never another
/// release's doing), called `name`. Needs the network the first time.
pub fn packages(name: &str, wanted: &[&str]) -> Result<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = tools::cache("python")?;
    let (place, stamp) = (kept.join(name), kept.join(format!("{name}.txt")));
    let list = wanted.join("\n");
    if place.is_dir() && std::fs::read_to_string(&stamp).is_ok_and(|had| had == list) {
        return Ok(place);
    }
    let fresh = tempfile::tempdir_in(&kept)?;
    let directory = fresh.path().join(name);
    let output = Command::new(tools::host_tool("python3")?)
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--target"])
        .arg(&directory)
        .args(wanted)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return missing(format!("packages from PyPI: {}", said.trim()));
    }
    if place.exists() {
        std::fs::remove_dir_all(&place)?;
    }
    std::fs::rename(&directory, &place)?;
    std::fs::write(&stamp, list)?;
    Ok(place)
}
