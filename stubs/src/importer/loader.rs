//! The loaders: importlib's own file loaders, with the blob in place of files.
//!
//! What a loader is for is its `path`. The methods that are not here are those of the base classes
//! (`importlib.machinery.SourceFileLoader` and so on), which know files by path and nothing else.

use std::cell::Cell;

use oxidize_format::Module;

pub(crate) use super::code::code;
use super::code::code_at;
use super::{Slot, application, damaged, find, paths, registry, slot};
use crate::ffi::module::Class;
use crate::ffi::{Call, Gil, Method, Object, Raised, Result, collector, types};

/// Loads Python code: bytecode of the blob where there is some for the path, else source.
pub(super) const SOURCE: Class = Class {
    attribute: c"SourceFileLoader",
    name: c"_oxidize.SourceFileLoader",
    doc: c"Loads the modules of this executable that are written in Python.",
    base: Some(c"SourceFileLoader"),
    methods: || {
        vec![
            Method::new(c"exec_module", exec_module, c"exec_module(module)"),
            Method::new(c"get_code", get_code, c"get_code(fullname)"),
            Method::new(c"get_source", get_source, c"get_source(fullname)"),
        ]
    },
};

/// Loads extension modules from memory.
pub(super) const EXTENSION: Class = Class {
    attribute: c"ExtensionFileLoader",
    name: c"_oxidize.ExtensionFileLoader",
    doc: c"Loads the extension modules of this executable.",
    base: Some(c"ExtensionFileLoader"),
    methods: || extension_creator().into_iter().collect(),
};

/// On Linux the base class's method does: `dlopen` knows the paths.
#[cfg(target_os = "linux")]
fn extension_creator() -> Option<Method> {
    None
}

#[cfg(not(target_os = "linux"))]
fn extension_creator() -> Option<Method> {
    let doc = c"create_module(spec)";
    Some(Method::new(c"create_module", create_module, doc))
}

/// The loader of a module of the blob under a name.
pub(super) fn make<'py>(
    importer: &Object<'py>,
    name: &Object<'py>,
    path: &Object<'py>,
    module: &Module<'static>,
) -> Result<Object<'py>> {
    let class = if is_extension(importer.gil(), module)? {
        Slot::ExtensionLoader
    } else {
        Slot::SourceLoader
    };
    LAST.set(module.index());
    let loader = types::bare(&slot(importer, class)?)?;
    loader.set_attr(c"name", name)?;
    loader.set_attr(c"path", path)?;
    Ok(loader)
}

thread_local! {
    /// The module that this thread found last, which as a rule is the one it loads next. Only a
    /// hint where to look first: the path decides.
    static LAST: Cell<u32> = const { Cell::new(u32::MAX) };
}

fn is_extension(gil: Gil<'_>, module: &Module<'static>) -> Result<bool> {
    Ok(damaged(gil, module.native())?.is_some())
}

/// The module of the blob that a loader is for, if the blob has more than its file.
fn module_of(loader: &Object<'_>) -> Result<Option<Module<'static>>> {
    let path = loader.attr(c"path")?;
    if path.is_none() {
        // A module that claims no file is known by its name.
        let found = find(loader.gil(), loader.attr(c"name")?.as_str()?)?;
        return Ok(found.filter(|module| module.file().is_none()));
    }
    match path.as_str() {
        Ok(path) => at(loader.gil(), path),
        Err(Raised) => {
            loader.gil().clear();
            Ok(None)
        }
    }
}

/// The module whose file is at a path of the system.
pub(super) fn at(gil: Gil<'_>, path: &str) -> Result<Option<Module<'static>>> {
    let modules = application(gil)?.blob.modules();
    let last = LAST.get();
    if last < modules.len() {
        let module = damaged(gil, modules.get(last))?;
        if module
            .file()
            .is_some_and(|file| paths::outward(file) == path)
        {
            return Ok(Some(module));
        }
    }
    let Some(path) = paths::inward(path) else {
        return Ok(None);
    };
    let Some(name) = paths::module_name(&path) else {
        return Ok(None);
    };
    Ok(find(gil, &name)?.filter(|module| module.file() == Some(&path)))
}

/// What the base class does.
fn inherited<'py>(
    call: &Call<'py>,
    class: &str,
    method: &std::ffi::CStr,
    argument: Object<'py>,
) -> Result<Object<'py>> {
    let bases = call.gil().import("_frozen_importlib_external")?;
    let class = call
        .gil()
        .builtin(c"getattr")?
        .call(&[bases, call.gil().str(class)?])?;
    class
        .attr(method)?
        .call(&[call.receiver().clone(), argument])
}

/// The per-interpreter importer, which the classes carry.
fn importer<'py>(loader: &Object<'py>) -> Result<Object<'py>> {
    loader.attr(c"_importer")
}

/// `create_module(spec)`: the extension module.
#[cfg(not(target_os = "linux"))]
fn create_module<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let spec = call.argument(0, "spec")?;
    match module_of(call.receiver())? {
        Some(module) => super::extension::create(call.gil(), &spec, &module),
        None => inherited(call, "ExtensionFileLoader", c"create_module", spec),
    }
}

/// `exec_module(module)`.
fn exec_module<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let object = call.argument(0, "module")?;
    let importer = importer(call.receiver())?;
    let found = module_of(call.receiver())?;
    if found.is_some() {
        collector::importing(call.gil());
    }
    let code = match &found {
        Some(module) => code_at(&importer, module, &call.receiver().attr(c"path")?)?,
        None => {
            let name = object.attr(c"__name__")?;
            call.receiver().call_method(c"get_code", &[name])?
        }
    };
    let execute = slot(&importer, Slot::Exec)?;
    let done =
        slot(&importer, Slot::CallWithFramesRemoved)?.call(&[execute, code, object.module_dict()?]);
    let Some(module) = &found else {
        return done;
    };
    match done {
        Ok(_) => registry::loaded(call.gil(), module, &object)?,
        Err(Raised) => return Err(registry::failed(call.gil(), module)),
    }
    done
}

/// The `fullname` of a call, after the check that every loader method of importlib makes: a loader
/// is for one name, and with `None` for that one.
fn checked<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let name = match call.optional(0, "fullname")? {
        Some(name) => name,
        None => call
            .optional(0, "name")?
            .unwrap_or_else(|| call.gil().none()),
    };
    call.receiver()
        .call_method(c"get_filename", std::slice::from_ref(&name))?;
    Ok(name)
}

/// `get_code(fullname)`.
fn get_code<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let name = checked(call)?;
    match module_of(call.receiver())? {
        Some(module) => {
            let loader = call.receiver();
            code_at(&importer(loader)?, &module, &loader.attr(c"path")?)
        }
        None => inherited(call, "SourceFileLoader", c"get_code", name),
    }
}

/// `get_source(fullname)`: text with universal newlines, `None` where the source is not in.
fn get_source<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let name = checked(call)?;
    let Some(module) = module_of(call.receiver())? else {
        return inherited(call, "SourceFileLoader", c"get_source", name);
    };
    let Some(data) = damaged(gil, module.source())?.filter(|_| module.shows_source()) else {
        return Ok(gil.none());
    };
    let source = gil.bytes(&damaged(gil, data.read())?)?;
    gil.import("_frozen_importlib_external")?
        .call_method(c"decode_source", &[source])
}
