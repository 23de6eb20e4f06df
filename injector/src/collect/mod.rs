//! From a directory to a sorted list of resources: files, modules, distributions.
//!
//! [`walk`] finds the files and refuses what cannot be packaged, [`modules`] says which of them the
//! import system would see, [`metadata`] reads what distributions say about themselves, [`native`]
//! and [`dylib`] look into shared objects, [`stdlib`] gives the standard library that belongs to a
//! stub. Nothing is written here, and the same tree gives the same list everywhere.

pub mod dylib;
mod error;
pub mod metadata;
pub mod modules;
pub mod native;
mod secrets;
mod stamp;
pub mod stdlib;
pub mod walk;

pub use error::CollectError;
pub use metadata::{ConsoleScript, Distribution};
pub use modules::{Module, ModuleKind};
pub use stamp::Stamp;
pub use walk::{File, LeftOut, Reason, Tree, WalkOptions};
