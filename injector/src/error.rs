//! Why the library failed.

use std::fmt;

/// Why an application was not packaged. Shown, it is what is wrong; the sources are the causes.
pub struct Error(Box<dyn std::error::Error + Send + Sync>);

impl Error {
    pub(crate) fn new(error: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error(Box::new(error))
    }

    /// One that is told in these words.
    pub(crate) fn told(problem: String) -> Error {
        Error(problem.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)
    }
}
