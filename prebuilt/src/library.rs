//! Building the C libraries of `recipes/libraries.toml`.

use crate::compile::{self, Unit};
use crate::files::copy_tree;
use crate::recipe::{Library, On, Variables};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds every library of the target into `deps/lib` and `deps/include`; those with a stamp of the
/// same recipe are left as they are.
pub(crate) fn build_all(place: &Workspace<'_>) -> Result<()> {
    for library in place.recipes.target_libraries(place.target) {
        build(place, library).with_context(|| format!("library {}", library.name))?;
    }
    Ok(())
}

fn build(place: &Workspace<'_>, library: &Library) -> Result<()> {
    let stamp = place.work.join("stamps").join(&library.name);
    let flags = &place.target.flags;
    let key = format!(
        "{library:?} {:?} {:?} {}",
        flags.all, flags.libraries, place.target.zig
    );
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(());
    }
    eprintln!("== {} {}", library.name, library.version);
    let source = match library.source.strip_prefix("crate:") {
        Some(name) => copy_tree_once(
            &place.fetcher.carrier(name)?,
            &place.work.join("src").join(name),
        )?,
        None => place
            .fetcher
            .unpack(&library.source, &place.work.join("src"))?,
    };
    let source = if library.dir.is_empty() {
        source
    } else {
        source.join(&library.dir)
    };
    let build = place.work.join("build").join(&library.name);
    let out = place.work.join("out").join(&library.name);
    for folder in [&build, &out] {
        if folder.is_dir() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
    }
    let arch = library.per_arch(place.target);
    let mut variables = place.variables.clone();
    variables
        .set_path("src", &source)
        .set_path("build", &build)
        .set_path("out", &out);
    variables.set("flags", place.target.flags.libraries.join(" "));
    for (name, value) in arch.into_iter().flat_map(|a| &a.variables) {
        variables.set(name, value.clone());
    }
    if library.steps.is_empty() {
        compile_files(place, library, &source, &build, &variables)?;
    } else {
        run_steps(place, library, &build, &variables)?;
    }
    std::fs::create_dir_all(place.work.join("stamps"))?;
    Ok(std::fs::write(stamp, key)?)
}

fn compile_files(
    place: &Workspace<'_>,
    library: &Library,
    source: &Path,
    build: &Path,
    variables: &Variables,
) -> Result<()> {
    for header in &library.generate {
        let to = build.join(&header.to);
        let mut text = if header.recipe.is_empty() {
            std::fs::read_to_string(source.join(variables.expand(&header.from)?))?
        } else {
            std::fs::read_to_string(place.recipes.root.join("recipes").join(&header.recipe))?
        };
        for (from, into) in &header.replace {
            text = text.replace(from, &variables.expand(into)?);
        }
        std::fs::write(to, text)?;
    }
    let arch = library.per_arch(place.target);
    let extra = library.on.of(&place.target.os);
    let mut arguments = place.target.flags.libraries.clone();
    arguments.extend(variables.expand_all(&library.flags)?);
    arguments.extend(variables.expand_all(&extra.flags)?);
    arguments.extend(compile::defines(&extra.all_defines(&library.defines)));
    arguments.extend(
        arch.map(|a| compile::defines(&a.defines))
            .unwrap_or_default(),
    );
    arguments.extend(
        variables
            .expand_all(&extra.includes)?
            .into_iter()
            .chain(variables.expand_all(&library.includes)?)
            .map(|i| format!("-I{i}")),
    );
    let common = extra.all_files(&library.files);
    let files = common.iter().chain(arch.into_iter().flat_map(|a| &a.files));
    let units: Vec<Unit> = files
        .map(|file| Unit {
            source: file.clone(),
            object: build.join(compile::object_name(file)),
            arguments: arguments.clone(),
        })
        .collect();
    compile::compile(
        place.zig,
        place.target,
        &place.work,
        source,
        &library.name,
        &units,
        place.jobs,
    )?;
    let objects: Vec<PathBuf> = units.into_iter().map(|u| u.object).collect();
    place.zig.archive(
        &place.lib().join(format!("lib{}.a", library.name)),
        &objects,
    )?;
    let include = place.include().join(&library.headers_to);
    for header in &library.headers {
        let from = source
            .join(&library.headers_dir)
            .join(variables.expand(header)?);
        let name = if header.starts_with('{') {
            header.rsplit('/').next().unwrap_or(header)
        } else {
            header
        };
        let to = include.join(name);
        std::fs::create_dir_all(to.parent().unwrap_or(&include))?;
        std::fs::copy(&from, &to).with_context(|| format!("no header {}", from.display()))?;
    }
    Ok(())
}

fn run_steps(
    place: &Workspace<'_>,
    library: &Library,
    build: &Path,
    variables: &Variables,
) -> Result<()> {
    let log_path = place
        .work
        .join("logs")
        .join(format!("{}.log", library.name));
    std::fs::create_dir_all(place.work.join("logs"))?;
    let log = std::fs::File::create(&log_path)?;
    let path = std::env::var("PATH").unwrap_or_default();
    for step in &library.steps {
        let words = variables.expand_all(step)?;
        let shown: Vec<&str> = words
            .iter()
            .take(3)
            .map(|w| w.rsplit('/').next().unwrap_or(w))
            .collect();
        eprintln!("   {}", shown.join(" "));
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(make_variables(place, &words))
            .current_dir(build)
            .env("PATH", format!("{}:{path}", place.wrappers().display()))
            // One language for sorting and messages, one moment for whatever stamps a date.
            .env("LC_ALL", "C")
            .env("SOURCE_DATE_EPOCH", "315532800")
            .env("ZERO_AR_DATE", "1")
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        for (name, value) in &library.environment {
            command.env(name, variables.expand(value)?);
        }
        let status = command
            .status()
            .with_context(|| format!("cannot run {}", words[0]))?;
        if !status.success() {
            let text = std::fs::read_to_string(&log_path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(15)..].join("\n");
            bail!(
                "step failed: {}\n{tail}\n  log: {}",
                words.join(" "),
                log_path.display()
            );
        }
    }
    for from in variables.expand_all(&library.collect)? {
        let from = PathBuf::from(from);
        let name = from.file_name().context("collect names no file")?;
        std::fs::copy(&from, place.lib().join(name))
            .with_context(|| format!("not made: {}", from.display()))?;
    }
    for from in variables.expand_all(&library.collect_headers)? {
        copy_tree(Path::new(&from), &place.include())?;
    }
    Ok(())
}

/// What the target's recipe adds to every call of make.
fn make_variables<'a>(place: &'a Workspace<'_>, words: &[String]) -> &'a [String] {
    if words[0] == "make" {
        &place.target.make_variables
    } else {
        &[]
    }
}

/// The carrier's folder is cargo's and read-only for us; the compiler runs in a copy so that no
/// path of cargo's registry comes near an object.
fn copy_tree_once(from: &Path, to: &Path) -> Result<PathBuf> {
    if to.is_dir() {
        std::fs::remove_dir_all(to)?;
    }
    copy_tree(from, to)?;
    Ok(to.to_owned())
}
