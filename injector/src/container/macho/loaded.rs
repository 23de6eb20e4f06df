//! What macOS loads of a Mach-O file.

use object::LittleEndian as Le;

use super::super::error::ContainerError;
use super::super::loaded::{Loaded, MOST_PARTS, most_bytes};
use super::{BLOB_SEGMENT, LINKEDIT, find};
use crate::image::macho::{Image, SEGMENT};

/// `LC_DYLD_CHAINED_FIXUPS`
const FIXUPS: u32 = 0x8000_0034;
/// `LC_DYLD_INFO` and `LC_DYLD_INFO_ONLY`
const INFORMATION: [u32; 2] = [0x22, 0x8000_0022];
/// What tools that sign, strip or identify programs write, and its size: symbols, dynamic symbols,
/// identifier, signature, split information, function starts, data in code, source version,
/// requirements of libraries, linker hints, exports, atoms, function variants and their fixups,
/// notes. Of another size, the kernel may refuse it.
const FOR_TOOLS: [(u32, usize); 15] = [
    (0x2, 24),
    (0xb, 80),
    (0x1b, 24),
    (0x1d, 16),
    (0x1e, 16),
    (0x26, 16),
    (0x29, 16),
    (0x2a, 16),
    (0x2b, 16),
    (0x2e, 16),
    (0x8000_0033, 16),
    (0x36, 16),
    (0x37, 16),
    (0x38, 16),
    (0x31, 40),
];
/// Kinds of sections without bytes in the file: `S_ZEROFILL`, `S_GB_ZEROFILL`,
/// `S_THREAD_LOCAL_ZEROFILL`.
const ZEROS: [u32; 3] = [0x1, 0xc, 0x12];

/// What is loaded of this stub or application, blob, symbols and signature aside.
pub(super) fn of<'a>(image: &Image<'a>) -> Result<Loaded<'a>, ContainerError> {
    let mut loaded = Loaded::new(image.bytes.len());
    let found = find(image)?.ok_or(ContainerError::NoSlot)?;
    loaded.headers.push(image.headers());
    let header = image.header;
    loaded.note(&[
        header.cputype.get(Le).0.into(),
        header.cpusubtype.get(Le).0.into(),
        header.filetype.get(Le).0.into(),
        header.flags.get(Le).0.into(),
    ]);
    // Many commands may name the same bytes.
    let mut left = most_bytes(image.bytes.len());
    for command in &image.commands {
        let bytes = &image.bytes[command.at..command.at + command.size];
        let mut content = |at: usize| {
            if at + 8 > command.size {
                return;
            }
            let (start, len) = (image.word(command.at + at), image.word(command.at + at + 4));
            let end = (start as usize).saturating_add(len as usize);
            let content = image.bytes.get(start as usize..end).unwrap_or_default();
            let Some(rest) = left.checked_sub(content.len() as u64) else {
                return;
            };
            left = rest;
            loaded.note(&[len.into()]);
            loaded.outline.extend_from_slice(content);
        };
        match command.kind {
            // Its address and rights count, and of most what is in it.
            SEGMENT => note_segment(&mut loaded, bytes),
            FIXUPS => content(8),
            // Rebases, binds, weak and lazy binds. The exports are symbols.
            kind if INFORMATION.contains(&kind) => [8, 16, 24, 32].into_iter().for_each(content),
            kind if FOR_TOOLS.contains(&(kind, command.size)) => {}
            _ => loaded.outline.extend_from_slice(bytes),
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

/// Notes what a segment command says about the memory. Those of the blob and of symbols and
/// signature grow and shrink, and injection changes the rights of the first.
fn note_segment(loaded: &mut Loaded<'_>, command: &[u8]) {
    const SECTIONS: usize = 72;
    const SECTION: usize = 80;
    let Some((fields, sections)) = command.split_at_checked(SECTIONS) else {
        return;
    };
    let name = &fields[8..24];
    loaded.outline.extend_from_slice(name);
    let named = |wanted: &[u8]| name.strip_prefix(wanted).is_some_and(|rest| rest[0] == 0);
    let is_slot = named(BLOB_SEGMENT);
    // Rights and flags.
    if !is_slot {
        loaded.outline.extend_from_slice(&fields[56..64]);
    }
    loaded.outline.extend_from_slice(&fields[68..72]);
    if named(LINKEDIT) {
        return;
    }
    // Addresses, and how much of them the file holds.
    if !is_slot {
        loaded.outline.extend_from_slice(&fields[24..40]);
        loaded.outline.extend_from_slice(&fields[48..56]);
    }
    for section in sections.chunks_exact(SECTION) {
        // Names, address, size, alignment, kind.
        let place = if is_slot { 32 } else { 48 };
        loaded.outline.extend_from_slice(&section[..place]);
        loaded.outline.extend_from_slice(&section[52..56]);
        loaded.outline.extend_from_slice(&section[64..68]);
    }
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
