//! Reading a Mach-O image, with every bound checked.

pub mod adhoc;
pub mod fat;
pub mod signature;

use std::ops::Range;

use object::macho::{MH_MAGIC_64, MachHeader64, Section64, SegmentCommand64};
use object::{BigEndian as Be, LittleEndian as Le, pod};

use oxidize_format::target::{CLibrary, Container, Processor, Target};

use super::{ImageError, malformed};

/// `MH_EXECUTE`
pub(crate) const EXECUTE: u32 = 2;
/// What is signed: `MH_EXECUTE`, `MH_DYLIB`, `MH_BUNDLE`.
const CODE: [u32; 3] = [EXECUTE, 6, 8];
/// `CPU_TYPE_X86_64`
pub(crate) const INTEL: u32 = 0x0100_0007;
/// `LC_SEGMENT_64`
pub(crate) const SEGMENT: u32 = 0x19;
/// `LC_CODE_SIGNATURE`
pub(crate) const CODE_SIGNATURE: u32 = 0x1d;

/// A parsed image: header and load commands are there and inside the file, and so is every segment.
pub(crate) struct Image<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) header: &'a MachHeader64<Le>,
    pub(crate) commands: Vec<Command>,
    pub(crate) segments: Vec<Segment<'a>>,
}

/// A load command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    pub(crate) kind: u32,
    /// Its file offset.
    pub(crate) at: usize,
    pub(crate) size: usize,
}

/// A segment, checked: its file range lies inside the file and its end does not overflow.
#[derive(Debug, Clone)]
pub(crate) struct Segment<'a> {
    /// File offset of its load command.
    pub(crate) command: usize,
    pub(crate) name: &'a [u8],
    pub(crate) address: u64,
    pub(crate) memory_size: u64,
    pub(crate) offset: u64,
    pub(crate) file_size: u64,
    pub(crate) writable: bool,
    pub(crate) executable: bool,
    pub(crate) sections: &'a [Section64<Le>],
}

impl<'a> Segment<'a> {
    pub(crate) fn end(&self) -> u64 {
        self.address + self.memory_size
    }

    pub(crate) fn file_end(&self) -> u64 {
        self.offset + self.file_size
    }

    /// Whether the file holds this range of addresses for the segment.
    pub(crate) fn holds(&self, address: u64, size: u64) -> bool {
        let len = self.file_size.min(self.memory_size);
        self.address <= address
            && address
                .checked_add(size)
                .is_some_and(|end| end <= self.address + len)
    }

    /// The section of this name, and the file offset of its header.
    pub(crate) fn find_section(&self, name: &[u8]) -> Option<(usize, &'a Section64<Le>)> {
        let index = self
            .sections
            .iter()
            .position(|section| trim(&section.sectname) == name)?;
        Some((self.section_at(index), &self.sections[index]))
    }

    /// File offset of a section's header.
    pub(crate) fn section_at(&self, index: usize) -> usize {
        self.command + size_of::<SegmentCommand64<Le>>() + index * size_of::<Section64<Le>>()
    }
}

/// A name without the zeros that fill it up.
fn trim(name: &[u8; 16]) -> &[u8] {
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(16);
    &name[..end]
}

impl<'a> Image<'a> {
    /// What it is for, by its processor.
    pub(crate) fn target(&self) -> Option<Target> {
        let machine = self.header.cputype.get(Le).0;
        let processor = Processor::of_machine(Container::MachO, machine)?;
        Target::of(processor, CLibrary::LibSystem)
    }

    /// `None` for anything but a 64-bit little-endian Mach-O executable of one architecture.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Image<'a>>, ImageError> {
        Image::parse_kinds(bytes, &[EXECUTE])
    }

    /// [`parse`](Image::parse) for libraries and plug-ins, too.
    pub(crate) fn parse_code(bytes: &'a [u8]) -> Result<Option<Image<'a>>, ImageError> {
        Image::parse_kinds(bytes, &CODE)
    }

    fn parse_kinds(bytes: &'a [u8], kinds: &[u32]) -> Result<Option<Image<'a>>, ImageError> {
        let Ok((header, rest)) = pod::from_bytes::<MachHeader64<Le>>(bytes) else {
            return Ok(None);
        };
        if header.magic.get(Be) != MH_MAGIC_64.swap_bytes()
            || !kinds.contains(&header.filetype.get(Le).0)
        {
            return Ok(None);
        }
        const WHAT: &str = "load command";
        let first = size_of::<MachHeader64<Le>>();
        let commands_len = header.sizeofcmds.get(Le) as usize;
        let commands_bytes = rest.get(..commands_len).ok_or(malformed(
            "Mach-O header",
            20,
            "the load commands lie outside the file",
        ))?;
        let mut image = Image {
            bytes,
            header,
            commands: Vec::new(),
            segments: Vec::new(),
        };
        let mut left = commands_bytes;
        for _ in 0..header.ncmds.get(Le) {
            let at = first + commands_len - left.len();
            let cut = || malformed(WHAT, at, "it is cut off");
            let word = |at: usize| {
                left.get(at..)?
                    .first_chunk()
                    .copied()
                    .map(u32::from_le_bytes)
            };
            let (kind, size) = word(0).zip(word(4)).ok_or_else(cut)?;
            let size = size as usize;
            let (command, rest) = left.split_at_checked(size).ok_or_else(cut)?;
            if size < 8 || !size.is_multiple_of(4) {
                return Err(malformed(WHAT, at, "its size is wrong"));
            }
            if kind == SEGMENT {
                image.segments.push(segment(bytes, command, at)?);
            }
            image.commands.push(Command { kind, at, size });
            left = rest;
        }
        Ok(Some(image))
    }

    /// The header with the load commands.
    pub(crate) fn headers(&self) -> &'a [u8] {
        let end = self.commands.last().map_or(0, |last| last.at + last.size);
        self.bytes.get(..end).unwrap_or_default()
    }

    /// The segment of this name.
    pub(crate) fn find_segment(&self, name: &[u8]) -> Option<&Segment<'a>> {
        self.segments.iter().find(|segment| segment.name == name)
    }

    /// Address of the header in memory, where the file's first byte is loaded.
    pub(crate) fn base(&self) -> Result<u64, ImageError> {
        let first = self
            .segments
            .iter()
            .find(|segment| segment.offset == 0 && segment.file_size > 0);
        let first = first.ok_or(malformed("Mach-O header", 0, "no segment loads it"))?;
        Ok(first.address)
    }

    /// What segments are aligned to: the processor's page.
    pub(crate) fn page(&self) -> u64 {
        match self.header.cputype.get(Le).0 {
            INTEL => 0x1000,
            _ => 0x4000,
        }
    }

    /// The signature's load command and the range of the file that it names.
    pub(crate) fn signature(&self) -> Result<Option<(usize, Range<usize>)>, ImageError> {
        let mut found = self
            .commands
            .iter()
            .filter(|command| command.kind == CODE_SIGNATURE);
        let Some(command) = found.next() else {
            return Ok(None);
        };
        let wrong = |problem| Err(malformed("code signature command", command.at, problem));
        if found.next().is_some() {
            return wrong("there are two");
        }
        if command.size != 16 {
            return wrong("its size is wrong");
        }
        let start = self.word(command.at + 8) as usize;
        let end = start.saturating_add(self.word(command.at + 12) as usize);
        if end > self.bytes.len() {
            return wrong("its data lies outside the file");
        }
        Ok(Some((command.at, start..end)))
    }

    /// A field of a load command, whose bounds were checked.
    pub(crate) fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }
}

fn segment<'a>(bytes: &'a [u8], command: &'a [u8], at: usize) -> Result<Segment<'a>, ImageError> {
    let wrong = |problem| malformed("segment command", at, problem);
    let (fields, rest) =
        pod::from_bytes::<SegmentCommand64<Le>>(command).map_err(|()| wrong("it is cut off"))?;
    let count = fields.nsects.get(Le) as usize;
    let (sections, _) = pod::slice_from_bytes::<Section64<Le>>(rest, count)
        .map_err(|()| wrong("its sections are cut off"))?;
    let protection = fields.initprot.get(Le).0 | fields.maxprot.get(Le).0;
    let segment = Segment {
        command: at,
        name: trim(&fields.segname),
        address: fields.vmaddr.get(Le),
        memory_size: fields.vmsize.get(Le),
        offset: fields.fileoff.get(Le),
        file_size: fields.filesize.get(Le),
        writable: protection & 2 != 0,
        executable: protection & 4 != 0,
        sections,
    };
    let file_end = segment.offset.checked_add(segment.file_size);
    if file_end.is_none_or(|end| end > bytes.len() as u64) {
        return Err(wrong("its bytes lie outside the file"));
    }
    segment
        .address
        .checked_add(segment.memory_size)
        .ok_or(wrong("its address range overflows"))?;
    Ok(segment)
}
