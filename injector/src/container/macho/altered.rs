//! Whether an application is what was written, what another tool made of it, or damaged.

use std::ops::Range;

use super::super::InjectOptions;
use super::super::error::ContainerError;
use super::super::plan::{HEADERS_OVERWRITTEN, Seal};
use super::super::undo::Record;
use super::{BLOB_SEGMENT, LINKEDIT, PAGE, assemble, inject, loaded, remove, undo_offset};
use crate::image::macho::{Image, Segment};

/// Offsets in a segment command: sizes in memory and in the file (`segment_command_64` in
/// mach-o/loader.h).
const MEMORY_SIZE: usize = 32;
const FILE_SIZE: usize = 48;
/// Offset in the load command of a signature: its length.
const DATA_SIZE: usize = 12;

/// Whether another tool rewrote it. Damage is an error.
pub(super) fn judge(
    image: &Image<'_>,
    linkedit: &Segment<'_>,
    blob: &Range<u64>,
) -> Result<bool, ContainerError> {
    match remove(image.bytes) {
        Ok(stub) => is_altered(image, linkedit, &stub, blob.end - blob.start),
        Err(ContainerError::Altered) => {
            let record = Record::read(image.bytes, undo_offset(blob.end))?;
            let in_place = is_in_place(image, &record);
            let outline = loaded::of(image)?.outline;
            record.judge(in_place, &outline, |address, size| {
                loaded::at(image, address, size)
            })?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Compares with what injection makes of the stub. Tools that sign write a signature of another
/// length, and so the sizes of the segment that ends with it; nobody writes other headers.
fn is_altered(
    image: &Image<'_>,
    linkedit: &Segment<'_>,
    stub: &[u8],
    blob_len: u64,
) -> Result<bool, ContainerError> {
    let plan = inject(stub, blob_len, &InjectOptions::default())?;
    let signature = plan.seal().map_or(plan.total_len(), Seal::offset);
    let signature = usize::try_from(signature).unwrap_or(usize::MAX);
    let stub = Image::parse(stub)?.ok_or(ContainerError::NoSlot)?;
    let (Some(slot), Some(end), Some((command, _))) = (
        stub.find_segment(BLOB_SEGMENT),
        stub.find_segment(LINKEDIT),
        stub.signature()?,
    ) else {
        return Err(ContainerError::NoSlot);
    };
    // The kernel maps all of the segment (`load_segment` in bsd/kern/mach_loader.c).
    let usual = linkedit.file_size.next_multiple_of(PAGE);
    let planned = plan.total_len().saturating_sub(linkedit.offset);
    let planned = planned.next_multiple_of(PAGE);
    if !(linkedit.file_size..=usual.max(planned)).contains(&linkedit.memory_size) {
        return Err(HEADERS_OVERWRITTEN);
    }
    let sizes = |at: usize, len: usize| at..at + len;
    let free = [
        sizes(end.command + MEMORY_SIZE, 8),
        sizes(end.command + FILE_SIZE, 8),
        sizes(command + DATA_SIZE, 4),
        signature..usize::MAX,
    ];
    // The slot was found inside the file.
    plan.judge(image.bytes, &free, slot.offset as usize)
}

/// Whether the stub's headers are where they were, and what they were.
fn is_in_place(image: &Image<'_>, record: &Record<'_>) -> bool {
    let is_in_place = || {
        let stub = assemble(image, record).ok()?;
        let stub = Image::parse(&stub).ok()??;
        Some(record.has_headers(&loaded::of(&stub).ok()?))
    };
    is_in_place().unwrap_or(false)
}
