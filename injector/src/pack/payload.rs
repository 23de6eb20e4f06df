//! Bytes on their way into a blob.

use std::borrow::Cow;
use std::io::{self, Read as _};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::collect::CollectError;
use crate::collect::Stamp;
use crate::regular;

/// Nobody compiles a longer one: the compiler holds it several times over.
pub const LONGEST_SOURCE: u64 = 256 << 20;

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
        /// What it looked like then.
        stamp: Stamp,
        /// The digest of what was read of it before, if that matters: a module's code and its
        /// source come from the same bytes.
        digest: Option<[u8; 32]>,
    },
}

impl Payload<'_> {
    /// The same bytes, borrowed from here.
    #[must_use]
    pub fn borrowed(&self) -> Payload<'_> {
        match self {
            Payload::Bytes(bytes) => Payload::Bytes(Cow::Borrowed(bytes)),
            Payload::File {
                path,
                len,
                stamp,
                digest,
            } => Payload::File {
                path: path.clone(),
                len: *len,
                stamp: *stamp,
                digest: *digest,
            },
        }
    }

    /// The bytes themselves, read if they are in a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not what it was.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, CollectError> {
        let (path, len, stamp, digest) = match self {
            Payload::Bytes(bytes) => return Ok(Cow::Borrowed(bytes)),
            Payload::File {
                path,
                len,
                stamp,
                digest,
            } => (path, *len, *stamp, digest),
        };
        let io = |source| CollectError::Io {
            path: path.clone(),
            source,
        };
        let file = regular::open(path).map_err(io)?;
        let mut bytes = Vec::new();
        // One more, so that a longer file is noticed and not read to its end.
        let mut reader = (&file).take(len.saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(io)?;
        let same = bytes.len() as u64 == len
            && stamp.fits(&file.metadata().map_err(io)?)
            && digest.is_none_or(|digest| digest == Sha256::digest(&bytes)[..]);
        if same {
            Ok(Cow::Owned(bytes))
        } else {
            Err(CollectError::Changed(path.clone()))
        }
    }

    /// The bytes of a source, of a length that can be compiled.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and if it is longer than 256 MiB: the compiler holds it several
    /// times over.
    pub fn source(&self) -> Result<Cow<'_, [u8]>, CollectError> {
        match self {
            Payload::File { path, len, .. } if *len > LONGEST_SOURCE => Err(CollectError::Io {
                path: path.clone(),
                source: io::ErrorKind::FileTooLarge.into(),
            }),
            _ => self.bytes(),
        }
    }

    /// Holds the file to these bytes, which were read of it.
    pub fn hold_to(&mut self, read: [u8; 32]) {
        if let Payload::File { digest, .. } = self {
            *digest = Some(read);
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
/// Files above this are stored as they are: they are mostly media and archives, and a frame is held
/// in memory.
pub(super) const LARGEST: u64 = 64 << 20;
const LEVEL: i32 = 9;

/// The bytes as the one kind of zstd frame that the format takes, if that is worth it.
#[must_use]
pub fn zstd_frame(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < SMALLEST {
        return None;
    }
    // The bulk function writes one frame and states the content's size in it, as the format asks.
    let frame = zstd::bulk::compress(bytes, LEVEL).ok()?;
    // Readers refuse frames denser than the format allows; only runs of equal bytes are.
    let worth_it = frame.len() < bytes.len() - bytes.len() / 10
        && bytes.len() as u64 <= oxidize_format::largest_content(frame.len() as u64);
    worth_it.then_some(frame)
}

/// How hard is tried: more makes a block no smaller.
const LZ4_LEVEL: i32 = 9;

/// The bytes as an LZ4 block, if that is worth it.
#[must_use]
pub fn lz4_block(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < SMALLEST {
        return None;
    }
    let mode = lz4::block::CompressionMode::HIGHCOMPRESSION(LZ4_LEVEL);
    let block = lz4::block::compress(bytes, Some(mode), false).ok()?;
    (block.len() < bytes.len() - bytes.len() / 10).then_some(block)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_read_twice_is_the_same_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.py");
        fs::write(&path, "x = 1").unwrap();
        let mut payload = Payload::File {
            path: path.clone(),
            len: 5,
            stamp: Stamp::default(),
            digest: None,
        };
        assert_eq!(*payload.bytes().unwrap(), *b"x = 1");
        payload.hold_to(Sha256::digest(b"x = 1").into());
        assert_eq!(*payload.bytes().unwrap(), *b"x = 1");
        let changed = |payload: &Payload<'_>| matches!(payload.bytes(), Err(CollectError::Changed(found)) if found == path);
        // Too fast for any clock: only the digest tells.
        fs::write(&path, "x = 2").unwrap();
        assert!(changed(&payload));
        for other in ["x = 10", "x ="] {
            fs::write(&path, other).unwrap();
            assert!(changed(&payload));
        }
        let before = Stamp::of(&fs::metadata(&path).unwrap());
        fs::write(dir.path().join("new"), "x = 1").unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        let stamped = Payload::File {
            path: path.clone(),
            len: 5,
            stamp: before,
            digest: None,
        };
        assert!(changed(&stamped));
    }
}
