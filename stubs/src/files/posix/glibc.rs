//! Names that glibc alone has: for large files, for structures of another version, for checked
//! buffers (`_FORTIFY_SOURCE`). On 64-bit systems they are the plain functions.

use std::ffi::{c_char, c_int};

use libc::{mode_t, off_t, size_t, ssize_t};

use super::{calls, directories, linux, streams};

define! {
    fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        calls::open(path, flags, mode)
    }
    fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        calls::openat(directory, path, flags, mode)
    }
    fn creat64(path: *const c_char, mode: mode_t) -> c_int {
        calls::creat(path, mode)
    }
    fn __open_2(path: *const c_char, flags: c_int) -> c_int {
        calls::open(path, flags, 0)
    }
    fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
        calls::open(path, flags, 0)
    }
    fn __openat_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        calls::openat(directory, path, flags, 0)
    }
    fn __openat64_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        calls::openat(directory, path, flags, 0)
    }
    fn stat64(path: *const c_char, stat: *mut libc::stat) -> c_int {
        calls::stat(path, stat)
    }
    fn lstat64(path: *const c_char, stat: *mut libc::stat) -> c_int {
        calls::lstat(path, stat)
    }
    fn fstat64(descriptor: c_int, stat: *mut libc::stat) -> c_int {
        calls::fstat(descriptor, stat)
    }
    fn fstatat64(directory: c_int, path: *const c_char, stat: *mut libc::stat, flags: c_int) -> c_int {
        calls::fstatat(directory, path, stat, flags)
    }
    fn __xstat(_version: c_int, path: *const c_char, stat: *mut libc::stat) -> c_int {
        calls::stat(path, stat)
    }
    fn __xstat64(_version: c_int, path: *const c_char, stat: *mut libc::stat) -> c_int {
        calls::stat(path, stat)
    }
    fn __lxstat(_version: c_int, path: *const c_char, stat: *mut libc::stat) -> c_int {
        calls::lstat(path, stat)
    }
    fn __lxstat64(_version: c_int, path: *const c_char, stat: *mut libc::stat) -> c_int {
        calls::lstat(path, stat)
    }
    fn __fxstat(_version: c_int, descriptor: c_int, stat: *mut libc::stat) -> c_int {
        calls::fstat(descriptor, stat)
    }
    fn __fxstat64(_version: c_int, descriptor: c_int, stat: *mut libc::stat) -> c_int {
        calls::fstat(descriptor, stat)
    }
    fn __fxstatat(
        _version: c_int,
        directory: c_int,
        path: *const c_char,
        stat: *mut libc::stat,
        flags: c_int,
    ) -> c_int {
        calls::fstatat(directory, path, stat, flags)
    }
    fn __fxstatat64(
        _version: c_int,
        directory: c_int,
        path: *const c_char,
        stat: *mut libc::stat,
        flags: c_int,
    ) -> c_int {
        calls::fstatat(directory, path, stat, flags)
    }
    fn __readlink_chk(path: *const c_char, target: *mut c_char, size: size_t, room: size_t) -> ssize_t {
        calls::readlink(path, target, size.min(room))
    }
    fn __readlinkat_chk(
        directory: c_int,
        path: *const c_char,
        target: *mut c_char,
        size: size_t,
        room: size_t,
    ) -> ssize_t {
        calls::readlinkat(directory, path, target, size.min(room))
    }
    fn __realpath_chk(path: *const c_char, resolved: *mut c_char, _room: size_t) -> *mut c_char {
        calls::realpath(path, resolved)
    }
    fn canonicalize_file_name(path: *const c_char) -> *mut c_char {
        calls::realpath(path, std::ptr::null_mut())
    }
    fn truncate64(path: *const c_char, length: off_t) -> c_int {
        calls::truncate(path, length)
    }
    fn statvfs64(path: *const c_char, target: *mut libc::statvfs) -> c_int {
        linux::statvfs(path, target)
    }
    fn statfs64(path: *const c_char, target: *mut libc::statfs) -> c_int {
        linux::statfs(path, target)
    }
    fn fopen64(path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
        streams::fopen(path, mode)
    }
    fn freopen64(path: *const c_char, mode: *const c_char, stream: *mut libc::FILE) -> *mut libc::FILE {
        streams::freopen(path, mode, stream)
    }
    fn readdir64(stream: *mut libc::DIR) -> *mut libc::dirent {
        directories::readdir(stream)
    }
    fn readdir64_r(
        stream: *mut libc::DIR,
        entry: *mut libc::dirent,
        result: *mut *mut libc::dirent,
    ) -> c_int {
        directories::readdir_r(stream, entry, result)
    }
}
