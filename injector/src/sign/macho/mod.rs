//! Signatures of Mach-O files.

pub mod adhoc;
pub mod codesign;
pub mod entitlements;
mod read;
mod requirements;

pub use read::{Check, check, code_hash, flags, identifier, signed_parts, team};
