//! Why something was not notarized.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde_json::Value;
use thiserror::Error;

use crate::http::HttpError;
use crate::output::OutputError;

/// Why something was not notarized. None of these messages holds anything of a key, a token or a
/// password.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotaryError {
    /// The file with the key is of no use.
    #[error("`{}` cannot be used as a key of App Store Connect: {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing says which key it is.
    #[error("the id of the key `{}` is not known", path.display())]
    KeyId {
        /// The file.
        path: PathBuf,
    },
    /// Nothing says whose key it is.
    #[error("the issuer of the key `{}` is not known", path.display())]
    KeyIssuer {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Apple would not take it.
    #[error("Apple would not notarize `{}`: {problem}", path.display())]
    NotReady {
        /// The program.
        path: PathBuf,
        /// What is missing.
        problem: &'static str,
    },
    /// The directory is no bundle.
    #[error("`{}` is not an application bundle: {problem}", path.display())]
    Bundle {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        problem: &'static str,
    },
    /// A single file has no place for a ticket.
    #[error("`{}` is a single file, which has no place for a ticket", .0.display())]
    NoPlace(PathBuf),
    /// The archive for the upload could not be written.
    #[error("cannot write the archive to upload")]
    Archive(#[source] io::Error),
    /// The service was not reached.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The service refused a request.
    #[error("the notary service refused with status {status}{}", told(detail.as_deref()))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: Option<String>,
    },
    /// The storage refused the upload.
    #[error("the upload was refused with status {status}{}", told(detail.as_deref()))]
    Upload {
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: Option<String>,
    },
    /// The service answered something that is invalid.
    #[error("the notary service's answer has no {0}")]
    Answer(&'static str),
    /// Apple looked at it and does not like it.
    #[error("Apple did not notarize it: {status}, submission {id}")]
    Rejected {
        /// The submission.
        id: String,
        /// The word for it.
        status: String,
        /// What it found.
        issues: Vec<Issue>,
        /// Whether the log could not be had.
        no_log: bool,
    },
    /// Apple takes longer than somebody wants to wait.
    #[error("Apple has not finished with submission {0} yet")]
    TooLong(String),
    /// Apple has no ticket.
    #[error("Apple has no ticket for `{}`", .0.display())]
    NoTicket(PathBuf),
    /// The ticket could not be written.
    #[error("cannot write the ticket")]
    Staple(#[source] OutputError),
}

fn told(detail: Option<&str>) -> String {
    detail.map_or_else(String::new, |detail| format!(": {detail}"))
}

/// Something that Apple found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issue {
    /// `error` or `warning`.
    pub severity: String,
    /// Where in the archive.
    pub path: String,
    /// For which processor; empty for all.
    pub architecture: String,
    /// What it is.
    pub message: String,
}

impl Issue {
    /// From an entry of a log.
    pub(super) fn read(entry: &Value) -> Issue {
        let field = |name: &str| plain(entry[name].as_str().unwrap_or_default());
        Issue {
            severity: field("severity"),
            path: field("path"),
            architecture: field("architecture"),
            message: field("message"),
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        if self.architecture.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.architecture)
        }
    }
}

/// Text from a server, on its way to a terminal.
pub(super) fn plain(text: &str) -> String {
    const LONGEST: usize = 500;
    let short: String = text.chars().take(LONGEST).collect();
    // As it is but for what a terminal would act on: quotes are welcome.
    short
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
