//! Licence texts of the Rust crates that are linked into a program, and of Rust's standard library.
//!
//! Which crates these are is asked of cargo each time, so the list cannot go stale.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The texts for a package of this workspace, one crate after another, sorted by name and version.
pub(crate) fn license_texts(repository: &Path, package: &str, target: &str) -> Result<String> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", target])
        .current_dir(repository)
        .output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo metadata: {}", complaint.trim()).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut packages = linked(&metadata, package)?;
    packages.sort_by_key(|package| (text(package, "name"), text(package, "version")));
    let mut texts = fs::read_to_string(repository.join("stubs/build/rust-std.txt"))?;
    for package in packages {
        let folder = PathBuf::from(text(package, "manifest_path"));
        let folder = folder.parent().ok_or("a crate without a folder")?;
        writeln!(
            texts,
            "\n======== crate {} {}\n\nSPDX: {}\n",
            text(package, "name"),
            text(package, "version"),
            text(package, "license"),
        )?;
        let files = license_files(folder)?;
        // A few crates name their licence and leave its text out; that of this one is ours, too.
        if files.is_empty() && text(package, "license").contains("Apache-2.0") {
            let apache = fs::read_to_string(repository.join("LICENSE-APACHE"))?;
            writeln!(texts, "{}\n", apache.trim_end())?;
        } else if files.is_empty() {
            return Err(format!("crate {} carries no licence text", text(package, "name")).into());
        }
        for file in files {
            writeln!(texts, "{}\n", fs::read_to_string(&file)?.trim_end())?;
        }
    }
    Ok(texts)
}

fn text(package: &Value, field: &str) -> String {
    package[field].as_str().unwrap_or_default().to_owned()
}

/// The packages that `name` depends on by ordinary dependencies, except procedural macros and our own.
fn linked<'m>(metadata: &'m Value, name: &str) -> Result<Vec<&'m Value>> {
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let nodes = metadata["resolve"]["nodes"]
        .as_array()
        .ok_or("no resolve")?;
    let package = |id: &Value| {
        packages
            .iter()
            .find(|package| package["id"] == *id)
            .ok_or("an unknown package")
    };
    let program = packages
        .iter()
        .find(|package| package["name"] == name && package["source"].is_null())
        .ok_or_else(|| format!("this workspace has no {name}"))?;
    let mut found: Vec<&Value> = vec![&program["id"]];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        next += 1;
        let node = nodes
            .iter()
            .find(|node| node["id"] == *id)
            .ok_or("an unknown node")?;
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
    let all: std::result::Result<Vec<&Value>, _> = found.into_iter().map(package).collect();
    // Packages without a source are members of this workspace.
    Ok(all?
        .into_iter()
        .filter(|package| !package["source"].is_null())
        .collect())
}

fn license_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
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
