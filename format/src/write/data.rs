//! Which data there is, who shares it, and in which order it lies.

use std::collections::{BTreeMap, HashMap};

use super::entries::{Content, ModuleEntry, NativeEntry, Payload};
use super::error::WriteError;
use super::tree::FlatTree;
use crate::Compression;
use crate::header::NONE;

/// The part of the blob an entry's bytes lie in. The data table is in this order too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Region {
    Hot,
    Cold,
    Native,
    Snapshot,
    External,
}

/// One data record to be, and its bytes.
#[derive(Debug)]
pub(super) struct Item<P> {
    pub(super) region: Region,
    pub(super) length: u64,
    pub(super) compression: Compression,
    /// The relative path of a file beside the executable.
    pub(super) path: String,
    pub(super) payload: Option<P>,
}

/// A module's data.
#[derive(Debug, Clone, Copy)]
pub(super) struct ModuleData {
    pub(super) source: u32,
    pub(super) bytecode: [u32; 3],
}

/// All data in table order, and the index of each reference to it.
#[derive(Debug)]
pub(super) struct Plan<P> {
    pub(super) items: Vec<Item<P>>,
    /// Per node; [`NONE`] for a directory.
    pub(super) nodes: Vec<u32>,
    /// Per module in name order.
    pub(super) modules: Vec<ModuleData>,
    /// Per native image in table order.
    pub(super) natives: Vec<u32>,
    pub(super) licenses: u32,
    pub(super) snapshot: u32,
}

/// Everything that can hold data.
pub(super) struct Sources<'s, P> {
    pub(super) tree: &'s mut FlatTree<P>,
    pub(super) modules: &'s mut BTreeMap<String, ModuleEntry<P>>,
    pub(super) natives: &'s mut BTreeMap<(String, String), NativeEntry<P>>,
    pub(super) licenses: Option<Content<P>>,
    pub(super) snapshot: Option<Content<P>>,
    pub(super) hot_order: &'s [(String, u8)],
}

/// Takes the payloads out of the entries and puts them in order.
pub(super) fn plan<P: Payload>(sources: Sources<'_, P>) -> Result<Plan<P>, WriteError> {
    let mut pool = Pool { items: Vec::new() };
    let files = pool.take_files(sources.tree)?;
    let resolve = Resolver {
        tree: sources.tree,
        files: &files,
    };

    let mut modules = Vec::with_capacity(sources.modules.len());
    for (name, module) in sources.modules.iter_mut() {
        let source = match module.source.take() {
            Some(content) => pool.add(name, content, Region::Cold, &resolve)?,
            None => NONE,
        };
        let mut bytecode = [NONE; 3];
        for (level, content) in module.bytecode.iter_mut().enumerate() {
            if let Some(content) = content.take() {
                bytecode[level] = pool.add(name, content, Region::Hot, &resolve)?;
            }
        }
        modules.push(ModuleData { source, bytecode });
    }
    let mut natives = Vec::with_capacity(sources.natives.len());
    for native in sources.natives.values_mut() {
        // The entry keeps a reference to a file: the layout needs it for the node.
        let content = match &native.content {
            Content::File(path) => Content::File(path.clone()),
            _ => std::mem::replace(&mut native.content, Content::File(String::new())),
        };
        let index = pool.add(&native.name, content, Region::Cold, &resolve)?;
        let item = &mut pool.items[index as usize];
        if item.region == Region::Cold && item.compression == Compression::None {
            item.region = Region::Native;
        }
        natives.push(index);
    }
    let licenses = match sources.licenses {
        Some(content) => pool.add("the licence texts", content, Region::Cold, &resolve)?,
        None => NONE,
    };
    let snapshot = match sources.snapshot {
        Some(content) => pool.add("the snapshot", content, Region::Snapshot, &resolve)?,
        None => NONE,
    };

    let hot = hot_order(sources.hot_order, sources.modules.keys(), &modules);
    let mut plan = Plan {
        items: pool.items,
        nodes: files,
        modules,
        natives,
        licenses,
        snapshot,
    };
    plan.sort(hot);
    Ok(plan)
}

/// Indices of bytecode in the order wished for: what is listed, then level by level by name.
fn hot_order<'n>(
    listed: &[(String, u8)],
    names: impl Iterator<Item = &'n String>,
    modules: &[ModuleData],
) -> Vec<u32> {
    let by_name: HashMap<&str, &ModuleData> = names.map(String::as_str).zip(modules).collect();
    let listed = listed.iter().filter_map(|(name, level)| {
        let module = by_name.get(name.as_str())?;
        module.bytecode.get(usize::from(*level)).copied()
    });
    let rest = (0..3).flat_map(|level| modules.iter().map(move |module| module.bytecode[level]));
    listed.chain(rest).filter(|index| *index != NONE).collect()
}

struct Pool<P> {
    items: Vec<Item<P>>,
}

/// Finds the data of files by path.
struct Resolver<'r, P> {
    tree: &'r FlatTree<P>,
    files: &'r [u32],
}

impl<P> Resolver<'_, P> {
    fn find(&self, from: &str, path: &str) -> Result<u32, WriteError> {
        self.tree
            .find(path)
            .and_then(|node| self.files.get(node as usize).copied())
            .filter(|index| *index != NONE)
            .ok_or_else(|| WriteError::Missing {
                from: from.to_owned(),
                name: path.to_owned(),
            })
    }
}

impl<P: Payload> Pool<P> {
    /// Takes the files' contents and follows those that share another file's.
    fn take_files(&mut self, tree: &mut FlatTree<P>) -> Result<Vec<u32>, WriteError> {
        let mut files = vec![NONE; tree.nodes.len()];
        let mut links = Vec::new();
        for (node, index) in tree.nodes.iter_mut().zip(0..) {
            let Some(file) = &mut node.file else { continue };
            let taken = std::mem::replace(&mut file.content, Content::File(String::new()));
            match taken {
                Content::File(path) => links.push((index, path)),
                content => files[index as usize] = self.push(content, Region::Cold)?,
            }
        }
        // Each round settles at least one link unless all that are left run in circles.
        while !links.is_empty() {
            let before = links.len();
            let mut open = Vec::new();
            for (index, path) in links {
                let missing = || WriteError::Missing {
                    from: tree.nodes[index as usize].name.clone(),
                    name: path.clone(),
                };
                let target = tree.find(&path).ok_or_else(missing)? as usize;
                if tree.nodes[target].file.is_none() {
                    return Err(missing());
                }
                if files[target] == NONE {
                    open.push((index, path));
                } else {
                    files[index as usize] = files[target];
                }
            }
            if open.len() == before {
                let path = open.swap_remove(0).1;
                return Err(WriteError::Circle { path });
            }
            links = open;
        }
        Ok(files)
    }

    fn add(
        &mut self,
        from: &str,
        content: Content<P>,
        region: Region,
        resolve: &Resolver<'_, P>,
    ) -> Result<u32, WriteError> {
        match content {
            Content::File(path) => resolve.find(from, &path),
            content => self.push(content, region),
        }
    }

    fn push(&mut self, content: Content<P>, region: Region) -> Result<u32, WriteError> {
        let item = match content {
            Content::Stored {
                payload,
                length,
                compression,
            } => Item {
                region,
                length,
                compression,
                path: String::new(),
                payload: Some(payload),
            },
            Content::External { path, length } => Item {
                region: Region::External,
                length,
                compression: Compression::None,
                path,
                payload: None,
            },
            // The callers have resolved it.
            Content::File(path) => {
                return Err(WriteError::NotShared { from: path });
            }
        };
        let index = u32::try_from(self.items.len()).unwrap_or(NONE);
        if index == NONE {
            return Err(WriteError::TooLarge {
                what: "data entries",
            });
        }
        self.items.push(item);
        Ok(index)
    }
}

impl<P> Plan<P> {
    /// Sorts the items by region; within one by `hot`, then by first reference.
    fn sort(&mut self, hot: Vec<u32>) {
        let references = self
            .nodes
            .iter()
            .copied()
            .chain(
                self.modules
                    .iter()
                    .flat_map(|module| std::iter::once(module.source).chain(module.bytecode)),
            )
            .chain(self.natives.iter().copied())
            .chain([self.licenses, self.snapshot])
            .filter(|index| *index != NONE);
        let mut seen = vec![false; self.items.len()];
        // Bytecode outside the blob has no place in it to choose.
        let in_blob = |index: &u32| self.items[*index as usize].region == Region::Hot;
        let mut order: Vec<u32> = hot
            .into_iter()
            .filter(in_blob)
            .chain(references)
            .filter(|index| !std::mem::replace(&mut seen[*index as usize], true))
            .collect();
        order.sort_by_key(|index| self.items[*index as usize].region); // stable

        let mut place = vec![NONE; self.items.len()];
        for (new, old) in (0..).zip(&order) {
            place[*old as usize] = new;
        }
        let renumber = |index: &mut u32| {
            if *index != NONE {
                *index = place[*index as usize];
            }
        };
        self.nodes.iter_mut().for_each(renumber);
        for module in &mut self.modules {
            renumber(&mut module.source);
            module.bytecode.iter_mut().for_each(renumber);
        }
        self.natives.iter_mut().for_each(renumber);
        renumber(&mut self.licenses);
        renumber(&mut self.snapshot);

        let mut items: Vec<Option<Item<P>>> = std::mem::take(&mut self.items)
            .into_iter()
            .map(Some)
            .collect();
        self.items = order
            .into_iter()
            .filter_map(|old| items[old as usize].take())
            .collect();
    }
}
