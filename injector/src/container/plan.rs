//! An output file before it is written: its pieces in order, and what is computed from them
//! afterwards.

use std::io::{self, Read};
use std::ops::Range;

use super::error::ContainerError;
use crate::image::macho::adhoc::Signature;
use crate::image::pe::checksum::Checksum;

/// What injection writes into headers is not there.
pub(super) const HEADERS_OVERWRITTEN: ContainerError =
    ContainerError::Damaged("bytes of the headers were overwritten");

/// One piece of an output file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many zero bytes.
    Zeros(u64),
    /// The blob comes here.
    Blob,
}

/// The layout of an output file. Everything is decided before the first byte is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(super) pieces: Vec<Piece>,
    pub(super) blob_len: u64,
    pub(super) seal: Option<Seal>,
}

/// Bytes of the output that depend on the rest of it: a checksum, a signature. Their place is known
/// from the start and holds zeros at first; they are computed in one pass over the finished file,
/// with the blob's own digest in it, and written last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub(super) offset: u64,
    /// How much of the file, from its first byte, is read.
    pub(super) covers: u64,
    pub(super) kind: SealKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SealKind {
    /// The checksum in a PE file's optional header.
    Checksum,
    /// The ad-hoc signature at the end of a Mach-O file.
    Signature(Signature),
}

impl Seal {
    /// Where the bytes go.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes of the file [`compute`](Seal::compute) reads.
    #[must_use]
    pub fn covers(&self) -> u64 {
        self.covers
    }

    /// Computes the bytes. `file` is the output from its first byte; `step` hears how much more has
    /// been read.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn compute(&self, file: impl Read, step: impl FnMut(u64)) -> io::Result<Vec<u8>> {
        match &self.kind {
            SealKind::Checksum => {
                let mut checksum = Checksum::default();
                feed(file, self.covers, step, |bytes| checksum.update(bytes))?;
                Ok(checksum.finish().to_le_bytes().to_vec())
            }
            SealKind::Signature(signature) => {
                let mut pages = signature.pages();
                feed(file, self.covers, step, |bytes| pages.update(bytes))?;
                Ok(signature.write(&pages.finish()))
            }
        }
    }
}

fn feed(
    mut file: impl Read,
    len: u64,
    mut step: impl FnMut(u64),
    mut update: impl FnMut(&[u8]),
) -> io::Result<()> {
    const BUFFER: u64 = 1 << 20;
    let mut buffer = vec![0; len.min(BUFFER) as usize];
    let mut left = len;
    while left > 0 {
        let part = &mut buffer[..left.min(BUFFER) as usize];
        file.read_exact(part)?;
        update(part);
        left -= part.len() as u64;
        step(part.len() as u64);
    }
    Ok(())
}

impl Plan {
    /// Judges a file whose stub was recovered: whether `bytes` are another file than the planned
    /// one, `free` places aside. Before `headers_end` only what injection writes can differ.
    ///
    /// # Errors
    /// It does.
    pub(super) fn judge(
        &self,
        bytes: &[u8],
        free: &[Range<usize>],
        headers_end: usize,
    ) -> Result<bool, ContainerError> {
        match self.first_difference(bytes, free) {
            Some(at) if at < headers_end => Err(HEADERS_OVERWRITTEN),
            difference => Ok(difference.is_some()),
        }
    }

    /// Offset of the first byte in which `bytes` are not the planned file, whatever blob is in it:
    /// the end of the shorter one if nothing else differs. What is at `free` may be anything: the
    /// seal's bytes, or what tools that sign write anew.
    fn first_difference(&self, bytes: &[u8], free: &[Range<usize>]) -> Option<usize> {
        let counts = |at: &usize| !free.iter().any(|range| range.contains(at));
        let mut at = 0usize;
        for piece in &self.pieces {
            let len = usize::try_from(self.len_of(piece)).unwrap_or(usize::MAX);
            let end = at.saturating_add(len);
            let part = &bytes[at.min(bytes.len())..end.min(bytes.len())];
            let differs = |(place, is): (usize, bool)| (!is).then_some(at + place).filter(counts);
            let found = match piece {
                Piece::Bytes(expected) if part != expected.as_slice() => {
                    let same = part.iter().zip(expected).map(|(one, other)| one == other);
                    same.enumerate().find_map(differs)
                }
                Piece::Zeros(_) => {
                    let same = part.iter().map(|byte| *byte == 0);
                    same.enumerate().find_map(differs)
                }
                Piece::Bytes(_) | Piece::Blob => None,
            };
            if found.is_some() {
                return found;
            }
            if part.len() < len {
                return Some(bytes.len()).filter(counts);
            }
            at = end;
        }
        (at < bytes.len()).then_some(at).filter(counts)
    }

    /// The pieces in file order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Length of the blob that the plan was made for.
    #[must_use]
    pub fn blob_len(&self) -> u64 {
        self.blob_len
    }

    /// What has to be computed from the written file, and written into it, at the very end.
    #[must_use]
    pub fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref()
    }

    /// Length of a piece.
    #[must_use]
    pub fn len_of(&self, piece: &Piece) -> u64 {
        match piece {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Zeros(n) => *n,
            Piece::Blob => self.blob_len,
        }
    }

    /// File offset of the blob.
    #[must_use]
    pub fn blob_offset(&self) -> u64 {
        let before = self
            .pieces
            .iter()
            .take_while(|piece| **piece != Piece::Blob);
        before.map(|piece| self.len_of(piece)).sum()
    }

    /// Length of the whole output.
    #[must_use]
    pub fn total_len(&self) -> u64 {
        self.pieces.iter().map(|piece| self.len_of(piece)).sum()
    }

    /// The output in memory, for small blobs (tests, fuzzing).
    #[must_use]
    pub fn assemble(&self, blob: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Zeros(n) => out.resize(
                    out.len() + usize::try_from(*n).expect("a piece that fits in memory"),
                    0,
                ),
                Piece::Blob => out.extend_from_slice(blob),
            }
        }
        if let Some(seal) = &self.seal {
            let bytes = seal.compute(&out[..], |_| {});
            let bytes = bytes.expect("a seal covers no more than the output");
            let at = usize::try_from(seal.offset).expect("an offset within the output");
            out[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        out
    }
}
