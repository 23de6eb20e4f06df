//! The built-in module `_oxidize`, and how it gets into every interpreter.
//!
//! Each interpreter, sub-interpreters included, imports `time` (for `zipimport`) after `importlib` has set up
//! `sys.meta_path` and before the first module that comes from a path, `encodings`. So the entry of `time` in
//! [`PyImport_Inittab`](https://docs.python.org/3.13/c-api/import.html#c.PyImport_Inittab) is replaced by a function that
//! gives CPython's own definition of the module one more `Py_mod_exec` slot, which installs the importer: public API
//! only, no patch of CPython, and the same on every platform. (A slot, because CPython calls init functions with the
//! main interpreter current, whoever imports, and slots with the importing one.)

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use pyo3_ffi as py;

use super::call::method;
use super::fileobject::PyFile_SetOpenCodeHook;
use super::object::{Gil, Object, Result};
use super::{system, types};
use crate::importer;

type Init = unsafe extern "C" fn() -> *mut py::PyObject;

/// CPython's own `PyInit_time`.
static INIT_TIME: OnceLock<Init> = OnceLock::new();

/// Registers `_oxidize` and arranges for its installation. Before `Py_InitializeFromConfig`.
///
/// # Errors
/// The text says what is wrong with the stub; it cannot happen with one that passed its tests.
pub(crate) fn register() -> std::result::Result<(), &'static str> {
    // SAFETY: no interpreter runs yet and this is the only thread, so the table is ours. It ends with a null name. The
    // table is writable data of the executable (`_PyImport_Inittab` in config.c is not const).
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
        importer::tree::open_code(gil, &path).map_or(ptr::null_mut(), Object::into_ptr)
    }
}

unsafe extern "C" fn init_time() -> *mut py::PyObject {
    static EXTENDED: OnceLock<()> = OnceLock::new();
    // SAFETY: CPython calls init functions with the main interpreter's lock held; `INIT_TIME` was set before the table
    // pointed here. `time` has multi-phase initialisation (the build tests that), so what its init function returns is its
    // static definition. Its slot array, which ends with a zero row, is replaced once, before any module is made from it.
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
    if importer::install(gil).is_err() {
        // `zipimport` is optional to CPython, which would swallow the exception and then miss `encodings`.
        eprintln!("error: the importer of this executable could not be installed");
        gil.print_raised();
    }
    0
}

unsafe extern "C" fn exec(module: *mut py::PyObject) -> c_int {
    // SAFETY: multi-phase initialisation (PEP 489) passes the new module with the lock held. The tables are written by
    // CPython only while it makes a type or function from them, under the lock of the main interpreter; they are
    // constant afterwards.
    let result = unsafe {
        let gil = Gil::assume();
        let module = gil.borrowed(module);
        add_types(gil, &module)
    };
    if result.is_ok() { 0 } else { -1 }
}

fn add_types<'py>(gil: Gil<'py>, module: &Object<'py>) -> Result<()> {
    let importer = types::new_type(
        gil,
        c"_oxidize.Importer",
        importer::IMPORTER_DOC,
        leak(importer_methods()),
    )?;
    module.set_attr(c"Importer", &importer)?;
    let finder = types::new_type(
        gil,
        c"_oxidize.PathEntryFinder",
        importer::FINDER_DOC,
        leak(finder_methods()),
    )?;
    module.set_attr(c"PathEntryFinder", &finder)
}

/// Method tables must outlive everything made from them. An interpreter makes two small ones in its life.
fn leak(table: Vec<py::PyMethodDef>) -> &'static mut [py::PyMethodDef] {
    Box::leak(table.into_boxed_slice())
}

fn importer_methods() -> Vec<py::PyMethodDef> {
    use importer::{loader, meta};
    vec![
        method!(
            c"find_spec",
            meta::find_spec,
            c"find_spec(fullname, path=None, target=None)"
        ),
        method!(
            c"invalidate_caches",
            meta::invalidate_caches,
            c"Does nothing: the blob never changes."
        ),
        method!(
            c"find_distributions",
            meta::find_distributions,
            c"find_distributions(context=None)"
        ),
        method!(
            c"create_module",
            loader::create_module,
            c"create_module(spec)"
        ),
        method!(c"exec_module", loader::exec_module, c"exec_module(module)"),
        method!(c"get_code", loader::get_code, c"get_code(fullname)"),
        method!(c"get_source", loader::get_source, c"get_source(fullname)"),
        method!(
            c"get_filename",
            loader::get_filename,
            c"get_filename(fullname)"
        ),
        method!(c"is_package", loader::is_package, c"is_package(fullname)"),
        method!(c"get_data", loader::get_data, c"get_data(path)"),
        method!(
            c"get_resource_reader",
            loader::get_resource_reader,
            c"get_resource_reader(fullname)"
        ),
        py::PyMethodDef::zeroed(),
    ]
}

fn finder_methods() -> Vec<py::PyMethodDef> {
    use importer::path_entry;
    vec![
        method!(
            c"find_spec",
            path_entry::find_spec,
            c"find_spec(fullname, target=None)"
        ),
        method!(
            c"iter_modules",
            path_entry::iter_modules,
            c"iter_modules(prefix='')"
        ),
        method!(
            c"invalidate_caches",
            path_entry::invalidate_caches,
            c"Does nothing: the blob never changes."
        ),
        py::PyMethodDef::zeroed(),
    ]
}

fn functions() -> Vec<py::PyMethodDef> {
    use importer::{path_entry, tree};
    let mut methods = vec![
        method!(
            c"path_hook",
            path_entry::path_hook,
            c"sys.path_hooks entry for directories of the blob."
        ),
        method!(
            c"stat",
            tree::stat,
            c"stat(path) -> (is_dir, size, executable), or None where there is nothing"
        ),
        method!(
            c"listdir",
            tree::listdir,
            c"listdir(path) -> list of names, or None where there is no directory"
        ),
        method!(c"read", tree::read, c"read(path) -> bytes"),
        method!(
            c"distributions",
            tree::distributions,
            c"[(normalised name, name, version, path), ...]"
        ),
    ];
    methods.extend(system::methods::children());
    methods.push(py::PyMethodDef::zeroed());
    methods
}

/// `PyInit__oxidize`: multi-phase, one module for each interpreter, no state shared between them but the mapped blob.
unsafe extern "C" fn init() -> *mut py::PyObject {
    struct Definition(py::PyModuleDef);
    // SAFETY: CPython writes the embedded object header under its own lock; nothing else touches the definition.
    unsafe impl Sync for Definition {}
    // SAFETY: as above.
    unsafe impl Send for Definition {}
    static DEFINITION: OnceLock<&'static Definition> = OnceLock::new();
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
            m_methods: leak(functions()).as_mut_ptr(),
            m_slots: Box::leak(slots.into_boxed_slice()).as_mut_ptr(),
            m_traverse: None,
            m_clear: None,
            m_free: None,
        })))
    });
    // SAFETY: a definition that lives for ever; see `Sync` above.
    unsafe { py::PyModuleDef_Init((&raw const definition.0).cast_mut()) }
}
