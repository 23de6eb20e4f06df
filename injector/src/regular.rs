//! Files that are read whole or by their offsets: regular ones, up to a bound.
//!
//! Whoever wrote a project can put a named pipe in the place of a file, for which `open` waits
//! until somebody writes; or a link to a device that has no end; or a file that takes no room on
//! the disk and all of the memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The longest text that is read: metadata of packages, requirements, scripts.
pub const MOST_TEXT: u64 = 64 << 20;

/// Opens a file for reading, and waits for nobody. Directories are left to whoever reads them.
///
/// # Errors
/// As [`File::open`], and if it is neither a regular file nor a directory.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.custom_flags(flags.cast_signed());
    }
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// As [`open`], and if it is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_all(open(path)?, most)
}

/// Reads a file that the user named and that may be a pipe: a secret from a password manager.
///
/// # Errors
/// As [`File::open`], and if it is longer than `most`.
pub fn read_any(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_all(File::open(path)?, most)
}

/// Reads a file that a project may name. Only a pipe that a shell made of a command's output is as
/// good.
///
/// # Errors
/// As [`open`], and if it is longer than `most`.
pub fn read_named(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if is_substituted(path) {
        read_any(path, most)
    } else {
        read(path, most)
    }
}

/// Whether a shell made this of a command's output (`<(command)`): a pipe without a name of its
/// own. A named pipe is none: nobody may ever write to it.
#[must_use]
pub fn is_substituted(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let by_descriptor = path.starts_with("/dev/fd")
            || path.starts_with("/proc/self/fd")
            || path == Path::new("/dev/stdin");
        by_descriptor && std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

fn read_all(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_waited_for_and_nothing_is_read_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        for path in [&*pipe, Path::new("/dev/zero")] {
            assert!(open(path).is_err());
            assert!(crate::mmap::Map::open(path).is_err());
        }
        let sparse = dir.path().join("sparse");
        File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
        let error = read(&sparse, MOST_TEXT).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let error = read_any(Path::new("/dev/zero"), 100).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        File::create(&sparse).unwrap().set_len(7).unwrap();
        assert_eq!(read(&sparse, 7).unwrap(), [0; 7]);
    }
}
