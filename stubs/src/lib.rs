//! What a packaged application is at run time.
//!
//! [`start()`] finds the blob in our own image, fills CPython's configuration from it, starts
//! CPython with our importer installed, runs the entry point and ends. Nothing on disk is read on
//! the way.
//!
//! The program itself (`main.rs`) only calls it. Without the feature `python` this crate is its
//! pure parts alone, which need no CPython to link: what the fuzz targets use.

#![warn(clippy::missing_errors_doc)]

pub mod choice;
pub mod environment;
pub mod group;
pub mod identity;
pub mod paths;

#[cfg(feature = "python")]
mod builtins;
#[cfg(feature = "python")]
mod children;
#[cfg(feature = "python")]
mod configure;
#[cfg(feature = "python")]
mod entry;
#[cfg(feature = "python")]
mod exit;
#[cfg(feature = "python")]
mod ffi;
#[cfg(feature = "python")]
mod files;
#[cfg(all(feature = "python", target_env = "musl"))]
mod heap;
#[cfg(feature = "python")]
mod image;
#[cfg(feature = "python")]
mod importer;
#[cfg(feature = "python")]
mod own;
#[cfg(all(feature = "python", target_env = "musl"))]
mod snapshot;
#[cfg(feature = "python")]
mod start;

#[cfg(feature = "python")]
pub use ffi::arguments;
#[cfg(all(feature = "python", target_env = "musl"))]
pub use snapshot::settle;
#[cfg(feature = "python")]
pub use start::start;
