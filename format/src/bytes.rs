//! The one place where offsets and lengths from a blob become slices.
//!
//! Everything that reads a blob goes through [`slice()`]; it is the only function that turns
//! numbers nobody vouches for into memory, and it cannot panic.

use crate::{Error, Structure};

/// `bytes[start..start + len]`, or an error that names who asked.
///
/// `structure` and `offset` say where the reference stands, not where it leads.
#[inline]
pub(crate) fn slice(
    bytes: &[u8],
    start: u64,
    len: u64,
    structure: Structure,
    offset: u64,
) -> Result<&[u8], Error> {
    let found = start
        .checked_add(len)
        .and_then(|end| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?))
        .and_then(|range| bytes.get(range));
    match found {
        Some(found) => Ok(found),
        None => Err(Error::OutOfBounds {
            structure,
            offset,
            start,
            len,
            limit: bytes.len() as u64,
        }),
    }
}

/// Little-endian u16 at `at` of a record; 0 if the record is too short, which the
/// fixed record sizes rule out.
#[inline]
pub(crate) fn u16_at(record: &[u8], at: usize) -> u16 {
    match record.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(raw) => u16::from_le_bytes(*raw),
        None => 0,
    }
}

/// Little-endian u32 at `at` of a record; see [`u16_at`].
#[inline]
pub(crate) fn u32_at(record: &[u8], at: usize) -> u32 {
    match record.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(raw) => u32::from_le_bytes(*raw),
        None => 0,
    }
}

/// Little-endian u64 at `at` of a record; see [`u16_at`].
#[inline]
pub(crate) fn u64_at(record: &[u8], at: usize) -> u64 {
    match record.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(raw) => u64::from_le_bytes(*raw),
        None => 0,
    }
}

/// `value` rounded up to a multiple of `align` (a power of two), unless that overflows.
#[inline]
pub(crate) fn align_up(value: u64, align: u64) -> Option<u64> {
    Some(value.checked_add(align - 1)? & !(align - 1))
}

/// Where `len` bytes that want `align` go when the bytes before end at `end`.
/// Nothing needs no alignment: an empty entry lies where its predecessor ends.
#[inline]
pub(crate) fn place(end: u64, len: u64, align: u64) -> Option<u64> {
    if len == 0 {
        Some(end)
    } else {
        align_up(end, align)
    }
}
