//! What can be said about a signature that is there.
//!
//! Whether it is whole: every hash, and the signer's own signature. Whether the signer is trusted
//! is the system's to say, which has the roots and the lists of what was revoked.

use std::time::SystemTime;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNING_TIME;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

use crate::image::macho::signature::{self, Check};
use crate::image::macho::{Image, fat};
use crate::property_list;

use super::ber;
use super::chain::{self, common_name};
use super::cms::{Parsed, Verification};
use super::der;
use super::error::SignError;
use super::identity::Identity;
use super::key::{self, Hash};
use super::macho;
use super::{pe, timestamp};
use crate::text;

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
    /// Signed in a way that is not checked here, and what it is that is not checked. So nobody can
    /// tell whether the program was changed.
    Unknown(Option<Signer>, String),
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
    /// The names of the certificates, the signer's first, as far as they are there.
    pub chain: Vec<String>,
    /// From when to when the signer's certificate is valid, as RFC 3339 writes it, in UTC.
    pub valid: (String, String),
    /// The time stamp, in the same form; some authorities give fractions of the second.
    pub time: Option<String>,
    /// When the signer claims to have signed, in the same form (macOS). Nobody vouches for it.
    pub claimed_time: Option<String>,
    /// Who vouches for the time stamp.
    pub time_authority: Option<String>,
    /// What is wrong although the signature is whole.
    pub problems: Vec<String>,
    /// What the signature calls the program (macOS).
    pub identifier: Option<String>,
    /// The team (macOS).
    pub team: Option<String>,
    /// Others who signed the same program (Windows).
    pub further: Vec<Signer>,
}

/// How many signatures a Windows program may have, and how deep they may be inside each other.
const MOST_SIGNATURES: usize = 16;
const MOST_LEVELS: u32 = 4;

impl State {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            State::None => "none",
            State::AdHoc { .. } => "ad hoc",
            State::Good(_) => "good",
            State::Unknown(..) => "not checked",
            State::Broken(_) => "broken",
        }
    }

    /// Who signed, as far as that can be told.
    #[must_use]
    pub fn signer(&self) -> Option<&Signer> {
        match self {
            State::Good(signer) | State::Unknown(Some(signer), _) => Some(signer),
            _ => None,
        }
    }
}

/// Whether the signer is this one.
#[must_use]
pub fn is_by(signer: &Signer, identity: &Identity) -> bool {
    let leaf = identity.leaf();
    let (start, end) = chain::validity(leaf);
    let valid = (chain::moment(start), chain::moment(end));
    signer.name == common_name(leaf) && signer.issuer == issuer_name(leaf) && signer.valid == valid
}

fn issuer_name(certificate: &Certificate) -> String {
    let issuer = &certificate.tbs_certificate.issuer;
    let name = chain::attribute(issuer, const_oid::db::rfc4519::CN);
    name.unwrap_or_else(|| issuer.to_string())
}

/// Whether this is a program that can be signed here.
#[must_use]
pub fn is_signable(file: &[u8]) -> bool {
    let is_macos = |bytes: &[u8]| matches!(Image::parse_code(bytes), Ok(Some(_)) | Err(_));
    match fat::parts(file) {
        Ok(Some(parts)) => parts.into_iter().all(|part| is_macos(&file[part])),
        Ok(None) => {
            crate::image::pe::Image::parse(file).is_ok_and(|image| image.is_some())
                || is_macos(file)
        }
        Err(_) => false,
    }
}

/// What the signature calls the program, of a universal file the first one.
pub(crate) fn identifier(file: &[u8]) -> Option<String> {
    let first = fat::parts(file)
        .ok()?
        .and_then(|parts| parts.into_iter().next());
    let program = first.map_or(file, |first| &file[first]);
    let (_, range) = Image::parse_code(program).ok()??.signature().ok()??;
    signature::identifier(&program[range]).map(str::to_owned)
}

/// Whether the signature of every program in the file has this hash of something outside of it.
pub(crate) fn seals(file: &[u8], slot: u32, content: &[u8]) -> bool {
    let one = |program: &[u8]| {
        let image = Image::parse_code(program).ok().flatten();
        let found = image.and_then(|image| image.signature().ok().flatten());
        found.is_some_and(|(_, range)| signature::seals(&program[range], slot, content))
    };
    match fat::parts(file) {
        Ok(Some(parts)) => parts.into_iter().all(|part| one(&file[part])),
        _ => one(file),
    }
}

/// The state of a program; of a universal file the worst of its programs.
///
/// # Errors
/// The program is malformed.
pub fn of(file: &[u8]) -> Result<State, SignError> {
    if let Some(parts) = fat::parts(file)? {
        if !fat::is_filled(file, &parts) {
            let problem = "there is something between or behind its programs";
            return Ok(State::Broken(problem.to_owned()));
        }
        let states = parts.into_iter().map(|part| of(&file[part]));
        let states = states.collect::<Result<Vec<_>, SignError>>()?;
        let rank = |state: &State| match state {
            State::Broken(_) => 0,
            State::None => 1,
            State::Unknown(..) => 2,
            State::AdHoc { .. } => 3,
            State::Good(_) => 4,
        };
        let chains = states.iter().filter_map(State::signer);
        let chains: Vec<Vec<String>> = chains.map(|signer| signer.chain.clone()).collect();
        let mut worst = states.into_iter().min_by_key(rank).unwrap_or(State::None);
        if let State::Good(signer) | State::Unknown(Some(signer), _) = &mut worst {
            for other in chains.iter().filter(|chain| **chain != signer.chain) {
                let name = text::name(other.first().map_or("", String::as_str));
                let problem = format!("the program for another processor is signed by `{name}`");
                signer.problems.push(problem);
            }
        }
        return Ok(worst);
    }
    if file.starts_with(b"MZ") {
        return windows(file);
    }
    match Image::parse_code(file)? {
        Some(image) => macos(&image),
        None => Ok(State::None),
    }
}

/// Who signed. `Err` is a time stamp that does not hold.
fn signer(parsed: &Parsed, stamp: ObjectIdentifier) -> Result<Option<Signer>, String> {
    let chain = parsed.chain();
    let Some(leaf) = chain.first() else {
        return Ok(None);
    };
    let token = parsed.unsigned(stamp);
    let token = token.map(|token| timestamp::check(&token, parsed.signature()));
    let time = token.transpose().map_err(|error| error.to_string())?;
    let (start, end) = chain::validity(leaf);
    // Without a time stamp nothing says when it was signed, so the present counts.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    let signed = time.as_ref().map_or(now, |time| time.seconds);
    let doubts = chain::doubts(&chain, signed);
    let mut problems: Vec<String> = doubts.iter().map(ToString::to_string).collect();
    let stamps = time.iter().flat_map(|time| &time.unchecked);
    problems.extend(stamps.map(|problem| format!("of the time stamp: {problem}")));
    Ok(Some(Signer {
        name: common_name(leaf),
        issuer: issuer_name(leaf),
        chain: chain.iter().map(|one| common_name(one)).collect(),
        valid: (chain::moment(start), chain::moment(end)),
        claimed_time: claimed_time(parsed),
        time_authority: time.as_ref().map(|time| time.authority.clone()),
        time: time.map(|time| time.time),
        problems,
        identifier: None,
        team: None,
        further: Vec::new(),
    }))
}

/// The signed attribute with the time of signing.
fn claimed_time(parsed: &Parsed) -> Option<String> {
    let value = parsed.signed_values(ID_SIGNING_TIME).into_iter().next()?;
    let time = Time::from_der(&value).ok()?;
    Some(chain::moment(time.to_unix_duration().as_secs()))
}

fn windows(file: &[u8]) -> Result<State, SignError> {
    let Some(mut found) = pe::find(file)? else {
        return Ok(State::None);
    };
    let Some(entries) = found.entries() else {
        let problem = "its entries do not fit into the certificate table";
        return Ok(State::Broken(problem.to_owned()));
    };
    let mut states = Vec::new();
    for entry in entries {
        match entry {
            pe::Entry::Signature(bytes) => match ber::behind(bytes) {
                // Entries are filled with zeros up to a multiple of 8.
                Some(behind) if behind.len() >= 8 || behind.iter().any(|byte| *byte != 0) => {
                    states.push(State::Broken("there is something behind it".to_owned()));
                }
                _ => authenticode(bytes, &mut found, MOST_LEVELS, &mut states)?,
            },
            pe::Entry::Other { revision, kind } => {
                let reason = format!(
                    "an entry of kind {kind}, revision {revision:#06x}, in the certificate table"
                );
                states.push(State::Unknown(None, reason));
            }
        }
        if states.len() > MOST_SIGNATURES {
            let problem = format!("it has more than {MOST_SIGNATURES} signatures");
            return Ok(State::Broken(problem));
        }
    }
    Ok(together(states))
}

/// What is said of a program with several signatures, the first being the one that systems ask for.
fn together(states: Vec<State>) -> State {
    let count = states.len();
    let place = |number: usize, words: &str| match count {
        1 => words.to_owned(),
        _ => format!("in signature {} of {count}: {words}", number + 1),
    };
    for (number, state) in states.iter().enumerate() {
        if let State::Broken(problem) = state {
            return State::Broken(place(number, problem));
        }
    }
    let mut unchecked = None;
    for (number, state) in states.iter().enumerate() {
        if let State::Unknown(_, reason) = state {
            unchecked.get_or_insert_with(|| place(number, reason));
        }
    }
    let mut signers = states.iter().filter_map(State::signer).cloned();
    let first = signers.next().map(|mut first| {
        first.further = signers.collect();
        first
    });
    match (first, unchecked) {
        (signer, Some(reason)) => State::Unknown(signer, reason),
        (Some(signer), None) => State::Good(signer),
        (None, None) => State::None,
    }
}

/// Judges a signature, and those that it holds.
fn authenticode(
    bytes: &[u8],
    found: &mut pe::Found<'_>,
    levels: u32,
    states: &mut Vec<State>,
) -> Result<(), SignError> {
    let Some(parsed) = Parsed::read(bytes) else {
        let problem = "it is not one Authenticode signature";
        states.push(State::Broken(problem.to_owned()));
        return Ok(());
    };
    states.push(one_authenticode(&parsed, found)?);
    let nested = parsed.unsigned_values(pe::NESTED);
    let Some(levels) = levels
        .checked_sub(1)
        .filter(|_| states.len() <= MOST_SIGNATURES)
    else {
        if !nested.is_empty() {
            let problem = "it holds too many other signatures";
            states.push(State::Broken(problem.to_owned()));
        }
        return Ok(());
    };
    for nested in nested.iter().take(MOST_SIGNATURES + 1) {
        authenticode(nested, found, levels, states)?;
    }
    Ok(())
}

fn one_authenticode(parsed: &Parsed, found: &mut pe::Found<'_>) -> Result<State, SignError> {
    let mut signer = match signer(parsed, pe::STAMP) {
        Ok(signer) => signer,
        Err(problem) => return Ok(State::Broken(problem)),
    };
    if parsed.kind() != pe::INDIRECT_DATA || !parsed.announces_its_hash() {
        let problem = "it is not an Authenticode signature";
        return Ok(State::Broken(problem.to_owned()));
    }
    let Some(content) = parsed.content() else {
        return Ok(State::Broken("nothing is signed in it".to_owned()));
    };
    let Some((algorithm, digest)) = pe::signed_digest(content) else {
        let problem = "no digest of a program is signed in it";
        return Ok(State::Broken(problem.to_owned()));
    };
    let verification = parsed.verify(content);
    let Some(hash) = Hash::of(algorithm) else {
        return Ok(match verification {
            Verification::Invalid(problem) => State::Broken(problem.to_owned()),
            _ => State::Unknown(signer, key::name(algorithm)),
        });
    };
    if *digest != found.digest(hash)? {
        return Ok(State::Broken(
            "the program was changed after it was signed".to_owned(),
        ));
    }
    if let Some(signer) = signer.as_mut().filter(|_| hash == Hash::Sha1) {
        let problem = "its digest is SHA-1, which is not safe";
        signer.problems.push(problem.to_owned());
    }
    Ok(conclude(verification, signer))
}

fn conclude(verification: Verification, signer: Option<Signer>) -> State {
    match (verification, signer) {
        (Verification::Valid, Some(signer)) => State::Good(signer),
        (Verification::Valid, None) => State::Broken("there is no signer's certificate".to_owned()),
        (Verification::Unsupported(algorithm), signer) => State::Unknown(signer, algorithm),
        (Verification::Invalid(problem), _) => State::Broken(problem.to_owned()),
    }
}

fn macos(image: &Image<'_>) -> Result<State, SignError> {
    let Some((_, range)) = image.signature()? else {
        return Ok(State::None);
    };
    let bytes = &image.bytes[range.clone()];
    if range.end != image.bytes.len() {
        return Ok(State::Broken("there is something behind it".to_owned()));
    }
    match signature::check(image.bytes, range) {
        Check::Good => {}
        Check::OtherHash(kind) => {
            let reason = format!("page hashes by a hash of kind {kind}");
            return Ok(State::Unknown(None, reason));
        }
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
    let identifier = signature::identifier(bytes).map(str::to_owned);
    let Some((directory, cms)) = signature::signed_parts(bytes) else {
        return Ok(State::AdHoc {
            identifier: identifier.unwrap_or_default(),
        });
    };
    let Some(parsed) = Parsed::read(cms) else {
        return Ok(State::Broken("it is not a CMS signature".to_owned()));
    };
    let signer = match signer(&parsed, macho::codesign::STAMP) {
        Ok(signer) => signer,
        Err(problem) => return Ok(State::Broken(problem)),
    };
    if !alternatives_are_signed(bytes, &parsed) {
        let problem = "one of its code directories is not the signer's";
        return Ok(State::Broken(problem.to_owned()));
    }
    let signer = signer.map(|signer| Signer {
        identifier,
        team: signature::team(bytes).map(str::to_owned),
        ..signer
    });
    Ok(conclude(parsed.verify(directory), signer))
}

/// Whether the signer named the hash of every further code directory: whole in one attribute, or
/// cut to 20 bytes in the older one.
fn alternatives_are_signed(signature: &[u8], parsed: &Parsed) -> bool {
    let content = |value: &[u8]| der::split(value).map(|(_, content, _)| content.to_vec());
    let whole = parsed.signed_values(macho::codesign::CDHASHES2);
    let whole = whole.iter().filter_map(|value| {
        let content = content(value)?;
        Some(der::elements(&content)?.get(1)?.1.to_vec())
    });
    let cut = parsed.signed_values(macho::codesign::CDHASHES);
    let cut = cut.iter().filter_map(|value| {
        let list = property_list::read(&content(value)?)?;
        let hashes = list.as_dictionary()?.get("cdhashes")?.as_array()?.clone();
        Some(hashes.into_iter().filter_map(plist::Value::into_data))
    });
    let named: Vec<Vec<u8>> = whole.chain(cut.flatten()).collect();
    signature::directories(signature)
        .skip(1)
        .all(|(kind, directory)| {
            let digest = signature::digest(kind, directory).unwrap_or_default();
            let is_it = |named: &Vec<u8>| {
                named.len() >= 20 && (*named == digest || digest.get(..20) == Some(named))
            };
            named.iter().any(is_it)
        })
}

/// Whether `content` is signed by this CMS signature, or stamped by it. For fuzz targets.
#[cfg(feature = "testing")]
#[must_use]
pub fn judge(signature: &[u8], content: &[u8]) -> bool {
    let good = |parsed: Parsed| parsed.verify(content) == Verification::Valid;
    timestamp::check(signature, content).is_ok() || Parsed::read(signature).is_some_and(good)
}
