//! Recipes and lock: from upstream sources to static CPython distributions, and from a distribution
//! to a stub.
//!
//! `recipe` reads what is to be built; `fetch`, `zig`, `compile`, `library`, `cpython`, `support`
//! build it; `kit`, `sysconfig`, `python_json`, `licences`, `pack`, `distribution`, `stdlib` make
//! archives of it; `profile` records what the compiler is to optimise for. The README tells why
//! things are the way they are.

#![warn(clippy::missing_errors_doc)]

mod apple;
mod apple_imports;
mod archives;
pub mod cli;
mod compile;
mod cpython;
pub mod crates;
pub mod digest;
mod distribution;
mod fetch;
mod files;
mod kit;
mod library;
mod licences;
pub mod lock;
mod pack;
mod profile;
mod python_json;
pub mod recipe;
mod regenerate;
mod stdlib;
mod stub;
mod support;
mod sysconfig;
pub mod validate;
pub mod wheels;
mod workspace;
mod zig;

use anyhow::{Context, Result};
use cli::{Command, Place, Sources};
use crates::Kept;
use fetch::Fetcher;
use recipe::{Recipes, Target};
use std::path::{Path, PathBuf};
use wheels::tool::{self, Tool};
use workspace::Workspace;
use zig::Zig;

/// The repository: this crate is only ever run from a checkout.
///
/// # Errors
/// A crate without a parent folder.
pub fn repository() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(root
        .parent()
        .context("the crate has no parent folder")?
        .to_owned())
}

/// Carries out a command.
///
/// # Errors
/// Whatever the command runs into, with its causes.
pub fn run(command: &Command) -> Result<()> {
    let repository = repository()?;
    let prebuilt = repository.join("prebuilt");
    match command {
        Command::Build {
            target,
            assemble,
            sources,
            place,
        } => {
            let recipes = Recipes::of(&prebuilt, place.cpython.as_deref())?;
            let target = recipes.target(target)?;
            let out = out(&repository, place);
            let archive = in_workspace(&repository, &recipes, &target, sources, place, |w| {
                if *assemble {
                    distribution::assemble(w, &out)
                } else {
                    distribution::build(w, &out)
                }
            })?;
            println!("{}", archive.display());
        }
        Command::BuildStdlib { sources, place } => {
            let recipes = Recipes::of(&prebuilt, place.cpython.as_deref())?;
            for archive in build_stdlib(&repository, &recipes, sources, place)? {
                println!("{}", archive.display());
            }
        }
        Command::Stub {
            target,
            out,
            cpython,
            distributions,
        } => {
            let recipes = Recipes::of(&prebuilt, cpython.as_deref())?;
            let target = recipes.target(target)?;
            let out = out
                .clone()
                .unwrap_or_else(|| repository.join("target/stubs").join(&target.triple));
            println!(
                "{}",
                stub::build(
                    &repository,
                    &recipes,
                    &target,
                    &out,
                    distributions.as_deref()
                )?
                .display()
            );
        }
        Command::Wheels {
            target,
            out,
            write_list,
            tool,
            program,
            zig,
        } => {
            let recipes = Recipes::locked(&prebuilt)?;
            let out = out
                .clone()
                .unwrap_or_else(|| repository.join("target/wheels"));
            if let (Some(program), [target]) = (program, &target[..]) {
                let tool = Tool::new(&repository, &recipes, target)?;
                let bytes = std::fs::read(program)
                    .with_context(|| format!("cannot read {}", program.display()))?;
                println!("{}", tool.pack(&bytes, &out)?.display());
                return Ok(());
            }
            if program.is_some() {
                anyhow::bail!("one program is for one target");
            }
            if *tool {
                return make_tool_wheels(&repository, &recipes, target, zig.as_deref(), &out);
            }
            make_wheels(&repository, &recipes, target, &out, *write_list)?;
        }
        Command::Lock { check } => write_lock(&prebuilt, *check)?,
        Command::Licences { check } => keep_licences(&repository, *check)?,
        Command::Validate { files, target } => {
            let recipes = Recipes::locked(&prebuilt)?;
            let mut files = files.clone();
            if files.is_empty() {
                let folder = prebuilt.join("distributions");
                let lock = lock::Lock::read(&folder.join("lock.toml"))?;
                files = lock.archive.iter().map(|a| folder.join(&a.file)).collect();
                files.extend(published_stubs(&repository));
            }
            let mut bad = 0;
            for path in &files {
                bad += usize::from(!validate::file(&recipes, path, target.as_deref())?);
            }
            if bad > 0 {
                anyhow::bail!("{bad} of {} files are not what they should be", files.len());
            }
        }
        Command::AppleImports { zig, libsystem_11 } => {
            let recipes = Recipes::locked(&prebuilt)?;
            let zig = Zig::find(
                zig.as_deref(),
                &repository.join("target/prebuilt/zig-cache"),
            )?;
            let full = zig.library().join("libc/darwin/libSystem.tbd");
            apple_imports::renew(&repository, &recipes, &full, libsystem_11)?;
        }
        Command::Regenerate {
            target,
            build_python,
            sources,
            place,
        } => {
            let recipes = Recipes::of(&prebuilt, place.cpython.as_deref())?;
            let target = recipes.target(target)?;
            in_workspace(&repository, &recipes, &target, sources, place, |w| {
                regenerate::run(w, build_python)
            })?;
        }
        Command::Profile {
            target,
            runtime,
            llvm_profdata,
            sources,
            place,
        } => {
            let recipes = Recipes::of(&prebuilt, place.cpython.as_deref())?;
            let target = recipes.target(target)?;
            in_workspace(&repository, &recipes, &target, sources, place, |w| {
                profile::record(w, runtime, llvm_profdata)
            })?;
        }
        Command::Rebuild {
            target,
            check,
            sources,
            place,
        } => {
            rebuild(&repository, &prebuilt, target, *check, sources, place)?;
        }
    }
    Ok(())
}

fn work(repository: &Path, place: &Place) -> PathBuf {
    place
        .work
        .clone()
        .unwrap_or_else(|| repository.join("target/prebuilt"))
}

fn out(repository: &Path, place: &Place) -> PathBuf {
    place
        .out
        .clone()
        .unwrap_or_else(|| repository.join("prebuilt/distributions"))
}

fn in_workspace<T>(
    repository: &Path,
    recipes: &Recipes,
    target: &Target,
    sources: &Sources,
    place: &Place,
    job: impl FnOnce(&mut Workspace<'_>) -> Result<T>,
) -> Result<T> {
    let work = work(repository, place);
    std::fs::create_dir_all(&work)?;
    let work = work.canonicalize()?;
    let zig = Zig::find(sources.zig.as_deref(), &work.join("zig-cache"))?;
    let fetcher = Fetcher::new(recipes, sources.sources.as_deref(), &work.join("downloads"));
    let folder = work.join(&target.triple);
    job(&mut Workspace::new(
        recipes,
        target,
        &zig,
        &fetcher,
        folder,
        place.jobs(),
    )?)
}

fn build(
    repository: &Path,
    recipes: &Recipes,
    target: &Target,
    sources: &Sources,
    place: &Place,
) -> Result<PathBuf> {
    let out = out(repository, place);
    in_workspace(repository, recipes, target, sources, place, |w| {
        distribution::build(w, &out)
    })
}

fn build_stdlib(
    repository: &Path,
    recipes: &Recipes,
    sources: &Sources,
    place: &Place,
) -> Result<[PathBuf; 2]> {
    let work = work(repository, place);
    let fetcher = Fetcher::new(recipes, sources.sources.as_deref(), &work.join("downloads"));
    stdlib::build(
        recipes,
        &fetcher,
        &work.join("stdlib"),
        &out(repository, place),
    )
}

/// Makes the wheels, and compares the list of trusted stubs with them or writes it.
fn make_wheels(
    repository: &Path,
    recipes: &Recipes,
    only: &[String],
    out: &Path,
    write_list: bool,
) -> Result<()> {
    let targets = match only {
        [] => wheels::targets(&repository.join("prebuilt"))?,
        only => only.to_vec(),
    };
    let mut entries = Vec::new();
    for triple in &targets {
        let wheel = wheels::build(repository, recipes, &recipes.target(triple)?, out)?;
        println!("{}", wheel.path.display());
        entries.push(wheel.entry);
    }
    if write_list {
        wheels::write_list(repository, &entries)
    } else {
        wheels::check_list(repository, &entries)
    }
}

/// Makes the wheels of the command.
fn make_tool_wheels(
    repository: &Path,
    recipes: &Recipes,
    only: &[String],
    zig: Option<&Path>,
    out: &Path,
) -> Result<()> {
    let zig = Zig::find(zig, &repository.join("target/tool-build/zig-cache"))?;
    let targets = match only {
        [] => tool::TARGETS.map(oxidize_format::Target::triple).to_vec(),
        only => only.iter().map(String::as_str).collect(),
    };
    for triple in targets {
        let wheel = Tool::new(repository, recipes, triple)?.build(&zig, out)?;
        println!("{}", wheel.display());
    }
    Ok(())
}

fn write_lock(prebuilt: &Path, check: bool) -> Result<()> {
    let recipes = Recipes::locked(prebuilt)?;
    let folder = prebuilt.join("distributions");
    let path = folder.join("lock.toml");
    let text = archives::lock(&recipes, &folder)?.text()?;
    if !check {
        return Ok(std::fs::write(&path, text)?);
    }
    if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    anyhow::bail!(
        "{} is not up to date\n  hint: oxidize-prebuilt lock",
        path.display()
    )
}

/// Brings `stubs/licences` up to date, or says that it is not.
fn keep_licences(repository: &Path, check: bool) -> Result<()> {
    let wanted = Kept::wanted(repository, &wheels::targets(&repository.join("prebuilt"))?)?;
    let differing = wanted.differences(&Kept::found(repository)?);
    if !check {
        return wanted.write(repository);
    }
    if differing.is_empty() {
        return Ok(());
    }
    anyhow::bail!(
        "stubs/licences is not up to date: {}\n  hint: oxidize-prebuilt licences",
        differing.join(", ")
    )
}

/// Builds the locked archives in a fresh folder and compares their bytes.
fn rebuild(
    repository: &Path,
    prebuilt: &Path,
    only: &[String],
    check: bool,
    sources: &Sources,
    place: &Place,
) -> Result<()> {
    let recipes = Recipes::of(prebuilt, place.cpython.as_deref())?;
    let lock = lock::Lock::read(&prebuilt.join("distributions/lock.toml"))?;
    let fresh = work(repository, place).join("rebuild");
    if fresh.is_dir() {
        std::fs::remove_dir_all(&fresh)?;
    }
    let inner = Place {
        work: Some(fresh.clone()),
        out: Some(fresh.join("out")),
        cpython: place.cpython.clone(),
        jobs: place.jobs,
    };
    let wanted = |name: &str| {
        only.is_empty()
            || only
                .iter()
                .any(|o| o == name || (o == "stdlib" && name == "tests"))
    };
    let mut differing = Vec::new();
    if wanted("stdlib") || wanted("tests") {
        build_stdlib(repository, &recipes, sources, &inner)?;
    }
    for archive in lock.archive.iter().filter(|a| wanted(&a.name)) {
        if archive.name != "stdlib" && archive.name != "tests" {
            build(
                repository,
                &recipes,
                &recipes.target(&archive.name)?,
                sources,
                &inner,
            )?;
        }
        let found = digest::file(&fresh.join("out").join(&archive.file))?;
        let verdict = if found == archive.sha256 {
            "same"
        } else {
            "DIFFERENT"
        };
        println!("{verdict}  {} {found}", archive.file);
        if found != archive.sha256 {
            differing.push(archive.file.clone());
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    if !check {
        let out = out(repository, place);
        for file in &differing {
            std::fs::copy(fresh.join("out").join(file), out.join(file))?;
        }
    }
    anyhow::bail!("not what lock.toml says: {}", differing.join(", "))
}

/// Stubs that `stub` has made, with a manifest beside them.
fn published_stubs(repository: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(repository.join("target/stubs"))
        .into_iter()
        .flatten()
        .flatten();
    let mut stubs: Vec<PathBuf> = folders
        .filter(|folder| folder.path().join("manifest.json").is_file())
        .flat_map(|folder| {
            ["oxidize-stub", "oxidize-stub.exe"].map(|name| folder.path().join(name))
        })
        .filter(|stub| stub.is_file())
        .collect();
    stubs.sort();
    stubs
}
