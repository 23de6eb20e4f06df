//! Mach-O: a segment that the stub's linker has reserved grows, and what lies behind it moves up.
//!
//! # The slot
//!
//! * `__TEXT,__oxidesc`, a section that begins with the descriptor. The stub's code reaches it by
//!   symbol; in `__TEXT` it is read-only, and nothing the dynamic loader fixes up is near. The
//!   blob's address in it counts from the Mach-O header (`__mh_execute_header`), so at run time
//!   nothing is searched and no file is opened.
//! * `__OXI,__blob`, a section alone in its segment, the last before `__LINKEDIT` (`-sectcreate
//!   __OXI __blob FILE`, at least one page). It is there from the start because a segment cannot be
//!   added later: chained fixups count the segments, and the dynamic loader compares.
//! * A signature. The stub is linked with an ad-hoc one, so that its load command is there.
//!
//! # Injection
//!
//! The old signature is cut off. The output is then everything before the slot, patched; the blob;
//! at the next multiple of 8 the undo record; zeros up to a multiple of 16 KiB, the largest page of
//! any Mac; `__LINKEDIT`; and a new signature. Patched are:
//!
//! * the segment `__OXI`: its sizes, and that it is only read; and its section, which covers blob
//!   and undo record;
//! * the segment `__LINKEDIT`: address, offset, sizes. It is the last, so nobody's address changes
//!   but its own, which nothing in the program refers to;
//! * every file offset in a load command that points into `__LINKEDIT`. Which ones there are is a
//!   list; a load command that is not on it may hold one too, so it is
//!   [refused](ContainerError::UnknownCommand);
//! * the load command of the signature;
//! * the descriptor.
//!
//! The number of load commands and segments and the contents of `__LINKEDIT` stay as the linker
//! made them.
//!
//! The signature is ad hoc: hashes of all pages and no identity ([`crate::image::macho::adhoc`]).
//! Its length is known from the start and the load commands hold it, so it is [sealed](super::Seal)
//! last. Apple silicon starts no program without one.
//!
//! # Afterwards
//!
//! Signing again, with an identity, replaces the signature and touches only what the undo record
//! holds, so [`remove`] still gives the stub back, with the stub's own signature. In a [universal
//! file](crate::image::macho::fat) every program has a slot and a blob of its own.

mod altered;
mod commands;
mod inject;
mod loaded;
#[cfg(any(test, feature = "testing"))]
pub mod synthetic;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod universal_tests;

use object::LittleEndian as Le;
use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};

use oxidize_format::target::{Container, Target};

use super::error::{ContainerError, malformed};
use super::undo::Record;
use super::{Slot, Verified};
use crate::image::macho::signature::{Check, check};
use crate::image::macho::{Image, Segment, fat};
pub use inject::inject;

/// The largest page of any Mac. The slot grows in such steps on Intel too, where segments are
/// aligned to 4 KiB.
const PAGE: u64 = 0x4000;

const TEXT: &[u8] = b"__TEXT";
const DESCRIPTOR_SECTION: &[u8] = b"__oxidesc";
const BLOB_SEGMENT: &[u8] = b"__OXI";
const BLOB_SECTION: &[u8] = b"__blob";
const LINKEDIT: &[u8] = b"__LINKEDIT";

/// Looks for our slot. `None`: not a Mach-O file of the supported kind, or none of ours.
///
/// # Errors
///
/// The file is one of our stubs and is damaged.
pub fn detect(bytes: &[u8]) -> Result<Option<Slot>, ContainerError> {
    let Some(image) = Image::parse(bytes)? else {
        return Ok(None);
    };
    Ok(find(&image)?.map(|found| found.slot))
}

/// The slot and what only this container knows about it.
struct Found<'a> {
    slot: Slot,
    descriptor: Descriptor,
    /// The segment that holds the blob.
    segment: Option<Segment<'a>>,
}

fn find<'a>(image: &Image<'a>) -> Result<Option<Found<'a>>, ContainerError> {
    let home = image.find_segment(TEXT);
    let Some((header, section)) = home.and_then(|home| home.find_section(DESCRIPTOR_SECTION))
    else {
        return Ok(None);
    };
    const WHAT: &str = "descriptor";
    let at = section.offset.get(Le) as usize;
    let raw = image.bytes.get(at..).unwrap_or_default();
    if raw.len() < DESCRIPTOR_SIZE || section.size.get(Le) < DESCRIPTOR_SIZE as u64 {
        let problem = "its section has less than 64 bytes";
        return Err(malformed(WHAT, header, problem));
    }
    let (mut slot, descriptor) = Slot::read(Container::MachO, image.bytes, at)?;
    if descriptor.is_empty() {
        return Ok(Some(Found {
            slot,
            descriptor,
            segment: None,
        }));
    }
    let address = image.base()?.wrapping_add(descriptor.address);
    let segment = image
        .segments
        .iter()
        .find(|segment| segment.holds(address, descriptor.size))
        .ok_or(malformed(
            WHAT,
            at,
            "it names a range that no segment loads from the file",
        ))?;
    let start = segment.offset + (address - segment.address);
    slot.blob = Some(start..start + descriptor.size);
    Ok(Some(Found {
        slot,
        descriptor,
        segment: Some(segment.clone()),
    }))
}

/// The stub as it was before injection, signature included.
///
/// # Errors
///
/// The file is not ours, has no blob, or is damaged.
pub fn remove(bytes: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let found = find(&image)?.ok_or(ContainerError::NoSlot)?;
    let blob = found.slot.blob.ok_or(ContainerError::Empty)?;
    let record = Record::read(bytes, undo_offset(blob.end))?;
    let stub = assemble(&image, &record)?;
    record.check(&stub)?;
    Ok(stub)
}

/// Offset of the undo record behind a blob that ends at `blob_end`, an offset inside the file.
fn undo_offset(blob_end: u64) -> usize {
    usize::try_from(blob_end)
        .unwrap_or(usize::MAX)
        .checked_next_multiple_of(8)
        .unwrap_or(usize::MAX)
}

/// The stub, if nobody has altered it.
fn assemble(image: &Image<'_>, record: &Record<'_>) -> Result<Vec<u8>, ContainerError> {
    let bytes = image.bytes;
    let (Some(slot), Some(linkedit)) = (
        image.find_segment(BLOB_SEGMENT),
        image.find_segment(LINKEDIT),
    ) else {
        return Err(ContainerError::Altered);
    };
    // A stub is smaller than what was made of it, but for a signature, which has a hash of 32 bytes
    // for each of its pages.
    if record.stub_len > bytes.len() + bytes.len() / 16 {
        return Err(ContainerError::Altered);
    }
    let mut stub = vec![0; record.stub_len];
    let head = slot.offset as usize;
    let place = stub.get_mut(..head).ok_or(ContainerError::Altered)?;
    place.copy_from_slice(&bytes[..head]);
    record.restore(&mut stub)?;

    // The load commands are the stub's again, and tell where `__LINKEDIT` was, and where its
    // signature began.
    let (start, end) = {
        let image = Image::parse(&stub)
            .ok()
            .flatten()
            .ok_or(ContainerError::Altered)?;
        let signature = image
            .signature()
            .ok()
            .flatten()
            .ok_or(ContainerError::Altered)?;
        let linkedit = image
            .find_segment(LINKEDIT)
            .ok_or(ContainerError::Altered)?;
        (linkedit.offset as usize, signature.1.start)
    };
    let len = end.checked_sub(start).ok_or(ContainerError::Altered)?;
    let from = linkedit.offset as usize;
    let moved = bytes.get(from..).and_then(|rest| rest.get(..len));
    let place = stub.get_mut(start..end).ok_or(ContainerError::Altered)?;
    place.copy_from_slice(moved.ok_or(ContainerError::Altered)?);
    Ok(stub)
}

/// The target.
#[must_use]
pub fn target(bytes: &[u8]) -> Option<Target> {
    if let Some(parts) = fat::parts(bytes).ok()? {
        return fat::target(bytes, &parts);
    }
    Image::parse(bytes).ok()??.target()
}

/// Checks what the loader and other tools rely on.
///
/// # Errors
///
/// The file is not ours, or is damaged.
pub fn verify(bytes: &[u8]) -> Result<Verified, ContainerError> {
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let found = find(&image)?.ok_or(ContainerError::NoSlot)?;
    let (Some(segment), Some(blob)) = (&found.segment, &found.slot.blob) else {
        return Err(ContainerError::Empty);
    };
    let commands: usize = image.commands.iter().map(|command| command.size).sum();
    if image.header.sizeofcmds.get(Le) as usize != commands {
        let problem = "the load commands are of another size together";
        return Err(malformed("Mach-O header", 20, problem));
    }
    for found in &image.segments {
        let problem = if image.word(found.command + 4) as usize
            != found.section_at(found.sections.len()) - found.command
        {
            "it has another number of sections than room for them"
        } else if found.file_size > 0 && !found.offset.is_multiple_of(image.page()) {
            "it does not begin with a page of the file"
        } else {
            continue;
        };
        return Err(malformed("segment command", found.command, problem));
    }
    let wrong = |problem| malformed("segment of the resources", segment.command, problem);
    if segment.writable || segment.executable {
        return Err(wrong("it is not read-only"));
    }
    if !segment.address.is_multiple_of(image.page())
        || !segment.offset.is_multiple_of(image.page())
        || blob.start != segment.offset
    {
        return Err(wrong("the resources are not page aligned"));
    }
    if let Some((header, section)) = segment.find_section(BLOB_SECTION)
        && (section.addr.get(Le) != segment.address
            || u64::from(section.offset.get(Le)) != segment.offset
            || section.size.get(Le) < found.descriptor.size)
    {
        return Err(malformed(
            "section __OXI,__blob",
            header,
            "it does not cover the resources",
        ));
    }
    let (start, end) = (segment.address, segment.end());
    let overlaps = |other: &&Segment<'_>| {
        other.command != segment.command && other.address < end && start < other.end()
    };
    if image.segments.iter().find(overlaps).is_some() {
        return Err(wrong("it overlaps another segment"));
    }
    let linkedit = image.segments.last().filter(|last| last.name == LINKEDIT);
    let linkedit = linkedit.ok_or(wrong("__LINKEDIT is not the last segment"))?;
    if linkedit.file_end() != bytes.len() as u64 {
        let problem = "the file does not end with __LINKEDIT";
        return Err(malformed("segment command", linkedit.command, problem));
    }
    commands::linkedit_offsets(&image, linkedit)?;
    if let Some((command, range)) = image.signature()? {
        const WHAT: &str = "signature";
        if range.end != bytes.len() {
            let problem = "the file does not end with the signature";
            return Err(malformed("code signature command", command, problem));
        }
        let at = range.start;
        match check(bytes, range) {
            Check::Good | Check::OtherHash(_) => {}
            Check::Malformed(problem) => return Err(malformed(WHAT, at, problem)),
            Check::Slot(_) => {
                let problem = "a part of it has another hash";
                return Err(malformed(WHAT, at, problem));
            }
            Check::Page(page) => {
                let page = usize::try_from(page).expect("an offset within a slice");
                return Err(malformed("signed page", page, "its hash is another"));
            }
        }
    } else if target(bytes) == Some(Target::AARCH64_MACOS) {
        let problem = "the file is not signed, so no Mac will start it";
        return Err(malformed("Mach-O header", 0, problem));
    }
    let altered = altered::judge(&image, linkedit, blob)?;
    Ok(Verified {
        slot: found.slot,
        altered,
    })
}
