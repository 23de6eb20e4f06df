//! Bytes on their way into a blob.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use oxidize_format::{Compression, Content};

use crate::collect;

/// A run of bytes, known by its length until it is written.
#[derive(Debug, Clone)]
pub enum Payload<'a> {
    /// In memory, or in a mapping.
    Bytes(Cow<'a, [u8]>),
    /// A whole file, copied when its turn comes.
    File {
        /// The file.
        path: PathBuf,
        /// Its length when it was found.
        len: u64,
    },
}

impl Payload<'_> {
    /// The same bytes, borrowed from here.
    #[must_use]
    pub fn borrowed(&self) -> Payload<'_> {
        match self {
            Payload::Bytes(bytes) => Payload::Bytes(Cow::Borrowed(bytes)),
            Payload::File { path, len } => Payload::File {
                path: path.clone(),
                len: *len,
            },
        }
    }

    /// The bytes themselves, read if they are in a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, collect::Error> {
        match self {
            Payload::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Payload::File { path, .. } => match fs::read(path) {
                Ok(bytes) => Ok(Cow::Owned(bytes)),
                Err(source) => Err(collect::Error::Io {
                    path: path.clone(),
                    source,
                }),
            },
        }
    }
}

impl oxidize_format::Payload for Payload<'_> {
    fn len(&self) -> u64 {
        match self {
            Payload::Bytes(bytes) => bytes.len(),
            Payload::File { len, .. } => *len,
        }
    }
}

/// Below this, a frame's header eats what it saves.
const SMALLEST: usize = 128;
/// Files above this are stored as they are: they are mostly media and archives, and a frame is held in memory.
pub(super) const LARGEST: u64 = 64 << 20;
const LEVEL: i32 = 9;

/// Compressed content if that is worth it.
#[must_use]
pub(super) fn compressed(bytes: &[u8]) -> Option<Content<Payload<'static>>> {
    if bytes.len() < SMALLEST {
        return None;
    }
    // The bulk function writes one frame and states the content's size in it, as the format asks.
    let frame = zstd::bulk::compress(bytes, LEVEL).ok()?;
    // Readers refuse frames denser than the format allows; only runs of equal bytes are.
    let worth_it = frame.len() < bytes.len() - bytes.len() / 10
        && bytes.len() as u64 <= oxidize_format::largest_content(frame.len() as u64);
    worth_it.then(|| Content::Stored {
        length: bytes.len() as u64,
        payload: Payload::Bytes(frame.into()),
        compression: Compression::Zstd,
    })
}
