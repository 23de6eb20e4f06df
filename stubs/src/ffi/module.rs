//! The built-in module `_oxidize`, and how it gets into every interpreter.
//!
//! Each interpreter, sub-interpreters included, imports `time` (for `zipimport`) after `importlib`
//! has set up `sys.meta_path` and before the first module that comes from a path, `encodings`. So
//! the entry of `time` in
//! [`PyImport_Inittab`](https://docs.python.org/3.13/c-api/import.html#c.PyImport_Inittab) is
//! replaced by a function that gives CPython's own definition of the module one more `Py_mod_exec`
//! slot, which installs the importer: public API only, no patch of CPython, and the same on every
//! platform. (A slot, because CPython calls init functions with the main interpreter current,
//! whoever imports, and slots with the importing one.)

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use pyo3_ffi as py;

use super::call::{self, Method};
use super::fileobject::PyFile_SetOpenCodeHook;
use super::object::{Exception, Gil, Object, Result};
use super::types;

/// What `_oxidize` consists of. It is handed down by those who know ([`crate::start()`]); nothing
/// in this room knows what the functions do.
pub(crate) struct Native {
    /// The classes.
    pub(crate) classes: &'static [Class],
    /// The functions.
    pub(crate) functions: fn() -> Vec<Method>,
    /// Called in each interpreter once, before its first module that comes from a path.
    pub(crate) install: fn(Gil<'_>) -> Result<()>,
    /// `io.open_code(path)`.
    pub(crate) open_code: for<'py> fn(Gil<'py>, &Object<'py>) -> Result<Object<'py>>,
}

/// A class of `_oxidize`, made anew in each interpreter.
pub(crate) struct Class {
    /// Its name in the module.
    pub(crate) attribute: &'static CStr,
    /// `_oxidize.` and the same.
    pub(crate) name: &'static CStr,
    pub(crate) doc: &'static CStr,
    /// The class of `importlib` that it extends; without one, its instances hold a tuple of state.
    pub(crate) base: Option<&'static CStr>,
    pub(crate) methods: fn() -> Vec<Method>,
}

static NATIVE: OnceLock<Native> = OnceLock::new();

fn native(gil: Gil<'_>) -> Result<&'static Native> {
    NATIVE
        .get()
        .ok_or_else(|| gil.raise(Exception::Import, "this executable has no resources"))
}

type Init = unsafe extern "C" fn() -> *mut py::PyObject;

/// CPython's own `PyInit_time`.
static INIT_TIME: OnceLock<Init> = OnceLock::new();

/// Registers `_oxidize` and arranges for its installation. Before `Py_InitializeFromConfig`.
///
/// # Errors
/// The text says what is wrong with the stub; it cannot happen with one that passed its tests.
pub(crate) fn register(native: Native) -> std::result::Result<(), &'static str> {
    let _ = NATIVE.set(native);
    // SAFETY: no interpreter runs yet and this is the only thread, so the table is ours. It ends
    // with a null name. The table is writable data of the executable (`_PyImport_Inittab` in
    // config.c is not const).
    unsafe {
        if py::PyImport_AppendInittab(c"_oxidize".as_ptr(), Some(init)) != 0 {
            return Err("no memory for the table of built-in modules");
        }
        if PyFile_SetOpenCodeHook(open_code, ptr::null_mut()) != 0 {
            return Err("the hook for opening programs could not be set");
        }
        let mut row = py::PyImport_Inittab;
        while !(*row).name.is_null() {
            if CStr::from_ptr((*row).name) == c"time" {
                let Some(original) = (*row).initfunc else {
                    break;
                };
                let _ = INIT_TIME.set(original);
                (*row).initfunc = Some(init_time);
                return Ok(());
            }
            row = row.add(1);
        }
    }
    Err("this CPython has no built-in module 'time'")
}

unsafe extern "C" fn open_code(path: *mut py::PyObject, _data: *mut c_void) -> *mut py::PyObject {
    // SAFETY: CPython calls the hook with the lock held and a live str.
    unsafe {
        let gil = Gil::assume();
        let path = gil.borrowed(path);
        let opened = native(gil).and_then(|native| (native.open_code)(gil, &path));
        opened.map_or(ptr::null_mut(), Object::into_ptr)
    }
}

unsafe extern "C" fn init_time() -> *mut py::PyObject {
    static EXTENDED: OnceLock<()> = OnceLock::new();
    // SAFETY: CPython calls init functions with the main interpreter's lock held; `INIT_TIME` was
    // set before the table pointed here. `time` has multi-phase initialisation (the build tests
    // that), so what its init function returns is its static definition. Its slot array, which ends
    // with a zero row, is replaced once, before any module is made from it.
    unsafe {
        let Some(original) = INIT_TIME.get() else {
            return ptr::null_mut();
        };
        let object = original();
        if !object.is_null() {
            EXTENDED.get_or_init(|| {
                let definition = object.cast::<py::PyModuleDef>();
                let mut slots = vec![py::PyModuleDef_Slot {
                    slot: py::Py_mod_exec,
                    value: install as *mut c_void,
                }];
                let mut slot = (*definition).m_slots;
                while (*slot).slot != 0 {
                    slots.push(*slot);
                    slot = slot.add(1);
                }
                slots.push(*slot);
                (*definition).m_slots = Box::leak(slots.into_boxed_slice()).as_mut_ptr();
            });
        }
        object
    }
}

unsafe extern "C" fn install(_module: *mut py::PyObject) -> c_int {
    // SAFETY: CPython runs slots with the importing interpreter's lock held.
    let gil = unsafe { Gil::assume() };
    if native(gil)
        .and_then(|native| (native.install)(gil))
        .is_err()
    {
        // `zipimport` is optional to CPython, which would swallow the exception and then miss
        // `encodings`.
        eprintln!("error: the importer of this executable could not be installed");
        gil.print_raised();
    }
    0
}

unsafe extern "C" fn exec(module: *mut py::PyObject) -> c_int {
    // SAFETY: multi-phase initialisation (PEP 489) passes the new module with the lock held. The
    // tables are written by CPython only while it makes a type or function from them, under the
    // lock of the main interpreter; they are constant afterwards.
    let result = unsafe {
        let gil = Gil::assume();
        let module = gil.borrowed(module);
        add_types(gil, &module)
    };
    if result.is_ok() { 0 } else { -1 }
}

fn add_types<'py>(gil: Gil<'py>, module: &Object<'py>) -> Result<()> {
    for class in native(gil)?.classes {
        let methods = call::table((class.methods)());
        let object = match class.base {
            None => types::new_type(gil, class.name, class.doc, methods)?,
            Some(base) => {
                let base = gil.import("_frozen_importlib_external")?.attr(base)?;
                types::new_subclass(gil, class.name, class.doc, methods, &base)?
            }
        };
        module.set_attr(class.attribute, &object)?;
    }
    Ok(())
}

/// `PyInit__oxidize`: multi-phase, one module for each interpreter, no state shared between them
/// but the mapped blob.
unsafe extern "C" fn init() -> *mut py::PyObject {
    struct Definition(py::PyModuleDef);
    // SAFETY: CPython writes the embedded object header under its own lock; nothing else touches
    // the definition.
    unsafe impl Sync for Definition {}
    // SAFETY: as above.
    unsafe impl Send for Definition {}
    static DEFINITION: OnceLock<&'static Definition> = OnceLock::new();
    let Some(native) = NATIVE.get() else {
        return ptr::null_mut();
    };
    let definition = DEFINITION.get_or_init(|| {
        let slots = vec![
            py::PyModuleDef_Slot {
                slot: py::Py_mod_exec,
                value: exec as *mut c_void,
            },
            py::PyModuleDef_Slot {
                slot: py::Py_mod_multiple_interpreters,
                value: py::Py_MOD_PER_INTERPRETER_GIL_SUPPORTED,
            },
            py::PyModuleDef_Slot {
                slot: 0,
                value: ptr::null_mut(),
            },
        ];
        Box::leak(Box::new(Definition(py::PyModuleDef {
            m_base: py::PyModuleDef_HEAD_INIT,
            m_name: c"_oxidize".as_ptr(),
            m_doc: c"The importer and the resources of this executable.".as_ptr(),
            m_size: 0,
            m_methods: call::table((native.functions)()).as_mut_ptr(),
            m_slots: Box::leak(slots.into_boxed_slice()).as_mut_ptr(),
            m_traverse: None,
            m_clear: None,
            m_free: None,
        })))
    });
    // SAFETY: a definition that lives for ever; see `Sync` above.
    unsafe { py::PyModuleDef_Init((&raw const definition.0).cast_mut()) }
}
