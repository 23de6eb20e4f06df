//! Data records: where an entry's bytes are and how they are stored.

use std::borrow::Cow;

use crate::bytes::{slice, u32_at, u64_at};
use crate::header::{SectionKind, StrRef};
use crate::{Blob, Error, Structure};
use crate::{block, frame};

/// How an entry's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compression {
    /// As they are.
    None,
    /// As one zstd frame that states its content size.
    Zstd,
    /// As one LZ4 block.
    Lz4,
}

/// One entry's data.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    blob: Blob<'a>,
    index: u32,
    offset: u64,
    stored: u64,
    length: u64,
    compression: Compression,
    path: Option<&'a str>,
}

/// Data record flag bit 0: zstd.
pub(crate) const DATA_ZSTD: u32 = 1;
/// Data record flag bit 1: a file beside the executable.
pub(crate) const DATA_EXTERNAL: u32 = 2;
/// Data record flag bit 2: LZ4.
pub(crate) const DATA_LZ4: u32 = 4;

impl<'a> Data<'a> {
    pub(crate) fn at(blob: Blob<'a>, index: u32) -> Result<Self, Error> {
        let at = blob.record_offset(SectionKind::DataTable, index);
        let record = blob.record(SectionKind::DataTable, index, Structure::DataTable, at)?;
        let flags = u32_at(record, 32);
        let unknown = flags & !(DATA_ZSTD | DATA_EXTERNAL | DATA_LZ4);
        if unknown != 0 || flags.count_ones() > 1 {
            return Err(Error::UnknownFlags {
                structure: Structure::DataTable,
                offset: at + 32,
                bits: if unknown != 0 { unknown } else { flags },
            });
        }
        if u32_at(record, 36) != 0 {
            return Err(Error::UnknownFlags {
                structure: Structure::DataTable,
                offset: at + 36,
                bits: u32_at(record, 36),
            });
        }
        let path = if flags & DATA_EXTERNAL == 0 {
            None
        } else {
            Some(blob.string(StrRef::at(record, 24), Structure::DataTable, at + 24)?)
        };
        Ok(Self {
            blob,
            index,
            offset: u64_at(record, 0),
            stored: u64_at(record, 8),
            length: u64_at(record, 16),
            compression: match flags {
                DATA_ZSTD => Compression::Zstd,
                DATA_LZ4 => Compression::Lz4,
                _ => Compression::None,
            },
            path,
        })
    }

    /// The record's index in the data table. Equal indices are the same bytes.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Length in bytes once read (after decompression).
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the entry is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes it takes in the blob; 0 for a file beside the executable.
    #[must_use]
    pub fn stored_len(&self) -> u64 {
        self.stored
    }

    /// Absolute offset of the stored bytes in the blob; 0 for a file beside the executable.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How the bytes are stored.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The path of a file outside the blob, relative to the executable's directory, with `/`
    /// between components. `None` for data in the blob.
    #[must_use]
    pub fn relative_path(&self) -> Option<&'a str> {
        self.path
    }

    /// The bytes as stored, borrowed from the blob.
    ///
    /// # Errors
    ///
    /// [`Error::External`] for a file beside the executable, [`Error::OutOfBounds`].
    pub fn stored_bytes(&self) -> Result<&'a [u8], Error> {
        let at = self.record_offset();
        if self.path.is_some() {
            return Err(Error::External {
                structure: Structure::DataTable,
                offset: at,
            });
        }
        let found = slice(
            self.blob.bytes(),
            self.offset,
            self.stored,
            Structure::DataTable,
            at,
        )?;
        if self.compression == Compression::None && self.stored != self.length {
            return Err(Error::BadValue {
                structure: Structure::DataTable,
                offset: at + 16,
                value: self.length,
                rule: "uncompressed data is as long as stored",
            });
        }
        Ok(found)
    }

    /// The entry's bytes: borrowed when stored as they are, decoded when compressed.
    ///
    /// Allocates only as decoding advances: never more than [`Data::len`] for the result, and up
    /// to 12 MiB for the decoder's window and working memory. A frame that claims more than
    /// [`largest_content`](crate::largest_content) is refused.
    ///
    /// # Errors
    ///
    /// As [`Data::stored_bytes`], and [`Error::Compression`] when the frame does not hold
    /// exactly the declared bytes.
    pub fn read(&self) -> Result<Cow<'a, [u8]>, Error> {
        let stored = self.stored_bytes()?;
        match self.compression {
            Compression::None => Ok(Cow::Borrowed(stored)),
            Compression::Zstd => frame::decode(stored, self.length)
                .map(Cow::Owned)
                .map_err(|problem| self.compression_error(problem)),
            Compression::Lz4 => block::decode(stored, self.length)
                .map(Cow::Owned)
                .map_err(|problem| self.compression_error(problem)),
        }
    }

    /// Copies or decodes the entry into `target`, which must be [`Data::len`] bytes long.
    /// For callers that own the destination already, such as a Python bytes object.
    ///
    /// # Errors
    ///
    /// As [`Data::read`]; [`Error::BadValue`] when `target` has another length.
    pub fn read_into(&self, target: &mut [u8]) -> Result<(), Error> {
        let stored = self.stored_bytes()?;
        if target.len() as u64 != self.length {
            return Err(Error::BadValue {
                structure: Structure::DataTable,
                offset: self.record_offset() + 16,
                value: self.length,
                rule: "the destination must have the declared length",
            });
        }
        match self.compression {
            Compression::None => {
                target.copy_from_slice(stored); // both have self.length bytes
                Ok(())
            }
            Compression::Zstd => frame::decode_into(stored, target)
                .map_err(|problem| self.compression_error(problem)),
            Compression::Lz4 => block::decode_into(stored, target)
                .map_err(|problem| self.compression_error(problem)),
        }
    }

    /// Checks that the entry can be read, holding none of it unless it is an LZ4 block. Files
    /// beside the executable pass.
    ///
    /// # Errors
    ///
    /// As [`Data::read`].
    pub fn verify(&self) -> Result<(), Error> {
        if self.path.is_some() {
            return Ok(());
        }
        let stored = self.stored_bytes()?;
        match self.compression {
            Compression::None => Ok(()),
            Compression::Zstd => frame::verify(stored, self.length)
                .map_err(|problem| self.compression_error(problem)),
            // A match may reach back to any place before it.
            Compression::Lz4 => block::decode(stored, self.length)
                .map(drop)
                .map_err(|problem| self.compression_error(problem)),
        }
    }

    fn record_offset(&self) -> u64 {
        self.blob.record_offset(SectionKind::DataTable, self.index)
    }

    fn compression_error(&self, problem: crate::FrameProblem) -> Error {
        let kinds = [
            SectionKind::HotData,
            SectionKind::ColdData,
            SectionKind::NativeData,
            SectionKind::Snapshot,
        ];
        let holds = |kind: &SectionKind| {
            let section = self.blob.section(*kind);
            (section.offset..section.offset.saturating_add(section.length)).contains(&self.offset)
        };
        Error::Compression {
            structure: kinds
                .into_iter()
                .find(holds)
                .map_or(Structure::DataTable, SectionKind::structure),
            offset: self.offset,
            problem,
        }
    }
}
