//! Native code among the resources, checked against the target.

use std::collections::BTreeMap;

use oxidize_format::target::{CLibrary, Target};

use super::{PackageError, Warning};
use crate::collect::CollectError;
use crate::collect::dylib;
use crate::collect::modules::{Suffixes, is_tagged_extension};
use crate::collect::native::SharedObject;
use crate::collect::{self, Module, ModuleKind, Tree};
use crate::mmap::Map;
use crate::pack::{NativeFile, Part};
use crate::python::Python;

/// The application's shared objects, and all its modules.
pub(super) fn find(
    tree: &Tree,
    target: Target,
    python: Python,
    warnings: &mut Vec<Warning>,
) -> Result<(Vec<NativeFile>, Vec<Module>), PackageError> {
    let mut objects = if target.is_macos() {
        dylibs(tree, target)?
    } else {
        shared_objects(tree, target)?
    };
    // On musl the gnu names count too: as modules that cannot be loaded, which is better said now
    // than at run time.
    let loads = if target.is_static() {
        Target::of(target.processor(), CLibrary::Glibc).unwrap_or(target)
    } else {
        target
    };
    let suffixes = Suffixes::of(loads, python);
    let is_module = |path: &str, name: &str| {
        objects
            .get(path)
            .is_some_and(|object| object.has_module(name))
    };
    let modules = collect::modules::modules(tree, suffixes, &is_module);
    let extensions = modules
        .iter()
        .filter(|module| module.kind == ModuleKind::Extension);
    let mut extensions: BTreeMap<String, String> = extensions
        .map(|module| (module.file.clone().unwrap_or_default(), module.name.clone()))
        .collect();
    for file in tree
        .files
        .iter()
        .filter(|file| is_tagged_extension(name_of(&file.path)))
    {
        let for_musl = file.path.ends_with("-linux-musl.so");
        if target.is_static() && for_musl {
            extensions.insert(file.path.clone(), String::new());
        } else if !extensions.contains_key(&file.path) {
            warnings.push(Warning::ForeignExtension(file.path.clone()));
            objects.remove(&file.path);
        }
    }
    if target.is_static()
        && let Some(path) = extensions.keys().next()
    {
        return Err(PackageError::StaticTarget {
            path: path.clone(),
            target,
        });
    }
    let own = (target.container(), target.machine());
    let other = |object: &SharedObject| (object.container, Some(object.machine)) != own;
    if let Some((path, _)) = objects.iter().find(|(_, object)| other(object)) {
        return Err(PackageError::OtherMachine {
            path: path.clone(),
            target,
        });
    }
    let native = |(path, object): (String, SharedObject)| {
        let module = extensions.remove(&path);
        NativeFile {
            path,
            object,
            module,
        }
    };
    Ok((objects.into_iter().map(native).collect(), modules))
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// What looks like a shared object of the target and is one. Linker scripts and placeholders are
/// data, and so are libraries of other systems: packages carry them for several.
fn shared_objects(
    tree: &Tree,
    target: Target,
) -> Result<BTreeMap<String, SharedObject>, PackageError> {
    let windows = target.is_windows();
    let mut objects = BTreeMap::new();
    for file in &tree.files {
        let name = name_of(&file.path);
        let lower = name.to_ascii_lowercase();
        let is_dll = windows && (lower.ends_with(".pyd") || lower.ends_with(".dll"));
        if name.ends_with(".so") || name.contains(".so.") || is_dll {
            let io = |source| CollectError::Io {
                path: file.on_disk.clone(),
                source,
            };
            let object = SharedObject::read(name, &Map::open(&file.on_disk).map_err(io)?);
            let object = object.filter(|object| object.container == target.container());
            objects.extend(object.map(|object| (file.path.clone(), object)));
        }
    }
    Ok(objects)
}

/// What looks like a shared object of macOS and is one; wheels for Linux are refused like those for
/// the other processor.
fn dylibs(tree: &Tree, target: Target) -> Result<BTreeMap<String, SharedObject>, PackageError> {
    let mut found = BTreeMap::new();
    for file in &tree.files {
        let name = name_of(&file.path);
        if !name.ends_with(".so") && !name.ends_with(".dylib") {
            continue;
        }
        let io = |source| CollectError::Io {
            path: file.on_disk.clone(),
            source,
        };
        let bytes = Map::open(&file.on_disk).map_err(io)?;
        match dylib::read(&bytes, target) {
            dylib::Read::Dylib(dylib) => drop(found.insert(file.path.clone(), dylib)),
            dylib::Read::Other if SharedObject::read(name, &bytes).is_none() => {}
            _ => {
                return Err(PackageError::OtherMachine {
                    path: file.path.clone(),
                    target,
                });
            }
        }
    }
    Ok(dylib::linked(&found, target))
}

/// An extension module that cannot be reached under its name is not registered as one.
///
/// # Errors
/// What has the name of an extension module is no shared object.
pub(super) fn reachable(
    natives: Vec<NativeFile>,
    application: &Part<'_>,
    target: Target,
) -> Result<Vec<NativeFile>, PackageError> {
    let is_native = |path: &String| natives.iter().any(|native| native.path == *path);
    let extensions = application
        .modules
        .iter()
        .filter(|module| module.kind == ModuleKind::Extension);
    let mut files = extensions.filter_map(|module| module.file.as_ref());
    if let Some(path) = files.find(|path| !is_native(path)) {
        return Err(PackageError::Unreadable {
            path: path.clone(),
            target,
        });
    }
    let is_there = |name: &str| application.modules.iter().any(|module| module.name == name);
    Ok(natives
        .into_iter()
        .filter(|native| native.module.as_deref().is_none_or(is_there))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::collect::walk::{WalkOptions, walk};

    fn find_in(files: &[&str], target: Target) -> (Result<usize, PackageError>, Vec<Warning>) {
        let dir = tempfile::tempdir().unwrap();
        files
            .iter()
            .for_each(|file| fs::write(dir.path().join(file), "not ELF").unwrap());
        let tree = walk(dir.path(), &WalkOptions::default()).unwrap();
        let mut warnings = Vec::new();
        (
            find(&tree, target, Python::OWN, &mut warnings).map(|(_, modules)| modules.len()),
            warnings,
        )
    }

    const GNU: Target = Target::X86_64_LINUX_GNU;
    const MUSL: Target = Target::X86_64_LINUX_MUSL;

    #[test]
    fn an_extension_for_another_python_is_data_with_a_warning() {
        let (found, warnings) = find_in(
            &["a.cpython-312-x86_64-linux-gnu.so", "b.cp313-win_amd64.pyd"],
            GNU,
        );
        assert_eq!((found.unwrap(), warnings.len()), (0, 2));
        let (found, warnings) = find_in(&["a.cpython-313-x86_64-linux-musl.so"], GNU);
        assert_eq!((found.unwrap(), warnings.len()), (0, 1));
    }

    #[test]
    fn windows_modules_are_told_by_their_names() {
        let (found, warnings) = find_in(
            &[
                "a.cp313-win_amd64.pyd",
                "b.cp312-win_amd64.pyd",
                "c.abi3.so",
            ],
            Target::X86_64_WINDOWS,
        );
        assert_eq!((found.unwrap(), warnings.len()), (1, 2));
    }

    #[test]
    fn a_static_target_takes_no_extension() {
        for name in [
            "a.cpython-313-x86_64-linux-gnu.so",
            "a.abi3.so",
            "a.cpython-313-x86_64-linux-musl.so",
        ] {
            let (found, _) = find_in(&[name], MUSL);
            assert!(
                matches!(found, Err(PackageError::StaticTarget { path, .. }) if path == name),
                "{name}"
            );
        }
        let (found, warnings) = find_in(&["a.cpython-312-x86_64-linux-gnu.so", "libdata.so"], MUSL);
        assert_eq!((found.unwrap(), warnings.len()), (0, 1));
    }
}
