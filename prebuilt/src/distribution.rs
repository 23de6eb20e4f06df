//! Putting a target's distribution together: libraries, link kit, headers, configuration, licences, PYTHON.json.

use crate::workplace::Workplace;
use crate::{cpython, kit, library, licences, pack, python_json, sysconfig};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Builds everything and writes `cpython-VERSION-TRIPLE.tar.zst` into `out`.
pub fn build(place: &Workplace<'_>, out: &Path) -> Result<PathBuf> {
    library::build_all(place)?;
    cpython::build(place)?;
    assemble(place, out)
}

/// The second half of [`build`]: from finished libraries to the archive.
pub fn assemble(place: &Workplace<'_>, out: &Path) -> Result<PathBuf> {
    eprintln!("== distribution");
    let python = &place.recipes.cpython.python;
    let dist = place.dist();
    if dist.is_dir() {
        std::fs::remove_dir_all(&dist)?;
    }
    let lib = dist.join("build/lib");
    std::fs::create_dir_all(&lib)?;
    for name in kit::archives(place) {
        std::fs::copy(place.lib().join(&name), lib.join(&name))?;
    }
    std::fs::copy(
        place.work.join("generated/config.c"),
        dist.join("build/config.c"),
    )?;
    kit::write(place)?;

    let include = dist.join(format!("install/include/python{}", python.short()));
    std::fs::create_dir_all(&include)?;
    let generated = place.recipes.generated().join(&place.target.triple);
    std::fs::copy(generated.join("pyconfig.h"), include.join("pyconfig.h"))?;

    let stdlib = dist.join(format!("install/lib/python{}", python.short()));
    std::fs::create_dir_all(&stdlib)?;
    let variables = sysconfig::variables(place)?;
    std::fs::write(
        stdlib.join(sysconfig::file_name(place)),
        sysconfig::module(&variables),
    )?;

    licences::write(place)?;
    let document = python_json::document(place)?;
    std::fs::write(
        dist.join("PYTHON.json"),
        serde_json::to_string_pretty(&document)? + "\n",
    )?;

    std::fs::create_dir_all(out)?;
    let archive = out.join(archive_name(&python.version, &place.target.triple));
    pack::pack(&place.work.join("dist"), &archive)?;
    Ok(archive)
}

/// `cpython-3.13.15-x86_64-unknown-linux-gnu.tar.zst`; also for `stdlib` and `tests`.
pub fn archive_name(version: &str, part: &str) -> String {
    format!("cpython-{version}-{part}.tar.zst")
}
