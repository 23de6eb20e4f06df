//! What a writer is given.

use std::borrow::Cow;

use crate::{Compression, ModuleKind};

/// Bytes to be stored, known to the writer by their length only. The writer never looks at
/// them: [`crate::Layout::pieces`] hands them back in order for the caller to copy.
pub trait Payload {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Payload for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }
}

impl Payload for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }
}

impl Payload for Cow<'_, [u8]> {
    fn len(&self) -> u64 {
        self.as_ref().len() as u64
    }
}

impl<P: Payload + ?Sized> Payload for &P {
    fn len(&self) -> u64 {
        (**self).len()
    }
}

impl<P: Payload + ?Sized> Payload for Box<P> {
    fn len(&self) -> u64 {
        (**self).len()
    }
}

impl<P: Payload + ?Sized> Payload for std::sync::Arc<P> {
    fn len(&self) -> u64 {
        (**self).len()
    }
}

/// Where an entry's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<P> {
    /// Bytes stored in the blob.
    Stored {
        /// The bytes as stored.
        payload: P,
        /// Length in bytes once read; the payload's own unless compressed.
        length: u64,
        /// How the payload is stored. A zstd payload is one frame that states its content size.
        compression: Compression,
    },
    /// A file beside the executable.
    External {
        /// Relative to the executable's directory, `/` between components.
        path: String,
        /// Length in bytes.
        length: u64,
    },
    /// The same data as the file at this full virtual path in the tree.
    File(String),
}

impl<P: Payload> Content<P> {
    /// Bytes stored as they are.
    pub fn plain(payload: P) -> Self {
        Self::Stored {
            length: payload.len(),
            payload,
            compression: Compression::None,
        }
    }

    /// One zstd frame that holds `length` bytes and says so.
    pub fn zstd(payload: P, length: u64) -> Self {
        Self::Stored {
            payload,
            length,
            compression: Compression::Zstd,
        }
    }

    /// One LZ4 block that holds `length` bytes.
    pub fn lz4(payload: P, length: u64) -> Self {
        Self::Stored {
            payload,
            length,
            compression: Compression::Lz4,
        }
    }
}

/// The header's fields that the caller decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderFields {
    /// `PY_VERSION_HEX`.
    pub py_version_hex: u32,
    /// The four bytes of `importlib.util.MAGIC_NUMBER` as a little-endian number.
    pub bytecode_magic: u32,
    /// Version of the agreement between blob and stub.
    pub stub_abi: u32,
    /// Target triple.
    pub target: String,
    /// The virtual root; [`crate::VIRTUAL_ROOT`] where paths are POSIX.
    pub root: String,
}

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry<P> {
    /// The file's bytes.
    pub content: Content<P>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// A module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleEntry<P> {
    /// Full dotted name.
    pub name: String,
    /// Module, package or namespace package.
    pub kind: ModuleKind,
    /// Full virtual path of its file, or of a namespace package's directory. It need not be
    /// in the tree. `None` for a module that claims no file.
    pub path: Option<String>,
    /// Its source, most often `Content::File` of `path`.
    pub source: Option<Content<P>>,
    /// Whether `get_source` may show the source.
    pub show_source: bool,
    /// Marshalled code per `-O` level, without a `.pyc` header. Never `Content::File`.
    pub bytecode: [Option<Content<P>>; 3],
    /// [`NativeEntry::name`] of an extension module's image.
    pub native: Option<String>,
}

impl<P> ModuleEntry<P> {
    /// A module of that name and kind with nothing else set; its source may be shown.
    pub fn new(name: impl Into<String>, kind: ModuleKind) -> Self {
        Self {
            name: name.into(),
            kind,
            path: None,
            source: None,
            show_source: true,
            bytecode: [None, None, None],
            native: None,
        }
    }
}

/// An extension module's or a shared library's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeEntry<P> {
    /// Unique name: the full module name of an extension module, the path below the virtual
    /// root of a shared library.
    pub name: String,
    /// The name others list as needed.
    pub soname: Option<String>,
    /// The sonames it needs, in its own order.
    pub needed: Vec<String>,
    /// Extension module or plain shared library.
    pub extension: bool,
    /// The image; `Content::File` when the tree shows it as a file.
    pub content: Content<P>,
}

/// An installed distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionEntry {
    /// PEP 503 normalised name.
    pub normalised: String,
    /// Name as the metadata spells it.
    pub name: String,
    /// Version as the metadata spells it.
    pub version: String,
    /// Full virtual path of its metadata directory, which must be in the tree.
    pub directory: String,
}
