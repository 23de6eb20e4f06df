//! Whether an application is what was written, what another tool made of it, or damaged.

use std::ops::Range;

use object::LittleEndian as Le;

use super::super::error::ContainerError;
use super::super::undo::{self, Record};
use super::inject::{again, without_certificates};
use super::{has_checksum, loaded, undo_offset};
use crate::image::pe::{Image, SECTION_HEADER, Section};

/// Whether another tool rewrote it, a signature and its checksum aside. Damage is an error.
/// `section` holds the resources, and among them the blob.
pub(super) fn judge(
    image: &Image<'_>,
    section: &Section,
    blob: &Range<u64>,
) -> Result<bool, ContainerError> {
    check_headers(image)?;
    let unsigned = without_certificates(image.bytes)?;
    let at = undo_offset(blob.end);
    match undo::revert(&unsigned, at) {
        // Windows asks for the checksum only in drivers, and not every tool that rewrites a program
        // keeps it.
        Ok(stub) => Ok(is_altered(image, section, blob, &unsigned, &stub)? || !has_checksum(image)),
        Err(ContainerError::Altered) => {
            let record = Record::read(&unsigned, at)?;
            let in_place = is_in_place(&unsigned, at, &record);
            let outline = loaded::of(image)?.outline;
            record.judge(in_place, &outline, |address, size| {
                loaded::at(image, address, size)
            })?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Compares with what injection makes of the stub, with the resources that are there.
fn is_altered(
    image: &Image<'_>,
    section: &Section,
    blob: &Range<u64>,
    unsigned: &[u8],
    stub: &[u8],
) -> Result<bool, ContainerError> {
    // The blob was found behind the start of its section, inside the file.
    let tree = &image.bytes[section.offset as usize..blob.start as usize];
    let plan = again(
        stub,
        blob.end - blob.start,
        image.optional.subsystem.get(Le).0,
        tree,
    )?;
    let checksum = image.checksum_at()..image.checksum_at() + 4;
    plan.judge(unsigned, std::slice::from_ref(&checksum), stub.len())
}

/// What Windows asks of the headers that the outline leaves out, because tools that drop symbols
/// may write them anew.
fn check_headers(image: &Image<'_>) -> Result<(), ContainerError> {
    let size = u64::from(image.optional.size_of_headers.get(Le));
    let table =
        image.sections_at + usize::from(image.file.number_of_sections.get(Le)) * SECTION_HEADER;
    let in_file = image.sections().filter(|section| section.file_size > 0);
    let first = in_file
        .map(|section| section.address.min(section.offset))
        .min();
    let alignment = u64::from(image.optional.file_alignment.get(Le)).max(1);
    if size < table as u64
        || !size.is_multiple_of(alignment)
        || first.is_some_and(|first| first < size)
    {
        return Err(ContainerError::Damaged(
            "the size of the headers is not what was written",
        ));
    }
    Ok(())
}

/// Whether the stub's headers are where they were, and what they were.
fn is_in_place(unsigned: &[u8], at: usize, record: &Record<'_>) -> bool {
    let is_in_place = || {
        let stub = undo::prefix(unsigned, at).ok()?;
        let stub = Image::parse(&stub).ok()??;
        Some(record.has_headers(&loaded::of(&stub).ok()?))
    };
    is_in_place().unwrap_or(false)
}
