//! Signatures.

pub mod macho;
