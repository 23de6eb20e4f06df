//! Linking the stub of a target with the toolchain alone, and writing the bundle that the injector
//! consumes.

use crate::apple::Imports;
use crate::digest;
use crate::lock::archive_name;
use crate::recipe::{InputsKind, Recipes, Target};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the stub of `target` and puts it with its manifest and licence texts into `out`. The
/// distribution is the locked one, or that of the recipes' version in the folder `distributions`;
/// then the archives that the injector needs are put beside the stub.
pub(crate) fn build(
    repository: &Path,
    recipes: &Recipes,
    target: &Target,
    out: &Path,
    distributions: Option<&Path>,
) -> Result<PathBuf> {
    build_against(repository, recipes, target, out, None, distributions)
}

/// [`build`] for macOS with other libraries to link against than those of our list: a folder laid
/// out like Apple's SDK.
pub(crate) fn build_against(
    repository: &Path,
    recipes: &Recipes,
    target: &Target,
    out: &Path,
    sdk: Option<&Path>,
    distributions: Option<&Path>,
) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let Toolchain { sysroot, lld } = Toolchain::find(repository, &target.triple)?;
    let flags = rustflags(repository, target, &sysroot, &lld)?;
    // A folder of its own: these flags would make cargo rebuild what a plain build left in target/.
    let folder = repository.join("target/stub-build");
    eprintln!("== stub for {}", target.triple);
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            "oxidize-stub",
            "--target",
            &target.triple,
            "--target-dir",
        ])
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env_remove("RUSTFLAGS")
        .env("OXIDIZE_DIRECT_LLD", "1")
        .env("SOURCE_DATE_EPOCH", "315532800")
        .current_dir(repository);
    if let Some(distributions) = distributions {
        let version = &recipes.cpython.python.version;
        std::fs::create_dir_all(out)?;
        for part in ["stdlib", &target.triple] {
            let name = archive_name(version, part);
            let archive = distributions.join(&name);
            let bytes = std::fs::read(&archive)
                .with_context(|| format!("cannot read {}", archive.display()))?;
            let beside = out.join(&name);
            if beside.canonicalize().ok() != archive.canonicalize().ok() {
                std::fs::write(beside, &bytes)?;
            }
            if part == target.triple {
                command.env("OXIDIZE_DISTRIBUTION_DIR", unpacked(&folder, &bytes)?);
            }
        }
        command.env("OXIDIZE_CPYTHON", version);
    }
    if crate::apple::is_apple(target) {
        let own = folder.join("sdk").join(&target.triple);
        if sdk.is_none() {
            Imports::read(&recipes.root)?.write_stubs(&own, &target.arch)?;
        }
        // What rustc hands to the linker in place of Apple's SDK.
        command.env("SDKROOT", sdk.unwrap_or(&own));
        command.env("MACOSX_DEPLOYMENT_TARGET", &target.oldest_macos);
    }
    let status = command.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("cargo could not build the stub for {}", target.triple);
    }
    let suffix = if target.os == "windows" { ".exe" } else { "" };
    let built = folder
        .join(&target.triple)
        .join("release")
        .join(format!("oxidize-stub{suffix}"));
    std::fs::create_dir_all(out)?;
    let stub = out.join(format!("oxidize-stub{suffix}"));
    copy_program(target, &built, &stub)
        .with_context(|| format!("cargo did not make {}", built.display()))?;
    let plain = built.with_file_name(format!("oxidize-plain-python{suffix}"));
    if plain.is_file() {
        copy_program(
            target,
            &plain,
            &out.join(format!("oxidize-plain-python{suffix}")),
        )?;
    }
    let bytes = std::fs::read(&stub)?;
    let slot = crate::validate::slot(&bytes)?;
    let python = &recipes.cpython.python;
    let manifest = json!({
        "stub_id": slot.stub_id,
        "abi": slot.abi,
        "python_version": python.version,
        "py_version_hex": python.hexversion,
        "bytecode_magic": python.bytecode_magic,
        "target": target.triple,
        "sha256": digest::bytes(&bytes),
        "size": bytes.len(),
    });
    std::fs::write(
        out.join("manifest.json"),
        serde_json::to_string_pretty(&manifest)? + "\n",
    )?;
    Ok(stub)
}

/// Unpacks an archive below `folder`, once.
fn unpacked(folder: &Path, archive: &[u8]) -> Result<PathBuf> {
    let name = format!("distribution-{}", &digest::bytes(archive)[..16]);
    let place = folder.join(name);
    if !place.is_dir() {
        let fresh = place.with_extension("fresh");
        if fresh.is_dir() {
            std::fs::remove_dir_all(&fresh)?;
        }
        tar::Archive::new(zstd::Decoder::new(archive)?).unpack(&fresh)?;
        std::fs::rename(&fresh, &place)?;
    }
    Ok(place)
}

/// Copies what cargo made and writes into it what the linker could not.
fn copy_program(target: &Target, from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)?;
    if target.main_stack > 0 {
        let mut program = std::fs::read(to)?;
        crate::apple::stack::set(&mut program, target.main_stack)?;
        std::fs::write(to, program)?;
    }
    Ok(())
}

/// What links without help from the machine.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// Where it is installed.
    pub(crate) sysroot: PathBuf,
    /// Its linker.
    pub(crate) lld: PathBuf,
}

impl Toolchain {
    /// The toolchain of the checkout, if it has what a target needs.
    pub(crate) fn find(repository: &Path, triple: &str) -> Result<Self> {
        let ask = |what| {
            output(
                Command::new("rustc")
                    .args(["--print", what])
                    .current_dir(repository),
            )
        };
        let sysroot = PathBuf::from(ask("sysroot")?);
        let library = sysroot.join("lib/rustlib").join(triple).join("lib");
        if !library.is_dir() {
            bail!("the toolchain has no library for {triple}\n  hint: rustup target add {triple}");
        }
        let host = ask("host-tuple")?;
        let lld = sysroot.join("lib/rustlib").join(&host).join("bin/rust-lld");
        if !lld.is_file() {
            bail!("the toolchain has no lld of its own ({})", lld.display());
        }
        Ok(Self { sysroot, lld })
    }
}

/// The folder where cargo keeps the sources of crates.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|h| h.join(".cargo")));
    home.context("no cargo home")
}

/// Folders of this machine and the names that stand for them in what is published, the widest
/// first: later ones win.
pub(crate) fn renamed_folders(
    repository: &Path,
    sysroot: &Path,
) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = cargo_home()?;
    let registries = std::fs::read_dir(home.join("registry/src"));
    let mut folders = vec![
        (home, "/cargo"),
        (sysroot.to_owned(), "/rust"),
        (repository.to_owned(), "/oxidize"),
    ];
    let registries = registries.into_iter().flatten().flatten();
    folders.extend(registries.map(|entry| (entry.path(), "/crates")));
    Ok(folders)
}

/// Flags that choose the toolchain's lld and keep every path of this machine out of the result.
fn rustflags(
    repository: &Path,
    target: &Target,
    sysroot: &Path,
    lld: &Path,
) -> Result<Vec<String>> {
    let mut flags = vec![
        format!("-Clinker={}", lld.display()),
        format!("-Clinker-flavor={}", flavor(target)),
    ];
    for (folder, name) in renamed_folders(repository, sysroot)? {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    if target.inputs.kind == InputsKind::ZigMingw {
        // What the toolchain brings along for Windows is made for msvcrt.dll, a second C runtime
        // beside the one that the distribution is compiled for.
        flags.push("-Clink-self-contained=no".to_owned());
    }
    if crate::apple::is_apple(target) {
        // The linker leaves out what may go (-x, -S); a tool that rewrites the file afterwards is
        // not needed.
        flags.push("-Cstrip=none".to_owned());
    }
    if target.inputs.kind == InputsKind::RustSelfContained {
        flags.push("-Clink-self-contained=yes".to_owned());
        flags.push("-Ctarget-feature=+crt-static".to_owned());
        flags.push("-Crelocation-model=static".to_owned());
    }
    Ok(flags)
}

/// rustc's name for the linker's command line.
fn flavor(target: &Target) -> &'static str {
    if crate::apple::is_apple(target) {
        "ld64.lld"
    } else {
        "ld.lld"
    }
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
