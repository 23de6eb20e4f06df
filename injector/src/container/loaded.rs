//! What a system loads of a stub, apart from where the file holds it.
//!
//! Tools such as `strip` rewrite an application: they drop symbols, move parts of the file and
//! write new tables. What they must leave alone is what runs. So the undo record keeps a digest of
//! that, with the addresses it covers, and another of the headers that say where everything lies in
//! the file. When the stub cannot be given back, the two tell a tool's work from damage:
//!
//! * the headers are what they were, and other bytes are not: nothing was moved, something was
//!   overwritten;
//! * the headers are new, and what is loaded is what it was: a tool rewrote the file, and the
//!   program is intact;
//! * the headers are new, and what is loaded is not: whatever rewrote the file, it damaged the
//!   program.

use sha2::{Digest, Sha256};

/// A stub as it is loaded.
#[derive(Debug, Default)]
pub(super) struct Loaded<'a> {
    /// The tables that say where everything lies in the file.
    pub(super) headers: Vec<&'a [u8]>,
    /// What the headers say about the memory: addresses, sizes, rights, where to begin.
    pub(super) outline: Vec<u8>,
    /// Bytes and their addresses.
    pub(super) parts: Vec<(u64, &'a [u8])>,
    /// How many more bytes are taken.
    left: u64,
}

/// How many parts are taken. A stub has a few dozen.
pub(super) const MOST_PARTS: usize = 4096;

/// How many bytes are taken of a file of this length. Its parts could name the same bytes again and
/// again.
pub(super) fn most_bytes(len: usize) -> u64 {
    (len as u64).saturating_mul(2)
}

impl<'a> Loaded<'a> {
    /// Nothing yet of a file of this length.
    pub(super) fn new(len: usize) -> Loaded<'a> {
        Loaded {
            left: most_bytes(len),
            ..Loaded::default()
        }
    }

    /// Adds numbers to the outline.
    pub(super) fn note(&mut self, values: &[u64]) {
        for value in values {
            self.outline.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Adds bytes at an address, but for those of the descriptor, which injection fills. What goes
    /// beyond the bounds is not vouched for.
    pub(super) fn add(&mut self, address: u64, bytes: &'a [u8], descriptor: (u64, u64)) {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            return;
        };
        if self.parts.len() + 2 > MOST_PARTS {
            return;
        }
        self.left = left;
        let (from, len) = descriptor;
        let inside = |at: u64| {
            let at = at.saturating_sub(address);
            usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len())
        };
        let (before, after) = (inside(from), inside(from.saturating_add(len)));
        if before > 0 {
            self.parts.push((address, &bytes[..before]));
        }
        if after < bytes.len() {
            self.parts.push((address + after as u64, &bytes[after..]));
        }
    }

    /// Digest of the headers.
    pub(super) fn headers_digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for header in &self.headers {
            hasher.update((header.len() as u64).to_le_bytes());
            hasher.update(header);
        }
        hasher.finalize().into()
    }

    /// Digest of outline and parts.
    pub(super) fn digest(&self) -> [u8; 32] {
        let parts = self.parts.iter().map(|(_, bytes)| Some(*bytes));
        digest(&self.outline, parts).expect("all parts are there")
    }
}

/// Digest of an outline and of parts found elsewhere; `None` when one of them is missing.
pub(super) fn digest<'a>(
    outline: &[u8],
    parts: impl Iterator<Item = Option<&'a [u8]>>,
) -> Option<[u8; 32]> {
    let mut hasher = Sha256::new();
    hasher.update((outline.len() as u64).to_le_bytes());
    hasher.update(outline);
    for part in parts {
        hasher.update(part?);
    }
    Some(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_is_cut_out_wherever_it_lies() {
        let bytes: Vec<u8> = (0..100).collect();
        for (from, len, expected) in [
            (1000, 64, vec![(500, &bytes[..])]),
            (400, 64, vec![(500, &bytes[..])]),
            (500, 64, vec![(564, &bytes[64..])]),
            (510, 64, vec![(500, &bytes[..10]), (574, &bytes[74..])]),
            (536, 64, vec![(500, &bytes[..36])]),
            (480, 64, vec![(544, &bytes[44..])]),
            (580, 64, vec![(500, &bytes[..80])]),
        ] {
            let mut loaded = Loaded::new(1000);
            loaded.add(500, &bytes, (from, len));
            assert_eq!(loaded.parts, expected, "{from}");
        }
    }
}
