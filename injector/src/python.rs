//! The Python that this version of the tool packages.

use std::borrow::Cow;

use oxidize_format::Target;
pub use oxidize_format::{APPLICATION_ROOT as APP_ROOT, STUB_ABI};
pub use oxidize_python::{BYTECODE_MAGIC, MINOR, MINOR_VERSION, TAG, VERSION, VERSION_HEX};

/// Where the standard library appears at run time.
pub const LIB_ROOT: &str = oxidize_python::VIRTUAL_LIBRARY;

/// The directories of an installation, below its prefix, as `sysconfig` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Installed packages.
    pub site_packages: &'static str,
    /// Scripts and programs.
    pub scripts: &'static str,
    /// Headers.
    pub headers: &'static str,
}

impl Layout {
    /// That of a target.
    #[must_use]
    pub fn of(target: Target) -> Layout {
        if target.is_windows() {
            Layout {
                site_packages: "Lib/site-packages",
                scripts: "Scripts",
                headers: "Include",
            }
        } else {
            Layout {
                site_packages: oxidize_python::SITE_PACKAGES,
                scripts: "bin",
                headers: oxidize_python::SITE_HEADERS,
            }
        }
    }
}

/// A virtual path as programs of this target see it: in `__file__`, and so in code objects too. In the blob every target
/// has the same form (docs/format.md, section 8).
#[must_use]
pub fn seen_path(target: Target, path: &str) -> Cow<'_, str> {
    if target.is_windows() {
        Cow::Owned(format!("C:{}", path.replace('/', "\\")))
    } else {
        Cow::Borrowed(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_see_paths_of_their_system() {
        let path = "/~oxidize/app/pkg/x.py";
        assert_eq!(seen_path(Target::X86_64_LINUX_GNU, path), path);
        assert_eq!(
            seen_path(Target::X86_64_WINDOWS, path),
            r"C:\~oxidize\app\pkg\x.py"
        );
    }
}
