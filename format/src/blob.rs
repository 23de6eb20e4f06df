//! The reader's entrance: a blob opened in place.

use crate::bytes::slice;
use crate::config::RunConfig;
use crate::data::Data;
use crate::distributions::Distributions;
use crate::header::{self, Header, NONE, Section, SectionKind, StrRef};
use crate::modules::Modules;
use crate::natives::Natives;
use crate::tree::Tree;
use crate::{Error, Structure};

/// A blob in memory. Opening it looks at the header and the section table only; every
/// lookup then works in place on `bytes`.
///
/// No method panics or allocates out of proportion, whatever the bytes. What the methods
/// return borrows from the bytes, not from the `Blob`, which is a small copyable value.
#[derive(Debug, Clone, Copy)]
pub struct Blob<'a> {
    bytes: &'a [u8],
    header: Header,
    sections: [Section; header::SECTION_COUNT],
}

impl<'a> Blob<'a> {
    /// Opens the blob at the start of `bytes`. Bytes behind its total length are not part of it.
    ///
    /// # Errors
    ///
    /// Anything wrong with the header or the section table: truncation, magic, version,
    /// unknown flags, sections that overlap or leave the blob.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        let (header, sections) = header::read(bytes)?;
        let bytes = slice(bytes, 0, header.total_length, Structure::Header, 32)?;
        Ok(Self {
            bytes,
            header,
            sections,
        })
    }

    /// The blob's bytes, exactly [`Header::total_length`] of them.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The fixed header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where a section lies. A section the blob does not have is empty, at offset 0.
    #[must_use]
    pub fn section(&self, kind: SectionKind) -> Section {
        self.sections[kind.slot()] // slot() is below SECTION_COUNT for every kind
    }

    /// The target triple the blob was packed for.
    ///
    /// # Errors
    ///
    /// A bad string reference.
    pub fn target(&self) -> Result<&'a str, Error> {
        self.string(self.header.target, Structure::Header, 40)
    }

    /// How to start the interpreter. Reads the section once, checking each value.
    ///
    /// # Errors
    ///
    /// A required key that is unknown, a value out of range, text that is not UTF-8.
    pub fn run_config(&self) -> Result<RunConfig<'a>, Error> {
        let section = self.section(SectionKind::RunConfig);
        RunConfig::read(self.section_bytes(SectionKind::RunConfig), section.offset)
    }

    /// The modules.
    #[must_use]
    pub fn modules(&self) -> Modules<'a> {
        Modules::new(*self)
    }

    /// The directory tree.
    #[must_use]
    pub fn tree(&self) -> Tree<'a> {
        Tree::new(*self)
    }

    /// The extension modules and shared libraries.
    #[must_use]
    pub fn natives(&self) -> Natives<'a> {
        Natives::new(*self)
    }

    /// The installed distributions.
    #[must_use]
    pub fn distributions(&self) -> Distributions<'a> {
        Distributions::new(*self)
    }

    /// How many data records there are.
    #[must_use]
    pub fn data_len(&self) -> u32 {
        self.count(SectionKind::DataTable)
    }

    /// The data record at `index`.
    ///
    /// # Errors
    ///
    /// No such record, or one with fields out of range.
    pub fn data(&self, index: u32) -> Result<Data<'a>, Error> {
        Data::at(*self, index)
    }

    /// The snapshot, if the blob has one.
    ///
    /// # Errors
    ///
    /// A bad data index or record.
    pub fn snapshot(&self) -> Result<Option<Data<'a>>, Error> {
        self.optional_data(self.header.snapshot, Structure::Header, 48)
    }

    /// The licence texts of everything in the blob, if it carries them as one text.
    ///
    /// # Errors
    ///
    /// A bad data index or record.
    pub fn licenses(&self) -> Result<Option<Data<'a>>, Error> {
        self.optional_data(self.header.licenses, Structure::Header, 52)
    }

    /// Whether the digest is to be checked before anything is used. The header says so beside the
    /// run configuration ([`RunConfig::check_at_start`]): either is enough.
    #[must_use]
    pub fn checks_at_start(&self) -> bool {
        self.header.ignorable_flags & header::HEADER_CHECK != 0
    }

    /// Compares the digest in the header with the bytes. Reads the whole blob.
    ///
    /// # Errors
    ///
    /// [`Error::DigestMismatch`].
    pub fn verify_digest(&self) -> Result<(), Error> {
        if crate::digest::of(self.bytes) == self.header.digest {
            Ok(())
        } else {
            Err(Error::DigestMismatch {
                offset: header::DIGEST_OFFSET,
            })
        }
    }

    /// Checks every structure: each reference, each order, each byte of padding. What passes
    /// is exactly what this version's writer writes for the same content. Does not look into
    /// data (see [`Blob::verify_data`]) and does not compute the digest.
    ///
    /// Allocates in proportion to the tables, not to the data.
    ///
    /// # Errors
    ///
    /// The first deviation found.
    pub fn validate(&self) -> Result<(), Error> {
        crate::validate::validate(self)
    }

    /// Checks that names and paths are in proportion to the blob, which the tables alone tell. Who
    /// means to read all of them asks first: they may be shared, so that their sum says nothing
    /// about the file. Part of [`Blob::validate`].
    ///
    /// # Errors
    ///
    /// The first record at which there is too much.
    pub fn check_proportion(&self) -> Result<(), Error> {
        let checked =
            crate::proportion::check(self.header.total_length, |kind| self.section_bytes(kind));
        checked.map_err(|excess| Error::NotCanonical {
            structure: excess.kind.structure(),
            offset: self.record_offset(excess.kind, excess.record),
            rule: excess.rule,
        })
    }

    /// Decodes every compressed entry and throws the result away.
    ///
    /// # Errors
    ///
    /// The first entry that does not decode to its declared length.
    pub fn verify_data(&self) -> Result<(), Error> {
        (0..self.data_len()).try_for_each(|index| self.data(index)?.verify())
    }

    // ---- what the views share ----

    /// The bytes of a section; the section table was checked in `open`.
    #[inline]
    pub(crate) fn section_bytes(&self, kind: SectionKind) -> &'a [u8] {
        let Section { offset, length } = self.section(kind);
        slice(self.bytes, offset, length, Structure::SectionTable, 0).unwrap_or(&[])
    }

    /// Number of records of a table.
    #[inline]
    pub(crate) fn count(&self, kind: SectionKind) -> u32 {
        let records = self.section(kind).length / u64::from(kind.record_size());
        u32::try_from(records).unwrap_or(NONE) // open refuses tables with more records
    }

    /// Absolute offset of a record.
    #[inline]
    pub(crate) fn record_offset(&self, kind: SectionKind, index: u32) -> u64 {
        // No overflow: the offset is inside the blob for every index below count();
        // an error message about another index may saturate.
        self.section(kind)
            .offset
            .saturating_add(u64::from(index) * u64::from(kind.record_size()))
    }

    /// The record at `index` of a table. `from` and `at` name the field that holds the index.
    #[inline]
    pub(crate) fn record(
        &self,
        kind: SectionKind,
        index: u32,
        from: Structure,
        at: u64,
    ) -> Result<&'a [u8], Error> {
        let count = self.count(kind);
        if index >= count {
            return Err(Error::BadIndex {
                structure: from,
                offset: at,
                index: u64::from(index),
                count: u64::from(count),
            });
        }
        let offset = self.record_offset(kind, index);
        slice(self.bytes, offset, u64::from(kind.record_size()), from, at)
    }

    /// The bytes of a string, not yet known to be UTF-8.
    #[inline]
    pub(crate) fn string_bytes(
        &self,
        string: StrRef,
        from: Structure,
        at: u64,
    ) -> Result<&'a [u8], Error> {
        slice(
            self.section_bytes(SectionKind::Strings),
            u64::from(string.offset),
            u64::from(string.length),
            from,
            at,
        )
    }

    /// A string of the string table. `from` and `at` name the field that holds the reference.
    #[inline]
    pub(crate) fn string(
        &self,
        string: StrRef,
        from: Structure,
        at: u64,
    ) -> Result<&'a str, Error> {
        let raw = self.string_bytes(string, from, at)?;
        core::str::from_utf8(raw).map_err(|error| Error::NotUtf8 {
            structure: Structure::Strings,
            offset: self.section(SectionKind::Strings).offset
                + u64::from(string.offset)
                + error.valid_up_to() as u64,
        })
    }

    /// The data record a field refers to, `None` for [`NONE`].
    pub(crate) fn optional_data(
        &self,
        index: u32,
        from: Structure,
        at: u64,
    ) -> Result<Option<Data<'a>>, Error> {
        if index == NONE {
            return Ok(None);
        }
        let count = self.data_len();
        if index >= count {
            return Err(Error::BadIndex {
                structure: from,
                offset: at,
                index: u64::from(index),
                count: u64::from(count),
            });
        }
        Data::at(*self, index).map(Some)
    }
}
