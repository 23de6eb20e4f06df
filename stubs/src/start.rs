//! The life of the process.

use std::ffi::OsString;

use oxidize_format::{Blob, STUB_ABI};

use crate::choice::{self, Choice};
use crate::ffi::module::Native;
use crate::ffi::{self, Gil, Method, Result};
use crate::{builtins, children, configure, entry, exit, image, importer};

/// Exit status of a stub that has nothing to run, or cannot.
const USAGE: i32 = 2;
const FAILURE: i32 = 1;

/// What Python can call, gathered from those who have it.
const NATIVE: Native = Native {
    classes: importer::CLASSES,
    functions,
    install,
    open_code: importer::tree::open_code,
};

fn functions() -> Vec<Method> {
    let mut functions = importer::functions();
    functions.extend(children::functions());
    functions.extend(exit::functions());
    functions
}

/// Makes a new interpreter ours.
fn install(gil: Gil<'_>) -> Result<()> {
    if importer::install(gil)? {
        children::install(gil)?;
        builtins::install(gil)?;
    }
    Ok(())
}

/// The life of the process; returns its exit status.
pub fn start(arguments: &[OsString]) -> i32 {
    let Some(bytes) = image::blob() else {
        eprintln!(
            "This is an oxidize-inject stub (version {}, CPython {}, {}) with no application in it.\n\n\
             hint: `oxidize-inject APP --resources DIR` makes an application from it.",
            env!("CARGO_PKG_VERSION"),
            ffi::lifecycle::python_version(),
            env!("OXIDIZE_TARGET"),
        );
        return USAGE;
    };
    let blob = match Blob::open(bytes) {
        Ok(blob) => blob,
        Err(error) => return refuse(&format!("its resources are damaged: {error}")),
    };
    let header = blob.header();
    if header.stub_abi != STUB_ABI {
        return refuse(&format!(
            "its resources are for stub ABI {}, this stub has {STUB_ABI}",
            header.stub_abi
        ));
    }
    if header.py_version_hex != ffi::lifecycle::python_version_hex() {
        return refuse(&format!(
            "its resources are for Python {:#010x}, this stub has {:#010x}",
            header.py_version_hex,
            ffi::lifecycle::python_version_hex()
        ));
    }
    let damaged = |error| refuse(&format!("its resources are damaged: {error}"));
    if blob.checks_at_start()
        && let Err(error) = blob.verify_digest()
    {
        return damaged(error);
    }
    let run = match blob.run_config() {
        Ok(run) => run,
        Err(error) => return refuse(&format!("its run configuration is damaged: {error}")),
    };
    // The other of the two places that ask for it.
    if run.check_at_start
        && !blob.checks_at_start()
        && let Err(error) = blob.verify_digest()
    {
        return damaged(error);
    }
    let (run, choice) = choice::choose(run, arguments);
    configure::clean_environment(&run);
    #[cfg(target_env = "musl")]
    {
        use crate::snapshot;
        if snapshot::is_restored() {
            return match snapshot::resume(&run) {
                Ok(()) => entry::run(&run),
                Err(reason) => refuse(reason),
            };
        }
        if snapshot::is_wanted() {
            return snapshot::dump(&run, blob, arguments, NATIVE);
        }
    }
    #[cfg(target_os = "linux")]
    ffi::arenas::use_huge_pages();
    if let Err(reason) = ffi::module::register(NATIVE) {
        return refuse(reason);
    }
    let mode = configure::begin(&run, blob, arguments, choice);
    if mode.is_ok() {
        ffi::lifecycle::with_gil(|gil| {
            if importer::prefer_path_hook(gil).is_err() {
                gil.print_raised();
            }
        });
    }
    match mode {
        Ok(configure::Mode::Interpreter) => ffi::lifecycle::run_main(),
        Ok(configure::Mode::Application) if choice == Choice::Open => {
            let program = arguments.first().map(|name| name.to_string_lossy());
            eprintln!("{}", choice::usage(&run, &program.unwrap_or_default()));
            USAGE
        }
        Ok(configure::Mode::Application) => {
            if run.quiet_imports {
                ffi::collector::enable();
            }
            entry::run(&run)
        }
        Err(configure::Error::Python(failure)) => failure.exit(),
        Err(configure::Error::Settings(reason)) => refuse(&reason),
    }
}

fn refuse(reason: &str) -> i32 {
    eprintln!("error: this application cannot start: {reason}");
    FAILURE
}
