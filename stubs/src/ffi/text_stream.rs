//! What `io.TextIOWrapper` tells nobody: whether it holds text that its buffer has not got yet.

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;

use pyo3_ffi as py;

use super::object::Object;

/// `textio` of CPython 3.13's Modules/_io/textio.c, up to where its weak references are.
#[repr(C)]
struct Stream {
    object: py::PyObject,
    ok: c_int,
    detached: c_int,
    chunk_size: py::Py_ssize_t,
    buffer: *mut py::PyObject,
    encoding: *mut py::PyObject,
    encoder: *mut py::PyObject,
    decoder: *mut py::PyObject,
    readnl: *mut py::PyObject,
    errors: *mut py::PyObject,
    writenl: *const c_char,
    switches: [c_char; 9],
    encodefunc: *mut c_void,
    encoding_start_of_stream: c_char,
    decoded_chars: *mut py::PyObject,
    decoded_chars_used: py::Py_ssize_t,
    pending_bytes: *mut py::PyObject,
    pending_bytes_count: py::Py_ssize_t,
    snapshot: *mut py::PyObject,
    b2cratio: f64,
    raw: *mut py::PyObject,
    weakreflist: *mut py::PyObject,
}

/// Whether a stream of text, of just that class, certainly holds nothing that was written to it.
pub(crate) fn holds_nothing(stream: &Object<'_>) -> bool {
    // SAFETY: a live object; the lock is held. Its class says where weak references are, which is
    // where the structure above has them only if both are the same.
    unsafe {
        let object = stream.as_ptr();
        let weak = (*py::Py_TYPE(object)).tp_weaklistoffset;
        weak.cast_unsigned() == offset_of!(Stream, weakreflist)
            && (*object.cast::<Stream>()).pending_bytes.is_null()
    }
}
