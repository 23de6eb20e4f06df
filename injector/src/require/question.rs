//! What pip is asked, as a key: everything that the answer depends on, apart from what indexes
//! offer.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use oxidize_format::Target;

use super::{Host, MODULES, RequireError, Requirements, unreadable};
use crate::cache::{self, Key};
use crate::mmap::Map;
use crate::regular;

/// Directories of a project that its wheel does not depend on, or that building writes to.
const NOT_SOURCES: [&str; 9] = [
    "__pycache__",
    "build",
    "dist",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    "node_modules",
];

impl Requirements {
    /// The key of the question. `None` if it cannot be asked twice: a requirements file names
    /// another project's directory.
    pub(super) fn key(&self, host: &Host<'_>, target: Target) -> Result<Option<Key>, RequireError> {
        let mut parts: Vec<Vec<u8>> = vec![
            b"resolved 2".to_vec(),
            MODULES.map(|(_, source)| source).concat().into(),
            target.triple().into(),
            self.specifiers.join("\n").into(),
            self.extra_index_urls.join("\n").into(),
            format!("{:?}", self.index_url).into(),
        ];
        let archives = host.archives.iter();
        parts.extend(archives.map(|archive| archive.digest().to_vec()));
        let mut settings: Vec<_> = std::env::vars_os()
            .filter(|(name, _)| name.to_string_lossy().starts_with("PIP_"))
            .collect();
        settings.sort();
        parts.push(format!("{settings:?}").into());
        for specifier in &self.specifiers {
            let path = project_path(specifier);
            if path.is_dir() {
                parts.push(project(path)?);
            } else if path.is_file() {
                parts.push(content(path)?);
            }
        }
        for path in self.wheels.iter().chain(&self.script) {
            parts.push(content(path)?);
        }
        for directory in &self.find_links {
            parts.push(listing(directory)?);
        }
        for file in self.texts() {
            let (path, text) = file?;
            if lines(&text).any(|line| project_path(&line).is_dir()) {
                return Ok(None);
            }
            parts.push(path.to_string_lossy().into_owned().into());
            parts.push(text);
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(Some(Key::of(&parts)))
    }

    /// The files and directories that are read.
    pub(crate) fn inputs(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let given = self
            .specifiers
            .iter()
            .map(|specifier| project_path(specifier));
        let mut paths: Vec<PathBuf> = given.map(Path::to_owned).collect();
        paths.extend(self.wheels.iter().chain(&self.script).cloned());
        paths.extend(self.find_links.iter().cloned());
        // What cannot be read is told when it is needed.
        for (path, text) in self.texts().flatten() {
            paths.extend(lines(&text).map(|line| project_path(&line).to_owned()));
            paths.push(path);
        }
        paths.retain(|path| path.exists());
        paths.into_iter().partition(|path| !path.is_dir())
    }

    /// Requirements, lock and constraints files, and what they include: paths and contents.
    fn texts(&self) -> impl Iterator<Item = Result<(PathBuf, Vec<u8>), RequireError>> {
        let files = self.files.iter().chain(&self.constraints);
        let mut open: Vec<PathBuf> = files.cloned().collect();
        let mut seen = HashSet::new();
        std::iter::from_fn(move || {
            let path = loop {
                let path = open.pop()?;
                if seen.insert(path.clone()) {
                    break path;
                }
            };
            Some(match regular::read(&path, regular::MOST_TEXT) {
                Ok(text) => {
                    open.extend(lines(&text).filter_map(|line| included(&line, &path)));
                    Ok((path, text))
                }
                Err(source) => Err(unreadable(&path, source)),
            })
        })
    }
}

/// The lines of a requirements file that say something.
fn lines(text: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(|line| {
        let line = line.trim();
        line.strip_prefix("-e").unwrap_or(line).trim().to_owned()
    });
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .into_iter()
}

/// The path in `./project[extra]`.
fn project_path(specifier: &str) -> &Path {
    let path = Path::new(specifier);
    match specifier.split_once('[') {
        Some((start, _)) if specifier.ends_with(']') && !path.exists() => Path::new(start),
        _ => path,
    }
}

fn content(path: &Path) -> Result<Vec<u8>, RequireError> {
    let file = Map::open(path).map_err(|source| unreadable(path, source))?;
    Ok(cache::fingerprint(&file).to_vec())
}

/// The sources of a project, and what versions are often derived from: its git references. Where a
/// link leads counts, and each directory that links lead to is read once: links beside each other
/// would double the paths with every level.
fn project(root: &Path) -> Result<Vec<u8>, RequireError> {
    let mut lines = Vec::new();
    let mut open = vec![root.to_owned()];
    let mut linked = HashSet::new();
    while let Some(directory) = open.pop() {
        let failed = |source| unreadable(&directory, source);
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().map_err(failed)?.is_symlink() {
                let leads = fs::read_link(&path).map_err(failed)?;
                let leads = leads.to_string_lossy().into_owned().into_bytes();
                lines.push((path.clone(), leads));
                match fs::canonicalize(&path) {
                    Ok(real) if real.is_dir() => {
                        if !linked.insert(real) {
                            continue;
                        }
                    }
                    Ok(_) => {}
                    // A link to nowhere, or to itself.
                    Err(_) => continue,
                }
            }
            if path.is_dir() {
                let in_git = directory.ends_with(".git");
                let skipped = NOT_SOURCES.contains(&&*name) || name.ends_with(".egg-info");
                if !(skipped || in_git && name != "refs") {
                    open.push(path);
                }
                continue;
            }
            if directory.ends_with(".git") && !["HEAD", "packed-refs"].contains(&&*name) {
                continue;
            }
            // Opening a named pipe would wait for whoever writes to it.
            if path.is_file() {
                lines.push((path.clone(), content(&path)?));
            }
        }
    }
    lines.sort();
    Ok(format!("{lines:?}").into_bytes())
}

/// Names, sizes and times of the files in a directory.
fn listing(directory: &Path) -> Result<Vec<u8>, RequireError> {
    let failed = |source| unreadable(directory, source);
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let metadata = entry.metadata().map_err(failed)?;
        let time = metadata.modified().ok();
        let name = entry.file_name();
        lines.push(format!("{name:?} {} {time:?}", metadata.len()));
    }
    lines.sort();
    Ok(lines.join("\n").into_bytes())
}

/// The file that a line of a requirements file includes.
fn included(line: &str, from: &Path) -> Option<PathBuf> {
    const OPTIONS: [&str; 4] = ["--requirement", "--constraint", "-r", "-c"];
    let rest = OPTIONS
        .iter()
        .find_map(|option| line.strip_prefix(option))?;
    let name = rest.trim_start_matches(['=', ' ', '\t']).trim();
    let local = !name.is_empty() && !name.contains("://");
    local.then(|| from.parent().unwrap_or(Path::new("")).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_are_found() {
        let from = Path::new("a/requirements.txt");
        for line in [
            "-r b.txt",
            "-rb.txt",
            "--requirement b.txt",
            "--requirement=b.txt",
            "-c b.txt",
        ] {
            let found = included(line, from).unwrap();
            assert_eq!(found, Path::new("a/b.txt"), "{line}");
        }
        for line in ["requests", "# -r b.txt", "-r https://host/x", "-r"] {
            assert_eq!(included(line, from), None, "{line}");
        }
    }

    #[test]
    fn a_project_is_its_sources() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("pyproject.toml", "[project]");
        write(".git/HEAD", "ref: refs/heads/main");
        let first = project(root).unwrap();
        for other in [
            "build/lib/x.py",
            "ham.egg-info/PKG-INFO",
            "ham/__pycache__/x.pyc",
            ".git/index",
            ".git/objects/ab/cd",
        ] {
            write(other, "x");
            assert_eq!(project(root).unwrap(), first, "{other}");
        }
        for source in ["src/ham.py", ".git/refs/tags/v1", ".git/HEAD"] {
            let before = project(root).unwrap();
            write(source, "y");
            assert_ne!(project(root).unwrap(), before, "{source}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_neither_multiply_nor_end_the_reading() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        // Forty directories with two links to the next: 2^40 paths.
        for level in 0..40 {
            let place = root.join(level.to_string());
            fs::create_dir(&place).unwrap();
            symlink(format!("../{}", level + 1), place.join("one")).unwrap();
            symlink(format!("../{}", level + 1), place.join("two")).unwrap();
        }
        fs::create_dir(root.join("40")).unwrap();
        fs::write(root.join("40/file"), "1").unwrap();
        symlink(".", root.join("here")).unwrap();
        symlink("itself", root.join("itself")).unwrap();
        symlink("nowhere", root.join("lost")).unwrap();
        let status = std::process::Command::new("mkfifo")
            .arg(root.join("pipe"))
            .status();
        assert!(status.unwrap().success());
        let first = project(root).unwrap();
        assert!(first.len() < 100_000, "{}", first.len());
        fs::remove_file(root.join("lost")).unwrap();
        symlink("elsewhere", root.join("lost")).unwrap();
        assert_ne!(project(root).unwrap(), first);
    }

    #[test]
    fn extras_are_no_part_of_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        assert_eq!(project_path(&format!("{path}[fast]")), dir.path());
        assert_eq!(project_path(path), dir.path());
    }
}
