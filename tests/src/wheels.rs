//! Packages from PyPI: pinned versions with hashes, fetched by the host's pip, kept under the
//! target directory.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::{Result, fail, missing, tools};

/// `pip install --target` of `apps/NAME.requirements.txt`, for the packaged CPython on the oldest
/// glibc we support. Needs the network the first time.
pub fn installed(name: &str) -> Result<PathBuf> {
    installed_for(
        name,
        &["manylinux_2_28_x86_64", "manylinux2014_x86_64", "any"],
    )
}

/// The same for the platform tags of another system.
pub fn installed_for(name: &str, platforms: &[&str]) -> Result<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let requirements = tools::here()
        .join("apps")
        .join(format!("{name}.requirements.txt"));
    let wanted = std::fs::read_to_string(&requirements)?;
    let place = tools::cache("wheels")?.join(name);
    let stamp = tools::cache("wheels")?.join(format!("{name}.requirements.txt"));
    if std::fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(place);
    }
    // pip would compare with its own Python what a wheel requires.
    let python = tools::host_tool("python3")?;
    let fresh = tempfile::tempdir_in(tools::cache("wheels")?)?;
    let directory = fresh.path().join(name);
    let output = Command::new(python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-compile",
            "--no-deps",
            "--ignore-requires-python",
        ])
        .args([
            "--require-hashes",
            "--only-binary=:all:",
            "--implementation=cp",
            &format!("--python-version={}", oxidize_python::MINOR_VERSION),
        ])
        .args(platforms.iter().map(|tag| format!("--platform={tag}")))
        .arg("--target")
        .arg(&directory)
        .arg("--requirement")
        .arg(&requirements)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("hash") && said.contains("MATCH") {
            return fail(said.into_owned());
        }
        return missing(format!("packages from PyPI: {}", said.trim()));
    }
    if place.exists() {
        std::fs::remove_file(&stamp).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        std::fs::remove_dir_all(&place)?;
    }
    std::fs::rename(&directory, &place)?;
    std::fs::write(&stamp, wanted)?;
    Ok(place)
}
