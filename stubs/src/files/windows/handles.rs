//! Calls on handles: those of no object, which only say what their file is, and those of copies.

use std::ffi::{c_int, c_void};
use std::ptr;

use oxidize_format::Node;

use super::system::{
    ByHandle, ERROR_BAD_LENGTH, ERROR_INVALID_PARAMETER, ERROR_NOT_A_REPARSE_POINT,
    ERROR_NOT_SUPPORTED, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, TYPE_DISK, set_error, wide,
};
use super::{BLOB, Handle, answers, copies, outward};

/// The node that a handle of no object means.
fn numbered(handle: Handle) -> Option<Node<'static>> {
    BLOB.get()?.tree().get(answers::index_of(handle)?).ok()
}

/// What the system says about a handle.
///
/// # Safety
/// As the system's function.
unsafe fn about(handle: Handle) -> Option<ByHandle> {
    let mut about = ByHandle::default();
    // SAFETY: the caller's; the structure is the system's to fill.
    let done = unsafe {
        real!(GetFileInformationByHandle(handle, &raw mut about): fn(Handle, *mut ByHandle) -> c_int)
    };
    (done != 0).then_some(about)
}

/// The node that a handle means.
///
/// # Safety
/// `handle` must be one.
unsafe fn identify(handle: Handle) -> Option<Node<'static>> {
    // SAFETY: the caller's.
    numbered(handle).or_else(|| unsafe { copies::of_copy(&about(handle)?) })
}

/// The end of a call: true, or false with an error.
pub(super) fn finish(result: Result<(), u32>) -> c_int {
    match result {
        Ok(()) => 1,
        Err(error) => {
            set_error(error);
            0
        }
    }
}

/// A path into a caller's buffer; the result as the system's functions have it.
///
/// # Safety
/// `buffer` must be valid for `length` units or `length` be 0.
pub(super) unsafe fn give(path: &str, buffer: *mut u16, length: u32) -> u32 {
    let path = wide(path);
    let needed = u32::try_from(path.len()).unwrap_or(u32::MAX);
    if needed > length {
        return needed;
    }
    // SAFETY: the caller's, and it fits.
    unsafe { ptr::copy_nonoverlapping(path.as_ptr(), buffer, path.len()) };
    needed - 1
}

define! {
    fn CloseHandle(handle: Handle) -> c_int {
        if answers::index_of(handle).is_some() {
            return 1;
        }
        real!(CloseHandle(handle): fn(Handle) -> c_int)
    }
    fn GetFileType(handle: Handle) -> u32 {
        if answers::index_of(handle).is_some() {
            set_error(ERROR_SUCCESS);
            return TYPE_DISK;
        }
        real!(GetFileType(handle): fn(Handle) -> u32)
    }
    fn GetFileSize(handle: Handle, high: *mut u32) -> u32 {
        let Some(node) = numbered(handle) else {
            return real!(GetFileSize(handle, high): fn(Handle, *mut u32) -> u32);
        };
        let size = answers::size(node).unwrap_or(0);
        if !high.is_null() {
            *high = (size >> 32) as u32;
        }
        set_error(ERROR_SUCCESS);
        size as u32
    }
    fn GetFileSizeEx(handle: Handle, size: *mut u64) -> c_int {
        let Some(node) = numbered(handle) else {
            return real!(GetFileSizeEx(handle, size): fn(Handle, *mut u64) -> c_int);
        };
        finish(answers::size(node).map(|found| *size = found))
    }
    fn GetFileInformationByHandle(handle: Handle, result: *mut ByHandle) -> c_int {
        let Some(node) = numbered(handle) else {
            let done = real!(GetFileInformationByHandle(handle, result): fn(Handle, *mut ByHandle) -> c_int);
            if done != 0 && let Some(node) = copies::of_copy(&*result) && let Ok(own) = answers::by_handle(node) {
                *result = own;
            }
            return done;
        };
        finish(answers::by_handle(node).map(|own| *result = own))
    }
    fn GetFileInformationByHandleEx(handle: Handle, class: i32, result: *mut c_void, length: u32) -> c_int {
        let system = || {
            real!(GetFileInformationByHandleEx(handle, class, result, length): fn(Handle, i32, *mut c_void, u32) -> c_int)
        };
        // The classes that are answered.
        let node = match class {
            0 | 1 | 9 | 18 => identify(handle),
            _ => numbered(handle),
        };
        let Some(node) = node else {
            return system();
        };
        finish(answers::by_class(node, class).and_then(|bytes| {
            let bytes = bytes.ok_or(ERROR_NOT_SUPPORTED)?;
            if bytes.len() > length as usize {
                return Err(ERROR_BAD_LENGTH);
            }
            ptr::copy_nonoverlapping(bytes.as_ptr(), result.cast(), bytes.len());
            Ok(())
        }))
    }
    fn GetFinalPathNameByHandleW(handle: Handle, buffer: *mut u16, length: u32, flags: u32) -> u32 {
        /// `VOLUME_NAME_GUID | VOLUME_NAME_NT | VOLUME_NAME_NONE`
        const FORMS: u32 = 7;
        const WITHOUT_VOLUME: u32 = 4;
        let Some(node) = identify(handle) else {
            return real!(
                GetFinalPathNameByHandleW(handle, buffer, length, flags): fn(Handle, *mut u16, u32, u32) -> u32
            );
        };
        let path = outward(node).and_then(|path| match flags & FORMS {
            0 => Ok(format!(r"\\?\{path}")),
            WITHOUT_VOLUME => Ok(path[2..].to_owned()),
            _ => Err(ERROR_PATH_NOT_FOUND),
        });
        match path {
            Ok(path) => give(&path, buffer, length),
            Err(error) => {
                set_error(error);
                0
            }
        }
    }
    fn DeviceIoControl(
        handle: Handle,
        code: u32,
        input: *const c_void,
        input_length: u32,
        output: *mut c_void,
        output_length: u32,
        returned: *mut u32,
        overlapped: *mut c_void,
    ) -> c_int {
        /// `FSCTL_GET_REPARSE_POINT`: what `readlink` asks.
        const REPARSE_POINT: u32 = 0x0009_00A8;
        if answers::index_of(handle).is_some() {
            return finish(Err(match code {
                REPARSE_POINT => ERROR_NOT_A_REPARSE_POINT,
                _ => ERROR_INVALID_PARAMETER,
            }));
        }
        real!(
            DeviceIoControl(handle, code, input, input_length, output, output_length, returned, overlapped):
            fn(Handle, u32, *const c_void, u32, *mut c_void, u32, *mut u32, *mut c_void) -> c_int
        )
    }
}
