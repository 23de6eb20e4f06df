//! The unsafe room: everything that touches CPython's C API or libc.
//!
//! It knows nothing of what stands on it: the functions that Python calls are handed down by
//! [`crate::start()`].
//!
//! The rest of the crate is safe Rust on top of [`Gil`] and [`Object`]. One file for each concern;
//! the declarations come from `pyo3-ffi`, which mirrors CPython's headers. What differs between
//! systems is in the twin folders `posix` and `windows`.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
pub(crate) mod arenas;
#[cfg(target_env = "musl")]
pub(crate) mod blocks;
#[cfg(any(windows, target_os = "macos", feature = "private-files"))]
pub(crate) mod cache;
mod call;
pub(crate) mod collector;
pub(crate) mod config;
mod fileobject;
#[cfg(target_env = "musl")]
pub(crate) mod generators;
pub(crate) mod heap;
pub(crate) mod lifecycle;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
pub(crate) mod module;
mod object;
#[cfg(unix)]
mod posix;
#[cfg(target_env = "musl")]
pub(crate) mod snapshot;
pub(crate) mod text_stream;
pub(crate) mod types;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use posix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use call::{Call, Method};
pub(crate) use object::{Exception, Gil, Object, Raised, Result};
pub(crate) use system::ancestry::{ancestors, parent_id};
#[cfg(not(target_os = "linux"))]
pub(crate) use system::dynamic;
pub use system::process::arguments;
pub(crate) use system::text::Text;
#[cfg(unix)]
pub(crate) use system::token;
pub(crate) use system::trust;
