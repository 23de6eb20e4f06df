//! Signatures of Mach-O files.

pub mod codesign;
pub mod entitlements;
pub(crate) mod requirements;
