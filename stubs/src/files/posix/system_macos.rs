//! The system's own calls, for a path that is not ours: on macOS the functions of libSystem. Its
//! system calls have numbers, but they are Apple's to change.

use std::ffi::{c_char, c_int, c_long, c_uint};

use libc::{off_t, size_t, ssize_t};

type Strings = *const *const c_char;

/// The mode goes where a variadic argument goes.
///
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
    unsafe {
        real!(openat: fn(c_int, *const c_char, c_int, ...) -> c_int)(directory, path, flags, mode)
            .into()
    }
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
    unsafe {
        real!(fstatat: fn(c_int, *const c_char, *mut libc::stat, c_int) -> c_int)(
            directory, path, stat, flags,
        )
        .into()
    }
}

/// # Safety
/// As `fstat(2)`.
#[inline(always)]
pub(super) unsafe fn fstat(descriptor: c_int, stat: *mut libc::stat) -> c_long {
    // SAFETY: the caller's.
    unsafe { real!(fstat: fn(c_int, *mut libc::stat) -> c_int)(descriptor, stat).into() }
}

/// # Safety
/// As `faccessat(2)`.
#[inline(always)]
pub(super) unsafe fn faccessat(directory: c_int, path: *const c_char, mode: c_int) -> c_long {
    // SAFETY: the caller's.
    unsafe {
        real!(faccessat: fn(c_int, *const c_char, c_int, c_int) -> c_int)(directory, path, mode, 0)
            .into()
    }
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
    unsafe {
        real!(readlinkat: fn(c_int, *const c_char, *mut c_char, size_t) -> ssize_t)(
            directory, path, target, size,
        ) as c_long
    }
}

/// # Safety
/// As `chdir(2)`.
#[inline(always)]
pub(super) unsafe fn chdir(path: *const c_char) -> c_long {
    // SAFETY: the caller's.
    unsafe { real!(chdir: fn(*const c_char) -> c_int)(path).into() }
}

/// # Safety
/// As `fchdir(2)`.
#[inline(always)]
pub(super) unsafe fn fchdir(descriptor: c_int) -> c_long {
    // SAFETY: the caller's.
    unsafe { real!(fchdir: fn(c_int) -> c_int)(descriptor).into() }
}

/// # Safety
/// As `truncate(2)`.
#[inline(always)]
pub(super) unsafe fn truncate(path: *const c_char, length: off_t) -> c_long {
    // SAFETY: the caller's.
    unsafe { real!(truncate: fn(*const c_char, off_t) -> c_int)(path, length).into() }
}

/// # Safety
/// As `execve(2)`.
#[inline(always)]
pub(super) unsafe fn execve(
    path: *const c_char,
    arguments: Strings,
    environment: Strings,
) -> c_long {
    // SAFETY: the caller's.
    unsafe {
        real!(execve: fn(*const c_char, Strings, Strings) -> c_int)(path, arguments, environment)
            .into()
    }
}

/// # Safety
/// As `unlink(2)`.
#[inline(always)]
pub(super) unsafe fn unlink(path: *const c_char) -> c_long {
    // SAFETY: the caller's.
    unsafe { real!(unlink: fn(*const c_char) -> c_int)(path).into() }
}

/// The thread's `errno`.
pub(super) fn errno() -> *mut c_int {
    // SAFETY: a call without conditions.
    unsafe { libc::__error() }
}
