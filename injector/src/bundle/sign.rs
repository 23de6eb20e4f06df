//! Signing a bundle. All signatures are made and staged before the first of them takes its place.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::layout::{self, Layout};
use super::rules::Rule;
use super::seal::{self, Hashes, Seal};
use super::tree::{self, MOST_LEVELS, What};
use super::{BundleError, code_hashes, is_code};
use crate::mmap::Map;
use crate::output::{self, OutputError, Staged, mode::Mode};
use crate::progress::{Progress, Silent};
use crate::sign::macho::codesign::CodesignOptions;
use crate::sign::macho::requirements;
use crate::sign::{self, Identity, SignOptions, state};

/// What was signed.
#[derive(Debug)]
pub struct Signed {
    /// The bundle's program.
    pub program: PathBuf,
    /// How many programs and libraries inside were signed, too.
    pub inside: usize,
    /// Whose signatures were replaced, and how many.
    pub replaced: BTreeMap<String, usize>,
    /// Bundles in places for resources. They are signed, and sealed file by file.
    pub among_resources: Vec<PathBuf>,
}

/// Signs a bundle where it is, all code inside first. Identifier and entitlements of the options
/// are the program's; code inside keeps the entitlements that it was signed with.
///
/// # Errors
///
/// It is not a bundle, something in it cannot be read or signed, or a file cannot be written. Until
/// everything is signed nothing is replaced.
pub fn sign(
    bundle: &Path,
    identity: Option<&Identity>,
    options: &SignOptions,
    progress: &dyn Progress,
) -> Result<Signed, BundleError> {
    let mut signer = Signer {
        identity,
        options,
        progress,
        staged: BTreeMap::new(),
        order: Vec::new(),
        made: Made::default(),
        replaced: BTreeMap::new(),
        among_resources: Vec::new(),
    };
    let code = signer.bundle(bundle, &options.macos, MOST_LEVELS)?;
    let (program, _) = code.ok_or_else(|| BundleError::NotABundle(bundle.to_owned()))?;
    let seals = signer
        .order
        .iter()
        .filter(|(path, _)| path.ends_with(seal::PLACE))
        .count();
    let inside = signer.order.len() - seals - 1;
    for (_, staged) in signer.order {
        staged.publish(&Silent)?;
    }
    signer.made.keep();
    Ok(Signed {
        program,
        inside,
        replaced: signer.replaced,
        among_resources: signer.among_resources,
    })
}

/// Signed code as a seal names it.
struct Code {
    hash: [u8; 20],
    requirement: String,
}

struct Signer<'s> {
    identity: Option<&'s Identity>,
    options: &'s SignOptions,
    progress: &'s dyn Progress,
    /// Hashes of what is to take its place.
    staged: BTreeMap<PathBuf, Hashes>,
    order: Vec<(PathBuf, Staged)>,
    /// Behind what is staged, so that they are empty when they go.
    made: Made,
    replaced: BTreeMap<String, usize>,
    among_resources: Vec<PathBuf>,
}

/// Directories that were made, which go again unless all went well.
#[derive(Debug, Default)]
struct Made(Vec<PathBuf>);

impl Made {
    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // One that is not empty stays.
            let _ = fs::remove_dir(directory);
        }
    }
}

impl Signer<'_> {
    /// Signs a bundle, of a framework every version; the current one is what counts. Nothing: there
    /// is no program in it.
    fn bundle(
        &mut self,
        directory: &Path,
        options: &CodesignOptions,
        levels: u32,
    ) -> Result<Option<(PathBuf, Code)>, BundleError> {
        let levels = layout::one_level_less(directory, levels)?;
        let mut last = None;
        for layout in Layout::of(directory)? {
            let Some(program) = layout.program.clone() else {
                continue;
            };
            layout::check_root(directory)?;
            let code = self.layout(&layout, &program, options, levels)?;
            last = Some((program, code));
        }
        Ok(last)
    }

    fn layout(
        &mut self,
        layout: &Layout,
        program: &Path,
        options: &CodesignOptions,
        levels: u32,
    ) -> Result<Code, BundleError> {
        let found = tree::list(layout)?;
        let mut seal = Seal::new(layout.rules);
        for inner in found
            .iter()
            .filter(|found| matches!(found.what, What::InnerBundle))
        {
            self.among_resources.push(inner.on_disk.clone());
            self.bundle(&inner.on_disk, &self.inside(), levels)?;
            // Their seals may be new, and are resources of this bundle.
            let new: Vec<_> = self
                .staged
                .range(inner.on_disk.clone()..)
                .take_while(|(path, _)| path.starts_with(&inner.on_disk))
                .filter_map(|(path, hashes)| Some((path.strip_prefix(&layout.base).ok()?, hashes)))
                .collect();
            for (path, hashes) in new {
                seal.file(&path.to_string_lossy(), hashes);
            }
        }
        for item in &found {
            let rule = layout.rules.of(&item.path);
            match &item.what {
                What::InnerBundle => {}
                What::Link(target) => seal.link(&item.path, target),
                What::Bundle => {
                    let code = self.bundle(&item.on_disk, &self.inside(), levels)?;
                    let (_, code) =
                        code.ok_or_else(|| BundleError::NotCode(item.on_disk.clone()))?;
                    seal.code(&item.path, code.hash, &code.requirement);
                }
                What::File => {
                    if let Some(hashes) = self.staged.get(&item.on_disk) {
                        seal.file(&item.path, hashes);
                        continue;
                    }
                    let bytes = Map::open(&item.on_disk);
                    let bytes = bytes.map_err(|source| BundleError::read(&item.on_disk, source))?;
                    if is_code(&bytes) {
                        let code = self.file(&item.on_disk, &bytes, self.inside())?;
                        if rule == Rule::Nested {
                            seal.code(&item.path, code.hash, &code.requirement);
                        } else {
                            seal.file(&item.path, &self.staged[&item.on_disk]);
                        }
                    } else if rule == Rule::Nested {
                        return Err(BundleError::NotCode(item.on_disk.clone()));
                    } else {
                        seal.file(&item.path, &Hashes::of(&bytes));
                    }
                }
            }
        }
        let seal = seal.write()?;
        let place = layout.base.join(seal::PLACE);
        self.stage(&place, Mode::data(), &seal)?;
        let bytes = Map::open(program).map_err(|source| BundleError::read(program, source))?;
        if !is_code(&bytes) {
            return Err(BundleError::NotCode(program.to_owned()));
        }
        let mut options = options.clone();
        options.identifier = options.identifier.or_else(|| layout.identifier.clone());
        options.sealed = BTreeMap::from([
            (1, Sha256::digest(&layout.info).into()),
            (3, Sha256::digest(&seal).into()),
        ]);
        self.file(program, &bytes, options)
    }

    /// Options for code inside.
    fn inside(&self) -> CodesignOptions {
        CodesignOptions {
            identifier: None,
            entitlements: None,
            ..self.options.macos.clone()
        }
    }

    /// Signs one file.
    fn file(
        &mut self,
        path: &Path,
        bytes: &[u8],
        mut options: CodesignOptions,
    ) -> Result<Code, BundleError> {
        let failed = |source| BundleError::Sign {
            path: path.to_owned(),
            source,
        };
        options.fallback = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let options = SignOptions {
            macos: options,
            ..self.options.clone()
        };
        let signed = sign::sign_file(bytes, self.identity, &options, self.progress);
        let signed = signed.map_err(failed)?;
        if let Ok(old) = state::of(bytes)
            && let Some(old) = old.signer()
            && !self.identity.is_some_and(|own| state::is_by(old, own))
        {
            *self.replaced.entry(old.name.clone()).or_default() += 1;
        }
        let hashes = code_hashes(&signed);
        let requirement = match self.identity {
            Some(identity) => {
                let identifier = sign::state::identifier(&signed).unwrap_or_default();
                requirements::designated_text(&identifier, identity).map_err(failed)?
            }
            None => {
                let hash = |hash: &[u8; 20]| format!("cdhash H\"{}\"", hex(hash));
                hashes.iter().map(hash).collect::<Vec<_>>().join(" or ")
            }
        };
        let mode = output::in_place(path)?.mode;
        self.stage(path, mode, &signed)?;
        let problem = "its signature has no hash";
        let hash = hashes.first().copied().ok_or_else(|| BundleError::Layout {
            path: path.to_owned(),
            problem,
        })?;
        Ok(Code { hash, requirement })
    }

    fn stage(&mut self, path: &Path, mode: Mode, bytes: &[u8]) -> Result<(), BundleError> {
        let directory = output::directory_of(path);
        // Everything else is there.
        match fs::create_dir(directory) {
            Ok(()) => self.made.0.push(directory.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                let directory = directory.to_owned();
                return Err(OutputError::Create { directory, source }.into());
            }
        }
        let staged = Staged::new(path, mode)?;
        let written = staged.file().write_all(bytes);
        written.map_err(|source| OutputError::Write {
            path: path.to_owned(),
            source,
        })?;
        self.staged.insert(path.to_owned(), Hashes::of(bytes));
        self.order.push((path.to_owned(), staged));
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
