//! The packed-resources blob: layout, zero-copy reader, writer.
//!
//! A blob holds everything a packaged Python application needs: run configuration, modules,
//! a directory tree of files, extension modules and shared libraries, distribution metadata,
//! an optional snapshot. `docs/format.md` specifies it byte by byte.
//!
//! [`Blob::open`] reads in place: no parsing, no allocation before the first lookup, and never
//! a panic, whatever the bytes. [`Writer`] collects entries and fixes a [`Layout`], whose
//! pieces the caller streams. This crate does no I/O and knows no Python.

mod blob;
mod bytes;
pub mod config;
mod data;
pub mod descriptor;
pub mod digest;
mod distributions;
mod dump;
mod error;
mod frame;
mod header;
mod modules;
mod names;
mod natives;
mod tree;
mod validate;
mod write;

pub use blob::Blob;
pub use config::{Entry, Exit, RunConfig, RunOptions};
pub use data::{Compression, Data};
pub use descriptor::Descriptor;
pub use distributions::{Distribution, Distributions};
pub use dump::dump;
pub use error::{Error, FrameProblem, Structure};
pub use header::{
    ALIGN, DIGEST_OFFSET, HEADER_SIZE, Header, MAGIC, MAX_SECTIONS, MAX_STRING, NONE, PAGE,
    SECTION_RECORD_SIZE, Section, SectionKind, VERSION_MAJOR, VERSION_MINOR, VIRTUAL_ROOT,
};
pub use modules::{Children, Module, ModuleKind, Modules};
pub use natives::{Native, Natives};
pub use tree::{Node, NodeList, Tree};
pub use write::{
    Content, DistributionEntry, FileEntry, HeaderFields, Layout, ModuleEntry, NativeEntry, Payload,
    Piece, RebuildError, WriteError, Writer,
};
