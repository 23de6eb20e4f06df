//! Python modules that the stub's importer relies on. They are packaged with every application, as
//! part of the standard library.

use std::borrow::Cow;

use super::part::{Part, PartFile};
use super::payload::Payload;
use crate::collect::modules::{self, Suffixes};
use crate::collect::stdlib::Archive;
use crate::python::Python;

/// File names below the standard library's directory, and sources.
pub const IMPORTER_MODULES: &[(&str, &str)] = &[
    (
        "_oxidize_metadata.py",
        include_str!("../../../stubs/python/_oxidize_metadata.py"),
    ),
    (
        "_oxidize_resources.py",
        include_str!("../../../stubs/python/_oxidize_resources.py"),
    ),
];

/// Programs with windows of Tk, which no stub has.
const DESKTOP: [&str; 2] = ["idlelib", "turtledemo"];

/// The standard library's part with its modules: what the archives hold, and ours.
#[must_use]
pub fn stdlib(archives: &[Archive], python: Python) -> Part<'_> {
    let mut part = Part::library(&python.library_root(), archives);
    for (path, source) in IMPORTER_MODULES {
        let payload = Payload::Bytes(Cow::Borrowed(source.as_bytes()));
        part.files.insert(
            (*path).to_owned(),
            PartFile {
                payload,
                executable: false,
            },
        );
    }
    // Its compiled parts are linked into the stub: there is no shared object to look for.
    part.modules = modules::modules(&part.as_tree(), Suffixes(Vec::new()), &|_, _| false);
    part.retain_modules(|name| {
        let package = name.split_once('.').map_or(name, |(package, _)| package);
        !DESKTOP.contains(&package)
    });
    part
}
