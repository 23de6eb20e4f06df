//! The targets, and how a program made for one is started on this machine.
//!
//! The file itself says what it needs, so that a test starts every program in the same way
//! ([`crate::run::Run`]):
//!
//! * ELF for this machine: as it is;
//! * ELF for aarch64: as it is, by qemu-user to which the kernel hands such files (`binfmt_misc`),
//!   so that they can start each other and be started by a shell;
//! * PE: by `wine`, in a prefix of its own.
//!
//! Mach-O cannot be started here by anything.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use oxidize_format::target::Processor;

use crate::{Result, fail, missing, tools};

/// A target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What its tests' names begin with.
    pub label: &'static str,
    /// Rust's triple.
    pub triple: &'static str,
}

/// Linux targets whose programs can be started here: what is tested as POSIX has it.
pub const LINUX: [Target; 4] = [
    Target {
        label: "gnu",
        triple: tools::GNU,
    },
    Target {
        label: "musl",
        triple: tools::MUSL,
    },
    Target {
        label: "arm_gnu",
        triple: ARM_GNU,
    },
    Target {
        label: "arm_musl",
        triple: ARM_MUSL,
    },
];

/// All targets whose programs can be started here, natively or not.
pub const RUNNABLE: [Target; 5] = [
    LINUX[0],
    LINUX[1],
    LINUX[2],
    LINUX[3],
    Target {
        label: "windows",
        triple: WINDOWS,
    },
];

/// 64-bit Arm with glibc.
pub const ARM_GNU: &str = oxidize_format::Target::AARCH64_LINUX_GNU.triple();
/// 64-bit Arm, fully static.
pub const ARM_MUSL: &str = oxidize_format::Target::AARCH64_LINUX_MUSL.triple();
/// Windows.
pub const WINDOWS: &str = oxidize_format::Target::X86_64_WINDOWS.triple();

/// Whether programs of this target are PE files.
pub fn is_windows(triple: &str) -> bool {
    triple.parse().is_ok_and(oxidize_format::Target::is_windows)
}

/// Whether its processor is a 64-bit Arm.
pub fn is_arm(triple: &str) -> bool {
    let target = triple.parse::<oxidize_format::Target>();
    target.is_ok_and(|target| target.processor() == Processor::Aarch64)
}

/// The file name of a program of this target.
pub fn program_name(stem: &str, triple: &str) -> String {
    let target = triple.parse::<oxidize_format::Target>();
    target.map_or_else(|_| stem.to_owned(), |target| target.program_name(stem))
}

/// Whose work it is to run programs of this target here, if it is not the processor's and the
/// system's: `wine`, `qemu`. What that one lacks is listed in the folder of its name.
pub fn emulator(triple: &str) -> Option<&'static str> {
    if is_windows(triple) {
        Some("wine")
    } else if is_arm(triple) && !cfg!(target_arch = "aarch64") {
        Some("qemu")
    } else {
        None
    }
}

/// How a program is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// By its own path.
    Itself,
    /// By wine; the variables it needs.
    Wine(PathBuf, Vec<(String, String)>),
}

/// The launcher for a file. What is no ELF or PE file (a script, a tool) starts itself.
pub fn launcher(program: &Path) -> Result<Launcher> {
    let mut head = [0; 20];
    let length = match File::open(program) {
        // By name from PATH, or with rights to execute only.
        Err(_) => 0,
        Ok(mut file) => file.read(&mut head)?,
    };
    // ELF: e_machine at 18, EM_AARCH64 is 183 (elf.h).
    if length == head.len() && head.starts_with(b"\x7fELF") && head[18..] == [183, 0] {
        return aarch64();
    }
    if head.starts_with(b"MZ") {
        return wine();
    }
    Ok(Launcher::Itself)
}

fn aarch64() -> Result<Launcher> {
    if cfg!(target_arch = "aarch64") {
        return Ok(Launcher::Itself);
    }
    // The first line of an entry's file is `enabled` or `disabled`; the whole facility may be off
    // too.
    let enabled = |name: &str| {
        std::fs::read_to_string(Path::new("/proc/sys/fs/binfmt_misc").join(name))
            .is_ok_and(|text| text.starts_with("enabled"))
    };
    if !Path::new("/lib/ld-linux-aarch64.so.1").exists() {
        return missing("glibc for aarch64 (libc6:arm64)");
    }
    if enabled("status") && enabled("qemu-aarch64") {
        return Ok(Launcher::Itself);
    }
    missing("the kernel's entry for aarch64 programs, binfmt_misc/qemu-aarch64 (.ci/run install)")
}

/// wine with an empty Windows of its own, prepared once for all tests of a target directory.
fn wine() -> Result<Launcher> {
    static WINE: OnceLock<Result<Launcher>> = OnceLock::new();
    WINE.get_or_init(|| {
        let wine = tools::host_tool("wine")?;
        let prefix = tools::cache("wine")?.join("prefix");
        let Some(text) = prefix.to_str() else {
            return fail(format!("{} is not UTF-8", prefix.display()));
        };
        let variables = vec![
            ("WINEPREFIX".to_owned(), text.to_owned()),
            ("WINEDEBUG".to_owned(), "-all".to_owned()),
            // No dialogue about Mono or Gecko, and no window.
            ("WINEDLLOVERRIDES".to_owned(), "mscoree,mshtml=".to_owned()),
        ];
        prepare_wine(&wine, &prefix, &variables)?;
        Ok(Launcher::Wine(wine, variables))
    })
    .clone()
}

/// Makes the prefix: what wine puts there itself, and the version of Windows that our programs are
/// for.
fn prepare_wine(wine: &Path, prefix: &Path, variables: &[(String, String)]) -> Result {
    let done = prefix.join("oxidize-tests-ready");
    let lock = File::create(tools::cache("wine")?.join("lock"))?;
    lock.lock()?;
    if done.is_file() {
        return Ok(());
    }
    let steps: [&[&str]; 2] = [
        &["wineboot", "--init"],
        &[
            "reg",
            "add",
            "HKCU\\Software\\Wine",
            "/v",
            "Version",
            "/d",
            "win10",
            "/f",
        ],
    ];
    for step in steps {
        let output = Command::new(wine)
            .args(step)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            return fail(format!(
                "wine {}: {}\n{}",
                step.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    add_random_numbers(prefix)?;
    std::fs::write(done, "")?;
    Ok(())
}

/// Puts `wine/bcryptprimitives.rs`, compiled, among wine's system libraries unless it has one.
fn add_random_numbers(prefix: &Path) -> Result {
    let library = prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
    if library.is_file() {
        return Ok(());
    }
    let run = |command: &mut Command| -> Result<String> {
        let output = command.output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        fail(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    };
    let rustc = || {
        let mut rustc = Command::new("rustc");
        rustc.current_dir(tools::here());
        rustc
    };
    let sysroot = run(rustc().args(["--print", "sysroot"]))?;
    let host = run(rustc().args(["--print", "host-tuple"]))?;
    let scratch = tools::scratch()?;
    let object = scratch.path().join("bcryptprimitives.o");
    run(rustc()
        .args(["--edition=2024", "--target", WINDOWS, "--crate-type=lib"])
        .args(["--emit=obj", "-Cpanic=abort", "-O", "-o"])
        .arg(&object)
        .arg("wine/bcryptprimitives.rs"))?;
    let linker = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld");
    let mut out = std::ffi::OsString::from("-out:");
    out.push(&library);
    run(Command::new(linker)
        .args(["-flavor", "link", "-dll", "-noentry", "-nodefaultlib"])
        .args(["-export:ProcessPrng"])
        .arg(out)
        .arg(&object))?;
    Ok(())
}
