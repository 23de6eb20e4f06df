//! Executable images as the systems define them: ELF, Mach-O, PE.
//!
//! Headers, sections, resources, checksums and ad-hoc signatures are here. Slots and blobs are
//! for [`container`](crate::container), identities for [`sign`](crate::sign); both build on this
//! module, which knows neither.
//!
//! Each format has an `Image` that is parsed once, with every bound checked. `None` means "another
//! format", an error means "this format, but broken".

pub mod elf;
mod error;
pub mod macho;
pub mod pe;

pub use error::Error;
pub(crate) use error::malformed;

/// The kinds of image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 64-bit little-endian ELF.
    Elf,
    /// 64-bit Mach-O, also several in one universal file.
    MachO,
    /// 64-bit PE.
    Pe,
}

impl Kind {
    /// The kind that a file's first bytes announce.
    #[must_use]
    pub fn of(file: &[u8]) -> Option<Kind> {
        match file {
            [b'M', b'Z', ..] => Some(Kind::Pe),
            [0xcf, 0xfa, 0xed, 0xfe, ..] => Some(Kind::MachO),
            [0x7f, b'E', b'L', b'F', ..] => Some(Kind::Elf),
            _ if file.starts_with(&macho::fat::MAGIC) => Some(Kind::MachO),
            _ => None,
        }
    }

    /// The name as it is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Elf => "ELF",
            Kind::MachO => "Mach-O",
            Kind::Pe => "PE",
        }
    }
}
