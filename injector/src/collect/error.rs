//! Why a directory cannot be packaged.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An error of collecting, naming the path it is about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The resources are not a directory.
    #[error("`{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The directory itself is a virtual environment.
    #[error("`{}` is a virtual environment, not an application", .0.display())]
    VirtualEnvironment(PathBuf),
    /// Something could not be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A symbolic link leads out of the directory.
    #[error("the symbolic link `{}` leads out of the resources, to `{}`", link.display(), target.display())]
    LinkOutside {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A symbolic link leads nowhere.
    #[error("the symbolic link `{}` leads nowhere", .0.display())]
    LinkNowhere(PathBuf),
    /// A symbolic link leads to a directory that contains it.
    #[error("the symbolic link `{}` leads back to a directory that contains it", .0.display())]
    Cycle(PathBuf),
    /// Links lead to one directory in more ways than anybody wants packaged.
    #[error("symbolic links lead to the directory `{}` in more than 64 ways", .0.display())]
    TooManyPaths(PathBuf),
    /// Neither file nor directory.
    #[error("`{}` is a {kind}, which cannot be packaged", path.display())]
    Special {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A name that is not UTF-8.
    #[error("the name of `{}` is not valid UTF-8", .0.display())]
    NameNotUtf8(PathBuf),
    /// A file changed while it was being packaged.
    #[error("`{}` changed while it was being read", .0.display())]
    Changed(PathBuf),
    /// The output would take the place of a resource.
    #[error("the output is one of the resources, `{}`", .0.display())]
    Output(PathBuf),
    /// The stdlib archive is unusable.
    #[error("the stdlib archive `{}` is not usable: {problem}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
