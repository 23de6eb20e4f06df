//! The file's keys, as arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};

use super::file::{Entry, File, Place, Value};
use super::{Failure, lenient};

/// Options that are about one run, not about an application.
const NOT_SETTINGS: [&str; 9] = [
    "config",
    "help",
    "no-config",
    "output-format",
    "quiet",
    "show-settings",
    "upgrade",
    "verbose",
    "version",
];

/// The key for the file to write, which has no option.
pub(super) const OUTPUT: &str = "output";

/// A key as the command line would have it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) arguments: Vec<OsString>,
    pub(super) place: Place,
}

/// Whether an option of this name is a key of the file.
pub(super) fn is_setting(long: &str) -> bool {
    !NOT_SETTINGS.contains(&long)
}

/// The options that are keys, in the order of the help.
pub(super) fn settings(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .filter_map(|arg| match arg.get_long() {
            Some(long) => is_setting(long).then_some((long, arg)),
            None => (arg.get_id() == OUTPUT).then_some((OUTPUT, arg)),
        })
}

/// The option behind a key.
pub(super) fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    settings(command)
        .find(|(long, _)| *long == name)
        .map(|(_, arg)| arg)
}

/// Whether a value is a path, which the file means relative to itself.
pub(super) fn is_path(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == ValueParser::path_buf().type_id()
}

/// Whether the option takes `NAME=VALUE`, for which the file may have a table.
pub(super) fn takes_pairs(arg: &Arg) -> bool {
    arg.get_value_names()
        .is_some_and(|names| names.first().is_some_and(|name| name.ends_with("=VALUE")))
}

/// Whether the option takes a number.
pub(super) fn is_number(arg: &Arg) -> bool {
    let number = [
        ValueParser::from(clap::value_parser!(u8)).type_id(),
        ValueParser::from(clap::value_parser!(u32)).type_id(),
        ValueParser::from(clap::value_parser!(u64)).type_id(),
    ];
    number.contains(&arg.get_value_parser().type_id())
}

/// Reads the settings. All of them are checked, also those that `options` does not have.
///
/// # Errors
///
/// For a key that is none, and for values that the option refuses.
pub(super) fn read(
    file: &File,
    packaging: &Command,
    options: &Command,
) -> Result<Vec<Key>, Failure> {
    let checker = lenient(packaging.clone());
    let mut keys = Vec::new();
    for entry in file.settings().unwrap_or_default() {
        let Some(arg) = option(packaging, &entry.name) else {
            return Err(unknown(entry, packaging));
        };
        let arguments = arguments(file, entry, arg)?;
        let command = std::iter::once(OsString::from("oxidize-inject")).chain(arguments.clone());
        // What an option needs beside it may be another key, or on the command line.
        if let Err(error) = checker.clone().try_get_matches_from(command)
            && error.kind() != ErrorKind::MissingRequiredArgument
        {
            let text = error.to_string();
            let text = text.lines().next().unwrap_or_default();
            let text = text.strip_prefix("error: ").unwrap_or(text);
            return Err(Failure::new(format!("{}: {text}", entry.place)));
        }
        if option(options, &entry.name).is_some() {
            keys.push(Key {
                name: entry.name.clone(),
                arguments,
                place: entry.place.clone(),
            });
        }
    }
    Ok(keys)
}

fn unknown(entry: &Entry, packaging: &Command) -> Failure {
    let nearest = settings(packaging)
        .map(|(name, _)| (strsim::jaro_winkler(name, &entry.name), name))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(similarity, _)| *similarity > 0.7);
    let hint = match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => "`oxidize-inject init --print` lists all settings".to_owned(),
    };
    let message = format!("{}: there is no setting `{}`", entry.place, entry.name);
    Failure::new(message).hint(Some(hint))
}

/// The setting whose command runs beside the file, as its relative paths are meant.
const COMMAND: &str = "sign-command";

/// What the command line would say for this key.
fn arguments(file: &File, entry: &Entry, arg: &Arg) -> Result<Vec<OsString>, Failure> {
    let refused = |wanted: &str| {
        Failure::new(format!(
            "{}: `{}` must be {wanted}, not {}",
            entry.place,
            entry.name,
            entry.value.kind()
        ))
    };
    let one = |value: &str| {
        // What is required is a name, or a path that says so: `.`, `./project`.
        let project = entry.name == "require" && value.starts_with('.');
        let value = if is_path(arg) || project {
            file.directory().join(PathBuf::from(value)).into_os_string()
        } else {
            OsString::from(value)
        };
        if entry.name == OUTPUT {
            return value;
        }
        let mut argument = OsString::from(format!("--{}=", entry.name));
        argument.push(value);
        argument
    };
    match (arg.get_action(), &entry.value) {
        (ArgAction::SetTrue, Value::Switch(on)) => Ok(on
            .then(|| format!("--{}", entry.name).into())
            .into_iter()
            .collect()),
        (ArgAction::SetTrue, _) => Err(refused("true or false")),
        (ArgAction::Set, Value::Number(text)) if is_number(arg) => Ok(vec![one(text)]),
        (ArgAction::Set, _) if is_number(arg) => Err(refused("a number")),
        (ArgAction::Set, Value::Text(text)) if entry.name == COMMAND => {
            let mut directory = OsString::from("--sign-command-directory=");
            directory.push(file.directory());
            Ok(vec![one(text), directory])
        }
        (ArgAction::Set, Value::Text(text)) => Ok(vec![one(text)]),
        (ArgAction::Set, _) => Err(refused("a string")),
        (ArgAction::Append, Value::Text(text)) => Ok(vec![one(text)]),
        (ArgAction::Append, Value::List(values)) => values
            .iter()
            .map(|value| match value {
                Value::Text(text) | Value::Number(text) => Ok(one(text)),
                _ => Err(refused("an array of strings")),
            })
            .collect(),
        (ArgAction::Append, Value::Table(pairs)) if takes_pairs(arg) => table(entry, pairs, &one),
        _ => Err(refused("a string or an array of strings")),
    }
}

/// A table stands for repeated `NAME=VALUE`.
fn table(
    entry: &Entry,
    pairs: &[Entry],
    one: &dyn Fn(&str) -> OsString,
) -> Result<Vec<OsString>, Failure> {
    let mut arguments = Vec::new();
    for pair in pairs {
        let values = match &pair.value {
            Value::List(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            let value = match value {
                Value::Text(text) | Value::Number(text) => text.as_str(),
                Value::Switch(true) => "true",
                Value::Switch(false) => "false",
                other => {
                    return Err(Failure::new(format!(
                        "{}: `{}.{}` cannot be {}",
                        pair.place,
                        entry.name,
                        pair.name,
                        other.kind()
                    )));
                }
            };
            arguments.push(one(&format!("{}={value}", pair.name)));
        }
    }
    Ok(arguments)
}
