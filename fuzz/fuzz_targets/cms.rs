//! Claim: whatever the bytes of a CMS signature or a time-stamp token, in DER or BER, judging it
//! does not panic, and nobody signs by chance.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::sign::state;

fuzz_target!(|input: (&[u8], &[u8])| {
    assert!(!state::judge(input.0, input.1));
});
