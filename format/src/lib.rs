//! The packed-resources blob: layout, zero-copy reader, writer.
//!
//! A blob holds everything a packaged Python application needs: run configuration, modules,
//! a directory tree of files, extension modules and shared libraries, distribution metadata,
//! an optional snapshot. `docs/format.md` specifies it byte by byte.
//!
//! [`Blob::open`] reads in place: no parsing, no allocation before the first lookup, and never
//! a panic, whatever the bytes. [`Writer`] collects entries and fixes a [`Layout`], whose
//! pieces the caller streams. This crate does no I/O and knows no Python.
//!
//! ```
//! use oxidize_format::{Blob, Content, HeaderFields, ModuleEntry, ModuleKind, RunOptions, Writer};
//!
//! let mut writer = Writer::new(HeaderFields {
//!     py_version_hex: 0x030d_0ff0,
//!     bytecode_magic: 0x0a0d_0df3,
//!     stub_abi: 1,
//!     target: oxidize_format::Target::X86_64_LINUX_GNU.triple().into(),
//!     root: oxidize_format::VIRTUAL_ROOT.into(),
//! });
//! writer.set_run_config(RunOptions {
//!     entry_module: Some("hello".into()),
//!     ..RunOptions::default()
//! });
//! let mut module = ModuleEntry::new("hello", ModuleKind::Module);
//! module.path = Some("/~oxidize/app/hello.py".into());
//! module.bytecode[0] = Some(Content::plain(b"marshalled code".to_vec()));
//! writer.add_module(module)?;
//! let bytes = writer.layout()?.to_bytes();
//!
//! let blob = Blob::open(&bytes)?;
//! let module = blob.modules().find("hello")?.expect("it was added");
//! let code = module.bytecode(0)?.expect("it has code for level 0");
//! assert_eq!(code.stored_bytes()?, b"marshalled code");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(clippy::missing_errors_doc)]

mod blob;
mod block;
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
mod hex;
pub mod imports;
mod modules;
mod names;
mod natives;
mod proportion;
mod resolve;
pub mod target;
mod tree;
mod validate;
mod write;

pub use blob::Blob;
pub use config::{ChildRole, Entry, Exit, RunConfig, RunOptions, Setting, SettingField, settings};
pub use data::{Compression, Data};
pub use descriptor::Descriptor;
pub use distributions::{Distribution, Distributions};
pub use dump::dump;
pub use error::{Error, FrameProblem, Structure};
pub use frame::largest_content;
pub use header::{
    ALIGN, APPLICATION_ROOT, DIGEST_OFFSET, HEADER_SIZE, Header, MAGIC, MAX_SECTIONS, MAX_STRING,
    NONE, PAGE, SECTION_RECORD_SIZE, STUB_ABI, Section, SectionKind, VERSION_MAJOR, VERSION_MINOR,
    VIRTUAL_ROOT,
};
pub use hex::Hex;
pub use modules::{Children, Module, ModuleKind, Modules};
pub use natives::{Native, Natives};
pub use resolve::{MAX_NAME, MAX_PATH, Place, is_virtual};
pub use target::Target;
pub use tree::{Node, NodeList, Tree};
pub use write::{
    Content, DistributionEntry, FileEntry, HeaderFields, Layout, ModuleEntry, NativeEntry, Payload,
    Piece, RebuildError, WriteError, Writer,
};
