//! Windows: the root is a directory on drive C that cannot be taken for a real one, and backslashes separate.
//!
//! Python code normalises case, turns slashes round and puts `\\?\` in front, so all of these name the root; the names
//! below it are compared as they are, as Python's own import system does (PEP 235).

use std::borrow::Cow;

use super::{BLOB_ROOT, normal};

/// The virtual root.
pub const ROOT: &str = r"C:\~oxidize";
/// The application: `sys.path[0]`.
pub const APPLICATION_ROOT: &str = r"C:\~oxidize\app";
/// The standard library: `sys.path[1]`.
pub const STDLIB_ROOT: &str = oxidize_python::WINDOWS_LIBRARY;

fn is_separator(byte: u8) -> bool {
    byte == b'\\' || byte == b'/'
}

/// What follows the root.
fn rest(path: &str) -> Option<&str> {
    let path = path.strip_prefix(r"\\?\").unwrap_or(path);
    let (root, rest) = path.split_at_checked(ROOT.len())?;
    let equal = |(a, b): (u8, u8)| a.eq_ignore_ascii_case(&b) || is_separator(a) && is_separator(b);
    let is_root = root.bytes().zip(ROOT.bytes()).all(equal);
    let ends = rest.bytes().next().is_none_or(is_separator);
    (is_root && ends).then_some(rest)
}

/// Whether a path of the system lies below [`ROOT`].
pub fn is_virtual(path: &str) -> bool {
    rest(path).is_some()
}

/// The blob's path for one of the system; `None` if it leads elsewhere.
pub fn inward(path: &str) -> Option<Cow<'_, str>> {
    normal(&rest(path)?.replace('\\', "/"))
}

/// The system's path for one of the blob.
pub fn outward(path: &str) -> Cow<'_, str> {
    match path.strip_prefix(BLOB_ROOT) {
        Some(rest) => Cow::Owned(format!("{ROOT}{}", rest.replace('/', "\\"))),
        None => Cow::Borrowed(path),
    }
}

/// Whether an entry of a search path names this directory of the blob.
pub fn same(entry: &str, directory: &str) -> bool {
    inward(entry).is_some_and(|entry| entry == directory)
}
