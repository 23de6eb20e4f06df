//! Where a test packages: a directory, an index on the loopback device, and the distributions that
//! most tests require.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use oxidize_tests::index::{Index, Wheel};
use oxidize_tests::run::{Outcome, Run};
use oxidize_tests::{Result, check, tools};
use tempfile::TempDir;

/// A directory with distributions, the index that has them, and the application to be made.
pub(crate) struct Place {
    directory: TempDir,
    pub(crate) index: Index,
}

impl Place {
    pub(crate) fn new(wheels: &[Wheel]) -> Result<Self> {
        let directory = tools::scratch()?;
        let files = directory.path().join("files");
        fs::create_dir(&files)?;
        for wheel in wheels {
            wheel.write(&files)?;
        }
        Ok(Place {
            index: Index::of(&files)?,
            directory,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn files(&self) -> std::path::PathBuf {
        self.path().join("files")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, text)?;
        Ok(path.to_string_lossy().into_owned())
    }

    pub(crate) fn command(&self) -> Result<Command> {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        command
            .arg(self.path().join("app"))
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env_remove("PIP_INDEX_URL");
        Ok(command)
    }

    /// Packages from the index.
    pub(crate) fn package(&self, arguments: &[&str]) -> Result<Output> {
        let url = self.index.url();
        let output = self
            .command()?
            .args(["--index-url", &url])
            .args(arguments)
            .output()?;
        Ok(output)
    }

    /// Packages and runs.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        succeeded(&self.package(arguments)?)?;
        Run::new(self.path().join("app")).outcome()?.success()
    }

    /// Fails to package; what it says.
    pub(crate) fn refused(&self, arguments: &[&str]) -> Result<String> {
        let output = self.package(arguments)?;
        let said = said(&output);
        check(!output.status.success(), || {
            format!("it is packaged\n{said}")
        })?;
        check(!self.path().join("app").exists(), || {
            format!("something was written\n{said}")
        })?;
        Ok(said)
    }
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn succeeded(output: &Output) -> Result {
    check(output.status.success(), || said(output))
}

pub(crate) fn contains(text: &str, parts: &[&str]) -> Result {
    for part in parts {
        check(text.contains(part), || {
            format!("`{part}` is not in:\n{text}")
        })?;
    }
    Ok(())
}

/// Prints where it is and what `spam` says.
pub(crate) fn ham() -> Wheel {
    Wheel::new("ham", "1.0")
        .script("ham", "ham:main")
        .requires("spam>=1")
        .file(
            "ham.py",
            "import spam\ndef main():\n    print(__file__, spam.name)\n",
        )
}

pub(crate) fn spam(version: &str) -> Wheel {
    Wheel::new("spam", version)
        .script("spam-tool", "spam:main")
        .file(
            "spam.py",
            format!("name = 'spam {version}'\ndef main(): print(name)\n"),
        )
}
