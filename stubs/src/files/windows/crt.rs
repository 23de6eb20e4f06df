//! The C library's functions that open files inside it. Descriptors are its own, of handles of
//! ours.

use std::ffi::{c_char, c_int};
use std::ptr;

use libc::FILE;

use super::system::{
    _close, _errno, _fdopen, _open_osfhandle, CREATE_ALWAYS, CREATE_NEW, ERROR_ACCESS_DENIED,
    ERROR_ALREADY_EXISTS, ERROR_FILE_EXISTS, ERROR_FILE_NOT_FOUND, ERROR_FILE_TOO_LARGE,
    ERROR_PATH_NOT_FOUND, ERROR_WRITE_PROTECT, GENERIC_READ, GENERIC_WRITE, MultiByteToWideChar,
    OPEN_ALWAYS, TRUNCATE_EXISTING,
};
use super::{Place, answers, begins, calls, locate};

/// fcntl.h
const WRITE_ONLY: c_int = 1;
const READ_WRITE: c_int = 2;
const APPEND: c_int = 8;
const NO_INHERIT: c_int = 0x80;
const CREATE: c_int = 0x100;
const TRUNCATE: c_int = 0x200;
const EXCLUSIVE: c_int = 0x400;
const TEXT: c_int = 0x4000;
const BINARY: c_int = 0x8000;
/// Those that a descriptor keeps.
const KEPT: c_int = NO_INHERIT | TEXT | BINARY;
/// `OPEN_EXISTING`
const EXISTING: u32 = 3;

/// The C library's number for an error of the system.
pub(super) fn number(error: u32) -> c_int {
    match error {
        ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => libc::ENOENT,
        ERROR_FILE_EXISTS | ERROR_ALREADY_EXISTS => libc::EEXIST,
        ERROR_ACCESS_DENIED | ERROR_WRITE_PROTECT => libc::EACCES,
        ERROR_FILE_TOO_LARGE => libc::EFBIG,
        _ => libc::EINVAL,
    }
}

pub(super) fn fail(error: u32) -> c_int {
    // SAFETY: the thread's own.
    unsafe { *_errno() = number(error) };
    -1
}

/// `open` on a place in the tree.
pub(super) fn open(place: Place, flags: c_int) -> Result<c_int, u32> {
    let access = if flags & (WRITE_ONLY | READ_WRITE | APPEND) == 0 {
        GENERIC_READ
    } else {
        GENERIC_READ | GENERIC_WRITE
    };
    let disposition = match (
        flags & CREATE != 0,
        flags & EXCLUSIVE != 0,
        flags & TRUNCATE != 0,
    ) {
        (true, true, _) => CREATE_NEW,
        (true, false, true) => CREATE_ALWAYS,
        (true, false, false) => OPEN_ALWAYS,
        (false, _, true) => TRUNCATE_EXISTING,
        (false, _, false) => EXISTING,
    };
    let inherits = flags & NO_INHERIT == 0;
    let handle = calls::open(place, access, inherits, disposition, 0)?;
    // SAFETY: a handle of ours, which the descriptor takes over.
    Ok(unsafe { _open_osfhandle(handle.addr().cast_signed(), flags & KEPT) })
}

/// `fopen` on a place in the tree.
pub(super) fn stream(place: Place, mode: &[u8]) -> *mut FILE {
    let has = |byte| mode.contains(&byte);
    let mut flags = match mode.first() {
        _ if has(b'+') => READ_WRITE,
        Some(b'r') => 0,
        _ => WRITE_ONLY,
    };
    flags |= match mode.first() {
        Some(b'w') if has(b'x') => CREATE | TRUNCATE | EXCLUSIVE,
        Some(b'w') => CREATE | TRUNCATE,
        Some(b'a') => CREATE | APPEND,
        _ => 0,
    };
    flags |= if has(b'b') { BINARY } else { TEXT };
    flags |= if has(b'N') { NO_INHERIT } else { 0 };
    let descriptor = open(place, flags).unwrap_or_else(fail);
    if descriptor < 0 {
        return ptr::null_mut();
    }
    let mode = if has(b'b') { c"rb" } else { c"r" };
    // SAFETY: a descriptor of ours.
    unsafe {
        let stream = _fdopen(descriptor, mode.as_ptr());
        if stream.is_null() {
            _close(descriptor);
        }
        stream
    }
}

/// `struct _stat64` (sys/stat.h)
#[repr(C)]
pub(super) struct Stat<Size> {
    device: u32,
    inode: u16,
    mode: u16,
    links: i16,
    user: i16,
    group: i16,
    other_device: u32,
    size: Size,
    times: [i64; 3],
}

pub(super) fn stat<Size: TryFrom<u64>>(place: Place, stat: &mut Stat<Size>) -> c_int {
    /// The first moment of the year 2000, in seconds since 1970.
    const SECONDS: i64 = (answers::MODIFIED / 10_000_000) as i64 - 11_644_473_600;
    let found = place.existing().and_then(|node| {
        let size = Size::try_from(answers::size(node)?);
        Ok((node, size.map_err(|_| ERROR_FILE_TOO_LARGE)?))
    });
    match found {
        Ok((node, size)) => {
            *stat = Stat {
                device: 2, // drive C
                inode: 0,
                mode: if node.is_dir() { 0o040_777 } else { 0o100_666 },
                links: 1,
                user: 0,
                group: 0,
                other_device: 2,
                size,
                times: [SECONDS; 3],
            };
            0
        }
        Err(error) => fail(error),
    }
}

/// A path of bytes in the system's code page, if it may lead below the virtual root.
///
/// # Safety
/// `path` must be null or end with NUL.
pub(super) unsafe fn widened(path: *const c_char) -> Option<Vec<u16>> {
    if path.is_null() {
        return None;
    }
    let mut front = [0u16; 5];
    // SAFETY: each byte is read only after the one before it was found not to be the end; both
    // buffers are valid for the lengths passed.
    unsafe {
        for (index, unit) in front.iter_mut().take(4).enumerate() {
            *unit = (*path.add(index)).cast_unsigned().into();
            if *unit == 0 {
                break;
            }
        }
        if !begins(front.as_ptr()) {
            return None;
        }
        let length = MultiByteToWideChar(0, 0, path, -1, ptr::null_mut(), 0);
        let mut wide = vec![0; usize::try_from(length).ok()?];
        MultiByteToWideChar(0, 0, path, -1, wide.as_mut_ptr(), length);
        (wide.last() == Some(&0)).then_some(wide)
    }
}

/// Where a path of bytes leads.
///
/// # Safety
/// `path` must be null or end with NUL.
pub(super) unsafe fn locate_bytes(path: *const c_char) -> Option<Place> {
    // SAFETY: the caller's; the wide path ends with NUL.
    unsafe { locate(widened(path)?.as_ptr()) }
}

/// The bytes of a string of ASCII.
///
/// # Safety
/// `text` must end with NUL.
pub(super) unsafe fn narrow(text: *const u16) -> Vec<u8> {
    // SAFETY: the caller's.
    let text = unsafe { super::system::text(text) };
    text.iter()
        .map(|unit| u8::try_from(*unit).unwrap_or(b'?'))
        .collect()
}

// `_open` takes its mode as a variadic argument, which arrives where a third argument does.
define! {
    fn _wopen(path: *const u16, flags: c_int, mode: c_int) -> c_int {
        match locate(path) {
            None => real!(_wopen(path, flags, mode): fn(*const u16, c_int, c_int) -> c_int),
            Some(place) => open(place, flags).unwrap_or_else(fail),
        }
    }
    fn _open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
        match locate_bytes(path) {
            None => real!(_open(path, flags, mode): fn(*const c_char, c_int, c_int) -> c_int),
            Some(place) => open(place, flags).unwrap_or_else(fail),
        }
    }
    fn _wfopen(path: *const u16, mode: *const u16) -> *mut FILE {
        match locate(path) {
            None => real!(_wfopen(path, mode): fn(*const u16, *const u16) -> *mut FILE),
            Some(place) => stream(place, &narrow(mode)),
        }
    }
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE {
        match locate_bytes(path) {
            None => real!(fopen(path, mode): fn(*const c_char, *const c_char) -> *mut FILE),
            Some(place) => stream(place, std::ffi::CStr::from_ptr(mode).to_bytes()),
        }
    }
    fn _wstat64(path: *const u16, result: *mut Stat<i64>) -> c_int {
        match locate(path) {
            None => real!(_wstat64(path, result): fn(*const u16, *mut Stat<i64>) -> c_int),
            Some(place) => stat(place, &mut *result),
        }
    }
    fn _stat64(path: *const c_char, result: *mut Stat<i64>) -> c_int {
        match locate_bytes(path) {
            None => real!(_stat64(path, result): fn(*const c_char, *mut Stat<i64>) -> c_int),
            Some(place) => stat(place, &mut *result),
        }
    }
}
