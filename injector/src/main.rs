//! The `oxidize-inject` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    oxidize_inject::cli::main()
}
