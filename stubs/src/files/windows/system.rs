//! What the system's headers say: numbers, structures, functions that are not diverted.

use std::ffi::{c_char, c_int, c_void};

use super::Handle;

pub(super) const ERROR_SUCCESS: u32 = 0;
pub(super) const ERROR_FILE_NOT_FOUND: u32 = 2;
pub(super) const ERROR_PATH_NOT_FOUND: u32 = 3;
pub(super) const ERROR_ACCESS_DENIED: u32 = 5;
pub(super) const ERROR_NOT_SAME_DEVICE: u32 = 17;
pub(super) const ERROR_NO_MORE_FILES: u32 = 18;
pub(super) const ERROR_WRITE_PROTECT: u32 = 19;
pub(super) const ERROR_BAD_LENGTH: u32 = 24;
pub(super) const ERROR_NOT_SUPPORTED: u32 = 50;
pub(super) const ERROR_FILE_EXISTS: u32 = 80;
pub(super) const ERROR_INVALID_PARAMETER: u32 = 87;
pub(super) const ERROR_INVALID_NAME: u32 = 123;
pub(super) const ERROR_ALREADY_EXISTS: u32 = 183;
pub(super) const ERROR_FILE_TOO_LARGE: u32 = 223;
pub(super) const ERROR_DIRECTORY: u32 = 267;
pub(super) const ERROR_FILE_CORRUPT: u32 = 1392;
pub(super) const ERROR_NOT_A_REPARSE_POINT: u32 = 4390;

pub(super) const INVALID_HANDLE: Handle = std::ptr::without_provenance_mut(usize::MAX);
pub(super) const INVALID_ATTRIBUTES: u32 = u32::MAX;

pub(super) const ATTRIBUTE_DIRECTORY: u32 = 0x10;
pub(super) const ATTRIBUTE_ARCHIVE: u32 = 0x20;
pub(super) const ATTRIBUTE_TEMPORARY: u32 = 0x100;

pub(super) const GENERIC_READ: u32 = 0x8000_0000;
pub(super) const GENERIC_WRITE: u32 = 0x4000_0000;
pub(super) const DELETE: u32 = 0x0001_0000;
/// `GENERIC_READ`, `GENERIC_EXECUTE`, `MAXIMUM_ALLOWED`, `FILE_READ_DATA`, `FILE_EXECUTE`.
pub(super) const ACCESS_READS: u32 = 0x8000_0000 | 0x2000_0000 | 0x0200_0000 | 0x1 | 0x20;
/// `GENERIC_WRITE`, `GENERIC_ALL`, `WRITE_OWNER`, `WRITE_DAC`, `DELETE`, `FILE_WRITE_DATA`,
/// `FILE_APPEND_DATA`, `FILE_WRITE_EA`, `FILE_DELETE_CHILD`, `FILE_WRITE_ATTRIBUTES`.
pub(super) const ACCESS_WRITES: u32 =
    0x4000_0000 | 0x1000_0000 | 0x000D_0000 | 0x2 | 0x4 | 0x10 | 0x40 | 0x100;

pub(super) const SHARE_ALL: u32 = 7;

pub(super) const CREATE_NEW: u32 = 1;
pub(super) const CREATE_ALWAYS: u32 = 2;
pub(super) const OPEN_ALWAYS: u32 = 4;
pub(super) const TRUNCATE_EXISTING: u32 = 5;

pub(super) const FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
pub(super) const FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
/// `FILE_FLAG_OVERLAPPED`, `FILE_FLAG_RANDOM_ACCESS`, `FILE_FLAG_SEQUENTIAL_SCAN`
pub(super) const FLAGS_OF_READING: u32 = 0x4000_0000 | 0x1000_0000 | 0x0800_0000;

pub(super) const TYPE_DISK: u32 = 1;

/// `HANDLE_FLAG_INHERIT`
pub(super) const INHERIT: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct FileTime {
    pub(super) low: u32,
    pub(super) high: u32,
}

impl FileTime {
    pub(super) fn new(ticks: u64) -> Self {
        FileTime {
            low: ticks as u32,
            high: (ticks >> 32) as u32,
        }
    }

    pub(super) fn ticks(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }
}

/// `BY_HANDLE_FILE_INFORMATION`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct ByHandle {
    pub(super) attributes: u32,
    pub(super) created: FileTime,
    pub(super) accessed: FileTime,
    pub(super) written: FileTime,
    pub(super) volume: u32,
    pub(super) size_high: u32,
    pub(super) size_low: u32,
    pub(super) links: u32,
    pub(super) index_high: u32,
    pub(super) index_low: u32,
}

/// `WIN32_FILE_ATTRIBUTE_DATA`
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct AttributeData {
    pub(super) attributes: u32,
    pub(super) created: FileTime,
    pub(super) accessed: FileTime,
    pub(super) written: FileTime,
    pub(super) size_high: u32,
    pub(super) size_low: u32,
}

/// `WIN32_FIND_DATAW`
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct FindData {
    pub(super) about: AttributeData,
    pub(super) reserved: [u32; 2],
    pub(super) name: [u16; 260],
    pub(super) short_name: [u16; 14],
}

/// `SECURITY_ATTRIBUTES`
#[repr(C)]
pub(super) struct Security {
    length: u32,
    descriptor: *mut c_void,
    pub(super) inherits: c_int,
}

unsafe extern "system" {
    pub(super) fn GetLastError() -> u32;
    pub(super) fn SetLastError(error: u32);
    pub(super) fn GetTempPathW(length: u32, buffer: *mut u16) -> u32;
    pub(super) fn GetCurrentProcessId() -> u32;
    pub(super) fn WriteFile(
        file: Handle,
        bytes: *const u8,
        length: u32,
        written: *mut u32,
        overlapped: *mut c_void,
    ) -> c_int;
    pub(super) fn SetFileTime(
        file: Handle,
        created: *const FileTime,
        accessed: *const FileTime,
        written: *const FileTime,
    ) -> c_int;
    pub(super) fn SetFilePointerEx(
        file: Handle,
        distance: i64,
        position: *mut i64,
        method: u32,
    ) -> c_int;
    pub(super) fn ReOpenFile(file: Handle, access: u32, share: u32, flags: u32) -> Handle;
    pub(super) fn SetHandleInformation(handle: Handle, mask: u32, flags: u32) -> c_int;
    pub(super) fn MultiByteToWideChar(
        code_page: u32,
        flags: u32,
        bytes: *const c_char,
        length: c_int,
        wide: *mut u16,
        wide_length: c_int,
    ) -> c_int;
    pub(super) fn GetModuleHandleW(name: *const u16) -> Handle;
    pub(super) fn VirtualProtect(
        address: *mut c_void,
        size: usize,
        protection: u32,
        old: *mut u32,
    ) -> c_int;
}

unsafe extern "C" {
    pub(super) fn _errno() -> *mut c_int;
    pub(super) fn _open_osfhandle(handle: isize, flags: c_int) -> c_int;
    pub(super) fn _fdopen(descriptor: c_int, mode: *const c_char) -> *mut libc::FILE;
    pub(super) fn _close(descriptor: c_int) -> c_int;
}

/// The units of a string.
///
/// # Safety
/// `text` must end with NUL and outlive the result.
pub(super) unsafe fn text<'a>(text: *const u16) -> &'a [u16] {
    let mut length = 0;
    // SAFETY: the caller's.
    unsafe {
        while *text.add(length) != 0 {
            length += 1;
        }
        std::slice::from_raw_parts(text, length)
    }
}

/// A string for the system.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

pub(super) fn set_error(error: u32) {
    // SAFETY: the thread's own.
    unsafe { SetLastError(error) };
}

pub(super) fn last_error() -> u32 {
    // SAFETY: the thread's own.
    unsafe { GetLastError() }
}
