//! The plain interpreter of the same distribution: no blob, no importer of ours. Tests and
//! benchmarks compare with it.
//!
//! Not Rust's `main`, whose runtime opens closed standard streams and sets signal handlers: this
//! must be what CPython's own `Programs/python.c` is.

#![no_main]
// The only thing this program does is a call into C.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

#[cfg(unix)]
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *mut *mut c_char) -> c_int {
    // SAFETY: what the C runtime passes to `main` is what `Py_BytesMain` takes; no other thread
    // runs.
    unsafe { pyo3_ffi::Py_BytesMain(argc, argv) }
}

#[cfg(windows)]
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *mut *mut c_char) -> c_int {
    use std::ffi::c_void;
    use std::os::windows::ffi::OsStrExt;

    unsafe extern "system" {
        fn GetModuleHandleW(name: *const u16) -> *mut c_void;
    }
    unsafe extern "C" {
        // Set by `DllMain` where CPython is a DLL (PC/dl_nt.c).
        static mut PyWin_DLLhModule: *mut c_void;
    }
    let mut arguments: Vec<Vec<u16>> = std::env::args_os()
        .map(|argument| argument.encode_wide().chain([0]).collect())
        .collect();
    let mut pointers: Vec<*mut u16> = arguments.iter_mut().map(Vec::as_mut_ptr).collect();
    // SAFETY: no other thread runs; the strings are NUL-terminated and outlive the call.
    unsafe {
        PyWin_DLLhModule = GetModuleHandleW(std::ptr::null());
        pyo3_ffi::Py_Main(pointers.len() as c_int, pointers.as_mut_ptr())
    }
}
