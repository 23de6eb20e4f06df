//! What can be wrong with a blob: which structure, at which byte.

use core::fmt;

/// The structure of the format an [`Error`] speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Structure {
    /// The fixed header at offset 0.
    Header,
    /// The section table behind the header.
    SectionTable,
    /// The run configuration, a list of keyed values.
    RunConfig,
    /// The table of modules.
    Modules,
    /// The table of tree nodes.
    Tree,
    /// The data table.
    DataTable,
    /// The table of native images.
    Natives,
    /// The list of needed library names.
    Needed,
    /// The table of distributions.
    Distributions,
    /// The string table.
    Strings,
    /// Hot data: bytecode.
    HotData,
    /// Cold data: sources and files.
    ColdData,
    /// Page-aligned native images.
    NativeData,
    /// The snapshot.
    Snapshot,
    /// The descriptor in the executable's slot (not part of the blob).
    Descriptor,
}

impl Structure {
    /// The words the document uses for this structure.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::SectionTable => "section table",
            Self::RunConfig => "run configuration",
            Self::Modules => "module table",
            Self::Tree => "tree",
            Self::DataTable => "data table",
            Self::Natives => "native table",
            Self::Needed => "needed list",
            Self::Distributions => "distribution table",
            Self::Strings => "string table",
            Self::HotData => "hot data",
            Self::ColdData => "cold data",
            Self::NativeData => "native data",
            Self::Snapshot => "snapshot",
            Self::Descriptor => "descriptor",
        }
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A defect in a blob. Every kind names the structure and the absolute offset
/// (in bytes from the start of the blob) of the field that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The blob ends before the structure does.
    #[error("{structure} at offset {offset}: needs {needed} bytes, {available} are there")]
    Truncated {
        /// The structure that does not fit.
        structure: Structure,
        /// Where it starts.
        offset: u64,
        /// How many bytes it needs.
        needed: u64,
        /// How many bytes there are from `offset` on.
        available: u64,
    },
    /// The first bytes are not this format's.
    #[error("{structure} at offset {offset}: wrong magic, this is not a blob")]
    BadMagic {
        /// The header or the descriptor.
        structure: Structure,
        /// Where the magic was expected.
        offset: u64,
    },
    /// The major version is not the one this reader knows.
    #[error("header at offset {offset}: format version {major}.{minor} is not supported")]
    UnsupportedVersion {
        /// Where the version field is.
        offset: u64,
        /// The blob's major version.
        major: u16,
        /// The blob's minor version.
        minor: u16,
    },
    /// A bit that must be understood is not.
    #[error("{structure} at offset {offset}: unknown flag bits {bits:#x}")]
    UnknownFlags {
        /// Where the flags are.
        structure: Structure,
        /// Offset of the flag field.
        offset: u64,
        /// The bits that are set and unknown.
        bits: u32,
    },
    /// A reference leads out of the blob or of the structure it must stay in.
    #[error(
        "{structure} at offset {offset}: {start}+{len} leaves the {limit} bytes it may refer to"
    )]
    OutOfBounds {
        /// The structure that holds the reference.
        structure: Structure,
        /// Offset of the reference.
        offset: u64,
        /// Where the reference starts.
        start: u64,
        /// How long it is.
        len: u64,
        /// The size of what it refers to.
        limit: u64,
    },
    /// An index is not smaller than the number of records.
    #[error("{structure} at offset {offset}: index {index} of {count} records")]
    BadIndex {
        /// The structure that holds the index.
        structure: Structure,
        /// Offset of the index.
        offset: u64,
        /// The index.
        index: u64,
        /// How many records there are.
        count: u64,
    },
    /// A string is not UTF-8.
    #[error("{structure} at offset {offset}: not UTF-8")]
    NotUtf8 {
        /// The structure that holds the string.
        structure: Structure,
        /// Offset of the first byte that is not UTF-8.
        offset: u64,
    },
    /// A field has a value the format does not allow.
    #[error("{structure} at offset {offset}: {value} is not allowed, {rule}")]
    BadValue {
        /// The structure that holds the field.
        structure: Structure,
        /// Offset of the field.
        offset: u64,
        /// The value found; where a key of the run configuration is at fault, the key.
        value: u64,
        /// What the document asks for.
        rule: &'static str,
    },
    /// The bytes can be read, yet no writer of this version would have written them.
    #[error("{structure} at offset {offset}: {rule}")]
    NotCanonical {
        /// The structure.
        structure: Structure,
        /// Offset of the field that differs.
        offset: u64,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// Compressed data does not decode to what its record declares.
    #[error("{structure} at offset {offset}: {problem}")]
    Compression {
        /// The data section the bytes lie in.
        structure: Structure,
        /// Offset of the compressed bytes.
        offset: u64,
        /// What is wrong with them.
        problem: FrameProblem,
    },
    /// The data lies outside the blob, beside the executable.
    #[error("{structure} at offset {offset}: the data is a file beside the executable")]
    External {
        /// Always the data table.
        structure: Structure,
        /// Offset of the data record.
        offset: u64,
    },
    /// The bytes do not have the digest the header states.
    #[error("header at offset {offset}: the digest does not match the bytes")]
    DigestMismatch {
        /// Where the digest is.
        offset: u64,
    },
}

/// What is wrong with a zstd frame or an LZ4 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameProblem {
    /// No zstd frame, or a frame header with reserved bits or a dictionary.
    Header,
    /// The frame does not state its content size, or another than the record's length.
    ContentSize,
    /// The frame asks for a window larger than the content, or than 8 MiB.
    Window,
    /// More content declared than so few bytes may hold: see
    /// [`largest_content`](crate::largest_content).
    Ratio,
    /// The bytes do not decode.
    Corrupt,
    /// They hold more or less content than declared.
    Length,
    /// Bytes follow the frame.
    Trailing,
}

impl fmt::Display for FrameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "not a zstd frame this format allows",
            Self::ContentSize => "the zstd frame does not state the declared length",
            Self::Window => "the zstd frame asks for too large a window",
            Self::Ratio => "the declared length is more than compressed data of its size may hold",
            Self::Corrupt => "the compressed data is damaged",
            Self::Length => "the compressed data holds another length than declared",
            Self::Trailing => "bytes follow the zstd frame",
        })
    }
}

impl Error {
    /// The structure the defect is in.
    #[must_use]
    pub fn structure(&self) -> Structure {
        match *self {
            Self::Truncated { structure, .. }
            | Self::BadMagic { structure, .. }
            | Self::UnknownFlags { structure, .. }
            | Self::OutOfBounds { structure, .. }
            | Self::BadIndex { structure, .. }
            | Self::NotUtf8 { structure, .. }
            | Self::BadValue { structure, .. }
            | Self::NotCanonical { structure, .. }
            | Self::Compression { structure, .. }
            | Self::External { structure, .. } => structure,
            Self::UnsupportedVersion { .. } | Self::DigestMismatch { .. } => Structure::Header,
        }
    }

    /// The absolute offset of the field that is wrong, in bytes from the start of the blob.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match *self {
            Self::Truncated { offset, .. }
            | Self::BadMagic { offset, .. }
            | Self::UnsupportedVersion { offset, .. }
            | Self::UnknownFlags { offset, .. }
            | Self::OutOfBounds { offset, .. }
            | Self::BadIndex { offset, .. }
            | Self::NotUtf8 { offset, .. }
            | Self::BadValue { offset, .. }
            | Self::NotCanonical { offset, .. }
            | Self::Compression { offset, .. }
            | Self::External { offset, .. }
            | Self::DigestMismatch { offset } => offset,
        }
    }
}
