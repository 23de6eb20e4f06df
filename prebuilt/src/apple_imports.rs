//! Renewing the list of symbols that stubs for macOS import (`oxidize-prebuilt apple-imports`).

use crate::apple::{Import, Imports, LIST, Library, exported, imports};
use crate::lock::Lock;
use crate::recipe::Recipes;
use crate::stub;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const HEAD: &str = "\
# The symbols of macOS that a stub imports; the linker sees only these. Written by `oxidize-prebuilt apple-imports`.
#   install_name           what the program names
#   files                  text stubs that are made, laid out as in Apple's SDK; rustc asks for libc, libm and libiconv by name
#   current_version, compatibility_version   numbers that go into the program; those of macOS 11 for libSystem
#   symbols, only.ARCH     imported on both processors, on one
#   newer                  of these, the ones macOS 11 does not have. They are imported weakly, and looked at before they are used.
#                          All others were found in the list of macOS 11's libSystem (the frameworks' are older than 10.6).
";

/// Renews the list: links the stubs against `full`, a text stub with all of libSystem's symbols,
/// and keeps what they import. `eleven` is the text stub of macOS 11's libSystem. A processor
/// without an archive in the lock keeps what it has.
pub(crate) fn renew(
    repository: &Path,
    recipes: &Recipes,
    full: &Path,
    eleven: &Path,
) -> Result<()> {
    let mut list = Imports::read(&recipes.root)?;
    let folder = repository.join("target/apple-imports");
    let system = std::fs::read(full).with_context(|| format!("no {}", full.display()))?;
    let lock = Lock::read(&recipes.root.join("distributions/lock.toml"))?;
    let eleven =
        std::fs::read_to_string(eleven).with_context(|| format!("no {}", eleven.display()))?;
    let mut found: BTreeMap<String, Vec<Import>> = BTreeMap::new();
    for triple in recipes.targets()? {
        let target = recipes.target(&triple)?;
        if target.os != "macos" {
            continue;
        }
        let imports_of = found.entry(target.arch.clone()).or_default();
        if !lock.archive.iter().any(|archive| archive.name == triple) {
            imports_of.extend(list.of(&target.arch).map(|(name, library, newer)| Import {
                name: name.to_owned(),
                library: Some(library.to_owned()),
                weak: newer,
            }));
            continue;
        }
        let out = folder.join(&triple);
        let sdk = out.join("sdk");
        list.write_stubs(&sdk, &target.arch)?;
        for file in &list.library[0].files {
            std::fs::write(sdk.join(file), &system)?;
        }
        let stub = stub::build_against(repository, recipes, &target, &out, Some(&sdk), None)?;
        let plain = stub.with_file_name("oxidize-plain-python");
        for program in [stub, plain] {
            imports_of.extend(imports(&std::fs::read(program)?)?);
        }
    }
    for library in &mut list.library {
        divide(library, &found);
        library.newer.clear();
    }
    let system = &mut list.library[0];
    for (arch, imports) in &found {
        let known = exported(&eleven, arch);
        if known.is_empty() {
            bail!("the list of macOS 11 names no symbols for {arch}");
        }
        for import in imports {
            if import.library.as_deref() == Some(&system.install_name)
                && !known.contains(&import.name)
            {
                if !import.weak {
                    bail!("{} is not in macOS 11, and needed ({arch})", import.name);
                }
                system.newer.insert(import.name.clone());
            }
        }
    }
    let path = recipes.root.join(LIST);
    std::fs::write(&path, format!("{HEAD}\n{}", toml::to_string_pretty(&list)?))?;
    println!("{}", path.display());
    Ok(())
}

/// What is imported everywhere, and what on some processors only.
fn divide(library: &mut Library, found: &BTreeMap<String, Vec<Import>>) {
    let ours = |imports: &Vec<Import>| -> BTreeSet<String> {
        let from = |import: &&Import| import.library.as_deref() == Some(&library.install_name);
        imports
            .iter()
            .filter(from)
            .map(|i| i.name.clone())
            .collect()
    };
    let each: BTreeMap<String, BTreeSet<String>> = found
        .iter()
        .map(|(arch, imports)| (arch.clone(), ours(imports)))
        .collect();
    let mut sets = each.values().cloned();
    let common = sets
        .next()
        .map(|first| sets.fold(first, |all, next| &all & &next));
    library.symbols = common.unwrap_or_default();
    library.only = each
        .into_iter()
        .map(|(arch, names)| (arch, &names - &library.symbols))
        .filter(|(_, names)| !names.is_empty())
        .collect();
}
