//! The stub: [`oxidize_stub`] as a program.
//!
//! Not Rust's `main`: its runtime opens `/dev/null` for closed standard streams, and a program run
//! with them closed must see that, as it does under `python3`.

#![no_main]
// The only thing this program does is take what the C runtime passes.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the C runtime passes `argc` strings, and no other thread runs yet.
    let arguments = unsafe {
        #[cfg(target_env = "musl")]
        oxidize_stub::settle(argc, argv);
        oxidize_stub::arguments(argc, argv)
    };
    oxidize_stub::start(&arguments)
}
