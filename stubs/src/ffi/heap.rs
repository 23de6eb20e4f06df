//! What is alive in an interpreter, as far as somebody would notice its end.

use std::ffi::{c_int, c_void};
use std::ptr;

use pyo3_ffi as py;

use super::object::{Gil, Object, Result};

/// More objects with finalizers than this are not looked at one by one.
const LIMIT: usize = 1000;

/// What a walk over everything that the collector knows has found.
pub(crate) struct Survey<'py> {
    /// Objects with a finalizer: `__del__` in Python, `tp_finalize` or `tp_del` in C.
    pub(crate) finalizers: Vec<Object<'py>>,
    /// Functions that weak references call, one of each that has code of its own.
    pub(crate) callbacks: Vec<Object<'py>>,
    /// Classes with a finalizer whose instances the collector does not know.
    pub(crate) unseen: Vec<Object<'py>>,
    /// Whether there is a module in C that was loaded from a file.
    pub(crate) extensions: bool,
    /// Whether the walk ended early, because there were too many.
    pub(crate) incomplete: bool,
}

type Visitor = unsafe extern "C" fn(*mut py::PyObject, *mut c_void) -> c_int;

// Of `Include/cpython/objimpl.h` and `weakrefobject.h`; `pyo3-ffi` does not have them.
unsafe extern "C" {
    fn PyUnstable_GC_VisitObjects(callback: Visitor, argument: *mut c_void);
    static mut _PyWeakref_ProxyType: py::PyTypeObject;
    static mut _PyWeakref_CallableProxyType: py::PyTypeObject;
}

/// What an object's class says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    WithFinalizer,
    Class,
    WeakReference,
    Module,
}

/// Classes that were looked at, each in the place that its address gives it: objects of one class
/// come in crowds.
const REMEMBERED: usize = 256;

struct Walk {
    finalizers: Vec<*mut py::PyObject>,
    callbacks: Vec<*mut py::PyObject>,
    /// What tells a callback from another: a code object, a C function, or the object itself.
    known: Vec<*const c_void>,
    unseen: Vec<*mut py::PyObject>,
    /// The str `__file__`.
    file: *mut py::PyObject,
    extensions: bool,
    incomplete: bool,
    kinds: [(*mut py::PyTypeObject, Kind); REMEMBERED],
}

/// Looks at every object that the collector of this interpreter knows, frozen ones included.
/// Nothing of Python's runs.
pub(crate) fn survey(gil: Gil<'_>) -> Result<Survey<'_>> {
    let file = gil.interned(c"__file__")?;
    let mut walk = Walk {
        finalizers: Vec::new(),
        callbacks: Vec::new(),
        known: Vec::new(),
        unseen: Vec::new(),
        file: file.as_ptr(),
        extensions: false,
        incomplete: false,
        kinds: [(ptr::null_mut(), Kind::Plain); REMEMBERED],
    };
    // SAFETY: the lock is held; `visit` gets what it is made for. It makes no Python object, so no
    // collection can start, and what it notes down is alive when the walk ends, because nothing is
    // given up meanwhile.
    unsafe {
        PyUnstable_GC_VisitObjects(visit, (&raw mut walk).cast());
        let own = |pointers: Vec<*mut py::PyObject>| {
            let own = |pointer: &*mut py::PyObject| gil.borrowed(*pointer);
            pointers.iter().map(own).collect()
        };
        Ok(Survey {
            finalizers: own(walk.finalizers),
            callbacks: own(walk.callbacks),
            unseen: own(walk.unseen),
            extensions: walk.extensions,
            incomplete: walk.incomplete,
        })
    }
}

unsafe extern "C" fn visit(object: *mut py::PyObject, walk: *mut c_void) -> c_int {
    // SAFETY: CPython passes a live object and the pointer that `survey` handed in, which nobody
    // else uses meanwhile. What is called reads types, modules' dictionaries and fields of the
    // structures of the version that this is compiled against. A module's dictionary has keys of
    // type str, and comparing these runs nothing of Python's.
    unsafe {
        let walk = &mut *walk.cast::<Walk>();
        match walk.kind(py::Py_TYPE(object)) {
            Kind::Plain => {}
            Kind::WithFinalizer => {
                walk.incomplete |= walk.finalizers.len() == LIMIT;
                walk.finalizers.push(object);
            }
            Kind::Class => {
                let class = object.cast::<py::PyTypeObject>();
                let collected = py::PyType_HasFeature(class, py::Py_TPFLAGS_HAVE_GC) != 0;
                if has_finalizer(class) && !collected {
                    walk.unseen.push(object);
                }
            }
            Kind::WeakReference => {
                let callback = (*object.cast::<py::PyWeakReference>()).wr_callback;
                if !callback.is_null() {
                    walk.callback(callback);
                }
            }
            Kind::Module => {
                let dictionary = py::PyModule_GetDict(object);
                walk.extensions |= !py::PyModule_GetDef(object).is_null()
                    && !dictionary.is_null()
                    && py::PyDict_Contains(dictionary, walk.file) == 1;
            }
        }
        c_int::from(!walk.incomplete)
    }
}

unsafe fn has_finalizer(class: *mut py::PyTypeObject) -> bool {
    // SAFETY: the caller's: a live type.
    unsafe { (*class).tp_finalize.is_some() || (*class).tp_del.is_some() }
}

/// What objects of a class are.
unsafe fn classify(class: *mut py::PyTypeObject) -> Kind {
    // SAFETY: the caller's: a live type.
    unsafe {
        let of = |base: *mut py::PyTypeObject| py::PyType_IsSubtype(class, base) != 0;
        if has_finalizer(class) {
            Kind::WithFinalizer
        } else if py::PyType_HasFeature(class, py::Py_TPFLAGS_TYPE_SUBCLASS) != 0 {
            Kind::Class
        } else if of(&raw mut py::_PyWeakref_RefType)
            || class == &raw mut _PyWeakref_ProxyType
            || class == &raw mut _PyWeakref_CallableProxyType
        {
            Kind::WeakReference
        } else if of(&raw mut py::PyModule_Type) {
            Kind::Module
        } else {
            Kind::Plain
        }
    }
}

impl Walk {
    unsafe fn kind(&mut self, class: *mut py::PyTypeObject) -> Kind {
        let place = &mut self.kinds[class.addr() / 16 % REMEMBERED];
        if place.0 != class {
            // SAFETY: the caller's: a live type.
            *place = (class, unsafe { classify(class) });
        }
        place.1
    }

    unsafe fn callback(&mut self, callback: *mut py::PyObject) {
        // SAFETY: the caller's: a live object.
        let code = unsafe {
            if py::PyFunction_Check(callback) != 0 {
                py::PyFunction_GetCode(callback).cast_const().cast()
            } else if py::PyCFunction_CheckExact(callback) != 0 {
                let function = py::PyCFunction_GetFunction(callback);
                function.map_or(ptr::null(), |function| function as *const c_void)
            } else {
                callback.cast_const().cast()
            }
        };
        if self.known.last() != Some(&code) && !self.known.contains(&code) {
            if self.known.len() == LIMIT {
                self.incomplete = true;
                return;
            }
            self.known.push(code);
            self.callbacks.push(callback);
        }
    }
}

/// `gc.collect()`.
pub(crate) fn collect(_gil: Gil<'_>) {
    // SAFETY: the lock is held, and no object is half made.
    unsafe { py::PyGC_Collect() };
}

/// Calls the finalizer of an object as its end would.
pub(crate) fn finalize(object: &Object<'_>) {
    // SAFETY: a live object whose type has a finalizer; errors go to `sys.unraisablehook`.
    unsafe { py::PyObject_CallFinalizer(object.as_ptr()) }
}

/// Whether this thread is the only one that CPython knows, in the only interpreter.
pub(crate) fn alone(_gil: Gil<'_>) -> bool {
    // SAFETY: the lock is held, which keeps this interpreter's list as it is. A second interpreter is only counted.
    unsafe {
        let interpreter = py::PyInterpreterState_Head();
        let thread = py::PyInterpreterState_ThreadHead(interpreter);
        py::PyInterpreterState_Next(interpreter).is_null()
            && py::PyThreadState_Next(thread).is_null()
    }
}
