//! Native images: extension modules and shared libraries.

use crate::bytes::u32_at;
use crate::data::Data;
use crate::header::{NONE, SectionKind, StrRef};
use crate::tree::Node;
use crate::{Blob, Error, Structure};

/// Native flag bit 0: an extension module (otherwise a plain shared library).
pub(crate) const NATIVE_EXTENSION: u32 = 1;

/// The native images of a blob, sorted by soname, then by name.
#[derive(Debug, Clone, Copy)]
pub struct Natives<'a> {
    blob: Blob<'a>,
}

impl<'a> Natives<'a> {
    pub(crate) fn new(blob: Blob<'a>) -> Self {
        Self { blob }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.blob.count(SectionKind::Natives)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The image at `index`.
    ///
    /// # Errors
    ///
    /// No such index, or a damaged record.
    pub fn get(&self, index: u32) -> Result<Native<'a>, Error> {
        Native::read(self.blob, index)
    }

    /// All images in table order.
    pub fn iter(&self) -> impl Iterator<Item = Result<Native<'a>, Error>> + use<'a> {
        let natives = *self;
        (0..self.len()).map(move |index| natives.get(index))
    }

    /// The first image that answers to `soname`, the name others list as needed. O(log n).
    ///
    /// # Errors
    ///
    /// A damaged record met on the way.
    pub fn find(&self, soname: &str) -> Result<Option<Native<'a>>, Error> {
        self.all(soname).next().transpose()
    }

    /// Every image that answers to `soname`, in the order of their names.
    pub fn all<'n>(
        &self,
        soname: &'n str,
    ) -> impl Iterator<Item = Result<Native<'a>, Error>> + use<'a, 'n> {
        let natives = *self;
        let mut state = self.first(soname);
        core::iter::from_fn(move || {
            let step = state.and_then(|index| {
                if index >= natives.len() {
                    return Ok(None);
                }
                let native = natives.get(index)?;
                state = Ok(index + 1);
                Ok((native.soname == soname).then_some(native))
            });
            if step.is_err() || matches!(step, Ok(None)) {
                state = Ok(NONE); // the end, and an error, come once
            }
            step.transpose()
        })
    }

    fn first(&self, soname: &str) -> Result<u32, Error> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.soname_bytes(middle)? < soname.as_bytes() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn soname_bytes(&self, index: u32) -> Result<&'a [u8], Error> {
        let at = self.blob.record_offset(SectionKind::Natives, index);
        let record = self
            .blob
            .record(SectionKind::Natives, index, Structure::Natives, at)?;
        self.blob
            .string_bytes(StrRef::at(record, 8), Structure::Natives, at + 8)
    }
}

/// One native image.
#[derive(Debug, Clone, Copy)]
pub struct Native<'a> {
    blob: Blob<'a>,
    index: u32,
    at: u64,
    record: &'a [u8],
    name: &'a str,
    soname: &'a str,
    flags: u32,
}

impl<'a> Native<'a> {
    pub(crate) fn read(blob: Blob<'a>, index: u32) -> Result<Self, Error> {
        let at = blob.record_offset(SectionKind::Natives, index);
        let record = blob.record(SectionKind::Natives, index, Structure::Natives, at)?;
        let flags = u32_at(record, 24);
        for (field, bits) in [(24, flags & !NATIVE_EXTENSION), (36, u32_at(record, 36))] {
            if bits != 0 {
                return Err(Error::UnknownFlags {
                    structure: Structure::Natives,
                    offset: at + field,
                    bits,
                });
            }
        }
        let (first, count) = (u32_at(record, 28), u32_at(record, 32));
        let end = u64::from(first) + u64::from(count);
        let limit = u64::from(blob.count(SectionKind::Needed));
        if end > limit {
            return Err(Error::BadIndex {
                structure: Structure::Natives,
                offset: at + 28,
                index: end,
                count: limit,
            });
        }
        Ok(Self {
            blob,
            index,
            at,
            record,
            name: blob.string(StrRef::at(record, 0), Structure::Natives, at)?,
            soname: blob.string(StrRef::at(record, 8), Structure::Natives, at + 8)?,
            flags,
        })
    }

    /// Position in the table.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The image's own name, unique in the blob: the full module name of an extension module,
    /// the path below the virtual root of a shared library.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The name other images list as needed; `None` if it has none.
    #[must_use]
    pub fn soname(&self) -> Option<&'a str> {
        (!self.soname.is_empty()).then_some(self.soname)
    }

    /// Whether it is an extension module; a plain shared library otherwise.
    #[must_use]
    pub fn is_extension(&self) -> bool {
        self.flags & NATIVE_EXTENSION != 0
    }

    /// The sonames it needs, in its own order. Names the blob does not have are the system's.
    pub fn needed(&self) -> impl Iterator<Item = Result<&'a str, Error>> + use<'a> {
        let blob = self.blob;
        let first = u32_at(self.record, 28);
        let count = u32_at(self.record, 32);
        // No overflow: the run's end was checked against the table in `read`.
        (first..first + count).map(move |index| {
            let at = blob.record_offset(SectionKind::Needed, index);
            let record = blob.record(SectionKind::Needed, index, Structure::Needed, at)?;
            blob.string(StrRef::at(record, 0), Structure::Needed, at)
        })
    }

    /// The image's bytes. Uncompressed ones start at a multiple of 64 KiB within the blob.
    ///
    /// # Errors
    ///
    /// A bad data index or record.
    pub fn data(&self) -> Result<Data<'a>, Error> {
        let index = u32_at(self.record, 16);
        let data = self
            .blob
            .optional_data(index, Structure::Natives, self.at + 16)?;
        data.ok_or(Error::BadIndex {
            structure: Structure::Natives,
            offset: self.at + 16,
            index: u64::from(index),
            count: u64::from(self.blob.data_len()),
        })
    }

    /// The tree node that shows the image as a file, if there is one.
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
            .record(SectionKind::Tree, index, Structure::Natives, self.at + 20)?;
        Node::read(self.blob, index).map(Some)
    }
}
