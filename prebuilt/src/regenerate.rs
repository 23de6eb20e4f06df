//! Renewing the checked-in files that come from CPython's `configure` and from a running Python:
//! `pyconfig.h`, `config_vars.json`, the headers of frozen modules. This is the only use of
//! configure and make.

mod windows;

use crate::apple::Imports;
use crate::library;
use crate::recipe::{CPYTHON, InputsKind};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Answers to configure's checks that it would have to run a program for, or that zig would answer
/// wrongly: facts about 64-bit Linux and about macOS. What differs between targets of a system is
/// in the target's `configure` key.
const LINUX: &str = include_str!("../recipes/configure.cache");
const MACOS: &str = include_str!("../recipes/configure-macos.cache");

/// Runs configure for the target and writes `prebuilt/generated`.
pub(crate) fn run(place: &Workspace<'_>, build_python: &Path) -> Result<()> {
    let python = &place.recipes.cpython.python;
    let build_python = build_python.canonicalize().context("--build-python")?;
    same_version(&build_python, python.short())?;
    if place.target.os == "windows" {
        return without_configure(place, &build_python);
    }
    library::build_all(place)?;
    eprintln!("== configure for {}", place.target.triple);
    let source = place.fetcher.unpack(CPYTHON, &place.work.join("src"))?;
    let folder = place.work.join("build/configure");
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    configure(place, &source, &folder, &build_python)?;

    let generated = place.recipes.generated();
    let target = generated.join(&place.target.triple);
    std::fs::create_dir_all(&target)?;
    std::fs::copy(folder.join("pyconfig.h"), target.join("pyconfig.h"))?;
    let variables = config_vars(place, &source, &folder, &build_python)?;
    std::fs::write(target.join("config_vars.json"), variables)?;
    freeze(
        &source,
        &build_python,
        &generated.join("Python/frozen_modules"),
    )?;
    compare_with_makefile(place, &folder)
}

fn without_configure(place: &Workspace<'_>, build_python: &Path) -> Result<()> {
    let source = place.fetcher.unpack(CPYTHON, &place.work.join("src"))?;
    let generated = place.recipes.generated();
    let target = generated.join(&place.target.triple);
    std::fs::create_dir_all(&target)?;
    std::fs::write(
        target.join("pyconfig.h"),
        windows::pyconfig(place, &source)?,
    )?;
    std::fs::write(target.join("config_vars.json"), windows::config_vars(place))?;
    freeze(
        &source,
        build_python,
        &generated.join("Python/frozen_modules"),
    )?;
    windows::compare_with_projects(place, &source)
}

fn same_version(build_python: &Path, short: &str) -> Result<()> {
    let output = Command::new(build_python)
        .arg("-V")
        .output()
        .with_context(|| format!("cannot run {}", build_python.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if text.starts_with(&format!("Python {short}.")) {
        Ok(())
    } else {
        bail!(
            "{} is {text}, a Python {short} is needed",
            build_python.display()
        )
    }
}

fn configure(
    place: &Workspace<'_>,
    source: &Path,
    folder: &Path,
    build_python: &Path,
) -> Result<()> {
    let macos = place.target.os == "macos";
    let cache = if macos { MACOS } else { LINUX };
    // What comes later wins: the file is a shell script.
    let own = place.target.configure.join("\n");
    std::fs::write(folder.join("config.site"), format!("{cache}{own}\n"))?;
    let script = script(place, source, folder)?;
    let path = format!(
        "{}:{}",
        place.wrappers().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let (include, lib) = (place.include(), place.lib());
    let mut arguments = vec![
        "--build=x86_64-pc-linux-gnu".to_owned(),
        format!("--host={}", place.target.autoconf),
        format!("--prefix={}", place.recipes.cpython.python.prefix),
        format!("--with-build-python={}", build_python.display()),
        format!("--with-openssl={}", place.work.join("deps").display()),
    ];
    let fixed = [
        "--disable-shared",
        "--without-ensurepip",
        "--disable-test-modules",
        "--with-openssl-rpath=no",
        "--with-computed-gotos",
        "--with-readline=editline",
        "--with-ssl-default-suites=openssl",
    ];
    arguments.extend(fixed.map(str::to_owned));
    if place.target.inputs.kind != InputsKind::RustSelfContained {
        // A static program cannot load SQLite's extensions.
        arguments.push("--enable-loadable-sqlite-extensions".to_owned());
    }
    let mut command = Command::new(script);
    command
        .arg(format!("--srcdir={}", source.display()))
        .args(&arguments)
        .current_dir(folder)
        .env("PATH", &path)
        .env("CONFIG_SITE", folder.join("config.site"))
        .env("PKG_CONFIG", "/bin/false")
        .env("MODULE_BUILDTYPE", "static")
        .envs([
            ("CC", "cc"),
            ("AR", "ar"),
            ("RANLIB", "ranlib"),
            ("OPT", "-O3"),
            ("LC_ALL", "C"),
        ])
        .env("CPPFLAGS", format!("-I{}", include.display()))
        .env("LDFLAGS", format!("-L{}", lib.display()));
    if macos {
        // From where it asks for CoreFoundation on, every check that links needs the framework.
        let sdk = place.work.join("sdk");
        Imports::read(&place.recipes.root)?.write_stubs(&sdk, &place.target.arch)?;
        let frameworks = sdk.join("System/Library/Frameworks");
        let flags = format!("-L{} -F{}", lib.display(), frameworks.display());
        command.env("LDFLAGS", flags);
        // Its own name for what the compiler is told as well, and what `sysconfig` will say.
        command.env("MACOSX_DEPLOYMENT_TARGET", &place.target.oldest_macos);
    }
    for (name, extra_include, libraries) in [
        ("LIBFFI", "", "-lffi"),
        ("LIBSQLITE3", "", "-lsqlite3 -lm -lpthread -ldl"),
        ("LIBLZMA", "", "-llzma -lpthread"),
        ("BZIP2", "", "-lbz2"),
        ("ZLIB", "", "-lz"),
        ("LIBEDIT", "", "-ledit -lncursesw"),
        ("CURSES", "ncursesw", "-lncursesw"),
        ("PANEL", "ncursesw", "-lpanelw -lncursesw"),
        ("LIBUUID", "uuid", "-luuid"),
    ] {
        // libSystem has its own, which is another one than util-linux's and which configure asks
        // about only if not told.
        if macos && name == "LIBUUID" {
            continue;
        }
        let static_curses = if extra_include == "ncursesw" {
            " -DNCURSES_STATIC"
        } else {
            ""
        };
        command.env(
            format!("{name}_CFLAGS"),
            format!(
                "-I{0} -I{0}/{extra_include}{static_curses}",
                include.display()
            ),
        );
        command.env(
            format!("{name}_LIBS"),
            format!("-L{} {libraries}", lib.display()),
        );
    }
    logged(command, &place.work.join("logs/configure.log"))
}

/// A copy of `configure` with `patches/configure/*.patch`, which concern no compiled file and
/// therefore not the sources.
fn script(place: &Workspace<'_>, source: &Path, folder: &Path) -> Result<PathBuf> {
    let script = folder.join("configure");
    std::fs::copy(source.join("configure"), &script)?;
    crate::cpython::apply_patches(&place.recipes.root.join("patches/configure"), folder)?;
    Ok(script)
}

fn logged(mut command: Command, log: &Path) -> Result<()> {
    if let Some(parent) = log.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let file = std::fs::File::create(log)?;
    let status = command
        .stdin(std::process::Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()?;
    if !status.success() {
        bail!(
            "{:?} failed\n  log: {}",
            command.get_program(),
            log.display()
        );
    }
    Ok(())
}

/// Lets the Makefile write its `_sysconfigdata`, then the part of it that may be published.
fn config_vars(
    place: &Workspace<'_>,
    source: &Path,
    folder: &Path,
    build_python: &Path,
) -> Result<String> {
    let mut make = Command::new("make");
    make.arg("pybuilddir.txt")
        .current_dir(folder)
        .env_remove("MAKEFLAGS");
    make.env(
        "PATH",
        format!(
            "{}:{}",
            place.wrappers().display(),
            std::env::var("PATH").unwrap_or_default()
        ),
    );
    // When cross-compiling the rule ends with an error after it has written the module.
    let _ = logged(make, &place.work.join("logs/pybuilddir.log"));
    let mut found: Vec<PathBuf> = Vec::new();
    for platform in std::fs::read_dir(folder.join("build"))?.flatten() {
        for entry in std::fs::read_dir(platform.path())?.flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with("_sysconfigdata")
            {
                found.push(entry.path());
            }
        }
    }
    let [module] = found.as_slice() else {
        bail!("configure's Makefile wrote no _sysconfigdata")
    };
    let script = folder.join("config_vars.py");
    std::fs::write(&script, include_str!("config_vars.py"))?;
    let prefixes = [&place.work, source, build_python.parent().unwrap_or(source)];
    let output = Command::new(build_python)
        .arg("-I")
        .arg(&script)
        .arg(module)
        .args(prefixes)
        .output()?;
    if !output.status.success() {
        bail!(
            "config_vars.py: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Freezes the modules that CPython starts with. Bytecode is the same for every target.
fn freeze(source: &Path, build_python: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let script = source.join("Programs/_freeze_module.py");
    for name in frozen_names(source)? {
        let path = to.join(format!("{name}.h"));
        let module = source_of_frozen(source, &name);
        if !module.is_file() {
            bail!(
                "no source for the frozen module {name} ({})",
                module.display()
            );
        }
        let status = Command::new(build_python)
            .arg("-I")
            .arg(&script)
            .args([&name])
            .args([&module, &path])
            .status()?;
        if !status.success() {
            bail!("cannot freeze {name}");
        }
    }
    Ok(())
}

/// The frozen modules of a CPython: those whose headers its C files include.
fn frozen_names(source: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in ["Python/frozen.c", "Modules/getpath.c"] {
        let text = std::fs::read_to_string(source.join(file)).with_context(|| file.to_owned())?;
        names.extend(text.lines().filter_map(frozen_header).map(str::to_owned));
    }
    if names.is_empty() {
        bail!("Python/frozen.c includes no header of a frozen module");
    }
    Ok(names)
}

/// `os` of `#include "frozen_modules/os.h"`.
fn frozen_header(line: &str) -> Option<&str> {
    let (_, name) = line
        .strip_prefix("#include")?
        .split_once("frozen_modules/")?;
    name.strip_suffix(".h\"")
}

/// Where Tools/build/freeze_modules.py finds a frozen module's source.
fn source_of_frozen(source: &Path, name: &str) -> PathBuf {
    match name {
        "getpath" => source.join("Modules/getpath.py"),
        "frozen_only" => source.join("Tools/freeze/flag.py"),
        "__hello__" => source.join("Lib/__hello__.py"),
        "__phello__" => source.join("Lib/__phello__/__init__.py"),
        name => {
            let plain = source
                .join("Lib")
                .join(format!("{}.py", name.replace('.', "/")));
            if plain.is_file() {
                plain
            } else {
                source
                    .join("Lib")
                    .join(name.replace('.', "/"))
                    .join("__init__.py")
            }
        }
    }
}

/// The recipe's list of core files against the Makefile's objects: a new CPython version may have
/// other files.
fn compare_with_makefile(place: &Workspace<'_>, folder: &Path) -> Result<()> {
    let makefile = std::fs::read_to_string(folder.join("Makefile"))?.replace("\\\n", " ");
    let mut missing = Vec::new();
    for list in [
        "PEGEN_OBJS",
        "TOKENIZER_OBJS",
        "OBJECT_OBJS",
        "PYTHON_OBJS",
        "MODULE_OBJS",
    ] {
        let prefix = format!("{list}=");
        let line = makefile
            .lines()
            .find(|l| l.starts_with(&prefix))
            .with_context(|| format!("the Makefile has no {list}"))?;
        for object in line[prefix.len()..]
            .split_whitespace()
            .filter(|w| w.ends_with(".o") && !w.contains('$'))
        {
            let stem = object.trim_end_matches(".o");
            let known = |file: &String| file.rsplit_once('.').is_some_and(|(s, _)| s == stem);
            if stem != "Modules/config" && !place.recipes.cpython.core.files.iter().any(known) {
                missing.push(object.to_owned());
            }
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        bail!(
            "the recipe lacks files that CPython's Makefile has: {}",
            missing.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_modules_are_known_by_the_headers_that_are_included() {
        for (line, name) in [
            ("#include \"frozen_modules/os.h\"", Some("os")),
            (
                "#include \"frozen_modules/importlib._bootstrap.h\"",
                Some("importlib._bootstrap"),
            ),
            (
                "#include \"Python/frozen_modules/getpath.h\"",
                Some("getpath"),
            ),
            (" * put in Python/frozen_modules/.  Each holds", None),
            ("#include \"Python.h\"", None),
        ] {
            assert_eq!(frozen_header(line), name, "{line}");
        }
    }
}
