//! The ad-hoc signature of a Mach-O file: hashes of its pages, and no identity.
//!
//! Everything in it is big endian. From the outside in:
//!
//! * a *superblob*: magic `fade0cc0`, its length, the number of blobs, and for each its slot and
//!   its offset;
//! * slot 0, the *code directory* (magic `fade0c02`, version 2.4): flags, identifier, where the
//!   code ends, the range of the executable segment, and the SHA-256 of every page of 4,096 bytes.
//!   The last page is hashed at its true length, and pages end where the signature begins: the load
//!   commands, which hold the signature's length, are hashed, the signature is not. Two special
//!   hashes stand before those of the pages: none for a property list, and the one of the
//!   requirements;
//! * slot 2, the *requirements*, an empty set;
//! * slot 0x10000, the place of a CMS signature, empty.
//!
//! This is what Apple's `codesign -s -` makes. The signature ends with its last blob: nothing
//! follows in the file. Its length depends on the number of pages and on the identifier alone, so a
//! file can be laid out before it is written, and the same file gives the same signature
//! everywhere.

use sha2::{Digest, Sha256};

/// Bytes to a hash. It does not depend on the processor's page size.
pub const PAGE: u64 = 4096;
/// Code directory flag: signed ad hoc.
pub const ADHOC: u32 = 0x2;
/// Code directory flag: signed by a linker, and to be replaced without asking by whoever signs
/// properly.
pub const LINKER_SIGNED: u32 = 0x2_0000;

pub(crate) const SUPERBLOB: u32 = 0xfade_0cc0;
pub(crate) const CODE_DIRECTORY: u32 = 0xfade_0c02;
const REQUIREMENTS: u32 = 0xfade_0c01;
pub(crate) const CMS: u32 = 0xfade_0b01;
const VERSION: u32 = 0x2_0400;
/// Size of a code directory of that version without identifier and hashes.
const DIRECTORY: u64 = 88;
const HASH: u64 = 32;
pub(crate) const SHA256: u8 = 2;
const SPECIAL_SLOTS: u64 = 2;
const MAIN_BINARY: u64 = 1;

/// Slots and lengths of the blobs behind the code directory.
const EMPTY_REQUIREMENTS: [u32; 3] = [REQUIREMENTS, 12, 0];
const EMPTY_CMS: [u32; 2] = [CMS, 8];
/// Superblob header and its index of three.
const HEADER: u64 = 12 + 3 * 8;

/// A signature before its page hashes are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name of the program, without a zero byte.
    pub identifier: String,
    /// Flags of the code directory.
    pub flags: u32,
    /// Length of what is signed: where in the file the signature begins.
    pub code_limit: u32,
    /// File offset and length of the segment `__TEXT`.
    pub executable: (u64, u64),
}

impl Signature {
    fn page_count(&self) -> u64 {
        u64::from(self.code_limit).div_ceil(PAGE)
    }

    fn hash_offset(&self) -> u64 {
        DIRECTORY + self.identifier.len() as u64 + 1 + SPECIAL_SLOTS * HASH
    }

    fn directory_len(&self) -> u64 {
        self.hash_offset() + self.page_count() * HASH
    }

    /// Length of the signature.
    #[must_use]
    pub fn len(&self) -> u64 {
        HEADER + self.directory_len() + 12 + 8
    }

    /// Never: even without a page there is a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Starts hashing pages.
    #[must_use]
    pub fn pages(&self) -> Pages {
        Pages::new(self.code_limit)
    }

    /// The signature's bytes.
    ///
    /// # Panics
    ///
    /// When `hashes` are not those of all pages.
    #[must_use]
    pub fn write(&self, hashes: &[u8]) -> Vec<u8> {
        assert_eq!(
            hashes.len() as u64,
            self.page_count() * HASH,
            "every page was hashed"
        );
        let small = |value: u64| u32::try_from(value).expect("a file below 4 GiB");
        let mut out = Vec::with_capacity(small(self.len()) as usize);
        let requirements_at = HEADER + self.directory_len();
        put(&mut out, &[SUPERBLOB, small(self.len()), 3]);
        put(&mut out, &[0, small(HEADER)]);
        put(&mut out, &[2, small(requirements_at)]);
        put(&mut out, &[0x1_0000, small(requirements_at + 12)]);

        put(&mut out, &[CODE_DIRECTORY, small(self.directory_len())]);
        put(&mut out, &[VERSION, self.flags, small(self.hash_offset())]);
        put(&mut out, &[DIRECTORY as u32, SPECIAL_SLOTS as u32]);
        put(&mut out, &[small(self.page_count()), self.code_limit]);
        out.extend_from_slice(&[HASH as u8, SHA256, 0, PAGE.ilog2() as u8]);
        // No scatter, no team, no 64-bit limit (which takes two words), and one that is spare.
        put(&mut out, &[0; 6]);
        let (start, len) = self.executable;
        for value in [start, len, MAIN_BINARY] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(self.identifier.as_bytes());
        out.push(0);
        let mut requirements = Vec::new();
        put(&mut requirements, &EMPTY_REQUIREMENTS);
        out.extend_from_slice(&Sha256::digest(&requirements));
        out.extend_from_slice(&[0; HASH as usize]);
        out.extend_from_slice(hashes);

        out.extend_from_slice(&requirements);
        put(&mut out, &EMPTY_CMS);
        assert_eq!(
            out.len() as u64,
            self.len(),
            "the length was known beforehand"
        );
        out
    }

    /// The signature of the file that begins with these bytes.
    ///
    /// # Panics
    ///
    /// When there are fewer bytes than the signature covers.
    #[must_use]
    pub fn of(&self, file: &[u8]) -> Vec<u8> {
        let mut pages = self.pages();
        pages.update(&file[..self.code_limit as usize]);
        self.write(&pages.finish())
    }
}

fn put(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

/// Page hashes in the making. Bytes behind the end of the signed part are ignored.
#[derive(Debug, Clone)]
pub struct Pages {
    left: u64,
    page: Sha256,
    filled: u64,
    hashes: Vec<u8>,
}

impl Pages {
    /// Of the first `limit` bytes of a file.
    #[must_use]
    pub fn new(limit: u32) -> Pages {
        let hashes = u64::from(limit).div_ceil(PAGE) * HASH;
        Pages {
            left: limit.into(),
            page: Sha256::new(),
            filled: 0,
            hashes: Vec::with_capacity(usize::try_from(hashes).unwrap_or(0)),
        }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut bytes = &bytes[..bytes
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX))];
        self.left -= bytes.len() as u64;
        while !bytes.is_empty() {
            let wanted = (PAGE - self.filled) as usize;
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.page.update(part);
            self.filled += part.len() as u64;
            if self.filled == PAGE {
                self.finish_page();
            }
            bytes = rest;
        }
    }

    fn finish_page(&mut self) {
        self.hashes.extend_from_slice(&self.page.finalize_reset());
        self.filled = 0;
    }

    /// All hashes, one after the other.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.finish_page();
        }
        self.hashes
    }
}
