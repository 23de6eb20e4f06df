//! Second stage: the code of every module that goes in.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use oxidize_format::{RunOptions, Target};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::collected::Collected;
use super::packed::Packed;
use super::placed;
use super::signed;
use super::toolchain::Toolchain;
use super::used::{self, Scanned};
use super::{Findings, Library, PackageError, Request, Warning};
use crate::compile::{Compiler, Job, Outcome};
use crate::container::InjectOptions;
use crate::entry::Entry;
use crate::interpreter::{Passing, Variable};
use crate::output::Beside;
use crate::pack::PackOptions;
use crate::pack::{Compress, Input, Part, pack, unread_sources};
use crate::progress::Progress;
use crate::python;

/// Everything that goes into the blob, with code.
pub(super) struct Compiled<'t> {
    tools: &'t Toolchain<'t>,
    input: Input<'t>,
    options: PackOptions,
    pub(super) entry: Entry,
    pub(super) findings: Findings,
    /// Signed copies of native files.
    signed: Option<TempDir>,
}

impl<'t> Collected<'t> {
    /// Compiles what was collected.
    ///
    /// # Errors
    /// There is no compiler, or a source cannot be read. A source that does not compile is a
    /// warning: it may be meant for another Python, and is packaged as source.
    pub(super) fn compile(
        self,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Compiled<'t>, PackageError> {
        let Collected {
            tools,
            roots,
            mut library,
            search_path,
            entry,
            named,
            mut findings,
        } = self;
        let target = tools.target();
        let script = match &entry {
            Entry::Script(path) => Some(roots[0].virtual_path(path)),
            _ => None,
        };
        let (mut parts, mut natives, mut distributions) = (Vec::new(), Vec::new(), Vec::new());
        for root in roots {
            let (part, objects, metadata) = root.into_part(target)?;
            parts.push(part);
            natives.extend(objects);
            distributions.extend(metadata);
        }
        let mut config = run_options(request, &entry, hash_seed(&parts));
        config.sys_path.splice(0..0, search_path);
        config.named_entries = named
            .iter()
            .map(|(name, entry)| (name.clone(), in_format(entry)))
            .collect();
        config.placed = placed::paths(&parts);
        if !config.placed.is_empty() {
            let directory = placed::directory(&request.output);
            let name = directory.file_name().unwrap_or_default();
            config.files_directory = Some(name.to_string_lossy().into_owned());
        }
        let compiler = tools.compiler(&mut findings, progress)?;
        let mut scanned = Vec::new();
        for (place, part) in parts.iter_mut().enumerate() {
            // The script is one of the application's files, which come first.
            let script = match &entry {
                Entry::Script(path) if place == 0 => Some(path.as_str()),
                _ => None,
            };
            let batch = Batch {
                compiler,
                target,
                level: request.optimize,
                scan: request.library == Library::Used,
                progress,
            };
            scanned.extend(batch.compile(part, script, &mut findings)?);
        }
        if request.library == Library::Used {
            let more = (tools, &mut findings);
            let entries = named.iter().map(|(_, entry)| entry);
            let entries: Vec<_> = entries.chain([&entry]).collect();
            used::keep(&mut library, &scanned, &entries, request, more, progress)?;
        }
        tools.compile_library(&mut library, request.optimize, &mut findings, progress)?;
        parts.insert(1, library);
        Ok(Compiled {
            tools,
            input: Input {
                python: tools.python(),
                target,
                config,
                natives,
                distributions,
                licenses: tools.licenses(),
                script,
                parts,
            },
            options: PackOptions {
                optimize: request.optimize,
                sources: !request.no_source,
                compress: match request.compress {
                    true => Compress::All,
                    false => Compress::Unread,
                },
            },
            entry,
            findings,
            signed: None,
        })
    }
}

impl Compiled<'_> {
    /// Signs native files with the application's identity, and looks whether the system will load
    /// them.
    ///
    /// # Errors
    /// One cannot be read or signed.
    pub(super) fn sign_natives(
        &mut self,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<(), PackageError> {
        let signing = request.signing.as_deref();
        let (natives, target) = (&self.input.natives, self.input.target);
        let (parts, output) = (&mut self.input.parts, &request.output);
        signed::check_name(natives, parts, target, output)?;
        let doubt = signed::doubt(natives, target, signing);
        self.findings.warnings.extend(doubt);
        if let Some(signing) = signing.filter(|_| target.is_macos() || target.is_windows()) {
            self.signed = signed::sign(natives, parts, target, output, signing, progress)?;
        }
        Ok(())
    }

    /// Lays out the blob. What is compiled stays, so that it can be packed again.
    ///
    /// # Errors
    /// A resource cannot be read, or the format does not take it.
    pub(super) fn pack(
        &self,
        injection: InjectOptions,
        progress: &dyn Progress,
    ) -> Result<Packed<'_>, PackageError> {
        let layout = pack(&self.input, self.options, progress)?;
        Ok(Packed {
            stub: self.tools.stub(),
            layout,
            injection,
        })
    }

    /// Writes the files that are to lie beside the executable, in a place of their own for now.
    ///
    /// # Errors
    /// One cannot be read or written.
    pub(super) fn stage_files(
        &self,
        output: &Path,
        progress: &dyn Progress,
    ) -> Result<Option<Beside>, PackageError> {
        fn all<'p>(part: &'p Part<'_>, script: Option<&str>, sources: bool) -> BTreeSet<&'p str> {
            if sources {
                return BTreeSet::new();
            }
            unread_sources(part, script)
        }
        let script = self.input.script.as_deref();
        let sources = self.options.sources;
        placed::stage(
            &self.input.parts,
            |part| all(part, script, sources),
            output,
            progress,
        )
    }

    /// Number of modules.
    pub(super) fn modules(&self) -> usize {
        self.input.parts.iter().map(|part| part.modules.len()).sum()
    }

    /// Number of files besides the standard library's.
    pub(super) fn files(&self) -> usize {
        let parts = self.input.parts.iter();
        let library = self.tools.python().library_root(self.tools.stub().target);
        let parts = parts.filter(|part| part.root != library);
        parts.map(|part| part.files.len()).sum()
    }
}

/// How the sources of a part are compiled.
struct Batch<'b> {
    compiler: &'b Compiler<'b>,
    target: Target,
    level: u8,
    /// Whether to look for imports as well.
    scan: bool,
    progress: &'b dyn Progress,
}

impl Batch<'_> {
    /// Compiles a part. Returns what its sources mention, if that is asked for; the script is a
    /// source too, but no module: it runs from its text.
    fn compile(
        &self,
        part: &mut Part<'_>,
        script: Option<&str>,
        findings: &mut Findings,
    ) -> Result<Vec<Scanned>, PackageError> {
        let mut sources: Vec<_> = part
            .sources()
            .map(|(module, path)| (module.name.clone(), module.is_package(), path.to_owned()))
            .collect();
        let modules = sources.len();
        if let Some(path) = script.filter(|_| self.scan) {
            sources.push(("__main__".to_owned(), false, path.to_owned()));
        }
        let digests: Vec<OnceLock<[u8; 32]>> = sources.iter().map(|_| OnceLock::new()).collect();
        let jobs = sources.iter().zip(&digests).map(|((.., path), digest)| {
            let payload = &part.files[path].payload;
            Job {
                path: python::seen_path(self.target, &part.virtual_path(path)).into_owned(),
                source: Box::new(move || {
                    let bytes = payload.source()?;
                    // Nobody else reads for this job.
                    let _ = digest.set(Sha256::digest(&bytes).into());
                    Ok(bytes)
                }),
            }
        });
        let jobs: Vec<Job<'_>> = jobs.collect();
        self.progress.start("Compiling", jobs.len() as u64);
        let done = || self.progress.advance(1);
        let (outcomes, mentions): (Vec<_>, Vec<_>) = if self.scan {
            let both = self.compiler.compile_and_scan(&jobs, self.level, &done)?;
            both.into_iter().unzip()
        } else {
            (self.compiler.compile(&jobs, self.level, &done)?, Vec::new())
        };
        drop(jobs);
        // The source that is packaged is the one that was compiled.
        for ((.., path), digest) in sources.iter().zip(&digests) {
            if let (Some(file), Some(digest)) = (part.files.get_mut(path), digest.get()) {
                file.payload.hold_to(*digest);
            }
        }
        for ((name, _, path), outcome) in sources[..modules].iter().zip(outcomes) {
            match outcome {
                Outcome::Code(code) => {
                    part.code.insert(name.clone(), Cow::Owned(code));
                }
                Outcome::Failed(failure) => findings.warnings.push(Warning::DoesNotCompile {
                    path: path.clone(),
                    failure,
                }),
            }
        }
        let scanned = sources.into_iter().zip(mentions);
        let scanned = scanned.map(|((name, package, _), mentions)| Scanned {
            name,
            package,
            mentions,
        });
        Ok(scanned.collect())
    }
}

/// The seed of string hashes in an application with a start snapshot: in all its processes the
/// same, in other applications another one.
fn hash_seed(parts: &[Part<'_>]) -> u32 {
    let mut digest = Sha256::new();
    for part in parts {
        for name in part.files.keys() {
            digest.update(&part.root);
            digest.update([0]);
            digest.update(name);
            digest.update([0]);
        }
    }
    let digest: [u8; 32] = digest.finalize().into();
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// A module or a function as the format has it.
fn in_format(entry: &Entry) -> String {
    match entry {
        Entry::Function { module, function } => format!("{module}:{function}"),
        entry => entry.module().unwrap_or_default().to_owned(),
    }
}

fn run_options(request: &Request, entry: &Entry, seed: u32) -> RunOptions {
    let mut options = RunOptions {
        optimize: request.optimize,
        children: request.children,
        exit: request.exit,
        hash_seed: request.snapshot.is_some().then_some(seed),
        // A snapshot has imported already.
        quiet_imports: request.snapshot.is_none(),
        ..RunOptions::default()
    };
    for setting in &request.interpreter {
        setting.apply(&mut options);
    }
    for Variable { name, value } in &request.environment_set {
        options.environment_set.push((name.clone(), value.clone()));
    }
    for Passing(name) in &request.environment_pass {
        options.environment_pass.push(name.clone());
    }
    for Variable { name, value } in &request.environment {
        options.environment.push((name.clone(), value.clone()));
    }
    match entry {
        Entry::Module(module) => options.entry_module = Some(module.clone()),
        Entry::Function { module, function } => {
            options.entry_module = Some(module.clone());
            options.entry_function = Some(function.clone());
        }
        Entry::Script(path) => options.entry_script = Some(format!("{}/{path}", python::APP_ROOT)),
        Entry::ByName => {}
    }
    options
}
