//! ELF: the blob becomes a segment of its own, in a program header that the stub's linker left
//! free.
//!
//! # The slot
//!
//! A stub is linked with three small sections:
//!
//! * `.note.oxidize`, a note (name `OXIDIZE`, type 1) whose descriptor says where the blob is. The
//!   stub's code reaches it by symbol, so at run time nothing is searched and no file is opened.
//! * `.note.oxispare`, a note of another alignment (name `OXI`, type 2). Because of the alignment
//!   the linker gives it a `PT_NOTE` program header of its own, behind every `PT_LOAD`. Nobody
//!   needs that header: it is the spare one.
//! * `.oxi.blob`, a retained section of 16 bytes, whose section header later covers the blob. Tools
//!   such as `strip` keep the bytes of a segment only where a section claims them.
//!
//! # Injection
//!
//! Nothing moves. The output is the stub with three structures patched, zeros up to a multiple of
//! 64 KiB (the largest page of any supported kernel), the blob, and the undo record at the next
//! multiple of 8:
//!
//! * the spare `PT_NOTE` becomes a read-only `PT_LOAD` that covers blob and undo record. Its
//!   address lies behind every other segment, `.bss` included, which takes no room in the file. The
//!   first `PT_LOAD` stays as it is: loaders compute the program headers' address from that one
//!   alone;
//! * the section header of `.oxi.blob` covers the same range;
//! * the descriptor gets the blob's address, relative to the image base, and its length.
//!
//! The table of program headers, the section header table and every other byte stay where they are.
//! Rewriting an executable with a general ELF writer is what has broken relocations and
//! position-independent programs elsewhere; it is not done here.
//!
//! # Afterwards
//!
//! `strip`, `objcopy` and their relatives move the blob's file offset, never its address. So
//! [`detect`] asks the descriptor for the address and the program headers for the place in the
//! file, and needs no section header at all. [`remove`] notices that the stub's digest no longer
//! matches the undo record and refuses.

mod altered;
mod inject;
mod loaded;
pub mod snapshot;
#[cfg(any(test, feature = "testing"))]
pub mod synthetic;
#[cfg(test)]
mod tests;

use oxidize_format::target::{CLibrary, Container, Processor, Target};

use super::error::{ContainerError, malformed};
use super::undo;
use super::{Slot, Verified};
pub use inject::inject;

use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};

use crate::image::elf::{Image, Segment};

/// The blob's place in the file is a multiple of this, so that it is page aligned on every
/// supported kernel.
const ALIGNMENT: u64 = 0x1_0000;

const DESCRIPTOR_NOTE: (&[u8], u32) = (b"OXIDIZE\0", 1);
const SPARE_NOTE: (&[u8], u32) = (b"OXI\0", 2);
const BLOB_SECTION: &[u8] = b".oxi.blob";

/// Looks for our slot. `None`: not an ELF file of the supported kind, or none of ours.
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
struct Found {
    slot: Slot,
    descriptor: Descriptor,
    /// The segment that holds the blob.
    segment: Option<Segment>,
}

fn find(image: &Image<'_>) -> Result<Option<Found>, ContainerError> {
    let Some(note) = image.find_note(DESCRIPTOR_NOTE)? else {
        return Ok(None);
    };
    const WHAT: &str = "descriptor";
    let at = note.content.start;
    if note.content.len() != DESCRIPTOR_SIZE {
        return Err(malformed(WHAT, at, "it does not have 64 bytes"));
    }
    let (mut slot, descriptor) = Slot::read(Container::Elf, image.bytes, at)?;
    if descriptor.is_empty() {
        return Ok(Some(Found {
            slot,
            descriptor,
            segment: None,
        }));
    }
    let address = image.bias()?.wrapping_add(descriptor.address);
    let segment = image
        .loads()
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
        segment: Some(segment),
    }))
}

/// The stub as it was before injection.
///
/// # Errors
///
/// The file is not ours, has no blob, or is damaged.
pub fn remove(bytes: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let bytes = &snapshot::without(bytes)?[..];
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let found = find(&image)?.ok_or(ContainerError::NoSlot)?;
    let blob = found.slot.blob.ok_or(ContainerError::Empty)?;
    undo::revert(bytes, undo_offset(blob.end))
}

/// Offset of the undo record behind a blob that ends at `blob_end`, an offset inside the file.
fn undo_offset(blob_end: u64) -> usize {
    usize::try_from(blob_end)
        .unwrap_or(usize::MAX)
        .checked_next_multiple_of(8)
        .unwrap_or(usize::MAX)
}

/// The target. A program without an interpreter is taken for a static musl one, since no other stub
/// is static.
#[must_use]
pub fn target(bytes: &[u8]) -> Option<Target> {
    let image = Image::parse(bytes).ok()??;
    let c_library = if image.has_interpreter() {
        CLibrary::Glibc
    } else {
        CLibrary::Musl
    };
    let processor = Processor::of_machine(Container::Elf, image.machine().into())?;
    Target::of(processor, c_library)
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
    let wrong = |problem| malformed("segment of the resources", segment.header, problem);
    if segment.writable || segment.executable {
        return Err(wrong("it is not read-only"));
    }
    if segment.align == 0 || !segment.align.is_power_of_two() || segment.align % 0x1000 != 0 {
        return Err(wrong("its alignment is not a page size"));
    }
    if segment.address % segment.align != segment.offset % segment.align {
        return Err(wrong("its address and its offset disagree"));
    }
    if (segment.address, segment.offset)
        != (
            image.bias()?.wrapping_add(found.descriptor.address),
            blob.start,
        )
    {
        return Err(wrong("the resources are not at its start"));
    }
    let (start, end) = (segment.address, segment.address + segment.memory_size);
    if image
        .loads()
        .any(|other| other.header != segment.header && other.address < end && start < other.end())
    {
        return Err(wrong("it overlaps another segment"));
    }
    if let Some(section) = image.find_section(BLOB_SECTION)?
        && (section.address != segment.address
            || section.offset != segment.offset
            || section.size < found.descriptor.size)
    {
        return Err(malformed(
            "section .oxi.blob",
            section.header,
            "it does not cover the segment of the resources",
        ));
    }
    let altered = altered::judge(&image, &found)?;
    Ok(Verified {
        slot: found.slot,
        altered,
    })
}
