//! The writer's tree: grown in any order, flattened breadth first.

use std::collections::{BTreeMap, VecDeque};

use super::entries::FileEntry;
use super::error::WriteError;
use crate::header::NONE;
use crate::names;

#[derive(Debug)]
struct Growing<P> {
    children: BTreeMap<String, usize>,
    /// `None` for a directory.
    file: Option<FileEntry<P>>,
}

impl<P> Growing<P> {
    fn directory() -> Self {
        Self {
            children: BTreeMap::new(),
            file: None,
        }
    }
}

/// A tree while entries are added.
#[derive(Debug)]
pub(super) struct TreeBuilder<P> {
    root: String,
    nodes: Vec<Growing<P>>,
}

/// A node in its final place.
#[derive(Debug)]
pub(super) struct FlatNode<P> {
    pub(super) name: String,
    pub(super) parent: u32,
    pub(super) first_child: u32,
    pub(super) child_count: u32,
    /// `None` for a directory.
    pub(super) file: Option<FileEntry<P>>,
}

/// A finished tree.
#[derive(Debug)]
pub(super) struct FlatTree<P> {
    pub(super) nodes: Vec<FlatNode<P>>,
}

impl<P> TreeBuilder<P> {
    pub(super) fn new(root: String) -> Self {
        Self {
            root,
            nodes: vec![Growing::directory()],
        }
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Adds a directory and its parents; one that is there already is left alone.
    pub(super) fn add_directory(&mut self, path: &str) -> Result<(), WriteError> {
        let below = self.below(path)?.to_owned();
        self.directory(path, &below).map(drop)
    }

    pub(super) fn add_file(&mut self, path: &str, file: FileEntry<P>) -> Result<(), WriteError> {
        let below = self.below(path)?.to_owned();
        let (parent, name) = match below.rsplit_once('/') {
            Some((parent, name)) => (self.directory(path, parent)?, name),
            None if below.is_empty() => return Err(both(path)),
            None => (0, below.as_str()),
        };
        if let Some(&there) = self.nodes[parent].children.get(name) {
            return Err(if self.nodes[there].file.is_some() {
                WriteError::Duplicate {
                    table: "tree",
                    name: path.to_owned(),
                }
            } else {
                both(path)
            });
        }
        let index = self.nodes.len();
        self.nodes.push(Growing {
            children: BTreeMap::new(),
            file: Some(file),
        });
        self.nodes[parent].children.insert(name.to_owned(), index);
        Ok(())
    }

    fn below<'p>(&self, path: &'p str) -> Result<&'p str, WriteError> {
        names::below_root(&self.root, path).map_err(|rule| WriteError::BadName {
            what: "path",
            name: path.to_owned(),
            rule,
        })
    }

    /// The index of a directory, made if need be.
    fn directory(&mut self, path: &str, below: &str) -> Result<usize, WriteError> {
        let mut at = 0;
        for component in below.split('/').filter(|component| !component.is_empty()) {
            at = match self.nodes[at].children.get(component) {
                Some(&child) if self.nodes[child].file.is_none() => child,
                Some(_) => return Err(both(path)),
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(Growing::directory());
                    self.nodes[at].children.insert(component.to_owned(), child);
                    child
                }
            };
        }
        Ok(at)
    }

    /// Breadth first: the children of each directory become one sorted run.
    pub(super) fn flatten(self) -> Result<FlatTree<P>, WriteError> {
        let total = self.nodes.len();
        if total >= NONE as usize {
            return Err(WriteError::TooLarge { what: "tree nodes" });
        }
        let mut growing: Vec<Option<Growing<P>>> = self.nodes.into_iter().map(Some).collect();
        let mut nodes: Vec<FlatNode<P>> = Vec::with_capacity(total);
        let mut queue = VecDeque::from([(self.root, NONE, 0_usize)]);
        let mut next = 1; // the index the next child in the queue will get
        while let Some((name, parent, from)) = queue.pop_front() {
            // Every node is a child of exactly one directory, so it is taken once.
            let Some(node) = growing[from].take() else {
                continue;
            };
            let index = nodes.len() as u32;
            let child_count = node.children.len() as u32;
            nodes.push(FlatNode {
                name,
                parent,
                first_child: if child_count == 0 { 0 } else { next },
                child_count,
                file: node.file,
            });
            next += child_count;
            queue.extend(
                node.children
                    .into_iter()
                    .map(|(name, child)| (name, index, child)),
            );
        }
        Ok(FlatTree { nodes })
    }
}

impl<P> FlatTree<P> {
    /// The index of the node at a full virtual path.
    pub(super) fn find(&self, path: &str) -> Option<u32> {
        let rest = path.strip_prefix(self.nodes.first()?.name.as_str())?;
        if rest.is_empty() {
            return Some(0);
        }
        let mut at = 0_usize;
        for component in rest.strip_prefix('/')?.split('/') {
            let node = &self.nodes[at];
            let first = node.first_child as usize;
            let children = &self.nodes[first..first + node.child_count as usize];
            let child = children
                .binary_search_by(|child| child.name.as_str().cmp(component))
                .ok()?;
            at = first + child;
        }
        u32::try_from(at).ok()
    }
}

fn both(path: &str) -> WriteError {
    WriteError::FileAndDirectory {
        path: path.to_owned(),
    }
}
