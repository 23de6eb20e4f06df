//! Broken copies of one good blob, each wrong in a single place.

use oxidize_format::{Blob, SectionKind};

use super::bad_data::{bad_config, bad_data};
use super::{Case, bytes, case, redigest, small};

pub(super) fn section_record(kind: SectionKind) -> u64 {
    96 + 32 * (kind as u64 - 1)
}

/// A good blob to be broken.
pub(super) struct Base(pub(super) Vec<u8>);

impl Base {
    pub(super) fn at(&self, kind: SectionKind, record: u64, field: u64) -> u64 {
        let blob = Blob::open(&self.0).unwrap();
        blob.section(kind).offset + record * u64::from(kind.record_size()) + field
    }

    /// Several places at once.
    pub(super) fn patches(&self, patches: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut broken = self.0.clone();
        for (at, patch) in patches {
            broken[*at as usize..*at as usize + patch.len()].copy_from_slice(patch);
        }
        redigest(broken)
    }

    pub(super) fn patch(&self, at: u64, patch: &[u8]) -> Vec<u8> {
        let mut broken = self.0.clone();
        broken[at as usize..at as usize + patch.len()].copy_from_slice(patch);
        redigest(broken)
    }

    pub(super) fn u32(&self, at: u64, value: u32) -> Vec<u8> {
        self.patch(at, &value.to_le_bytes())
    }

    pub(super) fn u64(&self, at: u64, value: u64) -> Vec<u8> {
        self.patch(at, &value.to_le_bytes())
    }

    pub(super) fn field(&self, kind: SectionKind, record: u64, field: u64, value: u32) -> Vec<u8> {
        self.u32(self.at(kind, record, field), value)
    }

    /// Two records of a table change places.
    pub(super) fn swap(&self, kind: SectionKind, one: u64, other: u64) -> Vec<u8> {
        let size = u64::from(kind.record_size()) as usize;
        let (one, other) = (
            self.at(kind, one, 0) as usize,
            self.at(kind, other, 0) as usize,
        );
        let mut broken = self.0.clone();
        let first = broken[one..one + size].to_vec();
        broken.copy_within(other..other + size, one);
        broken[other..other + size].copy_from_slice(&first);
        redigest(broken)
    }
}

pub fn bad() -> Vec<Case> {
    let base = Base(bytes(small()));
    let mut cases = bad_envelope(&base);
    cases.extend(bad_tables(&base));
    cases.extend(bad_data(&base));
    cases.extend(bad_config(&base));
    cases.extend(super::bad_rules::bad_rules(&base));
    cases
}

/// Header and section table.
fn bad_envelope(base: &Base) -> Vec<Case> {
    use SectionKind::{DataTable, HotData, Modules, RunConfig, Snapshot, Tree};
    let length = base.0.len() as u64;
    let cut = |end: usize| base.0[..end].to_vec();
    let mut longer = base.u64(32, length + 1);
    longer.push(0);
    let mut flipped = base.0.clone();
    flipped[64] ^= 1;
    vec![
        case("no-bytes", "an empty file", Vec::new()),
        case("header-cut", "one byte short of a header", cut(95)),
        case("table-cut", "ends within the section table", {
            let mut cut = cut(96 + 32);
            cut[32..40].copy_from_slice(&128_u64.to_le_bytes());
            cut
        }),
        case(
            "blob-cut",
            "the last byte is missing",
            cut(base.0.len() - 1),
        ),
        case("magic", "another magic", base.patch(1, b"o")),
        case("major", "a later major version", base.patch(8, &[2, 0])),
        case("flag", "a flag a reader must know", base.u32(12, 1 << 31)),
        case(
            "header-reserved",
            "the reserved field is set",
            base.u32(60, 1),
        ),
        case(
            "length-small",
            "total length within the section table",
            base.u64(32, 100),
        ),
        case(
            "length-large",
            "total length beyond the bytes",
            base.u64(32, u64::MAX),
        ),
        case(
            "unreferenced-end",
            "a byte behind the last data",
            redigest(longer),
        ),
        case("sections-many", "65 sections", base.u32(56, 65)),
        case("sections-none", "no section at all", base.u32(56, 0)),
        case(
            "sections-few",
            "the last section is missing",
            base.u32(56, 11),
        ),
        case(
            "section-unknown",
            "an unknown section that is required",
            base.u32(section_record(Snapshot), 13),
        ),
        case(
            "section-twice",
            "the same kind of section twice",
            base.u32(section_record(Modules), 1),
        ),
        case(
            "section-zero",
            "a section of kind 0",
            base.u32(section_record(RunConfig), 0),
        ),
        case(
            "section-flag",
            "an unknown section flag",
            base.u32(section_record(Tree) + 4, 3),
        ),
        case(
            "section-ignorable",
            "a known section that claims to be ignorable",
            base.u32(section_record(Tree) + 4, 0),
        ),
        case(
            "section-reserved",
            "the reserved field of a section record is set",
            base.u32(section_record(Tree) + 28, 1),
        ),
        case(
            "section-overlap",
            "a section that starts within the one before",
            base.u64(section_record(Tree) + 8, base.at(Modules, 1, 0)),
        ),
        case(
            "section-outside",
            "a section that ends behind the blob",
            base.u64(section_record(HotData) + 16, length),
        ),
        case(
            "section-overflow",
            "offset and length overflow 64 bits",
            base.u64(section_record(HotData) + 16, u64::MAX),
        ),
        case(
            "section-record-size",
            "another record size",
            base.u32(section_record(DataTable) + 24, 48),
        ),
        case(
            "section-partial",
            "a table with half a record",
            base.u64(section_record(Modules) + 16, 47),
        ),
        case(
            "section-short",
            "a data section that ends before its data",
            base.u64(section_record(HotData) + 16, 1),
        ),
        case(
            "padding",
            "a padding byte that is not zero",
            base.patch(base.at(HotData, 0, 0) - 1, &[1]),
        ),
        case("digest", "the digest of other bytes", flipped),
        case(
            "target",
            "the target's string outside the table",
            base.u32(44, u32::MAX),
        ),
        case(
            "minor",
            "a later minor version nobody vouches for",
            base.patch(10, &[1, 0]),
        ),
        case(
            "ignorable",
            "an unknown ignorable flag nobody vouches for",
            base.u32(16, 1),
        ),
    ]
}

/// Tables other than data.
fn bad_tables(base: &Base) -> Vec<Case> {
    use SectionKind::{Distributions, Modules, Natives, Needed, Strings, Tree};
    let first_name = base.at(Strings, 0, 0);
    vec![
        case(
            "utf8",
            "a string that is not UTF-8",
            base.patch(first_name, &[0xff]),
        ),
        case(
            "nul",
            "a string with a NUL",
            base.patch(first_name + 2, &[0]),
        ),
        case(
            "string-outside",
            "a string that ends behind the table",
            base.field(Modules, 0, 4, u32::MAX),
        ),
        case(
            "string-unused",
            "a string nobody refers to",
            base.field(Distributions, 1, 16, 0),
        ),
        case(
            "string-part",
            "a string that is part of another",
            base.field(Modules, 1, 4, 2),
        ),
        case(
            "string-empty",
            "the empty string away from 0",
            base.patch(base.at(Modules, 2, 8), &[1, 0, 0, 0, 0, 0, 0, 0]),
        ),
        case(
            "modules-order",
            "two modules in the wrong order",
            base.swap(Modules, 0, 1),
        ),
        case(
            "modules-twice",
            "the same module name twice",
            base.patch(
                base.at(Modules, 1, 0),
                &base.0[base.at(Modules, 0, 0) as usize..][..8],
            ),
        ),
        case(
            "module-name",
            "a module name that ends in a dot",
            base.patch(first_name + 3, b"."),
        ),
        case(
            "module-flag",
            "an unknown module flag",
            base.field(Modules, 0, 16, 8),
        ),
        case(
            "module-namespace",
            "a namespace package that is no package",
            base.field(Modules, 0, 16, 2),
        ),
        case(
            "module-reserved",
            "a reserved field is set",
            base.field(Modules, 0, 44, 1),
        ),
        case(
            "module-node",
            "a node that does not exist",
            base.field(Modules, 0, 20, 1000),
        ),
        case(
            "module-other-node",
            "another file's node",
            base.field(Modules, 0, 20, 0),
        ),
        case(
            "module-source",
            "a data record that does not exist",
            base.field(Modules, 0, 24, 99),
        ),
        case(
            "module-native",
            "an image that does not exist",
            base.field(Modules, 2, 40, 3),
        ),
        case(
            "module-no-node",
            "no node although the tree has the module's file",
            base.field(Modules, 0, 20, u32::MAX),
        ),
        case(
            "root-file",
            "the root is a file",
            base.field(Tree, 0, 12, 0),
        ),
        case(
            "root-parent",
            "the root has a parent",
            base.field(Tree, 0, 8, 0),
        ),
        case(
            "node-flag",
            "an unknown node flag",
            base.field(Tree, 2, 12, 4),
        ),
        case(
            "node-executable-directory",
            "an executable directory",
            base.field(Tree, 1, 12, 3),
        ),
        case(
            "node-parent",
            "a parent behind its child",
            base.field(Tree, 2, 8, 5),
        ),
        case(
            "node-wrong-parent",
            "a parent that does not list the child",
            base.field(Tree, 2, 8, 0),
        ),
        case(
            "node-loop",
            "a directory that contains itself",
            base.field(Tree, 1, 16, 1),
        ),
        case(
            "node-children",
            "children behind the last node",
            base.field(Tree, 1, 20, 1000),
        ),
        case(
            "node-orphan",
            "a node that no directory lists",
            base.field(Tree, 1, 20, 1),
        ),
        case(
            "node-order",
            "two siblings in the wrong order",
            base.swap(Tree, 5, 6),
        ),
        case(
            "node-name",
            "a file name with a slash",
            base.patch(base.at(Strings, 0, 0) + string_offset(base, Tree, 1), b"/"),
        ),
        case(
            "node-no-data",
            "a file without data",
            base.field(Tree, 5, 16, u32::MAX),
        ),
        case(
            "file-with-children",
            "a file with children",
            base.field(Tree, 5, 20, 1),
        ),
        case(
            "native-flag",
            "an unknown image flag",
            base.field(Natives, 0, 24, 2),
        ),
        case(
            "native-reserved",
            "a reserved field is set",
            base.field(Natives, 0, 36, 1),
        ),
        case(
            "native-order",
            "two images in the wrong order",
            base.swap(Natives, 1, 2),
        ),
        case(
            "native-needed",
            "needed names behind the list",
            base.field(Natives, 0, 32, 4),
        ),
        case(
            "native-needed-gap",
            "a needed name nobody needs",
            base.field(Natives, 1, 32, 0),
        ),
        case(
            "native-no-data",
            "an image without data",
            base.field(Natives, 0, 16, u32::MAX),
        ),
        case(
            "native-node",
            "a node with other data",
            base.field(Natives, 0, 20, 2),
        ),
        case(
            "needed-empty",
            "an empty needed name",
            base.patch(base.at(Needed, 0, 0), &[0; 8]),
        ),
        case(
            "distributions-order",
            "two distributions in the wrong order",
            base.swap(Distributions, 0, 1),
        ),
        case(
            "distribution-node",
            "no metadata directory",
            base.field(Distributions, 0, 24, u32::MAX),
        ),
        case(
            "distribution-file",
            "a file where a directory belongs",
            base.field(Distributions, 0, 24, 5),
        ),
        case(
            "distribution-reserved",
            "a reserved field is set",
            base.field(Distributions, 0, 28, 1),
        ),
    ]
}

/// Offset of a record's first string within the string table.
fn string_offset(base: &Base, kind: SectionKind, record: u64) -> u64 {
    let at = base.at(kind, record, 0) as usize;
    u64::from(u32::from_le_bytes(base.0[at..at + 4].try_into().unwrap()))
}
