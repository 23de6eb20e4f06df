//! The command `oxidize-prebuilt`.

use clap::Parser;
use oxidize_prebuilt::{cli, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(&cli::Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
