//! Which of several entry points runs: the one whose name the program was started by, or, if there
//! is no other, the one that its first argument names.

use std::ffi::OsString;
use std::path::Path;

use oxidize_format::{Entry, RunConfig};

/// How an entry point was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// There was none to be made, or the program's name made it.
    Made,
    /// The first argument made it, which is no argument of the application's.
    ByArgument,
    /// Nothing names one.
    Open,
}

/// The run configuration with the chosen entry point. If the choice is open, the first stands for
/// all.
#[must_use]
pub fn choose<'a>(mut run: RunConfig<'a>, arguments: &[OsString]) -> (RunConfig<'a>, Choice) {
    let Some((_, first)) = run.named_entries().next() else {
        return (run, Choice::Made);
    };
    let named = |name: &str| {
        let mut entries = run.named_entries();
        entries.find_map(|(known, entry)| (known == name).then_some(entry))
    };
    let started = arguments.first().map(Path::new);
    let name = started
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let bare = match name.get(name.len().saturating_sub(4)..) {
        Some(suffix) if cfg!(windows) && suffix.eq_ignore_ascii_case(".exe") => {
            &name[..name.len() - 4]
        }
        _ => name,
    };
    let argument = arguments.get(1).and_then(|argument| argument.to_str());
    let (entry, choice) = match (named(bare), argument.and_then(named)) {
        (Some(entry), _) => (entry, Choice::Made),
        (None, _) if run.entry != Entry::None => (run.entry, Choice::Made),
        (None, Some(entry)) => (entry, Choice::ByArgument),
        (None, None) => (first, Choice::Open),
    };
    run.entry = entry;
    (run, choice)
}

/// What a program says that was started without a choice.
#[must_use]
pub fn usage(run: &RunConfig<'_>, program: &str) -> String {
    let names: Vec<&str> = run.named_entries().map(|(name, _)| name).collect();
    format!("usage: {program} {{{}}} [ARGUMENT ...]", names.join(","))
}
