//! Names and paths that many records of an application share: what reads them takes memory and
//! time in proportion to the file, and refuses what is out of proportion.

#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use oxidize_format::{
    Blob, Content, DistributionEntry, FileEntry, HeaderFields, NativeEntry, SectionKind, Writer,
};
use oxidize_inject::internal::container::{self, elf::synthetic};

const LONG: usize = 65_000;

fn plain(bytes: &[u8]) -> Content<Vec<u8>> {
    Content::plain(bytes.to_vec())
}

/// As much shared text as an application of any size may have: 60 million bytes of paths, of names
/// of distributions (each of them with two letters that JSON writes with six), and of needed names.
fn blob() -> Vec<u8> {
    let mut writer = Writer::new(HeaderFields {
        py_version_hex: 0x030d_0ff0,
        bytecode_magic: 0,
        stub_abi: oxidize_format::STUB_ABI,
        target: "x86_64-unknown-linux-musl".into(),
        root: oxidize_format::VIRTUAL_ROOT.into(),
    });
    let package = format!("/~oxidize/app/{}", "p".repeat(LONG));
    for number in 0..900 {
        let file = FileEntry {
            content: plain(b"\x7fELF"),
            executable: true,
        };
        writer
            .add_file(&format!("{package}/{number}"), file)
            .unwrap();
    }
    let acts = "\u{9b}".repeat(LONG / 2);
    for number in 0..200 {
        let entry = DistributionEntry {
            normalised: number.to_string(),
            name: acts.clone(),
            version: acts.clone(),
            directory: "/~oxidize/app".into(),
        };
        writer.add_distribution(entry).unwrap();
    }
    let native = NativeEntry {
        name: "lib".into(),
        soname: None,
        content: plain(b"lib"),
        extension: false,
        needed: [vec!["a".to_owned(); 900], vec!["n".repeat(LONG); 300]].concat(),
    };
    writer.add_native(native).unwrap();
    writer.layout().unwrap().to_bytes()
}

/// An application that holds these bytes as its blob.
fn write(path: &Path, blob: &[u8]) {
    let stub = synthetic::build(&synthetic::Shape::default());
    let plan = container::inject(&stub, blob.len() as u64).unwrap();
    let mut bytes = Vec::new();
    for piece in plan.pieces() {
        match piece {
            container::Piece::Bytes(piece) => bytes.extend_from_slice(piece),
            container::Piece::Zeros(count) => bytes.resize(bytes.len() + *count as usize, 0),
            container::Piece::Blob => bytes.extend(blob),
        }
    }
    std::fs::write(path, bytes).unwrap();
}

/// Runs the command with 160 MB of memory.
fn run(dir: &Path, words: &str) -> Output {
    Command::new("sh")
        .current_dir(dir)
        .args([
            "-c",
            "ulimit -v 160000; exec timeout 60 \"$@\" | tail -c 100",
            "sh",
        ])
        .arg(env!("CARGO_BIN_EXE_oxidize-inject"))
        .args(words.split(' '))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn shared_names_and_paths_take_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("app"), &blob());
    for words in [
        "inspect app",
        "inspect app --output-format json",
        "inspect app --list files",
        "inspect app --list files --output-format json",
        "inspect app --list distributions --output-format json",
        "inspect app --list natives",
        "verify app",
        "verify app --output-format json",
    ] {
        let output = run(dir.path(), words);
        let told = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(told.is_empty() && !said.is_empty(), "{words}: {told}{said}");
    }
}

#[test]
fn what_is_out_of_proportion_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = blob();
    let needed = Blob::open(&bytes).unwrap().section(SectionKind::Needed);
    let needed = needed.offset as usize;
    for short in 0..900 {
        bytes.copy_within(needed + 900 * 8..needed + 901 * 8, needed + short * 8);
    }
    write(&dir.path().join("app"), &bytes);
    for words in [
        "inspect app",
        "inspect app --list natives",
        "verify app",
        "extract app --to out",
        "extract app --blob out",
    ] {
        let output = run(dir.path(), words);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            told.contains("8 times the blob's length"),
            "{words}: {told}"
        );
    }
}
