use object::LittleEndian as Le;
use object::elf;
use proptest::prelude::*;

use super::super::ContainerError;
use super::synthetic::{Shape, build};
use super::*;
use crate::image::ImageError;

fn shapes() -> impl Strategy<Value = Shape> {
    let base = prop_oneof![Just(0), Just(0x1_0000), Just(0x20_0000), Just(0x40_0000)];
    let bss = prop_oneof![Just(0), 1..5u64, 0xfff0..0x1_0010u64, 0..3_000_000u64];
    let tail = prop_oneof![Just(0usize), 0..9usize, 0xfff0..0x1_0010usize];
    (
        base,
        0..20_000usize,
        bss,
        any::<bool>(),
        tail,
        any::<bool>(),
    )
        .prop_map(|(base, code, bss, sections, tail, other_note)| Shape {
            base,
            code,
            bss,
            sections,
            tail,
            other_note,
            python: (0, 0),
        })
}

proptest! {
    #[test]
    fn what_goes_in_comes_out_and_the_stub_comes_back(shape in shapes(), blob in proptest::collection::vec(any::<u8>(), 1..5000)) {
        let stub = build(&shape);
        let plan = inject(&stub, blob.len() as u64).unwrap();
        let app = plan.assemble(&blob);
        prop_assert_eq!(app.len() as u64, plan.total_len());
        prop_assert_eq!(plan.blob_offset() % ALIGNMENT, 0);
        let slot = detect(&app).unwrap().unwrap();
        let range = slot.blob.unwrap();
        prop_assert_eq!(range.start, plan.blob_offset());
        prop_assert_eq!(&app[range.start as usize..range.end as usize], &blob[..]);
        prop_assert!(!verify(&app).unwrap().altered);
        prop_assert_eq!(remove(&app).unwrap(), stub);
    }

    #[test]
    fn injecting_again_replaces(shape in shapes(), first in 1..100_000u64, second in 1..5000usize) {
        let stub = build(&shape);
        let blob = vec![3; second];
        let once = inject(&stub, second as u64).unwrap().assemble(&blob);
        let other = inject(&stub, first).unwrap().assemble(&vec![1; first as usize]);
        prop_assert_eq!(inject(&other, second as u64).unwrap().assemble(&blob), once);
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0..2000usize, value in any::<u8>(), injected in any::<bool>()) {
        let mut image = build(&Shape::default());
        if injected {
            image = inject(&image, 100).unwrap().assemble(&[5; 100]);
        }
        let at = at % image.len();
        image[at] = value;
        let _ = (detect(&image), verify(&image), remove(&image));
        if let Ok(plan) = inject(&image, 10)
            && plan.total_len() < 1 << 24
        {
            let app = plan.assemble(&[1; 10]);
            let range = detect(&app).unwrap().unwrap().blob.unwrap();
            prop_assert_eq!(&app[range.start as usize..range.end as usize], &[1; 10]);
        }
    }
}

#[test]
fn other_files_are_not_ours() {
    for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", b"MZ", &[0; 4096]] {
        assert_eq!(detect(bytes), Ok(None));
        assert_eq!(inject(bytes, 1), Err(ContainerError::NoSlot));
        assert_eq!(remove(bytes), Err(ContainerError::NoSlot));
    }
    let mut narrow = build(&Shape::default());
    narrow[4] = 1; // 32 bits
    assert_eq!(detect(&narrow), Ok(None));
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(detect(&own), Ok(None), "this test program has no slot");
}

#[test]
fn ours_but_broken_is_an_error() {
    let stub = build(&Shape::default());
    let magic = stub
        .windows(8)
        .position(|window| window == b"OXIDESC1")
        .unwrap();
    let mut broken = stub.clone();
    broken[magic] = b'?';
    assert!(
        matches!(detect(&broken), Err(ContainerError::Descriptor { offset, .. }) if offset == magic as u64)
    );

    let mut app = inject(&stub, 4).unwrap().assemble(b"blob");
    app[magic + 24] ^= 1; // now the descriptor names a range behind the segment's start
    assert!(matches!(verify(&app), Err(ContainerError::Image(_))));
    let mut app = inject(&stub, 4).unwrap().assemble(b"blob");
    app[magic + 31] = 0x7f;
    assert!(matches!(
        detect(&app),
        Err(ContainerError::Image(ImageError::Malformed {
            structure: "descriptor",
            ..
        }))
    ));
    for end in 0..app.len() {
        let _ = (
            detect(&app[..end]),
            inject(&app[..end], 9),
            remove(&app[..end]),
            verify(&app[..end]),
        );
    }
}

#[test]
fn an_empty_slot_and_a_missing_part_have_their_own_answers() {
    let stub = build(&Shape::default());
    assert_eq!(remove(&stub), Err(ContainerError::Empty));
    assert_eq!(verify(&stub), Err(ContainerError::Empty));
    assert_eq!(detect(&stub).unwrap().unwrap().blob, None);
    assert!(matches!(inject(&stub, 0), Err(ContainerError::TooLarge(_))));
    assert!(matches!(
        inject(&stub, u64::MAX - 9),
        Err(ContainerError::TooLarge(_))
    ));
    assert!(matches!(
        inject(&stub, i64::MAX as u64),
        Err(ContainerError::TooLarge(_))
    ));

    let mut no_section = stub.clone();
    let name = stub
        .windows(9)
        .position(|window| window == b".oxi.blob")
        .unwrap();
    no_section[name + 1] = b'x';
    assert!(matches!(
        inject(&no_section, 1),
        Err(ContainerError::Incomplete { .. })
    ));
    let mut no_spare = stub.clone();
    let spare = stub
        .windows(4)
        .rposition(|window| window == b"OXI\0")
        .unwrap();
    no_spare[spare] = b'x';
    assert!(matches!(
        inject(&no_spare, 1),
        Err(ContainerError::Incomplete { .. })
    ));
}

#[test]
fn a_spare_header_that_holds_the_descriptor_too_is_refused() {
    let mut stub = build(&Shape::default());
    let size_of_notes = 64 + 3 * 56 + 32;
    // The spare note comes right behind: now both lie in one program header.
    stub[size_of_notes] += 32;
    assert!(matches!(
        inject(&stub, 10),
        Err(ContainerError::Image(ImageError::Malformed {
            structure: "program header",
            ..
        }))
    ));
}

/// Program headers that all name the same megabytes of notes.
#[test]
fn notes_are_searched_within_a_bound() {
    let mut stub = build(&Shape::default());
    let start = stub.len().next_multiple_of(8);
    stub.resize(start + (20 << 20), 0);
    let count = 60_000_usize;
    let table = stub.len();
    for _ in 0..count {
        let mut header = [0; 56];
        header[0] = 4; // PT_NOTE
        header[8..16].copy_from_slice(&(start as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(20_u64 << 20).to_le_bytes());
        header[48] = 4;
        stub.extend_from_slice(&header);
    }
    stub[32..40].copy_from_slice(&(table as u64).to_le_bytes());
    stub[56..58].copy_from_slice(&(count as u16).to_le_bytes());
    // 100 billion notes of 12 bytes; in a debug build they took the better part of an hour.
    assert_eq!(detect(&stub), Ok(None));
}

#[test]
fn a_blob_of_five_gigabytes_is_only_a_number() {
    let stub = build(&Shape::default());
    let plan = inject(&stub, 5 << 30).unwrap();
    assert!(plan.total_len() > 5 << 30);
    let held: u64 = plan
        .pieces()
        .iter()
        .map(|piece| {
            if let super::super::Piece::Bytes(b) = piece {
                b.len() as u64
            } else {
                0
            }
        })
        .sum();
    assert!(held < 1 << 20);
}

#[test]
fn a_file_changed_after_injection_is_still_read_but_not_restored() {
    let stub = build(&Shape::default());
    let mut app = inject(&stub, 4).unwrap().assemble(b"blob");
    app[stub.len() - 1] ^= 0xff;
    assert!(verify(&app).unwrap().altered);
    assert_eq!(remove(&app), Err(ContainerError::Altered));
    assert_eq!(inject(&app, 1), Err(ContainerError::Altered));
    assert!(detect(&app).unwrap().unwrap().blob.is_some());
}

/// What is zero when a program starts is not in the file: the blob follows the stub.
#[test]
fn a_large_bss_takes_no_room_in_the_file() {
    let shape = |bss| Shape {
        bss,
        ..Shape::default()
    };
    let length = |bss| {
        let plan = inject(&build(&shape(bss)), 1000);
        plan.unwrap().total_len()
    };
    assert_eq!(length(0), length(64 << 20));
}

/// What the system reads is damage; the rest is another tool's work.
#[test]
fn no_flipped_bit_of_the_headers_passes() {
    for sections in [true, false] {
        let stub = build(&Shape {
            sections,
            ..Shape::default()
        });
        let app = inject(&stub, 100).unwrap().assemble(&[7; 100]);
        let image = Image::parse(&app).unwrap().unwrap();
        let end = image.headers_len() as usize;
        // For tools: padding, the version of the header and its size, sections; physical addresses,
        // and all of notes and of the stack's size but rights, address and memory.
        let mut for_tools = vec![12..16, 20..24, 40..48, 52..54, 58..64];
        for (index, program) in image.programs.iter().enumerate() {
            let at = image.program_offset(index);
            for_tools.push(at + 24..at + 32);
            match program.p_type.get(Le) {
                elf::PT_NOTE => for_tools.push(at + 4..at + 56),
                elf::PT_GNU_STACK => {
                    for_tools.extend(
                        [8..16, 32..40, 48..56].map(|range| at + range.start..at + range.end),
                    );
                }
                _ => {}
            }
        }
        let mut passed = Vec::new();
        for bit in 0..end * 8 {
            let mut other = app.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let is_for_tools = for_tools.iter().any(|range| range.contains(&(bit / 8)));
            if let Ok(verified) = verify(&other)
                && !(verified.altered && is_for_tools)
            {
                passed.push(format!("{:#x}.{} {}", bit / 8, bit % 8, verified.altered));
            }
        }
        assert_eq!(passed, Vec::<String>::new(), "{sections}");
    }
}
