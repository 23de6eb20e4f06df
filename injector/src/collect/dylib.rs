//! Shared objects of macOS: what they say about themselves, and which of them needs which.
//!
//! A Mach-O file names what it needs by path, and wheels name what they bundle relative to the file
//! that needs it (`@loader_path/.dylibs/libx.dylib`, or `@rpath/libx.dylib` with such a directory
//! as a run path). At run time the files lie in a cache as they lie in the tree, so these paths
//! lead to each other; here they are followed within the tree, and a file goes by its path in the
//! tree. What leads elsewhere is the system's.

use std::collections::BTreeMap;

use object::macho::{self, MachHeader64};
use object::read::macho::{FatArch, MachHeader, MachOFatFile32, MachOFatFile64};
use object::{FileKind, LittleEndian as Le, Object, ObjectSymbol};

use oxidize_format::target::{Container, Target};

use super::native::{SharedObject, module_of};

/// The parts of a dynamic library or bundle that matter for packaging.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dylib {
    /// Paths of the libraries it needs, in order.
    needed: Vec<String>,
    /// Directories that `@rpath` stands for, in order.
    run_paths: Vec<String>,
    /// Modules whose init functions it exports.
    modules: Vec<String>,
}

/// What a file is for one processor.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A shared object with code for it.
    Dylib(Dylib),
    /// A shared object for other processors only.
    OtherMachine,
    /// Something else.
    Other,
}

/// Reads a file, which may hold code for several processors, as one for the target `target` sees
/// it.
#[must_use]
pub fn read(bytes: &[u8], target: Target) -> Read {
    let Some(wanted) = target.processor().machine(Container::MachO) else {
        return Read::Other;
    };
    let wanted = macho::CpuType(wanted);
    match FileKind::parse(bytes) {
        Ok(FileKind::MachO64) => slice(bytes, wanted),
        Ok(FileKind::MachOFat32) => {
            let Ok(file) = MachOFatFile32::parse(bytes) else {
                return Read::Other;
            };
            several(bytes, file.arches(), wanted)
        }
        Ok(FileKind::MachOFat64) => {
            let Ok(file) = MachOFatFile64::parse(bytes) else {
                return Read::Other;
            };
            several(bytes, file.arches(), wanted)
        }
        _ => Read::Other,
    }
}

fn several<A: FatArch>(bytes: &[u8], arches: &[A], wanted: macho::CpuType) -> Read {
    let slices = arches.iter().filter_map(|arch| arch.data(bytes).ok());
    let mut found = Read::Other;
    for each in slices {
        match slice(each, wanted) {
            Read::Dylib(dylib) => return Read::Dylib(dylib),
            Read::OtherMachine => found = Read::OtherMachine,
            Read::Other => {}
        }
    }
    found
}

fn slice(bytes: &[u8], wanted: macho::CpuType) -> Read {
    let Ok(header) = MachHeader64::<Le>::parse(bytes, 0) else {
        return Read::Other;
    };
    if ![macho::MH_DYLIB, macho::MH_BUNDLE].contains(&header.filetype(Le)) {
        return Read::Other;
    }
    if header.cputype(Le) != wanted {
        return Read::OtherMachine;
    }
    commands(bytes, header).map_or(Read::Other, Read::Dylib)
}

fn commands(bytes: &[u8], header: &MachHeader64<Le>) -> Option<Dylib> {
    let mut dylib = Dylib::default();
    let mut commands = header.load_commands(Le, bytes, 0).ok()?;
    while let Some(command) = commands.next().ok()? {
        let text = |offset| {
            let text = command.string(Le, offset).ok()?;
            std::str::from_utf8(text).ok().map(str::to_owned)
        };
        if let Some(library) = command.dylib().ok()? {
            dylib.needed.push(text(library.dylib.name)?);
        } else if command.cmd() == macho::LC_RPATH {
            let path: &macho::RpathCommand<Le> = command.data().ok()?;
            dylib.run_paths.push(text(path.path)?);
        }
    }
    let file = object::read::macho::MachOFile64::<Le, _>::parse(bytes).ok()?;
    let exported = file
        .symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global());
    let names = exported.filter_map(|symbol| symbol.name_bytes().ok()?.strip_prefix(b"_"));
    dylib.modules = names.filter_map(module_of).collect();
    dylib.modules.sort();
    dylib.modules.dedup();
    Some(dylib)
}

/// Shared objects by their paths in the tree, each with the paths of those in the tree that it
/// needs.
#[must_use]
pub fn linked(dylibs: &BTreeMap<String, Dylib>, target: Target) -> BTreeMap<String, SharedObject> {
    let link = |(path, dylib): (&String, &Dylib)| {
        let resolve = |name: &String| {
            candidates(path, dylib, name)
                .into_iter()
                .find(|candidate| candidate != path && dylibs.contains_key(candidate))
        };
        let object = SharedObject {
            container: Container::MachO,
            machine: target.machine().unwrap_or_default(),
            soname: Some(path.clone()),
            needed: dylib.needed.iter().filter_map(resolve).collect(),
            modules: dylib.modules.clone(),
        };
        (path.clone(), object)
    };
    dylibs.iter().map(link).collect()
}

/// Where in the tree `name`, needed by the file at `path`, may lie.
fn candidates(path: &str, dylib: &Dylib, name: &str) -> Vec<String> {
    let beside = |name: &str| {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        normal(directory, name.strip_prefix("@loader_path/")?)
    };
    match name.strip_prefix("@rpath/") {
        None => beside(name).into_iter().collect(),
        Some(rest) => {
            let paths = dylib.run_paths.iter();
            paths
                .filter_map(|run_path| {
                    beside(&format!("{}/{rest}", run_path.trim_end_matches('/')))
                })
                .collect()
        }
    }
}

/// `directory/rest` without `.` and `..`; `None` where it leaves the tree.
fn normal(directory: &str, rest: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dylib(needed: &[&str], run_paths: &[&str]) -> Dylib {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Dylib {
            needed: owned(needed),
            run_paths: owned(run_paths),
            modules: Vec::new(),
        }
    }

    #[test]
    fn paths_are_followed_within_the_tree() {
        let tree = [
            (
                "pkg/core/_x.cpython-313-darwin.so",
                dylib(
                    &[
                        "@loader_path/../.dylibs/liba.1.dylib",
                        "@rpath/libb.dylib",
                        "/usr/lib/libSystem.B.dylib",
                    ],
                    &["/opt/nowhere", "@loader_path/../.dylibs/"],
                ),
            ),
            (
                "pkg/.dylibs/liba.1.dylib",
                dylib(
                    &[
                        "/DLC/pkg/.dylibs/liba.1.dylib",
                        "@loader_path/libb.dylib",
                        "@loader_path/../../../libc.dylib",
                    ],
                    &[],
                ),
            ),
            (
                "pkg/.dylibs/libb.dylib",
                dylib(&["@rpath/libb.dylib"], &["@loader_path"]),
            ),
        ];
        let tree: BTreeMap<_, _> = tree
            .into_iter()
            .map(|(path, d)| (path.to_owned(), d))
            .collect();
        let linked = linked(&tree, Target::AARCH64_MACOS);
        let needed = |path: &str| linked[path].needed.join(" ");
        let both = "pkg/.dylibs/liba.1.dylib pkg/.dylibs/libb.dylib";
        assert_eq!(needed("pkg/core/_x.cpython-313-darwin.so"), both);
        assert_eq!(needed("pkg/.dylibs/liba.1.dylib"), "pkg/.dylibs/libb.dylib");
        assert_eq!(needed("pkg/.dylibs/libb.dylib"), "");
        assert_eq!(
            linked["pkg/.dylibs/libb.dylib"].soname.as_deref(),
            Some("pkg/.dylibs/libb.dylib")
        );
    }

    #[test]
    fn anything_else_is_none() {
        for bytes in [
            &b""[..],
            b"\xca\xfe\xba\xbe",
            b"\xcf\xfa\xed\xfe\x0c\0\0\x01",
            b"\x7fELF",
        ] {
            assert_eq!(read(bytes, Target::AARCH64_MACOS), Read::Other);
        }
    }
}
