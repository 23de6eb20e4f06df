//! Stubs in the cache.
//!
//! Each is a directory, `stubs/DIGEST` with the digest of its manifest, so that a name stands for
//! its contents. It is filled under another name, every file is hashed on the way in, and a rename
//! makes it visible: whoever sees it sees all of it. Two processes that add the same stub at once
//! make the same directory twice and one of them wins, which is as good.
//!
//! The cache may be a directory in which the user keeps other things, even one named `stubs`.
//! Nothing is listed, judged or removed but directories that the store has made, which are told by
//! their names and by the manifest in them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::StubError;
use super::manifest::{self, Manifest, Sha256Sum};
use super::wheel::Wheel;
use crate::progress::Progress;
use crate::regular;
use crate::temporary;

/// Names of directories that are not finished start with this.
const UNFINISHED: &str = ".oxidize-inject-new-";
/// Suffix of a file beside the store: whoever replaces a stub has it locked.
const LOCK: &str = "lock";
/// Unfinished directories that are older belong to nobody any more.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The stubs of a cache directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A stub on disk.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Its directory.
    pub directory: PathBuf,
    /// What it says about itself.
    pub manifest: Manifest,
    /// The digest of its manifest.
    pub digest: Sha256Sum,
}

/// Where the files of a stub are read from.
#[derive(Debug)]
pub enum Source {
    /// A wheel.
    Wheel(Wheel),
    /// A directory with a manifest, as the store has them.
    Directory(PathBuf),
}

impl Source {
    fn open(&mut self, name: &str, limit: u64) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Source::Wheel(wheel) => Box::new(wheel.member(name, limit)?),
            Source::Directory(directory) => {
                Box::new(regular::open(&directory.join(name))?.take(limit))
            }
        })
    }
}

/// An entry of the store.
#[derive(Debug)]
pub struct Entry {
    /// Its directory.
    pub directory: PathBuf,
    /// The stub, or what is wrong with it.
    pub bundle: Result<Bundle, StubError>,
}

impl Bundle {
    /// The executable.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.directory.join(&self.manifest.program().name)
    }

    /// Opens a stub of which only name and sizes are checked; what it is was checked when it was
    /// made.
    fn open(directory: &Path) -> Result<Bundle, StubError> {
        let damaged = |problem: String| StubError::Damaged {
            directory: directory.to_owned(),
            problem,
        };
        let unreadable = |error: io::Error| damaged(format!("{}: {error}", manifest::NAME));
        let mut bytes = Vec::new();
        let file = regular::open(&directory.join(manifest::NAME)).map_err(unreadable)?;
        file.take(manifest::MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        let digest = Sha256Sum::of(&bytes);
        if directory.file_name() != Some(digest.to_string().as_ref()) {
            return Err(damaged(format!("{} was changed", manifest::NAME)));
        }
        let manifest = Manifest::parse(&bytes)?;
        for file in &manifest.files {
            match fs::symlink_metadata(directory.join(&file.name)) {
                Ok(found) if found.is_file() && found.len() == file.size => {}
                Ok(_) => return Err(damaged(format!("{} has another size", file.name))),
                Err(error) => return Err(damaged(format!("{}: {error}", file.name))),
            }
        }
        Ok(Bundle {
            directory: directory.to_owned(),
            manifest,
            digest,
        })
    }

    /// Hashes every file.
    ///
    /// # Errors
    /// A file is missing or has another digest.
    pub fn verify(&self) -> Result<(), StubError> {
        for file in &self.manifest.files {
            let damaged = |problem: String| StubError::Damaged {
                directory: self.directory.clone(),
                problem,
            };
            let opened = regular::open(&self.directory.join(&file.name));
            let mut opened = opened.map_err(|error| damaged(format!("{}: {error}", file.name)))?;
            let mut hasher = Sha256::new();
            io::copy(&mut opened, &mut hasher)
                .map_err(|error| damaged(format!("{}: {error}", file.name)))?;
            if Sha256Sum::finish(hasher) != file.sha256 {
                return Err(damaged(format!("{} was changed", file.name)));
            }
        }
        Ok(())
    }
}

impl Store {
    /// The store in this cache directory, which need not exist.
    #[must_use]
    pub fn at(cache: &Path) -> Store {
        Store {
            root: cache.join("stubs"),
        }
    }

    /// A file without a name, for a download: it vanishes with whoever has it open.
    pub(super) fn unnamed(&self) -> Result<fs::File, StubError> {
        let made = fs::create_dir_all(&self.root).and_then(|()| tempfile::tempfile_in(&self.root));
        made.map_err(|source| self.unusable(source))
    }

    /// The cache directory cannot be used.
    pub(super) fn unusable(&self, source: io::Error) -> StubError {
        StubError::Cache {
            path: self.root.clone(),
            source,
        }
    }

    /// The stub with this manifest, if it is there and looks whole.
    #[must_use]
    pub fn get(&self, digest: Sha256Sum) -> Option<Bundle> {
        Bundle::open(&self.root.join(digest.to_string())).ok()
    }

    /// Every stub in it, by name. Directories that somebody else is filling are none, nor is what
    /// the store has not made.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, StubError> {
        let mut entries = Vec::new();
        for directory in self.directories()? {
            if is_stub(&directory) {
                let bundle = Bundle::open(&directory);
                entries.push(Entry { directory, bundle });
            }
        }
        entries.sort_by(|a, b| a.directory.cmp(&b.directory));
        Ok(entries)
    }

    fn directories(&self) -> Result<Vec<PathBuf>, StubError> {
        let failed = |source| self.unusable(source);
        let listed = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(failed)?,
        };
        listed
            .map(|entry| Ok(entry.map_err(failed)?.path()))
            .collect()
    }

    /// Adds a stub that `accept` agrees to, given its manifest. Every file has been hashed before
    /// anything of it can be seen.
    ///
    /// # Errors
    /// The source cannot be read or is damaged, `accept` refuses, or the store cannot be written.
    pub fn add(
        &self,
        source: &mut Source,
        origin: &str,
        accept: impl FnOnce(&Manifest, Sha256Sum) -> Result<(), StubError>,
        progress: &dyn Progress,
    ) -> Result<Bundle, StubError> {
        let unreadable = |source| StubError::Unreadable {
            origin: origin.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let mut reader = source
            .open(manifest::NAME, manifest::MAX + 1)
            .map_err(unreadable)?;
        reader.read_to_end(&mut bytes).map_err(unreadable)?;
        drop(reader);
        if bytes.len() as u64 > manifest::MAX {
            return Err(unreadable(io::Error::other("its manifest is too long")));
        }
        let digest = Sha256Sum::of(&bytes);
        let manifest = Manifest::parse(&bytes)?;
        accept(&manifest, digest)?;

        let uncached = |source| self.unusable(source);
        fs::create_dir_all(&self.root).map_err(uncached)?;
        self.remove_abandoned();
        let fresh = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.root)
            .map_err(uncached)?;
        progress.start("Checking", manifest.size());
        for (index, file) in manifest.files.iter().enumerate() {
            let reader = source.open(&file.name, file.size + 1).map_err(unreadable)?;
            let path = fresh.path().join(&file.name);
            let found = copy(reader, &path, index == 0, progress).map_err(|error| match error {
                Copy::Read(source) => unreadable(source),
                Copy::Write(source) => uncached(source),
            })?;
            if found != (file.sha256, file.size) {
                return Err(StubError::Altered {
                    origin: origin.to_owned(),
                    file: file.name.clone(),
                });
            }
        }
        fs::write(fresh.path().join(manifest::NAME), &bytes).map_err(uncached)?;
        self.publish(fresh, digest).map_err(uncached)?;
        Bundle::open(&self.root.join(digest.to_string()))
    }

    /// Puts the finished directory where it belongs, unless somebody was faster. One at a time, so
    /// that nobody takes away as damaged what another has just repaired.
    fn publish(&self, fresh: TempDir, digest: Sha256Sum) -> io::Result<()> {
        let place = self.root.join(digest.to_string());
        // Not emptied: who knows whose file of this name it is.
        // Readable, too, so that nobody is waited for if it is a pipe.
        let lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.root.with_extension(LOCK))?;
        lock.lock()?;
        if place.is_dir() {
            if Bundle::open(&place).is_ok_and(|there| there.verify().is_ok()) {
                return Ok(());
            }
            self.remove(&place)?;
        }
        fs::rename(fresh.path(), &place)?;
        // Nothing is left to remove under the old name.
        let _ = fresh.keep();
        Ok(())
    }

    /// Takes a stub away. It vanishes at once and as a whole, so that nobody finds half of it.
    ///
    /// # Errors
    /// The directory cannot be renamed or removed.
    pub fn remove(&self, directory: &Path) -> io::Result<()> {
        let aside = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.root)?;
        match fs::rename(directory, aside.path().join("old")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.and_then(|()| aside.close()),
        }
    }

    /// Removes what a process that was killed has left. Failing to is no harm.
    fn remove_abandoned(&self) {
        for directory in self.directories().unwrap_or_default() {
            let modified = fs::symlink_metadata(&directory).and_then(|found| found.modified());
            let age = modified
                .ok()
                .and_then(|then| SystemTime::now().duration_since(then).ok());
            if unfinished(&directory) && age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_dir_all(&directory);
            }
        }
    }

    /// Removes every stub that `keep` does not want, and what is damaged or abandoned. Returns the
    /// directories that are gone.
    ///
    /// # Errors
    /// The store cannot be read, or a directory cannot be removed.
    pub fn prune(&self, keep: impl Fn(&Bundle) -> bool) -> Result<Vec<PathBuf>, StubError> {
        self.remove_abandoned();
        let mut removed = Vec::new();
        for entry in self.entries()? {
            if entry.bundle.is_ok_and(|bundle| keep(&bundle)) {
                continue;
            }
            self.remove(&entry.directory)
                .map_err(|source| StubError::Cache {
                    path: entry.directory.clone(),
                    source,
                })?;
            removed.push(entry.directory);
        }
        Ok(removed)
    }
}

/// Whether the store has made this directory. A link is none.
fn is_stub(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str());
    let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    name.is_some_and(|name| name.len() == 64 && name.bytes().all(digit))
        && is_directory(directory)
        && fs::symlink_metadata(directory.join(manifest::NAME)).is_ok()
}

/// Whether the store has begun to make this directory.
fn unfinished(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str());
    let random = name.and_then(|name| name.strip_prefix(UNFINISHED));
    random.is_some_and(|random| random.bytes().all(|b| b.is_ascii_alphanumeric()))
        && is_directory(directory)
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

enum Copy {
    Read(io::Error),
    Write(io::Error),
}

/// Copies to a new file; tells digest and length.
fn copy(
    mut from: impl Read,
    to: &Path,
    executable: bool,
    progress: &dyn Progress,
) -> Result<(Sha256Sum, u64), Copy> {
    let mut file = temporary::create_new(to, executable).map_err(Copy::Write)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Copy::Read(error)),
        };
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(Copy::Write)?;
        length += count as u64;
        progress.advance(count as u64);
    }
    file.sync_all().map_err(Copy::Write)?;
    Ok((Sha256Sum::finish(hasher), length))
}
