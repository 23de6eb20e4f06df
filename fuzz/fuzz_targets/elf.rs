//! Claim: whatever the bytes, looking for a slot, reading, verifying and removing do not panic and
//! look at no more than a megabyte of notes (a time that libFuzzer's limit watches); and wherever
//! injection succeeds, the blob comes out again, the bare stub comes back bit for bit, and
//! injecting twice is injecting once.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::container::elf::synthetic::{Shape, build};
use oxidize_inject::internal::container::{detect, extract, inject, remove, target, verify};

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Any bytes at all.
    Raw(&'a [u8]),
    /// Something close to a stub: its shape, and single bytes changed.
    Stub {
        code: u16,
        bss: u32,
        sections: bool,
        tail: u8,
        other_note: bool,
        injected: u8,
        edits: Vec<(u16, u8)>,
    },
}

/// Far above every file that the fuzzer builds, far below what would only test the allocator.
const LARGEST: u64 = 64 << 20;

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Raw(bytes) => check(bytes),
        Input::Stub {
            code,
            bss,
            sections,
            tail,
            other_note,
            injected,
            edits,
        } => {
            let shape = Shape {
                base: 0x20_0000,
                code: usize::from(code % 4096),
                bss: u64::from(bss % (1 << 20)),
                sections,
                tail: usize::from(tail),
                other_note,
                python: (0, 0),
            };
            let mut image = build(&shape);
            if injected > 0 {
                image = inject(&image, injected.into())
                    .unwrap()
                    .assemble(&vec![7; injected.into()]);
            }
            for (at, value) in edits.into_iter().take(16) {
                let at = usize::from(at) % image.len();
                image[at] = value;
            }
            check(&image);
        }
    }
});

fn check(image: &[u8]) {
    let before = detect(image);
    let _ = (extract(image), verify(image), remove(image), target(image));
    let blob = b"any blob";
    let Ok(plan) = inject(image, blob.len() as u64) else {
        return;
    };
    if plan.total_len() > LARGEST {
        return;
    }
    let app = plan.assemble(blob);
    let range = extract(&app)
        .expect("it was injected")
        .expect("so the slot is full");
    assert_eq!(&app[range.start as usize..range.end as usize], blob);
    let stub = remove(&app).expect("nothing touched it since");
    if before
        .expect("injection looked first")
        .is_some_and(|slot| slot.blob.is_none())
    {
        assert_eq!(stub, image);
    }
    let again = inject(&app, blob.len() as u64).expect("a filled slot can be filled anew");
    assert_eq!(again.assemble(blob), app);
}
