//! A directory of files beside the executable. It takes the place of an earlier one as a whole, if
//! that holds nothing but what was written then.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use oxidize_format::Hex;

use super::{OutputError, directory_of};
use crate::cache;
use crate::mmap::Map;
use crate::regular;
use crate::temporary::{self, Scratch};

/// A file by which a directory of ours is known, with a list of what was written: length, digest
/// and path of each file. Another directory is never replaced.
const MARKER: &str = ".oxidize-inject";
/// The longest list that is read.
const LONGEST_LIST: u64 = 256 << 20;
/// Where the earlier directory is while the new one takes its place.
const EARLIER: &str = "earlier";
const MARKER_TEXT: &str = "Made by oxidize-inject, which replaces these files.\n";

/// A finished directory that has not taken its place yet. Dropped, it leaves no trace.
pub struct Beside {
    scratch: Scratch,
    path: PathBuf,
    /// Length and digest of each file.
    written: Mutex<List>,
}

type List = BTreeMap<String, (u64, String)>;

/// How closely an earlier directory is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// At names and lengths.
    Brief,
    /// At contents, too.
    Close,
}

impl Beside {
    /// A new, empty directory that is to take the place of `path`.
    ///
    /// # Errors
    ///
    /// Something else is there, or in it, or nothing can be created.
    pub fn new(path: &Path) -> Result<Beside, OutputError> {
        if fs::symlink_metadata(path).is_ok() {
            check_earlier(path, path, Look::Brief)?;
        }
        let directory = directory_of(path);
        let scratch = Scratch::new(directory).map_err(|source| OutputError::Create {
            directory: directory.to_owned(),
            source,
        })?;
        let beside = Beside {
            scratch,
            path: path.to_owned(),
            written: Mutex::default(),
        };
        fs::create_dir(beside.made()).map_err(|source| beside.failed(source))?;
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
        let row = (bytes.len() as u64, fingerprint(bytes));
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(path.to_owned(), row);
        drop(written);
        let path = self.made().join(path);
        let write = || {
            fs::create_dir_all(directory_of(&path))?;
            temporary::create_new(&path, executable)?.write_all(bytes)
        };
        write().map_err(|source| self.failed(source))
    }

    /// Adds the list of what was written. Without it, the directory can take no place.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn finish(&self) -> Result<(), OutputError> {
        let mut text = MARKER_TEXT.to_owned();
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, (len, digest)) in &*written {
            let path = serde_json::Value::from(path.as_str());
            let _ = writeln!(text, "{len} {digest} {path}");
        }
        let marker = self.made().join(MARKER);
        let write = || temporary::create_new(&marker, false)?.write_all(text.as_bytes());
        write().map_err(|source| self.failed(source))
    }

    /// Puts the directory in its place.
    ///
    /// # Errors
    ///
    /// It cannot be put there, or something was added to the earlier one. An earlier one is still
    /// there, or where the error says.
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
        // Only now does nobody add anything to it by its name.
        let checked = if replaces {
            check_earlier(&earlier, &self.path, Look::Close)
        } else {
            Ok(())
        };
        let (source, refused) = match checked {
            Ok(()) => match rename(&self.made(), &self.path) {
                Ok(()) => return Ok(()),
                Err(source) => (source, None),
            },
            Err(refused) => (
                io::Error::other("it is not as it was written"),
                Some(refused),
            ),
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
        Err(refused.unwrap_or_else(|| self.failed(source)))
    }
}

fn fingerprint(bytes: &[u8]) -> String {
    Hex(&cache::fingerprint(bytes)).to_string()
}

/// Looks whether a directory that is to go holds only what was written to it. `name` is what it is
/// called in messages.
fn check_earlier(directory: &Path, name: &Path, look: Look) -> Result<(), OutputError> {
    let list = regular::read(&directory.join(MARKER), LONGEST_LIST).ok();
    let list = list.and_then(|text| parse(&String::from_utf8(text).ok()?));
    let list = list.ok_or_else(|| OutputError::NotOurs(name.to_owned()))?;
    let failed = |path: &Path, source| OutputError::Read {
        path: path.to_owned(),
        source,
    };
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        let place = directory.join(&below);
        for entry in fs::read_dir(&place).map_err(|source| failed(&place, source))? {
            let entry = entry.map_err(|source| failed(&place, source))?;
            let (path, below) = (entry.path(), below.join(entry.file_name()));
            let found = entry.metadata().map_err(|source| failed(&path, source))?;
            if found.is_dir() {
                left.push(below);
            } else if below != Path::new(MARKER)
                && !(found.is_file() && is_listed(&list, &below, &path, found.len(), look))
            {
                return Err(OutputError::Stray(name.join(below)));
            }
        }
    }
    Ok(())
}

/// Whether a file is what was written.
fn is_listed(list: &List, below: &Path, path: &Path, len: u64, look: Look) -> bool {
    // As the list has it on every system.
    let names = below.iter().map(|name| name.to_str());
    let Some(names) = names.collect::<Option<Vec<_>>>() else {
        return false;
    };
    let Some((written, digest)) = list.get(&names.join("/")) else {
        return false;
    };
    let is_same = || Map::open(path).is_ok_and(|bytes| fingerprint(&bytes) == *digest);
    *written == len && (look == Look::Brief || is_same())
}

fn parse(text: &str) -> Option<List> {
    let rows = text.strip_prefix(MARKER_TEXT)?;
    let row = |row: &str| {
        let mut columns = row.splitn(3, ' ');
        let len = columns.next()?.parse().ok()?;
        let digest = columns.next()?.to_owned();
        let path = serde_json::from_str(columns.next()?).ok()?;
        Some((path, (len, digest)))
    };
    rows.lines().map(row).collect()
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
            beside.finish().unwrap();
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
            beside.finish()?;
            beside.publish()
        };
        make("one").unwrap();
        make("two").unwrap();
        assert_eq!(fs::read_to_string(path.join("a/b.txt")).unwrap(), "two");
        assert!(path.join("empty").is_dir());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        // Dropped, it leaves what was there.
        drop(Beside::new(&path).unwrap());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        fs::remove_file(path.join(MARKER)).unwrap();
        assert!(matches!(make("three"), Err(OutputError::NotOurs(_))));
        assert_eq!(fs::read_to_string(path.join("a/b.txt")).unwrap(), "two");
    }

    #[test]
    fn what_the_user_put_there_is_not_removed() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("app.files");
        let staged = || {
            let beside = Beside::new(&path)?;
            beside.add_file("a/b \n\u{e9}.txt", b"one", false)?;
            beside.finish()?;
            Ok(beside)
        };
        let publish = || staged().and_then(Beside::publish);
        let is_stray = |result: Result<(), OutputError>, expected: &Path| match result {
            Err(OutputError::Stray(found)) => assert_eq!(found, expected),
            other => panic!("{other:?}"),
        };
        publish().unwrap();
        let own = path.join("a/own.txt");
        // Before the work, and after it.
        fs::write(&own, "own").unwrap();
        is_stray(staged().map(drop), &own);
        fs::remove_file(&own).unwrap();
        let late = staged().unwrap();
        fs::write(&own, "own").unwrap();
        is_stray(late.publish(), &own);
        assert_eq!(fs::read_to_string(&own).unwrap(), "own");
        fs::remove_file(&own).unwrap();
        // What was changed is the user's, too, whatever its length.
        let listed = path.join("a/b \n\u{e9}.txt");
        for content in ["own", "longer"] {
            fs::write(&listed, content).unwrap();
            is_stray(publish(), &listed);
            assert_eq!(fs::read_to_string(&listed).unwrap(), content);
        }
        // What was removed is not missed.
        fs::remove_file(&listed).unwrap();
        publish().unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
