//! Reading an ELF image, with every bound checked.

use std::ops::Range;

use object::elf::{self, FileHeader64, NoteHeader64, ProgramHeader64, SectionHeader64};
use object::{LittleEndian as Le, pod};

use super::{ImageError, malformed};

/// A parsed image: header and program headers are there and inside the file.
pub(crate) struct Image<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) header: &'a FileHeader64<Le>,
    pub(crate) programs: &'a [ProgramHeader64<Le>],
}

/// A `PT_LOAD`, checked: its file range lies inside the file and its end does not overflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// File offset of the program header.
    pub(crate) header: usize,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) file_size: u64,
    pub(crate) memory_size: u64,
    pub(crate) align: u64,
    pub(crate) writable: bool,
    pub(crate) executable: bool,
}

impl Segment {
    pub(crate) fn end(&self) -> u64 {
        self.address + self.memory_size
    }

    /// Whether the file holds this range of addresses for the segment.
    pub(crate) fn holds(&self, address: u64, size: u64) -> bool {
        let end = self.address + self.file_size;
        self.address <= address
            && address
                .checked_add(size)
                .is_some_and(|wanted| wanted <= end)
    }
}

/// How many bytes of notes are searched for ours, over all program headers. A stub has a few
/// hundred; headers that name the same megabytes again and again would take quadratic time.
const MOST_NOTES: usize = 1 << 20;

/// A note, as ranges of the file.
#[derive(Debug)]
pub(crate) struct Note {
    /// Index of the program header it was found through.
    pub(crate) program: usize,
    pub(crate) content: Range<usize>,
}

/// A section header as it stands in the table.
#[derive(Debug)]
pub(crate) struct RawSection<'a> {
    /// File offset of the section header.
    pub(crate) header: usize,
    /// Its 64 bytes.
    pub(crate) bytes: &'a [u8],
    pub(crate) address: u64,
    /// Whether it is in memory when the program runs, and no part of each thread's own.
    pub(crate) allocated: bool,
}

/// A section header.
#[derive(Debug)]
pub(crate) struct Section {
    /// File offset of the section header.
    pub(crate) header: usize,
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Section {
    /// Its place in the file, which may lie outside.
    pub(crate) fn range(&self) -> Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
        start..start.saturating_add(usize::try_from(self.size).unwrap_or(usize::MAX))
    }
}

impl<'a> Image<'a> {
    /// `None` for anything but a 64-bit little-endian ELF file.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Image<'a>>, ImageError> {
        let Some(ident) = bytes.get(..16) else {
            return Ok(None);
        };
        if ident[..4] != elf::ELFMAG
            || ident[4] != elf::ELFCLASS64.0
            || ident[5] != elf::ELFDATA2LSB.0
        {
            return Ok(None);
        }
        const WHAT: &str = "ELF header";
        let (header, _) = pod::from_bytes::<FileHeader64<Le>>(bytes)
            .map_err(|()| malformed(WHAT, 0, "it is cut off"))?;
        let count = usize::from(header.e_phnum.get(Le));
        if count != 0 && usize::from(header.e_phentsize.get(Le)) != size_of::<ProgramHeader64<Le>>()
        {
            return Err(malformed(
                WHAT,
                54,
                "program headers have another size than 56 bytes",
            ));
        }
        let table = usize::try_from(header.e_phoff.get(Le))
            .ok()
            .and_then(|at| bytes.get(at..));
        let (programs, _) = table
            .and_then(|table| pod::slice_from_bytes(table, count).ok())
            .ok_or(malformed(
                WHAT,
                32,
                "the program headers lie outside the file",
            ))?;
        let image = Image {
            bytes,
            header,
            programs,
        };
        for index in 0..image.programs.len() {
            image.check_segment(index)?;
        }
        Ok(Some(image))
    }

    /// File offset of a program header.
    pub(crate) fn program_offset(&self, index: usize) -> usize {
        // The whole table was found inside the file.
        self.header.e_phoff.get(Le) as usize + index * size_of::<ProgramHeader64<Le>>()
    }

    fn check_segment(&self, index: usize) -> Result<(), ImageError> {
        let program = &self.programs[index];
        if program.p_type.get(Le) != elf::PT_LOAD {
            return Ok(());
        }
        let wrong = |problem| malformed("program header", self.program_offset(index), problem);
        let (offset, size) = (program.p_offset.get(Le), program.p_filesz.get(Le));
        let end = offset
            .checked_add(size)
            .ok_or(wrong("its file range overflows"))?;
        if end > self.bytes.len() as u64 {
            return Err(wrong("its file range ends behind the file"));
        }
        if size > program.p_memsz.get(Le) {
            return Err(wrong("it has more bytes in the file than in memory"));
        }
        program
            .p_vaddr
            .get(Le)
            .checked_add(program.p_memsz.get(Le))
            .ok_or(wrong("its address range overflows"))?;
        Ok(())
    }

    /// The `PT_LOAD`s in table order.
    pub(crate) fn loads(&self) -> impl Iterator<Item = Segment> {
        let loads = self
            .programs
            .iter()
            .enumerate()
            .filter(|(_, program)| program.p_type.get(Le) == elf::PT_LOAD);
        loads.map(|(index, program)| Segment {
            header: self.program_offset(index),
            offset: program.p_offset.get(Le),
            address: program.p_vaddr.get(Le),
            file_size: program.p_filesz.get(Le),
            memory_size: program.p_memsz.get(Le),
            align: program.p_align.get(Le),
            writable: program.p_flags.get(Le).0 & elf::PF_W.0 != 0,
            executable: program.p_flags.get(Le).0 & elf::PF_X.0 != 0,
        })
    }

    /// Address minus file offset of the first `PT_LOAD`: the image base.
    pub(crate) fn bias(&self) -> Result<u64, ImageError> {
        let first =
            self.loads()
                .next()
                .ok_or(malformed("ELF header", 56, "no segment is loaded"))?;
        let problem = "its address is lower than its file offset";
        first.address.checked_sub(first.offset).ok_or(malformed(
            "program header",
            first.header,
            problem,
        ))
    }

    /// The first note with this name (terminating zero included) and type, if it lies within the
    /// first [`MOST_NOTES`] bytes of notes.
    pub(crate) fn find_note(&self, (name, kind): (&[u8], u32)) -> Result<Option<Note>, ImageError> {
        let mut left = MOST_NOTES;
        for (index, program) in self.programs.iter().enumerate() {
            if program.p_type.get(Le) != elf::PT_NOTE {
                continue;
            }
            let start = usize::try_from(program.p_offset.get(Le)).unwrap_or(usize::MAX);
            let size = usize::try_from(program.p_filesz.get(Le)).unwrap_or(usize::MAX);
            let end = start
                .checked_add(size)
                .filter(|end| *end <= self.bytes.len());
            let outside = malformed(
                "program header",
                self.program_offset(index),
                "its notes lie outside the file",
            );
            let end = end.ok_or(outside)?;
            let align = if program.p_align.get(Le) == 8 { 8 } else { 4 };
            let looked_at = size.min(left);
            left -= looked_at;
            // Only the last run that is looked at can be cut short, which ends the search.
            let run = start..if looked_at < size {
                start + looked_at
            } else {
                end
            };
            if let Some(content) = self.find_in_notes(run, align, name, kind) {
                return Ok(Some(Note {
                    program: index,
                    content,
                }));
            }
            if left == 0 {
                break;
            }
        }
        Ok(None)
    }

    /// Walks one run of notes. Other people's notes are theirs: a broken one ends the walk and is
    /// no error.
    fn find_in_notes(
        &self,
        run: Range<usize>,
        align: usize,
        name: &[u8],
        kind: u32,
    ) -> Option<Range<usize>> {
        let mut at = run.start;
        while at < run.end {
            let rest = &self.bytes[at..run.end];
            let (note, _) = pod::from_bytes::<NoteHeader64<Le>>(rest).ok()?;
            let name_size = note.n_namesz.get(Le) as usize;
            let content_size = note.n_descsz.get(Le) as usize;
            let name_start = size_of::<NoteHeader64<Le>>();
            let content_start = name_start
                .checked_add(name_size)?
                .checked_next_multiple_of(align)?;
            let content_end = content_start.checked_add(content_size)?;
            let found = rest.get(name_start..name_start + name_size)?;
            rest.get(content_start..content_end)?;
            if found == name && note.n_type.get(Le).0 == kind {
                return Some(at + content_start..at + content_end);
            }
            at = at.checked_add(content_end.checked_next_multiple_of(align)?)?;
        }
        None
    }

    /// Number of the machine.
    pub(crate) fn machine(&self) -> u16 {
        self.header.e_machine.get(Le).0
    }

    /// Whether a dynamic loader is asked for.
    pub(crate) fn has_interpreter(&self) -> bool {
        self.programs
            .iter()
            .any(|program| program.p_type.get(Le) == elf::PT_INTERP)
    }

    /// Whether the file has section headers. `strip --strip-sections` drops them all.
    pub(crate) fn has_sections(&self) -> bool {
        self.header.e_shoff.get(Le) != 0 && self.header.e_shnum.get(Le) != 0
    }

    /// The section headers and their file offsets; none where their table does not lie inside the
    /// file.
    pub(crate) fn section_headers(&self) -> impl Iterator<Item = (usize, &'a SectionHeader64<Le>)> {
        let start = usize::try_from(self.header.e_shoff.get(Le)).unwrap_or(usize::MAX);
        let count = usize::from(self.header.e_shnum.get(Le));
        let table = self.bytes.get(start..).filter(|_| self.has_sections());
        let sections = table.and_then(|table| pod::slice_from_bytes(table, count).ok());
        let sections: &[SectionHeader64<Le>] = sections.map_or(&[], |(sections, _)| sections);
        let size = size_of::<SectionHeader64<Le>>();
        let offset = move |index: usize| start.saturating_add(index * size);
        sections
            .iter()
            .enumerate()
            .map(move |(index, section)| (offset(index), section))
    }

    /// Length of the file header with the program headers, which linkers put behind it.
    pub(crate) fn headers_len(&self) -> u64 {
        let programs = size_of_val(self.programs);
        self.header.e_phoff.get(Le).saturating_add(programs as u64)
    }

    /// The bytes of all headers: the file's, the programs' and the sections'.
    pub(crate) fn tables(&self) -> Vec<&'a [u8]> {
        let sections = self
            .section_headers()
            .map(|(_, section)| pod::bytes_of(section));
        let fixed = [
            pod::bytes_of(self.header),
            pod::bytes_of_slice(self.programs),
        ];
        fixed.into_iter().chain(sections).collect()
    }

    /// All section headers, as they stand in the table; none if the file has none.
    pub(crate) fn sections(&self) -> Result<Vec<RawSection<'a>>, ImageError> {
        const SIZE: usize = size_of::<SectionHeader64<Le>>();
        if !self.has_sections() {
            return Ok(Vec::new());
        }
        let start = usize::try_from(self.header.e_shoff.get(Le)).unwrap_or(usize::MAX);
        let count = usize::from(self.header.e_shnum.get(Le));
        let end = start.checked_add(count * SIZE);
        let table = end.and_then(|end| self.bytes.get(start..end));
        let table = table.ok_or(malformed(
            "section header table",
            start,
            "it lies outside the file",
        ))?;
        let mut sections = Vec::with_capacity(count);
        for (index, bytes) in table.chunks_exact(SIZE).enumerate() {
            let (header, _) = pod::from_bytes::<SectionHeader64<Le>>(bytes)
                .map_err(|()| malformed("section header table", start, "it is cut off"))?;
            let flags = header.sh_flags.get(Le);
            sections.push(RawSection {
                header: start + index * SIZE,
                bytes,
                address: header.sh_addr.get(Le),
                allocated: flags.0 & elf::SHF_ALLOC.0 != 0 && flags.0 & elf::SHF_TLS.0 == 0,
            });
        }
        Ok(sections)
    }

    /// The section of this name.
    pub(crate) fn find_section(&self, name: &[u8]) -> Result<Option<Section>, ImageError> {
        if !self.has_sections() {
            return Ok(None);
        }
        const WHAT: &str = "section header table";
        let start = usize::try_from(self.header.e_shoff.get(Le)).unwrap_or(usize::MAX);
        let outside = || malformed(WHAT, start, "it lies outside the file");
        if usize::from(self.header.e_shentsize.get(Le)) != size_of::<SectionHeader64<Le>>() {
            return Err(malformed(
                "ELF header",
                58,
                "section headers have another size than 64 bytes",
            ));
        }
        let table = self.bytes.get(start..).ok_or_else(outside)?;
        let count = usize::from(self.header.e_shnum.get(Le));
        let (sections, _) =
            pod::slice_from_bytes::<SectionHeader64<Le>>(table, count).map_err(|()| outside())?;
        let names = sections.get(usize::from(self.header.e_shstrndx.get(Le).0));
        let names = names.ok_or(malformed(
            "ELF header",
            62,
            "the section of section names does not exist",
        ))?;
        let names = usize::try_from(names.sh_offset.get(Le))
            .ok()
            .and_then(|at| {
                let len = usize::try_from(names.sh_size.get(Le)).ok()?;
                self.bytes.get(at..at.checked_add(len)?)
            });
        let names = names.ok_or(malformed(
            WHAT,
            start,
            "the section names lie outside the file",
        ))?;
        let is_named = |section: &SectionHeader64<Le>| {
            let rest = names
                .get(section.sh_name.get(Le) as usize..)
                .unwrap_or_default();
            rest.strip_prefix(name)
                .is_some_and(|rest| rest.first() == Some(&0))
        };
        Ok(sections.iter().position(is_named).map(|index| {
            let section = &sections[index];
            Section {
                header: start + index * size_of::<SectionHeader64<Le>>(),
                address: section.sh_addr.get(Le),
                offset: section.sh_offset.get(Le),
                size: section.sh_size.get(Le),
            }
        }))
    }
}
