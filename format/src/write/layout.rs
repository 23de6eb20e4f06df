//! Every offset fixed, then the bytes in order.

use super::data::{self, Plan, Region, Sources};
use super::entries::Payload;
use super::error::WriteError;
use super::tables::{
    Tables, put, put_str, write_data, write_distributions, write_modules, write_natives, write_tree,
};
use super::tree::FlatTree;
use super::{HeaderFields, Writer};
use crate::bytes::place;
use crate::header::{
    ALIGN, DIGEST_OFFSET, HEADER_SIZE, MAGIC, NONE, PAGE, SECTION_COUNT, SECTION_RECORD_SIZE,
    SECTION_REQUIRED, Section, SectionKind, StrRef, VERSION_MAJOR, VERSION_MINOR, flags_for,
};
use crate::proportion;

/// A blob whose every offset is fixed and whose tables are written. Its bytes are
/// [`Layout::pieces`], in order; the digest field is zero until the caller patches it.
#[derive(Debug)]
pub struct Layout<P> {
    /// Header, section table and tables, up to the end of the strings.
    front: Vec<u8>,
    /// Zeros before it, then the payload.
    payloads: Vec<(u64, P)>,
    len: u64,
}

/// A run of the blob's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'l, P> {
    /// These bytes.
    Bytes(&'l [u8]),
    /// That many zero bytes.
    Zeros(u64),
    /// All bytes of a payload.
    Payload(&'l P),
}

impl<P: Payload> Layout<P> {
    /// Length of the blob in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Never: a blob has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The blob's bytes in order. None of the pieces is empty.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_, P>> {
        let payloads = self.payloads.iter().flat_map(|(zeros, payload)| {
            [
                (*zeros > 0).then_some(Piece::Zeros(*zeros)),
                (!payload.is_empty()).then_some(Piece::Payload(payload)),
            ]
        });
        std::iter::once(Piece::Bytes(self.front.as_slice())).chain(payloads.flatten())
    }
}

impl<P: Payload + AsRef<[u8]>> Layout<P> {
    /// The whole blob in memory, digest included. For small blobs and tests.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in self.pieces() {
            match piece {
                Piece::Bytes(piece) => bytes.extend_from_slice(piece),
                Piece::Zeros(count) => {
                    // Zeros are alignment only, less than a page.
                    bytes.resize(bytes.len() + count as usize, 0);
                }
                Piece::Payload(payload) => bytes.extend_from_slice(payload.as_ref()),
            }
        }
        let digest = crate::digest::of(&bytes);
        let at = DIGEST_OFFSET as usize;
        bytes[at..at + 32].copy_from_slice(&digest);
        bytes
    }
}

pub(super) fn layout<P: Payload>(mut writer: Writer<P>) -> Result<Layout<P>, WriteError> {
    crate::names::check_root(&writer.fields.root)
        .map_err(super::bad_name("virtual root", &writer.fields.root))?;
    crate::names::check_string(&writer.fields.target)
        .map_err(super::bad_name("target", &writer.fields.target))?;
    let mut tree = writer.tree.flatten()?;
    check_depth(&tree)?;
    let plan = data::plan(Sources {
        tree: &mut tree,
        modules: &mut writer.modules,
        natives: &mut writer.natives,
        licenses: writer.licenses.take(),
        snapshot: writer.snapshot.take(),
        hot_order: &writer.hot_order,
    })?;

    let mut tables = Tables {
        config: writer.config.encode()?,
        ..Tables::default()
    };
    // Strings lie in the order of this walk; lookups of modules touch one dense run of names.
    for name in writer.modules.keys() {
        tables.strings.add(name)?;
    }
    write_modules(&mut tables, &writer.modules, &writer.natives, &tree, &plan)?;
    write_tree(&mut tables, &tree, &plan)?;
    let target = tables.strings.add(&writer.fields.target)?;
    let paths = plan
        .items
        .iter()
        .map(|item| tables.strings.add(&item.path))
        .collect::<Result<Vec<_>, _>>()?;
    write_natives(&mut tables, &writer.natives, &tree, &plan)?;
    write_distributions(&mut tables, &writer.distributions, &tree)?;

    let check = writer.config.check_at_start;
    finish(&writer.fields, check, tables, target, &paths, plan)
}

/// Refuses trees with a path longer than the format allows.
fn check_depth<P>(tree: &FlatTree<P>) -> Result<(), WriteError> {
    let mut lengths: Vec<u64> = Vec::with_capacity(tree.nodes.len());
    for node in &tree.nodes {
        let parent = lengths
            .get(node.parent as usize)
            .map_or(0, |length| length + 1);
        lengths.push(parent + node.name.len() as u64);
    }
    if lengths
        .iter()
        .any(|length| *length > crate::header::MAX_STRING)
    {
        return Err(WriteError::TooLarge { what: "a path" });
    }
    Ok(())
}

const OVERFLOW: WriteError = WriteError::TooLarge {
    what: "the blob's length",
};

/// Places the sections and the data, and writes header, section table and tables.
fn finish<P: Payload>(
    fields: &HeaderFields,
    check_at_start: bool,
    mut tables: Tables,
    target: StrRef,
    paths: &[StrRef],
    plan: Plan<P>,
) -> Result<Layout<P>, WriteError> {
    let Plan {
        items,
        licenses,
        snapshot,
        ..
    } = plan;
    let mut sections = [Section::default(); SECTION_COUNT];
    let mut end = HEADER_SIZE + SECTION_RECORD_SIZE * SECTION_COUNT as u64;
    let data_size = items.len() as u64 * u64::from(SectionKind::DataTable.record_size());
    let sizes = [
        (SectionKind::RunConfig, tables.config.len() as u64),
        (SectionKind::Modules, tables.modules.len() as u64),
        (SectionKind::Tree, tables.tree.len() as u64),
        (SectionKind::DataTable, data_size),
        (SectionKind::Natives, tables.natives.len() as u64),
        (SectionKind::Needed, tables.needed.len() as u64),
        (
            SectionKind::Distributions,
            tables.distributions.len() as u64,
        ),
        (SectionKind::Strings, tables.strings.bytes.len() as u64),
    ];
    for (kind, length) in sizes {
        let record = u64::from(kind.record_size());
        if record > 1 && length / record >= u64::from(NONE) {
            return Err(WriteError::TooLarge { what: "a table" });
        }
        let offset = place(end, length, kind.alignment()).ok_or(OVERFLOW)?;
        end = offset.checked_add(length).ok_or(OVERFLOW)?;
        sections[kind.slot()] = Section { offset, length };
    }

    let front_end = end;
    let mut payloads = Vec::with_capacity(items.len());
    let mut items = items.into_iter().zip(paths).peekable();
    for (kind, region, align) in [
        (SectionKind::HotData, Region::Hot, ALIGN),
        (SectionKind::ColdData, Region::Cold, 1),
        (SectionKind::NativeData, Region::Native, PAGE),
        (SectionKind::Snapshot, Region::Snapshot, PAGE),
    ] {
        // The section starts where its first entry that is not empty wants to start.
        let mut start = None;
        while let Some((item, _)) = items.next_if(|(item, _)| item.region == region) {
            let stored = item.payload.as_ref().map_or(0, Payload::len);
            let wanted = if start.is_none() {
                kind.alignment()
            } else {
                align
            };
            let offset = place(end, stored, wanted).ok_or(OVERFLOW)?;
            if stored > 0 && start.is_none() {
                start = Some(offset);
            }
            write_data(&mut tables.data, &item, offset, stored, StrRef::default());
            if let Some(payload) = item.payload {
                payloads.push((offset - end, payload));
            }
            end = offset.checked_add(stored).ok_or(OVERFLOW)?;
        }
        let offset = start.unwrap_or(end);
        sections[kind.slot()] = Section {
            offset,
            length: end - offset,
        };
    }
    for (item, path) in items {
        write_data(&mut tables.data, &item, 0, 0, *path);
    }

    let written = |kind| -> &[u8] {
        match kind {
            SectionKind::Modules => &tables.modules,
            SectionKind::Tree => &tables.tree,
            SectionKind::DataTable => &tables.data,
            SectionKind::Natives => &tables.natives,
            SectionKind::Needed => &tables.needed,
            SectionKind::Distributions => &tables.distributions,
            SectionKind::Strings => &tables.strings.bytes,
            _ => &[],
        }
    };
    proportion::check(end, written).map_err(|excess| WriteError::TooLarge { what: excess.rule })?;

    let mut front = Vec::with_capacity(usize::try_from(front_end).map_err(|_| OVERFLOW)?);
    let flags = flags_for(check_at_start);
    write_header(&mut front, fields, flags, target, end, [snapshot, licenses]);
    for kind in SectionKind::ALL {
        let section = sections[kind.slot()];
        put(&mut front, kind as u32);
        put(&mut front, SECTION_REQUIRED);
        front.extend(section.offset.to_le_bytes());
        front.extend(section.length.to_le_bytes());
        put(&mut front, kind.record_size());
        put(&mut front, 0);
    }
    for (kind, table) in [
        (SectionKind::RunConfig, &tables.config),
        (SectionKind::Modules, &tables.modules),
        (SectionKind::Tree, &tables.tree),
        (SectionKind::DataTable, &tables.data),
        (SectionKind::Natives, &tables.natives),
        (SectionKind::Needed, &tables.needed),
        (SectionKind::Distributions, &tables.distributions),
        (SectionKind::Strings, &tables.strings.bytes),
    ] {
        let section = sections[kind.slot()];
        front.resize(usize::try_from(section.offset).map_err(|_| OVERFLOW)?, 0);
        front.extend(table);
        // What was promised when the offsets were fixed.
        assert_eq!(
            section.offset + section.length,
            front.len() as u64,
            "{kind:?}"
        );
    }
    Ok(Layout {
        front,
        payloads,
        len: end,
    })
}

fn write_header(
    front: &mut Vec<u8>,
    fields: &HeaderFields,
    ignorable_flags: u32,
    target: StrRef,
    total: u64,
    [snapshot, licenses]: [u32; 2],
) {
    front.extend(MAGIC);
    front.extend(VERSION_MAJOR.to_le_bytes());
    front.extend(VERSION_MINOR.to_le_bytes());
    put(front, 0);
    put(front, ignorable_flags);
    put(front, fields.py_version_hex);
    put(front, fields.bytecode_magic);
    put(front, fields.stub_abi);
    front.extend(total.to_le_bytes());
    put_str(front, target);
    put(front, snapshot);
    put(front, licenses);
    put(front, SECTION_COUNT as u32);
    put(front, 0);
    front.extend([0; 32]);
}
