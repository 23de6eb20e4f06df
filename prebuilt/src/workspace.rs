//! One build of one target: its folders, tools and variables.
//!
//! Layout of the work folder: `src` unpacked sources, `build` objects and configured trees, `out`
//! staging of libraries with an install step, `deps/{include,lib}` what libraries provide, `bin`
//! wrappers, `dist/python` the distribution.

use crate::fetch::Fetcher;
use crate::files::copy_tree;
use crate::recipe::{Recipes, Target, Variables};
use crate::zig::Zig;
use anyhow::Result;
use std::path::PathBuf;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Workspace<'a> {
    /// Everything that can be built.
    pub recipes: &'a Recipes,
    /// For what it is built.
    pub target: &'a Target,
    /// The compiler.
    pub zig: &'a Zig,
    /// Where sources come from.
    pub fetcher: &'a Fetcher<'a>,
    /// The work folder.
    pub work: PathBuf,
    /// Compilations at a time.
    pub jobs: usize,
    /// The interpreter counts how often each of its branches is taken, see `profile`.
    pub instrumented: bool,
    /// For recipe strings.
    pub variables: Variables,
}

impl<'a> Workspace<'a> {
    /// Creates the folders and wrappers.
    pub(crate) fn new(
        recipes: &'a Recipes,
        target: &'a Target,
        zig: &'a Zig,
        fetcher: &'a Fetcher<'a>,
        work: PathBuf,
        jobs: usize,
    ) -> Result<Self> {
        std::fs::create_dir_all(&work)?;
        let work = work.canonicalize()?;
        let mut place = Self {
            recipes,
            target,
            zig,
            fetcher,
            work,
            jobs,
            instrumented: false,
            variables: Variables::default(),
        };
        std::fs::create_dir_all(place.lib())?;
        std::fs::create_dir_all(place.include())?;
        // Where the compiler replaces the folder's name in what it writes.
        copy_tree(&recipes.root.join("support"), &place.support())?;
        zig.write_wrappers(target, &place.work, &place.wrappers())?;
        let python = &recipes.cpython.python;
        let mut variables = Variables::default();
        variables
            .set("version", &python.version)
            .set("short", python.short())
            .set("prefix", &python.prefix)
            .set("platform", &target.python.platform)
            .set("multiarch", &target.python.multiarch)
            .set("soabi", &target.python.soabi)
            .set("autoconf", &target.autoconf)
            .set("openssl", &target.openssl)
            .set("openssl_dir", &target.openssl_dir)
            .set_path("support", &place.support())
            .set("jobs", jobs.to_string())
            .set_path("generated", &place.work.join("generated"))
            .set_path(
                "target_generated",
                &place.work.join("generated").join(&target.triple),
            )
            .set_path("include", &place.include())
            .set_path("lib", &place.lib());
        place.variables = variables;
        Ok(place)
    }

    /// Static libraries that are done.
    pub(crate) fn lib(&self) -> PathBuf {
        self.work.join("deps/lib")
    }

    /// Headers of the libraries that are done.
    pub(crate) fn include(&self) -> PathBuf {
        self.work.join("deps/include")
    }

    /// `cc`, `ar`, `ranlib`.
    pub(crate) fn wrappers(&self) -> PathBuf {
        self.work.join("bin")
    }

    /// A copy of `prebuilt/support`: the compiler replaces the work folder's name in what it
    /// writes.
    pub(crate) fn support(&self) -> PathBuf {
        self.work.join("support")
    }

    /// The distribution that is put together; the archive's `python/`.
    pub(crate) fn dist(&self) -> PathBuf {
        self.work.join("dist/python")
    }
}
