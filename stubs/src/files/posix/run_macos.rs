//! Running a virtual program where the system takes files only: from the user's verified cache.

use std::ffi::{CString, c_char, c_int, c_long};
use std::os::unix::ffi::OsStrExt;

use oxidize_format::Node;

use super::{BLOB, content, system};
use crate::ffi::cache;

type Strings = *const *const c_char;

/// The file with a program's content, at its place in the application.
///
/// This may run in a child between `fork` and `exec`, and allocates: libSystem makes its heap
/// usable there (`fork` takes the heap's locks and gives the child fresh ones). `HOME` is read from
/// the environment; only where it is not set is the user's entry looked up.
fn on_disk(node: Node<'static>) -> Result<CString, c_int> {
    if let Some(path) = content::on_disk(node)? {
        return Ok(path);
    }
    let damaged = |_| libc::EIO;
    let data = node.data().map_err(damaged)?.ok_or(libc::EIO)?;
    let digest = BLOB.get().ok_or(libc::EIO)?.header().digest;
    let place = cache::place(&digest, &node.path().map_err(damaged)?).ok_or(libc::EIO)?;
    let root = cache::root().ok_or(libc::EACCES)?;
    let bytes = data.read().map_err(damaged)?;
    let file = cache::file(&root, &place, &bytes);
    let file = file.map_err(|error| error.raw_os_error().unwrap_or(libc::EACCES))?;
    CString::new(file.path().as_os_str().as_bytes()).map_err(|_| libc::EIO)
}

/// Becomes a program.
///
/// # Errors
/// The error number; it returns only with one.
///
/// # Safety
/// As `execve`.
pub(super) unsafe fn execute(
    node: Node<'static>,
    arguments: Strings,
    environment: Strings,
) -> Result<c_long, c_int> {
    let path = on_disk(node)?;
    // SAFETY: the caller's.
    unsafe { system::execve(path.as_ptr(), arguments, environment) };
    Err(super::errno())
}

/// Starts a program with `start`, which is given a path and answers as `posix_spawn`.
///
/// # Errors
/// The error number.
pub(super) fn spawn(
    node: Node<'static>,
    start: impl FnOnce(*const c_char) -> c_int,
) -> Result<c_int, c_int> {
    let path = on_disk(node)?;
    Ok(start(path.as_ptr()))
}
