//! Universal files: several programs, one for each processor, in one file.
//!
//! A big-endian header lists for each program its processor, file offset, size and alignment. The
//! programs are complete Mach-O files with slots and signatures of their own, and every offset in
//! them counts from their own start; whoever starts the file maps one of them and ignores the rest.

use std::ops::Range;

use oxidize_format::Target;

use super::super::{ImageError, malformed};
use super::Image;

/// `FAT_MAGIC`. Java classes begin with it too; their next word is a version, far above any number
/// of processors.
pub(crate) const MAGIC: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
/// Programs begin at multiples of the largest page.
const ALIGNMENT: u32 = 14;
const HEADER: usize = 8;
const ENTRY: usize = 20;
/// More processors than Macs ever had.
const MOST: usize = 16;
const WHAT: &str = "universal header";

/// Where the programs lie; `None` for a file that is not universal.
///
/// # Errors
/// The header is malformed.
pub fn parts(bytes: &[u8]) -> Result<Option<Vec<Range<usize>>>, ImageError> {
    let word =
        |at: usize| -> Option<u32> { Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?)) };
    let Some(count) = word(4).filter(|_| bytes.starts_with(&MAGIC)) else {
        return Ok(None);
    };
    let count = count as usize;
    if !(1..=MOST).contains(&count) {
        return Ok(None);
    }
    let mut parts: Vec<Range<usize>> = Vec::with_capacity(count);
    let mut free = HEADER + count * ENTRY;
    for index in 0..count {
        let at = HEADER + index * ENTRY;
        let wrong = |problem| malformed(WHAT, at, problem);
        let (offset, size) = word(at + 8)
            .zip(word(at + 12))
            .ok_or(wrong("it is cut off"))?;
        let end = (offset as usize).checked_add(size as usize);
        let end = end.filter(|end| *end <= bytes.len());
        let part = offset as usize..end.ok_or(wrong("a program lies outside the file"))?;
        if part.start < free {
            return Err(wrong("a program lies inside another"));
        }
        free = part.end;
        parts.push(part);
    }
    Ok(Some(parts))
}

/// Whether there is nothing behind the programs, and nothing but zeros between them.
pub(crate) fn is_filled(bytes: &[u8], parts: &[Range<usize>]) -> bool {
    let mut end = HEADER + parts.len() * ENTRY;
    parts.iter().all(|part| {
        let gap = bytes.get(end..part.start);
        end = part.end;
        gap.is_some_and(|gap| gap.iter().all(|byte| *byte == 0))
    }) && end == bytes.len()
}

/// Whether the file is what [`join`] makes of the programs in it, with nothing between and behind
/// them.
///
/// # Errors
/// When the header gives a program another processor than the program gives itself: the system
/// would start it on the wrong machine, or not at all.
pub(crate) fn is_joined(bytes: &[u8], parts: &[Range<usize>]) -> Result<bool, ImageError> {
    let processor = |at: usize| bytes.get(at..at.checked_add(8)?);
    for (index, part) in parts.iter().enumerate() {
        let at = HEADER + index * ENTRY;
        let listed = processor(at).map(swapped);
        if listed.is_none() || listed != processor(part.start + 4).map(<[u8]>::to_vec) {
            return Err(malformed(WHAT, at, "the program is for another processor"));
        }
    }
    let heads: Vec<_> = parts.iter().map(|part| &bytes[part.clone()]).collect();
    let lens: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
    let (header, offsets) = join(&heads, &lens)?;
    let mut end = header.len();
    let mut joined = bytes.starts_with(&header);
    for (part, offset) in parts.iter().zip(offsets) {
        joined &= part.start as u64 == offset;
        joined &= bytes[end..part.start].iter().all(|byte| *byte == 0);
        end = part.end;
    }
    Ok(joined && end == bytes.len())
}

/// Words of the other byte order.
fn swapped(words: &[u8]) -> Vec<u8> {
    let words = words.as_chunks::<4>().0.iter();
    words.flat_map(|word| word.iter().rev().copied()).collect()
}

/// Where programs of these lengths come to lie, and the header that says so. `heads` are their
/// first bytes.
///
/// # Errors
/// A head is not a program's, two are for the same processor, or the file becomes too long.
pub fn join(heads: &[&[u8]], lens: &[u64]) -> Result<(Vec<u8>, Vec<u64>), ImageError> {
    let align = 1u64 << ALIGNMENT;
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&(heads.len() as u32).to_be_bytes());
    let mut offsets = Vec::new();
    let mut end = (HEADER + heads.len() * ENTRY) as u64;
    for (head, len) in heads.iter().zip(lens) {
        let [_, cpu, subtype] = *head
            .first_chunk::<12>()
            .ok_or(malformed("Mach-O header", 0, "it is cut off"))?
            .as_chunks::<4>()
            .0
        else {
            unreachable!("twelve bytes are three words")
        };
        let offset = end.next_multiple_of(align);
        end = offset + len;
        let small = |value: u64| {
            let small = i32::try_from(value).ok();
            small.map(i32::cast_unsigned).ok_or(ImageError::TooLarge(
                "a universal file ends at 2 GiB; keep large files beside it",
            ))
        };
        small(end)?;
        // The processor's numbers are little endian in the program and big endian here.
        let numbers = [cpu, subtype].map(u32::from_le_bytes);
        for word in [
            numbers[0],
            numbers[1],
            small(offset)?,
            small(*len)?,
            ALIGNMENT,
        ] {
            header.extend_from_slice(&word.to_be_bytes());
        }
        offsets.push(offset);
    }
    Ok((header, offsets))
}

/// [`join`] in memory.
///
/// # Errors
/// As for [`join`].
pub fn assemble(programs: &[&[u8]]) -> Result<Vec<u8>, ImageError> {
    let lens: Vec<u64> = programs.iter().map(|part| part.len() as u64).collect();
    let (mut out, offsets) = join(programs, &lens)?;
    for (program, offset) in programs.iter().zip(offsets) {
        // Found to be below 2 GiB.
        out.resize(offset as usize, 0);
        out.extend_from_slice(program);
    }
    Ok(out)
}

/// The target of a universal file with both of our parts.
pub(crate) fn target(bytes: &[u8], parts: &[Range<usize>]) -> Option<Target> {
    let found = parts.iter().map(|part| {
        let image = Image::parse(&bytes[part.clone()]).ok()??;
        image.target()
    });
    let found: Option<Vec<Target>> = found.collect();
    (found? == Target::UNIVERSAL2_MACOS.parts()).then_some(Target::UNIVERSAL2_MACOS)
}
