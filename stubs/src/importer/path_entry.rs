//! Directories of the blob as entries of `sys.path` and `__path__` (`importlib.abc.PathEntryFinder`).

use oxidize_format::Module;

use super::{application, damaged, find, make_spec, parent_directory, paths, tree};
use crate::ffi::module::Class;
use crate::ffi::{Call, Exception, Method, Object, Result, types};

/// The class of the finders.
pub(super) const CLASS: Class = Class {
    attribute: c"PathEntryFinder",
    name: c"_oxidize.PathEntryFinder",
    doc: c"Finds modules in one directory of this executable's resources.",
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
    if !ours {
        return Err(gil.raise(Exception::Import, "not a directory of this executable"));
    }
    let native = call.receiver();
    let state = gil.tuple(&[native.attr(c"importer")?, path])?;
    types::instantiate(&native.attr(c"PathEntryFinder")?, state)
}

/// The importer, and the directory in the blob's form.
fn directory<'py>(call: &Call<'py>) -> Result<(Object<'py>, String)> {
    let state = types::state(call.receiver())?;
    match (state.tuple_item(0), state.tuple_item(1)) {
        (Some(importer), Some(path)) => {
            let path = paths::inward(path.as_str()?).unwrap_or_default();
            Ok((importer, path.into_owned()))
        }
        _ => Err(call
            .gil()
            .raise(Exception::Import, "the finder is not set up")),
    }
}

/// The module name that a path below one of the roots has by its place: `/~oxidize/app/pkg/mod` is `pkg.mod`.
fn name_by_place(path: &str) -> Option<String> {
    let rest = [paths::BLOB_APPLICATION_ROOT, paths::BLOB_STDLIB_ROOT]
        .iter()
        .find_map(|root| path.strip_prefix(root))?;
    if rest.is_empty() {
        return Some(String::new());
    }
    rest.strip_prefix('/').map(|rest| rest.replace('/', "."))
}

/// `find_spec(fullname, target=None)`. The file need not be known under `fullname`: a directory that a program put on
/// `sys.path` makes `vendor/six.py` importable as `six`.
fn find_spec<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (importer, path) = directory(call)?;
    let name = call.argument(0, "fullname")?;
    let tail = name.as_str()?.rsplit('.').next().unwrap_or_default();
    let place = format!("{path}/{tail}");
    if let Some(by_place) = name_by_place(&place)
        && let Some(module) = find(gil, &by_place)?
        && !module.is_namespace()
        && parent_directory(&module) == path
    {
        return make_spec(&importer, &name, &module);
    }
    let place = paths::outward(&place);
    if tree::node(gil, &place)?.is_some_and(|node| node.is_dir()) {
        // A portion of a namespace package.
        let class = gil.import("_frozen_importlib")?.attr(c"ModuleSpec")?;
        let spec = class.call(&[name.clone(), gil.none()])?;
        spec.set_attr(
            c"submodule_search_locations",
            &gil.list(&[gil.str(&place)?])?,
        )?;
        return Ok(spec);
    }
    Ok(gil.none())
}

/// `iter_modules(prefix='')` for `pkgutil`: `(name, is package)` of the modules in this directory, sorted.
fn iter_modules<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let (_, path) = directory(call)?;
    let prefix = call.optional(0, "prefix")?;
    let prefix = match &prefix {
        Some(prefix) => prefix.as_str()?,
        None => "",
    };
    let mut rows = Vec::new();
    if let Some(package) = name_by_place(&path) {
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

/// `pkgutil` leaves out namespace packages and the `__main__` of a directory is an ordinary entry; a module of the
/// application that hides one of the stdlib is listed only where it lies.
fn listed(module: &Module<'static>, path: &str) -> bool {
    !module.is_namespace() && parent_directory(module) == path
}

/// `invalidate_caches()`.
fn invalidate_caches<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    Ok(call.gil().none())
}
