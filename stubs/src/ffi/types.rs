//! Heap types with one slot of state.
//!
//! The importer holds a tuple of Python objects and nothing else, so one layout and one set of
//! `tp_*` functions serves all types of this kind. Loaders and path entry finders are subclasses of
//! importlib's own instead. The state is an ordinary Python object, visible to the garbage
//! collector, and therefore belongs to one interpreter: sub-interpreters get types and instances of
//! their own.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use pyo3_ffi as py;

use super::object::{Gil, Object, Raised, Result};

/// Memory layout of an instance: `PyObject_HEAD` and the state.
#[repr(C)]
struct Holder {
    head: py::PyObject,
    state: *mut py::PyObject,
}

unsafe extern "C" fn dealloc(object: *mut py::PyObject) {
    // SAFETY: called once, when the last reference is gone; instances are made by `instantiate`
    // only, so the layout is `Holder`. A heap type's instances own a reference to their type.
    unsafe {
        let class = py::Py_TYPE(object);
        py::PyObject_GC_UnTrack(object.cast());
        let holder = object.cast::<Holder>();
        let state = std::mem::replace(&mut (*holder).state, ptr::null_mut());
        py::Py_XDECREF(state);
        py::PyObject_GC_Del(object.cast());
        py::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn traverse(
    object: *mut py::PyObject,
    visit: py::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector passes a live instance; visiting borrows.
    unsafe {
        let class: *mut py::PyObject = py::Py_TYPE(object).cast();
        let result = visit(class, argument);
        if result != 0 {
            return result;
        }
        let state = (*object.cast::<Holder>()).state;
        if state.is_null() {
            0
        } else {
            visit(state, argument)
        }
    }
}

unsafe extern "C" fn clear(object: *mut py::PyObject) -> c_int {
    // SAFETY: as in `dealloc`; the field is null before the reference is given up.
    unsafe {
        let state = std::mem::replace(&mut (*object.cast::<Holder>()).state, ptr::null_mut());
        py::Py_XDECREF(state);
    }
    0
}

/// Makes a type. `name` is `module.Class`; `methods` ends with a zeroed row and lives as long as
/// the process.
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long has 32 bits on Windows"
)]
pub(super) fn new_type<'py>(
    gil: Gil<'py>,
    name: &'static CStr,
    doc: &'static CStr,
    methods: &'static mut [py::PyMethodDef],
) -> Result<Object<'py>> {
    let slot = |slot: c_int, pfunc: *mut c_void| py::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(py::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
        slot(py::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(py::Py_tp_dealloc, dealloc as *mut c_void),
        slot(py::Py_tp_traverse, traverse as *mut c_void),
        slot(py::Py_tp_clear, clear as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let flags =
        py::Py_TPFLAGS_DEFAULT | py::Py_TPFLAGS_HAVE_GC | py::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    let mut spec = py::PyType_Spec {
        name: name.as_ptr(),
        basicsize: size_of::<Holder>() as c_int,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: CPython copies the slots; name, documentation and method table are static.
    gil.owned(unsafe { py::PyType_FromSpec(&raw mut spec) })
}

/// Makes a subclass of a class written in Python, with methods of ours and the layout of its base.
/// Its instances hold no state of ours; programs may make and subclass them.
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long has 32 bits on Windows"
)]
pub(super) fn new_subclass<'py>(
    gil: Gil<'py>,
    name: &'static CStr,
    doc: &'static CStr,
    methods: &'static mut [py::PyMethodDef],
    base: &Object<'py>,
) -> Result<Object<'py>> {
    let slot = |slot: c_int, pfunc: *mut c_void| py::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(py::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
        slot(py::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(0, ptr::null_mut()),
    ];
    let flags = py::Py_TPFLAGS_DEFAULT | py::Py_TPFLAGS_BASETYPE;
    let mut spec = py::PyType_Spec {
        name: name.as_ptr(),
        basicsize: 0,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: CPython copies the slots; name, documentation and method table are static. A size of
    // 0 and no `tp_*` functions mean those of the base, which is a class and alive.
    gil.owned(unsafe { py::PyType_FromSpecWithBases(&raw mut spec, base.as_ptr()) })
}

/// Makes an instance of a class that `new_subclass` made, without its `__init__`.
pub(crate) fn bare<'py>(class: &Object<'py>) -> Result<Object<'py>> {
    // SAFETY: `class` is a class, and its instances are valid when they are zero: they are those of
    // a class written in Python.
    class
        .gil()
        .owned(unsafe { py::PyType_GenericAlloc(class.as_ptr().cast(), 0) })
}

/// Makes an instance that holds `state`.
pub(crate) fn instantiate<'py>(class: &Object<'py>, state: Object<'py>) -> Result<Object<'py>> {
    // SAFETY: `class` was made by `new_type`; the allocator zeroes the instance and takes the
    // type's reference. The object is tracked before it is complete in no visible way: `traverse`
    // accepts a null state.
    unsafe {
        let object = py::PyType_GenericAlloc(class.as_ptr().cast(), 0);
        if object.is_null() {
            return Err(Raised);
        }
        (*object.cast::<Holder>()).state = state.into_ptr();
        class.gil().owned(object)
    }
}

/// The state of an instance that `instantiate` made. The receiver of a method table's function
/// always is one.
pub(crate) fn state<'py>(object: &Object<'py>) -> Result<Object<'py>> {
    // SAFETY: our methods are only in our types' tables, and CPython checks a receiver's type
    // before a call. The collector may have cleared the state.
    unsafe {
        let state = (*object.as_ptr().cast::<Holder>()).state;
        if state.is_null() {
            return Err(object.gil().raise(
                super::object::Exception::Import,
                "the importer was torn down",
            ));
        }
        Ok(object.gil().borrowed(state))
    }
}
