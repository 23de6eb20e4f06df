//! The dump that an application makes of itself (stubs/src/snapshot/dump.rs writes it).
//!
//! Twelve numbers of 64 bits, little endian, the first a magic; then the data segment, the heap and
//! the report.

use std::ops::Range;

use crate::container::elf::snapshot::Memory;

const MAGIC: [u8; 8] = *b"OXIDUMP1";
const NUMBERS: usize = 12;

/// Reads a dump. `None`: it is none, or cut off, or contradicts itself.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Memory<'_>> {
    let (header, rest) = bytes.split_at_checked(NUMBERS * 8)?;
    if header[..8] != MAGIC {
        return None;
    }
    let mut numbers = [0; NUMBERS];
    for (number, bytes) in numbers.iter_mut().zip(header.as_chunks::<8>().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    let [
        _,
        data_start,
        data_end,
        fresh_data_start,
        fresh_data_end,
        fresh_bss_start,
        fresh_bss_end,
        heap_start,
        heap_end,
        nothing,
        constructor,
        report,
    ] = numbers;
    let length = |start: u64, end: u64| usize::try_from(end.checked_sub(start)?).ok();
    let data_len = length(data_start, data_end)?;
    let inside = |start: u64, end: u64| -> Option<Range<usize>> {
        let range = length(data_start, start)?..length(data_start, end)?;
        (range.start <= range.end && range.end <= data_len).then_some(range)
    };
    let fresh = [
        inside(fresh_data_start, fresh_data_end)?,
        inside(fresh_bss_start, fresh_bss_end)?,
    ];
    let (data, rest) = rest.split_at_checked(data_len)?;
    let (heap, rest) = rest.split_at_checked(length(heap_start, heap_end)?)?;
    if rest.len() as u64 != report {
        return None;
    }
    Some(Memory {
        data_address: data_start,
        data,
        fresh,
        heap_address: heap_start,
        heap,
        nothing,
        constructor,
        report: rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(numbers: [u64; 11], rest: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in numbers {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.resize(bytes.len() + rest, 7);
        bytes
    }

    const GOOD: [u64; 11] = [
        100,
        140,
        104,
        108,
        120,
        136,
        1 << 32,
        (1 << 32) + 16,
        5,
        6,
        3,
    ];

    #[test]
    fn a_dump_is_read() {
        let bytes = dump(GOOD, 59);
        let memory = parse(&bytes).unwrap();
        assert_eq!(
            (memory.data.len(), memory.heap.len(), memory.report.len()),
            (40, 16, 3)
        );
        assert_eq!(memory.fresh, [4..8, 20..36]);
        assert_eq!((memory.nothing, memory.constructor), (5, 6));
    }

    #[test]
    fn nothing_panics() {
        let bytes = dump(GOOD, 59);
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end]).is_none(), "cut at {end}");
        }
        for place in 0..11 {
            for wrong in [0, 1, 103, 141, u64::MAX, 1 << 63] {
                let mut numbers = GOOD;
                numbers[place] = wrong;
                let _ = parse(&dump(numbers, 59));
            }
        }
        assert!(parse(&dump(GOOD, 60)).is_none());
    }
}
