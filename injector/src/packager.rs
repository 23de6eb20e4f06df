//! The library's face: a builder.

use std::fmt;
use std::path::{Path, PathBuf};

use oxidize_format::Target;

use crate::interpreter::{Passing, Variable};
use crate::package::PackageError;
use crate::package::{self, Library, Report, Request};
use crate::progress::{Progress, Silent};

/// Packages an application.
///
/// Made from a directory, or of nothing (`default`) if required packages are all there is; each
/// method changes one thing. It can be used several times, for several targets for instance.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is packaged before `package` is called"]
pub struct Packager {
    request: Request,
}

impl Packager {
    /// Packages the application in this directory: modules, packages, data, installed
    /// distributions. It runs `__main__.py`, or the only console script of a distribution in it.
    pub fn new(resources: impl Into<PathBuf>) -> Packager {
        Packager {
            request: Request {
                resources: Some(resources.into()),
                ..Request::default()
            },
        }
    }

    /// Packages for this target. Without it, for Windows if the output's name ends in `.exe`, and
    /// for this machine otherwise.
    pub fn target(mut self, target: Target) -> Packager {
        self.request.target = Some(target);
        self
    }

    /// Runs a console script of a distribution in the directory, a module (`MODULE`) or a function
    /// (`MODULE:FUNCTION`).
    pub fn entry(mut self, entry: impl Into<String>) -> Packager {
        self.request.entry = Some(entry.into());
        self.request.script = None;
        self
    }

    /// Runs a file in the directory, named relative to it.
    pub fn script(mut self, script: impl Into<PathBuf>) -> Packager {
        self.request.script = Some(script.into());
        self.request.entry = None;
        self
    }

    /// Packages what this requirement names beside the application, such as `flask>=3`, with all
    /// that it needs. pip finds it, and runs in the packager's own Python.
    pub fn require(mut self, requirement: impl Into<String>) -> Packager {
        let requirement = requirement.into();
        self.request.requirements.specifiers.push(requirement);
        self
    }

    /// Packages this wheel beside the application, with all that it needs.
    pub fn wheel(mut self, file: impl Into<PathBuf>) -> Packager {
        self.request.requirements.wheels.push(file.into());
        self
    }

    /// Adds an entry point, which runs when the program is started under this name; without
    /// [`entry`](Packager::entry) and [`script`](Packager::script) also when the name is the first
    /// argument. What it runs is named as for [`entry`](Packager::entry).
    pub fn entry_point(mut self, name: impl Into<String>, entry: impl Into<String>) -> Packager {
        self.request.entry_points.push(Variable {
            name: name.into(),
            value: entry.into(),
        });
        self
    }

    /// Puts the files of this package into a directory beside the executable.
    pub fn place_beside(mut self, package: impl Into<String>) -> Packager {
        self.request.place.push(package.into());
        self
    }

    /// Sets an environment variable at the start, unless the environment has it.
    pub fn environment_default(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Packager {
        self.request.environment.push(Variable {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Sets an environment variable at the start, whatever the environment has.
    pub fn environment_set(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Packager {
        self.request.environment_set.push(Variable {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Lets this environment variable reach the program, or all whose names begin so (`LC_*`).
    /// Those that no call names are removed at the start.
    pub fn environment_pass(mut self, name: impl Into<String>) -> Packager {
        self.request.environment_pass.push(Passing(name.into()));
        self
    }

    /// Optimises as `python -O` (1) or `python -OO` (2, and more) does.
    pub fn optimize(mut self, level: u8) -> Packager {
        self.request.optimize = level.min(2);
        self
    }

    /// Whether module sources go in, which they do without this. Tracebacks need them to show
    /// lines.
    pub fn sources(mut self, sources: bool) -> Packager {
        self.request.no_source = !sources;
        self
    }

    /// Compresses data files and all bytecode, too, not only what a start does not read.
    pub fn compress(mut self, compress: bool) -> Packager {
        self.request.compress = compress;
        self
    }

    /// Packages something that would be left out: a file that looks like a secret, by its path in
    /// the directory, or a module of the standard library.
    pub fn include(mut self, name: impl Into<String>) -> Packager {
        self.request.include.push(name.into());
        self
    }

    /// Leaves out modules of the standard library that nothing in the application mentions.
    pub fn only_used_library(mut self) -> Packager {
        self.request.library = Library::Used;
        self
    }

    /// Uses the stub in this file, not the target's own. A universal program needs one for each
    /// processor.
    pub fn stub(mut self, file: impl Into<PathBuf>) -> Packager {
        self.request.stubs.push(file.into());
        self
    }

    /// Looks for stubs and required packages in this directory of wheels before asking the index.
    pub fn find_links(mut self, directory: impl Into<PathBuf>) -> Packager {
        let directory = directory.into();
        self.request.sources.find_links.push(directory.clone());
        self.request.requirements.find_links.push(directory);
        self
    }

    /// Fetches stubs and required packages from this package index, not from pip's.
    pub fn index_url(mut self, url: impl Into<String>) -> Packager {
        let url = Some(url.into());
        self.request.sources.index_url.clone_from(&url);
        self.request.requirements.index_url = url;
        self
    }

    /// Fetches nothing.
    pub fn offline(mut self) -> Packager {
        self.request.sources.offline = true;
        self.request.requirements.offline = true;
        self
    }

    /// Writes the executable. Whatever was at `output` is replaced at the end, or stays as it was.
    ///
    /// # Errors
    ///
    /// The directory cannot be packaged for the target, nothing says what to run, there is no stub
    /// for the target, or the output cannot be written. The error's sources say more.
    pub fn package(&self, output: impl AsRef<Path>) -> Result<Report, Error> {
        self.package_with(output, &Silent)
    }

    /// [`package`](Packager::package), and tells how far it is.
    ///
    /// # Errors
    ///
    /// As for [`package`](Packager::package).
    pub fn package_with(
        &self,
        output: impl AsRef<Path>,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        let request = Request {
            output: output.as_ref().to_owned(),
            ..self.request.clone()
        };
        package::package(&request, progress).map_err(|error| Error(Box::new(error)))
    }
}

impl Packager {
    /// Writes one executable for each of these targets. All of them take their places at the end,
    /// or none does. What only some systems have (an icon, a signature) is for the targets that
    /// have it.
    ///
    /// # Errors
    ///
    /// As for [`package`](Packager::package); besides, a target or an output is named twice.
    pub fn package_each(
        &self,
        outputs: &[(Target, PathBuf)],
        progress: &dyn Progress,
    ) -> Result<Vec<Report>, Error> {
        let first = outputs.first().and_then(|(_, path)| path.file_stem());
        let name = first.unwrap_or_default().to_string_lossy();
        package::package_each(&self.request, outputs, &name, progress)
            .map_err(|failed| Error(Box::new(failed.error)))
    }
}

/// Why an application was not packaged. Shown, it is what is wrong; the sources are the causes.
pub struct Error(Box<PackageError>);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)
    }
}
