//! What the user should know although packaging went well.

use std::path::PathBuf;

use crate::compile::Failure;
use crate::require::Clash;
use crate::sign::Doubt;
use crate::snapshot::ProcessFact;

/// Something the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// It looks like a secret, so it was left out.
    Secret(String),
    /// It does not compile, so only its source is in.
    DoesNotCompile {
        /// Path relative to the resources.
        path: String,
        /// What the compiler says.
        failure: Failure,
    },
    /// An extension module for another Python or platform; packaged as a data file.
    ForeignExtension(String),
    /// A `.pth` file of a required package that executes code, which is not run.
    PathFile(String),
    /// Two required packages bring the same file, with different contents.
    SameFile(Clash),
    /// Hidden by the standard library's module of the same name.
    Unreachable(String),
    /// Two files whose paths differ only in the case of letters, for a system that takes such names
    /// for the same.
    SameButCase(String, String),
    /// A Windows program whose name does not end in `.exe`.
    NotAnExe(PathBuf),
    /// A stub that this version of the tool does not list.
    UnlistedStub(PathBuf),
    /// Something about the signature is doubtful, such as a missing certificate.
    Signature(Doubt),
    /// A program of a package has files around it, which it does not see in memory.
    ProgramInMemory {
        /// Its path, relative to where it was found.
        program: String,
        /// The package.
        package: String,
    },
    /// Native modules that the hardened runtime will not load.
    ForeignTeam {
        /// The first of them.
        path: String,
        /// How many there are.
        count: usize,
    },
    /// An import has read an environment variable, on which the snapshot now depends.
    SnapshotVariable {
        /// The variable.
        name: String,
        /// The code that read it.
        reader: String,
    },
    /// An import has asked for something that differs from process to process, on which the
    /// snapshot now depends.
    SnapshotFact {
        /// What it is.
        fact: ProcessFact,
        /// The code that asked for it.
        reader: String,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::Secret(path) => {
                write!(f, "`{path}` looks like a secret and was left out")
            }
            Warning::DoesNotCompile { path, failure } => {
                write!(f, "{path}")?;
                failure
                    .line
                    .iter()
                    .try_for_each(|line| write!(f, ":{line}"))?;
                write!(
                    f,
                    ": {}: {}; packaged as source only",
                    failure.kind, failure.message
                )
            }
            Warning::PathFile(path) => {
                write!(
                    f,
                    "`{path}` has code that `site` runs when Python starts, but `site` is not imported"
                )
            }
            Warning::SameFile(Clash { path, wheels }) => write!(
                f,
                "`{path}` is in `{}` and in `{}`, with different contents; the latter is packaged",
                wheels[0], wheels[1]
            ),
            Warning::ForeignExtension(path) => {
                write!(
                    f,
                    "`{path}` is an extension module for another Python or platform; packaged as data"
                )
            }
            Warning::UnlistedStub(path) => {
                write!(
                    f,
                    "`{}` is not a stub that this version of oxidize-inject was made for",
                    path.display()
                )
            }
            Warning::Unreachable(name) => {
                write!(
                    f,
                    "`{name}` is hidden by the standard library's module of the same name"
                )
            }
            Warning::Signature(doubt) => doubt.fmt(f),
            Warning::ForeignTeam { path, count } => {
                write!(f, "the hardened runtime will not load `{path}`")?;
                match count {
                    0 | 1 => {}
                    2 => write!(f, " and another native file")?,
                    count => write!(f, " and {} other native files", count - 1)?,
                }
                write!(f, ": the program's own team has to sign them")
            }
            Warning::SnapshotVariable { name, reader } => {
                write!(
                    f,
                    "while it is imported, {reader} reads the environment variable {name}; where that is set, the \
                     program starts without its snapshot"
                )
            }
            Warning::SnapshotFact { fact, reader } => {
                let consequence = fact.consequence();
                write!(
                    f,
                    "while it is imported, {reader} asks for {consequence} without its snapshot"
                )
            }
            Warning::ProgramInMemory { program, package } => {
                write!(
                    f,
                    "`{package}` brings a program, `{program}`, which does not see the files around it while they are \
                     in memory"
                )
            }
            Warning::SameButCase(one, other) => write!(
                f,
                "`{one}` and `{other}` differ only in case; the target's file systems cannot hold both"
            ),
            Warning::NotAnExe(path) => {
                write!(
                    f,
                    "Windows starts `{}` only under a name that ends in .exe",
                    path.display()
                )
            }
        }
    }
}
