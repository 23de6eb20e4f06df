//! Options that several commands have.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The configuration file.
#[derive(Debug, Args)]
pub(super) struct Configuration {
    /// Take settings from this file [default: oxidize.toml, or [tool.oxidize-inject] in
    /// pyproject.toml, in this directory or above]
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(super) config: Option<PathBuf>,
    /// Take settings from the command line alone
    #[arg(long)]
    pub(super) no_config: bool,
}

/// Options for macOS programs.
#[derive(Debug, Args)]
#[command(next_help_heading = "macOS")]
pub(super) struct MacOs {
    /// The identifier in the signature, such as com.example.app [default: the file's name; a
    /// program that is signed again keeps the one it has]
    #[arg(long, value_name = "NAME")]
    pub(super) identifier: Option<String>,
    /// Enable the hardened runtime, which notarization requires
    #[arg(long)]
    pub(super) hardened_runtime: bool,
    /// A property list with the program's entitlements
    #[arg(long, value_name = "FILE")]
    pub(super) entitlements: Option<PathBuf>,
    /// The team in the signature, ten characters, for certificates that Apple did not issue
    /// [default: the one in Apple's certificate]
    #[arg(long, value_name = "ID")]
    pub(super) team_id: Option<String>,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// How to print the result
    #[arg(long, alias = "format", value_enum, default_value_t = Format::Human)]
    pub(super) output_format: Format,
    /// Print only errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print more details
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// Whether the command line asks for JSON. Before it is parsed this is all that is known of it.
pub(super) fn asks_json() -> bool {
    let names = ["--output-format", "--format"];
    let mut before = String::new();
    std::env::args_os().any(|argument| {
        let argument = argument.to_string_lossy().into_owned();
        let joined = argument.split_once('=');
        let asks = joined.is_some_and(|(name, value)| names.contains(&name) && value == "json")
            || names.contains(&before.as_str()) && argument == "json";
        before = argument;
        asks
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON object on standard output
    Json,
}
