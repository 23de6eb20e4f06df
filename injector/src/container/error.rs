//! What can be wrong with a container.

use thiserror::Error;

use crate::image;
use crate::image::ImageError;

/// Why a container could not be read or filled.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContainerError {
    /// The file has no slot: it is not one of our stubs.
    #[error("not a stub: the file has no slot for resources")]
    NoSlot,
    /// The file is one of ours, or claims to be, and does not hold together.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The descriptor in the slot is malformed.
    #[error("malformed descriptor at offset {offset:#x}")]
    Descriptor {
        /// Offset of the descriptor in the file.
        offset: u64,
        /// What is wrong with it; offsets count from the descriptor.
        source: oxidize_format::Error,
    },
    /// A part of the slot is missing, so that nothing can be injected.
    #[error("the stub's slot is incomplete: {missing}")]
    Incomplete {
        /// The missing part.
        missing: &'static str,
    },
    /// The slot is empty.
    #[error("nothing has been injected into this file")]
    Empty,
    /// Another program rewrote the file after injection.
    #[error("the file was altered after injection, so the original stub cannot be restored")]
    Altered,
    /// What is loaded is not what was written.
    #[error("{0}")]
    Damaged(&'static str),
    /// The blob does not fit.
    #[error("the resources do not fit: {0}")]
    TooLarge(&'static str),
    /// A load command that this program does not know may hold file offsets, which injection would
    /// have to move.
    #[error("unknown load command {command:#x} at offset {offset:#x}: it may hold file offsets")]
    UnknownCommand {
        /// Its number.
        command: u32,
        /// Its offset in the file.
        offset: u64,
    },
}

/// Shorthand for a malformed image.
pub(super) fn malformed(
    structure: &'static str,
    offset: usize,
    problem: &'static str,
) -> ContainerError {
    image::malformed(structure, offset, problem).into()
}
