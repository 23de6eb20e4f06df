//! Turns a Python application into one executable by writing its resources into a prebuilt stub.

pub mod cache;
pub mod cli;
pub mod collect;
pub mod compile;
pub mod container;
pub mod entry;
pub mod http;
pub mod image;
pub mod interpreter;
pub mod mmap;
#[cfg(feature = "notarize")]
pub mod notary;
pub mod output;
pub mod pack;
pub mod package;
pub mod progress;
pub mod python;
pub mod require;
pub mod sign;
pub mod stubs;
pub mod windows;

pub use oxidize_format::Target;
