//! Running and ending the interpreter.

use std::ffi::{CStr, CString, c_char, c_int};

use pyo3_ffi as py;

use super::object::Gil;

/// Calls `body` with the lock of the main interpreter, which `Config::initialize` left with this thread.
pub(crate) fn with_gil<T>(body: impl FnOnce(Gil<'_>) -> T) -> T {
    // SAFETY: `main` is the thread that initialised Python and nothing released the lock in between.
    body(unsafe { Gil::assume() })
}

/// `Py_RunMain`: acts on the interpreter's own command line, finalizes, returns the exit status.
pub(crate) fn run_main() -> i32 {
    // SAFETY: Python is initialised; the call ends it.
    unsafe { py::Py_RunMain() }
}

/// `Py_FinalizeEx`: whether everything could be flushed.
pub(crate) fn finalize() -> bool {
    // SAFETY: Python is initialised and this is its main thread.
    unsafe { py::Py_FinalizeEx() == 0 }
}

/// Ends the process without finalizing Python; C streams are flushed.
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: plain C library calls; `_exit` does not return.
    unsafe {
        libc::fflush(std::ptr::null_mut());
        libc::_exit(status)
    }
}

/// `PY_VERSION_HEX` of the CPython that is linked in.
pub(crate) fn python_version_hex() -> u32 {
    // SAFETY: a constant of the library.
    unsafe { py::Py_Version as u32 }
}

/// The same as text, `3.13.15`.
pub(crate) fn python_version() -> String {
    let hex = python_version_hex();
    format!("{}.{}.{}", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff)
}

/// Dies of SIGINT, as a shell expects of a program that Ctrl-C ended; returns the status for where that fails.
#[cfg(unix)]
pub(crate) fn die_of_interrupt() -> i32 {
    // SAFETY: plain system calls.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGINT);
    }
    libc::SIGINT + 128
}

/// An environment variable of this process, as C sees it.
pub(crate) fn environment(name: &CStr) -> Option<CString> {
    // SAFETY: `main` has started no thread yet; the value is copied at once.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value).to_owned())
    }
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

/// Sets an environment variable, replacing an old value only if `replace`.
pub(crate) fn set_environment(name: &CStr, value: &CStr, replace: bool) {
    // SAFETY: one thread: `main` has started none yet, and the child between fork and exec has only this one.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), replace.into()) };
}

/// Removes an environment variable.
pub(crate) fn unset_environment(name: &CStr) {
    // SAFETY: as above.
    unsafe { libc::unsetenv(name.as_ptr()) };
}

/// The process's entry point. Not Rust's `main`: its runtime opens `/dev/null` for closed standard streams, and a
/// program run with them closed must see that, as it does under `python3`.
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the C runtime passes `argc` strings.
    let arguments: Vec<CString> = (0..argc.unsigned_abs() as usize)
        .map(|i| unsafe { CStr::from_ptr(*argv.add(i)).to_owned() })
        .collect();
    crate::start(arguments)
}
