//! Wheels of the command itself: a program among the wheel's scripts, as maturin does it, so that
//! `pip install oxidize-inject` puts it on PATH.
//!
//! The command contains C (zstd, and ring's cryptography), which zig compiles for every target; the
//! toolchain's own lld links. What is linked against comes from the toolchain (musl), from the
//! target's distribution (Windows), or from zig (the list of what macOS's libSystem has). So all
//! wheels are made on one machine; users compile nothing.

use super::archive::Wheel;
use super::{REPOSITORY_LICENCES, VERSION, expression};
use crate::apple::{self, Imports};
use crate::recipe::Recipes;
use crate::stub::{self, Toolchain};
use crate::zig::Zig;
use crate::{crates, lock, pack};
use anyhow::{Context, Result, anyhow, bail};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Architecture, Endianness, FileKind, Object};
use oxidize_format::target::{CLibrary, OLDEST_MACOS, Processor, Target};
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "oxidize_inject";
const COMMAND: &str = "oxidize-inject";

/// The targets that the command is published for.
pub const TARGETS: [Target; 5] = [
    Target::X86_64_LINUX_MUSL,
    Target::AARCH64_LINUX_MUSL,
    Target::X86_64_WINDOWS,
    Target::AARCH64_MACOS,
    Target::X86_64_MACOS,
];

/// What is particular about a target.
#[derive(Debug)]
struct Settings {
    /// zig's name for it.
    zig: String,
    /// Platform tags of the wheel.
    tags: String,
    /// Target whose distribution has the licences of what comes with the C library, and their names
    /// there.
    licences: Option<(Target, &'static [&'static str])>,
}

/// What a command for Windows may need beside what a stub may: the system's certificates come by
/// way of this one.
const MORE_OF_WINDOWS: &[&str] = &["secur32.dll"];

const MINGW: &[&str] = &["llvm", "mingw-w64", "zig"];

fn settings(target: Target) -> Settings {
    let processor = match target.processor() {
        Processor::Aarch64 => "aarch64",
        Processor::X86_64 | Processor::Universal2 => "x86_64",
    };
    match target.c_library() {
        // A static program asks for no C library, so the tags of every Linux are right for it.
        CLibrary::Musl => Settings {
            zig: format!("{processor}-linux-musl"),
            tags: format!(
                "manylinux_2_17_{processor}.manylinux2014_{processor}.musllinux_1_1_{processor}"
            ),
            licences: Some((Target::X86_64_LINUX_MUSL, &["musl"])),
        },
        CLibrary::Ucrt => Settings {
            zig: format!("{processor}-windows-gnu"),
            tags: target.wheel_platforms().join("."),
            licences: Some((Target::X86_64_WINDOWS, MINGW)),
        },
        CLibrary::LibSystem => Settings {
            zig: format!("{processor}-macos.{}.{}", OLDEST_MACOS.0, OLDEST_MACOS.1),
            tags: target.wheel_platforms().join("."),
            licences: None,
        },
        // With the C library of some machine: never built here, and no package index takes its
        // wheel.
        CLibrary::Glibc => Settings {
            zig: String::new(),
            tags: format!("linux_{processor}"),
            licences: None,
        },
    }
}

fn not_published(triple: &str) -> anyhow::Error {
    anyhow!(
        "the command is not published for {triple}\n  there are: {}",
        TARGETS.map(Target::triple).join(", ")
    )
}

/// A command for a target.
#[derive(Debug)]
pub struct Tool<'t> {
    repository: &'t Path,
    recipes: &'t Recipes,
    target: Target,
    triple: &'t str,
    settings: Settings,
    toolchain: Toolchain,
    /// For everything on the way.
    folder: PathBuf,
}

impl<'t> Tool<'t> {
    /// The command for this target.
    ///
    /// # Errors
    /// A target for which the command is not published, or whose Rust toolchain is missing.
    pub fn new(repository: &'t Path, recipes: &'t Recipes, triple: &'t str) -> Result<Self> {
        let target: Target = triple.parse().map_err(|_| not_published(triple))?;
        Ok(Self {
            repository,
            recipes,
            target,
            triple,
            settings: settings(target),
            toolchain: Toolchain::find(repository, triple)?,
            folder: repository.join("target/tool-build"),
        })
    }

    /// Builds it and makes its wheel in `out`.
    ///
    /// # Errors
    /// If cargo fails, and as [`Tool::pack`].
    pub fn build(&self, zig: &Zig, out: &Path) -> Result<PathBuf> {
        self.pack(&self.compile(zig)?, out)
    }

    /// Makes the wheel of a finished program in `out`.
    ///
    /// # Errors
    /// A program that needs more than its target promises, a licence that is missing, or a wheel
    /// that cannot be written.
    pub fn pack(&self, program: &[u8], out: &Path) -> Result<PathBuf> {
        self.check(program)?;
        let licences = self.licences()?;
        let tag = format!("py3-none-{}", self.settings.tags);
        let metadata = metadata(self.repository, &licences)?;
        let mut wheel = Wheel::new(PACKAGE, VERSION, &tag, &metadata);
        let script = format!("{PACKAGE}-{VERSION}.data/scripts/{}", self.file_name());
        wheel.add(&script, program.to_vec(), true);
        for name in REPOSITORY_LICENCES {
            wheel.add_info(
                &format!("licenses/{name}"),
                std::fs::read(self.repository.join(name))?,
            );
        }
        wheel.add_info("licenses/THIRD-PARTY.txt", licences.into_bytes());
        std::fs::create_dir_all(out)?;
        let path = out.join(format!("{PACKAGE}-{VERSION}-{tag}.whl"));
        wheel.write(&path)?;
        Ok(path)
    }

    fn file_name(&self) -> String {
        let windows = self.target.is_windows();
        format!("{COMMAND}{}", if windows { ".exe" } else { "" })
    }
}

fn metadata(repository: &Path, licences: &str) -> Result<String> {
    let files = REPOSITORY_LICENCES.iter().chain(&["THIRD-PARTY.txt"]);
    let files: String = files
        .map(|name| format!("License-File: {name}\n"))
        .collect();
    let readme = std::fs::read_to_string(repository.join("README.md"))?;
    Ok(format!(
        "Summary: Turns a Python application into one executable, without compiling anything\n\
         License-Expression: {}\n{files}Description-Content-Type: text/markdown\n\n{readme}",
        expression(licences)
    ))
}

impl Tool<'_> {
    fn compile(&self, zig: &Zig) -> Result<Vec<u8>> {
        if !TARGETS.contains(&self.target) {
            return Err(not_published(self.triple));
        }
        let tools = self.folder.join("cc").join(self.triple);
        zig.write_wrappers_with(&self.c_flags()?, &tools)?;
        let variable = self.triple.replace('-', "_");
        eprintln!("== {COMMAND} for {}", self.triple);
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(["build", "--release", "--locked", "-p", COMMAND])
            .args(["--target", self.triple, "--target-dir"])
            .arg(&self.folder)
            .env(
                "CARGO_ENCODED_RUSTFLAGS",
                self.rust_flags(zig, &tools)?.join("\u{1f}"),
            )
            .env_remove("RUSTFLAGS")
            .env(format!("CC_{variable}"), tools.join("cc"))
            .env(format!("AR_{variable}"), tools.join("ar"))
            // The crate `cc` would name the target in words that zig does not know; all flags are
            // in the wrapper.
            .env("CRATE_CC_NO_DEFAULTS", "1")
            .env(format!("CFLAGS_{variable}"), "-O3")
            .env("MACOSX_DEPLOYMENT_TARGET", "11.0")
            .env("SOURCE_DATE_EPOCH", "315532800")
            .current_dir(self.repository);
        if self.target.is_macos() {
            // rustc looks for an SDK before it links and wants to be told.
            command.env("SDKROOT", self.sdk());
        }
        let status = command.status().context("cannot run cargo")?;
        if !status.success() {
            bail!("cargo could not build the command for {}", self.triple);
        }
        let built = self.folder.join(self.triple).join("release");
        let built = built.join(self.file_name());
        let program = std::fs::read(&built)
            .with_context(|| format!("cargo did not make {}", built.display()))?;
        for (folder, _) in stub::renamed_folders(self.repository, &self.toolchain.sysroot)? {
            let folder = folder.display().to_string();
            if super::contains(&program, folder.as_bytes()) {
                bail!("the command for {} has {folder} in it", self.triple);
            }
        }
        Ok(program)
    }

    /// What every C file is compiled with.
    fn c_flags(&self) -> Result<Vec<String>> {
        let mut flags = vec!["-target".to_owned(), self.settings.zig.clone()];
        let all = [
            "-g0",
            "-fno-sanitize=undefined",
            "-ffunction-sections",
            "-fdata-sections",
        ];
        flags.extend(all.map(str::to_owned));
        match self.target.c_library() {
            CLibrary::Musl => flags.push("-fPIC".to_owned()),
            CLibrary::Glibc | CLibrary::Ucrt => {}
            CLibrary::LibSystem => {
                let headers = self.recipes.root.join("support/macos/include");
                flags.extend(["-isystem".to_owned(), headers.display().to_string()]);
            }
        }
        for (folder, name) in stub::renamed_folders(self.repository, &self.toolchain.sysroot)? {
            flags.push(format!("-ffile-prefix-map={}={name}", folder.display()));
        }
        Ok(flags)
    }

    fn rust_flags(&self, zig: &Zig, tools: &Path) -> Result<Vec<String>> {
        let flavor = match self.target.c_library() {
            CLibrary::LibSystem => "ld64.lld",
            _ => "ld.lld",
        };
        let mut flags = vec![
            format!("-Clinker={}", self.toolchain.lld.display()),
            format!("-Clinker-flavor={flavor}"),
        ];
        for (folder, name) in stub::renamed_folders(self.repository, &self.toolchain.sysroot)? {
            flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
        }
        let argument = |argument: &str| format!("-Clink-arg={argument}");
        match self.target.c_library() {
            CLibrary::Glibc => {}
            CLibrary::Musl => {
                flags.push("-Clink-self-contained=yes".to_owned());
                flags.push("-Ctarget-feature=+crt-static".to_owned());
            }
            CLibrary::Ucrt => {
                flags.push("-Clink-self-contained=no".to_owned());
                // rustc has import libraries made of what crates declare about DLLs.
                flags.push(format!("-Cdlltool={}", tools.join("dlltool").display()));
                let root = self.distribution(self.triple)?;
                let link = self.recipes.target(self.triple)?.link;
                let all = link.before.iter().chain(&link.after);
                for word in all.filter(|word| *word != "@archives") {
                    flags.push(argument(
                        &word.replace("{root}", &root.display().to_string()),
                    ));
                }
            }
            CLibrary::LibSystem => {
                self.write_sdk(zig)?;
                // The linker leaves out names; a tool that rewrites the file afterwards is not
                // needed.
                flags.push("-Cstrip=none".to_owned());
                let sdk = self.sdk().display().to_string();
                let words = [
                    "-syslibroot",
                    &sdk,
                    "-platform_version",
                    "macos",
                    "11.0",
                    "11.0",
                ];
                flags.extend(words.map(argument));
                let words = [
                    "-dead_strip",
                    "-dead_strip_dylibs",
                    "-x",
                    "-S",
                    "-adhoc_codesign",
                    "-final_output",
                    COMMAND,
                ];
                flags.extend(words.map(argument));
            }
        }
        Ok(flags)
    }

    fn sdk(&self) -> PathBuf {
        self.folder.join("sdk")
    }

    /// zig's list of everything in libSystem, where rustc and lld look for libraries. It is read
    /// while linking and goes nowhere.
    fn write_sdk(&self, zig: &Zig) -> Result<()> {
        let full = zig.library().join("libc/darwin/libSystem.tbd");
        let full = std::fs::read(&full).with_context(|| format!("no {}", full.display()))?;
        let imports = Imports::read(&self.recipes.root)?;
        let system = imports
            .library
            .first()
            .context("an empty list of imports")?;
        for file in &system.files {
            let path = self.sdk().join(file);
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(path, &full)?;
        }
        Ok(())
    }

    /// The unpacked distribution of a target.
    fn distribution(&self, triple: &str) -> Result<PathBuf> {
        let distributions = self.recipes.root.join("distributions");
        let lock = lock::Lock::read(&distributions.join("lock.toml"))?;
        let archive = lock.archive(triple)?;
        let root = self.folder.join("distributions").join(&archive.sha256);
        if !root.is_dir() {
            let fresh = tempfile::tempdir_in(&self.folder)?;
            pack::unpack(&distributions.join(&archive.file), fresh.path())?;
            std::fs::create_dir_all(root.parent().unwrap_or(&root))?;
            std::fs::rename(fresh.keep(), &root)?;
        }
        Ok(root)
    }

    /// The program is what the wheel's tags promise.
    fn check(&self, program: &[u8]) -> Result<()> {
        let arm = self.target.processor() == Processor::Aarch64;
        let kind = FileKind::parse(program).ok();
        let wrong = |what: &str| anyhow!("the program for {} {what}", self.triple);
        let needs = match (self.target.c_library(), kind) {
            (CLibrary::Glibc, Some(FileKind::Elf64)) => Vec::new(),
            (CLibrary::Musl, Some(FileKind::Elf64)) => {
                let file = ElfFile64::<Endianness>::parse(program)?;
                let dynamic = file.elf_program_headers().iter();
                let endian = file.endian();
                let loader = dynamic
                    .filter(|header| header.p_type(endian) == object::elf::PT_INTERP)
                    .map(|_| "a dynamic loader".to_owned());
                loader.collect()
            }
            (CLibrary::LibSystem, Some(FileKind::MachO64)) => apple::libraries(program)?,
            (CLibrary::Ucrt, Some(FileKind::Pe64)) => {
                let allowed = self.recipes.target(self.triple)?.allowed_libraries;
                let file = object::read::pe::PeFile64::parse(program)?;
                let mut names = Vec::new();
                for import in file.imports()? {
                    names.push(String::from_utf8_lossy(import?.library()).to_lowercase());
                }
                names.sort();
                names.dedup();
                names.retain(|name| {
                    !name.starts_with("api-ms-win-crt-")
                        && !allowed.contains(name)
                        && !MORE_OF_WINDOWS.contains(&name.as_str())
                });
                names
            }
            _ => return Err(wrong("is of another system")),
        };
        let architecture = object::File::parse(program)?.architecture();
        if architecture != [Architecture::X86_64, Architecture::Aarch64][usize::from(arm)] {
            return Err(wrong("is for another processor"));
        }
        if needs
            .iter()
            .any(|name| name != "/usr/lib/libSystem.B.dylib")
        {
            return Err(wrong(&format!("needs {}", needs.join(", "))));
        }
        Ok(())
    }

    /// Texts for all that is linked into the command.
    fn licences(&self) -> Result<String> {
        let crates = crates::linked(self.repository, COMMAND, self.triple)?;
        let mut text = String::new();
        let named = self.settings.licences.iter();
        let named = named.flat_map(|(target, names)| names.iter().map(move |name| (target, name)));
        for (target, name) in named {
            let file = self.distribution(target.triple())?.join("python/licenses");
            let file = file.join(format!("{name}.txt"));
            let licence =
                std::fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
            text.push_str(&format!("======== {name}\n\n{}\n", licence.trim_end()));
        }
        Ok(text + &crates::all_texts(self.repository, &crates)?)
    }
}
