//! What is doubtful about a signature that was made all the same.

use crate::text;
use std::fmt;

/// Something that the signer should know. Shown, it is a sentence without an end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The signature ends with the certificate.
    NoTimeStamp,
    /// Something is wrong with the chain of certificates.
    Chain(String),
    /// A certificate above the signer's is missing; which, and where it is published.
    NoIssuer(String),
    /// A password was given, and nothing is protected by one.
    UnusedPassword,
    /// The certificate of this name does not say that it is for signing code.
    Purpose(String),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NoTimeStamp => f.write_str(
                "without a time stamp the signature is valid only until the certificate expires",
            ),
            Doubt::Chain(problem) | Doubt::NoIssuer(problem) => f.write_str(problem),
            Doubt::UnusedPassword => {
                f.write_str("the password is not used: nothing that was read is protected by one")
            }
            Doubt::Purpose(name) => write!(
                f,
                "the certificate of `{}` does not say that it is for signing code",
                text::name(name)
            ),
        }
    }
}
