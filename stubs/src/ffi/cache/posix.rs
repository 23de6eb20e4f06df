//! Files and directories of this user alone.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bits of a mode that let others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Where macOS keeps what can be made again: `~/Library/Caches/oxidize-inject`.
pub(crate) fn root() -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join("Library/Caches/oxidize-inject"))
}

/// Creates `directory`, which is `root` or below it.
///
/// # Errors
/// What the system says, or which directory on the way from `root` is somebody else's.
pub(crate) fn create_directory(root: &Path, directory: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let below = directory.ancestors();
    for directory in below.take_while(|above| above.starts_with(root)) {
        let metadata = fs::symlink_metadata(directory)?;
        if !metadata.is_dir() || !is_ours_alone(&metadata) {
            return Err(io::Error::other(format!(
                "`{}` is not a directory of this user alone",
                directory.display()
            )));
        }
    }
    Ok(())
}

/// Opens a file for reading; `None` where there is none that can be used: none at all, a link, one
/// that others may write.
///
/// # Errors
/// What the system says.
pub(crate) fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path);
    match opened {
        Ok(file) => {
            let metadata = file.metadata()?;
            let usable = metadata.is_file() && is_ours_alone(&metadata);
            Ok(usable.then_some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a file that was not there.
///
/// # Errors
/// What the system says.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o700)
        .open(path)
}

fn is_ours_alone(metadata: &Metadata) -> bool {
    // SAFETY: a system call without arguments that cannot fail.
    let user = unsafe { libc::geteuid() };
    metadata.uid() == user && metadata.mode() & WRITABLE_BY_OTHERS == 0
}
