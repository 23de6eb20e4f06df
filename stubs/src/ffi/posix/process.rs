//! The process: its entry point, its environment, its end.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

use super::text::Text;

/// Ends the process without finalizing Python; C streams are flushed.
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: plain C library calls; `_exit` does not return.
    unsafe {
        libc::fflush(std::ptr::null_mut());
        libc::_exit(status)
    }
}

/// Dies of SIGINT, as a shell expects of a program that Ctrl-C ended; returns the status for where that fails.
pub(crate) fn die_of_interrupt() -> i32 {
    // SAFETY: plain system calls.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGINT);
    }
    libc::SIGINT + 128
}

/// Whether this process has an environment variable, as C sees it.
pub(crate) fn has_environment(name: &CStr) -> bool {
    // SAFETY: `main` has started no thread yet.
    unsafe { !libc::getenv(name.as_ptr()).is_null() }
}

/// All `name=value` pairs of this process's environment, as C sees them.
pub(crate) fn whole_environment() -> Vec<Vec<u8>> {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    let mut pairs = Vec::new();
    // SAFETY: `environ` ends with a null pointer. Changing it needs the lock our caller holds (`os.putenv`); C code that
    // changes it from other threads races with every reader, as POSIX warns.
    unsafe {
        let mut next = environ;
        while !next.is_null() && !(*next).is_null() {
            pairs.push(CStr::from_ptr(*next).to_bytes().to_vec());
            next = next.add(1);
        }
    }
    pairs
}

/// Sets an environment variable.
pub(crate) fn set_environment(name: &CStr, value: &CStr) {
    // SAFETY: one thread: the child between fork and exec has only this one.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
}

/// Sets an environment variable that is not there.
pub(crate) fn default_environment(name: &Text, value: &Text) {
    let (name, value) = (name.as_c_str(), value.as_c_str());
    // SAFETY: `main` has started no thread yet.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 0) };
}

/// Removes an environment variable.
pub(crate) fn unset_environment(name: &CStr) {
    // SAFETY: as above.
    unsafe { libc::unsetenv(name.as_ptr()) };
}

/// The command line that the C runtime passed to `main`.
///
/// # Safety
/// `argv` must point to `argc` strings.
pub unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Vec<OsString> {
    (0..argc.unsigned_abs() as usize)
        .map(|i| {
            // SAFETY: the caller's.
            let argument = unsafe { CStr::from_ptr(*argv.add(i)) };
            OsString::from_vec(argument.to_bytes().to_vec())
        })
        .collect()
}
