//! The command line.

// A doc comment on a flattened group would become help text.
#![allow(missing_docs)]

use clap::{Args, Parser, Subcommand};
use oxidize_format::Target;
use std::path::PathBuf;

/// Builds what oxidize-inject is made of besides Rust code.
///
/// From upstream sources to CPython distributions (kept in prebuilt/distributions), and from a
/// distribution to the stub of a target. Only `build`, `build-stdlib`, `rebuild` and `regenerate`
/// need sources and the C compiler (zig, from the Python package ziglang); `stub`, `validate` and
/// `lock` work with what a checkout holds.
#[derive(Debug, Parser)]
#[command(name = "oxidize-prebuilt", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Link the stub of a target into target/stubs/TARGET
    ///
    /// Needs the target's Rust library (rustup target add TARGET) and no C compiler or linker: the
    /// distribution brings libraries and startup files, the toolchain its own lld.
    #[command(after_help = "Example: oxidize-prebuilt stub --target x86_64-unknown-linux-musl")]
    Stub {
        /// Rust target triple, one of prebuilt/recipes/targets
        #[arg(long)]
        target: String,
        /// Where the stub and its manifest go [default: target/stubs/TARGET]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Another CPython version, a recipe in prebuilt/recipes [default: that of lock.toml]
        #[arg(long, requires_all = ["distributions", "out"])]
        cpython: Option<String>,
        /// Folder with the archives of that version, which `build` and `build-stdlib` have made
        #[arg(long, value_name = "DIR", requires = "cpython")]
        distributions: Option<PathBuf>,
    },
    /// Link stubs and pack each into a wheel, for a package index
    ///
    /// Needs what `stub` needs. The wheels are compared with injector/stubs.toml, the list of stubs
    /// that the command trusts, which is compiled into it: a release writes the list first and
    /// builds the command afterwards.
    #[command(after_help = "Example: oxidize-prebuilt wheels --write-list")]
    Wheels {
        /// Rust target triples [default: every target in lock.toml]
        #[arg(long)]
        target: Vec<String>,
        /// Where wheels go [default: target/wheels]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Write the list; without it, stubs that are not in the list are an error
        #[arg(long, conflicts_with = "target")]
        write_list: bool,
        /// Make wheels of the command itself instead [default: every target it is published for];
        /// needs zig for C files
        #[arg(long, conflicts_with = "write_list")]
        tool: bool,
        /// Pack this program, such as a signed one, and build none
        #[arg(long, requires = "tool", requires = "target")]
        program: Option<PathBuf>,
        /// The zig executable [env: OXIDIZE_ZIG] [default: that of `python3 -m ziglang`]
        #[arg(long, requires = "tool")]
        zig: Option<PathBuf>,
    },
    /// Compile the distribution of a target from sources
    #[command(
        after_help = "Example: oxidize-prebuilt build --target x86_64-unknown-linux-gnu --sources ~/tarballs"
    )]
    Build {
        /// Rust target triple, one of prebuilt/recipes/targets
        #[arg(long)]
        target: String,
        /// Only put the archive together again from what an earlier run compiled in the same --work
        #[arg(long)]
        assemble: bool,
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        place: Place,
    },
    /// Pack the standard library and CPython's tests, shared by all targets
    BuildStdlib {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        place: Place,
    },
    /// Build archives again from sources and compare them with lock.toml
    Rebuild {
        /// Only these targets ("stdlib" for the shared archives) [default: everything in lock.toml]
        #[arg(long)]
        target: Vec<String>,
        /// Compare only; without it, differing archives are put into --out
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        place: Place,
    },
    /// Judge a finished archive (.tar.zst) or stub against what its target promises
    Validate {
        /// Archives and stubs; default: every archive in lock.toml and every stub in target/stubs
        files: Vec<PathBuf>,
        /// Target of a stub whose folder has no manifest.json
        #[arg(long)]
        target: Option<String>,
    },
    /// Write prebuilt/distributions/lock.toml from the archives in that folder
    Lock {
        /// Fail if the file is not up to date, and write nothing
        #[arg(long)]
        check: bool,
    },
    /// Write the licence texts of the crates in the stubs, stubs/licences, from what cargo has of
    /// them
    ///
    /// To be run whenever a dependency of the stub changes. Asks cargo for the crates of every
    /// target, which fetches those that are not there.
    Licences {
        /// Fail if a text is missing, stale or of a crate that is gone, and write nothing
        #[arg(long)]
        check: bool,
    },
    /// Record the profile that the interpreter is optimised with: prebuilt/profile
    ///
    /// Builds an interpreter that counts, runs CPython's own training task (-m test --pgo) with it
    /// and merges the counts. Needs LLVM's profile runtime, which zig does not carry, and
    /// llvm-profdata; both of LLVM 19 or 20.
    #[command(
        after_help = "Example: oxidize-prebuilt profile --llvm-profdata llvm-profdata-19 \\\n    \
                      --runtime /usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.profile-x86_64.a"
    )]
    Profile {
        /// A target whose programs run on this machine
        #[arg(long, default_value = Target::X86_64_LINUX_GNU.triple())]
        target: String,
        /// libclang_rt.profile of clang, for that target
        #[arg(long)]
        runtime: PathBuf,
        /// The program that merges profiles
        #[arg(long, default_value = "llvm-profdata")]
        llvm_profdata: PathBuf,
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        place: Place,
    },
    /// Renew the list of macOS symbols that stubs import, prebuilt/support/macos/imports.toml
    ///
    /// Links the stubs of both Apple targets against all symbols of libSystem that zig knows, keeps
    /// the names they import, and marks those that macOS 11 does not have. Nothing else of the two
    /// lists is kept.
    #[command(
        after_help = "The list of macOS 11 is in an older zig: pip download --no-deps ziglang==0.11.0, then\n\
                      ziglang/lib/libc/darwin/libSystem.11.tbd in the wheel."
    )]
    AppleImports {
        /// The zig executable [env: OXIDIZE_ZIG] [default: that of `python3 -m ziglang`]
        #[arg(long)]
        zig: Option<PathBuf>,
        /// Text stub of macOS 11's libSystem
        #[arg(long)]
        libsystem_11: PathBuf,
    },
    /// Run CPython's configure for a target and renew the checked-in files made from it
    ///
    /// Writes prebuilt/generated: pyconfig.h and configuration variables of the target, and the
    /// headers of frozen modules. Needs a Python of the same minor version on this machine.
    Regenerate {
        /// Rust target triple, one of prebuilt/recipes/targets
        #[arg(long)]
        target: String,
        /// A Python of the same minor version that runs here
        #[arg(long)]
        build_python: PathBuf,
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        place: Place,
    },
}

/// Where sources and the compiler come from.
#[derive(Debug, Args)]
pub struct Sources {
    /// Folder with source archives, looked at before anything is fetched [env: OXIDIZE_SOURCES]
    #[arg(long)]
    pub sources: Option<PathBuf>,
    /// The zig executable [env: OXIDIZE_ZIG] [default: that of `python3 -m ziglang`]
    #[arg(long)]
    pub zig: Option<PathBuf>,
}

/// Where things are built.
#[derive(Debug, Args)]
pub struct Place {
    /// Folder for everything that is built on the way [default: target/prebuilt]
    #[arg(long)]
    pub work: Option<PathBuf>,
    /// Folder for finished archives [default: prebuilt/distributions]
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// CPython version, a recipe in prebuilt/recipes [default: that of lock.toml]
    #[arg(long)]
    pub cpython: Option<String>,
    /// How many C files at a time [default: processors]
    #[arg(long, short)]
    pub jobs: Option<usize>,
}

impl Place {
    pub fn jobs(&self) -> usize {
        self.jobs
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}
