//! Where stubs come from.
//!
//! A stub is looked for as a *bundle*: the executable, and the archives of the standard library and
//! of the target's own files. In a source checkout they lie in `target/release` (the host's) or
//! `target/stubs/TARGET`, and in `prebuilt/distributions`. Published ones are fetched, as wheels,
//! from directories or from a package index into a [`store`]; which of them to trust is [`listed`]
//! in this program, so that a place to fetch from need not be trusted.

pub mod fetch;
pub mod index;
pub mod listed;
pub mod manifest;
pub mod pip;
pub mod store;
pub mod wheel;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use oxidize_format::target::{Target, UnknownTarget};
use thiserror::Error;

use crate::cache::Cache;
use crate::container::ContainerError;
use crate::container::{self, Slot};
use crate::http::HttpError;
use crate::mmap::Map;
use crate::progress::Progress;
use crate::python;
use fetch::Fetcher;
use listed::Listed;
use manifest::Sha256Sum;
use store::{Bundle, Store};

/// A stub that can be packaged with.
#[derive(Debug)]
pub struct Stub {
    /// The executable.
    pub path: PathBuf,
    /// Its bytes.
    pub image: Map,
    /// Its slot.
    pub slot: Slot,
    /// What it is for.
    pub target: Target,
    /// Archive of the standard library.
    pub library: PathBuf,
    /// Archive of what only this target has; a stub given by hand may do without.
    pub platform: Option<PathBuf>,
    /// How it was found.
    pub origin: Origin,
}

/// How a stub was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Somebody named it.
    Given,
    /// It lies beside this program, or in the checkout that this program was built in.
    Beside,
    /// It is in the store.
    Stored {
        /// Whether this version of the tool lists it.
        listed: bool,
        /// Where it was fetched from just now.
        fetched: Option<String>,
    },
}

/// Where to look for stubs that are not available locally.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Directories with wheels.
    pub find_links: Vec<PathBuf>,
    /// The package index, if it is not the one that pip uses.
    pub index_url: Option<String>,
    /// Ask no server.
    pub offline: bool,
    /// Take stubs too that this version of the tool does not list.
    pub allow_unlisted: bool,
}

/// No usable stub.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StubError {
    /// No stub for this target was found.
    #[error("there is no stub for {target}")]
    NotFound {
        /// The target.
        target: Target,
        /// The command that makes one.
        command: String,
    },
    /// Nobody makes stubs for this target.
    #[error(transparent)]
    Unsupported(#[from] UnknownTarget),
    /// The standard library was not found.
    #[error("the standard library archive `{name}` that belongs to `{}` was not found", stub.display())]
    NoLibrary {
        /// The stub.
        stub: PathBuf,
        /// File name of the archive.
        name: String,
    },
    /// The file could not be read.
    #[error("cannot read the stub `{}`", path.display())]
    Io {
        /// The stub.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no stub.
    #[error("`{}` is not a stub", path.display())]
    NotAStub {
        /// The file.
        path: PathBuf,
        /// What is wrong; `None` for a file that has nothing to do with us.
        source: Option<ContainerError>,
    },
    /// Its machine or system is none we know.
    #[error("`{}` is a stub for an unknown target", .0.display())]
    UnknownTarget(PathBuf),
    /// It is for another target than the one asked for.
    #[error("the stub `{}` is for {found}, not for {wanted}", path.display())]
    OtherTarget {
        /// The stub.
        path: PathBuf,
        /// Its target.
        found: String,
        /// The target asked for.
        wanted: Target,
    },
    /// The manifest of a stub is invalid.
    #[error("the stub's manifest is invalid: {problem}")]
    Manifest {
        /// What is wrong.
        problem: String,
    },
    /// A stub in the store is not what it was.
    #[error("the stub in `{}` is damaged: {problem}", directory.display())]
    Damaged {
        /// Its directory.
        directory: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The store cannot be used.
    #[error("cannot use the stub cache `{}`", path.display())]
    Cache {
        /// Its directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// This is no wheel of a stub, or only a part of one.
    #[error("`{origin}` is not a complete stub wheel")]
    Unreadable {
        /// The file or URL.
        origin: String,
        /// What is wrong.
        source: io::Error,
    },
    /// A file in a wheel is not the one that the manifest lists.
    #[error("`{file}` in `{origin}` is not the file that its manifest lists")]
    Altered {
        /// The file or URL.
        origin: String,
        /// The file in it.
        file: String,
    },
    /// Another stub than those of this version.
    #[error(
        "`{origin}` is not the stub for {target} that this version of oxidize-inject was made for"
    )]
    NotListed {
        /// The file or URL.
        origin: String,
        /// Its target.
        target: String,
    },
    /// It would have to be fetched.
    #[error("there is no local stub for {0}, and none may be fetched")]
    Offline(Target),
    /// pip is configured to use no index.
    #[error(
        "the stub is not available locally, and pip is configured to use no index (`no-index`)"
    )]
    NoIndex,
    /// The index does not have it.
    #[error("there is no `{wheel}` on {index}")]
    NotOnIndex {
        /// File name of the wheel.
        wheel: String,
        /// The index, without credentials.
        index: String,
    },
    /// What the index answers cannot be understood.
    #[error("{url} is not a page of a package index: {problem}")]
    Page {
        /// The page, without credentials.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// A download has another digest than the index has announced.
    #[error("the file from {0} does not match the digest in the index")]
    NotWhatTheIndexSays(String),
    /// A directory of wheels cannot be read.
    #[error("cannot read `{}`", path.display())]
    FindLinks {
        /// The wheel in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A server was of no help.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It was built for another version of this tool.
    #[error("the stub `{}` has ABI version {found}, this tool needs {}", path.display(), python::STUB_ABI)]
    OtherAbi {
        /// The stub.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// The target to package for when none is given: the system this runs on.
#[must_use]
pub fn host_target() -> Target {
    let arm = env::consts::ARCH == "aarch64";
    // Programs for glibc name their loader by this path. The command itself may be static and tells
    // nothing about the system.
    let loader = if arm {
        "/lib/ld-linux-aarch64.so.1"
    } else {
        "/lib64/ld-linux-x86-64.so.2"
    };
    system_target(env::consts::OS, arm, Path::new(loader).exists())
}

fn system_target(os: &str, arm: bool, glibc: bool) -> Target {
    match (os, arm) {
        ("macos", true) => Target::AARCH64_MACOS,
        ("macos", false) => Target::X86_64_MACOS,
        ("windows", _) => Target::X86_64_WINDOWS,
        (_, true) if glibc => Target::AARCH64_LINUX_GNU,
        (_, true) => Target::AARCH64_LINUX_MUSL,
        (_, false) if glibc => Target::X86_64_LINUX_GNU,
        (_, false) => Target::X86_64_LINUX_MUSL,
    }
}

/// Finds stubs.
#[derive(Debug)]
pub struct Finder<'f> {
    store: Store,
    listed: Listed,
    sources: &'f Sources,
    progress: &'f dyn Progress,
}

impl<'f> Finder<'f> {
    /// A finder that keeps what it fetches in this cache.
    #[must_use]
    pub fn new(cache: &Cache, sources: &'f Sources, progress: &'f dyn Progress) -> Finder<'f> {
        Finder::trusting(Listed::compiled_in(), cache, sources, progress)
    }

    /// A finder that trusts this list.
    #[must_use]
    pub fn trusting(
        listed: Listed,
        cache: &Cache,
        sources: &'f Sources,
        progress: &'f dyn Progress,
    ) -> Finder<'f> {
        Finder {
            store: Store::at(cache.root()),
            listed,
            sources,
            progress,
        }
    }

    /// The stubs in the cache.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The stubs that are trusted.
    #[must_use]
    pub fn listed(&self) -> &Listed {
        &self.listed
    }

    /// The stub given by hand, or else the one for `target`, fetched if need be.
    ///
    /// # Errors
    /// There is no stub for the target, it is for another target than asked, or it is not listed.
    pub fn find(&self, given: Option<&Path>, target: Option<Target>) -> Result<Stub, StubError> {
        if let Some(path) = given {
            let stub = open(path, Origin::Given)?;
            return match target {
                Some(wanted) if wanted != stub.target => Err(StubError::OtherTarget {
                    path: stub.path,
                    found: stub.target.triple().to_owned(),
                    wanted,
                }),
                _ => Ok(stub),
            };
        }
        let target = target.unwrap_or_else(host_target);
        if let Some(stub) = self.local(target)? {
            return Ok(stub);
        }
        if !Target::ALL.contains(&target) {
            return Err(UnknownTarget(target.triple().to_owned()).into());
        }
        match self.fetcher().fetch(target)? {
            Some(fetched) => self.stored(&fetched.bundle, Some(fetched.origin)),
            None => Err(not_found(target)),
        }
    }

    /// The stub for `target` if it is available locally: beside this program, or in the cache.
    ///
    /// # Errors
    /// The stub that is there is damaged.
    pub fn local(&self, target: Target) -> Result<Option<Stub>, StubError> {
        for candidate in candidates(target) {
            if candidate.is_file() {
                let stub = open(&candidate, Origin::Beside)?;
                if stub.target == target {
                    return Ok(Some(stub));
                }
            }
        }
        self.cached(target)?
            .map(|bundle| self.stored(&bundle, None))
            .transpose()
    }

    /// The stub for `target` in the cache: the listed one, or, if these are allowed, any other.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn cached(&self, target: Target) -> Result<Option<Bundle>, StubError> {
        let listed = self
            .listed
            .find(target)
            .and_then(|trusted| self.store.get(trusted.manifest));
        if listed.is_some() || !self.sources.allow_unlisted {
            return Ok(listed);
        }
        let usable = |bundle: &Bundle| {
            let manifest = &bundle.manifest;
            (&*manifest.target, &*manifest.python_version, manifest.abi)
                == (target.triple(), python::VERSION, python::STUB_ABI)
        };
        let bundles = self
            .store
            .entries()?
            .into_iter()
            .filter_map(|entry| entry.bundle.ok());
        Ok(bundles.into_iter().find(usable))
    }

    /// What fetches.
    #[must_use]
    pub fn fetcher(&self) -> Fetcher<'_> {
        Fetcher::new(&self.store, &self.listed, self.sources, self.progress)
    }

    fn stored(&self, bundle: &Bundle, fetched: Option<String>) -> Result<Stub, StubError> {
        let listed = self.listed.trusts(bundle.digest);
        open(&bundle.program(), Origin::Stored { listed, fetched })
    }

    /// Whether this version of the tool lists an executable with these bytes.
    #[must_use]
    pub fn lists(&self, image: &[u8]) -> bool {
        let sum = Sha256Sum::of(image);
        self.listed
            .stubs
            .iter()
            .any(|trusted| trusted.sha256 == sum)
    }
}

/// Nobody publishes a stub for this target; it can be made.
#[must_use]
pub fn not_found(target: Target) -> StubError {
    let command = if target == host_target() {
        "cargo build --release -p oxidize-stub".to_owned()
    } else {
        format!("cargo run --release -p oxidize-prebuilt -- stub --target {target}")
    };
    StubError::NotFound { target, command }
}

/// File name of a target's stub.
#[must_use]
pub fn program_name(target: Target) -> String {
    target.program_name("oxidize-stub")
}

/// Places that are as trustworthy as this program itself: its own directory, and the `target`
/// directory it was built in.
fn candidates(target: Target) -> Vec<PathBuf> {
    let (name, triple) = (program_name(target), target.triple());
    let mut places = Vec::new();
    let Some(beside) = own_directory() else {
        return places;
    };
    if target == host_target() {
        places.push(beside.join(&name));
    }
    places.push(beside.join("stubs").join(triple).join(&name));
    for directory in beside.ancestors() {
        let built = directory.join("target");
        if is_checkout(directory) && beside.starts_with(&built) {
            places.push(built.join("stubs").join(triple).join(&name));
            if target == host_target() {
                places.push(built.join("release").join(&name));
            }
        }
    }
    places
}

fn own_directory() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    Some(fs::canonicalize(own).ok()?.parent()?.to_owned())
}

const DISTRIBUTIONS: &str = "prebuilt/distributions";

fn is_checkout(directory: &Path) -> bool {
    directory.join(DISTRIBUTIONS).join("lock.toml").is_file()
}

fn open(path: &Path, origin: Origin) -> Result<Stub, StubError> {
    let io = |source| StubError::Io {
        path: path.to_owned(),
        source,
    };
    let image = Map::open(path).map_err(io)?;
    let not_ours = |source| StubError::NotAStub {
        path: path.to_owned(),
        source,
    };
    let slot = container::detect(&image)
        .map_err(|error| not_ours(Some(error)))?
        .ok_or_else(|| not_ours(None))?;
    if slot.abi != python::STUB_ABI {
        return Err(StubError::OtherAbi {
            path: path.to_owned(),
            found: slot.abi,
        });
    }
    let target =
        container::target(&image).ok_or_else(|| StubError::UnknownTarget(path.to_owned()))?;
    let library = format!("cpython-{}-stdlib.tar.zst", slot.python);
    let library = archive(path, &library).ok_or_else(|| StubError::NoLibrary {
        stub: path.to_owned(),
        name: library,
    })?;
    let platform = archive(path, &format!("cpython-{}-{target}.tar.zst", slot.python));
    Ok(Stub {
        path: path.to_owned(),
        image,
        slot,
        target,
        library,
        platform,
        origin,
    })
}

/// Beside the stub, else in the checkout that the stub or this program lies in.
fn archive(stub: &Path, name: &str) -> Option<PathBuf> {
    let stub = fs::canonicalize(stub).ok()?;
    let beside = stub.parent()?.join(name);
    let own = own_directory();
    let above = stub
        .ancestors()
        .chain(own.as_deref().into_iter().flat_map(Path::ancestors));
    let checkouts = above.map(|directory| directory.join(DISTRIBUTIONS).join(name));
    std::iter::once(beside)
        .chain(checkouts)
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_glibc_gets_static_programs() {
        let linux = |arm, glibc| system_target("linux", arm, glibc);
        assert_eq!(linux(false, true), Target::X86_64_LINUX_GNU);
        assert_eq!(linux(false, false), Target::X86_64_LINUX_MUSL);
        assert_eq!(linux(true, true), Target::AARCH64_LINUX_GNU);
        assert_eq!(linux(true, false), Target::AARCH64_LINUX_MUSL);
        let mac = system_target("macos", true, false);
        assert_eq!(mac, Target::AARCH64_MACOS);
    }
}
