//! Filling the slot. The [module above](super) explains what is patched and why.

use std::borrow::Cow;

use object::LittleEndian as Le;
use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};

use super::super::InjectOptions;
use super::super::error::{ContainerError, malformed};
use super::super::plan::{Piece, Plan, Seal, SealKind};
use super::super::slot::bare;
use super::super::undo::{self, Patch, Summary};
use super::{checksum_of, detect, find, loaded, remove};
use crate::image::pe::resources::{BLOB_NAME, PAGE, Tree};
use crate::image::pe::{CERTIFICATES, Image, RESOURCES, SECTION_HEADER};

/// Windows maps no executable of 2 GiB and more; some room is left for what signing adds.
const LARGEST: u64 = 2_040_109_465; // 1.9 GiB
/// Windows loads no more sections than this.
const MOST_SECTIONS: u16 = 96;
/// Initialised data, readable.
const SECTION_FLAGS: u32 = 0x4000_0040;
/// `IMAGE_SUBSYSTEM_WINDOWS_GUI`
const GUI: u16 = 2;
/// `IMAGE_SUBSYSTEM_WINDOWS_CUI`
const CONSOLE: u16 = 3;

const OPTIONAL_INITIALIZED: usize = 8;
const OPTIONAL_IMAGE_SIZE: usize = 56;
const OPTIONAL_SUBSYSTEM: usize = 68;
/// In a section header: how much of the file belongs to it.
const SECTION_RAW_SIZE: usize = 16;

/// Plans the stub with a blob of `blob_len` bytes in its slot.
///
/// # Errors
/// The file is not a stub that this version can fill, or the blob or a resource is too large.
pub fn inject(
    bytes: &[u8],
    blob_len: u64,
    options: &InjectOptions,
) -> Result<Plan, ContainerError> {
    let stub = bare(bytes, blob_len, detect, remove)?;
    // A certificate of the file is about its bytes, which change; one of a stub that was taken out
    // again never was there.
    let stub = match stub {
        Cow::Borrowed(file) => without_certificates(file)?,
        restored => restored,
    };
    let image = Image::parse(&stub)?.ok_or(ContainerError::NoSlot)?;
    let subsystem = image.optional.subsystem.get(Le).0;
    if options.gui && ![GUI, CONSOLE].contains(&subsystem) {
        return Err(malformed(
            "optional header",
            image.optional_at + OPTIONAL_SUBSYSTEM,
            "the program is for neither console nor desktop",
        ));
    }
    let subsystem = if options.gui { GUI } else { subsystem };
    let tree = Tree::new(BLOB_NAME, &options.resources)?;
    fill(&image, blob_len, subsystem, tree.len(), |address, len| {
        tree.write_with(address, len)
    })
}

/// Plans what [`inject`] made of a stub with the resource tree that is there. A desktop program
/// stays one, for which the subsystem of the file stands.
pub(super) fn again(
    stub: &[u8],
    blob_len: u64,
    subsystem: u16,
    tree: &[u8],
) -> Result<Plan, ContainerError> {
    let image = Image::parse(stub)?.ok_or(ContainerError::NoSlot)?;
    let own = image.optional.subsystem.get(Le).0;
    let subsystem = if subsystem == GUI { GUI } else { own };
    fill(&image, blob_len, subsystem, tree.len(), |_, _| {
        tree.to_vec()
    })
}

/// The file without its Authenticode certificates, which no longer hold once a byte changes.
pub(super) fn without_certificates(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ContainerError> {
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let Some(range) = image.certificates()? else {
        return Ok(Cow::Borrowed(bytes));
    };
    let mut out = bytes[..range.start].to_vec();
    let directory = image.directory_at(CERTIFICATES);
    out[directory..directory + 8].fill(0);
    if image.optional.check_sum.get(Le) != 0 {
        let at = image.checksum_at();
        let checksum = checksum_of(&out, at);
        out[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
    }
    Ok(Cow::Owned(out))
}

/// Where everything comes to lie. All values fit into 31 bits.
struct Layout {
    /// Address of the new section.
    address: u64,
    /// Its file offset.
    offset: u64,
    /// Length of the resource tree before the blob.
    tree: u64,
    blob_len: u64,
    /// Between blob and undo record.
    padding: u64,
    undo_len: u64,
    /// Length of the section in the file.
    raw: u64,
    /// Length of the image in memory.
    image: u64,
}

impl Layout {
    fn content(&self) -> u64 {
        self.tree + self.blob_len + self.padding + self.undo_len
    }
}

/// `tree` writes the resource tree, `tree_len` bytes long, for the address of the section and the
/// length of the blob.
fn fill(
    image: &Image<'_>,
    blob_len: u64,
    subsystem: u16,
    tree_len: usize,
    tree: impl FnOnce(u32, u32) -> Vec<u8>,
) -> Result<Plan, ContainerError> {
    let found = find(image)?.ok_or(ContainerError::NoSlot)?;
    check_room(image)?;
    let summary = Summary::of(&loaded::of(image)?);
    let fields = [2, 4, 4, 4, 2, 8, 4, SECTION_HEADER, DESCRIPTOR_SIZE];
    let undo_len = undo::record_len(&fields, &summary);
    let layout = lay_out(image, blob_len, tree_len as u64, undo_len)?;
    // Everything was found to lie below 2 GiB.
    let small = |value: u64| u32::try_from(value).expect("below 2 GiB");

    let count = image.file.number_of_sections.get(Le) + 1;
    let initialized = image.optional.size_of_initialized_data.get(Le);
    let initialized = initialized.wrapping_add(small(layout.raw));
    let directory = [small(layout.address), small(layout.content())];
    let filled = Descriptor {
        address: layout.address + layout.tree,
        size: blob_len,
        ..found.descriptor
    };
    let new_header = image.sections_at + usize::from(count - 1) * SECTION_HEADER;
    // The descriptor was found inside the file.
    let descriptor_at = usize::try_from(found.slot.descriptor).expect("an offset within a slice");
    if descriptor_at < new_header + SECTION_HEADER {
        let problem = "it lies inside the headers";
        return Err(malformed("descriptor", descriptor_at, problem));
    }
    let (last, last_size) = cover_gap(image, &layout);
    let patches = [
        (image.file_at + 2, count.to_le_bytes().to_vec()),
        (
            image.optional_at + OPTIONAL_INITIALIZED,
            initialized.to_le_bytes().to_vec(),
        ),
        (
            image.optional_at + OPTIONAL_IMAGE_SIZE,
            small(layout.image).to_le_bytes().to_vec(),
        ),
        // The seal's, once everything is written.
        (image.checksum_at(), vec![0; 4]),
        (
            image.optional_at + OPTIONAL_SUBSYSTEM,
            subsystem.to_le_bytes().to_vec(),
        ),
        (
            image.directory_at(RESOURCES),
            directory.map(u32::to_le_bytes).concat(),
        ),
        (
            last + SECTION_RAW_SIZE,
            small(last_size).to_le_bytes().to_vec(),
        ),
        (new_header, section_header(&layout)),
        (descriptor_at, filled.to_bytes().to_vec()),
    ]
    .map(|(offset, bytes)| Patch { offset, bytes });

    let mut stub = image.bytes.to_vec();
    let zeros = layout.offset - stub.len() as u64;
    let record = undo::apply(&mut stub, &patches, &summary);
    assert_eq!(
        record.len() as u64,
        layout.undo_len,
        "the layout reserved what the undo record takes"
    );
    let pieces = vec![
        Piece::Bytes(stub),
        Piece::Zeros(zeros),
        Piece::Bytes(tree(small(layout.address), small(blob_len))),
        Piece::Blob,
        Piece::Zeros(layout.padding),
        Piece::Bytes(record),
        Piece::Zeros(layout.raw - layout.content()),
    ];
    let seal = Seal {
        offset: image.checksum_at() as u64,
        covers: layout.offset + layout.raw,
        kind: SealKind::Checksum,
    };
    Ok(Plan {
        pieces,
        blob_len,
        seal: Some(seal),
    })
}

/// The header of the section that is last in the file, and its size up to the new one.
///
/// A gap between sections would be signed by some tools and skipped by others. Loaders read no more
/// of a section than its size in memory, so the zeros up to the next page can just as well belong
/// to it.
fn cover_gap(image: &Image<'_>, layout: &Layout) -> (usize, u64) {
    let sections = image.sections().filter(|section| section.file_size > 0);
    let last = sections.max_by_key(|section| section.offset + section.file_size);
    let last = last.expect("the descriptor's section is in the file");
    if last.offset + last.file_size == image.bytes.len() as u64 {
        (last.header, layout.offset - last.offset)
    } else {
        (last.header, last.file_size)
    }
}

/// Whether resources and one more section header find a place.
fn check_room(image: &Image<'_>) -> Result<(), ContainerError> {
    if image.directory(RESOURCES) != (0, 0) {
        return Err(ContainerError::Incomplete {
            missing: "it has Windows resources already, so there is no place for more",
        });
    }
    let count = image.file.number_of_sections.get(Le);
    let start = image.sections_at + usize::from(count) * SECTION_HEADER;
    let end = start + SECTION_HEADER;
    let first = image
        .sections()
        .filter(|section| section.file_size > 0)
        .map(|section| section.offset)
        .min();
    let headers = u64::from(image.optional.size_of_headers.get(Le));
    let free = image
        .bytes
        .get(start..end)
        .is_some_and(|header| header.iter().all(|byte| *byte == 0));
    if count >= MOST_SECTIONS
        || !free
        || end as u64 > headers
        || first.is_some_and(|first| end as u64 > first)
    {
        return Err(ContainerError::Incomplete {
            missing: "no room for one more section header",
        });
    }
    Ok(())
}

fn lay_out(
    image: &Image<'_>,
    blob_len: u64,
    tree: u64,
    undo_len: u64,
) -> Result<Layout, ContainerError> {
    let alignments = [
        (32, image.optional.section_alignment.get(Le), PAGE as u32),
        (36, image.optional.file_alignment.get(Le), 0x200),
    ];
    for (offset, alignment, least) in alignments {
        if !alignment.is_power_of_two() || !(least..=0x1_0000).contains(&alignment) {
            return Err(malformed(
                "optional header",
                image.optional_at + offset,
                "an alignment is not a power of two of a usual size",
            ));
        }
    }
    let [(_, in_memory, _), (_, in_file, _)] = alignments;
    let (in_memory, in_file) = (u64::from(in_memory), u64::from(in_file));
    let too_large = ContainerError::TooLarge(
        "Windows loads no executable beyond 1.9 GiB; keep large files beside it",
    );
    if blob_len > LARGEST {
        return Err(too_large);
    }
    // Nothing below comes near an overflow: all other terms have 32 bits.
    let end = image
        .sections()
        .map(|section| section.address + section.memory_size.max(section.file_size))
        .max()
        .unwrap_or(0)
        .max(image.optional.size_of_headers.get(Le).into());
    let padding = blob_len.next_multiple_of(8) - blob_len;
    let mut layout = Layout {
        address: end.next_multiple_of(in_memory),
        offset: (image.bytes.len() as u64).next_multiple_of(in_file.max(PAGE as u64)),
        tree,
        blob_len,
        padding,
        undo_len,
        raw: 0,
        image: 0,
    };
    layout.raw = layout.content().next_multiple_of(in_file);
    layout.image = (layout.address + layout.content()).next_multiple_of(in_memory);
    if layout.image.max(layout.offset.saturating_add(layout.raw)) > LARGEST {
        return Err(too_large);
    }
    Ok(layout)
}

fn section_header(layout: &Layout) -> Vec<u8> {
    let mut bytes = b".rsrc\0\0\0".to_vec();
    for value in [layout.content(), layout.address, layout.raw, layout.offset] {
        bytes.extend_from_slice(&(value as u32).to_le_bytes()); // below 2 GiB
    }
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend_from_slice(&SECTION_FLAGS.to_le_bytes());
    bytes
}
