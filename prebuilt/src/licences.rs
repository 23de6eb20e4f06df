//! Collecting licence texts from the very sources that were compiled.

use crate::recipe::Licence;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Writes `licenses/NAME.txt` for everything that is in the target's archive.
pub(crate) fn write(place: &Workspace<'_>) -> Result<()> {
    let folder = place.dist().join("licenses");
    std::fs::create_dir_all(&folder)?;
    for (key, licence) in concerning(place) {
        let text = text(place, licence).with_context(|| format!("licence {key}"))?;
        std::fs::write(folder.join(format!("{key}.txt")), text)?;
    }
    Ok(())
}

/// The licences of a target, by name.
pub(crate) fn concerning<'a>(
    place: &'a Workspace<'_>,
) -> impl Iterator<Item = (&'a String, &'a Licence)> {
    place.recipes.target_licences(place.target)
}

fn text(place: &Workspace<'_>, licence: &Licence) -> Result<String> {
    let mut text = format!("{}\nSPDX: {}\n", licence.name, licence.spdx);
    if !licence.note.is_empty() {
        text.push_str(&format!("\n{}\n", licence.note.trim()));
    }
    for file in &licence.files {
        text.push_str(
            "\n------------------------------------------------------------------------\n\n",
        );
        text.push_str(&part(place, file).with_context(|| file.clone())?);
    }
    Ok(text)
}

fn part(place: &Workspace<'_>, spec: &str) -> Result<String> {
    let (path, lines) = match spec.split_once('#') {
        Some((path, lines)) => (path, Some(lines)),
        None => (spec, None),
    };
    let path = locate(place, path)?;
    // Old notices are Latin-1 here and there.
    let text = String::from_utf8_lossy(
        &std::fs::read(&path).with_context(|| format!("no {}", path.display()))?,
    )
    .into_owned();
    let Some(lines) = lines else { return Ok(text) };
    let (first, last) = lines.split_once('-').context("lines are FIRST-LAST")?;
    let (first, last): (usize, usize) = (first.parse()?, last.parse()?);
    let chosen: Vec<&str> = text
        .lines()
        .skip(first.saturating_sub(1))
        .take(last + 1 - first)
        .collect();
    if !chosen
        .iter()
        .any(|l| l.contains("opyright") || l.contains("blessing"))
    {
        bail!(
            "lines {first} to {last} of {} hold no notice any more",
            path.display()
        );
    }
    Ok(chosen.join("\n") + "\n")
}

fn locate(place: &Workspace<'_>, spec: &str) -> Result<PathBuf> {
    let (origin, path) = spec
        .split_once(':')
        .context("a licence file is ORIGIN:PATH")?;
    let unpacked = place.work.join("src");
    Ok(match origin {
        "zig" => place.zig.exe.parent().unwrap_or(Path::new("/")).join(path),
        "here" => place.recipes.root.join("recipes").join(path),
        "crate" => {
            let (name, path) = path
                .split_once(':')
                .context("a carrier's file is crate:NAME:PATH")?;
            place.fetcher.carrier(name)?.join(path)
        }
        name => match place.recipes.sources.get(name) {
            Some(source) => unpacked.join(&source.root).join(path),
            None => bail!("unknown origin {name}"),
        },
    })
}
