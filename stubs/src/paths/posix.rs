//! POSIX: both forms are the same.

use std::borrow::Cow;

use super::normal;

pub use super::{
    BLOB_APPLICATION_ROOT as APPLICATION_ROOT, BLOB_ROOT as ROOT, BLOB_STDLIB_ROOT as STDLIB_ROOT,
};

/// Whether a path of the system lies below [`ROOT`].
pub fn is_virtual(path: &str) -> bool {
    rest(path).is_some()
}

fn rest(path: &str) -> Option<&str> {
    path.strip_prefix(ROOT)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The blob's path for one of the system; `None` if it leads elsewhere. Accepts what programs build
/// by joining: `//`, `.`, `..` and a slash at the end.
pub fn inward(path: &str) -> Option<Cow<'_, str>> {
    let Some(rest) = rest(path) else {
        return super::placed::inward(path).map(Cow::Owned);
    };
    if !path.ends_with('/') && !path.contains("//") && !path.contains("/.") {
        return Some(Cow::Borrowed(path));
    }
    normal(rest)
}

/// The system's path for one of the blob.
pub fn outward(path: &str) -> Cow<'_, str> {
    super::placed::on_disk(path).map_or(Cow::Borrowed(path), Cow::Owned)
}

/// Whether an entry of a search path names this directory of the blob.
pub fn same(entry: &str, directory: &str) -> bool {
    entry == directory
}
