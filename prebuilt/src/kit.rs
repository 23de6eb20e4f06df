//! The link kit: what a program needs at link time from the C library and the compiler, so that
//! nothing of the machine that links has a say.

mod mingw;

use crate::apple;
use crate::cpython;
use crate::digest;
use crate::recipe::InputsKind;
use crate::workspace::Workspace;
use crate::zig::Zig;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Writes `build/link-kit` of the distribution.
pub(crate) fn write(place: &Workspace<'_>) -> Result<()> {
    let kit = place.dist().join("build/link-kit");
    std::fs::create_dir_all(kit.join("lib"))?;
    match place.target.inputs.kind {
        InputsKind::ZigGlibc => glibc(place, &kit.join("lib"))?,
        InputsKind::ZigMingw => mingw::write(place, &kit.join("lib"))?,
        InputsKind::RustSelfContained => {}
        InputsKind::Apple => return apple(place, &kit),
    }
    for name in ["exports.list", "exported-libc-names.txt"] {
        std::fs::copy(
            place.recipes.root.join("support").join(name),
            kit.join(name),
        )?;
    }
    if !std::fs::read_to_string(kit.join("exported-libc-names.txt"))?
        .lines()
        .all(|l| l.is_empty() || l.starts_with('#'))
    {
        bail!("support/exported-libc-names.txt names symbols: they have to be in exports.list too");
    }
    std::fs::write(kit.join("link.args"), link_args(place)?)?;
    Ok(())
}

/// Archives in link order: libpython first and whole, since programs and wheels use API that it
/// does not use itself.
pub(crate) fn archives(place: &Workspace<'_>) -> Vec<String> {
    let mut names = vec![cpython::library_name(place)];
    for bundled in &place.recipes.cpython.bundled {
        names.push(format!("lib{}.a", bundled.name));
    }
    // A library comes before those it was built `after`.
    let mut libraries: Vec<&str> = Vec::new();
    for library in place.recipes.target_libraries(place.target) {
        let provided = library.provided();
        if library.after.is_empty() {
            libraries.extend(provided);
        } else {
            libraries.splice(0..0, provided);
        }
    }
    names.extend(libraries.iter().map(|l| format!("lib{l}.a")));
    names
}

fn link_args(place: &Workspace<'_>) -> Result<String> {
    let link = &place.target.link;
    let mut text = String::new();
    for argument in &link.before {
        text.push_str(&format!("{argument}\n"));
    }
    text.push_str("---\n");
    for argument in &link.after {
        if argument == "@archives" {
            for (index, name) in archives(place).iter().enumerate() {
                let path = format!("{{root}}/python/build/lib/{name}");
                if !place.dist().join("build/lib").join(name).is_file() {
                    bail!("{name} is to be linked but was not built");
                }
                if index == 0 && place.target.inputs.kind == InputsKind::Apple {
                    text.push_str(&format!("-force_load\n{path}\n"));
                } else if index == 0 {
                    text.push_str(&format!("--whole-archive\n{path}\n--no-whole-archive\n"));
                } else {
                    text.push_str(&format!("{path}\n"));
                }
            }
        } else {
            text.push_str(&format!("{argument}\n"));
        }
    }
    Ok(text)
}

/// The interpreter's public names, and what the slot holds until something is injected. Text stubs
/// of the system's libraries are made when a program is linked, so that one which imports more than
/// another needs no new distribution.
fn apple(place: &Workspace<'_>, kit: &Path) -> Result<()> {
    let library = std::fs::read(place.lib().join(cpython::library_name(place)))?;
    std::fs::write(kit.join("exports.macos"), apple::exports(&library)?)?;
    std::fs::write(kit.join("placeholder"), [0; 0x4000])?;
    Ok(std::fs::write(kit.join("link.args"), link_args(place)?)?)
}

/// Lets zig link an empty program and takes the inputs it names: startup objects, stub libraries
/// made from glibc's symbol lists, libc_nonshared and libunwind.
///
/// Not zig's compiler_rt: its one object defines `memcpy`, `exp`, `log2` and their like too, and
/// for a linker a definition in a static library goes before the C library's. What compilers call
/// beside them is in Rust's compiler_builtins.
fn glibc(place: &Workspace<'_>, to: &Path) -> Result<()> {
    let probe = place.work.join("build/kit");
    std::fs::create_dir_all(&probe)?;
    std::fs::write(probe.join("probe.c"), "int main(void) { return 0; }\n")?;
    // A cache of its own, always empty at first: zig would hand out stub libraries that some other
    // compilation made with debug information, and with them the name of its folder.
    let cache = probe.join("zig-cache");
    if cache.is_dir() {
        std::fs::remove_dir_all(&cache)?;
    }
    let zig = Zig {
        exe: place.zig.exe.clone(),
        cache,
    };
    for (mode, startup) in [("-pie", "Scrt1.o"), ("-no-pie", "crt1.o")] {
        let output = zig
            .command("cc")
            .args([
                "-target",
                &place.target.zig,
                "-O2",
                "-s",
                mode,
                "probe.c",
                "-o",
                "probe",
            ])
            .args(["-lm", "-lpthread", "-ldl", "-lutil", "-lrt", "-lunwind"])
            .env("ZIG_VERBOSE_LINK", "1")
            .current_dir(&probe)
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text
            .lines()
            .rfind(|l| l.starts_with("ld.lld "))
            .with_context(|| {
                format!(
                    "zig cc did not show a link line, so its startup files cannot be found:\n{text}"
                )
            })?;
        // Relative to where zig ran, or absolute, as it likes.
        let inputs: Vec<PathBuf> = line
            .split_whitespace()
            .filter(|word| word.contains('/') && !word.starts_with("/lib"))
            .map(|word| probe.join(word))
            .collect();
        let mut wanted = vec![startup];
        if startup == "Scrt1.o" {
            wanted.extend(["libc_nonshared.a", "libunwind.a"]);
            wanted.extend(
                place
                    .target
                    .allowed_libraries
                    .iter()
                    .map(|n| match n.as_str() {
                        n if n.starts_with("ld-linux") => "libld.so.2",
                        n => n,
                    }),
            );
        }
        for name in wanted {
            let found = inputs
                .iter()
                .find(|p| p.file_name().is_some_and(|f| f == name));
            let from = found.with_context(|| format!("zig's link line has no {name}: {line}"))?;
            std::fs::copy(from, to.join(name))?;
        }
    }
    for name in ["libc_nonshared.a", "libunwind.a"] {
        neutral_members(place, &to.join(name))?;
    }
    // Names under which rustc asks for libraries (-lc, -lgcc_s and so on), as linker scripts.
    for (name, inputs) in [
        ("libgcc_s.so", "libunwind.a"),
        (
            "libc.so",
            "libc.so.6 libc_nonshared.a AS_NEEDED(libld.so.2)",
        ),
        ("libm.so", "libm.so.6"),
        ("libpthread.so", "libpthread.so.0"),
        ("libdl.so", "libdl.so.2"),
        ("libutil.so", "libutil.so.1"),
        ("librt.so", "librt.so.1"),
    ] {
        std::fs::write(to.join(name), format!("INPUT({inputs})\n"))?;
    }
    Ok(())
}

/// zig archives its own libraries with members named by their cache path; made anew with plain
/// names.
fn neutral_members(place: &Workspace<'_>, library: &Path) -> Result<()> {
    let folder = place
        .work
        .join("build/kit")
        .join(library.file_stem().unwrap_or_default());
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let bytes = std::fs::read(library)?;
    let archive = object::read::archive::ArchiveFile::parse(&*bytes)?;
    let mut objects = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (index, member) in archive.members().enumerate() {
        let member = member?;
        // zig lists one file of mingw-w64 twice.
        if !seen
            .insert(digest::bytes(member.data(&*bytes)?) + &String::from_utf8_lossy(member.name()))
        {
            continue;
        }
        let name = String::from_utf8_lossy(member.name()).into_owned();
        let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
        let path = folder.join(format!("{index:03}-{name}"));
        std::fs::write(&path, member.data(&*bytes)?)?;
        objects.push(path);
    }
    place.zig.archive(library, &objects)
}
