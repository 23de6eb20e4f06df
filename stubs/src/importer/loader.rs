//! The loader (`importlib.abc.InspectLoader`, `ExecutionLoader`, `ResourceLoader`).
//!
//! Which failure is which follows `Lib/zipimport.py`: a module that is not ours is ImportError, a path that is not there
//! is OSError, a module without source gives `None`.

use std::borrow::Cow;

use oxidize_format::{Data, Module};

use super::{Slot, application, damaged, extension, find, parent_directory, paths, slot, tree};
use crate::ffi::{Call, Gil, Method, Object, Raised, Result};

/// What the importer does as a loader.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new(c"create_module", create_module, c"create_module(spec)"),
        Method::new(c"exec_module", exec_module, c"exec_module(module)"),
        Method::new(c"get_code", get_code, c"get_code(fullname)"),
        Method::new(c"get_source", get_source, c"get_source(fullname)"),
        Method::new(c"get_filename", get_filename, c"get_filename(fullname)"),
        Method::new(c"is_package", is_package, c"is_package(fullname)"),
        Method::new(c"get_data", get_data, c"get_data(path)"),
        Method::new(
            c"get_resource_reader",
            get_resource_reader,
            c"get_resource_reader(fullname)",
        ),
    ]
}

fn is_extension(gil: Gil<'_>, module: &Module<'static>) -> Result<bool> {
    Ok(damaged(gil, module.native())?.is_some())
}

/// The module of the blob that a spec describes.
fn of_spec<'py>(gil: Gil<'py>, spec: &Object<'py>) -> Result<Module<'static>> {
    let state = spec.attr_opt(c"loader_state")?;
    if let Some(index) = state
        .and_then(|state| state.as_int())
        .and_then(|index| u32::try_from(index).ok())
    {
        return damaged(gil, application(gil)?.blob.modules().get(index));
    }
    named(gil, &spec.attr(c"name")?)
}

fn named<'py>(gil: Gil<'py>, name: &Object<'py>) -> Result<Module<'static>> {
    let text = name.as_str()?;
    find(gil, text)?
        .ok_or_else(|| gil.raise_import(&format!("{text} is not in this executable"), text))
}

/// The module a loader method's `fullname` argument names. `runpy` and others pass `__main__` for the running program.
fn asked<'py>(call: &Call<'py>) -> Result<Module<'static>> {
    let gil = call.gil();
    let name = call.argument(0, "fullname")?;
    if let Some(module) = find(gil, name.as_str()?)? {
        return Ok(module);
    }
    // A module that was imported under another name than its place in the blob says.
    if let Some(loaded) = gil.loaded(name.as_str()?)?
        && let Some(spec) = loaded.attr_opt(c"__spec__")?
        && spec
            .attr_opt(c"loader")?
            .is_some_and(|loader| loader.is(call.receiver()))
    {
        return of_spec(gil, &spec);
    }
    named(gil, &name)
}

/// `create_module(spec)`: `None` (the import system's own), or the extension module.
fn create_module<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let spec = call.argument(0, "spec")?;
    let module = of_spec(gil, &spec)?;
    if is_extension(gil, &module)? {
        extension::create(gil, &spec, &module)
    } else {
        Ok(gil.none())
    }
}

/// `exec_module(module)`.
fn exec_module<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let object = call.argument(0, "module")?;
    let module = match object.attr_opt(c"__spec__")?.filter(|spec| !spec.is_none()) {
        Some(spec) => of_spec(gil, &spec)?,
        None => named(gil, &object.attr(c"__name__")?)?,
    };
    if is_extension(gil, &module)? {
        return gil.import("_imp")?.call_method(c"exec_dynamic", &[object]);
    }
    if module.is_namespace() {
        // What importlib does for a spec without a loader (bpo-32305).
        object.set_attr(c"__file__", &gil.none())?;
        return Ok(gil.none());
    }
    let code = code(call.receiver(), &module)?;
    let execute = slot(call.receiver(), Slot::Exec)?;
    slot(call.receiver(), Slot::CallWithFramesRemoved)?.call(&[
        execute,
        code,
        object.module_dict()?,
    ])
}

/// The code object of a module: bytecode at this process's optimization level, else the source.
pub(crate) fn code<'py>(importer: &Object<'py>, module: &Module<'static>) -> Result<Object<'py>> {
    let gil = importer.gil();
    let level = slot(importer, Slot::Optimize)?
        .as_int()
        .and_then(|level| u8::try_from(level).ok());
    let level = level.unwrap_or(0).min(2);
    if let Some(data) = damaged(gil, module.bytecode(level))? {
        return gil.unmarshal(&bytes(gil, &data)?);
    }
    let file = module.file().map(paths::outward);
    let file = file.as_deref().unwrap_or("<unknown>");
    if let Some(data) = damaged(gil, module.source())? {
        return compile(gil, &bytes(gil, &data)?, file);
    }
    for other in [0, 1, 2] {
        if let Some(data) = damaged(gil, module.bytecode(other))? {
            return gil.unmarshal(&bytes(gil, &data)?);
        }
    }
    let name = module.name();
    Err(gil.raise_import(
        &format!("{name} has neither bytecode nor source in this executable"),
        name,
    ))
}

/// `compile(source, file, 'exec', dont_inherit=True)`, which honours coding cookies.
pub(crate) fn compile<'py>(gil: Gil<'py>, source: &[u8], file: &str) -> Result<Object<'py>> {
    gil.builtin(c"compile")?.call(&[
        gil.bytes(source)?,
        gil.str(file)?,
        gil.str("exec")?,
        gil.int(0)?,
        gil.bool(true),
    ])
}

fn bytes(gil: Gil<'_>, data: &Data<'static>) -> Result<Cow<'static, [u8]>> {
    damaged(gil, data.read())
}

/// `get_code(fullname)`: `None` for extension modules and namespace packages.
fn get_code<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let module = asked(call)?;
    if is_extension(gil, &module)? {
        return Ok(gil.none());
    }
    if module.is_namespace() {
        return compile(gil, b"", "<string>");
    }
    code(call.receiver(), &module)
}

/// `get_source(fullname)`: text with universal newlines, `None` where the source is not in.
fn get_source<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let module = asked(call)?;
    if module.is_namespace() {
        return gil.str("");
    }
    let Some(data) = damaged(gil, module.source())?.filter(|_| module.shows_source()) else {
        return Ok(gil.none());
    };
    let source = gil.bytes(&bytes(gil, &data)?)?;
    gil.import("_frozen_importlib_external")?
        .call_method(c"decode_source", &[source])
}

/// `get_filename(fullname)`: the virtual path.
fn get_filename<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let module = asked(call)?;
    match module.file() {
        Some(file) => gil.str(&paths::outward(file)),
        None => {
            let name = module.name();
            Err(gil.raise_import(
                &format!("{name} is a namespace package and has no file"),
                name,
            ))
        }
    }
}

/// `is_package(fullname)`.
fn is_package<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let module = asked(call)?;
    Ok(call.gil().bool(module.is_package()))
}

/// `get_data(path)`: a file of the blob, or, as importlib's own file loaders do, any other file.
fn get_data<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let path = call.argument(0, "path")?;
    let path = gil.import("os")?.call_method(c"fspath", &[path])?;
    let inside = match path.as_str() {
        Ok(text) => paths::is_virtual(text),
        Err(Raised) => {
            gil.clear();
            false
        }
    };
    if inside {
        return tree::read_path(gil, &path);
    }
    let file = gil.import("io")?.call_method(c"open_code", &[path])?;
    let content = file.call_method(c"read", &[]);
    let closed = file.call_method(c"close", &[]);
    let content = content?;
    closed?;
    Ok(content)
}

/// `get_resource_reader(fullname)`: a reader of the directory a package is, or of the one a module lies in, as
/// importlib's file loaders have it.
fn get_resource_reader<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let module = asked(call)?;
    let directory = module
        .directory()
        .unwrap_or_else(|| parent_directory(&module));
    gil.import("_oxidize_resources")?
        .call_method(c"Reader", &[gil.str(&paths::outward(directory))?])
}
