//! The directory tree, as functions of `_oxidize` for the support modules written in Python.

use oxidize_format::Node;

use super::{application, damaged, paths};
use crate::ffi::{Call, Gil, Method, Object, Result};

/// The functions, for `_oxidize`.
pub(super) fn functions() -> Vec<Method> {
    vec![
        Method::new(
            c"stat",
            stat,
            c"stat(path) -> (is_dir, size, executable), or None where there is nothing",
        ),
        Method::new(
            c"listdir",
            listdir,
            c"listdir(path) -> list of names, or None where there is no directory",
        ),
        Method::new(c"read", read, c"read(path) -> bytes"),
    ]
}

/// The node at a path of the system.
pub(crate) fn node(gil: Gil<'_>, path: &str) -> Result<Option<Node<'static>>> {
    match paths::inward(path) {
        Some(path) => damaged(gil, application(gil)?.blob.tree().find(&path)),
        None => Ok(None),
    }
}

/// `stat(path)`.
fn stat<'py>(call: &Call<'py>) -> Result<Object<'py>> {
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
fn listdir<'py>(call: &Call<'py>) -> Result<Object<'py>> {
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
fn read<'py>(call: &Call<'py>) -> Result<Object<'py>> {
    read_path(call.gil(), &call.argument(0, "path")?)
}

/// The content of the file at `path`.
pub(crate) fn read_path<'py>(gil: Gil<'py>, path: &Object<'py>) -> Result<Object<'py>> {
    match node(gil, path.as_str()?)? {
        None => Err(gil.raise_os(libc::ENOENT, path)),
        Some(node) if node.is_dir() => Err(gil.raise_os(libc::EISDIR, path)),
        Some(node) => match damaged(gil, node.data())? {
            Some(data) if let Some(file) = data.relative_path().and_then(paths::placed::beside) => {
                let io = gil.import("_io")?;
                let stream = io.call_method(c"open", &[gil.str(&file)?, gil.str("rb")?])?;
                let content = stream.call_method(c"read", &[]);
                stream.call_method(c"close", &[])?;
                content
            }
            Some(data) => gil.bytes(&damaged(gil, data.read())?),
            None => Err(gil.raise_os(libc::ENOENT, path)),
        },
    }
}

/// What `io.open_code` does: `runpy` and others read programs with it. A file of the blob, or one
/// on disk.
pub(crate) fn open_code<'py>(gil: Gil<'py>, path: &Object<'py>) -> Result<Object<'py>> {
    let io = gil.import("_io")?;
    let inside = match path.as_str() {
        Ok(text) => paths::is_virtual(text),
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
