//! Making the worker.
//!
//! The worker is an application like any other: the host's stub with the standard library and
//! `worker.py` in it. The first one ever has only sources, so it is slow to start; it compiles the
//! standard library once, and the worker that is kept has the result inside. Nothing but the stub
//! and the archive is needed, least of all a Python.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use oxidize_format::RunOptions;
use thiserror::Error;

use super::library::LibraryCode;
use super::{BatchError, Compiler, worker};
use crate::cache::{self, Cache, Key};
use crate::collect::CollectError;
use crate::collect::stdlib::Archive;
use crate::collect::{Module, ModuleKind};
use crate::container::ContainerError;
use crate::output::OutputError;
use crate::pack::{
    Compress, Input, Made, PackError, PackOptions, Part, PartFile, Payload, pack, stdlib,
};
use crate::progress::{Progress, Silent};
use crate::stubs::Stub;
use crate::{container, output, python, require};

/// The worker could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The standard library could not be read.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The standard library could not be compiled.
    #[error(transparent)]
    Compile(#[from] BatchError),
    /// It could not be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// It could not be injected.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// It could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The cache could not be written.
    #[error("cannot write to the cache")]
    Cache(#[from] std::io::Error),
}

/// The compiler that the host's stub makes, with the archives of its standard library.
///
/// # Errors
/// The worker cannot be made or started, or is not the Python of the stub.
pub fn compiler<'c>(
    cache: &'c Cache,
    stub: &Stub,
    archives: &[Archive],
    progress: &dyn Progress,
) -> Result<Compiler<'c>, BootstrapError> {
    let image = cache::fingerprint(&stub.image);
    let worker = worker::SOURCE.as_bytes();
    let digests: Vec<u8> = archives.iter().flat_map(Archive::digest).copied().collect();
    let pip = require::MODULES.map(|(_, source)| source).concat();
    let identity = Key::of(&[b"worker 2", &image, &digests, worker, pip.as_bytes()]);
    let program = cache.program("worker", &identity, |path| {
        make(cache, stub, archives, &identity, path, progress)
    })?;
    Ok(Compiler::new(cache, &program, stub.slot.python, identity))
}

fn make(
    cache: &Cache,
    stub: &Stub,
    archives: &[Archive],
    identity: &Key,
    path: &Path,
    progress: &dyn Progress,
) -> Result<(), BootstrapError> {
    let slow = path.with_extension("sources");
    write(
        stub,
        stdlib(archives, stub.slot.python, stub.target),
        BTreeMap::new(),
        &slow,
    )?;
    let compiler = Compiler::new(cache, &slow, stub.slot.python, identity.clone());
    let part = stdlib(archives, stub.slot.python, stub.target);
    let code = LibraryCode::load(&compiler, archives, &part, stub.target, 0, progress)?;
    write(
        stub,
        stdlib(archives, stub.slot.python, stub.target),
        code.by_path(),
        path,
    )
}

fn write<'a>(
    stub: &Stub,
    mut library: Part<'a>,
    code: BTreeMap<&str, Made<'a>>,
    path: &Path,
) -> Result<(), BootstrapError> {
    library.add_made(&code);
    let [locks, pip] = require::MODULES;
    let sources = [locks, pip, (worker::MODULE, worker::SOURCE)];
    let file = |(name, source): (&str, &'static str)| {
        let payload = Payload::Bytes(Cow::Borrowed(source.as_bytes()));
        let file = PartFile {
            payload,
            executable: false,
        };
        (format!("{name}.py"), file)
    };
    let module = |(name, _): (&str, &str)| Module {
        name: name.to_owned(),
        kind: ModuleKind::Source,
        file: Some(format!("{name}.py")),
        directory: None,
    };
    let application = Part {
        root: python::APP_ROOT.to_owned(),
        directories: Vec::new(),
        files: sources.map(file).into(),
        modules: sources.map(module).into(),
        code: BTreeMap::new(),
        blocks: BTreeMap::new(),
        frames: BTreeMap::new(),
        placed: std::collections::BTreeSet::new(),
    };
    let input = Input {
        python: stub.slot.python,
        target: stub.target,
        config: RunOptions {
            entry_module: Some(worker::MODULE.to_owned()),
            ..RunOptions::default()
        },
        parts: vec![application, library],
        natives: Vec::new(),
        distributions: Vec::new(),
        licenses: None,
        script: None,
    };
    let options = PackOptions {
        optimize: 0,
        sources: true,
        compress: Compress::Nothing,
    };
    let quiet = Silent;
    let layout = pack(&input, options, &quiet)?;
    let plan = container::inject(&stub.image, layout.len())?;
    Ok(output::write(path, &plan, &layout, &quiet)?)
}
