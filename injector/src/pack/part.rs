//! One of the two halves of an application: its own files, or the standard library.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::collect::stdlib::Archive;
use crate::collect::{File, Module, ModuleKind, Tree};

use super::Payload;

/// Files below one virtual directory and the modules among them.
#[derive(Debug)]
pub struct Part<'a> {
    /// The virtual directory.
    pub root: &'static str,
    /// Directories, relative.
    pub directories: Vec<String>,
    /// Files by relative path.
    pub files: BTreeMap<String, PartFile<'a>>,
    /// The reachable modules, sorted by name.
    pub modules: Vec<Module>,
    /// Marshalled code by module name.
    pub code: BTreeMap<String, Cow<'a, [u8]>>,
}

/// A file of a part.
#[derive(Debug)]
pub struct PartFile<'a> {
    /// Its bytes.
    pub payload: Payload<'a>,
    /// Whether it may be executed.
    pub executable: bool,
}

impl<'a> Part<'a> {
    /// The application's own part; modules and code are added by the caller.
    #[must_use]
    pub fn application(root: &'static str, tree: &Tree) -> Part<'a> {
        let file = |file: &File| {
            let payload = Payload::File {
                path: file.on_disk.clone(),
                len: file.len,
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
            root,
            directories: tree.directories.clone(),
            files: tree.files.iter().map(file).collect(),
            modules: Vec::new(),
            code: BTreeMap::new(),
        }
    }

    /// The standard library's part from its archives. The first archive that has a path gives the file.
    #[must_use]
    pub fn library(root: &'static str, archives: &'a [Archive]) -> Part<'a> {
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
            root,
            directories: directories.into_iter().collect(),
            files,
            modules: Vec::new(),
            code: BTreeMap::new(),
        }
    }

    /// The part as a tree without anything on disk, to look for modules in.
    #[must_use]
    pub fn as_tree(&self) -> Tree {
        let file = |(path, file): (&String, &PartFile<'_>)| File {
            path: path.clone(),
            on_disk: std::path::PathBuf::new(),
            len: oxidize_format::Payload::len(&file.payload),
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

    /// Drops the modules that `keep` does not want, and their files.
    pub fn retain_modules(&mut self, keep: impl Fn(&str) -> bool) {
        let (kept, dropped): (Vec<_>, Vec<_>) = self
            .modules
            .drain(..)
            .partition(|module| keep(&module.name));
        self.modules = kept;
        for module in dropped {
            module.file.inspect(|file| drop(self.files.remove(file)));
            self.code.remove(&module.name);
        }
    }
}
