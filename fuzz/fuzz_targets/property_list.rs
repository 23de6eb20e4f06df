//! Property lists: no panic, no stack or memory out of proportion, whatever the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oxidize_inject::internal::reads_property_list;

fuzz_target!(|bytes: &[u8]| {
    let _ = reads_property_list(bytes);
});
