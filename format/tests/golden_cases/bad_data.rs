//! Broken copies: the data table, data, and the run configuration.

use oxidize_format::{Blob, SectionKind};

use super::bad::Base;
use super::{Case, case};

/// Index of the first data record with these flags.
fn data_with_flags(base: &Base, flags: u32) -> u64 {
    let blob = Blob::open(&base.0).unwrap();
    (0..u64::from(blob.data_len()))
        .find(|index| {
            let at = base.at(SectionKind::DataTable, *index, 32) as usize;
            base.0[at..at + 4] == flags.to_le_bytes()
        })
        .unwrap()
}

/// The data table and data.
pub(super) fn bad_data(base: &Base) -> Vec<Case> {
    use SectionKind::{DataTable, Modules};
    let zstd = data_with_flags(base, 1);
    let external = data_with_flags(base, 2);
    let frame = {
        let blob = Blob::open(&base.0).unwrap();
        blob.data(zstd as u32).unwrap().offset()
    };
    let whole =
        |index: u64, field: u64, value: u64| base.u64(base.at(DataTable, index, field), value);
    vec![
        case(
            "data-outside",
            "data behind the blob",
            whole(0, 8, u64::MAX),
        ),
        case(
            "data-offset",
            "data that starts behind the blob",
            whole(0, 0, 1 << 60),
        ),
        case(
            "data-shifted",
            "data that does not follow the entry before",
            whole(0, 0, 480),
        ),
        case(
            "data-flag",
            "an unknown data flag",
            base.field(DataTable, 0, 32, 8),
        ),
        case(
            "data-both-flags",
            "compressed and beside the executable",
            base.field(DataTable, 0, 32, 3),
        ),
        case(
            "data-both-compressed",
            "compressed in two ways",
            base.field(DataTable, 0, 32, 5),
        ),
        case(
            "lz4-no-block",
            "bytes that are no LZ4 block",
            base.field(DataTable, 0, 32, 4),
        ),
        case(
            "lz4-huge",
            "an LZ4 block that claims more than 255 times its size",
            {
                let mut made = base.field(DataTable, 0, 32, 4);
                let at = base.at(DataTable, 0, 16) as usize;
                made[at..at + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
                made
            },
        ),
        case(
            "data-reserved",
            "a reserved field is set",
            base.field(DataTable, 0, 36, 1),
        ),
        case(
            "data-length",
            "uncompressed data of another length",
            whole(0, 16, 1000),
        ),
        case(
            "data-path",
            "a path for data in the blob",
            base.field(DataTable, 0, 28, 1),
        ),
        case(
            "data-order",
            "two records in the wrong order",
            base.swap(DataTable, 0, 1),
        ),
        case(
            "data-unused",
            "a data record nobody refers to",
            base.field(Modules, 0, 28, u32::MAX),
        ),
        case(
            "data-shared-bytecode",
            "two modules share bytecode",
            base.field(Modules, 1, 28, 0),
        ),
        case(
            "external-offset",
            "a file beside the executable with an offset",
            whole(external, 0, 480),
        ),
        case(
            "external-path",
            "a file beside the executable without path",
            base.patch(base.at(DataTable, external, 24), &[0; 8]),
        ),
        case(
            "zstd-length",
            "a frame that states another length",
            whole(zstd, 16, 15),
        ),
        case(
            "zstd-huge",
            "a claim of an exbibyte in a few bytes",
            whole(zstd, 16, 1 << 60),
        ),
        case("zstd-magic", "no frame", base.patch(frame, &[0])),
        case(
            "zstd-dictionary",
            "a frame with a dictionary",
            base.patch(frame + 4, &[0x21]),
        ),
        case(
            "zstd-no-size",
            "a frame without content size",
            base.patch(frame + 4, &[0]),
        ),
        case(
            "zstd-block",
            "a block of the reserved type",
            base.patch(frame + 6, &[0x77]),
        ),
        case(
            "zstd-trailing",
            "a block that ends before the frame does",
            base.patch(frame + 6, &[0x69]),
        ),
    ]
}

/// The run configuration.
pub(super) fn bad_config(base: &Base) -> Vec<Case> {
    use SectionKind::RunConfig;
    // Records of `small`: script (3), optimize (17), environment (34).
    let script = base.at(RunConfig, 0, 0);
    let optimize = script + 8 + 24;
    let environment = optimize + 16;
    vec![
        case(
            "config-required",
            "a required key nobody knows",
            base.patch(optimize, &[0xff, 0x7f]),
        ),
        case(
            "config-flag",
            "an unknown key flag",
            base.patch(optimize + 2, &[3]),
        ),
        case(
            "config-optional",
            "a known key without its required bit",
            base.patch(optimize + 2, &[0]),
        ),
        case(
            "config-order",
            "keys in the wrong order",
            base.patch(optimize, &[1, 0]),
        ),
        case(
            "config-number-size",
            "a number of three bytes",
            base.patch(optimize + 4, &[3]),
        ),
        case(
            "config-number-range",
            "optimisation level 3",
            base.patch(optimize + 8, &[3]),
        ),
        case(
            "config-default",
            "a default spelled out",
            base.patch(optimize + 8, &[0]),
        ),
        case(
            "config-padding",
            "padding that is not zero",
            base.patch(optimize + 12, &[1]),
        ),
        case(
            "config-length",
            "a value behind the section",
            base.patch(environment + 4, &[9]),
        ),
        case(
            "config-text",
            "a path that is not UTF-8",
            base.patch(script + 8, &[0xff]),
        ),
        case(
            "config-environment",
            "an environment default without name",
            base.patch(environment + 8, b"="),
        ),
        case(
            "config-function",
            "a function without module",
            base.patch(script, &[2]),
        ),
    ]
}
