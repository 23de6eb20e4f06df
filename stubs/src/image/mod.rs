//! Finding the blob in our own image: one read through a linker symbol. No file is opened and nothing is searched.

#[cfg(target_os = "linux")]
mod elf;
#[cfg(target_os = "macos")]
mod macho;
#[cfg(windows)]
mod pe;

#[cfg(target_os = "linux")]
pub(crate) use elf::blob;
#[cfg(target_env = "musl")]
pub(crate) use elf::wants_snapshot;
#[cfg(target_os = "macos")]
pub(crate) use macho::blob;
#[cfg(windows)]
pub(crate) use pe::blob;
