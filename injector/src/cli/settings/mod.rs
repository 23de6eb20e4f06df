//! Settings: what the command line says, and beneath it what the project's configuration file says.
//!
//! A key of the file *is* an option: its name without the dashes, its value in TOML's types. So
//! whatever becomes an option of packaging becomes a key, is checked in one place, and appears in
//! the schema and in what `init` writes without another line of code. The file's keys are put in
//! front of the command line's arguments, except those that the command line sets itself.

mod file;
mod keys;
mod project;
mod schema;
mod show;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::Failure;
use super::args::{APPLICATION, Cli};
use file::{File, Place};

pub(super) use template::init;

/// A command line that cannot be taken.
#[derive(Debug)]
pub(super) enum SettingsError {
    /// The arguments themselves, help and version included.
    Arguments(clap::Error),
    /// The configuration file.
    File(Failure),
}

impl From<clap::Error> for SettingsError {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(error)
    }
}

impl From<Failure> for SettingsError {
    fn from(failure: Failure) -> Self {
        Self::File(failure)
    }
}

/// What is in force.
#[derive(Debug)]
pub(super) struct Settings {
    /// The arguments, the file's among them.
    pub(super) cli: Cli,
    matches: ArgMatches,
    /// Where the keys that come from the file stand.
    from_file: BTreeMap<String, Place>,
    file: Option<File>,
}

impl Settings {
    /// Takes the process's arguments and looks for the file.
    ///
    /// # Errors
    ///
    /// If either is invalid; the file's are told with file and line.
    pub(super) fn parse() -> Result<Self, SettingsError> {
        Self::from(&std::env::args_os().collect::<Vec<_>>())
    }

    /// The configuration file in force.
    pub(super) fn read_from(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    fn from(arguments: &[OsString]) -> Result<Self, SettingsError> {
        let command = with_opposites(Cli::command());
        // Help, version and errors are told as if there were no file.
        let parser = lenient(command.clone());
        let given = match parser.clone().try_get_matches_from(arguments) {
            Ok(given) => Some(given),
            // What an option needs beside it may be in the file.
            Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
                let parser = parser.ignore_errors(true);
                parser.try_get_matches_from(arguments).ok()
            }
            Err(_) => None,
        };
        let merged = given
            .as_ref()
            .map(|given| merge(&command, given, arguments));
        let merged = merged.transpose()?.flatten();
        let (arguments, from_file, file) = match merged {
            Some(merged) => (merged.arguments, merged.from_file, Some(merged.file)),
            None => (arguments.to_vec(), BTreeMap::new(), None),
        };
        // What is in force can be shown before everything is there.
        let shown = given.is_some_and(|given| given.get_flag("show_settings"));
        let parser = if shown { lenient(command) } else { command };
        let matches = match parser.clone().try_get_matches_from(&arguments) {
            Err(error) => return Err(blamed(&parser, &arguments, &from_file, error)),
            Ok(matches) => matches,
        };
        Ok(Self {
            cli: Cli::from_arg_matches(&matches)?,
            matches,
            from_file,
            file,
        })
    }
}

/// The command line with the file's keys in front of its arguments.
struct Merged {
    arguments: Vec<OsString>,
    from_file: BTreeMap<String, Place>,
    file: File,
}

/// `None` if no file is in force, or the subcommand has no settings.
fn merge(
    command: &Command,
    given: &ArgMatches,
    arguments: &[OsString],
) -> Result<Option<Merged>, Failure> {
    let (level, at, options) = match given.subcommand() {
        None => (given, 1, command.clone()),
        Some(("sign", below)) => {
            let sign = command.find_subcommand("sign");
            (below, 2, sign.cloned().unwrap_or_default())
        }
        Some(_) => return Ok(None),
    };
    let Some(file) = File::find(level)? else {
        return Ok(None);
    };
    // Only then do groups know their options.
    let mut built = options.clone();
    built.build();
    let mut merged = arguments.get(..at).unwrap_or_default().to_vec();
    let mut from_file = BTreeMap::new();
    for key in keys::read(&file, command, &options)? {
        if !overridden(&key.name, &built, level) {
            merged.extend(key.arguments);
            from_file.insert(key.name, key.place);
        }
    }
    if at == 1 {
        let is_set = |name: &str| {
            from_file.contains_key(name)
                || keys::option(&options, name)
                    .is_some_and(|arg| is_given(level, arg.get_id().as_str()))
        };
        if let Some((name, argument, place)) = project::entry(&file, level, &is_set)? {
            merged.push(argument);
            from_file.insert(name, place);
        }
    }
    merged.extend_from_slice(arguments.get(at..).unwrap_or_default());
    Ok(Some(Merged {
        arguments: merged,
        from_file,
        file,
    }))
}

/// An error of the options together, told with the places of the keys without which it would not
/// be there. Of conflicting keys that is each of them.
fn blamed(
    parser: &Command,
    arguments: &[OsString],
    from_file: &BTreeMap<String, Place>,
    error: clap::Error,
) -> SettingsError {
    let kinds = [
        ErrorKind::ArgumentConflict,
        ErrorKind::MissingRequiredArgument,
    ];
    if !kinds.contains(&error.kind()) {
        return error.into();
    }
    // Usage and the way to help are about the command line.
    let complaint = |error: &clap::Error| {
        let text = error.to_string();
        let text = text.split("\n\n").next().unwrap_or_default();
        let lines = text.strip_prefix("error: ").unwrap_or(text).lines();
        lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let told = complaint(&error);
    let is_to_blame = |name: &str| {
        let (key, value) = (format!("--{name}"), format!("--{name}="));
        let is_key = |argument: &OsString| {
            let argument = argument.to_string_lossy();
            argument == key || argument.starts_with(&value)
        };
        let others = arguments.iter().filter(|argument| !is_key(argument));
        let parsed = parser.clone().try_get_matches_from(others);
        parsed.map_or_else(
            |error| {
                let without = complaint(&error);
                !told.iter().all(|line| without.contains(line))
            },
            |_| true,
        )
    };
    let mut places: Vec<(&Place, &str)> = from_file
        .iter()
        .filter(|(name, _)| is_to_blame(name))
        .map(|(name, place)| (place, name.as_str()))
        .collect();
    places.sort_by_key(|(place, _)| place.line);
    let Some(((place, name), rest)) = places.split_first() else {
        return error.into();
    };
    let and = rest
        .iter()
        .map(|(place, name)| format!(" and `{name}` (line {})", place.line))
        .collect::<String>();
    let text = told.join(" ");
    Failure::new(format!("{place}: `{name}`{and}: {text}")).into()
}

/// The command line with nothing required, to see what was given.
fn lenient(command: Command) -> Command {
    command
        .mut_args(|arg| arg.required(false))
        .mut_group(APPLICATION, |group| group.required(false))
        .mut_subcommands(|below| below.mut_args(|arg| arg.required(false)))
}

/// Gives each switch of packaging an opposite that help does not show, so that the command line can
/// take back what the file switches on: `--no-compress`, `--source`.
fn with_opposites(mut command: Command) -> Command {
    let switches: Vec<(String, String)> = command
        .get_arguments()
        .filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue))
        .filter_map(|arg| Some((arg.get_id().to_string(), arg.get_long()?.to_owned())))
        .filter(|(_, long)| keys::is_setting(long))
        .collect();
    for (id, long) in switches {
        let opposite = opposite(&long);
        command = command
            .arg(
                Arg::new(opposite.clone())
                    .long(opposite.clone())
                    .action(ArgAction::SetTrue)
                    .overrides_with(id.clone())
                    .hide(true),
            )
            .mut_arg(id, |arg| arg.overrides_with(opposite));
    }
    command
}

/// The option that takes a switch back.
fn opposite(long: &str) -> String {
    long.strip_prefix("no-")
        .map_or_else(|| format!("no-{long}"), str::to_owned)
}

/// Whether the command line itself sets this key, takes it back, or sets one that excludes it.
fn overridden(name: &str, options: &Command, given: &ArgMatches) -> bool {
    let Some(arg) = keys::option(options, name) else {
        return true; // of packaging only; `sign` has no use for it
    };
    is_given(given, arg.get_id().as_str())
        || is_given(given, &opposite(name))
        || options.get_arguments().any(|other| {
            is_given(given, other.get_id().as_str())
                && (excludes(options, arg, other) || excludes(options, other, arg))
        })
}

/// Whether the command line itself has this argument.
fn is_given(given: &ArgMatches, id: &str) -> bool {
    given.try_contains_id(id).is_ok() && given.value_source(id) == Some(ValueSource::CommandLine)
}

fn excludes(options: &Command, one: &Arg, other: &Arg) -> bool {
    let conflict = options
        .get_arg_conflicts_with(one)
        .iter()
        .any(|arg| arg.get_id() == other.get_id());
    let alternatives = |mut group: ArgGroup| {
        let one_of = !group.is_multiple();
        let holds = |arg: &Arg| group.get_args().any(|id| id == arg.get_id());
        one_of && one.get_id() != other.get_id() && holds(one) && holds(other)
    };
    conflict || options.get_groups().cloned().any(alternatives)
}
