//! Filling the slot. The [module above](super) explains what is patched and why.

use object::elf::{PF_R, PT_LOAD};

use super::super::error::{ContainerError, malformed};
use super::super::plan::{Piece, Plan};
use super::super::slot::bare;
use super::super::undo::{self, Patch, Summary};
use super::{ALIGNMENT, BLOB_SECTION, DESCRIPTOR_NOTE, SPARE_NOTE, detect, find, loaded, remove};
use crate::image::elf::Image;
use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};

/// Offset of `sh_addr`, `sh_offset` and `sh_size`, which follow each other, in a section header.
const SECTION_RANGE: usize = 16;
/// Offset of `sh_addralign` in a section header.
const SECTION_ALIGN: usize = 48;

/// Plans the stub with a blob of `blob_len` bytes in its slot.
///
/// # Errors
/// The file is not a stub that this version can fill, or the blob is too large.
pub fn inject(bytes: &[u8], blob_len: u64) -> Result<Plan, ContainerError> {
    let stub = bare(bytes, blob_len, detect, remove)?;
    let image = Image::parse(&stub)?.ok_or(ContainerError::NoSlot)?;
    fill(&image, blob_len)
}

/// Where blob, undo record and the end of the file come to lie.
struct Layout {
    offset: u64,
    address: u64,
    blob_len: u64,
    undo_len: u64,
    /// Between blob and undo record.
    padding: u64,
}

impl Layout {
    fn segment_len(&self) -> u64 {
        self.blob_len + self.padding + self.undo_len
    }
}

fn fill(image: &Image<'_>, blob_len: u64) -> Result<Plan, ContainerError> {
    let found = find(image)?.ok_or(ContainerError::NoSlot)?;
    let spare = image
        .find_note(SPARE_NOTE)?
        .ok_or(ContainerError::Incomplete {
            missing: "no spare program header",
        })?;
    let spare_header = image.program_offset(spare.program);
    let own = image.find_note(DESCRIPTOR_NOTE)?;
    if own.is_some_and(|own| own.program == spare.program) {
        let problem =
            "the spare note and the descriptor share a program header, so that none is spare";
        return Err(malformed("program header", spare_header, problem));
    }
    if let Some(last) = image.loads().last()
        && last.header > spare_header
    {
        let problem = "the spare program header lies before a loaded segment";
        return Err(malformed("program header", spare_header, problem));
    }
    let section = image.find_section(BLOB_SECTION)?;
    if section.is_none() && image.has_sections() {
        return Err(ContainerError::Incomplete {
            missing: "no section named .oxi.blob",
        });
    }

    let summary = Summary::of(&loaded::of(image)?);
    let field_lengths: &[usize] = if section.is_some() {
        &[56, 24, 8, DESCRIPTOR_SIZE]
    } else {
        &[56, DESCRIPTOR_SIZE]
    };
    let layout = lay_out(image, blob_len, undo::record_len(field_lengths, &summary))?;
    let mut patches = vec![Patch {
        offset: spare_header,
        bytes: program_header(&layout),
    }];
    if let Some(section) = section {
        let range = [layout.address, layout.offset, layout.segment_len()];
        let bytes = range.map(u64::to_le_bytes).concat();
        patches.push(Patch {
            offset: section.header + SECTION_RANGE,
            bytes,
        });
        patches.push(Patch {
            offset: section.header + SECTION_ALIGN,
            bytes: ALIGNMENT.to_le_bytes().to_vec(),
        });
    }
    let address = layout.address - image.bias()?;
    let filled = Descriptor {
        address,
        size: blob_len,
        ..found.descriptor
    };
    // The descriptor's note was found inside the file.
    let offset = usize::try_from(found.slot.descriptor).expect("an offset within a slice");
    patches.push(Patch {
        offset,
        bytes: filled.to_bytes().to_vec(),
    });

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
        Piece::Blob,
        Piece::Zeros(layout.padding),
        Piece::Bytes(record),
    ];
    Ok(Plan {
        pieces,
        blob_len,
        seal: None,
    })
}

fn lay_out(image: &Image<'_>, blob_len: u64, undo_len: u64) -> Result<Layout, ContainerError> {
    let too_large = ContainerError::TooLarge("the address space ends before the resources do");
    let bias = image.bias()?;
    let end_of_memory = image
        .loads()
        .map(|segment| segment.end())
        .max()
        .unwrap_or(bias);
    let place = || {
        let offset = (image.bytes.len() as u64).checked_next_multiple_of(ALIGNMENT)?;
        // Behind all memory, `.bss` included, which takes no room in the file.
        let address = end_of_memory
            .max(bias.checked_add(offset)?)
            .checked_next_multiple_of(ALIGNMENT)?;
        let padding = blob_len.checked_next_multiple_of(8)? - blob_len;
        let layout = Layout {
            offset,
            address,
            blob_len,
            undo_len,
            padding,
        };
        let len = blob_len.checked_add(padding)?.checked_add(undo_len)?;
        // One page short of the end, as loaders round up; and the file offset has to fit a signed
        // number.
        address.checked_add(len)?.checked_add(ALIGNMENT)?;
        i64::try_from(offset.checked_add(len)?).ok()?;
        Some(layout)
    };
    let layout = place().ok_or(too_large)?;
    if bias % ALIGNMENT != 0 {
        return Err(malformed(
            "program header",
            0,
            "the image base is not a multiple of 64 KiB",
        ));
    }
    Ok(layout)
}

fn program_header(layout: &Layout) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(56);
    bytes.extend_from_slice(&PT_LOAD.0.to_le_bytes());
    bytes.extend_from_slice(&PF_R.0.to_le_bytes());
    let len = layout.segment_len();
    for value in [
        layout.offset,
        layout.address,
        layout.address,
        len,
        len,
        ALIGNMENT,
    ] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}
