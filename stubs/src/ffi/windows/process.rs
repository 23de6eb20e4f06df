//! The process: its entry point, its environment, its end.

use std::ffi::{CStr, OsString, c_char, c_int, c_void};
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;

use super::text::Text;

unsafe extern "system" {
    fn GetModuleHandleW(name: *const u16) -> *mut c_void;
    fn GetEnvironmentStringsW() -> *mut u16;
    fn FreeEnvironmentStringsW(strings: *mut u16) -> c_int;
}

unsafe extern "C" {
    // The environment from which CPython makes `os.environ`. `_wputenv_s` keeps the system's in
    // step.
    fn _wgetenv(name: *const u16) -> *const u16;
    fn _wputenv_s(name: *const u16, value: *const u16) -> c_int;

    /// The module that has the C API (PC/dl_nt.c): with a python313.dll, that. CPython leaves
    /// setting it to `DllMain`.
    static mut PyWin_DLLhModule: *mut c_void;
}

/// Between name and value.
const SIGN: u16 = b'=' as u16;

/// `STATUS_CONTROL_C_EXIT`.
const CONTROL_C_EXIT: u32 = 0xc000_013a;

/// Gives a signal the system's own action again.
pub(crate) fn default_signal(number: i32) {
    // SAFETY: a plain library call, which refuses numbers that are none.
    unsafe { libc::signal(number, libc::SIG_DFL as libc::sighandler_t) };
}

/// The status of a program that Ctrl-C ended, as the command interpreter expects and python.exe
/// gives it.
pub(crate) fn die_of_interrupt() -> i32 {
    CONTROL_C_EXIT.cast_signed()
}

fn wide(name: &CStr) -> Vec<u16> {
    name.to_bytes_with_nul()
        .iter()
        .map(|&byte| byte.into())
        .collect()
}

/// All names and values of this process's environment, those of drives (`=C:` and `C:\dir`)
/// included.
pub(crate) fn whole_environment() -> Vec<(OsString, OsString)> {
    let mut pairs = Vec::new();
    // SAFETY: the system gives a copy of its own: strings, each with a NUL, and an empty one at the
    // end.
    unsafe {
        let strings = GetEnvironmentStringsW();
        if strings.is_null() {
            return pairs;
        }
        let mut next = strings.cast_const();
        while *next != 0 {
            let length = (0..).take_while(|&index| *next.add(index) != 0).count();
            let pair = std::slice::from_raw_parts(next, length);
            // The names of drives begin with the sign that ends a name.
            let end = pair.iter().skip(1).position(|&unit| unit == SIGN);
            let end = end.map_or(length, |end| end + 1);
            let value = pair.get(end + 1..).unwrap_or_default();
            pairs.push((
                OsString::from_wide(&pair[..end]),
                OsString::from_wide(value),
            ));
            next = next.add(length + 1);
        }
        FreeEnvironmentStringsW(strings);
    }
    pairs
}

/// Sets an environment variable.
pub(crate) fn set_environment(name: &Text, value: &Text) {
    // SAFETY: `main` has started no thread yet; both strings are NUL-terminated.
    unsafe { _wputenv_s(name.as_ptr(), value.as_ptr()) };
}

/// Sets an environment variable that is not there.
pub(crate) fn default_environment(name: &Text, value: &Text) {
    // SAFETY: `main` has started no thread yet; both strings are NUL-terminated.
    unsafe {
        if _wgetenv(name.as_ptr()).is_null() {
            _wputenv_s(name.as_ptr(), value.as_ptr());
        }
    }
}

/// The names of all environment variables, with the hidden ones of drives (`=C:`).
pub(crate) fn names_in_environment() -> Vec<OsString> {
    whole_environment()
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

/// Removes an environment variable.
pub(crate) fn remove_environment(name: &Text) {
    // SAFETY: `main` has started no thread yet; both strings are NUL-terminated. An empty value
    // removes the variable.
    unsafe { _wputenv_s(name.as_ptr(), [0].as_ptr()) };
}

/// Removes an environment variable. `name` is ASCII.
pub(crate) fn unset_environment(name: &CStr) {
    // SAFETY: as above. An empty value removes the variable.
    unsafe { _wputenv_s(wide(name).as_ptr(), [0].as_ptr()) };
}

/// The command line. The arguments that the C runtime passes to `main` are in the system's old code
/// page; the standard library takes them from the command line itself, by the C runtime's rules.
///
/// # Safety
/// No other thread may run yet.
pub unsafe fn arguments(_argc: c_int, _argv: *const *const c_char) -> Vec<OsString> {
    // SAFETY: the caller's.
    unsafe { PyWin_DLLhModule = GetModuleHandleW(std::ptr::null()) };
    std::env::args_os().collect()
}

/// The path that the process was started by: the first word of its command line. The system's own
/// answer is normalised.
pub(crate) fn started_as() -> Option<OsString> {
    std::env::args_os().next()
}

/// Whether the system has given this process rights that who started it does not have. On Windows
/// no file does that.
pub(crate) fn is_privileged() -> bool {
    false
}

/// The path of the file we run from.
pub(crate) fn own_file(arguments: &[OsString]) -> PathBuf {
    std::env::current_exe()
        .unwrap_or_else(|_| arguments.first().map(PathBuf::from).unwrap_or_default())
}
