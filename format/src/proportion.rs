//! Names and paths in proportion to the blob.
//!
//! A string is stored once and referred to any number of times, and a record of eight bytes may
//! name one of 65,535. So whoever reads each name or path of a blob could work, and hold, thousands
//! of times the blob. The format therefore bounds the sums (docs/format.md, section 12), and they
//! are told from the tables alone.

use crate::bytes::u32_at;
use crate::header::{SectionKind, StrRef};

/// The sums may be this many times the blob's length,
pub(crate) const TIMES: u64 = 8;
/// or this many bytes, if that is more.
pub(crate) const ALWAYS: u64 = 64 << 20;

/// What is out of proportion, and the rule it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Excess {
    pub(crate) kind: SectionKind,
    /// The record at which the sum was too large.
    pub(crate) record: u32,
    pub(crate) rule: &'static str,
}

const NAMES: &str =
    "the names that records refer to have at most 64 MiB or 8 times the blob's length";
const PATHS: &str = "the paths of all nodes have at most 64 MiB or 8 times the blob's length";

/// Checks the tables of a blob that is `length` bytes long. Whatever the bytes; what is wrong with
/// them otherwise is for others to say.
pub(crate) fn check<'t>(
    length: u64,
    table: impl Fn(SectionKind) -> &'t [u8],
) -> Result<(), Excess> {
    let most = length.saturating_mul(TIMES).max(ALWAYS);
    let tables = Tables { table };
    names(&tables, most)?;
    paths(&tables, most)
}

struct Tables<F> {
    table: F,
}

impl<'t, F: Fn(SectionKind) -> &'t [u8]> Tables<F> {
    fn records(&self, kind: SectionKind) -> impl Iterator<Item = &'t [u8]> + use<'t, F> {
        (self.table)(kind).chunks_exact(kind.record_size() as usize)
    }

    /// Bytes of the strings of a record, 0 where there is no such record.
    fn strings(&self, kind: SectionKind, index: u32) -> u64 {
        let size = kind.record_size() as usize;
        let record = (index as usize)
            .checked_mul(size)
            .and_then(|start| (self.table)(kind).get(start..start.checked_add(size)?));
        record.map_or(0, |record| self.own_strings(kind, record))
    }

    /// Bytes of all strings that reading a record looks at: its own, and those of the records that
    /// it refers to.
    fn read(&self, kind: SectionKind, record: &[u8]) -> u64 {
        let others: &[(SectionKind, usize)] = match kind {
            SectionKind::Modules => &[
                (SectionKind::Tree, 20),
                (SectionKind::DataTable, 24),
                (SectionKind::DataTable, 28),
                (SectionKind::DataTable, 32),
                (SectionKind::DataTable, 36),
                (SectionKind::Natives, 40),
            ],
            // A directory has a node's index there.
            SectionKind::Tree if u32_at(record, 12) & crate::tree::NODE_DIRECTORY == 0 => {
                &[(SectionKind::DataTable, 16)]
            }
            SectionKind::Natives => &[(SectionKind::DataTable, 16), (SectionKind::Tree, 20)],
            SectionKind::Distributions => &[(SectionKind::Tree, 24)],
            _ => &[],
        };
        let others = others
            .iter()
            .map(|(kind, at)| self.strings(*kind, u32_at(record, *at)));
        // No overflow: at most nine u32.
        self.own_strings(kind, record) + others.sum::<u64>()
    }

    /// Bytes of the strings that a record itself names.
    fn own_strings(&self, kind: SectionKind, record: &[u8]) -> u64 {
        let places: &[usize] = match kind {
            SectionKind::Modules | SectionKind::Natives => &[0, 8],
            SectionKind::Tree | SectionKind::Needed => &[0],
            SectionKind::DataTable => &[24],
            SectionKind::Distributions => &[0, 8, 16],
            _ => &[],
        };
        places.iter().map(|at| self.string(record, *at)).sum()
    }

    /// Bytes of a string. One that is not in the table is read by nobody.
    fn string(&self, record: &[u8], at: usize) -> u64 {
        let StrRef { offset, length } = StrRef::at(record, at);
        let end = u64::from(offset) + u64::from(length);
        let is_there = end <= (self.table)(SectionKind::Strings).len() as u64;
        if is_there { length.into() } else { 0 }
    }
}

fn names<'t>(tables: &Tables<impl Fn(SectionKind) -> &'t [u8]>, most: u64) -> Result<(), Excess> {
    let mut sum = 0_u64;
    for kind in [
        SectionKind::Modules,
        SectionKind::Tree,
        SectionKind::DataTable,
        SectionKind::Natives,
        SectionKind::Needed,
        SectionKind::Distributions,
    ] {
        for (index, record) in (0..).zip(tables.records(kind)) {
            sum = sum.saturating_add(tables.read(kind, record));
            if sum > most {
                return Err(Excess {
                    kind,
                    record: index,
                    rule: NAMES,
                });
            }
        }
    }
    Ok(())
}

fn paths<'t>(tables: &Tables<impl Fn(SectionKind) -> &'t [u8]>, most: u64) -> Result<(), Excess> {
    let kind = SectionKind::Tree;
    let mut lengths: Vec<u32> = Vec::new();
    let mut sum = 0_u64;
    for (index, record) in (0..).zip(tables.records(kind)) {
        // A parent that is not before its child is refused by whoever asks for it.
        let parent = lengths.get(u32_at(record, 8) as usize);
        let before = parent.map_or(0, |length| length.saturating_add(1));
        let name = u32::try_from(tables.string(record, 0)).unwrap_or(u32::MAX);
        let length = before.saturating_add(name);
        lengths.push(length);
        sum = sum.saturating_add(u64::from(length));
        if sum > most {
            return Err(Excess {
                kind,
                record: index,
                rule: PATHS,
            });
        }
    }
    Ok(())
}
