//! `sys.executable`: the application's file under a spelling that nobody uses by chance.
//!
//! `/opt/tool/../tool/../tool/app` leads to `/opt/tool/app` for everybody (the system, C code, a
//! shell, another process), so a child can be started by it from anywhere, and it is what the child
//! finds as the path it was started by. Nothing is written on disk, and the directory of the path
//! is still the application's. Python's `pathlib` keeps the `..`; who normalises the path
//! (`os.path.abspath`, `realpath`) has the application's own.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// How often the directory is left and entered again. Once is met in the wild (`bin/../bin` in a
/// `PATH`).
const TURNS: usize = 2;

/// The spelling of a canonical path that stands for the interpreter; the path itself where there is
/// none.
pub fn interpreter(file: &Path) -> PathBuf {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
        return file.to_owned();
    };
    let mut path = directory.to_owned();
    for _ in 0..TURNS {
        path.push("..");
        path.extend(directory.file_name());
    }
    path.push(name);
    path
}

/// The path that a spelling stands for; `None` for any other path.
pub fn plain(path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    let mut parts: Vec<Component<'_>> = path.components().collect();
    let name = parts.pop()?;
    let Component::Normal(_) = name else {
        return None;
    };
    // In the root there is nothing to enter again.
    let directory = match parts.last()? {
        Component::Normal(directory) => Some(*directory),
        _ => None,
    };
    for _ in 0..TURNS {
        if let Some(directory) = directory
            && parts.pop() != Some(Component::Normal(directory))
        {
            return None;
        }
        if parts.pop() != Some(Component::ParentDir) {
            return None;
        }
    }
    let whole = match (directory, parts.last()?) {
        (Some(directory), Component::Normal(last)) => *last == directory,
        (None, Component::RootDir) => true,
        _ => false,
    };
    whole.then(|| {
        parts.push(name);
        parts.iter().collect()
    })
}

/// Whether an argument is such a path.
pub fn is_interpreter(argument: &OsStr) -> bool {
    plain(Path::new(argument)).is_some()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (file, spelled) in [
            ("/opt/tool/app", "/opt/tool/../tool/../tool/app"),
            ("/app", "/../../app"),
            ("/a/a/a", "/a/a/../a/../a/a"),
            ("/proc/12/exe", "/proc/12/../12/../12/exe"),
            ("/a b/\u{e9}/x y", "/a b/\u{e9}/../\u{e9}/../\u{e9}/x y"),
        ] {
            assert_eq!(interpreter(Path::new(file)), Path::new(spelled));
            assert_eq!(plain(Path::new(spelled)), Some(PathBuf::from(file)));
            assert_eq!(plain(Path::new(file)), None, "{file}");
        }
        assert_eq!(interpreter(Path::new("/")), Path::new("/"));
    }

    #[test]
    fn what_people_write() {
        for path in [
            "",
            "/",
            "app",
            "./app",
            "../app",
            "/opt/app/../app/app",
            "/../app",
            "/opt/../opt/x/app",
            "a/../a/../a/app",
            "/a/../b/../a/app",
            "/b/../a/../a/app",
            "/opt/tool/../tool/../tool/..",
            "/opt/tool/../tool/../tool/",
            "/../../..",
        ] {
            assert_eq!(plain(Path::new(path)), None, "{path}");
        }
        // Written otherwise, and the same path.
        assert!(is_interpreter(OsStr::new(
            "//opt//tool/../tool/./../tool/app"
        )));
    }
}
