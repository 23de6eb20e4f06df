//! The standard library, as part of an application.

use oxidize_format::Target;

use super::part::Part;
use crate::collect::modules::{self, Suffixes};
use crate::collect::stdlib::Archive;
use crate::python::Python;

/// Programs with windows of Tk, which no stub has.
const DESKTOP: [&str; 2] = ["idlelib", "turtledemo"];

/// The standard library's part with its modules: what the archives hold.
#[must_use]
pub fn stdlib(archives: &[Archive], python: Python, target: Target) -> Part<'_> {
    let mut part = Part::library(&python.library_root(target), archives);
    // Its compiled parts are linked into the stub: there is no shared object to look for.
    part.modules = modules::modules(&part.as_tree(), Suffixes(Vec::new()), &|_, _| false);
    part.retain_modules(|name| {
        let package = name.split_once('.').map_or(name, |(package, _)| package);
        !DESKTOP.contains(&package)
    });
    part
}
