//! Settings of the interpreter, as the command line and the configuration's table
//! `[interpreter]` name them. Each is a key of the blob's run configuration (docs/format.md,
//! section 6).

use std::str::FromStr;

use oxidize_format::RunOptions;

/// One key: its name, what its value is, how it is set.
struct Key {
    name: &'static str,
    wants: &'static str,
    set: fn(&mut RunOptions, &str) -> Option<()>,
}

const SWITCH: &str = "true or false";
const NUMBER: &str = "a number";
const TEXT: &str = "a text";

/// All keys, in the order of the format's table.
static KEYS: [Key; 17] = [
    key("program-name", TEXT, |options, value| {
        options.program_name = Some(text(value)?);
        Some(())
    }),
    key("utf8", SWITCH, |options, value| {
        options.utf8_mode = Some(switch(value)?);
        Some(())
    }),
    key("unbuffered", SWITCH, |options, value| {
        options.unbuffered = switch(value)?;
        Some(())
    }),
    key("verbose", NUMBER, |options, value| {
        options.verbose = value.parse().ok()?;
        Some(())
    }),
    key("warning", "an option of -W", |options, value| {
        options.warn_options.push(text(value)?);
        Some(())
    }),
    key("option", "an option of -X", |options, value| {
        options.x_options.push(text(value)?);
        Some(())
    }),
    key("use-environment", SWITCH, |options, value| {
        options.use_environment = switch(value)?;
        Some(())
    }),
    key("site", SWITCH, |options, value| {
        options.site = switch(value)?;
        Some(())
    }),
    key("user-site", SWITCH, |options, value| {
        options.user_site = switch(value)?;
        Some(())
    }),
    key("working-directory-on-path", SWITCH, |options, value| {
        options.cwd_on_path = switch(value)?;
        Some(())
    }),
    key("hash-seed", "a number or \"random\"", |options, value| {
        options.hash_seed = match value {
            "random" => None,
            number => Some(number.parse().ok()?),
        };
        Some(())
    }),
    key("fault-handler", SWITCH, |options, value| {
        options.faulthandler = switch(value)?;
        Some(())
    }),
    key("development-mode", SWITCH, |options, value| {
        options.dev_mode = switch(value)?;
        Some(())
    }),
    key("signal-handlers", SWITCH, |options, value| {
        options.install_signal_handlers = switch(value)?;
        Some(())
    }),
    key("quiet-imports", SWITCH, |options, value| {
        options.quiet_imports = switch(value)?;
        Some(())
    }),
    key("search-path", "a directory", |options, value| {
        options.sys_path.push(text(value)?);
        Some(())
    }),
    key("check-at-start", SWITCH, |options, value| {
        options.check_at_start = switch(value)?;
        Some(())
    }),
];

const fn key(
    name: &'static str,
    wants: &'static str,
    set: fn(&mut RunOptions, &str) -> Option<()>,
) -> Key {
    Key { name, wants, set }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty() && !value.contains('\0')).then(|| value.to_owned())
}

/// A setting of the interpreter: a key and a value that fits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    key: usize,
    value: String,
}

/// A setting that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
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
    let names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    names.join(", ")
}

impl FromStr for Setting {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, value) = text.split_once('=').ok_or(Error::NoValue)?;
        let found = KEYS.iter().enumerate().find(|(_, key)| key.name == name);
        let (at, key) = found.ok_or_else(|| Error::NoSuchKey(name.to_owned()))?;
        (key.set)(&mut RunOptions::default(), value).ok_or_else(|| Error::BadValue {
            key: key.name,
            wants: key.wants,
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
        if let Some(key) = KEYS.get(self.key) {
            let set = (key.set)(options, &self.value);
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
        let unlike_default = |key: &Key| match (key.wants, key.name) {
            (SWITCH, "signal-handlers") => "false",
            (SWITCH, _) => "true",
            (NUMBER, _) | (_, "hash-seed") => "7",
            _ => "x",
        };
        for key in &KEYS {
            let changed = options(&[&format!("{}={}", key.name, unlike_default(key))]);
            assert_ne!(changed, RunOptions::default(), "{}", key.name);
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
    }
}
