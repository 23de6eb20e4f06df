//! The `_sysconfigdata` module and the configuration variables.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::fmt::Write;

/// Variables as `configure` found them (`generated/…/config_vars.json`), with the recipe's names
/// for the target.
pub(crate) fn variables(place: &Workspace<'_>) -> Result<Map<String, Value>> {
    let path = place
        .recipes
        .generated()
        .join(&place.target.triple)
        .join("config_vars.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let mut variables: Map<String, Value> = serde_json::from_str(&text)?;
    let python = &place.target.python;
    let shared = if is_windows(place) { "" } else { ".so" };
    for (name, value) in [
        ("SOABI", &python.soabi),
        ("EXT_SUFFIX", &python.ext_suffix),
        ("MULTIARCH", &python.multiarch),
        ("SHLIB_SUFFIX", &shared.to_owned()),
    ] {
        if value.is_empty() {
            continue;
        }
        variables.insert(name.to_owned(), Value::String(value.clone()));
    }
    variables.sort_keys();
    Ok(variables)
}

/// File name of the module, without folder. The sysconfig module of Windows does without.
pub(crate) fn file_name(place: &Workspace<'_>) -> Option<String> {
    let python = &place.target.python;
    (!is_windows(place)).then(|| {
        format!(
            "_sysconfigdata__{}_{}.py",
            python.platform, python.multiarch
        )
    })
}

fn is_windows(place: &Workspace<'_>) -> bool {
    place.target.os == "windows"
}

/// The module's text.
pub(crate) fn module(variables: &Map<String, Value>) -> String {
    let mut text = String::from(
        "# Configuration variables of this interpreter, read by the sysconfig module.\nbuild_time_vars = {\n",
    );
    for (name, value) in variables {
        let value = match value {
            Value::String(s) => literal(s),
            other => other.to_string(),
        };
        let _ = writeln!(text, "    {}: {value},", literal(name));
    }
    text.push_str("}\n");
    text
}

fn literal(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}
