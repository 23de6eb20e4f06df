//! Injected files as the kernel and other people's tools see them: a stub is linked here and now,
//! filled, run, treated with the tools that rewrite executables, and run again.
//!
//! A tool that is not installed is reported as skipped on standard error; `OXIDIZE_FORBID_SKIPS=1`
//! turns that into a failure.

mod skips;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;
use std::{fs, io, thread};

use oxidize_inject::Target;
use oxidize_inject::internal::container;
use oxidize_inject::internal::container::ContainerError;
use skips::skip;

fn workdir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        // One place for all runs, so that what earlier ones left does not pile up.
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("elf");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    })
}

/// Links the miniature stub with the given extra arguments. `None`, with a note, when this machine
/// cannot.
fn link(name: &str, arguments: &[&str]) -> Option<PathBuf> {
    let out = workdir().join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/elf/stub.rs");
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--edition=2024", "-O", "-o"])
        .arg(&out)
        .arg(source)
        .args(arguments);
    let output = rustc
        .output()
        .expect("rustc is there, it has built this test");
    if output.status.success() {
        return Some(out);
    }
    skip(name, &String::from_utf8_lossy(&output.stderr));
    None
}

fn blob() -> Vec<u8> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(200_001).collect()
}

fn expected_line(blob: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    format!(
        "{} bytes, 0 into the page, {:x}",
        blob.len(),
        blob.iter().fold(0xcbf2_9ce4_8422_2325, step)
    )
}

fn run(program: &Path) -> String {
    // A test beside this one may just be forking while the file is still open for writing here.
    let busy = |result: &io::Result<Output>| matches!(result, Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy);
    let mut result = Command::new(program).output();
    for _ in 0..100 {
        if !busy(&result) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
        result = Command::new(program).output();
    }
    let output = result.unwrap();
    assert!(
        output.status.success(),
        "{} failed: {output:?}",
        program.display()
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn write_program(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn check_stub(name: &str, stub: &Path) {
    let bytes = fs::read(stub).unwrap();
    assert_eq!(run(stub), "empty");
    assert_eq!(
        container::detect(&bytes).unwrap().expect("a slot").blob,
        None
    );

    let blob = blob();
    let app = container::inject(&bytes, blob.len() as u64)
        .unwrap()
        .assemble(&blob);
    assert_eq!(
        container::remove(&app).unwrap(),
        bytes,
        "{name}: the stub comes back"
    );
    assert!(!container::verify(&app).unwrap().altered);
    check_damage(name, &app);
    for (what, more) in [("appended", &b"more"[..]), ("padding", &b""[..])] {
        let mut other = [&app[..], more].concat();
        if more.is_empty() {
            let start = container::extract(&app).unwrap().unwrap().start as usize;
            other[start - 1] ^= u8::from(start > bytes.len());
            if other == app {
                continue;
            }
        }
        assert!(container::verify(&other).unwrap().altered, "{name}: {what}");
    }
    let path = workdir().join(format!("{name}.app"));
    write_program(&path, &app);
    assert_eq!(run(&path), expected_line(&blob));

    let unreadable = workdir().join(format!("{name}.unreadable"));
    write_program(&unreadable, &app);
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o111)).unwrap();
    assert_eq!(
        run(&unreadable),
        expected_line(&blob),
        "nothing opens the file"
    );

    for tool in [
        &["strip"][..],
        &["strip", "-g"],
        &["objcopy"],
        &["objcopy", "--strip-all"],
        &["llvm-strip"],
        &["llvm-objcopy", "--strip-all"],
        &["eu-strip"],
    ] {
        survives(name, &path, &bytes, &blob, tool);
    }
}

/// Whether machine code, data and headers can be overwritten unnoticed.
fn check_damage(label: &str, app: &[u8]) {
    let word = |at: usize| u64::from_le_bytes(app[at..at + 8].try_into().unwrap());
    let half = |at: usize| usize::from(u16::from_le_bytes([app[at], app[at + 1]]));
    let blob = container::extract(app).unwrap().unwrap();
    let segment = |index: usize| word(32) as usize + index * 56;
    let loads: Vec<usize> = (0..half(56))
        .map(segment)
        .filter(|at| app[*at] == 1 && word(at + 8) != blob.start)
        .collect();
    let entry = word(24);
    let code = loads.iter().find(|at| {
        let address = word(**at + 16);
        (address..address + word(**at + 32)).contains(&entry)
    });
    let code = word(code.unwrap() + 8) + entry - word(code.unwrap() + 16);
    let damaged = |what: &str, at: usize, len: usize| {
        let mut damaged = app.to_vec();
        damaged[at..at + len]
            .iter_mut()
            .for_each(|byte| *byte ^= 0xff);
        let verified = container::verify(&damaged);
        assert!(verified.is_err(), "{label}: {what} was overwritten");
    };
    damaged("code", code as usize, 64);
    damaged("one byte of code", code as usize, 1);
    damaged("the entry's address", 24, 1);
    for at in loads {
        damaged("the address of a segment", at + 17, 1);
        damaged("the rights of a segment", at + 4, 1);
        damaged("how much of a segment is in the file", at + 33, 1);
    }
    // What makes the stack executable, relocated data writable or the thread's variables wrong.
    let mut kinds = 0;
    for at in (0..half(56)).map(segment) {
        let kind = u32::from_le_bytes(app[at..at + 4].try_into().unwrap());
        if [0, 1, 4].contains(&kind) {
            continue;
        }
        kinds += 1;
        let what = format!("the program header of kind {kind:#x}");
        damaged(&what, at, 1);
        damaged(&what, at + 4, 1);
        damaged(&what, at + 17, 1);
    }
    assert!(kinds > 1, "{label}");
    // The resources' own segment, and the path of the dynamic linker, which the kernel reads by its
    // place in the file.
    for at in (0..half(56)).map(segment) {
        let kind = u32::from_le_bytes(app[at..at + 4].try_into().unwrap());
        match kind {
            1 => {
                damaged("that a segment can be read", at + 4, 4);
                damaged("what a segment has in memory", at + 44, 1);
            }
            3 => {
                damaged("where the dynamic linker's path is", at + 8, 1);
                damaged("how long the dynamic linker's path is", at + 32, 1);
            }
            _ => {}
        }
    }
    damaged("the system's number", 7, 1);
    let end = half(62);
    assert!(
        end == 0 || end < half(60),
        "{label}: the section names are there"
    );
}

fn survives(name: &str, app: &Path, stub: &[u8], blob: &[u8], tool: &[&str]) {
    let label = format!("{name}.{}", tool.join("").replace('-', "_"));
    let out = workdir().join(&label);
    let mut command = Command::new(tool[0]);
    command.args(&tool[1..]);
    if tool[0].contains("objcopy") {
        command.arg(app).arg(&out);
    } else {
        command.arg("-o").arg(&out).arg(app);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return skip(&label, &error.to_string()),
    };
    assert!(output.status.success(), "{label}: {output:?}");
    assert_eq!(run(&out), expected_line(blob), "{label}");
    let bytes = fs::read(&out).unwrap();
    let range = container::extract(&bytes).unwrap().expect("still there");
    assert_eq!(
        &bytes[range.start as usize..range.end as usize],
        blob,
        "{label}"
    );
    let verified = container::verify(&bytes).unwrap_or_else(|error| panic!("{label}: {error}"));
    assert_eq!(verified.altered, bytes != fs::read(app).unwrap(), "{label}");
    check_damage(&label, &bytes);
    match container::remove(&bytes) {
        Ok(restored) => assert_eq!(restored, stub, "{label}"),
        Err(error) => {
            assert_eq!(error, ContainerError::Altered, "{label}");
            assert!(verified.altered, "{label}");
        }
    }
}

#[test]
fn position_independent_gnu() {
    if let Some(stub) = link("gnu", &[]) {
        check_stub("gnu", &stub);
    }
}

#[test]
fn position_independent_gnu_without_symbols() {
    if let Some(stub) = link("gnu-stripped", &["-Cstrip=symbols"]) {
        check_stub("gnu-stripped", &stub);
    }
}

#[test]
fn static_gnu_at_a_fixed_address() {
    if let Some(stub) = link(
        "gnu-static",
        &["-Ctarget-feature=+crt-static", "-Crelocation-model=static"],
    ) {
        check_stub("gnu-static", &stub);
    }
}

#[test]
fn static_musl() {
    let target = if cfg!(target_arch = "aarch64") {
        Target::AARCH64_LINUX_MUSL
    } else {
        Target::X86_64_LINUX_MUSL
    };
    let target = format!("--target={target}");
    if let Some(stub) = link("musl", &[&target, "-Clinker=rust-lld"]) {
        check_stub("musl", &stub);
    }
    if let Some(stub) = link(
        "musl-fixed",
        &[&target, "-Clinker=rust-lld", "-Crelocation-model=static"],
    ) {
        check_stub("musl-fixed", &stub);
    }
}

#[test]
fn five_gigabytes_run_from_a_sparse_file() {
    use std::os::unix::fs::FileExt;
    let Some(stub) = link("large", &[]) else {
        return;
    };
    let plan = container::inject(&fs::read(&stub).unwrap(), 5 << 30).unwrap();
    let path = workdir().join("large.app");
    let file = fs::File::create(&path).unwrap();
    file.set_len(plan.total_len()).unwrap();
    let mut at = 0;
    for piece in plan.pieces() {
        if let container::Piece::Bytes(bytes) = piece {
            file.write_all_at(bytes, at).unwrap();
        }
        at += plan.len_of(piece);
    }
    drop(file);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    // Reading five gigabytes would only test patience: the program is run for the loader's sake and
    // stopped.
    let mut child = Command::new(&path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let early = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(&path).unwrap();
    assert!(
        early.is_none_or(|status| status.success()),
        "the loader refused: {early:?}"
    );
}
