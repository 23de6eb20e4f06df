//! Named pipes, devices and files longer than memory in the places of inputs: told at once.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the command with little memory and for a short time; what it said.
fn refused(dir: &Path, words: &str) -> String {
    let program = env!("CARGO_BIN_EXE_oxidize-inject");
    let output = Command::new("sh")
        .current_dir(dir)
        .args(["-c", "ulimit -v 4000000; exec timeout 120 \"$@\"", "sh"])
        .arg(program)
        .args(words.split(' '))
        .env("OXIDIZE_CACHE_DIR", dir.join("cache"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    // 124: the time was up. Of memory, the process dies by a signal.
    assert!(
        matches!(output.status.code(), Some(1 | 2)),
        "{words}: {:?}\n{told}",
        output.status
    );
    told
}

#[test]
fn pipes_devices_and_sparse_files_are_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new("mkfifo").arg(dir.path().join("pipe")).status();
    assert!(made.unwrap().success());
    symlink("/dev/zero", dir.path().join("endless")).unwrap();
    let sparse = fs::File::create(dir.path().join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    fs::create_dir(dir.path().join("app")).unwrap();
    fs::write(dir.path().join("app/__main__.py"), "").unwrap();
    for words in [
        "verify FILE",
        "inspect FILE",
        "extract FILE --to out",
        "remove FILE",
        "sign FILE",
        "stubs import FILE",
        "x --no-config --script FILE",
        "x --no-config --resources app --stub FILE",
        "x --no-config --resources app --wheel FILE --offline",
        "x --no-config --resources app --requirements FILE --offline",
        "x --no-config --resources app --require pip --constraint FILE --offline",
    ] {
        for file in ["pipe", "endless"] {
            let words = words.replace("FILE", file);
            let told = refused(dir.path(), &words);
            assert!(told.contains("regular file"), "{words}: {told}");
        }
        refused(dir.path(), &words.replace("FILE", "sparse"));
    }
    let long = fs::File::create(dir.path().join("app/long.py")).unwrap();
    long.set_len(1 << 40).unwrap();
    let told = refused(dir.path(), "x --no-config --resources app");
    assert!(told.contains("too large"), "{told}");
    fs::remove_file(dir.path().join("app/long.py")).unwrap();
    // Each key has a line number.
    let tables: String = (0..90_000).map(|n| format!("[a{n}]\n")).collect();
    fs::write(dir.path().join("many.toml"), tables).unwrap();
    let told = refused(dir.path(), "x --config many.toml");
    assert!(told.contains("many.toml:1: "), "{told}");
    // It may be a pipe: settings that a command writes, say.
    for file in ["endless", "sparse"] {
        let words = format!("x --resources app --config {file}");
        let told = refused(dir.path(), &words);
        assert!(told.contains("too l"), "{words}: {told}");
    }
    assert!(!dir.path().join("x").exists());
}
