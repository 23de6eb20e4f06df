//! Functions that only libraries of wheels call: for paths as bytes in the system's code page, and
//! further ones of the C library. The executable does not import them, so the system's own are
//! looked up.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use libc::FILE;

use super::crt::{Stat, fail, locate_bytes, narrow, number, open, stat, stream, widened};
use super::system::{_errno, FindData, INVALID_ATTRIBUTES, Security, set_error};
use super::{Handle, answers, calls, locate, programs, search};
use crate::ffi::dynamic::WideCharToMultiByte;

/// `WIN32_FIND_DATAA`
#[repr(C)]
#[derive(Clone, Copy)]
struct NarrowFindData {
    about: super::system::AttributeData,
    reserved: [u32; 2],
    name: [u8; 260],
    short_name: [u8; 14],
}

fn narrowed(data: &FindData) -> NarrowFindData {
    let mut narrow = NarrowFindData {
        about: data.about,
        reserved: data.reserved,
        name: [0; 260],
        short_name: [0; 14],
    };
    // SAFETY: both buffers are valid for the lengths passed, and the wide name ends with NUL. One
    // that does not fit stays empty.
    unsafe {
        let (name, room) = (narrow.name.as_mut_ptr().cast(), narrow.name.len() as c_int);
        let null = ptr::null();
        WideCharToMultiByte(
            0,
            0,
            data.name.as_ptr(),
            -1,
            name,
            room,
            null,
            ptr::null_mut(),
        );
    }
    narrow
}

/// `CREATEFILE2_EXTENDED_PARAMETERS`
#[repr(C)]
struct CreateParameters {
    size: u32,
    attributes: u32,
    flags: u32,
    quality: u32,
    security: *const Security,
    template: Handle,
}

/// A number that a function of the `_s` family returns, after it has put its result where it was
/// told.
///
/// # Safety
/// `target` must be writable.
unsafe fn put<T>(target: *mut T, result: Result<T, u32>, failed: T) -> c_int {
    let (value, code) = match result {
        Ok(value) => (value, 0),
        Err(error) => (failed, number(error)),
    };
    // SAFETY: the caller's.
    unsafe {
        *target = value;
        if code != 0 {
            *_errno() = code;
        }
    }
    code
}

/// `access` on a place: reading only.
fn access(place: super::Place, mode: c_int) -> c_int {
    /// "Write permission"
    const WRITE: c_int = 2;
    match place.existing() {
        Ok(node) if mode & WRITE != 0 && !node.is_dir() => fail(super::system::ERROR_ACCESS_DENIED),
        Ok(_) => 0,
        Err(error) => fail(error),
    }
}

/// An opened stream, or the number of what is wrong.
///
/// # Safety
/// `target` must be writable.
unsafe fn put_stream(target: *mut *mut FILE, opened: *mut FILE) -> c_int {
    // SAFETY: the caller's; the number is the thread's own.
    unsafe {
        *target = opened;
        if opened.is_null() { *_errno() } else { 0 }
    }
}

define! {
    fn CreateFileA(
        path: *const c_char,
        access: u32,
        share: u32,
        security: *const Security,
        disposition: u32,
        flags: u32,
        template: Handle,
    ) -> Handle {
        match widened(path).filter(|path| locate(path.as_ptr()).is_some()) {
            Some(path) => calls::CreateFileW(path.as_ptr(), access, share, security, disposition, flags, template),
            None => found!(
                CreateFileA(path, access, share, security, disposition, flags, template):
                fn(*const c_char, u32, u32, *const Security, u32, u32, Handle) -> Handle
            ),
        }
    }
    fn CreateFile2(
        path: *const u16,
        access: u32,
        share: u32,
        disposition: u32,
        parameters: *const CreateParameters,
    ) -> Handle {
        if locate(path).is_none() {
            return found!(
                CreateFile2(path, access, share, disposition, parameters):
                fn(*const u16, u32, u32, u32, *const CreateParameters) -> Handle
            );
        }
        let (security, flags) = match parameters.is_null() {
            true => (ptr::null(), 0),
            false => ((*parameters).security, (*parameters).flags),
        };
        calls::CreateFileW(path, access, share, security, disposition, flags, ptr::null_mut())
    }
    fn GetFileAttributesA(path: *const c_char) -> u32 {
        match locate_bytes(path).map(super::Place::existing) {
            None => found!(GetFileAttributesA(path): fn(*const c_char) -> u32),
            Some(Ok(node)) => answers::attributes(node),
            Some(Err(error)) => {
                set_error(error);
                INVALID_ATTRIBUTES
            }
        }
    }
    fn GetFileAttributesExA(path: *const c_char, level: i32, result: *mut c_void) -> c_int {
        match widened(path).filter(|path| locate(path.as_ptr()).is_some()) {
            Some(path) => calls::GetFileAttributesExW(path.as_ptr(), level, result),
            None => found!(GetFileAttributesExA(path, level, result): fn(*const c_char, i32, *mut c_void) -> c_int),
        }
    }
    fn FindFirstFileA(path: *const c_char, result: *mut NarrowFindData) -> Handle {
        let mut data: FindData = std::mem::zeroed();
        if let Some(path) = widened(path) && let Some(handle) = search::begin(path.as_ptr(), &raw mut data) {
            *result = narrowed(&data);
            return handle;
        }
        found!(FindFirstFileA(path, result): fn(*const c_char, *mut NarrowFindData) -> Handle)
    }
    fn FindNextFileA(handle: Handle, result: *mut NarrowFindData) -> c_int {
        if search::own(handle).is_none() {
            return found!(FindNextFileA(handle, result): fn(Handle, *mut NarrowFindData) -> c_int);
        }
        let mut data: FindData = std::mem::zeroed();
        let done = search::FindNextFileW(handle, &raw mut data);
        if done != 0 {
            *result = narrowed(&data);
        }
        done
    }
    fn LoadLibraryA(path: *const c_char) -> Handle {
        match widened(path).filter(|path| locate(path.as_ptr()).is_some()) {
            Some(path) => programs::LoadLibraryExW(path.as_ptr(), ptr::null_mut(), 0),
            None => found!(LoadLibraryA(path): fn(*const c_char) -> Handle),
        }
    }
    fn LoadLibraryW(path: *const u16) -> Handle {
        match locate(path) {
            Some(_) => programs::LoadLibraryExW(path, ptr::null_mut(), 0),
            None => found!(LoadLibraryW(path): fn(*const u16) -> Handle),
        }
    }
    fn LoadLibraryExA(path: *const c_char, file: Handle, flags: u32) -> Handle {
        match widened(path).filter(|path| locate(path.as_ptr()).is_some()) {
            Some(path) => programs::LoadLibraryExW(path.as_ptr(), file, flags),
            None => found!(LoadLibraryExA(path, file, flags): fn(*const c_char, Handle, u32) -> Handle),
        }
    }
    fn _access(path: *const c_char, mode: c_int) -> c_int {
        match locate_bytes(path) {
            None => found!(_access(path, mode): fn(*const c_char, c_int) -> c_int),
            Some(place) => access(place, mode),
        }
    }
    fn _waccess(path: *const u16, mode: c_int) -> c_int {
        match locate(path) {
            None => found!(_waccess(path, mode): fn(*const u16, c_int) -> c_int),
            Some(place) => access(place, mode),
        }
    }
    fn _stat64i32(path: *const c_char, result: *mut Stat<i32>) -> c_int {
        match locate_bytes(path) {
            None => found!(_stat64i32(path, result): fn(*const c_char, *mut Stat<i32>) -> c_int),
            Some(place) => stat(place, &mut *result),
        }
    }
    fn _wstat64i32(path: *const u16, result: *mut Stat<i32>) -> c_int {
        match locate(path) {
            None => found!(_wstat64i32(path, result): fn(*const u16, *mut Stat<i32>) -> c_int),
            Some(place) => stat(place, &mut *result),
        }
    }
    fn _sopen(path: *const c_char, flags: c_int, share: c_int, mode: c_int) -> c_int {
        match locate_bytes(path) {
            None => found!(_sopen(path, flags, share, mode): fn(*const c_char, c_int, c_int, c_int) -> c_int),
            Some(place) => open(place, flags).unwrap_or_else(fail),
        }
    }
    fn _wsopen(path: *const u16, flags: c_int, share: c_int, mode: c_int) -> c_int {
        match locate(path) {
            None => found!(_wsopen(path, flags, share, mode): fn(*const u16, c_int, c_int, c_int) -> c_int),
            Some(place) => open(place, flags).unwrap_or_else(fail),
        }
    }
    fn _sopen_s(descriptor: *mut c_int, path: *const c_char, flags: c_int, share: c_int, mode: c_int) -> c_int {
        match locate_bytes(path) {
            None => found!(
                _sopen_s(descriptor, path, flags, share, mode):
                fn(*mut c_int, *const c_char, c_int, c_int, c_int) -> c_int
            ),
            Some(place) => put(descriptor, open(place, flags), -1),
        }
    }
    fn _wsopen_s(descriptor: *mut c_int, path: *const u16, flags: c_int, share: c_int, mode: c_int) -> c_int {
        match locate(path) {
            None => found!(
                _wsopen_s(descriptor, path, flags, share, mode):
                fn(*mut c_int, *const u16, c_int, c_int, c_int) -> c_int
            ),
            Some(place) => put(descriptor, open(place, flags), -1),
        }
    }
    fn _fsopen(path: *const c_char, mode: *const c_char, share: c_int) -> *mut FILE {
        match locate_bytes(path) {
            None => found!(_fsopen(path, mode, share): fn(*const c_char, *const c_char, c_int) -> *mut FILE),
            Some(place) => stream(place, CStr::from_ptr(mode).to_bytes()),
        }
    }
    fn _wfsopen(path: *const u16, mode: *const u16, share: c_int) -> *mut FILE {
        match locate(path) {
            None => found!(_wfsopen(path, mode, share): fn(*const u16, *const u16, c_int) -> *mut FILE),
            Some(place) => stream(place, &narrow(mode)),
        }
    }
    fn fopen_s(target: *mut *mut FILE, path: *const c_char, mode: *const c_char) -> c_int {
        match locate_bytes(path) {
            None => found!(
                fopen_s(target, path, mode): fn(*mut *mut FILE, *const c_char, *const c_char) -> c_int
            ),
            Some(place) => put_stream(target, stream(place, CStr::from_ptr(mode).to_bytes())),
        }
    }
    fn _wfopen_s(target: *mut *mut FILE, path: *const u16, mode: *const u16) -> c_int {
        match locate(path) {
            None => found!(_wfopen_s(target, path, mode): fn(*mut *mut FILE, *const u16, *const u16) -> c_int),
            Some(place) => put_stream(target, stream(place, &narrow(mode))),
        }
    }
}
