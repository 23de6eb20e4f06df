//! The tables' records as bytes.

use super::data::{Item, Plan, Region};
use super::entries::Content;
use super::error::WriteError;
use super::strings::Strings;
use super::tree::FlatTree;
use crate::data::{DATA_EXTERNAL, DATA_LZ4, DATA_ZSTD};
use crate::header::{NONE, StrRef};
use crate::modules::{MODULE_NAMESPACE, MODULE_PACKAGE, MODULE_SHOW_SOURCE};
use crate::natives::NATIVE_EXTENSION;
use crate::tree::{NODE_DIRECTORY, NODE_EXECUTABLE};
use crate::{Compression, ModuleKind};

/// The tables of a blob as bytes, one after the other.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) config: Vec<u8>,
    pub(super) modules: Vec<u8>,
    pub(super) tree: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) natives: Vec<u8>,
    pub(super) needed: Vec<u8>,
    pub(super) distributions: Vec<u8>,
    pub(super) strings: Strings,
}

pub(super) fn put_str(table: &mut Vec<u8>, text: StrRef) {
    table.extend(text.offset.to_le_bytes());
    table.extend(text.length.to_le_bytes());
}

pub(super) fn put(table: &mut Vec<u8>, value: u32) {
    table.extend(value.to_le_bytes());
}

type ByName<V> = std::collections::BTreeMap<String, V>;
type ByKey<V> = std::collections::BTreeMap<(String, String), V>;

pub(super) fn write_modules<P>(
    tables: &mut Tables,
    modules: &ByName<super::ModuleEntry<P>>,
    natives: &ByKey<super::NativeEntry<P>>,
    tree: &FlatTree<P>,
    plan: &Plan<P>,
) -> Result<(), WriteError> {
    let native_index: std::collections::HashMap<&str, u32> = natives
        .keys()
        .map(|(_, name)| name.as_str())
        .zip(0..)
        .collect();
    for (module, data) in modules.values().zip(&plan.modules) {
        let path = module.path.as_deref().unwrap_or_default();
        let node = tree.find(path);
        let mut flags = match module.kind {
            ModuleKind::Module => 0,
            ModuleKind::Package => MODULE_PACKAGE,
            ModuleKind::Namespace => MODULE_PACKAGE | MODULE_NAMESPACE,
        };
        if let Some(node) = node {
            let is_directory = tree.nodes[node as usize].file.is_none();
            if is_directory != (module.kind == ModuleKind::Namespace) {
                return Err(WriteError::FileAndDirectory {
                    path: path.to_owned(),
                });
            }
        }
        if module.show_source {
            flags |= MODULE_SHOW_SOURCE;
        }
        let native = match &module.native {
            None => NONE,
            Some(name) => *native_index
                .get(name.as_str())
                .ok_or_else(|| WriteError::Missing {
                    from: module.name.clone(),
                    name: name.clone(),
                })?,
        };
        let name = tables.strings.add(&module.name)?;
        let path = tables.strings.add(path)?;
        let table = &mut tables.modules;
        put_str(table, name);
        put_str(table, path);
        put(table, flags);
        put(table, node.unwrap_or(NONE));
        put(table, data.source);
        for bytecode in data.bytecode {
            put(table, bytecode);
        }
        put(table, native);
        put(table, 0);
    }
    Ok(())
}

pub(super) fn write_tree<P>(
    tables: &mut Tables,
    tree: &FlatTree<P>,
    plan: &Plan<P>,
) -> Result<(), WriteError> {
    for (node, data) in tree.nodes.iter().zip(&plan.nodes) {
        let name = tables.strings.add(&node.name)?;
        let (flags, first) = match &node.file {
            None => (NODE_DIRECTORY, node.first_child),
            Some(file) if file.executable => (NODE_EXECUTABLE, *data),
            Some(_) => (0, *data),
        };
        let table = &mut tables.tree;
        put_str(table, name);
        put(table, node.parent);
        put(table, flags);
        put(table, first);
        put(table, node.child_count);
    }
    Ok(())
}

pub(super) fn write_natives<P>(
    tables: &mut Tables,
    natives: &ByKey<super::NativeEntry<P>>,
    tree: &FlatTree<P>,
    plan: &Plan<P>,
) -> Result<(), WriteError> {
    let mut first_needed = 0_u32;
    for ((soname, name), (native, data)) in natives.keys().zip(natives.values().zip(&plan.natives))
    {
        let node = match &native.content {
            Content::File(path) => tree.find(path),
            _ => None,
        };
        let needed = u32::try_from(native.needed.len()).map_err(|_| WriteError::TooLarge {
            what: "needed names",
        })?;
        let name = tables.strings.add(name)?;
        let soname = tables.strings.add(soname)?;
        let table = &mut tables.natives;
        put_str(table, name);
        put_str(table, soname);
        put(table, *data);
        put(table, node.unwrap_or(NONE));
        put(
            table,
            if native.extension {
                NATIVE_EXTENSION
            } else {
                0
            },
        );
        put(table, first_needed);
        put(table, needed);
        put(table, 0);
        first_needed = first_needed
            .checked_add(needed)
            .filter(|count| *count < NONE)
            .ok_or(WriteError::TooLarge {
                what: "needed names",
            })?;
    }
    for name in natives.values().flat_map(|native| &native.needed) {
        let name = tables.strings.add(name)?;
        put_str(&mut tables.needed, name);
    }
    Ok(())
}

pub(super) fn write_distributions<P>(
    tables: &mut Tables,
    distributions: &ByName<super::DistributionEntry>,
    tree: &FlatTree<P>,
) -> Result<(), WriteError> {
    for entry in distributions.values() {
        let node = tree
            .find(&entry.directory)
            .filter(|node| tree.nodes[*node as usize].file.is_none())
            .ok_or_else(|| WriteError::Missing {
                from: entry.name.clone(),
                name: entry.directory.clone(),
            })?;
        for text in [&entry.normalised, &entry.name, &entry.version] {
            let text = tables.strings.add(text)?;
            put_str(&mut tables.distributions, text);
        }
        put(&mut tables.distributions, node);
        put(&mut tables.distributions, 0);
    }
    Ok(())
}

pub(super) fn write_data<P>(
    table: &mut Vec<u8>,
    item: &Item<P>,
    offset: u64,
    stored: u64,
    path: StrRef,
) {
    let mut flags = match item.compression {
        Compression::None => 0,
        Compression::Zstd => DATA_ZSTD,
        Compression::Lz4 => DATA_LZ4,
    };
    if item.region == Region::External {
        flags |= DATA_EXTERNAL;
    }
    table.extend(offset.to_le_bytes());
    table.extend(stored.to_le_bytes());
    table.extend(item.length.to_le_bytes());
    put_str(table, path);
    put(table, flags);
    put(table, 0);
}
