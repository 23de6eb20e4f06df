//! Packages a directory through the library, and shows how far it is:
//! `cargo run --release -p oxidize-inject --example package -- examples/hello hello`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use oxidize_inject::{Packager, Progress, Report};

/// Prints each step.
struct Steps;

impl Progress for Steps {
    fn start(&self, step: &str, _units: u64) {
        eprintln!("{step} ...");
    }
}

/// Packages the directory without the parts of the standard library that it does not use.
pub(crate) fn package(directory: &Path, output: &Path) -> Result<Report, oxidize_inject::Error> {
    Packager::new(directory)
        .only_used_library()
        .compress(true)
        .package_with(output, &Steps)
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [directory, output] = &arguments[..] else {
        eprintln!("usage: package DIR APP");
        return ExitCode::from(2);
    };
    match package(Path::new(directory), Path::new(output)) {
        Ok(report) => {
            for warning in &report.warnings {
                eprintln!("warning: {warning}");
            }
            println!("{} bytes, runs {}", report.size, report.entry);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
