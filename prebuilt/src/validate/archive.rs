//! A distribution archive: what its PYTHON.json promises is there, and what is there is machine
//! code without build paths, each object once.

use super::{Complaints, build_paths};
use crate::digest;
use crate::recipe::{Recipes, Target};
use anyhow::{Context, Result};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// LLVM bitcode, bare and in its wrapper.
const BITCODE: [&[u8]; 2] = [b"BC\xC0\xDE", b"\xDE\xC0\x17\x0B"];

pub(super) fn validate(recipes: &Recipes, path: &Path) -> Result<Complaints> {
    let files = read(path)?;
    let mut complaints = Complaints::default();
    for (name, data) in &files {
        // Sources and texts of upstream may show example paths; compiled code may not.
        if name.ends_with(".a")
            || name.ends_with(".o")
            || name.contains(".so")
            || name.ends_with(".json")
        {
            build_paths(data, name, &mut complaints);
        }
    }
    let version = recipes.cpython.python.short();
    match files.get("python/PYTHON.json") {
        Some(document) => {
            let json: serde_json::Value =
                serde_json::from_slice(document).context("PYTHON.json")?;
            let triple = json["target_triple"]
                .as_str()
                .context("PYTHON.json has no target_triple")?;
            target(
                recipes,
                &recipes.target(triple)?,
                &json,
                &files,
                &mut complaints,
            )?;
        }
        None => {
            let lib = format!("python/install/lib/python{version}/");
            complaints.check(files.keys().any(|n| n.starts_with(&lib)), || {
                "neither PYTHON.json nor a Lib folder".into()
            });
            complaints.check(!files.keys().any(|n| n.contains("__pycache__")), || {
                "bytecode of some interpreter".into()
            });
            if files.contains_key(&format!("{lib}os.py")) {
                for name in [
                    "encodings/__init__.py",
                    "importlib/_bootstrap.py",
                    "site.py",
                    "ssl.py",
                    "zipfile/__init__.py",
                ] {
                    complaints.check(files.contains_key(&format!("{lib}{name}")), || {
                        format!("no {name}")
                    });
                }
            }
        }
    }
    Ok(complaints)
}

type Files = BTreeMap<String, Vec<u8>>;

fn target(
    recipes: &Recipes,
    target: &Target,
    json: &serde_json::Value,
    files: &Files,
    complaints: &mut Complaints,
) -> Result<()> {
    let python = &recipes.cpython.python;
    complaints.check(json["python_version"] == python.version.as_str(), || {
        "PYTHON.json is of another version".into()
    });
    let mut defined = BTreeSet::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, data) in files.iter().filter(|(name, _)| name.ends_with(".a")) {
        let archive = ArchiveFile::parse(data.as_slice()).with_context(|| name.clone())?;
        for member in archive.members() {
            let member = member?;
            let object = member.data(data.as_slice())?;
            let place = format!("{name}({})", String::from_utf8_lossy(member.name()));
            complaints.check(
                !BITCODE.iter().any(|magic| object.starts_with(magic)),
                || format!("{place} is bitcode"),
            );
            if let Some(before) = seen.insert(digest::bytes(object), place.clone())
                && object.len() > 1024
            {
                complaints.add(format!("{place} is the same object as {before}"));
            }
            if name.contains("libpython")
                && let Ok(file) = object::File::parse(object)
            {
                // Mach-O puts an underscore before every name of C.
                let prefix = if target.object_format == "macho" {
                    "_"
                } else {
                    ""
                };
                for symbol in file.symbols().filter(ObjectSymbol::is_definition) {
                    let name = symbol.name().unwrap_or_default();
                    defined.insert(name.strip_prefix(prefix).unwrap_or(name).to_owned());
                }
            }
        }
    }
    for module in recipes.modules(target) {
        let init = format!("PyInit_{}", module.name);
        complaints.check(defined.contains(&init), || {
            format!("libpython does not define {init}")
        });
        complaints.check(
            json["build_info"]["extensions"][&module.name].is_array(),
            || format!("PYTHON.json does not list the module {}", module.name),
        );
    }
    for name in ["_PyImport_Inittab", "Py_BytesMain"] {
        complaints.check(defined.contains(name), || {
            format!("libpython does not define {name}")
        });
    }
    let arguments = files
        .get("python/build/link-kit/link.args")
        .context("no link.args")?;
    for line in String::from_utf8_lossy(arguments).lines() {
        if let Some(start) = line.find("{root}/") {
            let name = &line[start + "{root}/".len()..];
            let there = files.contains_key(name)
                || files.keys().any(|f| f.starts_with(&format!("{name}/")));
            complaints.check(there, || {
                format!("link.args names {name}, which is missing")
            });
        }
    }
    for (key, _) in recipes.target_licences(target) {
        let file = format!("python/licenses/{key}.txt");
        complaints.check(files.get(&file).is_some_and(|t| t.len() > 200), || {
            format!("no licence text {key}")
        });
    }
    Ok(())
}

fn read(path: &Path) -> Result<Files> {
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut tar = tar::Archive::new(zstd::Decoder::new(file)?);
    let mut files = Files::new();
    for entry in tar.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut data = Vec::new();
        entry.read_to_end(&mut data)?;
        files.insert(name, data);
    }
    Ok(files)
}
