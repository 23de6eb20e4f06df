//! PE: the blob becomes a resource, in a section behind all others.
//!
//! # The slot
//!
//! A stub is linked with one small section, `.oxidesc`: read-only initialised data that begins with
//! the descriptor. The stub's code reaches it by symbol. The blob's address in it is an RVA,
//! counted from the module handle (`__ImageBase`), so at run time nothing is searched and no file
//! is opened.
//!
//! The rest of the slot is room: one unused section header between the section table and the first
//! section, which every usual linker leaves, and no resources of the stub's own. Icon, version and
//! manifest are the application's and are injected with it.
//!
//! # Injection
//!
//! A certificate on the input is cut off first: it would no longer hold. Then nothing moves. The
//! output is the stub with its headers patched, zeros up to a page, and a new last section `.rsrc`:
//!
//! * the resource tree, as long as it takes and at least a page. It lists the blob as `RT_RCDATA`
//!   (10), name `OXIDIZE`, language neutral, next to icon, version information and manifest;
//! * the blob, page aligned in the file and in memory, so that other programs find it with
//!   `FindResource`, and virus scanners see an ordinary resource;
//! * at the next multiple of 8 the undo record, and zeros up to the file alignment.
//!
//! Patched in the headers: the number of sections, the new section header, the size in the file of
//! the section before it (so that there is no gap, which some tools would sign and others skip),
//! the sizes of the image and of the initialised data, the data directory of the resources, the
//! subsystem where a desktop program is wanted, and the descriptor. The checksum depends on the
//! whole file; it is [sealed](super::Seal) last.
//!
//! # Afterwards
//!
//! An Authenticode signature is appended to the file and noted in the data directory of the
//! certificates; whoever signs also computes the checksum again. [`remove`] and [`inject()`] cut it
//! off before they look at the undo record, so a signed application gives its stub back just as
//! well. Tools that write resources (`UpdateResource`, `rcedit`) build the section anew. The
//! descriptor does not lead to the blob then, but the resource of its name does, for the stub at
//! run time and for [`detect`] here; the undo record is lost, so [`verify`] calls such a file
//! altered and [`remove`] refuses it.

mod altered;
mod inject;
mod loaded;
#[cfg(any(test, feature = "testing"))]
pub mod synthetic;
#[cfg(test)]
mod tests;

use object::LittleEndian as Le;
use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};

use oxidize_format::target::{CLibrary, Container, Processor, Target};

use super::error::{ContainerError, malformed};
use super::undo;
use super::{Slot, Verified};
use crate::image::pe::checksum::Checksum;
use crate::image::pe::{Image, RESOURCES, Section, resources};
pub use inject::inject;

const DESCRIPTOR_SECTION: [u8; 8] = *b".oxidesc";

/// Looks for our slot. `None`: not a PE file of the supported kind, or none of ours.
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
    /// The section that holds the blob.
    section: Option<Section>,
    /// Whether the blob is not where it was injected.
    moved: bool,
}

fn find(image: &Image<'_>) -> Result<Option<Found>, ContainerError> {
    let Some(home) = image.find_section(DESCRIPTOR_SECTION) else {
        return Ok(None);
    };
    const WHAT: &str = "descriptor";
    if home.file_size < DESCRIPTOR_SIZE as u64 {
        let problem = "its section has less than 64 bytes";
        return Err(malformed(WHAT, home.header, problem));
    }
    // The section's bytes were found inside the file.
    let at = home.offset as usize;
    let (mut slot, descriptor) = Slot::read(Container::Pe, image.bytes, at)?;
    if descriptor.is_empty() {
        return Ok(Some(Found {
            slot,
            descriptor,
            section: None,
            moved: false,
        }));
    }
    let holder = |address, size| {
        let section = image.sections().find(|part| part.holds(address, size))?;
        let start = section.offset + (address - section.address);
        Some((section, start..start + size))
    };
    let resource = named(image).filter(|(address, _)| *address != descriptor.address);
    let moved = resource.and_then(|(address, size)| holder(address, size));
    let is_moved = moved.is_some();
    let (section, blob) = moved
        .or_else(|| holder(descriptor.address, descriptor.size))
        .ok_or(malformed(
            WHAT,
            at,
            "it names a range that no section loads from the file",
        ))?;
    slot.blob = Some(blob);
    Ok(Some(Found {
        slot,
        descriptor,
        section: Some(section),
        moved: is_moved,
    }))
}

/// Address and length of the resource with the blob's name, as the system finds it.
fn named(image: &Image<'_>) -> Option<(u64, u64)> {
    let (tree, size) = image.directory(RESOURCES);
    let (tree, size) = (u64::from(tree), u64::from(size));
    let section = image.sections().find(|section| section.holds(tree, size))?;
    let start = section.offset + (tree - section.address);
    let end = section.offset + section.file_size;
    // The section was found inside the file.
    let (_, (address, size)) = resources::find_blob(&image.bytes[start as usize..end as usize])?;
    (size > 0).then(|| (address.into(), size.into()))
}

/// The stub as it was before injection, or as it would be had it not been signed.
///
/// # Errors
///
/// The file is not ours, has no blob, or is damaged.
pub fn remove(bytes: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let unsigned = inject::without_certificates(bytes)?;
    let image = Image::parse(&unsigned)?.ok_or(ContainerError::NoSlot)?;
    let found = find(&image)?.ok_or(ContainerError::NoSlot)?;
    let blob = found.slot.blob.ok_or(ContainerError::Empty)?;
    if found.moved {
        return Err(ContainerError::Altered);
    }
    undo::revert(&unsigned, undo_offset(blob.end))
}

/// Offset of the undo record behind a blob that ends at `blob_end`, an offset inside the file.
fn undo_offset(blob_end: u64) -> usize {
    usize::try_from(blob_end)
        .unwrap_or(usize::MAX)
        .checked_next_multiple_of(8)
        .unwrap_or(usize::MAX)
}

/// The target.
#[must_use]
pub fn target(bytes: &[u8]) -> Option<Target> {
    let image = Image::parse(bytes).ok()??;
    let machine = image.file.machine.get(Le).0;
    Target::of(
        Processor::of_machine(Container::Pe, machine.into())?,
        CLibrary::Ucrt,
    )
}

/// The checksum of a file whose own field lies at `at`.
fn checksum_of(bytes: &[u8], at: usize) -> u32 {
    let mut checksum = Checksum::default();
    checksum.update(&bytes[..at]);
    checksum.update(&[0; 4]);
    checksum.update(&bytes[at + 4..]);
    checksum.finish()
}

/// Whether the checksum in the header is that of the file.
fn has_checksum(image: &Image<'_>) -> bool {
    image.optional.check_sum.get(Le) == checksum_of(image.bytes, image.checksum_at())
}

/// Checks what the loader and other tools rely on.
///
/// # Errors
///
/// The file is not ours, or is damaged.
pub fn verify(bytes: &[u8]) -> Result<Verified, ContainerError> {
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let found = find(&image)?.ok_or(ContainerError::NoSlot)?;
    let (Some(section), Some(blob)) = (&found.section, &found.slot.blob) else {
        return Err(ContainerError::Empty);
    };
    let wrong = |problem| malformed("section of the resources", section.header, problem);
    if section.flags & 0xa000_0000 != 0 || section.flags & 0x4000_0000 == 0 {
        return Err(wrong("it is not read-only"));
    }
    if found.moved {
        return Ok(Verified {
            slot: found.slot,
            altered: true,
        });
    }
    if !found.descriptor.address.is_multiple_of(0x1000) || !blob.start.is_multiple_of(0x1000) {
        return Err(wrong("the resources are not page aligned"));
    }
    let (start, end) = (section.address, section.address + section.memory_size);
    let overlaps = |other: &Section| {
        other.header != section.header
            && other.address < end
            && start < other.address + other.memory_size
    };
    if image.sections().any(|other| overlaps(&other)) {
        return Err(wrong("it overlaps another section"));
    }
    let alignment = u64::from(image.optional.section_alignment.get(Le)).max(1);
    if u64::from(image.optional.size_of_image.get(Le)) < end.next_multiple_of(alignment) {
        let problem = "the image ends before its last section";
        return Err(malformed(
            "optional header",
            image.optional_at + 56,
            problem,
        ));
    }
    let (tree, _) = image.directory(RESOURCES);
    let bytes_of = &bytes[section.offset as usize..(section.offset + section.file_size) as usize];
    let named = resources::find_blob(bytes_of).map(|(_, range)| range);
    let wanted = (found.descriptor.address, found.descriptor.size);
    if u64::from(tree) != section.address
        || named.map(|(address, size)| (address.into(), size.into())) != Some(wanted)
    {
        return Err(wrong("its tree does not lead to the blob"));
    }
    let altered = altered::judge(&image, section, blob)?;
    Ok(Verified {
        slot: found.slot,
        altered,
    })
}
