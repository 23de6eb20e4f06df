//! A directory of the program: the application's own files, the standard library, installed
//! packages.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::collect::stdlib::Archive;
use crate::collect::{File, Module, ModuleKind, Stamp, Tree};

use super::Payload;

/// Files below one virtual directory and the modules among them.
#[derive(Debug)]
pub struct Part<'a> {
    /// The virtual directory that it lies in.
    pub root: String,
    /// Directories, relative.
    pub directories: Vec<String>,
    /// Files by relative path.
    pub files: BTreeMap<String, PartFile<'a>>,
    /// The reachable modules, sorted by name.
    pub modules: Vec<Module>,
    /// Marshalled code by module name.
    pub code: BTreeMap<String, Cow<'a, [u8]>>,
    /// Code that was compressed before, as LZ4 blocks by module name.
    pub blocks: BTreeMap<String, &'a [u8]>,
    /// Files that were compressed before, as zstd frames by relative path. If there are any, what
    /// is not among them is not worth it.
    pub frames: BTreeMap<String, &'a [u8]>,
    /// What of it lies beside the executable: relative paths without a slash.
    pub placed: BTreeSet<String>,
}

/// A file of a part.
#[derive(Debug)]
pub struct PartFile<'a> {
    /// Its bytes.
    pub payload: Payload<'a>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// What is made of one file.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// Marshalled code; none if it is no source, or does not compile.
    pub code: Option<&'a [u8]>,
    /// The code as an LZ4 block, if that is shorter.
    pub block: Option<&'a [u8]>,
    /// The file as a zstd frame, if that is shorter.
    pub frame: Option<&'a [u8]>,
}

impl<'a> Part<'a> {
    /// The part of a tree on disk; modules and code are added by the caller.
    #[must_use]
    pub fn of_tree(root: &str, tree: &Tree) -> Part<'a> {
        let file = |file: &File| {
            let payload = Payload::File {
                path: file.on_disk.clone(),
                len: file.len,
                stamp: file.stamp,
                digest: None,
            };
            (
                file.path.clone(),
                PartFile {
                    payload,
                    executable: file.executable,
                },
            )
        };
        Part {
            root: root.to_owned(),
            directories: tree.directories.clone(),
            files: tree.files.iter().map(file).collect(),
            modules: Vec::new(),
            code: BTreeMap::new(),
            blocks: BTreeMap::new(),
            frames: BTreeMap::new(),
            placed: BTreeSet::new(),
        }
    }

    /// Whether what is at this relative path lies beside the executable.
    #[must_use]
    pub fn is_placed(&self, path: &str) -> bool {
        let top = path.split('/').next().unwrap_or_default();
        self.placed.contains(top)
    }

    /// The standard library's part from its archives. The first archive that has a path gives the
    /// file.
    #[must_use]
    pub fn library(root: &str, archives: &'a [Archive]) -> Part<'a> {
        let mut files = BTreeMap::new();
        for archive in archives {
            for member in archive.library() {
                let payload = Payload::Bytes(Cow::Borrowed(archive.bytes(&member)));
                files.entry(member.path).or_insert(PartFile {
                    payload,
                    executable: false,
                });
            }
        }
        let parents = files
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
        let directories: BTreeSet<String> = parents.collect();
        Part {
            root: root.to_owned(),
            directories: directories.into_iter().collect(),
            files,
            modules: Vec::new(),
            code: BTreeMap::new(),
            blocks: BTreeMap::new(),
            frames: BTreeMap::new(),
            placed: BTreeSet::new(),
        }
    }

    /// Adds what was made of the part's files, given by relative path.
    pub fn add_made(&mut self, made: &BTreeMap<&str, Made<'a>>) {
        for module in &self.modules {
            let Some(file) = &module.file else { continue };
            let Some(Made { code, block, .. }) = made.get(file.as_str()) else {
                continue;
            };
            let code = code.map(|code| (module.name.clone(), Cow::Borrowed(code)));
            self.code.extend(code);
            self.blocks
                .extend(block.map(|block| (module.name.clone(), block)));
        }
        let frame = |path: &String| Some((path.clone(), made.get(path.as_str())?.frame?));
        self.frames.extend(self.files.keys().filter_map(frame));
    }

    /// The part as a tree without anything on disk, to look for modules in.
    #[must_use]
    pub fn as_tree(&self) -> Tree {
        let file = |(path, file): (&String, &PartFile<'_>)| File {
            path: path.clone(),
            on_disk: std::path::PathBuf::new(),
            len: oxidize_format::Payload::len(&file.payload),
            stamp: Stamp::default(),
            executable: file.executable,
        };
        Tree {
            files: self.files.iter().map(file).collect(),
            directories: self.directories.clone(),
            left_out: Vec::new(),
        }
    }

    /// The virtual path of a relative one.
    #[must_use]
    pub fn virtual_path(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// The modules that have source.
    pub fn sources(&self) -> impl Iterator<Item = (&Module, &str)> {
        let sources = self
            .modules
            .iter()
            .filter(|module| module.kind == ModuleKind::Source);
        sources.filter_map(|module| Some((module, module.file.as_deref()?)))
    }

    /// Drops the modules that `keep` does not want, and their files: of a package all that lies in
    /// its directory.
    ///
    /// Whoever keeps a module keeps the packages above it. A directory without `__init__` stays
    /// with the package it lies in.
    pub fn retain_modules(&mut self, keep: impl Fn(&str) -> bool) {
        let stays = |module: &Module| match (module.kind, module.name.rsplit_once('.')) {
            (ModuleKind::Namespace, Some((parent, _))) => keep(&module.name) || keep(parent),
            _ => keep(&module.name),
        };
        let (kept, dropped): (Vec<_>, Vec<_>) = self.modules.drain(..).partition(stays);
        self.modules = kept;
        for module in dropped {
            self.code.remove(&module.name);
            module.file.inspect(|file| drop(self.files.remove(file)));
            if let Some(directory) = module.directory {
                let below = format!("{directory}/");
                self.files.retain(|path, _| !path.starts_with(&below));
                self.directories
                    .retain(|path| *path != directory && !path.starts_with(&below));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_package_takes_its_data_along() {
        let paths = [
            "a/__init__.py",
            "a/data/x.txt",
            "b/__init__.py",
            "b/icons/y.png",
            "c.py",
            "LICENSE",
        ];
        let file = |path: &&str| {
            let file = PartFile {
                payload: Payload::Bytes(Cow::Borrowed(b"")),
                executable: false,
            };
            ((*path).to_owned(), file)
        };
        let module = |name: &str, kind, file: Option<&str>, directory: Option<&str>| Module {
            name: name.to_owned(),
            kind,
            file: file.map(str::to_owned),
            directory: directory.map(str::to_owned),
        };
        let mut part = Part {
            root: "/~oxidize/lib/python3.13".to_owned(),
            directories: ["a", "a/data", "b", "b/icons"].map(str::to_owned).to_vec(),
            files: paths.iter().map(file).collect(),
            modules: vec![
                module("a", ModuleKind::Source, Some("a/__init__.py"), Some("a")),
                module("a.data", ModuleKind::Namespace, None, Some("a/data")),
                module("b", ModuleKind::Source, Some("b/__init__.py"), Some("b")),
                module("b.icons", ModuleKind::Namespace, None, Some("b/icons")),
                module("c", ModuleKind::Source, Some("c.py"), None),
            ],
            code: BTreeMap::new(),
            blocks: BTreeMap::new(),
            frames: BTreeMap::new(),
            placed: BTreeSet::new(),
        };
        part.retain_modules(|name| name == "a");
        let names: Vec<_> = part
            .modules
            .iter()
            .map(|module| module.name.as_str())
            .collect();
        assert_eq!(names, ["a", "a.data"]);
        assert_eq!(
            part.files.keys().collect::<Vec<_>>(),
            ["LICENSE", "a/__init__.py", "a/data/x.txt"]
        );
        assert_eq!(part.directories, ["a", "a/data"]);
    }
}
