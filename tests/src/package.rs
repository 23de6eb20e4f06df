//! Packaging with the real command. An application that several tests want is packaged once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tempfile::TempDir;

use crate::run::Run;
use crate::tools::{self, GNU};
use crate::{Result, fail, targets};

/// What to package and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Package {
    resources: PathBuf,
    target: String,
    options: Vec<String>,
}

/// A packaged application; its directory goes with the last user.
#[derive(Clone, Debug)]
pub struct App {
    path: PathBuf,
    _directory: Arc<TempDir>,
}

impl App {
    /// The executable.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The packaged modules under an interpreter's command line, for a package made by
    /// [`Package::launcher`].
    pub fn interpreter(&self) -> Run {
        Run::new(&self.path).arguments([tools::here().join("launch.py")])
    }
}

impl Package {
    /// A resources directory, for the host.
    pub fn new(resources: impl Into<PathBuf>) -> Self {
        Package {
            resources: resources.into(),
            target: GNU.to_owned(),
            options: Vec::new(),
        }
    }

    /// An application of `tests/apps/`.
    pub fn app(name: &str) -> Self {
        Package::new(tools::here().join("apps").join(name))
    }

    /// With an entry point that makes itself an interpreter: only the application can start one.
    #[must_use]
    pub fn launcher(self) -> Self {
        self.options(["--entry", "cProfile"])
    }

    /// For another target.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// More options of the command.
    #[must_use]
    pub fn options<I: IntoIterator<Item = S>, S: Into<String>>(mut self, options: I) -> Self {
        self.options.extend(options.into_iter().map(Into::into));
        self
    }

    /// The command line that writes `output`.
    pub fn command(&self, output: &Path) -> Result<Command> {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        command
            .arg(output)
            .arg("-q")
            .arg("--resources")
            .arg(&self.resources)
            .args(&self.options);
        if self.target != GNU {
            tools::stub(&self.target)?;
            command.args(["--target", &self.target]);
        }
        Ok(command)
    }

    /// Packages to `output`.
    pub fn write(&self, output: &Path) -> Result {
        let done = self.command(output)?.output()?;
        if done.status.success() {
            return Ok(());
        }
        fail(format!(
            "oxidize-inject: {}\n{}",
            done.status,
            String::from_utf8_lossy(&done.stderr)
        ))
    }

    /// Packages into a directory of its own.
    pub fn build(&self) -> Result<App> {
        let directory = tools::scratch()?;
        let path = directory
            .path()
            .join(targets::program_name("app", &self.target));
        self.write(&path)?;
        Ok(App {
            path,
            _directory: Arc::new(directory),
        })
    }

    /// The packaged application, made by the first test that asks.
    pub fn shared(&self) -> Result<App> {
        let cell = shared_apps().entry(self.clone()).or_default().clone();
        cell.get_or_init(|| self.build()).clone()
    }
}

type Shared = HashMap<Package, Arc<OnceLock<Result<App>>>>;

fn shared_apps() -> MutexGuard<'static, Shared> {
    static APPS: OnceLock<Mutex<Shared>> = OnceLock::new();
    APPS.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Removes what [`Package::shared`] made.
pub(crate) fn forget_shared() {
    shared_apps().clear();
}
