//! What can be said about a signature that is there.
//!
//! Whether it is whole: every hash, and the signer's own signature. Whether the signer is trusted is the system's to say, which
//! has the roots and the lists of what was revoked.

use crate::image::macho::signature::{self, Check};
use crate::image::macho::{Image, fat};

use super::cms::{Judgement, Parsed};
use super::error::Error;
use super::identity::common_name;
use super::macho;
use super::{pe, timestamp};

/// The state of a program's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// There is none.
    None,
    /// Hashes without an identity (macOS).
    AdHoc {
        /// What the signature calls the program.
        identifier: String,
    },
    /// Signed, and everything fits.
    Good(Signer),
    /// Signed in a way that is not checked here.
    Unknown(Option<Signer>),
    /// Signed, and something does not fit.
    Broken(String),
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name in the certificate.
    pub name: String,
    /// The name of whoever issued it.
    pub issuer: String,
    /// The time stamp, as `YYYYMMDDhhmmssZ`.
    pub time: Option<String>,
    /// What the signature calls the program (macOS).
    pub identifier: Option<String>,
    /// The team (macOS).
    pub team: Option<String>,
}

impl State {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            State::None => "none",
            State::AdHoc { .. } => "ad hoc",
            State::Good(_) => "good",
            State::Unknown(_) => "not checked",
            State::Broken(_) => "broken",
        }
    }

    /// Who signed, as far as that can be told.
    #[must_use]
    pub fn signer(&self) -> Option<&Signer> {
        match self {
            State::Good(signer) | State::Unknown(Some(signer)) => Some(signer),
            _ => None,
        }
    }
}

/// The state of a program; of a universal file the worst of its programs.
pub fn of(file: &[u8]) -> Result<State, Error> {
    if let Some(parts) = fat::parts(file)? {
        let states = parts.into_iter().map(|part| of(&file[part]));
        let states = states.collect::<Result<Vec<_>, Error>>()?;
        let rank = |state: &State| match state {
            State::Broken(_) => 0,
            State::None => 1,
            State::Unknown(_) => 2,
            State::AdHoc { .. } => 3,
            State::Good(_) => 4,
        };
        return Ok(states.into_iter().min_by_key(rank).unwrap_or(State::None));
    }
    if file.starts_with(b"MZ") {
        return windows(file);
    }
    match Image::parse(file)? {
        Some(image) => macos(&image),
        None => Ok(State::None),
    }
}

fn signer(parsed: &Parsed, stamp: const_oid::ObjectIdentifier) -> Option<Signer> {
    let leaf = parsed.leaf()?;
    let issuer = &leaf.tbs_certificate.issuer;
    let issuer_name = super::identity::attribute(issuer, const_oid::db::rfc4519::CN);
    let token = parsed.unsigned(stamp);
    // Names come from the file, and go to a terminal.
    let plain = |name: String| name.escape_debug().to_string();
    Some(Signer {
        name: plain(common_name(leaf)),
        issuer: plain(issuer_name.unwrap_or_else(|| issuer.to_string())),
        time: token.and_then(|token| timestamp::time(&token)).map(plain),
        identifier: None,
        team: None,
    })
}

fn windows(file: &[u8]) -> Result<State, Error> {
    let Some(found) = pe::find(file)? else {
        return Ok(State::None);
    };
    let Some(parsed) = found.signature.and_then(Parsed::read) else {
        return Ok(State::Broken(
            "it is not one Authenticode signature".to_owned(),
        ));
    };
    let signer = signer(&parsed, pe::STAMP);
    let Some(content) = parsed.content() else {
        return Ok(State::Broken("nothing is signed in it".to_owned()));
    };
    let Some(digest) = pe::signed_digest(content) else {
        return Ok(State::Unknown(signer));
    };
    if *digest != found.digest {
        return Ok(State::Broken(
            "the program was changed after it was signed".to_owned(),
        ));
    }
    Ok(conclude(parsed.judge(content), signer))
}

fn conclude(judgement: Judgement, signer: Option<Signer>) -> State {
    match (judgement, signer) {
        (Judgement::Good, Some(signer)) => State::Good(signer),
        (Judgement::Good | Judgement::Unknown, signer) => State::Unknown(signer),
        (Judgement::Bad(problem), _) => State::Broken(problem.to_owned()),
    }
}

fn macos(image: &Image<'_>) -> Result<State, Error> {
    let Some((_, range)) = image.signature()? else {
        return Ok(State::None);
    };
    let bytes = &image.bytes[range.clone()];
    match signature::check(image.bytes, range) {
        Check::Good => {}
        Check::OtherHash => return Ok(State::Unknown(None)),
        Check::Malformed(problem) => return Ok(State::Broken(problem.to_owned())),
        Check::Page(_) => {
            return Ok(State::Broken(
                "the program was changed after it was signed".to_owned(),
            ));
        }
        Check::Slot(_) => {
            return Ok(State::Broken(
                "a part of the signature was changed".to_owned(),
            ));
        }
    }
    let plain = |name: &str| name.escape_debug().to_string();
    let identifier = signature::identifier(bytes).map(plain);
    let Some((directory, cms)) = signature::signed_parts(bytes) else {
        return Ok(State::AdHoc {
            identifier: identifier.unwrap_or_default(),
        });
    };
    let Some(parsed) = Parsed::read(cms) else {
        return Ok(State::Broken("it is not a CMS signature".to_owned()));
    };
    let signer = signer(&parsed, macho::codesign::STAMP).map(|signer| Signer {
        identifier,
        team: signature::team(bytes).map(plain),
        ..signer
    });
    Ok(conclude(parsed.judge(directory), signer))
}
