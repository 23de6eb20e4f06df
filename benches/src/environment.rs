//! What is measured and what with: the built programs, a plain interpreter with its standard
//! library on disk, a stock python3 if there is one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use oxidize_format::Target;
use oxidize_python::{LIBRARY, PROGRAM, VERSION};

use tempfile::TempDir;

use crate::measure::which;

/// A python3 of the machine.
pub(crate) struct Stock {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// Paths of everything that takes part.
pub(crate) struct Environment {
    pub(crate) repository: PathBuf,
    pub(crate) injector: PathBuf,
    pub(crate) plain_python: PathBuf,
    pub(crate) stock_python: Option<Stock>,
    pub(crate) scratch: TempDir,
}

impl Environment {
    /// Finds the programs beside this one and unpacks the standard library for the plain
    /// interpreter, bytecode included.
    pub(crate) fn prepare() -> Result<Self, String> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("no repository")?
            .to_path_buf();
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let built = own.parent().ok_or("no directory of programs")?;
        let find = |name: &str| {
            let path = built.join(name);
            if path.is_file() {
                Ok(path)
            } else {
                Err(format!(
                    "{} is missing\n\nhint: cargo build --release --workspace",
                    path.display()
                ))
            }
        };
        let injector = find("oxidize-inject")?;
        let home = built.join("benches-python");
        let plain_python = plain(&repository, &find("oxidize-plain-python")?, &home)?;
        let scratch = tempfile::tempdir_in(built).map_err(|error| error.to_string())?;
        Ok(Environment {
            repository,
            injector,
            plain_python,
            stock_python: stock(),
            scratch,
        })
    }

    /// Packages an application directory with one way to end and returns the executable.
    pub(crate) fn package(&self, application: &Path, exit: &str) -> Result<PathBuf, String> {
        self.packaged(application, exit, &["--exit", exit])
    }

    /// Packages an application directory with everything compressed that can be.
    pub(crate) fn compressed(&self, application: &Path) -> Result<PathBuf, String> {
        self.packaged(application, "compressed", &["--compress"])
    }

    /// Packages an application directory so that its resources are checked at each start.
    pub(crate) fn checked(&self, application: &Path) -> Result<PathBuf, String> {
        self.packaged(
            application,
            "checked",
            &["--interpreter", "check-at-start=true"],
        )
    }

    /// Packages an application directory with a start snapshot, if there is a stub for that.
    pub(crate) fn snapshot(&self, application: &Path) -> Result<Option<PathBuf>, String> {
        let Some(mut options) = self.snapshot_options() else {
            return Ok(None);
        };
        // Modules that the application imports by names from a list.
        let list = fs::read_to_string(application.join("modules.txt")).unwrap_or_default();
        for name in list.split_whitespace() {
            options.extend(["--snapshot-import", name]);
        }
        self.packaged(application, "snapshot", &options).map(Some)
    }

    /// What asks for a start snapshot, if there is a stub for that.
    pub(crate) fn snapshot_options(&self) -> Option<Vec<&'static str>> {
        const TARGET: &str = Target::X86_64_LINUX_MUSL.triple();
        if self.repository.join("target/stubs").join(TARGET).is_dir() {
            return Some(vec!["--snapshot", "--target", TARGET]);
        }
        eprintln!("no start snapshots: there is no stub for {TARGET} in target/stubs");
        None
    }

    fn packaged(
        &self,
        application: &Path,
        form: &str,
        options: &[&str],
    ) -> Result<PathBuf, String> {
        let name = application
            .file_name()
            .ok_or("an application without a name")?;
        let name = format!("{}-{form}", name.to_string_lossy());
        let output = self.scratch.path().join(name);
        self.package_as(&output, application, options)?;
        Ok(output)
    }

    /// Packages an application directory as this file.
    pub(crate) fn package_as(
        &self,
        output: &Path,
        application: &Path,
        options: &[&str],
    ) -> Result<(), String> {
        let status = Command::new(&self.injector)
            .arg(output)
            .arg("--resources")
            .arg(application)
            .args(options)
            .arg("-q")
            .status()
            .map_err(|error| format!("{}: {error}", self.injector.display()))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("packaging {} failed", application.display()))
        }
    }
}

/// Installs the application's requirements beside a copy of it, without extension modules. An error
/// tells why not.
pub(crate) fn with_requirements(
    environment: &Environment,
    application: &Path,
) -> Result<PathBuf, String> {
    let python = environment.stock_python.as_ref();
    let python = python.ok_or("there is no python3 with pip on PATH")?;
    let name = application
        .file_name()
        .ok_or("an application without a name")?;
    let place = environment.scratch.path().join(name);
    let status = Command::new(&python.path)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--only-binary",
            ":all:",
        ])
        .arg("--target")
        .arg(&place)
        .arg("--requirement")
        .arg(application.join("requirements.txt"))
        .status()
        .map_err(|error| format!("{}: {error}", python.path.display()))?;
    if !status.success() {
        return Err(format!("pip ended with {status}"));
    }
    remove_extensions(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    for name in ["__main__.py", "modules.txt"] {
        fs::copy(application.join(name), place.join(name)).map_err(|error| error.to_string())?;
    }
    Ok(place)
}

fn remove_extensions(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            remove_extensions(&path)?;
        } else if path.extension().is_some_and(|suffix| suffix == "so") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Lays out a program and its library below `home`, where CPython finds its library by itself.
fn plain(repository: &Path, interpreter: &Path, home: &Path) -> Result<PathBuf, String> {
    let complain = |error: std::io::Error| format!("laying out a plain Python: {error}");
    let python = home.join(PROGRAM);
    if home.exists() {
        fs::remove_dir_all(home).map_err(complain)?;
    }
    fs::create_dir_all(home.join("bin")).map_err(complain)?;
    fs::copy(interpreter, &python).map_err(complain)?;
    let target = if cfg!(target_arch = "aarch64") {
        Target::AARCH64_LINUX_GNU
    } else {
        Target::X86_64_LINUX_GNU
    };
    for part in ["stdlib", target.triple()] {
        let archive = repository.join(format!(
            "prebuilt/distributions/cpython-{VERSION}-{part}.tar.zst"
        ));
        let file =
            File::open(&archive).map_err(|error| format!("{}: {error}", archive.display()))?;
        let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(complain)?);
        for entry in archive.entries().map_err(complain)? {
            let mut entry = entry.map_err(complain)?;
            let path = entry.path().map_err(complain)?.into_owned();
            if let Ok(inner) = path.strip_prefix("python/install")
                && inner.starts_with(LIBRARY)
            {
                let place = home.join(inner);
                if let Some(parent) = place.parent() {
                    fs::create_dir_all(parent).map_err(complain)?;
                }
                entry.unpack(&place).map_err(complain)?;
            }
        }
    }
    // Empty, but its presence tells CPython that this is its library (getpath.py,
    // PLATSTDLIB_LANDMARK).
    fs::create_dir_all(home.join(LIBRARY).join("lib-dynload")).map_err(complain)?;
    // Warm bytecode caches, as an installed Python has them. Files that are wrong on purpose make
    // it exit with 1.
    Command::new(&python)
        .args(["-I", "-S", "-m", "compileall", "-q", "-j", "2"])
        .arg(home.join(LIBRARY))
        .output()
        .map_err(complain)?;
    Ok(python)
}

fn stock() -> Option<Stock> {
    let path = which("python3")?;
    let output = Command::new(&path)
        .args([
            "-c",
            "import sys; print(sys.executable); print('.'.join(map(str, sys.version_info[:3])))",
        ])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    Some(Stock {
        path: PathBuf::from(lines.next()?),
        version: lines.next()?.to_owned(),
    })
}
