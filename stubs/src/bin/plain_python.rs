//! The plain interpreter of the same distribution: no blob, no importer of ours. Tests and benchmarks compare with it.

// The only thing this program does is a call into C.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

fn main() {
    let mut arguments: Vec<*mut std::ffi::c_char> = std::env::args_os()
        .filter_map(|argument| CString::new(argument.into_vec()).ok())
        .map(CString::into_raw)
        .collect();
    let count = i32::try_from(arguments.len()).unwrap_or(i32::MAX);
    arguments.push(std::ptr::null_mut());
    // SAFETY: `arguments` holds `count` pointers to strings that are never freed, and a null pointer behind them, as
    // main's argv does; no other thread runs and Python was not started before.
    let status = unsafe { pyo3_ffi::Py_BytesMain(count, arguments.as_mut_ptr()) };
    std::process::exit(status);
}
