//! The meta path finder (`importlib.abc.MetaPathFinder`, `importlib.metadata.DistributionFinder`).

use super::{find, make_spec, parent_directory, path_entry, paths};
use crate::ffi::{Call, Gil, Method, Object, Raised, Result};

/// What the importer does as a finder.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new(
            c"find_spec",
            find_spec,
            c"find_spec(fullname, path=None, target=None)",
        ),
        Method::new(
            c"invalidate_caches",
            invalidate_caches,
            c"Does nothing: the blob never changes.",
        ),
    ]
}

/// `find_spec(fullname, path=None, target=None)`.
///
/// A module is ours only if the search path comes to the directory it lies in before anything else
/// can have the name. What the path says otherwise is for `PathFinder` to find out.
fn find_spec<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let name = call.argument(0, "fullname")?;
    let Ok(text) = name.as_str() else {
        // A name with lone surrogates is nobody's.
        gil.clear();
        return Ok(gil.none());
    };
    // Whose `__main__` it is, the first entry of `sys.path` says: `python tool.pyz`,
    // `runpy.run_path`.
    if text == "__main__" {
        return Ok(gil.none());
    }
    let Some(module) = find(gil, text)? else {
        return Ok(gil.none());
    };
    if module.is_namespace() {
        return Ok(gil.none()); // `PathFinder` puts its portions together (PEP 420).
    }
    let path = call.optional(1, "path")?.filter(|path| !path.is_none());
    let directory = parent_directory(&module);
    let first = match &path {
        Some(path) => path
            .items()?
            .first()
            .is_some_and(|entry| is(entry, directory)),
        None => is_first(gil, text, directory)?,
    };
    if first {
        make_spec(call.receiver(), &name, &module)
    } else {
        Ok(gil.none())
    }
}

/// Whether an entry of a search path is a directory of the blob.
fn is(entry: &Object<'_>, directory: &str) -> bool {
    text(entry).is_some_and(|entry| paths::same(entry, directory))
}

fn text<'a>(entry: &'a Object<'_>) -> Option<&'a str> {
    if !entry.is_str() {
        return None;
    }
    entry.as_str().map_err(|Raised| entry.gil().clear()).ok()
}

/// Whether a search for `name` along `sys.path` comes to `directory` before anything else can have
/// it. The blob's records say that the searched directories before it do not.
fn is_first(gil: Gil<'_>, name: &str, directory: &str) -> Result<bool> {
    let mut searched = paths::BLOB_SEARCHED.iter().peekable();
    for entry in gil.sys(c"path")?.items()? {
        let Some(entry) = text(&entry) else {
            return Ok(false);
        };
        if let Some(root) = searched.next_if(|root| paths::same(entry, root)) {
            if *root == directory {
                return Ok(true);
            }
        } else if path_entry::may_have(gil, entry, name)? {
            return Ok(false);
        }
    }
    Ok(false)
}

/// `invalidate_caches()`.
fn invalidate_caches<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    Ok(call.gil().none())
}
