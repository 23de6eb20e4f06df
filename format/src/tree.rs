//! The directory tree: nodes in breadth-first order, so that a directory's children are one
//! contiguous run, sorted by name.

use crate::bytes::u32_at;
use crate::data::Data;
use crate::header::{MAX_STRING, NONE, SectionKind, StrRef};
use crate::{Blob, Error, Structure};

/// Node flag bit 0: a directory.
pub(crate) const NODE_DIRECTORY: u32 = 1;
/// Node flag bit 1: an executable file.
pub(crate) const NODE_EXECUTABLE: u32 = 2;

/// The directory tree of a blob.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    blob: Blob<'a>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(blob: Blob<'a>) -> Self {
        Self { blob }
    }

    /// How many nodes there are; 0 in a blob without a tree.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.blob.count(SectionKind::Tree)
    }

    /// Whether the blob has no tree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The node at `index`; 0 is the root.
    ///
    /// # Errors
    ///
    /// No such index, or a damaged record.
    pub fn get(&self, index: u32) -> Result<Node<'a>, Error> {
        Node::read(self.blob, index)
    }

    /// The root directory. Its name is the virtual root (`/~oxidize`).
    ///
    /// # Errors
    ///
    /// A blob without a tree, or a damaged record.
    pub fn root(&self) -> Result<Node<'a>, Error> {
        self.get(0)
    }

    /// The node at a full virtual path with `/` between components and none at the end.
    /// One binary search per component, no allocation.
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn find(&self, path: &str) -> Result<Option<Node<'a>>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let root = self.root()?;
        match path.strip_prefix(root.name()) {
            Some("") => Ok(Some(root)),
            Some(rest) => match rest.strip_prefix('/') {
                Some(rest) => root.find(rest),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }
}

/// One file or directory.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    blob: Blob<'a>,
    index: u32,
    at: u64,
    name: &'a str,
    parent: u32,
    flags: u32,
    /// First child of a directory, data index of a file.
    first: u32,
    /// Number of children; 0 for a file.
    count: u32,
}

impl<'a> Node<'a> {
    pub(crate) fn read(blob: Blob<'a>, index: u32) -> Result<Self, Error> {
        let at = blob.record_offset(SectionKind::Tree, index);
        let record = blob.record(SectionKind::Tree, index, Structure::Tree, at)?;
        let flags = u32_at(record, 12);
        let unknown = flags & !(NODE_DIRECTORY | NODE_EXECUTABLE);
        if unknown != 0 || flags == NODE_DIRECTORY | NODE_EXECUTABLE {
            return Err(Error::UnknownFlags {
                structure: Structure::Tree,
                offset: at + 12,
                bits: if unknown != 0 { unknown } else { flags },
            });
        }
        let node = Self {
            blob,
            index,
            at,
            name: blob.string(StrRef::at(record, 0), Structure::Tree, at)?,
            parent: u32_at(record, 8),
            flags,
            first: u32_at(record, 16),
            count: u32_at(record, 20),
        };
        node.check(blob.count(SectionKind::Tree))?;
        Ok(node)
    }

    /// Children lie behind their parent and parents before their children, so that no walk
    /// in either direction can run in circles.
    fn check(&self, nodes: u32) -> Result<(), Error> {
        let fail = |field, value: u32, rule| {
            Err(Error::BadValue {
                structure: Structure::Tree,
                offset: self.at + field,
                value: u64::from(value),
                rule,
            })
        };
        if self.index == 0 {
            if self.parent != NONE {
                return fail(8, self.parent, "the root has no parent");
            }
            if !self.is_dir() {
                return fail(12, self.flags, "the root is a directory");
            }
        } else if self.parent >= self.index {
            return fail(8, self.parent, "a parent comes before its children");
        }
        if self.is_dir() {
            if self.count > 0 && self.first <= self.index {
                return fail(16, self.first, "children come after their parent");
            }
            let end = u64::from(self.first) + u64::from(self.count);
            if self.count > 0 && end > u64::from(nodes) {
                return Err(Error::BadIndex {
                    structure: Structure::Tree,
                    offset: self.at + 16,
                    index: end - 1,
                    count: u64::from(nodes),
                });
            }
        } else if self.count != 0 {
            return fail(20, self.count, "a file has no children");
        }
        Ok(())
    }

    /// Position in the tree table.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The last component of the path; the whole virtual root for the root.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.flags & NODE_DIRECTORY != 0
    }

    /// Whether a file may be executed.
    #[must_use]
    pub fn is_executable(&self) -> bool {
        self.flags & NODE_EXECUTABLE != 0
    }

    /// A file's length in bytes; 0 for a directory.
    ///
    /// # Errors
    ///
    /// A bad data index or record.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a length of bytes, not of a collection"
    )]
    pub fn len(&self) -> Result<u64, Error> {
        Ok(self.data()?.map_or(0, |data| data.len()))
    }

    /// A file's data; `None` for a directory.
    ///
    /// # Errors
    ///
    /// A bad data index or record.
    pub fn data(&self) -> Result<Option<Data<'a>>, Error> {
        if self.is_dir() {
            return Ok(None);
        }
        let data = self
            .blob
            .optional_data(self.first, Structure::Tree, self.at + 16)?;
        match data {
            Some(data) => Ok(Some(data)),
            None => Err(Error::BadIndex {
                structure: Structure::Tree,
                offset: self.at + 16,
                index: u64::from(NONE),
                count: u64::from(self.blob.data_len()),
            }),
        }
    }

    /// The directory this node is in; `None` for the root.
    ///
    /// # Errors
    ///
    /// A damaged record.
    pub fn parent(&self) -> Result<Option<Node<'a>>, Error> {
        if self.index == 0 {
            return Ok(None);
        }
        // Checked in `check`: the parent's index is smaller, so it exists.
        Self::read(self.blob, self.parent).map(Some)
    }

    /// The children of a directory in name order; empty for a file.
    #[must_use]
    pub fn children(&self) -> NodeList<'a> {
        NodeList {
            blob: self.blob,
            parent: self.index,
            next: self.first,
            left: if self.is_dir() { self.count } else { 0 },
        }
    }

    /// The direct child of that name. O(log n).
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn child(&self, name: &str) -> Result<Option<Node<'a>>, Error> {
        let children = self.children();
        let (mut low, mut high) = (0, children.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if children.name_bytes(middle)? < name.as_bytes() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low < children.len() && children.name_bytes(low)? == name.as_bytes() {
            return children.get(low).map(Some);
        }
        Ok(None)
    }

    /// The node at a path relative to this one, `/` between components.
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn find(&self, path: &str) -> Result<Option<Node<'a>>, Error> {
        let mut node = *self;
        for component in path.split('/') {
            match node.child(component)? {
                Some(child) => node = child,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The full virtual path. Allocates; at most [`MAX_STRING`] bytes.
    ///
    /// # Errors
    ///
    /// A damaged record, or a path longer than the format allows.
    pub fn path(&self) -> Result<String, Error> {
        let mut names = vec![self.name];
        let mut length = self.name.len() as u64;
        let mut node = *self;
        while let Some(parent) = node.parent()? {
            length += parent.name.len() as u64 + 1;
            if length > MAX_STRING {
                return Err(Error::BadValue {
                    structure: Structure::Tree,
                    offset: self.at,
                    value: length,
                    rule: "a path has at most 65535 bytes",
                });
            }
            names.push(parent.name);
            node = parent;
        }
        names.reverse();
        Ok(names.join("/"))
    }
}

/// The children of one directory: an iterator, and random access by position. A node that names
/// another directory as its parent is an error.
#[derive(Debug, Clone, Copy)]
pub struct NodeList<'a> {
    blob: Blob<'a>,
    /// The directory whose children these are.
    parent: u32,
    next: u32,
    left: u32,
}

impl<'a> NodeList<'a> {
    /// How many are left.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.left
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The node at `position`, counted from the first that is left.
    ///
    /// # Errors
    ///
    /// No such position, or a damaged record.
    pub fn get(&self, position: u32) -> Result<Node<'a>, Error> {
        self.read(self.index_of(position))
    }

    /// A node has one parent, so a walk that starts at the root meets it at most once.
    fn read(&self, index: u32) -> Result<Node<'a>, Error> {
        let node = Node::read(self.blob, index)?;
        if node.parent != self.parent {
            return Err(Error::NotCanonical {
                structure: Structure::Tree,
                offset: node.at + 8,
                rule: "a child's parent is the directory that lists it",
            });
        }
        Ok(node)
    }

    fn index_of(&self, position: u32) -> u32 {
        if position < self.left {
            self.next.saturating_add(position)
        } else {
            NONE // no table has a record of that index
        }
    }

    fn name_bytes(&self, position: u32) -> Result<&'a [u8], Error> {
        let index = self.index_of(position);
        let at = self.blob.record_offset(SectionKind::Tree, index);
        let record = self
            .blob
            .record(SectionKind::Tree, index, Structure::Tree, at)?;
        self.blob
            .string_bytes(StrRef::at(record, 0), Structure::Tree, at)
    }
}

impl<'a> Iterator for NodeList<'a> {
    type Item = Result<Node<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let node = self.read(self.next);
        self.next = self.next.saturating_add(1);
        self.left -= 1;
        Some(node)
    }
}
