//! The cache: things that are slow to make and that anyone who needs them again would make byte for
//! byte the same.
//!
//! An entry is a file named after everything that determines its contents. It is written to a
//! temporary file and renamed, so two processes at once do not harm each other: the later rename
//! puts the same bytes in the same place. The first 32 bytes are a digest of the rest; an entry
//! that does not match (a machine that lost power, a disk that was full) is as good as absent. A
//! program has its digest in a file beside it. Losing the cache costs time and nothing else: what
//! cannot be written is kept in memory, or in a temporary directory if it is a program.
//!
//! What is in the cache is executed, or becomes part of applications. So it is private to the user:
//! nobody else may write to its directory, and an entry that belongs to somebody else counts as
//! absent. In a directory that several users share as they share `/tmp`, each has one of their own;
//! one that others could take away is not used.
//!
//! It cleans up after itself: see [`sweep`].

mod private;
mod sweep;

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use oxidize_format::digest;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};

use crate::mmap::Map;
use crate::regular;
use crate::temporary::Scratch;

const DIGEST: usize = 32;
/// Suffix of the file with a program's digest.
const SUM: &str = "sum";

/// A directory of entries.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    /// Deletes a temporary cache at the end.
    temporary: Option<TempDir>,
    /// Where entries are made; whoever is killed leaves it, and the next one removes it.
    scratch: Scratch,
    /// Holds programs and directories that could not be kept.
    elsewhere: OnceLock<TempDir>,
    /// Whether something large was added.
    grown: AtomicBool,
    /// Whether somebody removes what is in use.
    distrusted: AtomicBool,
}

impl Cache {
    /// Opens the user's cache: `OXIDIZE_CACHE_DIR`, else `oxidize-inject` in the system's cache
    /// directory. A temporary directory where that is missing, read-only or not the user's own.
    ///
    /// # Errors
    ///
    /// Not even a temporary directory can be made.
    pub fn open() -> io::Result<Cache> {
        if let Some(root) = default_root()
            && let Ok(cache) = Cache::at(&root)
        {
            return Ok(cache);
        }
        let temporary = tempfile::Builder::new()
            .prefix("oxidize-inject-cache-")
            .tempdir()?;
        Cache::of(temporary.path().to_owned(), Some(temporary))
    }

    /// A cache in this directory.
    ///
    /// # Errors
    ///
    /// The directory cannot be made or written to, or is not private and cannot hold a private one.
    pub fn at(root: &Path) -> io::Result<Cache> {
        Cache::of(private::create(root)?, None)
    }

    fn of(root: PathBuf, temporary: Option<TempDir>) -> io::Result<Cache> {
        Ok(Cache {
            scratch: Scratch::new(&root)?,
            root,
            temporary,
            elsewhere: OnceLock::new(),
            grown: AtomicBool::new(false),
            distrusted: AtomicBool::new(false),
        })
    }

    /// Where the cache is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Hands out no more paths inside the cache, because somebody removes what is there: programs
    /// and directories are made in a temporary directory from now on.
    pub fn distrust(&self) {
        self.distrusted.store(true, Ordering::Relaxed);
    }

    fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Relaxed)
    }

    fn path(&self, kind: &str, key: &Key) -> PathBuf {
        let name = key.to_string();
        self.root.join(kind).join(&name[..2]).join(&name[2..])
    }

    /// The entry, if it is there, whole and the user's own.
    #[must_use]
    pub fn load(&self, kind: &str, key: &Key) -> Option<Entry> {
        let file = regular::open(&self.path(kind, key)).ok()?;
        if !private::is_own(&file.metadata().ok()?) {
            return None;
        }
        let map = Map::of(&file).ok()?;
        let (digest, content) = map.split_at_checked(DIGEST)?;
        if fingerprint(content)[..] != *digest {
            return None;
        }
        sweep::touch(&file);
        Some(Entry(Bytes::Mapped(map)))
    }

    /// Writes an entry. `fill` is called once and writes the content.
    ///
    /// # Errors
    ///
    /// Those of `fill`; the entry cannot be written.
    pub fn store<E: From<io::Error>>(
        &self,
        kind: &str,
        key: &Key,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.path(kind, key);
        let directory = path.parent().expect("an entry lies in a directory");
        private::make(directory)?;
        let mut file = NamedTempFile::new_in(self.scratch.path())?;
        let mut out = BufWriter::new(file.as_file_mut());
        out.write_all(&[0; DIGEST])?;
        fill(&mut out)?;
        out.flush()?;
        drop(out);
        let map = Map::of(file.as_file())?;
        let digest = fingerprint(map.get(DIGEST..).unwrap_or_default());
        drop(map);
        file.as_file_mut().seek(SeekFrom::Start(0))?;
        file.as_file_mut().write_all(&digest)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    /// The entry, made by `fill` if it is not there. Where it cannot be kept, it is in memory;
    /// `fill` may be called twice then.
    ///
    /// # Errors
    ///
    /// Those of `fill`.
    pub fn keep<E: From<io::Error>>(
        &self,
        kind: &str,
        key: &Key,
        fill: impl Fn(&mut dyn Write) -> Result<(), E>,
    ) -> Result<Entry, E> {
        if let Some(entry) = self.load(kind, key) {
            return Ok(entry);
        }
        if self.store::<E>(kind, key, &fill).is_ok()
            && let Some(entry) = self.load(kind, key)
        {
            self.grown.store(true, Ordering::Relaxed);
            return Ok(entry);
        }
        let mut content = Vec::new();
        fill(&mut content)?;
        Ok(Entry(Bytes::Held(content)))
    }

    /// Path of an entry that is a plain file (a program), made by `make` in a temporary place if it
    /// is not there, damaged or not the user's own.
    ///
    /// # Errors
    ///
    /// Those of `make`; there is no room for it, not even in a temporary directory.
    pub fn program<E: From<io::Error>>(
        &self,
        kind: &str,
        key: &Key,
        make: impl Fn(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let path = self.path(kind, key);
        let trusted = !self.is_distrusted();
        let is_there = || self.is_private(&path) && is_whole_program(&path);
        if trusted && is_there() {
            return Ok(path);
        }
        if trusted && self.make_program::<E>(&path, &make).is_ok() && is_there() {
            self.grown.store(true, Ordering::Relaxed);
            return Ok(path);
        }
        let path = self.elsewhere()?.join(key.to_string());
        if !path.is_file() {
            make(&path)?;
        }
        Ok(path)
    }

    fn make_program<E: From<io::Error>>(
        &self,
        path: &Path,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let directory = path.parent().expect("an entry lies in a directory");
        private::make(directory)?;
        // A program must not be open for writing when it is started, hence a path and no open file.
        let scratch = tempfile::tempdir_in(self.scratch.path())?;
        let unfinished = scratch.path().join("program");
        make(&unfinished)?;
        // Windows flushes only what may be written to; elsewhere nobody who starts it meanwhile
        // shall find it open for writing.
        let file = File::options()
            .read(true)
            .write(cfg!(windows))
            .open(&unfinished)?;
        file.sync_all()?;
        let mut sum = NamedTempFile::new_in(self.scratch.path())?;
        sum.write_all(&fingerprint(&Map::of(&file)?))?;
        drop(file);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o700))?;
        }
        fs::rename(&unfinished, path)?;
        sum.persist(path.with_extension(SUM))
            .map_err(|error| error.error)?;
        Ok(())
    }

    /// Whether nobody else can put something in the place of this entry after it was looked at: the
    /// directories between it and the cache's own are the user's.
    fn is_private(&self, entry: &Path) -> bool {
        let mut above = entry.ancestors().skip(1);
        above
            .by_ref()
            .take_while(|directory| *directory != self.root)
            .all(|directory| {
                fs::symlink_metadata(directory).is_ok_and(|found| private::is_own(&found))
            })
    }

    /// A temporary directory for what cannot be kept.
    fn elsewhere(&self) -> io::Result<&Path> {
        if let Some(directory) = self.elsewhere.get() {
            return Ok(directory.path());
        }
        let made = tempfile::Builder::new()
            .prefix("oxidize-inject-")
            .tempdir()?;
        Ok(self.elsewhere.get_or_init(|| made).path())
    }

    /// Path of an entry that is a directory, filled by `make` in a temporary place if it is not
    /// there. What cannot be kept is in a temporary directory; `make` may be called twice then.
    ///
    /// # Errors
    ///
    /// Those of `make`; there is no room for it, not even in a temporary directory.
    pub fn directory<E: From<io::Error>>(
        &self,
        kind: &str,
        key: &Key,
        make: impl Fn(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        if let Some(path) = self.existing(kind, &key.to_string()) {
            return Ok(path);
        }
        if !self.is_distrusted()
            && let Ok(path) = self.make_directory::<E>(&self.path(kind, key), &make)
            && self.is_private(&path)
        {
            self.grown.store(true, Ordering::Relaxed);
            return Ok(path);
        }
        let path = self.elsewhere()?.join(key.to_string());
        fs::create_dir(&path)?;
        if let Err(error) = make(&path) {
            let _ = fs::remove_dir_all(&path);
            return Err(error);
        }
        Ok(path)
    }

    fn make_directory<E: From<io::Error>>(
        &self,
        path: &Path,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let scratch = tempfile::tempdir_in(self.scratch.path())?;
        let unfinished = scratch.path().join("directory");
        fs::create_dir(&unfinished)?;
        make(&unfinished)?;
        // Only now, because who removes the cache meanwhile takes this one, too.
        private::make(path.parent().expect("an entry lies in a directory"))?;
        match fs::rename(&unfinished, path) {
            // Another process may have been faster; its directory is as good.
            Err(_) if path.is_dir() => {}
            result => result?,
        }
        Ok(path.to_owned())
    }

    /// The path of a directory with this name, if it is there and the user's own.
    #[must_use]
    pub fn existing(&self, kind: &str, name: &str) -> Option<PathBuf> {
        let (start, rest) = name.split_at_checked(2)?;
        let kept = self.root.join(kind).join(start).join(rest);
        if !self.is_distrusted()
            && self.is_private(&kept)
            && fs::symlink_metadata(&kept)
                .is_ok_and(|found| found.is_dir() && private::is_own(&found))
        {
            // On Windows a directory cannot be opened like that, and seems older than it is.
            if let Ok(directory) = regular::open(&kept) {
                sweep::touch(&directory);
            }
            return Some(kept);
        }
        let path = self.elsewhere.get()?.path().join(name);
        path.is_dir().then_some(path)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        if self.temporary.is_none() {
            sweep::sweep(&self.root, self.scratch.path(), *self.grown.get_mut());
        }
    }
}

/// Whether there is a program of the user's own, with the digest that the file beside it states.
fn is_whole_program(path: &Path) -> bool {
    let whole = || -> io::Result<bool> {
        let file = regular::open(path)?;
        let sum = path.with_extension(SUM);
        if !private::is_own(&fs::symlink_metadata(path)?)
            || !private::is_own(&fs::symlink_metadata(&sum)?)
            || regular::read(&sum, DIGEST as u64)? != fingerprint(&Map::of(&file)?)
        {
            return Ok(false);
        }
        sweep::touch(&file);
        Ok(true)
    };
    whole().unwrap_or(false)
}

fn default_root() -> Option<PathBuf> {
    let directory = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if let Some(root) = env::var_os("OXIDIZE_CACHE_DIR").filter(|root| !root.is_empty()) {
        return std::path::absolute(root).ok();
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

/// A digest of a file's content: SHA-256 of the SHA-256s of its chunks, as for blobs, because much
/// is hashed faster that way.
#[must_use]
pub fn fingerprint(content: &[u8]) -> [u8; 32] {
    // Only the first chunk of a blob has a digest field, which would not count.
    let hashes: Vec<_> = digest::chunks(1, content).collect();
    digest::combine(&hashes)
}

/// The content of an entry.
#[derive(Debug)]
pub struct Entry(Bytes);

#[derive(Debug)]
enum Bytes {
    /// In the cache, behind its digest.
    Mapped(Map),
    /// What the cache had no room for.
    Held(Vec<u8>),
}

impl Deref for Entry {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Mapped(map) => map.get(DIGEST..).unwrap_or_default(),
            Bytes::Held(content) => content,
        }
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
        oxidize_format::Hex(&self.0).fmt(f)
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

    /// Somebody who can write to the cache can put a pipe there, for which `open` waits.
    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_place_of_an_entry_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let key = Key::of(&[b"p"]);
        let make = |path: &Path| fs::write(path, "#!");
        let program = cache.program("worker", &key, make).unwrap();
        put(&cache, &key, b"content");
        let pipe = |path: &Path| {
            fs::remove_file(path).unwrap();
            rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap();
        };
        let (tell, told) = std::sync::mpsc::channel();
        let entry = cache.path("test", &key);
        let (sum, again) = (program.with_extension(SUM), program.clone());
        std::thread::spawn(move || {
            pipe(&entry);
            tell.send(cache.load("test", &key).is_none()).unwrap();
            for place in [&again, &sum] {
                pipe(place);
                tell.send(cache.program("worker", &key, make).unwrap() == again)
                    .unwrap();
            }
        });
        for _ in 0..3 {
            let answer = told.recv_timeout(std::time::Duration::from_secs(20));
            assert_eq!(answer, Ok(true));
        }
        assert_eq!(fs::read(&program).unwrap(), b"#!");
    }

    #[test]
    fn keys_separate_their_parts() {
        assert_ne!(Key::of(&[b"ab", b"c"]), Key::of(&[b"a", b"bc"]));
        assert_eq!(Key::of(&[]).to_string().len(), 64);
    }

    #[test]
    fn a_program_is_made_once_and_again_when_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let key = Key::of(&[b"p"]);
        let make = |path: &Path| fs::write(path, "#!");
        let twice = |_: &Path| Err(io::Error::other("made twice"));
        let first = cache.program("worker", &key, make).unwrap();
        let second = cache.program("worker", &key, twice).unwrap();
        assert_eq!(first, second);
        assert_eq!(fs::read(&first).unwrap(), b"#!");
        fs::write(&first, "!!").unwrap();
        assert!(cache.program("worker", &key, twice).is_err());
        assert_eq!(cache.program("worker", &key, make).unwrap(), first);
        assert_eq!(fs::read(&first).unwrap(), b"#!");
        fs::remove_file(first.with_extension(SUM)).unwrap();
        cache.program("worker", &key, make).unwrap();
        cache.program("worker", &key, twice).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_others_may_write_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let root = dir.path().join("new/cache");
        let cache = Cache::at(&root).unwrap();
        assert_eq!(
            (cache.root(), mode(&root)),
            (&*root, 0o700),
            "a new one is private"
        );
        drop(cache);
        // One that several share.
        set(&root, 0o1777);
        let cache = Cache::at(&root).unwrap();
        let own = cache.root().to_owned();
        assert_eq!((own.parent(), mode(&own)), (Some(&*root), 0o700));
        assert_eq!(mode(&root), 0o1777, "it is left as it is");
        let key = Key::of(&[b"a"]);
        put(&cache, &key, b"content");
        assert!(cache.load("test", &key).is_some());
        set(&cache.path("test", &key), 0o666);
        assert!(cache.load("test", &key).is_none());
        let make = |path: &Path| fs::write(path, "#!");
        let program = cache.program("worker", &key, make).unwrap();
        assert!(is_whole_program(&program));
        set(&program, 0o777);
        assert!(!is_whole_program(&program));
        drop(cache);
        set(&own, 0o777);
        assert!(
            Cache::at(&root).is_err(),
            "anybody could have written to it"
        );
        set(&own, 0o700);
        // One whose entries anybody can take away.
        for open in [0o777, 0o775, 0o757] {
            set(&root, open);
            assert!(Cache::at(&root).is_err(), "{open:o}");
        }
        set(&root, 0o755);
        let link = dir.path().join("cache-link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        assert!(Cache::at(&link).is_ok(), "the user's own link is fine");
    }

    #[cfg(unix)]
    #[test]
    fn a_place_that_others_can_exchange_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        // Above the cache.
        let above = dir.path().join("above");
        let root = above.join("cache");
        drop(Cache::at(&root).unwrap());
        set(&above, 0o777);
        assert!(Cache::at(&root).is_err());
        set(&above, 0o1777);
        let cache = Cache::at(&root).unwrap();
        // Between it and the entry.
        let key = Key::of(&[b"p"]);
        let make = |path: &Path| fs::write(path, "#!");
        let program = cache.program("worker", &key, make).unwrap();
        assert!(program.starts_with(&root));
        let kind = root.join("worker");
        let mode = fs::metadata(&kind).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        set(&kind, 0o777);
        let program = cache.program("worker", &key, make).unwrap();
        assert!(!program.starts_with(&root));
        set(&kind, 0o700);
        let fill = |path: &Path| fs::write(path.join("file"), "");
        let kept = cache.directory("wheels", &key, fill).unwrap();
        assert!(kept.starts_with(&root));
        set(&root.join("wheels"), 0o777);
        assert!(cache.existing("wheels", &key.to_string()).is_none());
    }

    #[test]
    fn whoever_is_killed_leaves_nothing_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let left = || {
            let names = fs::read_dir(dir.path()).unwrap();
            names
                .filter(|entry| entry.as_ref().unwrap().file_name() != "swept")
                .count()
        };
        let killed = Cache::at(dir.path()).unwrap();
        fs::write(killed.scratch.path().join("half"), "half").unwrap();
        assert_eq!(left(), 1);
        drop(killed);
        assert_eq!(left(), 0);
    }

    #[test]
    fn a_cache_without_room_only_costs_time() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        // No directory can be made where a file is.
        fs::write(dir.path().join("test"), "").unwrap();
        let key = Key::of(&[b"a"]);
        let fill = |out: &mut dyn Write| out.write_all(b"content");
        assert_eq!(&*cache.keep("test", &key, fill).unwrap(), b"content");
        let make = |path: &Path| fs::write(path, "#!");
        let program = cache.program("test", &key, make).unwrap();
        assert_eq!(fs::read(&program).unwrap(), b"#!");
        assert_eq!(cache.program("test", &key, make).unwrap(), program);
        drop(cache);
        assert!(!program.exists());
        // An error of the content's own stays one.
        let cache = Cache::at(dir.path()).unwrap();
        let broken = |_: &mut dyn Write| Err(io::Error::other("unreadable"));
        assert!(cache.keep("kind", &key, broken).is_err());
    }
}
