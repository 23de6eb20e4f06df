//! Reading a signature: enough to know the program's identifier, and whether the page hashes are
//! right.

use std::ops::Range;

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::adhoc::{CODE_DIRECTORY, SHA256, SUPERBLOB};

/// Kinds of hashes in a code directory (`cs_blobs.h`), the better ones behind.
const SHA1: u8 = 1;
const SHA256_CUT: u8 = 3;
const SHA384: u8 = 4;
const SHA512: u8 = 5;
const HASHES: [u8; 5] = [SHA1, SHA256_CUT, SHA256, SHA384, SHA512];

/// A digest by this kind of hash; `None` for one that is not known here.
pub(crate) fn digest(kind: u8, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind {
        SHA1 => Some(Sha1::digest(bytes).to_vec()),
        SHA256 => Some(Sha256::digest(bytes).to_vec()),
        SHA256_CUT => Some(Sha256::digest(bytes)[..20].to_vec()),
        SHA384 => Some(Sha384::digest(bytes).to_vec()),
        SHA512 => Some(Sha512::digest(bytes).to_vec()),
        _ => None,
    }
}

/// The answer of [`check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Every page has its hash.
    Good,
    /// The signature is malformed.
    Malformed(&'static str),
    /// The page at this file offset has another hash.
    Page(u64),
    /// The part of the signature in this slot has another hash.
    Slot(u32),
    /// The hashes are of this kind, which is not checked here.
    OtherHash(u8),
}

/// A code directory, bounds checked.
struct Directory<'a> {
    bytes: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*word))
}

/// The superblob at the start of a signature, and its index: slots and offsets.
fn superblob(signature: &[u8]) -> Option<(&[u8], &[[u8; 8]])> {
    let len = word(signature, 4)? as usize;
    let superblob = signature.get(..len)?;
    if word(superblob, 0)? != SUPERBLOB {
        return None;
    }
    let index = superblob.get(12..)?.as_chunks::<8>().0;
    let count = word(superblob, 8)? as usize;
    Some((superblob, index.get(..count)?))
}

/// Whether the index lies before the blobs, and the superblob ends behind them, give or take what
/// linkers align.
fn is_compact(signature: &[u8]) -> bool {
    let Some((superblob, index)) = superblob(signature) else {
        return false;
    };
    let first = 12 + 8 * index.len();
    let mut end = first;
    for entry in index {
        let at = word(entry, 4).unwrap_or(0) as usize;
        let len = superblob.get(at..).and_then(|blob| word(blob, 4));
        let Some(len) = len.filter(|_| at >= first) else {
            return false;
        };
        end = end.max(at.saturating_add(len as usize));
    }
    end <= superblob.len() && superblob.len() - end < 16
}

/// The blob in this slot, header included.
pub(crate) fn blob(signature: &[u8], slot: u32) -> Option<&[u8]> {
    let (superblob, index) = superblob(signature)?;
    let entry = index
        .iter()
        .find(|entry| entry[..4] == slot.to_be_bytes())?;
    let blob = superblob.get(word(entry, 4)? as usize..)?;
    blob.get(..word(blob, 4)? as usize)
}

/// The code directory in slot 0.
fn directory(signature: &[u8]) -> Option<Directory<'_>> {
    let bytes = blob(signature, 0)?;
    (word(bytes, 0)? == CODE_DIRECTORY && bytes.len() >= 44).then_some(Directory { bytes })
}

/// The code directory and the CMS signature over it; `None` when there is no such signature.
#[must_use]
pub fn signed_parts(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    let cms = blob(signature, 0x1_0000)?.get(8..)?;
    (!cms.is_empty()).then_some((directory(signature)?.bytes, cms))
}

impl<'a> Directory<'a> {
    /// The text at the offset that stands at `field`.
    fn text(&self, field: usize) -> Option<&'a str> {
        let start = word(self.bytes, field)? as usize;
        let text = self.bytes.get(start..)?;
        let end = text.iter().position(|byte| *byte == 0)?;
        str::from_utf8(&text[..end]).ok().filter(|_| start > 0)
    }
}

/// The team in a signature.
#[must_use]
pub fn team(signature: &[u8]) -> Option<&str> {
    let directory = directory(signature)?;
    // Older versions have no such field.
    let has_field = word(directory.bytes, 8)? >= 0x2_0200;
    directory.text(48).filter(|_| has_field)
}

/// The flags of the code directory.
#[must_use]
pub fn flags(signature: &[u8]) -> Option<u32> {
    word(directory(signature)?.bytes, 12)
}

/// The code directories: kind of hash, and bytes. The signed one comes first; programs for old
/// systems have another one beside it, with another kind of hash.
pub(crate) fn directories(signature: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let slots = [0].into_iter().chain(0x1000..0x1005);
    slots.filter_map(move |slot| {
        let bytes = blob(signature, slot)?;
        let whole = word(bytes, 0)? == CODE_DIRECTORY && bytes.len() >= 44;
        whole.then(|| (bytes[37], bytes))
    })
}

/// The hash by which a system knows the program: kind (1 for SHA-1, 2 for SHA-256, and so on) and
/// the first 20 bytes of the hash of the code directory. Programs for old systems have several; the
/// best one counts.
#[must_use]
pub fn code_hash(signature: &[u8]) -> Option<(u8, [u8; 20])> {
    let rank = |kind: u8| HASHES.iter().position(|known| *known == kind);
    let known = directories(signature).filter(|(kind, _)| rank(*kind).is_some());
    let (kind, bytes) = known.max_by_key(|(kind, _)| rank(*kind))?;
    Some((kind, *digest(kind, bytes)?.first_chunk()?))
}

/// The identifier in a signature.
#[must_use]
pub fn identifier(signature: &[u8]) -> Option<&str> {
    directory(signature)?.text(20)
}

/// Whether every code directory has this hash of what lies outside the file, in this slot.
#[must_use]
pub(crate) fn seals(signature: &[u8], slot: u32, content: &[u8]) -> bool {
    let mut known = 0;
    let right = directories(signature).all(|(kind, bytes)| {
        let Some(digest) = digest(kind, content) else {
            return false;
        };
        known += 1;
        let at = || {
            let (hashes_at, slots) = (word(bytes, 16)? as usize, word(bytes, 24)?);
            let at = hashes_at.checked_sub(digest.len() * slot as usize)?;
            (slot <= slots).then(|| bytes.get(at..at + digest.len()))?
        };
        at() == Some(&digest[..])
    });
    right && known > 0
}

/// Compares every page hash with the file, and the hashes of the signature's own parts with these.
/// `signature` is where the load command says the signature lies.
#[must_use]
pub fn check(file: &[u8], signature: Range<usize>) -> Check {
    let start = signature.start;
    let signature = file.get(signature).unwrap_or_default();
    if directory(signature).is_none() {
        return Check::Malformed("there is no code directory in it");
    }
    if !is_compact(signature) {
        return Check::Malformed("its parts do not fit into it");
    }
    let behind = superblob(signature).map_or(0, |(superblob, _)| superblob.len());
    if signature[behind..].iter().any(|byte| *byte != 0) {
        return Check::Malformed("there is something behind it");
    }
    for (kind, bytes) in directories(signature) {
        let answer = match digest(kind, &[]) {
            Some(hash) if hash.len() == usize::from(bytes[36]) => {
                let hash = |bytes: &[u8]| digest(kind, bytes).unwrap_or_default();
                check_directory(file, start, signature, bytes, hash)
            }
            Some(_) => Check::Malformed("its hashes have another length than their kind"),
            None => Check::OtherHash(kind),
        };
        if answer != Check::Good {
            return answer;
        }
    }
    Check::Good
}

/// [`check`] for one code directory.
fn check_directory(
    file: &[u8],
    start: usize,
    signature: &[u8],
    bytes: &[u8],
    hash: impl Fn(&[u8]) -> Vec<u8>,
) -> Check {
    let size = usize::from(bytes[36]);
    let field = |at| word(bytes, at).unwrap_or(0) as usize;
    let (hashes_at, count, limit) = (field(16), field(28), field(32));
    if limit != start {
        return Check::Malformed("it does not cover the file up to itself");
    }
    // Zero means one page as large as the file.
    let page = match bytes[39] {
        0 => limit.max(1),
        shift @ 1..=24 => 1 << shift,
        _ => return Check::Malformed("its page size is absurd"),
    };
    let hashes = bytes
        .get(hashes_at..)
        .map(|hashes| hashes.chunks_exact(size));
    let Some(hashes) = hashes.filter(|hashes| hashes.len() >= count) else {
        return Check::Malformed("its page hashes are cut off");
    };
    if count != limit.div_ceil(page) {
        return Check::Malformed("it has another number of page hashes than the file has pages");
    }
    // Requirements, property lists and entitlements have slots below the pages'.
    for slot in 1..=field(24).min(16) {
        let digest = hashes_at.checked_sub(size * slot);
        let Some(digest) = digest.and_then(|at| bytes.get(at..at + size)) else {
            return Check::Malformed("its other hashes are cut off");
        };
        let slot = slot as u32;
        let wrong = match blob(signature, slot) {
            Some(blob) => hash(blob) != *digest,
            // Property lists of bundles lie elsewhere; requirements and entitlements lie nowhere
            // else.
            None => [2, 5, 7].contains(&slot) && digest.iter().any(|byte| *byte != 0),
        };
        if wrong {
            return Check::Slot(slot);
        }
    }
    // The limit was compared with a place inside the file.
    for (index, (part, stated)) in file[..limit].chunks(page).zip(hashes).enumerate() {
        if hash(part) != *stated {
            return Check::Page((index * page) as u64);
        }
    }
    Check::Good
}
