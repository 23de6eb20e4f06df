//! POSIX path resolution over the directory tree.
//!
//! Paths come from programs, as bytes: with `//`, `.` and `..`, with a slash at the end, not always
//! UTF-8. The walk is the one a kernel makes (path_resolution(7)), component by component, so that
//! `file/..` is an error and not the file's directory. The tree has no symbolic links. Nothing is
//! allocated.

use crate::tree::{Node, Tree};
use crate::{Error, VIRTUAL_ROOT};

/// Longest name of a directory entry (`NAME_MAX`).
pub const MAX_NAME: usize = 255;
/// Longest path without its NUL (`PATH_MAX - 1`).
pub const MAX_PATH: usize = 4095;

/// Where a path leads.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "made on the stack, where nothing may be allocated"
)]
pub enum Place<'a> {
    /// A file or directory of the tree.
    Node(Node<'a>),
    /// Nothing, in a directory of the tree that exists: what would be created there.
    Absent,
    /// Nothing, and a directory on the way is missing too.
    NoDirectory,
    /// Through a file as if it were a directory.
    NotADirectory,
    /// A name or the whole path is longer than a system takes.
    TooLong,
    /// Out of the tree: the system's path is `/` and what follows this position of the given path.
    Outside(usize),
}

/// Whether an absolute path names the virtual root or something below it, before `..` is looked at.
#[must_use]
pub fn is_virtual(path: &[u8]) -> bool {
    let mut rest = path;
    let mut absolute = false;
    loop {
        match rest {
            [b'/', ..] => {
                absolute = true;
                rest = &rest[1..];
            }
            [b'.', b'/', ..] if absolute => rest = &rest[1..],
            [b'.', b'.', b'/', ..] if absolute => rest = &rest[2..],
            _ => break,
        }
    }
    absolute
        && rest
            .strip_prefix(&VIRTUAL_ROOT.as_bytes()[1..])
            .is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

impl<'a> Tree<'a> {
    /// Resolves an absolute path.
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn resolve(&self, path: &[u8]) -> Result<Place<'a>, Error> {
        self.walk(None, path)
    }

    /// Resolves a path relative to a directory of the tree. An empty path is
    /// [`Place::NoDirectory`].
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn resolve_from(&self, directory: Node<'a>, path: &[u8]) -> Result<Place<'a>, Error> {
        self.walk(Some(directory), path)
    }

    /// `at` is the node reached so far, `None` for the system's root, of which only the virtual
    /// root is known here.
    fn walk(&self, mut at: Option<Node<'a>>, path: &[u8]) -> Result<Place<'a>, Error> {
        if path.is_empty() {
            return Ok(Place::NoDirectory);
        }
        if path.len() > MAX_PATH {
            return Ok(Place::TooLong);
        }
        let mut position = 0;
        for component in path.split(|byte| *byte == b'/') {
            let start = position;
            position += component.len() + 1;
            at = match (at, component) {
                (at, b"") => at,
                (Some(node), _) if !node.is_dir() => return Ok(Place::NotADirectory),
                (at, b".") => at,
                (None, b"..") => None,
                (Some(node), b"..") => node.parent()?,
                (None, name) if name == &VIRTUAL_ROOT.as_bytes()[1..] && !self.is_empty() => {
                    Some(self.root()?)
                }
                (None, _) => return Ok(Place::Outside(start)),
                (Some(_), name) if name.len() > MAX_NAME => return Ok(Place::TooLong),
                (Some(node), name) => {
                    let child = match str::from_utf8(name) {
                        Ok(name) => node.child(name)?,
                        Err(_) => None,
                    };
                    if child.is_none() {
                        let rest = path.get(position..).unwrap_or(&[]);
                        let last = rest.iter().all(|byte| *byte == b'/');
                        return Ok(if last {
                            Place::Absent
                        } else {
                            Place::NoDirectory
                        });
                    }
                    child
                }
            };
        }
        Ok(match at {
            None => Place::Outside(path.len()),
            Some(node) if path.ends_with(b"/") && !node.is_dir() => Place::NotADirectory,
            Some(node) => Place::Node(node),
        })
    }
}
