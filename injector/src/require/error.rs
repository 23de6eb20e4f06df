//! Why packages could not be had.

use std::io;
use std::path::PathBuf;

use oxidize_format::Target;
use serde::Deserialize;
use thiserror::Error;

use crate::python::Python;

/// Required packages could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequireError {
    /// pip failed for a reason of which there is no more to say.
    #[error("pip failed: {0}")]
    Pip(String),
    /// No index and no directory has the project, or none of its versions will do.
    #[error("no version of {name} satisfies `{wanted}`")]
    NotFound {
        /// The project.
        name: String,
        /// What is wanted.
        wanted: String,
        /// The versions there are, the newest first.
        versions: Vec<String>,
        /// Whether no index was asked.
        offline: bool,
    },
    /// An index does not answer.
    #[error("cannot look for {name} at {url}: {reason}")]
    Unreachable {
        /// The project.
        name: String,
        /// What was asked.
        url: String,
        /// What came of it.
        reason: String,
    },
    /// There are wheels, but none for the target.
    #[error(
        "{name} {version} has no wheel for {target}, only for {}",
        shortened(tags, *python)
    )]
    NoWheel {
        /// The project.
        name: String,
        /// Its version.
        version: String,
        /// The target.
        target: Target,
        /// The Python.
        python: Python,
        /// The tags of the wheels there are.
        tags: Vec<String>,
        /// The nearest version that has one.
        nearest: Option<String>,
    },
    /// Requirements contradict each other.
    #[error("no version of {name} satisfies all of: {}", wanted.join(", "))]
    Conflict {
        /// The project.
        name: String,
        /// What is wanted, and by whom.
        wanted: Vec<String>,
    },
    /// What was fetched is not what the requirements file states.
    #[error("a hash does not match: {0}")]
    Hash(String),
    /// A project has no wheel and could not be built.
    #[error("{step} failed:\n  {}", output.join("\n  "))]
    Build {
        /// The step, in pip's words.
        step: String,
        /// What the build said last.
        output: Vec<String>,
    },
    /// A project was built from source and is not pure Python.
    #[error("`{file}` has no wheel on the index, and its source is not pure Python")]
    BuiltForHost {
        /// The wheel that was built.
        file: String,
    },
    /// A file that is called a wheel and has not the name of one.
    #[error("`{}` is not a wheel: the name must be NAME-VERSION-PYTHON-ABI-PLATFORM.whl", .0.display())]
    NotAWheel(PathBuf),
    /// A wheel for another target.
    #[error("`{file}` is not for {target}")]
    ForeignWheel {
        /// The wheel.
        file: String,
        /// The target.
        target: String,
    },
    /// A wheel is not as it should be.
    #[error("`{wheel}` is not a valid wheel")]
    Wheel {
        /// Its file name.
        wheel: String,
        /// What is wrong.
        source: WheelError,
    },
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The worker could not be started.
    #[error("cannot start pip with `{}`", program.display())]
    Start {
        /// The worker.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The standard library of the host's stub has no pip.
    #[error("the stub's standard library does not contain pip")]
    NoPip,
    /// The cache could not be written.
    #[error("cannot write to the cache")]
    Cache(#[from] io::Error),
}

/// What is wrong with a wheel.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WheelError {
    /// The archive cannot be read.
    #[error("the archive is damaged")]
    Archive(#[from] io::Error),
    /// It has no metadata, or more than one set.
    #[error("it must have exactly one .dist-info directory with `WHEEL` and `RECORD`")]
    NoMetadata,
    /// Written for a later version of the format.
    #[error("its format version is {0}, and only 1 is supported")]
    Version(String),
    /// A name that leads out of the directory.
    #[error("a file in it is called `{0}`, which no wheel may contain")]
    Name(String),
    /// A name that is there twice.
    #[error("`{0}` is in it twice")]
    Twice(String),
    /// Members with the same bytes.
    #[error("its members overlap")]
    Overlap,
    /// Metadata of a size that no wheel has.
    #[error("`{0}` in it is longer than 256 MiB")]
    TooLong(String),
    /// A file that RECORD does not list.
    #[error("`{0}` is not listed in its RECORD")]
    NotRecorded(String),
    /// A file that RECORD lists and that is not there.
    #[error("its RECORD lists `{0}`, which is not in it")]
    Absent(String),
    /// A file whose contents are not those that RECORD states.
    #[error("`{0}` is not what its RECORD states")]
    Altered(String),
}

/// What `pip.py` found out.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Problem {
    NoWheel {
        name: String,
        version: String,
        tags: Vec<String>,
        nearest: Option<String>,
    },
    Conflict {
        name: String,
        wanted: Vec<Wanted>,
    },
    NotFound {
        name: String,
        wanted: Wanted,
        versions: Vec<String>,
    },
    Unreachable {
        name: String,
        url: String,
        reason: String,
    },
    Hash {
        text: String,
    },
    Build {
        step: String,
        output: Vec<String>,
    },
    Other {
        text: String,
    },
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    what: String,
    by: Option<String>,
}

/// The error behind a failure of pip.
pub(super) fn explain(
    problem: Option<Problem>,
    said: &str,
    (target, python): (Target, Python),
    offline: bool,
) -> RequireError {
    match problem {
        Some(Problem::NoWheel {
            name,
            version,
            tags,
            nearest,
        }) => RequireError::NoWheel {
            name,
            version,
            target,
            python,
            tags,
            nearest,
        },
        Some(Problem::Conflict { name, wanted }) => {
            let text = |wanted: Wanted| match wanted.by {
                Some(by) => format!("{} (from {by})", wanted.what),
                None => wanted.what,
            };
            RequireError::Conflict {
                name,
                wanted: wanted.into_iter().map(text).collect(),
            }
        }
        Some(Problem::NotFound {
            name,
            wanted,
            versions,
        }) => RequireError::NotFound {
            name,
            wanted: wanted.what,
            versions,
            offline,
        },
        Some(Problem::Unreachable { name, url, reason }) => {
            RequireError::Unreachable { name, url, reason }
        }
        Some(Problem::Hash { text }) => RequireError::Hash(text),
        Some(Problem::Build { step, output }) => RequireError::Build { step, output },
        Some(Problem::Other { text }) if !text.is_empty() => RequireError::Pip(text),
        _ => {
            let lines = said
                .lines()
                .map(|line| line.trim_start_matches("ERROR: ").trim());
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("WARNING"));
            let lines: Vec<_> = lines.collect();
            let last = &lines[lines.len().saturating_sub(8)..];
            RequireError::Pip(last.join("; "))
        }
    }
}

/// The tags for this Python, if there are any, and not all of many.
fn shortened(tags: &[String], python: Python) -> String {
    const SHOWN: usize = 6;
    let own = format!("cp3{}-", python.minor());
    let known =
        |tag: &&String| tag.starts_with(&own) || tag.contains("abi3") || tag.starts_with("py3");
    let mut fitting: Vec<&str> = tags.iter().filter(known).map(String::as_str).collect();
    if fitting.is_empty() {
        fitting = tags.iter().map(String::as_str).collect();
    }
    let rest = fitting.len().saturating_sub(SHOWN);
    let mut text = fitting[..fitting.len() - rest].join(", ");
    if rest > 0 {
        text.push_str(&format!(" and {rest} more"));
    }
    text
}
