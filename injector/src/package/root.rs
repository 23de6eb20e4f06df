//! A tree of files, and where the program sees it.

use std::collections::BTreeSet;

use oxidize_format::Target;

use super::{Findings, PackageError, natives, wheels};
use crate::collect::{self, Distribution, Module, Tree};
use crate::pack::{NativeFile, Part};
use crate::python::Python;

/// Files on disk that appear below one virtual directory, and what of them Python can find.
///
/// The application is one root. Others stand beside it: installed packages, and what packages put
/// below the installation's prefix, which is on no search path.
pub(super) struct Root {
    /// The virtual directory.
    pub(super) prefix: String,
    /// The files.
    pub(super) tree: Tree,
    /// Modules that are importable when the prefix is on `sys.path`, sorted by name.
    pub(super) modules: Vec<Module>,
    /// Shared objects.
    pub(super) natives: Vec<NativeFile>,
    /// Distributions that leave their metadata here.
    pub(super) distributions: Vec<Distribution>,
    /// Whether the prefix is on `sys.path`.
    pub(super) is_searched: bool,
    /// What lies beside the executable: relative paths without a slash.
    pub(super) placed: BTreeSet<String>,
}

impl Root {
    /// A directory of the search path.
    ///
    /// # Errors
    /// Native code among the files does not run on the target.
    pub(super) fn searched(
        prefix: &str,
        tree: Tree,
        target: Target,
        python: Python,
        findings: &mut Findings,
    ) -> Result<Root, PackageError> {
        let distributions = collect::metadata::distributions(&tree)?;
        wheels::check(&tree, &distributions, target, python)?;
        let (natives, modules) = natives::find(&tree, target, python, &mut findings.warnings)?;
        Ok(Root {
            prefix: prefix.to_owned(),
            tree,
            modules,
            natives,
            distributions,
            is_searched: true,
            placed: BTreeSet::new(),
        })
    }

    /// A directory that is on no search path.
    pub(super) fn unsearched(prefix: &str, tree: Tree) -> Root {
        Root {
            prefix: prefix.to_owned(),
            tree,
            modules: Vec::new(),
            natives: Vec::new(),
            distributions: Vec::new(),
            is_searched: false,
            placed: BTreeSet::new(),
        }
    }

    /// The virtual path of a relative one.
    pub(super) fn virtual_path(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }

    /// What goes into the blob: the files with the modules among them, without code yet; shared
    /// objects and distributions by their virtual paths.
    ///
    /// # Errors
    /// What has the name of an extension module is no shared object.
    pub(super) fn into_part(
        mut self,
        target: Target,
    ) -> Result<(Part<'static>, Vec<NativeFile>, Vec<Distribution>), PackageError> {
        let mut part = Part::of_tree(&self.prefix, &self.tree);
        part.modules = std::mem::take(&mut self.modules);
        part.placed = std::mem::take(&mut self.placed);
        let mut natives = natives::reachable(std::mem::take(&mut self.natives), &part, target)?;
        for native in &mut natives {
            native.path = self.virtual_path(&native.path);
        }
        let mut distributions = std::mem::take(&mut self.distributions);
        for distribution in &mut distributions {
            distribution.directory = self.virtual_path(&distribution.directory);
        }
        Ok((part, natives, distributions))
    }
}
