//! Whose a directory or a file of the cache is.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Makes the cache's directory, for this user alone, and tells where it is. One that is there is
/// left as it is: when it is the user's and nobody else may write to it, it is the one. In one that
/// all users share, each has one of their own.
pub(super) fn create(root: &Path) -> io::Result<PathBuf> {
    make(root)?;
    // Elsewhere links need rights, and a canonical path is of another form.
    let canonical = if cfg!(unix) {
        fs::canonicalize(root)?
    } else {
        root.to_owned()
    };
    let root = &canonical;
    let mut above = root.ancestors().skip(1);
    if !above.all(|directory| fs::metadata(directory).is_ok_and(|found| holds_still(&found))) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others can exchange the directories that lead to it",
        ));
    }
    let found = fs::metadata(root)?;
    if is_own(&found) {
        return Ok(root.to_owned());
    }
    if !keeps_what_is_mine(&found) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others can write to it",
        ));
    }
    let own = root.join(own_name());
    make(&own)?;
    if fs::symlink_metadata(&own).is_ok_and(|found| found.is_dir() && is_own(&found)) {
        return Ok(own);
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "it belongs to another user",
    ))
}

/// Makes a directory, and those that lead to it, for this user alone.
pub(super) fn make(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Whether it is the user's, and nobody else may write to it. A link is neither file nor directory
/// here.
#[cfg(unix)]
pub(super) fn is_own(found: &Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let owned = found.uid() == rustix::process::geteuid().as_raw();
    owned && !found.is_symlink() && found.permissions().mode() & 0o022 == 0
}

/// Whether others cannot take away or rename what the user makes in this directory: it has the
/// sticky bit, or only its owner, who is root, may write to it.
#[cfg(unix)]
fn keeps_what_is_mine(directory: &Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mode = directory.permissions().mode();
    let trusted = [0, rustix::process::geteuid().as_raw()].contains(&directory.uid());
    trusted && (mode & 0o1000 != 0 || mode & 0o022 == 0)
}

/// Whether a directory that leads to the cache stays what it is: it is the system's or the user's,
/// and not everybody may write to it, or it has the sticky bit. A group is taken to be the user's
/// own.
#[cfg(unix)]
fn holds_still(directory: &Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mode = directory.permissions().mode();
    let trusted = [0, rustix::process::geteuid().as_raw()].contains(&directory.uid());
    trusted && (mode & 0o1000 != 0 || mode & 0o002 == 0)
}

#[cfg(not(unix))]
fn holds_still(_: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn own_name() -> String {
    format!("oxidize-inject-{}", rustix::process::geteuid().as_raw())
}

// Elsewhere a user's directories are private by their access control lists.
#[cfg(not(unix))]
pub(super) fn is_own(found: &Metadata) -> bool {
    !found.is_symlink()
}

#[cfg(not(unix))]
fn keeps_what_is_mine(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn own_name() -> String {
    "oxidize-inject".to_owned()
}
