//! What a system loads of an ELF file.

use object::LittleEndian as Le;
use object::elf::{self, ProgramHeader64, SHF_ALLOC, SHT_NOBITS, SectionHeader64};

use super::super::error::ContainerError;
use super::super::loaded::{Loaded, MOST_PARTS};
use super::snapshot::{HEAP_SECTION, Original};
use super::{BLOB_SECTION, Found, find};
use crate::image::elf::{Image, Segment};

/// Places of class, byte order, version, system and its version in the identification.
const OS_AND_ABI: [usize; 8] = [4, 5, 6, 7, 8, 9, 10, 11];

/// What is loaded of this stub or application, the blob aside.
///
/// Only what a section claims counts: tools fill the gaps between sections as they like.
pub(super) fn of<'a>(image: &Image<'a>) -> Result<Loaded<'a>, ContainerError> {
    let mut loaded = Loaded::new(image.bytes.len());
    let found = find(image)?.ok_or(ContainerError::NoSlot)?;
    outline(
        image,
        &mut loaded,
        found.segment.map(|segment| segment.header),
    );
    loaded.headers = image.tables();
    let descriptor_at = found.slot.descriptor;
    let mut placeholders = [None; 2];
    for (place, name) in placeholders.iter_mut().zip([BLOB_SECTION, HEAP_SECTION]) {
        *place = image.find_section(name)?.map(|section| section.header);
    }
    let kept = |(header, section): &(usize, &SectionHeader64<Le>)| {
        section.sh_flags.get(Le).contains(SHF_ALLOC)
            && section.sh_type.get(Le) != SHT_NOBITS
            && section.sh_size.get(Le) > 0
            && !placeholders.contains(&Some(*header))
    };
    let range = |section: &SectionHeader64<Le>| (section.sh_addr.get(Le), section.sh_size.get(Le));
    let sections = image.section_headers().filter(kept);
    let mut parts: Vec<_> = sections
        .map(|(_, section)| range(section))
        .take(MOST_PARTS)
        .collect();
    if !image.has_sections() {
        let behind_headers = |load: Segment| {
            let headers = if load.offset == 0 {
                image.headers_len()
            } else {
                0
            };
            let headers = headers.min(load.file_size);
            (load.address + headers, load.file_size - headers)
        };
        parts = image.loads().map(behind_headers).take(MOST_PARTS).collect();
    }
    let descriptor = image
        .loads()
        .find(|load| (load.offset..load.offset + load.file_size).contains(&descriptor_at))
        .map(|load| (load.address + (descriptor_at - load.offset), 64));
    for (address, size) in parts {
        if let Some(bytes) = at(image, address, size) {
            loaded.add(address, bytes, descriptor.unwrap_or_default());
        }
    }
    Ok(loaded)
}

/// The bytes that a segment loads at an address.
pub(super) fn at<'a>(image: &Image<'a>, address: u64, size: u64) -> Option<&'a [u8]> {
    let load = image.loads().find(|load| load.holds(address, size))?;
    let start = usize::try_from(load.offset + (address - load.address)).ok()?;
    image
        .bytes
        .get(start..start.checked_add(usize::try_from(size).ok()?)?)
}

/// The outline of the stub in an application with a snapshot, whose heap is no part of the stub.
pub(super) fn outline_before(image: &Image<'_>, found: &Found, original: &Original<'_>) -> Vec<u8> {
    let mut loaded = Loaded::new(image.bytes.len());
    let blob = found.segment.as_ref().map(|segment| segment.header);
    note_outline(image, &mut loaded, |index, program| {
        let at = image.program_offset(index);
        if Some(at) == blob || program.p_vaddr.get(Le) == original.heap {
            None
        } else if program.p_type.get(Le) == elf::PT_LOAD && program.p_vaddr.get(Le) == original.data
        {
            Some((original.data_memory, original.data_file))
        } else {
            Some(sizes(program))
        }
    });
    loaded.outline
}

/// Where a program begins and what it has in memory. The segment of the blob is not the stub's.
fn outline(image: &Image<'_>, loaded: &mut Loaded<'_>, blob: Option<usize>) {
    note_outline(image, loaded, |index, program| {
        (Some(image.program_offset(index)) != blob).then(|| sizes(program))
    });
}

/// In memory and in the file.
fn sizes(program: &ProgramHeader64<Le>) -> (u64, u64) {
    (program.p_memsz.get(Le), program.p_filesz.get(Le))
}

/// Notes are for tools, and where things lie in the file is for `at`. All else that a kernel, a C
/// library or an unwinder reads is noted. `size`: those of a segment, if it is the stub's.
fn note_outline(
    image: &Image<'_>,
    loaded: &mut Loaded<'_>,
    size: impl Fn(usize, &ProgramHeader64<Le>) -> Option<(u64, u64)>,
) {
    let header = image.header;
    loaded.note(&[
        header.e_type.get(Le).0.into(),
        header.e_machine.get(Le).0.into(),
        header.e_entry.get(Le),
        header.e_flags.get(Le).0.into(),
        u64::from_le_bytes(OS_AND_ABI.map(|at| image.bytes.get(at).copied().unwrap_or_default())),
    ]);
    for (index, program) in image.programs.iter().enumerate() {
        let kind = program.p_type.get(Le);
        if ![elf::PT_NULL, elf::PT_NOTE].contains(&kind)
            && let Some((memory, file)) = size(index, program)
        {
            let (flags, address) = (program.p_flags.get(Le), program.p_vaddr.get(Le));
            loaded.note(&[kind.0.into(), flags.0.into(), address, memory]);
            if [elf::PT_LOAD, elf::PT_TLS].contains(&kind) {
                loaded.note(&[file, program.p_align.get(Le)]);
            }
            if kind == elf::PT_INTERP {
                note_interpreter(image, loaded, program);
            }
        }
    }
}

/// The path of the dynamic linker. The kernel reads it by its place in the file, whatever the
/// address says (`load_elf_binary` in fs/binfmt_elf.c).
fn note_interpreter(image: &Image<'_>, loaded: &mut Loaded<'_>, program: &ProgramHeader64<Le>) {
    /// The kernel refuses a longer one (`PATH_MAX`).
    const LONGEST: u64 = 4096;
    let (start, size) = (program.p_offset.get(Le), program.p_filesz.get(Le));
    let range = start as usize..start.saturating_add(size.min(LONGEST)) as usize;
    loaded.note(&[size]);
    let path = image.bytes.get(range).unwrap_or_default();
    loaded.outline.extend_from_slice(path);
}
