//! Outputs of the commands that work on applications: their modes, and that nothing is lost.

#![cfg(unix)]

mod identities;
mod made;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use identities::mac_program;
use made::make_app;
use oxidize_format::{Content, FileEntry, HeaderFields, Target, VIRTUAL_ROOT, Writer};
use oxidize_inject::internal::container::{self, elf::synthetic};

const TOOL: &str = env!("CARGO_BIN_EXE_oxidize-inject");

/// Runs the command with this umask; what it said on standard error.
fn run(dir: &Path, umask: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh", TOOL])
        .args(arguments)
        .env("OXIDIZE_CACHE_DIR", dir.join("cache"))
        .current_dir(dir);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(told)
    } else {
        Err(told)
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// An application for Linux and an unsigned program for macOS.
fn programs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    make_app(&dir.path().join("app"), "data.txt");
    fs::write(dir.path().join("mac"), mac_program(true)).unwrap();
    dir
}

#[test]
fn a_new_output_has_what_the_umask_allows_and_can_be_started() {
    let dir = programs();
    for (umask, program, data) in [
        ("022", 0o755, 0o644),
        ("002", 0o775, 0o664),
        ("077", 0o700, 0o600),
        ("000", 0o777, 0o666),
        ("0111", 0o766, 0o666),
        ("0177", 0o700, 0o600),
    ] {
        for before in [0o4755, 0o6777, 0o644] {
            set_mode(&dir.path().join("app"), before);
            set_mode(&dir.path().join("mac"), before);
            for arguments in [
                &["remove", "app", "-o", "stub"][..],
                &["sign", "mac", "-o", "signed"],
                &["extract", "app", "--blob", "blob", "--to", "files"],
            ] {
                run(dir.path(), umask, arguments).unwrap();
            }
            let found = |name: &str| mode(&dir.path().join(name));
            assert_eq!(found("stub"), program, "{umask} {before:o}");
            assert_eq!(found("signed"), program, "{umask} {before:o}");
            assert_eq!(found("blob"), data, "{umask} {before:o}");
            assert_eq!(found("files"), program & !0o111 | 0o111 & !umask_of(umask));
            assert_eq!(found("files/app/data.txt"), data);
            for name in ["stub", "signed", "blob"] {
                fs::remove_file(dir.path().join(name)).unwrap();
            }
            set_mode(&dir.path().join("files"), 0o700);
            let _ = Command::new("chmod")
                .args(["-R", "u+rwx", "files"])
                .current_dir(dir.path())
                .status();
            fs::remove_dir_all(dir.path().join("files")).unwrap();
        }
    }
}

fn umask_of(text: &str) -> u32 {
    u32::from_str_radix(text, 8).unwrap()
}

#[test]
fn a_rewritten_program_keeps_its_mode_without_borrowed_rights() {
    for (before, after) in [
        (0o700, 0o700),
        (0o6755, 0o755),
        (0o644, 0o755),
        (0o775, 0o775),
    ] {
        let dir = programs();
        for (command, name) in [("remove", "app"), ("sign", "mac")] {
            set_mode(&dir.path().join(name), before);
            run(dir.path(), "022", &[command, name]).unwrap();
            assert_eq!(mode(&dir.path().join(name)), after, "{command} {before:o}");
        }
    }
}

#[test]
fn links_stay_and_the_file_they_lead_to_is_rewritten() {
    for (name, command) in [
        ("app", &["remove"][..]),
        ("mac", &["sign", "--identifier", "new"]),
    ] {
        let dir = programs();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::rename(at(name), at("deep/program")).unwrap();
        symlink("deep/program", at("one")).unwrap();
        symlink("one", at("two")).unwrap();
        let before = fs::read(at("two")).unwrap();
        let told = run(dir.path(), "022", &[command, &["two"]].concat()).unwrap();
        assert!(!told.contains("warning: `two` has other"), "{told}");
        assert!(at("one").is_symlink() && at("two").is_symlink());
        assert!(!at("deep/program").is_symlink());
        assert!(fs::read(at("deep/program")).unwrap() != before);
        assert!(fs::read(at("two")).unwrap() == fs::read(at("deep/program")).unwrap());
        assert_eq!(names(&at("deep")), ["program"]);
        // Another name of the file cannot follow; that is told.
        let dir = programs();
        fs::hard_link(dir.path().join(name), dir.path().join("other")).unwrap();
        let told = run(dir.path(), "022", &[command, &[name]].concat()).unwrap();
        assert!(told.contains("has other hard links"), "{told}");
        assert!(fs::read(dir.path().join("other")).unwrap() == before);
    }
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let dir = programs();
    let at = |name: &str| dir.path().join(name);
    fs::hard_link(at("app"), at("hard")).unwrap();
    symlink("app", at("soft")).unwrap();
    symlink("soft", at("softer")).unwrap();
    fs::write(at("key.pem"), "key").unwrap();
    fs::write(at("plist"), "plist").unwrap();
    fs::write(at("password"), "secret").unwrap();
    symlink("key.pem", at("key-link")).unwrap();
    let app = fs::read(at("app")).unwrap();
    for blob in ["app", "./app", "hard", "soft", "softer"] {
        let told = run(dir.path(), "022", &["extract", "app", "--blob", blob]).unwrap_err();
        assert!(told.contains("is the input `app`"), "{told}");
        // Nor is anything else extracted then.
        let both = ["extract", "soft", "--blob", blob, "--to", "files"];
        assert!(run(dir.path(), "022", &both).is_err());
        assert!(!at("files").exists());
    }
    assert_eq!(fs::read(at("app")).unwrap(), app);
    for (output, more) in [
        ("key.pem", &["--sign-key", "key.pem"][..]),
        ("key-link", &["--sign-key", "key.pem"]),
        ("key.pem", &["--sign-p12", "key-link"]),
        ("plist", &["--entitlements", "plist"]),
        (
            "password",
            &["--sign-key", "key.pem", "--sign-password-file", "password"],
        ),
        (
            "app",
            &["--sign-key", "key.pem", "--sign-certificates", "app"],
        ),
    ] {
        let mut arguments = vec!["sign", "mac", "-o", output];
        arguments.extend_from_slice(more);
        let told = run(dir.path(), "022", &arguments).unwrap_err();
        assert!(told.contains("is the input"), "{told}");
        let mut arguments = vec![output, "--resources", "."];
        arguments.extend_from_slice(more);
        let told = run(dir.path(), "022", &arguments).unwrap_err();
        assert!(told.contains("is the input"), "{told}");
    }
    assert_eq!(fs::read(at("key.pem")).unwrap(), b"key");
    assert_eq!(fs::read(at("app")).unwrap(), app);
}

#[test]
fn no_output_takes_the_place_of_what_settings_and_requirements_are_read_from() {
    let dir = programs();
    let at = |name: &str| dir.path().join(name);
    let stub = dir.path().join("stub");
    run(dir.path(), "022", &["remove", "app", "-o", "stub"]).unwrap();
    fs::create_dir_all(at("project/src")).unwrap();
    fs::create_dir(at("links")).unwrap();
    fs::create_dir(at("resources")).unwrap();
    for (name, text) in [
        ("oxidize.toml", "resources = 'resources'\n"),
        ("other.toml", "resources = 'resources'\n"),
        ("project/pyproject.toml", "[project]\nname = 'p'\n"),
        ("project/src/p.py", "# mine\n"),
        ("links/ham-1-py3-none-any.whl", "wheel"),
        ("ham-1-py3-none-any.whl", "wheel"),
        ("requirements.txt", "-r more.txt\n"),
        ("more.txt", "./project\n"),
        ("constraints.txt", "-c deep.txt\n"),
        ("deep.txt", ""),
        ("pylock.toml", "lock-version = '1.0'\n"),
        ("run.py", "print()\n"),
        ("resources/__main__.py", "print()\n"),
    ] {
        fs::write(at(name), text).unwrap();
    }
    symlink("more.txt", at("link")).unwrap();
    fs::hard_link(at("oxidize.toml"), at("hard")).unwrap();
    let stub = stub.to_str().unwrap();
    let mut cases = vec![
        ("oxidize.toml", vec![]),
        ("hard", vec![]),
        ("other.toml", vec!["--config", "other.toml"]),
        ("run.py", vec!["--script", "run.py"]),
        ("pylock.toml", vec!["--requirements", "pylock.toml"]),
        (
            "links/ham-1-py3-none-any.whl",
            vec!["--find-links", "links", "--require", "ham"],
        ),
        (
            "ham-1-py3-none-any.whl",
            vec!["--wheel", "ham-1-py3-none-any.whl"],
        ),
        (
            "ham-1-py3-none-any.whl",
            vec!["--require", "./ham-1-py3-none-any.whl"],
        ),
        ("resources/__main__.py", vec![]),
    ];
    for name in ["project/src/p.py", "project/pyproject.toml"] {
        cases.push((name, vec!["--require", "./project"]));
        cases.push((name, vec!["--requirements", "requirements.txt"]));
    }
    for name in ["requirements.txt", "more.txt", "link"] {
        cases.push((name, vec!["--requirements", "requirements.txt"]));
    }
    for name in ["constraints.txt", "deep.txt"] {
        cases.push((
            name,
            vec!["--require", "ham", "--constraint", "constraints.txt"],
        ));
    }
    for (output, more) in cases {
        let before = fs::read(at(output)).unwrap();
        let arguments = [&[output, "--stub", stub, "--offline"][..], &more].concat();
        let told = run(dir.path(), "022", &arguments).unwrap_err();
        assert!(
            told.contains("is the input `") || told.contains("is one of the resources"),
            "{output} {more:?}: {told}"
        );
        assert_eq!(fs::read(at(output)).unwrap(), before);
    }
    let told = run(dir.path(), "022", &["sign", "mac", "-o", "oxidize.toml"]).unwrap_err();
    assert!(told.contains("is the input"), "{told}");
}

#[test]
fn a_link_that_is_an_output_is_replaced_and_its_file_stays() {
    let dir = programs();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("notes"), "mine").unwrap();
    symlink("notes", at("out")).unwrap();
    for arguments in [
        ["extract", "app", "--blob", "out"],
        ["remove", "app", "-o", "out"],
    ] {
        run(dir.path(), "022", &arguments).unwrap();
        assert!(!at("out").is_symlink());
        assert_eq!(fs::read(at("notes")).unwrap(), b"mine");
        fs::remove_file(at("out")).unwrap();
        symlink("notes", at("out")).unwrap();
    }
}

#[test]
fn files_are_extracted_all_or_none() {
    let dir = programs();
    let at = |name: &str| dir.path().join(name);
    // An application that is not whole.
    let mut broken = fs::read(at("app")).unwrap();
    let data = broken
        .windows(4)
        .rposition(|bytes| bytes == b"data")
        .unwrap();
    broken[data] ^= 1;
    fs::write(at("broken"), broken).unwrap();
    for what in [&["--to", "new"][..], &["--blob", "new"]] {
        let told = run(dir.path(), "022", &[&["extract", "broken"], what].concat()).unwrap_err();
        assert!(told.contains("is damaged"), "{told}");
        assert!(!at("new").exists());
    }
    // An empty directory stays the one it is.
    fs::create_dir(at("there")).unwrap();
    set_mode(&at("there"), 0o2750);
    let before = fs::metadata(at("there")).unwrap().ino();
    run(dir.path(), "022", &["extract", "app", "--to", "there"]).unwrap();
    assert_eq!(mode(&at("there")), 0o2750);
    assert_eq!(fs::metadata(at("there")).unwrap().ino(), before);
    assert_eq!(names(&at("there")), ["app"]);
    run(dir.path(), "022", &["extract", "app", "--to", "a/b/c/"]).unwrap();
    assert_eq!(names(&at("a/b")), ["c"]);
    assert_eq!(names(&at("a/b/c")), ["app"]);
    assert!(
        !names(dir.path())
            .iter()
            .any(|name| name.starts_with(".oxidize"))
    );
}

#[test]
fn a_new_signature_hides_no_damage() {
    let dir = programs();
    let at = dir.path().join("mac");
    let sign = ["sign", "mac", "--identifier", "another"];
    run(dir.path(), "022", &sign).unwrap();
    let mut program = fs::read(&at).unwrap();
    let verified = oxidize_inject::internal::container::verify(&program).unwrap();
    assert!(!verified.altered, "a signature alters nothing");
    // The synthetic program's code counts from 0 at the start of its section.
    let code = (0..100).collect::<Vec<u8>>();
    let code = program.windows(100).position(|bytes| bytes == code);
    program[code.unwrap() + 50] ^= 1;
    fs::write(&at, &program).unwrap();
    let told = run(dir.path(), "022", &sign).unwrap_err();
    assert!(
        told.contains("is damaged") && told.contains("overwritten"),
        "{told}"
    );
    assert!(fs::read(&at).unwrap() == program);
}

#[test]
fn names_with_backslashes_are_extracted() {
    let dir = tempfile::tempdir().unwrap();
    make_app(&dir.path().join("app"), "a\\..\\b\\c");
    run(dir.path(), "022", &["extract", "app", "--to", "files"]).unwrap();
    assert_eq!(
        fs::read(dir.path().join("files/app/a\\..\\b\\c")).unwrap(),
        b"data"
    );
}

#[test]
fn files_out_of_proportion_are_not_extracted() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(HeaderFields {
        py_version_hex: 0x030d_0ff0,
        bytecode_magic: 0x0a0d_0df3,
        stub_abi: 1,
        target: Target::X86_64_LINUX_MUSL.triple().into(),
        root: VIRTUAL_ROOT.into(),
    });
    // Many files that share one entry.
    let first = "/~oxidize/app/first";
    for number in 0..20_000 {
        let (path, content) = match number {
            0 => (first.to_owned(), Content::plain(vec![7; 256 << 10])),
            _ => (
                format!("/~oxidize/app/{number}"),
                Content::File(first.into()),
            ),
        };
        let executable = false;
        let entry = FileEntry {
            content,
            executable,
        };
        writer.add_file(&path, entry).unwrap();
    }
    let blob = writer.layout().unwrap().to_bytes();
    let stub = synthetic::build(&synthetic::Shape::default());
    let plan = container::inject(&stub, blob.len() as u64).unwrap();
    fs::write(dir.path().join("app"), plan.assemble(&blob)).unwrap();
    let told = run(dir.path(), "022", &["extract", "app", "--to", "out"]).unwrap_err();
    assert!(told.contains("would take 4.9 GiB"), "{told}");
    assert_eq!(names(dir.path()), ["app"]);
}

#[test]
fn pruning_removes_what_the_store_made_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let hex = "0123456789abcdef".repeat(4);
    let keep = [
        "notes/text".to_owned(),
        format!("{hex}/mine"),
        ".new-project/mine".to_owned(),
        ".oxidize-inject-new-a b/mine".to_owned(),
        format!("{}/manifest.json", &hex[1..]),
        format!("{}/manifest.json", hex.to_uppercase()),
        "file".to_owned(),
    ];
    let stubs = dir.path().join("cache/stubs");
    for path in &keep {
        let path = stubs.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    fs::write(dir.path().join("cache/stubs.lock"), "mine").unwrap();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("manifest.json"), "mine").unwrap();
    let own = "f".repeat(64);
    fs::create_dir(stubs.join(&own)).unwrap();
    fs::write(stubs.join(&own).join("manifest.json"), "damaged").unwrap();
    let link = "e".repeat(64);
    symlink(&elsewhere, stubs.join(&link)).unwrap();
    let status = |arguments: &[&str]| run(dir.path(), "022", arguments).is_ok();
    assert!(!status(&["stubs", "verify"]), "one is damaged");
    assert!(status(&["stubs", "list"]) && status(&["stubs", "prune", "--all"]));
    assert!(status(&["stubs", "verify"]));
    for path in &keep {
        assert_eq!(fs::read(stubs.join(path)).unwrap(), b"mine", "{path}");
    }
    assert!(!stubs.join(own).exists() && stubs.join(link).is_symlink());
    assert_eq!(fs::read(elsewhere.join("manifest.json")).unwrap(), b"mine");
    assert_eq!(
        fs::read(dir.path().join("cache/stubs.lock")).unwrap(),
        b"mine"
    );
}
