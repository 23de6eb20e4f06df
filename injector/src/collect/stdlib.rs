//! The standard library that belongs to a stub, read from its archive.
//!
//! The archive (`.tar.zst`) is unpacked once into the cache, as a plain tar file: that is one file
//! to map, and every member is a slice of the mapping.

use std::io::{self, BufReader, Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::CollectError;
use crate::cache::{self, Cache, Entry, Key};
use crate::mmap::Map;
use crate::regular;

/// The directory of the standard library, behind which the version and a slash follow.
const LIB: &str = "python/install/lib/python";
const LICENSES: &str = "python/licenses/";

/// An unpacked archive.
#[derive(Debug)]
pub struct Archive {
    tar: Arc<Entry>,
    members: Vec<Member>,
    digest: [u8; 32],
}

/// A file in an archive.
#[derive(Debug, Clone)]
pub struct Member {
    /// Path relative to the archive's part that was asked for.
    pub path: String,
    start: usize,
    end: usize,
}

impl Archive {
    /// Opens an archive, unpacking it into the cache when it is not there yet.
    ///
    /// # Errors
    /// The archive cannot be read, is malformed, or cannot be unpacked into the cache.
    pub fn open(cache: &Cache, path: &Path) -> Result<Archive, CollectError> {
        let io = |source| CollectError::Io {
            path: path.to_owned(),
            source,
        };
        let digest = cache::fingerprint(&Map::open(path).map_err(io)?);
        let key = Key::of(&[b"archive 2", &digest]);
        let unpack = |out: &mut dyn io::Write| unpack(path, out);
        let tar = cache.keep("archives", &key, unpack).map_err(io)?;
        let members = members(&tar).map_err(|error| archive_error(path, &error.to_string()))?;
        Ok(Archive {
            tar: Arc::new(tar),
            members,
            digest,
        })
    }

    /// Fingerprint of the packed archive.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The files of the standard library in it, paths relative to the library's directory.
    pub fn library(&self) -> impl Iterator<Item = Member> {
        self.below(in_library)
    }

    /// The licence texts in it.
    pub fn licenses(&self) -> impl Iterator<Item = Member> {
        self.below(in_licenses)
    }

    fn below(&self, part: fn(&str) -> Option<&str>) -> impl Iterator<Item = Member> {
        self.members.iter().filter_map(move |member| {
            let path = part(&member.path)?.to_owned();
            Some(Member { path, ..*member })
        })
    }

    /// The bytes of a member of this archive.
    #[must_use]
    pub fn bytes(&self, member: &Member) -> &[u8] {
        &self.tar[member.start..member.end]
    }
}

/// The path of a member below the standard library's directory.
fn in_library(path: &str) -> Option<&str> {
    let (version, path) = path.strip_prefix(LIB)?.split_once('/')?;
    let is_version = version.split('.').all(|part| part.parse::<u32>().is_ok());
    is_version.then_some(path)
}

/// The path of a member below the directory of the licences.
fn in_licenses(path: &str) -> Option<&str> {
    path.strip_prefix(LICENSES)
}

/// How much an archive may hold, in bytes; those of this version hold a tenth. zstd itself bounds
/// its window to 128 MiB.
const LARGEST: u64 = 1 << 30;

/// Writes a tar file with those members that are ever asked for: the libraries a target's archive
/// is made of are not.
fn unpack(path: &Path, out: &mut dyn io::Write) -> io::Result<()> {
    let packed = BufReader::with_capacity(1 << 20, regular::open(path)?);
    let packed = zstd::Decoder::with_buffer(packed)?.take(LARGEST + 1);
    let mut packed = tar::Archive::new(packed);
    let mut unpacked = tar::Builder::new(out);
    for entry in packed.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        let text = name.to_str().unwrap_or_default();
        if entry.header().entry_type().is_file()
            && (in_library(text).is_some() || in_licenses(text).is_some())
        {
            let mut header = tar::Header::new_gnu();
            header.set_size(entry.size());
            header.set_mode(0o644);
            unpacked.append_data(&mut header, &name, &mut entry)?;
        }
    }
    // The rest is read too, so that a damaged end is noticed.
    let mut packed = packed.into_inner();
    io::copy(&mut packed, &mut io::sink())?;
    if packed.limit() == 0 {
        return Err(io::Error::other("it holds more than 1 GiB"));
    }
    unpacked.into_inner()?.flush()
}

fn archive_error(path: &Path, problem: &str) -> CollectError {
    CollectError::Archive {
        path: PathBuf::from(path),
        problem: problem.to_owned(),
    }
}

fn members(tar: &[u8]) -> io::Result<Vec<Member>> {
    let mut members = Vec::new();
    for entry in tar::Archive::new(Cursor::new(tar)).entries_with_seek()? {
        let entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry
            .path()?
            .to_str()
            .ok_or(io::Error::other("a name in it is not UTF-8"))?
            .to_owned();
        let start = usize::try_from(entry.raw_file_position()).map_err(io::Error::other)?;
        let size = usize::try_from(entry.size()).map_err(io::Error::other)?;
        let end = start.checked_add(size).filter(|end| *end <= tar.len());
        let end = end.ok_or(io::Error::other(format!("`{path}` is cut off")))?;
        members.push(Member { path, start, end });
    }
    members.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(members)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn archive(dir: &Path) -> PathBuf {
        let path = dir.join("stdlib.tar.zst");
        let packed = zstd::Encoder::new(File::create(&path).unwrap(), 3)
            .unwrap()
            .auto_finish();
        let mut tar = tar::Builder::new(packed);
        for (name, content) in [
            (&*format!("{LIB}3.9/os.py"), "import abc\n"),
            (&*format!("{LIB}3.9/json/__init__.py"), ""),
            ("python/licenses/cpython.txt", "PSF"),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, content.as_bytes())
                .unwrap();
        }
        tar.finish().unwrap();
        path
    }

    #[test]
    fn members_are_found_by_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache")).unwrap();
        let path = archive(dir.path());
        for _ in 0..2 {
            let archive = Archive::open(&cache, &path).unwrap();
            let library: Vec<_> = archive
                .library()
                .map(|m| (archive.bytes(&m).len(), m.path))
                .collect();
            assert_eq!(
                library,
                [(0, "json/__init__.py".to_owned()), (11, "os.py".to_owned())]
            );
            let licenses: Vec<_> = archive.licenses().map(|m| archive.bytes(&m)).collect();
            assert_eq!(licenses, [b"PSF"]);
        }
    }

    #[test]
    fn a_damaged_archive_is_an_error_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache")).unwrap();
        let path = archive(dir.path());
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
        let error = Archive::open(&cache, &path).unwrap_err();
        assert!(error.to_string().contains("stdlib.tar.zst"));
    }
}
