//! `init`: a configuration file with every setting, commented out.

use std::io::{self, Write};
use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::{file, keys, schema};
use crate::cli::args::{Cli, Init};
use crate::cli::{Failure, print, report_written};

const WIDTH: usize = 98;

/// Writes `oxidize.toml`, or prints the file or its schema.
///
/// # Errors
///
/// If there is such a file already, or it cannot be written.
pub(in crate::cli) fn init(args: &Init) -> Result<(), Failure> {
    let command = Cli::command();
    if args.schema {
        return print(&format!("{:#}\n", schema::of(&command)));
    }
    let text = text(&command);
    if args.print {
        return print(&text);
    }
    let directory = args.directory.as_deref().unwrap_or(Path::new("."));
    let path = directory.join(file::own_name());
    if path.symlink_metadata().is_ok() {
        let message = format!("`{}` exists already", path.display());
        let hint = "`oxidize-inject init --print` shows what would be written";
        return Err(Failure::new(message).hint(Some(hint)));
    }
    write(&path, directory, &text)
        .map_err(|error| Failure::because(format!("cannot write `{}`", path.display()), &error))?;
    report_written(&args.common, &path, text.len() as u64);
    Ok(())
}

/// Writes a new file whole, and never over another.
fn write(path: &Path, directory: &Path, text: &str) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist_noclobber(path)?;
    Ok(())
}

/// The file's text.
pub(super) fn text(command: &Command) -> String {
    let mut text = String::from(
        "# Settings of oxidize-inject for this project, found from any directory below.\n\
         # Each key is an option of the command, which overrides what stands here. The same keys\n\
         # may stand in pyproject.toml, below [tool.oxidize-inject]. Relative paths are relative\n\
         # to this file. `oxidize-inject --show-settings` prints the settings in effect.\n",
    );
    let mut heading = None;
    for (name, arg) in keys::settings(command) {
        if heading != arg.get_help_heading() {
            heading = arg.get_help_heading();
            if let Some(heading) = heading {
                text.push_str(&format!("\n# ---- {heading} ----\n"));
            }
        }
        text.push('\n');
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        for line in wrapped(&help) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("#{name} = {}\n", example(arg)));
    }
    text
}

/// A value that shows the type: the default if there is one.
fn example(arg: &Arg) -> String {
    let placeholder = || {
        arg.get_value_names()
            .and_then(|names| names.first())
            .map_or_else(|| arg.get_id().to_string(), ToString::to_string)
    };
    let default = arg.get_default_values().first();
    let default = default.map(|value| value.to_string_lossy().into_owned());
    match (arg.get_action(), default) {
        (ArgAction::SetTrue, _) => "false".to_owned(),
        (_, Some(value)) if keys::is_number(arg) => value,
        (_, Some(value)) => format!("{value:?}"),
        (ArgAction::Append, None) if keys::takes_pairs(arg) => "{}".to_owned(),
        (ArgAction::Append, None) => format!("[{:?}]", placeholder()),
        _ if keys::is_number(arg) => "0".to_owned(),
        (_, None) => format!("{:?}", placeholder()),
    }
}

fn wrapped(help: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in help.split_whitespace() {
        let last = lines.len() - 1;
        if lines[last].len() + 1 + word.len() > WIDTH {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}
