//! The run configuration: keyed values that say how to start the interpreter and what to run.

mod keys;
mod read;
mod write;

pub use read::RunConfig;
pub use write::RunOptions;

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
