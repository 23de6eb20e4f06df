//! Whether an application is what was written, what another tool made of it, or damaged.

use object::LittleEndian as Le;
use object::elf;

use super::super::error::ContainerError;
use super::super::undo::{self, Record};
use super::snapshot::{self, Snapshot};
use super::{Found, find, inject, loaded, undo_offset};
use crate::image::elf::Image;

/// Whether another tool rewrote it. Damage is an error.
pub(super) fn judge(image: &Image<'_>, found: &Found) -> Result<bool, ContainerError> {
    let Some(snapshot) = snapshot::read(image, found)? else {
        return without_snapshot(image.bytes);
    };
    if !snapshot.is_intact(image) {
        return Err(ContainerError::Damaged(
            "the start snapshot is not what was written",
        ));
    }
    match undo::revert(image.bytes, snapshot.undo) {
        Ok(bare) => {
            let bare_image = Image::parse(&bare)?.ok_or(ContainerError::NoSlot)?;
            let whole = snapshot.is_all_of(image, &bare_image)?;
            Ok(without_snapshot(&bare)? || !whole)
        }
        Err(ContainerError::Altered) => {
            // Where nothing was moved, the bytes behind the snapshot's patches are the
            // application's.
            if let Ok(bare) = undo::prefix(image.bytes, snapshot.undo)
                && let Ok(Some(bare_image)) = Image::parse(&bare)
                && is_in_place(&bare_image)
            {
                return without_snapshot(&bare).map(|_| true);
            }
            with_snapshot(image, found, &snapshot)?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

fn without_snapshot(bytes: &[u8]) -> Result<bool, ContainerError> {
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let blob = find(&image)?.and_then(|found| found.slot.blob);
    let blob = blob.ok_or(ContainerError::Empty)?;
    check_blob_segment(&image)?;
    let at = undo_offset(blob.end);
    match undo::revert(bytes, at) {
        // Nothing between stub and blob, and nothing behind them.
        Ok(stub) => {
            let plan = inject(&stub, blob.end - blob.start)?;
            plan.judge(bytes, &[], stub.len())
        }
        Err(ContainerError::Altered) => {
            let record = Record::read(bytes, at)?;
            record.judge(
                is_in_place(&image),
                &loaded::of(&image)?.outline,
                |address, size| loaded::at(&image, address, size),
            )?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// The segment of the blob is read-only data and nothing else: the outline leaves it out.
fn check_blob_segment(image: &Image<'_>) -> Result<(), ContainerError> {
    let segment = find(image)?.and_then(|found| found.segment);
    let mut programs = image.programs.iter().enumerate();
    let program = segment.and_then(|segment| {
        programs.find(|(index, _)| image.program_offset(*index) == segment.header)
    });
    let is_written = program.is_some_and(|(_, program)| {
        program.p_flags.get(Le) == elf::PF_R && program.p_memsz.get(Le) == program.p_filesz.get(Le)
    });
    if is_written {
        Ok(())
    } else {
        Err(ContainerError::Damaged(
            "the segment of the resources is not what was written",
        ))
    }
}

/// Whether the stub's headers are where they were, and what they were.
fn is_in_place(image: &Image<'_>) -> bool {
    let is_in_place = || {
        let blob = find(image).ok()??.slot.blob?;
        let at = undo_offset(blob.end);
        let record = Record::read(image.bytes, at).ok()?;
        let stub = undo::prefix(image.bytes, at).ok()?;
        let stub = Image::parse(&stub).ok()??;
        Some(record.has_headers(&loaded::of(&stub).ok()?))
    };
    is_in_place().unwrap_or(false)
}

/// Judges an application whose parts were moved, in which a snapshot stands for the stub's data.
fn with_snapshot(
    image: &Image<'_>,
    found: &Found,
    snapshot: &Snapshot,
) -> Result<(), ContainerError> {
    let blob = found.slot.blob.as_ref().ok_or(ContainerError::Empty)?;
    check_blob_segment(image)?;
    let record = Record::read(image.bytes, undo_offset(blob.end))?;
    let original = snapshot.original(image)?;
    let outline = loaded::outline_before(image, found, &original);
    record.judge(false, &outline, |address, size| {
        original
            .at(address, size)
            .or_else(|| loaded::at(image, address, size))
    })
}
