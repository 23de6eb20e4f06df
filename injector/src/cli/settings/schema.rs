//! A JSON schema of the configuration file, for completion and checks in an editor.

use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value, json};

use super::keys;

/// The schema of `oxidize.toml` (JSON Schema 2020-12).
pub(super) fn of(command: &Command) -> Value {
    let properties: Map<_, _> = keys::settings(command)
        .map(|(name, arg)| (name.to_owned(), property(arg)))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "oxidize-inject",
        "description": "oxidize.toml, or the table [tool.oxidize-inject] of pyproject.toml. \
            Each key is an option of the command; relative paths are relative to the file.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn property(arg: &Arg) -> Value {
    let mut property = match arg.get_action() {
        ArgAction::SetTrue => json!({ "type": "boolean" }),
        ArgAction::Append => {
            let item = value(arg);
            let list = json!({ "type": "array", "items": item });
            let scalar = json!(["string", "integer", "boolean"]);
            if keys::takes_pairs(arg) {
                let values = json!({ "type": scalar });
                let values = json!([values, { "type": "array", "items": values }]);
                let table =
                    json!({ "type": "object", "additionalProperties": { "anyOf": values } });
                json!({ "anyOf": [table, list] })
            } else {
                json!({ "anyOf": [item, list] })
            }
        }
        _ => value(arg),
    };
    if let (Some(object), Some(help)) = (property.as_object_mut(), arg.get_help()) {
        object.insert("description".to_owned(), json!(help.to_string()));
    }
    property
}

fn value(arg: &Arg) -> Value {
    let names: Vec<_> = arg
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    if !names.is_empty() {
        json!({ "enum": names })
    } else if keys::is_number(arg) {
        json!({ "type": "integer", "minimum": 0 })
    } else {
        json!({ "type": "string" })
    }
}
