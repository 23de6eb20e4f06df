//! For tests that need what not every machine has.

#![allow(unreachable_pub)] // a part of several tests

use std::io::Write;

/// Says that `what` was not tested, and why; fails where `OXIDIZE_FORBID_SKIPS` is set.
///
/// Written around the test harness, which shows what a passing test prints to nobody.
pub fn skip(what: &str, reason: &str) {
    assert!(
        std::env::var_os("OXIDIZE_FORBID_SKIPS").is_none(),
        "{what} must not be skipped: {reason}"
    );
    let reason = reason.lines().next().unwrap_or("unknown reason");
    // In one piece: tests run side by side.
    let line = format!("skipped {what}: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
