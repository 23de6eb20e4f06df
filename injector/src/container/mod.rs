//! Executable containers: where a stub keeps its slot, and how a blob gets in and out of it.
//!
//! Every container answers the same five words:
//!
//! | word | answers |
//! |---|---|
//! | [`detect`] | is this one of our stubs, and is something in its slot? |
//! | [`inject`] | which bytes make up the stub with a blob of this length in it |
//! | [`extract`] | where the blob lies in the file |
//! | [`remove`] | which bytes made up the stub before the blob came |
//! | [`verify`] | does everything the loader and other tools will look at agree? |
//!
//! "Not ours" and "ours but broken" are different answers: the first is `None` (or
//! [`ContainerError::NoSlot`] where a slot is
//! needed), the second is [`ContainerError::Image`].
//!
//! Nothing here does I/O. An image is a byte slice, a result is a [`Plan`]: the output's pieces in
//! order, with the blob as a hole that the caller fills by streaming. A blob of many gigabytes
//! therefore costs no memory. What depends on the finished bytes, a checksum or a signature, is the
//! plan's [`Seal`].

pub mod elf;
mod error;
mod loaded;
pub mod macho;
pub mod pe;
mod plan;
mod slot;
mod undo;

use std::ops::Range;

use oxidize_format::Target;
use oxidize_format::target::Container;

pub use error::ContainerError;
pub use plan::{Piece, Plan, Seal};
pub use slot::Slot;

use crate::image::macho::fat;
use crate::image::pe::resources::Resource;

/// What an application is to be besides its stub and its blob. A container leaves out what its
/// format has no place for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InjectOptions {
    /// PE: a program for the desktop, for which Windows opens no console.
    pub gui: bool,
    /// PE: icon, manifest, version information and the like.
    pub resources: Vec<Resource>,
    /// Mach-O: the name in the signature; the stub's own without one.
    pub identifier: Option<String>,
}

/// The container that a file's first bytes announce. What begins like none of them is taken for
/// ELF, which says no.
fn kind(image: &[u8]) -> Container {
    Container::announced(image).unwrap_or(Container::Elf)
}

/// Looks for our slot, in a universal file for that of its first program. `None`: this file is not
/// one of our stubs.
///
/// # Errors
/// The file is one of our stubs and is damaged.
pub fn detect(image: &[u8]) -> Result<Option<Slot>, ContainerError> {
    if fat::parts(image)?.is_some() {
        return Ok(slots(image)?.into_iter().next());
    }
    match kind(image) {
        Container::Elf => elf::detect(image),
        Container::MachO => macho::detect(image),
        Container::Pe => pe::detect(image),
    }
}

/// The slots of all programs in the file: one, but for universal files. None: at least one of them
/// is not our stub.
///
/// # Errors
/// One of the programs is our stub and is damaged.
pub fn slots(image: &[u8]) -> Result<Vec<Slot>, ContainerError> {
    let Some(parts) = fat::parts(image)? else {
        return Ok(detect(image)?.into_iter().collect());
    };
    let mut slots = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(mut slot) = macho::detect(&image[part.clone()])? else {
            return Ok(Vec::new());
        };
        let start = part.start as u64;
        slot.descriptor += start;
        slot.blob = slot.blob.map(|blob| blob.start + start..blob.end + start);
        slots.push(slot);
    }
    Ok(slots)
}

/// Plans the file that consists of this stub and a blob of `blob_len` bytes. A blob that is already
/// there is replaced.
///
/// # Errors
/// The file is not a stub that this version can fill, or the blob is too large.
pub fn inject(image: &[u8], blob_len: u64) -> Result<Plan, ContainerError> {
    inject_with(image, blob_len, &InjectOptions::default())
}

/// [`inject`], and more than the stub and the blob.
///
/// # Errors
/// As for [`inject`], or the container has no such options.
pub fn inject_with(
    image: &[u8],
    blob_len: u64,
    options: &InjectOptions,
) -> Result<Plan, ContainerError> {
    match kind(image) {
        Container::Elf => elf::inject(image, blob_len),
        Container::MachO => macho::inject(image, blob_len, options),
        Container::Pe => pe::inject(image, blob_len, options),
    }
}

/// Where the blob lies in the file; `None` when the slot is empty.
///
/// # Errors
/// The file is damaged.
pub fn extract(image: &[u8]) -> Result<Option<Range<u64>>, ContainerError> {
    match detect(image)? {
        Some(slot) => Ok(slot.blob),
        None => Err(ContainerError::NoSlot),
    }
}

/// The stub as it was before injection, bit for bit.
///
/// # Errors
/// The file is damaged, or another tool has changed what has to be put back.
pub fn remove(image: &[u8]) -> Result<Vec<u8>, ContainerError> {
    if let Some(parts) = fat::parts(image)? {
        let stubs = parts.into_iter().map(|part| macho::remove(&image[part]));
        let stubs = stubs.collect::<Result<Vec<_>, ContainerError>>()?;
        return Ok(fat::assemble(
            &stubs.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        )?);
    }
    match kind(image) {
        Container::Elf => elf::remove(image),
        Container::MachO => macho::remove(image),
        Container::Pe => pe::remove(image),
    }
}

/// The target of an executable, as far as its headers tell.
#[must_use]
pub fn target(image: &[u8]) -> Option<Target> {
    match kind(image) {
        Container::Elf => elf::target(image),
        Container::MachO => macho::target(image),
        Container::Pe => pe::target(image),
    }
}

/// Checks what the loader and other tools rely on, and that what they load is what was written. The
/// blob's own content has a digest of its own.
///
/// # Errors
///
/// [`ContainerError::Damaged`] when what is loaded is not what was written; others when the file
/// does not hold together.
pub fn verify(image: &[u8]) -> Result<Verified, ContainerError> {
    if let Some(parts) = fat::parts(image)? {
        let mut altered = !fat::is_joined(image, &parts)?;
        for part in parts {
            altered |= macho::verify(&image[part])?.altered;
        }
        let slot = detect(image)?.ok_or(ContainerError::NoSlot)?;
        return Ok(Verified { slot, altered });
    }
    match kind(image) {
        Container::Elf => elf::verify(image),
        Container::MachO => macho::verify(image),
        Container::Pe => pe::verify(image),
    }
}

/// The answer of [`verify`] for an image in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The slot.
    pub slot: Slot,
    /// Another tool (`strip`, for example) rewrote the file after injection. What is loaded is what
    /// it was, but the file is not, and [`remove`] may be unable to give the stub back.
    pub altered: bool,
}
