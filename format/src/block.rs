//! Decoding one LZ4 block whose content size is known beforehand.

use crate::FrameProblem;

/// Content that a block may hold for each of its bytes. The block format itself allows no more: a
/// byte of a match's length stands for 255 bytes.
const LARGEST_RATIO: u64 = 255;

/// A buffer for the content, if so short a block can hold so much.
fn buffer(stored: &[u8], length: u64) -> Result<Vec<u8>, FrameProblem> {
    check_length(stored, length)?;
    let length = usize::try_from(length).map_err(|_| FrameProblem::Length)?;
    let mut content = Vec::new();
    content
        .try_reserve_exact(length)
        .map_err(|_| FrameProblem::Length)?;
    content.resize(length, 0);
    Ok(content)
}

fn check_length(stored: &[u8], length: u64) -> Result<(), FrameProblem> {
    if length > LARGEST_RATIO.saturating_mul(stored.len() as u64) {
        return Err(FrameProblem::Ratio);
    }
    Ok(())
}

/// The block's content.
pub(crate) fn decode(stored: &[u8], length: u64) -> Result<Vec<u8>, FrameProblem> {
    let mut content = buffer(stored, length)?;
    decode_into(stored, &mut content)?;
    Ok(content)
}

/// Decodes into `target`, which has the declared length.
pub(crate) fn decode_into(stored: &[u8], target: &mut [u8]) -> Result<(), FrameProblem> {
    check_length(stored, target.len() as u64)?;
    match lz4_flex::block::decompress_into(stored, target) {
        Ok(length) if length == target.len() => Ok(()),
        Ok(_) => Err(FrameProblem::Length),
        Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) => Err(FrameProblem::Length),
        Err(_) => Err(FrameProblem::Corrupt),
    }
}
