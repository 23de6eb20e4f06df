//! The unsafe room: everything that touches CPython's C API or libc.
//!
//! The rest of the crate is safe Rust on top of [`Gil`] and [`Object`]. One file for each concern; the declarations
//! come from `pyo3-ffi`, which mirrors CPython's headers.
#![allow(unsafe_code)]

mod call;
pub(crate) mod config;
#[cfg(target_os = "linux")]
pub(crate) mod dynamic;
mod fileobject;
pub(crate) mod lifecycle;
pub(crate) mod module;
mod object;
pub(crate) mod trust;
pub(crate) mod types;

pub(crate) use call::Call;
pub(crate) use object::{Exception, Gil, Object, Raised, Result};
