//! Owned references, calls and conversions: the small part of the C API the importer needs, made
//! safe.
//!
//! Every function here needs the GIL (or, in a sub-interpreter with its own, that interpreter's
//! lock). [`Gil`] is the proof: it can only be made by the few `unsafe` entry points through which
//! CPython calls us.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::os::raw::c_char;
use std::ptr::{self, NonNull};

use pyo3_ffi as py;

unsafe extern "C" {
    /// Of `Include/cpython/pyerrors.h`; `pyo3-ffi` does not have it.
    fn PyErr_FormatUnraisable(format: *const c_char, ...);
}

/// A Python exception is set in the current thread state.
#[derive(Debug)]
pub(crate) struct Raised;

/// What every call into Python returns.
pub(crate) type Result<T> = std::result::Result<T, Raised>;

/// Proof that the current thread holds the interpreter's lock for `'py`.
#[derive(Clone, Copy)]
pub(crate) struct Gil<'py>(PhantomData<*mut &'py ()>);

/// The exceptions this crate raises.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exception {
    /// `ImportError`: the finder knows the module and cannot give what was asked.
    Import,
    /// `OSError`, for paths (`importlib.abc.ResourceLoader.get_data`).
    Os,
    /// `TypeError`: wrong arguments.
    Type,
    /// `RuntimeError`: what was asked for cannot be done here.
    Runtime,
    /// `AttributeError`: a module has nothing of this name.
    Attribute,
    /// `SystemExit`: the program asked to end.
    SystemExit,
    /// `KeyboardInterrupt`: the user asked it to.
    KeyboardInterrupt,
}

impl<'py> Gil<'py> {
    /// Takes the caller's word that the lock is held.
    ///
    /// # Safety
    /// The calling thread must have an attached thread state for all of `'py`.
    pub(super) unsafe fn assume() -> Self {
        Gil(PhantomData)
    }

    /// Wraps a new reference returned by the C API; null means an exception is set.
    pub(super) fn owned(self, pointer: *mut py::PyObject) -> Result<Object<'py>> {
        match NonNull::new(pointer) {
            Some(pointer) => Ok(Object { pointer, gil: self }),
            None => Err(Raised),
        }
    }

    /// Takes a new reference to a borrowed pointer that is known not to be null.
    ///
    /// # Safety
    /// `pointer` must be a live object.
    pub(super) unsafe fn borrowed(self, pointer: *mut py::PyObject) -> Object<'py> {
        // SAFETY: the caller vouches for a live object; the lock is held by construction of `self`.
        let pointer = unsafe {
            py::Py_INCREF(pointer);
            NonNull::new_unchecked(pointer)
        };
        Object { pointer, gil: self }
    }

    pub(crate) fn none(self) -> Object<'py> {
        // SAFETY: `None` is immortal.
        unsafe { self.borrowed(py::Py_None()) }
    }

    pub(crate) fn bool(self, value: bool) -> Object<'py> {
        // SAFETY: `True` and `False` are immortal.
        unsafe { self.borrowed(if value { py::Py_True() } else { py::Py_False() }) }
    }

    pub(crate) fn int(self, value: u64) -> Result<Object<'py>> {
        // SAFETY: the lock is held.
        self.owned(unsafe { py::PyLong_FromUnsignedLongLong(value) })
    }

    pub(crate) fn str(self, value: &str) -> Result<Object<'py>> {
        // SAFETY: the pointer is valid for `len` bytes of UTF-8 and is copied before the call
        // returns.
        self.owned(unsafe {
            py::PyUnicode_FromStringAndSize(value.as_ptr().cast(), value.len() as isize)
        })
    }

    /// A `str` from a string of the system: a path, say.
    #[cfg(any(not(target_os = "linux"), target_env = "musl"))]
    pub(crate) fn os_str(self, value: &std::ffi::OsStr) -> Result<Object<'py>> {
        // SAFETY: the lock is held.
        self.owned(unsafe { super::system::text::to_python(value) })
    }

    pub(crate) fn bytes(self, value: &[u8]) -> Result<Object<'py>> {
        // SAFETY: the pointer is valid for `len` bytes and is copied before the call returns.
        self.owned(unsafe {
            py::PyBytes_FromStringAndSize(value.as_ptr().cast(), value.len() as isize)
        })
    }

    pub(crate) fn tuple(self, items: &[Object<'py>]) -> Result<Object<'py>> {
        // SAFETY: a fresh tuple of the right size; every slot is filled with a stolen reference
        // before anyone sees it.
        unsafe {
            let tuple = self.owned(py::PyTuple_New(items.len() as isize))?;
            for (index, item) in items.iter().enumerate() {
                py::PyTuple_SetItem(tuple.as_ptr(), index as isize, item.clone().into_ptr());
            }
            Ok(tuple)
        }
    }

    pub(crate) fn list(self, items: &[Object<'py>]) -> Result<Object<'py>> {
        // SAFETY: as in `tuple`.
        unsafe {
            let list = self.owned(py::PyList_New(items.len() as isize))?;
            for (index, item) in items.iter().enumerate() {
                py::PyList_SetItem(list.as_ptr(), index as isize, item.clone().into_ptr());
            }
            Ok(list)
        }
    }

    pub(crate) fn dict(self) -> Result<Object<'py>> {
        // SAFETY: the lock is held.
        self.owned(unsafe { py::PyDict_New() })
    }

    pub(crate) fn interned(self, value: &CStr) -> Result<Object<'py>> {
        // SAFETY: the string is NUL-terminated UTF-8 (they are all literals of this crate).
        self.owned(unsafe { py::PyUnicode_InternFromString(value.as_ptr()) })
    }

    pub(crate) fn import(self, name: &str) -> Result<Object<'py>> {
        let name = self.str(name)?;
        // SAFETY: `name` is a live str. The level-0 form returns the top package, `PyImport_Import`
        // the leaf.
        self.owned(unsafe { py::PyImport_Import(name.as_ptr()) })
    }

    /// `sys.modules[name]`, without importing.
    pub(crate) fn loaded(self, name: &str) -> Result<Option<Object<'py>>> {
        let name = self.str(name)?;
        // SAFETY: `name` is a live str; a null result with no exception means "not there".
        let module = unsafe { py::PyImport_GetModule(name.as_ptr()) };
        if module.is_null() {
            return if self.raised() { Err(Raised) } else { Ok(None) };
        }
        self.owned(module).map(Some)
    }

    /// An attribute of `sys`.
    pub(crate) fn sys(self, name: &CStr) -> Result<Object<'py>> {
        // SAFETY: a borrowed reference or null, without an exception.
        let object = unsafe { py::PySys_GetObject(name.as_ptr()) };
        if object.is_null() {
            return Err(self.raise(
                Exception::Import,
                &format!("sys.{} is gone", name.to_string_lossy()),
            ));
        }
        // SAFETY: not null, alive while the lock is held and `sys` keeps it.
        Ok(unsafe { self.borrowed(object) })
    }

    pub(crate) fn builtin(self, name: &CStr) -> Result<Object<'py>> {
        self.import("builtins")?.attr(name)
    }

    /// Unmarshals one object; `bytes` need not outlive the call.
    pub(crate) fn unmarshal(self, bytes: &[u8]) -> Result<Object<'py>> {
        // SAFETY: the reader stays within `len` bytes and copies what it keeps.
        self.owned(unsafe {
            py::PyMarshal_ReadObjectFromString(bytes.as_ptr().cast(), bytes.len() as isize)
        })
    }

    /// Runs a code object with one dictionary as globals and locals.
    pub(crate) fn eval(self, code: &Object<'py>, globals: &Object<'py>) -> Result<Object<'py>> {
        // SAFETY: live objects; `PyEval_EvalCode` checks the type of `code`.
        self.owned(unsafe {
            py::PyEval_EvalCode(code.as_ptr(), globals.as_ptr(), globals.as_ptr())
        })
    }

    pub(crate) fn raised(self) -> bool {
        // SAFETY: the lock is held.
        unsafe { !py::PyErr_Occurred().is_null() }
    }

    pub(crate) fn clear(self) {
        // SAFETY: the lock is held.
        unsafe { py::PyErr_Clear() }
    }

    /// Takes the raised exception, normalised.
    pub(crate) fn take(self) -> Option<Object<'py>> {
        // SAFETY: a new reference or null.
        self.owned(unsafe { py::PyErr_GetRaisedException() }).ok()
    }

    /// Puts an exception back, or raises a new one.
    pub(crate) fn restore(self, exception: Object<'py>) -> Raised {
        // SAFETY: steals the reference of a live exception instance.
        unsafe { py::PyErr_SetRaisedException(exception.into_ptr()) }
        Raised
    }

    fn class(exception: Exception) -> *mut py::PyObject {
        // SAFETY: the exception classes are set up before any of our code can run.
        unsafe {
            match exception {
                Exception::Import => py::PyExc_ImportError,
                Exception::Os => py::PyExc_OSError,
                Exception::Type => py::PyExc_TypeError,
                Exception::Runtime => py::PyExc_RuntimeError,
                Exception::Attribute => py::PyExc_AttributeError,
                Exception::SystemExit => py::PyExc_SystemExit,
                Exception::KeyboardInterrupt => py::PyExc_KeyboardInterrupt,
            }
        }
    }

    /// Sets an exception with a message.
    pub(crate) fn raise(self, exception: Exception, message: &str) -> Raised {
        if let Ok(message) = self.str(message) {
            // SAFETY: live class and message.
            unsafe { py::PyErr_SetObject(Self::class(exception), message.as_ptr()) }
        }
        Raised
    }

    /// `ImportError(message, name=name)`.
    pub(crate) fn raise_import(self, message: &str, name: &str) -> Raised {
        let set = || -> Result<()> {
            let (message, name) = (self.str(message)?, self.str(name)?);
            // SAFETY: live strings; a null path means none.
            unsafe { py::PyErr_SetImportError(message.as_ptr(), name.as_ptr(), ptr::null_mut()) };
            Ok(())
        };
        let _ = set();
        Raised
    }

    /// `OSError(errno, strerror(errno), filename)`, which picks the subclass (FileNotFoundError,
    /// ...).
    pub(crate) fn raise_os(self, errno: i32, filename: &Object<'py>) -> Raised {
        let raise = || -> Result<Object<'py>> {
            // SAFETY: strerror's text is copied at once, under the lock.
            let text = unsafe { CStr::from_ptr(libc::strerror(errno)) };
            let text = self.str(&text.to_string_lossy())?;
            // SAFETY: an immortal class.
            let class = unsafe { self.borrowed(Self::class(Exception::Os)) };
            let number = self.int(errno.unsigned_abs().into())?;
            class.call(&[number, text, filename.clone()])
        };
        match raise() {
            Ok(exception) => self.restore(exception),
            Err(raised) => raised,
        }
    }

    /// Whether the raised exception is of `exception`'s class.
    pub(crate) fn raised_is(self, exception: Exception) -> bool {
        // SAFETY: live class.
        unsafe { py::PyErr_ExceptionMatches(Self::class(exception)) != 0 }
    }

    /// `print(object, file=sys.stderr)`, or C's stderr where that is gone. Clears exceptions.
    pub(crate) fn print_to_stderr(self, object: &Object<'py>) {
        // SAFETY: a live object; the stream is borrowed while `sys` keeps it, under the lock.
        unsafe {
            let stream = py::PySys_GetObject(c"stderr".as_ptr());
            if stream.is_null() || stream == py::Py_None() {
                if let Ok(text) = self.owned(py::PyObject_Str(object.as_ptr()))
                    && let Ok(text) = text.as_str()
                {
                    eprintln!("{text}");
                }
            } else {
                py::PyFile_WriteObject(object.as_ptr(), stream, py::Py_PRINT_RAW);
                py::PySys_WriteStderr(c"\n".as_ptr());
            }
            py::PyErr_Clear();
        }
    }

    /// Hands the raised exception to `sys.unraisablehook`, with the place where it came up.
    pub(crate) fn report_ignored(self, place: &CStr) {
        // SAFETY: the lock is held; the format takes one C string.
        unsafe { PyErr_FormatUnraisable(c"%s".as_ptr(), place.as_ptr()) }
    }

    /// Prints the raised exception as an uncaught one (`sys.excepthook`), without treating
    /// SystemExit specially.
    pub(crate) fn print_raised(self) {
        // SAFETY: the lock is held; SystemExit was taken out before by the caller.
        unsafe { py::PyErr_Print() }
    }
}

/// A strong reference.
pub(crate) struct Object<'py> {
    pointer: NonNull<py::PyObject>,
    gil: Gil<'py>,
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        // SAFETY: this object owns one reference, and the lock is held while `'py` lasts.
        unsafe { py::Py_DECREF(self.pointer.as_ptr()) }
    }
}

impl Clone for Object<'_> {
    fn clone(&self) -> Self {
        // SAFETY: a live object.
        unsafe { self.gil.borrowed(self.pointer.as_ptr()) }
    }
}

impl<'py> Object<'py> {
    pub(super) fn as_ptr(&self) -> *mut py::PyObject {
        self.pointer.as_ptr()
    }

    pub(super) fn into_ptr(self) -> *mut py::PyObject {
        let pointer = self.pointer.as_ptr();
        std::mem::forget(self);
        pointer
    }

    pub(crate) fn gil(&self) -> Gil<'py> {
        self.gil
    }

    /// Whether both are one object.
    pub(crate) fn is(&self, other: &Object<'_>) -> bool {
        self.pointer == other.pointer
    }

    /// The class.
    pub(crate) fn class(&self) -> Object<'py> {
        // SAFETY: a live object has a live type.
        unsafe { self.gil.borrowed(py::Py_TYPE(self.as_ptr()).cast()) }
    }

    /// `bool(object)`.
    pub(crate) fn is_true(&self) -> Result<bool> {
        // SAFETY: a live object.
        match unsafe { py::PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised),
            truth => Ok(truth != 0),
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        // SAFETY: compares pointers only.
        unsafe { self.as_ptr() == py::Py_None() }
    }

    pub(crate) fn is_str(&self) -> bool {
        // SAFETY: reads the type flags of a live object.
        unsafe { py::PyUnicode_Check(self.as_ptr()) != 0 }
    }

    /// The UTF-8 form, cached in the object; an exception for lone surrogates or for another type.
    pub(crate) fn as_str(&self) -> Result<&str> {
        let mut length = 0isize;
        // SAFETY: a live object; the buffer belongs to it and lives as long as this reference.
        unsafe {
            let data: *const c_char = py::PyUnicode_AsUTF8AndSize(self.as_ptr(), &raw mut length);
            if data.is_null() {
                return Err(Raised);
            }
            let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length.unsigned_abs());
            // CPython's UTF-8 encoder never emits anything else.
            Ok(std::str::from_utf8_unchecked(bytes))
        }
    }

    #[cfg(unix)]
    /// The bytes of a `bytes` object.
    pub(crate) fn as_bytes(&self) -> Result<&[u8]> {
        // SAFETY: checked type; the buffer belongs to the immutable object.
        unsafe {
            if py::PyBytes_Check(self.as_ptr()) == 0 {
                return Err(self.gil.raise(Exception::Type, "expected bytes"));
            }
            let data = py::PyBytes_AsString(self.as_ptr()).cast::<u8>();
            Ok(std::slice::from_raw_parts(
                data,
                py::PyBytes_Size(self.as_ptr()).unsigned_abs(),
            ))
        }
    }

    /// Whether this is an `int` (or `bool`).
    pub(crate) fn is_int(&self) -> bool {
        // SAFETY: reads the type flags of a live object.
        unsafe { py::PyLong_Check(self.as_ptr()) != 0 }
    }

    /// An `int` (or `bool`) as `i64`; `None` for any other type or a value out of range.
    pub(crate) fn as_int(&self) -> Option<i64> {
        // SAFETY: checked type; an overflow sets an exception, which is cleared.
        unsafe {
            if py::PyLong_Check(self.as_ptr()) == 0 {
                return None;
            }
            let value = py::PyLong_AsLongLong(self.as_ptr());
            if value == -1 && self.gil.raised() {
                self.gil.clear();
                return None;
            }
            Some(value)
        }
    }

    pub(crate) fn attr(&self, name: &CStr) -> Result<Object<'py>> {
        // Interned, so that CPython's cache of attributes of classes knows the name.
        let name = self.gil.interned(name)?;
        // SAFETY: live objects.
        self.gil
            .owned(unsafe { py::PyObject_GetAttr(self.as_ptr(), name.as_ptr()) })
    }

    /// An attribute, or `None` where it is missing.
    pub(crate) fn attr_opt(&self, name: &CStr) -> Result<Option<Object<'py>>> {
        let mut found = ptr::null_mut();
        // SAFETY: a live object; on 1 `found` is a new reference.
        match unsafe {
            py::PyObject_GetOptionalAttrString(self.as_ptr(), name.as_ptr(), &raw mut found)
        } {
            0 => Ok(None),
            1 => self.gil.owned(found).map(Some),
            _ => Err(Raised),
        }
    }

    pub(crate) fn set_attr(&self, name: &CStr, value: &Object<'py>) -> Result<()> {
        // SAFETY: live objects and a NUL-terminated name.
        status(unsafe { py::PyObject_SetAttrString(self.as_ptr(), name.as_ptr(), value.as_ptr()) })
    }

    pub(crate) fn call(&self, arguments: &[Object<'py>]) -> Result<Object<'py>> {
        self.vectorcall(arguments, None)
    }

    /// Calls with the last `names.len()` arguments as keywords; `names` is a tuple of `str`.
    pub(crate) fn vectorcall(
        &self,
        arguments: &[Object<'py>],
        names: Option<&Object<'py>>,
    ) -> Result<Object<'py>> {
        // At most six arguments anywhere in this crate; the vector stays on the stack.
        let mut pointers = [ptr::null_mut(); 8];
        assert!(
            arguments.len() <= pointers.len(),
            "too many arguments for a vectorcall"
        );
        for (slot, argument) in pointers.iter_mut().zip(arguments) {
            *slot = argument.as_ptr();
        }
        // SAFETY: live callable and arguments, kept alive by the caller's slice; the keyword names
        // are a tuple.
        unsafe {
            let keywords = match names {
                Some(names) => py::PyTuple_Size(names.as_ptr()).unsigned_abs(),
                None => 0,
            };
            let names = names.map_or(ptr::null_mut(), Object::as_ptr);
            self.gil.owned(py::PyObject_Vectorcall(
                self.as_ptr(),
                pointers.as_ptr(),
                arguments.len() - keywords,
                names,
            ))
        }
    }

    /// Calls with any number of arguments and a dict of keywords.
    pub(crate) fn call_all(
        &self,
        arguments: &[Object<'py>],
        keywords: Option<Object<'py>>,
    ) -> Result<Object<'py>> {
        let arguments = self.gil.tuple(arguments)?;
        let keywords = keywords.as_ref().map_or(ptr::null_mut(), Object::as_ptr);
        // SAFETY: a live callable, a tuple, and a dict or null.
        self.gil
            .owned(unsafe { py::PyObject_Call(self.as_ptr(), arguments.as_ptr(), keywords) })
    }

    pub(crate) fn call_method(
        &self,
        name: &CStr,
        arguments: &[Object<'py>],
    ) -> Result<Object<'py>> {
        self.attr(name)?.call(arguments)
    }

    pub(crate) fn list_append(&self, item: &Object<'py>) -> Result<()> {
        // SAFETY: live objects; a non-list raises.
        status(unsafe { py::PyList_Append(self.as_ptr(), item.as_ptr()) })
    }

    pub(crate) fn list_insert(&self, index: usize, item: &Object<'py>) -> Result<()> {
        // SAFETY: as above.
        status(unsafe { py::PyList_Insert(self.as_ptr(), index as isize, item.as_ptr()) })
    }

    pub(crate) fn set_item(&self, key: &str, value: &Object<'py>) -> Result<()> {
        self.set_object(&self.gil.str(key)?, value)
    }

    pub(crate) fn set_object(&self, key: &Object<'py>, value: &Object<'py>) -> Result<()> {
        // SAFETY: live objects.
        status(unsafe { py::PyObject_SetItem(self.as_ptr(), key.as_ptr(), value.as_ptr()) })
    }

    /// The value of a key of a dict; `None` where there is none.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Object<'py>>> {
        let key = self.gil.str(key)?;
        // SAFETY: live objects; another type raises. A borrowed reference or null.
        unsafe {
            let value = py::PyDict_GetItemWithError(self.as_ptr(), key.as_ptr());
            if !value.is_null() {
                return Ok(Some(self.gil.borrowed(value)));
            }
        }
        if self.gil.raised() {
            Err(Raised)
        } else {
            Ok(None)
        }
    }

    /// An item of a tuple; `None` past its end.
    pub(crate) fn tuple_item(&self, index: usize) -> Option<Object<'py>> {
        // SAFETY: type and bounds are checked; the borrowed reference is not null then.
        unsafe {
            let pointer = self.as_ptr();
            if py::PyTuple_Check(pointer) == 0 || index >= py::PyTuple_Size(pointer).unsigned_abs()
            {
                return None;
            }
            Some(
                self.gil
                    .borrowed(py::PyTuple_GetItem(pointer, index as isize)),
            )
        }
    }

    /// Items of any iterable, in order.
    pub(crate) fn items(&self) -> Result<Vec<Object<'py>>> {
        let mut items = Vec::new();
        // SAFETY: a live object; null without an exception ends the iteration.
        let iterator = self
            .gil
            .owned(unsafe { py::PyObject_GetIter(self.as_ptr()) })?;
        loop {
            // SAFETY: a live iterator.
            let item = unsafe { py::PyIter_Next(iterator.as_ptr()) };
            if item.is_null() {
                return if self.gil.raised() {
                    Err(Raised)
                } else {
                    Ok(items)
                };
            }
            items.push(self.gil.owned(item)?);
        }
    }

    /// A module's namespace.
    pub(crate) fn module_dict(&self) -> Result<Object<'py>> {
        self.attr(c"__dict__")
    }
}

fn status(code: i32) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Raised) }
}
