//! Reading a PE image, with every bound checked.

pub mod checksum;
pub mod resources;
pub mod version;

use std::ops::Range;

use object::pe::{
    IMAGE_DOS_SIGNATURE, IMAGE_NT_OPTIONAL_HDR64_MAGIC, IMAGE_NT_SIGNATURE, ImageDataDirectory,
    ImageDosHeader, ImageFileHeader, ImageOptionalHeader64, ImageSectionHeader,
};
use object::{LittleEndian as Le, U32, pod};

use super::{ImageError, malformed};

/// Index of the resources among the data directories.
pub(crate) const RESOURCES: usize = 2;
/// Index of the certificates among the data directories. Its address is a file offset.
pub(crate) const CERTIFICATES: usize = 4;

/// Size of a section header.
pub(crate) const SECTION_HEADER: usize = 40;

/// A parsed image: headers and section table are there and inside the file.
pub(crate) struct Image<'a> {
    pub(crate) bytes: &'a [u8],
    /// File offset of the file header.
    pub(crate) file_at: usize,
    pub(crate) file: &'a ImageFileHeader,
    /// File offset of the optional header.
    pub(crate) optional_at: usize,
    pub(crate) optional: &'a ImageOptionalHeader64,
    directories: &'a [ImageDataDirectory],
    /// File offset of the section headers.
    pub(crate) sections_at: usize,
    sections: &'a [ImageSectionHeader],
}

/// A section, checked: its file range lies inside the file.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// File offset of the section header.
    pub(crate) header: usize,
    pub(crate) name: [u8; 8],
    pub(crate) address: u64,
    pub(crate) memory_size: u64,
    pub(crate) offset: u64,
    pub(crate) file_size: u64,
    pub(crate) flags: u32,
}

impl Section {
    /// Whether the file holds this range of addresses for the section.
    pub(crate) fn holds(&self, address: u64, size: u64) -> bool {
        let len = self.file_size.min(self.memory_size);
        self.address <= address
            && address
                .checked_add(size)
                .is_some_and(|end| end <= self.address + len)
    }
}

impl<'a> Image<'a> {
    /// `None` for anything but a 64-bit PE file.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Image<'a>>, ImageError> {
        let Ok((dos, _)) = pod::from_bytes::<ImageDosHeader>(bytes) else {
            return Ok(None);
        };
        if dos.e_magic.get(Le) != IMAGE_DOS_SIGNATURE {
            return Ok(None);
        }
        let signature_at = dos.e_lfanew.get(Le) as usize;
        let file_at = signature_at.saturating_add(4);
        let optional_at = file_at.saturating_add(size_of::<ImageFileHeader>());
        let read = bytes.get(signature_at..).and_then(|rest| {
            let (signature, rest) = pod::from_bytes::<U32<Le>>(rest).ok()?;
            let (file, rest) = pod::from_bytes::<ImageFileHeader>(rest).ok()?;
            let (optional, _) = pod::from_bytes::<ImageOptionalHeader64>(rest).ok()?;
            Some((signature, file, optional))
        });
        let Some((signature, file, optional)) = read else {
            return Ok(None);
        };
        if signature.get(Le) != IMAGE_NT_SIGNATURE
            || optional.magic.get(Le) != IMAGE_NT_OPTIONAL_HDR64_MAGIC
        {
            return Ok(None);
        }
        let optional_len = usize::from(file.size_of_optional_header.get(Le));
        let sections_at = optional_at + optional_len;
        // Fewer than five would leave no room for the two that matter here.
        let count = optional.number_of_rva_and_sizes.get(Le) as usize;
        let directories = bytes
            .get(optional_at + size_of::<ImageOptionalHeader64>()..sections_at)
            .and_then(|rest| pod::slice_from_bytes::<ImageDataDirectory>(rest, count.min(16)).ok());
        let (directories, _) = directories
            .filter(|_| count > CERTIFICATES)
            .ok_or(malformed(
                "optional header",
                optional_at,
                "its data directories do not fit into it",
            ))?;
        let count = usize::from(file.number_of_sections.get(Le));
        let sections = bytes
            .get(sections_at..)
            .and_then(|rest| pod::slice_from_bytes::<ImageSectionHeader>(rest, count).ok());
        let (sections, _) = sections.ok_or(malformed(
            "section table",
            sections_at,
            "it lies outside the file",
        ))?;
        let image = Image {
            bytes,
            file_at,
            file,
            optional_at,
            optional,
            directories,
            sections_at,
            sections,
        };
        for section in image.sections() {
            if section.offset + section.file_size > bytes.len() as u64 {
                let problem = "its bytes lie outside the file";
                return Err(malformed("section header", section.header, problem));
            }
        }
        Ok(Some(image))
    }

    /// All headers, from the first byte of the file.
    pub(crate) fn headers(&self) -> &'a [u8] {
        let end = self.sections_at + self.sections.len() * SECTION_HEADER;
        self.bytes.get(..end).unwrap_or_default()
    }

    /// The sections in table order.
    pub(crate) fn sections(&self) -> impl Iterator<Item = Section> {
        let at = |index| self.sections_at + index * SECTION_HEADER;
        self.sections
            .iter()
            .enumerate()
            .map(move |(index, section)| {
                let file_size = section.size_of_raw_data.get(Le);
                Section {
                    header: at(index),
                    name: section.name,
                    address: section.virtual_address.get(Le).into(),
                    memory_size: section.virtual_size.get(Le).into(),
                    // Without bytes in the file the offset means nothing.
                    offset: match file_size {
                        0 => 0,
                        _ => section.pointer_to_raw_data.get(Le).into(),
                    },
                    file_size: file_size.into(),
                    flags: section.characteristics.get(Le).0,
                }
            })
    }

    /// The section of this name.
    pub(crate) fn find_section(&self, name: [u8; 8]) -> Option<Section> {
        self.sections().find(|section| section.name == name)
    }

    /// Address and size in a data directory, zeros where the header has none of this index: it
    /// may hold as few as [`CERTIFICATES`] and those before it.
    pub(crate) fn directory(&self, index: usize) -> (u32, u32) {
        self.directories.get(index).map_or((0, 0), |directory| {
            (directory.virtual_address.get(Le), directory.size.get(Le))
        })
    }

    /// File offset of a data directory.
    pub(crate) fn directory_at(&self, index: usize) -> usize {
        self.optional_at
            + size_of::<ImageOptionalHeader64>()
            + index * size_of::<ImageDataDirectory>()
    }

    /// File offset of the checksum.
    pub(crate) fn checksum_at(&self) -> usize {
        self.optional_at + 64
    }

    /// Where the certificates lie in the file. They have to be its end.
    pub(crate) fn certificates(&self) -> Result<Option<Range<usize>>, ImageError> {
        let (start, len) = self.directory(CERTIFICATES);
        if (start, len) == (0, 0) {
            return Ok(None);
        }
        let at = self.directory_at(CERTIFICATES);
        let wrong = |problem| Err(malformed("certificate table", at, problem));
        let range = start as usize..start as usize + len as usize;
        if range.end != self.bytes.len() {
            return wrong("it is not the end of the file");
        }
        let last = self
            .sections()
            .map(|section| section.offset + section.file_size);
        if last.max().unwrap_or(0) > u64::from(start) || range.start < self.sections_at {
            return wrong("it begins inside a section");
        }
        Ok(Some(range))
    }
}
