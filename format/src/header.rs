//! The fixed header and the section table.

use crate::bytes::{slice, u16_at, u32_at, u64_at};
use crate::{Error, Structure};

/// The first eight bytes of every blob: a byte no text starts with, then `OXIBLOB`.
pub const MAGIC: [u8; 8] = *b"\x89OXIBLOB";
/// The major format version. A reader refuses any other.
pub const VERSION_MAJOR: u16 = 1;
/// The minor format version. A reader accepts any other; a validator refuses a larger one.
pub const VERSION_MINOR: u16 = 0;
/// Size of the fixed header in bytes; the section table follows it.
pub const HEADER_SIZE: u64 = 96;
/// Offset of the 32-byte digest in the header.
pub const DIGEST_OFFSET: u64 = 64;
/// Size of one record of the section table in bytes.
pub const SECTION_RECORD_SIZE: u64 = 32;
/// The most sections a reader accepts.
pub const MAX_SECTIONS: u32 = 64;
/// "There is none", wherever a field holds an index.
pub const NONE: u32 = u32::MAX;
/// The longest string of the string table and the longest path of the tree, in bytes.
pub const MAX_STRING: u64 = 65_535;
/// The root of the virtual file tree in blobs for systems with POSIX paths.
pub const VIRTUAL_ROOT: &str = "/~oxidize";
/// The virtual directory of the application's own files.
pub const APPLICATION_ROOT: &str = "/~oxidize/app";
/// The version of the agreement between blob and stub beyond the format: virtual root, modules that
/// the importer relies on and their native functions, meaning of the run configuration. A stub
/// refuses a blob that was made for another number.
pub const STUB_ABI: u32 = 3;
/// Alignment of native images and of the snapshot within the blob, in bytes.
pub const PAGE: u64 = 65_536;
/// Alignment of bytecode and of every table, in bytes.
pub const ALIGN: u64 = 16;

/// Ignorable header flag bit 0: the run configuration asks for a check at start. Said twice, so
/// that damage to one of the two does not switch the check off.
pub(crate) const HEADER_CHECK: u32 = 1;
/// The ignorable header flags of a blob.
pub(crate) fn flags_for(check_at_start: bool) -> u32 {
    if check_at_start { HEADER_CHECK } else { 0 }
}

/// Section flag bit 0: a reader that does not know this kind must refuse the blob.
pub(crate) const SECTION_REQUIRED: u32 = 1;

/// The sections of version 1, in the order they lie in a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum SectionKind {
    /// How to start the interpreter and what to run.
    RunConfig = 1,
    /// Module records, sorted by name.
    Modules = 2,
    /// Tree nodes in breadth-first order.
    Tree = 3,
    /// Data records.
    DataTable = 4,
    /// Native image records, sorted by soname, then name.
    Natives = 5,
    /// String references to needed library names.
    Needed = 6,
    /// Distribution records, sorted by normalised name.
    Distributions = 7,
    /// The strings.
    Strings = 8,
    /// Bytecode.
    HotData = 9,
    /// Sources, files and everything compressed that is not bytecode.
    ColdData = 10,
    /// Native images at page alignment.
    NativeData = 11,
    /// The snapshot at page alignment.
    Snapshot = 12,
}

/// How many kinds of section there are.
pub(crate) const SECTION_COUNT: usize = 12;

impl SectionKind {
    /// All kinds in file order.
    pub const ALL: [Self; SECTION_COUNT] = [
        Self::RunConfig,
        Self::Modules,
        Self::Tree,
        Self::DataTable,
        Self::Natives,
        Self::Needed,
        Self::Distributions,
        Self::Strings,
        Self::HotData,
        Self::ColdData,
        Self::NativeData,
        Self::Snapshot,
    ];

    /// Size of one record in bytes; 1 where the section is a run of bytes.
    #[must_use]
    pub fn record_size(self) -> u32 {
        match self {
            Self::Modules => 48,
            Self::Tree => 24,
            Self::DataTable | Self::Natives => 40,
            Self::Needed => 8,
            Self::Distributions => 32,
            _ => 1,
        }
    }

    /// Alignment of the section's start within the blob, in bytes.
    #[must_use]
    pub fn alignment(self) -> u64 {
        match self {
            Self::NativeData | Self::Snapshot => PAGE,
            _ => ALIGN,
        }
    }

    /// The structure errors name.
    #[must_use]
    pub fn structure(self) -> Structure {
        match self {
            Self::RunConfig => Structure::RunConfig,
            Self::Modules => Structure::Modules,
            Self::Tree => Structure::Tree,
            Self::DataTable => Structure::DataTable,
            Self::Natives => Structure::Natives,
            Self::Needed => Structure::Needed,
            Self::Distributions => Structure::Distributions,
            Self::Strings => Structure::Strings,
            Self::HotData => Structure::HotData,
            Self::ColdData => Structure::ColdData,
            Self::NativeData => Structure::NativeData,
            Self::Snapshot => Structure::Snapshot,
        }
    }

    pub(crate) fn slot(self) -> usize {
        self as usize - 1
    }

    fn from_number(number: u32) -> Option<Self> {
        let slot = usize::try_from(number.checked_sub(1)?).ok()?;
        Self::ALL.get(slot).copied()
    }
}

/// Where a section lies, in bytes from the start of the blob. Checked against the blob's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Section {
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// The fields of the fixed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Minor format version (the major one is [`VERSION_MAJOR`]).
    pub minor: u16,
    /// Flags a reader may ignore; none is defined in version 1.0.
    pub ignorable_flags: u32,
    /// `PY_VERSION_HEX` of the Python the blob was packed for.
    pub py_version_hex: u32,
    /// The four bytes of `importlib.util.MAGIC_NUMBER`, read as a little-endian number.
    pub bytecode_magic: u32,
    /// Version of the agreement between blob and stub.
    pub stub_abi: u32,
    /// Length of the blob in bytes.
    pub total_length: u64,
    /// String reference of the target triple.
    pub(crate) target: StrRef,
    /// Data index of the snapshot, or [`NONE`].
    pub(crate) snapshot: u32,
    /// Data index of the licence texts, or [`NONE`].
    pub(crate) licenses: u32,
    /// Number of section records.
    pub section_count: u32,
    /// SHA-256 as [`crate::digest`] defines it.
    pub digest: [u8; 32],
}

/// A string reference: offset into the string table and length, both in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct StrRef {
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

impl StrRef {
    /// The reference at `at` of a record.
    #[inline]
    pub(crate) fn at(record: &[u8], at: usize) -> Self {
        Self {
            offset: u32_at(record, at),
            length: u32_at(record, at + 4),
        }
    }
}

/// Reads the header and the section table. Constant work: at most [`MAX_SECTIONS`] records.
pub(crate) fn read(bytes: &[u8]) -> Result<(Header, [Section; SECTION_COUNT]), Error> {
    let available = bytes.len() as u64;
    let Ok(raw) = slice(bytes, 0, HEADER_SIZE, Structure::Header, 0) else {
        return Err(Error::Truncated {
            structure: Structure::Header,
            offset: 0,
            needed: HEADER_SIZE,
            available,
        });
    };
    if !raw.starts_with(&MAGIC) {
        return Err(Error::BadMagic {
            structure: Structure::Header,
            offset: 0,
        });
    }
    let (major, minor) = (u16_at(raw, 8), u16_at(raw, 10));
    if major != VERSION_MAJOR {
        return Err(Error::UnsupportedVersion {
            offset: 8,
            major,
            minor,
        });
    }
    if u32_at(raw, 12) != 0 {
        return Err(Error::UnknownFlags {
            structure: Structure::Header,
            offset: 12,
            bits: u32_at(raw, 12),
        });
    }
    if u32_at(raw, 60) != 0 {
        return Err(Error::UnknownFlags {
            structure: Structure::Header,
            offset: 60,
            bits: u32_at(raw, 60),
        });
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(&raw[64..96]); // raw has HEADER_SIZE = 96 bytes
    let header = Header {
        minor,
        ignorable_flags: u32_at(raw, 16),
        py_version_hex: u32_at(raw, 20),
        bytecode_magic: u32_at(raw, 24),
        stub_abi: u32_at(raw, 28),
        total_length: u64_at(raw, 32),
        target: StrRef::at(raw, 40),
        snapshot: u32_at(raw, 48),
        licenses: u32_at(raw, 52),
        section_count: u32_at(raw, 56),
        digest,
    };
    if header.total_length > available {
        return Err(Error::Truncated {
            structure: Structure::Header,
            offset: 32,
            needed: header.total_length,
            available,
        });
    }
    Ok((header, read_sections(bytes, &header)?))
}

fn read_sections(bytes: &[u8], header: &Header) -> Result<[Section; SECTION_COUNT], Error> {
    let count = header.section_count;
    if count > MAX_SECTIONS {
        return Err(Error::BadValue {
            structure: Structure::Header,
            offset: 56,
            value: u64::from(count),
            rule: "a blob has at most 64 sections",
        });
    }
    let needed = u64::from(count) * SECTION_RECORD_SIZE;
    let table_end = HEADER_SIZE + needed;
    let Ok(table) = slice(bytes, HEADER_SIZE, needed, Structure::Header, 56) else {
        return Err(Error::Truncated {
            structure: Structure::SectionTable,
            offset: HEADER_SIZE,
            needed,
            available: (bytes.len() as u64).saturating_sub(HEADER_SIZE),
        });
    };
    if header.total_length < table_end {
        return Err(Error::BadValue {
            structure: Structure::Header,
            offset: 32,
            value: header.total_length,
            rule: "a blob holds at least its header and section table",
        });
    }
    let mut sections = [Section::default(); SECTION_COUNT];
    let mut previous_kind = 0;
    let mut previous_end = table_end;
    for (record, at) in table
        .chunks_exact(SECTION_RECORD_SIZE as usize)
        .zip((HEADER_SIZE..).step_by(SECTION_RECORD_SIZE as usize))
    {
        let fail = |field: u64, value: u64, rule| Error::BadValue {
            structure: Structure::SectionTable,
            offset: at + field,
            value,
            rule,
        };
        let number = u32_at(record, 0);
        let flags = u32_at(record, 4);
        let offset = u64_at(record, 8);
        let length = u64_at(record, 16);
        let size = u32_at(record, 24);
        if number <= previous_kind {
            return Err(fail(0, u64::from(number), "kinds ascend from 1"));
        }
        for (field, bits) in [(4, flags & !SECTION_REQUIRED), (28, u32_at(record, 28))] {
            if bits != 0 {
                return Err(Error::UnknownFlags {
                    structure: Structure::SectionTable,
                    offset: at + field,
                    bits,
                });
            }
        }
        if offset < previous_end {
            return Err(fail(8, offset, "sections do not overlap and ascend"));
        }
        let end = offset.checked_add(length);
        if end.is_none_or(|end| end > header.total_length) {
            return Err(Error::OutOfBounds {
                structure: Structure::SectionTable,
                offset: at + 8,
                start: offset,
                len: length,
                limit: header.total_length,
            });
        }
        match SectionKind::from_number(number) {
            Some(kind) => {
                if size != kind.record_size() {
                    return Err(fail(24, u64::from(size), "version 1 fixes the record size"));
                }
                if !length.is_multiple_of(u64::from(size)) {
                    return Err(fail(16, length, "a table holds whole records"));
                }
                if length / u64::from(size) >= u64::from(NONE) && size > 1 {
                    return Err(fail(16, length, "a table has fewer than 2^32-1 records"));
                }
                sections[kind.slot()] = Section { offset, length };
            }
            None if flags & SECTION_REQUIRED != 0 => {
                return Err(fail(
                    0,
                    u64::from(number),
                    "this required section is unknown",
                ));
            }
            None => {}
        }
        previous_kind = number;
        previous_end = offset + length; // checked above
    }
    Ok(sections)
}
