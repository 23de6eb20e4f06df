//! What the lock says about the archives in a folder.

use crate::digest;
use crate::lock::{Archive, Lock, archive_name};
use crate::recipe::Recipes;
use crate::zig::ZIG_VERSION;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::path::Path;

/// The lock of the archives of the recipes' version that are in `folder`.
pub(crate) fn lock(recipes: &Recipes, folder: &Path) -> Result<Lock> {
    let version = &recipes.cpython.python.version;
    let mut names = recipes.targets()?;
    names.extend(["stdlib".to_owned(), "tests".to_owned()]);
    let mut archive = Vec::new();
    for name in names {
        let file = archive_name(version, &name);
        let path = folder.join(&file);
        if path.is_file() {
            archive.push(Archive {
                name,
                sha256: digest::file(&path)?,
                size: path.metadata()?.len(),
                sources: vec![format!("tree:prebuilt/distributions/{file}")],
                file,
            });
        }
    }
    if archive.is_empty() {
        bail!("no archive of CPython {version} in {}", folder.display());
    }
    let mut inputs: BTreeMap<String, String> = recipes
        .sources
        .iter()
        .map(|(name, source)| (name.clone(), source.sha256.clone()))
        .collect();
    inputs.insert(
        "carriers".to_owned(),
        digest::file(&recipes.root.join("carriers/Cargo.lock"))?,
    );
    inputs.insert("profile".to_owned(), digest::file(&recipes.profile())?);
    let tools = BTreeMap::from([("zig".to_owned(), ZIG_VERSION.to_owned())]);
    Ok(Lock {
        version: 1,
        cpython: version.clone(),
        tools,
        inputs,
        archive,
    })
}
