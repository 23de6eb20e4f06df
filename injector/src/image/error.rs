//! What can be wrong with an executable image.

use thiserror::Error;

/// Why an image cannot be read or written.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// The image does not hold together.
    #[error("malformed {structure} at offset {offset:#x}: {problem}")]
    Malformed {
        /// The structure that is wrong.
        structure: &'static str,
        /// Its offset in the file.
        offset: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The format has an upper limit.
    #[error("the file is too large: {0}")]
    TooLarge(&'static str),
    /// An icon, a manifest or another Windows resource cannot be written.
    #[error("the Windows resource is malformed: {0}")]
    Resource(&'static str),
}

/// Shorthand for [`ImageError::Malformed`].
pub(crate) fn malformed(
    structure: &'static str,
    offset: usize,
    problem: &'static str,
) -> ImageError {
    ImageError::Malformed {
        structure,
        offset: offset as u64,
        problem,
    }
}
