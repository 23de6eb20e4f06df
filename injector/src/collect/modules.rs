//! Which files the import system sees, and under which names.
//!
//! The rules are those of the path finder of `importlib`: for one name in one directory a package
//! (a directory with `__init__`) wins over a module, an extension module over a source file, and a
//! directory without `__init__` counts last. Files that lose stay in the application as data.

use std::collections::{BTreeMap, BTreeSet};

use oxidize_format::Target;

use super::walk::Tree;
use crate::python::Python;

/// What a module is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    /// Python source.
    Source,
    /// A shared object with a module in it.
    Extension,
    /// A directory without `__init__`.
    Namespace,
}

/// A module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Dotted name.
    pub name: String,
    /// What it is made of.
    pub kind: ModuleKind,
    /// Its file, for all but namespace packages.
    pub file: Option<String>,
    /// The directory of its submodules, for packages.
    pub directory: Option<String>,
}

impl Module {
    /// Whether it is a package of any kind.
    #[must_use]
    pub fn is_package(&self) -> bool {
        self.directory.is_some()
    }
}

/// Suffixes of extension modules that the target's interpreter would load, the most specific first.
#[derive(Debug, Clone)]
pub struct Suffixes(pub Vec<String>);

impl Suffixes {
    /// The suffixes of a Python for a target.
    #[must_use]
    pub fn of(target: Target, python: Python) -> Suffixes {
        Suffixes(target.extension_suffixes(&python.tag()))
    }

    /// Module name of a file name that carries one of the suffixes, with the suffix's rank.
    fn split<'n>(&self, name: &'n str) -> Option<(usize, &'n str)> {
        let mut ranked = self.0.iter().enumerate();
        ranked.find_map(|(rank, suffix)| {
            let stem = name.strip_suffix(suffix.as_str())?;
            (is_importable(stem)).then_some((rank, stem))
        })
    }
}

/// Whether a file name is that of an extension module for some interpreter or platform.
#[must_use]
pub fn is_tagged_extension(name: &str) -> bool {
    let Some((_, tags)) = name.split_once('.') else {
        return false;
    };
    let tagged = ["cpython-", "cp3", "pypy", "graalpy", "abi3"]
        .iter()
        .any(|tag| tags.starts_with(tag));
    name.ends_with(".pyd") || (tagged && name.ends_with(".so"))
}

/// The import system splits names at dots, so a part with a dot in it can never be asked for.
fn is_importable(part: &str) -> bool {
    !part.is_empty() && !part.contains('.')
}

#[derive(Default)]
struct Directory<'t> {
    files: Vec<&'t str>,
    directories: Vec<&'t str>,
}

/// The modules of a tree, sorted by name.
///
/// `is_module` decides for a file with the bare suffix `.so` or `.pyd` whether a module is in it,
/// or only a library.
pub fn modules(
    tree: &Tree,
    suffixes: Suffixes,
    is_module: &dyn Fn(&str, &str) -> bool,
) -> Vec<Module> {
    let mut directories: BTreeMap<&str, Directory<'_>> = BTreeMap::new();
    directories.insert("", Directory::default());
    for path in &tree.directories {
        directories.entry(path).or_default();
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        directories
            .entry(parent)
            .or_default()
            .directories
            .push(name);
    }
    for file in &tree.files {
        let (parent, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        directories.entry(parent).or_default().files.push(name);
    }
    let finder = Finder {
        directories,
        suffixes,
        is_module,
    };
    let mut found = finder.children("", "");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

struct Finder<'t> {
    directories: BTreeMap<&'t str, Directory<'t>>,
    suffixes: Suffixes,
    is_module: &'t dyn Fn(&str, &str) -> bool,
}

impl Finder<'_> {
    /// The file that makes up module `name` in this directory.
    fn file(&self, directory: &str, name: &str) -> Option<(ModuleKind, String)> {
        let listing = self.directories.get(directory)?;
        let extensions = listing.files.iter().filter_map(|file| {
            let (rank, stem) = self.suffixes.split(file)?;
            let bare = rank + 1 == self.suffixes.0.len();
            let path = join(directory, file);
            (stem == name && (!bare || (self.is_module)(&path, stem))).then_some((rank, path))
        });
        if let Some((_, path)) = extensions.min() {
            return Some((ModuleKind::Extension, path));
        }
        let source = format!("{name}.py");
        let there = listing.files.contains(&source.as_str());
        there.then(|| (ModuleKind::Source, join(directory, &source)))
    }

    fn children(&self, directory: &str, package: &str) -> Vec<Module> {
        let Some(listing) = self.directories.get(directory) else {
            return Vec::new();
        };
        let stems = listing.files.iter().filter_map(|file| {
            let source = file.strip_suffix(".py").filter(|stem| is_importable(stem));
            source.or_else(|| self.suffixes.split(file).map(|(_, stem)| stem))
        });
        let directories = listing
            .directories
            .iter()
            .copied()
            .filter(|name| is_importable(name));
        let names: BTreeSet<&str> = stems.chain(directories).collect();
        let mut found = Vec::new();
        for name in names {
            // Inside a package `__init__` is the package itself.
            if name == "__init__" && !package.is_empty() {
                continue;
            }
            let full = if package.is_empty() {
                name.to_owned()
            } else {
                format!("{package}.{name}")
            };
            let inner = join(directory, name);
            let is_directory = listing.directories.contains(&name);
            if is_directory && let Some((kind, file)) = self.file(&inner, "__init__") {
                let submodules = self.children(&inner, &full);
                found.push(Module {
                    name: full,
                    kind,
                    file: Some(file),
                    directory: Some(inner),
                });
                found.extend(submodules);
            } else if let Some((kind, file)) = self.file(directory, name) {
                found.push(Module {
                    name: full,
                    kind,
                    file: Some(file),
                    directory: None,
                });
            } else if is_directory {
                // Even one with data only: `importlib.resources` takes it as an anchor (PEP 420).
                let submodules = self.children(&inner, &full);
                found.push(Module {
                    name: full,
                    kind: ModuleKind::Namespace,
                    file: None,
                    directory: Some(inner),
                });
                found.extend(submodules);
            }
        }
        found
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::walk::File;
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::default();
        let mut directories = BTreeSet::new();
        for path in paths {
            let parents = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
            directories.extend(parents);
            let (path, on_disk) = ((*path).to_owned(), PathBuf::new());
            tree.files.push(File {
                path,
                on_disk,
                len: 0,
                stamp: Default::default(),
                executable: false,
            });
        }
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        tree.directories = directories.into_iter().collect();
        tree
    }

    fn listing(paths: &[&str]) -> Vec<String> {
        let is_module = |path: &str, _: &str| !path.contains("lib");
        let found = modules(
            &tree(paths),
            Suffixes::of(Target::X86_64_LINUX_GNU, Python::OWN),
            &is_module,
        );
        let show = |m: Module| {
            let place = m
                .file
                .or_else(|| m.directory.map(|directory| format!("{directory}/")))
                .unwrap();
            format!("{} = {place}", m.name)
        };
        found.into_iter().map(show).collect()
    }

    #[test]
    fn packages_modules_and_namespaces() {
        let found = listing(&[
            "__main__.py",
            "a/__init__.py",
            "a/b.py",
            "a/c/d.py",
            "ns/deep/x.py",
            "data/x.txt",
        ]);
        let expected = [
            "__main__ = __main__.py",
            "a = a/__init__.py",
            "a.b = a/b.py",
            "a.c = a/c/",
            "a.c.d = a/c/d.py",
            "data = data/",
            "ns = ns/",
            "ns.deep = ns/deep/",
            "ns.deep.x = ns/deep/x.py",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn one_name_many_files() {
        assert_eq!(listing(&["x.py", "x/__init__.py"]), ["x = x/__init__.py"]);
        assert_eq!(listing(&["x.py", "x/y.py"]), ["x = x.py"]);
        let tagged = "x.cpython-313-x86_64-linux-gnu.so";
        assert_eq!(
            listing(&["x.py", "x.so", "x.abi3.so", tagged]),
            [format!("x = {tagged}")]
        );
        assert_eq!(
            listing(&["x/__init__.abi3.so", "x/__init__.py"]),
            ["x = x/__init__.abi3.so"]
        );
    }

    #[test]
    fn what_no_import_statement_reaches_is_data() {
        let paths = [
            "a.b.py",
            "pkg-1.0.dist-info/x.py",
            "libfoo.so",
            "x.cpython-312-x86_64-linux-gnu.so",
            "x.pyc",
        ];
        assert_eq!(listing(&paths), [] as [&str; 0]);
        assert!(is_tagged_extension("x.cpython-312-x86_64-linux-gnu.so"));
        assert!(is_tagged_extension("x.cp313-win_amd64.pyd"));
        assert!(!is_tagged_extension("libfoo.so") && !is_tagged_extension("libfoo.so.3"));
    }

    #[test]
    fn a_file_that_may_be_a_module_or_a_library_is_looked_into() {
        assert_eq!(listing(&["_x.so", "libx.so"]), ["_x = _x.so"]);
    }
}
