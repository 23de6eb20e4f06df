//! What Windows loads of a PE file.

use object::LittleEndian as Le;

use super::super::error::ContainerError;
use super::super::loaded::{Loaded, MOST_PARTS};
use super::find;
use crate::image::pe::{Image, Section};

/// The data directories, but for those that belong to others: resources, certificates and what
/// debuggers read.
const DIRECTORIES: [usize; 13] = [0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Of the characteristics, what tools that drop symbols note: IMAGE_FILE_LINE_NUMS_STRIPPED,
/// IMAGE_FILE_LOCAL_SYMS_STRIPPED, IMAGE_FILE_DEBUG_STRIPPED.
const STRIPPED: u16 = 0x4 | 0x8 | 0x200;
/// Programs for the desktop and for the console, between which injection chooses.
const SUBSYSTEMS: [u16; 2] = [2, 3];

/// What is loaded of this stub or application, resources and symbols aside.
pub(super) fn of<'a>(image: &Image<'a>) -> Result<Loaded<'a>, ContainerError> {
    let mut loaded = Loaded::new(image.bytes.len());
    let found = find(image)?.ok_or(ContainerError::NoSlot)?;
    let optional = image.optional;
    loaded.note(&[
        image.file.machine.get(Le).0.into(),
        optional.address_of_entry_point.get(Le).into(),
        optional.image_base.get(Le),
    ]);
    // What Windows reads of the headers. No tool that signs, strips or writes resources changes it.
    let subsystem = optional.subsystem.get(Le).0;
    let is_usual = SUBSYSTEMS.contains(&subsystem);
    loaded.note(&[
        u64::from(image.file.characteristics.get(Le).0 & !STRIPPED),
        u64::from(optional.dll_characteristics.get(Le).0),
        if is_usual { 0 } else { subsystem.into() },
        optional.section_alignment.get(Le).into(),
        optional.file_alignment.get(Le).into(),
        optional.number_of_rva_and_sizes.get(Le).into(),
        optional.major_operating_system_version.get(Le).into(),
        optional.minor_operating_system_version.get(Le).into(),
        optional.major_subsystem_version.get(Le).into(),
        optional.minor_subsystem_version.get(Le).into(),
        optional.win32_version_value.get(Le).into(),
        optional.size_of_stack_reserve.get(Le),
        optional.size_of_stack_commit.get(Le),
        optional.size_of_heap_reserve.get(Le),
        optional.size_of_heap_commit.get(Le),
    ]);
    for index in DIRECTORIES {
        let (address, size) = image.directory(index);
        loaded.note(&[address.into(), size.into()]);
    }
    loaded.headers.push(image.headers());
    let mut descriptor = (0, 0);
    for section in image.sections().filter(is_kept).take(MOST_PARTS) {
        let flags = section.flags.into();
        loaded.note(&[section.address, section.memory_size, flags]);
        if (section.offset..section.offset + section.file_size).contains(&found.slot.descriptor) {
            descriptor = (
                section.address + (found.slot.descriptor - section.offset),
                64,
            );
        }
        // Injection may add zeros to the last section, which are not loaded.
        let size = section.memory_size.min(section.file_size);
        if let Some(bytes) = at(image, section.address, size).filter(|bytes| !bytes.is_empty()) {
            loaded.add(section.address, bytes, descriptor);
        }
    }
    Ok(loaded)
}

/// Symbols are not loaded, and the resources are the blob's and the user's.
fn is_kept(section: &Section) -> bool {
    let name = &section.name;
    !(name.starts_with(b"/") || name.starts_with(b".debug") || name.starts_with(b".rsrc"))
}

/// The bytes that a section loads at an address.
pub(super) fn at<'a>(image: &Image<'a>, address: u64, size: u64) -> Option<&'a [u8]> {
    let section = image
        .sections()
        .find(|section| section.holds(address, size))?;
    let start = usize::try_from(section.offset + (address - section.address)).ok()?;
    image
        .bytes
        .get(start..start.checked_add(usize::try_from(size).ok()?)?)
}
