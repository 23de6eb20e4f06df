//! What the recipe files may contain: one struct for each table, one field for each key.

// The keys are explained at the head of each recipe file, and only there.
#![allow(missing_docs)]

use serde::Deserialize;
use std::collections::BTreeMap;

/// `recipes/cpython-VERSION.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CPython {
    /// `[python]`
    pub python: Python,
    /// `[source]`
    pub source: Source,
    /// `[compile]`
    pub compile: Compile,
    /// `[core]`
    pub core: Core,
    /// `[file."PATH"]`
    #[serde(default)]
    pub file: BTreeMap<String, PerFile>,
    /// `[[bundled]]`
    #[serde(default)]
    pub bundled: Vec<Bundled>,
    /// `[[module]]`
    pub module: Vec<Module>,
}

/// Version and what follows from it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// Such as `3.13.15`.
    pub version: String,
    /// `PY_VERSION_HEX`.
    pub hexversion: u32,
    /// Wheel tag, `cp313`.
    pub tag: String,
    /// First four bytes of a `.pyc`, little endian.
    pub bytecode_magic: u32,
    /// Compiled-in installation prefix.
    pub prefix: String,
    /// ABIs that extension modules may ask for.
    pub abi: Vec<String>,
    /// The version whose recorded profile the interpreter is compiled with.
    pub profile: String,
}

impl Python {
    /// `3.13` of `3.13.15`.
    pub fn short(&self) -> &str {
        self.version
            .rsplit_once('.')
            .map_or(&self.version, |(short, _)| short)
    }

    /// `313` of `3.13.15`, as it appears in names of files.
    pub fn digits(&self) -> String {
        self.short().replace('.', "")
    }
}

/// What every file of CPython is compiled with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compile {
    /// Relative to the source tree, or with variables.
    pub includes: Vec<String>,
    /// Compiler flags.
    pub flags: Vec<String>,
    /// Macros.
    pub defines: Vec<String>,
    /// Files that link-time optimisation is not for.
    #[serde(default)]
    pub without_lto: Vec<String>,
    /// By system.
    #[serde(default)]
    pub on: BTreeMap<String, Extra>,
}

/// What one operating system adds to a table of a recipe, `on.windows` and the like.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// C files more.
    #[serde(default)]
    pub files: Vec<String>,
    /// Files and macros of the common lists that this system does not have.
    #[serde(default)]
    pub without: Vec<String>,
    /// Include folders, looked at before the common ones.
    #[serde(default)]
    pub includes: Vec<String>,
    /// Macros more.
    #[serde(default)]
    pub defines: Vec<String>,
    /// Compiler flags more.
    #[serde(default)]
    pub flags: Vec<String>,
}

/// Chooses from a recipe's `on` tables.
pub trait On {
    /// The table of `os`; an empty one if there is none.
    fn of(&self, os: &str) -> &Extra;
}

static NOTHING: Extra = Extra {
    files: Vec::new(),
    without: Vec::new(),
    includes: Vec::new(),
    defines: Vec::new(),
    flags: Vec::new(),
};

impl On for BTreeMap<String, Extra> {
    fn of(&self, os: &str) -> &Extra {
        self.get(os).unwrap_or(&NOTHING)
    }
}

impl Extra {
    /// `common` as it is on this system: without what it lacks, with what it has more.
    pub fn merged(&self, common: &[String], more: &[String]) -> Vec<String> {
        common
            .iter()
            .filter(|item| !self.without.contains(item))
            .chain(more)
            .cloned()
            .collect()
    }

    /// A list of files on this system.
    pub fn all_files(&self, common: &[String]) -> Vec<String> {
        self.merged(common, &self.files)
    }

    /// A list of macros on this system.
    pub fn all_defines(&self, common: &[String]) -> Vec<String> {
        self.merged(common, &self.defines)
    }
}

/// The interpreter without its extension modules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Core {
    /// Macros.
    pub defines: Vec<String>,
    /// C files, relative to the source tree.
    pub files: Vec<String>,
    /// Where the table of built-in modules is filled in.
    pub config: BTreeMap<String, String>,
    /// By system.
    #[serde(default)]
    pub on: BTreeMap<String, Extra>,
}

/// Additions for one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerFile {
    /// Macros.
    #[serde(default)]
    pub defines: Vec<String>,
    /// By system: instead of the above.
    #[serde(default)]
    pub on: BTreeMap<String, Extra>,
}

/// A C library inside CPython's source tree.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundled {
    /// The library is `lib<name>.a`.
    pub name: String,
    /// Name in `licences.toml`.
    pub licence: String,
    /// Include folders, relative to the source tree.
    #[serde(default)]
    pub includes: Vec<String>,
    /// Macros.
    #[serde(default)]
    pub defines: Vec<String>,
    /// C files.
    pub files: Vec<String>,
    /// By system.
    #[serde(default)]
    pub on: BTreeMap<String, Extra>,
}

/// A built-in module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Name in `sys.builtin_module_names`; its init function is `PyInit_<name>`.
    pub name: String,
    /// C files.
    pub files: Vec<String>,
    /// The interpreter does not start without it.
    #[serde(default)]
    pub core: bool,
    /// Systems that have it; empty: all.
    #[serde(default)]
    pub os: Vec<String>,
    /// Include folders, relative to the source tree.
    #[serde(default)]
    pub includes: Vec<String>,
    /// Include folders, relative to the folder where the libraries' headers are.
    #[serde(default)]
    pub library_includes: Vec<String>,
    /// Macros.
    #[serde(default)]
    pub defines: Vec<String>,
    /// Compiler flags.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Libraries it needs.
    #[serde(default)]
    pub links: Vec<String>,
    /// By system.
    #[serde(default)]
    pub on: BTreeMap<String, Extra>,
}

/// One library of `recipes/libraries.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    pub name: String,
    #[serde(default)]
    pub provides: Vec<String>,
    pub version: String,
    pub source: String,
    #[serde(default)]
    pub dir: String,
    pub licence: String,
    #[serde(default)]
    pub os: Vec<String>,
    #[serde(default)]
    pub after: Vec<String>,
    #[serde(default)]
    pub files: Vec<String>,
    #[serde(default)]
    pub includes: Vec<String>,
    #[serde(default)]
    pub defines: Vec<String>,
    #[serde(default)]
    pub flags: Vec<String>,
    #[serde(default)]
    pub headers: Vec<String>,
    #[serde(default)]
    pub headers_dir: String,
    #[serde(default)]
    pub headers_to: String,
    #[serde(default)]
    pub generate: Vec<Generate>,
    #[serde(default)]
    pub arch: BTreeMap<String, PerArch>,
    #[serde(default)]
    pub on: BTreeMap<String, Extra>,
    #[serde(default)]
    pub steps: Vec<Vec<String>>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub collect: Vec<String>,
    #[serde(default)]
    pub collect_headers: Vec<String>,
}

impl Library {
    /// Names that modules' `links` may use.
    pub fn provided(&self) -> Vec<&str> {
        if self.provides.is_empty() {
            vec![&self.name]
        } else {
            self.provides.iter().map(String::as_str).collect()
        }
    }
}

impl Library {
    /// The `arch` table of a target: `x86_64-windows` before `x86_64`.
    pub fn per_arch(&self, target: &Target) -> Option<&PerArch> {
        self.arch
            .get(&format!("{}-{}", target.arch, target.os))
            .or_else(|| self.arch.get(&target.arch))
    }
}

/// A header made from a template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generate {
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub recipe: String,
    pub to: String,
    #[serde(default)]
    pub replace: BTreeMap<String, String>,
}

/// What a library needs on one processor only.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerArch {
    #[serde(default)]
    pub files: Vec<String>,
    #[serde(default)]
    pub defines: Vec<String>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// `recipes/targets/TRIPLE.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub triple: String,
    pub os: String,
    pub env: String,
    pub arch: String,
    pub pointer_width: u32,
    pub object_format: String,
    pub zig: String,
    pub autoconf: String,
    pub openssl: String,
    #[serde(default = "etc_ssl")]
    pub openssl_dir: String,
    #[serde(default)]
    pub make_variables: Vec<String>,
    #[serde(default)]
    pub oldest_glibc: String,
    #[serde(default)]
    pub oldest_macos: String,
    pub allowed_libraries: Vec<String>,
    pub crt_features: Vec<String>,
    pub extension_loading: Vec<String>,
    #[serde(default)]
    pub support: Vec<String>,
    #[serde(default)]
    pub configure: Vec<String>,
    pub flags: Flags,
    pub python: TargetPython,
    pub inputs: Inputs,
    pub link: Link,
    /// Size of the main thread's stack in bytes where the linker cannot be told it; 0: what the
    /// linker writes.
    #[serde(default)]
    pub main_stack: u64,
}

/// Where the relatives of Debian keep openssl.cnf and certs.
fn etc_ssl() -> String {
    "/etc/ssl".to_owned()
}

/// Compiler flags of a target.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    pub all: Vec<String>,
    pub interpreter: Vec<String>,
    pub libraries: Vec<String>,
    /// The interpreter is optimised with the recorded profile.
    #[serde(default)]
    pub profile: bool,
    /// Added to `interpreter` when the interpreter is optimised as a whole; empty: file by file.
    #[serde(default)]
    pub lto: Vec<String>,
    /// Arguments of the linker that makes one object of them.
    #[serde(default)]
    pub lto_link: Vec<String>,
}

/// CPython's names for a target.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetPython {
    pub platform: String,
    pub multiarch: String,
    pub soabi: String,
    pub ext_suffix: String,
    pub sysconfig_platform: String,
}

/// Where startup objects and the C library's link stubs come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    pub kind: InputsKind,
    #[serde(default)]
    pub libraries: Vec<String>,
}

/// See [`Inputs`].
#[derive(Debug, Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub enum InputsKind {
    /// zig makes startup objects and stub libraries of the glibc version in the target's `zig` key.
    ZigGlibc,
    /// The Rust toolchain carries them.
    RustSelfContained,
    /// zig makes startup objects and import libraries of mingw-w64 for the Universal C Runtime.
    ZigMingw,
    /// Stub libraries are written from our own list of the system's symbols,
    /// `support/macos/imports.toml`.
    Apple,
}

/// The linker's arguments, `link-kit/link.args`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// An archive of `recipes/sources.toml`.
#[derive(Debug, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub file: String,
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub debian: Vec<String>,
    pub sha256: String,
    pub size: u64,
    pub root: String,
}

/// One text of `recipes/licences.toml`.
#[derive(Debug, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    pub spdx: String,
    pub name: String,
    pub files: Vec<String>,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub env: Vec<String>,
}
