//! Writing a blob: collect entries, fix the layout, then stream the bytes.

mod data;
mod entries;
mod error;
mod layout;
mod rebuild;
mod strings;
mod tables;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

pub use entries::{
    Content, DistributionEntry, FileEntry, HeaderFields, ModuleEntry, NativeEntry, Payload,
};
pub use error::WriteError;
pub use layout::{Layout, Piece};
pub use rebuild::RebuildError;

use crate::config::RunOptions;
use crate::names;
use tree::TreeBuilder;

/// Collects the content of a blob. The bytes depend on what was added, never on the order of
/// adding; only the order of hot data is the caller's to choose.
///
/// The writer holds tables, not data: payloads of type `P` are kept as they were given and
/// handed back by [`Layout::pieces`].
#[derive(Debug)]
pub struct Writer<P> {
    fields: HeaderFields,
    config: RunOptions,
    tree: TreeBuilder<P>,
    modules: BTreeMap<String, ModuleEntry<P>>,
    /// By (soname, name), the table's order.
    natives: BTreeMap<(String, String), NativeEntry<P>>,
    native_names: BTreeSet<String>,
    distributions: BTreeMap<String, DistributionEntry>,
    snapshot: Option<Content<P>>,
    licenses: Option<Content<P>>,
    hot_order: Vec<(String, u8)>,
}

impl<P: Payload> Writer<P> {
    /// An empty writer. The tree has its root already.
    pub fn new(fields: HeaderFields) -> Self {
        Self {
            config: RunOptions::default(),
            tree: TreeBuilder::new(fields.root.clone()),
            fields,
            modules: BTreeMap::new(),
            natives: BTreeMap::new(),
            native_names: BTreeSet::new(),
            distributions: BTreeMap::new(),
            snapshot: None,
            licenses: None,
            hot_order: Vec::new(),
        }
    }

    /// Sets how to start the interpreter and what to run.
    pub fn set_run_config(&mut self, config: RunOptions) {
        self.config = config;
    }

    /// Adds a file at a full virtual path, and the directories above it.
    ///
    /// # Errors
    ///
    /// A path that is malformed, taken, or needed as a directory.
    pub fn add_file(&mut self, path: &str, file: FileEntry<P>) -> Result<(), WriteError> {
        check_content(path, &file.content)?;
        self.tree.add_file(path, file)
    }

    /// Adds a directory at a full virtual path, and those above it. Adding one twice is fine.
    ///
    /// # Errors
    ///
    /// A path that is malformed or taken by a file.
    pub fn add_directory(&mut self, path: &str) -> Result<(), WriteError> {
        self.tree.add_directory(path)
    }

    /// Adds a module. Files and native images it refers to may be added later.
    ///
    /// # Errors
    ///
    /// A malformed or taken name, a malformed path, bytecode that shares a file's data.
    pub fn add_module(&mut self, module: ModuleEntry<P>) -> Result<(), WriteError> {
        names::check_module(&module.name).map_err(bad_name("module", &module.name))?;
        if let Some(path) = &module.path {
            let below =
                names::below_root(self.tree.root(), path).map_err(bad_name("module path", path))?;
            if below.is_empty() {
                return Err(bad_name("module path", path)(
                    "it is below the virtual root",
                ));
            }
        }
        if let Some(source) = &module.source {
            check_content(&module.name, source)?;
        }
        for bytecode in module.bytecode.iter().flatten() {
            check_content(&module.name, bytecode)?;
            check_own(&module.name, bytecode)?;
        }
        if self.modules.contains_key(&module.name) {
            return Err(WriteError::Duplicate {
                table: "module",
                name: module.name,
            });
        }
        self.modules.insert(module.name.clone(), module);
        Ok(())
    }

    /// Adds an extension module's or a shared library's image.
    ///
    /// # Errors
    ///
    /// A malformed or taken name.
    pub fn add_native(&mut self, native: NativeEntry<P>) -> Result<(), WriteError> {
        names::check_text(&native.name).map_err(bad_name("native image", &native.name))?;
        for soname in native.soname.iter().chain(&native.needed) {
            names::check_text(soname).map_err(bad_name("soname", soname))?;
        }
        check_content(&native.name, &native.content)?;
        if !self.native_names.insert(native.name.clone()) {
            return Err(WriteError::Duplicate {
                table: "native image",
                name: native.name,
            });
        }
        let key = (
            native.soname.clone().unwrap_or_default(),
            native.name.clone(),
        );
        self.natives.insert(key, native);
        Ok(())
    }

    /// Adds an installed distribution. Its directory may be added later.
    ///
    /// # Errors
    ///
    /// A malformed or taken name.
    pub fn add_distribution(&mut self, entry: DistributionEntry) -> Result<(), WriteError> {
        names::check_text(&entry.normalised)
            .map_err(bad_name("distribution", &entry.normalised))?;
        for text in [&entry.name, &entry.version] {
            names::check_string(text).map_err(bad_name("distribution", text))?;
        }
        if self.distributions.contains_key(&entry.normalised) {
            return Err(WriteError::Duplicate {
                table: "distribution",
                name: entry.normalised,
            });
        }
        self.distributions.insert(entry.normalised.clone(), entry);
        Ok(())
    }

    /// Sets the snapshot. It must bring its own bytes.
    ///
    /// # Errors
    ///
    /// Content that shares a file's data.
    pub fn set_snapshot(&mut self, content: Content<P>) -> Result<(), WriteError> {
        check_content("the snapshot", &content)?;
        check_own("the snapshot", &content)?;
        self.snapshot = Some(content);
        Ok(())
    }

    /// Sets the licence texts of everything in the blob.
    ///
    /// # Errors
    ///
    /// A declared length that is not the payload's.
    pub fn set_licenses(&mut self, content: Content<P>) -> Result<(), WriteError> {
        check_content("the licence texts", &content)?;
        self.licenses = Some(content);
        Ok(())
    }

    /// Chooses the order of bytecode in the blob: module names with their `-O` level, first to
    /// be loaded first. What is not listed follows by level, then name; what is listed but
    /// not there is passed over.
    pub fn set_hot_order(&mut self, order: impl IntoIterator<Item = (String, u8)>) {
        self.hot_order = order.into_iter().collect();
    }

    /// Fixes every offset.
    ///
    /// # Errors
    ///
    /// References to what was not added, contradictions in the run configuration, counts or
    /// lengths beyond the format's fields.
    pub fn layout(self) -> Result<Layout<P>, WriteError> {
        layout::layout(self)
    }
}

fn bad_name(what: &'static str, name: &str) -> impl FnOnce(&'static str) -> WriteError {
    move |rule| WriteError::BadName {
        what,
        name: name.to_owned(),
        rule,
    }
}

fn check_own<P>(from: &str, content: &Content<P>) -> Result<(), WriteError> {
    match content {
        Content::File(_) => Err(WriteError::NotShared {
            from: from.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn check_content<P: Payload>(from: &str, content: &Content<P>) -> Result<(), WriteError> {
    match content {
        Content::Stored {
            payload,
            length,
            compression: crate::Compression::None,
        } if payload.len() != *length => Err(WriteError::LengthMismatch {
            from: from.to_owned(),
            declared: *length,
            stored: payload.len(),
        }),
        Content::External { path, .. } => {
            names::check_relative(path).map_err(bad_name("relative path", path))
        }
        _ => Ok(()),
    }
}
