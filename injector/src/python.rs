//! The Python that is packaged: the one in the stub.

use std::borrow::Cow;

use oxidize_format::Target;
pub use oxidize_format::{APPLICATION_ROOT as APP_ROOT, STUB_ABI, VIRTUAL_ROOT};
pub use oxidize_python::{MINOR_VERSION, VERSION};

/// A version of CPython, and what depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Python {
    /// `PY_VERSION_HEX`.
    version: u32,
    /// The four bytes of `importlib.util.MAGIC_NUMBER`, little endian.
    magic: u32,
}

impl Python {
    /// The one whose stubs belong to this version of the tool.
    pub const OWN: Python = Python {
        version: oxidize_python::VERSION_HEX,
        magic: oxidize_python::BYTECODE_MAGIC,
    };

    /// The one that a descriptor names: this tool's own if it names none.
    #[must_use]
    pub fn of(version: u32, magic: u32) -> Python {
        match version {
            0 => Python::OWN,
            _ => Python { version, magic },
        }
    }

    /// `PY_VERSION_HEX`.
    #[must_use]
    pub fn hex(self) -> u32 {
        self.version
    }

    /// The four bytes of `importlib.util.MAGIC_NUMBER`, little endian.
    #[must_use]
    pub fn bytecode_magic(self) -> u32 {
        self.magic
    }

    /// The second number of the version.
    #[must_use]
    pub fn minor(self) -> u32 {
        self.version >> 16 & 0xff
    }

    /// The first two numbers of the version, in the names of directories.
    #[must_use]
    pub fn short(self) -> String {
        format!("{}.{}", self.version >> 24, self.minor())
    }

    /// The same without the dot, in names of files and wheel tags.
    #[must_use]
    pub fn tag(self) -> String {
        format!("{}{}", self.version >> 24, self.minor())
    }

    /// Where the standard library appears at run time.
    #[must_use]
    pub fn library_root(self, target: Target) -> String {
        format!("{VIRTUAL_ROOT}/{}", Layout::of(target, self).library)
    }
}

/// The version as CPython writes it: three numbers, and of what is not final the stage.
impl std::fmt::Display for Python {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.short(), self.version >> 8 & 0xff)?;
        let serial = self.version & 0xf;
        match self.version >> 4 & 0xf {
            0xa => write!(f, "a{serial}"),
            0xb => write!(f, "b{serial}"),
            0xc => write!(f, "rc{serial}"),
            _ => Ok(()),
        }
    }
}

/// Whether this is the virtual directory of some version's standard library.
#[must_use]
pub fn is_library_root(path: &str) -> bool {
    let Some(below) = path.strip_prefix(VIRTUAL_ROOT) else {
        return false;
    };
    let is_version = |version: &str| version.split('.').all(|part| part.parse::<u32>().is_ok());
    below == "/Lib" || below.strip_prefix("/lib/python").is_some_and(is_version)
}

/// The directories of an installation, below its prefix, as `sysconfig` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The standard library.
    pub library: String,
    /// Installed packages.
    pub site_packages: String,
    /// Scripts and programs.
    pub scripts: &'static str,
    /// Headers.
    pub headers: String,
}

impl Layout {
    /// That of a Python for a target.
    #[must_use]
    pub fn of(target: Target, python: Python) -> Layout {
        if target.is_windows() {
            Layout {
                library: "Lib".to_owned(),
                site_packages: "Lib/site-packages".to_owned(),
                scripts: "Scripts",
                headers: "Include".to_owned(),
            }
        } else {
            let version = python.short();
            Layout {
                library: format!("lib/python{version}"),
                site_packages: format!("lib/python{version}/site-packages"),
                scripts: "bin",
                headers: format!("include/site/python{version}"),
            }
        }
    }
}

/// A virtual path as programs of this target see it: in `__file__`, and so in code objects too. In
/// the blob every target has the same form (docs/format.md, section 8).
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
    fn a_version_says_everything_else() {
        let old = Python::of(0x030b_02f0, 3495);
        assert_eq!(old.to_string(), "3.11.2");
        assert_eq!((&*old.tag(), old.minor()), ("311", 11));
        let root = old.library_root(Target::AARCH64_MACOS);
        assert_eq!(root, "/~oxidize/lib/python3.11");
        assert_eq!(old.library_root(Target::X86_64_WINDOWS), "/~oxidize/Lib");
        assert!(is_library_root(&root) && is_library_root("/~oxidize/Lib"));
        assert!(!is_library_root("/~oxidize/Lib/site-packages"));
        assert!(!is_library_root("/~oxidize/lib/python3.11/json"));
        assert!(!is_library_root("/~oxidize/lib"));
        let layout = Layout::of(Target::X86_64_LINUX_GNU, old);
        assert_eq!(layout.site_packages, "lib/python3.11/site-packages");
        assert_eq!(Python::of(0x030f_00a2, 1).to_string(), "3.15.0a2");
        assert_eq!(Python::of(0x030e_00c1, 1).to_string(), "3.14.0rc1");
        assert_eq!(Python::of(0, 0), Python::OWN);
        assert_eq!(Python::OWN.to_string(), VERSION);
    }

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
