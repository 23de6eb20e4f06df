//! Filling the slot. The [module above](super) explains what moves and why.

use object::LittleEndian as Le;
use object::macho::Section64;
use oxidize_format::descriptor::Descriptor;

use super::super::InjectOptions;
use super::super::error::{ContainerError, malformed};
use super::super::plan::{Piece, Plan, Seal, SealKind};
use super::super::slot::bare;
use super::super::undo::{self, Summary};
use super::commands::linkedit_offsets;
use super::{BLOB_SECTION, BLOB_SEGMENT, LINKEDIT, PAGE, TEXT, detect, find, loaded, remove};
use crate::image::macho::adhoc::{ADHOC, Signature};
use crate::image::macho::{Image, Segment, signature};

/// Offsets in a Mach-O file have 32 bits, and some tools take them for signed ones.
const LARGEST: u64 = i32::MAX as u64;
const TOO_LARGE: ContainerError =
    ContainerError::TooLarge("a Mach-O file ends at 2 GiB; keep large files beside it");
/// `VM_PROT_READ`
const READ: u32 = 1;

/// Offsets in a segment command: address and size in memory, offset and size in the file,
/// protections.
const SEGMENT_RANGE: usize = 24;
const SEGMENT_PROTECTION: usize = 56;
/// Offset of address and size in a section header.
const SECTION_RANGE: usize = 32;

/// Plans the stub with a blob of `blob_len` bytes in its slot.
///
/// # Errors
/// The file is not a stub that this version can fill, or the blob is too large.
pub fn inject(
    bytes: &[u8],
    blob_len: u64,
    options: &InjectOptions,
) -> Result<Plan, ContainerError> {
    let stub = bare(bytes, blob_len, detect, remove)?;
    let image = Image::parse(&stub)?.ok_or(ContainerError::NoSlot)?;
    fill(&image, blob_len, options)
}

/// The parts of a stub that injection touches, found where they must be.
struct Parts<'i, 'a> {
    slot: &'i Segment<'a>,
    section_at: usize,
    linkedit: &'i Segment<'a>,
    /// The signature's load command, and where the signature begins and ends.
    command: usize,
    signature: usize,
    end: usize,
    executable: (u64, u64),
}

impl<'i, 'a> Parts<'i, 'a> {
    fn find(image: &'i Image<'a>) -> Result<Parts<'i, 'a>, ContainerError> {
        let missing = |missing| ContainerError::Incomplete { missing };
        let slot = image
            .find_segment(BLOB_SEGMENT)
            .ok_or(missing("no segment named __OXI"))?;
        let linkedit = image
            .find_segment(LINKEDIT)
            .ok_or(missing("no segment named __LINKEDIT"))?;
        let text = image
            .find_segment(TEXT)
            .ok_or(missing("no segment named __TEXT"))?;
        let (command, signature) = image.signature()?.ok_or(missing(
            "it is not signed; a linker signs ad hoc with -adhoc_codesign",
        ))?;
        let wrong = |at, problem| malformed("segment command", at, problem);
        let last_two: Vec<_> = image
            .segments
            .iter()
            .rev()
            .take(2)
            .map(|s| s.command)
            .collect();
        if last_two != [linkedit.command, slot.command] {
            let problem = "__OXI and __LINKEDIT are not the last segments";
            return Err(wrong(slot.command, problem));
        }
        if slot.end() != linkedit.address || slot.file_end() != linkedit.offset {
            return Err(wrong(
                slot.command,
                "it does not end where __LINKEDIT begins",
            ));
        }
        for value in [slot.address, slot.offset, slot.memory_size, slot.file_size] {
            if !value.is_multiple_of(image.page()) {
                return Err(wrong(slot.command, "it is not a range of whole pages"));
            }
        }
        if image.segments.iter().any(|other| {
            ![slot.command, linkedit.command].contains(&other.command)
                && (other.end() > slot.address || other.file_end() > slot.offset)
        }) {
            return Err(wrong(slot.command, "another segment reaches into it"));
        }
        let whole =
            signature.end == image.bytes.len() && linkedit.file_end() == image.bytes.len() as u64;
        if !whole
            || (signature.start as u64) < linkedit.offset
            || !signature.start.is_multiple_of(16)
        {
            let problem = "the signature is not the end of __LINKEDIT and of the file";
            return Err(malformed("code signature command", command, problem));
        }
        let [section] = slot.sections else {
            return Err(wrong(
                slot.command,
                "it has another number of sections than one",
            ));
        };
        let (section_at, _) = slot
            .find_section(BLOB_SECTION)
            .ok_or(missing("no section named __blob in the segment __OXI"))?;
        if section.addr.get(Le) != slot.address || u64::from(section.offset.get(Le)) != slot.offset
        {
            let problem = "it is not at the start of its segment";
            return Err(malformed("section header", section_at, problem));
        }
        Ok(Parts {
            slot,
            section_at,
            linkedit,
            command,
            signature: signature.start,
            end: signature.end,
            executable: (text.offset, text.file_size),
        })
    }
}

/// Where everything comes to lie.
struct Layout {
    blob_len: u64,
    /// Between blob and undo record.
    padding: u64,
    undo_len: u64,
    /// Length of the grown segment.
    segment: u64,
    /// How far everything behind it moves up, in the file and in memory.
    shift: u64,
}

impl Layout {
    fn section(&self) -> u64 {
        self.blob_len + self.padding + self.undo_len
    }
}

fn fill(image: &Image<'_>, blob_len: u64, options: &InjectOptions) -> Result<Plan, ContainerError> {
    let found = find(image)?.ok_or(ContainerError::NoSlot)?;
    let parts = Parts::find(image)?;
    let (stub, slot) = (image.bytes, parts.slot);
    if stub.len() as u64 > LARGEST {
        return Err(TOO_LARGE);
    }
    let offsets = linkedit_offsets(image, parts.linkedit)?;

    // The descriptor and the load commands were found inside the file, and before the slot: a
    // segment lies behind them.
    let descriptor_at = usize::try_from(found.slot.descriptor).expect("an offset within a slice");
    let head = slot.offset as usize;
    let commands_end = image.commands.last().map_or(0, |last| last.at + last.size);
    if descriptor_at < commands_end || descriptor_at + 64 > head {
        let problem = "it does not lie between the load commands and the slot";
        return Err(malformed("descriptor", descriptor_at, problem));
    }
    let base = image.base()?;
    let address = slot
        .address
        .checked_sub(base)
        .filter(|address| *address > 0);
    let address = address.ok_or(malformed(
        "segment command",
        slot.command,
        "it lies before the program's first segment",
    ))?;
    // What cannot be computed from the output: the fields that change, what stood in the slot, and
    // the old signature.
    let placeholder = &stub[head..slot.file_end() as usize];
    let placeholder_len = placeholder
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let mut saved = vec![
        head..head + placeholder_len,
        parts.signature..parts.end,
        descriptor_at..descriptor_at + 64,
    ];
    let ranges = [
        (slot.command + SEGMENT_RANGE, 40),
        (parts.section_at + SECTION_RANGE, 16),
        (parts.linkedit.command + SEGMENT_RANGE, 32),
        (parts.command + 8, 8),
    ];
    let fields = ranges.into_iter().chain(offsets.iter().map(|at| (*at, 4)));
    saved.extend(fields.map(|(at, len)| at..at + len));
    let summary = Summary::of(&loaded::of(image)?);
    let record = undo::record(stub, &saved, &summary);

    let layout = lay_out(&parts, blob_len, record.len() as u64)?;
    let signature_at = parts.signature as u64 + layout.shift;
    let code_limit = u32::try_from(signature_at).map_err(|_| TOO_LARGE)?;
    let own = signature::identifier(&stub[parts.signature..parts.end]);
    let identifier = options.identifier.as_deref().or(own).unwrap_or("app");
    let signature = Signature {
        identifier: identifier.replace('\0', ""),
        flags: ADHOC,
        code_limit,
        executable: parts.executable,
    };
    let end = signature_at + signature.len();
    if end > LARGEST {
        return Err(TOO_LARGE);
    }

    let mut out = stub[..head].to_vec();
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    for at in offsets {
        // Below the end of the file, which has just been found to fit.
        let moved = image.word(at) + layout.shift as u32;
        put(at, &moved.to_le_bytes());
    }
    let range = [slot.address, layout.segment, slot.offset, layout.segment];
    put(
        slot.command + SEGMENT_RANGE,
        &range.map(u64::to_le_bytes).concat(),
    );
    put(
        slot.command + SEGMENT_PROTECTION,
        &[READ, READ].map(u32::to_le_bytes).concat(),
    );
    let range = [slot.address, layout.section()];
    put(
        parts.section_at + SECTION_RANGE,
        &range.map(u64::to_le_bytes).concat(),
    );
    let linkedit_offset = parts.linkedit.offset + layout.shift;
    let linkedit_size = end - linkedit_offset;
    let range = [
        parts.linkedit.address + layout.shift,
        linkedit_size.next_multiple_of(PAGE),
        linkedit_offset,
        linkedit_size,
    ];
    put(
        parts.linkedit.command + SEGMENT_RANGE,
        &range.map(u64::to_le_bytes).concat(),
    );
    let range = [code_limit, signature.len() as u32];
    put(parts.command + 8, &range.map(u32::to_le_bytes).concat());
    let filled = Descriptor {
        address,
        size: blob_len,
        ..found.descriptor
    };
    put(descriptor_at, &filled.to_bytes());

    let pieces = vec![
        Piece::Bytes(out),
        Piece::Blob,
        Piece::Zeros(layout.padding),
        Piece::Bytes(record),
        Piece::Zeros(layout.segment - layout.section()),
        Piece::Bytes(stub[parts.linkedit.offset as usize..parts.signature].to_vec()),
        Piece::Zeros(signature.len()),
    ];
    let seal = Seal {
        offset: signature_at,
        covers: signature_at,
        kind: SealKind::Signature(signature),
    };
    Ok(Plan {
        pieces,
        blob_len,
        seal: Some(seal),
    })
}

fn lay_out(parts: &Parts<'_, '_>, blob_len: u64, undo_len: u64) -> Result<Layout, ContainerError> {
    if blob_len > LARGEST {
        return Err(TOO_LARGE);
    }
    let padding = blob_len.next_multiple_of(8) - blob_len;
    // A blob smaller than the placeholder leaves the segment as it is: nothing ever moves down.
    let segment = (blob_len + padding + undo_len)
        .next_multiple_of(PAGE)
        .max(parts.slot.file_size);
    let layout = Layout {
        blob_len,
        padding,
        undo_len,
        segment,
        shift: segment - parts.slot.file_size,
    };
    let memory = parts.linkedit.address.checked_add(LARGEST + PAGE);
    let file = parts.linkedit.file_end().checked_add(layout.shift);
    if memory.is_none() || file.is_none_or(|end| end > LARGEST) {
        return Err(TOO_LARGE);
    }
    Ok(layout)
}

/// Size of a section header.
const _: () = assert!(size_of::<Section64<Le>>() == 80);
