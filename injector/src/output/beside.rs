//! A directory of files beside the executable. It takes the place of an earlier one as a whole.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{OutputError, directory_of};
use crate::temporary::{self, Scratch};

/// A file by which a directory of ours is known. Another one is never replaced.
const MARKER: &str = ".oxidize-inject";
/// Where the earlier directory is while the new one takes its place.
const EARLIER: &str = "earlier";
const MARKER_TEXT: &str = "Made by oxidize-inject, which replaces this directory as a whole.\n";

/// A finished directory that has not taken its place yet. Dropped, it leaves no trace.
pub struct Beside {
    scratch: Scratch,
    path: PathBuf,
}

impl Beside {
    /// A new, empty directory that is to take the place of `path`.
    ///
    /// # Errors
    ///
    /// Something else is there, or nothing can be created.
    pub fn new(path: &Path) -> Result<Beside, OutputError> {
        if fs::symlink_metadata(path).is_ok() && !path.join(MARKER).is_file() {
            return Err(OutputError::NotOurs(path.to_owned()));
        }
        let directory = directory_of(path);
        let scratch = Scratch::new(directory).map_err(|source| OutputError::Create {
            directory: directory.to_owned(),
            source,
        })?;
        let beside = Beside {
            scratch,
            path: path.to_owned(),
        };
        fs::create_dir(beside.made()).map_err(|source| beside.failed(source))?;
        beside.add_file(MARKER, MARKER_TEXT.as_bytes(), false)?;
        Ok(beside)
    }

    /// The place that it is to take.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn made(&self) -> PathBuf {
        // Not the temporary directory itself, which is private.
        self.scratch.path().join("files")
    }

    fn failed(&self, source: io::Error) -> OutputError {
        OutputError::Write {
            path: self.path.clone(),
            source,
        }
    }

    /// Adds a directory, by its relative path.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn add_directory(&self, path: &str) -> Result<(), OutputError> {
        fs::create_dir_all(self.made().join(path)).map_err(|source| self.failed(source))
    }

    /// Adds a file, by its relative path.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn add_file(&self, path: &str, bytes: &[u8], executable: bool) -> Result<(), OutputError> {
        let path = self.made().join(path);
        let write = || {
            fs::create_dir_all(directory_of(&path))?;
            temporary::create_new(&path, executable)?.write_all(bytes)
        };
        write().map_err(|source| self.failed(source))
    }

    /// Puts the directory in its place.
    ///
    /// # Errors
    ///
    /// It cannot be put there. An earlier one is still there, or where the error says.
    pub fn publish(self) -> Result<(), OutputError> {
        self.publish_with(|from, to| fs::rename(from, to))
    }

    fn publish_with(
        self,
        rename: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        let earlier = self.scratch.path().join(EARLIER);
        let replaces = fs::symlink_metadata(&self.path).is_ok();
        if replaces {
            rename(&self.path, &earlier).map_err(|source| self.failed(source))?;
        }
        let Err(source) = rename(&self.made(), &self.path) else {
            return Ok(());
        };
        if replaces && rename(&earlier, &self.path).is_err() {
            // The temporary directory has the user's files now, so it stays, under a name that
            // nothing of ours removes.
            let scratch = self.scratch.keep();
            let name = self.path.file_name().unwrap_or_default();
            let mut kept = name.to_owned();
            kept.push(".earlier");
            let kept = self.path.with_file_name(kept);
            let kept = match rename(&scratch, &kept) {
                Ok(()) => kept,
                Err(_) => scratch,
            };
            return Err(OutputError::Earlier {
                path: self.path.clone(),
                kept: kept.join(EARLIER),
                source,
            });
        }
        Err(self.failed(source))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Publishes over a directory of ours while only the first so many renames succeed.
    fn publish_with(successes: usize) -> (tempfile::TempDir, OutputError) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("app.files");
        let make = |content: &str| {
            let beside = Beside::new(&path).unwrap();
            beside.add_file("a.txt", content.as_bytes(), false).unwrap();
            beside
        };
        make("one").publish().unwrap();
        let count = Cell::new(0);
        let error = make("two").publish_with(|from, to| {
            count.set(count.get() + 1);
            // The last attempt is that to give what is kept a name.
            if count.get() > successes && count.get() < 4 {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            fs::rename(from, to)
        });
        (place, error.unwrap_err())
    }

    #[test]
    fn the_earlier_directory_is_never_lost() {
        let (place, _) = publish_with(0);
        let read = |path: &str| fs::read_to_string(place.path().join(path)).unwrap();
        assert_eq!(read("app.files/a.txt"), "one");
        let (place, error) = publish_with(1);
        let OutputError::Earlier { kept, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(kept, place.path().join("app.files.earlier/earlier"));
        assert_eq!(fs::read_to_string(kept.join("a.txt")).unwrap(), "one");
    }

    #[test]
    fn only_a_directory_of_ours_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("app.files");
        let make = |content: &str| {
            let beside = Beside::new(&path)?;
            beside.add_directory("empty")?;
            beside.add_file("a/b.txt", content.as_bytes(), false)?;
            beside.publish()
        };
        make("one").unwrap();
        fs::write(path.join("stray"), "").unwrap();
        make("two").unwrap();
        assert_eq!(fs::read_to_string(path.join("a/b.txt")).unwrap(), "two");
        assert!(path.join("empty").is_dir() && !path.join("stray").exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        // Dropped, it leaves what was there.
        drop(Beside::new(&path).unwrap());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        fs::remove_file(path.join(MARKER)).unwrap();
        assert!(matches!(make("three"), Err(OutputError::NotOurs(_))));
        assert_eq!(fs::read_to_string(path.join("a/b.txt")).unwrap(), "two");
    }
}
