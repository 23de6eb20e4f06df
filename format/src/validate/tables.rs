//! Records one table at a time: order, names, indices.

use std::collections::HashSet;

use super::{ensure, not_canonical, optional};
use crate::bytes::u32_at;
use crate::header::{MAX_STRING, SectionKind};
use crate::{Blob, Error, Structure, names};

/// Fails with the rule a name breaks, at `offset`.
fn named(structure: Structure, offset: u64, check: Result<(), &'static str>) -> Result<(), Error> {
    check.map_err(|rule| not_canonical(structure, offset, rule))
}

/// A u32 field of a record whose index is in range.
fn field(blob: &Blob<'_>, kind: SectionKind, index: u32, at: usize) -> Result<u32, Error> {
    let offset = blob.record_offset(kind, index);
    Ok(u32_at(
        blob.record(kind, index, kind.structure(), offset)?,
        at,
    ))
}

/// Breadth-first order, sorted siblings, sound names, bounded paths.
pub(super) fn tree(blob: &Blob<'_>) -> Result<(), Error> {
    let structure = Structure::Tree;
    let tree = blob.tree();
    let start = blob.section(SectionKind::Tree).offset;
    ensure(!tree.is_empty(), structure, start, "a tree has its root")?;
    named(structure, start, names::check_root(tree.root()?.name()))?;
    // Per node the length of its path; grows as parents hand it to their children.
    let mut lengths = vec![tree.root()?.name().len() as u64];
    for index in 0..tree.len() {
        let node = tree.get(index)?;
        let at = blob.record_offset(SectionKind::Tree, index);
        node.data()?;
        let Some(length) = lengths.get(index as usize).copied() else {
            return Err(not_canonical(
                structure,
                at,
                "every node but the root is a child",
            ));
        };
        if !node.is_dir() {
            continue;
        }
        let children = node.children();
        let first = field(blob, SectionKind::Tree, index, 16)?;
        let expected = if children.is_empty() {
            0
        } else {
            lengths.len() as u64
        };
        ensure(
            u64::from(first) == expected,
            structure,
            at + 16,
            "children follow those of the directory before; 0 if there are none",
        )?;
        let mut previous = None;
        for child in children {
            let child = child?;
            let at = blob.record_offset(SectionKind::Tree, child.index());
            named(structure, at, names::check_component(child.name()))?;
            ensure(
                previous < Some(child.name().as_bytes()),
                structure,
                at,
                "siblings are sorted by name and differ",
            )?;
            previous = Some(child.name().as_bytes());
            let length = length + 1 + child.name().len() as u64;
            ensure(
                length <= MAX_STRING,
                structure,
                at,
                "a path has at most 65535 bytes",
            )?;
            lengths.push(length);
        }
    }
    Ok(())
}

/// Sorted unique names, paths below the root, the node at the path.
pub(super) fn modules(blob: &Blob<'_>) -> Result<(), Error> {
    let structure = Structure::Modules;
    let root = blob.tree().root()?.name();
    let mut previous = None;
    for module in blob.modules().iter() {
        let module = module?;
        let at = blob.record_offset(SectionKind::Modules, module.index());
        named(structure, at, names::check_module(module.name()))?;
        ensure(
            previous < Some(module.name()),
            structure,
            at,
            "modules are sorted by name and differ",
        )?;
        previous = Some(module.name());
        let path = if module.is_namespace() {
            module.directory()
        } else {
            module.file()
        };
        let mut expected = None;
        if let Some(path) = path {
            let below = names::below_root(root, path)
                .map_err(|rule| not_canonical(structure, at + 8, rule))?;
            ensure(
                !below.is_empty(),
                structure,
                at + 8,
                "it is below the virtual root",
            )?;
            expected = blob.tree().find(path)?;
        }
        let node = module.node()?;
        ensure(
            node.map(|node| node.index()) == expected.map(|node| node.index()),
            structure,
            at + 20,
            "the node is the one at the module's path, if the tree has it",
        )?;
        ensure(
            node.is_none_or(|node| node.is_dir() == module.is_namespace()),
            structure,
            at + 20,
            "a namespace package is at a directory, other modules at files",
        )?;
        module.source()?;
        module.native()?;
        for level in 0..3 {
            module.bytecode(level)?;
        }
    }
    Ok(())
}

/// Sorted by soname and name, unique names, needed lists end to end, nodes that share the data.
pub(super) fn natives(blob: &Blob<'_>) -> Result<(), Error> {
    let structure = Structure::Natives;
    let mut previous = None;
    let mut seen = HashSet::new();
    let mut needed = 0_u64;
    for native in blob.natives().iter() {
        let native = native?;
        let at = blob.record_offset(SectionKind::Natives, native.index());
        named(structure, at, names::check_text(native.name()))?;
        let soname = native.soname().unwrap_or_default();
        named(structure, at + 8, names::check_string(soname))?;
        ensure(
            previous < Some((soname, native.name())),
            structure,
            at,
            "native images are sorted by soname, then name, and differ",
        )?;
        previous = Some((soname, native.name()));
        ensure(
            seen.insert(native.name()),
            structure,
            at,
            "the name of a native image is unique",
        )?;
        let first = field(blob, SectionKind::Natives, native.index(), 28)?;
        ensure(
            u64::from(first) == needed,
            structure,
            at + 28,
            "needed names follow those of the image before",
        )?;
        for name in native.needed() {
            let offset = blob.section(SectionKind::Needed).offset + needed * 8;
            named(Structure::Needed, offset, names::check_text(name?))?;
            needed += 1;
        }
        let data = native.data()?.index();
        if let Some(node) = native.node()? {
            ensure(
                node.data()?.is_some_and(|file| file.index() == data),
                structure,
                at + 20,
                "the node is a file with the image's data",
            )?;
        }
    }
    ensure(
        needed == u64::from(blob.count(SectionKind::Needed)),
        Structure::Needed,
        blob.section(SectionKind::Needed).offset + needed * 8,
        "every needed name belongs to an image",
    )
}

/// Sorted unique names, a directory each.
pub(super) fn distributions(blob: &Blob<'_>) -> Result<(), Error> {
    let structure = Structure::Distributions;
    let mut previous = None;
    for entry in blob.distributions().iter() {
        let entry = entry?;
        let at = blob.record_offset(SectionKind::Distributions, entry.index());
        named(structure, at, names::check_text(entry.normalised()))?;
        named(structure, at + 8, names::check_string(entry.name()))?;
        named(structure, at + 16, names::check_string(entry.version()))?;
        ensure(
            previous < Some(entry.normalised()),
            structure,
            at,
            "distributions are sorted by normalised name and differ",
        )?;
        previous = Some(entry.normalised());
        ensure(
            entry.directory()?.is_dir(),
            structure,
            at + 24,
            "a distribution's node is a directory",
        )?;
    }
    Ok(())
}

/// The data indices of every module in table order: source, then bytecode by level.
pub(super) fn module_data(blob: &Blob<'_>, index: u32) -> Result<[Option<u32>; 4], Error> {
    let mut found = [None; 4];
    for (slot, at) in found.iter_mut().zip((24..).step_by(4)) {
        *slot = optional(field(blob, SectionKind::Modules, index, at)?);
    }
    Ok(found)
}
