//! The main job, from a directory to an executable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use oxidize_format::RunOptions;
use thiserror::Error;

use crate::cache::Cache;
use crate::collect::modules::{Suffixes, is_tagged_extension};
use crate::collect::native::SharedObject;
use crate::collect::stdlib::Archive;
use crate::collect::{self, ModuleKind, Reason, Tree};
use crate::compile::library::LibraryCode;
use crate::compile::{self, Failure, Job, Outcome, bootstrap};
use crate::entry::{self, Entry, Offer, Wish};
use crate::mmap::Map;
use crate::pack::{self, Input, NativeFile, Part, imports, pack, shadow};
use crate::progress::Progress;
use crate::stubs::{self, Stub};
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
    /// Target triple; the host's by default.
    pub target: Option<String>,
    /// Console script, or `MODULE[:FUNCTION]`.
    pub entry: Option<String>,
    /// A file among the resources to run instead.
    pub script: Option<PathBuf>,
    /// `-O` level.
    pub optimize: u8,
    /// Leave sources out.
    pub no_source: bool,
    /// Compress cold data.
    pub compress: bool,
    /// Files that look like secrets, and modules that no import statement mentions.
    pub include: Vec<String>,
    /// How much of the standard library.
    pub library: Library,
    /// The stub to use.
    pub stub: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The executable's size.
    pub size: u64,
    /// The blob's size.
    pub blob: u64,
    /// Target triple.
    pub target: String,
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
}

/// Something the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// It looks like a secret, so it was left out.
    Secret(String),
    /// It does not compile, so only its source is in.
    DoesNotCompile {
        /// Path relative to the resources.
        path: String,
        /// What the compiler says.
        failure: Failure,
    },
    /// An extension module for another Python or platform; packaged as a data file.
    ForeignExtension(String),
    /// Hidden by the standard library's module of the same name.
    Unreachable(String),
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::Secret(path) => {
                write!(
                    f,
                    "`{path}` looks like a secret and was left out (`--include {path}` packages it)"
                )
            }
            Warning::DoesNotCompile { path, failure } => {
                write!(f, "{path}")?;
                failure
                    .line
                    .iter()
                    .try_for_each(|line| write!(f, ":{line}"))?;
                write!(
                    f,
                    ": {}: {}; packaged as source only",
                    failure.kind, failure.message
                )
            }
            Warning::ForeignExtension(path) => {
                write!(
                    f,
                    "`{path}` is an extension module for another Python or platform; packaged as data"
                )
            }
            Warning::Unreachable(name) => {
                write!(
                    f,
                    "`{name}` is hidden by the standard library's module of the same name"
                )
            }
        }
    }
}

/// Packaging failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// There is no stub.
    #[error(transparent)]
    Stub(#[from] stubs::Error),
    /// The resources cannot be packaged.
    #[error(transparent)]
    Collect(#[from] collect::Error),
    /// The entry cannot be made out.
    #[error(transparent)]
    Entry(#[from] entry::Error),
    /// The bytecode compiler could not be made.
    #[error("cannot set up the bytecode compiler")]
    Bootstrap(#[source] bootstrap::Error),
    /// The bytecode compiler failed.
    #[error(transparent)]
    Compile(#[from] compile::BatchError),
    /// Packing failed.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// Injection failed.
    #[error("cannot inject into the stub `{}`", stub.display())]
    Container {
        /// The stub.
        stub: PathBuf,
        /// What is wrong.
        source: container::Error,
    },
    /// The cache cannot be used.
    #[error("cannot use the cache directory")]
    Cache(#[source] std::io::Error),
    /// Native code for another machine.
    #[error("`{path}` is native code for another machine than {target}")]
    OtherMachine {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: String,
    },
    /// An extension module in an application that cannot load any.
    #[error("`{path}` is an extension module, and {target} is static: it cannot load any")]
    StaticTarget {
        /// Path relative to the resources.
        path: String,
        /// The target.
        target: String,
    },
    /// `--include` names nothing.
    #[error(
        "`--include {0}` matches neither a file of the resources nor a module of the standard library"
    )]
    NothingToInclude(String),
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Stub(error) => error.hint(),
            Error::Collect(error) => error.hint().map(str::to_owned),
            Error::Entry(error) => error.hint(),
            Error::Container { source: container::Error::Altered, .. } => {
                Some("use the stub it was made from: `--stub FILE`".to_owned())
            }
            Error::OtherMachine { target, .. } => {
                let tag = wheel_platform(target)?;
                Some(format!(
                    "install the wheels of the target: `pip install --target DIR --platform {tag} --only-binary :all: ...`"
                ))
            }
            Error::StaticTarget { .. } => Some(
                "package for the gnu target of the same machine, or install the package without its compiled part".to_owned(),
            ),
            _ => None,
        }
    }
}

fn wheel_platform(target: &str) -> Option<&'static str> {
    Some(match target {
        "x86_64-unknown-linux-gnu" => "manylinux_2_17_x86_64",
        "aarch64-unknown-linux-gnu" => "manylinux_2_17_aarch64",
        _ => return None,
    })
}

/// Packages.
pub fn package(request: &Request, progress: &Progress) -> Result<Report, Error> {
    let stub = stubs::find(request.stub.as_deref(), request.target.as_deref())?;
    output::check(&request.output, Some(&stub.path))?;
    progress.start("Collecting", 0);
    let options = collect::Options {
        include: request.include.clone(),
        output: Some(request.output.clone()),
    };
    let tree = collect::walk::walk(&request.resources, &options)?;
    let distributions = collect::metadata::distributions(&tree)?;
    let cache = Cache::open().map_err(Error::Cache)?;
    let archives = archives(&cache, &stub)?;

    let mut warnings = Vec::new();
    let (natives, modules) = modules(&tree, &stub.target, &mut warnings)?;
    let mut library = pack::library(&archives);
    let entry = Offer {
        tree: &tree,
        modules: &modules,
        library: &library.modules,
        distributions: &distributions,
    }
    .resolve(wish(request, &tree).as_wish())?;
    check_includes(request, &tree, &library)?;
    let all: Vec<String> = modules.iter().map(|module| module.name.clone()).collect();
    let mut application = Part::application(python::APP_ROOT, &tree);
    (application.modules, library.modules) = shadow::resolve(modules, library.modules);
    warn_of_hidden(&all, &application, &mut warnings);

    let compiler = compiler(&cache, &stub, progress)?;
    compile_application(
        &compiler,
        &mut application,
        &tree,
        request.optimize,
        progress,
        &mut warnings,
    )?;
    // All of it, whatever the application hides or uses: that is what the cache keeps.
    let code = LibraryCode::load(
        &compiler,
        &archives,
        &pack::library(&archives),
        request.optimize,
        progress,
    )?;
    let code = code.by_path();
    if request.library == Library::Used {
        keep_used(&mut library, &application, &tree, &entry, request)?;
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
        target: stub.target.clone(),
        config: run_options(request, &entry),
        natives: natives_of(natives, &application),
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
    let plan = container::inject(&stub.image, layout.len()).map_err(failed)?;
    output::write(&request.output, &stub.permissions, &plan, &layout, progress)?;
    let (left_out, secrets): (Vec<_>, Vec<_>) = tree
        .left_out
        .into_iter()
        .partition(|left| left.reason != Reason::Secret);
    warnings.extend(secrets.into_iter().map(|left| Warning::Secret(left.path)));
    Ok(Report {
        size: plan.total_len(),
        blob: layout.len(),
        target: stub.target.clone(),
        entry,
        modules,
        files,
        warnings,
        left_out: left_out.into_iter().map(|left| left.path).collect(),
    })
}

fn archives(cache: &Cache, stub: &Stub) -> Result<Vec<Archive>, Error> {
    let paths = std::iter::once(&stub.library).chain(&stub.platform);
    paths.map(|path| Ok(Archive::open(cache, path)?)).collect()
}

/// The host's stub compiles, whatever the target: bytecode is the same everywhere. Without one, the target's own will do where
/// it runs.
fn compiler<'c>(
    cache: &'c Cache,
    stub: &Stub,
    progress: &Progress,
) -> Result<compile::Compiler<'c>, Error> {
    let make = |stub: &Stub| bootstrap::compiler(cache, stub, progress).map_err(Error::Bootstrap);
    if stub.target == stubs::host_target() {
        return make(stub);
    }
    let runs_here = stub.target == stubs::host_target().replace("-linux-gnu", "-linux-musl");
    match stubs::find(None, None) {
        Ok(host) => make(&host),
        Err(_) if runs_here => make(stub),
        Err(error) => Err(error.into()),
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

/// The application's shared objects and modules.
fn modules(
    tree: &Tree,
    target: &str,
    warnings: &mut Vec<Warning>,
) -> Result<(Vec<NativeFile>, Vec<collect::Module>), Error> {
    let machine = if target.starts_with("aarch64") {
        183
    } else {
        62
    };
    let mut natives = BTreeMap::new();
    for file in &tree.files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if !(name.ends_with(".so") || name.contains(".so.")) {
            continue;
        }
        let io = |source| collect::Error::Io {
            path: file.on_disk.clone(),
            source,
        };
        let Some(object) = SharedObject::read(&Map::open(&file.on_disk).map_err(io)?) else {
            continue;
        };
        natives.insert(file.path.clone(), object);
    }
    let is_module = |path: &str, name: &str| {
        natives
            .get(path)
            .is_some_and(|object: &SharedObject| object.has_module(name))
    };
    let found = collect::modules::modules(tree, Suffixes::of(target), &is_module);
    let mut module_of: BTreeMap<String, String> = BTreeMap::new();
    for module in found
        .iter()
        .filter(|module| module.kind == ModuleKind::Extension)
    {
        let path = module.file.clone().unwrap_or_default();
        if target.ends_with("musl") {
            return Err(Error::StaticTarget {
                path,
                target: target.to_owned(),
            });
        }
        module_of.insert(path, module.name.clone());
    }
    for file in &tree.files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if is_tagged_extension(name) && !module_of.contains_key(&file.path) {
            warnings.push(Warning::ForeignExtension(file.path.clone()));
            natives.remove(&file.path);
        }
    }
    if let Some((path, _)) = natives.iter().find(|(_, object)| object.machine != machine) {
        return Err(Error::OtherMachine {
            path: path.clone(),
            target: target.to_owned(),
        });
    }
    let native = |(path, object): (String, SharedObject)| {
        let module = module_of.remove(&path);
        NativeFile {
            path,
            object,
            module,
        }
    };
    Ok((natives.into_iter().map(native).collect(), found))
}

/// An extension module that cannot be reached under its name is not registered as one.
fn natives_of(natives: Vec<NativeFile>, application: &Part<'_>) -> Vec<NativeFile> {
    let reachable = |name: &str| application.modules.iter().any(|module| module.name == name);
    natives
        .into_iter()
        .filter(|native| native.module.as_deref().is_none_or(reachable))
        .collect()
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

fn warn_of_hidden(all: &[String], application: &Part<'_>, warnings: &mut Vec<Warning>) {
    let hidden = all.iter().filter(|name| {
        !application
            .modules
            .iter()
            .any(|module| module.name == **name)
    });
    // Of a hidden tree its top is enough.
    warnings.extend(
        hidden
            .filter(|name| !name.contains('.'))
            .map(|name| Warning::Unreachable(name.clone())),
    );
}

fn compile_application(
    compiler: &compile::Compiler<'_>,
    application: &mut Part<'_>,
    tree: &Tree,
    level: u8,
    progress: &Progress,
    warnings: &mut Vec<Warning>,
) -> Result<(), Error> {
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
            path: application.virtual_path(path),
            source: Box::new(read),
        }
    };
    let sources: Vec<_> = application
        .sources()
        .map(|(m, path)| (m.name.clone(), path.to_owned()))
        .collect();
    let jobs: Vec<_> = sources.iter().map(|(_, path)| job(path)).collect();
    progress.start("Compiling", jobs.len() as u64);
    let outcomes = compiler.compile(&jobs, level, &|| progress.advance(1))?;
    for ((name, path), outcome) in sources.into_iter().zip(outcomes) {
        match outcome {
            Outcome::Code(code) => drop(application.code.insert(name, Cow::Owned(code))),
            Outcome::Failed(failure) => warnings.push(Warning::DoesNotCompile { path, failure }),
        }
    }
    Ok(())
}

fn keep_used(
    library: &mut Part<'_>,
    application: &Part<'_>,
    tree: &Tree,
    entry: &Entry,
    request: &Request,
) -> Result<(), Error> {
    let read = |path: &Path| {
        fs::read(path).map_err(|source| collect::Error::Io {
            path: path.to_owned(),
            source,
        })
    };
    let mut texts = Vec::new();
    for (module, path) in application.sources() {
        let file = tree.file(path).expect("modules come from the tree");
        texts.push((
            module.name.as_str(),
            module.is_package(),
            read(&file.on_disk)?,
        ));
    }
    if let Entry::Script(path) = entry {
        let file = tree.file(path).expect("the entry was found in the tree");
        texts.push(("__main__", false, read(&file.on_disk)?));
    }
    let roots = texts.iter().map(|(name, package, text)| imports::Source {
        name,
        package: *package,
        text,
    });
    let mut names = request.include.clone();
    match entry {
        Entry::Module(module) => names.push(module.clone()),
        Entry::Function { module, .. } => names.push(module.clone()),
        Entry::Script(_) => {}
    }
    let sources =
        library
            .sources()
            .filter_map(|(module, path)| match &library.files.get(path)?.payload {
                pack::Payload::Bytes(text) => {
                    let source = imports::Source {
                        name: &module.name,
                        package: module.is_package(),
                        text,
                    };
                    Some((module.name.as_str(), source))
                }
                pack::Payload::File { .. } => None,
            });
    let sources: BTreeMap<&str, imports::Source<'_>> = sources.collect();
    let used = imports::reached(roots, &names, &sources);
    library.retain_modules(|name| used.contains(name));
    Ok(())
}

fn run_options(request: &Request, entry: &Entry) -> RunOptions {
    let mut options = RunOptions {
        optimize: request.optimize,
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
