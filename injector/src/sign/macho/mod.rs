//! Signatures of Mach-O files.

pub mod adhoc;
mod read;

pub use read::{Check, check, identifier};
