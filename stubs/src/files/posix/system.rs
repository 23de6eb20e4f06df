//! The system's own calls, for a path that is not ours: on Linux the kernel's, made directly.

use std::ffi::{c_char, c_int, c_long, c_uint};

use libc::{off_t, size_t};

/// # Safety
/// As `openat(2)`.
#[inline(always)]
pub(super) unsafe fn openat(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_openat, directory, path, flags, mode) }
}

/// # Safety
/// As `fstatat(2)`.
#[inline(always)]
pub(super) unsafe fn fstatat(
    directory: c_int,
    path: *const c_char,
    stat: *mut libc::stat,
    flags: c_int,
) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_newfstatat, directory, path, stat, flags) }
}

/// # Safety
/// As `fstat(2)`.
#[inline(always)]
pub(super) unsafe fn fstat(descriptor: c_int, stat: *mut libc::stat) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_fstat, descriptor, stat) }
}

/// Without flags: the kernel's `faccessat` takes none.
///
/// # Safety
/// As `faccessat(2)`.
#[inline(always)]
pub(super) unsafe fn faccessat(directory: c_int, path: *const c_char, mode: c_int) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_faccessat, directory, path, mode) }
}

/// # Safety
/// As `readlinkat(2)`.
#[inline(always)]
pub(super) unsafe fn readlinkat(
    directory: c_int,
    path: *const c_char,
    target: *mut c_char,
    size: size_t,
) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_readlinkat, directory, path, target, size) }
}

/// # Safety
/// As `chdir(2)`.
#[inline(always)]
pub(super) unsafe fn chdir(path: *const c_char) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_chdir, path) }
}

/// # Safety
/// As `fchdir(2)`.
#[inline(always)]
pub(super) unsafe fn fchdir(descriptor: c_int) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_fchdir, descriptor) }
}

/// # Safety
/// As `truncate(2)`.
#[inline(always)]
pub(super) unsafe fn truncate(path: *const c_char, length: off_t) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_truncate, path, length) }
}

/// # Safety
/// As `execve(2)`.
#[inline(always)]
pub(super) unsafe fn execve(
    path: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_execve, path, arguments, environment) }
}

/// The thread's `errno`.
pub(super) fn errno() -> *mut c_int {
    // SAFETY: a call without conditions.
    unsafe { libc::__errno_location() }
}

/// # Safety
/// As `unlink(2)`.
#[cfg(feature = "private-files")]
pub(super) unsafe fn unlink(path: *const c_char) -> c_long {
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) }
}
