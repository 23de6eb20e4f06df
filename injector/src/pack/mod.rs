//! From resources to a blob's layout.

#[cfg(test)]
mod compress_tests;
pub mod imports;
mod part;
mod payload;
pub mod shadow;
mod start;
mod stdlib;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use oxidize_format as format;
use oxidize_format::{
    Content, FileEntry, HeaderFields, Layout, ModuleEntry, NativeEntry, RunOptions, Target, Writer,
};
use thiserror::Error;

pub use part::{Made, Part, PartFile};
pub use payload::{LONGEST_SOURCE, Payload, lz4_block, zstd_frame};
pub use stdlib::stdlib;

use crate::collect::CollectError;
use crate::collect::native::SharedObject;
use crate::collect::{Distribution, Module, ModuleKind};
use crate::parallel;
use crate::progress::Progress;
use crate::python::{self, Python};

/// Resources could not be packed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The format does not take it.
    #[error("the resources cannot be expressed in the blob")]
    Format(#[from] format::WriteError),
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] CollectError),
}

/// A shared object among the application's files.
#[derive(Debug)]
pub struct NativeFile {
    /// Its path: relative where it was found, virtual in an [`Input`].
    pub path: String,
    /// What it says about itself.
    pub object: SharedObject,
    /// The module it is, if it is an extension module.
    pub module: Option<String>,
}

/// How to pack.
#[derive(Debug, Clone, Copy)]
pub struct PackOptions {
    /// Which `-O` level the code is for.
    pub optimize: u8,
    /// Whether sources of modules with code go in.
    pub sources: bool,
    /// What is compressed.
    pub compress: Compress,
}

/// What is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    /// Nothing, for a program that is written once and run at once.
    Nothing,
    /// What a start does not read: the sources of modules that have code, the standard library's
    /// files, and the code of those of its modules that no import statement reaches by then.
    Unread,
    /// Everything that is not used in place.
    All,
}

/// Everything that goes into a blob.
#[derive(Debug)]
pub struct Input<'a> {
    /// The Python in the stub.
    pub python: Python,
    /// What it is for.
    pub target: Target,
    /// How to start and what to run.
    pub config: RunOptions,
    /// Directories with files and modules. No module is in two of them.
    pub parts: Vec<Part<'a>>,
    /// Shared objects, by virtual path.
    pub natives: Vec<NativeFile>,
    /// Distributions, their directories by virtual path. Of two with one name the first counts.
    pub distributions: Vec<Distribution>,
    /// Licence texts.
    pub licenses: Option<Vec<u8>>,
    /// Virtual path of a script that runs from its source.
    pub script: Option<String>,
}

/// Decides where everything lies in the blob.
///
/// # Errors
/// A resource cannot be read, or the format does not take it.
pub fn pack<'a>(
    input: &'a Input<'_>,
    options: PackOptions,
    progress: &dyn Progress,
) -> Result<Layout<Payload<'a>>, PackError> {
    let mut writer = Writer::new(HeaderFields {
        py_version_hex: input.python.hex(),
        bytecode_magic: input.python.bytecode_magic(),
        stub_abi: python::STUB_ABI,
        target: input.target.triple().to_owned(),
        root: format::VIRTUAL_ROOT.to_owned(),
    });
    writer.set_run_config(input.config.clone());
    let natives = input.natives.iter().map(|native| native.path.as_str());
    let natives: BTreeSet<&str> = natives.collect();
    progress.start(
        "Packing",
        input.parts.iter().map(|part| part.files.len() as u64).sum(),
    );
    // Other bytecode has other opcodes: then nothing is known about the start.
    let is_known = input.python.bytecode_magic() == Python::OWN.bytecode_magic();
    let start = match is_known {
        true => start::order(&input.parts, &input.config),
        false => Vec::new(),
    };
    let level = options.optimize.min(2);
    writer.set_hot_order(start.iter().map(|name| ((*name).to_owned(), level)));
    let start: BTreeSet<&str> = start.into_iter().collect();
    for part in &input.parts {
        add_part(
            &mut writer,
            part,
            (&natives, &start),
            input,
            options,
            progress,
        )?;
    }
    for native in &input.natives {
        // What is no module is known by its place.
        let place = native.path.strip_prefix(format::VIRTUAL_ROOT);
        let place = place.unwrap_or(&native.path).trim_start_matches('/');
        writer.add_native(NativeEntry {
            name: native.module.clone().unwrap_or_else(|| place.to_owned()),
            soname: native.object.soname.clone(),
            needed: native.object.needed.clone(),
            extension: native.module.is_some(),
            content: Content::File(native.path.clone()),
        })?;
    }
    let mut known = BTreeSet::new();
    for found in &input.distributions {
        // Two versions of one distribution: the first directory counts, as it does for the path
        // finder.
        if known.insert(&found.normalised) {
            writer.add_distribution(format::DistributionEntry {
                normalised: found.normalised.clone(),
                name: found.name.clone(),
                version: found.version.clone(),
                directory: found.directory.clone(),
            })?;
        }
    }
    if let Some(texts) = &input.licenses {
        let texts = Payload::Bytes(Cow::Borrowed(texts));
        let content = compressed(&texts)?.unwrap_or(Content::plain(texts));
        writer.set_licenses(content)?;
    }
    Ok(writer.layout()?)
}

fn add_part<'a>(
    writer: &mut Writer<Payload<'a>>,
    part: &'a Part<'_>,
    (natives, start): (&BTreeSet<&str>, &BTreeSet<&str>),
    input: &Input<'_>,
    options: PackOptions,
    progress: &dyn Progress,
) -> Result<(), PackError> {
    let script = input.script.as_deref();
    let beside = input.config.files_directory.as_deref().unwrap_or_default();
    let hidden = if options.sources {
        BTreeSet::new()
    } else {
        unread_sources(part, script)
    };
    writer.add_directory(&part.root)?;
    for directory in &part.directories {
        writer.add_directory(&part.virtual_path(directory))?;
    }
    let mut compressed = compress_files(part, natives, &hidden, script, options.compress)?;
    for (path, file) in &part.files {
        progress.advance(1);
        if hidden.contains(path.as_str()) {
            continue;
        }
        let virtual_path = part.virtual_path(path);
        let content = if is_external(part, path, natives) {
            Content::External {
                path: format!("{beside}{}", &virtual_path[format::VIRTUAL_ROOT.len()..]),
                length: format::Payload::len(&file.payload),
            }
        } else {
            let content = compressed.remove(path.as_str());
            content.unwrap_or_else(|| Content::plain(file.payload.borrowed()))
        };
        writer.add_file(
            &virtual_path,
            FileEntry {
                content,
                executable: file.executable,
            },
        )?;
    }
    let mut blocks = compress_code(part, start, options.compress)?;
    for module in &part.modules {
        let code = blocks.remove(module.name.as_str());
        writer.add_module(module_entry(part, module, code, &hidden, options))?;
    }
    Ok(())
}

/// Whether a file is beside the executable alone. Modules are in the blob too.
fn is_external(part: &Part<'_>, path: &str, natives: &BTreeSet<&str>) -> bool {
    let is_module = || path.ends_with(".py") || natives.contains(part.virtual_path(path).as_str());
    part.is_placed(path) && !is_module()
}

/// Sources that no start reads because their code is there.
pub fn unread_sources<'p>(part: &'p Part<'_>, script: Option<&str>) -> BTreeSet<&'p str> {
    let sources = part
        .sources()
        .filter(|(module, _)| part.code.contains_key(&module.name));
    sources
        .map(|(_, path)| path)
        .filter(|path| Some(part.virtual_path(path).as_str()) != script)
        .collect()
}

/// The files of a part that are stored compressed, by relative path.
fn compress_files<'p>(
    part: &'p Part<'_>,
    natives: &BTreeSet<&str>,
    hidden: &BTreeSet<&str>,
    script: Option<&str>,
    compress: Compress,
) -> Result<BTreeMap<&'p str, Content<Payload<'p>>>, PackError> {
    let unread = match compress {
        Compress::Nothing => return Ok(BTreeMap::new()),
        Compress::Unread => Some(unread_sources(part, script)),
        Compress::All => None,
    };
    let library = python::is_library_root(&part.root);
    let wished = |path: &str| match &unread {
        Some(unread) => library || unread.contains(path),
        None => !natives.contains(part.virtual_path(path).as_str()),
    };
    let paths = part.files.keys().map(String::as_str);
    let paths = paths
        .filter(|path| wished(path) && !hidden.contains(path) && !is_external(part, path, natives));
    let (made, open): (Vec<&str>, Vec<&str>) =
        paths.partition(|path| part.frames.contains_key(*path));
    let open = match part.frames.is_empty() {
        true => open,
        false => Vec::new(),
    };
    let contents = parallel::try_map(
        &open,
        || (),
        |(), path| compressed(&part.files[*path].payload),
    )?;
    let mut found: BTreeMap<_, _> = open
        .into_iter()
        .zip(contents)
        .filter_map(|(path, content)| Some((path, content?)))
        .collect();
    found.extend(made.into_iter().map(|path| {
        let length = format::Payload::len(&part.files[path].payload);
        let frame = Payload::Bytes(Cow::Borrowed(part.frames[path]));
        (path, Content::zstd(frame, length))
    }));
    Ok(found)
}

/// The code of a part's modules that is stored compressed, by module name.
fn compress_code<'p>(
    part: &'p Part<'_>,
    start: &BTreeSet<&str>,
    compress: Compress,
) -> Result<BTreeMap<&'p str, Content<Payload<'p>>>, PackError> {
    let wished = |name: &str| match compress {
        Compress::Nothing => false,
        // What an application leaves for later, it may still need for its first answer.
        Compress::Unread => python::is_library_root(&part.root) && !start.contains(name),
        Compress::All => true,
    };
    let names = part.code.keys().map(String::as_str);
    let names: Vec<&str> = names.filter(|name| wished(name)).collect();
    let block = |(): &mut (), name: &&'p str| {
        let code = &part.code[*name];
        let block = match part.blocks.get(*name) {
            Some(block) => Some(Cow::Borrowed(*block)),
            None => lz4_block(code).map(Cow::Owned),
        };
        Ok::<_, PackError>(
            block.map(|block| Content::lz4(Payload::Bytes(block), code.len() as u64)),
        )
    };
    let blocks = parallel::try_map(&names, || (), block)?;
    let found = names.into_iter().zip(blocks);
    Ok(found
        .filter_map(|(name, block)| Some((name, block?)))
        .collect())
}

fn module_entry<'a>(
    part: &'a Part<'_>,
    module: &Module,
    compressed: Option<Content<Payload<'a>>>,
    hidden: &BTreeSet<&str>,
    options: PackOptions,
) -> ModuleEntry<Payload<'a>> {
    let kind = match (module.kind, module.is_package()) {
        (ModuleKind::Namespace, _) => format::ModuleKind::Namespace,
        (_, true) => format::ModuleKind::Package,
        (_, false) => format::ModuleKind::Module,
    };
    let mut entry = ModuleEntry::new(module.name.clone(), kind);
    let place = if module.kind == ModuleKind::Namespace {
        &module.directory
    } else {
        &module.file
    };
    entry.path = place.as_deref().map(|path| part.virtual_path(path));
    match module.kind {
        ModuleKind::Extension => entry.native = Some(module.name.clone()),
        ModuleKind::Source => {
            let file = module.file.as_deref().unwrap_or_default();
            entry.source = (!hidden.contains(file)).then(|| Content::File(part.virtual_path(file)));
            let level = usize::from(options.optimize.min(2));
            let plain = |code| Content::plain(Payload::Bytes(Cow::Borrowed(code)));
            let code = part.code.get(&module.name);
            entry.bytecode[level] = compressed.or(code.map(|code| plain(code)));
        }
        ModuleKind::Namespace => {}
    }
    entry
}

/// The compressed form, if it is worth it.
fn compressed(payload: &Payload<'_>) -> Result<Option<Content<Payload<'static>>>, PackError> {
    if format::Payload::len(payload) > payload::LARGEST {
        return Ok(None);
    }
    let bytes = payload.bytes()?;
    let content = |frame| Content::zstd(Payload::Bytes(Cow::Owned(frame)), bytes.len() as u64);
    Ok(zstd_frame(&bytes).map(content))
}
