//! Signatures of Mach-O files.

pub mod codesign;
pub mod entitlements;
pub mod kept;
mod options;
pub(crate) mod requirements;
pub mod validation;
