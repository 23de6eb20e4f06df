//! `--stdlib used`: keep what the application's import statements reach.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{Error, Request};
use crate::collect::{self, Tree};
use crate::entry::Entry;
use crate::pack::{self, Part, imports};

/// Drops the rest of the library.
pub(super) fn keep(
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
