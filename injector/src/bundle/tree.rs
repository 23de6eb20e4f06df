//! What a bundle holds, path by path, as its seal sees it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::BundleError;
use super::layout::Layout;
use super::rules::Rule;

/// How deep directories and bundles may be inside each other.
pub(super) const MOST_LEVELS: u32 = 64;

/// Something in a bundle that its seal speaks of.
#[derive(Debug)]
pub(super) struct Found {
    /// The path in the seal.
    pub(super) path: String,
    pub(super) on_disk: PathBuf,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A symbolic link and where it leads.
    Link(String),
    /// A file.
    File,
    /// A bundle among the code.
    Bundle,
    /// A bundle among the resources. Its files follow; it is signed before they are sealed.
    InnerBundle,
}

/// Lists a bundle's content, the program, the signature and what `codesign` never seals aside.
///
/// # Errors
/// A directory cannot be read, a name is not UTF-8, a link leads out of the bundle.
pub(super) fn list(layout: &Layout) -> Result<Vec<Found>, BundleError> {
    let mut list = List {
        layout,
        found: Vec::new(),
    };
    list.directory(&layout.base, "", MOST_LEVELS)?;
    list.found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(list.found)
}

struct List<'l> {
    layout: &'l Layout,
    found: Vec<Found>,
}

impl List<'_> {
    fn directory(&mut self, directory: &Path, path: &str, levels: u32) -> Result<(), BundleError> {
        let failed = |source| BundleError::read(directory, source);
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let on_disk = entry.path();
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| BundleError::Layout {
                path: on_disk.clone(),
                problem: "its name is not UTF-8",
            })?;
            let top = path.is_empty();
            if top && ["_CodeSignature", "CodeResources", "_MASReceipt"].contains(&name)
                || self.layout.program.as_ref() == Some(&on_disk)
            {
                // The seal would be written where it leads.
                if name == "_CodeSignature" && on_disk.is_symlink() {
                    return Err(BundleError::Layout {
                        path: on_disk,
                        problem: "it is a link, not a directory of the bundle",
                    });
                }
                continue;
            }
            let path = if top {
                name.to_owned()
            } else {
                format!("{path}/{name}")
            };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                let deeper = levels.checked_sub(1).ok_or_else(|| BundleError::Layout {
                    path: on_disk.clone(),
                    problem: "directories are inside each other too deeply",
                })?;
                // The versions of a framework are no content of each other.
                let is_code = Layout::of(&on_disk)?
                    .iter()
                    .any(|layout| layout.program.is_some());
                let nested = self.layout.rules.of(&path) == Rule::Nested;
                if is_code && nested {
                    self.add(path, on_disk, What::Bundle);
                    continue;
                }
                if is_code {
                    self.add(path.clone(), on_disk.clone(), What::InnerBundle);
                }
                self.directory(&on_disk, &path, deeper)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(&on_disk)
                    .map_err(|source| BundleError::read(&on_disk, source))?;
                let inside = stays_inside(&path, &target);
                let target =
                    target
                        .to_str()
                        .filter(|_| inside)
                        .ok_or_else(|| BundleError::Layout {
                            path: on_disk.clone(),
                            problem: "it is a link that leads out of the bundle",
                        })?;
                self.add(path, on_disk.clone(), What::Link(target.to_owned()));
            } else if kind.is_file() {
                self.add(path, on_disk, What::File);
            } else {
                return Err(BundleError::Layout {
                    path: on_disk,
                    problem: "it is neither a file nor a directory nor a link",
                });
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, on_disk: PathBuf, what: What) {
        self.found.push(Found {
            path,
            on_disk,
            what,
        });
    }
}

/// Whether a link at this path leads to something in the same bundle.
fn stays_inside(path: &str, target: &Path) -> bool {
    let mut level = path.matches('/').count();
    for part in target.components() {
        match part {
            Component::Normal(_) => level += 1,
            Component::CurDir => {}
            Component::ParentDir => match level.checked_sub(1) {
                Some(up) => level = up,
                None => return false,
            },
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_must_stay() {
        for (path, target, inside) in [
            ("Resources/link", "a", true),
            ("Resources/link", "../MacOS/a", true),
            ("Resources/link", "../../a", false),
            ("link", "a/../../b", false),
            ("link", "/etc/passwd", false),
        ] {
            assert_eq!(
                stays_inside(path, Path::new(target)),
                inside,
                "{path} {target}"
            );
        }
    }
}
