//! Text on its way into CPython: UTF-16.

use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt;

use pyo3_ffi as py;

/// CPython's `wchar_t`, 16 bits here.
type Wide = libc::wchar_t;

/// A string of the system, NUL-terminated.
#[derive(Debug)]
pub(crate) struct Text(Vec<Wide>);

impl Text {
    /// `None` for a string with a NUL in it.
    pub(crate) fn new(value: impl AsRef<OsStr>) -> Option<Text> {
        let mut wide: Vec<Wide> = value.as_ref().encode_wide().collect();
        if wide.contains(&0) {
            return None;
        }
        wide.push(0);
        Some(Text(wide))
    }

    pub(super) fn as_ptr(&self) -> *const Wide {
        self.0.as_ptr()
    }
}

fn pointers(values: &[Text]) -> Vec<*mut Wide> {
    let pointer = |value: &Text| value.0.as_ptr().cast_mut();
    values.iter().map(pointer).collect()
}

/// Copies `value` into a field.
///
/// # Safety
/// `place` must be a string field of the structure that `config` points to.
pub(in crate::ffi) unsafe fn set(
    config: *mut py::PyConfig,
    place: *mut *mut Wide,
    value: &Text,
) -> py::PyStatus {
    // SAFETY: the caller's; the value outlives the call.
    unsafe { py::PyConfig_SetString(config, place, value.0.as_ptr()) }
}

/// Appends `value` to a list.
///
/// # Safety
/// `list` must be a list of an initialised `PyConfig`.
pub(in crate::ffi) unsafe fn append(list: *mut py::PyWideStringList, value: &Text) -> py::PyStatus {
    // SAFETY: the caller's; the value is copied.
    unsafe { py::PyWideStringList_Append(list, value.0.as_ptr()) }
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
        py::PyConfig_SetArgv(config, values.len() as isize, pointer)
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
        py::Py_PreInitializeFromArgs(config, values.len() as isize, pointer)
    }
}

/// A new `str`, lone surrogates included, or null with an exception.
///
/// # Safety
/// The interpreter's lock must be held.
pub(in crate::ffi) unsafe fn to_python(value: &OsStr) -> *mut py::PyObject {
    let wide: Vec<Wide> = value.encode_wide().collect();
    // SAFETY: the pointer is valid for `len` units and is copied before the call returns.
    unsafe { py::PyUnicode_FromWideChar(wide.as_ptr(), wide.len() as isize) }
}
