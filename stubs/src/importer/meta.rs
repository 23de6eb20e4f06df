//! The meta path finder (`importlib.abc.MetaPathFinder`, `importlib.metadata.DistributionFinder`).

use super::{Slot, find, make_spec, parent_directory, path_entry, paths, slot};
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
/// can have the name, and if that directory is still ours to search. What is so otherwise is for
/// `PathFinder` to find out.
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
    let entry = match &path {
        Some(path) => {
            let first = path.items()?.into_iter().next();
            first.filter(|entry| is(entry, directory))
        }
        None => first_entry(gil, text, directory)?,
    };
    match entry {
        Some(entry) if searched_by_us(call.receiver(), &entry)? => {
            make_spec(call.receiver(), &name, &module)
        }
        _ => Ok(gil.none()),
    }
}

/// Whether `PathFinder` would ask our finder about an entry of a search path: nobody put another
/// into `sys.path_importer_cache`, or a hook before ours that could make one.
fn searched_by_us(importer: &Object<'_>, entry: &Object<'_>) -> Result<bool> {
    let gil = importer.gil();
    let kept = gil.sys(c"path_importer_cache")?.get(entry.as_str()?)?;
    if let Some(finder) = kept {
        return Ok(finder.class().is(&slot(importer, Slot::FileFinder)?));
    }
    let ours = slot(importer, Slot::PathHook)?;
    for hook in gil.sys(c"path_hooks")?.items()? {
        if hook.is(&ours) {
            return Ok(true);
        }
        // `zipimport` takes no directory, and stands first in sub-interpreters.
        let module = hook.attr_opt(c"__module__")?;
        if module.as_ref().and_then(text) != Some("zipimport") {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Whether an entry of a search path is a directory of the blob, spelled as its files are. What is
/// found by another spelling keeps that, which the directory's own finder sees to.
fn is(entry: &Object<'_>, directory: &str) -> bool {
    text(entry).is_some_and(|entry| entry == paths::outward(directory))
}

fn text<'a>(entry: &'a Object<'_>) -> Option<&'a str> {
    if !entry.is_str() {
        return None;
    }
    entry.as_str().map_err(|Raised| entry.gil().clear()).ok()
}

/// The entry of `sys.path` for `directory`, if a search for `name` comes to it before anything else
/// can have the name. The blob's records say that the searched directories before it do not.
fn first_entry<'py>(gil: Gil<'py>, name: &str, directory: &str) -> Result<Option<Object<'py>>> {
    let mut searched = paths::BLOB_SEARCHED.iter().peekable();
    for entry in gil.sys(c"path")?.items()? {
        let Some(path) = text(&entry) else {
            return Ok(None);
        };
        if let Some(root) = searched.next_if(|root| paths::same(path, root)) {
            if *root == directory {
                return Ok(Some(entry).filter(|entry| is(entry, directory)));
            }
        } else if path_entry::may_have(gil, path, name)? {
            return Ok(None);
        }
    }
    Ok(None)
}

/// `invalidate_caches()`.
fn invalidate_caches<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    Ok(call.gil().none())
}
