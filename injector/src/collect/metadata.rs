//! What distributions (`*.dist-info`, `*.egg-info`) say about themselves.

use super::error::CollectError;
use super::walk::{File, Tree};
use crate::regular;

/// An installed distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// The name, normalised: lower case, runs of `-`, `_` and `.` as one `-`.
    pub normalised: String,
    /// The name as it is written.
    pub name: String,
    /// The version.
    pub version: String,
    /// The directory with the metadata.
    pub directory: String,
    /// Its console scripts.
    pub scripts: Vec<ConsoleScript>,
}

/// A console script: a command name and the function behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleScript {
    /// The command.
    pub name: String,
    /// The module.
    pub module: String,
    /// The function in it, possibly with dots.
    pub function: String,
}

/// Finds the distributions at the top of the tree, sorted by normalised name.
///
/// # Errors
/// A distribution's metadata cannot be read.
pub fn distributions(tree: &Tree) -> Result<Vec<Distribution>, CollectError> {
    let mut found = Vec::new();
    for directory in tree.directories.iter().filter(|path| !path.contains('/')) {
        let main = match directory.rsplit_once('.') {
            Some((_, "dist-info")) => "METADATA",
            Some((_, "egg-info")) => "PKG-INFO",
            _ => continue,
        };
        let Some(metadata) = tree.file(&format!("{directory}/{main}")) else {
            continue;
        };
        let scripts = match tree.file(&format!("{directory}/entry_points.txt")) {
            Some(file) => console_scripts(&read(file)?),
            None => Vec::new(),
        };
        found.extend(distribution(directory, &read(metadata)?, scripts));
    }
    found.sort_by(|a, b| (&a.normalised, &a.directory).cmp(&(&b.normalised, &b.directory)));
    Ok(found)
}

fn read(file: &File) -> Result<String, CollectError> {
    let bytes =
        regular::read(&file.on_disk, regular::MOST_TEXT).map_err(|source| CollectError::Io {
            path: file.on_disk.clone(),
            source,
        })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `None` when the metadata does not even have a name: such a directory is only data.
fn distribution(
    directory: &str,
    metadata: &str,
    scripts: Vec<ConsoleScript>,
) -> Option<Distribution> {
    let name = header(metadata, "Name")?;
    let version = header(metadata, "Version").unwrap_or_default();
    Some(Distribution {
        normalised: normalise(name),
        name: name.to_owned(),
        version: version.to_owned(),
        directory: directory.to_owned(),
        scripts,
    })
}

/// A field of the headers, which end at the first empty line.
fn header<'a>(metadata: &'a str, wanted: &str) -> Option<&'a str> {
    let headers = metadata.lines().take_while(|line| !line.trim().is_empty());
    let mut fields = headers.filter_map(|line| line.split_once(':'));
    fields
        .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.trim())
}

/// The name as packaging tools compare it.
#[must_use]
pub fn normalise(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(&part.to_ascii_lowercase());
    }
    out
}

fn console_scripts(text: &str) -> Vec<ConsoleScript> {
    let mut section = "";
    let mut scripts = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.trim();
        } else if section == "console_scripts"
            && let Some((name, target)) = line.split_once('=')
            // Extras in brackets are ignored, as installers do today.
            && let Some((module, function)) = target.split('[').next().unwrap_or_default().split_once(':')
        {
            let [name, module, function] =
                [name, module, function].map(|part| part.trim().to_owned());
            scripts.push(ConsoleScript {
                name,
                module,
                function,
            });
        }
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        assert_eq!(normalise("Zope.Interface"), "zope-interface");
        assert_eq!(normalise("ruamel__yaml.-clib"), "ruamel-yaml-clib");
    }

    #[test]
    fn entry_points_are_read() {
        let text = "# made by hand\n[console_scripts]\nflask = flask.cli:main\nx=a.b : C.run [extra]\nbroken\n\n[gui_scripts]\ng = g:g\n";
        let scripts = console_scripts(text);
        let found: Vec<_> = scripts
            .iter()
            .map(|s| (&s.name[..], &s.module[..], &s.function[..]))
            .collect();
        assert_eq!(
            found,
            [("flask", "flask.cli", "main"), ("x", "a.b", "C.run")]
        );
    }

    #[test]
    fn headers_end_where_the_description_begins() {
        let metadata = "Metadata-Version: 2.1\nname: Some.Thing\n\nVersion: 9\n";
        let found = distribution("x.dist-info", metadata, Vec::new()).unwrap();
        assert_eq!(
            (&found.name[..], &found.version[..], &found.normalised[..]),
            ("Some.Thing", "", "some-thing")
        );
        assert_eq!(distribution("x", "Summary: none\n", Vec::new()), None);
    }
}
