//! Windows: the system's file functions, and the C library's that open files inside it, are
//! diverted to definitions of ours by the linker (`--wrap`). Libraries of wheels, which the system
//! loads, are given the same definitions once they are loaded ([`table`]).
//!
//! A handle that is only asked about its file, and any handle of a directory, is a number that the
//! kernel never gives out. One that is read from is real, of a temporary file of this process
//! ([`copies`]); it is known by its time stamp. So all reading is the kernel's.
//!
//! Names are found as Windows finds them: as they are spelled first, in any case after that.
#![allow(unsafe_code)]

#[macro_use]
mod real;
mod answers;
mod calls;
mod copies;
mod crt;
mod handles;
mod libraries;
mod programs;
mod search;
mod system;
mod table;

use std::ffi::c_void;
use std::sync::OnceLock;

use oxidize_format::{Blob, Node};

use crate::paths;
use system::{ERROR_FILE_CORRUPT, ERROR_FILE_NOT_FOUND, ERROR_INVALID_NAME, ERROR_PATH_NOT_FOUND};

static BLOB: OnceLock<Blob<'static>> = OnceLock::new();

/// Serves the files of a blob from here on. Before Python starts.
pub(crate) fn serve_from(blob: Blob<'static>) {
    let _ = BLOB.set(blob);
    let _ = crate::ffi::dynamic::ON_LOAD.set(table::serve_library);
}

/// Where a path of the tree leads.
#[expect(
    clippy::large_enum_variant,
    reason = "made and used at once, on the stack"
)]
#[derive(Clone, Copy)]
enum Place {
    Node(Node<'static>),
    /// Nothing, in a directory that exists.
    Absent,
    /// Nothing, for this reason.
    Nowhere(u32),
}

impl Place {
    /// The node.
    ///
    /// # Errors
    /// The error of a call that needs one.
    fn existing(self) -> Result<Node<'static>, u32> {
        match self {
            Place::Node(node) => Ok(node),
            Place::Absent => Err(ERROR_FILE_NOT_FOUND),
            Place::Nowhere(error) => Err(error),
        }
    }
}

fn is_separator(unit: u16) -> bool {
    unit == u16::from(b'\\') || unit == u16::from(b'/')
}

/// Whether a path may lead below the virtual root: the comparison that every call pays.
///
/// # Safety
/// `path` must be null or end with NUL.
#[inline(always)]
unsafe fn begins(path: *const u16) -> bool {
    if path.is_null() {
        return false;
    }
    // SAFETY: each unit is read only after the one before it was found not to be the end.
    let unit = |index: usize| unsafe { *path.add(index) };
    let is = |unit: u16, text: &[u8]| text.iter().any(|byte| unit == u16::from(*byte));
    match unit(0) {
        first if is(first, b"cC") => {
            unit(1) == u16::from(b':') && is_separator(unit(2)) && is(unit(3), b"~.\\/")
        }
        first if is_separator(first) => is(unit(1), b"\\/?~"),
        _ => false,
    }
}

/// Where a path of the tree leads; `None` for one that is the system's business.
///
/// # Safety
/// `path` must be null or end with NUL.
#[inline(always)]
unsafe fn locate(path: *const u16) -> Option<Place> {
    // SAFETY: the caller's.
    unsafe { if begins(path) { resolve(path) } else { None } }
}

/// # Safety
/// `path` must end with NUL.
#[cold]
unsafe fn resolve(path: *const u16) -> Option<Place> {
    let blob = BLOB.get()?;
    // SAFETY: the caller's.
    let text = String::from_utf16_lossy(unsafe { system::text(path) });
    let full = current_drive(&text).map(|drive| drive + &text);
    let inside = paths::inward(full.as_ref().unwrap_or(&text))?;
    Some(place(blob, &inside, text.ends_with(['\\', '/'])))
}

/// The drive that a path with nothing but a separator at its front is on.
fn current_drive(path: &str) -> Option<String> {
    let name = paths::ROOT.get(3..)?;
    let first = path.trim_start_matches(['\\', '/']);
    let rooted = path.len() - first.len() == 1
        && first
            .get(..name.len())
            .is_some_and(|first| first.eq_ignore_ascii_case(name));
    if !rooted {
        return None;
    }
    let directory = std::env::current_dir().ok()?;
    directory.to_str()?.get(..2).map(str::to_owned)
}

fn place(blob: &Blob<'static>, path: &str, as_directory: bool) -> Place {
    let walk = || {
        let tree = blob.tree();
        if tree.is_empty() {
            return Ok(Place::Nowhere(ERROR_PATH_NOT_FOUND));
        }
        let mut node = tree.root()?;
        let names = path.get(paths::BLOB_ROOT.len()..).unwrap_or_default();
        let mut names = names.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            if !node.is_dir() {
                return Ok(Place::Nowhere(ERROR_PATH_NOT_FOUND));
            }
            node = match child(node, name)? {
                Some(child) => child,
                None if names.peek().is_none() => return Ok(Place::Absent),
                None => return Ok(Place::Nowhere(ERROR_PATH_NOT_FOUND)),
            };
        }
        Ok::<_, oxidize_format::Error>(if as_directory && !node.is_dir() {
            Place::Nowhere(ERROR_INVALID_NAME)
        } else {
            Place::Node(node)
        })
    };
    walk().unwrap_or(Place::Nowhere(ERROR_FILE_CORRUPT))
}

/// The entry of a directory that a name means: as it is spelled, or else in any case. Dots and
/// spaces at a name's end do not count.
fn child(
    directory: Node<'static>,
    name: &str,
) -> Result<Option<Node<'static>>, oxidize_format::Error> {
    if let Some(found) = directory.child(name)? {
        return Ok(Some(found));
    }
    let name = name.trim_end_matches(['.', ' ']);
    if let Some(found) = directory.child(name)? {
        return Ok(Some(found));
    }
    for entry in directory.children() {
        let entry = entry?;
        if search::same(entry.name(), name) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// The path of a node as programs see it.
fn outward(node: Node<'static>) -> Result<String, u32> {
    let path = node.path().map_err(|_| ERROR_FILE_CORRUPT)?;
    Ok(paths::outward(&path).into_owned())
}

/// A handle as functions without type take it.
type Handle = *mut c_void;
