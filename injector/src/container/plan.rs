//! An output file before it is written: its pieces in order.

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
}

impl Plan {
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
        out
    }
}
