//! The full check: what passes is what the writer would write.
//!
//! Reading needs none of this; every lookup guards itself. Validation is for `inspect`,
//! `verify` and the fuzzer, and it is strict: one content, one blob. It allocates a few bytes
//! per record and string, nothing per byte of data.

mod data;
mod strings;
mod tables;

use crate::bytes::{place, slice};
use crate::config::RunOptions;
use crate::header::{
    ALIGN, HEADER_SIZE, NONE, SECTION_COUNT, SECTION_RECORD_SIZE, SECTION_REQUIRED, SectionKind,
    VERSION_MAJOR, VERSION_MINOR, flags_for,
};
use crate::{Blob, Error, Structure, bytes, names};

/// Shorthand for the commonest error.
fn not_canonical(structure: Structure, offset: u64, rule: &'static str) -> Error {
    Error::NotCanonical {
        structure,
        offset,
        rule,
    }
}

/// Passes if `fine`, else says which rule `offset` breaks.
fn ensure(fine: bool, structure: Structure, offset: u64, rule: &'static str) -> Result<(), Error> {
    if fine {
        Ok(())
    } else {
        Err(not_canonical(structure, offset, rule))
    }
}

/// Passes if every byte of `from..to` is zero.
fn ensure_zeros(blob: &Blob<'_>, from: u64, to: u64, structure: Structure) -> Result<(), Error> {
    let gap = slice(blob.bytes(), from, to.saturating_sub(from), structure, from)?;
    match gap.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(at) => Err(not_canonical(
            structure,
            from + at as u64,
            "padding is zero",
        )),
    }
}

pub(crate) fn validate(blob: &Blob<'_>) -> Result<(), Error> {
    // Before anything reads a name.
    blob.check_proportion()?;
    header(blob)?;
    sections(blob)?;
    run_config(blob)?;
    tables::tree(blob)?;
    tables::modules(blob)?;
    tables::natives(blob)?;
    tables::distributions(blob)?;
    strings::strings(blob)?;
    data::data(blob)
}

fn header(blob: &Blob<'_>) -> Result<(), Error> {
    let header = blob.header();
    if header.minor > VERSION_MINOR {
        return Err(Error::UnsupportedVersion {
            offset: 8,
            major: VERSION_MAJOR,
            minor: header.minor,
        });
    }
    ensure(
        header.ignorable_flags == flags_for(blob.run_config()?.check_at_start),
        Structure::Header,
        16,
        "the only ignorable flag is that of the check at start, set as key 38 is",
    )?;
    names::check_string(blob.target()?).map_err(|rule| not_canonical(Structure::Header, 40, rule))
}

/// All known sections and no other, in order, the tables packed tightly. Where the data
/// sections lie is checked together with the data.
fn sections(blob: &Blob<'_>) -> Result<(), Error> {
    ensure(
        blob.header().section_count as usize == SECTION_COUNT,
        Structure::Header,
        56,
        "version 1.0 has twelve sections",
    )?;
    let mut end = HEADER_SIZE + SECTION_RECORD_SIZE * SECTION_COUNT as u64;
    for (kind, at) in SectionKind::ALL
        .into_iter()
        .zip((HEADER_SIZE..).step_by(SECTION_RECORD_SIZE as usize))
    {
        let record = slice(
            blob.bytes(),
            at,
            SECTION_RECORD_SIZE,
            Structure::SectionTable,
            at,
        )?;
        let number = bytes::u32_at(record, 0);
        ensure(
            number == kind as u32,
            Structure::SectionTable,
            at,
            "the sections of version 1.0 are numbered 1 to 12",
        )?;
        ensure(
            bytes::u32_at(record, 4) == SECTION_REQUIRED,
            Structure::SectionTable,
            at + 4,
            "every section of version 1.0 is required",
        )?;
        if matches!(
            kind,
            SectionKind::HotData
                | SectionKind::ColdData
                | SectionKind::NativeData
                | SectionKind::Snapshot
        ) {
            continue;
        }
        let section = blob.section(kind);
        ensure(
            place(end, section.length, ALIGN) == Some(section.offset),
            Structure::SectionTable,
            at + 8,
            "a table starts at the next multiple of 16, an empty one where the last ended",
        )?;
        ensure_zeros(blob, end, section.offset, kind.structure())?;
        end = section.offset + section.length; // inside the blob
    }
    Ok(())
}

/// The section is what its own reading encodes to.
fn run_config(blob: &Blob<'_>) -> Result<(), Error> {
    let at = blob.section(SectionKind::RunConfig).offset;
    let found = blob.section_bytes(SectionKind::RunConfig);
    let config = blob.run_config()?;
    let again = RunOptions::from(&config)
        .encode()
        .map_err(|_| not_canonical(Structure::RunConfig, at, "no writer accepts these values"))?;
    let same = found.iter().zip(&again).take_while(|(a, b)| a == b).count();
    ensure(
        same == found.len() && same == again.len(),
        Structure::RunConfig,
        at + same as u64,
        "a key at its default is left out, a known key has its own required bit",
    )
}

/// An index field that may be [`NONE`].
fn optional(index: u32) -> Option<u32> {
    (index != NONE).then_some(index)
}
