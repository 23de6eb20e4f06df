//! Link inputs for Windows: the startup object, mingw-w64's part of the C runtime, compiler_rt,
//! libunwind, and import libraries for the Universal C Runtime and the system's DLLs. zig carries
//! the sources of all of it.

use crate::workspace::Workspace;
use crate::zig::Zig;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Static libraries as zig calls them, and as the kit does.
const STATIC: [(&str, &str); 3] = [
    ("libmingw32.lib", "libmingw32.a"),
    ("compiler_rt.lib", "libcompiler_rt.a"),
    ("unwind.lib", "libunwind.a"),
];

/// Libraries that rustc and pyo3-ffi ask for by name and that are here under other names. `msvcrt`
/// would bring a second C runtime.
const EMPTY: [&str; 7] = [
    "libmsvcrt.a",
    "libmingwex.a",
    "libgcc.a",
    "libgcc_eh.a",
    "libgcc_s.a",
    "libpthread.a",
    "libpythonXY.a",
];

/// DLLs of the C runtime that every program of zig's is linked with.
const RUNTIME: [&str; 15] = [
    "conio",
    "convert",
    "environment",
    "filesystem",
    "heap",
    "locale",
    "math",
    "multibyte",
    "private",
    "process",
    "runtime",
    "stdio",
    "string",
    "time",
    "utility",
];

/// Lets zig link an empty program, and takes what it made for that from a cache which was empty
/// before.
pub(super) fn write(place: &Workspace<'_>, to: &Path) -> Result<()> {
    let probe = place.work.join("build/kit");
    let cache = probe.join("zig-cache");
    let libraries = &place.target.inputs.libraries;
    // zig needs a minute for all of it, so what a former run made with the same words is taken.
    let stamp = probe.join("done");
    let key = format!("{} {libraries:?}", place.target.zig);
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return take(place, &cache, to);
    }
    if cache.is_dir() {
        std::fs::remove_dir_all(&cache)?;
    }
    std::fs::create_dir_all(&probe)?;
    std::fs::write(probe.join("probe.c"), "int main(void) { return 0; }\n")?;
    let zig = Zig {
        exe: place.zig.exe.clone(),
        cache: cache.clone(),
    };
    let status = zig
        .command("cc")
        .args([
            "-target",
            &place.target.zig,
            "-O2",
            "-s",
            "probe.c",
            "-o",
            "probe.exe",
            "-lunwind",
        ])
        .args(libraries.iter().map(|l| format!("-l{l}")))
        .current_dir(&probe)
        .status()
        .context("cannot run zig cc")?;
    if !status.success() {
        bail!("zig cc cannot link a program for {}", place.target.zig);
    }
    take(place, &cache, to)?;
    Ok(std::fs::write(stamp, key)?)
}

/// Copies the files out of zig's cache, under the names of the kit.
fn take(place: &Workspace<'_>, cache: &Path, to: &Path) -> Result<()> {
    std::fs::copy(made(cache, "crt2.obj")?, to.join("crt2.o"))?;
    for (theirs, ours) in STATIC {
        std::fs::copy(made(cache, theirs)?, to.join(ours))?;
        super::neutral_members(place, &to.join(ours))?;
    }
    let runtime = RUNTIME.map(|part| format!("api-ms-win-crt-{part}-l1-1-0"));
    for name in runtime.iter().chain(&place.target.inputs.libraries) {
        std::fs::copy(
            made(cache, &format!("{name}.lib"))?,
            to.join(format!("lib{name}.a")),
        )?;
    }
    for name in EMPTY {
        place.zig.archive(&to.join(name), &[])?;
    }
    Ok(())
}

/// The one file of that name in zig's cache; several must be equal.
fn made(cache: &Path, name: &str) -> Result<PathBuf> {
    let mut found: Option<PathBuf> = None;
    for entry in std::fs::read_dir(cache.join("o"))? {
        let path = entry?.path().join(name);
        if !path.is_file() {
            continue;
        }
        if let Some(before) = &found
            && std::fs::read(before)? != std::fs::read(&path)?
        {
            bail!(
                "zig made two different {name}: {} and {}",
                before.display(),
                path.display()
            );
        }
        found = Some(path);
    }
    found.with_context(|| format!("zig made no {name} for an empty program"))
}
