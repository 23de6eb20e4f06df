//! Why something cannot be signed.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use thiserror::Error;

use super::form::{Form, Wanted};
use crate::image::ImageError;

/// A time stamp server that gave none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its address, without what may be a secret.
    pub url: String,
    /// Why, in one line.
    pub problem: String,
}

fn refusals(all: &[Refusal]) -> String {
    let one = |refusal: &Refusal| format!("`{}`: {}", refusal.url, refusal.problem);
    all.iter().map(one).collect::<Vec<_>>().join("; nor from ")
}

/// What a command that signs does wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandFault {
    /// There is no text in it.
    #[error("is empty")]
    Empty,
    /// The system's shell did not start.
    #[error("cannot be started: {0}")]
    Start(String),
    /// It ended with a status, or by a signal.
    #[error("failed ({0})")]
    Status(ExitStatus),
    /// Its output ended with an error.
    #[error("wrote something that cannot be read: {0}")]
    Read(String),
    /// Much more than can be a signature.
    #[error("wrote more than a signature or certificates")]
    TooMuch,
    /// Nothing.
    #[error("wrote nothing to its standard output")]
    Nothing,
    /// No certificates, when it was asked for them.
    #[error("answered `certificates` with something else")]
    NoCertificates,
    /// Something else than the signature of the certificate's key.
    #[error("wrote {len} bytes, which are not the signature of `{name}` ({algorithm})")]
    NotTheSignature {
        /// How long the answer is.
        len: usize,
        /// Whose signature it should be.
        name: String,
        /// By which algorithm.
        algorithm: String,
    },
}

/// Why something cannot be signed. None of these messages holds anything of a key or a password.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignError {
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file with the identity is of no use.
    #[error("`{}` cannot be used to sign: {problem}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file with the identity is of another form.
    #[error("`{}` is {found}, not {wanted}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: Form,
        /// What it was to be.
        wanted: Wanted,
    },
    /// The password is wrong.
    #[error("the password for `{}` is wrong", .0.display())]
    WrongPassword(PathBuf),
    /// There is no password where one is needed.
    #[error("`{}` is protected by a password", .0.display())]
    NoPassword(PathBuf),
    /// No certificate belongs to the key.
    #[error("none of the certificates belongs to the key in `{}`", .0.display())]
    NoCertificate(PathBuf),
    /// The variable with the password is not there.
    #[error("the environment variable `{0}` is not set")]
    NoVariable(String),
    /// `SOURCE_DATE_EPOCH` is not a number.
    #[error("SOURCE_DATE_EPOCH is `{0}`, which is not a number of seconds")]
    Epoch(String),
    /// The entitlements cannot be used.
    #[error("`{}` does not contain entitlements: {problem}", path.display())]
    Entitlements {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The entitlements of the present signature cannot be kept.
    #[error("the entitlements of the present signature cannot be kept: {0}")]
    PresentEntitlements(String),
    /// Entitlements for something that is no program.
    #[error("a library cannot have entitlements: the program that loads it has them")]
    LibraryEntitlements,
    /// A Windows program and no identity.
    #[error("a Windows program needs an identity to be signed with, and none was given")]
    NoIdentity,
    /// Neither PE nor Mach-O.
    #[error("only Windows and macOS programs can be signed")]
    NotSignable,
    /// The program is malformed, or has no room for a signature.
    #[error("the program cannot be signed")]
    Image(#[from] ImageError),
    /// The program lacks what a signature needs.
    #[error("the program cannot be signed: {0}")]
    Lacks(&'static str),
    /// Every time stamp server refused or did not answer.
    #[error("no time stamp from {}", refusals(.0))]
    TimeStamp(Vec<Refusal>),
    /// The address of a time stamp server is none.
    #[error("{} is not the http or https URL of a time stamp server", .0)]
    TimeStampUrl(String),
    /// The certificates do not tell which one is the signer's.
    #[error("it is not clear which of the certificates is the signer's")]
    NoLeaf,
    /// The command that signs did not.
    #[error("the sign command {0}")]
    Command(CommandFault),
    /// The command that signs takes too long; the limit in seconds.
    #[error("the sign command did not answer within {0} s")]
    CommandTimeout(u64),
    /// The certificate is not valid now.
    #[error("the certificate of `{name}` {problem}")]
    Validity {
        /// Whose it is.
        name: String,
        /// Since when, or from when on.
        problem: String,
    },
    /// The certificate is for something else.
    #[error("the certificate of `{0}` is not for signing code")]
    Usage(String),
    /// The certificate's key may not sign.
    #[error(
        "the certificate of `{0}` does not let its key sign: no digitalSignature in its key usage"
    )]
    KeyUsage(String),
    /// The team is not the certificate's.
    #[error("the team id is `{asked}`, but the certificate belongs to the team `{own}`")]
    Team {
        /// What was asked for.
        asked: String,
        /// What the certificate says.
        own: String,
    },
    /// A team id that Apple would not give.
    #[error("the team id `{0}` is malformed: a team id has ten characters, A to Z and 0 to 9")]
    TeamForm(String),
    /// A team and no identity.
    #[error("an ad hoc signature has no team")]
    AdHocTeam,
    /// A macOS program without a name.
    #[error("the identifier is empty")]
    NoIdentifier,
    /// Something could not be written as DER, such as a name of absurd length.
    #[error("the signature cannot be encoded")]
    Encoding(#[from] der::Error),
    /// The key could not sign.
    #[error("the key cannot sign: {0}")]
    Key(String),
}
