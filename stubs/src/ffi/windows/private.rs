//! Files and directories of this user alone: below the user's own directory they are.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

const FILE_SHARE_READ: u32 = 1;

/// Creates `directory`, which is `root` or below it.
///
/// # Errors
/// What the system says.
pub(crate) fn create_directory(_root: &Path, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

/// Opens a file for reading; `None` where there is none. Nobody may write or replace it while it is open.
///
/// # Errors
/// What the system says.
pub(crate) fn open(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    match options.read(true).share_mode(FILE_SHARE_READ).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a file that was not there.
///
/// # Errors
/// What the system says.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    File::create_new(path)
}
