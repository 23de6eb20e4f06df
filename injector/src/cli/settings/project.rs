//! What a project's own metadata says, where neither file nor command line does: PEP 621's
//! `[project.scripts]` names what to run.

use std::ffi::OsString;
use std::path::Path;

use clap::ArgMatches;

use super::Failure;
use super::file::{Entry, File, Place, Value};

/// An option the metadata gives: its name, the argument, where it stands.
pub(super) type Default = (String, OsString, Place);

/// The entry point, if the project has one script, or one with the output's name.
///
/// # Errors
///
/// If there are several and nothing chooses.
pub(super) fn entry(
    file: &File,
    given: &ArgMatches,
    is_set: &dyn Fn(&str) -> bool,
) -> Result<Option<Default>, Failure> {
    let Some(scripts) = file.table(&["project", "scripts"]) else {
        return Ok(None);
    };
    if is_set("entry") || is_set("script") {
        return Ok(None);
    }
    let output = given.get_one::<std::path::PathBuf>("output");
    let name = output
        .and_then(|output| output.file_name())
        .map(|name| Path::new(name).with_extension(""));
    let named = scripts
        .iter()
        .find(|script| name.as_deref() == Some(Path::new(&script.name)));
    let script = match (named, scripts) {
        (Some(script), _) => script,
        (None, [script]) => script,
        (None, []) => return Ok(None),
        (None, [first, ..]) => return Err(several(scripts, first)),
    };
    let Value::Text(target) = &script.value else {
        let message = format!("{}: `{}` must be a string", script.place, script.name);
        return Err(Failure::new(message));
    };
    // Extras behind the reference are long gone, but allowed (entry points specification).
    let target = target.split('[').next().unwrap_or_default().trim();
    let argument = OsString::from(format!("--entry={target}"));
    Ok(Some(("entry".to_owned(), argument, script.place.clone())))
}

fn several(scripts: &[Entry], first: &Entry) -> Failure {
    let names: Vec<_> = scripts.iter().map(|script| script.name.as_str()).collect();
    let message = format!("the project has several scripts: {}", names.join(", "));
    let hint = format!(
        "name the output after one of them, or choose with --entry or `entry` in {}",
        first.place.file.display()
    );
    Failure::new(message).hint(Some(hint))
}
