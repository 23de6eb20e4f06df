//! Files of the directory tree, for those who ask the importer and not the system.

use oxidize_format::Node;

use super::{application, damaged, paths};
use crate::ffi::{Gil, Object, Result};

/// The node at a path of the system.
pub(crate) fn node(gil: Gil<'_>, path: &str) -> Result<Option<Node<'static>>> {
    match paths::inward(path) {
        Some(path) => damaged(gil, application(gil)?.blob.tree().find(&path)),
        None => Ok(None),
    }
}

/// The content of the file at `path`.
fn read_path<'py>(gil: Gil<'py>, path: &Object<'py>) -> Result<Object<'py>> {
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
