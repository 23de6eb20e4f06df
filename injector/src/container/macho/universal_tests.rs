//! Slots in universal files.

use super::synthetic::{Shape, build};
use super::{inject, remove};
use crate::container::{self, InjectOptions};
use crate::image::macho::fat::{MAGIC, assemble, parts};

fn stubs() -> [Vec<u8>; 2] {
    [false, true].map(|arm| {
        build(&Shape {
            arm,
            ..Shape::default()
        })
    })
}

#[test]
fn both_programs_are_found_verified_and_given_back() {
    let stubs = stubs();
    let blobs = [vec![1; 40_000], vec![2; 50_001]];
    let apps: Vec<_> = stubs
        .iter()
        .zip(&blobs)
        .map(|(stub, blob)| {
            let plan = inject(stub, blob.len() as u64, &InjectOptions::default()).unwrap();
            plan.assemble(blob)
        })
        .collect();
    let both = assemble(&[&apps[0], &apps[1]]).unwrap();
    assert_eq!(
        container::target(&both),
        Some(oxidize_format::Target::UNIVERSAL2_MACOS)
    );
    let slots = container::slots(&both).unwrap();
    for (slot, blob) in slots.iter().zip(&blobs) {
        let range = slot.blob.clone().unwrap();
        assert_eq!(&both[range.start as usize..range.end as usize], blob);
    }
    assert_eq!(slots.len(), 2);
    assert!(!container::verify(&both).unwrap().altered);
    let bare = container::remove(&both).unwrap();
    assert_eq!(bare, assemble(&[&stubs[0], &stubs[1]]).unwrap());
    for (part, stub) in parts(&bare).unwrap().unwrap().into_iter().zip(&stubs) {
        assert_eq!(bare[part], stub[..]);
    }
    assert_eq!(remove(&apps[0]).unwrap(), stubs[0]);
    // So is what is no program's: the header, what fills up, what was appended.
    let all = parts(&both).unwrap().unwrap();
    let gaps = (0..all[0].start).chain(all[0].end..all[1].start);
    for at in gaps {
        let mut changed = both.clone();
        changed[at] ^= 1;
        let verified = container::verify(&changed);
        assert!(verified.is_err() || verified.unwrap().altered, "{at}");
    }
    let longer = [&both[..], b"more"].concat();
    assert!(container::verify(&longer).unwrap().altered);
    // A changed page in either program is noticed.
    for part in parts(&both).unwrap().unwrap() {
        let mut broken = both.clone();
        broken[part.start + 0x4100] ^= 1;
        assert!(container::verify(&broken).is_err());
    }
}

#[test]
fn no_cut_panics_and_nothing_overlaps() {
    let stubs = stubs();
    let both = assemble(&[&stubs[0], &stubs[1]]).unwrap();
    for end in (0..both.len()).step_by(37).chain(0..100) {
        let _ = (
            container::detect(&both[..end]),
            container::verify(&both[..end]),
        );
    }
    let mut overlapping = both.clone();
    overlapping.copy_within(8..28, 28);
    assert!(parts(&overlapping).is_err());
    let class = [&MAGIC[..], &[0, 0, 0, 65], &[0; 100]].concat();
    assert_eq!(parts(&class), Ok(None));
}
