//! What CPython, OpenSSL and SQLite need around a snapshot: the interpreter is left as before a fork, and taken up as after one.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::ptr;

use pyo3_ffi as py;

use super::heap::PyUnstable_GC_VisitObjects;
use super::object::{Gil, Object};

#[repr(C)]
struct Opaque {
    _bytes: [u8; 0],
}

unsafe extern "C" {
    fn RAND_set_seed_source_type(
        context: *mut Opaque,
        source: *const c_char,
        properties: *const c_char,
    ) -> c_int;
    fn ERR_set_mark() -> c_int;
    fn ERR_pop_to_mark() -> c_int;
    fn RAND_get0_primary(context: *mut Opaque) -> *mut Opaque;
    fn EVP_RAND_reseed(
        generator: *mut Opaque,
        resistant: c_int,
        entropy: *const u8,
        entropy_len: usize,
        additional: *const u8,
        additional_len: usize,
    ) -> c_int;
    fn SSL_CTX_ctrl(context: *mut Opaque, command: c_int, len: c_long, data: *mut c_void)
    -> c_long;
    fn CRYPTO_set_mem_functions(
        allocate: *const c_void,
        resize: *const c_void,
        free: *const c_void,
    ) -> c_int;
    fn sqlite3_randomness(count: c_int, into: *mut c_void);
    fn sqlite3_config(option: c_int, ...) -> c_int;
}

/// An interpreter that nobody runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detached(*mut py::PyThreadState);

// SAFETY: only the main thread uses it, and only when no other runs.
unsafe impl Send for Detached {}
// SAFETY: as above.
unsafe impl Sync for Detached {}

/// Python's memory comes from here from now on. Before Python starts.
pub(crate) fn set_arenas(
    allocate: extern "C" fn(*mut c_void, usize) -> *mut c_void,
    free: extern "C" fn(*mut c_void, *mut c_void, usize),
) {
    let mut arenas = py::PyObjectArenaAllocator {
        ctx: ptr::null_mut(),
        alloc: Some(allocate),
        free: Some(free),
    };
    // SAFETY: the structure is copied; Python has allocated nothing yet.
    unsafe { py::PyObject_SetArenaAllocator(&raw mut arenas) }
}

/// Overwrites the memory that Python has freed and kept. `was_refused` tells whether Python has asked for more than it had,
/// in vain, since the last call.
pub(crate) fn wipe_freed(_gil: Gil<'_>, mut was_refused: impl FnMut() -> bool) {
    /// The largest block of Python's small object allocator, and the step between its sizes.
    const LARGEST: usize = 512;
    const STEP: usize = 16;
    // Each block holds the address of the one before, so that nothing else has to.
    let mut last: *mut *mut c_void = ptr::null_mut();
    for size in (STEP..LARGEST + 1).step_by(STEP).rev() {
        loop {
            // SAFETY: the lock is held; a block of `size` bytes, at least a pointer's, is ours until it is freed.
            unsafe {
                let block = py::PyObject_Malloc(size);
                // One that Python took from elsewhere: there is no more of its own of this size.
                if was_refused() || block.is_null() {
                    py::PyObject_Free(block);
                    break;
                }
                ptr::write_bytes(block.cast::<u8>(), 0, size);
                wipe_tail(block, size);
                block.cast::<*mut c_void>().write(last.cast());
                last = block.cast();
            }
        }
    }
    while !last.is_null() {
        // SAFETY: from the loop above, once.
        unsafe {
            let block = last;
            last = (*block).cast();
            py::PyObject_Free(block.cast());
        }
    }
}

/// Overwrites what is behind the last block of the pool that a block lies in, where blocks of another size may have been.
///
/// # Safety
/// The block must come from Python's small object allocator.
unsafe fn wipe_tail(block: *mut c_void, size: usize) {
    /// `POOL_SIZE` and `struct pool_header` (Include/internal/pycore_obmalloc.h).
    const POOL: usize = 16 << 10;
    #[repr(C)]
    struct Pool {
        links: [usize; 4],
        arena: u32,
        size_class: u32,
        next: u32,
        last: u32,
    }
    let offset = block.addr() % POOL;
    // SAFETY: a pool is aligned to its size and begins with its header. That this is one is seen by the two numbers, which
    // follow from the size; no block begins behind the last one.
    unsafe {
        let start = block.cast::<u8>().sub(offset);
        let pool = start.cast::<Pool>();
        let fits =
            (*pool).size_class as usize == size / 16 - 1 && (*pool).last as usize == POOL - size;
        if fits {
            let used = size_of::<Pool>() + (POOL - size_of::<Pool>()) / size * size;
            ptr::write_bytes(start.add(used), 0, POOL - used);
        }
    }
}

/// Lets strings, numbers, code, functions, classes, modules, their dictionaries and specs live for ever, so that a process does not write to
/// their memory by counting references. `specs` are the classes of specs, which each import statement looks at.
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
        // SAFETY: CPython passes live objects and the list that is handed in below, and holds the lock.
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
    // SAFETY: the lock is held, as the objects show; the function changes counts only, to a value that CPython gives a meaning.
    unsafe { PyUnstable_GC_VisitObjects(visit, (&raw mut kinds).cast()) }
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

/// Takes it up in a new process, as a fork's child does.
pub(crate) fn enter(detached: Detached) {
    // SAFETY: the thread state of the main thread, which this is; its memory is as `leave` left it.
    unsafe {
        py::PyEval_RestoreThread(detached.0);
        py::PyOS_AfterFork_Child();
    }
}

/// The random number generators of C libraries that were used. To set a library up only for this takes longer than all the rest
/// of a start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generators {
    openssl: bool,
    sqlite: bool,
}

impl Generators {
    /// Looks which have a state that another process must not repeat.
    pub(crate) fn used() -> Generators {
        /// An answer of SQLite's, where it is set up already.
        const MISUSE: c_int = 21;
        /// No option of `sqlite3_config`.
        const NOTHING: c_int = 0;
        // SAFETY: OpenSSL takes null pointers for the functions that it has, and refuses even these once it has allocated
        // something. The source of seeds can be chosen until there is a generator; null is the choice that it has anyway. SQLite
        // refuses every option once it is set up.
        unsafe {
            let is_set_up = CRYPTO_set_mem_functions(ptr::null(), ptr::null(), ptr::null()) == 0;
            let openssl = is_set_up && {
                ERR_set_mark();
                let chosen = RAND_set_seed_source_type(ptr::null_mut(), ptr::null(), ptr::null());
                ERR_pop_to_mark();
                chosen == 0
            };
            let sqlite = sqlite3_config(NOTHING) == MISUSE;
            Generators { openssl, sqlite }
        }
    }

    /// Gives them new seeds: they would repeat what the process before them had.
    pub(crate) fn reseed(self) {
        // SAFETY: reseeding OpenSSL's first generator makes those of the threads follow. SQLite takes the null pointer as a wish
        // to start anew.
        unsafe {
            if self.openssl {
                let primary = RAND_get0_primary(ptr::null_mut());
                if !primary.is_null() {
                    EVP_RAND_reseed(primary, 0, ptr::null(), 0, ptr::null(), 0);
                }
            }
            if self.sqlite {
                sqlite3_randomness(0, ptr::null_mut());
            }
        }
    }
}

/// Gives a TLS context (`_ssl._SSLContext`) other keys for its session tickets; whether that went well.
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
    // SAFETY: `getrandom` fills at most 256 bytes at once, without interruption. The caller passes a context of CPython's
    // own class, whose layout in this very build is the one above.
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

/// Whether the locale is one that Python takes for nobody's choice: C's own, or what it replaces that by.
pub(crate) fn has_plain_locale() -> bool {
    // SAFETY: an answer of the C library, compared at once.
    unsafe {
        let name = libc::setlocale(libc::LC_CTYPE, ptr::null());
        name.is_null()
            || [c"C", c"POSIX", c"C.UTF-8", c"C.utf8", c"UTF-8"].contains(&CStr::from_ptr(name))
    }
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
    // SAFETY: a key of our own, given back at once. musl gives a thread its table when the first key is made.
    unsafe {
        let mut key = 0;
        if libc::pthread_key_create(&raw mut key, None) == 0 {
            libc::pthread_key_delete(key);
        }
    }
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
