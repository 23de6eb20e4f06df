//! How CPython calls us: arguments of a `METH_FASTCALL | METH_KEYWORDS` function (PEP 590) as a
//! safe value.

use std::ffi::CStr;
use std::ptr::NonNull;

use pyo3_ffi as py;

use super::object::{Exception, Gil, Object, Result};

/// One call from Python: receiver and arguments.
pub(crate) struct Call<'py> {
    gil: Gil<'py>,
    receiver: Object<'py>,
    positional: &'py [*mut py::PyObject],
    keywords: &'py [*mut py::PyObject],
    names: *mut py::PyObject,
}

impl<'py> Call<'py> {
    pub(crate) fn gil(&self) -> Gil<'py> {
        self.gil
    }

    /// `self` of the method, or the module of a function.
    pub(crate) fn receiver(&self) -> &Object<'py> {
        &self.receiver
    }

    /// All positional arguments.
    pub(crate) fn positional(&self) -> Vec<Object<'py>> {
        // SAFETY: the caller keeps its arguments alive for the whole call.
        self.positional
            .iter()
            .map(|&pointer| unsafe { self.gil.borrowed(pointer) })
            .collect()
    }

    /// The keyword arguments as a new dict, `None` where there are none.
    pub(crate) fn keywords(&self) -> Result<Option<Object<'py>>> {
        if self.keywords.is_empty() {
            return Ok(None);
        }
        let keywords = self.gil.dict()?;
        for (position, &pointer) in self.keywords.iter().enumerate() {
            // SAFETY: `names` has one str for each keyword argument (PEP 590); both are alive for
            // the whole call.
            let (name, value) = unsafe {
                let name = py::PyTuple_GetItem(self.names, position as isize);
                (self.gil.borrowed(name), self.gil.borrowed(pointer))
            };
            keywords.set_object(&name, &value)?;
        }
        Ok(Some(keywords))
    }

    /// The argument at `index`, or the keyword `name`; `None` where it was not given.
    pub(crate) fn optional(&self, index: usize, name: &str) -> Result<Option<Object<'py>>> {
        if let Some(&pointer) = self.positional.get(index) {
            // SAFETY: the caller keeps its arguments alive for the whole call.
            return Ok(Some(unsafe { self.gil.borrowed(pointer) }));
        }
        for (position, &pointer) in self.keywords.iter().enumerate() {
            // SAFETY: `names` is a tuple with one str for each keyword argument (PEP 590).
            let key = unsafe {
                self.gil
                    .borrowed(py::PyTuple_GetItem(self.names, position as isize))
            };
            if key.as_str()? == name {
                // SAFETY: as for positional ones.
                return Ok(Some(unsafe { self.gil.borrowed(pointer) }));
            }
        }
        Ok(None)
    }

    /// The argument at `index`, or the keyword `name`; TypeError where it was not given.
    pub(crate) fn argument(&self, index: usize, name: &str) -> Result<Object<'py>> {
        match self.optional(index, name)? {
            Some(object) => Ok(object),
            None => Err(self
                .gil
                .raise(Exception::Type, &format!("missing argument '{name}'"))),
        }
    }
}

/// A row of a method table: a name, one of our functions, and what `help` says about it.
pub(crate) struct Method(py::PyMethodDef);

impl Method {
    /// `function` is the name of a function (or a closure without captures), so its type alone says
    /// what to call.
    pub(crate) fn new<F>(name: &'static CStr, function: F, doc: &'static CStr) -> Self
    where
        F: for<'py> Fn(&Call<'py>) -> Result<Object<'py>> + Copy + 'static,
    {
        // The trampoline makes the function's value out of nothing.
        const { assert!(size_of::<F>() == 0, "a method is a plain function") };
        let _ = function;
        Method(py::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: py::PyMethodDefPointer {
                PyCFunctionFastWithKeywords: trampoline::<F>,
            },
            ml_flags: py::METH_FASTCALL | py::METH_KEYWORDS,
            ml_doc: doc.as_ptr(),
        })
    }
}

/// A method table as CPython wants it, with a row of zeros at the end. It outlives everything that
/// is made from it: an interpreter makes a few small ones in its life.
pub(super) fn table(methods: Vec<Method>) -> &'static mut [py::PyMethodDef] {
    let mut rows: Vec<_> = methods.into_iter().map(|method| method.0).collect();
    rows.push(py::PyMethodDef::zeroed());
    Box::leak(rows.into_boxed_slice())
}

unsafe extern "C" fn trampoline<F>(
    receiver: *mut py::PyObject,
    arguments: *const *mut py::PyObject,
    positional: py::Py_ssize_t,
    names: *mut py::PyObject,
) -> *mut py::PyObject
where
    F: for<'py> Fn(&Call<'py>) -> Result<Object<'py>> + Copy + 'static,
{
    // SAFETY: `F` has no bytes (`Method::new` asserts it), is `Copy`, and a value of it was handed
    // to `Method::new`, so there is nothing that a second one could violate; any aligned pointer
    // that is not null leads to it.
    let function = unsafe { NonNull::<F>::dangling().read() };
    // SAFETY: only CPython calls this, through a method table.
    unsafe { enter(receiver, arguments, positional, names, function) }
}

/// What every trampoline does.
///
/// # Safety
/// To be called by CPython only, with the arguments of a vectorcall and the lock held.
unsafe fn enter(
    receiver: *mut py::PyObject,
    arguments: *const *mut py::PyObject,
    positional: py::Py_ssize_t,
    names: *mut py::PyObject,
    function: impl for<'py> Fn(&Call<'py>) -> Result<Object<'py>>,
) -> *mut py::PyObject {
    // SAFETY: PEP 590: `arguments` holds `positional` values and then one for each name; a call
    // without arguments may pass a null pointer. All live until we return, which is how long `'py`
    // is.
    unsafe {
        let gil = Gil::assume();
        let positional = positional.unsigned_abs();
        let keywords = if names.is_null() {
            0
        } else {
            py::PyTuple_Size(names).unsigned_abs()
        };
        let all: &[*mut py::PyObject] = if arguments.is_null() {
            &[]
        } else {
            std::slice::from_raw_parts(arguments, positional + keywords)
        };
        let (positional, keywords) = all.split_at(positional);
        let call = Call {
            gil,
            receiver: gil.borrowed(receiver),
            positional,
            keywords,
            names,
        };
        match function(&call) {
            Ok(object) => object.into_ptr(),
            Err(_) => std::ptr::null_mut(),
        }
    }
}
