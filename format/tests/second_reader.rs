//! The plain Python reader, written from the document, sees in every golden blob what the Rust
//! reader sees, and refuses what a reader must refuse.
//!
//! Needs `python3`. Without one the test reports itself as skipped, unless
//! `OXIDIZE_FORBID_SKIPS` is set.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// What the Python reader prints about each blob. One process for all of them.
fn python(blobs: &[PathBuf]) -> Vec<String> {
    let mut command = Command::new("python3");
    command.arg("-I").arg(tests().join("reader.py")).args(blobs);
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "the Python reader broke: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<String> =
        text.split_inclusive('\n')
            .fold(Vec::new(), |mut parts: Vec<String>, line| {
                if line.starts_with("blob ") {
                    parts.push(String::new());
                } else {
                    parts.last_mut().unwrap().push_str(line);
                }
                parts
            });
    assert_eq!(parts.len(), blobs.len());
    parts
}

/// Whether there is no Python to run the reader with; says so.
fn skipped() -> bool {
    let probe = Command::new("python3").arg("--version").output();
    let why = match probe {
        Ok(output) if output.status.success() => return false,
        Ok(output) => format!("python3 --version: {}", output.status),
        Err(error) => format!("python3: {error}"),
    };
    assert!(
        std::env::var_os("OXIDIZE_FORBID_SKIPS").is_none(),
        "skips are forbidden: {why}"
    );
    // Around the test harness, which shows what a passing test prints to nobody.
    let _ = writeln!(std::io::stderr(), "skipped the second reader: {why}");
    true
}

fn blobs(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(tests().join("golden").join(folder)).unwrap();
    let mut blobs: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "blob"))
        .collect();
    blobs.sort();
    assert!(!blobs.is_empty());
    blobs
}

#[test]
fn both_readers_see_the_same() {
    if skipped() {
        return;
    }
    let blobs = blobs("good");
    for (blob, theirs) in blobs.iter().zip(python(&blobs)) {
        let ours = fs::read_to_string(blob.with_extension("txt")).unwrap();
        assert!(theirs == ours, "{}: the readers differ", blob.display());
    }
}

#[test]
fn both_readers_refuse_the_same() {
    if skipped() {
        return;
    }
    let blobs = blobs("bad");
    for (path, theirs) in blobs.iter().zip(python(&blobs)) {
        let name = path.file_name().unwrap().to_string_lossy();
        let bytes = fs::read(path).unwrap();
        // What the Rust reader takes the Python one takes, and the other way round. Only a
        // validator or decoder may know better.
        let ours = oxidize_format::Blob::open(&bytes).and_then(|blob| {
            blob.verify_digest()?;
            oxidize_format::dump(&blob)
        });
        let refused = theirs.starts_with("refused: ");
        match ours {
            // Python checks frame headers and lengths where the dump has no need to.
            Ok(_) if name.starts_with("zstd") && theirs.starts_with("refused: zstd") => {}
            Ok(_) if name.starts_with("lz4") && theirs.starts_with("refused: lz4") => {}
            Ok(text) => assert!(theirs == text, "{name}: the readers differ: {theirs}"),
            Err(error) => assert!(refused, "{name}: only we refuse: {error}"),
        }
    }
}
