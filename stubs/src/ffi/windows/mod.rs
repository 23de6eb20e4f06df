//! What differs between systems, for Windows. `posix` is its twin: the same files with the same
//! functions.

pub(crate) mod ancestry;
pub(crate) mod dynamic;
pub(in crate::ffi) mod process;
pub(in crate::ffi) mod text;
pub(crate) mod trust;
