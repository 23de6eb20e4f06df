//! The environment variables that C code reads while modules are imported.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

static RECORDING: AtomicBool = AtomicBool::new(false);
static READ: Mutex<BTreeSet<CString>> = Mutex::new(BTreeSet::new());

/// What every start looks at anew, or compares by what comes of it: the C library's locale and time
/// zone.
const HANDLED: [&[u8]; 5] = [
    b"TZ",
    b"LANG",
    b"MUSL_LOCPATH",
    b"OPENSSL_ia32cap",
    b"OPENSSL_armcap",
];

/// Notes the names from here on.
pub(super) fn record() {
    RECORDING.store(true, Ordering::Relaxed);
}

/// Notes no more, and answers what was noted.
pub(super) fn recorded() -> BTreeSet<CString> {
    RECORDING.store(false, Ordering::Relaxed);
    std::mem::take(&mut *READ.lock().unwrap_or_else(PoisonError::into_inner))
}

/// # Safety
/// `name` must be null or a C string.
#[cold]
unsafe fn note(name: *const c_char) {
    if name.is_null() {
        return;
    }
    // SAFETY: the caller's.
    let name = unsafe { CStr::from_ptr(name) };
    let bytes = name.to_bytes();
    if !HANDLED.contains(&bytes) && !bytes.starts_with(b"LC_") {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(name.to_owned());
    }
}

unsafe extern "C" {
    fn __real_getenv(name: *const c_char) -> *mut c_char;
    fn __real_secure_getenv(name: *const c_char) -> *mut c_char;
}

/// C's `getenv` (the linker diverts the calls).
///
/// # Safety
/// `name` must be a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        if RECORDING.load(Ordering::Relaxed) {
            note(name);
        }
        __real_getenv(name)
    }
}

/// C's `secure_getenv`.
///
/// # Safety
/// `name` must be a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_secure_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        if RECORDING.load(Ordering::Relaxed) {
            note(name);
        }
        __real_secure_getenv(name)
    }
}
