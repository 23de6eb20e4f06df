//! Native code of other systems among the resources.
//!
//! `pip install --target` on one system, packaged for another: the modules would be missing at run
//! time, on a machine that is not the packager's. So it is refused here, with the wheel that would
//! do. Two things tell:
//!
//! * the tags of an installed wheel (`Tag` in `*.dist-info/WHEEL`,
//!   <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>), if it
//!   brought native files;
//! * an extension module whose own format is another system's, unless a module for the target lies
//!   beside it.
//!
//! Libraries that a pure-Python package carries for several systems (`py3-none-any`) are data.

use std::collections::BTreeSet;
use std::io::{self, Read};

use oxidize_format::target::{CLibrary, Container, OperatingSystem, Target};

use super::PackageError;
use crate::collect::CollectError;
use crate::collect::modules::is_tagged_extension;
use crate::collect::walk;
use crate::collect::{Distribution, Tree};
use crate::python::Python;
use crate::record;
use crate::regular;
use crate::require::tags::Tags;

/// Refuses native code that cannot run on the target.
pub(super) fn check(
    tree: &Tree,
    distributions: &[Distribution],
    target: Target,
    python: Python,
) -> Result<(), PackageError> {
    let supported = Tags::of(target, python);
    // Of a wheel for the other libc, a static program could use all but its modules; these are
    // refused later, with what to do instead.
    let other_libc = Target::of(target.processor(), CLibrary::Glibc)
        .filter(|_| target.is_static())
        .map(|other| Tags::of(other, python));
    let fits = |tag: &String| {
        supported.fit(tag) || other_libc.as_ref().is_some_and(|other| other.fit(tag))
    };
    let mut owned = BTreeSet::new();
    for distribution in distributions {
        let natives = native_files(tree, distribution)?;
        if let Some(path) = natives.first() {
            let tags = tags(&text(tree, &distribution.directory, "WHEEL")?);
            if !tags.is_empty() && !tags.iter().any(fits) {
                return Err(PackageError::ForeignWheel {
                    path: path.clone(),
                    wheel: format!("{}=={}", distribution.name, distribution.version),
                    tags: tags.join(", "),
                    target,
                });
            }
        }
        owned.extend(natives);
    }
    let extensions = || {
        let files = tree.files.iter();
        files.filter(|file| is_tagged_extension(name_of(&file.path)) && !owned.contains(&file.path))
    };
    for file in extensions() {
        let here = system(file)?;
        if here.is_none() || here == Some(target.os()) {
            continue;
        }
        let mut beside = extensions().filter(|other| module(&other.path) == module(&file.path));
        if !beside.any(|other| matches!(system(other), Ok(found) if found == Some(target.os()))) {
            return Err(PackageError::ForeignExtension {
                path: file.path.clone(),
                target,
            });
        }
    }
    Ok(())
}

/// The system that native code is for, by its first bytes; `None` for what is no native code.
fn system(file: &walk::File) -> Result<Option<OperatingSystem>, PackageError> {
    let mut head = [0; 4];
    let read = regular::open(&file.on_disk).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(source) => return Err(unreadable(file, source).into()),
        Ok(()) => {}
    }
    Ok(Container::announced(&head).map(Container::os))
}

/// The native files that came with a distribution, by its RECORD (PEP 376), sorted.
fn native_files(
    tree: &Tree,
    distribution: &Distribution,
) -> Result<BTreeSet<String>, PackageError> {
    let text = text(tree, &distribution.directory, "RECORD")?;
    let mut found = BTreeSet::new();
    for (path, _) in record::rows(&text) {
        let name = name_of(&path).to_ascii_lowercase();
        let native = name.contains(".so.")
            || [".so", ".pyd", ".dll", ".dylib"]
                .iter()
                .any(|suffix| name.ends_with(suffix));
        if native
            && let Some(file) = tree.file(&path)
            && system(file)?.is_some()
        {
            found.insert(path);
        }
    }
    Ok(found)
}

/// A file of the metadata; empty where there is none.
fn text(tree: &Tree, directory: &str, name: &str) -> Result<String, PackageError> {
    match tree.file(&format!("{directory}/{name}")) {
        None => Ok(String::new()),
        Some(file) => {
            let bytes = regular::read(&file.on_disk, regular::MOST_TEXT)
                .map_err(|source| unreadable(file, source))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

fn unreadable(file: &walk::File, source: io::Error) -> CollectError {
    CollectError::Io {
        path: file.on_disk.clone(),
        source,
    }
}

fn tags(wheel: &str) -> Vec<String> {
    let fields = wheel.lines().filter_map(|line| line.split_once(':'));
    fields
        .filter(|(key, _)| key.trim() == "Tag")
        .map(|(_, tag)| tag.trim().to_owned())
        .collect()
}

/// pip's name for the target, for `--platform`; `None` where wheels with native code are of no use.
#[must_use]
pub fn pip_platform(target: Target) -> Option<String> {
    target
        .wheel_platforms()
        .pop()
        .filter(|_| !target.is_static())
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The path up to the first dot of the name: `a/b.cpython-313-darwin.so` is `a/b`.
fn module(path: &str) -> &str {
    let name = path.len() - name_of(path).len();
    let end = path[name..].find('.').map_or(path.len(), |dot| name + dot);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::WalkOptions;
    use crate::collect::metadata;

    const GNU: Target = Target::X86_64_LINUX_GNU;
    const WINDOWS: Target = Target::X86_64_WINDOWS;
    const MAC: Target = Target::AARCH64_MACOS;

    fn check_files(files: &[(&str, &str)], target: Target) -> Result<(), PackageError> {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let tree = walk::walk(dir.path(), &WalkOptions::default()).unwrap();
        check(
            &tree,
            &metadata::distributions(&tree).unwrap(),
            target,
            Python::OWN,
        )
    }

    fn wheel(tag: &'static str) -> Vec<(&'static str, String)> {
        vec![
            (
                "ham-1.dist-info/METADATA",
                "Name: ham\nVersion: 1\n".to_owned(),
            ),
            (
                "ham-1.dist-info/WHEEL",
                format!("Wheel-Version: 1.0\nTag: {tag}\n"),
            ),
            (
                "ham-1.dist-info/RECORD",
                "ham/__init__.py,,\nham/_core.so,sha256=x,9\nham-1.dist-info/RECORD,,\n".to_owned(),
            ),
            ("ham/__init__.py", String::new()),
            ("ham/_core.so", "\x7fELF and so on".to_owned()),
        ]
    }

    fn installed(tag: &'static str, target: Target) -> Result<(), PackageError> {
        let files = wheel(tag);
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, &**text)).collect();
        check_files(&files, target)
    }

    #[test]
    fn an_installed_wheel_of_another_system_is_refused_by_file_and_name() {
        let error = installed("cp313-cp313-manylinux_2_17_x86_64", WINDOWS).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "`ham/_core.so` came with a wheel for cp313-cp313-manylinux_2_17_x86_64, \
                 which does not run on {WINDOWS}"
            )
        );
    }

    #[test]
    fn so_is_one_of_another_machine_or_python() {
        for tag in [
            "cp313-cp313-manylinux_2_17_aarch64",
            "cp312-cp312-manylinux_2_17_x86_64",
            "cp314-abi3-manylinux_2_17_x86_64",
            "pp310-pypy310_pp73-manylinux_2_17_x86_64",
        ] {
            assert!(installed(tag, GNU).is_err(), "{tag}");
        }
    }

    #[test]
    fn so_is_one_of_another_libc_or_of_a_newer_system() {
        assert!(installed("cp313-cp313-musllinux_1_2_x86_64", GNU).is_err());
        assert!(installed("cp313-cp313-macosx_12_0_arm64", MAC).is_err());
        assert!(installed("cp313-cp313-macosx_10_13_x86_64", MAC).is_err());
        // What is wrong with it here is not its libc.
        let musl = Target::X86_64_LINUX_MUSL;
        installed("cp313-cp313-manylinux_2_17_x86_64", musl).unwrap();
        assert!(installed("cp313-cp313-manylinux_2_17_aarch64", musl).is_err());
    }

    #[test]
    fn wheels_of_the_target_are_taken() {
        for tag in [
            "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp39-abi3-manylinux_2_28_x86_64",
            "py3-none-manylinux1_x86_64",
            "py2.py3-none-any",
            "cp313-cp313-linux_x86_64",
        ] {
            installed(tag, GNU).unwrap_or_else(|error| panic!("{tag}: {error}"));
        }
        installed("cp313-cp313-macosx_10_13_universal2", MAC).unwrap();
        installed("cp313-cp313-macosx_11_0_arm64", MAC).unwrap();
        installed("cp313-cp313-win_amd64", WINDOWS).unwrap();
    }

    #[test]
    fn a_wheel_without_native_files_runs_everywhere() {
        let mut files = wheel("cp313-cp313-manylinux_2_17_x86_64");
        files.last_mut().unwrap().1 = "placeholder".to_owned();
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, &**text)).collect();
        check_files(&files, WINDOWS).unwrap();
    }

    #[test]
    fn an_extension_of_unknown_origin_is_judged_by_its_format() {
        let elf = [("a.cpython-313-x86_64-linux-gnu.so", "\x7fELF")];
        check_files(&elf, GNU).unwrap();
        assert_eq!(
            check_files(&elf, WINDOWS).unwrap_err().to_string(),
            format!(
                "`a.cpython-313-x86_64-linux-gnu.so` is an extension module, but not for {WINDOWS}"
            )
        );
        assert!(check_files(&[("a.abi3.so", "\x7fELF")], MAC).is_err());
        // Both systems' modules side by side, and text that is no native code.
        check_files(&[elf[0], ("a.cp313-win_amd64.pyd", "MZxx")], WINDOWS).unwrap();
        check_files(&[("a.pyd", "text")], GNU).unwrap();
    }
}
