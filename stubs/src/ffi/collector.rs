//! When the garbage collector looks for garbage.
//!
//! CPython collects after every 2,000 new containers. A program that imports makes tens of
//! thousands that stay, so the collector looks at them in vain. While modules of the blob are
//! imported, the threshold of the youngest generation is [`QUIET`] instead; the first collection
//! puts it back. So cyclic garbage is collected after at most that many new containers, whatever
//! the program does, and a program that has stopped importing has CPython's thresholds.
//!
//! An object of ours knows when a collection is under way: the collector visits it.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pyo3_ffi as py;

use super::object::{Gil, Object, Result};

/// The threshold of the youngest generation while modules are imported: more than all modules of
/// the standard library make together, which is 79,000.
const QUIET: i64 = 100_000;
/// So many modules are imported before it matters: what every program needs are fewer.
const FIRST: u32 = 16;

/// What CPython calls, from `gc`: they live as long as the interpreter, and so do the thresholds.
struct Collector {
    get: *mut py::PyObject,
    set: *mut py::PyObject,
    /// CPython's own thresholds.
    thresholds: *mut py::PyObject,
    watcher: *mut py::PyObject,
}

// SAFETY: the pointers are used with the lock of the main interpreter held, to which they belong.
unsafe impl Send for Collector {}
// SAFETY: as above.
unsafe impl Sync for Collector {}

static COLLECTOR: OnceLock<Option<Collector>> = OnceLock::new();
/// Whether the policy is on: set at the start, and unset at the end or when the program has one of
/// its own.
static ON: AtomicBool = AtomicBool::new(false);
/// Whether the threshold is ours.
static IS_QUIET: AtomicBool = AtomicBool::new(false);
static IMPORTED: AtomicU32 = AtomicU32::new(0);

/// Turns the policy on.
pub(crate) fn enable() {
    ON.store(true, Ordering::Relaxed);
}

/// Turns it off for good; thresholds stay as they are.
pub(crate) fn disable() {
    ON.store(false, Ordering::Relaxed);
}

/// Called before a module of the blob is executed.
pub(crate) fn importing(gil: Gil<'_>) {
    if IS_QUIET.load(Ordering::Relaxed) || !ON.load(Ordering::Relaxed) {
        return;
    }
    if IMPORTED.fetch_add(1, Ordering::Relaxed) < FIRST {
        return;
    }
    // SAFETY: plain questions; the lock is held.
    if unsafe { py::PyInterpreterState_Get() != py::PyInterpreterState_Main() } {
        return;
    }
    if quieten(gil).is_err() {
        gil.clear();
        disable();
    }
}

fn quieten(gil: Gil<'_>) -> Result<()> {
    if COLLECTOR.get().is_none() {
        let made = Collector::new(gil)?;
        let _ = COLLECTOR.set(Some(made));
    }
    let Some(Some(collector)) = COLLECTOR.get() else {
        return Ok(());
    };
    if !collector.has(gil, None)? {
        disable(); // The program knows better.
        return Ok(());
    }
    collector.set(gil, Some(QUIET))?;
    // SAFETY: a live, complete object that the collector knows. Untracked and tracked again it is
    // among the youngest.
    unsafe {
        py::PyObject_GC_UnTrack(collector.watcher.cast());
        py::PyObject_GC_Track(collector.watcher.cast());
    }
    IS_QUIET.store(true, Ordering::Relaxed);
    Ok(())
}

impl Collector {
    fn new(gil: Gil<'_>) -> Result<Self> {
        // A module object of its own, so that `sys.modules` stays as the program made it. The
        // collector's state belongs to the interpreter.
        let spec = gil
            .import("_frozen_importlib")?
            .attr(c"ModuleSpec")?
            .call(&[gil.str("gc")?, gil.none()])?;
        let imp = gil.import("_imp")?;
        let module = imp.call_method(c"create_builtin", &[spec])?;
        imp.call_method(c"exec_builtin", std::slice::from_ref(&module))?;
        let get = module.attr(c"get_threshold")?;
        let thresholds = get.call(&[])?;
        Ok(Collector {
            get: get.into_ptr(),
            set: module.attr(c"set_threshold")?.into_ptr(),
            thresholds: thresholds.into_ptr(),
            watcher: watcher(gil)?.into_ptr(),
        })
    }

    /// The thresholds with another first one.
    fn with<'py>(&self, gil: Gil<'py>, first: Option<i64>) -> Result<Object<'py>> {
        // SAFETY: alive, see `Collector`.
        let own = unsafe { gil.borrowed(self.thresholds) };
        match first {
            None => Ok(own),
            Some(first) => {
                let mut items = own.items()?;
                if let Some(place) = items.first_mut() {
                    *place = gil.int(first.unsigned_abs())?;
                }
                gil.tuple(&items)
            }
        }
    }

    /// Whether these are in force.
    fn has(&self, gil: Gil<'_>, first: Option<i64>) -> Result<bool> {
        // SAFETY: alive, see `Collector`.
        let now = unsafe { gil.borrowed(self.get) }.call(&[])?.items()?;
        let then = self.with(gil, first)?.items()?;
        Ok(now.len() == then.len()
            && now
                .iter()
                .zip(&then)
                .all(|(now, then)| now.as_int() == then.as_int()))
    }

    fn set(&self, gil: Gil<'_>, first: Option<i64>) -> Result<()> {
        let thresholds = self.with(gil, first)?.items()?;
        // SAFETY: alive, see `Collector`.
        unsafe { gil.borrowed(self.set) }
            .call(&thresholds)
            .map(drop)
    }
}

/// Called by CPython's evaluation loop in the main thread, soon after a collection.
extern "C" fn restore(_argument: *mut c_void) -> c_int {
    // SAFETY: CPython makes pending calls with the lock held.
    let gil = unsafe { Gil::assume() };
    if let Some(Some(collector)) = COLLECTOR.get()
        && IS_QUIET.load(Ordering::Relaxed)
    {
        // Unless the program has set others meanwhile.
        let restored = collector.has(gil, Some(QUIET)).and_then(|ours| {
            if ours {
                collector.set(gil, None)
            } else {
                disable();
                Ok(())
            }
        });
        if restored.is_err() {
            gil.clear();
            disable();
        }
        IS_QUIET.store(false, Ordering::Relaxed);
    }
    0
}

unsafe extern "C" fn traverse(
    object: *mut py::PyObject,
    visit: py::visitproc,
    argument: *mut c_void,
) -> c_int {
    if ON.load(Ordering::Relaxed) && IS_QUIET.load(Ordering::Relaxed) {
        // SAFETY: callable from anywhere. If the queue is full, the next collection asks again.
        unsafe { py::Py_AddPendingCall(Some(restore), ptr::null_mut()) };
    }
    // SAFETY: the collector passes a live instance of a heap type, which owns its type.
    unsafe { visit(py::Py_TYPE(object).cast(), argument) }
}

unsafe extern "C" fn dealloc(object: *mut py::PyObject) {
    // SAFETY: called once, with the last reference; an instance owns a reference to its type.
    unsafe {
        let class = py::Py_TYPE(object);
        py::PyObject_GC_UnTrack(object.cast());
        py::PyObject_GC_Del(object.cast());
        py::Py_DECREF(class.cast());
    }
}

fn watcher(gil: Gil<'_>) -> Result<Object<'_>> {
    let slot = |slot: c_int, pfunc: *mut c_void| py::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(py::Py_tp_dealloc, dealloc as *mut c_void),
        slot(py::Py_tp_traverse, traverse as *mut c_void),
        slot(0, ptr::null_mut()),
    ];
    let flags =
        py::Py_TPFLAGS_DEFAULT | py::Py_TPFLAGS_HAVE_GC | py::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    let mut spec = py::PyType_Spec {
        name: c"_oxidize.CollectionWatcher".as_ptr(),
        basicsize: size_of::<py::PyObject>() as c_int,
        itemsize: 0,
        #[allow(
            clippy::unnecessary_cast,
            reason = "C's unsigned long has 32 bits on Windows"
        )]
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: CPython copies the slots; the name is static. An instance is a head and nothing else.
    unsafe {
        let class = gil.owned(py::PyType_FromSpec(&raw mut spec))?;
        gil.owned(py::PyType_GenericAlloc(class.as_ptr().cast(), 0))
    }
}
