//! The process: its entry point, its environment, its end.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;
#[cfg(target_os = "linux")]
use std::os::unix::{ffi::OsStrExt, fs::MetadataExt};
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;

use super::text::Text;

/// Gives a signal the system's own action again.
pub(crate) fn default_signal(number: i32) {
    // SAFETY: a plain system call, which refuses numbers that are none.
    unsafe { libc::signal(number, libc::SIG_DFL) };
}

/// Dies of SIGINT, as a shell expects of a program that Ctrl-C ended; returns the status for where
/// that fails.
pub(crate) fn die_of_interrupt() -> i32 {
    // SAFETY: plain system calls.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGINT);
    }
    libc::SIGINT + 128
}

/// All `name=value` pairs of this process's environment, as C sees them.
pub(crate) fn whole_environment() -> Vec<Vec<u8>> {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    let mut pairs = Vec::new();
    // SAFETY: `environ` ends with a null pointer. Changing it needs the lock our caller holds
    // (`os.putenv`); C code that changes it from other threads races with every reader, as POSIX
    // warns.
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
pub(crate) fn set_environment(name: &Text, value: &Text) {
    let (name, value) = (name.as_c_str(), value.as_c_str());
    // SAFETY: one thread: before Python starts, or in the child between fork and exec.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
}

/// Sets an environment variable that is not there.
pub(crate) fn default_environment(name: &Text, value: &Text) {
    let (name, value) = (name.as_c_str(), value.as_c_str());
    // SAFETY: `main` has started no thread yet.
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 0) };
}

/// The names of all environment variables. What has no `=` is none that could be named.
pub(crate) fn names_in_environment() -> Vec<OsString> {
    let name = |pair: Vec<u8>| {
        let end = pair.iter().position(|&byte| byte == b'=')?;
        Some(OsString::from_vec(pair[..end].to_vec()))
    };
    whole_environment().into_iter().filter_map(name).collect()
}

/// Removes an environment variable.
pub(crate) fn remove_environment(name: &Text) {
    unset_environment(name.as_c_str());
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

/// The path that the kernel was given to execute; for a script with us in its `#!` line, the
/// script's.
#[cfg(target_os = "linux")]
pub(crate) fn started_as() -> Option<OsString> {
    // SAFETY: the kernel put the string on the stack, where it stays (getauxval(3)); 0 means that
    // it did not.
    let path = unsafe {
        let path = libc::getauxval(libc::AT_EXECFN) as *const c_char;
        (!path.is_null()).then(|| CStr::from_ptr(path))
    }?;
    Some(OsString::from_vec(path.to_bytes().to_vec()))
}

/// The path that the system was given to execute.
#[cfg(target_os = "macos")]
pub(crate) fn started_as() -> Option<OsString> {
    std::env::current_exe().ok().map(Into::into)
}

/// Whether the system has given this process rights that who started it does not have.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: plain questions.
    #[cfg(target_os = "linux")]
    let privileged = unsafe { libc::getauxval(libc::AT_SECURE) != 0 };
    // SAFETY: as above.
    #[cfg(target_os = "macos")]
    let privileged = unsafe { libc::issetugid() != 0 };
    privileged
}

/// Whether this process may become any user.
pub(crate) fn is_root() -> bool {
    // SAFETY: a plain question.
    unsafe { libc::geteuid() == 0 }
}

/// The canonical path of the file we run from. A file without a name, or one that was replaced, is
/// reached through the process.
#[cfg(target_os = "linux")]
pub(crate) fn own_file(arguments: &[OsString]) -> PathBuf {
    let own = Path::new("/proc/self/exe");
    let Ok(file) = std::fs::read_link(own) else {
        return search(arguments);
    };
    let same = std::fs::metadata(&file).is_ok_and(|found| {
        std::fs::metadata(own).is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
    });
    // A file that cannot be looked at (a directory that was closed, an emulator) is taken at its
    // word.
    if same || !file.as_os_str().as_bytes().ends_with(b" (deleted)") && !file.starts_with("/memfd:")
    {
        return file;
    }
    PathBuf::from(format!("/proc/{}/exe", std::process::id()))
}

/// The canonical path of the file we run from. macOS tells the one it was started by, through links
/// and with `..` in it.
#[cfg(target_os = "macos")]
pub(crate) fn own_file(arguments: &[OsString]) -> PathBuf {
    match std::env::current_exe() {
        Ok(path) => std::fs::canonicalize(&path).unwrap_or(path),
        Err(_) => search(arguments),
    }
}

/// Without `/proc` (an empty chroot): the path we were started by, or what `PATH` has under our
/// name.
fn search(arguments: &[OsString]) -> PathBuf {
    let named = arguments.first().map(PathBuf::from).unwrap_or_default();
    let candidates = started_as().map(PathBuf::from).into_iter();
    let by_name = if named.components().count() > 1 {
        vec![named.clone()]
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|directory| directory.join(&named))
            .collect()
    };
    candidates
        .chain(by_name)
        .filter_map(|path| std::fs::canonicalize(path).ok())
        .find(|path| path.is_file())
        .unwrap_or(named)
}
