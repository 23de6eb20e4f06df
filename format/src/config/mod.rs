//! The run configuration: keyed values that say how to start the interpreter and what to run.

mod keys;
mod macros;
mod setting;
mod table;
mod value;

use crate::{Error, WriteError};
use keys::{Encoder, Records, bad};

pub use setting::{Setting, SettingField};
pub use table::{RunConfig, RunOptions, settings};

impl<'a> RunConfig<'a> {
    /// Reads the section's bytes, which start at `at` within the blob.
    pub(crate) fn read(bytes: &'a [u8], at: u64) -> Result<Self, Error> {
        let mut config = Self::new(bytes);
        let mut records = Records::new(bytes, at);
        let mut previous = 0;
        while let Some(record) = records.next().transpose()? {
            if !record.follows(previous) {
                return Err(record.fail("keys ascend from 1, only lists repeat a key"));
            }
            previous = record.number;
            let (had_module, had_script) =
                (config.entry_module.is_some(), config.entry_script.is_some());
            config.set(&record)?;
            if config.entry_function.is_some() && !had_module {
                return Err(record.fail("a function needs its module"));
            }
            if config.entry_script.is_some() && !had_script && had_module {
                return Err(record.fail("an application runs a module or a script, not both"));
            }
        }
        config.entry = match (
            config.entry_module,
            config.entry_function,
            config.entry_script,
        ) {
            (Some(module), Some(function), _) => Entry::Function { module, function },
            (Some(module), None, _) => Entry::Module(module),
            (None, _, Some(script)) => Entry::Script(script),
            (None, _, None) => Entry::None,
        };
        Ok(config)
    }

    fn list(&self, key: u16) -> impl Iterator<Item = &'a str> + use<'a> {
        // `read` has walked the same bytes: nothing is dropped here.
        Records::new(self.bytes, 0)
            .filter_map(Result::ok)
            .filter(move |record| record.number == key)
            .map(|record| record.text())
    }

    /// Every value that the blob holds, by the name that [`RunOptions`] has for it.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> + use<'a> {
        Records::new(self.bytes, 0)
            .filter_map(Result::ok)
            .filter_map(|record| record.key.map(|key| (key.field, (key.show)(&record))))
    }
}

impl RunOptions {
    /// The section's bytes. Keys ascend; a key at its default is left out.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, WriteError> {
        if self.entry_function.is_some() && self.entry_module.is_none() {
            return Err(bad("entry_function", "a function needs its module"));
        }
        if self.entry_script.is_some() && self.entry_module.is_some() {
            return Err(bad(
                "entry_script",
                "an application runs a module or a script, not both",
            ));
        }
        let mut out = Encoder::default();
        self.write(&mut out)?;
        Ok(out.finish())
    }
}

/// What the application runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Entry<'a> {
    /// Nothing: the executable acts as an interpreter.
    #[default]
    None,
    /// `runpy`-style: run the module (or the package's `__main__`) as `__main__`.
    Module(&'a str),
    /// Import `module`, call `function` (dotted), exit with what it returns: a console script.
    Function {
        /// Full module name.
        module: &'a str,
        /// Attribute path below the module.
        function: &'a str,
    },
    /// Run the file at this full virtual path as `__main__`.
    Script(&'a str),
}

/// What a child is that is started as `sys.executable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChildRole {
    /// A Python interpreter over the packaged modules.
    #[default]
    Interpreter,
    /// The application again.
    Application,
    /// Refused.
    Off,
}

/// How the process ends after the entry point returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exit {
    /// Finalise the interpreter.
    #[default]
    Full,
    /// Finalise it only if something alive would notice; otherwise leave after exit handlers and
    /// flushing.
    Fast,
}
