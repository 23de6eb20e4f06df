//! Windows: the root is a directory on drive C that cannot be taken for a real one, and backslashes
//! separate.
//!
//! Python code normalises case, turns slashes round and puts `\\?\` in front, so all of these name
//! the root; the names below it are compared as they are, as Python's own import system does (PEP
//! 235).

use std::borrow::Cow;

use super::{BLOB_ROOT, normal};

/// The virtual root.
pub const ROOT: &str = r"C:\~oxidize";
/// The application: `sys.path[0]`.
pub const APPLICATION_ROOT: &str = r"C:\~oxidize\app";
/// The standard library: `sys.path[1]`.
pub const STDLIB_ROOT: &str = r"C:\~oxidize\Lib";

fn is_separator(byte: u8) -> bool {
    byte == b'\\' || byte == b'/'
}

/// The path without `\\?\` and its relatives, which hand it to the system as it is.
fn unprefixed(path: &str) -> &str {
    let prefix = match path.as_bytes() {
        [a, b, b'?' | b'.', c, ..] if [a, b, c].into_iter().all(|byte| is_separator(*byte)) => 4,
        [b'\\', b'?', b'?', b'\\', ..] => 4,
        _ => 0,
    };
    &path[prefix..]
}

/// What follows the root. Before it, repeated separators, `.` and `..` lead nowhere else.
fn rest(path: &str) -> Option<&str> {
    let (drive, name) = ROOT.split_at(2);
    let path = unprefixed(path);
    let (own_drive, mut rest) = path.split_at_checked(drive.len())?;
    if !own_drive.eq_ignore_ascii_case(drive) || !rest.starts_with(['\\', '/']) {
        return None;
    }
    loop {
        rest = rest.trim_start_matches(['\\', '/']);
        let dots = rest.bytes().take_while(|byte| *byte == b'.').count();
        if !(1..=2).contains(&dots) || !rest[dots..].starts_with(['\\', '/']) {
            break;
        }
        rest = &rest[dots..];
    }
    let (own_name, rest) = rest.split_at_checked(name.len() - 1)?;
    let ends = rest.bytes().next().is_none_or(is_separator);
    (own_name.eq_ignore_ascii_case(&name[1..]) && ends).then_some(rest)
}

/// Whether a path of the system lies below [`ROOT`].
pub fn is_virtual(path: &str) -> bool {
    rest(path).is_some()
}

/// The blob's path for one of the system; `None` if it leads elsewhere.
pub fn inward(path: &str) -> Option<Cow<'_, str>> {
    match rest(path) {
        Some(rest) => normal(&rest.replace('\\', "/")),
        None => super::placed::inward(path).map(Cow::Owned),
    }
}

/// The system's path for one of the blob.
pub fn outward(path: &str) -> Cow<'_, str> {
    if let Some(path) = super::placed::on_disk(path) {
        return Cow::Owned(path);
    }
    match path.strip_prefix(BLOB_ROOT) {
        Some(rest) => Cow::Owned(format!("{ROOT}{}", rest.replace('/', "\\"))),
        None => Cow::Borrowed(path),
    }
}

/// Whether an entry of a search path names this directory of the blob.
pub fn same(entry: &str, directory: &str) -> bool {
    inward(entry).is_some_and(|entry| entry == directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_many_spellings() {
        let inside = [
            r"C:\~oxidize\app\x.py",
            r"c:/~OXIDIZE/app/x.py",
            r"\\?\C:\~oxidize\app\x.py",
            r"\\.\C:\~oxidize\app\x.py",
            r"//?/C:/~oxidize/app/x.py",
            r"\??\C:\~oxidize\app\x.py",
            r"C:\\~oxidize\\app\.\x.py",
            r"C:\.\..\~oxidize\lib\..\app\x.py",
        ];
        for path in inside {
            assert_eq!(
                inward(path).as_deref(),
                Some("/~oxidize/app/x.py"),
                "{path}"
            );
        }
        assert_eq!(inward(r"C:\~oxidize\").as_deref(), Some("/~oxidize"));
        let outside = [
            r"C:\~oxidized\x",
            r"C:~oxidize\x",
            r"D:\~oxidize\x",
            r"C:\...\~oxidize\x",
            r"C:\~oxidize\..\x",
            r"\\server\C:\~oxidize",
            r"~oxidize",
            r"C:\é~oxidize",
            r"C:\~oxidizé",
            "C:",
            "",
        ];
        for path in outside {
            assert_eq!(inward(path), None, "{path}");
        }
    }
}
