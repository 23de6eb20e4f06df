//! Claim: whatever the bytes of a shared object, asking whether it has a name of its own does not
//! panic, and the answer for one that we wrote is right.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use oxidize_stub::group::{has_soname, object};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    raw: &'a [u8],
    named: bool,
    edits: Vec<(u16, u8)>,
}

fuzz_target!(|input: Input<'_>| {
    let _ = has_soname(input.raw);
    let mut bytes = object(input.named.then_some("libx.so"), &["libc.so.6"]);
    assert_eq!(has_soname(&bytes), input.named);
    for (at, value) in input.edits {
        let at = usize::from(at) % bytes.len();
        bytes[at] = value;
    }
    let _ = has_soname(&bytes);
});
