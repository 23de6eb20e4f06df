//! A file that takes another's place in one step, or leaves no trace.
//!
//! On Linux it has no name until it is finished (`O_TMPFILE`), so that even a process killed by
//! force leaves nothing behind. Where the file system cannot do that, and elsewhere, it is a
//! temporary file with a name, removed when dropped. A name is also needed for a moment to replace
//! a file. A process killed then leaves it; the next one that writes to the directory removes it. A
//! lock tells it from a file that somebody is still writing.
//!
//! A file that takes another's place is on the disk before it does, so that a power failure leaves
//! one of the two, whole. Where nothing was, nothing can be lost: such a file is left to the system
//! to write, as a compiler leaves its output.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::mode::Mode;
use crate::temporary::{self, PREFIX};

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
        temporary::remove_abandoned(directory);
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

    /// Puts the file in its place. Whatever was there is replaced, even if it is read-only or
    /// running, and then only when the new file is on the disk.
    pub(super) fn publish(self, path: &Path) -> io::Result<()> {
        let replaces = replaces(path);
        if replaces {
            self.file().sync_all()?;
        }
        self.mode.complete(self.file());
        match self.kind {
            #[cfg(target_os = "linux")]
            Kind::Unnamed(file) => {
                // Locked through a descriptor of its own: a program that is open for writing cannot
                // be started.
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
        // The rename is only as durable as the directory; a file system that cannot sync one has
        // its own rules.
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
        builder.prefix(PREFIX);
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
        let name = directory.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
        match rustix::fs::linkat(CWD, &open_file, CWD, &name, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => return Ok(name),
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
