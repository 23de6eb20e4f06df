//! More broken copies: one for each rule that takes several changes to break, or a byte of a
//! string.

use oxidize_format::SectionKind;

use super::bad::{Base, section_record};
use super::{Case, case};

/// Offset in the blob of a string's first byte.
fn text(base: &Base, text: &str) -> u64 {
    let strings = base.at(SectionKind::Strings, 0, 0) as usize;
    let found = base.0[strings..]
        .windows(text.len())
        .position(|window| window == text.as_bytes());
    (strings + found.unwrap()) as u64
}

/// The eight bytes of a string reference.
fn reference(base: &Base, kind: SectionKind, record: u64, field: u64) -> [u8; 8] {
    let at = base.at(kind, record, field) as usize;
    base.0[at..at + 8].try_into().unwrap()
}

pub(super) fn bad_rules(base: &Base) -> Vec<Case> {
    use SectionKind::{
        DataTable, Distributions, Modules, Natives, Needed, RunConfig, Snapshot, Tree,
    };
    // Indices in `small`: data 0 and 1 are hot, 2 and 3 cold; node 9 is main.py.
    let two_records = |one: u64, other: u64| {
        let size = u64::from(DataTable.record_size()) as usize;
        let record = |index| {
            let at = base.at(DataTable, index, 0);
            (at, base.0[at as usize..at as usize + size].to_vec())
        };
        let ((first, one), (second, other)) = (record(one), record(other));
        [(first, other), (second, one)]
    };
    let files: Vec<u64> = (0..)
        .take_while(|index| base.at(Tree, *index, 0) < base.at(DataTable, 0, 0) - 23)
        .filter(|index| base.0[base.at(Tree, *index, 12) as usize] & 1 == 0)
        .collect();
    let file_with = |data: u8| {
        let at = |index: u64| base.at(Tree, index, 16);
        let found = files
            .iter()
            .find(|index| base.0[at(**index) as usize] == data);
        at(*found.unwrap())
    };
    let [hot_to_cold, cold_to_hot] = two_records(1, 2);
    let [cold_to_next, next_to_cold] = two_records(2, 3);
    let number = |value: u32| value.to_le_bytes().to_vec();
    vec![
        case(
            "config-empty-text",
            "an empty text",
            base.patches(&[(base.at(RunConfig, 0, 4), vec![0; 28])]),
        ),
        case(
            "root-slash",
            "a virtual root that ends in a slash",
            base.patch(text(base, "/~oxidizeapp") + 8, b"/"),
        ),
        case(
            "node-dot",
            "a file called '.'",
            base.patch(base.at(SectionKind::Strings, 0, 0), b"."),
        ),
        case(
            "module-path-outside",
            "a module's path that is not below the virtual root",
            base.patch(text(base, "/~oxidize/app/a/b.py"), b"x"),
        ),
        case(
            "module-path-root",
            "the virtual root as a module's path",
            base.patches(&[
                (base.at(Modules, 1, 8), reference(base, Tree, 0, 0).to_vec()),
                (base.at(Modules, 1, 20), number(0)),
            ]),
        ),
        case(
            "module-namespace-file",
            "a namespace package at a file",
            base.patch(base.at(Modules, 0, 16), &[3]),
        ),
        case(
            "external-dot",
            "a relative path with an empty component",
            base.patch(text(base, "x/one") + 2, b"/"),
        ),
        case(
            "data-regions",
            "cold data before hot data",
            base.patches(&[
                hot_to_cold,
                cold_to_hot,
                (base.at(Modules, 1, 28), number(2)),
                (file_with(2), number(1)),
            ]),
        ),
        case(
            "data-first-use",
            "two files' data in the wrong order",
            base.patches(&[
                cold_to_next,
                next_to_cold,
                (file_with(2), number(3)),
                (file_with(3), number(2)),
            ]),
        ),
        case(
            "section-not-ours",
            "an ignorable section nobody vouches for",
            base.patch(section_record(Snapshot), &[77, 0, 0, 0, 0, 0, 0, 0]),
        ),
        case(
            "section-overlap-byte",
            "a section that starts one byte too early",
            base.u64(section_record(Tree) + 8, base.at(Tree, 0, 0) - 1),
        ),
        case(
            "section-record-small",
            "a smaller record size",
            base.patch(section_record(DataTable) + 24, &[20]),
        ),
        case(
            "node-own-parent",
            "a node that is its own parent",
            base.patch(base.at(Tree, 2, 8), &[2]),
        ),
        case(
            "node-twice",
            "two siblings of one name",
            base.patches(&[(base.at(Tree, 6, 0), reference(base, Tree, 5, 0).to_vec())]),
        ),
        case(
            "native-other-node",
            "an image that names another file's node",
            base.patch(base.at(Natives, 0, 20), &[4, 0, 0, 0]),
        ),
        case(
            "native-nodeless",
            "an image that shares a file's data and does not say which",
            base.patch(base.at(Natives, 0, 16), &[3]),
        ),
        case(
            "data-shared-images",
            "two images share data that no file has",
            base.patch(base.at(Natives, 1, 16), &[8]),
        ),
        case(
            "table-gap",
            "a table that does not follow the one before",
            base.u64(section_record(Needed) + 8, base.at(Needed, 1, 0)),
        ),
        case(
            "string-overlap",
            "a string that overlaps another",
            base.patch(base.at(Modules, 1, 0), &[0; 4]),
        ),
        case(
            "string-twice",
            "the same string twice",
            base.patch(text(base, "Z2"), b"A"),
        ),
        case(
            "native-name-twice",
            "two images of one name",
            base.patches(&[(
                base.at(Natives, 2, 0),
                reference(base, Natives, 1, 0).to_vec(),
            )]),
        ),
        case(
            "native-soname-order",
            "an image's soname greater than the next one's",
            base.patches(&[(
                base.at(Natives, 0, 8),
                reference(base, Natives, 2, 8).to_vec(),
            )]),
        ),
        case(
            "needed-extra",
            "a needed name behind the last image's",
            base.patches(&[
                (base.at(Natives, 1, 32), number(0)),
                (base.at(Natives, 2, 28), number(2)),
            ]),
        ),
        case(
            "distribution-name-order",
            "a distribution called like the one before",
            base.patches(&[(
                base.at(Distributions, 1, 0),
                reference(base, Distributions, 0, 0).to_vec(),
            )]),
        ),
    ]
}
