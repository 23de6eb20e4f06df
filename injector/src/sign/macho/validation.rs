//! Library validation: which libraries a signed program loads.

use super::codesign::RUNTIME;
use super::entitlements::Entitlements;
use crate::image::macho::{Image, fat, signature};

/// Code directory flag: library validation without the rest of the hardened runtime.
const LIBRARY_VALIDATION: u32 = 0x2000;
/// The entitlement that switches it off.
pub const OFF: &str = "com.apple.security.cs.disable-library-validation";

/// A program that loads only what its own team signed, or Apple. Without a team it loads nothing
/// else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// The team.
    pub team: Option<String>,
}

fn signatures(file: &[u8]) -> Vec<&[u8]> {
    let one = |program| {
        let (_, range) = Image::parse_code(program).ok()??.signature().ok()??;
        program.get(range)
    };
    match fat::parts(file) {
        Ok(Some(parts)) => parts
            .into_iter()
            .filter_map(|part| one(&file[part]))
            .collect(),
        _ => one(file).into_iter().collect(),
    }
}

/// `None`: the program, or every program in the file, loads the libraries of all.
#[must_use]
pub fn of(file: &[u8]) -> Option<Validated> {
    let validates = |signature: &&[u8]| {
        let flags = signature::flags(signature).unwrap_or(0);
        let rights = Entitlements::of_signature(signature).ok().flatten();
        flags & (RUNTIME | LIBRARY_VALIDATION) != 0
            && !rights.is_some_and(|rights| rights.allow(OFF))
    };
    let found = signatures(file).into_iter().find(validates)?;
    Some(Validated {
        team: signature::team(found).map(str::to_owned),
    })
}

/// The team that signed a library; of a universal one only if it signed all of it.
#[must_use]
pub fn team(file: &[u8]) -> Option<String> {
    let mut teams = signatures(file).into_iter().map(signature::team);
    let first = teams.next()??;
    teams
        .all(|team| team == Some(first))
        .then(|| first.to_owned())
}
