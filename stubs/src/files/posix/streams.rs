//! `fopen`: the C library opens files inside itself, past our `open`.

use std::ffi::{CStr, c_char, c_int};
#[cfg(target_os = "linux")]
use std::io::Write as _;
use std::ptr;

use libc::FILE;

use super::{Lead, calls, locate, set_errno};

/// Flags of `open` for a mode of `fopen`.
fn flags(mode: &CStr) -> c_int {
    let mode = mode.to_bytes();
    let access = match mode.first() {
        _ if mode.contains(&b'+') => libc::O_RDWR,
        Some(b'r') => libc::O_RDONLY,
        _ => libc::O_WRONLY,
    };
    let creates = match mode.first() {
        Some(b'w') => libc::O_CREAT | libc::O_TRUNC,
        Some(b'a') => libc::O_CREAT | libc::O_APPEND,
        _ => 0,
    };
    let exclusive = if mode.contains(&b'x') {
        libc::O_EXCL
    } else {
        0
    };
    let on_exec = if mode.contains(&b'e') {
        libc::O_CLOEXEC
    } else {
        0
    };
    access | creates | exclusive | on_exec
}

type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut FILE;

/// `fopen`; `real` is the system's.
///
/// # Safety
/// As `fopen`.
pub(super) unsafe fn open(path: *const c_char, mode: *const c_char, real: Open) -> *mut FILE {
    // SAFETY: the caller's.
    unsafe {
        let place = match locate(path) {
            Lead::System(path) => return real(path, mode),
            Lead::Tree(place) => place,
        };
        match calls::open_for_stream(place, flags(CStr::from_ptr(mode))) {
            Ok(descriptor) => {
                let stream = fdopen(descriptor, mode);
                if stream.is_null() {
                    libc::close(descriptor);
                }
                stream
            }
            Err(error) => {
                set_errno(error);
                ptr::null_mut()
            }
        }
    }
}

#[cfg(not(target_os = "macos"))]
use libc::fdopen;

#[cfg(target_os = "macos")]
unsafe extern "C" {
    /// The one for more descriptors than a short number counts.
    #[link_name = "fdopen$DARWIN_EXTSN"]
    fn fdopen(descriptor: c_int, mode: *const c_char) -> *mut FILE;
}

define! {
    pub(super) fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE {
        open(path, mode, real!(fopen: fn(*const c_char, *const c_char) -> *mut FILE))
    }
}

#[cfg(target_os = "linux")]
define! {
    pub(super) fn freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE {
        let reopen = real!(freopen: fn(*const c_char, *const c_char, *mut FILE) -> *mut FILE);
        let place = match locate(path) {
            Lead::System(path) => return reopen(path, mode, stream),
            Lead::Tree(place) => place,
        };
        match calls::open_for_stream(place, flags(CStr::from_ptr(mode))) {
            Ok(descriptor) => {
                let mut again = [0u8; 32];
                // It fits: a descriptor has at most ten digits.
                let _ = write!(&mut again[..], "/proc/self/fd/{descriptor}");
                let stream = reopen(again.as_ptr().cast(), mode, stream);
                libc::close(descriptor);
                stream
            }
            Err(error) => {
                // A failed freopen closes the stream.
                libc::fclose(stream);
                set_errno(error);
                ptr::null_mut()
            }
        }
    }
}
