//! A file that takes another's place in one step, or leaves no trace.
//!
//! On Linux it has no name until it is finished (`O_TMPFILE`), so that even a process killed by force leaves nothing behind.
//! Where the file system cannot do that, and elsewhere, it is a temporary file with a name, removed when dropped.
//!
//! A file that takes another's place is on the disk before it does, so that a power failure leaves one of the two, whole. Where
//! nothing was, nothing can be lost: such a file is left to the system to write, as a compiler leaves its output.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::collect::walk::TEMPORARY_PREFIX;

/// A file in the making.
pub(super) struct Staging {
    kind: Kind,
    directory: PathBuf,
}

enum Kind {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl Staging {
    /// Starts a file in this directory.
    pub(super) fn new(directory: &Path) -> io::Result<Staging> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed(directory)? {
            return Ok(Staging {
                kind: Kind::Unnamed(file),
                directory: directory.to_owned(),
            });
        }
        let file = Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .tempfile_in(directory)?;
        Ok(Staging {
            kind: Kind::Named(file),
            directory: directory.to_owned(),
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
        match self.kind {
            #[cfg(target_os = "linux")]
            Kind::Unnamed(file) => {
                let name = link(&file, &self.directory)?;
                // Closed first: a program that is open for writing cannot be started.
                drop(file);
                std::fs::rename(&name, path).inspect_err(|_| drop(std::fs::remove_file(&name)))?;
            }
            Kind::Named(file) => {
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

/// Whether there is something at `path` that a new file would take the place of.
pub(super) fn replaces(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// `None` when the file system has no unnamed files.
#[cfg(target_os = "linux")]
fn unnamed(directory: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{Mode, OFlags};
    // `/proc` is what gives the file a name later.
    if !Path::new("/proc/self/fd").is_dir() {
        return Ok(None);
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(directory, flags, Mode::from_raw_mode(0o600)) {
        Ok(file) => Ok(Some(file.into())),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives an unnamed file a temporary name: a link cannot replace a file, only a rename can.
#[cfg(target_os = "linux")]
fn link(file: &File, directory: &Path) -> io::Result<PathBuf> {
    use rustix::fs::{AtFlags, CWD};
    use std::os::fd::AsRawFd;
    let open_file = format!("/proc/self/fd/{}", file.as_raw_fd());
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
