//! Claim: whatever the bytes, looking for a slot or a signature, reading, verifying, removing and
//! signing ad hoc do not panic; wherever injection succeeds, the blob comes out again, the bare
//! stub comes back bit for bit, and injecting twice is injecting once; and wherever signing
//! succeeds, the signature is found and its hashes are right.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::container::macho::synthetic::{Shape, build};
use oxidize_inject::internal::container::{detect, extract, inject, remove, slots, target, verify};
use oxidize_inject::internal::image::macho::fat;
use oxidize_inject::internal::progress::Silent;
use oxidize_inject::internal::sign::SignOptions;
use oxidize_inject::internal::sign::{self, state};

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Any bytes at all.
    Raw(&'a [u8]),
    /// Something close to a stub, or to a universal file of two: its shape, and single bytes
    /// changed.
    Stub {
        arm: bool,
        code: u16,
        placeholder: u16,
        pages: u8,
        strings: u16,
        chained: bool,
        linker_signed: bool,
        injected: u8,
        twice: bool,
        edits: Vec<(u16, u8)>,
    },
}

/// Far above every file that the fuzzer builds, far below what would only test the allocator.
const LARGEST: u64 = 64 << 20;

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Raw(bytes) => check(bytes),
        Input::Stub {
            arm,
            code,
            placeholder,
            pages,
            strings,
            chained,
            linker_signed,
            injected,
            twice,
            edits,
        } => {
            let shape = Shape {
                arm,
                code: usize::from(code % 4096),
                placeholder: placeholder % 0x1000,
                pages: 1 + pages % 3,
                strings: strings % 4096,
                chained,
                linker_signed,
            };
            let mut image = build(&shape);
            if injected > 0 {
                image = inject(&image, injected.into())
                    .unwrap()
                    .assemble(&vec![7; injected.into()]);
            }
            if twice {
                image = fat::assemble(&[&image, &image]).unwrap();
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
    let _ = (
        extract(image),
        verify(image),
        remove(image),
        target(image),
        slots(image),
        state::of(image),
    );
    if let Ok(signed) = sign::sign_file(image, None, &SignOptions::default(), &Silent) {
        let state = state::of(&signed).expect("it was just signed");
        assert_eq!(state.word(), "ad hoc");
    }
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
