use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::super::{ContainerError, InjectOptions, Piece};
use super::synthetic::{Shape, build};
use super::*;
use crate::image::ImageError;
use crate::image::macho::adhoc::{ADHOC, Signature};

fn inject(image: &[u8], blob_len: u64) -> Result<super::super::Plan, ContainerError> {
    super::inject(image, blob_len, &InjectOptions::default())
}

fn shapes() -> impl Strategy<Value = Shape> {
    let code = prop_oneof![Just(0usize), 1..5000usize, 0x2f00..0x3100usize];
    let placeholder = prop_oneof![Just(0u16), 1..100u16, Just(0x1000)];
    (
        (any::<bool>(), any::<bool>(), any::<bool>()),
        code,
        placeholder,
        1..3u8,
        0..6000u16,
    )
        .prop_map(
            |((arm, chained, linker_signed), code, placeholder, pages, strings)| Shape {
                arm,
                code,
                placeholder,
                pages,
                strings,
                chained,
                linker_signed,
            },
        )
}

/// What the signature says, read once more and by other means than those that wrote it.
fn check_signature(file: &[u8], identifier: &str) {
    let little = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let big = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut start, mut end) = (32, 0, 0);
    for _ in 0..little(16) {
        if little(at) == 0x1d {
            (start, end) = (little(at + 8), little(at + 8) + little(at + 12));
        }
        at += little(at + 4);
    }
    assert_eq!(end, file.len(), "the file ends with the signature");
    assert_eq!((big(start), big(start + 4)), (0xfade_0cc0, end - start));
    let slots: Vec<_> = (0..big(start + 8))
        .map(|i| (big(start + 12 + 8 * i), start + big(start + 16 + 8 * i)))
        .collect();
    let [(0, directory), (2, requirements), (0x1_0000, cms)] = slots[..] else {
        panic!("{slots:x?}");
    };
    assert_eq!(requirements, directory + big(directory + 4));
    let empty_set = &file[requirements..cms];
    assert_eq!(empty_set, b"\xfa\xde\x0c\x01\0\0\0\x0c\0\0\0\0");
    assert_eq!(file[cms..], *b"\xfa\xde\x0b\x01\0\0\0\x08");
    let fields: Vec<_> = (0..8).map(|i| big(directory + 8 + 4 * i)).collect();
    let [version, flags, hashes, name, special, pages, limit, kinds] = fields[..] else {
        unreachable!();
    };
    assert_eq!((version, flags, special), (0x2_0400, 2, 2));
    assert_eq!((limit, kinds), (start, 0x2002_000c));
    let name = &file[directory + name..directory + hashes - 64];
    assert_eq!(name, [identifier.as_bytes(), b"\0"].concat());
    let hash = |index: isize| {
        let at = (directory + hashes).strict_add_signed(32 * index);
        &file[at..at + 32]
    };
    assert_eq!(hash(-1), [0; 32]);
    assert_eq!(hash(-2), &Sha256::digest(empty_set)[..]);
    let mut covered = 0;
    for page in 0..pages {
        let end = limit.min(4096 * (page + 1));
        assert_eq!(
            hash(page as isize),
            &Sha256::digest(&file[covered..end])[..]
        );
        covered = end;
    }
    assert_eq!(covered, limit, "every byte before the signature is hashed");
    assert_eq!(directory + hashes + 32 * pages, requirements);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_goes_in_comes_out_and_the_stub_comes_back(shape in shapes(), blob in proptest::collection::vec(any::<u8>(), 1..40_000)) {
        let stub = build(&shape);
        let plan = inject(&stub, blob.len() as u64).unwrap();
        let app = plan.assemble(&blob);
        prop_assert_eq!(app.len() as u64, plan.total_len());
        let slot = detect(&app).unwrap().unwrap();
        let range = slot.blob.unwrap();
        prop_assert_eq!(range.start % 0x1000, 0);
        prop_assert_eq!(range.start, plan.blob_offset());
        prop_assert_eq!(&app[range.start as usize..range.end as usize], &blob[..]);
        prop_assert!(!verify(&app).unwrap().altered);
        check_signature(&app, "stub");
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
    fn changed_bytes_never_panic_and_what_goes_in_comes_out(
        edits in proptest::collection::vec((any::<usize>(), any::<u8>(), any::<bool>()), 1..5),
        injected in any::<bool>(),
    ) {
        let mut image = build(&Shape::default());
        if injected {
            image = inject(&image, 100).unwrap().assemble(&[5; 100]);
        }
        for (at, value, header) in edits {
            let at = at % if header { 0x600 } else { image.len() };
            image[at] = value;
        }
        let _ = (verify(&image), remove(&image), target(&image));
        let before = detect(&image);
        if let Ok(plan) = inject(&image, 10)
            && plan.total_len() < 1 << 24
        {
            let app = plan.assemble(&[1; 10]);
            let range = detect(&app).unwrap().unwrap().blob.unwrap();
            prop_assert_eq!(&app[range.start as usize..range.end as usize], &[1; 10]);
            let stub = remove(&app).unwrap();
            if before.unwrap().unwrap().blob.is_none() {
                prop_assert_eq!(stub, image);
            }
            prop_assert_eq!(inject(&app, 10).unwrap().assemble(&[1; 10]), app);
        }
    }
}

/// Offset of a load command in a synthetic file.
fn command(image: &[u8], kind: u32) -> usize {
    let image = Image::parse(image).unwrap().unwrap();
    let found = image.commands.iter().find(|command| command.kind == kind);
    found.unwrap().at
}

fn word(image: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(image[at..at + 4].try_into().unwrap())
}

#[test]
fn every_offset_still_leads_to_the_same_bytes() {
    for chained in [true, false] {
        let stub = build(&Shape {
            chained,
            ..Shape::default()
        });
        let app = inject(&stub, 100_000).unwrap().assemble(&[9; 100_000]);
        let mut places = vec![(0x2, 8), (0x2, 16), (0x26, 8)];
        if chained {
            places.extend([(0x8000_0033, 8), (0x8000_0034, 8)]);
        } else {
            places.extend([(0x8000_0022, 8), (0x8000_0022, 16), (0x8000_0022, 40)]);
        }
        for (kind, field) in places {
            let at = command(&stub, kind) + field;
            let (before, after) = (word(&stub, at) as usize, word(&app, at) as usize);
            assert_ne!(before, after, "{kind:#x}");
            assert_eq!(stub[before..before + 8], app[after..after + 8], "{kind:#x}");
        }
        if !chained {
            let none = command(&stub, 0x8000_0022) + 24;
            assert_eq!(word(&app, none), 0, "no offset is no offset");
        }
    }
}

#[test]
fn the_identifier_can_be_chosen() {
    let stub = build(&Shape::default());
    let options = InjectOptions {
        identifier: Some("größer".to_owned()),
        ..InjectOptions::default()
    };
    let app = super::inject(&stub, 4, &options).unwrap().assemble(b"blob");
    check_signature(&app, "größer");
    assert_eq!(remove(&app).unwrap(), stub);
    let again = inject(&app, 4).unwrap().assemble(b"blob");
    check_signature(&again, "stub");
}

#[test]
fn signing_again_does_not_matter() {
    let stub = build(&Shape::default());
    let mut app = inject(&stub, 4).unwrap().assemble(b"blob");
    // A longer signature, as one with an identity is.
    let end = app.len();
    app.extend_from_slice(&[0; 100]);
    let signature = command(&app, 0x1d);
    let size = word(&app, signature + 12) + 100;
    app[signature + 12..signature + 16].copy_from_slice(&size.to_le_bytes());
    let linkedit = Image::parse(&app).unwrap().unwrap();
    let linkedit = linkedit.segments.last().unwrap();
    let (at, size) = (linkedit.command + 48, linkedit.file_size + 100);
    app[at..at + 8].copy_from_slice(&size.to_le_bytes());
    assert_eq!(remove(&app).unwrap(), stub);
    // The load commands changed and the hashes did not.
    assert!(matches!(
        verify(&app),
        Err(ContainerError::Image(ImageError::Malformed {
            structure: "signed page",
            offset: 0,
            ..
        }))
    ));
    assert_eq!(&app[end..], &[0; 100]);
}

#[test]
fn a_flipped_byte_is_noticed_wherever_it_is() {
    let stub = build(&Shape::default());
    let app = inject(&stub, 5000).unwrap().assemble(&[7; 5000]);
    let signature = word(&app, command(&app, 0x1d) + 8) as usize;
    for at in (0..signature).step_by(1999) {
        let mut broken = app.clone();
        broken[at] ^= 0x40;
        assert!(
            verify(&broken).is_err() || at < 4,
            "the byte at {at:#x} was flipped and nobody noticed"
        );
    }
}

/// Whoever changes a header may sign the file again. What the system reads is damage; the rest is
/// another tool's work.
#[test]
fn no_flipped_bit_of_the_headers_passes() {
    for chained in [true, false] {
        let stub = build(&Shape {
            arm: false, // whose pages are smaller
            chained,
            ..Shape::default()
        });
        let app = inject(&stub, 100).unwrap().assemble(&[7; 100]);
        let signature = word(&app, command(&app, 0x1d) + 8);
        let text = Image::parse(&app).unwrap().unwrap();
        let text = text.find_segment(TEXT).unwrap();
        let seal = Signature {
            identifier: "stub".to_owned(),
            flags: ADHOC,
            code_limit: signature,
            executable: (text.offset, text.file_size),
        };
        let signed = |headers: &[u8]| {
            let mut other = headers.to_vec();
            other.extend_from_slice(&app[headers.len()..signature as usize]);
            let signature = seal.of(&other);
            other.extend_from_slice(&signature);
            other
        };
        assert_eq!(signed(&app[..0x1000]), app);
        let image = Image::parse(&app).unwrap().unwrap();
        let end = image.headers().len();
        // For tools: a reserved word; what stands in load commands that only they read; of a
        // section where the file has it and its relocations, which segments and fixups say for the
        // loader, and reserved words; where a segment without bytes begins.
        let mut for_tools: Vec<_> = std::iter::once(0x1c..0x20).collect();
        for found in &image.commands {
            if [0x2, 0xb, 0x1b, 0x26, 0x29, 0x8000_0033].contains(&found.kind) {
                for_tools.push(found.at + 8..found.at + found.size);
            }
            // Another of those; and the same without the order to understand it, which every loader
            // does; exports.
            if [0x26, 0x29].contains(&found.kind) {
                for_tools.push(found.at..found.at + 4);
            }
            if found.kind == 0x8000_0022 {
                for_tools.extend([found.at + 3..found.at + 4, found.at + 40..found.at + 48]);
            }
        }
        for segment in &image.segments {
            for section in (0..segment.sections.len()).map(|index| segment.section_at(index)) {
                for_tools.extend(
                    [48..52, 56..64, 68..80]
                        .map(|range| section + range.start..section + range.end),
                );
            }
            if segment.file_size == 0 {
                for_tools.push(segment.command + 40..segment.command + 48);
            }
        }
        let mut passed = Vec::new();
        for bit in 0..end * 8 {
            let mut headers = app[..end].to_vec();
            headers[bit / 8] ^= 1 << (bit % 8);
            let is_for_tools = for_tools.iter().any(|range| range.contains(&(bit / 8)));
            if let Ok(verified) = verify(&signed(&headers))
                && !(verified.altered && is_for_tools)
            {
                passed.push(format!("{:#x}.{} {}", bit / 8, bit % 8, verified.altered));
            }
        }
        assert_eq!(passed, Vec::<String>::new());
    }
}

#[test]
fn unknown_commands_and_incomplete_slots_are_refused() {
    let stub = build(&Shape::default());
    let mut unknown = stub.clone();
    let uuid = command(&stub, 0x1b);
    unknown[uuid] = 0x31; // a note: it holds a file offset
    assert_eq!(
        inject(&unknown, 1),
        Err(ContainerError::UnknownCommand {
            command: 0x31,
            offset: uuid as u64
        })
    );

    let mut unsigned = stub.clone();
    unsigned[command(&stub, 0x1d)] = 0x2a;
    let Err(ContainerError::Incomplete { missing }) = inject(&unsigned, 1) else {
        panic!("it is not signed");
    };
    assert!(missing.contains("-adhoc_codesign"));

    let name = |name: &[u8]| {
        let at = stub.windows(name.len()).position(|window| window == name);
        at.unwrap()
    };
    let mut no_segment = stub.clone();
    no_segment[name(b"__OXI\0")] = b'x';
    assert!(matches!(
        inject(&no_segment, 1),
        Err(ContainerError::Incomplete { .. })
    ));
    let mut trailing = stub.clone();
    trailing.push(0);
    assert!(matches!(
        inject(&trailing, 1),
        Err(ContainerError::Image(_))
    ));

    assert_eq!(remove(&stub), Err(ContainerError::Empty));
    assert_eq!(verify(&stub), Err(ContainerError::Empty));
    for len in [0, 1 << 31, u64::MAX - 9] {
        assert!(matches!(
            inject(&stub, len),
            Err(ContainerError::TooLarge(_))
        ));
    }
}

#[test]
fn a_segment_that_reaches_into_the_slot_is_refused() {
    let mut stub = build(&Shape::default());
    let data = Image::parse(&stub)
        .unwrap()
        .unwrap()
        .find_segment(b"__DATA")
        .unwrap()
        .command;
    stub[data + 33] = 0x80; // its size in memory: two pages instead of one
    assert!(matches!(
        inject(&stub, 1),
        Err(ContainerError::Image(ImageError::Malformed {
            structure: "segment command",
            ..
        }))
    ));
}

#[test]
fn other_files_are_not_ours() {
    let no_slot = {
        let mut image = build(&Shape::default());
        let at = image
            .windows(9)
            .position(|name| name == b"__oxidesc")
            .unwrap();
        image[at] = b'x';
        image
    };
    let library = {
        let mut image = build(&Shape::default());
        image[12] = 6;
        image
    };
    for bytes in [
        &b""[..],
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        &no_slot,
        &library,
    ] {
        assert_eq!(detect(bytes), Ok(None));
        assert_eq!(inject(bytes, 1), Err(ContainerError::NoSlot));
        assert_eq!(remove(bytes), Err(ContainerError::NoSlot));
    }
}

#[test]
fn no_cut_panics() {
    let app = inject(&build(&Shape::default()), 4)
        .unwrap()
        .assemble(b"blob");
    let ends = (0..0x800).chain((0x800..app.len()).step_by(61));
    for end in ends {
        let image = &app[..end];
        let _ = (
            detect(image),
            inject(image, 9),
            remove(image),
            verify(image),
        );
    }
}

#[test]
fn a_gigabyte_is_only_a_number() {
    let plan = inject(&build(&Shape::default()), 1 << 30).unwrap();
    assert!(plan.total_len() > 1 << 30);
    let held = plan.pieces().iter().map(|piece| match piece {
        Piece::Bytes(bytes) => bytes.len(),
        _ => 0,
    });
    assert!(held.sum::<usize>() < 1 << 20);
}
