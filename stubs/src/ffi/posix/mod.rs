//! What differs between systems, for POSIX. `windows` is its twin: the same files with the same
//! functions.

#[cfg(not(target_os = "macos"))]
pub(crate) mod ancestry;
#[cfg(target_os = "macos")]
#[path = "ancestry_macos.rs"]
pub(crate) mod ancestry;
#[cfg(target_os = "macos")]
#[path = "dynamic_macos.rs"]
pub(crate) mod dynamic;
pub(in crate::ffi) mod process;
pub(in crate::ffi) mod text;
pub(crate) mod token;
pub(crate) mod trust;
