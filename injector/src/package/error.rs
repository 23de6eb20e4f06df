//! Why packaging failed, and what the user can do about it.

use std::path::PathBuf;

use oxidize_format::Target;
use thiserror::Error;

use super::wheels;
use crate::compile::{self, bootstrap};
use crate::{collect, container, entry, image, output, pack, sign, stubs, windows};

/// How wheels of another system are installed among the resources.
const INSTALL: &str =
    "python3 -m pip install --upgrade --target DIR --only-binary :all: --python-version 3.13";

/// Packaging failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// There is no stub.
    #[error(transparent)]
    Stub(#[from] stubs::Error),
    /// The resources cannot be packaged.
    #[error(transparent)]
    Collect(#[from] collect::Error),
    /// The entry cannot be made out.
    #[error(transparent)]
    Entry(#[from] entry::Error),
    /// The bytecode compiler could not be made.
    #[error("cannot set up the bytecode compiler")]
    Bootstrap(#[source] bootstrap::Error),
    /// The bytecode compiler failed.
    #[error(transparent)]
    Compile(#[from] compile::BatchError),
    /// Packing failed.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// Injection failed.
    #[error("cannot inject into the stub `{}`", stub.display())]
    Container {
        /// The stub.
        stub: PathBuf,
        /// What is wrong.
        source: container::Error,
    },
    /// The programs of a universal file do not fit together.
    #[error("cannot join the programs for both processors")]
    Universal(#[source] image::Error),
    /// A Windows program cannot look like that.
    #[error(transparent)]
    Windows(#[from] windows::Error),
    /// The program cannot be signed.
    #[error(transparent)]
    Sign(#[from] sign::Error),
    /// An option that the target has no place for.
    #[error("`{option}` is for {system}, and the target is {target}")]
    Misfit {
        /// The option.
        option: &'static str,
        /// The systems that have it.
        system: &'static str,
        /// The target, or whatever the program is for.
        target: String,
    },
    /// A name that is a path on Windows.
    #[error("the name of `{0}` has a backslash, which separates directories on Windows")]
    Backslash(String),
    /// Several stubs for one program.
    #[error("several stubs were given for one program")]
    TooManyStubs,
    /// The cache cannot be used.
    #[error("cannot use the cache directory")]
    Cache(#[source] std::io::Error),
    /// Native code for another machine.
    #[error("`{path}` is native code for another machine than {target}")]
    OtherMachine {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: Target,
    },
    /// The file of an extension module cannot be one.
    #[error(
        "`{path}` has the name of an extension module for {target}, but is none that can be read"
    )]
    Unreadable {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: Target,
    },
    /// Required packages could not be had.
    #[error(transparent)]
    Require(#[from] crate::require::Error),
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
    #[error("`{path}` is an extension module for another system than {target}")]
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
    /// `--include` names nothing.
    #[error(
        "`--include {0}` matches neither a file of the resources nor a module of the standard library"
    )]
    NothingToInclude(String),
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Stub(error) => error.hint(),
            Error::Collect(error) => error.hint().map(str::to_owned),
            Error::Entry(error) => error.hint(),
            Error::Windows(error) => error.hint().map(str::to_owned),
            Error::Sign(error) => error.hint().map(str::to_owned),
            Error::Misfit { .. } => {
                Some("leave the option out, or name another system with `--target`".to_owned())
            }
            Error::TooManyStubs => Some("`--target universal2-apple-darwin` takes two".to_owned()),
            Error::Container { source: container::Error::Altered, .. } => {
                Some("use the stub it was made from: `--stub FILE`".to_owned())
            }
            Error::OtherMachine { target, .. } | Error::ForeignExtension { target, .. } => {
                wheels::pip_platform(*target).map(|platform| {
                    format!("install the target's wheel of that package: `{INSTALL} --platform {platform} ...`")
                })
            }
            Error::Require(error) => error.hint(),
            Error::ForeignWheel { wheel, target, .. } => wheels::pip_platform(*target).map(|platform| {
                format!("install the target's wheel: `{INSTALL} --platform {platform} {wheel}`")
            }),
            Error::Unreadable { .. } => Some("install that package again: the file may be damaged".to_owned()),
            Error::StaticTarget { .. } => Some(
                "package for the gnu target of the same machine, or install the package without its compiled part".to_owned(),
            ),
            Error::Bootstrap(_) | Error::Compile(compile::BatchError::Worker(_)) => {
                Some("if this persists, remove the cache directory: OXIDIZE_CACHE_DIR, else ~/.cache/oxidize-inject".to_owned())
            }
            _ => None,
        }
    }
}
