//! The 64 bytes in a stub that say where its blob is.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `OXIDESC1` |
//! | 8 | 16 | stub id |
//! | 24 | 8 | address of the blob relative to the image base, 0 when empty |
//! | 32 | 8 | length of the blob, 0 when empty |
//! | 40 | 4 | flags |
//! | 44 | 4 | stub ABI |
//! | 48 | 16 | zero |

pub(super) const MAGIC: [u8; 8] = *b"OXIDESC1";
pub(super) const LEN: usize = 64;

/// A decoded descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) stub_id: [u8; 16],
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) flags: u32,
    pub(super) abi: u32,
}

impl Descriptor {
    /// Decodes; `None` when the magic is not there.
    pub(super) fn read(bytes: &[u8]) -> Option<Descriptor> {
        let bytes: &[u8; LEN] = bytes.get(..LEN)?.try_into().ok()?;
        let (magic, _) = bytes.split_at(8);
        let number =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let short =
            |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        (magic == MAGIC).then(|| Descriptor {
            stub_id: bytes[8..24].try_into().expect("sixteen bytes"),
            address: number(24),
            size: number(32),
            flags: short(40),
            abi: short(44),
        })
    }

    /// The bytes of address and length, which are all that injection changes.
    pub(super) fn location(address: u64, size: u64) -> Vec<u8> {
        [address.to_le_bytes(), size.to_le_bytes()].concat()
    }
}

/// Offset of [`Descriptor::location`] within the descriptor.
pub(super) const LOCATION: usize = 24;
