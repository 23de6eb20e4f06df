//! Settings of the interpreter: keys that people give by name.

use super::RunOptions;

/// A key that is a setting of the interpreter.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// What people call it.
    pub name: &'static str,
    /// Where its value goes.
    pub field: SettingField,
}

/// Where a setting's value goes, which also says what the value is.
#[derive(Debug, Clone, Copy)]
pub enum SettingField {
    /// On or off.
    Switch(fn(&mut RunOptions) -> &mut bool),
    /// A switch that may be unset.
    Choice(fn(&mut RunOptions) -> &mut Option<bool>),
    /// A number.
    Number(fn(&mut RunOptions) -> &mut u32),
    /// A number, or `None` for a random one.
    Seed(fn(&mut RunOptions) -> &mut Option<u32>),
    /// A text.
    Text(fn(&mut RunOptions) -> &mut Option<String>),
    /// Texts, one more each time.
    List(fn(&mut RunOptions) -> &mut Vec<String>),
}
