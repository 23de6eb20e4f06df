//! Virtual files: paths below the virtual root, served beneath CPython.
//!
//! The executable defines the C library's file functions itself ([`calls`], [`directories`],
//! [`streams`], [`programs`]). A path that does not begin with the virtual root costs one
//! comparison and goes on to the system. One that does is looked up in the blob. Because the
//! functions lie beneath CPython, OpenSSL and SQLite see the files too, and, where the executable
//! exports the names (glibc), so does the C code of wheels. `dlopen` has the files too where there
//! are libraries to load ([`libraries`]).
//!
//! `open` hands out a real descriptor of a file in memory or of a private file without a name
//! ([`descriptors`]), so that all calls on descriptors are the kernel's; `fstat` alone is ours too,
//! so that it agrees with `stat` ([`attributes`]).
//!
//! These functions are called without Python's lock, from signal handlers and between `fork` and
//! `exec`. So nothing here takes a lock, nothing on the way to the system allocates, and `errno` is
//! left alone on success.
//!
//! What differs between Linux and macOS is in twin files with the same functions (`_macos`). The
//! feature `private-files` takes the twins of macOS on Linux too, except for the system's calls and
//! libraries, so that what nobody here can run on a Mac is run by tests.
#![allow(unsafe_code)]

#[macro_use]
mod real;
mod attributes;
mod calls;
mod content;
#[cfg(not(any(target_os = "macos", feature = "private-files")))]
mod descriptors;
#[cfg(any(target_os = "macos", feature = "private-files"))]
#[path = "descriptors_macos.rs"]
mod descriptors;
mod directories;
#[cfg(target_env = "gnu")]
mod glibc;
#[cfg(target_env = "gnu")]
mod images;
#[cfg(target_env = "gnu")]
mod libraries;
#[cfg(target_os = "macos")]
#[path = "libraries_macos.rs"]
mod libraries;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod programs;
#[cfg(not(any(target_os = "macos", feature = "private-files")))]
mod run;
#[cfg(any(target_os = "macos", feature = "private-files"))]
#[path = "run_macos.rs"]
mod run;
mod streams;
#[cfg(not(target_os = "macos"))]
mod system;
#[cfg(target_os = "macos")]
#[path = "system_macos.rs"]
mod system;
#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
mod variadic;

use std::ffi::{CStr, c_char, c_int, c_long};
use std::sync::OnceLock;

use oxidize_format::{Blob, Node, Place};

use crate::paths::ROOT;

static BLOB: OnceLock<Blob<'static>> = OnceLock::new();

/// Serves the files of a blob from here on. Before Python starts.
pub(crate) fn serve_from(blob: Blob<'static>) {
    #[cfg(target_os = "macos")]
    real::find_all();
    let _ = BLOB.set(blob);
}

/// Forgets the descriptors of this process.
#[cfg(target_env = "musl")]
pub(crate) fn forget_descriptors() {
    descriptors::forget_all();
}

/// What a path means.
#[expect(
    clippy::large_enum_variant,
    reason = "made on the stack, where nothing may be allocated"
)]
enum Lead {
    /// The system's business, under this path.
    System(*const c_char),
    /// A place in the tree, or the error number for damaged resources. Never [`Place::Outside`].
    Tree(Result<Place<'static>, c_int>),
}

/// Whether a path may lead below the virtual root: the comparison that every call pays.
///
/// # Safety
/// `path` must be null or a C string.
#[inline(always)]
unsafe fn begins(path: *const c_char) -> bool {
    let root = ROOT.as_bytes();
    if path.is_null() {
        return false;
    }
    // SAFETY: a C string; each byte is read only after the one before it was found not to be its
    // NUL.
    unsafe {
        let byte = |index: usize| *path.cast::<u8>().add(index);
        if byte(0) != b'/' {
            return false;
        }
        match byte(1) {
            b'~' => {
                (2..root.len()).all(|index| byte(index) == root[index])
                    && matches!(byte(root.len()), 0 | b'/')
            }
            // `//~oxidize`, `/./~oxidize`, `/../~oxidize`
            b'/' | b'.' => is_virtual(path),
            _ => false,
        }
    }
}

/// # Safety
/// `path` must be a C string.
#[cold]
unsafe fn is_virtual(path: *const c_char) -> bool {
    // SAFETY: the caller's.
    oxidize_format::is_virtual(unsafe { CStr::from_ptr(path) }.to_bytes())
}

/// Where a path leads.
///
/// # Safety
/// `path` must be null or a C string.
#[inline(always)]
unsafe fn locate(path: *const c_char) -> Lead {
    // SAFETY: the caller's.
    unsafe {
        if begins(path) {
            resolve(None, path)
        } else {
            Lead::System(path)
        }
    }
}

/// # Safety
/// `path` must be a C string.
#[cold]
unsafe fn resolve(from: Option<Node<'static>>, path: *const c_char) -> Lead {
    let Some(blob) = BLOB.get() else {
        return Lead::System(path);
    };
    // SAFETY: the caller's.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    let place = match from {
        None => blob.tree().resolve(bytes),
        Some(directory) => blob.tree().resolve_from(directory, bytes),
    };
    match place {
        Ok(Place::Outside(at)) if at >= bytes.len() => Lead::System(c"/".as_ptr()),
        // SAFETY: inside the string; a component that is not its first has a slash before it, and
        // the first is empty.
        Ok(Place::Outside(at)) => Lead::System(unsafe { path.add(at.saturating_sub(1)) }),
        Ok(place) => Lead::Tree(Ok(place)),
        Err(_) => Lead::Tree(Err(libc::EIO)),
    }
}

/// The node at a place.
///
/// # Errors
/// The error number for anything else.
fn existing(place: Result<Place<'static>, c_int>) -> Result<Node<'static>, c_int> {
    match place? {
        Place::Node(node) => Ok(node),
        Place::NotADirectory => Err(libc::ENOTDIR),
        Place::TooLong => Err(libc::ENAMETOOLONG),
        Place::Absent | Place::NoDirectory | Place::Outside(_) => Err(libc::ENOENT),
    }
}

/// Why a place cannot be changed.
fn unchangeable(place: Result<Place<'static>, c_int>) -> c_int {
    existing(place).map_or_else(|error| error, |_| libc::EROFS)
}

/// Why nothing can be created at a place.
fn uncreatable(place: Result<Place<'static>, c_int>) -> c_int {
    match place {
        Ok(Place::Absent) => libc::EROFS,
        place => existing(place).map_or_else(|error| error, |_| libc::EEXIST),
    }
}

/// Serves a call on a path that may be relative to a descriptor. -1 is failure, as the C library
/// has it.
///
/// Whether a descriptor is one of our directories is looked at only when the system has refused it
/// as no directory.
///
/// # Safety
/// `path` must be null or a C string.
#[inline(always)]
unsafe fn serve(
    directory: c_int,
    path: *const c_char,
    system: impl Fn(c_int, *const c_char) -> c_long,
    tree: impl FnOnce(Result<Place<'static>, c_int>) -> Result<c_long, c_int>,
) -> c_long {
    // SAFETY: the caller's.
    let mut lead = unsafe { locate(path) };
    if let Lead::System(path) = lead {
        let answer = system(directory, path);
        // SAFETY: the caller's.
        if answer != -1 || directory == libc::AT_FDCWD || !unsafe { is_refused(path) } {
            return answer;
        }
        match descriptors::identify(directory) {
            // SAFETY: the caller's; null was refused with another error.
            Some(node) if node.is_dir() => lead = unsafe { resolve(Some(node), path) },
            _ => {
                set_errno(libc::ENOTDIR);
                return answer;
            }
        }
    }
    match lead {
        Lead::System(path) => system(libc::AT_FDCWD, path),
        Lead::Tree(place) => answer(tree(place)),
    }
}

/// Whether the system refused a relative path because its directory is none.
///
/// # Safety
/// `path` must be null or a C string.
unsafe fn is_refused(path: *const c_char) -> bool {
    // SAFETY: the caller's.
    errno() == libc::ENOTDIR && !path.is_null() && unsafe { *path.cast::<u8>() } != b'/'
}

/// A result as the C library gives it.
fn answer(result: Result<c_long, c_int>) -> c_long {
    result.unwrap_or_else(|error| {
        set_errno(error);
        -1
    })
}

fn errno() -> c_int {
    // SAFETY: the thread's own.
    unsafe { *system::errno() }
}

fn set_errno(error: c_int) {
    // SAFETY: the thread's own.
    unsafe { *system::errno() = error };
}

/// The error number of the last call.
fn last_error<T>() -> Result<T, c_int> {
    Err(errno())
}
