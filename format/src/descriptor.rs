//! The 64-byte descriptor in the executable's slot: how a stub finds the blob in its own image.
//!
//! It is not part of the blob. It lives here because stub and injector must agree on it.

use crate::bytes::{u32_at, u64_at};
use crate::{Error, Structure};

/// Size of a descriptor in bytes.
pub const DESCRIPTOR_SIZE: usize = 64;
/// The first eight bytes of a descriptor.
pub const DESCRIPTOR_MAGIC: [u8; 8] = *b"OXIDESC1";

/// Flag: the file is one that the injector starts to take a snapshot of, and never publishes.
pub const MAKES_SNAPSHOT: u32 = 1;
/// Flag: the file has a start snapshot, whose record [`Descriptor::snapshot`] names.
pub const HAS_SNAPSHOT: u32 = 2;

/// Where the blob is in a loaded executable. Little endian, 64 bytes; offsets in
/// `docs/format.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Descriptor {
    /// Which build of the stub this is.
    pub stub_id: [u8; 16],
    /// Address of the blob, in bytes from the image's base; 0 when there is none.
    pub address: u64,
    /// Length of the blob in bytes; 0 when there is none.
    pub size: u64,
    /// [`MAKES_SNAPSHOT`], [`HAS_SNAPSHOT`]; a stub refuses any it does not know.
    pub flags: u32,
    /// Version of the agreement between blob and stub.
    pub stub_abi: u32,
    /// Address of the snapshot's record, in bytes from the image's base; 0 without a snapshot.
    pub snapshot: u64,
    /// `PY_VERSION_HEX` of the CPython in the stub; 0 in a stub that does not say.
    pub py_version_hex: u32,
    /// The four bytes of `importlib.util.MAGIC_NUMBER`, little endian; 0 in a stub that does not
    /// say.
    pub bytecode_magic: u32,
}

impl Descriptor {
    /// Whether no blob was injected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.address == 0 && self.size == 0
    }

    /// Reads a descriptor. Offsets in errors count from its first byte.
    ///
    /// # Errors
    ///
    /// Truncation, magic, unknown flags, and of two fields that belong together one alone: address
    /// and size, version and bytecode.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let structure = Structure::Descriptor;
        let Some(raw) = bytes.first_chunk::<DESCRIPTOR_SIZE>() else {
            return Err(Error::Truncated {
                structure,
                offset: 0,
                needed: DESCRIPTOR_SIZE as u64,
                available: bytes.len() as u64,
            });
        };
        if !raw.starts_with(&DESCRIPTOR_MAGIC) {
            return Err(Error::BadMagic {
                structure,
                offset: 0,
            });
        }
        let mut stub_id = [0; 16];
        stub_id.copy_from_slice(&raw[8..24]); // raw has 64 bytes
        let descriptor = Self {
            stub_id,
            address: u64_at(raw, 24),
            size: u64_at(raw, 32),
            flags: u32_at(raw, 40),
            stub_abi: u32_at(raw, 44),
            snapshot: u64_at(raw, 48),
            py_version_hex: u32_at(raw, 56),
            bytecode_magic: u32_at(raw, 60),
        };
        // They speak of an application: a stub without one has none.
        let known = if descriptor.is_empty() {
            0
        } else {
            MAKES_SNAPSHOT | HAS_SNAPSHOT
        };
        let unknown = descriptor.flags & !known;
        if unknown != 0 {
            return Err(Error::UnknownFlags {
                structure,
                offset: 40,
                bits: unknown,
            });
        }
        if (descriptor.flags & HAS_SNAPSHOT == 0) != (descriptor.snapshot == 0) {
            return Err(Error::BadValue {
                structure,
                offset: 48,
                value: descriptor.snapshot,
                rule: "the flag and the address of a snapshot are both there or both not",
            });
        }
        if (descriptor.py_version_hex == 0) != (descriptor.bytecode_magic == 0) {
            return Err(Error::BadValue {
                structure,
                offset: 56,
                value: u64::from(descriptor.py_version_hex),
                rule: "Python's version and bytecode are both said or both not",
            });
        }
        if (descriptor.address == 0) != (descriptor.size == 0) {
            return Err(Error::BadValue {
                structure,
                offset: 24,
                value: descriptor.address,
                rule: "address and size are both zero or both not",
            });
        }
        Ok(descriptor)
    }

    /// The 64 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; DESCRIPTOR_SIZE] {
        let mut raw = [0; DESCRIPTOR_SIZE];
        raw[..8].copy_from_slice(&DESCRIPTOR_MAGIC);
        raw[8..24].copy_from_slice(&self.stub_id);
        raw[24..32].copy_from_slice(&self.address.to_le_bytes());
        raw[32..40].copy_from_slice(&self.size.to_le_bytes());
        raw[40..44].copy_from_slice(&self.flags.to_le_bytes());
        raw[44..48].copy_from_slice(&self.stub_abi.to_le_bytes());
        raw[48..56].copy_from_slice(&self.snapshot.to_le_bytes());
        raw[56..60].copy_from_slice(&self.py_version_hex.to_le_bytes());
        raw[60..64].copy_from_slice(&self.bytecode_magic.to_le_bytes());
        raw
    }
}
