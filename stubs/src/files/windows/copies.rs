//! Handles that a virtual file is read by: of a temporary file of this process.
//!
//! The first opening of a file writes it; further ones open it again. For that a handle stays open,
//! of the last few dozen files. Nobody else may write to the file while a handle is open, and the
//! system removes it with the last one, however the process ends.

use std::borrow::Cow;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use oxidize_format::Node;

use super::answers::{self, MODIFIED};
use super::system::{
    ATTRIBUTE_TEMPORARY, ByHandle, CREATE_NEW, DELETE, ERROR_FILE_CORRUPT, FLAG_DELETE_ON_CLOSE,
    FLAGS_OF_READING, FileTime, GENERIC_READ, GENERIC_WRITE, GetCurrentProcessId, GetTempPathW,
    INVALID_HANDLE, ReOpenFile, SHARE_ALL, SetFilePointerEx, SetFileTime, WriteFile, last_error,
    wide,
};
use super::{BLOB, Handle};
use crate::paths::placed;

/// Copies that stay.
const PLACES: usize = 64;

/// A file that stays for the next opening.
struct Kept {
    node: u32,
    handle: usize,
}

static KEPT: Mutex<[Option<Kept>; PLACES]> = Mutex::new([const { None }; PLACES]);

/// Opens a file for reading.
///
/// # Errors
/// The system's error.
pub(super) fn open(node: Node<'static>, access: u32, flags: u32) -> Result<Handle, u32> {
    let data = node.data().map_err(|_| ERROR_FILE_CORRUPT)?;
    if let Some(path) = data.and_then(|data| placed::beside(data.relative_path()?)) {
        return open_on_disk(&path, access, flags);
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let place = &mut kept[node.index() as usize % PLACES];
    if let Some(known) = place.as_ref().filter(|known| known.node == node.index())
        && let Ok(handle) = reopen(ptr::without_provenance_mut(known.handle), access, flags)
    {
        return Ok(handle);
    }
    let copy = create(node)?;
    let Ok(handle) = reopen(copy, access, flags) else {
        return Ok(copy);
    };
    let new = Kept {
        node: node.index(),
        handle: copy.addr(),
    };
    if let Some(old) = place.replace(new) {
        close(ptr::without_provenance_mut(old.handle));
    }
    Ok(handle)
}

/// Opens a file that lies beside the executable.
fn open_on_disk(path: &str, access: u32, flags: u32) -> Result<Handle, u32> {
    /// `FILE_SHARE_READ`
    const SHARE_READ: u32 = 1;
    /// `OPEN_EXISTING`
    const EXISTING: u32 = 3;
    let path = wide(path);
    let null = ptr::null();
    // SAFETY: the path ends with NUL.
    let file = unsafe {
        real!(CreateFileW(path.as_ptr(), access, SHARE_READ, null, EXISTING, flags, ptr::null_mut()):
            fn(*const u16, u32, u32, *const super::system::Security, u32, u32, Handle) -> Handle)
    };
    if file == INVALID_HANDLE {
        Err(last_error())
    } else {
        Ok(file)
    }
}

fn reopen(copy: Handle, access: u32, flags: u32) -> Result<Handle, u32> {
    // SAFETY: a handle of ours.
    let handle = unsafe { ReOpenFile(copy, access, SHARE_ALL, flags & FLAGS_OF_READING) };
    if handle == INVALID_HANDLE {
        Err(last_error())
    } else {
        Ok(handle)
    }
}

fn close(handle: Handle) {
    // SAFETY: a handle of ours.
    unsafe { real!(CloseHandle(handle): fn(Handle) -> i32) };
}

/// A new temporary file with a node's content, at its beginning.
fn create(node: Node<'static>) -> Result<Handle, u32> {
    let bytes = content(node)?;
    let file = temporary()?;
    let finished = write_all(file, &bytes).and_then(|()| stamp(file, node));
    // SAFETY: a handle of ours.
    unsafe { SetFilePointerEx(file, 0, ptr::null_mut(), 0) };
    match finished {
        Ok(()) => Ok(file),
        Err(error) => {
            close(file);
            Err(error)
        }
    }
}

/// What a file holds, wherever it lies.
pub(super) fn content(node: Node<'static>) -> Result<Cow<'static, [u8]>, u32> {
    let Some(data) = node.data().map_err(|_| ERROR_FILE_CORRUPT)? else {
        return Ok(Cow::Borrowed(&[]));
    };
    match data.relative_path().and_then(placed::beside) {
        None => data.read().map_err(|_| ERROR_FILE_CORRUPT),
        Some(path) => std::fs::read(path).map(Cow::Owned).map_err(|error| {
            error
                .raw_os_error()
                .map_or(ERROR_FILE_CORRUPT, i32::cast_unsigned)
        }),
    }
}

fn temporary() -> Result<Handle, u32> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut directory = [0u16; 300];
    // SAFETY: the buffer is valid for its length; the path ends with NUL.
    unsafe {
        let length = GetTempPathW(directory.len() as u32 - 1, directory.as_mut_ptr());
        let directory = directory.get(..length as usize).unwrap_or_default();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = wide(&format!("oxidize-{}-{count}.tmp", GetCurrentProcessId()));
        let path: Vec<u16> = directory.iter().copied().chain(name).collect();
        let file = real!(CreateFileW(
            path.as_ptr(),
            GENERIC_READ | GENERIC_WRITE | DELETE,
            // Readers say that they bear a writer, which is this handle.
            SHARE_READ_DELETE,
            ptr::null(),
            CREATE_NEW,
            ATTRIBUTE_TEMPORARY | FLAG_DELETE_ON_CLOSE,
            ptr::null_mut()
        ): fn(*const u16, u32, u32, *const super::system::Security, u32, u32, Handle) -> Handle);
        if file == INVALID_HANDLE {
            Err(last_error())
        } else {
            Ok(file)
        }
    }
}

/// `FILE_SHARE_READ | FILE_SHARE_DELETE`
const SHARE_READ_DELETE: u32 = 5;

/// Writes bytes at a file's position.
pub(super) fn write_all(file: Handle, bytes: &[u8]) -> Result<(), u32> {
    for chunk in bytes.chunks(1 << 30) {
        let mut written = 0;
        // SAFETY: the buffer is valid for its length; on a handle for synchronous writing all of it
        // is written.
        let done = unsafe {
            let length = chunk.len() as u32;
            WriteFile(
                file,
                chunk.as_ptr(),
                length,
                &raw mut written,
                ptr::null_mut(),
            )
        };
        if done == 0 {
            return Err(last_error());
        }
    }
    Ok(())
}

/// The time by which a handle is known again. A copy that a program makes does not have it: what is
/// said about the file is [`MODIFIED`].
fn stamp(file: Handle, node: Node<'static>) -> Result<(), u32> {
    let time = FileTime::new(MODIFIED + u64::from(node.index()));
    // SAFETY: a handle of ours.
    let done = unsafe { SetFileTime(file, ptr::null(), ptr::null(), &raw const time) };
    if done == 0 {
        return Err(last_error());
    }
    Ok(())
}

/// The node that the file behind a handle is a copy of.
pub(super) fn of_copy(about: &ByHandle) -> Option<Node<'static>> {
    let index = about.written.ticks().checked_sub(MODIFIED)?;
    let index = u32::try_from(index).ok().filter(|index| *index != 0)?;
    let node = BLOB.get()?.tree().get(index).ok()?;
    let size = u64::from(about.size_high) << 32 | u64::from(about.size_low);
    (!node.is_dir() && answers::size(node) == Ok(size)).then_some(node)
}
