//! Files and directories with a temporary name, and what becomes of them when the process is
//! killed.
//!
//! Their names begin with [`PREFIX`], and whoever made one has it locked. The next process that
//! makes one in the same directory removes those that nobody has locked.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

/// What temporary names begin with.
pub const PREFIX: &str = ".oxidize-inject-";

/// A directory in the making, beside or inside the place where it will be.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    _lock: Option<File>,
}

impl Scratch {
    /// An empty directory in this one.
    ///
    /// # Errors
    /// None can be made there.
    pub fn new(parent: &Path) -> io::Result<Scratch> {
        remove_abandoned(parent);
        let directory = Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = lock_if_free(directory.path());
        Ok(Scratch {
            directory,
            _lock: lock,
        })
    }

    /// Leaves the directory to the caller, who is told where it is. It is not removed.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.directory.keep()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Makes a file that must not be there yet. Whether it can be executed is its mode, which follows
/// the umask; systems without modes have no such thing.
///
/// # Errors
/// There is one, or none can be made.
pub(crate) fn create_new(path: &Path, executable: bool) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if executable {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o777);
    }
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)
}

/// How long a temporary name is taken for that of a process which has not locked it yet.
#[cfg(unix)]
const TO_LOCK: std::time::Duration = std::time::Duration::from_secs(10);

/// Removes what processes that were killed have left in this directory. Not to succeed is no harm.
pub(crate) fn remove_abandoned(directory: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Some(kind) = temporary(&entry.file_name()) else {
                continue;
            };
            let path = entry.path();
            let Ok(found) = entry.metadata() else {
                continue;
            };
            let old = || {
                let age = found.modified().ok().and_then(|then| then.elapsed().ok());
                age.is_some_and(|age| age > TO_LOCK)
            };
            let own = found.uid() == rustix::process::geteuid().as_raw();
            let plain = found.is_file() || found.is_dir();
            if !own || !plain || (kind == Temporary::Random && !old()) {
                continue;
            }
            // Held until the file is gone, so that nobody takes it for free meanwhile.
            let Some(_lock) = lock_if_free(&path) else {
                continue;
            };
            let _ = if found.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
        }
    }
    #[cfg(not(unix))]
    let _ = directory;
}

/// How a temporary name came about.
#[derive(Debug, PartialEq, Eq)]
enum Temporary {
    /// A process number and a count: the file was locked before it had a name.
    Linked,
    /// Chosen at random.
    Random,
}

/// Which of our temporary names this is. Nothing else is ever removed.
#[cfg_attr(not(unix), allow(dead_code))]
fn temporary(name: &OsStr) -> Option<Temporary> {
    let rest = name.to_str()?.strip_prefix(PREFIX)?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if rest
        .split_once('-')
        .is_some_and(|(process, count)| number(process) && number(count))
    {
        return Some(Temporary::Linked);
    }
    let random = rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    random.then_some(Temporary::Random)
}

/// The file, locked. `None`: somebody else has it, or nobody can.
#[cfg(unix)]
fn lock_if_free(path: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    file.try_lock().is_ok().then_some(file)
}

#[cfg(not(unix))]
fn lock_if_free(_: &Path) -> Option<File> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(format!("{PREFIX}{name}"));
        let long_ago = std::time::SystemTime::now() - TO_LOCK * 2;
        let make = |name: &str| {
            let file = File::create(at(name)).unwrap();
            file.set_modified(long_ago).unwrap();
            file
        };
        let gone = ["77-0", "abc123"];
        let stays = ["notes", "notes.txt", "1-", "-1", "1-2-3", "abc1234", "77-x"];
        for name in gone.iter().chain(&stays) {
            make(name);
        }
        let busy = make("78-0");
        busy.try_lock().unwrap();
        File::create(at("young1")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("79-0")).unwrap();
        let scratch = Scratch::new(dir.path()).unwrap();
        let unlocked = at("tree12");
        fs::create_dir_all(unlocked.join("deep")).unwrap();
        File::open(&unlocked)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        File::open(scratch.path())
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        remove_abandoned(dir.path());
        for name in gone {
            assert!(!at(name).exists(), "{name}");
        }
        assert!(!unlocked.exists() && scratch.path().exists());
        for name in stays.iter().chain(&["78-0", "young1"]) {
            assert!(at(name).exists(), "{name}");
        }
        assert!(at("79-0").is_symlink());
    }

    #[test]
    fn a_file_that_is_staged_without_unnamed_files_is_kept_by_its_lock() {
        let dir = tempfile::tempdir().unwrap();
        let file = Builder::new()
            .prefix(PREFIX)
            .tempfile_in(dir.path())
            .unwrap();
        file.as_file().try_lock().unwrap();
        let long_ago = std::time::SystemTime::now() - TO_LOCK * 2;
        file.as_file().set_modified(long_ago).unwrap();
        remove_abandoned(dir.path());
        assert!(file.path().exists());
        file.as_file().unlock().unwrap();
        remove_abandoned(dir.path());
        assert!(!file.path().exists());
    }
}
