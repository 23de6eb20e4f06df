//! The directory tree, as functions of `_oxidize` for the support modules written in Python.

use oxidize_format::Node;

use super::{application, damaged, meta};
use crate::ffi::{Call, Gil, Object, Result};

/// Everything in the blob lies below this path. Constant, so that a packaged program is the same wherever it lies.
pub(crate) const ROOT: &str = "/~oxidize";
/// The application: `sys.path[0]`.
pub(crate) const APPLICATION_ROOT: &str = "/~oxidize/app";
/// The standard library: `sys.path[1]`.
pub(crate) const STDLIB_ROOT: &str = "/~oxidize/lib/python3.13";

/// Whether a path lies below [`ROOT`].
pub(crate) fn is_virtual(path: &str) -> bool {
    path.strip_prefix(ROOT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The node at a path. Accepts what programs build by joining: `//`, `.`, `..` and a slash at the end.
pub(crate) fn node(gil: Gil<'_>, path: &str) -> Result<Option<Node<'static>>> {
    if !is_virtual(path) {
        return Ok(None);
    }
    let tree = application(gil)?.blob.tree();
    if !path.ends_with('/') && !path.contains("//") && !path.contains("/.") {
        return damaged(gil, tree.find(path));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let normal = format!("/{}", parts.join("/"));
    if !is_virtual(&normal) {
        return Ok(None);
    }
    damaged(gil, tree.find(&normal))
}

/// `stat(path)`.
pub(crate) fn stat<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let path = call.argument(0, "path")?;
    let Some(node) = node(gil, path.as_str()?)? else {
        return Ok(gil.none());
    };
    let size = if node.is_dir() {
        0
    } else {
        damaged(gil, node.len())?
    };
    gil.tuple(&[
        gil.bool(node.is_dir()),
        gil.int(size)?,
        gil.bool(node.is_executable()),
    ])
}

/// `listdir(path)`.
pub(crate) fn listdir<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let gil = call.gil();
    let path = call.argument(0, "path")?;
    let Some(node) = node(gil, path.as_str()?)?.filter(Node::is_dir) else {
        return Ok(gil.none());
    };
    let mut names = Vec::new();
    for child in node.children() {
        names.push(gil.str(damaged(gil, child)?.name())?);
    }
    gil.list(&names)
}

/// `read(path)`; FileNotFoundError or IsADirectoryError otherwise.
pub(crate) fn read<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    read_path(call.gil(), &call.argument(0, "path")?)
}

/// The content of the file at `path`.
pub(crate) fn read_path<'py>(gil: Gil<'py>, path: &Object<'py>) -> Result<Object<'py>> {
    match node(gil, path.as_str()?)? {
        None => Err(gil.raise_os(libc::ENOENT, path)),
        Some(node) if node.is_dir() => Err(gil.raise_os(libc::EISDIR, path)),
        Some(node) => match damaged(gil, node.data())? {
            Some(data) => gil.bytes(&damaged(gil, data.read())?),
            None => Err(gil.raise_os(libc::ENOENT, path)),
        },
    }
}

/// What `io.open_code` does: `runpy` and others read programs with it. A file of the blob, or one on disk.
pub(crate) fn open_code<'py>(gil: Gil<'py>, path: &Object<'py>) -> Result<Object<'py>> {
    let io = gil.import("_io")?;
    let inside = match path.as_str() {
        Ok(text) => is_virtual(text),
        Err(_) => {
            gil.clear();
            false
        }
    };
    if inside {
        return io.call_method(c"BytesIO", &[read_path(gil, path)?]);
    }
    io.call_method(c"open", &[path.clone(), gil.str("rb")?])
}

/// `distributions()`.
pub(crate) fn distributions<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    let rows = meta::distributions(call.gil())?;
    call.gil().list(&rows)
}
