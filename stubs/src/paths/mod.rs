//! Paths as programs see them, and as the blob has them.
//!
//! In the blob every path has one form (docs/format.md, section 8): `/` between the names, below
//! [`BLOB_ROOT`]. What a program sees is a path of its system. Everything in this crate works on
//! the blob's form; paths are translated where they come from Python ([`inward`]) and where they go
//! there ([`outward`]).

use std::borrow::Cow;

pub mod placed;
pub mod posix;
pub mod windows;

#[cfg(not(windows))]
pub use posix::{APPLICATION_ROOT, ROOT, STDLIB_ROOT, inward, is_virtual, outward, same};
#[cfg(windows)]
pub use windows::{APPLICATION_ROOT, ROOT, STDLIB_ROOT, inward, is_virtual, outward, same};

/// Everything in the blob lies below this path. Constant, so that a packaged program is the same
/// wherever it lies.
pub const BLOB_ROOT: &str = oxidize_format::VIRTUAL_ROOT;
/// The application: `sys.path[0]`.
pub const BLOB_APPLICATION_ROOT: &str = oxidize_format::APPLICATION_ROOT;
/// The standard library, where `sysconfig` has it: `sys.path[1]`.
#[cfg(not(windows))]
pub const BLOB_STDLIB_ROOT: &str = oxidize_python::VIRTUAL_LIBRARY;
/// The standard library, where `sysconfig` has it: `sys.path[1]`.
#[cfg(windows)]
pub const BLOB_STDLIB_ROOT: &str = "/~oxidize/Lib";
/// Installed packages, where `sysconfig` has them. On `sys.path` if the blob says so.
#[cfg(not(windows))]
pub const BLOB_SITE_ROOT: &str = oxidize_python::VIRTUAL_SITE_PACKAGES;
/// Installed packages, where `sysconfig` has them. On `sys.path` if the blob says so.
#[cfg(windows)]
pub const BLOB_SITE_ROOT: &str = "/~oxidize/Lib/site-packages";

/// The directories whose modules the blob knows by name, in the order in which `sys.path` has them.
pub const BLOB_SEARCHED: [&str; 3] = [BLOB_APPLICATION_ROOT, BLOB_STDLIB_ROOT, BLOB_SITE_ROOT];

/// The module name that a path of the blob has by its place: `/~oxidize/app/pkg/mod` is `pkg.mod`,
/// a root itself the empty name. `None` outside of the searched directories.
#[must_use]
pub fn dotted(path: &str) -> Option<String> {
    let below = BLOB_SEARCHED.iter().filter_map(|root| {
        let rest = path.strip_prefix(root)?;
        rest.is_empty()
            .then_some("")
            .or_else(|| rest.strip_prefix('/'))
    });
    let rest = below.min_by_key(|rest| rest.len())?;
    Some(rest.replace('/', "."))
}

/// The name of the module that a file of the blob is by its place, whatever its suffix:
/// `/~oxidize/app/pkg/__init__.py` is `pkg`.
#[must_use]
pub fn module_name(file: &str) -> Option<String> {
    let (directory, name) = file.rsplit_once('/')?;
    let stem = name.split('.').next().unwrap_or_default();
    let package = dotted(directory)?;
    Some(match (package.is_empty(), stem) {
        (true, _) => stem.to_owned(),
        (false, "__init__") => package,
        (false, _) => format!("{package}.{stem}"),
    })
}

/// The normal form of `root` and then `rest`, both separated by `/`; `None` where it climbs out of
/// the root.
fn normal(rest: &str) -> Option<Cow<'static, str>> {
    let mut parts: Vec<&str> = vec![&BLOB_ROOT[1..]];
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (parts.first() == Some(&&BLOB_ROOT[1..])).then(|| Cow::Owned(format!("/{}", parts.join("/"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_names_by_their_places() {
        let cases = [
            ("/~oxidize/app/__main__.py", Some("__main__")),
            ("/~oxidize/app/__init__.py", Some("__init__")),
            ("/~oxidize/app/pkg/__init__.py", Some("pkg")),
            ("/~oxidize/app/pkg/__init__.abi3.so", Some("pkg")),
            (
                "/~oxidize/app/pkg/fast.cpython-313-x86_64-linux-gnu.so",
                Some("pkg.fast"),
            ),
            (
                "/~oxidize/lib/python3.13/json/decoder.py",
                Some("json.decoder"),
            ),
            (
                "/~oxidize/lib/python3.13/site-packages/black/__init__.py",
                Some("black"),
            ),
            ("/~oxidize/application/x.py", None),
            ("/~oxidize/x.py", None),
            ("x.py", None),
        ];
        for (file, name) in cases {
            assert_eq!(module_name(file).as_deref(), name, "{file}");
        }
        assert_eq!(dotted("/~oxidize/app").as_deref(), Some(""));
    }
}
