//! The string table: each string once, in the order of first use, nothing else.

use std::collections::HashMap;

use super::ensure;
use crate::header::{SectionKind, StrRef};
use crate::{Blob, Error, Structure};

/// Walks every reference in the writer's order.
pub(super) fn strings(blob: &Blob<'_>) -> Result<(), Error> {
    let mut walk = Walk {
        blob,
        end: 0,
        seen: HashMap::new(),
    };
    walk.column(SectionKind::Modules, &[0])?;
    walk.column(SectionKind::Modules, &[8])?;
    walk.column(SectionKind::Tree, &[0])?;
    walk.visit(blob.header().target, Structure::Header, 40)?;
    walk.column(SectionKind::DataTable, &[24])?;
    walk.column(SectionKind::Natives, &[0, 8])?;
    walk.column(SectionKind::Needed, &[0])?;
    walk.column(SectionKind::Distributions, &[0, 8, 16])?;
    let section = blob.section(SectionKind::Strings);
    ensure(
        u64::from(walk.end) == section.length,
        Structure::Strings,
        section.offset + u64::from(walk.end),
        "every string is referred to",
    )
}

struct Walk<'b, 'a> {
    blob: &'b Blob<'a>,
    /// Where the next new string must start.
    end: u32,
    seen: HashMap<&'a str, StrRef>,
}

impl Walk<'_, '_> {
    /// All references at these places of a table's records.
    fn column(&mut self, kind: SectionKind, places: &[usize]) -> Result<(), Error> {
        for index in 0..self.blob.count(kind) {
            let at = self.blob.record_offset(kind, index);
            let record = self.blob.record(kind, index, kind.structure(), at)?;
            for place in places {
                let string = StrRef::at(record, *place);
                self.visit(string, kind.structure(), at + *place as u64)?;
            }
        }
        Ok(())
    }

    fn visit(&mut self, string: StrRef, structure: Structure, at: u64) -> Result<(), Error> {
        if string.length == 0 {
            return ensure(
                string.offset == 0,
                structure,
                at,
                "the empty string is at offset 0",
            );
        }
        // A new string starts where the last new one ended; all others were seen before at
        // the very same place. So no two references overlap, and the work is linear.
        if string.offset < self.end {
            let text = self.blob.string(string, structure, at)?;
            return ensure(
                self.seen.get(text) == Some(&string),
                structure,
                at,
                "equal strings are stored once, and strings do not overlap",
            );
        }
        ensure(
            string.offset == self.end,
            structure,
            at,
            "strings are stored in the order of their first use",
        )?;
        let text = self.blob.string(string, structure, at)?;
        ensure(
            self.seen.insert(text, string).is_none(),
            structure,
            at,
            "equal strings are stored once",
        )?;
        // No overflow: the string is inside the section, but that may be 4 GiB or longer.
        self.end = string
            .offset
            .checked_add(string.length)
            .ok_or_else(|| super::not_canonical(structure, at, "strings end before 4 GiB"))?;
        Ok(())
    }
}
