//! What an output would take the place of: whether two names lead to one file, and whether that may
//! go.

use std::fs;
#[cfg(unix)]
use std::fs::Metadata;
use std::io;
use std::path::Path;

use crate::container;
use crate::mmap::Map;

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

/// Whether this is an application, or nothing yet, whose loss is none.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn may_be_replaced(path: &Path) -> io::Result<bool> {
    let file = Map::open(path)?;
    let slot = container::detect(&file).ok().flatten();
    Ok(file.is_empty() || slot.is_some_and(|slot| slot.blob.is_some()))
}
