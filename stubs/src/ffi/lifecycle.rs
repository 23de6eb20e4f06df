//! Running and ending the interpreter.

use pyo3_ffi as py;

use super::object::Gil;
#[cfg(unix)]
pub(crate) use super::system::process::is_root;
pub(crate) use super::system::process::{
    default_environment, default_signal, die_of_interrupt, is_privileged, names_in_environment,
    own_file, remove_environment, set_environment, started_as, unset_environment,
    whole_environment,
};

/// Calls `body` with the lock of the main interpreter, which `Config::initialize` left with this
/// thread.
pub(crate) fn with_gil<T>(body: impl FnOnce(Gil<'_>) -> T) -> T {
    // SAFETY: `main` is the thread that initialised Python and nothing released the lock in
    // between.
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

/// `exit` of the C library, Python being as it is: functions registered with `atexit` run, and C
/// streams are flushed.
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: what C code registered runs, as it does at the end of `main`. This thread keeps
    // Python's lock, so no other can get into Python any more.
    unsafe { libc::exit(status) }
}

/// `PY_VERSION_HEX` of the CPython that is linked in.
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long has 32 bits on Windows"
)]
pub(crate) fn python_version_hex() -> u32 {
    // SAFETY: a constant of the library.
    unsafe { py::Py_Version as u32 }
}

/// The same as text, `3.13.15`.
pub(crate) fn python_version() -> String {
    let hex = python_version_hex();
    format!("{}.{}.{}", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff)
}
