//! The undo record: what injection overwrote, kept behind the blob.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `OXIUNDO2` |
//! | 8 | 4 | length of the record |
//! | 12 | 4 | number of saved fields |
//! | 16 | 8 | length of the stub |
//! | 24 | 32 | SHA-256 of the stub |
//! | 56 | 32 | SHA-256 of the stub's headers |
//! | 88 | 32 | SHA-256 of what is loaded |
//! | 120 | 4 | number of loaded parts |
//! | 124 | 4 | zero |
//! | 128 | | the loaded parts: address (8) and length (8) of each |
//! | | | the saved fields |
//!
//! A saved field is its file offset (8), its length (4), four zero bytes, and its original bytes
//! padded with zeros to a multiple of 8. The digest is what turns "give the stub back" from a hope
//! into a promise: a file that another tool has rewritten since is noticed. The other two tell what
//! became of it ([`super::loaded`]).

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::error::{ContainerError, malformed};
use super::loaded::{self, Loaded, MOST_PARTS};

const MAGIC: [u8; 8] = *b"OXIUNDO2";
const FIXED: usize = 128;
const PART: usize = 16;
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
pub(super) fn apply(stub: &mut [u8], patches: &[Patch], summary: &Summary) -> Vec<u8> {
    let ranges: Vec<_> = patches.iter().map(Patch::range).collect();
    let record = record(stub, &ranges, summary);
    for patch in patches {
        stub[patch.range()].copy_from_slice(&patch.bytes);
    }
    record
}

/// The record of these ranges of `stub`, which lie inside it.
pub(super) fn record(stub: &[u8], ranges: &[Range<usize>], summary: &Summary) -> Vec<u8> {
    let mut record = record_header(stub, ranges.len(), summary);
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

fn record_header(stub: &[u8], fields: usize, summary: &Summary) -> Vec<u8> {
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
    record.extend_from_slice(&summary.headers);
    record.extend_from_slice(&summary.digest);
    let parts = u32::try_from(summary.parts.len()).expect("a few dozen parts");
    record.extend_from_slice(&parts.to_le_bytes());
    record.extend_from_slice(&[0; 4]);
    for (address, len) in &summary.parts {
        record.extend_from_slice(&address.to_le_bytes());
        record.extend_from_slice(&len.to_le_bytes());
    }
    record
}

/// What the record keeps of what is loaded. The default is nothing.
#[derive(Debug, Default)]
pub(super) struct Summary {
    headers: [u8; 32],
    digest: [u8; 32],
    parts: Vec<(u64, u64)>,
}

impl Summary {
    pub(super) fn of(loaded: &Loaded<'_>) -> Summary {
        let part = |(address, bytes): &(u64, &[u8])| (*address, bytes.len() as u64);
        Summary {
            headers: loaded.headers_digest(),
            digest: loaded.digest(),
            parts: loaded.parts.iter().map(part).collect(),
        }
    }
}

/// Length of the record for patches of these lengths.
pub(super) fn record_len(patch_lengths: &[usize], summary: &Summary) -> u64 {
    let fields: usize = patch_lengths
        .iter()
        .map(|len| FIELD + len.next_multiple_of(8))
        .sum();
    (FIXED + PART * summary.parts.len() + fields) as u64
}

/// Takes the injection back where the stub's bytes are still the first of the file: the record lies
/// at `at` in `image`.
pub(super) fn revert(image: &[u8], at: usize) -> Result<Vec<u8>, ContainerError> {
    let stub = prefix(image, at)?;
    Record::read(image, at)?.check(&stub)?;
    Ok(stub)
}

/// The first bytes of the file with the saved fields back in their places: the stub, if nobody has
/// altered it.
pub(super) fn prefix(image: &[u8], at: usize) -> Result<Vec<u8>, ContainerError> {
    let record = Record::read(image, at)?;
    let stub = image
        .get(..record.stub_len.min(at))
        .ok_or(ContainerError::Altered)?;
    if stub.len() != record.stub_len {
        return Err(ContainerError::Altered);
    }
    let mut stub = stub.to_vec();
    record.restore(&mut stub)?;
    Ok(stub)
}

const WHAT: &str = "undo record";

/// A record in an image.
pub(super) struct Record<'a> {
    /// Length of the stub.
    pub(super) stub_len: usize,
    at: usize,
    file_len: usize,
    digest: &'a [u8],
    headers: &'a [u8],
    loaded: &'a [u8],
    parts: &'a [u8],
    count: u32,
    fields: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record at `at`.
    pub(super) fn read(image: &'a [u8], at: usize) -> Result<Record<'a>, ContainerError> {
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
        let wrong = || malformed(WHAT, at, "its length is wrong");
        let rest = record.get(FIXED..len).ok_or_else(wrong)?;
        let parts = Some(read_u32(header, 120) as usize).filter(|parts| *parts <= MOST_PARTS);
        let (parts, fields) = parts
            .map(|parts| parts * PART)
            .and_then(|parts| rest.split_at_checked(parts))
            .ok_or_else(wrong)?;
        Ok(Record {
            file_len: image.len(),
            stub_len: usize::try_from(read_u64(header, 16)).unwrap_or(usize::MAX),
            at,
            digest: &header[24..56],
            headers: &header[56..88],
            loaded: &header[88..120],
            parts,
            count: read_u32(header, 12),
            fields,
        })
    }

    /// The saved bytes, in the order of the record.
    pub(super) fn saved(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.fields().map_while(|field| Some(field.ok()?.1))
    }

    /// Offsets in the stub and saved bytes.
    fn fields(&self) -> impl Iterator<Item = Result<(usize, &'a [u8]), ContainerError>> + use<'a> {
        let (mut rest, at) = (self.fields, self.at);
        (0..self.count).map(move |_| {
            let cut = || malformed(WHAT, at, "a saved field is cut off");
            let (field, tail) = rest.split_at_checked(FIELD).ok_or_else(cut)?;
            let offset = usize::try_from(read_u64(field, 0)).unwrap_or(usize::MAX);
            let size = read_u32(field, 8) as usize;
            let saved = tail.get(..size).ok_or_else(cut)?;
            rest = tail.get(size.next_multiple_of(8)..).ok_or_else(cut)?;
            Ok((offset, saved))
        })
    }

    /// Writes the saved bytes back to their places.
    pub(super) fn restore(&self, stub: &mut [u8]) -> Result<(), ContainerError> {
        for field in self.fields() {
            let (offset, saved) = field?;
            let cut = || malformed(WHAT, self.at, "a saved field is cut off");
            let end = offset.checked_add(saved.len()).ok_or_else(cut)?;
            let place = stub.get_mut(offset..end).ok_or(malformed(
                WHAT,
                self.at,
                "a saved field lies outside the stub",
            ))?;
            place.copy_from_slice(saved);
        }
        Ok(())
    }

    /// Whether these are the stub's headers.
    pub(super) fn has_headers(&self, stub: &Loaded<'_>) -> bool {
        stub.headers_digest()[..] == *self.headers
    }

    /// Judges a file that is not what was written: whether a tool rewrote it and left alone what is
    /// loaded. `in_place`: everything lies where it was.
    pub(super) fn judge<'i>(
        &self,
        in_place: bool,
        outline: &[u8],
        at: impl Fn(u64, u64) -> Option<&'i [u8]>,
    ) -> Result<(), ContainerError> {
        if in_place {
            Err(ContainerError::Damaged(
                "bytes of the program were overwritten",
            ))
        } else if self.loads(outline, at) {
            Ok(())
        } else {
            Err(ContainerError::Damaged(
                "what the program loads is not what was written",
            ))
        }
    }

    /// Whether a file of this outline loads what the stub did; `at` finds the bytes at an address.
    fn loads<'i>(&self, outline: &[u8], at: impl Fn(u64, u64) -> Option<&'i [u8]>) -> bool {
        let mut left = loaded::most_bytes(self.file_len);
        let parts = self.parts.chunks_exact(PART).map(|part| {
            let (address, len) = (read_u64(part, 0), read_u64(part, 8));
            left = left.checked_sub(len)?;
            at(address, len)
        });
        loaded::digest(outline, parts).is_some_and(|digest| digest[..] == *self.loaded)
    }

    /// Whether these are the stub's bytes.
    pub(super) fn check(&self, stub: &[u8]) -> Result<(), ContainerError> {
        if Sha256::digest(stub)[..] == *self.digest {
            Ok(())
        } else {
            Err(ContainerError::Altered)
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

    fn summary() -> Summary {
        let mut loaded = Loaded::new(100);
        loaded.add(4096, b"code", (0, 0));
        Summary::of(&loaded)
    }

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
        let record = apply(&mut image, &patches, &summary());
        assert_eq!(record.len() as u64, record_len(&[5, 6], &summary()));
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
            &summary(),
        );
        image[100] ^= 1;
        image.extend_from_slice(&record);
        assert_eq!(revert(&image, 256), Err(ContainerError::Altered));
    }

    #[test]
    fn what_is_loaded_is_found_by_its_addresses() {
        let bytes = record(b"stub", &[], &summary());
        let record = Record::read(&bytes, 0).unwrap();
        let finds = |code: &'static [u8]| {
            record.loads(b"", |address, len| {
                (address == 4096 && len == 4).then_some(code)
            })
        };
        assert!(finds(b"code") && !finds(b"cove"));
        assert!(!record.loads(b"other", |_, _| Some(b"code")));
        assert!(!record.loads(b"", |_, _| None));
        assert!(record.has_headers(&Loaded::default()));
        let mut headers = Loaded::default();
        headers.headers.push(b"header");
        assert!(!record.has_headers(&headers));
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
            &summary(),
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
