//! The command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::common::{Common, Configuration, MacOs};
#[cfg(feature = "notarize")]
use super::notary::{Notarize, Notary, Staple};
use super::signing::{Sign, Signing};
use oxidize_inject::internal::appearance::{Appearance, ExecutionLevel};
use oxidize_inject::internal::interpreter::{Passing, Setting, Variable};
use oxidize_inject::internal::require::Requirements;
use oxidize_inject::internal::stubs::wheel;

const EXAMPLES: &str = "\
Examples:
  A directory with a __main__.py becomes one executable:
      oxidize-inject hello --resources examples/hello

  An installed package, started by its console script:
      pip install --target build flask
      oxidize-inject flask --resources build --entry flask

  Inspect, check and unpack an application:
      oxidize-inject inspect ./hello
      oxidize-inject verify ./hello
      oxidize-inject extract ./hello --to unpacked

If APP has the name of a subcommand, give it a directory: `oxidize-inject ./verify --resources DIR`.";

const SIGN_EXAMPLES: &str = "\
Examples:
  A Windows program, with a key in a file and a time stamp:
      oxidize-inject sign app.exe --sign-p12 id.p12 --timestamp-url http://timestamp.example

  A macOS bundle, for notarization:
      oxidize-inject sign Demo.app --sign-p12 id.p12 --hardened-runtime \\
          --timestamp-url http://timestamp.apple.com/ts01

  A key in a token or at a service, by a command that signs a digest:
      oxidize-inject sign app.exe --sign-certificates chain.pem --sign-command ./pkcs11.sh

  See what came of it:
      oxidize-inject verify app.exe";

/// The options of which one at least says what to package.
pub(super) const APPLICATION: &str = "application";

/// Turn a Python application into one executable.
///
/// Copies a prebuilt program that contains the interpreter and writes the files of DIR into the
/// copy. The result needs no Python on the user's machine and unpacks nothing when it runs.
#[derive(Debug, Parser)]
#[command(name = "oxidize-inject", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[command(
    subcommand_negates_reqs = true,
    max_term_width = 100,
    disable_help_subcommand = true,
    group = clap::ArgGroup::new(APPLICATION).required(true).multiple(true)
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) package: Package,
}

#[derive(Debug, Args)]
pub(super) struct Package {
    /// The executable to write
    #[arg(value_name = "APP", required = true)]
    pub(super) output: Option<PathBuf>,
    /// The application's directory: modules, packages, data, installed distributions
    #[arg(short, long, value_name = "DIR", group = APPLICATION)]
    pub(super) resources: Option<PathBuf>,
    /// The platform to package for; `universal2-apple-darwin` makes one file for both kinds of Mac;
    /// if repeated, each TRIPLE gets a file: APP-TRIPLE, or APP with `{target}` replaced by TRIPLE
    /// [default: Windows if APP ends in .exe, otherwise this machine]
    #[arg(long, value_name = "TRIPLE")]
    pub(super) target: Vec<String>,
    /// What to run: a console script of a distribution, a module, or a function in a module
    /// [default: DIR/__main__.py, otherwise the only console script in DIR or of what is required]
    #[arg(
        short,
        long,
        value_name = "MODULE[:FUNCTION]",
        conflicts_with = "script"
    )]
    pub(super) entry: Option<String>,
    /// Another entry point, which runs when the program is started under NAME (a copy, a link);
    /// without --entry and --script also by `APP NAME`
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "snapshot")]
    pub(super) entry_point: Vec<Variable>,
    /// Run this file in DIR instead; without --resources, package this file alone and install what
    /// its inline metadata (PEP 723) requires
    #[arg(long, value_name = "FILE", group = APPLICATION)]
    pub(super) script: Option<PathBuf>,
    /// Optimise like python -O (1: no assertions) or -OO (2: no docstrings either)
    #[arg(short = 'O', long, value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(super) optimize: u8,
    /// What a child process started as sys.executable is
    #[arg(long, value_enum, default_value_t = Children::Interpreter)]
    pub(super) children: Children,
    /// Set an option of the interpreter, such as utf8=true (docs/configuration.md lists them)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) interpreter: Vec<Setting>,
    /// Set an environment variable at the start, unless the environment has it
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) environment: Vec<Variable>,
    /// Set an environment variable at the start, whatever the environment has
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "snapshot")]
    pub(super) environment_set: Vec<Variable>,
    /// Let only this environment variable, and others that are named by this option, reach the
    /// program (`LC_*`: all that begin like this)
    #[arg(long, value_name = "NAME", conflicts_with = "snapshot")]
    pub(super) environment_pass: Vec<Passing>,
    /// How the program ends: at once if nobody would notice (fast), or always as python3 does
    #[arg(long, value_enum, default_value_t = Exit::Fast)]
    pub(super) exit: Exit,
    /// Leave out module sources; tracebacks then have no source lines
    #[arg(long)]
    pub(super) no_source: bool,
    /// Compress data files and all bytecode, too, not only what a start does not read
    #[arg(long)]
    pub(super) compress: bool,
    /// Package something that would be left out: a file in DIR that looks like a secret, or a
    /// standard library module that `--stdlib used` does not find
    #[arg(long, value_name = "NAME")]
    pub(super) include: Vec<String>,
    /// Put the files of this package into a directory beside APP, for programs and libraries that
    /// must find each other on disk (`PACKAGE=memory` is the default)
    #[arg(long, value_name = "PACKAGE=VALUE", conflicts_with = "snapshot")]
    pub(super) place: Vec<Placement>,
    /// How much of the standard library to include
    #[arg(long, value_enum, default_value_t = Stdlib::All)]
    pub(super) stdlib: Stdlib,
    /// Store the memory of the program as it is after its imports, so that it starts from there
    /// (static Linux targets; see docs/snapshot.md)
    #[arg(long)]
    pub(super) snapshot: bool,
    /// Import this module, too, before the snapshot is taken
    #[arg(long, value_name = "NAME", requires = "snapshot")]
    pub(super) snapshot_import: Vec<String>,
    /// Call this function before the snapshot is taken
    #[arg(long, value_name = "MODULE:FUNCTION", requires = "snapshot", value_parser = module_and_function)]
    pub(super) snapshot_after: Option<String>,
    /// Execute this module again at each start from the snapshot, because it reads the environment,
    /// the command line or the like
    #[arg(long, value_name = "NAME", requires = "snapshot")]
    pub(super) snapshot_reload: Vec<String>,
    /// Use this stub instead of the target's own (one per target, and per processor of universal2)
    #[arg(long, value_name = "FILE")]
    pub(super) stub: Vec<PathBuf>,
    // Before those with a heading, which holds for everything behind it.
    #[command(flatten)]
    pub(super) configuration: Configuration,
    /// Print the settings in effect and where each comes from, and do nothing else
    #[arg(long)]
    pub(super) show_settings: bool,
    #[command(flatten)]
    pub(super) sources: Sources,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) packages: Packages,
    #[command(flatten)]
    pub(super) windows: Windows,
    #[command(flatten)]
    pub(super) macos: MacOs,
    #[command(flatten)]
    pub(super) signing: Signing,
    #[cfg(feature = "notarize")]
    #[command(flatten)]
    pub(super) notary: Notary,
}

/// Where the files of a package are.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    package: String,
    files: bool,
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (package, place) = text.split_once('=').unwrap_or((text, ""));
        let files = match place {
            "files" => true,
            "memory" => false,
            _ => return Err("a package and its place are needed, as in `NAME=files`".to_owned()),
        };
        if package.is_empty() || package.contains(['/', '\\']) {
            return Err(format!("`{package}` is not the name of a package"));
        }
        Ok(Placement {
            package: package.to_owned(),
            files,
        })
    }
}

/// The packages whose files lie beside the executable. The last word on a package counts.
pub(super) fn placed(placements: &[Placement]) -> Vec<String> {
    let last: BTreeMap<&str, bool> = placements
        .iter()
        .map(|placement| (placement.package.as_str(), placement.files))
        .collect();
    let files = last.into_iter().filter(|(_, files)| *files);
    files.map(|(package, _)| package.to_owned()).collect()
}

fn module_and_function(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((module, function)) if !module.is_empty() && !function.is_empty() => {
            Ok(text.to_owned())
        }
        _ => Err("a module and a function are needed, as in `package.module:function`".to_owned()),
    }
}

/// What `sys.executable` starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Children {
    /// A Python interpreter over the packaged modules
    Interpreter,
    /// The application again
    Application,
    /// Nothing: the child ends with an error
    Off,
}

/// What to install into the application.
#[derive(Debug, Args)]
#[command(next_help_heading = "Packages")]
pub(super) struct Packages {
    /// Install this package for the target, with everything it requires; SPEC is as pip takes it
    /// (`NAME`, `NAME[EXTRA]==1.2`, a URL) or the directory of a project
    #[arg(long, value_name = "SPEC", group = APPLICATION)]
    require: Vec<String>,
    /// Install what this requirements file or lock file (pylock.toml, uv.lock) lists
    #[arg(long, value_name = "FILE", group = APPLICATION)]
    requirements: Vec<PathBuf>,
    /// Allow only versions that this constraints file allows
    #[arg(long, value_name = "FILE")]
    constraint: Vec<PathBuf>,
    /// Install this wheel, with everything it requires
    #[arg(long, value_name = "FILE", group = APPLICATION)]
    wheel: Vec<PathBuf>,
    /// Another package index to look in
    #[arg(long, value_name = "URL")]
    extra_index_url: Vec<String>,
    /// Look for newer versions, even if the same was packaged before
    #[arg(long)]
    upgrade: bool,
}

impl Packages {
    /// What is required, from the places that stubs come from too.
    pub(super) fn requirements(
        &self,
        script: Option<&Path>,
        sources: &oxidize_inject::internal::stubs::Sources,
    ) -> Requirements {
        Requirements {
            specifiers: self.require.clone(),
            wheels: self.wheel.clone(),
            files: self.requirements.clone(),
            constraints: self.constraint.clone(),
            script: script.map(Path::to_owned),
            index_url: sources.index_url.clone(),
            extra_index_urls: self.extra_index_url.clone(),
            find_links: sources.find_links.clone(),
            offline: sources.offline,
            refresh: self.upgrade,
        }
    }
}

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Exit {
    /// Without finalising the interpreter, if nothing still alive would notice (docs/exit.md)
    Fast,
    /// As python3 does
    Full,
}

/// How a Windows program presents itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Windows")]
pub(super) struct Windows {
    /// Make a desktop program, without a console window
    #[arg(long)]
    gui: bool,
    /// The program's icon: an .ico file, or a square .png of at least 256 pixels
    #[arg(long, value_name = "FILE")]
    icon: Option<PathBuf>,
    /// A TOML file with version, product, company and so on (see docs/windows.md)
    #[arg(long, value_name = "FILE")]
    version_info: Option<PathBuf>,
    /// The rights the program asks for [default: as-invoker]
    #[arg(long, value_enum, value_name = "LEVEL")]
    execution_level: Option<Level>,
    /// Use this manifest instead of the standard one (long paths, UTF-8, high-DPI displays)
    #[arg(long, value_name = "FILE", conflicts_with = "execution_level")]
    manifest: Option<PathBuf>,
}

impl Windows {
    /// The files that are read.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.icon, &self.version_info, &self.manifest];
        files.into_iter().flatten().map(PathBuf::as_path)
    }

    /// `None` when nothing of it was given.
    pub(super) fn appearance(&self) -> Option<Appearance> {
        let level = self.execution_level.map(|level| match level {
            Level::AsInvoker => ExecutionLevel::AsInvoker,
            Level::HighestAvailable => ExecutionLevel::HighestAvailable,
            Level::RequireAdministrator => ExecutionLevel::RequireAdministrator,
        });
        let given = self.gui
            || level.is_some()
            || [&self.icon, &self.version_info, &self.manifest]
                .iter()
                .any(|file| file.is_some());
        given.then(|| Appearance {
            gui: self.gui,
            icon: self.icon.clone(),
            version_info: self.version_info.clone(),
            manifest: self.manifest.clone(),
            execution_level: level.unwrap_or_default(),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// The rights of the user who starts it
    AsInvoker,
    /// The highest rights available to that user
    HighestAvailable,
    /// Administrator rights
    RequireAdministrator,
}

const STUB_HEADING: &str = "Fetching stubs and packages";

/// Where missing stubs and required packages are fetched from.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Look in this directory of wheels before asking the index
    #[arg(long, help_heading = STUB_HEADING, value_name = "DIR")]
    pub(super) find_links: Vec<PathBuf>,
    /// The package index to fetch from [env: OXIDIZE_INDEX_URL] [default: pip's index]
    #[arg(long, help_heading = STUB_HEADING, value_name = "URL")]
    pub(super) index_url: Option<String>,
    /// Use no network
    #[arg(long, help_heading = STUB_HEADING)]
    pub(super) offline: bool,
    /// Also accept stubs that were not released with this version
    #[arg(long, help_heading = STUB_HEADING)]
    pub(super) allow_unlisted_stub: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Stdlib {
    /// Only modules that import statements reach, plus those named by --include
    Used,
    /// Everything
    All,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a configuration file with every setting, commented out
    Init(Init),
    /// Show what is inside a packaged application
    Inspect(Inspect),
    /// Unpack the files of a packaged application, or save its blob
    Extract(Extract),
    /// Check that a packaged application is intact, and who signed a program
    ///
    /// Reports who made a signature, when and with which certificates, and any problems with them.
    /// The operating system decides whether to trust the signer. Programs, libraries and bundles
    /// made by other tools are accepted too.
    ///
    /// Exit status: 0 the file is as it was written or signed; 3 another tool rewrote the
    /// application, but program and resources are intact; 1 the file is damaged, was changed after
    /// it was signed, is signed in a way that cannot be checked here, is neither signed nor an
    /// application, or cannot be read.
    Verify(Verify),
    /// Recover the stub that an application was made from
    Remove(Remove),
    /// List and fetch stubs, the prebuilt programs that applications are made from
    #[command(subcommand)]
    Stubs(Stubs),
    /// Sign a Windows or macOS program, library or bundle
    ///
    /// Replaces an existing signature. The key is in a file, or a command signs with it
    /// (docs/signing.md). Without an identity, macOS code is signed ad hoc, and Windows programs
    /// are refused.
    #[command(after_help = SIGN_EXAMPLES)]
    Sign(Box<Sign>),
    /// Notarize a signed macOS program or bundle with Apple, and staple the ticket to a bundle
    #[cfg(feature = "notarize")]
    Notarize(Notarize),
    /// Staple the ticket to a notarized bundle
    #[cfg(feature = "notarize")]
    Staple(Staple),
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Where to write oxidize.toml [default: the current directory]
    #[arg(value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    /// Print the file instead
    #[arg(long, conflicts_with = "directory")]
    pub(super) print: bool,
    /// Print a JSON schema of the file, for editors
    #[arg(long, conflicts_with_all = ["directory", "print"])]
    pub(super) schema: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The packaged application
    pub(super) app: PathBuf,
    /// Print the licence texts of everything inside
    #[arg(long)]
    pub(super) licenses: bool,
    /// List entries, one per line
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) list: Option<List>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum List {
    /// Files and their sizes
    Files,
    /// Modules and what each consists of
    Modules,
    /// Extension modules and shared libraries
    Natives,
    /// Distributions and their versions
    Distributions,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct Extract {
    /// The packaged application
    pub(super) app: PathBuf,
    /// Write the files to this directory, which must be new or empty
    #[arg(long, value_name = "DIR", group = "what")]
    pub(super) to: Option<PathBuf>,
    /// Write the raw blob to this file
    #[arg(long, value_name = "FILE", group = "what")]
    pub(super) blob: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The packaged application; or a Windows or macOS program or library, or a macOS bundle
    pub(super) app: PathBuf,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The packaged application
    pub(super) app: PathBuf,
    /// Where to write the stub [default: over the application]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}

fn about_stubs() -> String {
    let (project, package) = (wheel::PROJECT, wheel::PACKAGE);
    format!(
        "\
Stubs are looked up in this order: beside this program, or in the checkout it was built in; in the
cache; in the directories given by --find-links; on a package index. A fetched stub is always
checked against a digest compiled into this program, wherever it came from.

Examples:
  Fetch what packaging for Windows from this machine needs, then work offline:
      oxidize-inject stubs fetch x86_64-pc-windows-gnu x86_64-unknown-linux-gnu
      oxidize-inject app.exe --resources DIR --target x86_64-pc-windows-gnu --offline

  Carry the wheels to a machine without a network:
      pip download --no-deps --only-binary :all: --platform win_amd64 {project}
      oxidize-inject stubs import {package}-*.whl"
    )
}

#[derive(Debug, Subcommand)]
#[command(after_help = about_stubs(), disable_help_subcommand = true)]
pub(super) enum Stubs {
    /// Show, for every target, where its stub is or would come from
    List(ListStubs),
    /// Fetch stubs into the cache
    Fetch(FetchStubs),
    /// Add stubs from wheels to the cache
    Import(ImportStubs),
    /// Print the path of a stub
    Path(PathOfStub),
    /// Check every file of the stubs in the cache
    Verify(VerifyStubs),
    /// Remove damaged stubs, and those this version does not use, from the cache
    Prune(PruneStubs),
}

#[derive(Debug, Args)]
pub(super) struct ListStubs {
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct FetchStubs {
    /// Targets [default: this machine's]
    #[arg(value_name = "TRIPLE", conflicts_with = "all")]
    pub(super) targets: Vec<String>,
    /// Every target that has a published stub
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) sources: Sources,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct ImportStubs {
    /// Wheels, or stub directories copied from a cache
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Also accept stubs that were not released with this version
    #[arg(long)]
    pub(super) allow_unlisted_stub: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct PathOfStub {
    /// The target [default: this machine's]
    #[arg(value_name = "TRIPLE")]
    pub(super) target: Option<String>,
    /// Also accept a stub that was not released with this version
    #[arg(long)]
    pub(super) allow_unlisted_stub: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct VerifyStubs {
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct PruneStubs {
    /// Remove all stubs, including those of this version
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) common: Common,
}
