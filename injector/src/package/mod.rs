//! The main job, from a directory to an executable, in stages with a type each:
//! `Collected`, `Compiled`, `Packed`, `Staged`.

mod collected;
mod compiled;
mod error;
mod feature;
mod fit;
mod natives;
mod packed;
pub mod placed;
mod root;
mod several;
mod signed;
mod site;
#[cfg(test)]
mod stage_tests;
mod staged;
mod toolchain;
mod used;
mod warning;
mod wheels;
mod windows_name;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxidize_format::Target;
use oxidize_format::{ChildRole, Exit};

pub use crate::sign::Doubt;
pub use error::PackageError;
pub use feature::Feature;
pub use several::{SeveralError, package_each};
pub use signed::foreign_team;
pub use warning::Warning;
pub use wheels::pip_platform;

use crate::appearance::Appearance;
use crate::cache::Cache;
use crate::container::InjectOptions;
use crate::entry::Entry;
use crate::interpreter::{Passing, Setting, Variable};
use crate::progress::Progress;
use crate::require::Requirements;
use crate::sign::Identity;
use crate::sign::SignOptions;
use crate::stubs::StubError;
use crate::stubs::{Finder, Sources, Stub};
use crate::{output, snapshot};
use collected::Collected;
use staged::Staged;
use toolchain::Toolchain;

/// How much of the standard library goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Library {
    /// All of it.
    #[default]
    All,
    /// What import statements reach.
    Used,
}

/// What to package.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The executable to write.
    pub output: PathBuf,
    /// The directory with the application; `None` where a script or packages are all there is.
    pub resources: Option<PathBuf>,
    /// Packages to install beside it.
    pub requirements: Requirements,
    /// What to package for; the host by default.
    pub target: Option<Target>,
    /// Console script, or `MODULE[:FUNCTION]`.
    pub entry: Option<String>,
    /// Further entry points, by the names that choose them.
    pub entry_points: Vec<Variable>,
    /// A file among the resources to run instead, or any file if there are no resources.
    pub script: Option<PathBuf>,
    /// `-O` level.
    pub optimize: u8,
    /// What a child started as `sys.executable` is.
    pub children: ChildRole,
    /// Settings of the interpreter, in the order given.
    pub interpreter: Vec<Setting>,
    /// Environment variables with defaults.
    pub environment: Vec<Variable>,
    /// Environment variables that the application always has.
    pub environment_set: Vec<Variable>,
    /// The environment variables that reach the application; all if it is empty.
    pub environment_pass: Vec<Passing>,
    /// How the program ends.
    pub exit: Exit,
    /// Leave sources out.
    pub no_source: bool,
    /// Compress data files and all bytecode, not only what a start does not read.
    pub compress: bool,
    /// Files that look like secrets, and modules that no import statement mentions.
    pub include: Vec<String>,
    /// How much of the standard library.
    pub library: Library,
    /// Packages whose files lie in a directory beside the executable.
    pub place: Vec<String>,
    /// The stub to use; for a universal program one for each processor.
    pub stubs: Vec<PathBuf>,
    /// What a Windows program looks like; `None` where nothing of that was asked for.
    pub windows: Option<Appearance>,
    /// The name in a macOS signature; the output's without it.
    pub identifier: Option<String>,
    /// Where to look for stubs that are not available locally.
    pub sources: Sources,
    /// Who signs, and how.
    pub signing: Option<Arc<Signing>>,
    /// What a start snapshot holds; `None`: there is to be none.
    pub snapshot: Option<snapshot::Wishes>,
}

/// Who signs, and how.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// Nobody signs ad hoc, for macOS.
    pub identity: Option<Arc<Identity>>,
    /// How.
    pub options: SignOptions,
    /// What is doubtful about how that was asked for.
    pub doubts: Vec<Doubt>,
}

impl Signing {
    /// The team that the signatures name, which macOS asks libraries for.
    #[must_use]
    pub fn team(&self) -> Option<String> {
        let identity = self.identity.as_deref()?;
        let asked = self.options.macos.team.clone();
        asked.or_else(|| crate::sign::macho::requirements::team(identity))
    }

    /// What is doubtful about the signature.
    #[must_use]
    pub fn doubts(&self) -> Vec<Doubt> {
        let Some(identity) = &self.identity else {
            return Vec::new();
        };
        let mut doubts = identity.doubts();
        doubts.extend(self.doubts.iter().cloned());
        if self.options.timestamp_urls.is_empty() {
            doubts.push(Doubt::NoTimeStamp);
        }
        doubts
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The executable's size.
    pub size: u64,
    /// The blob's size.
    pub blob: u64,
    /// What it is for.
    pub target: Target,
    /// What it runs.
    pub entry: Entry,
    /// Number of modules.
    pub modules: usize,
    /// Number of files.
    pub files: usize,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What was left out without a warning: paths relative to the resources.
    pub left_out: Vec<String>,
    /// Stubs that were fetched for it.
    pub fetched: Vec<Fetch>,
}

/// A stub that was fetched.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// What it is for.
    pub target: Target,
    /// Where it was.
    pub origin: String,
}

/// What the stages find out on the way, for the report.
#[derive(Debug, Clone, Default)]
struct Findings {
    warnings: Vec<Warning>,
    left_out: Vec<String>,
    secrets: Vec<String>,
    fetched: Vec<Fetch>,
}

/// The target that an output of this name is for, when nobody says: Windows for `.exe`, else this
/// system.
#[must_use]
pub fn target_of(output: &Path) -> Option<Target> {
    let windows = output
        .extension()
        .is_some_and(|suffix| suffix.eq_ignore_ascii_case("exe"));
    windows.then_some(Target::X86_64_WINDOWS)
}

/// Packages.
///
/// # Errors
///
/// The application cannot be packaged for the target, nothing says what to run, there is no stub,
/// or the output cannot be written.
pub fn package(request: &Request, progress: &dyn Progress) -> Result<Report, PackageError> {
    let cache = Cache::open().map_err(PackageError::Cache)?;
    let finder = Finder::new(&cache, &request.sources, progress);
    let (staged, report) = stage(request, &cache, &finder, progress)?;
    staged.publish(progress)?;
    Ok(report)
}

/// Packages, up to the finished files.
fn stage(
    request: &Request,
    cache: &Cache,
    finder: &Finder<'_>,
    progress: &dyn Progress,
) -> Result<(Staged, Report), PackageError> {
    if let Some(target) = request.target
        && let parts = target.parts()
        && parts.len() > 1
    {
        if let Some(name) = request.place.first() {
            return Err(PackageError::PlacedUniversal(name.clone()));
        }
        return universal(request, target, &parts, cache, finder, progress);
    }
    let given = match &request.stubs[..] {
        [] => None,
        [stub] => Some(stub.as_path()),
        _ => return Err(PackageError::TooManyStubs),
    };
    // A stub given by hand says what it is for.
    let guess = target_of(&request.output).filter(|_| given.is_none());
    let stub = finder.find(given, request.target.or(guess))?;
    let (program, files, mut report) = program(request, &stub, cache, finder, progress)?;
    let mut staged = Staged::default();
    staged.add(program);
    staged.add_directory(files);
    if report.target.is_windows() && target_of(&request.output).is_none() {
        report
            .warnings
            .push(Warning::NotAnExe(request.output.clone()));
    }
    Ok((staged, report))
}

/// Packages one program for each processor and joins them.
fn universal(
    request: &Request,
    whole: Target,
    targets: &[Target],
    cache: &Cache,
    finder: &Finder<'_>,
    progress: &dyn Progress,
) -> Result<(Staged, Report), PackageError> {
    let mut parts = Staged::default();
    let mut reports = Vec::new();
    for &target in targets {
        let mut given = None;
        for path in &request.stubs {
            match finder.find(Some(path), Some(target)) {
                Ok(stub) => given = Some(stub),
                Err(StubError::OtherTarget { found, .. })
                    if targets.iter().any(|part| part.triple() == found) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let stub = match given {
            Some(stub) => stub,
            None => finder.find(None, Some(target))?,
        };
        let (program, _, report) = program(request, &stub, cache, finder, progress)?;
        parts.add(program);
        reports.push(report);
    }
    let joined = Staged::join(&parts, &request.output, progress)?;
    let size = joined.size()?;
    drop(parts);
    let blob = reports.iter().map(|report| report.blob).sum();
    let mut report = reports.remove(0);
    for other in reports {
        for warning in other.warnings {
            if !report.warnings.contains(&warning) {
                report.warnings.push(warning);
            }
        }
        report.fetched.extend(other.fetched);
    }
    let report = Report {
        size,
        blob,
        target: whole,
        ..report
    };
    Ok((joined, report))
}

/// What surrounds the blob in a program for this target.
///
/// # Errors
/// A setting does not fit the target, or what a Windows program should look like cannot be read.
fn injection(request: &Request, target: Target) -> Result<InjectOptions, PackageError> {
    fit::check(request, target)?;
    let windows = request.windows.as_ref();
    let resources = if target.is_windows() {
        let windows = windows.cloned().unwrap_or_default();
        windows.resources(&request.output)?
    } else {
        Vec::new()
    };
    let file_name = || Some(request.output.file_name()?.to_string_lossy().into_owned());
    Ok(InjectOptions {
        gui: windows.is_some_and(|windows| windows.gui),
        resources,
        identifier: request.identifier.clone().or_else(file_name),
    })
}

/// Packages for one stub, up to the finished file. If somebody empties the cache meanwhile, once
/// more without it.
fn program(
    request: &Request,
    stub: &Stub,
    cache: &Cache,
    finder: &Finder<'_>,
    progress: &dyn Progress,
) -> Result<(output::Staged, Option<output::Beside>, Report), PackageError> {
    match attempt(request, stub, cache, finder, progress) {
        Err(error) if has_vanished(&error, cache) => {
            cache.distrust();
            attempt(request, stub, cache, finder, progress)
        }
        result => result,
    }
}

/// Whether a file of the cache was missing. Every error about a file names it.
fn has_vanished(error: &PackageError, cache: &Cache) -> bool {
    let first = Some(error as &dyn std::error::Error);
    let causes = || std::iter::successors(first, |error| error.source());
    let root = cache.root().to_string_lossy();
    causes().any(|error| {
        let error = error.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }) && causes().any(|error| error.to_string().contains(&*root))
}

/// Packages for one stub once.
fn attempt(
    request: &Request,
    stub: &Stub,
    cache: &Cache,
    finder: &Finder<'_>,
    progress: &dyn Progress,
) -> Result<(output::Staged, Option<output::Beside>, Report), PackageError> {
    let injection = injection(request, stub.target)?;
    output::check(&request.output, Some(&stub.path))?;
    let read = std::iter::once(&stub.library).chain(&stub.platform);
    output::check_inputs(&request.output, read.map(PathBuf::as_path))?;
    let (files, directories) = request.requirements.inputs();
    output::check_inputs(&request.output, files.iter().map(PathBuf::as_path))?;
    output::check_directories(&request.output, directories.iter().map(PathBuf::as_path))?;
    let mut findings = Findings::default();
    findings.note_origin(finder, stub);
    let tools = Toolchain::new(stub, cache, finder)?;
    let collected = Collected::collect(request, &tools, findings, progress)?;
    let mut compiled = collected.compile(request, progress)?;
    compiled.sign_natives(request, progress)?;
    let packed = compiled.pack(injection, progress)?;
    let program = packed.write(&request.output, progress)?;
    let files = compiled.stage_files(&request.output, progress)?;
    let mut findings = compiled.findings.clone();
    if let Some(signing) = &request.signing {
        let doubts = staged::sign(&program, signing, progress)?;
        findings.warnings.extend(doubts);
    }
    if let Some(wishes) = &request.snapshot {
        progress.start("Taking a snapshot", 0);
        let report = snapshot::add(&program, &request.output, stub.target, wishes)?;
        let read = report.variables.into_iter();
        findings
            .warnings
            .extend(read.map(|(name, reader)| Warning::SnapshotVariable { name, reader }));
        // A name is usually what it was.
        let asked = report.facts.into_iter();
        let asked = asked.filter(|(fact, _)| *fact != snapshot::ProcessFact::Name);
        let warning = |(fact, reader)| Warning::SnapshotFact { fact, reader };
        findings.warnings.extend(asked.map(warning));
    }
    let secrets = findings.secrets.into_iter().map(Warning::Secret);
    findings.warnings.extend(secrets);
    let report = Report {
        size: program.size()?,
        blob: packed.blob_len(),
        target: stub.target,
        entry: compiled.entry.clone(),
        modules: compiled.modules(),
        files: compiled.files(),
        warnings: findings.warnings,
        left_out: findings.left_out,
        fetched: findings.fetched,
    };
    Ok((program, files, report))
}
