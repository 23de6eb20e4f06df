//! The plain interpreter of the same distribution: no blob, no importer of ours. Tests and benchmarks compare with it.
//!
//! Not Rust's `main`, whose runtime opens closed standard streams and sets signal handlers: this must be what CPython's own
//! `Programs/python.c` is.

#![no_main]
// The only thing this program does is a call into C.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *mut *mut c_char) -> c_int {
    // SAFETY: what the C runtime passes to `main` is what `Py_BytesMain` takes; no other thread runs.
    unsafe { pyo3_ffi::Py_BytesMain(argc, argv) }
}
