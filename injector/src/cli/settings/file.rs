//! The configuration file: where it is looked for, and what is in it.
//!
//! `oxidize.toml`, or the table `[tool.oxidize-inject]` of `pyproject.toml`, in the current
//! directory or the nearest one above that has either. A file that belongs to somebody else is
//! never taken by itself: it could name a command to run (`sign-command`).

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use toml::de::{DeTable, DeValue};

use super::Failure;
use oxidize_inject::internal::regular;

const OWN: &str = "oxidize.toml";
const PROJECT: &str = "pyproject.toml";
const TABLE: [&str; 2] = ["tool", "oxidize-inject"];
/// Larger files are no configuration; bytes.
const LIMIT: u64 = 1 << 20;

/// Where a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// Counted from 1.
    pub(super) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A value, as far as settings need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Switch(bool),
    /// In the file's own digits.
    Number(String),
    Text(String),
    List(Vec<Value>),
    Table(Vec<Entry>),
    /// Something that no setting has: the name of its type.
    Other(&'static str),
}

impl Value {
    /// The type's name in a sentence.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Switch(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        }
    }
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    entries: Vec<Entry>,
}

impl File {
    /// The file that `--config` names, or the nearest one unless `--no-config` is given.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is not TOML, or belongs to another user.
    pub(super) fn find(given: &ArgMatches) -> Result<Option<Self>, Failure> {
        if given.get_flag("no_config") {
            return Ok(None);
        }
        if let Some(path) = given.get_one::<PathBuf>("config") {
            let file = Self::read(path)?;
            if file.settings().is_none() {
                let message = format!("`{}` has no table [{}]", path.display(), TABLE.join("."));
                return Err(Failure::new(message));
            }
            return Ok(Some(file));
        }
        match std::env::current_dir() {
            Ok(here) => Self::nearest(&here),
            Err(_) => Ok(None), // the directory is gone
        }
    }

    /// The nearest file with settings, from `here` upwards.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(super) fn nearest(here: &Path) -> Result<Option<Self>, Failure> {
        for path in here
            .ancestors()
            .flat_map(|directory| [OWN, PROJECT].map(|name| directory.join(name)))
        {
            if !path.is_file() {
                continue;
            }
            // Other tools' files are none of our business, broken ones included.
            let text = text(&path)?;
            if path.ends_with(PROJECT) && !text.contains(TABLE[1]) {
                continue;
            }
            let file = Self::parse(&path, &text)?;
            if file.settings().is_none() {
                continue;
            }
            if !is_ours(&path).map_err(|error| cannot_read(&path, &error))? {
                let message = format!(
                    "`{}` belongs to another user, and a configuration can run commands",
                    path.display()
                );
                let hint = "name it with --config if you trust it, or use --no-config";
                return Err(Failure::new(message).hint(Some(hint)));
            }
            return Ok(Some(file));
        }
        Ok(None)
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        Self::parse(path, &text(path)?)
    }

    /// Takes `text` as the content of the file at `path`.
    ///
    /// # Errors
    ///
    /// If it is not TOML.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| Lines::of(text).number(span.start));
            Failure::new(format!("{}:{line}: {}", path.display(), error.message()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            entries: entries(table.get_ref(), path, &Lines::of(text)),
        })
    }

    /// Our settings: the whole of `oxidize.toml`, a table of `pyproject.toml`.
    pub(super) fn settings(&self) -> Option<&[Entry]> {
        if self.path.ends_with(PROJECT) {
            self.table(&TABLE)
        } else {
            Some(&self.entries)
        }
    }

    /// A table by its path.
    pub(super) fn table(&self, path: &[&str]) -> Option<&[Entry]> {
        path.iter()
            .try_fold(self.entries.as_slice(), |entries, name| {
                match &entries.iter().find(|entry| entry.name == *name)?.value {
                    Value::Table(below) => Some(below.as_slice()),
                    _ => None,
                }
            })
    }

    /// What relative paths in the file are relative to.
    pub(super) fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }
}

/// What writes a template must not overwrite.
pub(super) fn own_name() -> &'static str {
    OWN
}

fn entries(table: &DeTable<'_>, path: &Path, lines: &Lines) -> Vec<Entry> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Entry {
            name: key.get_ref().to_string(),
            place: Place {
                file: path.to_owned(),
                line: lines.number(key.span().start),
            },
            value: convert(value.get_ref(), path, lines),
        })
        .collect();
    entries.sort_by_key(|entry| entry.place.line);
    entries
}

fn convert(value: &DeValue<'_>, path: &Path, lines: &Lines) -> Value {
    match value {
        DeValue::String(string) => Value::Text(string.to_string()),
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Integer(number) if number.radix() == 10 => Value::Number(number.to_string()),
        DeValue::Array(values) => Value::List(
            values
                .iter()
                .map(|value| convert(value.get_ref(), path, lines))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(entries(table, path, lines)),
        DeValue::Integer(_) => Value::Other("a number that is not decimal"),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
    }
}

/// Where the lines of a text end. Counting them anew for each of a hundred thousand keys would take
/// minutes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line, counted from 1, of the byte at this offset.
    fn number(&self, at: usize) -> usize {
        1 + self.0.partition_point(|end| *end < at)
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| cannot_read(path, &error);
    let bytes = match regular::read_any(path, LIMIT) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            let name = path.display();
            let message = format!("`{name}` is too long for a configuration file");
            return Err(Failure::new(message));
        }
        bytes => bytes.map_err(failed)?,
    };
    String::from_utf8(bytes).map_err(|error| failed(io::Error::other(error)))
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::because(format!("cannot read `{}`", path.display()), error)
}

/// Whether the file belongs to the administrator or the user, and a link to it does, too: what is
/// relative in it counts from where the link is.
#[cfg(unix)]
fn is_ours(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    // The home's owner, where a container runs as root over the directories of a user.
    let home = std::env::home_dir().and_then(|home| fs::metadata(home).ok());
    let user = rustix::process::geteuid().as_raw();
    let trusted = [0, user, home.map_or(user, |home| home.uid())];
    let owners = [fs::metadata(path)?.uid(), fs::symlink_metadata(path)?.uid()];
    Ok(owners.iter().all(|owner| trusted.contains(owner)))
}

#[cfg(not(unix))]
fn is_ours(_: &Path) -> io::Result<bool> {
    Ok(true)
}
