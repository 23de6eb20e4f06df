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

pub use error::ImageError;
pub(crate) use error::malformed;
