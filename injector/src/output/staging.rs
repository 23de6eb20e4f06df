//! A file that takes another's place in one step, or leaves no trace.
//!
//! On Linux it has no name until it is finished (`O_TMPFILE`), so that even a process killed by force leaves nothing behind.
//! Where the file system cannot do that, and elsewhere, it is a temporary file with a name, removed when dropped. A name
//! is also needed for a moment to replace a file. A process killed then leaves it; the next one that
//! writes to the directory removes it. A lock tells it from a file that somebody is still writing.
//!
//! A file that takes another's place is on the disk before it does, so that a power failure leaves one of the two, whole. Where
//! nothing was, nothing can be lost: such a file is left to the system to write, as a compiler leaves its output.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

use super::mode::Mode;
use crate::collect::walk::TEMPORARY_PREFIX;

/// A file in the making.
pub(super) struct Staging {
    kind: Kind,
    mode: Mode,
    directory: PathBuf,
}

enum Kind {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl Staging {
    /// Starts a file in this directory.
    pub(super) fn new(directory: &Path, mode: Mode) -> io::Result<Staging> {
        remove_abandoned(directory);
        let kind = Kind::new(directory, mode)?;
        let directory = directory.to_owned();
        Ok(Staging {
            kind,
            mode,
            directory,
        })
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        match &self.kind {
            #[cfg(target_os = "linux")]
            Kind::Unnamed(file) => file,
            Kind::Named(file) => file.as_file(),
        }
    }

    /// Puts the file in its place. Whatever was there is replaced, even if it is read-only or running, and then only when
    /// the new file is on the disk.
    pub(super) fn publish(self, path: &Path) -> io::Result<()> {
        let replaces = replaces(path);
        if replaces {
            self.file().sync_all()?;
        }
        self.mode.complete(self.file());
        match self.kind {
            #[cfg(target_os = "linux")]
            Kind::Unnamed(file) => {
                // Locked through a descriptor of its own: a program that is open for writing cannot be started.
                let lock = File::open(by_descriptor(&file));
                let _ = lock.as_ref().map(File::try_lock);
                let name = link(&file, &self.directory)?;
                drop(file);
                fs::rename(&name, path).inspect_err(|_| drop(fs::remove_file(&name)))?;
            }
            Kind::Named(file) => {
                // From here on its age protects it: the lock ends with the descriptor.
                #[cfg(unix)]
                let _ = file.as_file().set_modified(std::time::SystemTime::now());
                let file = file.into_temp_path();
                file.persist(path).map_err(|error| error.error)?;
            }
        }
        // The rename is only as durable as the directory; a file system that cannot sync one has its own rules.
        if replaces && let Ok(directory) = File::open(&self.directory) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

impl Kind {
    fn new(directory: &Path, mode: Mode) -> io::Result<Kind> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed(directory, mode)? {
            return Ok(Kind::Unnamed(file));
        }
        let mut builder = Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(mode.bits()));
        }
        #[cfg(not(unix))]
        let _ = mode;
        let file = builder.tempfile_in(directory)?;
        #[cfg(unix)]
        let _ = file.as_file().try_lock();
        Ok(Kind::Named(file))
    }
}

/// A directory in the making, beside or inside the place where it will be.
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
        let directory = Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(parent)?;
        let lock = lock_if_free(directory.path());
        Ok(Scratch {
            directory,
            _lock: lock,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// How long a temporary name is taken for that of a process which has not locked it yet.
#[cfg(unix)]
const TO_LOCK: std::time::Duration = std::time::Duration::from_secs(10);

/// Removes what processes that were killed have left in this directory. Not to succeed is no harm.
fn remove_abandoned(directory: &Path) {
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
    let rest = name.to_str()?.strip_prefix(TEMPORARY_PREFIX)?;
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

/// Whether there is something at `path` that a new file would take the place of.
pub(super) fn replaces(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// `None` when the file system has no unnamed files.
#[cfg(target_os = "linux")]
fn unnamed(directory: &Path, mode: Mode) -> io::Result<Option<File>> {
    use rustix::fs::OFlags;
    // `/proc` is what gives the file a name later.
    if !Path::new("/proc/self/fd").is_dir() {
        return Ok(None);
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = rustix::fs::Mode::from_raw_mode(mode.bits());
    match rustix::fs::open(directory, flags, mode) {
        Ok(file) => Ok(Some(file.into())),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_os = "linux")]
fn by_descriptor(file: &File) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Gives an unnamed file a temporary name: a link cannot replace a file, only a rename can.
#[cfg(target_os = "linux")]
fn link(file: &File, directory: &Path) -> io::Result<PathBuf> {
    use rustix::fs::{AtFlags, CWD};
    let open_file = by_descriptor(file);
    for attempt in 0..1000 {
        let name = directory.join(format!(
            "{TEMPORARY_PREFIX}{}-{attempt}",
            std::process::id()
        ));
        match rustix::fs::linkat(CWD, &open_file, CWD, &name, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => return Ok(name),
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(format!("{TEMPORARY_PREFIX}{name}"));
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
        drop(Staging::new(dir.path(), Mode::program()).unwrap());
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
            .prefix(TEMPORARY_PREFIX)
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
