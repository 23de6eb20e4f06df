//! Wheels that hold stubs.
//!
//! A wheel is a zip file. Of its members only those below `oxidize_stub_cpXY/TARGET/` are ever
//! looked at, by the names that the manifest among them lists and up to the sizes it states; no
//! name in the archive becomes a path on disk.

use std::fs::File;
use std::io::{self, BufReader, Read};

use oxidize_format::Target;
use zip::ZipArchive;

use super::manifest;

/// Name of the project on an index.
pub const PROJECT: &str = oxidize_python::STUB_PROJECT;
/// The same as part of a file name, and the package in the wheel.
pub const PACKAGE: &str = oxidize_python::STUB_PACKAGE;
/// A wheel is never longer than its files by more than this, in bytes.
pub const OVERHEAD: u64 = 4 << 20;

/// File name of the wheel of a version for a target.
#[must_use]
pub fn file_name(version: &str, target: Target) -> String {
    let platforms = target.wheel_platforms().join(".");
    format!("{PACKAGE}-{version}-py3-none-{platforms}.whl")
}

/// A wheel, opened.
#[derive(Debug)]
pub struct Wheel {
    zip: ZipArchive<BufReader<File>>,
    /// What members of the stub have in front: `oxidize_stub_cpXY/TARGET/`.
    prefix: String,
}

impl Wheel {
    /// Reads the directory of a wheel of a stub.
    ///
    /// # Errors
    /// The file is not a wheel of a stub.
    pub fn open(file: File) -> io::Result<Wheel> {
        let zip = ZipArchive::new(BufReader::new(file)).map_err(io::Error::other)?;
        let mut found = zip
            .file_names()
            .filter_map(|name| prefix(name.ok()?.as_ref()));
        let prefix = found
            .next()
            .ok_or_else(|| io::Error::other("there is no stub in it"))?;
        if found.next().is_some() {
            return Err(io::Error::other("there is more than one stub in it"));
        }
        drop(found);
        Ok(Wheel { zip, prefix })
    }

    /// A member, by its name in the stub. Reading ends after `limit` bytes, whatever the archive
    /// says.
    ///
    /// # Errors
    /// There is no such member, or it cannot be read.
    pub fn member<'w>(&'w mut self, name: &str, limit: u64) -> io::Result<impl Read + use<'w>> {
        let name = format!("{}{name}", self.prefix);
        let member = self.zip.by_name(&name).map_err(io::Error::other)?;
        Ok(member.take(limit))
    }
}

/// What stands before the name of a stub's manifest.
fn prefix(name: &str) -> Option<String> {
    let directory = name
        .strip_prefix(PACKAGE)?
        .strip_prefix('/')?
        .strip_suffix(manifest::NAME)?;
    let target = directory.strip_suffix('/')?;
    (!target.is_empty() && !target.contains('/')).then(|| format!("{PACKAGE}/{directory}"))
}
