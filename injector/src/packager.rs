//! The library's face: a builder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxidize_format::{ChildRole, Exit, Target};

use crate::appearance::Appearance;
use crate::error::Error;
use crate::interpreter::{Passing, Setting, Variable};
use crate::output;
use crate::package::{self, Library, Report, Request};
use crate::progress::{Progress, Silent};
use crate::require::has_inline_metadata;
use crate::signing::Signing;
use crate::snapshot::Wishes;

/// Packages an application.
///
/// Made from a directory, or of nothing (`default`) if required packages are all there is; each
/// method changes one thing. It can be used several times, for several targets for instance.
#[derive(Debug, Clone)]
#[must_use = "nothing is packaged before `package` is called"]
pub struct Packager {
    request: Request,
    signing: Option<Signing>,
}

impl Default for Packager {
    fn default() -> Packager {
        Packager {
            request: Request {
                exit: Exit::Fast,
                ..Request::default()
            },
            signing: None,
        }
    }
}

impl Packager {
    /// Packages the application in this directory: modules, packages, data, installed
    /// distributions. It runs `__main__.py`, or the only console script of a distribution in it.
    pub fn new(resources: impl Into<PathBuf>) -> Packager {
        let mut packager = Packager::default();
        packager.request.resources = Some(resources.into());
        packager
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

    /// Adds an entry point that runs when the program is started under `name` (a copy, a link);
    /// without [`entry`](Packager::entry) and [`script`](Packager::script) also when its first
    /// argument is `name`. `entry` is as there.
    ///
    /// # Errors
    ///
    /// The name is empty or has a `=` in it.
    pub fn entry_point(mut self, name: &str, entry: &str) -> Result<Packager, Error> {
        self.request.entry_points.push(variable(name, entry)?);
        Ok(self)
    }

    /// Runs a file in the directory, named relative to it. Without a directory, packages this file
    /// alone and installs what its inline metadata (PEP 723) requires.
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

    /// Packages what this requirements file or lock file (`pylock.toml`, `uv.lock`) lists.
    pub fn requirements_file(mut self, file: impl Into<PathBuf>) -> Packager {
        self.request.requirements.files.push(file.into());
        self
    }

    /// Allows only versions of required packages that this constraints file allows.
    pub fn constraints_file(mut self, file: impl Into<PathBuf>) -> Packager {
        self.request.requirements.constraints.push(file.into());
        self
    }

    /// Looks for newer versions of required packages, even if the same was packaged before.
    pub fn upgrade(mut self) -> Packager {
        self.request.requirements.refresh = true;
        self
    }

    /// Puts the files of this package into a directory beside the executable, for programs and
    /// libraries that must find each other on disk.
    pub fn place(mut self, package: impl Into<String>) -> Packager {
        self.request.place.push(package.into());
        self
    }

    /// What a child process started as `sys.executable` is; a Python interpreter without this.
    pub fn children(mut self, role: ChildRole) -> Packager {
        self.request.children = role;
        self
    }

    /// Sets an option of the interpreter, such as `utf8` to `true` (docs/configuration.md has all).
    ///
    /// # Errors
    ///
    /// There is no such option, or it does not take this value.
    pub fn interpreter(mut self, key: &str, value: &str) -> Result<Packager, Error> {
        let setting: Setting = format!("{key}={value}").parse().map_err(Error::new)?;
        self.request.interpreter.push(setting);
        Ok(self)
    }

    /// Sets an environment variable when the program starts, unless the environment has it.
    ///
    /// # Errors
    ///
    /// The name is empty or has a `=` in it, or there is a NUL.
    pub fn environment(mut self, name: &str, value: &str) -> Result<Packager, Error> {
        self.request.environment.push(variable(name, value)?);
        Ok(self)
    }

    /// Sets an environment variable when the program starts, whatever the environment has.
    ///
    /// # Errors
    ///
    /// As for [`environment`](Packager::environment).
    pub fn environment_set(mut self, name: &str, value: &str) -> Result<Packager, Error> {
        self.request.environment_set.push(variable(name, value)?);
        Ok(self)
    }

    /// Lets this environment variable reach the program, or all whose names begin so (`LC_*`).
    /// Those that no call names are removed at the start.
    pub fn environment_pass(mut self, name: impl Into<String>) -> Packager {
        self.request.environment_pass.push(Passing(name.into()));
        self
    }

    /// How the program ends: [`Exit::Fast`] without this.
    pub fn exit(mut self, exit: Exit) -> Packager {
        self.request.exit = exit;
        self
    }

    /// What a Windows program looks like: icon, version information, manifest.
    pub fn appearance(mut self, appearance: Appearance) -> Packager {
        self.request.windows = Some(appearance);
        self
    }

    /// The name of the program in its macOS signature; the output's without this.
    pub fn identifier(mut self, identifier: impl Into<String>) -> Packager {
        self.request.identifier = Some(identifier.into());
        self
    }

    /// Signs a Windows or macOS program.
    pub fn signing(mut self, signing: Signing) -> Packager {
        self.signing = Some(signing);
        self
    }

    /// Stores the memory of a static Linux program as it is after its imports, so that it starts
    /// from there (docs/snapshot.md).
    pub fn snapshot(mut self) -> Packager {
        self.wishes();
        self
    }

    /// Imports this module, too, before the [`snapshot`](Packager::snapshot) is taken.
    pub fn snapshot_import(mut self, module: impl Into<String>) -> Packager {
        self.wishes().imports.push(module.into());
        self
    }

    /// Calls a function (`MODULE:FUNCTION`) before the [`snapshot`](Packager::snapshot) is taken.
    pub fn snapshot_after(mut self, function: impl Into<String>) -> Packager {
        self.wishes().after = Some(function.into());
        self
    }

    /// Executes this module again at each start from the [`snapshot`](Packager::snapshot): one that
    /// reads the environment, the command line or the like while it is imported.
    pub fn snapshot_reload(mut self, module: impl Into<String>) -> Packager {
        self.wishes().reloaded.push(module.into());
        self
    }

    /// The files that are read, apart from the application's and what stubs and packages come from.
    fn inputs(&self) -> impl Iterator<Item = &Path> {
        let looks = self.request.windows.iter().flat_map(Appearance::inputs);
        let signing = self.signing.iter().flat_map(|signing| &signing.inputs);
        let files = self.request.script.iter().chain(signing);
        files.map(PathBuf::as_path).chain(looks)
    }

    fn wishes(&mut self) -> &mut Wishes {
        self.request.snapshot.get_or_insert_default()
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

    /// Looks for required packages on this index, too.
    pub fn extra_index_url(mut self, url: impl Into<String>) -> Packager {
        let urls = &mut self.request.requirements.extra_index_urls;
        urls.push(url.into());
        self
    }

    /// Also accepts stubs that were not released with this version.
    pub fn allow_unlisted_stubs(mut self) -> Packager {
        self.request.sources.allow_unlisted = true;
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
        let output = output.as_ref();
        let request = Request {
            output: output.to_owned(),
            ..self.request(output)
        };
        output::check_inputs(output, self.inputs()).map_err(Error::new)?;
        package::package(&request, progress).map_err(Error::new)
    }

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
        for (_, output) in outputs {
            output::check_inputs(output, self.inputs()).map_err(Error::new)?;
        }
        let first = outputs.first().map_or(Path::new(""), |(_, path)| path);
        let name = first.file_stem().unwrap_or_default().to_string_lossy();
        package::package_each(&self.request(first), outputs, &name, progress)
            .map_err(|failed| Error::new(failed.error))
    }

    /// What is asked for, with what depends on all that was said.
    fn request(&self, output: &Path) -> Request {
        let mut request = self.request.clone();
        let alone = request
            .script
            .as_ref()
            .filter(|_| request.resources.is_none());
        request.requirements.script = alone.filter(|script| has_inline_metadata(script)).cloned();
        request.signing = self.signing.clone().map(|mut signing| {
            let macos = &mut signing.options.macos;
            macos.identifier.clone_from(&request.identifier);
            let name = output.file_name().unwrap_or_default();
            macos.fallback = name.to_string_lossy().into_owned();
            Arc::new(package::Signing {
                identity: signing.identity,
                options: signing.options,
                doubts: Vec::new(),
            })
        });
        request
    }
}

fn variable(name: &str, value: &str) -> Result<Variable, Error> {
    if name.contains('=') {
        return Err(Error::told(format!("`{name}` has a `=` in it")));
    }
    let variable = format!("{name}={value}").parse::<Variable>();
    variable.map_err(|problem| Error::told(format!("`{name}`: {problem}")))
}
