//! The importer: modules, resources and metadata straight from the mapped blob.
//!
//! One `_oxidize.Importer` for each interpreter is the finder. It stands on `sys.meta_path` after
//! the built-in and frozen importers and before `PathFinder`. It answers for modules that a search
//! along `sys.path` or `__path__` would come to first, which costs one binary search; for
//! everything else `PathFinder` asks the entries in turn, and directories of the blob are entries
//! through [`path_entry`].
//!
//! Each module has a loader of its own ([`loader`]), which goes by the module's path: programs
//! import one file under several names, and several files under one.

mod code;
mod environments;
#[cfg(not(target_os = "linux"))]
pub(crate) mod extension;
pub(crate) mod loader;
pub(crate) mod meta;
pub(crate) mod path_entry;
mod registry;
mod spawned;
pub(crate) mod tree;

use std::sync::OnceLock;

use oxidize_format::{Blob, Module};

use crate::ffi::module::Class;
use crate::ffi::{Exception, Gil, Method, Object, Raised, Result, types};
pub(crate) use crate::paths;

/// The classes of `_oxidize`.
pub(crate) const CLASSES: &[Class] = &[
    Class {
        attribute: c"Importer",
        name: c"_oxidize.Importer",
        doc: c"Finds modules and distributions of this executable.",
        base: None,
        methods: meta::methods,
    },
    path_entry::CLASS,
    loader::SOURCE,
    loader::EXTENSION,
    spawned::CLASS,
];

/// The functions, for `_oxidize`.
pub(crate) fn functions() -> Vec<Method> {
    let mut functions = path_entry::functions();
    functions.extend(environments::functions());
    functions
}

/// What all interpreters of the process share. Constant after start.
pub(crate) struct Application {
    /// The mapped blob.
    pub(crate) blob: Blob<'static>,
}

static APPLICATION: OnceLock<Application> = OnceLock::new();

/// Sets the application. Once, before Python starts.
pub(crate) fn set_application(application: Application) {
    let _ = APPLICATION.set(application);
}

pub(crate) fn application(gil: Gil<'_>) -> Result<&'static Application> {
    APPLICATION
        .get()
        .ok_or_else(|| gil.raise(Exception::Import, "this executable has no resources"))
}

/// Where things are in the importer's state tuple.
#[derive(Clone, Copy)]
enum Slot {
    /// The class of our specs.
    Spec,
    /// Keyword names of a call to it.
    SpecKeywords,
    /// `importlib._bootstrap._call_with_frames_removed`, which keeps our frames out of tracebacks.
    CallWithFramesRemoved,
    /// `builtins.exec`.
    Exec,
    /// `sys.flags.optimize`: which bytecode to run.
    Optimize,
    /// The class of loaders of Python code.
    SourceLoader,
    /// The class of loaders of extension modules.
    ExtensionLoader,
    /// The class of finders of directories.
    FileFinder,
    /// Our entry of `sys.path_hooks`.
    PathHook,
}

fn slot<'py>(importer: &Object<'py>, slot: Slot) -> Result<Object<'py>> {
    types::state(importer)?
        .tuple_item(slot as usize)
        .ok_or_else(|| {
            importer
                .gil()
                .raise(Exception::Import, "the importer is not set up")
        })
}

/// Puts an importer on `sys.meta_path` and the path hook on `sys.path_hooks` of the current
/// interpreter; `false` if there is one.
pub(crate) fn install(gil: Gil<'_>) -> Result<bool> {
    let native = gil.import("_oxidize")?;
    if native.attr_opt(c"importer")?.is_some() {
        return Ok(false);
    }
    let bootstrap = gil.import("_frozen_importlib")?;
    let spec = spec_class(gil, &bootstrap)?;
    native.set_attr(c"ModuleSpec", &spec)?;
    let state = gil.tuple(&[
        spec,
        gil.tuple(&[gil.interned(c"origin")?, gil.interned(c"is_package")?])?,
        bootstrap.attr(c"_call_with_frames_removed")?,
        gil.builtin(c"exec")?,
        gil.sys(c"flags")?.attr(c"optimize")?,
        native.attr(c"SourceFileLoader")?,
        native.attr(c"ExtensionFileLoader")?,
        native.attr(c"FileFinder")?,
        native.attr(c"path_hook")?,
    ])?;
    let importer = types::instantiate(&native.attr(c"Importer")?, state)?;
    native.set_attr(c"importer", &importer)?;
    for class in [c"SourceFileLoader", c"FileFinder"] {
        native.attr(class)?.set_attr(c"_importer", &importer)?;
    }

    // Before PathFinder, which importlib appended last just before.
    let meta_path = gil.sys(c"meta_path")?;
    let others = meta_path.items()?.len();
    meta_path.list_insert(others.saturating_sub(1), &importer)?;
    gil.sys(c"path_hooks")?
        .list_insert(0, &native.attr(c"path_hook")?)?;

    Ok(true)
}

/// Moves the path hook before zipimport's, which looks on disk. Possible only once zipimport is
/// there; sub-interpreters, where nobody has the turn, keep the other order.
pub(crate) fn prefer_path_hook(gil: Gil<'_>) -> Result<()> {
    let hook = gil.import("_oxidize")?.attr(c"path_hook")?;
    let hooks = gil.sys(c"path_hooks")?;
    hooks.call_method(c"remove", std::slice::from_ref(&hook))?;
    hooks.list_insert(0, &hook)
}

/// `class ModuleSpec(importlib.machinery.ModuleSpec): cached = None`. A file in the blob has no
/// `__pycache__`, and with this the import system does not set `__cached__` (which PEP 3147 leaves
/// to the loader).
fn spec_class<'py>(gil: Gil<'py>, bootstrap: &Object<'py>) -> Result<Object<'py>> {
    let base = bootstrap.attr(c"ModuleSpec")?;
    let namespace = gil.dict()?;
    namespace.set_item("cached", &gil.none())?;
    namespace.set_item("__module__", &gil.str("_oxidize")?)?;
    namespace.set_item(
        "__doc__",
        &gil.str("The specification of a module that lives in this executable.")?,
    )?;
    gil.builtin(c"type")?
        .call(&[gil.str("ModuleSpec")?, gil.tuple(&[base])?, namespace])
}

/// The spec of a module of the blob under `name`.
pub(crate) fn make_spec<'py>(
    importer: &Object<'py>,
    name: &Object<'py>,
    module: &Module<'static>,
) -> Result<Object<'py>> {
    let directory = if module.is_package() {
        module.directory()
    } else {
        None
    };
    let gil = importer.gil();
    let path = match module.file() {
        Some(file) => gil.str(&paths::outward(file))?,
        None => gil.none(),
    };
    let loader = loader::make(importer, name, &path, module)?;
    let directory = directory.map(paths::outward);
    spec_of(importer, name, loader, &path, directory.as_deref())
}

/// A spec for a file: what `spec_from_file_location` makes. Packages have a directory, in the
/// system's form.
fn spec_of<'py>(
    importer: &Object<'py>,
    name: &Object<'py>,
    loader: Object<'py>,
    path: &Object<'py>,
    directory: Option<&str>,
) -> Result<Object<'py>> {
    let gil = importer.gil();
    let arguments = [
        name.clone(),
        loader,
        path.clone(),
        gil.bool(directory.is_some()),
    ];
    let spec = slot(importer, Slot::Spec)?
        .vectorcall(&arguments, Some(&slot(importer, Slot::SpecKeywords)?))?;
    spec.set_attr(c"_set_fileattr", &gil.bool(!path.is_none()))?;
    if let Some(directory) = directory {
        spec.attr(c"submodule_search_locations")?
            .list_append(&gil.str(directory)?)?;
    }
    Ok(spec)
}

/// The directory that holds a module: what its parent's `__path__` (or `sys.path`) names, in the
/// blob's form.
pub(crate) fn parent_directory(module: &Module<'static>) -> &'static str {
    let own = module.directory().or_else(|| module.file());
    own.and_then(|path| path.rsplit_once('/'))
        .map_or("", |(parent, _)| parent)
}

/// The importer of the current interpreter.
pub(crate) fn current(gil: Gil<'_>) -> Result<Object<'_>> {
    gil.import("_oxidize")?.attr(c"importer")
}

/// Turns the reader's complaint about the blob into ImportError.
pub(crate) fn damaged<T>(
    gil: Gil<'_>,
    result: std::result::Result<T, oxidize_format::Error>,
) -> Result<T> {
    result.map_err(|error| complain(gil, &error))
}

fn complain(gil: Gil<'_>, error: &oxidize_format::Error) -> Raised {
    gil.raise(
        Exception::Import,
        &format!("the resources of this executable are damaged: {error}"),
    )
}

/// The module of the blob with this name.
pub(crate) fn find(gil: Gil<'_>, name: &str) -> Result<Option<Module<'static>>> {
    damaged(gil, application(gil)?.blob.modules().find(name))
}
