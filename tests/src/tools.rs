//! Where things are: the programs under test, this folder, scratch directories, tools of the host.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use oxidize_format::Target;

use crate::{Result, Stop, fail, missing, targets};

/// The target every machine that runs these tests can execute.
pub const GNU: &str = Target::X86_64_LINUX_GNU.triple();
/// Fully static.
pub const MUSL: &str = Target::X86_64_LINUX_MUSL.triple();

/// This crate's folder in the checkout.
pub fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The checkout.
pub fn checkout() -> &'static Path {
    here().parent().unwrap_or(Path::new("/"))
}

/// `target/release` or `target/debug`: where the running program lies, a test in `deps` below it.
pub fn profile_directory() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let mut above = test.ancestors().skip(1);
    match above.find(|directory| !directory.ends_with("deps")) {
        Some(directory) => Ok(directory.to_path_buf()),
        None => fail(format!(
            "{} is not inside a target directory",
            test.display()
        )),
    }
}

/// A directory for what may be kept between runs: downloaded wheels, the unpacked standard library.
pub fn cache(name: &str) -> Result<PathBuf> {
    let Some(target) = profile_directory()?.parent().map(Path::to_path_buf) else {
        return fail("there is no target directory");
    };
    let directory = target.join("oxidize-tests").join(name);
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// A directory that is removed afterwards, on the file system of the target directory.
pub fn scratch() -> Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in(cache("scratch")?)?)
}

/// Copies an executable that is about to be started.
///
/// The writing is left to a process of its own: while this one holds a file open for writing, a
/// child that another test forks inherits the descriptor, and starting the copy fails with ETXTBSY.
pub fn copy_program(from: &Path, to: &Path) -> Result {
    let output = Command::new("cp").arg("--").arg(from).arg(to).output()?;
    if output.status.success() {
        return Ok(());
    }
    fail(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Brings the programs under test up to date and says where they are. `OXIDIZE_TEST_PROGRAMS` names
/// a directory with other ones, for instance a release to be checked.
fn programs() -> Result<PathBuf> {
    static PROGRAMS: OnceLock<Result<PathBuf>> = OnceLock::new();
    PROGRAMS
        .get_or_init(|| {
            if let Some(directory) = std::env::var_os("OXIDIZE_TEST_PROGRAMS") {
                return Ok(directory.into());
            }
            let directory = profile_directory()?;
            // `cargo test` builds a package's executables only for that package's own tests.
            let mut build =
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            // The whole workspace, as it is built and tested: with another selection of packages
            // dependencies would have other features, and everything would be compiled once more.
            build
                .current_dir(checkout())
                .args(["build", "--quiet", "--workspace", "--bins"]);
            if let Some(target) = directory.parent() {
                build.arg("--target-dir").arg(target);
            }
            match directory.file_name().and_then(|name| name.to_str()) {
                Some("debug") | None => {}
                Some(profile) => {
                    build.args(["--profile", profile]);
                }
            }
            let output = build.output()?;
            if !output.status.success() {
                return fail(format!(
                    "cargo build: {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
            Ok(directory)
        })
        .clone()
}

/// A program of this repository.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = programs()?.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        fail(format!("{} was not built", path.display()))
    }
}

/// The stub of a target. The host's is built by cargo; others by `oxidize-prebuilt stub`, which
/// needs the Rust standard library of that target.
pub fn stub(target: &str) -> Result<PathBuf> {
    if target == GNU {
        return program("oxidize-stub");
    }
    static STUBS: Mutex<BTreeMap<String, Result<PathBuf>>> = Mutex::new(BTreeMap::new());
    // Locked while one is made: cargo would not make two at once either.
    let mut stubs = STUBS.lock().unwrap_or_else(PoisonError::into_inner);
    stubs
        .entry(target.to_owned())
        .or_insert_with(|| foreign_stub(target))
        .clone()
}

fn foreign_stub(target: &str) -> Result<PathBuf> {
    let file = targets::program_name("oxidize-stub", target);
    if std::env::var_os("OXIDIZE_TEST_PROGRAMS").is_some() {
        // Nothing is built then; where the command itself looks.
        let places = programs()?;
        let mut stubs = places
            .ancestors()
            .map(|directory| directory.join("stubs").join(target).join(&file));
        return stubs
            .find(|stub| stub.is_file())
            .ok_or_else(|| Stop::Missing(format!("a stub for {target}")));
    }
    let lock = std::fs::read_to_string(checkout().join("prebuilt/distributions/lock.toml"))
        .unwrap_or_default();
    if !lock.contains(&format!("-{target}.tar.zst")) {
        return missing(format!(
            "a distribution for {target} in prebuilt/distributions/lock.toml"
        ));
    }
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    let installed = installed
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    if !installed.lines().any(|line| line == target) {
        return missing(format!(
            "the Rust target {target} (rustup target add {target})"
        ));
    }
    // No `--target-dir`: the command is found where a user's checkout has it.
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(checkout()).args([
        "run",
        "--quiet",
        "--release",
        "-p",
        "oxidize-prebuilt",
        "--",
    ]);
    let output = build.args(["stub", "--target", target]).output()?;
    if !output.status.success() {
        return fail(format!(
            "oxidize-prebuilt stub: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let stub = checkout().join("target/stubs").join(target).join(&file);
    if stub.is_file() {
        Ok(stub)
    } else {
        fail(format!("{} was not made", stub.display()))
    }
}

/// The instructions that a command executes in user mode, as valgrind counts them, and what it
/// wrote to standard error.
///
/// # Errors
/// Where there is no valgrind or the command fails.
pub fn instructions(program: &[&OsStr], variables: &[(&str, &str)]) -> Result<(u64, String)> {
    let output = Command::new(host_tool("valgrind")?)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(program)
        .env_clear()
        .envs(variables.iter().copied())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, number)| number.trim().parse().ok());
    match collected {
        Some(number) if output.status.success() => Ok((number, said)),
        _ => fail(said),
    }
}

/// A tool of the host, by name.
pub fn host_tool(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Stop::Missing(format!("{name} on PATH")))
}

/// The plain interpreter of a target's distribution, without a standard library around it.
pub fn plain_python(target: &str) -> Result<PathBuf> {
    if target == GNU {
        return program("oxidize-plain-python");
    }
    // Linked together with the stub.
    let file = targets::program_name("oxidize-plain-python", target);
    let python = stub(target)?.with_file_name(file);
    if python.is_file() {
        Ok(python)
    } else {
        missing(format!("{}", python.display()))
    }
}

/// Whether we may use chroot and the like.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
