//! Files of the application that lie on disk, beside the executable.
//!
//! Programs see them where they are, so their modules have real paths. The importer knows them by
//! the blob's form like all others: it looks nothing up on disk.

use std::sync::OnceLock;

use super::BLOB_ROOT;

/// What lies on disk.
#[derive(Debug)]
struct Placed {
    /// The executable's directory, without a separator at its end.
    beside: String,
    /// The directory that holds them.
    root: String,
    /// Files and directories of the blob, without a separator at their end.
    paths: Vec<String>,
}

static PLACED: OnceLock<Placed> = OnceLock::new();

/// What separates names on this system.
const SEPARATOR: char = if cfg!(windows) { '\\' } else { '/' };

/// Says that these paths of the blob are in the directory `name` beside the executable, which lies
/// in `beside`. Before Python starts.
pub fn place<'p>(beside: &str, name: &str, paths: impl Iterator<Item = &'p str>) {
    let beside = beside.trim_end_matches(SEPARATOR).to_owned();
    let root = format!("{beside}{SEPARATOR}{name}");
    let paths = paths.map(str::to_owned).collect();
    let _ = PLACED.set(Placed {
        beside,
        root,
        paths,
    });
}

/// Whether a path of the blob is one of these or below.
fn is_below(path: &str, paths: &[String]) -> bool {
    paths.iter().any(|placed| {
        path.strip_prefix(placed.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The path on disk of one of the blob.
#[must_use]
pub fn on_disk(path: &str) -> Option<String> {
    let placed = PLACED.get()?;
    let rest = path.strip_prefix(BLOB_ROOT)?;
    is_below(path, &placed.paths).then(|| {
        let rest = rest.replace('/', &SEPARATOR.to_string());
        format!("{}{rest}", placed.root)
    })
}

/// The blob's path for one on disk.
pub(super) fn inward(path: &str) -> Option<String> {
    let placed = PLACED.get()?;
    let rest = path.strip_prefix(placed.root.as_str())?;
    if !rest.starts_with(SEPARATOR) {
        return None;
    }
    let inside = super::normal(&rest.replace(SEPARATOR, "/"))?;
    is_below(&inside, &placed.paths).then(|| inside.into_owned())
}

/// The path of a file that the blob names relative to the executable's directory.
#[must_use]
pub fn beside(relative: &str) -> Option<String> {
    let placed = PLACED.get()?;
    let relative = relative.replace('/', &SEPARATOR.to_string());
    Some(format!("{}{SEPARATOR}{relative}", placed.beside))
}
