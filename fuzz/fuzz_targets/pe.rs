//! Claim: whatever the bytes, looking for a slot or a signature, reading, verifying and removing do
//! not panic; and wherever injection succeeds, the blob comes out again, the bare stub comes back
//! bit for bit, and injecting twice is injecting once.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::container::pe::synthetic::{Shape, build};
use oxidize_inject::internal::container::{
    InjectOptions, detect, extract, inject_with, remove, target, verify,
};
use oxidize_inject::internal::image::pe::resources::Resource;
use oxidize_inject::internal::sign::state;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Any bytes at all.
    Raw(&'a [u8]),
    /// Any bytes as an icon file.
    Icon(&'a [u8]),
    /// Something close to a stub: its shape, and single bytes changed; and something that is meant
    /// to be a signature.
    Stub {
        code: u16,
        bss: u32,
        free_headers: u8,
        tail: u8,
        checksum: bool,
        gui: bool,
        injected: u8,
        signature: &'a [u8],
        edits: Vec<(u16, u8)>,
    },
}

/// Far above every file that the fuzzer builds, far below what would only test the allocator.
const LARGEST: u64 = 64 << 20;

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Raw(bytes) => check(bytes, &InjectOptions::default()),
        Input::Icon(bytes) => drop(Resource::icon(bytes)),
        Input::Stub {
            code,
            bss,
            free_headers,
            tail,
            checksum,
            gui,
            injected,
            signature,
            edits,
        } => {
            let shape = Shape {
                code: usize::from(code % 4096),
                bss: bss % (1 << 20),
                free_headers: usize::from(free_headers % 3),
                tail: usize::from(tail),
                checksum,
                ..Shape::default()
            };
            let options = InjectOptions {
                gui,
                ..InjectOptions::default()
            };
            let mut image = build(&shape);
            if injected > 0
                && let Ok(plan) = inject_with(&image, injected.into(), &options)
            {
                image = plan.assemble(&vec![7; injected.into()]);
            }
            if !signature.is_empty() {
                sign(&mut image, signature);
            }
            for (at, value) in edits.into_iter().take(16) {
                let at = usize::from(at) % image.len();
                image[at] = value;
            }
            check(&image, &options);
        }
    }
});

/// Appends a certificate table with these bytes in it.
fn sign(image: &mut Vec<u8>, signature: &[u8]) {
    let header = u32::from_le_bytes(image[60..64].try_into().unwrap()) as usize;
    let directory = header + 24 + 112 + 32;
    image.resize(image.len().next_multiple_of(8), 0);
    let start = image.len() as u32;
    let len = (8 + signature.len() as u32).next_multiple_of(8);
    image.extend_from_slice(&len.to_le_bytes());
    image.extend_from_slice(&[0, 2, 2, 0]);
    image.extend_from_slice(signature);
    image.resize((start + len) as usize, 0);
    image[directory..directory + 4].copy_from_slice(&start.to_le_bytes());
    image[directory + 4..directory + 8].copy_from_slice(&len.to_le_bytes());
}

fn check(image: &[u8], options: &InjectOptions) {
    let before = detect(image);
    let _ = (
        extract(image),
        verify(image),
        remove(image),
        target(image),
        state::of(image),
    );
    let blob = b"any blob";
    let Ok(plan) = inject_with(image, blob.len() as u64, options) else {
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
    // A signature on the input is cut off first, and zeros in its place stay.
    let bare = before
        .expect("injection looked first")
        .is_some_and(|slot| slot.blob.is_none());
    if bare && matches!(state::of(image), Ok(state::State::None)) {
        assert_eq!(stub, image);
    }
    let again =
        inject_with(&app, blob.len() as u64, options).expect("a filled slot can be filled anew");
    assert_eq!(again.assemble(blob), app);
}
