//! What macOS loads of a Mach-O file.

use object::LittleEndian as Le;

use super::super::error::ContainerError;
use super::super::loaded::{Loaded, MOST_PARTS};
use super::{BLOB_SEGMENT, LINKEDIT, find};
use crate::image::macho::Image;

/// `LC_MAIN`
const MAIN: u32 = 0x8000_0028;
/// `LC_DYLD_CHAINED_FIXUPS`
const FIXUPS: u32 = 0x8000_0034;
/// Kinds of sections without bytes in the file: `S_ZEROFILL`, `S_GB_ZEROFILL`,
/// `S_THREAD_LOCAL_ZEROFILL`.
const ZEROS: [u32; 3] = [0x1, 0xc, 0x12];

/// What is loaded of this stub or application, blob, symbols and signature aside.
pub(super) fn of<'a>(image: &Image<'a>) -> Result<Loaded<'a>, ContainerError> {
    let mut loaded = Loaded::new(image.bytes.len());
    let found = find(image)?.ok_or(ContainerError::NoSlot)?;
    loaded.headers.push(image.headers());
    loaded.note(&[image.header.cputype.get(Le).0.into()]);
    for command in &image.commands {
        if command.kind == MAIN {
            let bytes = &image.bytes[command.at..command.at + command.size];
            loaded.outline.extend_from_slice(bytes);
        }
        if command.kind == FIXUPS && command.size >= 16 {
            let (start, len) = (image.word(command.at + 8), image.word(command.at + 12));
            let end = (start as usize).saturating_add(len as usize);
            let fixups = image.bytes.get(start as usize..end).unwrap_or_default();
            loaded.outline.extend_from_slice(fixups);
        }
    }
    let kept = |name: &[u8]| ![BLOB_SEGMENT, LINKEDIT].contains(&name);
    for segment in image
        .segments
        .iter()
        .filter(|segment| kept(segment.name))
        .take(MOST_PARTS)
    {
        let rights = u64::from(segment.writable) | u64::from(segment.executable) << 1;
        loaded.note(&[segment.address, segment.memory_size, rights]);
        let mut descriptor = (0, 0);
        if (segment.offset..segment.file_end()).contains(&found.slot.descriptor) {
            descriptor = (
                segment.address + (found.slot.descriptor - segment.offset),
                64,
            );
        }
        for section in segment.sections.iter().take(MOST_PARTS) {
            if loaded.parts.len() + 2 > MOST_PARTS {
                break;
            }
            let (address, size) = (section.addr.get(Le), section.size.get(Le));
            if size == 0 || ZEROS.contains(&(section.flags.get(Le).0 & 0xff)) {
                continue;
            }
            if let Some(bytes) = at(image, address, size) {
                loaded.add(address, bytes, descriptor);
            }
        }
    }
    Ok(loaded)
}

/// The bytes that a segment loads at an address.
pub(super) fn at<'a>(image: &Image<'a>, address: u64, size: u64) -> Option<&'a [u8]> {
    let segment = image
        .segments
        .iter()
        .find(|segment| segment.holds(address, size))?;
    let start = usize::try_from(segment.offset + (address - segment.address)).ok()?;
    image
        .bytes
        .get(start..start.checked_add(usize::try_from(size).ok()?)?)
}
