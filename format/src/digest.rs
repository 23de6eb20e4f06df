//! The blob's digest: a two-level SHA-256, so that chunks can be hashed in parallel.
//!
//! SHA-256 over the concatenated SHA-256s of the blob's 1 MiB chunks (the last one may be
//! short), with the 32 bytes of the header's digest field taken as zero.

mod pair;

use sha2::{Digest, Sha256};

use crate::header::DIGEST_OFFSET;

/// Bytes per chunk.
pub const CHUNK: usize = 1 << 20;

const FIELD: core::ops::Range<usize> = DIGEST_OFFSET as usize..DIGEST_OFFSET as usize + 32;

/// SHA-256 of the chunk at `index`; for the first one, with the digest field taken as zero.
/// `chunk` is [`CHUNK`] bytes long unless it is the last.
#[must_use]
pub fn chunk(index: u64, chunk: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    match chunk.get(FIELD) {
        Some(field) if index == 0 => {
            hasher.update(&chunk[..FIELD.start]); // in bounds: FIELD is
            hasher.update([0; 32]);
            hasher.update(&chunk[FIELD.start + field.len()..]);
        }
        _ => hasher.update(chunk),
    }
    hasher.finalize().into()
}

/// The hashes of the chunks of `bytes`, the first of which is the blob's chunk at `index`. Two at a
/// time are faster than one after the other; the digest field is taken as zero.
pub fn chunks(index: u64, bytes: &[u8]) -> impl Iterator<Item = [u8; 32]> {
    let pairs = (index..).step_by(2).zip(bytes.chunks(2 * CHUNK));
    pairs.flat_map(|(index, pair)| {
        let hashes = match pair.split_at_checked(CHUNK) {
            None | Some((_, [])) => [Some(chunk(index, pair)), None],
            Some((first, second)) if index == 0 => [Some(chunk(0, first)), Some(chunk(1, second))],
            Some((first, second)) => pair::sha256([first, second]).map(Some),
        };
        hashes.into_iter().flatten()
    })
}

/// The digest from the chunks' hashes in order.
pub fn combine<'c>(chunks: impl IntoIterator<Item = &'c [u8; 32]>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for chunk in chunks {
        hasher.update(chunk);
    }
    hasher.finalize().into()
}

/// The digest of a whole blob, on this thread.
#[must_use]
pub fn of(blob: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for hash in chunks(0, blob) {
        hasher.update(hash);
    }
    hasher.finalize().into()
}

/// Computes the digest of a blob that passes by in pieces of any size. Pass the digest field
/// as written (it is taken as zero).
#[derive(Debug, Clone, Default)]
pub struct Hasher {
    outer: Sha256,
    inner: Sha256,
    /// Bytes seen so far.
    position: u64,
}

impl Hasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the blob.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = CHUNK - (self.position % CHUNK as u64) as usize;
            let (now, later) = bytes.split_at(left.min(bytes.len()));
            self.absorb(now);
            self.position += now.len() as u64;
            if self.position.is_multiple_of(CHUNK as u64) {
                self.outer.update(self.inner.finalize_reset_bytes());
            }
            bytes = later;
        }
    }

    /// The digest of everything seen.
    #[must_use]
    pub fn finish(mut self) -> [u8; 32] {
        if !self.position.is_multiple_of(CHUNK as u64) {
            self.outer.update(self.inner.finalize_reset_bytes());
        }
        self.outer.finalize().into()
    }

    /// Hashes bytes of one chunk, with those of the digest field as zeros.
    fn absorb(&mut self, bytes: &[u8]) {
        let start = usize::try_from(self.position).unwrap_or(usize::MAX);
        // The field's part within `bytes`; empty when it lies elsewhere.
        let from = FIELD.start.saturating_sub(start).min(bytes.len());
        let to = FIELD.end.saturating_sub(start).clamp(from, bytes.len());
        self.inner.update(&bytes[..from]);
        self.inner.update(&[0; 32][..to - from]); // at most the field's 32 bytes
        self.inner.update(&bytes[to..]);
    }
}

trait FinalizeReset {
    fn finalize_reset_bytes(&mut self) -> [u8; 32];
}

impl FinalizeReset for Sha256 {
    fn finalize_reset_bytes(&mut self) -> [u8; 32] {
        core::mem::take(self).finalize().into()
    }
}
