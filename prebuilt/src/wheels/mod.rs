//! Wheels of the stubs and of the command, and the list of stubs that the command trusts.

mod archive;
pub mod tool;

use crate::recipe::{Recipes, Target};
use crate::{digest, lock, pack, stub};
use anyhow::{Context, Result, bail};
use archive::Wheel;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The release that wheels are made for: that of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Package and project of the stubs, as file names spell it.
const PACKAGE: &str = oxidize_python::STUB_PACKAGE;
/// The list that is compiled into the command.
const LIST: &str = "injector/stubs.toml";
const REPOSITORY_LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];
/// What a packaging run reads of a target's archive.
const NEEDED: [&str; 2] = ["install", "licenses"];

/// The wheel of a stub.
#[derive(Debug)]
pub struct StubWheel {
    /// Where it is.
    pub path: PathBuf,
    /// Its lines in the list.
    pub entry: String,
}

/// Platform tags of a target, as a wheel's file name has them.
///
/// # Errors
/// An unknown target.
pub fn platform(triple: &str) -> Result<String> {
    let target: oxidize_format::Target = triple.parse()?;
    Ok(target.wheel_platforms().join("."))
}

/// Targets that have a distribution, in the order of the lock.
///
/// # Errors
/// As [`lock::Lock::read`].
pub fn targets(prebuilt: &Path) -> Result<Vec<String>> {
    let lock = lock::Lock::read(&prebuilt.join("distributions/lock.toml"))?;
    let names = lock.archive.into_iter().map(|archive| archive.name);
    Ok(names
        .filter(|name| name != "stdlib" && name != "tests")
        .collect())
}

/// Links the stub of a target and makes its wheel in `out`.
///
/// # Errors
/// If the stub cannot be linked, an archive is missing, or the wheel cannot be written.
pub fn build(
    repository: &Path,
    recipes: &Recipes,
    target: &Target,
    out: &Path,
) -> Result<StubWheel> {
    let triple = &target.triple;
    let folder = repository.join("target/stubs").join(triple);
    let program = stub::build(repository, recipes, target, &folder, None)?;
    let name = file_name(&program)?;
    let image = std::fs::read(&program)?;
    let licences = licence_texts(repository, triple, &image)?;

    let distributions = repository.join("prebuilt/distributions");
    let lock = lock::Lock::read(&distributions.join("lock.toml"))?;
    let library = lock.archive("stdlib")?.file.clone();
    let own = lock.archive(triple)?.file.clone();
    let mut files = vec![(name.clone(), image)];
    files.push((
        library.clone(),
        std::fs::read(distributions.join(&library))?,
    ));
    files.push((own.clone(), needed_part(&distributions.join(&own))?));

    let text = std::fs::read_to_string(folder.join("manifest.json"))?;
    let mut manifest: Value = serde_json::from_str(&text).context("manifest.json")?;
    manifest["version"] = json!(VERSION);
    let listed = files.iter().map(|(name, bytes)| json!({ "name": name, "sha256": digest::bytes(bytes), "size": bytes.len() }));
    manifest["files"] = listed.collect();
    manifest["licences"] = licences_of(&licences);
    let manifest = serde_json::to_string_pretty(&manifest)? + "\n";

    let tag = format!("py3-none-{}", platform(triple)?);
    let mut wheel = Wheel::new(PACKAGE, VERSION, &tag, &metadata(triple, &licences));
    let package = format!(
        "\"\"\"The stub of oxidize-inject for {triple}: a program with CPython {} in it, and its standard library.\"\"\"\n",
        recipes.cpython.python.version
    );
    wheel.add(
        &format!("{PACKAGE}/__init__.py"),
        package.into_bytes(),
        false,
    );
    wheel.add_info("licenses/THIRD-PARTY.txt", licences.into_bytes());
    for name in REPOSITORY_LICENCES {
        wheel.add_info(
            &format!("licenses/{name}"),
            std::fs::read(repository.join(name))?,
        );
    }
    let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let entry = entry(
        triple,
        &format!("{PACKAGE}-{VERSION}-{tag}.whl"),
        manifest.as_bytes(),
        &files[0].1,
        &field(&manifest, "stub_id")?,
        size,
    );
    let below = |name: &str| format!("{PACKAGE}/{triple}/{name}");
    wheel.add(&below("manifest.json"), manifest.into_bytes(), false);
    for (file, bytes) in files {
        let executable = file == name;
        wheel.add(&below(&file), bytes, executable);
    }
    std::fs::create_dir_all(out)?;
    let path = out.join(format!("{PACKAGE}-{VERSION}-{tag}.whl"));
    wheel.write(&path)?;
    Ok(StubWheel { path, entry })
}

fn file_name(path: &Path) -> Result<String> {
    let name = path.file_name().context("a path without a file name")?;
    Ok(name.to_string_lossy().into_owned())
}

fn field(manifest: &str, name: &str) -> Result<String> {
    let value: Value = serde_json::from_str(manifest)?;
    let value = value[name]
        .as_str()
        .with_context(|| format!("manifest.json has no {name}"))?;
    Ok(value.to_owned())
}

/// The archive of a target without libraries, headers and link kit.
fn needed_part(archive: &Path) -> Result<Vec<u8>> {
    let work = tempfile::tempdir()?;
    let root = work.path().join("root");
    pack::unpack(archive, &root)?;
    for entry in std::fs::read_dir(root.join("python"))? {
        let path = entry?.path();
        if NEEDED.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if path.is_dir() {
            std::fs::remove_dir_all(&path)?;
        } else {
            std::fs::remove_file(&path)?;
        }
    }
    let headers = root.join("python/install/include");
    if headers.is_dir() {
        std::fs::remove_dir_all(headers)?;
    }
    let packed = work.path().join("packed.tar.zst");
    pack::pack(&root, &packed)?;
    Ok(std::fs::read(packed)?)
}

/// The licence texts that the stub carries. Its build script has left them, as a zstd frame, in one
/// of its folders; the right one is the one whose frame is in the stub.
fn licence_texts(repository: &Path, triple: &str, image: &[u8]) -> Result<String> {
    let folder = repository
        .join("target/stub-build")
        .join(triple)
        .join("release/build");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))?;
    for entry in entries {
        let Ok(packed) = std::fs::read(entry?.path().join("out/licenses.txt.zst")) else {
            continue;
        };
        if !packed.is_empty() && contains(image, &packed) {
            return Ok(String::from_utf8(zstd::decode_all(&packed[..])?)?);
        }
    }
    bail!("the licence texts in the stub for {triple} are not those of its build");
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Name and SPDX expression of everything in a text of licences.
fn licences_of(text: &str) -> Value {
    let mut found = Vec::new();
    let mut name = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("======== ") {
            name = Some(title);
        } else if let (Some(spdx), Some(title)) = (line.strip_prefix("SPDX: "), name) {
            found.push(json!({ "name": title, "spdx": spdx }));
            name = None;
        }
    }
    Value::Array(found)
}

/// The SPDX expression of a text of licences together with our own.
fn expression(licences: &str) -> String {
    let mut expressions: Vec<String> = licences_of(licences)
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|licence| licence["spdx"].as_str())
        // Old manifests of crates write a slash.
        .map(|spdx| spdx.replace('/', " OR "))
        .map(|spdx| {
            if spdx.contains(" OR ") {
                format!("({spdx})")
            } else {
                spdx
            }
        })
        .collect();
    expressions.push("(MIT OR Apache-2.0)".to_owned());
    expressions.sort();
    expressions.dedup();
    expressions.join(" AND ")
}

fn metadata(triple: &str, licences: &str) -> String {
    let files = REPOSITORY_LICENCES.iter().chain(&["THIRD-PARTY.txt"]);
    let files: String = files
        .map(|name| format!("License-File: {name}\n"))
        .collect();
    format!(
        "Summary: The prebuilt program for {triple} that oxidize-inject writes applications into\n\
         License-Expression: {}\n{files}Description-Content-Type: text/plain\n\n\
         A stub: a program with CPython and its standard library, which oxidize-inject turns into applications. The\n\
         command fetches it when it is needed; there is nothing to import here.\n",
        expression(licences)
    )
}

/// The lines of a stub in the list: its target, file name of its wheel, its manifest and its
/// program, what it calls itself, and the size of all its files in bytes.
pub fn entry(
    triple: &str,
    wheel: &str,
    manifest: &[u8],
    program: &[u8],
    stub_id: &str,
    size: usize,
) -> String {
    format!(
        "\n[[stub]]\ntarget = \"{triple}\"\nwheel = \"{wheel}\"\nmanifest = \"{}\"\nsha256 = \"{}\"\nstub_id = \"{stub_id}\"\nsize = {size}\n",
        digest::bytes(manifest),
        digest::bytes(program),
    )
}

/// The list of stubs, as a file.
fn list(entries: &[String]) -> String {
    format!(
        "# The stubs that this version of oxidize-inject trusts. Written by `oxidize-prebuilt wheels --write-list`; see docs/stubs.md.\nversion = \"{VERSION}\"\n{}",
        entries.concat()
    )
}

/// Writes the list.
///
/// # Errors
/// If the file cannot be written.
pub fn write_list(repository: &Path, entries: &[String]) -> Result<()> {
    Ok(std::fs::write(repository.join(LIST), list(entries))?)
}

/// Complains about stubs that are not in the list as they are.
///
/// # Errors
/// If the list cannot be read, or lacks one of them.
pub fn check_list(repository: &Path, entries: &[String]) -> Result<()> {
    let text =
        std::fs::read_to_string(repository.join(LIST)).with_context(|| format!("no {LIST}"))?;
    if entries.iter().all(|entry| text.contains(entry.as_str())) {
        return Ok(());
    }
    bail!(
        "{LIST} does not list the stubs that were made\n  hint: oxidize-prebuilt wheels --write-list"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_found_by_their_titles() {
        let text = "======== zlib\n\nzlib\nSPDX: Zlib\n\nSPDX: no\n======== crate a 1\n\nSPDX: MIT/Apache-2.0\n";
        let found = licences_of(text);
        assert_eq!(
            found,
            json!([{ "name": "zlib", "spdx": "Zlib" }, { "name": "crate a 1", "spdx": "MIT/Apache-2.0" }])
        );
        let metadata = metadata("t", text);
        assert!(
            metadata.contains("License-Expression: (MIT OR Apache-2.0) AND Zlib\n"),
            "{metadata}"
        );
    }
}
