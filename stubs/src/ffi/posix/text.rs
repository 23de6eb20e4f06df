//! Text on its way into CPython: bytes in the locale's encoding.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;

use libc::wchar_t;
use pyo3_ffi as py;

/// A string of the system, NUL-terminated.
#[derive(Debug)]
pub(crate) struct Text(CString);

impl Text {
    /// `None` for a string with a NUL in it.
    pub(crate) fn new(value: impl AsRef<OsStr>) -> Option<Text> {
        CString::new(value.as_ref().as_bytes()).ok().map(Text)
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        &self.0
    }
}

fn pointers(values: &[Text]) -> Vec<*mut c_char> {
    let pointer = |value: &Text| value.0.as_ptr().cast_mut();
    values.iter().map(pointer).collect()
}

/// Decodes `value` (PEP 383) and copies it into a field.
///
/// # Safety
/// `place` must be a string field of the structure that `config` points to.
pub(in crate::ffi) unsafe fn set(
    config: *mut py::PyConfig,
    place: *mut *mut wchar_t,
    value: &Text,
) -> py::PyStatus {
    // SAFETY: the caller's; the value outlives the call.
    unsafe { py::PyConfig_SetBytesString(config, place, value.0.as_ptr()) }
}

/// Decodes `value` and appends it to a list.
///
/// # Safety
/// `list` must be a list of an initialised `PyConfig`.
pub(in crate::ffi) unsafe fn append(list: *mut py::PyWideStringList, value: &Text) -> py::PyStatus {
    // SAFETY: the decoded string is copied and then freed by its allocator.
    unsafe {
        let wide = py::Py_DecodeLocale(value.0.as_ptr(), std::ptr::null_mut());
        if wide.is_null() {
            return py::PyStatus_NoMemory();
        }
        let status = py::PyWideStringList_Append(list, wide);
        py::PyMem_RawFree(wide.cast());
        status
    }
}

/// `PyConfig.argv`.
///
/// # Safety
/// `config` must point to an initialised structure.
pub(in crate::ffi) unsafe fn set_arguments(
    config: *mut py::PyConfig,
    values: &[Text],
) -> py::PyStatus {
    let pointers = pointers(values);
    // SAFETY: `pointers` and what it points to outlive the call, which copies.
    unsafe {
        let pointer = pointers.as_ptr().cast_mut().cast();
        py::PyConfig_SetBytesArgv(config, values.len() as isize, pointer)
    }
}

/// Pre-initialisation that takes options from a command line.
///
/// # Safety
/// `config` must point to an initialised structure.
pub(in crate::ffi) unsafe fn preinitialize(
    config: *const py::PyPreConfig,
    values: &[Text],
) -> py::PyStatus {
    let pointers = pointers(values);
    // SAFETY: `pointers` and what it points to outlive the call.
    unsafe {
        let pointer = pointers.as_ptr().cast_mut();
        py::Py_PreInitializeFromBytesArgs(config, values.len() as isize, pointer)
    }
}

/// A new `str` (PEP 383 surrogates for what does not decode), or null with an exception.
///
/// # Safety
/// The interpreter's lock must be held.
#[cfg(any(target_os = "macos", target_env = "musl"))]
pub(in crate::ffi) unsafe fn to_python(value: &OsStr) -> *mut py::PyObject {
    let bytes = value.as_bytes();
    // SAFETY: the pointer is valid for `len` bytes and is copied before the call returns.
    unsafe { py::PyUnicode_DecodeFSDefaultAndSize(bytes.as_ptr().cast(), bytes.len() as isize) }
}
