//! Module records: found by binary search over their names, in place.

use core::cmp::Ordering;

use crate::bytes::u32_at;
use crate::data::Data;
use crate::header::{NONE, SectionKind, StrRef};
use crate::natives::Native;
use crate::tree::Node;
use crate::{Blob, Error, Structure};

/// Module flag bit 0: a package.
pub(crate) const MODULE_PACKAGE: u32 = 1;
/// Module flag bit 1: a namespace package (bit 0 is set too).
pub(crate) const MODULE_NAMESPACE: u32 = 2;
/// Module flag bit 2: `get_source` may show the source.
pub(crate) const MODULE_SHOW_SOURCE: u32 = 4;

/// What sort of module a record describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModuleKind {
    /// A plain module.
    Module,
    /// A package with an `__init__`.
    Package,
    /// A package that is only a directory.
    Namespace,
}

/// The modules of a blob, sorted by the bytes of their full names.
#[derive(Debug, Clone, Copy)]
pub struct Modules<'a> {
    blob: Blob<'a>,
}

impl<'a> Modules<'a> {
    pub(crate) fn new(blob: Blob<'a>) -> Self {
        Self { blob }
    }

    /// How many modules there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.blob.count(SectionKind::Modules)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The module at `index`, counted in name order.
    ///
    /// # Errors
    ///
    /// No such index, or a damaged record.
    pub fn get(&self, index: u32) -> Result<Module<'a>, Error> {
        Module::read(self.blob, index)
    }

    /// The module of that full name (`"pkg.mod"`). O(log n), no allocation.
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn find(&self, name: &str) -> Result<Option<Module<'a>>, Error> {
        let at = self.partition(|found| found < name.as_bytes())?;
        if at < self.len() && self.name_bytes(at)? == name.as_bytes() {
            return self.get(at).map(Some);
        }
        Ok(None)
    }

    /// All modules in name order.
    pub fn iter(&self) -> impl Iterator<Item = Result<Module<'a>, Error>> + use<'a> {
        let modules = *self;
        (0..self.len()).map(move |index| modules.get(index))
    }

    /// The direct submodules of `package` in name order; the top-level modules for `""`.
    /// Skips over deeper levels by binary search.
    #[must_use]
    pub fn children_of(&self, package: &str) -> Children<'a> {
        let mut prefix = package.as_bytes().to_vec();
        if !prefix.is_empty() {
            prefix.push(b'.');
        }
        let state = self.partition(|found| found < prefix.as_slice());
        Children {
            modules: *self,
            prefix,
            state,
        }
    }

    /// First index whose name does not fulfil `before`.
    fn partition(&self, before: impl Fn(&[u8]) -> bool) -> Result<u32, Error> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.name_bytes(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn name_bytes(&self, index: u32) -> Result<&'a [u8], Error> {
        let at = self.blob.record_offset(SectionKind::Modules, index);
        let record = self
            .blob
            .record(SectionKind::Modules, index, Structure::Modules, at)?;
        self.blob
            .string_bytes(StrRef::at(record, 0), Structure::Modules, at)
    }
}

/// Iterator over direct submodules, made by [`Modules::children_of`].
#[derive(Debug, Clone)]
pub struct Children<'a> {
    modules: Modules<'a>,
    prefix: Vec<u8>,
    /// The next index to look at, or the error to report once.
    state: Result<u32, Error>,
}

impl<'a> Children<'a> {
    fn step(&mut self, index: &mut u32) -> Result<Option<Module<'a>>, Error> {
        while *index < self.modules.len() {
            let name = self.modules.name_bytes(*index)?;
            let Some(rest) = name.strip_prefix(self.prefix.as_slice()) else {
                return Ok(None);
            };
            let Some(dot) = rest.iter().position(|byte| *byte == b'.') else {
                let module = self.modules.get(*index)?;
                *index += 1;
                // A module called like the prefix itself is nobody's child.
                if rest.is_empty() {
                    continue;
                }
                return Ok(Some(module));
            };
            // Everything that starts with this child's "name." lies in one run: leap over it.
            // The run's end is found by binary search; never step back on unsorted input.
            let deeper = &name[..=self.prefix.len() + dot]; // the dot is within name
            let end = self.modules.partition(|found| {
                found.starts_with(deeper) || found.cmp(deeper) == Ordering::Less
            })?;
            *index = end.max(*index + 1);
        }
        Ok(None)
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<Module<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut index = match self.state {
            Ok(index) => index,
            Err(error) => {
                self.state = Ok(u32::MAX); // report once, then end
                return Some(Err(error));
            }
        };
        let step = self.step(&mut index);
        self.state = Ok(index);
        match step {
            Ok(found) => found.map(Ok),
            Err(error) => {
                self.state = Ok(u32::MAX);
                Some(Err(error))
            }
        }
    }
}

/// One module.
#[derive(Debug, Clone, Copy)]
pub struct Module<'a> {
    blob: Blob<'a>,
    index: u32,
    at: u64,
    record: &'a [u8],
    name: &'a str,
    path: &'a str,
    flags: u32,
}

impl<'a> Module<'a> {
    fn read(blob: Blob<'a>, index: u32) -> Result<Self, Error> {
        let at = blob.record_offset(SectionKind::Modules, index);
        let record = blob.record(SectionKind::Modules, index, Structure::Modules, at)?;
        let flags = u32_at(record, 16);
        let unknown = flags & !(MODULE_PACKAGE | MODULE_NAMESPACE | MODULE_SHOW_SOURCE);
        if unknown != 0 || flags & (MODULE_PACKAGE | MODULE_NAMESPACE) == MODULE_NAMESPACE {
            return Err(Error::UnknownFlags {
                structure: Structure::Modules,
                offset: at + 16,
                bits: if unknown != 0 { unknown } else { flags },
            });
        }
        if u32_at(record, 44) != 0 {
            return Err(Error::UnknownFlags {
                structure: Structure::Modules,
                offset: at + 44,
                bits: u32_at(record, 44),
            });
        }
        Ok(Self {
            blob,
            index,
            at,
            record,
            name: blob.string(StrRef::at(record, 0), Structure::Modules, at)?,
            path: blob.string(StrRef::at(record, 8), Structure::Modules, at + 8)?,
            flags,
        })
    }

    /// Position in name order.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Full dotted name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Module, package or namespace package.
    #[must_use]
    pub fn kind(&self) -> ModuleKind {
        if self.is_namespace() {
            ModuleKind::Namespace
        } else if self.is_package() {
            ModuleKind::Package
        } else {
            ModuleKind::Module
        }
    }

    /// Whether it can have submodules; true for namespace packages too.
    #[must_use]
    pub fn is_package(&self) -> bool {
        self.flags & MODULE_PACKAGE != 0
    }

    /// Whether it is a package without code.
    #[must_use]
    pub fn is_namespace(&self) -> bool {
        self.flags & MODULE_NAMESPACE != 0
    }

    /// Whether `get_source` may hand out [`Module::source`].
    #[must_use]
    pub fn shows_source(&self) -> bool {
        self.flags & MODULE_SHOW_SOURCE != 0
    }

    /// Full virtual path of the file (`/~oxidize/app/pkg/__init__.py`); `None` for a namespace
    /// package and for a module that claims no file.
    #[must_use]
    pub fn file(&self) -> Option<&'a str> {
        (!self.is_namespace() && !self.path.is_empty()).then_some(self.path)
    }

    /// Where a package's submodules and files are, as a full virtual path; `None` for a plain
    /// module and for a package that claims no file.
    #[must_use]
    pub fn directory(&self) -> Option<&'a str> {
        if !self.is_package() || self.path.is_empty() {
            return None;
        }
        if self.is_namespace() {
            return Some(self.path);
        }
        self.path.rsplit_once('/').map(|(directory, _)| directory)
    }

    /// The source text's bytes as on disk (encoding cookie and all).
    ///
    /// # Errors
    ///
    /// A bad data index or record.
    pub fn source(&self) -> Result<Option<Data<'a>>, Error> {
        self.data(24)
    }

    /// Marshalled code for `-O` level 0, 1 or 2, without a `.pyc` header; `None` for a level
    /// that was not packed.
    ///
    /// # Errors
    ///
    /// A bad data index or record.
    pub fn bytecode(&self, level: u8) -> Result<Option<Data<'a>>, Error> {
        match level {
            0..=2 => self.data(28 + 4 * usize::from(level)),
            _ => Ok(None),
        }
    }

    /// The native image of an extension module.
    ///
    /// # Errors
    ///
    /// A bad index or record.
    pub fn native(&self) -> Result<Option<Native<'a>>, Error> {
        let index = u32_at(self.record, 40);
        if index == NONE {
            return Ok(None);
        }
        self.blob.record(
            SectionKind::Natives,
            index,
            Structure::Modules,
            self.at + 40,
        )?;
        Native::read(self.blob, index).map(Some)
    }

    /// The tree node at the module's path, if the tree has one: the file, or a namespace
    /// package's directory.
    ///
    /// # Errors
    ///
    /// A bad index or record.
    pub fn node(&self) -> Result<Option<Node<'a>>, Error> {
        let index = u32_at(self.record, 20);
        if index == NONE {
            return Ok(None);
        }
        self.blob
            .record(SectionKind::Tree, index, Structure::Modules, self.at + 20)?;
        Node::read(self.blob, index).map(Some)
    }

    fn data(&self, field: usize) -> Result<Option<Data<'a>>, Error> {
        self.blob.optional_data(
            u32_at(self.record, field),
            Structure::Modules,
            self.at + field as u64,
        )
    }
}
