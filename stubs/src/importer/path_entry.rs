//! Directories of the blob as entries of `sys.path` and `__path__`
//! (`importlib.abc.PathEntryFinder`).

use std::ffi::{OsStr, OsString};

use oxidize_format::Module;

use super::{
    application, damaged, find, loader, make_spec, parent_directory, paths, spec_of, tree,
};
use crate::ffi::module::Class;
use crate::ffi::{Call, Exception, Gil, Method, Object, Result};
use crate::own::own;

/// The class of the finders.
pub(super) const CLASS: Class = Class {
    attribute: c"FileFinder",
    name: c"_oxidize.FileFinder",
    doc: c"Finds modules in one directory of this executable's resources.",
    base: Some(c"FileFinder"),
    methods,
};

fn methods() -> Vec<Method> {
    vec![
        Method::new(c"find_spec", find_spec, c"find_spec(fullname, target=None)"),
        Method::new(c"iter_modules", iter_modules, c"iter_modules(prefix='')"),
        Method::new(
            c"invalidate_caches",
            invalidate_caches,
            c"Does nothing: the blob never changes.",
        ),
    ]
}

/// The functions, for `_oxidize`.
pub(super) fn functions() -> Vec<Method> {
    vec![Method::new(
        c"path_hook",
        path_hook,
        c"sys.path_hooks entry for directories of the blob.",
    )]
}

/// `path_hook(path)`: a finder for a directory of the blob, ImportError for everything else.
fn path_hook<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let path = call.argument(0, "path")?;
    let ours = path.is_str() && {
        match path.as_str() {
            Ok(text) => tree::node(gil, text)?.is_some_and(|node| node.is_dir()),
            Err(_) => {
                gil.clear();
                false
            }
        }
    };
    // The executable itself, as `runpy.run_path(sys.argv[0])` has it: what a zip would be.
    let path = if !ours && is_executable(&path) {
        gil.str(paths::APPLICATION_ROOT)?
    } else if ours {
        path
    } else {
        return Err(gil.raise(Exception::Import, "not a directory of this executable"));
    };
    let loaders = gil
        .import("_frozen_importlib_external")?
        .call_method(c"_get_supported_file_loaders", &[])?;
    let mut arguments = vec![path];
    arguments.extend(loaders.items()?);
    call.receiver().attr(c"FileFinder")?.call(&arguments)
}

/// Whether this is the executable by a path it goes by. No file is looked at.
fn is_executable(path: &Object<'_>) -> bool {
    let (Ok(path), Some(own)) = (path.as_str(), own()) else {
        path.gil().clear();
        return false;
    };
    let started_as = own.arguments.first().map(OsString::as_os_str);
    let names = [
        Some(own.file.as_os_str()),
        Some(own.executable.as_os_str()),
        started_as,
    ];
    names.contains(&Some(OsStr::new(path)))
}

/// The finder's directory, in the blob's form.
fn directory(call: &Call<'_>) -> Result<String> {
    let path = call.receiver().attr(c"path")?;
    Ok(paths::inward(path.as_str()?)
        .unwrap_or_default()
        .into_owned())
}

/// What the blob has of the module `tail` in a directory, and whether as a package.
fn record(gil: Gil<'_>, directory: &str, tail: &str) -> Result<Option<(Module<'static>, bool)>> {
    let Some(package) = paths::dotted(directory) else {
        return Ok(None);
    };
    if tail == "__init__" && !package.is_empty() {
        // A package's own file, as a module of the package.
        let module = find(gil, &package)?.filter(|module| !module.is_namespace());
        let module = module.filter(|module| module.directory() == Some(directory));
        return Ok(module.map(|module| (module, false)));
    }
    let name = if package.is_empty() {
        tail.to_owned()
    } else {
        format!("{package}.{tail}")
    };
    let module = find(gil, &name)?
        .filter(|module| !module.is_namespace() && parent_directory(module) == directory);
    Ok(module.map(|module| (module, module.is_package())))
}

/// Whether a search for a top-level module in `entry` may find something. `true` for what is not a
/// directory of this executable.
pub(super) fn may_have(gil: Gil<'_>, entry: &str, name: &str) -> Result<bool> {
    let Some(directory) = paths::inward(entry) else {
        return Ok(true);
    };
    if record(gil, &directory, name)?.is_some() {
        return Ok(true);
    }
    let Some(node) = damaged(gil, application(gil)?.blob.tree().find(&directory))? else {
        return Ok(false);
    };
    if !node.is_dir() {
        return Ok(true); // A zip archive, perhaps.
    }
    for child in node.children() {
        let child = damaged(gil, child)?;
        let rest = child.name().strip_prefix(name);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `find_spec(fullname, target=None)`. The file need not be known under `fullname`: a directory
/// that a program put on `sys.path` makes `vendor/six.py` importable as `six`.
fn find_spec<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let path = directory(call)?;
    let name = call.argument(0, "fullname")?;
    let tail = name.as_str()?.rsplit('.').next().unwrap_or_default();
    if tail.is_empty() || tail.contains(['/', '\\', '\0']) {
        return Ok(gil.none()); // Not the name of a file.
    }
    let importer = call.receiver().attr(c"_importer")?;
    if let Some((module, is_package)) = record(gil, &path, tail)? {
        let entry = call.receiver().attr(c"path")?;
        let entry = entry.as_str()?;
        if is_package == module.is_package() && entry == paths::outward(&path) {
            return make_spec(&importer, &name, &module);
        }
        let Some(file) = module.file() else {
            return make_spec(&importer, &name, &module);
        };
        let file = gil.str(&spelled(entry, &path, file))?;
        let loader = loader::make(&importer, &name, &file, &module)?;
        let directory = module.directory().filter(|_| is_package);
        let directory = directory.map(|directory| spelled(entry, &path, directory));
        return spec_of(&importer, &name, loader, &file, directory.as_deref());
    }
    // Everything else that a directory can hold is found as in any directory.
    gil.import("_frozen_importlib_external")?
        .attr(c"FileFinder")?
        .call_method(c"find_spec", &[call.receiver().clone(), name])
}

/// What lies at `place` in `directory`, both in the blob's form, as the search path spells it: a
/// module found through `app/src/../lib` has that in its `__file__`.
fn spelled(entry: &str, directory: &str, place: &str) -> String {
    let place = paths::outward(place);
    match place.strip_prefix(&*paths::outward(directory)) {
        Some(rest) => format!("{}{rest}", entry.trim_end_matches(std::path::is_separator)),
        None => place.into_owned(),
    }
}

/// `iter_modules(prefix='')` for `pkgutil`: `(name, is package)` of the modules in this directory,
/// sorted.
fn iter_modules<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let path = directory(call)?;
    let prefix = call.optional(0, "prefix")?;
    let prefix = match &prefix {
        Some(prefix) => prefix.as_str()?,
        None => "",
    };
    let mut rows = Vec::new();
    if let Some(package) = paths::dotted(&path) {
        for module in application(gil)?.blob.modules().children_of(&package) {
            let module = damaged(gil, module)?;
            if listed(&module, &path) {
                let name = module.name();
                let tail = name.rsplit('.').next().unwrap_or_default();
                rows.push(gil.tuple(&[
                    gil.str(&format!("{prefix}{tail}"))?,
                    gil.bool(module.is_package()),
                ])?);
            }
        }
    }
    gil.list(&rows)
}

/// `pkgutil` leaves out namespace packages and the `__main__` of a directory is an ordinary entry;
/// a module of the application that hides one of the stdlib is listed only where it lies.
fn listed(module: &Module<'static>, path: &str) -> bool {
    !module.is_namespace() && parent_directory(module) == path
}

/// `invalidate_caches()`.
fn invalidate_caches<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    Ok(call.gil().none())
}
