//! Deterministic `.tar.zst`: sorted names, no owner, no time, one compressor setting.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// zstd level; 19 is the highest that needs no larger window at decompression.
const LEVEL: i32 = 19;
/// Base-2 logarithm of the window in bytes: 32 MiB, which is also what unpacking needs of memory.
const WINDOW_LOG: u32 = 25;

/// Packs everything under `root`, with names relative to it, into `archive`. Directories have no
/// entries of their own.
pub(crate) fn pack(root: &Path, archive: &Path) -> Result<()> {
    let mut files = Vec::new();
    list(root, root, &mut files)?;
    files.sort();
    let partial = archive.with_extension("part");
    let file = BufWriter::new(
        File::create(&partial).with_context(|| format!("cannot write {}", partial.display()))?,
    );
    let mut encoder = zstd::Encoder::new(file, LEVEL)?;
    // A longer window finds the same code again in another library.
    encoder.window_log(WINDOW_LOG)?;
    encoder.long_distance_matching(true)?;
    encoder.include_checksum(true)?;
    let mut tar = tar::Builder::new(encoder);
    for name in &files {
        let path = root.join(name);
        let metadata = path.metadata()?;
        let mut header = tar::Header::new_ustar();
        header.set_size(metadata.len());
        header.set_mode(if is_executable(&metadata) {
            0o755
        } else {
            0o644
        });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, name, File::open(&path)?)
            .with_context(|| format!("cannot pack {}", path.display()))?;
    }
    let encoder = tar.into_inner()?;
    encoder.finish()?.flush()?;
    std::fs::rename(&partial, archive)?;
    eprintln!(
        "   packed {} files into {} ({} bytes)",
        files.len(),
        archive.display(),
        archive.metadata()?.len()
    );
    Ok(())
}

/// Unpacks a `.tar.zst`.
pub(crate) fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let mut decoder = zstd::Decoder::new(file)?;
    decoder.window_log_max(WINDOW_LOG)?;
    tar::Archive::new(decoder)
        .unpack(into)
        .with_context(|| format!("cannot unpack {}", archive.display()))
}

fn list(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, files)?;
        } else {
            files.push(path.strip_prefix(root)?.to_owned());
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_bytes_whatever_the_order_and_time_of_writing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut packed = Vec::new();
        for (run, names) in [["b/one", "a"], ["a", "b/one"]].iter().enumerate() {
            let root = folder.path().join(format!("tree{run}"));
            for name in names {
                let path = root.join(name);
                std::fs::create_dir_all(path.parent().context("parent")?)?;
                std::fs::write(path, name)?;
            }
            let archive = folder.path().join(format!("{run}.tar.zst"));
            pack(&root, &archive)?;
            packed.push(std::fs::read(&archive)?);
            unpack(&archive, &folder.path().join(format!("out{run}")))?;
        }
        assert_eq!(packed[0], packed[1]);
        assert_eq!(std::fs::read(folder.path().join("out0/b/one"))?, b"b/one");
        Ok(())
    }
}
