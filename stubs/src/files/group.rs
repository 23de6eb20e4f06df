//! What loading a library loads, where libraries are loaded from the cache.

use std::collections::BTreeSet;

use oxidize_format::{Blob, Error, Native, Node};

/// The image at a node, then those it needs, directly or through others, breadth first. Empty if
/// the file is none that the packaging knows as one.
///
/// # Errors
/// Damaged resources.
pub(super) fn group(
    blob: &Blob<'static>,
    node: Node<'static>,
) -> Result<Vec<Native<'static>>, Error> {
    let natives = blob.natives();
    let mut group = Vec::new();
    for native in natives.iter() {
        let native = native?;
        if native.node()?.is_some_and(|of| of.index() == node.index()) {
            group.push(native);
            break;
        }
    }
    let mut seen: BTreeSet<u32> = group.iter().map(Native::index).collect();
    let mut next = 0;
    while let Some(native) = group.get(next).copied() {
        next += 1;
        for needed in native.needed() {
            if let Some(library) = natives.find(needed?)?
                && seen.insert(library.index())
            {
                group.push(library);
            }
        }
    }
    Ok(group)
}
