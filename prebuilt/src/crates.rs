//! Licence texts of the Rust crates that are linked into a program.
//!
//! Which crates these are is a question for cargo, which may have to fetch some of them to answer.
//! A build script must neither start cargo nor need a network, so the texts of the stub's crates
//! are kept in `stubs/licences`: `crates/NAME-VERSION.txt`, and `crates.toml`, which says into
//! which targets' stubs each of them goes. [`Kept`] is that folder.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program whose crates are kept.
const STUB: &str = "oxidize-stub";

/// A crate that is linked into a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Linked {
    /// Name in the registry.
    pub name: String,
    /// Version in `Cargo.lock`.
    pub version: String,
    /// Licence expression and every text that the crate carries.
    pub text: String,
}

/// The crates that `package` of this workspace links for a target, by name and version.
///
/// # Errors
///
/// Fails if cargo cannot resolve the workspace or a crate carries no licence text.
pub fn linked(repository: &Path, package: &str, target: &str) -> Result<Vec<Linked>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", target])
        .current_dir(repository)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("cargo metadata: {}", complaint.trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut crates = Vec::new();
    for package in packages(&metadata, package)? {
        crates.push(read(repository, package)?);
    }
    crates.sort();
    Ok(crates)
}

/// The texts of these crates behind those of Rust's standard library, as they are shown to users.
///
/// # Errors
///
/// Fails if the checkout lacks the texts of the standard library.
pub fn all_texts(repository: &Path, crates: &[Linked]) -> Result<String> {
    let path = repository.join("stubs/licences/rust-std.txt");
    let mut all =
        std::fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    for linked in crates {
        all.push_str(&format!(
            "\n======== crate {} {}\n\n{}",
            linked.name, linked.version, linked.text
        ));
    }
    Ok(all)
}

fn read(repository: &Path, package: &Value) -> Result<Linked> {
    let name = field(package, "name");
    let licence = field(package, "license");
    let manifest = PathBuf::from(field(package, "manifest_path"));
    let folder = manifest.parent().context("a crate without a folder")?;
    let mut text = format!("SPDX: {licence}\n\n");
    let mut files = licence_files(folder)?;
    if files.is_empty() {
        // A few crates name their licence and leave its text out; that of this one is ours, too.
        if !licence.contains("Apache-2.0") {
            bail!("the crate {name} carries no licence text");
        }
        files.push(repository.join("LICENSE-APACHE"));
    }
    for file in files {
        let part =
            std::fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
        // Some crates are published from Windows.
        text.push_str(part.replace("\r\n", "\n").trim_end());
        text.push_str("\n\n");
    }
    Ok(Linked {
        name,
        version: field(package, "version"),
        text,
    })
}

fn field(package: &Value, name: &str) -> String {
    package[name].as_str().unwrap_or_default().to_owned()
}

/// The packages that `name` depends on by ordinary dependencies, except procedural macros and our
/// own.
fn packages<'m>(metadata: &'m Value, name: &str) -> Result<Vec<&'m Value>> {
    let packages = metadata["packages"].as_array().context("no packages")?;
    let nodes = metadata["resolve"]["nodes"]
        .as_array()
        .context("no resolve")?;
    let package = |id: &Value| {
        packages
            .iter()
            .find(|package| package["id"] == *id)
            .context("an unknown package")
    };
    let program = packages
        .iter()
        .find(|package| package["name"] == name && package["source"].is_null())
        .with_context(|| format!("this workspace has no {name}"))?;
    let mut found: Vec<&Value> = vec![&program["id"]];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        next += 1;
        let node = nodes
            .iter()
            .find(|node| node["id"] == *id)
            .context("an unknown node")?;
        for dependency in node["deps"].as_array().into_iter().flatten() {
            let normal = dependency["dep_kinds"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()));
            let macros = package(&dependency["pkg"])?["targets"]
                .as_array()
                .is_some_and(|targets| {
                    targets
                        .iter()
                        .any(|target| target["kind"][0] == "proc-macro")
                });
            if normal && !macros && !found.contains(&&dependency["pkg"]) {
                found.push(&dependency["pkg"]);
            }
        }
    }
    let all: Result<Vec<&Value>> = found.into_iter().map(package).collect();
    // Packages without a source are members of this workspace.
    Ok(all?
        .into_iter()
        .filter(|package| !package["source"].is_null())
        .collect())
}

fn licence_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_uppercase();
            path.is_file()
                && ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"]
                    .iter()
                    .any(|p| name.starts_with(p))
        })
        .collect();
    files.sort();
    Ok(files)
}

/// What `stubs/licences` holds, or is to hold: relative paths and contents.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept(BTreeMap<String, String>);

#[derive(Serialize)]
struct Index {
    #[serde(rename = "crate")]
    crates: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    version: String,
    targets: BTreeSet<String>,
}

const INDEX: &str = "crates.toml";
const INDEX_HEAD: &str = "\
# The crates that are linked into the stub of each target; their licence texts are in crates/NAME-VERSION.txt.
# Written by: cargo run --release -p oxidize-prebuilt -- licences

";

impl Kept {
    /// What belongs there, by asking cargo once a target.
    ///
    /// # Errors
    ///
    /// Fails where [`linked`] does.
    pub fn wanted(repository: &Path, targets: &[String]) -> Result<Self> {
        let mut crates: BTreeMap<Linked, BTreeSet<String>> = BTreeMap::new();
        for target in targets {
            for linked in linked(repository, STUB, target)? {
                crates.entry(linked).or_default().insert(target.clone());
            }
        }
        let mut files = BTreeMap::new();
        let mut index = Vec::new();
        for (linked, targets) in crates {
            let path = format!("crates/{}-{}.txt", linked.name, linked.version);
            files.insert(path, linked.text);
            index.push(Entry {
                name: linked.name,
                version: linked.version,
                targets,
            });
        }
        let index = toml::to_string(&Index { crates: index })?;
        files.insert(INDEX.to_owned(), format!("{INDEX_HEAD}{index}"));
        Ok(Self(files))
    }

    /// What is there.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read.
    pub fn found(repository: &Path) -> Result<Self> {
        let folder = folder(repository);
        let mut files = BTreeMap::new();
        let mut read = |name: String| -> Result<()> {
            let path = folder.join(&name);
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
            files.insert(name, text);
            Ok(())
        };
        if folder.join(INDEX).is_file() {
            read(INDEX.to_owned())?;
        }
        for entry in std::fs::read_dir(folder.join("crates"))
            .into_iter()
            .flatten()
        {
            read(format!("crates/{}", entry?.file_name().to_string_lossy()))?;
        }
        Ok(Self(files))
    }

    /// Writes all files and deletes those of crates that are gone.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be written.
    pub fn write(&self, repository: &Path) -> Result<()> {
        let folder = folder(repository);
        let texts = folder.join("crates");
        if texts.is_dir() {
            std::fs::remove_dir_all(&texts)?;
        }
        std::fs::create_dir_all(&texts)?;
        for (name, text) in &self.0 {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(())
    }

    /// The files in which two states differ.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        names
            .into_iter()
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .cloned()
            .collect()
    }
}

fn folder(repository: &Path) -> PathBuf {
    repository.join("stubs/licences")
}
