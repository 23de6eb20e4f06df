//! Settings of the interpreter, as the command line and the configuration's table
//! `[interpreter]` name them. Each is a key of the blob's run configuration (docs/format.md,
//! section 6).

use std::str::FromStr;

use oxidize_format::RunOptions;

/// Where a key's value goes, which also says what the value is.
enum Field {
    Switch(fn(&mut RunOptions) -> &mut bool),
    /// A switch that may be unset.
    Choice(fn(&mut RunOptions) -> &mut Option<bool>),
    Number(fn(&mut RunOptions) -> &mut u32),
    /// A number, or `random` for none.
    Seed(fn(&mut RunOptions) -> &mut Option<u32>),
    Text(fn(&mut RunOptions) -> &mut Option<String>),
    /// Texts, one more each time.
    List(fn(&mut RunOptions) -> &mut Vec<String>),
}

/// All keys, in the order of the format's table.
static KEYS: [(&str, Field); 17] = [
    ("program-name", Field::Text(|run| &mut run.program_name)),
    ("utf8", Field::Choice(|run| &mut run.utf8_mode)),
    ("unbuffered", Field::Switch(|run| &mut run.unbuffered)),
    ("verbose", Field::Number(|run| &mut run.verbose)),
    ("warning", Field::List(|run| &mut run.warn_options)),
    ("option", Field::List(|run| &mut run.x_options)),
    (
        "use-environment",
        Field::Switch(|run| &mut run.use_environment),
    ),
    ("site", Field::Switch(|run| &mut run.site)),
    ("user-site", Field::Switch(|run| &mut run.user_site)),
    (
        "working-directory-on-path",
        Field::Switch(|run| &mut run.cwd_on_path),
    ),
    ("hash-seed", Field::Seed(|run| &mut run.hash_seed)),
    ("fault-handler", Field::Switch(|run| &mut run.faulthandler)),
    ("development-mode", Field::Switch(|run| &mut run.dev_mode)),
    (
        "signal-handlers",
        Field::Switch(|run| &mut run.install_signal_handlers),
    ),
    ("quiet-imports", Field::Switch(|run| &mut run.quiet_imports)),
    ("search-path", Field::List(|run| &mut run.sys_path)),
    (
        "check-at-start",
        Field::Switch(|run| &mut run.check_at_start),
    ),
];

impl Field {
    /// What a value is, in a sentence.
    fn wants(&self) -> &'static str {
        match self {
            Field::Switch(_) | Field::Choice(_) => "true or false",
            Field::Number(_) => "a number",
            Field::Seed(_) => "a number or \"random\"",
            Field::Text(_) | Field::List(_) => "a text",
        }
    }

    /// `None` if the value does not fit; nothing is set then.
    fn set(&self, run: &mut RunOptions, value: &str) -> Option<()> {
        let text = || (!value.is_empty() && !value.contains('\0')).then(|| value.to_owned());
        match self {
            Field::Switch(place) => *place(run) = value.parse().ok()?,
            Field::Choice(place) => *place(run) = Some(value.parse().ok()?),
            Field::Number(place) => *place(run) = value.parse().ok()?,
            Field::Seed(place) if value == "random" => *place(run) = None,
            Field::Seed(place) => *place(run) = Some(value.parse().ok()?),
            Field::Text(place) => *place(run) = Some(text()?),
            Field::List(place) => place(run).push(text()?),
        }
        Some(())
    }
}

/// A setting of the interpreter: a key and a value that fits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    key: usize,
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
    let names: Vec<_> = KEYS.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

impl FromStr for Setting {
    type Err = InterpreterError;

    fn from_str(text: &str) -> Result<Self, InterpreterError> {
        let (name, value) = text.split_once('=').ok_or(InterpreterError::NoValue)?;
        let found = KEYS.iter().enumerate().find(|(_, key)| key.0 == name);
        let (at, (key, field)) =
            found.ok_or_else(|| InterpreterError::NoSuchKey(name.to_owned()))?;
        let set = field.set(&mut RunOptions::default(), value);
        set.ok_or_else(|| InterpreterError::BadValue {
            key,
            wants: field.wants(),
            value: value.to_owned(),
        })?;
        Ok(Self {
            key: at,
            value: value.to_owned(),
        })
    }
}

impl Setting {
    /// Puts the setting into a run configuration.
    pub fn apply(&self, options: &mut RunOptions) {
        if let Some((_, field)) = KEYS.get(self.key) {
            let set = field.set(options, &self.value);
            debug_assert!(set.is_some(), "checked when it was read");
        }
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
        for (name, field) in &KEYS {
            let unlike_default = match field {
                Field::Switch(place) if *place(&mut RunOptions::default()) => "false",
                Field::Switch(_) | Field::Choice(_) => "true",
                Field::Number(_) | Field::Seed(_) => "7",
                Field::Text(_) | Field::List(_) => "x",
            };
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
