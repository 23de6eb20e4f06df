//! Why something cannot be signed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::image::ImageError;

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
    #[error("`{}` holds no entitlements: {problem}", path.display())]
    Entitlements {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A Windows program and no identity.
    #[error("a Windows program is signed with an identity, and none was given")]
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
    /// The time stamp server refused or did not answer.
    #[error("no time stamp from `{url}`")]
    TimeStamp {
        /// The server.
        url: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The certificates do not tell which one is the signer's.
    #[error("none, or more than one, of the certificates can be the signer's")]
    NoLeaf,
    /// The command that signs did not.
    #[error("the sign command {0}")]
    Command(String),
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
    /// The team is not the certificate's.
    #[error("the team id is `{asked}`, but the certificate is of the team `{own}`")]
    Team {
        /// What was asked for.
        asked: String,
        /// What the certificate says.
        own: String,
    },
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
