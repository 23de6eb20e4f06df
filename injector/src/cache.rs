//! The cache: things that are slow to make and that anyone who needs them again would make byte for byte the same.
//!
//! An entry is a file named after everything that determines its contents. It is written to a temporary file and renamed, so
//! two processes at once do not harm each other: the later rename puts the same bytes in the same place. The first 32 bytes
//! are a digest of the rest; an entry that does not match (a machine that lost power, a disk that was full) is as good as
//! absent. Losing the cache costs time and nothing else, so a cache that cannot be written is a temporary directory instead.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use oxidize_format::digest;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};

use crate::mmap::Map;

const DIGEST: usize = 32;

/// A directory of entries.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    /// Deletes a temporary cache at the end.
    _temporary: Option<TempDir>,
}

impl Cache {
    /// Opens the user's cache: `OXIDIZE_CACHE_DIR`, else `oxidize-inject` in the system's cache directory.
    pub fn open() -> io::Result<Cache> {
        if let Some(root) = default_root()
            && fs::create_dir_all(&root).is_ok()
            && NamedTempFile::new_in(&root).is_ok()
        {
            return Ok(Cache {
                root,
                _temporary: None,
            });
        }
        let temporary = tempfile::Builder::new()
            .prefix("oxidize-inject-cache-")
            .tempdir()?;
        Ok(Cache {
            root: temporary.path().to_owned(),
            _temporary: Some(temporary),
        })
    }

    /// A cache in this directory.
    pub fn at(root: &Path) -> io::Result<Cache> {
        fs::create_dir_all(root)?;
        Ok(Cache {
            root: root.to_owned(),
            _temporary: None,
        })
    }

    /// Where the cache is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, kind: &str, key: &Key) -> PathBuf {
        let name = key.to_string();
        self.root.join(kind).join(&name[..2]).join(&name[2..])
    }

    /// The entry, if it is there and whole.
    #[must_use]
    pub fn load(&self, kind: &str, key: &Key) -> Option<Entry> {
        let entry = Entry(Map::open(&self.path(kind, key)).ok()?);
        let (digest, content) = entry.0.split_at_checked(DIGEST)?;
        (fingerprint(content)[..] == *digest).then_some(entry)
    }

    /// Writes an entry. `fill` is called once and writes the content.
    pub fn store<E: From<io::Error>>(
        &self,
        kind: &str,
        key: &Key,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.path(kind, key);
        let directory = path.parent().expect("an entry lies in a directory");
        fs::create_dir_all(directory)?;
        let mut file = NamedTempFile::new_in(directory)?;
        let mut out = BufWriter::new(file.as_file_mut());
        out.write_all(&[0; DIGEST])?;
        fill(&mut out)?;
        out.flush()?;
        drop(out);
        let digest = fingerprint(&Entry(Map::of(file.as_file())?));
        file.as_file_mut().seek(SeekFrom::Start(0))?;
        file.as_file_mut().write_all(&digest)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Path of an entry that is a plain file (a program), made by `make` in a temporary place if it is not there.
    pub fn program<E: From<io::Error>>(
        &self,
        kind: &str,
        key: &Key,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let path = self.path(kind, key);
        if path.is_file() {
            return Ok(path);
        }
        let directory = path.parent().expect("an entry lies in a directory");
        fs::create_dir_all(directory)?;
        // A program must not be open for writing when it is started, hence a path and no open file.
        let scratch = tempfile::tempdir_in(directory)?;
        let unfinished = scratch.path().join("program");
        make(&unfinished)?;
        // Windows flushes only what may be written to; elsewhere nobody who starts it meanwhile shall find it open for writing.
        File::options()
            .read(true)
            .write(cfg!(windows))
            .open(&unfinished)?
            .sync_all()?;
        fs::rename(&unfinished, &path)?;
        Ok(path)
    }

    /// Path of an entry that is a directory, filled by `make` in a temporary place if it is not
    /// there.
    pub fn directory<E: From<io::Error>>(
        &self,
        kind: &str,
        key: &Key,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let path = self.path(kind, key);
        if path.is_dir() {
            return Ok(path);
        }
        let parent = path.parent().expect("an entry lies in a directory");
        fs::create_dir_all(parent)?;
        let scratch = tempfile::tempdir_in(parent)?;
        let unfinished = scratch.path().join("directory");
        fs::create_dir(&unfinished)?;
        make(&unfinished)?;
        match fs::rename(&unfinished, &path) {
            // Another process may have been faster; its directory is as good.
            Err(_) if path.is_dir() => {}
            result => result?,
        }
        Ok(path)
    }

    /// The path of an entry with this name, if it is there.
    #[must_use]
    pub fn existing(&self, kind: &str, name: &str) -> Option<PathBuf> {
        let (start, rest) = name.split_at_checked(2)?;
        let path = self.root.join(kind).join(start).join(rest);
        path.exists().then_some(path)
    }
}

fn default_root() -> Option<PathBuf> {
    let directory = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if let Some(root) = env::var_os("OXIDIZE_CACHE_DIR").filter(|root| !root.is_empty()) {
        return Some(PathBuf::from(root));
    }
    let base = if cfg!(windows) {
        directory("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        directory("HOME").map(|home| home.join("Library/Caches"))
    } else {
        directory("XDG_CACHE_HOME").or_else(|| directory("HOME").map(|home| home.join(".cache")))
    };
    base.map(|base| base.join("oxidize-inject"))
}

/// A digest of a file's content: SHA-256 of the SHA-256s of its chunks, as for blobs, because much is hashed faster that way.
#[must_use]
pub fn fingerprint(content: &[u8]) -> [u8; 32] {
    // Only the first chunk of a blob has a digest field, which would not count.
    let hashes: Vec<_> = digest::chunks(1, content).collect();
    digest::combine(&hashes)
}

/// The content of an entry, mapped.
#[derive(Debug)]
pub struct Entry(Map);

impl Deref for Entry {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[DIGEST..]
    }
}

/// The name of an entry: a digest over everything that determines its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// A key of these parts. Their number and order matter.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Key {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Key(hasher.finalize().into())
    }

    /// The digest itself, to take part in other keys.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(cache: &Cache, key: &Key, content: &[u8]) {
        cache
            .store("test", key, |out| out.write_all(content))
            .unwrap();
    }

    #[test]
    fn an_entry_comes_back_and_a_damaged_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let key = Key::of(&[b"a", b"b"]);
        assert!(cache.load("test", &key).is_none());
        put(&cache, &key, b"content");
        assert_eq!(&*cache.load("test", &key).unwrap(), b"content");
        assert!(cache.load("other", &key).is_none());
        let path = cache.path("test", &key);
        let mut bytes = fs::read(&path).unwrap();
        bytes[35] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(cache.load("test", &key).is_none());
        fs::write(&path, &bytes[..20]).unwrap();
        assert!(cache.load("test", &key).is_none());
        put(&cache, &key, b"");
        assert_eq!(&*cache.load("test", &key).unwrap(), b"");
    }

    #[test]
    fn keys_separate_their_parts() {
        assert_ne!(Key::of(&[b"ab", b"c"]), Key::of(&[b"a", b"bc"]));
        assert_eq!(Key::of(&[]).to_string().len(), 64);
    }

    #[test]
    fn a_program_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let key = Key::of(&[b"p"]);
        let make = |path: &Path| fs::write(path, "#!");
        let first = cache.program("worker", &key, make).unwrap();
        let second = cache
            .program("worker", &key, |_| Err(io::Error::other("made twice")))
            .unwrap();
        assert_eq!(first, second);
        assert_eq!(fs::read(first).unwrap(), b"#!");
    }
}
