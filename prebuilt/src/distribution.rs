//! Putting a target's distribution together: libraries, link kit, headers, configuration, licences,
//! PYTHON.json.

use crate::lock::archive_name;
use crate::workspace::Workspace;
use crate::{cpython, kit, library, licences, pack, python_json, sysconfig};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Builds everything and writes `cpython-VERSION-TRIPLE.tar.zst` into `out`.
pub(crate) fn build(place: &Workspace<'_>, out: &Path) -> Result<PathBuf> {
    library::build_all(place)?;
    cpython::build(place)?;
    assemble(place, out)
}

/// The second half of [`build`]: from finished libraries to the archive.
pub(crate) fn assemble(place: &Workspace<'_>, out: &Path) -> Result<PathBuf> {
    eprintln!("== distribution");
    let python = &place.recipes.cpython.python;
    let dist = place.dist();
    if dist.is_dir() {
        std::fs::remove_dir_all(&dist)?;
    }
    let lib = dist.join("build/lib");
    std::fs::create_dir_all(&lib)?;
    for name in kit::archives(place) {
        let mut bytes = std::fs::read(place.lib().join(&name))?;
        without_times(&mut bytes).with_context(|| name.clone())?;
        std::fs::write(lib.join(&name), bytes)?;
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

    if let Some(name) = sysconfig::file_name(place) {
        let stdlib = dist.join(format!("install/lib/python{}", python.short()));
        std::fs::create_dir_all(&stdlib)?;
        let variables = sysconfig::variables(place)?;
        std::fs::write(stdlib.join(name), sysconfig::module(&variables))?;
    }

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

/// Sets time, user and group of every member of a static library to 0. `ar` does so itself unless a
/// build system knows better: ncurses' does.
///
/// The format: 8 bytes of magic, then members, each a header of 60 bytes in ASCII (name 16, time
/// 12, user 6, group 6, mode 8, size 10, end mark 2) and its data, padded to an even length.
fn without_times(archive: &mut [u8]) -> Result<()> {
    let mut at = 8;
    if !archive.starts_with(b"!<arch>\n") {
        bail!("not a static library");
    }
    while let Some(header) = archive.get_mut(at..at + 60) {
        if !header.ends_with(b"`\n") {
            bail!("no member header at {at}");
        }
        header[16..28].copy_from_slice(b"0           ");
        header[28..34].copy_from_slice(b"0     ");
        header[34..40].copy_from_slice(b"0     ");
        let size: usize = std::str::from_utf8(&header[48..58])?.trim().parse()?;
        at += 60 + size + size % 2;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lose_their_times() -> Result<()> {
        let member = |time: &str, owner: &str| {
            format!(
                "{:16}{time:12}{owner:6}{owner:6}{:8}{:10}`\nabc\n",
                "a.o/", "100644", "3"
            )
        };
        let mut bytes = format!("!<arch>\n{0}{0}", member("1795353597", "1000")).into_bytes();
        without_times(&mut bytes)?;
        assert_eq!(
            String::from_utf8(bytes)?,
            format!("!<arch>\n{0}{0}", member("0", "0"))
        );
        assert!(without_times(&mut b"!<thin>\n".to_vec()).is_err());
        Ok(())
    }
}
