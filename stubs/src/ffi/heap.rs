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

/// What a start snapshot has frozen, as far as somebody would notice its end. It never dies, but
/// for objects with finalizers: a restored process looks at what is new and at these, and leaves
/// the memory of the rest untouched.
pub(crate) struct Frozen {
    /// Weak references to objects with finalizers.
    finalizers: Vec<*mut py::PyObject>,
    callbacks: Vec<*mut py::PyObject>,
    unseen: Vec<*mut py::PyObject>,
    /// The first object of the collector's list of what it never looks at, which it walks last.
    first: *mut py::PyObject,
    /// The last one, and what comes behind it: the head of the list, unless more was frozen.
    last: *mut py::PyObject,
    behind: usize,
}

// SAFETY: the pointers are only followed while the interpreter's lock is held.
unsafe impl Send for Frozen {}
// SAFETY: as above.
unsafe impl Sync for Frozen {}

impl Frozen {
    /// Whether the program has neither frozen more nor unfrozen anything since.
    fn is_intact(&self) -> bool {
        // SAFETY: `last` lives for ever.
        unsafe { follower(self.last) == self.behind }
    }
}

/// The collector's link from an object to the next one of its list: the first word of what lies
/// before each object that it knows (`PyGC_Head` of Include/internal/pycore_gc.h).
unsafe fn follower(object: *mut py::PyObject) -> usize {
    /// `sizeof(PyGC_Head)`.
    const HEAD: usize = 16;
    // SAFETY: the caller's: an object that the collector knows.
    unsafe { object.cast::<u8>().sub(HEAD).cast::<usize>().read() }
}

pub(super) type Visitor = unsafe extern "C" fn(*mut py::PyObject, *mut c_void) -> c_int;

// Of `Include/cpython/objimpl.h` and `weakrefobject.h`; `pyo3-ffi` does not have them.
unsafe extern "C" {
    pub(super) fn PyUnstable_GC_VisitObjects(callback: Visitor, argument: *mut c_void);
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
    /// Where the walk ends.
    stop: *mut py::PyObject,
    kinds: [(*mut py::PyTypeObject, Kind); REMEMBERED],
}

/// Looks at every object that the collector of this interpreter knows, frozen ones included. With
/// `frozen`, only what is noted down there counts of what was frozen then. Nothing of Python's
/// runs.
pub(crate) fn survey<'py>(gil: Gil<'py>, frozen: Option<&Frozen>) -> Result<Survey<'py>> {
    let file = gil.interned(c"__file__")?;
    let frozen = frozen.filter(|frozen| frozen.is_intact());
    let mut walk = Walk::new(&file);
    if let Some(frozen) = frozen {
        walk.stop = frozen.first;
        walk.callbacks.clone_from(&frozen.callbacks);
        walk.unseen.clone_from(&frozen.unseen);
        // SAFETY: the lock is held, and so are the references, by `frozen`. What they lead to is
        // alive if anything is there, and stays so until the walk ends.
        walk.finalizers
            .extend(frozen.finalizers.iter().filter_map(|reference| unsafe {
                let object = (*reference.cast::<py::PyWeakReference>()).wr_object;
                (object != py::Py_None()).then_some(object)
            }));
    }
    // SAFETY: the lock is held; `visit` gets what it is made for. It makes no Python object, so no
    // collection can start, and what it notes down is alive when the walk ends, because nothing is
    // given up meanwhile.
    unsafe {
        PyUnstable_GC_VisitObjects(visit, (&raw mut walk).cast());
        Ok(walk.into_survey(gil))
    }
}

/// Notes down what is frozen and would be noticed at the end, and keeps it alive, but for objects
/// with finalizers: these may end at any time. `None` if nothing is frozen, or cannot be noted
/// down.
#[cfg(target_env = "musl")]
pub(crate) fn frozen(gil: Gil<'_>) -> Result<Option<Frozen>> {
    struct Ends {
        young: Vec<*mut py::PyObject>,
        first: *mut py::PyObject,
        last: *mut py::PyObject,
    }
    unsafe extern "C" fn ends(object: *mut py::PyObject, ends: *mut c_void) -> c_int {
        // SAFETY: the pointer that is handed in below, which nobody else uses meanwhile.
        let ends = unsafe { &mut *ends.cast::<Ends>() };
        if ends.first.is_null() && !ends.young.contains(&object) {
            ends.first = object;
        }
        ends.last = object;
        1
    }
    let file = gil.interned(c"__file__")?;
    // All that is not frozen, this list included.
    let list = gil.import("gc")?.call_method(c"get_objects", &[])?;
    let mut found = Ends {
        young: list.items()?.iter().map(Object::as_ptr).collect(),
        first: ptr::null_mut(),
        last: ptr::null_mut(),
    };
    found.young.push(list.as_ptr());
    let mut walk = Walk::new(&file);
    // SAFETY: as in `survey`. The objects noted down are given a reference that is never returned,
    // so that they stay where they are.
    unsafe {
        PyUnstable_GC_VisitObjects(ends, (&raw mut found).cast());
        if found.first.is_null() {
            return Ok(None);
        }
        PyUnstable_GC_VisitObjects(visit, (&raw mut walk).cast());
        if walk.extensions || walk.incomplete {
            return Ok(None);
        }
        let mut frozen = Frozen {
            finalizers: Vec::new(),
            callbacks: walk.callbacks.clone(),
            unseen: walk.unseen.clone(),
            first: found.first,
            last: found.last,
            behind: follower(found.last),
        };
        let survey = walk.into_survey(gil);
        for object in &survey.finalizers {
            let reference = py::PyWeakref_NewRef(object.as_ptr(), ptr::null_mut());
            if reference.is_null() {
                gil.clear(); // A class whose objects cannot be watched.
                return Ok(None);
            }
            frozen.finalizers.push(reference);
        }
        let kept = [&frozen.callbacks, &frozen.unseen];
        let kept = kept.into_iter().flatten();
        for object in kept.chain([&frozen.first, &frozen.last]) {
            py::Py_INCREF(*object);
        }
        Ok(Some(frozen))
    }
}

unsafe extern "C" fn visit(object: *mut py::PyObject, walk: *mut c_void) -> c_int {
    // SAFETY: CPython passes a live object and the pointer that `survey` handed in, which nobody
    // else uses meanwhile. What is called reads types, modules' dictionaries and fields of the
    // structures of the version that this is compiled against. A module's dictionary has keys of
    // type str, and comparing these runs nothing of Python's.
    unsafe {
        let walk = &mut *walk.cast::<Walk>();
        if object == walk.stop {
            return 0;
        }
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
    fn new(file: &Object<'_>) -> Walk {
        Walk {
            finalizers: Vec::new(),
            callbacks: Vec::new(),
            known: Vec::new(),
            unseen: Vec::new(),
            file: file.as_ptr(),
            extensions: false,
            incomplete: false,
            stop: ptr::null_mut(),
            kinds: [(ptr::null_mut(), Kind::Plain); REMEMBERED],
        }
    }

    /// # Safety
    /// What was noted down must be alive.
    unsafe fn into_survey(self, gil: Gil<'_>) -> Survey<'_> {
        let own = |pointers: Vec<*mut py::PyObject>| {
            // SAFETY: the caller's.
            let own = |pointer: &*mut py::PyObject| unsafe { gil.borrowed(*pointer) };
            pointers.iter().map(own).collect()
        };
        Survey {
            finalizers: own(self.finalizers),
            callbacks: own(self.callbacks),
            unseen: own(self.unseen),
            extensions: self.extensions,
            incomplete: self.incomplete,
        }
    }

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
    // SAFETY: the lock is held, which keeps this interpreter's list as it is. A second interpreter
    // is only counted.
    unsafe {
        let interpreter = py::PyInterpreterState_Head();
        let thread = py::PyInterpreterState_ThreadHead(interpreter);
        py::PyInterpreterState_Next(interpreter).is_null()
            && py::PyThreadState_Next(thread).is_null()
    }
}
