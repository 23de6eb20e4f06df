//! What a key's value can be.

use super::{ChildRole, Entry, Exit};

/// A value that the blob holds as a number.
pub(super) trait Number: Copy {
    /// The largest number that means something.
    const MAX: u32;
    /// The value of a number that is not above the maximum.
    fn read(number: u32) -> Self;
    /// The value's number; `None` for what only a key that is left out says.
    fn number(self) -> Option<u32>;
    /// The value in a dump.
    fn show(self) -> String {
        self.number()
            .map_or_else(|| "-".to_owned(), |number| number.to_string())
    }
}

impl Number for bool {
    const MAX: u32 = 1;
    fn read(number: u32) -> Self {
        number != 0
    }
    fn number(self) -> Option<u32> {
        Some(self.into())
    }
}

impl Number for Option<bool> {
    const MAX: u32 = 1;
    fn read(number: u32) -> Self {
        Some(number != 0)
    }
    fn number(self) -> Option<u32> {
        self.map(u32::from)
    }
}

impl Number for u32 {
    const MAX: u32 = u32::MAX;
    fn read(number: u32) -> Self {
        number
    }
    fn number(self) -> Option<u32> {
        Some(self)
    }
}

impl Number for Option<u32> {
    const MAX: u32 = u32::MAX;
    fn read(number: u32) -> Self {
        Some(number)
    }
    fn number(self) -> Option<u32> {
        self
    }
}

/// A level of optimization.
impl Number for u8 {
    const MAX: u32 = 2;
    fn read(number: u32) -> Self {
        number.min(2) as u8
    }
    fn number(self) -> Option<u32> {
        Some(self.into())
    }
}

impl Number for Exit {
    const MAX: u32 = 1;
    fn read(number: u32) -> Self {
        if number == 0 { Exit::Full } else { Exit::Fast }
    }
    fn number(self) -> Option<u32> {
        Some(u32::from(self == Exit::Fast))
    }
    fn show(self) -> String {
        match self {
            Exit::Full => "full".to_owned(),
            Exit::Fast => "fast".to_owned(),
        }
    }
}

impl Number for ChildRole {
    const MAX: u32 = 2;
    fn read(number: u32) -> Self {
        match number {
            0 => ChildRole::Interpreter,
            1 => ChildRole::Application,
            _ => ChildRole::Off,
        }
    }
    fn number(self) -> Option<u32> {
        Some(match self {
            ChildRole::Interpreter => 0,
            ChildRole::Application => 1,
            ChildRole::Off => 2,
        })
    }
    fn show(self) -> String {
        match self {
            ChildRole::Interpreter => "interpreter".to_owned(),
            ChildRole::Application => "application".to_owned(),
            ChildRole::Off => "off".to_owned(),
        }
    }
}

/// A value that the blob holds as text, which is not empty and has no NUL.
pub trait Item {
    /// As a reader sees it.
    type Seen<'a>;
    /// As a writer holds it.
    type Owned;
    /// What is true of the text, for errors.
    const RULE: &'static str;
    /// `None` if the rule does not hold.
    fn read(text: &str) -> Option<Self::Seen<'_>>;
    /// The writer's form.
    fn own(seen: Self::Seen<'_>) -> Self::Owned;
    /// The text; `None` if reading it would give another value.
    fn text(owned: &Self::Owned) -> Option<String>;
    /// The fields of a line in a dump.
    fn show(text: &str) -> Vec<String>;
}

/// Any text.
pub struct Plain;

impl Item for Plain {
    type Seen<'a> = &'a str;
    type Owned = String;
    const RULE: &'static str = "text is not empty and has no NUL";
    fn read(text: &str) -> Option<&str> {
        Some(text)
    }
    fn own(text: &str) -> String {
        text.to_owned()
    }
    fn text(text: &String) -> Option<String> {
        Some(text.clone())
    }
    fn show(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }
}

/// The name of a directory beside the executable, on every system.
pub(super) struct DirectoryName;

impl Item for DirectoryName {
    type Seen<'a> = &'a str;
    type Owned = String;
    const RULE: &'static str = "a directory beside the executable has a plain name";
    fn read(text: &str) -> Option<&str> {
        (!matches!(text, "." | "..") && !text.contains(['/', '\\', ':'])).then_some(text)
    }
    fn own(text: &str) -> String {
        text.to_owned()
    }
    fn text(text: &String) -> Option<String> {
        Self::read(text).map(str::to_owned)
    }
    fn show(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }
}

/// An environment variable, `NAME=value`.
pub struct Variable;

impl Item for Variable {
    type Seen<'a> = (&'a str, &'a str);
    type Owned = (String, String);
    const RULE: &'static str = "a variable is NAME=value";
    fn read(text: &str) -> Option<(&str, &str)> {
        text.split_once('=').filter(|(name, _)| !name.is_empty())
    }
    fn own((name, value): (&str, &str)) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }
    fn text((name, value): &(String, String)) -> Option<String> {
        let text = format!("{name}={value}");
        (!name.contains('=') && Self::read(&text).is_some()).then_some(text)
    }
    fn show(text: &str) -> Vec<String> {
        text.splitn(2, '=').map(str::to_owned).collect()
    }
}

/// The name of an environment variable, or the beginning of one with a `*` behind it.
pub struct Passing;

impl Item for Passing {
    type Seen<'a> = &'a str;
    type Owned = String;
    const RULE: &'static str = "a variable that passes is NAME or BEGINNING*";
    fn read(text: &str) -> Option<&str> {
        let name = text.strip_suffix('*').unwrap_or(text);
        (!text.is_empty() && !name.contains(['=', '*', '\0'])).then_some(text)
    }
    fn own(text: &str) -> String {
        text.to_owned()
    }
    fn text(text: &String) -> Option<String> {
        Self::read(text).map(str::to_owned)
    }
    fn show(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }
}

/// `NAME=module` or `NAME=module:function`.
pub struct NamedEntry;

impl Item for NamedEntry {
    type Seen<'a> = (&'a str, Entry<'a>);
    type Owned = (String, String);
    const RULE: &'static str = "a named entry is NAME=module or NAME=module:function";
    fn read(text: &str) -> Option<(&str, Entry<'_>)> {
        let (name, entry) = text.split_once('=')?;
        let (entry, empty) = match entry.split_once(':') {
            None => (Entry::Module(entry), entry.is_empty()),
            Some((module, function)) => (
                Entry::Function { module, function },
                module.is_empty() || function.is_empty(),
            ),
        };
        (!name.is_empty() && !empty).then_some((name, entry))
    }
    fn own((name, entry): (&str, Entry<'_>)) -> (String, String) {
        let entry = match entry {
            Entry::Module(module) => module.to_owned(),
            Entry::Function { module, function } => format!("{module}:{function}"),
            // Not among those that have names.
            Entry::None | Entry::Script(_) => String::new(),
        };
        (name.to_owned(), entry)
    }
    fn text((name, entry): &(String, String)) -> Option<String> {
        let text = format!("{name}={entry}");
        (!name.contains('=') && Self::read(&text).is_some()).then_some(text)
    }
    fn show(text: &str) -> Vec<String> {
        text.splitn(2, '=').map(str::to_owned).collect()
    }
}
