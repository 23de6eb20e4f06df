//! What this process is: the facts that [`identity::decide`] wants, and what was decided.

use std::ffi::{CStr, OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use oxidize_format::{ChildRole, Entry, RunConfig};

use crate::ffi::lifecycle::{
    is_privileged, own_file, set_environment, started_as, unset_environment,
};
use crate::ffi::{Text, ancestors, parent_id};
use crate::identity::{self, Ancestor, Facts, Identity, environment, generations, spelling};

/// Set by our own hooks for a child: the number of the process that starts it and, but for Windows,
/// its token. Removed at once, so that it does not travel further. Left only where the system shows
/// no better: before an `exec`, by root for a child that may become another user, and where there
/// is no `/proc`.
pub(crate) const MARK: &CStr = c"OXIDIZE_STARTED_BY";

/// A `pyvenv.cfg` has a few lines.
const LONGEST_CONFIGURATION: u64 = 1 << 16;

/// This process.
#[derive(Debug)]
pub(crate) struct Own {
    /// The file we run from, canonical.
    pub(crate) file: PathBuf,
    /// `sys.executable`.
    pub(crate) executable: PathBuf,
    /// The command line, from the application's name on.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) identity: Identity,
}

impl Own {
    /// Whether a path leads to this program.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let same = || Some(identify(path)? == identify(&self.file)?);
        path == self.executable || path == self.file || same() == Some(true)
    }
}

static OWN: RwLock<Option<&'static Own>> = RwLock::new(None);

/// What was found at the start.
pub(crate) fn own() -> Option<&'static Own> {
    *OWN.read().unwrap_or_else(PoisonError::into_inner)
}

fn set(own: Own) -> &'static Own {
    let own: &'static Own = Box::leak(Box::new(own));
    *OWN.write().unwrap_or_else(PoisonError::into_inner) = Some(own);
    own
}

/// Finds out. Before Python starts, once.
pub(crate) fn find_out(run: &RunConfig<'_>, arguments: &[OsString]) -> &'static Own {
    own().unwrap_or_else(|| set(gather(run, arguments)))
}

/// Takes the word of who makes a snapshot: `file` stands for the paths of all processes that will
/// come of it.
#[cfg(target_env = "musl")]
pub(crate) fn stand_in(run: &RunConfig<'_>, file: PathBuf) -> &'static Own {
    set(Own {
        executable: executable(run, &file),
        arguments: vec![file.clone().into()],
        file,
        identity: Identity::Application(0),
    })
}

/// Forgets what another process has found out.
#[cfg(target_env = "musl")]
pub(crate) fn forget() {
    *OWN.write().unwrap_or_else(PoisonError::into_inner) = None;
}

/// `sys.executable` of the program in this file.
fn executable(run: &RunConfig<'_>, file: &Path) -> PathBuf {
    if run.entry != Entry::None && run.children != ChildRole::Application {
        spelling::interpreter(file)
    } else {
        file.to_owned()
    }
}

fn gather(run: &RunConfig<'_>, arguments: &[OsString]) -> Own {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let mark = variable(&MARK.to_string_lossy());
    unset_environment(MARK);
    let file = own_file(arguments);
    let has_entry = run.entry != Entry::None;
    let started_as = started_as();
    let spelled = [
        started_as.as_deref(),
        arguments.first().map(|first| &**first),
    ];
    let spelled = spelled.into_iter().flatten().any(spelling::is_interpreter);
    let ancestors = has_entry.then(|| ancestors(&file, spelled)).flatten();
    // Linux shows command lines, and there is nothing that the environment has to carry.
    let shown = cfg!(target_os = "linux") && ancestors.is_some();
    let digest = generations::digest(arguments.get(1..).unwrap_or_default());
    let line = variable(generations::VARIABLE);
    let counts = |process: u32| {
        let all = ancestors.as_deref();
        all.is_none_or(|all| all.iter().any(|one| one.process == process && one.is_us))
    };
    let us = identify(&file);
    let marked = is_marked(&mark, ancestors.as_deref());
    let facts = Facts {
        has_entry,
        children: run.children,
        arguments,
        started_as: started_as.as_deref(),
        name: file.file_name(),
        privileged: is_privileged(),
        marked,
        ancestors: ancestors.as_deref(),
        generations: if shown {
            0
        } else {
            generations::count(&line, digest, &counts)
        },
        in_environment: started_as
            .as_deref()
            .is_some_and(|link| in_environment(link, &file)),
    };
    let identity = identity::decide(&facts, &|path| Some(identify(path)? == *us.as_ref()?));
    let first = match identity {
        Identity::Application(first) => first,
        _ => 0,
    };
    if has_entry && !shown && matches!(identity, Identity::Application(_)) {
        let line = generations::extend(&line, std::process::id(), digest, &counts);
        if let (Some(name), Some(line)) = (Text::new(generations::VARIABLE), Text::new(line)) {
            set_environment(&name, &line);
        }
    }
    let mut arguments = arguments.get(first..).unwrap_or_default().to_vec();
    if let Some(name) = arguments.first_mut()
        && first == 0
        && matches!(identity, Identity::Application(_))
    {
        // Windows passes on what was typed, and finds the file itself.
        let found_at = started_as.as_deref().map(Path::new);
        let found_at = found_at.filter(|_| !cfg!(windows)).unwrap_or(&file);
        *name = identity::arguments::called(name, found_at).to_owned();
    }
    if identity == Identity::Interpreter
        && let Some(spawned) = identity::arguments::spawned(&arguments)
    {
        arguments = spawned;
    }
    Own {
        executable: executable(run, &file),
        file,
        arguments,
        identity,
    }
}

/// Whether the mark was set by us: by this process before an `exec`, or by its parent. The token
/// says so, which is taken in any case.
#[cfg(unix)]
fn is_marked(mark: &str, _: Option<&[Ancestor]>) -> bool {
    let Some((process, descriptor)) = mark.split_once(':') else {
        return false;
    };
    let (Ok(process), Ok(descriptor)) = (process.parse(), descriptor.parse()) else {
        return false;
    };
    crate::ffi::token::take(descriptor, process)
        && (process == std::process::id() || process == parent_id())
}

/// Whether the mark can have been set by us: by the parent, which has ended if it was an `exec`.
#[cfg(windows)]
fn is_marked(mark: &str, ancestors: Option<&[Ancestor]>) -> bool {
    let parent = ancestors.and_then(|all| all.first());
    mark.parse().is_ok_and(|process: u32| {
        Some(process) == parent_id() && parent.is_none_or(|parent| parent.is_us)
    })
}

/// What makes two paths lead to the same file.
#[cfg(unix)]
fn identify(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// What makes two paths lead to the same file.
#[cfg(windows)]
fn identify(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}

/// Whether a link to `file`, or the file as a copy, belongs to a virtual environment that was made
/// of it. Nothing is read unless the program was started by a link, or in a directory `bin`.
fn in_environment(link: &OsStr, file: &Path) -> bool {
    let link = Path::new(link);
    let Some(directory) = link.parent() else {
        return false;
    };
    let text = |place: &Path| {
        let place = place.join("pyvenv.cfg");
        let short = std::fs::metadata(&place)
            .is_ok_and(|found| found.is_file() && found.len() <= LONGEST_CONFIGURATION);
        short
            .then(|| std::fs::read_to_string(&place).ok())
            .flatten()
    };
    if std::fs::symlink_metadata(link).map_or(true, |found| !found.is_symlink()) {
        let length = |path: &Path| Some(std::fs::metadata(path).ok()?.len());
        let Some(directory) = file.parent().filter(|path| environment::has_programs(path)) else {
            return false;
        };
        return text(&directory.join(".."))
            .is_some_and(|text| environment::is_copied(&text, file, &length));
    }
    [directory.to_owned(), directory.join("..")]
        .iter()
        .any(|place| text(place).is_some_and(|text| environment::is_made_of(&text, file, link)))
}
