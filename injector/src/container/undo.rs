//! The undo record: what injection overwrote, kept behind the blob.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `OXIUNDO1` |
//! | 8 | 4 | length of the record |
//! | 12 | 4 | number of saved fields |
//! | 16 | 8 | length of the stub |
//! | 24 | 32 | SHA-256 of the stub |
//! | 56 | | the saved fields |
//!
//! A saved field is its file offset (8), its length (4), four zero bytes, and its original bytes padded with zeros to a
//! multiple of 8. The digest is what turns "give the stub back" from a hope into a promise: a file that another tool has
//! rewritten since is noticed.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::error::{Error, malformed};

const MAGIC: [u8; 8] = *b"OXIUNDO1";
const FIXED: usize = 56;
const FIELD: usize = 16;

/// A range of the stub that injection overwrites, with its new bytes.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    pub(super) offset: usize,
    pub(super) bytes: Vec<u8>,
}

impl Patch {
    fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.bytes.len()
    }
}

/// Applies the patches to `stub` and returns the record that takes them back.
///
/// The caller has found the patched structures in `stub`, so each patch lies inside it.
pub(super) fn apply(stub: &mut [u8], patches: &[Patch]) -> Vec<u8> {
    let ranges: Vec<_> = patches.iter().map(Patch::range).collect();
    let record = record(stub, &ranges);
    for patch in patches {
        stub[patch.range()].copy_from_slice(&patch.bytes);
    }
    record
}

/// The record of these ranges of `stub`, which lie inside it.
pub(super) fn record(stub: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut record = record_header(stub, ranges.len());
    for range in ranges {
        record.extend_from_slice(&(range.start as u64).to_le_bytes());
        record.extend_from_slice(
            &u32::try_from(range.len())
                .expect("a saved range is small")
                .to_le_bytes(),
        );
        record.extend_from_slice(&[0; 4]);
        record.extend_from_slice(&stub[range.clone()]);
        record.resize(record.len().next_multiple_of(8), 0);
    }
    let len = u32::try_from(record.len()).expect("the saved ranges are small");
    record[8..12].copy_from_slice(&len.to_le_bytes());
    record
}

fn record_header(stub: &[u8], fields: usize) -> Vec<u8> {
    let mut record = Vec::with_capacity(FIXED + fields * (FIELD + 64));
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&[0; 4]);
    record.extend_from_slice(
        &u32::try_from(fields)
            .expect("a handful of fields")
            .to_le_bytes(),
    );
    record.extend_from_slice(&(stub.len() as u64).to_le_bytes());
    record.extend_from_slice(&Sha256::digest(stub));
    record
}

/// Length of the record for patches of these lengths.
pub(super) fn record_len(patch_lengths: &[usize]) -> u64 {
    let fields: usize = patch_lengths
        .iter()
        .map(|len| FIELD + len.next_multiple_of(8))
        .sum();
    (FIXED + fields) as u64
}

/// Takes the injection back where the stub's bytes are still the first of the file: the record lies at `at` in `image`.
pub(super) fn revert(image: &[u8], at: usize) -> Result<Vec<u8>, Error> {
    let record = Record::read(image, at)?;
    let stub = image.get(..record.stub_len.min(at)).ok_or(Error::Altered)?;
    if stub.len() != record.stub_len {
        return Err(Error::Altered);
    }
    let mut stub = stub.to_vec();
    record.restore(&mut stub)?;
    record.check(&stub)?;
    Ok(stub)
}

const WHAT: &str = "undo record";

/// A record in an image.
pub(super) struct Record<'a> {
    /// Length of the stub.
    pub(super) stub_len: usize,
    at: usize,
    digest: &'a [u8],
    count: u32,
    fields: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record at `at`.
    pub(super) fn read(image: &'a [u8], at: usize) -> Result<Record<'a>, Error> {
        let record = image
            .get(at..)
            .ok_or(malformed(WHAT, at, "it lies outside the file"))?;
        let (header, _) =
            record
                .split_at_checked(FIXED)
                .ok_or(malformed(WHAT, at, "it is cut off"))?;
        if header[..8] != MAGIC {
            return Err(malformed(WHAT, at, "its magic is missing"));
        }
        let len = read_u32(header, 8) as usize;
        let fields = record
            .get(FIXED..len)
            .ok_or(malformed(WHAT, at, "its length is wrong"))?;
        Ok(Record {
            stub_len: usize::try_from(read_u64(header, 16)).unwrap_or(usize::MAX),
            at,
            digest: &header[24..56],
            count: read_u32(header, 12),
            fields,
        })
    }

    /// Writes the saved bytes back to their places.
    pub(super) fn restore(&self, stub: &mut [u8]) -> Result<(), Error> {
        let mut rest = self.fields;
        for _ in 0..self.count {
            let cut = || malformed(WHAT, self.at, "a saved field is cut off");
            let (field, tail) = rest.split_at_checked(FIELD).ok_or_else(cut)?;
            let offset = usize::try_from(read_u64(field, 0)).unwrap_or(usize::MAX);
            let size = read_u32(field, 8) as usize;
            let saved = tail.get(..size).ok_or_else(cut)?;
            rest = tail.get(size.next_multiple_of(8)..).ok_or_else(cut)?;
            let end = offset.checked_add(size).ok_or_else(cut)?;
            let place = stub.get_mut(offset..end).ok_or(malformed(
                WHAT,
                self.at,
                "a saved field lies outside the stub",
            ))?;
            place.copy_from_slice(saved);
        }
        Ok(())
    }

    /// Whether these are the stub's bytes.
    pub(super) fn check(&self, stub: &[u8]) -> Result<(), Error> {
        if Sha256::digest(stub)[..] == *self.digest {
            Ok(())
        } else {
            Err(Error::Altered)
        }
    }
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apply_wrote_revert_takes_back() {
        let stub: Vec<u8> = (0..=255).collect();
        let patches = [
            Patch {
                offset: 3,
                bytes: vec![9; 5],
            },
            Patch {
                offset: 250,
                bytes: vec![1; 6],
            },
        ];
        let mut image = stub.clone();
        let record = apply(&mut image, &patches);
        assert_eq!(record.len() as u64, record_len(&[5, 6]));
        assert_ne!(image, stub);
        image.extend_from_slice(&record);
        assert_eq!(revert(&image, 256).unwrap(), stub);
    }

    #[test]
    fn an_altered_stub_is_noticed() {
        let mut image: Vec<u8> = (0..=255).collect();
        let record = apply(
            &mut image,
            &[Patch {
                offset: 8,
                bytes: vec![0; 8],
            }],
        );
        image[100] ^= 1;
        image.extend_from_slice(&record);
        assert_eq!(revert(&image, 256), Err(Error::Altered));
    }

    #[test]
    fn no_cut_and_no_flipped_bit_panics() {
        let mut image: Vec<u8> = (0..=255).collect();
        let record = apply(
            &mut image,
            &[Patch {
                offset: 8,
                bytes: vec![0; 8],
            }],
        );
        image.extend_from_slice(&record);
        for end in 0..image.len() {
            assert!(revert(&image[..end], 256).is_err(), "cut at {end}");
        }
        for bit in 256 * 8..image.len() * 8 {
            let mut broken = image.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            let _ = revert(&broken, 256);
        }
    }
}
