//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "notarize")]
use super::notary::{Notarize, Notary, Staple};
use super::signing::{Sign, Signing};
use crate::windows::{Appearance, ExecutionLevel};

const EXAMPLES: &str = "\
Examples:
  A directory with a __main__.py becomes one executable:
      oxidize-inject hello --resources examples/hello

  A package from the index, by its console script:
      pip install --target build flask
      oxidize-inject flask --resources build --entry flask

  Look at it, check it, take it apart:
      oxidize-inject inspect ./hello
      oxidize-inject verify ./hello
      oxidize-inject extract ./hello --to unpacked

An output whose name is that of a subcommand is written with its directory: `oxidize-inject ./verify --resources DIR`.";

/// Turn a Python application into one executable.
///
/// The files of DIR are written into a copy of a prebuilt program that contains the interpreter. The result needs no Python and
/// unpacks nothing when it runs.
#[derive(Debug, Parser)]
#[command(name = "oxidize-inject", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[command(
    subcommand_negates_reqs = true,
    max_term_width = 100,
    disable_help_subcommand = true
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
    /// The directory with the application: modules, packages, data, installed distributions
    #[arg(short, long, value_name = "DIR", required = true)]
    pub(super) resources: Option<PathBuf>,
    /// The system to package for; `universal2-apple-darwin` is one file for both kinds of Mac [default: Windows for an APP
    /// that ends in .exe, else this system]
    #[arg(long, value_name = "TRIPLE")]
    pub(super) target: Option<String>,
    /// What to run: a console script of a distribution in DIR, or a module, or a function of one [default: DIR/__main__.py,
    /// else the only console script]
    #[arg(
        short,
        long,
        value_name = "MODULE[:FUNCTION]",
        conflicts_with = "script"
    )]
    pub(super) entry: Option<String>,
    /// A file in DIR to run instead
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,
    /// Like python's -O and -OO: 1 drops assertions, 2 drops docstrings too
    #[arg(short = 'O', long, value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(super) optimize: u8,
    /// Leave the sources of modules out; tracebacks lose their source lines
    #[arg(long)]
    pub(super) no_source: bool,
    /// Compress sources and data files; bytecode and native code never are
    #[arg(long)]
    pub(super) compress: bool,
    /// Package what the rules would leave out: a file of DIR that looks like a secret, or a module of the standard library that
    /// `--stdlib used` does not see
    #[arg(long, value_name = "NAME")]
    pub(super) include: Vec<String>,
    /// How much of the standard library goes in
    #[arg(long, value_enum, default_value_t = Stdlib::All)]
    pub(super) stdlib: Stdlib,
    /// The stub to use, instead of the one that belongs to the target (for universal2 one for each processor)
    #[arg(long, value_name = "FILE")]
    pub(super) stub: Vec<PathBuf>,
    // Before those with a heading, which holds for everything behind it.
    #[command(flatten)]
    pub(super) sources: Sources,
    #[command(flatten)]
    pub(super) common: Common,
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

/// What a Windows program shows of itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Windows")]
pub(super) struct Windows {
    /// A program for the desktop: no console window
    #[arg(long)]
    gui: bool,
    /// The program's icon: an .ico, or a square .png of 256 pixels and more
    #[arg(long, value_name = "FILE")]
    icon: Option<PathBuf>,
    /// Version, product, company and so on, as a TOML file (docs/windows.md)
    #[arg(long, value_name = "FILE")]
    version_info: Option<PathBuf>,
    /// The rights to ask for [default: as-invoker]
    #[arg(long, value_enum, value_name = "LEVEL")]
    execution_level: Option<Level>,
    /// A manifest to use instead of the one written for long paths, UTF-8 and sharp monitors
    #[arg(long, value_name = "FILE", conflicts_with = "execution_level")]
    manifest: Option<PathBuf>,
}

impl Windows {
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
    /// Those of whoever starts it
    AsInvoker,
    /// The most that whoever starts it can have
    HighestAvailable,
    /// An administrator's
    RequireAdministrator,
}

/// What a macOS program has besides.
#[derive(Debug, Args)]
#[command(next_help_heading = "macOS")]
pub(super) struct MacOs {
    /// The program's name in its signature, such as com.example.app [default: the name of APP]
    #[arg(long, value_name = "NAME")]
    pub(super) identifier: Option<String>,
    /// Run under the hardened runtime, which notarization asks for
    #[arg(long)]
    pub(super) hardened_runtime: bool,
    /// What the program is allowed: a property list
    #[arg(long, value_name = "FILE")]
    pub(super) entitlements: Option<PathBuf>,
    /// The team in the signature [default: the one in Apple's certificate]
    #[arg(long, value_name = "ID")]
    pub(super) team_id: Option<String>,
}

const STUB_HEADING: &str = "Stubs that are not at hand";

/// Where stubs come from that are not at hand.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Look for stubs in this directory of wheels, before the index
    #[arg(long, help_heading = STUB_HEADING, value_name = "DIR")]
    pub(super) find_links: Vec<PathBuf>,
    /// The package index to fetch stubs from [env: OXIDIZE_INDEX_URL] [default: the one that pip uses]
    #[arg(long, help_heading = STUB_HEADING, value_name = "URL")]
    pub(super) index_url: Option<String>,
    /// Fetch nothing
    #[arg(long, help_heading = STUB_HEADING)]
    pub(super) offline: bool,
    /// Take stubs too that are not those of this version
    #[arg(long, help_heading = STUB_HEADING)]
    pub(super) allow_unlisted_stub: bool,
}

/// Understood by every command.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// How to tell the result
    #[arg(long, alias = "format", value_enum, default_value_t = Format::Human)]
    pub(super) output_format: Format,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more
    #[arg(short, long)]
    pub(super) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON object on standard output
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Stdlib {
    /// Modules that import statements reach, and what --include names
    Used,
    /// Everything
    All,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print what is inside a packaged application
    Inspect(Inspect),
    /// Write the files of a packaged application, or its blob, to disk
    Extract(Extract),
    /// Check that a packaged application is whole
    Verify(Verify),
    /// Give back the stub that an application was made from
    Remove(Remove),
    /// See and get stubs: the prebuilt programs that applications are made from
    #[command(subcommand)]
    Stubs(Stubs),
    /// Sign a Windows or macOS program
    Sign(Box<Sign>),
    /// Have Apple look a signed macOS program or bundle through, and staple the ticket to a bundle
    #[cfg(feature = "notarize")]
    Notarize(Notarize),
    /// Staple the ticket of a notarized bundle to it
    #[cfg(feature = "notarize")]
    Staple(Staple),
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The packaged application
    pub(super) app: PathBuf,
    /// Print the licence texts of what is inside
    #[arg(long)]
    pub(super) licenses: bool,
    /// List entries, one a line
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) list: Option<List>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum List {
    /// Files with their sizes
    Files,
    /// Modules with what they are made of
    Modules,
    /// Extension modules and shared libraries
    Natives,
    /// Distributions with their versions
    Distributions,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct Extract {
    /// The packaged application
    pub(super) app: PathBuf,
    /// Write the files below this directory, which must be new or empty
    #[arg(long, value_name = "DIR", group = "what")]
    pub(super) to: Option<PathBuf>,
    /// Write the blob as it is
    #[arg(long, value_name = "FILE", group = "what")]
    pub(super) blob: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The packaged application
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

const STUBS: &str = "\
Where a stub is looked for, in this order: beside this program or in the checkout it was built
in; in the cache; in the directories of --find-links; on a package index. Fetched ones are checked
against digests that this program holds, wherever they come from.

Examples:
  Get what packaging for Windows and this machine needs, then work without a network:
      oxidize-inject stubs fetch x86_64-pc-windows-gnu x86_64-unknown-linux-gnu
      oxidize-inject app.exe --resources DIR --target x86_64-pc-windows-gnu --offline

  For a machine that has none, carry the wheels there:
      pip download --no-deps --only-binary :all: --platform win_amd64 oxidize-stub-cp313
      oxidize-inject stubs import oxidize_stub_cp313-*.whl";

#[derive(Debug, Subcommand)]
#[command(after_help = STUBS, disable_help_subcommand = true)]
pub(super) enum Stubs {
    /// Say for every target whether its stub is at hand
    List(ListStubs),
    /// Fetch stubs into the cache
    Fetch(FetchStubs),
    /// Add wheels with stubs to the cache
    Import(ImportStubs),
    /// Print the path of a stub
    Path(PathOfStub),
    /// Check every file of the stubs in the cache
    Verify(VerifyStubs),
    /// Remove what this version does not use, and what is damaged, from the cache
    Prune(PruneStubs),
}

#[derive(Debug, Args)]
pub(super) struct ListStubs {
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct FetchStubs {
    /// Targets [default: this system's]
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
    /// Wheels, or directories as the cache has them
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Take stubs too that are not those of this version
    #[arg(long)]
    pub(super) allow_unlisted_stub: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct PathOfStub {
    /// The target [default: this system's]
    #[arg(value_name = "TRIPLE")]
    pub(super) target: Option<String>,
    /// Take a stub too that is not one of this version
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
    /// Remove all stubs, those of this version too
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) common: Common,
}
