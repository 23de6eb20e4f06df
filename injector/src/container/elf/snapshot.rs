//! A start snapshot in an application: data and heap of a process that had finished its imports.
//!
//! Nothing that is there moves. Behind the application follow, each at a multiple of 64 KiB (plus
//! what its address asks for):
//!
//! 1. the data segment, now with `.bss` in the file. It is composed byte by byte: what the stub's
//!    link gathers as *fresh* (docs/format.md, "Start snapshots") keeps the bytes of the program,
//!    the rest comes from the dump;
//! 2. the heap, at the address where it was. Behind it, in the same segment: the record, the
//!    report, the undo record, and the data segment's original bytes, for processes that do not
//!    suit.
//!
//! Patched are the program header of the data segment, the one that the note `.note.oxiheap` had,
//! the section headers of both, the table of constructors (they have run, as far as the snapshot
//! knows), and the descriptor.

use std::borrow::Cow;
use std::ops::Range;

use object::elf::{PF_R, PF_W, PT_LOAD, SHT_NOBITS, SHT_PROGBITS};
use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor, HAS_SNAPSHOT, MAKES_SNAPSHOT};
use sha2::{Digest, Sha256};

use super::super::error::{ContainerError, malformed};
use super::super::undo::{self, Patch, Record};
use super::{ALIGNMENT, Found, find};
use crate::image::elf::{Image, Segment};

const HEAP_NOTE: (&[u8], u32) = (b"OXI\0", 3);
pub(super) const HEAP_SECTION: &[u8] = b".oxi.heap";
const CONSTRUCTORS: &[u8] = b".init_array";

const MAGIC: [u8; 8] = *b"OXISNAP1";
/// Length of the record without the addresses of constructors.
const RECORD: usize = 112;
/// Where the digest is in it.
const DIGEST: Range<usize> = 80..RECORD;
/// More constructors than a program of ours can have.
const MOST_CONSTRUCTORS: usize = 256;

const WHAT: &str = "snapshot record";

/// Memory of a process, as its dump has it.
#[derive(Debug)]
pub struct Memory<'a> {
    /// Address of `.data`.
    pub data_address: u64,
    /// From there to the end of `.bss`.
    pub data: &'a [u8],
    /// Ranges of it, from its first byte on, that every process has anew.
    pub fresh: [Range<usize>; 2],
    /// Address of the heap.
    pub heap_address: u64,
    /// The heap.
    pub heap: &'a [u8],
    /// Address of a function that does nothing.
    pub nothing: u64,
    /// Address of a constructor that every process runs; 0 for none.
    pub constructor: u64,
    /// For whoever inspects the application.
    pub report: &'a [u8],
}

/// What makes an application one with a snapshot.
#[derive(Debug)]
pub struct Edits {
    /// The new length.
    pub len: u64,
    /// New bytes by offset, inside the old length and behind it. What is not named is zero.
    pub bytes: Vec<(u64, Vec<u8>)>,
}

/// The snapshot in an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Length of data and heap.
    pub size: u64,
    /// Where the report lies in the file.
    pub report: Range<usize>,
    pub(super) undo: usize,
    /// The data segment's original bytes.
    pristine: Range<usize>,
    data: u64,
    heap: u64,
    /// Where the file has the data.
    data_range: Range<usize>,
    /// Where it has the table of constructors.
    table: Range<usize>,
    /// Where it has the heap, up to the record.
    heap_range: Range<usize>,
    /// Where it has the record and what follows.
    tail: Range<usize>,
}

/// Whether the stub behind an application has a place for a snapshot.
///
/// # Errors
/// The file is malformed.
pub fn is_possible(bytes: &[u8]) -> Result<bool, ContainerError> {
    let Some(image) = Image::parse(bytes)? else {
        return Ok(false);
    };
    Ok(image.find_note(HEAP_NOTE)?.is_some())
}

/// The descriptor's place and its bytes in the file that a snapshot is taken of.
///
/// # Errors
/// The file is malformed, or its stub has no place for a snapshot.
pub fn mark(bytes: &[u8]) -> Result<(u64, Vec<u8>), ContainerError> {
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let found = find(&image)?.ok_or(ContainerError::NoSlot)?;
    let marked = Descriptor {
        flags: MAKES_SNAPSHOT,
        ..found.descriptor
    };
    Ok((found.slot.descriptor, marked.to_bytes().to_vec()))
}

/// Plans the application with a snapshot.
///
/// # Errors
/// The file is malformed, its stub has no place for a snapshot, or the memory does not fit.
pub fn compose(bytes: &[u8], memory: &Memory<'_>) -> Result<Edits, ContainerError> {
    let image = Image::parse(bytes)?.ok_or(ContainerError::NoSlot)?;
    let found = find(&image)?.ok_or(ContainerError::NoSlot)?;
    let heap_note = image
        .find_note(HEAP_NOTE)?
        .ok_or(ContainerError::Incomplete {
            missing: "no program header for a snapshot's heap",
        })?;
    let data = data_segment(&image, memory)?;
    check_heap(&image, memory)?;
    let layout = Layout::new(&image, &data, memory)?;

    let mut patches = Vec::new();
    patches.push(Patch {
        offset: data.header,
        bytes: load(
            layout.data,
            data.address,
            memory.data.len() as u64,
            data.align,
        ),
    });
    let (constructors, table) = constructors(&image, memory)?;
    patches.extend(table.clone());
    let heap_header = image.program_offset(heap_note.program);
    // Filled in below: its length depends on the record's, and that on the number of patches.
    patches.push(Patch {
        offset: heap_header,
        bytes: vec![0; 56],
    });
    let heap_patch = patches.len() - 1;
    for section in image.sections()? {
        let end = data.address + data.memory_size;
        if section.allocated && (data.address..end).contains(&section.address) {
            let mut header = section.bytes.to_vec();
            // `.bss` is in the file now.
            if header[4..8] == SHT_NOBITS.0.to_le_bytes() {
                header[4..8].copy_from_slice(&SHT_PROGBITS.0.to_le_bytes());
            }
            let offset = layout.data + (section.address - data.address);
            header[24..32].copy_from_slice(&offset.to_le_bytes());
            patches.push(Patch {
                offset: section.header,
                bytes: header,
            });
        }
    }
    let heap_section = image.find_section(HEAP_SECTION)?;
    if let Some(section) = &heap_section {
        patches.push(Patch {
            offset: section.header,
            bytes: bytes[section.header..section.header + 64].to_vec(),
        });
    }
    let heap_section_patch = patches.len() - 1;

    let record_address = memory.heap_address + memory.heap.len() as u64;
    let filled = Descriptor {
        flags: HAS_SNAPSHOT,
        snapshot: record_address.wrapping_sub(image.bias()?),
        ..found.descriptor
    };
    let descriptor = usize::try_from(found.slot.descriptor).expect("an offset within a slice");
    patches.push(Patch {
        offset: descriptor,
        bytes: filled.to_bytes().to_vec(),
    });
    assert_eq!(filled.to_bytes().len(), DESCRIPTOR_SIZE);

    let ranges: Vec<_> = patches
        .iter()
        .map(|patch| patch.offset..patch.offset + patch.bytes.len())
        .collect();
    let undo = undo::record(bytes, &ranges, &undo::Summary::default());
    let original = &bytes[data.offset as usize..(data.offset + data.file_size) as usize];
    let composed = compose_data(original, memory);
    let mut tail = tail(memory, &constructors, &undo, original);
    let table = table.as_ref().map_or(&[][..], |table| &table.bytes);
    let digest = digest([&composed, table, memory.heap, &tail]);
    tail[DIGEST].copy_from_slice(&digest);
    let heap_len = memory.heap.len() as u64 + tail.len() as u64;
    patches[heap_patch].bytes = load(layout.heap, memory.heap_address, heap_len, ALIGNMENT);
    if heap_section.is_some() {
        let header = &mut patches[heap_section_patch].bytes;
        // SHF_WRITE, SHF_ALLOC.
        header[8..16].copy_from_slice(&3u64.to_le_bytes());
        for (at, value) in [
            (16, memory.heap_address),
            (24, layout.heap),
            (32, heap_len),
            (48, ALIGNMENT),
        ] {
            header[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
    }
    let mut edits = Edits {
        len: layout.heap + heap_len,
        bytes: Vec::new(),
    };
    for patch in patches {
        edits.bytes.push((patch.offset as u64, patch.bytes));
    }
    edits.bytes.push((layout.data, composed));
    edits.bytes.push((layout.heap, memory.heap.to_vec()));
    edits
        .bytes
        .push((layout.heap + memory.heap.len() as u64, tail));
    Ok(edits)
}

/// Where things come to lie in the file.
struct Layout {
    data: u64,
    heap: u64,
}

impl Layout {
    fn new(
        image: &Image<'_>,
        data: &Segment,
        memory: &Memory<'_>,
    ) -> Result<Layout, ContainerError> {
        let too_large = ContainerError::TooLarge("the file would be too long");
        let aligned = |at: u64| at.checked_next_multiple_of(ALIGNMENT);
        let place = || {
            // A segment's offset and address agree modulo its alignment.
            let start = aligned(image.bytes.len() as u64)?.checked_add(data.address % ALIGNMENT)?;
            let heap = aligned(start.checked_add(memory.data.len() as u64)?)?;
            heap.checked_add(memory.heap.len() as u64)?
                .checked_add(1 << 32)?;
            Some(Layout { data: start, heap })
        };
        place().ok_or(too_large)
    }
}

/// The segment that `.data` begins.
fn data_segment(image: &Image<'_>, memory: &Memory<'_>) -> Result<Segment, ContainerError> {
    let data = image
        .loads()
        .find(|segment| segment.address == memory.data_address && segment.writable);
    let data = data.ok_or(ContainerError::Incomplete {
        missing: "no writable segment begins where the snapshot's data does",
    })?;
    let wrong = |problem| Err(malformed("program header", data.header, problem));
    if data.memory_size < memory.data.len() as u64 {
        return wrong("the snapshot's data is longer than its segment");
    }
    if data.memory_size - memory.data.len() as u64 > 4096 || data.file_size > data.memory_size {
        return wrong("the snapshot's data is shorter than its segment");
    }
    if !data.align.is_power_of_two() || data.align > ALIGNMENT {
        return wrong("its alignment is not that of a page");
    }
    Ok(data)
}

/// The heap lies behind everything else, in memory and in the table.
fn check_heap(image: &Image<'_>, memory: &Memory<'_>) -> Result<(), ContainerError> {
    let end = image.loads().map(|segment| segment.end()).max();
    if end.is_some_and(|end| end > memory.heap_address) {
        return Err(ContainerError::TooLarge(
            "with these resources the program reaches into the addresses of the snapshot's heap",
        ));
    }
    if !memory.heap_address.is_multiple_of(ALIGNMENT) || !memory.heap.len().is_multiple_of(8) {
        return Err(malformed(WHAT, 0, "the heap is not aligned"));
    }
    Ok(())
}

/// A `PT_LOAD` that is all in the file and can be written.
fn load(offset: u64, address: u64, len: u64, align: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(56);
    bytes.extend_from_slice(&PT_LOAD.0.to_le_bytes());
    bytes.extend_from_slice(&(PF_R.0 | PF_W.0).to_le_bytes());
    for value in [offset, address, address, len, len, align] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// The addresses of constructors that have run before the dump, and a table without them. The first
/// belongs to the startup objects, whose variables are fresh.
fn constructors(
    image: &Image<'_>,
    memory: &Memory<'_>,
) -> Result<(Vec<u64>, Option<Patch>), ContainerError> {
    let Some(section) = image.find_section(CONSTRUCTORS)? else {
        return Ok((Vec::new(), None));
    };
    let wrong = |problem| malformed("section .init_array", section.header, problem);
    let table = image.bytes.get(section.range());
    let table = table.ok_or(wrong("it lies outside the file"))?;
    let (entries, rest) = table.as_chunks::<8>();
    if !rest.is_empty() || entries.len() > MOST_CONSTRUCTORS {
        return Err(wrong("its size is not that of a table of addresses"));
    }
    let mut done = Vec::new();
    let mut bytes = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let address = u64::from_le_bytes(*entry);
        if index == 0 || address == memory.constructor {
            bytes.extend_from_slice(entry);
        } else {
            done.push(address);
            bytes.extend_from_slice(&memory.nothing.to_le_bytes());
        }
    }
    let offset = usize::try_from(section.offset).expect("it was found in the file");
    Ok((done, Some(Patch { offset, bytes })))
}

/// The dump's data, with the program's own where every process begins anew.
fn compose_data(original: &[u8], memory: &Memory<'_>) -> Vec<u8> {
    let mut data = memory.data.to_vec();
    for range in &memory.fresh {
        for at in range.clone() {
            data[at] = original.get(at).copied().unwrap_or(0);
        }
    }
    data
}

fn digest(parts: [&[u8]; 4]) -> [u8; 32] {
    let digest = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    digest.finalize().into()
}

/// What follows the heap, still without the digest.
fn tail(memory: &Memory<'_>, constructors: &[u64], undo: &[u8], original: &[u8]) -> Vec<u8> {
    let report_at = RECORD + constructors.len() * 8;
    let undo_at = (report_at + memory.report.len()).next_multiple_of(8);
    let pristine_at = (undo_at + undo.len()).next_multiple_of(4096);
    let mut tail = MAGIC.to_vec();
    for number in [
        memory.data_address,
        memory.data.len() as u64,
        pristine_at as u64,
        original.len() as u64,
        constructors.len() as u64,
        report_at as u64,
        memory.report.len() as u64,
        undo_at as u64,
        undo.len() as u64,
    ] {
        tail.extend_from_slice(&number.to_le_bytes());
    }
    tail.resize(RECORD, 0);
    for address in constructors {
        tail.extend_from_slice(&address.to_le_bytes());
    }
    tail.extend_from_slice(memory.report);
    tail.resize(undo_at, 0);
    tail.extend_from_slice(undo);
    tail.resize(pristine_at, 0);
    tail.extend_from_slice(original);
    // Segments are mapped by the page.
    tail.resize(tail.len().next_multiple_of(4096), 0);
    tail
}

/// The snapshot of an application, if it has one.
///
/// # Errors
/// The file is malformed.
pub fn snapshot(bytes: &[u8]) -> Result<Option<Snapshot>, ContainerError> {
    let Some(image) = Image::parse(bytes)? else {
        return Ok(None);
    };
    match find(&image)? {
        Some(found) => read(&image, &found),
        None => Ok(None),
    }
}

pub(super) fn read(image: &Image<'_>, found: &Found) -> Result<Option<Snapshot>, ContainerError> {
    if found.descriptor.flags & HAS_SNAPSHOT == 0 {
        return Ok(None);
    }
    let descriptor = usize::try_from(found.slot.descriptor).unwrap_or(usize::MAX);
    let address = image.bias()?.wrapping_add(found.descriptor.snapshot);
    let heap = image
        .loads()
        .find(|segment| segment.holds(address, RECORD as u64));
    let heap = heap.ok_or(malformed(
        "descriptor",
        descriptor,
        "no segment holds the snapshot's record",
    ))?;
    // The segment lies in the file.
    let start = usize::try_from(heap.offset + (address - heap.address)).unwrap_or(usize::MAX);
    let heap_range = usize::try_from(heap.offset).unwrap_or(usize::MAX)..start;
    let segment_end = usize::try_from(heap.offset + heap.file_size).unwrap_or(usize::MAX);
    let wrong = |problem| malformed(WHAT, start, problem);
    let record = image.bytes.get(start..segment_end).unwrap_or_default();
    if record.len() < RECORD || record[..8] != MAGIC {
        return Err(wrong("its magic is missing"));
    }
    let number = |index: usize| {
        let bytes = record[8 + index * 8..16 + index * 8].try_into();
        usize::try_from(u64::from_le_bytes(bytes.expect("eight bytes"))).unwrap_or(usize::MAX)
    };
    let part = |at: usize, len: usize| {
        let end = at.checked_add(len)?;
        (end <= record.len()).then(|| start + at..start + end)
    };
    let outside = || wrong("a part of it lies outside the segment");
    let pristine = part(number(2), number(3)).ok_or_else(outside)?;
    part(RECORD, number(4).saturating_mul(8)).ok_or_else(outside)?;
    let report = part(number(5), number(6)).ok_or_else(outside)?;
    let undo = part(number(7), number(8)).ok_or_else(outside)?;
    let data = image
        .loads()
        .find(|segment| usize::try_from(segment.address) == Ok(number(0)))
        .filter(|segment| segment.file_size >= number(1) as u64)
        .ok_or(wrong("no segment has the data that it names"))?;
    let data_start = usize::try_from(data.offset).unwrap_or(usize::MAX);
    let data_range = data_start..data_start.saturating_add(number(1));
    Ok(Some(Snapshot {
        size: (data_range.len() + heap_range.len()) as u64,
        report,
        undo: undo.start,
        pristine,
        data: number(0) as u64,
        heap: heap.address,
        data_range,
        table: image
            .find_section(CONSTRUCTORS)?
            .map_or(0..0, |section| section.range()),
        heap_range,
        tail: start..segment_end,
    }))
}

impl Snapshot {
    /// Whether everything of the snapshot is what was written, in the file and in memory.
    pub(super) fn is_intact(&self, image: &Image<'_>) -> bool {
        let bytes = |range: &Range<usize>| image.bytes.get(range.clone()).unwrap_or_default();
        let heap = image
            .loads()
            .find(|segment| segment.address == self.heap)
            .is_some_and(|heap| {
                heap.writable && !heap.executable && heap.memory_size == heap.file_size
            });
        let mut tail = bytes(&self.tail).to_vec();
        let mut written = [0; 32];
        tail[DIGEST].swap_with_slice(&mut written);
        let found = [
            bytes(&self.data_range),
            bytes(&self.table),
            bytes(&self.heap_range),
            &tail,
        ];
        heap && digest(found) == written
    }

    /// Whether `image`, whose snapshot is intact, is what [`compose`] makes of the application
    /// `bare`. Damage where something else would be loaded.
    pub(super) fn is_all_of(
        &self,
        image: &Image<'_>,
        bare: &Image<'_>,
    ) -> Result<bool, ContainerError> {
        let bytes = |range: &Range<usize>| image.bytes.get(range.clone()).unwrap_or_default();
        // What the table has now, and what every process runs though it is not the first.
        let before = bare.find_section(CONSTRUCTORS)?;
        let before = before.and_then(|section| bare.bytes.get(section.range()));
        let before = before.unwrap_or_default();
        let address = |entry: &[u8; 8]| u64::from_le_bytes(*entry);
        let entries = before.as_chunks::<8>().0.iter();
        let entries = entries.zip(bytes(&self.table).as_chunks::<8>().0).skip(1);
        let (mut nothing, mut constructor) = (0, 0);
        for (before, now) in entries {
            if before == now {
                constructor = address(now);
            } else {
                nothing = address(now);
            }
        }
        let memory = Memory {
            data_address: self.data,
            data: bytes(&self.data_range),
            // The data are composed already.
            fresh: [0..0, 0..0],
            heap_address: self.heap,
            heap: bytes(&self.heap_range),
            nothing,
            constructor,
            report: bytes(&self.report),
        };
        let edits = compose(bare.bytes, &memory)?;
        let mut end = bare.bytes.len();
        let mut whole = edits.len == image.bytes.len() as u64;
        for (at, expected) in &edits.bytes {
            let start = usize::try_from(*at).unwrap_or(usize::MAX);
            let found = start..start.saturating_add(expected.len());
            if image.bytes.get(found.clone()) != Some(expected) {
                // No segment has the section headers.
                let has = |load: Segment| (load.offset..load.offset + load.file_size).contains(at);
                if start >= bare.bytes.len() || bare.loads().any(has) {
                    return Err(ContainerError::Damaged(
                        "the start snapshot is not what was written",
                    ));
                }
                whole = false;
            }
            if start >= end {
                let gap = image.bytes.get(end..start).unwrap_or_default();
                whole &= gap.iter().all(|byte| *byte == 0);
                end = found.end;
            }
        }
        Ok(whole)
    }
}

/// What a snapshot stands in the place of.
#[derive(Debug)]
pub(super) struct Original<'a> {
    /// Address of the data segment.
    pub(super) data: u64,
    /// Its length in memory.
    pub(super) data_memory: u64,
    /// Its length in the file.
    pub(super) data_file: u64,
    /// Address of the heap, which the stub does not have.
    pub(super) heap: u64,
    /// Bytes and their addresses.
    parts: [(u64, &'a [u8]); 2],
}

impl<'a> Original<'a> {
    /// The bytes at an address that the snapshot has taken.
    pub(super) fn at(&self, address: u64, size: u64) -> Option<&'a [u8]> {
        self.parts.iter().find_map(|(start, bytes)| {
            let at = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(at..at.checked_add(usize::try_from(size).ok()?)?)
        })
    }
}

impl Snapshot {
    /// What it stands in the place of. The undo record has it by its place in the file, which a
    /// tool may have changed since; the order is that of [`compose`].
    pub(super) fn original<'a>(&self, image: &Image<'a>) -> Result<Original<'a>, ContainerError> {
        let wrong = || malformed(WHAT, self.undo, "its undo record is not a snapshot's");
        let mut saved = Record::read(image.bytes, self.undo)?.saved();
        let header = saved.next().filter(|header| header.len() == 56);
        let header = header.ok_or_else(wrong)?;
        let number = |at| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        if number(16) != self.data {
            return Err(wrong());
        }
        // The table of constructors comes next, if there is one, or else a program header that was
        // a note's.
        let table = saved.next().ok_or_else(wrong)?;
        let section = image.find_section(CONSTRUCTORS)?;
        let section = section.filter(|section| section.size == table.len() as u64);
        let pristine = image.bytes.get(self.pristine.clone()).unwrap_or_default();
        Ok(Original {
            data: self.data,
            data_memory: number(40),
            data_file: number(32),
            heap: self.heap,
            parts: [
                (self.data, pristine),
                section.map_or((0, &[]), |section| (section.address, table)),
            ],
        })
    }
}

/// The application without its snapshot.
pub(super) fn without(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ContainerError> {
    match snapshot(bytes)? {
        None => Ok(Cow::Borrowed(bytes)),
        Some(snapshot) => undo::revert(bytes, snapshot.undo).map(Cow::Owned),
    }
}
