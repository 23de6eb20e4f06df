//! Declarations of `Include/cpython/fileobject.h` that `pyo3-ffi` does not have.

use std::ffi::{c_int, c_void};

use pyo3_ffi::PyObject;

/// `Py_OpenCodeHookFunction`: a str, the user's pointer; a new reference to a binary stream.
pub(super) type OpenCodeHook = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> *mut PyObject;

unsafe extern "C" {
    /// [PEP 578](https://peps.python.org/pep-0578/). Not 0 if a hook is set already.
    pub(super) fn PyFile_SetOpenCodeHook(hook: OpenCodeHook, data: *mut c_void) -> c_int;
}
