//! What a virtual file holds: on disk beside the executable, or bytes that are written from there.

use std::ffi::{CStr, CString, c_int};

use oxidize_format::Node;

use super::{last_error, system};
use crate::paths::placed;

/// The path of a file that lies beside the executable.
///
/// # Errors
/// The error number.
pub(super) fn on_disk(node: Node<'static>) -> Result<Option<CString>, c_int> {
    if node.is_dir() {
        return Ok(None);
    }
    let data = node.data().map_err(|_| libc::EIO)?;
    let path = data.and_then(|data| placed::beside(data.relative_path()?));
    path.map(|path| CString::new(path).map_err(|_| libc::EIO))
        .transpose()
}

/// Opens what [`on_disk`] named, for reading.
///
/// # Errors
/// The error number.
pub(super) fn open_on_disk(path: &CStr, flags: c_int) -> Result<c_int, c_int> {
    let flags = libc::O_RDONLY | flags;
    // SAFETY: a NUL-terminated path.
    let opened = unsafe { system::openat(libc::AT_FDCWD, path.as_ptr(), flags, 0) };
    if opened < 0 {
        last_error()
    } else {
        Ok(opened as c_int)
    }
}

/// What one call writes at most: macOS refuses 2 GiB and more.
const AT_ONCE: usize = 1 << 30;

/// Writes to a new file and leaves its position at its beginning.
///
/// # Errors
/// The error number.
pub(super) fn write_all(file: c_int, mut bytes: &[u8]) -> Result<(), c_int> {
    let mut at = 0;
    while !bytes.is_empty() {
        // The file's position stays at its beginning.
        // SAFETY: the buffer is valid for its length.
        let written =
            unsafe { libc::pwrite(file, bytes.as_ptr().cast(), bytes.len().min(AT_ONCE), at) };
        if written < 0 && super::errno() != libc::EINTR {
            return last_error();
        }
        let written = usize::try_from(written).unwrap_or(0);
        bytes = &bytes[written..];
        at += written as libc::off_t;
    }
    Ok(())
}
