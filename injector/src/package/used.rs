//! [`Library::Used`](super::Library::Used): keep what the application reaches.

use super::toolchain::Toolchain;
use super::{Findings, PackageError, Request};
use crate::compile::library::LibraryImports;
use crate::entry::Entry;
use crate::pack::imports::Mentions;
use crate::pack::{Part, imports};
use crate::progress::Progress;

/// Drops the rest of the library. `scanned` is what each source of the program mentions.
pub(super) fn keep(
    library: &mut Part<'_>,
    scanned: &[Scanned],
    entries: &[&Entry],
    request: &Request,
    (tools, findings): (&Toolchain<'_>, &mut Findings),
    progress: &dyn Progress,
) -> Result<(), PackageError> {
    let compiler = tools.compiler(findings, progress)?;
    let all = LibraryImports::load(compiler, tools.archives(), progress)?;
    let mentions = all.by_path();
    let modules = library.modules.iter().map(|module| {
        let file = module.file.as_deref();
        let mentions = file.and_then(|file| mentions.get(file));
        let source = mentions.map(|mentions| imports::Source {
            name: &module.name,
            package: module.is_package(),
            mentions,
        });
        (&*module.name, source)
    });
    let modules: imports::Library<'_> = modules.collect();
    let roots = scanned.iter().map(|scanned| imports::Source {
        name: &scanned.name,
        package: scanned.package,
        mentions: &scanned.mentions,
    });
    let mut names = request.include.clone();
    names.extend(
        entries
            .iter()
            .filter_map(|entry| entry.module())
            .map(str::to_owned),
    );
    let used = imports::reached(roots, &names, &modules);
    library.retain_modules(|name| used.contains(name));
    Ok(())
}

/// What a source of the program mentions.
pub(super) struct Scanned {
    pub(super) name: String,
    pub(super) package: bool,
    pub(super) mentions: Mentions,
}
