//! What the command says, failures included. The expected words are in `snapshots/`;
//! `INSTA_UPDATE=always cargo test` writes them anew.
//!
//! The stub here has a slot and no code, so nothing is compiled and nothing runs: that is for the
//! end-to-end tests.

#![cfg(target_os = "linux")]

mod made;
mod wheels;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use oxidize_inject::Target;
use oxidize_inject::internal::container;
use oxidize_inject::internal::container::elf::synthetic;
use oxidize_inject::internal::container::{macho, pe};
use tempfile::TempDir;

use made::make_app;

/// A directory with a stub, the archive of a very small standard library, and some resources.
fn workshop() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "stub",
        synthetic::build(&synthetic::Shape::default()),
    );
    fs::set_permissions(dir.path().join("stub"), fs::Permissions::from_mode(0o755)).unwrap();
    let archive = File::create(dir.path().join("cpython-3.13.15-stdlib.tar.zst")).unwrap();
    let mut tar = tar::Builder::new(zstd::Encoder::new(archive, 1).unwrap().auto_finish());
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    tar.append_data(&mut header, "python/install/lib/python3.13/os.py", &b""[..])
        .unwrap();
    tar.finish().unwrap();
    drop(tar);
    write(dir.path(), "res/tool.py", "print(1)\n");
    write(dir.path(), "res/pkg/__init__.py", "");
    dir
}

fn write(dir: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Runs the command in `dir` and tells how it went.
fn run(dir: &Path, arguments: &[&str]) -> String {
    run_program(
        Path::new(env!("CARGO_BIN_EXE_oxidize-inject")),
        dir,
        arguments,
    )
}

fn run_program(program: &Path, dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .env("OXIDIZE_CACHE_DIR", dir.join("cache"))
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut told = format!("$ oxidize-inject {}\n", arguments.join(" "));
    told.push_str(&String::from_utf8_lossy(&output.stdout));
    if !output.stderr.is_empty() {
        told.push_str("--- stderr\n");
        told.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    if output.status.code() != Some(0) {
        told.push_str(&format!("--- exit code {:?}\n", output.status.code()));
    }
    if dir.parent().is_none() {
        return told;
    }
    let real = fs::canonicalize(dir).unwrap();
    told.replace(&*real.to_string_lossy(), "[DIR]")
        .replace(&*dir.to_string_lossy(), "[DIR]")
}

fn package(dir: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["app", "--resources", "res", "--stub", "stub"];
    arguments.extend_from_slice(more);
    run(dir, &arguments)
}

#[test]
fn help_teaches() {
    assert_snapshot!(run(Path::new("/"), &["--help"]));
}

#[test]
fn a_command_line_that_makes_no_sense() {
    let dir = Path::new("/");
    assert_snapshot!(
        [
            run(dir, &[]),
            run(dir, &["app"]),
            run(dir, &["app", "--resources", "x", "--optimize", "3"]),
            run(
                dir,
                &["app", "--resources", "x", "--entry", "a", "--script", "b"]
            ),
            run(dir, &["verify", "--resources", "x"]),
            run(dir, &["extract", "x"]),
        ]
        .concat()
    );
}

#[test]
fn settings_of_a_project() {
    let dir = workshop();
    write(
        dir.path(),
        "pyproject.toml",
        "[project.scripts]\ntool = 'nowhere:main'\n\n[tool.oxidize-inject]\nresources = 'res'\n\
         stub = ['stub']\n",
    );
    write(dir.path(), "own/oxidize.toml", "\noptimise = 1\n");
    write(dir.path(), "below/here/x", "");
    let below = dir.path().join("below/here");
    let settings = run(&below, &["--show-settings", "-O2", "--no-compress"]);
    let short: String = settings
        .lines()
        .filter(|line| !line.ends_with("# default"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_snapshot!(
        [
            // The entry comes from the project and is not among the resources.
            run(&below, &["app"]),
            short,
            run(dir.path(), &["app", "--no-config"]),
            run(&dir.path().join("own"), &["app"]),
            run(dir.path(), &["app", "--config", "own/nothing.toml"]),
            run(dir.path(), &["init", "own"]),
            run(dir.path(), &["init", "below"]),
        ]
        .concat()
        .replace(&*dir.path().to_string_lossy(), "[TOP]")
    );
    assert!(!below.join("app").exists());
    assert!(dir.path().join("below/oxidize.toml").is_file());
}

#[test]
fn nothing_to_run() {
    let dir = workshop();
    write(
        dir.path(),
        "res/broken-1.dist-info/METADATA",
        "Name: broken\n",
    );
    assert_snapshot!(
        [
            package(dir.path(), &[]),
            package(dir.path(), &["--entry", "nope"]),
            package(dir.path(), &["--entry", "pkg"]),
            package(dir.path(), &["--entry", "a b"]),
            package(dir.path(), &["--script", "nope.py"]),
            package(dir.path(), &["--entry", "tool", "--include", "nope"]),
        ]
        .concat()
    );
}

#[test]
fn resources_that_cannot_be_packaged() {
    let dir = workshop();
    let mut told = run(
        dir.path(),
        &["app", "--resources", "nowhere", "--stub", "stub"],
    );
    told += &run(
        dir.path(),
        &["app", "--resources", "stub", "--stub", "stub"],
    );
    symlink("/etc/hostname", dir.path().join("res/outside")).unwrap();
    told += &package(dir.path(), &["--entry", "tool"]);
    fs::remove_file(dir.path().join("res/outside")).unwrap();
    symlink("..", dir.path().join("res/pkg/up")).unwrap();
    told += &package(dir.path(), &["--entry", "tool"]);
    fs::remove_file(dir.path().join("res/pkg/up")).unwrap();
    write(dir.path(), "res/pyvenv.cfg", "");
    told += &package(dir.path(), &["--entry", "tool"]);
    assert_snapshot!(told.replace("No such file or directory (os error 2)", "[NOT FOUND]"));
}

#[test]
fn stubs_that_are_none() {
    let dir = workshop();
    write(dir.path(), "text", "not a stub");
    let mut broken = synthetic::build(&synthetic::Shape::default());
    let at = broken
        .windows(8)
        .position(|window| window == b"OXIDESC1")
        .unwrap();
    broken[at + 40] = 1;
    write(dir.path(), "broken", &broken);
    broken[at + 40] = 0;
    broken[at + 44] = 99;
    write(dir.path(), "other", &broken);
    let with = |stub| run(dir.path(), &["app", "--resources", "res", "--stub", stub]);
    assert_snapshot!(
        [
            with("missing"),
            with("text"),
            with("broken"),
            with("other"),
            run(
                dir.path(),
                &["app", "-r", "res", "--target", "riscv64-unknown-none"]
            ),
            package(dir.path(), &["--target", Target::X86_64_LINUX_GNU.triple()]),
        ]
        .concat()
    );
}

#[test]
fn native_code_of_another_system() {
    let dir = workshop();
    let windows = pe::synthetic::build(&pe::synthetic::Shape::default());
    write(dir.path(), "stub.exe", windows);
    let mac = macho::synthetic::build(&macho::synthetic::Shape::default());
    write(dir.path(), "stub-mac", mac);
    // As pip leaves it behind.
    write(dir.path(), "wheel/main.py", "import ham\n");
    write(dir.path(), "wheel/ham/__init__.py", "");
    let core = "wheel/ham/_core.cpython-313-x86_64-linux-gnu.so";
    write(dir.path(), core, "\x7fELF and so on");
    let files = [
        (
            "METADATA",
            "Metadata-Version: 2.1\nName: Ham\nVersion: 1.2\n",
        ),
        (
            "WHEEL",
            "Wheel-Version: 1.0\nTag: cp313-cp313-manylinux_2_17_x86_64\n",
        ),
        (
            "RECORD",
            "ham/__init__.py,,\nham/_core.cpython-313-x86_64-linux-gnu.so,,\nham-1.2.dist-info/RECORD,,\n",
        ),
    ];
    for (name, text) in files {
        write(dir.path(), &format!("wheel/ham-1.2.dist-info/{name}"), text);
    }
    // And as somebody copied it.
    write(dir.path(), "copied/main.py", "import eggs\n");
    write(dir.path(), "copied/eggs.abi3.so", "\x7fELF and so on");
    let with = |resources, stub, output| {
        let told = run(
            dir.path(),
            &[
                output, "-r", resources, "--stub", stub, "--script", "main.py",
            ],
        );
        assert!(!dir.path().join(output).exists(), "{told}");
        told
    };
    assert_snapshot!(
        [
            with("wheel", "stub.exe", "app.exe"),
            with("wheel", "stub-mac", "app"),
            with("copied", "stub.exe", "app.exe"),
            with("copied", "stub-mac", "app"),
        ]
        .concat()
    );
}

#[test]
fn help_of_stubs_teaches() {
    assert_snapshot!(run(Path::new("/"), &["stubs", "--help"]));
}

#[test]
fn stubs_in_the_cache() {
    let dir = workshop();
    // Away from the checkout and the stubs that may lie there.
    let program = dir.path().join("bin/oxidize-inject");
    fs::create_dir(dir.path().join("bin")).unwrap();
    // By another process: a child of another test would inherit a descriptor open for writing
    // (ETXTBSY).
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_oxidize-inject"))
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    let made = wheels::Made::new();
    let wheel = made.write(dir.path());
    let wheel = wheel.file_name().unwrap().to_str().unwrap();
    fs::write(dir.path().join("text.whl"), "not a wheel").unwrap();
    let take = |file| {
        run(
            dir.path(),
            &["stubs", "import", "--allow-unlisted-stub", file],
        )
    };
    let mut told = run_program(&program, dir.path(), &["stubs", "import", wheel]);
    told += &run_program(&program, dir.path(), &["stubs", "import", "text.whl"]);
    told += &run_program(&program, dir.path(), &["stubs", "verify"]);
    told += &take(wheel);
    told += &run_program(
        &program,
        dir.path(),
        &["stubs", "verify", "--format", "json"],
    );
    let target = ["stubs", "path", wheels::TARGET, "--allow-unlisted-stub"];
    told += &run_program(&program, dir.path(), &target);
    let package = [
        "app",
        "-r",
        "res",
        "--target",
        wheels::TARGET,
        "--allow-unlisted-stub",
        "--offline",
    ];
    told += &run_program(&program, dir.path(), &package);
    let stub = wheels::left_in(&dir.path().join("cache"));
    let stub = dir
        .path()
        .join("cache/stubs")
        .join(&stub[0])
        .join("oxidize-stub");
    let mut bytes = fs::read(&stub).unwrap();
    bytes[70] ^= 1;
    fs::write(&stub, bytes).unwrap();
    told += &run_program(&program, dir.path(), &["stubs", "verify"]);
    told += &run_program(&program, dir.path(), &["stubs", "prune"]);
    told += &run_program(&program, dir.path(), &["stubs", "verify"]);
    let digest =
        oxidize_inject::internal::stubs::manifest::Sha256Sum::of(&made.manifest).to_string();
    assert_snapshot!(told.replace(&digest, "[DIGEST]").replace(wheel, "[WHEEL]"));
}

#[test]
fn missing_stubs() {
    let dir = tempfile::tempdir().unwrap();
    assert_snapshot!(
        [
            run(dir.path(), &["stubs"]),
            run(dir.path(), &["stubs", "fetch", "riscv64-unknown-none"]),
            run(
                dir.path(),
                &[
                    "stubs",
                    "fetch",
                    wheels::TARGET,
                    "--offline",
                    "--allow-unlisted-stub"
                ]
            ),
            run(
                dir.path(),
                &[
                    "stubs",
                    "fetch",
                    wheels::TARGET,
                    "--offline",
                    "--allow-unlisted-stub",
                    "--find-links",
                    "nowhere"
                ]
            ),
            run(
                dir.path(),
                &[
                    "stubs",
                    "fetch",
                    wheels::TARGET,
                    "--allow-unlisted-stub",
                    "--index-url",
                    "ftp://me:secret@h/"
                ]
            ),
        ]
        .concat()
        .replace("No such file or directory (os error 2)", "[NOT FOUND]")
    );
}

#[test]
fn outputs_that_cannot_be_written_leave_what_was_there() {
    let dir = workshop();
    let with = |output| {
        run(
            dir.path(),
            &[output, "-r", "res", "--stub", "stub", "--entry", "tool"],
        )
    };
    let stub = fs::read(dir.path().join("stub")).unwrap();
    fs::hard_link(dir.path().join("stub"), dir.path().join("same")).unwrap();
    let told = [
        with("res"),
        with("new/"),
        with("nowhere/app"),
        with("stub"),
        with("same"),
        with("/dev/null"),
    ]
    .concat();
    assert_snapshot!(told);
    assert_eq!(fs::read(dir.path().join("stub")).unwrap(), stub);
    let left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".oxidize")),
        "{left:?}"
    );
}

#[test]
fn looking_inside() {
    let dir = tempfile::tempdir().unwrap();
    make_app(&dir.path().join("app"), "data.txt");
    assert_snapshot!(
        [
            run(dir.path(), &["inspect", "app"]),
            run(dir.path(), &["inspect", "app", "--output-format", "json"]),
            run(dir.path(), &["inspect", "app", "--list", "files"]),
            run(dir.path(), &["inspect", "app", "--list", "modules"]),
            run(dir.path(), &["inspect", "app", "--list", "natives"]),
            run(dir.path(), &["inspect", "app", "--list", "distributions"]),
            run(dir.path(), &["inspect", "app", "--licenses"]),
            run(dir.path(), &["verify", "app"]),
            run(dir.path(), &["verify", "app", "--output-format", "json"]),
        ]
        .concat()
    );
}

#[test]
fn taking_apart() {
    let dir = tempfile::tempdir().unwrap();
    make_app(&dir.path().join("app"), "data.txt");
    let app = fs::read(dir.path().join("app")).unwrap();
    let mut told = run(
        dir.path(),
        &["extract", "app", "--to", "out", "--blob", "blob"],
    );
    told += &run(dir.path(), &["extract", "app", "--to", "out"]);
    assert_eq!(
        fs::read(dir.path().join("out/app/data.txt")).unwrap(),
        b"data"
    );
    let mode = |path| {
        fs::metadata(dir.path().join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o111
    };
    assert!(mode("out/app/bin/run") != 0 && mode("out/app/data.txt") == 0);
    let range = container::extract(&app).unwrap().unwrap();
    assert_eq!(
        fs::read(dir.path().join("blob")).unwrap(),
        &app[range.start as usize..range.end as usize]
    );

    told += &run(dir.path(), &["remove", "app", "-o", "stub"]);
    told += &run(dir.path(), &["remove", "app"]);
    let stub = synthetic::build(&synthetic::Shape::default());
    assert_eq!(fs::read(dir.path().join("stub")).unwrap(), stub);
    assert_eq!(fs::read(dir.path().join("app")).unwrap(), stub);
    assert!(mode("app") != 0);
    told += &run(dir.path(), &["remove", "app"]);
    told += &run(dir.path(), &["inspect", "app"]);
    assert_snapshot!(told);
}

#[test]
fn damage_is_named() {
    let dir = tempfile::tempdir().unwrap();
    make_app(&dir.path().join("app"), "data.txt");
    let app = fs::read(dir.path().join("app")).unwrap();
    let blob = container::extract(&app).unwrap().unwrap().start as usize;
    let mut flipped = app.clone();
    *flipped
        .iter_mut()
        .skip(blob)
        .find(|byte| **byte == b'#')
        .unwrap() = b'!';
    write(dir.path(), "flipped", flipped);
    let mut version = app.clone();
    version[blob + 8] = 0xee;
    write(dir.path(), "version", version);
    write(dir.path(), "cut", &app[..app.len() - 400]);
    write(dir.path(), "text", "text");
    assert_snapshot!(
        [
            run(dir.path(), &["verify", "flipped"]),
            run(dir.path(), &["verify", "version"]),
            run(dir.path(), &["inspect", "version"]),
            run(dir.path(), &["verify", "cut"]),
            run(dir.path(), &["verify", "text"]),
            run(dir.path(), &["inspect", "missing"]),
            run(dir.path(), &["remove", "text"]),
        ]
        .concat()
        .replace("No such file or directory (os error 2)", "[NOT FOUND]")
    );
}

#[test]
fn verify_has_three_answers() {
    let dir = tempfile::tempdir().unwrap();
    make_app(&dir.path().join("app"), "data.txt");
    let app = fs::read(dir.path().join("app")).unwrap();
    write(dir.path(), "altered", [&app[..], b"more"].concat());
    let mut damaged = app.clone();
    let stub = synthetic::build(&synthetic::Shape::default());
    let at = (0x40 + 56 * 8..stub.len()).find(|at| stub[*at] != 0);
    damaged[at.unwrap()] ^= 1;
    write(dir.path(), "damaged", damaged);
    write(dir.path(), "stub", stub);
    let mut told = String::new();
    for name in ["app", "altered", "damaged", "stub"] {
        told += &run(dir.path(), &["verify", name]);
        told += &run(dir.path(), &["verify", "-q", name]);
        told += &run(dir.path(), &["verify", name, "--output-format", "json"]);
    }
    assert_snapshot!(told);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    make_app(&dir.path().join("app"), "data.txt");
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
    let mut child = command
        .args(["inspect", "app", "--list", "files"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    // `ulimit -f` stops a file from growing as a full disk does, with another errno.
    let dir = workshop();
    make_app(&dir.path().join("big"), "data.txt");
    write(dir.path(), "old", "old");
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec {} remove big -o old",
        env!("CARGO_BIN_EXE_oxidize-inject")
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("cannot write `old`") && told.contains("File too large"),
        "{told}"
    );
    assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"old");
}
