//! Bytecode.
pub mod marshal;
