//! What CPython and OpenSSL need around a snapshot: the interpreter is left as before a fork, and
//! taken up as after one.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::ptr;

use pyo3_ffi as py;

use super::heap::PyUnstable_GC_VisitObjects;
use super::object::{Gil, Object, Result};

#[repr(C)]
struct Opaque {
    _bytes: [u8; 0],
}

unsafe extern "C" {
    fn SSL_CTX_ctrl(context: *mut Opaque, command: c_int, len: c_long, data: *mut c_void)
    -> c_long;
    static _PyRuntime: Opaque;
    static mut Py_UTF8Mode: c_int;
}

/// An interpreter that nobody runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detached(*mut py::PyThreadState);

// SAFETY: only the main thread uses it, and only when no other runs.
unsafe impl Send for Detached {}
// SAFETY: as above.
unsafe impl Sync for Detached {}

/// Lets strings, numbers, code, functions, classes, modules, their dictionaries and specs live for
/// ever, so that a process does not write to their memory by counting references. `specs` are the
/// classes of specs, which each import statement looks at.
pub(crate) fn immortalise(specs: &[Object<'_>]) {
    /// What CPython 3.13 takes for an immortal object's count (Include/refcount.h).
    const IMMORTAL: u64 = 0xffff_ffff;

    unsafe fn keep(object: *mut py::PyObject, kinds: &[*mut py::PyTypeObject]) {
        // SAFETY: the caller's: null or a live object.
        unsafe {
            if object.is_null() {
                return;
            }
            if kinds.contains(&py::Py_TYPE(object)) || py::PyType_Check(object) != 0 {
                immortal(object);
            }
        }
    }
    unsafe fn immortal(object: *mut py::PyObject) {
        // SAFETY: the caller's; the count is the first word of an object on 64-bit systems.
        unsafe {
            let count = object.cast::<u64>();
            if (*count as u32).cast_signed() >= 0 {
                *count = IMMORTAL;
            }
        }
    }
    unsafe extern "C" fn reference(object: *mut py::PyObject, kinds: *mut c_void) -> c_int {
        // SAFETY: CPython passes live objects, and the list that is handed in below.
        unsafe { keep(object, &*kinds.cast::<Vec<_>>()) }
        0
    }
    unsafe extern "C" fn visit(object: *mut py::PyObject, kinds: *mut c_void) -> c_int {
        // SAFETY: CPython passes live objects and the list that is handed in below, and holds the
        // lock.
        unsafe {
            let list: &Vec<_> = &*kinds.cast();
            keep(object, list);
            let kind = py::Py_TYPE(object);
            keep(kind.cast(), list);
            if let Some(traverse) = (*kind).tp_traverse {
                traverse(object, reference, kinds);
            }
            if py::PyFunction_Check(object) != 0 {
                keep(py::PyFunction_GetCode(object), list);
            }
            if py::PyModule_Check(object) != 0 {
                let names = py::PyModule_GetDict(object);
                if !names.is_null() {
                    immortal(names);
                }
            }
        }
        1
    }
    let mut kinds: Vec<*mut py::PyTypeObject> = vec![
        &raw mut py::PyUnicode_Type,
        &raw mut py::PyBytes_Type,
        &raw mut py::PyLong_Type,
        &raw mut py::PyFloat_Type,
        &raw mut py::PyTuple_Type,
        &raw mut py::PyFrozenSet_Type,
        &raw mut py::PyCode_Type,
        &raw mut py::PyFunction_Type,
        &raw mut py::PyCFunction_Type,
        &raw mut py::PyModule_Type,
        &raw mut py::PyType_Type,
        &raw mut py::PyMethodDescr_Type,
        &raw mut py::PyMemberDescr_Type,
        &raw mut py::PyGetSetDescr_Type,
        &raw mut py::PyWrapperDescr_Type,
        &raw mut py::PyProperty_Type,
    ];
    kinds.extend(specs.iter().map(|class| class.as_ptr().cast()));
    // SAFETY: the lock is held, as the objects show; the function changes counts only, to a value
    // that CPython gives a meaning.
    unsafe { PyUnstable_GC_VisitObjects(visit, (&raw mut kinds).cast()) }
}

/// Makes a list one of a class, or a plain list again. Anything else is left alone, and so is a
/// list if the instances of the class are larger.
pub(crate) fn set_list_class(list: &Object<'_>, class: Option<&Object<'_>>) {
    let plain = &raw mut py::PyList_Type;
    let class = class.map_or(plain, |class| class.as_ptr().cast::<py::PyTypeObject>());
    // SAFETY: live objects, and the lock is held. The class is one of lists whose instances have
    // the same fields, so each function of one finds what it expects in the other. An instance
    // owns a reference to its class, which counts for nothing with a static one.
    unsafe {
        let object = list.as_ptr();
        if py::PyType_Check(class.cast()) == 0
            || py::PyList_Check(object) == 0
            || py::PyType_IsSubtype(class, plain) == 0
            || (*class).tp_basicsize != (*plain).tp_basicsize
        {
            return;
        }
        let old = py::Py_TYPE(object);
        py::Py_INCREF(class.cast());
        (*object).ob_type = class;
        py::Py_DECREF(old.cast());
    }
}

/// Whether there are interpreters beside the main one.
pub(crate) fn has_subinterpreters(_gil: Gil<'_>) -> bool {
    // SAFETY: the lock is held.
    unsafe {
        let first = py::PyInterpreterState_Head();
        !py::PyInterpreterState_Next(first).is_null()
    }
}

/// Leaves the interpreter as `fork` finds it.
pub(crate) fn leave() -> Detached {
    // SAFETY: the main thread holds the lock (`with_gil`'s promise), no other thread runs.
    unsafe {
        py::PyOS_BeforeFork();
        Detached(py::PyEval_SaveThread())
    }
}

/// Takes it up in a new process, as a fork's child does. `before` runs with the lock, before what
/// modules do after a fork.
pub(crate) fn enter(detached: Detached, before: impl FnOnce()) {
    // SAFETY: the thread state of the main thread, which this is; its memory is as `leave` left it.
    unsafe {
        py::PyEval_RestoreThread(detached.0);
        before();
        py::PyOS_AfterFork_Child();
    }
}

/// Gives a TLS context (`_ssl._SSLContext`) other keys for its session tickets; whether that went
/// well.
pub(crate) fn renew_ticket_keys(context: &Object<'_>) -> bool {
    /// OpenSSL's `SSL_CTRL_SET_TLSEXT_TICKET_KEYS`, and what it takes: a name and two keys.
    const SET_TICKET_KEYS: c_int = 59;
    const KEYS: usize = 80;
    /// CPython's `PySSLContext`.
    #[repr(C)]
    struct Context {
        object: py::PyObject,
        context: *mut Opaque,
    }
    let mut keys = [0u8; KEYS];
    // SAFETY: `getrandom` fills at most 256 bytes at once, without interruption. The caller passes
    // a context of CPython's own class, whose layout in this very build is the one above.
    unsafe {
        let filled = libc::getrandom(keys.as_mut_ptr().cast(), KEYS, 0);
        let context = (*context.as_ptr().cast::<Context>()).context;
        filled == KEYS as isize
            && SSL_CTX_ctrl(
                context,
                SET_TICKET_KEYS,
                KEYS as c_long,
                keys.as_mut_ptr().cast(),
            ) == 1
    }
}

/// The encoding part of the locale: whether it is C's own, and its name for the encoding.
pub(crate) fn locale() -> (bool, Vec<u8>) {
    // SAFETY: answers of the C library, copied at once.
    unsafe {
        let text = |text: *const c_char| {
            if text.is_null() {
                Vec::new()
            } else {
                CStr::from_ptr(text).to_bytes().to_vec()
            }
        };
        let name = text(libc::setlocale(libc::LC_CTYPE, ptr::null()));
        (
            name == b"C" || name == b"POSIX",
            text(libc::nl_langinfo(libc::CODESET)),
        )
    }
}

/// Whether the locale is one that Python takes for nobody's choice: C's own, or what it replaces
/// that by.
pub(crate) fn has_plain_locale() -> bool {
    // SAFETY: an answer of the C library, compared at once.
    unsafe {
        let name = libc::setlocale(libc::LC_CTYPE, ptr::null());
        name.is_null()
            || [c"C", c"POSIX", c"C.UTF-8", c"C.utf8", c"UTF-8"].contains(&CStr::from_ptr(name))
    }
}

/// Where CPython keeps whether it is in UTF-8 mode (`_PyRuntime.preconfig.utf8_mode`), in a process
/// that is not. `None`: it is, or the place cannot be told.
///
/// No header says it, so this looks for the one place that can be a `PyPreConfig`, and tries
/// whether a text stream's encoding then is what the mode makes it.
pub(crate) fn place_of_utf8_mode(gil: Gil<'_>) -> Result<Option<usize>> {
    const MODE: usize = 7;
    /// `_Py_DebugOffsets.runtime_state.size`.
    const SIZE: usize = 24;
    let (io, sys) = (gil.import("io")?, gil.import("sys")?);
    let encoding = || -> Result<bool> {
        let stream = io.call_method(c"TextIOWrapper", &[io.call_method(c"BytesIO", &[])?])?;
        Ok(stream.attr(c"encoding")?.as_str()? == "utf-8")
    };
    let flags = sys.attr(c"flags")?;
    let flag = |name| Ok(c_int::from(flags.attr(name)?.is_true()?));
    if flag(c"utf8_mode")? == 1 || encoding()? {
        return Ok(None);
    }
    // The fields on Linux, each with its smallest and its largest value here. The first says that
    // the structure is `python`'s own, the fifth that the locale was set.
    let exactly = |value| (value, value);
    let expected: [(c_int, c_int); 10] = [
        exactly(2),
        (0, 1),
        exactly(flag(c"isolated")?),
        exactly(1 - flag(c"ignore_environment")?),
        exactly(1),
        exactly(0),
        exactly(0),
        exactly(0),
        exactly(flag(c"dev_mode")?),
        (0, 8),
    ];
    let start = (&raw const _PyRuntime).expose_provenance();
    // SAFETY: CPython says itself how large the structure is; it is mapped and aligned, and nobody
    // writes to it while the lock is held.
    let fields = unsafe {
        let size = *std::ptr::with_exposed_provenance::<u64>(start + SIZE);
        std::slice::from_raw_parts(
            std::ptr::with_exposed_provenance::<c_int>(start),
            usize::try_from(size).unwrap_or(0) / size_of::<c_int>(),
        )
    };
    let is_one = |window: &[c_int]| {
        let mut pairs = window.iter().zip(expected);
        pairs.all(|(value, (least, most))| (least..=most).contains(value))
    };
    let mut found = fields
        .windows(expected.len())
        .enumerate()
        .filter(|(_, window)| is_one(window));
    let (Some((index, _)), None) = (found.next(), found.next()) else {
        return Ok(None);
    };
    let place = start + (index + MODE) * size_of::<c_int>();
    let set = |value: c_int| {
        // SAFETY: inside the structure, aligned; the lock is held.
        unsafe { std::ptr::with_exposed_provenance_mut::<c_int>(place).write_volatile(value) }
    };
    set(1);
    let works = encoding();
    set(0);
    Ok(works?.then_some(place))
}

/// Puts CPython into UTF-8 mode, as it would have put itself where the locale is C's own.
pub(crate) fn enter_utf8_mode(gil: Gil<'_>, place: usize) -> Result<()> {
    let flags = gil.import("sys")?.attr(c"flags")?;
    let names = flags.attr(c"__match_args__")?.items()?;
    let one = gil.int(1)?;
    for (index, name) in names.iter().enumerate() {
        if name.as_str()? == "utf8_mode" {
            // SAFETY: a structure of as many items as it has names. The one that goes is a small
            // number, which is never freed; the one that comes owns a reference.
            unsafe {
                py::Py_INCREF(one.as_ptr());
                py::PyStructSequence_SetItem(flags.as_ptr(), index.cast_signed(), one.as_ptr());
            }
        }
    }
    // SAFETY: what `place_of_utf8_mode` has found in the process that the snapshot was taken of;
    // the lock is held.
    unsafe {
        std::ptr::with_exposed_provenance_mut::<c_int>(place).write_volatile(1);
        (&raw mut Py_UTF8Mode).write(1);
    }
    Ok(())
}

/// Sets the encoding part of the locale.
pub(crate) fn set_locale(from_environment: bool) {
    let name = if from_environment { c"" } else { c"C" };
    // SAFETY: the only thread.
    unsafe { libc::setlocale(libc::LC_CTYPE, name.as_ptr()) };
}

/// Bits for the standard descriptors that are closed.
pub(crate) fn closed_streams() -> u32 {
    (0..3)
        // SAFETY: a question.
        .filter(|descriptor| unsafe { libc::fcntl(*descriptor, libc::F_GETFD) } < 0)
        .map(|descriptor: c_int| 1 << descriptor)
        .sum()
}

/// The signals that this process ignores because who started it said so.
pub(crate) fn ignored_signals() -> Vec<c_int> {
    /// `_NSIG - 1`.
    const LAST: c_int = 64;
    let ignored = |signal: &c_int| {
        // SAFETY: a question; the structure is the system's to fill.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(*signal, ptr::null(), &raw mut action) == 0
                && action.sa_sigaction == libc::SIG_IGN
        }
    };
    (1..=LAST).filter(ignored).collect()
}

/// Lets the C library see the values of thread-specific data that a snapshot brought along.
pub(crate) fn wake_thread_data() {
    // SAFETY: a key of our own, given back at once. musl gives a thread its table when the first
    // key is made.
    unsafe {
        let mut key = 0;
        if libc::pthread_key_create(&raw mut key, None) == 0 {
            libc::pthread_key_delete(key);
        }
    }
}

/// How an argument begins that says that this is not the first attempt: chance is wanted then.
pub(crate) const AGAIN: &str = "again=";

/// Asks `personality`, and sets nothing.
const ASK: libc::c_ulong = 0xffff_ffff;

/// Lets chance choose the addresses of the program that this process will be.
pub(crate) fn leave_addresses_to_chance() {
    // SAFETY: a setting of this process alone, for its next `execve`.
    unsafe {
        let now = libc::personality(ASK);
        if now >= 0 {
            let wanted = now & !libc::ADDR_NO_RANDOMIZE;
            libc::personality(wanted.cast_unsigned().into());
        }
    }
}

/// Starts the program once more, without chance in its addresses, unless that is so already. Where
/// the system does not let it, as in some containers, it goes on.
///
/// # Safety
/// `arguments` must be the process's.
pub(crate) unsafe fn leave_addresses_alone(arguments: *const *const c_char) {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: the caller's: strings, and null behind them; `execve` returns only where it fails.
    unsafe {
        let mut argument = arguments;
        while !(*argument).is_null() {
            if CStr::from_ptr(*argument)
                .to_bytes()
                .starts_with(AGAIN.as_bytes())
            {
                return;
            }
            argument = argument.add(1);
        }
        let now = libc::personality(ASK);
        if now < 0 || now & libc::ADDR_NO_RANDOMIZE != 0 {
            return;
        }
        let wanted = now.cast_unsigned() | libc::ADDR_NO_RANDOMIZE.cast_unsigned();
        if libc::personality(wanted.into()) < 0 {
            return;
        }
        // One that forgets it again would go round for ever.
        if libc::personality(ASK) & libc::ADDR_NO_RANDOMIZE != 0 {
            libc::execve(c"/proc/self/exe".as_ptr(), arguments, environ);
        }
    }
}

/// What the system calls this thread.
pub(crate) fn native_thread() -> usize {
    // SAFETY: a question.
    unsafe { libc::gettid() as usize }
}

/// What the C library calls this thread.
pub(crate) fn this_thread() -> usize {
    // SAFETY: a question.
    unsafe { libc::pthread_self() as usize }
}

/// Whether a variable has the expected value.
pub(crate) fn has_value(name: &CStr, expected: Option<&CStr>) -> bool {
    // SAFETY: the only thread; the text is compared at once.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        match expected {
            None => value.is_null(),
            Some(expected) => !value.is_null() && CStr::from_ptr(value) == expected,
        }
    }
}
