//! Where the parts of a bundle lie: its property list, its program, what its seal covers.

use std::path::{Path, PathBuf};
use std::{fs, io};

use plist::Value;

use super::BundleError;
use super::rules::Rules;
use crate::property_list;
use crate::regular;

/// The longest property list that is read; bytes.
const LARGEST_LIST: u64 = 16 << 20;
/// Names of directories that can be bundles without a directory `Contents`.
const SHALLOW: [&str; 5] = [".app", ".appex", ".bundle", ".framework", ".xpc"];

/// How many levels are left for the bundles in this one.
///
/// # Errors
/// None, not even for this one.
pub(super) fn one_level_less(directory: &Path, levels: u32) -> Result<u32, BundleError> {
    levels.checked_sub(1).ok_or_else(|| BundleError::Layout {
        path: directory.to_owned(),
        problem: "bundles are inside each other too deeply",
    })
}

/// A bundle, or one version of a framework.
#[derive(Debug)]
pub(super) struct Layout {
    /// What its seal covers.
    pub(super) base: PathBuf,
    pub(super) rules: Rules,
    /// The bytes of its property list.
    pub(super) info: Vec<u8>,
    pub(super) identifier: Option<String>,
    /// Its program; a bundle of resources has none.
    pub(super) program: Option<PathBuf>,
}

impl Layout {
    /// The bundle in this directory: nothing if it is none, several for a framework with versions,
    /// the current one last.
    ///
    /// # Errors
    /// It is a bundle, and its property list cannot be read or names no program that is there.
    pub(super) fn of(directory: &Path) -> Result<Vec<Layout>, BundleError> {
        let contents = directory.join("Contents");
        if is_file(&contents.join("Info.plist")) {
            if contents.is_symlink() {
                return Err(BundleError::Layout {
                    path: contents,
                    problem: "it is a link, not a directory of the bundle",
                });
            }
            let info = contents.join("Info.plist");
            return Ok(vec![Layout::new(contents, "MacOS", &info)?]);
        }
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let versions = directory.join("Versions");
        if name.ends_with(".framework") && is_directory(&versions) {
            let current = fs::read_link(versions.join("Current")).ok();
            let mut found: Vec<PathBuf> = fs::read_dir(&versions)
                .map_err(|source| BundleError::read(&versions, source))?
                .map(|entry| {
                    Ok(entry
                        .map_err(|source| BundleError::read(&versions, source))?
                        .path())
                })
                .collect::<Result<_, BundleError>>()?;
            found.retain(|version| is_directory(version));
            let is_current =
                |version: &PathBuf| version.file_name().map(Path::new) == current.as_deref();
            found.sort();
            found.sort_by_key(is_current);
            let version = |base: PathBuf| {
                let info = base.join("Resources/Info.plist");
                // What was signed had one.
                let is_bundle = is_file(&info) || is_directory(&base.join("_CodeSignature"));
                is_bundle.then(|| Layout::new(base, "", &info))
            };
            return found.into_iter().filter_map(version).collect();
        }
        let info = directory.join("Info.plist");
        if SHALLOW.iter().any(|suffix| name.ends_with(suffix)) && is_file(&info) {
            return Ok(vec![Layout::new(directory.to_owned(), "", &info)?]);
        }
        Ok(Vec::new())
    }

    fn new(base: PathBuf, programs: &str, info_path: &Path) -> Result<Layout, BundleError> {
        let unusable = |problem| BundleError::Layout {
            path: info_path.to_owned(),
            problem,
        };
        let read = |source| BundleError::read(info_path, source);
        let info = match regular::read(info_path, LARGEST_LIST) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(unusable("it is too long"));
            }
            info => info.map_err(read)?,
        };
        let list =
            property_list::read(&info).ok_or_else(|| unusable("it is not a property list"))?;
        let text = |key: &str| {
            let value = list.as_dictionary().and_then(|list| list.get(key));
            value.and_then(Value::as_string).map(str::to_owned)
        };
        let program = match text("CFBundleExecutable") {
            None => None,
            // Nothing outside of the bundle.
            Some(name) if name.is_empty() || name == ".." || name.contains(['/', '\\']) => {
                return Err(unusable("its CFBundleExecutable is not a file name"));
            }
            Some(name) => {
                let program = base.join(programs).join(name);
                if !is_file(&program) {
                    return Err(unusable("its CFBundleExecutable is not there"));
                }
                Some(program)
            }
        };
        let has_resources = is_directory(&base.join("Resources"));
        let rules = if programs.is_empty() && !has_resources {
            Rules::Shallow
        } else {
            Rules::Deep
        };
        Ok(Layout {
            identifier: text("CFBundleIdentifier"),
            base,
            rules,
            info,
            program,
        })
    }
}

/// Checks what lies in a bundle's own directory, which no seal covers, as `codesign` does
/// (`bundlediskrep.cpp` of Security).
///
/// # Errors
/// There is something that belongs elsewhere.
pub(super) fn check_root(directory: &Path) -> Result<(), BundleError> {
    let wrong = |path: PathBuf, problem| Err(BundleError::Layout { path, problem });
    if is_file(&directory.join("Contents/Info.plist")) {
        let finders = [
            ".DS_Store",
            ".LSOverride",
            "Icon\r",
            ".SoftwareDepot.tracking",
        ];
        for (name, path) in entries(directory)? {
            if name != "Contents" && !(finders.contains(&&name[..]) && is_file(&path)) {
                return wrong(
                    path,
                    "it lies beside Contents, where the seal does not cover it",
                );
            }
        }
        return Ok(());
    }
    let versions = directory.join("Versions");
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    if !name.ends_with(".framework") || !is_directory(&versions) {
        return Ok(());
    }
    let current = fs::read_link(versions.join("Current")).ok();
    let current = current.map(|target| target.to_string_lossy().into_owned());
    for (name, path) in entries(&versions)? {
        let is_version = |target: &String| {
            !target.contains('/') && is_directory(&versions.join(target)) && target != ".."
        };
        let fits = match &name[..] {
            "Current" => current.as_ref().is_some_and(is_version),
            ".DS_Store" => is_file(&path),
            _ => is_directory(&path),
        };
        if !fits {
            return wrong(path, "it is no version of the framework");
        }
    }
    for (name, path) in entries(directory)? {
        if let Ok(target) = fs::read_link(&path) {
            let target = target.to_string_lossy().into_owned();
            let target = target.strip_prefix("./").unwrap_or(&target);
            let named = target.strip_prefix("Versions/");
            let (version, namesake) = named
                .and_then(|named| named.split_once('/'))
                .unwrap_or_default();
            let is_current = version == "Current" || current.as_deref() == Some(version);
            if !is_current || namesake != name {
                return wrong(
                    path,
                    "it is a link, but not to its namesake in the current version",
                );
            }
            continue;
        }
        let may_stay = ["module.map", ".DS_Store"].contains(&&name[..]) && is_file(&path);
        if name != "Versions" && !may_stay {
            return wrong(path, "it lies beside Versions, where no seal covers it");
        }
    }
    Ok(())
}

/// Names and paths of what lies in a directory, in order.
fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, BundleError> {
    let failed = |source| BundleError::read(directory, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push((name, entry.path()));
    }
    found.sort();
    Ok(found)
}

/// Whether this is a file itself, and no link to one.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}
