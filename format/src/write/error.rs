//! What a writer refuses.

/// Content a [`crate::Writer`] cannot put into a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Two entries with the same name in one table.
    #[error("{table} has two entries called {name:?}")]
    Duplicate {
        /// Which table: "module", "native image", "distribution" or "tree".
        table: &'static str,
        /// The name or path.
        name: String,
    },
    /// A name or path with a shape the format does not allow.
    #[error("{what} {name:?} is not allowed: {rule}")]
    BadName {
        /// What it names.
        what: &'static str,
        /// The name or path.
        name: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A path is used as a file and as a directory.
    #[error("{path:?} is needed both as a file and as a directory")]
    FileAndDirectory {
        /// The full virtual path.
        path: String,
    },
    /// An entry refers to a file, directory or native image that was not added.
    #[error("{from} refers to {name:?}, which was not added")]
    Missing {
        /// Who refers.
        from: String,
        /// The missing path or name.
        name: String,
    },
    /// Files that share each other's content in a circle.
    #[error("{path:?} shares its content with itself")]
    Circle {
        /// A path on the circle.
        path: String,
    },
    /// This entry must bring data of its own.
    #[error("{from} cannot share a file's data")]
    NotShared {
        /// The entry.
        from: String,
    },
    /// Uncompressed data whose declared length is not its payload's.
    #[error("{from} declares {declared} bytes but stores {stored} uncompressed")]
    LengthMismatch {
        /// The entry.
        from: String,
        /// Declared length in bytes.
        declared: u64,
        /// Payload length in bytes.
        stored: u64,
    },
    /// A run option that contradicts another or has an impossible value.
    #[error("run option {field}: {rule}")]
    BadOption {
        /// The option.
        field: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// More than the format's fields can count.
    #[error("too much for one blob: {what}")]
    TooLarge {
        /// What overflows.
        what: &'static str,
    },
}
