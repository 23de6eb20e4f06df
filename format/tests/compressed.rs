//! Compressed entries: what a real encoder writes is read, and every lie is refused by name.

mod common;

use common::{fields, zstd_raw};
use oxidize_format::{Blob, Content, Error, FileEntry, FrameProblem, Writer};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

/// A blob of one compressed file that claims `length` bytes.
fn blob(frame: Vec<u8>, length: u64) -> Vec<u8> {
    let mut w = Writer::new(fields());
    let file = FileEntry {
        content: Content::zstd(frame, length),
        executable: false,
    };
    w.add_file("/~oxidize/file", file).unwrap();
    w.layout().unwrap().to_bytes()
}

fn read(frame: Vec<u8>, length: u64) -> Result<Vec<u8>, FrameProblem> {
    read_first(&blob(frame, length), length)
}

fn read_first(bytes: &[u8], length: u64) -> Result<Vec<u8>, FrameProblem> {
    let blob = Blob::open(bytes).unwrap();
    blob.validate().unwrap();
    let data = blob.data(0).unwrap();
    let problem = |error| match error {
        Error::Compression { problem, .. } => problem,
        other => panic!("{other}"),
    };
    let mut target = vec![0; if length < 1 << 30 { length as usize } else { 0 }];
    let into = (target.len() as u64 == length).then(|| data.read_into(&mut target));
    let found = data.read().map(std::borrow::Cow::into_owned);
    // The three ways to decode agree.
    assert_eq!(data.verify().err(), found.as_ref().err().copied());
    if let Some(into) = into {
        assert_eq!(into.err(), found.as_ref().err().copied());
    }
    if let Ok(found) = &found {
        assert!(*found == target);
    }
    found.map_err(problem)
}

/// Text that compresses, yet not to nothing.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"import os\n"[(state >> 24) as usize % 10]
        })
        .collect()
}

#[test]
fn what_zstd_writes_is_read() {
    for len in [
        0, 1, 255, 256, 257, 65_791, 65_792, 131_072, 131_073, 3_000_000,
    ] {
        for (level, checksum) in [(1, false), (3, true), (19, false)] {
            if level == 19 && len > 200_000 {
                continue; // a second in a debug build, and nothing new
            }
            let content = text(len);
            let mut compressor = Compressor::new(level).unwrap();
            compressor
                .set_parameter(CParameter::ChecksumFlag(checksum))
                .unwrap();
            let frame = compressor.compress(&content).unwrap();
            let found = read(frame, len as u64).unwrap_or_else(|why| panic!("{len}: {why}"));
            assert!(found == content, "{len} bytes at level {level}");
        }
    }
}

/// A content larger than the window: the encoder forgets its beginning.
#[test]
fn a_window_smaller_than_the_content() {
    let content = text(1 << 20);
    let mut compressor = Compressor::new(3).unwrap();
    compressor.set_parameter(CParameter::WindowLog(12)).unwrap();
    let frame = compressor.compress(&content).unwrap();
    assert!(read(frame, 1 << 20).unwrap() == content);
}

#[test]
fn lies_and_damage() {
    let content = text(100_000);
    let mut compressor = Compressor::new(3).unwrap();
    compressor
        .set_parameter(CParameter::ChecksumFlag(true))
        .unwrap();
    let frame = compressor.compress(&content).unwrap();
    let changed = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        read(frame, 100_000)
    };
    let last = frame.len() - 1;
    assert!(read(frame.clone(), 100_000).is_ok());
    assert_eq!(
        changed(last, frame[last] ^ 1),
        Err(FrameProblem::Corrupt),
        "the checksum"
    );
    assert_eq!(changed(0, 0), Err(FrameProblem::Header), "the magic");
    assert_eq!(
        changed(4, frame[4] | 8),
        Err(FrameProblem::Header),
        "a reserved bit"
    );
    assert_eq!(
        changed(4, frame[4] | 1),
        Err(FrameProblem::Header),
        "a dictionary"
    );
    for length in [0, 99_999, 100_001, u64::MAX] {
        assert_eq!(read(frame.clone(), length), Err(FrameProblem::ContentSize));
    }
    let mut longer = frame.clone();
    longer.push(0);
    assert_eq!(read(longer, 100_000), Err(FrameProblem::Trailing));
    for cut in [0, 4, 5, 9, 100, last - 4, last] {
        let cut = frame[..cut].to_vec();
        assert!(matches!(
            read(cut, 100_000),
            Err(FrameProblem::Header | FrameProblem::Corrupt | FrameProblem::Ratio)
        ));
    }
    let twice = [frame.clone(), frame].concat();
    assert_eq!(read(twice, 100_000), Err(FrameProblem::Trailing));
}

/// Frames by hand. Descriptor bits: content size width 7-6, single segment 5.
#[test]
fn frames_nobody_should_write() {
    let frame = |head: &[u8], block: &[u8]| {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd];
        frame.extend(head);
        frame.extend(block);
        frame
    };
    // One last block of three raw bytes.
    let three = [0x19, 0, 0, b'a', b'b', b'c'];
    assert_eq!(read(frame(&[0x20, 3], &three), 3).unwrap(), b"abc");
    // More content than stated, and less.
    assert_eq!(
        read(frame(&[0x20, 2], &three), 2),
        Err(FrameProblem::Corrupt)
    );
    assert_eq!(
        read(frame(&[0x20, 4], &three), 4),
        Err(FrameProblem::Length)
    );
    // Without a content size, as a streaming encoder writes it.
    assert_eq!(
        read(frame(&[0, 0], &three), 3),
        Err(FrameProblem::ContentSize)
    );
    // A window of 1 KiB for three bytes is the least there is; 2 KiB is too much.
    let sized = |window: u8| frame(&[0x80, window, 3, 0, 0, 0], &three);
    assert_eq!(read(sized(0), 3).unwrap(), b"abc");
    assert_eq!(read(sized(8), 3), Err(FrameProblem::Window));
    assert_eq!(read(sized(0xff), 3), Err(FrameProblem::Window));
    // Two-byte sizes count from 256.
    let run = [0x03 | 0x18, 0, 0, b'x']; // a run of three: fewer than stated
    assert_eq!(
        read(frame(&[0x60, 0, 0], &run), 256),
        Err(FrameProblem::Length)
    );
    let run = [0x03, 0x08, 0, b'x']; // a run of 256
    assert_eq!(read(frame(&[0x60, 0, 0], &run), 256).unwrap(), [b'x'; 256]);
    // A terabyte in sixteen bytes.
    let claim = (1_u64 << 40).to_le_bytes();
    let head: Vec<u8> = [0xe0].into_iter().chain(claim).collect();
    assert_eq!(
        read(frame(&head, &three), 1 << 40),
        Err(FrameProblem::Ratio)
    );
    // A window of 3 GiB, and a frame without a window whose content is as long.
    let packed = vec![0; 4 << 20];
    for head in [&[0x80, 0xb0][..], &[0xa0]] {
        let head = [head, &(3_u32 << 30).to_le_bytes()].concat();
        let bomb = frame(&head, &[&three[..], &packed].concat());
        assert_eq!(read(bomb, 3 << 30), Err(FrameProblem::Window));
    }
    // 65,537 runs would be legal zstd: 3 GiB in 98 KB.
    let head: Vec<u8> = [0xa0]
        .into_iter()
        .chain((3_u32 << 30).to_le_bytes())
        .collect();
    let bomb = frame(&head, &packed[..98_000]);
    assert_eq!(read(bomb, 3 << 30), Err(FrameProblem::Ratio));
    // A raw frame from the helper of other tests.
    assert_eq!(read(zstd_raw(b"hello"), 5).unwrap(), b"hello");
}

/// A blob of one file that is an LZ4 block, and what comes of reading it in three ways.
fn read_block(block: Vec<u8>, length: u64) -> Result<Vec<u8>, FrameProblem> {
    let mut w = Writer::new(fields());
    let file = FileEntry {
        content: Content::lz4(block, length),
        executable: false,
    };
    w.add_file("/~oxidize/file", file).unwrap();
    read_first(&w.layout().unwrap().to_bytes(), length)
}

#[test]
fn lz4_blocks_are_read() {
    for len in [0, 1, 14, 15, 270, 65_536, 3_000_000] {
        let content = text(len);
        let block = lz4_flex::block::compress(&content);
        assert!(
            read_block(block, len as u64).unwrap() == content,
            "{len} bytes"
        );
    }
    // As dense as the format goes.
    let zeros = vec![0; 1 << 20];
    let block = lz4_flex::block::compress(&zeros);
    assert!(read_block(block, 1 << 20).unwrap() == zeros);
}

#[test]
fn lz4_blocks_that_lie_are_refused() {
    let content = text(10_000);
    let block = lz4_flex::block::compress(&content);
    for length in [9_999, 10_001] {
        assert_eq!(read_block(block.clone(), length), Err(FrameProblem::Length));
    }
    assert_eq!(read_block(block.clone(), 1 << 50), Err(FrameProblem::Ratio));
    assert_eq!(read_block(Vec::new(), 1), Err(FrameProblem::Ratio));
    for cut in 0..block.len() {
        assert!(read_block(block[..cut].to_vec(), 10_000).is_err(), "{cut}");
    }
    // A match before the beginning, one at distance 0, and a length that goes on and on.
    for wrong in [
        &[0x10, b'a', 9, 0, 0][..],
        &[0x10, b'a', 0, 0, 0],
        &[0xf0, 255, 255, 255],
    ] {
        assert!(read_block(wrong.to_vec(), 5).is_err());
    }
}
