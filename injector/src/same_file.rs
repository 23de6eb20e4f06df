//! Whether two names lead to one file.

use std::fs;
#[cfg(unix)]
use std::fs::Metadata;
use std::path::Path;

/// Whether both names lead to one file, over links of either kind.
#[must_use]
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) {
        return same(&one, &other);
    }
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether these are the same file's.
#[cfg(unix)]
#[must_use]
pub(crate) fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
