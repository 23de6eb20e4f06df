//! The one place that maps files, and the only unsafe code of this crate.

#![allow(unsafe_code)] // Mapping a file cannot be expressed safely; see `Map::open`.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use crate::regular;

/// A file's bytes, mapped for reading.
///
/// Stubs, packaged applications and cache files are read through this: none of them is small, and
/// most of their bytes are only copied or never looked at.
#[derive(Debug)]
pub struct Map(Option<memmap2::Mmap>);

impl Map {
    /// Maps the whole regular file at `path`.
    ///
    /// # Errors
    /// The file cannot be opened or mapped, or is no regular file.
    pub fn open(path: &Path) -> io::Result<Map> {
        Map::of(&regular::open(path)?)
    }

    /// Maps the whole of an open file. An empty file gives an empty slice.
    ///
    /// # Errors
    /// The file cannot be mapped.
    pub fn of(file: &File) -> io::Result<Map> {
        if file.metadata()?.len() == 0 {
            return Ok(Map(None));
        }
        // SAFETY: the mapping is private and read-only and stays alive as long as the slice
        // borrowed from it. What the language cannot rule out is somebody else writing to the file
        // meanwhile. Every reader in this crate treats the bytes as untrusted and checks bounds
        // against the length of the mapping, so changed contents can yield a wrong answer or an
        // error, not an access outside the mapping; and no `str` is kept past the check that made
        // it, except for caches, which are only ever replaced by rename, never rewritten. A file
        // that is truncated while mapped raises SIGBUS: the process dies as it would on an I/O
        // error that cannot be reported, and the output, which is a temporary file until the very
        // end, is not published.
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Map(Some(map)))
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
