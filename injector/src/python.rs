//! The Python that this version of the tool packages.

use std::borrow::Cow;

use oxidize_format::Target;

/// Its version.
pub const VERSION: &str = "3.13.15";
/// `PY_VERSION_HEX`.
pub const VERSION_HEX: u32 = 0x030d_0ff0;
/// Its minor version, the 13 of 3.13.
pub const MINOR: u32 = VERSION_HEX >> 16 & 0xff;
/// Its version in names of files and tags.
pub const TAG: &str = "313";
/// Its version without the last number, as pip and directories have it.
#[must_use]
pub fn minor_version() -> String {
    format!("{}.{MINOR}", VERSION_HEX >> 24)
}

/// The four bytes of `importlib.util.MAGIC_NUMBER`, little endian.
pub const BYTECODE_MAGIC: u32 = 0x0a0d_0df3;
/// The agreement between blob and stub that this version writes.
pub const STUB_ABI: u32 = 1;
/// Where the application's files appear at run time.
pub const APP_ROOT: &str = "/~oxidize/app";
/// Where the standard library appears at run time.
pub const LIB_ROOT: &str = "/~oxidize/lib/python3.13";

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
                site_packages: "lib/python3.13/site-packages",
                scripts: "bin",
                headers: "include/site/python3.13",
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
