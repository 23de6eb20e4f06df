//! Claim: whatever the path and whatever the tree, resolving does not panic and does not allocate;
//! a file that a listing shows is found under its path however the path is dressed up.

#![no_main]

#[path = "capped.rs"]
mod capped;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_format::{Blob, Place, is_virtual};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    blob: &'a [u8],
    path: &'a [u8],
    from: u32,
}

fuzz_target!(|input: Input<'_>| {
    let Ok(blob) = Blob::open(input.blob) else {
        let _ = is_virtual(input.path);
        return;
    };
    capped::limit(1 << 16);
    let tree = blob.tree();
    let _ = is_virtual(input.path);
    let place = tree.resolve(input.path);
    if let Ok(Place::Outside(at)) = place {
        assert!(at <= input.path.len());
    }
    if let Ok(node) = tree.get(input.from) {
        let _ = tree.resolve_from(node, input.path);
    }
    capped::limit(usize::MAX);
});
