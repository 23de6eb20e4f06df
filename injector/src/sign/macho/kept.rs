//! What a new signature keeps of the present one, as `codesign --preserve-metadata` does: the
//! identifier, the entitlements, and the flags by which a program binds itself.

use super::super::error::SignError;
use super::entitlements::Entitlements;
use super::options::{CodesignOptions, RUNTIME};
use crate::image::macho::{EXECUTE, Image, fat, signature};

/// Flags of a code directory that say how the program is to be run, not how it was signed
/// (`cs_blobs.h`: hard, kill, expires, restrict, enforcement, library validation, runtime).
const FLAGS: u32 = 0x3f00 | RUNTIME;

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) identifier: Option<String>,
    pub(super) entitlements: Option<Entitlements>,
    pub(super) flags: u32,
}

impl Kept {
    /// What the signature of this program has and the options do not set.
    ///
    /// # Errors
    /// Its entitlements cannot be read, and no others were given.
    pub(super) fn of(image: &Image<'_>, options: &CodesignOptions) -> Result<Kept, SignError> {
        let found = image.signature().ok().flatten().filter(|_| !options.fresh);
        let Some(bytes) = found.and_then(|(_, range)| image.bytes.get(range)) else {
            return Ok(Kept::default());
        };
        let identifier = signature::identifier(bytes).map(str::to_owned);
        // What a library may do is its program's to say.
        let is_program = image.header.filetype.get(object::LittleEndian).0 == EXECUTE;
        let entitlements = if is_program && options.entitlements.is_none() {
            Entitlements::of_signature(bytes)?
        } else {
            None
        };
        let asked = if options.hardened_runtime { RUNTIME } else { 0 };
        Ok(Kept {
            identifier: identifier.filter(|_| options.identifier.is_none()),
            entitlements,
            flags: signature::flags(bytes).unwrap_or(0) & FLAGS & !asked,
        })
    }
}

/// What signing this file with these options keeps of its signature besides the identifier, for
/// people.
#[must_use]
pub fn kept(file: &[u8], options: &CodesignOptions) -> Vec<&'static str> {
    let one = |program: &[u8]| Kept::of(&Image::parse_code(program).ok()??, options).ok();
    let all: Vec<Kept> = match fat::parts(file) {
        Ok(Some(parts)) => parts
            .into_iter()
            .filter_map(|part| one(&file[part]))
            .collect(),
        _ => one(file).into_iter().collect(),
    };
    let any = |holds: fn(&Kept) -> bool| all.iter().any(holds);
    let told = [
        (any(|kept| kept.entitlements.is_some()), "entitlements"),
        (
            any(|kept| kept.flags & RUNTIME != 0),
            "the hardened runtime",
        ),
        (any(|kept| kept.flags & !RUNTIME != 0), "other flags"),
    ];
    let told = told.into_iter().filter(|(holds, _)| *holds);
    told.map(|(_, what)| what).collect()
}
