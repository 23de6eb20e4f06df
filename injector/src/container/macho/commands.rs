//! Which load commands hold file offsets.
//!
//! Everything that a linker has put into `__LINKEDIT` is found through an offset in some load
//! command, and all of them have to follow when `__LINKEDIT` moves. There is no way to tell from a
//! command that is unknown whether it holds one, so only those that are listed here are let
//! through.

use object::LittleEndian as Le;

use super::super::error::{ContainerError, malformed};
use crate::image::macho::{CODE_SIGNATURE, Image, SEGMENT, Segment};

/// Set in the number of a command that the dynamic loader must understand.
const REQUIRED: u32 = 0x8000_0000;

/// What a load command is to us.
enum Role {
    /// It holds file offsets of `__LINKEDIT` at these places, each with the number of elements
    /// behind it, of so many bytes. An offset of zero stands for nothing.
    Offsets(&'static [(usize, u64)]),
    /// It holds none.
    Plain,
    Unknown,
}

fn role(kind: u32) -> Role {
    match kind & !REQUIRED {
        // Symbol table: symbols and strings.
        0x2 => Role::Offsets(&[(8, 16), (16, 1)]),
        // Dynamic symbol table: contents, modules, references, indirect symbols, external and local
        // relocations.
        0xb => Role::Offsets(&[(32, 8), (40, 56), (48, 4), (56, 4), (64, 8), (72, 8)]),
        // Dynamic loader information: rebases, binds, weak binds, lazy binds, exports.
        0x22 => Role::Offsets(&[(8, 1), (16, 1), (24, 1), (32, 1), (40, 1)]),
        // Segment split information, function starts, data in code, code sign requirements of
        // libraries, linker hints, exports trie, chained fixups, atoms, function variants and their
        // fixups.
        0x1e | 0x26 | 0x29 | 0x2b | 0x2e | 0x33 | 0x34 | 0x36 | 0x37 | 0x38 => {
            Role::Offsets(&[(8, 1)])
        }
        // Libraries of every kind, the dynamic loader, sub-frameworks, routines.
        0xc..=0x10 | 0x12..=0x15 | 0x18 | 0x1a | 0x1f | 0x20 | 0x23 => Role::Plain,
        // UUID, run path, minimal versions, environment, source version, linker options, build
        // version, target triple.
        0x1b | 0x1c | 0x24 | 0x25 | 0x27 | 0x2a | 0x2d | 0x2f | 0x30 | 0x32 | 0x39 => Role::Plain,
        // The entry point: an offset in `__TEXT`, which does not move.
        0x28 => Role::Plain,
        _ => Role::Unknown,
    }
}

/// File offsets of all fields that hold an offset in `__LINKEDIT`, but for the signature's.
pub(super) fn linkedit_offsets(
    image: &Image<'_>,
    linkedit: &Segment<'_>,
) -> Result<Vec<usize>, ContainerError> {
    let mut fields = Vec::new();
    for command in &image.commands {
        match role(command.kind) {
            _ if [SEGMENT, CODE_SIGNATURE].contains(&command.kind) => {}
            Role::Plain => {}
            Role::Unknown => {
                return Err(ContainerError::UnknownCommand {
                    command: command.kind,
                    offset: command.at as u64,
                });
            }
            Role::Offsets(places) => {
                for (place, element) in places {
                    if place + 8 > command.size {
                        return Err(malformed("load command", command.at, "it is cut off"));
                    }
                    let place = command.at + place;
                    let value = u64::from(image.word(place));
                    let len = u64::from(image.word(place + 4)) * element;
                    if value == 0 && len == 0 {
                        continue;
                    }
                    if value < linkedit.offset || value + len > linkedit.file_end() {
                        let problem = "its content lies outside __LINKEDIT";
                        return Err(malformed("load command", place, problem));
                    }
                    fields.push(place);
                }
            }
        }
    }
    for segment in &image.segments {
        for (index, section) in segment.sections.iter().enumerate() {
            if section.reloff.get(Le) != 0 || section.nreloc.get(Le) != 0 {
                let problem = "a linked program has no relocations of its own";
                return Err(malformed(
                    "section header",
                    segment.section_at(index),
                    problem,
                ));
            }
        }
    }
    Ok(fields)
}
