//! Signatures: Authenticode for Windows, code signatures for macOS.
//!
//! | system | without an identity | with one |
//! |---|---|---|
//! | macOS | [ad hoc](crate::image::macho::adhoc): page hashes alone; Apple silicon starts nothing without | [hashes and CMS](macho::codesign) |
//! | Windows | none | [Authenticode](pe) |
//!
//! Signing looks at a finished program and answers with [`Edits`]: what is cut off, what is written
//! where. Nothing is computed from the clock but what [`SignOptions::time`] says, nothing is random
//! but the nonce of a time stamp request, so the same program and the same identity give the same
//! signature.

mod ber;
mod chain;
mod cms;
mod der;
mod descendants;
mod doubt;
mod error;
pub mod external;
pub mod form;
mod found;
pub mod identity;
mod key;
pub mod macho;
pub mod pe;
pub(crate) mod pem;
pub mod state;
mod terminal;
pub mod timestamp;

use std::time::{Duration, SystemTime};

pub use doubt::Doubt;
pub use error::{CommandFault, SignError};
pub use identity::Identity;

use crate::image::macho::fat;
use crate::progress::Progress;
use crate::sign::macho::codesign::CodesignOptions;
use crate::sign::pe::AuthenticodeOptions;

/// How to sign.
#[derive(Debug, Clone, Default)]
pub struct SignOptions {
    /// RFC 3161 servers to ask for a time stamp, until one gives it.
    pub timestamp_urls: Vec<String>,
    /// When a macOS program is said to be signed, in seconds since 1970.
    pub time: u64,
    /// What only macOS has.
    pub macos: CodesignOptions,
    /// What only Windows has.
    pub windows: AuthenticodeOptions,
}

impl SignOptions {
    /// The time to say: `SOURCE_DATE_EPOCH`, else now.
    ///
    /// # Errors
    /// `SOURCE_DATE_EPOCH` is not a number.
    pub fn time_now() -> Result<u64, SignError> {
        match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text.trim().parse().map_err(|_| SignError::Epoch(text)),
            Err(_) => Ok(SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or(Duration::ZERO)
                .as_secs()),
        }
    }
}

/// What signing does to a program: it keeps a part from the start, changes some bytes of it, and
/// puts new ones behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edits {
    /// How much of the program stays.
    pub keep: u64,
    /// Bytes and where they go. Between what stays and what is put behind it there are zeros.
    pub patches: Vec<(u64, Vec<u8>)>,
    /// Length of the signed program.
    pub len: u64,
}

impl Edits {
    /// The signed program in memory.
    #[must_use]
    pub fn apply(&self, program: &[u8]) -> Vec<u8> {
        // Both were computed from a program in memory.
        let index = |at: u64| usize::try_from(at).expect("an offset in memory");
        let mut out = program[..index(self.keep)].to_vec();
        out.resize(index(self.len), 0);
        for (at, bytes) in &self.patches {
            out[index(*at)..index(*at) + bytes.len()].copy_from_slice(bytes);
        }
        out
    }
}

/// Signs one program. An old signature goes.
///
/// # Errors
/// The program is malformed or of a kind that is not signed so, the signer fails, or no server
/// gives a time stamp.
pub fn sign(
    program: &[u8],
    identity: Option<&Identity>,
    options: &SignOptions,
    progress: &dyn Progress,
) -> Result<Edits, SignError> {
    if program.starts_with(b"MZ") {
        let identity = identity.ok_or(SignError::NoIdentity)?;
        return pe::sign(program, identity, options, progress);
    }
    if program.starts_with(&[0xcf, 0xfa, 0xed, 0xfe]) {
        return macho::codesign::sign(program, identity, options, progress);
    }
    Err(SignError::NotSignable)
}

/// Signs a program, or every program in a universal file, in memory.
///
/// # Errors
/// As for [`sign`].
pub fn sign_file(
    file: &[u8],
    identity: Option<&Identity>,
    options: &SignOptions,
    progress: &dyn Progress,
) -> Result<Vec<u8>, SignError> {
    let Some(parts) = fat::parts(file)? else {
        return Ok(sign(file, identity, options, progress)?.apply(file));
    };
    let mut signed = Vec::with_capacity(parts.len());
    for part in parts {
        let program = &file[part];
        signed.push(sign(program, identity, options, progress)?.apply(program));
    }
    let signed: Vec<&[u8]> = signed.iter().map(Vec::as_slice).collect();
    Ok(fat::assemble(&signed)?)
}
