//! Profile-guided optimisation of the interpreter: recording how often its branches are taken, and
//! compiling with that.
//!
//! The profile is data that is checked in. Recording needs a run of the interpreter and a runtime
//! library that zig does not carry; compiling with it needs nothing, for any target: functions are
//! found by file, name and a hash of their control flow, and a function that looks different on
//! another system is compiled without.

use crate::files::copy_tree;
use crate::workspace::Workspace;
use crate::{compile, cpython, kit, library, sysconfig};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the counting interpreter, trains it as CPython's own build does, and writes
/// [`crate::recipe::Recipes::profile`].
pub(crate) fn record(
    place: &mut Workspace<'_>,
    runtime: &Path,
    llvm_profdata: &Path,
) -> Result<()> {
    let runtime = runtime.canonicalize().context("--runtime")?;
    library::build_all(place)?;
    place.instrumented = true;
    let source = cpython::prepare(place)?;
    let work = place.work.join("build/profile");
    if work.is_dir() {
        std::fs::remove_dir_all(&work)?;
    }
    let lib = work.join("lib");
    std::fs::create_dir_all(&lib)?;
    let objects = cpython::compile_interpreter(place, &source, &work.join("cpython"))?;
    cpython::build_bundled(place, &source, &work.join("cpython"), &lib)?;
    let python = install(place, &source, &work, &objects, &runtime)?;

    eprintln!("== training");
    let raw = work.join("raw");
    std::fs::create_dir_all(&raw)?;
    // Processes of the same program add to one of four files. Failing tests are no reason to stop,
    // as in CPython's Makefile.
    let status = Command::new(&python)
        .args(["-m", "test", "--pgo", "--timeout=1200"])
        .current_dir(&work)
        .env("LLVM_PROFILE_FILE", raw.join("%4m.profraw"))
        .env("LC_ALL", "C.UTF-8")
        .status()
        .with_context(|| format!("cannot run {}", python.display()))?;
    eprintln!("   training ended: {status}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&raw)? {
        files.push(entry?.path());
    }
    if files.is_empty() {
        bail!("the training left no counts in {}", raw.display());
    }
    let profile = place.recipes.profile();
    std::fs::create_dir_all(profile.parent().context("profile")?)?;
    let status = Command::new(llvm_profdata)
        .args(["merge", "--sparse", "-o"])
        .arg(&profile)
        .args(&files)
        .status()
        .with_context(|| {
            format!(
                "cannot run {}\n  hint: name it with --llvm-profdata",
                llvm_profdata.display()
            )
        })?;
    if !status.success() {
        bail!("llvm-profdata could not merge the counts");
    }
    println!(
        "{} ({} bytes)",
        profile.display(),
        profile.metadata()?.len()
    );
    Ok(())
}

/// Links the counting interpreter and puts it where it finds its library by itself; answers the
/// program.
fn install(
    place: &Workspace<'_>,
    source: &Path,
    work: &Path,
    objects: &[PathBuf],
    runtime: &Path,
) -> Result<PathBuf> {
    let main = compile::Unit {
        source: "Programs/python.c".to_owned(),
        object: work.join("main.o"),
        arguments: cpython::common_arguments(place)?,
    };
    let main_object = main.object.clone();
    compile::compile(
        place.zig,
        place.target,
        &place.work,
        source,
        "its main program",
        &[main],
        1,
    )?;
    let short = place.recipes.cpython.python.short();
    let home = work.join("home");
    let stdlib = home.join(format!("lib/python{short}"));
    copy_tree(&source.join("Lib"), &stdlib)?;
    std::fs::create_dir_all(stdlib.join("lib-dynload"))?;
    if let Some(name) = sysconfig::file_name(place) {
        let variables = sysconfig::variables(place)?;
        std::fs::write(stdlib.join(name), sysconfig::module(&variables))?;
    }
    std::fs::create_dir_all(home.join("bin"))?;
    let python = home.join(format!("bin/python{short}"));
    let bundled = work.join("lib");
    let libraries = kit::archives(place).into_iter().skip(1).map(|name| {
        let own = bundled.join(&name);
        if own.is_file() {
            own
        } else {
            place.lib().join(name)
        }
    });
    let status = place
        .zig
        .cc(place.target, &place.work)
        .arg("-rdynamic")
        .arg(main_object)
        .args(objects)
        .args(libraries)
        .arg(runtime)
        // What clang's own driver adds; without it nothing asks for the runtime, and nothing is
        // written.
        .arg("-Wl,-u,__llvm_profile_runtime")
        .args(["-lm", "-lpthread", "-ldl", "-lutil", "-lrt", "-o"])
        .arg(&python)
        .status()
        .context("cannot run zig cc")?;
    if !status.success() {
        bail!("the counting interpreter could not be linked");
    }
    Ok(python)
}
