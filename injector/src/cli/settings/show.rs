//! `--show-settings`: what is in force, and where each setting comes from.

use clap::parser::ValueSource;
use clap::{ArgAction, CommandFactory};
use serde_json::{Value, json};

use super::{Settings, keys};
use crate::cli::args::Cli;
use crate::cli::common::Format;
use crate::cli::{Failure, print};
use oxidize_inject::internal::http;

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
                let values: Vec<_> = values
                    .into_iter()
                    .map(|value| without_secrets(name, value))
                    .collect();
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

/// What is shown of a value: no name and password in a URL, wherever it stands, and no query where
/// the setting is a URL. Settings are shown to others when something does not work.
fn without_secrets(name: &str, value: String) -> String {
    if name.ends_with("-url") && value.contains(['@', '?', '#']) {
        return http::shown(&value);
    }
    let Some((before, rest)) = value.split_once("://") else {
        return value;
    };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{before}://...{}", &rest[at..]),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn secrets_in_addresses_are_not_shown() {
        for (name, value, expected) in [
            ("index-url", "https://u:s@h/simple", "https://h/simple"),
            ("timestamp-url", "http://h/t?key=s", "http://h/t?..."),
            ("timestamp-url", "u:s@h/t", "a malformed address"),
            ("index-url", "https://h/simple", "https://h/simple"),
            (
                "require",
                "x @ https://u:s@h/x.whl",
                "x @ https://...@h/x.whl",
            ),
            (
                "environment",
                "DB=postgres://u:s@h/db",
                "DB=postgres://...@h/db",
            ),
            ("require", "six==1", "six==1"),
        ] {
            assert_eq!(without_secrets(name, value.to_owned()), expected);
        }
    }
}
