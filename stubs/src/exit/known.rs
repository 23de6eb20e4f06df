//! Finalizers and callbacks that are known to do nothing that is seen from outside.

use crate::ffi::{Gil, Object, Result};

/// Functions in Python that weak references call: they keep a collection in order.
const CALLBACKS: &[(&str, &str)] = &[
    ("_weakrefset", "WeakSet.__init__.<locals>._remove"),
    ("logging", "_removeHandlerRef"),
    ("sqlalchemy.event.registry", "_collection_gced"),
    ("weakref", "WeakKeyDictionary.__init__.<locals>.remove"),
    ("weakref", "WeakValueDictionary.__init__.<locals>.remove"),
];

/// The same in C, which are no functions of a module: of `abc` and of `threading.local`.
const NATIVE_CALLBACKS: &[&str] = &["_destroy", "clear_locals", "_localdummy_destroyed"];

/// Classes in C whose finalizer gives back what the system takes back by itself.
const CLOSES_ONLY: &[&str] = &[
    "_socket.socket",
    "nt.ScandirIterator",
    "posix.ScandirIterator",
    "select.kqueue",
];

/// Whether the `__del__` of an object would do nothing.
type Silent = fn(&Object<'_>) -> Result<bool>;

/// Classes with `__del__` in Python: module, name, and when it does nothing.
const CLASSES: &[(&str, &str, Silent)] = &[
    // Sees whether the child has ended, and remembers it if not.
    ("subprocess", "Popen", |_| Ok(true)),
    // Ends the process that removes what others left, if there is one.
    (
        "multiprocessing.resource_tracker",
        "ResourceTracker",
        |tracker| Ok(tracker.attr(c"_fd")?.is_none()),
    ),
    // Removes the file.
    ("tempfile", "_TemporaryFileCloser", |closer| {
        closer.attr(c"cleanup_called")?.is_true()
    }),
    ("zipfile", "ZipFile", |archive| {
        Ok(archive.attr(c"fp")?.is_none())
    }),
    ("asyncio.unix_events", "_UnixSelectorEventLoop", |it| {
        it.attr(c"_closed")?.is_true()
    }),
    ("asyncio.windows_events", "ProactorEventLoop", |it| {
        it.attr(c"_closed")?.is_true()
    }),
    (
        "asyncio.windows_events",
        "_WindowsSelectorEventLoop",
        |it| it.attr(c"_closed")?.is_true(),
    ),
];

/// Whether a weak reference's callback is one of these.
pub(super) fn callback(callback: &Object<'_>) -> Result<bool> {
    let gil = callback.gil();
    match full_name(&callback.class())?.as_str() {
        "builtins.function" => {
            let (module, name) = (
                callback.attr(c"__module__")?,
                callback.attr(c"__qualname__")?,
            );
            Ok(module.is_str() && {
                let is = (module.as_str()?, name.as_str()?);
                CALLBACKS.contains(&is)
            })
        }
        "builtins.builtin_function_or_method" => {
            let name = callback.attr(c"__name__")?;
            Ok(callback.attr(c"__module__")?.is_none()
                && NATIVE_CALLBACKS.contains(&name.as_str()?))
        }
        // Takes a type out of ctypes' cache of pointer and array types.
        "_ctypes.DictRemover" => Ok(true),
        // They ran with the functions of `atexit`, and do nothing since.
        "weakref.finalize" if is_of(callback, "weakref", "finalize")? => {
            match gil.loaded("weakref")? {
                Some(module) => module.attr(c"finalize")?.attr(c"_shutdown")?.is_true(),
                None => Ok(false),
            }
        }
        // What multiprocessing's other finalizers do is done with the functions of `atexit`, too.
        "multiprocessing.util.Finalize" if is_of(callback, "multiprocessing.util", "Finalize")? => {
            let function = callback.attr_opt(c"_callback")?;
            let function = function.filter(|function| !function.is_none());
            let name = function.as_ref().map(callback_name).transpose()?;
            Ok(name.is_none_or(|name| name == "multiprocessing.util.close_fds"))
        }
        _ => Ok(false),
    }
}

/// What a report calls a callback.
pub(super) fn callback_name(callback: &Object<'_>) -> Result<String> {
    match full_name(&callback.class())?.as_str() {
        "builtins.function" => full_name(callback),
        name => Ok(name.to_owned()),
    }
}

/// The class in C that a class has its finalizer from; `None` if it is in Python.
pub(super) fn finalizer<'py>(class: &Object<'py>) -> Result<Option<Object<'py>>> {
    match class.attr_opt(c"__del__")? {
        Some(method) => method.attr_opt(c"__objclass__"),
        None => Ok(None),
    }
}

/// Whether the finalizer of a class in C gives back what the system takes back by itself.
pub(super) fn closes_only(class: &Object<'_>) -> bool {
    full_name(class).is_ok_and(|name| CLOSES_ONLY.contains(&name.as_str()))
}

/// Whether the finalizer of this object does nothing.
pub(super) fn object(object: &Object<'_>) -> Result<bool> {
    let class = object.class();
    let Some(owner) = finalizer(&class)? else {
        for (module, name, silent) in CLASSES {
            if is_of(object, module, name)? {
                return silent(object);
            }
        }
        return Ok(false);
    };
    if closes_only(&owner) {
        return Ok(true);
    }
    match full_name(&owner)?.as_str() {
        // One that never ran has nothing to end, one that has ended neither.
        "builtins.generator" => Ok(!object.attr(c"gi_suspended")?.is_true()?),
        "builtins.coroutine" => Ok(object.attr(c"cr_frame")?.is_none()),
        "builtins.async_generator" => Ok(object.attr(c"ag_frame")?.is_none()),
        // A failure that nobody asked for is reported.
        "_asyncio.Future" | "_asyncio.Task" => Ok(exact(object, &owner)
            && object.call_method(c"done", &[])?.is_true()?
            && !object.attr(c"_log_traceback")?.is_true()?),
        // A closed connection refuses.
        "sqlite3.Connection" => {
            let open = exact(object, &owner) && object.attr(c"total_changes").is_ok();
            object.gil().clear();
            Ok(exact(object, &owner) && !open)
        }
        _ => Ok(false),
    }
}

/// Module and name of a class or function.
pub(super) fn full_name(class: &Object<'_>) -> Result<String> {
    let (module, name) = (class.attr(c"__module__")?, class.attr(c"__qualname__")?);
    Ok(format!("{}.{}", module.as_str()?, name.as_str()?))
}

fn exact(object: &Object<'_>, class: &Object<'_>) -> bool {
    object.class().is(class)
}

/// Whether this is an instance of just this class of a module that is loaded.
fn is_of(object: &Object<'_>, module: &str, class: &str) -> Result<bool> {
    let gil: Gil<'_> = object.gil();
    let Some(module) = gil.loaded(module)? else {
        return Ok(false);
    };
    let class = gil.builtin(c"vars")?.call(&[module])?.get(class)?;
    Ok(class.is_some_and(|class| exact(object, &class)))
}
