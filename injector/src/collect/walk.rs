//! The walk through the resources directory.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::error::CollectError;
use super::secrets;
use super::stamp::Stamp;
use crate::{same_file, temporary};

/// What to do beyond the rules.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Paths relative to the directory that are packaged although they look like secrets.
    pub include: Vec<String>,
    /// The output file: when it lies in the directory it is not packaged into itself, and it must
    /// not take the place of anything but an earlier output.
    pub output: Option<PathBuf>,
}

/// A file to package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path relative to the directory, with `/` between the parts.
    pub path: String,
    /// Where it is.
    pub on_disk: PathBuf,
    /// Its length.
    pub len: u64,
    /// What it looked like.
    pub stamp: Stamp,
    /// Whether anyone may execute it.
    pub executable: bool,
}

/// Something that was not packaged and that the user may wonder about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Path relative to the directory.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// Why a path was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Version control.
    VersionControl,
    /// Bytecode caches are made anew.
    BytecodeCache,
    /// A virtual environment.
    VirtualEnvironment,
    /// It looks like a secret; packaged only when asked for.
    Secret,
    /// The output file itself.
    Output,
}

/// What the walk found; everything sorted by path.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The files.
    pub files: Vec<File>,
    /// The directories, the root (the empty path) not among them.
    pub directories: Vec<String>,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
}

impl Tree {
    /// The file at this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()
            .map(|index| &self.files[index])
    }
}

/// `ELOOP`, for which the standard library has no stable name yet.
const LINK_LOOP: i32 = if cfg!(target_os = "macos") { 62 } else { 40 };

const VERSION_CONTROL: [&str; 8] = [
    ".git", ".hg", ".svn", ".bzr", ".jj", ".pijul", "_darcs", "CVS",
];

/// How often one directory is packaged, by way of links. Two links beside each other in every
/// directory of a chain double the paths with each; a few dozen such directories never end.
const MOST_PATHS: u32 = 64;

/// Walks `root`.
///
/// # Errors
/// A directory or a link cannot be read, or a name does not fit into a blob.
pub fn walk(root: &Path, options: &WalkOptions) -> Result<Tree, CollectError> {
    let io = |source| CollectError::Io {
        path: root.to_owned(),
        source,
    };
    let metadata = fs::metadata(root).map_err(io)?;
    if !metadata.is_dir() {
        return Err(CollectError::NotADirectory(root.to_owned()));
    }
    if root.join("pyvenv.cfg").is_file() {
        return Err(CollectError::VirtualEnvironment(root.to_owned()));
    }
    let real_root = fs::canonicalize(root).map_err(io)?;
    let output = options.output.as_deref().and_then(real_path_of_output);
    let mut walk = Walk {
        here: real_root.clone(),
        ancestors: HashSet::from([real_root.clone()]),
        paths: HashMap::new(),
        real_root,
        include: &options.include,
        replaced: output.as_ref().and_then(|output| fs::metadata(output).ok()),
        output,
        tree: Tree::default(),
    };
    walk.directory(root, "")?;
    let mut tree = walk.tree;
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    tree.directories.sort();
    tree.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

/// The output need not exist yet, its directory does.
fn real_path_of_output(output: &Path) -> Option<PathBuf> {
    let parent = output
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Some(fs::canonicalize(parent).ok()?.join(output.file_name()?))
}

struct Walk<'a> {
    real_root: PathBuf,
    /// Real path of the directory being walked.
    here: PathBuf,
    /// Real paths of the directories being walked.
    ancestors: HashSet<PathBuf>,
    /// How often directories were reached that links lead to.
    paths: HashMap<PathBuf, u32>,
    include: &'a [String],
    output: Option<PathBuf>,
    /// What the output takes the place of.
    replaced: Option<Metadata>,
    tree: Tree,
}

impl Walk<'_> {
    fn directory(&mut self, on_disk: &Path, path: &str) -> Result<(), CollectError> {
        let io = |source| CollectError::Io {
            path: on_disk.to_owned(),
            source,
        };
        for entry in fs::read_dir(on_disk).map_err(io)? {
            let entry = entry.map_err(io)?;
            let on_disk = entry.path();
            let name = entry.file_name();
            let name = name
                .to_str()
                .ok_or_else(|| CollectError::NameNotUtf8(on_disk.clone()))?;
            let path = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}/{name}")
            };
            if VERSION_CONTROL.contains(&name) {
                self.leave_out(path, Reason::VersionControl);
            } else if name == "__pycache__" {
                self.leave_out(path, Reason::BytecodeCache);
            } else {
                self.entry(&on_disk, path, name)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, on_disk: &Path, path: String, name: &str) -> Result<(), CollectError> {
        let io = |source| CollectError::Io {
            path: on_disk.to_owned(),
            source,
        };
        let link = fs::symlink_metadata(on_disk).map_err(io)?.is_symlink();
        let real = if link {
            Some(self.follow(on_disk)?)
        } else {
            None
        };
        let metadata = fs::metadata(on_disk).map_err(io)?;
        if metadata.is_dir() {
            if on_disk.join("pyvenv.cfg").is_file() {
                self.leave_out(path, Reason::VirtualEnvironment);
                return Ok(());
            }
            let linked = real.is_some();
            let real = real.unwrap_or_else(|| self.here.join(name));
            if linked {
                let paths = self.paths.entry(real.clone()).or_default();
                *paths += 1;
                if *paths > MOST_PATHS {
                    return Err(CollectError::TooManyPaths(on_disk.to_owned()));
                }
            }
            if !self.ancestors.insert(real.clone()) {
                return Err(CollectError::Cycle(on_disk.to_owned()));
            }
            let outer = std::mem::replace(&mut self.here, real);
            self.tree.directories.push(path.clone());
            self.directory(on_disk, &path)?;
            let real = std::mem::replace(&mut self.here, outer);
            self.ancestors.remove(&real);
            return Ok(());
        }
        if !metadata.is_file() {
            return Err(CollectError::Special {
                path: on_disk.to_owned(),
                kind: kind_of(&metadata),
            });
        }
        self.file(on_disk, path, name, &metadata)
    }

    fn follow(&self, link: &Path) -> Result<PathBuf, CollectError> {
        let target = fs::canonicalize(link).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CollectError::LinkNowhere(link.to_owned()),
            _ if source.raw_os_error() == Some(LINK_LOOP) => CollectError::Cycle(link.to_owned()),
            _ => CollectError::Io {
                path: link.to_owned(),
                source,
            },
        })?;
        if !target.starts_with(&self.real_root) {
            return Err(CollectError::LinkOutside {
                link: link.to_owned(),
                target,
            });
        }
        Ok(target)
    }

    fn file(
        &mut self,
        on_disk: &Path,
        path: String,
        name: &str,
        metadata: &Metadata,
    ) -> Result<(), CollectError> {
        let io = |source| CollectError::Io {
            path: on_disk.to_owned(),
            source,
        };
        if self.is_output(&self.here.join(name), metadata) {
            // Links of both kinds lead here, too.
            if !same_file::may_be_replaced(on_disk).map_err(io)? {
                return Err(CollectError::Output(on_disk.to_owned()));
            }
            self.leave_out(path, Reason::Output);
            return Ok(());
        }
        if name.starts_with(temporary::PREFIX) {
            self.leave_out(path, Reason::Output);
            return Ok(());
        }
        if !self.include.contains(&path)
            && secrets::is_secret(on_disk, name, metadata.len()).map_err(io)?
        {
            self.leave_out(path, Reason::Secret);
            return Ok(());
        }
        let executable = is_executable(metadata);
        self.tree.files.push(File {
            path,
            on_disk: on_disk.to_owned(),
            len: metadata.len(),
            stamp: Stamp::of(metadata),
            executable,
        });
        Ok(())
    }

    fn is_output(&self, real: &Path, metadata: &Metadata) -> bool {
        #[cfg(unix)]
        if let Some(replaced) = &self.replaced {
            return same_file::same(replaced, metadata);
        }
        let _ = metadata;
        self.output.as_deref() == Some(real)
    }

    fn leave_out(&mut self, path: String, reason: Reason) {
        self.tree.left_out.push(LeftOut { path, reason });
    }
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn kind_of(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}

#[cfg(not(unix))]
fn kind_of(_: &Metadata) -> &'static str {
    "special file"
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    fn names(tree: &Tree) -> Vec<&str> {
        tree.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn files_come_sorted_and_the_usual_suspects_stay_out() {
        let dir = directory(&[
            ("b.py", ""),
            ("a/z.py", ""),
            ("a/__pycache__/z.cpython-313.pyc", ""),
            (".git/HEAD", ""),
            ("a.b", ""),
            ("venv/pyvenv.cfg", ""),
            ("venv/lib/x.py", ""),
            (".env", "TOKEN=1"),
            ("keys/deploy", "-----BEGIN OPENSSH PRIVATE KEY-----\n"),
            ("keys/id_rsa.pub", "ssh-rsa AAAA"),
        ]);
        fs::create_dir(dir.path().join("empty")).unwrap();
        fs::set_permissions(dir.path().join("b.py"), fs::Permissions::from_mode(0o755)).unwrap();
        let tree = walk(dir.path(), &WalkOptions::default()).unwrap();
        assert_eq!(names(&tree), ["a.b", "a/z.py", "b.py", "keys/id_rsa.pub"]);
        assert_eq!(tree.directories, ["a", "empty", "keys"]);
        assert!(tree.file("b.py").unwrap().executable && !tree.file("a/z.py").unwrap().executable);
        let out: Vec<_> = tree
            .left_out
            .iter()
            .map(|out| (out.path.as_str(), out.reason))
            .collect();
        assert_eq!(
            out,
            [
                (".env", Reason::Secret),
                (".git", Reason::VersionControl),
                ("a/__pycache__", Reason::BytecodeCache),
                ("keys/deploy", Reason::Secret),
                ("venv", Reason::VirtualEnvironment),
            ]
        );
        let options = WalkOptions {
            include: vec![".env".to_owned()],
            ..WalkOptions::default()
        };
        assert!(walk(dir.path(), &options).unwrap().file(".env").is_some());
    }

    #[test]
    fn the_output_is_not_packaged_into_itself() {
        let dir = directory(&[("app", ""), ("__main__.py", "")]);
        let walk_with = |output: &Path| {
            let options = WalkOptions {
                output: Some(output.to_owned()),
                ..WalkOptions::default()
            };
            walk(dir.path(), &options)
        };
        let app = dir.path().join("app");
        assert_eq!(names(&walk_with(&app).unwrap()), ["__main__.py"]);
        fs::remove_file(&app).unwrap();
        assert_eq!(names(&walk_with(&app).unwrap()), ["__main__.py"]);
        // What somebody wrote is not lost, whichever name the output has for it.
        fs::write(&app, "mine").unwrap();
        let elsewhere = directory(&[]);
        let (hard, soft) = (elsewhere.path().join("hard"), elsewhere.path().join("soft"));
        fs::hard_link(&app, &hard).unwrap();
        symlink(&app, &soft).unwrap();
        for output in [&app, &hard, &soft] {
            let error = walk_with(output).unwrap_err();
            assert!(matches!(error, CollectError::Output(_)), "{error}");
        }
    }

    #[test]
    fn links_inside_are_followed() {
        let dir = directory(&[("real/x.py", "x")]);
        symlink("real", dir.path().join("alias")).unwrap();
        symlink("real/x.py", dir.path().join("y.py")).unwrap();
        let tree = walk(dir.path(), &WalkOptions::default()).unwrap();
        assert_eq!(names(&tree), ["alias/x.py", "real/x.py", "y.py"]);
        assert_eq!(tree.file("y.py").unwrap().len, 1);
    }

    #[test]
    fn links_that_cannot_be_kept_are_errors() {
        let dir = directory(&[("a/x.py", "")]);
        let link = dir.path().join("a/link");
        let run = |target: &str| {
            let _ = fs::remove_file(&link);
            symlink(target, &link).unwrap();
            walk(dir.path(), &WalkOptions::default()).unwrap_err()
        };
        assert!(matches!(
            run("/etc/hostname"),
            CollectError::LinkOutside { .. }
        ));
        assert!(matches!(run("nothing"), CollectError::LinkNowhere(_)));
        assert!(matches!(run(".."), CollectError::Cycle(_)));
        assert!(matches!(run("."), CollectError::Cycle(_)));
        assert!(matches!(run("link"), CollectError::Cycle(_)));
        fs::remove_file(&link).unwrap();
        fs::create_dir(dir.path().join("b")).unwrap();
        symlink("../b", &link).unwrap();
        symlink("../a", dir.path().join("b/link")).unwrap();
        assert!(matches!(
            walk(dir.path(), &WalkOptions::default()),
            Err(CollectError::Cycle(_))
        ));
    }

    #[test]
    fn links_that_multiply_are_refused_soon() {
        let dir = directory(&[]);
        let level = |n: usize| dir.path().join(format!("d{n}"));
        for n in 0..40 {
            fs::create_dir(level(n)).unwrap();
            if n > 0 {
                symlink(format!("../d{}", n - 1), level(n).join("a")).unwrap();
                symlink(format!("../d{}", n - 1), level(n).join("b")).unwrap();
            }
        }
        let error = walk(dir.path(), &WalkOptions::default()).unwrap_err();
        assert!(matches!(error, CollectError::TooManyPaths(_)), "{error}");
        // What a virtual environment or a source tree really has: some links to one place.
        let dir = directory(&[("real/x.py", "")]);
        for n in 0..MOST_PATHS {
            symlink("real", dir.path().join(format!("l{n}"))).unwrap();
        }
        let tree = walk(dir.path(), &WalkOptions::default()).unwrap();
        assert_eq!(tree.files.len(), 1 + MOST_PATHS as usize);
    }

    #[test]
    fn special_files_and_strange_names_are_errors() {
        let dir = directory(&[]);
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        let error = walk(dir.path(), &WalkOptions::default()).unwrap_err();
        assert!(matches!(
            error,
            CollectError::Special { kind: "socket", .. }
        ));
        let dir = directory(&[]);
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").unwrap();
        assert!(matches!(
            walk(dir.path(), &WalkOptions::default()),
            Err(CollectError::NameNotUtf8(_))
        ));
        let file = directory(&[("f", "")]);
        assert!(matches!(
            walk(&file.path().join("f"), &WalkOptions::default()),
            Err(CollectError::NotADirectory(_))
        ));
        let venv = directory(&[("pyvenv.cfg", "")]);
        assert!(matches!(
            walk(venv.path(), &WalkOptions::default()),
            Err(CollectError::VirtualEnvironment(_))
        ));
    }
}
