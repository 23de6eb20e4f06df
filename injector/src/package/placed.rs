//! Packages whose files lie beside the executable.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use oxidize_format::VIRTUAL_ROOT;

use super::root::Root;
use super::{PackageError, Request, Warning};
use crate::collect::CollectError;
use crate::collect::metadata::normalise;
use crate::output::Beside;
use crate::pack::Part;
use crate::progress::Progress;
use crate::record;
use crate::regular;

/// The directory beside an executable.
pub(super) fn directory(output: &Path) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    let stem = name
        .get(..name.len().saturating_sub(4))
        .filter(|_| name.to_ascii_lowercase().ends_with(".exe"))
        .unwrap_or(&name);
    output.with_file_name(format!("{stem}.files"))
}

/// Notes at each root which of its files are to lie beside the executable.
///
/// # Errors
/// There is no such package.
pub(super) fn mark(request: &Request, roots: &mut [Root]) -> Result<(), PackageError> {
    for name in &request.place {
        let mut found = false;
        for root in roots.iter_mut().filter(|root| root.is_searched) {
            let tops = tops(root, name)?;
            found |= !tops.is_empty();
            root.placed.extend(tops);
        }
        if !found {
            return Err(PackageError::NothingToPlace(name.clone()));
        }
    }
    Ok(())
}

/// The files and directories of a root, without a slash in their names, that belong to a package:
/// by the record of a distribution of this name, or what has the name itself.
fn tops(root: &Root, name: &str) -> Result<BTreeSet<String>, PackageError> {
    let wanted = normalise(name);
    let mut tops = BTreeSet::new();
    for found in &root.distributions {
        if found.normalised != wanted {
            continue;
        }
        let Some(record) = root.tree.file(&format!("{}/RECORD", found.directory)) else {
            continue;
        };
        let text = regular::read(&record.on_disk, regular::MOST_TEXT).map_err(|source| {
            CollectError::Io {
                path: record.on_disk.clone(),
                source,
            }
        })?;
        let text = String::from_utf8_lossy(&text);
        let paths = record::rows(&text).map(|(path, _)| path);
        tops.extend(paths.filter_map(|path| Some(path.split('/').next()?.to_owned())));
        tops.remove(&found.directory);
    }
    for candidate in [
        name.to_owned(),
        format!("{name}.py"),
        format!("{name}.libs"),
    ] {
        tops.insert(candidate);
    }
    let is_there = |top: &String| {
        root.tree.file(top).is_some() || root.tree.directories.binary_search(top).is_ok()
    };
    tops.retain(is_there);
    Ok(tops)
}

/// Programs among these files that have files around them: those in directories beside the program,
/// or, of a program in `bin`, beside that. A program in memory does not see them. One for each
/// package, which is the first component of its path.
#[must_use]
pub fn surrounded<'p>(
    files: &BTreeSet<&'p str>,
    programs: &[&'p str],
) -> BTreeMap<&'p str, &'p str> {
    let mut found = BTreeMap::new();
    if programs.is_empty() {
        return found;
    }
    let mut held: HashMap<&str, Held> = HashMap::new();
    for path in files.iter().filter(|path| !path.ends_with(".py")) {
        let mut rest = *path;
        let mut is_beside = true;
        while let Some((directory, _)) = rest.rsplit_once('/') {
            held.entry(directory).or_default().add(is_beside);
            is_beside = false;
            rest = directory;
        }
    }
    let held = |directory: &str| held.get(directory).copied().unwrap_or_default();
    for program in programs {
        let (Some((package, _)), Some((directory, _))) =
            (program.split_once('/'), program.rsplit_once('/'))
        else {
            continue;
        };
        let (around, own) = match directory.rsplit_once('/') {
            Some((parent, name)) if holds_programs(name) => (parent, Some(held(directory))),
            _ => (directory, None),
        };
        if held(around).is_data_around(own) {
            found.entry(package).or_insert(*program);
        }
    }
    found
}

/// How many files a directory holds, Python's sources aside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held {
    beside: u32,
    below: u32,
}

impl Held {
    /// Counts a file: in the directory itself, or in one below it.
    pub fn add(&mut self, is_beside: bool) {
        self.beside += u32::from(is_beside);
        self.below += 1;
    }

    /// Counts what a directory in this one holds.
    pub fn add_directory(&mut self, other: Held) {
        self.below += other.below;
    }

    /// Whether directories in this one hold files, the program's own directory aside if it is
    /// another.
    #[must_use]
    pub fn is_data_around(self, own: Option<Held>) -> bool {
        self.below - self.beside > own.map_or(0, |own| own.below)
    }
}

/// Whether a directory of this name is one for programs, so that what belongs to them lies beside
/// it.
#[must_use]
pub fn holds_programs(name: &str) -> bool {
    matches!(name, "bin" | "libexec" | "Scripts")
}

/// Whether bytes are the beginning of a program's file for any system.
#[must_use]
pub fn is_program(start: &[u8]) -> bool {
    const MAGICS: [&[u8]; 5] = [
        b"\x7fELF",
        b"MZ",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"\xca\xfe\xba\xbf",
    ];
    MAGICS.iter().any(|magic| start.starts_with(magic))
}

/// Whether a name is that of a library, which may have the mode of a program.
#[must_use]
pub fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let suffix = name.rsplit('.').next().unwrap_or_default();
    name.contains(".so.") || matches!(suffix, "so" | "dll" | "pyd" | "dylib")
}

/// A warning for each package with a program that may miss its files.
pub(super) fn suggest(roots: &[Root]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for root in roots.iter().filter(|root| root.is_searched) {
        let candidate = |file: &&crate::collect::File| {
            (file.executable || file.path.ends_with(".exe"))
                && !is_library(&file.path)
                && !root
                    .placed
                    .contains(file.path.split('/').next().unwrap_or_default())
        };
        let candidates = root.tree.files.iter().filter(candidate);
        let programs: Vec<&str> = candidates
            .filter(|file| starts_as_program(&file.on_disk))
            .map(|file| file.path.as_str())
            .collect();
        if programs.is_empty() {
            continue;
        }
        let files = root.tree.files.iter().map(|file| file.path.as_str());
        for (package, program) in surrounded(&files.collect(), &programs) {
            warnings.push(Warning::ProgramInMemory {
                program: program.to_owned(),
                package: package.to_owned(),
            });
        }
    }
    warnings
}

fn starts_as_program(path: &Path) -> bool {
    let mut start = [0; 4];
    // What cannot be read is reported when it is packaged.
    let read = regular::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && is_program(&start)
}

/// The virtual paths of what lies beside the executable.
pub(super) fn paths(parts: &[Part<'_>]) -> Vec<String> {
    let of = |part: &Part<'_>| {
        let tops = part.placed.iter().map(|top| part.virtual_path(top));
        tops.collect::<Vec<_>>()
    };
    parts.iter().flat_map(of).collect()
}

/// Writes these files beside the place where they are to be, but for those that are left out.
///
/// # Errors
/// One cannot be read or written.
pub(super) fn stage(
    parts: &[Part<'_>],
    left_out: impl for<'p> Fn(&'p Part<'_>) -> BTreeSet<&'p str>,
    output: &Path,
    progress: &dyn Progress,
) -> Result<Option<Beside>, PackageError> {
    let chosen = |part: &&Part<'_>| !part.placed.is_empty();
    if !parts.iter().any(|part| chosen(&part)) {
        return Ok(None);
    }
    let beside = Beside::new(&directory(output))?;
    progress.start("Writing files", 0);
    for part in parts.iter().filter(chosen) {
        let below = |path: &str| {
            let path = part.virtual_path(path);
            path[VIRTUAL_ROOT.len() + 1..].to_owned()
        };
        for directory in &part.directories {
            if part.is_placed(directory) {
                beside.add_directory(&below(directory))?;
            }
        }
        let left_out = left_out(part);
        for (path, file) in &part.files {
            if part.is_placed(path) && !left_out.contains(path.as_str()) {
                let bytes = file.payload.bytes()?;
                beside.add_file(&below(path), &bytes, file.executable)?;
            }
        }
    }
    beside.finish()?;
    Ok(Some(beside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_files_around_it_is_noticed() {
        let cases: [(&str, &[&str], bool); 8] = [
            ("p/driver/node", &["p/driver/package/cli.js"], true),
            ("p/data/bin/cmake", &["p/data/share/x.cmake"], true),
            ("p/node", &["p/lib/x.js"], true),
            ("p/linux/manager", &["p/macos/manager", "p/README"], false),
            ("p/bin/one", &["p/bin/two", "p/bin/plugins.txt"], false),
            (
                "p/binaries/ffmpeg",
                &["p/binaries/README.md", "p/__init__.py"],
                false,
            ),
            ("p/tool", &["p/sub/__init__.py", "q/lib/x.js"], false),
            ("tool", &["lib/x.js"], false),
        ];
        for (program, others, expected) in cases {
            let files = others.iter().copied().chain([program]).collect();
            let found = surrounded(&files, &[program]);
            assert_eq!(found.get("p") == Some(&program), expected, "{program}");
        }
    }

    #[test]
    fn a_directory_is_named_like_the_program() {
        let cases = [
            ("app", "app.files"),
            ("dist/app.exe", "dist/app.files"),
            ("APP.EXE", "APP.files"),
            ("tool-1.2", "tool-1.2.files"),
            ("é", "é.files"),
        ];
        for (output, expected) in cases {
            assert_eq!(directory(Path::new(output)), Path::new(expected));
        }
    }
}
