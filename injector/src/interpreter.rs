//! Settings of the interpreter, as the command line and the configuration's table
//! `[interpreter]` name them. Each is a key of the blob's run configuration (docs/format.md,
//! section 6).

use std::str::FromStr;

use oxidize_format::{RunOptions, SettingField, settings};

/// What a field's value is, in a sentence.
fn wants(field: SettingField) -> &'static str {
    match field {
        SettingField::Switch(_) | SettingField::Choice(_) => "true or false",
        SettingField::Number(_) => "a number",
        SettingField::Seed(_) => "a number or \"random\"",
        SettingField::Text(_) | SettingField::List(_) => "a text",
    }
}

/// `None` if the value does not fit; nothing is set then.
fn set(field: SettingField, run: &mut RunOptions, value: &str) -> Option<()> {
    let text = || (!value.is_empty() && !value.contains('\0')).then(|| value.to_owned());
    match field {
        SettingField::Switch(place) => *place(run) = value.parse().ok()?,
        SettingField::Choice(place) => *place(run) = Some(value.parse().ok()?),
        SettingField::Number(place) => *place(run) = value.parse().ok()?,
        SettingField::Seed(place) if value == "random" => *place(run) = None,
        SettingField::Seed(place) => *place(run) = Some(value.parse().ok()?),
        SettingField::Text(place) => *place(run) = Some(text()?),
        SettingField::List(place) => place(run).push(text()?),
    }
    Some(())
}

/// A setting of the interpreter: a key and a value that fits it.
#[derive(Debug, Clone)]
pub struct Setting {
    field: SettingField,
    value: String,
}

/// A setting that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpreterError {
    /// Not `KEY=VALUE`.
    #[error("it is not KEY=VALUE")]
    NoValue,
    /// No key of this name.
    #[error("the interpreter has no setting `{0}`; it has {list}", list = names())]
    NoSuchKey(String),
    /// The value does not fit.
    #[error("`{key}` must be {wants}, not `{value}`")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What it takes.
        wants: &'static str,
        /// What was given.
        value: String,
    },
}

fn names() -> String {
    let names: Vec<_> = settings().iter().map(|setting| setting.name).collect();
    names.join(", ")
}

impl FromStr for Setting {
    type Err = InterpreterError;

    fn from_str(text: &str) -> Result<Self, InterpreterError> {
        let (name, value) = text.split_once('=').ok_or(InterpreterError::NoValue)?;
        let found = settings().into_iter().find(|setting| setting.name == name);
        let setting = found.ok_or_else(|| InterpreterError::NoSuchKey(name.to_owned()))?;
        let field = setting.field;
        set(field, &mut RunOptions::default(), value).ok_or_else(|| {
            InterpreterError::BadValue {
                key: setting.name,
                wants: wants(field),
                value: value.to_owned(),
            }
        })?;
        Ok(Self {
            field,
            value: value.to_owned(),
        })
    }
}

impl Setting {
    /// Puts the setting into a run configuration.
    pub fn apply(&self, options: &mut RunOptions) {
        let set = set(self.field, options, &self.value);
        debug_assert!(set.is_some(), "checked when it was read");
    }
}

/// An environment variable and what it is set to if the environment lacks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Not empty, without `=`.
    pub name: String,
    /// Without NUL.
    pub value: String,
}

impl FromStr for Variable {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !text.contains('\0') => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("it is not NAME=VALUE"),
        }
    }
}

/// A variable that passes from the environment to the application, or several by the beginning of
/// their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing(pub String);

impl FromStr for Passing {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() || name.contains(['=', '*', '\0']) {
            return Err("it is neither the name of a variable nor a beginning with `*` behind it");
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(settings: &[&str]) -> RunOptions {
        let mut options = RunOptions::default();
        for setting in settings {
            setting.parse::<Setting>().unwrap().apply(&mut options);
        }
        options
    }

    #[test]
    fn each_key_changes_something() {
        for setting in settings() {
            let unlike_default = match setting.field {
                SettingField::Switch(place) if *place(&mut RunOptions::default()) => "false",
                SettingField::Switch(_) | SettingField::Choice(_) => "true",
                SettingField::Number(_) | SettingField::Seed(_) => "7",
                SettingField::Text(_) | SettingField::List(_) => "x",
            };
            let name = setting.name;
            let changed = options(&[&format!("{name}={unlike_default}")]);
            assert_ne!(changed, RunOptions::default(), "{name}");
        }
    }

    #[test]
    fn lists_grow_and_the_last_of_others_counts() {
        let options = options(&[
            "warning=error",
            "utf8=true",
            "warning=ignore::Foo",
            "utf8=false",
        ]);
        assert_eq!(options.warn_options, ["error", "ignore::Foo"]);
        assert_eq!(options.utf8_mode, Some(false));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let told = |text: &str| text.parse::<Setting>().unwrap_err().to_string();
        assert_eq!(told("utf8"), "it is not KEY=VALUE");
        assert_eq!(told("utf8=1"), "`utf8` must be true or false, not `1`");
        assert!(told("utf9=true").starts_with("the interpreter has no setting `utf9`; it has pro"));
        assert_eq!(told("verbose=-1"), "`verbose` must be a number, not `-1`");
        assert!("=x".parse::<Variable>().is_err() && "NAME".parse::<Variable>().is_err());
        assert_eq!("A=b=c".parse::<Variable>().unwrap().value, "b=c");
        assert!("A=b".parse::<Passing>().is_err() && "A*B".parse::<Passing>().is_err());
        assert!("*".parse::<Passing>().is_ok() && "LC_*".parse::<Passing>().is_ok());
    }
}
