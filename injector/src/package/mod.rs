//! The main job, from a directory to an executable.

mod error;
mod natives;
mod tags;
mod used;
mod warning;
mod wheels;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxidize_format::target::{OperatingSystem, Target};
use oxidize_format::{ChildRole, RunOptions};

pub use error::Error;
pub use warning::Warning;

use crate::cache::Cache;
use crate::collect::stdlib::Archive;
use crate::collect::{self, ModuleKind, Reason, Tree};
use crate::compile::library::LibraryCode;
use crate::compile::{self, Job, Outcome, bootstrap};
use crate::entry::{Entry, Offer, Wish};
use crate::mmap::Map;
use crate::pack::{self, Input, Part, pack, shadow};
use crate::progress::Progress;
use crate::sign::{self, Identity};
use crate::stubs::{self, Finder, Origin, Sources, Stub};
use crate::windows::Appearance;
use crate::{container, output, python};

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
    /// The directory with the application.
    pub resources: PathBuf,
    /// What to package for; the host by default.
    pub target: Option<Target>,
    /// Console script, or `MODULE[:FUNCTION]`.
    pub entry: Option<String>,
    /// A file among the resources to run instead.
    pub script: Option<PathBuf>,
    /// `-O` level.
    pub optimize: u8,
    /// What a child started as `sys.executable` is.
    pub children: ChildRole,
    /// Leave sources out.
    pub no_source: bool,
    /// Compress cold data.
    pub compress: bool,
    /// Files that look like secrets, and modules that no import statement mentions.
    pub include: Vec<String>,
    /// How much of the standard library.
    pub library: Library,
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
}

/// Who signs, and how.
#[derive(Debug, Default)]
pub struct Signing {
    /// Nobody signs ad hoc, for macOS.
    pub identity: Option<Identity>,
    /// How.
    pub options: sign::Options,
    /// The command line's option that led here and that macOS alone has.
    pub macos_option: Option<&'static str>,
    /// The one that Windows alone has.
    pub windows_option: Option<&'static str>,
}

impl Signing {
    /// What is doubtful about the signature, as sentences without an end.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let Some(identity) = &self.identity else {
            return Vec::new();
        };
        let mut doubts = identity.doubts();
        if self.options.timestamp_urls.is_empty() {
            doubts.push(
                "without a time stamp the signature ends with the certificate; get one with \
                 `--timestamp-url URL`"
                    .to_owned(),
            );
        }
        doubts
    }

    /// Whether a program for this target can be signed so.
    pub fn check_fit(
        &self,
        target: impl std::fmt::Display,
        os: Option<OperatingSystem>,
    ) -> Result<(), Error> {
        let windows = os == Some(OperatingSystem::Windows);
        let macos = os == Some(OperatingSystem::MacOs);
        let misfit = |option, system| Error::Misfit {
            option,
            system,
            target: target.to_string(),
        };
        if let Some(option) = self.macos_option.filter(|_| !macos) {
            return Err(misfit(option, "macOS"));
        }
        if let Some(option) = self.windows_option.filter(|_| !windows) {
            return Err(misfit(option, "Windows"));
        }
        if !(windows || macos) {
            return Err(misfit("--sign-...", "Windows and macOS"));
        }
        Ok(())
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
#[derive(Debug)]
pub struct Fetch {
    /// What it is for.
    pub target: Target,
    /// Where it was.
    pub origin: String,
}

/// The target that an output of this name is for, when nobody says: Windows for `.exe`, else this system.
#[must_use]
pub fn target_of(output: &Path) -> Option<Target> {
    let windows = output
        .extension()
        .is_some_and(|suffix| suffix.eq_ignore_ascii_case("exe"));
    windows.then_some(Target::X86_64_WINDOWS)
}

/// Packages.
pub fn package(request: &Request, progress: &Progress) -> Result<Report, Error> {
    let cache = Cache::open().map_err(Error::Cache)?;
    let finder = Finder::new(&cache, &request.sources, progress);
    if let Some(target) = request.target
        && let parts = target.parts()
        && parts.len() > 1
    {
        return universal(request, target, &parts, &cache, &finder, progress);
    }
    let given = match &request.stubs[..] {
        [] => None,
        [stub] => Some(stub.as_path()),
        _ => return Err(Error::TooManyStubs),
    };
    // A stub given by hand says what it is for.
    let guess = target_of(&request.output).filter(|_| given.is_none());
    let stub = finder.find(given, request.target.or(guess))?;
    let (program, mut report) = program(request, &stub, &cache, &finder, progress)?;
    if report.target.is_windows() && target_of(&request.output).is_none() {
        report
            .warnings
            .push(Warning::NotAnExe(request.output.clone()));
    }
    program.publish(&stub.permissions, progress)?;
    Ok(report)
}

/// Packages one program for each processor and joins them.
fn universal(
    request: &Request,
    whole: Target,
    targets: &[Target],
    cache: &Cache,
    finder: &Finder<'_>,
    progress: &Progress,
) -> Result<Report, Error> {
    let mut parts = Vec::new();
    for &target in targets {
        let mut given = None;
        for path in &request.stubs {
            match finder.find(Some(path), Some(target)) {
                Ok(stub) => given = Some(stub),
                Err(stubs::Error::OtherTarget { found, .. })
                    if targets.iter().any(|part| part.triple() == *found) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let stub = match given {
            Some(stub) => stub,
            None => finder.find(None, Some(target))?,
        };
        let (program, report) = program(request, &stub, cache, finder, progress)?;
        parts.push((program, report, stub.permissions));
    }
    let programs: Vec<_> = parts.iter().map(|(program, ..)| program).collect();
    let joined = output::join(&request.output, &programs, progress);
    let joined = joined.map_err(|error| match error {
        output::JoinError::Output(error) => Error::Output(error),
        output::JoinError::Image(error) => Error::Universal(error),
    })?;
    let failed = |source| {
        Error::Output(output::Error::Write {
            path: request.output.clone(),
            source,
        })
    };
    let size = joined.file().metadata().map_err(failed)?.len();
    let mut reports = Vec::new();
    let mut like = None;
    for (_, report, permissions) in parts {
        reports.push(report);
        like = Some(permissions);
    }
    joined.publish(&like.expect("there are two"), progress)?;
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
    Ok(Report {
        size,
        blob,
        target: whole,
        ..report
    })
}

/// Whether every option fits the target.
fn check_fit(request: &Request, target: Target) -> Result<(), Error> {
    let misfit = |option, system| Error::Misfit {
        option,
        system,
        target: target.triple(),
    };
    if let Some(signing) = &request.signing {
        signing.check_fit(target, Some(target.os()))?;
    }
    let look = request.windows.as_ref().filter(|_| !target.is_windows());
    if let Some(look) = look {
        return Err(misfit(look.option(), "Windows"));
    }
    if request.identifier.is_some() && !target.is_macos() {
        return Err(misfit("--identifier", "macOS"));
    }
    Ok(())
}

/// Packages for one stub, up to the finished file.
fn program(
    request: &Request,
    stub: &Stub,
    cache: &Cache,
    finder: &Finder<'_>,
    progress: &Progress,
) -> Result<(output::Staged, Report), Error> {
    check_fit(request, stub.target)?;
    let resources = if stub.target.is_windows() {
        let windows = request.windows.clone().unwrap_or_default();
        windows.resources(&request.output)?
    } else {
        Vec::new()
    };
    output::check(&request.output, Some(&stub.path))?;
    progress.start("Collecting", 0);
    let options = collect::Options {
        include: request.include.clone(),
        output: Some(request.output.clone()),
    };
    let tree = collect::walk::walk(&request.resources, &options)?;
    let distributions = collect::metadata::distributions(&tree)?;
    wheels::check(&tree, &distributions, stub.target)?;
    let archives = archives(cache, stub)?;

    let mut warnings = Vec::new();
    let mut fetched = Vec::new();
    tell_origin(finder, stub, &mut warnings, &mut fetched);
    let (natives, modules) = natives::find(&tree, stub.target, &mut warnings)?;
    let mut library = pack::library(&archives);
    let entry = Offer {
        tree: &tree,
        modules: &modules,
        library: &library.modules,
        distributions: &distributions,
    }
    .resolve(wish(request, &tree).as_wish())?;
    check_includes(request, &tree, &library)?;
    let all = modules.clone();
    let mut application = Part::application(python::APP_ROOT, &tree);
    (application.modules, library.modules) = shadow::resolve(modules, library.modules);
    warn_of_hidden(&all, &application, &mut warnings);

    let host = host(finder, stub)?;
    if let Some(host) = &host {
        tell_origin(finder, host, &mut warnings, &mut fetched);
    }
    let host = host.as_ref().unwrap_or(stub);
    let other = (host.library != stub.library).then(|| Archive::open(cache, &host.library));
    let other = other.transpose()?;
    let compiler = bootstrap::compiler(
        cache,
        host,
        other.as_ref().unwrap_or(&archives[0]),
        progress,
    )
    .map_err(Error::Bootstrap)?;
    let scanned = compile_application(
        &compiler,
        &mut application,
        &tree,
        (stub.target, request, &entry),
        progress,
        &mut warnings,
    )?;
    // All of it, whatever the application hides or uses: that is what the cache keeps.
    let code = LibraryCode::load(
        &compiler,
        &archives,
        &pack::library(&archives),
        stub.target,
        request.optimize,
        progress,
    )?;
    let code = code.by_path();
    if request.library == Library::Used {
        used::keep(
            &mut library,
            &scanned,
            &entry,
            request,
            (&compiler, &archives),
            progress,
        )?;
    }
    for module in &library.modules {
        let code = module.file.as_deref().and_then(|file| code.get(file));
        library
            .code
            .extend(code.map(|code| (module.name.clone(), Cow::Borrowed(*code))));
    }

    let modules = application.modules.len() + library.modules.len();
    let files = application.files.len();
    let input = Input {
        target: stub.target,
        config: run_options(request, &entry),
        natives: natives::reachable(natives, &application, stub.target)?,
        distributions,
        licenses: licenses(&archives),
        script: match &entry {
            Entry::Script(path) => Some(application.virtual_path(path)),
            _ => None,
        },
        parts: vec![application, library],
    };
    let options = pack::Options {
        optimize: request.optimize,
        sources: !request.no_source,
        compress: request.compress,
    };
    let layout = pack(input, options, progress)?;
    let failed = |source| Error::Container {
        stub: stub.path.clone(),
        source,
    };
    let options = container::Options {
        gui: request.windows.as_ref().is_some_and(|windows| windows.gui),
        resources,
        identifier: request
            .identifier
            .clone()
            .or_else(|| identifier(&request.output)),
    };
    let plan = container::inject_with(&stub.image, layout.len(), &options).map_err(failed)?;
    let staged = output::stage(&request.output, &plan, &layout, progress)?;
    let mut size = plan.total_len();
    if let Some(signing) = &request.signing {
        size = sign(&staged, signing, progress)?;
        warnings.extend(signing.doubts().into_iter().map(Warning::Signature));
    }
    let (left_out, secrets): (Vec<_>, Vec<_>) = tree
        .left_out
        .into_iter()
        .partition(|left| left.reason != Reason::Secret);
    warnings.extend(secrets.into_iter().map(|left| Warning::Secret(left.path)));
    let report = Report {
        size,
        blob: layout.len(),
        target: stub.target,
        entry,
        modules,
        files,
        warnings,
        left_out: left_out.into_iter().map(|left| left.path).collect(),
        fetched,
    };
    Ok((staged, report))
}

/// Signs a finished file and returns its new length.
fn sign(staged: &output::Staged, signing: &Signing, progress: &Progress) -> Result<u64, Error> {
    progress.start("Signing", 0);
    let edits = {
        let failed = |source| {
            Error::Sign(sign::Error::Io {
                path: PathBuf::from("the output"),
                source,
            })
        };
        let program = Map::of(staged.file()).map_err(failed)?;
        sign::sign(&program, signing.identity.as_ref(), &signing.options)?
    };
    // Cut first, so that there is nothing left of an old signature behind the new one.
    staged.set_len(edits.keep)?;
    staged.set_len(edits.len)?;
    for (at, bytes) in &edits.patches {
        staged.write_at(bytes, *at)?;
    }
    Ok(edits.len)
}

/// What a macOS signature calls the program: its file name.
fn identifier(output: &Path) -> Option<String> {
    Some(output.file_name()?.to_string_lossy().into_owned())
}

fn archives(cache: &Cache, stub: &Stub) -> Result<Vec<Archive>, Error> {
    let paths = std::iter::once(&stub.library).chain(&stub.platform);
    paths.map(|path| Ok(Archive::open(cache, path)?)).collect()
}

/// The host's stub compiles, whatever the target: bytecode is the same everywhere. `None` if the target's own will do, because it
/// is the host's or because it runs here and the host's would have to be fetched.
fn host(finder: &Finder<'_>, stub: &Stub) -> Result<Option<Stub>, stubs::Error> {
    let target = stubs::host_target();
    if stub.target == target {
        return Ok(None);
    }
    let runs_here = Some(stub.target) == target.statically();
    match finder.local(target)? {
        None if !runs_here => finder.find(None, Some(target)).map(Some),
        host => Ok(host),
    }
}

/// What the user should know about where a stub comes from.
fn tell_origin(
    finder: &Finder<'_>,
    stub: &Stub,
    warnings: &mut Vec<Warning>,
    fetches: &mut Vec<Fetch>,
) {
    let known = match &stub.origin {
        Origin::Given => finder.lists(&stub.image),
        Origin::Beside => true,
        Origin::Stored { listed, .. } => *listed,
    };
    if !known {
        warnings.push(Warning::UnlistedStub(stub.path.clone()));
    }
    if let Origin::Stored {
        fetched: Some(origin),
        ..
    } = &stub.origin
    {
        fetches.push(Fetch {
            target: stub.target,
            origin: origin.clone(),
        });
    }
}

enum OwnedWish {
    Default,
    Entry(String),
    Script(String),
}

impl OwnedWish {
    fn as_wish(&self) -> Wish<'_> {
        match self {
            OwnedWish::Default => Wish::Default,
            OwnedWish::Entry(name) => Wish::Entry(name),
            OwnedWish::Script(path) => Wish::Script(path),
        }
    }
}

/// A script is named relative to the resources, or by any path that leads into them.
fn wish(request: &Request, tree: &Tree) -> OwnedWish {
    if let Some(script) = &request.script {
        let text = script.to_string_lossy();
        let text = text.strip_prefix("./").unwrap_or(&text);
        if tree.file(text).is_some() {
            return OwnedWish::Script(text.to_owned());
        }
        let inside = || {
            let root = fs::canonicalize(&request.resources).ok()?;
            let script = fs::canonicalize(script).ok()?;
            Some(script.strip_prefix(root).ok()?.to_str()?.to_owned())
        };
        return OwnedWish::Script(inside().unwrap_or_else(|| text.to_owned()));
    }
    request
        .entry
        .clone()
        .map_or(OwnedWish::Default, OwnedWish::Entry)
}

fn check_includes(request: &Request, tree: &Tree, library: &Part<'_>) -> Result<(), Error> {
    for name in &request.include {
        let is_module = library.modules.iter().any(|module| module.name == *name);
        if tree.file(name).is_none() && !is_module {
            return Err(Error::NothingToInclude(name.clone()));
        }
    }
    Ok(())
}

/// Names the tops of trees with code in them that no import reaches. A directory of data hides and loses nothing.
fn warn_of_hidden(all: &[collect::Module], application: &Part<'_>, warnings: &mut Vec<Warning>) {
    let reachable: BTreeSet<&str> = application
        .modules
        .iter()
        .map(|module| module.name.as_str())
        .collect();
    let code = all
        .iter()
        .filter(|module| module.kind != ModuleKind::Namespace);
    let hidden = code.filter(|module| !reachable.contains(module.name.as_str()));
    let tops: BTreeSet<&str> = hidden
        .filter_map(|module| module.name.split('.').next())
        .collect();
    warnings.extend(
        tops.into_iter()
            .map(|top| Warning::Unreachable(top.to_owned())),
    );
}

fn compile_application(
    compiler: &compile::Compiler<'_>,
    application: &mut Part<'_>,
    tree: &Tree,
    (target, request, entry): (Target, &Request, &Entry),
    progress: &Progress,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<used::Scanned>, Error> {
    let level = request.optimize;
    let job = |path: &str| -> Job<'_> {
        let file = tree
            .file(path)
            .expect("modules come from the tree")
            .on_disk
            .clone();
        let read = move || {
            let bytes = fs::read(&file).map_err(|source| collect::Error::Io {
                path: file.clone(),
                source,
            })?;
            Ok(Cow::Owned(bytes))
        };
        Job {
            path: python::seen_path(target, &application.virtual_path(path)).into_owned(),
            source: Box::new(read),
        }
    };
    let mut sources: Vec<_> = application
        .sources()
        .map(|(m, path)| (m.name.clone(), m.is_package(), path.to_owned()))
        .collect();
    let modules = sources.len();
    let scan = request.library == Library::Used;
    if let Entry::Script(path) = entry
        && scan
    {
        sources.push(("__main__".to_owned(), false, path.clone()));
    }
    let jobs: Vec<_> = sources.iter().map(|(.., path)| job(path)).collect();
    progress.start("Compiling", jobs.len() as u64);
    let done = || progress.advance(1);
    let (outcomes, mentions): (Vec<_>, Vec<_>) = if scan {
        let both = compiler.compile_and_scan(&jobs, level, &done)?;
        both.into_iter().unzip()
    } else {
        (compiler.compile(&jobs, level, &done)?, Vec::new())
    };
    // The script is not a module: it runs from its source.
    for ((name, _, path), outcome) in sources[..modules].iter().zip(outcomes) {
        match outcome {
            Outcome::Code(code) => {
                drop(application.code.insert(name.clone(), Cow::Owned(code)));
            }
            Outcome::Failed(failure) => warnings.push(Warning::DoesNotCompile {
                path: path.clone(),
                failure,
            }),
        }
    }
    let scanned = sources.into_iter().zip(mentions);
    Ok(scanned
        .map(|((name, package, _), mentions)| used::Scanned {
            name,
            package,
            mentions,
        })
        .collect())
}

fn run_options(request: &Request, entry: &Entry) -> RunOptions {
    let mut options = RunOptions {
        optimize: request.optimize,
        children: request.children,
        ..RunOptions::default()
    };
    match entry {
        Entry::Module(module) => options.entry_module = Some(module.clone()),
        Entry::Function { module, function } => {
            options.entry_module = Some(module.clone());
            options.entry_function = Some(function.clone());
        }
        Entry::Script(path) => options.entry_script = Some(format!("{}/{path}", python::APP_ROOT)),
    }
    options
}

/// All licence texts, each under its name.
fn licenses(archives: &[Archive]) -> Option<Vec<u8>> {
    let mut texts = Vec::new();
    for archive in archives {
        for member in archive.licenses() {
            texts.extend_from_slice(format!("==== {} ====\n\n", member.path).as_bytes());
            texts.extend_from_slice(archive.bytes(&member).trim_ascii_end());
            texts.extend_from_slice(b"\n\n");
        }
    }
    (!texts.is_empty()).then_some(texts)
}
