//! Installed distributions: where `importlib.metadata` finds a `*.dist-info` directory.

use crate::bytes::u32_at;
use crate::header::{NONE, SectionKind, StrRef};
use crate::tree::Node;
use crate::{Blob, Error, Structure};

/// The distributions of a blob, sorted by normalised name.
#[derive(Debug, Clone, Copy)]
pub struct Distributions<'a> {
    blob: Blob<'a>,
}

impl<'a> Distributions<'a> {
    pub(crate) fn new(blob: Blob<'a>) -> Self {
        Self { blob }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.blob.count(SectionKind::Distributions)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The distribution at `index`, counted in name order.
    ///
    /// # Errors
    ///
    /// No such index, or a damaged record.
    pub fn get(&self, index: u32) -> Result<Distribution<'a>, Error> {
        Distribution::read(self.blob, index)
    }

    /// All distributions in name order.
    pub fn iter(&self) -> impl Iterator<Item = Result<Distribution<'a>, Error>> + use<'a> {
        let distributions = *self;
        (0..self.len()).map(move |index| distributions.get(index))
    }

    /// The distribution of a normalised name (PEP 503: lower case, runs of `-_.` as one `-`).
    /// O(log n).
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn find(&self, normalised: &str) -> Result<Option<Distribution<'a>>, Error> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle)?.normalised < normalised {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low < self.len() {
            let found = self.get(low)?;
            return Ok((found.normalised == normalised).then_some(found));
        }
        Ok(None)
    }
}

/// One distribution.
#[derive(Debug, Clone, Copy)]
pub struct Distribution<'a> {
    blob: Blob<'a>,
    index: u32,
    at: u64,
    normalised: &'a str,
    name: &'a str,
    version: &'a str,
    node: u32,
}

impl<'a> Distribution<'a> {
    fn read(blob: Blob<'a>, index: u32) -> Result<Self, Error> {
        let at = blob.record_offset(SectionKind::Distributions, index);
        let record = blob.record(
            SectionKind::Distributions,
            index,
            Structure::Distributions,
            at,
        )?;
        if u32_at(record, 28) != 0 {
            return Err(Error::UnknownFlags {
                structure: Structure::Distributions,
                offset: at + 28,
                bits: u32_at(record, 28),
            });
        }
        let text = |field: usize| {
            blob.string(
                StrRef::at(record, field),
                Structure::Distributions,
                at + field as u64,
            )
        };
        Ok(Self {
            blob,
            index,
            at,
            normalised: text(0)?,
            name: text(8)?,
            version: text(16)?,
            node: u32_at(record, 24),
        })
    }

    /// Position in name order.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The normalised name, the key.
    #[must_use]
    pub fn normalised(&self) -> &'a str {
        self.normalised
    }

    /// The name as the metadata spells it.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The version as the metadata spells it.
    #[must_use]
    pub fn version(&self) -> &'a str {
        self.version
    }

    /// The `*.dist-info` (or `*.egg-info`) directory in the tree.
    ///
    /// # Errors
    ///
    /// A bad index or record.
    pub fn directory(&self) -> Result<Node<'a>, Error> {
        let at = self.at + 24;
        if self.node == NONE {
            return Err(Error::BadIndex {
                structure: Structure::Distributions,
                offset: at,
                index: u64::from(NONE),
                count: u64::from(self.blob.count(SectionKind::Tree)),
            });
        }
        self.blob
            .record(SectionKind::Tree, self.node, Structure::Distributions, at)?;
        Node::read(self.blob, self.node)
    }
}
