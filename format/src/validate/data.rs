//! The data table and the data sections: who refers to what, in which order it lies, where.

use super::tables::module_data;
use super::{ensure, ensure_zeros, not_canonical, optional};
use crate::bytes::{place, u32_at};
use crate::header::{ALIGN, PAGE, SectionKind, StrRef};
use crate::{Blob, Compression, Data, Error, Structure, names};

/// How often and by whom a data record is referred to.
#[derive(Debug, Clone, Copy, Default)]
struct Uses {
    files: u32,
    bytecode: u32,
    natives: u32,
    /// Natives that name no node.
    nodeless: u32,
    snapshot: u32,
    others: u32,
}

/// The regions in file order; the data table is in this order too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Region {
    Hot,
    Cold,
    Native,
    Snapshot,
    External,
}

impl Uses {
    fn region(self, data: &Data<'_>) -> Region {
        if data.relative_path().is_some() {
            Region::External
        } else if self.bytecode > 0 {
            Region::Hot
        } else if self.snapshot > 0 {
            Region::Snapshot
        } else if self.natives > 0 && data.compression() == Compression::None {
            Region::Native
        } else {
            Region::Cold
        }
    }

    /// The rule these uses break, if any: only a file's data is shared.
    fn broken(self) -> Option<&'static str> {
        let all = [
            self.files,
            self.bytecode,
            self.natives,
            self.snapshot,
            self.others,
        ];
        let total: u64 = all.into_iter().map(u64::from).sum();
        if total == 0 {
            Some("every data record is referred to")
        } else if total > 1 && (self.files == 0 || self.bytecode > 0 || self.snapshot > 0) {
            Some("only a file's data is shared, and never with bytecode or the snapshot")
        } else if self.files > 0 && self.nodeless > 0 {
            Some("a native image that shares a file's data names its node")
        } else {
            None
        }
    }
}

/// Calls `visit` with every reference to data in the writer's order.
fn references(
    blob: &Blob<'_>,
    mut visit: impl FnMut(u32, fn(&mut Uses)) -> Result<(), Error>,
) -> Result<(), Error> {
    for index in 0..blob.tree().len() {
        if let Some(data) = blob.tree().get(index)?.data()? {
            visit(data.index(), |uses| uses.files += 1)?;
        }
    }
    for index in 0..blob.modules().len() {
        let [source, bytecode @ ..] = module_data(blob, index)?;
        if let Some(source) = source {
            visit(source, |uses| uses.others += 1)?;
        }
        for bytecode in bytecode.into_iter().flatten() {
            visit(bytecode, |uses| uses.bytecode += 1)?;
        }
    }
    for native in blob.natives().iter() {
        let native = native?;
        let data = native.data()?.index();
        if native.node()?.is_some() {
            visit(data, |uses| uses.natives += 1)?;
        } else {
            visit(data, |uses| {
                uses.natives += 1;
                uses.nodeless += 1;
            })?;
        }
    }
    if let Some(licenses) = optional(blob.header().licenses) {
        visit(licenses, |uses| uses.others += 1)?;
    }
    if let Some(snapshot) = optional(blob.header().snapshot) {
        visit(snapshot, |uses| uses.snapshot += 1)?;
    }
    Ok(())
}

pub(super) fn data(blob: &Blob<'_>) -> Result<(), Error> {
    blob.licenses()?;
    blob.snapshot()?;
    let record = |index| blob.record_offset(SectionKind::DataTable, index);
    let count = blob.data_len();
    let mut uses = vec![Uses::default(); count as usize];
    references(blob, |index, note| {
        // Every index was checked by the table that holds it.
        if let Some(uses) = uses.get_mut(index as usize) {
            note(uses);
        }
        Ok(())
    })?;

    let mut regions = Vec::with_capacity(count as usize);
    for (index, uses) in (0..count).zip(&uses) {
        if let Some(rule) = uses.broken() {
            return Err(not_canonical(Structure::DataTable, record(index), rule));
        }
        let region = uses.region(&blob.data(index)?);
        ensure(
            regions.last() <= Some(&region),
            Structure::DataTable,
            record(index),
            "data records are in the order hot, cold, native, snapshot, external",
        )?;
        regions.push(region);
    }
    order(blob, &regions)?;
    placement(blob, &regions)
}

/// Outside hot data, records are in the order in which they are first referred to.
fn order(blob: &Blob<'_>, regions: &[Region]) -> Result<(), Error> {
    // Per region the next index that may appear for the first time.
    let start = |region| regions.partition_point(|other| *other < region) as u32;
    let mut next = [
        start(Region::Hot),
        start(Region::Cold),
        start(Region::Native),
        start(Region::Snapshot),
        start(Region::External),
    ];
    references(blob, |index, _| {
        let Some(region) = regions.get(index as usize).copied() else {
            return Ok(());
        };
        let next = &mut next[region as usize];
        if region == Region::Hot || index < *next {
            return Ok(());
        }
        ensure(
            index == *next,
            Structure::DataTable,
            blob.record_offset(SectionKind::DataTable, index),
            "data records are in the order of their first use",
        )?;
        *next += 1;
        Ok(())
    })
}

/// Data lies end to end in table order, aligned as its section asks, zeros between.
fn placement(blob: &Blob<'_>, regions: &[Region]) -> Result<(), Error> {
    let strings = blob.section(SectionKind::Strings);
    let mut end = strings.offset + strings.length; // inside the blob
    let mut records = (0..).zip(regions).peekable();
    for (kind, region, align) in [
        (SectionKind::HotData, Region::Hot, ALIGN),
        (SectionKind::ColdData, Region::Cold, 1),
        (SectionKind::NativeData, Region::Native, PAGE),
        (SectionKind::Snapshot, Region::Snapshot, PAGE),
    ] {
        let mut start = None;
        while let Some((index, _)) = records.next_if(|(_, other)| **other == region) {
            let data = blob.data(index)?;
            let stored = data.stored_bytes()?.len() as u64;
            let at = blob.record_offset(SectionKind::DataTable, index);
            let align = if start.is_none() {
                kind.alignment()
            } else {
                align
            };
            ensure(
                place(end, stored, align) == Some(data.offset()),
                Structure::DataTable,
                at,
                "data follows the entry before at the next aligned place",
            )?;
            let raw = blob.record(SectionKind::DataTable, index, Structure::DataTable, at)?;
            ensure(
                StrRef::at(raw, 24) == StrRef::default(),
                Structure::DataTable,
                at + 24,
                "data in the blob has no path",
            )?;
            ensure_zeros(blob, end, data.offset(), kind.structure())?;
            if stored > 0 && start.is_none() {
                start = Some(data.offset());
            }
            end = data.offset() + stored; // stored_bytes() has checked it
        }
        let offset = start.unwrap_or(end);
        let section = blob.section(kind);
        let field = crate::HEADER_SIZE + crate::SECTION_RECORD_SIZE * kind.slot() as u64 + 8;
        ensure(
            section.offset == offset && section.length == end - offset,
            Structure::SectionTable,
            field,
            "a data section reaches from its first byte of data to its last",
        )?;
    }
    ensure(
        end == blob.header().total_length,
        Structure::Header,
        32,
        "a blob ends with its last byte of data",
    )?;
    for (index, _) in records {
        let at = blob.record_offset(SectionKind::DataTable, index);
        let raw = blob.record(SectionKind::DataTable, index, Structure::DataTable, at)?;
        ensure(
            (0..4).all(|word| u32_at(raw, word * 4) == 0),
            Structure::DataTable,
            at,
            "a file beside the executable takes no room",
        )?;
        let path = blob.data(index)?.relative_path().unwrap_or_default();
        names::check_relative(path)
            .map_err(|rule| not_canonical(Structure::DataTable, at + 24, rule))?;
    }
    Ok(())
}
