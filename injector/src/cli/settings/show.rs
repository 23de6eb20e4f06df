//! `--show-settings`: what is in force, and where each setting comes from.

use clap::parser::ValueSource;
use clap::{ArgAction, CommandFactory};
use serde_json::{Value, json};

use super::{Settings, keys};
use crate::cli::args::Cli;
use crate::cli::common::Format;
use crate::cli::{Failure, print};

impl Settings {
    /// Prints every setting with its value and its origin.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(in crate::cli) fn show(&self) -> Result<(), Failure> {
        // In the order of the help, which `self.command` has lost.
        let command = Cli::command();
        let rows: Vec<_> = keys::settings(&command)
            .map(|(name, arg)| {
                let values = self.values(arg.get_id().as_str());
                let value = match (arg.get_action(), values.as_slice()) {
                    (ArgAction::SetTrue, values) => json!(values == ["true"]),
                    (ArgAction::Append, values) => json!(values),
                    (_, [value]) => json!(value),
                    _ => Value::Null,
                };
                (name, value, self.origin(name, arg.get_id().as_str()))
            })
            .collect();
        if self.cli.package.common.output_format == Format::Json {
            let settings: serde_json::Map<_, _> = rows
                .into_iter()
                .map(|(name, value, origin)| {
                    (name.to_owned(), json!({ "value": value, "origin": origin }))
                })
                .collect();
            let file = self
                .file
                .as_ref()
                .map(|file| file.path.display().to_string());
            let all = json!({ "file": file, "settings": settings });
            return print(&format!("{all:#}\n"));
        }
        let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value, origin) in rows {
            let value = match value {
                Value::Null => "(not set)".to_owned(),
                value => value.to_string(),
            };
            text.push_str(&format!("{name:width$}  {value}  # {origin}\n"));
        }
        print(&text)
    }

    fn values(&self, id: &str) -> Vec<String> {
        self.matches
            .get_raw(id)
            .into_iter()
            .flatten()
            .map(|value| value.to_string_lossy().into_owned())
            .collect()
    }

    fn origin(&self, name: &str, id: &str) -> String {
        match (self.from_file.get(name), self.matches.value_source(id)) {
            (Some(place), _) => place.to_string(),
            (None, Some(ValueSource::CommandLine)) => "command line".to_owned(),
            _ => "default".to_owned(),
        }
    }
}
