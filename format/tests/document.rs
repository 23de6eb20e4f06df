//! The worked example in `docs/format.md` is generated from the blob, so that page and code
//! cannot part. `OXIDIZE_BLESS=1 cargo test -p oxidize-format --test document` rewrites it.

mod common;

use std::fmt::Write as _;
use std::path::Path;

use oxidize_format::{Blob, SectionKind, Target};

const BEGIN: &str = "<!-- begin worked example -->\n";
const END: &str = "<!-- end worked example -->\n";

#[derive(Clone, Copy)]
enum Shape {
    Number,
    Hex,
    Index,
    Text,
    Opaque,
}

type Fields = &'static [(usize, Shape, &'static str)];

const HEADER: Fields = &[
    (8, Shape::Opaque, "magic"),
    (2, Shape::Number, "major version"),
    (2, Shape::Number, "minor version"),
    (4, Shape::Hex, "required flags"),
    (4, Shape::Hex, "ignorable flags"),
    (4, Shape::Hex, "Python version"),
    (4, Shape::Hex, "bytecode magic"),
    (4, Shape::Number, "stub ABI"),
    (8, Shape::Number, "total length"),
    (8, Shape::Text, "target"),
    (4, Shape::Index, "snapshot"),
    (4, Shape::Index, "licences"),
    (4, Shape::Number, "number of sections"),
    (4, Shape::Hex, "reserved"),
    (32, Shape::Opaque, "digest"),
];
const SECTION: Fields = &[
    (4, Shape::Number, "kind"),
    (4, Shape::Hex, "flags: required"),
    (8, Shape::Hex, "offset"),
    (8, Shape::Number, "length"),
    (4, Shape::Number, "record size"),
    (4, Shape::Hex, "reserved"),
];
const MODULE: Fields = &[
    (8, Shape::Text, "name"),
    (8, Shape::Text, "path"),
    (4, Shape::Hex, "flags"),
    (4, Shape::Index, "node"),
    (4, Shape::Index, "source"),
    (4, Shape::Index, "bytecode, level 0"),
    (4, Shape::Index, "bytecode, level 1"),
    (4, Shape::Index, "bytecode, level 2"),
    (4, Shape::Index, "native image"),
    (4, Shape::Hex, "reserved"),
];
const NODE: Fields = &[
    (8, Shape::Text, "name"),
    (4, Shape::Index, "parent"),
    (4, Shape::Hex, "flags"),
    (4, Shape::Index, "first child or data"),
    (4, Shape::Number, "number of children"),
];
const DATA: Fields = &[
    (8, Shape::Hex, "offset"),
    (8, Shape::Number, "stored length"),
    (8, Shape::Number, "length"),
    (8, Shape::Text, "path"),
    (4, Shape::Hex, "flags"),
    (4, Shape::Hex, "reserved"),
];
const OPTION: Fields = &[
    (2, Shape::Number, "key"),
    (2, Shape::Hex, "flags: required"),
    (4, Shape::Number, "length of the value"),
    (8, Shape::Opaque, "value and padding"),
];

struct Listing<'a> {
    bytes: &'a [u8],
    strings: usize,
    at: usize,
    out: String,
}

impl Listing<'_> {
    fn title(&mut self, title: &str) {
        let _ = writeln!(self.out, "{title}");
    }

    /// The next `len` bytes with their meaning, 16 to a line.
    fn row(&mut self, len: usize, meaning: &str) {
        let mut meaning = meaning;
        for row in self.bytes[self.at..self.at + len].chunks(16) {
            let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
            let line = format!("  {:03x}  {:<47}  {meaning}", self.at, hex.join(" "));
            let _ = writeln!(self.out, "{}", line.trim_end());
            self.at += row.len();
            meaning = "";
        }
    }

    fn fields(&mut self, fields: Fields) {
        for (len, shape, name) in fields {
            let mut raw = [0; 8];
            let short = (*len).min(8);
            raw[..short].copy_from_slice(&self.bytes[self.at..self.at + short]);
            let number = u64::from_le_bytes(raw);
            let meaning = match shape {
                Shape::Opaque => (*name).to_owned(),
                Shape::Number => format!("{name}: {number}"),
                Shape::Hex => format!("{name}: {number:#x}"),
                Shape::Index if number == 0xffff_ffff => format!("{name}: none"),
                Shape::Index => format!("{name}: {number}"),
                Shape::Text if number == 0 => format!("{name}: empty"),
                Shape::Text => {
                    let (offset, length) = (number as u32 as usize, (number >> 32) as usize);
                    let text = &self.bytes[self.strings + offset..][..length];
                    format!("{name}: \"{}\"", std::str::from_utf8(text).unwrap())
                }
            };
            self.row(*len, &meaning);
        }
    }

    fn records(&mut self, blob: &Blob<'_>, kind: SectionKind, name: &str, fields: Fields) {
        let section = blob.section(kind);
        self.skip_to(section.offset as usize);
        let size: usize = fields.iter().map(|(len, _, _)| len).sum();
        for record in 0..section.length as usize / size {
            self.title(&format!("section {}: {name} {record}", kind as u32));
            self.fields(fields);
        }
    }

    fn skip_to(&mut self, at: usize) {
        if self.at < at {
            self.row(at - self.at, "padding");
        }
    }
}

/// The blob field by field. Every byte appears once.
fn listing() -> String {
    let bytes = common::two_modules().layout().unwrap().to_bytes();
    let blob = Blob::open(&bytes).unwrap();
    let mut list = Listing {
        bytes: &bytes,
        strings: blob.section(SectionKind::Strings).offset as usize,
        at: 0,
        out: String::new(),
    };
    list.title("header");
    list.fields(HEADER);
    for kind in SectionKind::ALL {
        list.title(&format!("section table: {}", kind.structure()));
        list.fields(SECTION);
    }
    list.records(&blob, SectionKind::RunConfig, "run configuration", OPTION);
    list.records(&blob, SectionKind::Modules, "module", MODULE);
    list.records(&blob, SectionKind::Tree, "node", NODE);
    list.records(&blob, SectionKind::DataTable, "data record", DATA);
    let strings = blob.section(SectionKind::Strings);
    list.title("sections 5, 6 and 7 are empty");
    list.skip_to(strings.offset as usize);
    list.title("section 8: strings");
    for text in [
        "hi",
        "hi.say",
        "/~oxidize/app/hi/__init__.py",
        "/~oxidize/app/hi/say.py",
        "/~oxidize",
        "app",
        "__init__.py",
        "say.py",
        Target::X86_64_LINUX_GNU.triple(),
    ] {
        assert!(bytes[list.at..].starts_with(text.as_bytes()));
        list.row(text.len(), text);
    }
    for index in 0..blob.data_len() {
        let data = blob.data(index).unwrap();
        list.skip_to(data.offset() as usize);
        let section = if index < 2 {
            "section 9: hot"
        } else {
            "section 10: cold"
        };
        list.title(&format!("{section}, data {index}"));
        list.row(data.stored_len() as usize, "");
    }
    list.title("sections 11 and 12 are empty");
    assert_eq!(list.at, bytes.len(), "every byte is explained");
    format!("```text\n{}```\n", list.out)
}

#[test]
fn the_worked_example_is_the_blob() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the begin marker");
    let (found, after) = rest.split_once(END).expect("the end marker");
    let expected = listing();
    if std::env::var_os("OXIDIZE_BLESS").is_some() {
        std::fs::write(&page, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert!(
            found == expected,
            "docs/format.md is stale: run with OXIDIZE_BLESS=1\n{expected}"
        );
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/good/two-modules.blob");
    let bytes = common::two_modules().layout().unwrap().to_bytes();
    assert!(std::fs::read(golden).unwrap() == bytes);
}

/// The list of sections in the document is the code's.
#[test]
fn the_sections_are_the_documents() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, list) = text
        .split_once("| kind | section | record size | alignment of its start |\n")
        .unwrap();
    let rows: Vec<Vec<String>> = list
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().replace(',', "")).collect()
        })
        .collect();
    assert_eq!(rows.len(), SectionKind::ALL.len());
    for (kind, row) in SectionKind::ALL.into_iter().zip(rows) {
        assert_eq!(row[0], (kind as u32).to_string());
        assert_eq!(row[2], kind.record_size().to_string(), "{}", row[1]);
        assert_eq!(row[3], kind.alignment().to_string(), "{}", row[1]);
    }
}

/// The lines on opening a blob by hand in "How outsiders read it" work.
#[test]
fn the_shell_line_works() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once("```sh\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let app = std::env::temp_dir().join(format!("oxidize-format-{}", std::process::id()));
    // Something in front, as the executable would be.
    let mut bytes = vec![0x7f; 65_536];
    bytes.extend(common::everything().layout().unwrap().to_bytes());
    std::fs::write(&app, bytes).unwrap();
    let script = script.replace("./app", &app.display().to_string());
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg(script)
        .output();
    std::fs::remove_file(&app).unwrap();
    let python = std::process::Command::new("python3")
        .arg("--version")
        .output();
    match (output, python) {
        (Ok(output), Ok(python)) if python.status.success() => {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "Pkg 1.0\n");
        }
        _ => {
            let forbidden = std::env::var_os("OXIDIZE_FORBID_SKIPS").is_some();
            assert!(!forbidden, "skips are forbidden: no sh or python3");
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"skipped the command in the document: no sh or python3\n",
            );
        }
    }
}
