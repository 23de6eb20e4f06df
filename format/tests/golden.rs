//! Golden blobs, kept for ever: good ones must be read as they always were, bad ones must
//! be refused with the same error at the same offset.
//!
//! `tests/golden/good/NAME.blob` has its dump beside it and a line in `good/MANIFEST`:
//! `NAME | valid or readable | what it shows`. "readable" ones are from a later minor version:
//! a reader takes them, a validator of version 1.0 does not vouch for them.
//! `tests/golden/bad/MANIFEST` has `NAME | stage: error | what it shows`.
//!
//! `OXIDIZE_BLESS=1 cargo test -p oxidize-format --test golden` adds the files of new cases.
//! It never touches a blob that is there: a changed format gets new files, and old ones stay.

mod common;
mod golden_cases;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use oxidize_format::{Blob, Error, dump};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn blessing() -> bool {
    std::env::var_os("OXIDIZE_BLESS").is_some()
}

/// The manifest's lines by name: verdict and purpose.
fn manifest(folder: &Path) -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(folder.join("MANIFEST")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(" | ").collect();
            let [name, verdict, shows] = fields[..] else {
                panic!("bad manifest line {line:?}");
            };
            (name.into(), (verdict.into(), shows.into()))
        })
        .collect()
}

fn save_manifest(folder: &Path, head: &str, lines: &BTreeMap<String, (String, String)>) {
    let mut text = String::from(head);
    for (name, (verdict, shows)) in lines {
        text += &format!("{name} | {verdict} | {shows}\n");
    }
    fs::write(folder.join("MANIFEST"), text).unwrap();
}

/// The first error on the way that `inspect` takes, with the stage that gave it.
fn first_error(bytes: &[u8]) -> Result<(), (&'static str, Error)> {
    let blob = Blob::open(bytes).map_err(|error| ("open", error))?;
    blob.validate().map_err(|error| ("validate", error))?;
    blob.verify_data().map_err(|error| ("data", error))?;
    blob.verify_digest().map_err(|error| ("digest", error))
}

fn describe((stage, error): &(&str, Error)) -> String {
    let debug = format!("{error:?}");
    let kind = debug.split([' ', '{']).next().unwrap_or_default();
    let (structure, offset) = (error.structure(), error.offset());
    format!("{stage}: {kind} in {structure} at {offset}")
}

#[test]
fn good() {
    let folder = folder("good");
    let mut lines = manifest(&folder);
    let cases = golden_cases::good();
    if blessing() {
        fs::create_dir_all(&folder).unwrap();
        for case in &cases {
            let file = folder.join(format!("{}.blob", case.name));
            if !file.exists() {
                fs::write(file, &case.bytes).unwrap();
            }
            let verdict = match first_error(&case.bytes) {
                Ok(()) => "valid",
                Err(_) => "readable",
            };
            let text = dump(&Blob::open(&case.bytes).unwrap()).unwrap();
            fs::write(folder.join(format!("{}.txt", case.name)), text).unwrap();
            lines.insert(case.name.into(), (verdict.into(), case.shows.into()));
        }
        save_manifest(
            &folder,
            "# name | valid or readable | what it shows\n",
            &lines,
        );
    }
    assert!(!lines.is_empty(), "no golden blobs");
    for (name, (verdict, _)) in &lines {
        let bytes = fs::read(folder.join(format!("{name}.blob"))).unwrap();
        let blob = Blob::open(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
        assert!(dump(&blob).unwrap() == text, "{name}: the dump differs");
        blob.verify_data()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        match verdict.as_str() {
            "valid" => first_error(&bytes).unwrap_or_else(|(_, error)| panic!("{name}: {error}")),
            _ => assert!(blob.validate().is_err(), "{name}: vouched for the unknown"),
        }
        // Today's writer still writes the same bytes.
        if let Some(case) = cases.iter().find(|case| case.name == name) {
            assert!(case.bytes == bytes, "{name}: the writer's bytes changed");
        }
    }
    for case in &cases {
        assert!(lines.contains_key(case.name), "{}: not blessed", case.name);
    }
}

#[test]
fn bad() {
    let folder = folder("bad");
    let mut lines = manifest(&folder);
    let cases = golden_cases::bad();
    if blessing() {
        fs::create_dir_all(&folder).unwrap();
        for case in &cases {
            let file = folder.join(format!("{}.blob", case.name));
            if !file.exists() {
                fs::write(file, &case.bytes).unwrap();
                let error = first_error(&case.bytes).expect_err(case.name);
                lines.insert(case.name.into(), (describe(&error), case.shows.into()));
            }
        }
        let head = "# name | stage: error in structure at offset | what it shows\n";
        save_manifest(&folder, head, &lines);
    }
    assert!(!lines.is_empty(), "no golden blobs");
    for (name, (expected, shows)) in &lines {
        let bytes = fs::read(folder.join(format!("{name}.blob"))).unwrap();
        let Err(error) = first_error(&bytes) else {
            panic!("{name} ({shows}) was accepted");
        };
        assert_eq!(&describe(&error), expected, "{name} ({shows}): {}", error.1);
    }
    for case in &cases {
        assert!(lines.contains_key(case.name), "{}: not blessed", case.name);
    }
}
