//! Files and directories of this user alone: below the user's own directory they are.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

const FILE_SHARE_READ: u32 = 1;
/// `ERROR_SHARING_VIOLATION`
const IN_USE: i32 = 32;
/// A process that has just renamed a file holds it a moment longer, and virus scanners look at new
/// files.
const PATIENCE: (u32, Duration) = (200, Duration::from_millis(10));

/// Creates `directory`, which is `root` or below it.
///
/// # Errors
/// What the system says.
pub(crate) fn create_directory(_root: &Path, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

/// Opens a file for reading; `None` where there is none. Nobody may write or replace it while it is
/// open. Where another process writes it, waits for some seconds.
///
/// # Errors
/// What the system says.
pub(crate) fn open(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).share_mode(FILE_SHARE_READ);
    let (mut tries, pause) = PATIENCE;
    loop {
        match options.open(path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(IN_USE) && tries > 0 => {
                tries -= 1;
                std::thread::sleep(pause);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Creates a file that was not there.
///
/// # Errors
/// What the system says.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    File::create_new(path)
}
