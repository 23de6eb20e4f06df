//! Whether a file is still the one that was found.
//!
//! A file is looked at several times on its way into an application: when the tree is walked, when
//! it is compiled or searched for libraries, when it is written. If it changed in between, the
//! parts would not fit together. A time stamp tells, as far as the file system's clock goes; where
//! that is not enough, a digest of what was read first does ([`crate::pack::Payload`]).

use std::fs::Metadata;
use std::time::SystemTime;

/// What a file looked like when it was found. The default fits any file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp(Option<Look>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    len: u64,
    modified: Option<SystemTime>,
    /// Device and number.
    #[cfg(unix)]
    file: (u64, u64),
    /// When anything about it changed, which no program can set.
    #[cfg(unix)]
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of a file.
    #[must_use]
    pub fn of(file: &Metadata) -> Stamp {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Stamp(Some(Look {
            len: file.len(),
            modified: file.modified().ok(),
            #[cfg(unix)]
            file: (file.dev(), file.ino()),
            #[cfg(unix)]
            changed: (file.ctime(), file.ctime_nsec()),
        }))
    }

    /// Whether this is the same file, as it was.
    #[must_use]
    pub fn fits(self, file: &Metadata) -> bool {
        self.0.is_none() || self == Stamp::of(file)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn another_file_and_other_content_have_another_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&path, "one").unwrap();
        let stamp = Stamp::of(&fs::metadata(&path).unwrap());
        assert!(stamp.fits(&fs::metadata(&path).unwrap()));
        assert!(Stamp::default().fits(&fs::metadata(&path).unwrap()));
        fs::write(&other, "one").unwrap();
        assert!(!stamp.fits(&fs::metadata(&other).unwrap()));
        // The same length, and a time that was set back: the system's own time of change tells.
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, "two").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(before).unwrap();
        assert_eq!(stamp.fits(&fs::metadata(&path).unwrap()), !cfg!(unix));
    }
}
