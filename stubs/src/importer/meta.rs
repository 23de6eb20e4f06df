//! The meta path finder (`importlib.abc.MetaPathFinder`, `importlib.metadata.DistributionFinder`).

use super::{damaged, find, make_spec, parent_directory, paths};
use crate::ffi::{Call, Gil, Method, Object, Result};

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
        Method::new(
            c"find_distributions",
            find_distributions,
            c"find_distributions(context=None)",
        ),
    ]
}

/// `find_spec(fullname, path=None, target=None)`.
///
/// A submodule is ours only if the parent's `__path__` names the directory it lies in: a package that changes its
/// `__path__` gets what it asks for, from `PathFinder`.
fn find_spec<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let name = call.argument(0, "fullname")?;
    let Ok(text) = name.as_str() else {
        // A name with lone surrogates is nobody's.
        gil.clear();
        return Ok(gil.none());
    };
    let Some(module) = find(gil, text)? else {
        return Ok(gil.none());
    };
    let path = call.optional(1, "path")?.filter(|path| !path.is_none());
    if let Some(path) = &path
        && !names(path, parent_directory(&module))?
    {
        return Ok(gil.none());
    }
    if module.is_namespace() {
        return namespace_spec(call, &name, path, module.index());
    }
    make_spec(call.receiver(), &name, &module)
}

fn names(path: &Object<'_>, directory: &str) -> Result<bool> {
    for entry in path.items()? {
        if entry.is_str() && paths::same(entry.as_str()?, directory) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Portions of a namespace package may lie in the blob and in directories on `sys.path`; `PathFinder` knows how to put
/// them together (PEP 420). We only make the loader ours, so that `importlib.resources` works.
fn namespace_spec<'py>(
    call: &Call<'py>,
    name: &Object<'py>,
    path: Option<Object<'py>>,
    index: u32,
) -> Result<Object<'py>> {
    let gil = call.gil();
    let finder = gil
        .import("_frozen_importlib_external")?
        .attr(c"PathFinder")?;
    let spec = finder.call_method(
        c"find_spec",
        &[name.clone(), path.unwrap_or_else(|| gil.none())],
    )?;
    if !spec.is_none() && spec.attr(c"loader")?.is_none() {
        spec.set_attr(c"loader", call.receiver())?;
        spec.set_attr(c"loader_state", &gil.int(index.into())?)?;
    }
    Ok(spec)
}

/// `invalidate_caches()`.
fn invalidate_caches<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    Ok(call.gil().none())
}

/// `find_distributions(context=None)`: the work is done in Python, on first use.
fn find_distributions<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let context = call.optional(0, "context")?.unwrap_or_else(|| gil.none());
    gil.import("_oxidize_metadata")?
        .call_method(c"find_distributions", &[context])
}

/// All distributions, for `_oxidize.distributions`.
pub(crate) fn distributions<'py>(gil: Gil<'py>) -> Result<Vec<Object<'py>>> {
    let mut rows = Vec::new();
    for distribution in super::application(gil)?.blob.distributions().iter() {
        let distribution = damaged(gil, distribution)?;
        rows.push(gil.tuple(&[
            gil.str(distribution.normalised())?,
            gil.str(distribution.name())?,
            gil.str(distribution.version())?,
            gil.str(&paths::outward(&damaged(
                gil,
                damaged(gil, distribution.directory())?.path(),
            )?))?,
        ])?);
    }
    Ok(rows)
}
