//! How the golden blobs were made: good ones by the writer, bad ones by breaking a good one
//! in a single place.

#![allow(unreachable_pub)] // a module of a test program

mod bad;
mod bad_data;
mod bad_rules;

pub use bad::bad;

use oxidize_format::{
    Blob, Content, DistributionEntry, FileEntry, ModuleEntry, ModuleKind, NativeEntry, RunOptions,
    SectionKind, Writer,
};

use crate::common::{everything, fields, file, shared, two_modules, zstd_raw};

pub struct Case {
    pub name: &'static str,
    pub shows: &'static str,
    pub bytes: Vec<u8>,
}

fn case(name: &'static str, shows: &'static str, bytes: Vec<u8>) -> Case {
    Case { name, shows, bytes }
}

fn bytes(writer: Writer<Vec<u8>>) -> Vec<u8> {
    writer.layout().unwrap().to_bytes()
}

fn redigest(mut blob: Vec<u8>) -> Vec<u8> {
    let digest = oxidize_format::digest::of(&blob);
    blob[64..96].copy_from_slice(&digest);
    blob
}

pub fn good() -> Vec<Case> {
    vec![
        case(
            "empty",
            "nothing but the root directory",
            bytes(Writer::new(fields())),
        ),
        case(
            "two-modules",
            "the worked example of the document",
            bytes(two_modules()),
        ),
        case(
            "everything",
            "every kind of record, page-aligned images and a snapshot",
            bytes(everything()),
        ),
        case(
            "small",
            "many records without page alignment; the bad blobs are broken copies of it",
            bytes(small()),
        ),
        case(
            "edges",
            "empty data, odd lengths, the longest names",
            bytes(edges()),
        ),
        case(
            "later-minor",
            "a later minor version: ignorable flag, section and key that 1.0 does not know",
            later_minor(),
        ),
    ]
}

/// Several of each record, nothing at page alignment.
fn small() -> Writer<Vec<u8>> {
    let mut w = Writer::new(fields());
    w.set_run_config(RunOptions {
        entry_script: Some("/~oxidize/app/main.py".into()),
        optimize: 2,
        environment: vec![("A".into(), "1=2".into())],
        ..RunOptions::default()
    });
    for (path, text) in [
        ("main.py", "import a\n"),
        ("a/__init__.py", ""),
        ("a/b.py", "b = 1\n"),
        ("a-1.dist-info/METADATA", "Name: a\n"),
        ("z-2.dist-info/METADATA", "Name: z\n"),
    ] {
        let path = format!("/~oxidize/app/{path}");
        w.add_file(&path, file(text.as_bytes())).unwrap();
    }
    w.add_file(
        "/~oxidize/app/packed",
        FileEntry {
            content: Content::zstd(zstd_raw(b"packed content"), 14),
            executable: true,
        },
    )
    .unwrap();
    for (path, length) in [("x/one", 1), ("../two", 2)] {
        let name = path.rsplit('/').next().unwrap();
        w.add_file(
            &format!("/~oxidize/app/{name}"),
            FileEntry {
                content: Content::External {
                    path: path.into(),
                    length,
                },
                executable: false,
            },
        )
        .unwrap();
    }
    for (name, kind, path) in [
        ("a", ModuleKind::Package, "a/__init__.py"),
        ("a.b", ModuleKind::Module, "a/b.py"),
    ] {
        let path = format!("/~oxidize/app/{path}");
        let mut module = ModuleEntry::new(name, kind);
        module.source = Some(shared(&path));
        module.path = Some(path);
        module.bytecode[0] = Some(Content::plain(format!("code of {name}").into_bytes()));
        w.add_module(module).unwrap();
    }
    let mut fast = ModuleEntry::new("a.fast", ModuleKind::Module);
    fast.native = Some("a.fast".into());
    w.add_module(fast).unwrap();
    for (name, soname, needed) in [
        ("a.fast", None, vec!["liba.so", "libb.so"]),
        ("liba.so", Some("liba.so"), vec!["libb.so"]),
        ("libb.so", Some("libb.so"), vec![]),
    ] {
        w.add_native(NativeEntry {
            name: name.into(),
            soname: soname.map(str::to_owned),
            needed: needed.into_iter().map(str::to_owned).collect(),
            extension: soname.is_none(),
            content: Content::zstd(zstd_raw(b"\x7fELF"), 4),
        })
        .unwrap();
    }
    for (name, version) in [("a", "1"), ("z", "2")] {
        w.add_distribution(DistributionEntry {
            normalised: name.into(),
            name: name.to_uppercase(),
            version: version.into(),
            directory: format!("/~oxidize/app/{name}-{version}.dist-info"),
        })
        .unwrap();
    }
    w
}

/// Lengths around every boundary.
fn edges() -> Writer<Vec<u8>> {
    let mut w = Writer::new(fields());
    for length in [0, 1, 15, 16, 17] {
        let mut module = ModuleEntry::new(format!("m{length}"), ModuleKind::Module);
        for (level, filler) in [(0, 0xa0), (1, 0xa1), (2, 0xa2)] {
            module.bytecode[level] = Some(Content::plain(vec![filler; length]));
        }
        w.add_module(module).unwrap();
        w.add_file(&format!("/~oxidize/f{length}"), file(&vec![0xc0; length]))
            .unwrap();
    }
    // The longest path and the longest strings there are: 65,535 bytes.
    let longest = "n".repeat(65_535 - "/~oxidize/".len());
    w.add_file(&format!("/~oxidize/{longest}"), file(b""))
        .unwrap();
    w.add_module(ModuleEntry::new("m".repeat(65_535), ModuleKind::Package))
        .unwrap();
    w.add_directory("/~oxidize/\u{fc}n\u{ef}/\u{1f40d} and space%")
        .unwrap();
    w
}

/// A blob as a later minor version may write it: everything new is marked ignorable.
fn later_minor() -> Vec<u8> {
    let base = bytes(two_modules());
    let blob = Blob::open(&base).unwrap();
    let config = blob.section(SectionKind::RunConfig);
    let mut made = base.clone();
    made[10] = 1; // minor version
    made[16] = 0x80; // ignorable header flag
    // The program name's key becomes one nobody knows, and ignorable. It is the last.
    let key = (config.offset + config.length - 16) as usize;
    made[key..key + 4].copy_from_slice(&[0xff, 0x7f, 0, 0]);
    // The snapshot's section, empty here, becomes one nobody knows.
    let record = bad::section_record(SectionKind::Snapshot) as usize;
    made[record..record + 8].copy_from_slice(&[77, 0, 0, 0, 0, 0, 0, 0]);
    redigest(made)
}
