//! Reading a signature: enough to know the program's identifier, and whether the page hashes are right.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::adhoc::{CODE_DIRECTORY, SHA256, SUPERBLOB};

/// The answer of [`check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Every page has its hash.
    Good,
    /// The signature does not hold together.
    Malformed(&'static str),
    /// The page at this file offset has another hash.
    Page(u64),
    /// The hashes are of a kind that is not checked here.
    OtherHash,
}

/// A code directory, bounds checked.
struct Directory<'a> {
    bytes: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*word))
}

/// The code directory in slot 0.
fn directory(signature: &[u8]) -> Option<Directory<'_>> {
    let len = word(signature, 4)? as usize;
    let superblob = signature.get(..len)?;
    if word(superblob, 0)? != SUPERBLOB {
        return None;
    }
    let index = superblob.get(12..)?.as_chunks::<8>().0;
    let count = word(superblob, 8)? as usize;
    let entry = index
        .get(..count)?
        .iter()
        .find(|entry| entry[..4] == [0; 4])?;
    let blob = superblob.get(word(entry, 4)? as usize..)?;
    let bytes = blob.get(..word(blob, 4)? as usize)?;
    (word(bytes, 0)? == CODE_DIRECTORY && bytes.len() >= 44).then_some(Directory { bytes })
}

/// The identifier in a signature.
#[must_use]
pub fn identifier(signature: &[u8]) -> Option<&str> {
    let directory = directory(signature)?;
    let start = word(directory.bytes, 20)? as usize;
    let name = directory.bytes.get(start..)?;
    let end = name.iter().position(|byte| *byte == 0)?;
    str::from_utf8(&name[..end]).ok()
}

/// Compares every page hash with the file. `signature` is where the load command says the signature lies.
#[must_use]
pub fn check(file: &[u8], signature: Range<usize>) -> Check {
    let start = signature.start;
    let Some(directory) = file.get(signature).and_then(directory) else {
        return Check::Malformed("there is no code directory in it");
    };
    let bytes = directory.bytes;
    if bytes[37] != SHA256 || bytes[36] != 32 {
        return Check::OtherHash;
    }
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
        .map(|hashes| hashes.as_chunks::<32>().0);
    let Some(hashes) = hashes.and_then(|hashes| hashes.get(..count)) else {
        return Check::Malformed("its page hashes are cut off");
    };
    if count != limit.div_ceil(page) {
        return Check::Malformed("it has another number of page hashes than the file has pages");
    }
    // The limit was compared with a place inside the file.
    let pages = file[..limit].chunks(page);
    for (index, (page_bytes, hash)) in pages.zip(hashes).enumerate() {
        if Sha256::digest(page_bytes)[..] != *hash {
            return Check::Page((index * page) as u64);
        }
    }
    Check::Good
}
