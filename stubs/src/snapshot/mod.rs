//! The start snapshot: a process that begins where another one had finished its imports.
//!
//! The injector starts the finished application once, in an empty environment, with a mark in its
//! descriptor that makes it [`dump`] itself: it starts Python, imports what the application
//! imports, leaves the interpreter as before a fork and writes its data and heap to a file. The
//! injector puts these in place of the program's own data, so that the kernel maps them at
//! `execve`. No file is opened and nothing is copied at a start.
//!
//! Such a process looks first whether it suits ([`resume::is_fit`]): it must be the application, on
//! a processor with the same features, in an environment whose variables say what the imports have
//! read. If not, it [reverts](memory::revert) to the program as it was linked and starts in the
//! ordinary way. If it suits, it takes the interpreter up as the child of a fork does and makes its
//! own what a fork would not: arguments, environment, streams, signals, seeds, keys.
#![allow(unsafe_code)]

mod dump;
mod memory;
mod processor;
mod resume;
mod variables;

pub(crate) use dump::{dump, is_wanted};
pub(crate) use resume::resume;

use std::ffi::{OsString, c_char, c_int};

use crate::ffi;

/// Turns the process into one of three: a restored one, one to take a snapshot of, an ordinary one.
/// Before anything is allocated.
///
/// # Safety
/// `argv` must point to `argc` strings, and no other thread may run.
pub unsafe fn settle(argc: c_int, argv: *const *const c_char) {
    crate::heap::guard_forks();
    if memory::is_restored() {
        let tracing = tracing();
        if !memory::is_whole() {
            refuse_damaged();
        }
        resume::name_thread();
        let verdict = {
            // SAFETY: the caller's.
            let arguments: Vec<OsString> = unsafe { ffi::arguments(argc, argv) };
            resume::is_fit(&arguments)
        };
        match verdict {
            Ok(()) => trace(tracing, "from the snapshot"),
            Err(reason) => {
                trace(tracing, &format!("ordinary: {reason}"));
                drop(reason);
                // SAFETY: what was allocated above is gone, but for what lives in variables that
                // are reset now.
                unsafe { memory::revert() }
            }
        }
    } else if is_wanted() {
        // SAFETY: the caller's.
        unsafe {
            ffi::snapshot::leave_addresses_alone(argv);
            memory::forget_start();
        }
        processor::choose_plain_code();
        if let Err(reason) = crate::heap::pages::reserve() {
            eprintln!("error: no snapshot can be taken: {reason}");
            std::process::exit(1);
        }
    }
}

/// Whether this process continues another one.
pub(crate) fn is_restored() -> bool {
    memory::is_restored()
}

/// The variable that makes a start say which way it went.
const TRACE: &std::ffi::CStr = c"OXIDIZE_TRACE_START";

fn tracing() -> bool {
    ffi::snapshot::has_value(TRACE, Some(c"1"))
}

fn trace(tracing: bool, text: &str) {
    if tracing {
        eprintln!("oxidize: start {text}");
    }
}

/// Ends a process whose snapshot cannot be used, and whose own data is gone.
fn refuse_damaged() -> ! {
    eprintln!(
        "error: this application cannot start: another tool has rewritten its file and damaged the snapshot in it\n\n\
         hint: run strip or objcopy on no program that has a snapshot"
    );
    // SAFETY: nothing of this process is worth an orderly end.
    unsafe { libc::_exit(1) }
}
