//! Judging finished artifacts: an archive or a stub, against what its target's recipe promises.
//! Every complaint is collected, so that one run shows all.

mod archive;
mod elf;
mod macho;
mod pe;

use crate::recipe::{Recipes, Target};
use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};
use oxidize_format::{Descriptor, Hex};
use std::path::Path;

/// What is wrong with a file; empty: nothing.
#[derive(Debug, Default)]
pub struct Complaints(pub Vec<String>);

impl Complaints {
    fn add(&mut self, text: impl Into<String>) {
        self.0.push(text.into());
    }

    fn check(&mut self, good: bool, text: impl FnOnce() -> String) {
        if !good {
            self.add(text());
        }
    }
}

/// Validates one file, archive or stub, and prints the verdict. `triple` is needed for a stub
/// without manifest.
///
/// # Errors
/// A file that cannot be read, or a stub whose target nothing tells. What is wrong with a file
/// that can be read is printed, and the answer is `false`.
pub fn file(recipes: &Recipes, path: &Path, triple: Option<&str>) -> Result<bool> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let complaints = if name.ends_with(".tar.zst") {
        archive::validate(recipes, path)?
    } else {
        let manifest = path.with_file_name("manifest.json");
        let triple = match triple {
            Some(triple) => triple.to_owned(),
            None => {
                let text = std::fs::read(&manifest).with_context(|| {
                    format!(
                        "{} has no manifest.json beside it: name --target",
                        path.display()
                    )
                })?;
                let json: serde_json::Value = serde_json::from_slice(&text)?;
                json["target"]
                    .as_str()
                    .context("manifest.json names no target")?
                    .to_owned()
            }
        };
        stub(recipes, &recipes.target(&triple)?, path)?
    };
    if complaints.0.is_empty() {
        println!("good  {}", path.display());
    } else {
        println!("BAD   {}", path.display());
        for complaint in &complaints.0 {
            println!("      - {complaint}");
        }
    }
    Ok(complaints.0.is_empty())
}

fn stub(recipes: &Recipes, target: &Target, path: &Path) -> Result<Complaints> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut complaints = Complaints::default();
    if let Err(error) = slot(&bytes) {
        complaints.add(error.to_string());
    }
    match target.object_format.as_str() {
        "elf" => elf::validate(recipes, target, &bytes, &mut complaints)?,
        "coff" => pe::validate(target, &bytes, &mut complaints)?,
        "macho" => macho::validate(recipes, target, &bytes, &mut complaints)?,
        other => bail!("no validator for {other} yet"),
    }
    // Their names, as the table of built-in modules points to them.
    let missing: Vec<&str> = recipes
        .modules(target)
        .map(|module| module.name.as_str())
        .filter(|name| !contains(&bytes, format!("\0{name}\0").as_bytes()))
        .collect();
    complaints.check(missing.is_empty(), || {
        format!("not built in: {}", missing.join(", "))
    });
    build_paths(&bytes, "the stub", &mut complaints);
    Ok(complaints)
}

/// Complains about folders of the machine that built something. Home folders of any machine count,
/// not only ours.
fn build_paths(bytes: &[u8], what: &str, complaints: &mut Complaints) {
    let mut prefixes = vec![
        "/home/".to_owned(),
        "/root/".to_owned(),
        "/Users/".to_owned(),
        "/zig-cache/".to_owned(),
    ];
    if let Ok(root) = crate::repository() {
        prefixes.push(format!("{}/", root.display()));
    }
    for prefix in prefixes {
        if let Some(at) = find(bytes, prefix.as_bytes()) {
            let start = bytes[..at]
                .iter()
                .rposition(|b| !(0x20..0x7f).contains(b))
                .map_or(0, |p| p + 1);
            let end = bytes[at..]
                .iter()
                .position(|b| !(0x20..0x7f).contains(b))
                .map_or(bytes.len(), |p| at + p);
            let text = String::from_utf8_lossy(
                &bytes[start.max(at.saturating_sub(80))..end.min(at + 160)],
            )
            .into_owned();
            complaints.add(format!("{what} holds a path of a build machine: {text}"));
        }
    }
}

fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    find(bytes, pattern).is_some()
}

/// Position of the first occurrence. Looks for the rarest-looking byte first would be faster;
/// archives of 40 MB take well under a second this way too.
fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let (first, rest) = pattern.split_first()?;
    let mut from = 0;
    while let Some(offset) = bytes[from..].iter().position(|b| b == first) {
        let at = from + offset;
        if bytes[at + 1..].starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// What the slot of a stub says about it.
#[derive(Debug)]
pub struct Slot {
    /// 32 hex digits.
    pub stub_id: String,
    /// Version of the agreement between stub and blob.
    pub abi: u32,
}

/// Reads the descriptor in an empty stub's slot.
///
/// # Errors
/// A file of no known format, without a slot, or with resources in it.
pub fn slot(bytes: &[u8]) -> Result<Slot> {
    let file = object::File::parse(bytes)?;
    let name = match file.format() {
        object::BinaryFormat::Pe => ".oxidesc",
        object::BinaryFormat::MachO => "__oxidesc",
        _ => ".note.oxidize",
    };
    let Some(section) = file.section_by_name(name) else {
        bail!("there is no slot for a blob ({name})");
    };
    let data = section.data()?;
    let Some(at) = find(data, b"OXIDESC1") else {
        bail!("the slot holds no descriptor");
    };
    let descriptor = Descriptor::read(&data[at..]).context("the slot's descriptor")?;
    if !descriptor.is_empty() {
        bail!("the slot is taken: this is an application, not a stub");
    }
    Ok(Slot {
        stub_id: Hex(&descriptor.stub_id).to_string(),
        abi: descriptor.stub_abi,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_bytes() {
        assert_eq!(find(b"aab", b"ab"), Some(1));
        assert_eq!(find(b"aab", b"abc"), None);
        assert_eq!(find(b"", b"a"), None);
    }

    #[test]
    fn names_a_build_path() {
        let mut complaints = Complaints::default();
        build_paths(b"\0/home/someone/src/x.c\0", "it", &mut complaints);
        assert_eq!(
            complaints.0,
            ["it holds a path of a build machine: /home/someone/src/x.c"]
        );
    }
}
