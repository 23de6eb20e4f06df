//! Why packaging failed, and what the user can do about it.

use std::path::PathBuf;

use oxidize_format::Target;
use thiserror::Error;

use super::Feature;
use crate::appearance::AppearanceError;
use crate::collect::CollectError;
use crate::compile;
use crate::compile::bootstrap::BootstrapError;
use crate::container::ContainerError;
use crate::entry::EntryError;
use crate::image::ImageError;
use crate::output::OutputError;
use crate::pack::PackError;
use crate::require::RequireError;
use crate::sign::SignError;
use crate::snapshot::SnapshotError;
use crate::stubs::StubError;

/// Packaging failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackageError {
    /// Bytecode is made by the host's stub, which is of another Python.
    #[error(
        "the stub `{}` is of Python {python}, and the stub of this machine, which compiles for it, of {host}",
        stub.display()
    )]
    OtherPython {
        /// The stub that was given.
        stub: PathBuf,
        /// Its Python.
        python: String,
        /// That of the host's stub.
        host: String,
    },
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// There is no stub.
    #[error(transparent)]
    Stub(#[from] StubError),
    /// The resources cannot be packaged.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The entry cannot be made out.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The bytecode compiler could not be made.
    #[error("cannot set up the bytecode compiler")]
    Bootstrap(#[source] BootstrapError),
    /// The bytecode compiler failed.
    #[error(transparent)]
    Compile(#[from] compile::BatchError),
    /// Packing failed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// Injection failed.
    #[error("cannot inject into the stub `{}`", stub.display())]
    Container {
        /// The stub.
        stub: PathBuf,
        /// What is wrong.
        source: ContainerError,
    },
    /// The programs of a universal file do not fit together.
    #[error("cannot join the programs for both processors")]
    Universal(#[source] ImageError),
    /// A Windows program cannot look like that.
    #[error(transparent)]
    Appearance(#[from] AppearanceError),
    /// The program cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A Windows program with extension modules that could not find it.
    #[error(
        "`{output}` is not plain ASCII, and Windows would not find it for the extension module `{module}`"
    )]
    NotAscii {
        /// The program's file name.
        output: String,
        /// The first module.
        module: String,
    },
    /// A Windows program with extension modules that have no room for its name.
    #[error("the name `{output}` is too long for the module `{module}`, which imports from it")]
    LongName {
        /// The program's file name.
        output: String,
        /// The first module without room for it.
        module: String,
    },
    /// A native module cannot be signed.
    #[error("the module `{path}` cannot be signed")]
    SignModule {
        /// Its virtual path.
        path: String,
        /// Why.
        source: SignError,
    },
    /// There is no start snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Something that the target does not have.
    #[error("{feature} is for {system}, but the target is {target}")]
    Misfit {
        /// What was asked for.
        feature: Feature,
        /// The systems that have it.
        system: &'static str,
        /// The target, or whatever the program is for.
        target: String,
    },
    /// A name that is no file's on Windows.
    #[error("the name of `{path}` {problem}")]
    WindowsName {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Several stubs for one program.
    #[error("several stubs were given for one program")]
    TooManyStubs,
    /// The cache cannot be used.
    #[error("cannot use the cache directory")]
    Cache(#[source] std::io::Error),
    /// Native code for another machine.
    #[error("`{path}` is native code, but not for {target}")]
    OtherMachine {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: Target,
    },
    /// The file of an extension module cannot be one.
    #[error("`{path}` is named like an extension module for {target}, but cannot be read as one")]
    Unreadable {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: Target,
    },
    /// Required packages could not be had.
    #[error(transparent)]
    Require(#[from] RequireError),
    /// A wheel for another system or Python was installed among the resources.
    #[error("`{path}` came with a wheel for {tags}, which does not run on {target}")]
    ForeignWheel {
        /// A native file of it, relative to the resources.
        path: String,
        /// Name and version, as pip takes them.
        wheel: String,
        /// What it is for.
        tags: String,
        /// The target.
        target: Target,
    },
    /// An extension module of another system, of which no wheel is known.
    #[error("`{path}` is an extension module, but not for {target}")]
    ForeignExtension {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: Target,
    },
    /// An extension module in an application that cannot load any.
    #[error("`{path}` is an extension module, and {target} is static: it cannot load any")]
    StaticTarget {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: Target,
    },
    /// Some outputs have taken their places when another could not.
    #[error("{} has been replaced, but another output could not be", list(done))]
    Partly {
        /// What is in its place.
        done: Vec<PathBuf>,
        /// Why the next is not.
        source: OutputError,
    },
    /// Two programs of one run with one name.
    #[error("two programs would be written to `{}`", .0.display())]
    SameOutput(PathBuf),
    /// A target was named twice.
    #[error("the target {0} is named twice")]
    SameTarget(Target),
    /// A stub for a target that nothing is packaged for.
    #[error("the stub `{}` is for {target}, which is not one of the targets", path.display())]
    StrayStub {
        /// The stub.
        path: PathBuf,
        /// Its target.
        target: Target,
    },
    /// Two entry points with one name.
    #[error("two entry points have the name `{0}`")]
    SameName(String),
    /// What is to lie beside the executable is not there.
    #[error("there is no package `{0}` to place beside the executable")]
    NothingToPlace(String),
    /// Files beside a program for two processors, which they would have to suit both.
    #[error("`{0}` cannot be placed beside a universal program")]
    PlacedUniversal(String),
    /// What is to be included is not there.
    #[error("`{0}` is neither a file of the resources nor a module of the standard library")]
    NothingToInclude(String),
}

/// Paths in a sentence.
fn list(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    names.join(", ")
}
