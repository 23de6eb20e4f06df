//! Decoding one zstd frame whose content size is known beforehand.
//!
//! The format allows exactly one kind of frame: no dictionary, content size stated and equal to
//! the record's length, window no larger than the content and than [`LARGEST_WINDOW`]. So working
//! memory has a fixed bound, and the content one in proportion to the stored bytes.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::FrameProblem;
use crate::bytes::u32_at;

const FRAME_MAGIC: u32 = 0xFD2F_B528;
/// The smallest window a frame can ask for, in bytes.
const LEAST_WINDOW: u64 = 1024;
/// The largest window a reader takes, in bytes: that of zstd's levels up to 19.
const LARGEST_WINDOW: u64 = 8 << 20;
/// Content that a frame may hold whatever its size, in bytes.
const FREE_CONTENT: u64 = 64 << 10;
/// Content that a frame may hold besides for each of its bytes.
const LARGEST_RATIO: u64 = 1024;
/// How much is decoded between two looks at the result, in bytes.
const STEP: usize = 256 * 1024;

/// How many bytes of content a frame of `stored` bytes may hold: 64 KiB and 1,024 times its size.
///
/// A run of zeros can be packed 32 times denser. A writer stores such an entry uncompressed, so
/// that reading a blob takes time and memory in proportion to its size.
#[must_use]
pub const fn largest_content(stored: u64) -> u64 {
    FREE_CONTENT.saturating_add(stored.saturating_mul(LARGEST_RATIO))
}

/// Checks the frame header against `length`, the declared content size in bytes.
fn check_header(stored: &[u8], length: u64) -> Result<(), FrameProblem> {
    if stored.len() < 6 || u32_at(stored, 0) != FRAME_MAGIC {
        return Err(FrameProblem::Header);
    }
    let descriptor = stored[4]; // six bytes are there
    let single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x08 != 0 || descriptor & 0x03 != 0 {
        return Err(FrameProblem::Header); // reserved bit, dictionary
    }
    let (window, size_at) = if single_segment {
        (length, 5)
    } else {
        let base = 1_u64 << (10 + (stored[5] >> 3));
        (base + base / 8 * u64::from(stored[5] & 7), 6)
    };
    let size_bytes = match (descriptor >> 6, single_segment) {
        (0, false) => return Err(FrameProblem::ContentSize),
        (0, true) => 1,
        (width, _) => 1 << width,
    };
    let field = stored
        .get(size_at..size_at + size_bytes)
        .ok_or(FrameProblem::Header)?;
    let mut raw = [0; 8];
    raw[..size_bytes].copy_from_slice(field); // size_bytes is 1, 2, 4 or 8
    let stated = u64::from_le_bytes(raw) + if size_bytes == 2 { 256 } else { 0 };
    if stated != length {
        return Err(FrameProblem::ContentSize);
    }
    if length > largest_content(stored.len() as u64) {
        return Err(FrameProblem::Ratio);
    }
    if window > length.max(LEAST_WINDOW) || window > LARGEST_WINDOW {
        return Err(FrameProblem::Window);
    }
    Ok(())
}

/// Decodes `stored`, handing out the content piece by piece, `length` bytes in all.
fn decode_with(
    stored: &[u8],
    length: u64,
    mut sink: impl FnMut(&mut dyn Read, u64) -> Result<(), FrameProblem>,
) -> Result<(), FrameProblem> {
    check_header(stored, length)?;
    let mut input = stored;
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(length.clamp(LEAST_WINDOW, LARGEST_WINDOW));
    decoder.init(&mut input).map_err(|_| FrameProblem::Header)?;
    let mut left = length;
    loop {
        decoder
            .decode_blocks(&mut input, BlockDecodingStrategy::UptoBytes(STEP))
            .map_err(|_| FrameProblem::Corrupt)?;
        let ready = decoder.can_collect() as u64;
        left = left.checked_sub(ready).ok_or(FrameProblem::Length)?;
        if ready > 0 {
            sink(&mut decoder, ready)?;
        }
        if decoder.is_finished() {
            break;
        }
    }
    if left != 0 {
        return Err(FrameProblem::Length);
    }
    if decoder
        .get_checksum_from_data()
        .is_some_and(|stated| decoder.get_calculated_checksum() != Some(stated))
    {
        return Err(FrameProblem::Corrupt);
    }
    if input.is_empty() {
        Ok(())
    } else {
        Err(FrameProblem::Trailing)
    }
}

/// The frame's content. Memory grows as decoding advances: at most `length` bytes for the
/// result, and up to 12 MiB for the decoder's window and working memory.
pub(crate) fn decode(stored: &[u8], length: u64) -> Result<Vec<u8>, FrameProblem> {
    let mut content = Vec::new();
    decode_with(stored, length, |decoder, ready| {
        let ready = usize::try_from(ready).map_err(|_| FrameProblem::Length)?;
        content
            .try_reserve(ready)
            .map_err(|_| FrameProblem::Length)?;
        decoder
            .take(ready as u64)
            .read_to_end(&mut content)
            .map_err(|_| FrameProblem::Corrupt)?;
        Ok(())
    })?;
    Ok(content)
}

/// Decodes into `target`, which has the declared length.
pub(crate) fn decode_into(stored: &[u8], target: &mut [u8]) -> Result<(), FrameProblem> {
    let mut filled = 0;
    decode_with(stored, target.len() as u64, |decoder, ready| {
        let ready = usize::try_from(ready).map_err(|_| FrameProblem::Length)?;
        let piece = target
            .get_mut(filled..filled + ready)
            .ok_or(FrameProblem::Length)?;
        decoder
            .read_exact(piece)
            .map_err(|_| FrameProblem::Corrupt)?;
        filled += ready;
        Ok(())
    })
}

/// Decodes and discards.
pub(crate) fn verify(stored: &[u8], length: u64) -> Result<(), FrameProblem> {
    let mut scratch = vec![0; 64 * 1024];
    decode_with(stored, length, |decoder, ready| {
        let mut left = ready;
        while left > 0 {
            let piece = usize::try_from(left).map_or(scratch.len(), |n| n.min(scratch.len()));
            decoder
                .read_exact(&mut scratch[..piece]) // piece is at most scratch.len()
                .map_err(|_| FrameProblem::Corrupt)?;
            left -= piece as u64;
        }
        Ok(())
    })
}
