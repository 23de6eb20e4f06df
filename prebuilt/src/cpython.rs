//! Compiling CPython itself: its C files one by one, without its Makefile.

use crate::compile::{self, Unit};
use crate::digest;
use crate::files::copy_tree;
use crate::recipe::{CPYTHON, Module, On};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Builds `libpython<short>.a` and the bundled libraries into `deps/lib`; answers CPython's source
/// folder.
pub(crate) fn build(place: &Workspace<'_>) -> Result<PathBuf> {
    let source = prepare(place)?;
    let build = place.work.join("build/cpython");
    let mut objects = compile_interpreter(place, &source, &build)?;
    if !place.target.flags.lto.is_empty() {
        objects = vec![whole_program(place, &build, &objects)?];
    }
    objects.extend(crate::support::build(place, &source, &build, &objects)?);
    let library = place.lib().join(library_name(place));
    place.zig.archive(&library, &objects)?;
    build_bundled(place, &source, &build, &place.lib())?;
    Ok(source)
}

/// Unpacks and patches CPython and puts what was generated for it beside; answers its source
/// folder.
pub(crate) fn prepare(place: &Workspace<'_>) -> Result<PathBuf> {
    let cpython = &place.recipes.cpython;
    eprintln!("== CPython {}", cpython.python.version);
    let source = place.fetcher.unpack(CPYTHON, &place.work.join("src"))?;
    apply_patches(&place.recipes.root.join("patches"), &source)?;
    // The checked-in headers are copied into the work folder, whose name the compiler replaces in
    // what it writes.
    let generated = place.work.join("generated");
    if generated.is_dir() {
        std::fs::remove_dir_all(&generated)?;
    }
    copy_tree(&place.recipes.generated(), &generated)?;
    crate::support::copy(place)?;
    let config = config_c(place, &source)?;
    std::fs::write(generated.join("config.c"), config)?;
    Ok(source)
}

/// Compiles the interpreter and its built-in modules into the emptied folder `build`.
pub(crate) fn compile_interpreter(
    place: &Workspace<'_>,
    source: &Path,
    build: &Path,
) -> Result<Vec<PathBuf>> {
    if build.is_dir() {
        std::fs::remove_dir_all(build)?;
    }
    let units = interpreter_units(place, build)?;
    compile::compile(
        place.zig,
        place.target,
        &place.work,
        source,
        "libpython",
        &units,
        place.jobs,
    )?;
    Ok(units.into_iter().map(|u| u.object).collect())
}

/// Makes the libraries that CPython's source tree carries, in the folder `lib`.
pub(crate) fn build_bundled(
    place: &Workspace<'_>,
    source: &Path,
    build: &Path,
    lib: &Path,
) -> Result<()> {
    for bundled in &place.recipes.cpython.bundled {
        let extra = bundled.on.of(&place.target.os);
        let mut arguments = common_arguments(place)?;
        arguments.extend(place.variables.expand_all(&extra.flags)?);
        arguments.extend(compile::defines(&extra.all_defines(&bundled.defines)));
        arguments.extend(bundled.includes.iter().map(|i| format!("-I{i}")));
        let units: Vec<Unit> = extra
            .all_files(&bundled.files)
            .iter()
            .map(|f| unit(f, build, arguments.clone()))
            .collect();
        compile::compile(
            place.zig,
            place.target,
            &place.work,
            source,
            &bundled.name,
            &units,
            place.jobs,
        )?;
        let objects: Vec<PathBuf> = units.into_iter().map(|u| u.object).collect();
        place
            .zig
            .archive(&lib.join(format!("lib{}.a", bundled.name)), &objects)?;
    }
    Ok(())
}

/// Link-time optimisation settled here: a relocatable link turns the objects, which hold LLVM
/// bitcode, into one object of machine code. In such a link every global name stays, so API that
/// CPython itself does not use survives, and `-ffunction-sections` lets the final link drop what
/// nobody refers to.
fn whole_program(place: &Workspace<'_>, build: &Path, objects: &[PathBuf]) -> Result<PathBuf> {
    let object = build.join("libpython.o");
    let status = place
        .zig
        .command("ld.lld")
        .arg("-r")
        .args(&place.target.flags.lto_link)
        .arg("-o")
        .arg(&object)
        .args(objects)
        .status()
        .context("cannot run zig ld.lld")?;
    if !status.success() {
        bail!("zig ld.lld could not optimise libpython as a whole");
    }
    eprintln!("   optimised libpython as a whole");
    Ok(object)
}

/// `libpython3.13.a`.
pub(crate) fn library_name(place: &Workspace<'_>) -> String {
    format!("libpython{}.a", place.recipes.cpython.python.short())
}

/// Flags and include folders of every file of CPython.
pub(crate) fn common_arguments(place: &Workspace<'_>) -> Result<Vec<String>> {
    let compile = &place.recipes.cpython.compile;
    let extra = compile.on.of(&place.target.os);
    let mut arguments = place.target.flags.interpreter.clone();
    arguments.extend(extra.merged(&compile.flags, &extra.flags));
    arguments.extend(profile_arguments(place)?);
    let defines = extra.all_defines(&compile.defines);
    arguments.extend(compile::defines(&place.variables.expand_all(&defines)?));
    for includes in [&extra.includes, &compile.includes] {
        let includes = place.variables.expand_all(includes)?;
        arguments.extend(includes.into_iter().map(|i| format!("-I{i}")));
    }
    Ok(arguments)
}

fn unit(file: &str, build: &Path, arguments: Vec<String>) -> Unit {
    Unit {
        source: file.to_owned(),
        object: build.join(compile::object_name(file)),
        arguments,
    }
}

fn interpreter_units(place: &Workspace<'_>, build: &Path) -> Result<Vec<Unit>> {
    let cpython = &place.recipes.cpython;
    let os = &place.target.os;
    let common = common_arguments(place)?;
    let mut units = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |file: &str, arguments: Vec<String>| -> Result<()> {
        let mut all = common.clone();
        if !place.instrumented && !cpython.compile.without_lto.iter().any(|f| f == file) {
            all.extend(place.target.flags.lto.iter().cloned());
        }
        all.extend(arguments);
        if let Some(per_file) = cpython.file.get(file) {
            let (defines, flags) = match per_file.on.get(os) {
                Some(extra) => (&extra.defines, extra.flags.as_slice()),
                None => (&per_file.defines, [].as_slice()),
            };
            all.extend(compile::defines(&place.variables.expand_all(defines)?));
            all.extend(place.variables.expand_all(flags)?);
        }
        if !seen.insert(compile::object_name(file)) {
            bail!("{file} is named twice in the recipe");
        }
        units.push(unit(file, build, all));
        Ok(())
    };
    let core = cpython.core.on.of(os);
    let defines = compile::defines(&core.all_defines(&cpython.core.defines));
    for file in core.all_files(&cpython.core.files) {
        add(&file, defines.clone())?;
    }
    for module in place.recipes.modules(place.target) {
        for file in module.on.of(os).all_files(&module.files) {
            add(&file, module_arguments(place, module)?)?;
        }
    }
    add("generated/config.c", vec!["-DPy_BUILD_CORE".to_owned()])?;
    if let Some(config) = units.last_mut() {
        // Not part of the source tree: named from there by way of the work folder.
        config.source = "../../generated/config.c".to_owned();
    }
    Ok(units)
}

fn module_arguments(place: &Workspace<'_>, module: &Module) -> Result<Vec<String>> {
    let extra = module.on.of(&place.target.os);
    let mut arguments = vec!["-DPy_BUILD_CORE_BUILTIN".to_owned()];
    arguments.extend(place.variables.expand_all(&module.flags)?);
    arguments.extend(place.variables.expand_all(&extra.flags)?);
    arguments.extend(compile::defines(&extra.all_defines(&module.defines)));
    arguments.extend(module.includes.iter().map(|i| format!("-I{i}")));
    let include = place.include();
    if !module.links.is_empty() {
        arguments.extend(
            module
                .library_includes
                .iter()
                .map(|i| format!("-I{}", include.join(i).display())),
        );
        arguments.push(format!("-I{}", include.display()));
    }
    Ok(arguments)
}

/// The table of built-in modules: CPython's template with its two markers filled, as its makesetup
/// does. The template for Windows is a finished table already; what it has stays as it is.
fn config_c(place: &Workspace<'_>, source: &Path) -> Result<String> {
    let config = &place.recipes.cpython.core.config;
    let name = config
        .get(&place.target.os)
        .with_context(|| format!("[core.config] has nothing for {}", place.target.os))?;
    let template = std::fs::read_to_string(source.join(name))?;
    let (mut declarations, mut entries) = (String::new(), String::new());
    for module in place.recipes.modules(place.target) {
        if template.contains(&format!("{{\"{}\", ", module.name)) {
            continue;
        }
        declarations.push_str(&format!("extern PyObject* PyInit_{}(void);\n", module.name));
        entries.push_str(&format!("    {{\"{0}\", PyInit_{0}}},\n", module.name));
    }
    let mut text = template;
    for (marker, filling) in [
        ("/* -- ADDMODULE MARKER 1 -- */", declarations),
        ("/* -- ADDMODULE MARKER 2 -- */", entries),
    ] {
        if !text.contains(marker) {
            bail!("{name} has no {marker}");
        }
        text = text.replacen(marker, &filling, 1);
    }
    Ok(text)
}

/// Applies the patches in `folder` in order of their names, with `patch -p1`; each says at its head
/// why it is needed.
pub(crate) fn apply_patches(folder: &Path, source: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    let mut patches: Vec<PathBuf> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "patch"))
        .collect();
    patches.sort();
    for patch in patches {
        let status = std::process::Command::new("patch")
            .args(["-p1", "--quiet", "--fuzz=0", "-i"])
            .arg(&patch)
            .current_dir(source)
            .status()
            .context("cannot run patch")?;
        if !status.success() {
            bail!("{} does not apply", patch.display());
        }
    }
    Ok(())
}

/// Compiler arguments of the interpreter that have to do with profiles.
fn profile_arguments(place: &Workspace<'_>) -> Result<Vec<String>> {
    if place.instrumented {
        // Counts blocks after a first round of inlining, and the targets of indirect calls.
        return Ok(vec!["-fprofile-generate".to_owned()]);
    }
    if !place.target.flags.profile {
        return Ok(Vec::new());
    }
    let profile = place.recipes.profile();
    // In the name for the sake of zig's cache, which knows a file by its name only when clang alone
    // reads it.
    let digest = digest::file(&profile).context("the interpreter's profile")?;
    let copy = place
        .work
        .join(format!("profile-{}.profdata", &digest[..16]));
    if !copy.is_file() {
        std::fs::copy(&profile, &copy)?;
    }
    Ok(vec![
        format!("-fprofile-use={}", copy.display()),
        // Not every function is reached by the training, and some differ from those of the system
        // that was trained on.
        "-Wno-profile-instr-unprofiled".to_owned(),
        "-Wno-profile-instr-out-of-date".to_owned(),
        "-Wno-backend-plugin".to_owned(),
    ])
}
