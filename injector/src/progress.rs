//! How far the work is, told to whoever wants to know.

use std::fmt;

/// Hears how far the work is. Called often, and from any thread.
///
/// The methods do nothing unless they are implemented.
pub trait Progress: Sync {
    /// A new step begins: its name in a word or two, and how many units it has; 0 if that is not
    /// known. What a unit is depends on the step: files, modules or bytes.
    fn start(&self, step: &str, units: u64) {
        let _ = (step, units);
    }

    /// So many units more of the step are done.
    fn advance(&self, units: u64) {
        let _ = units;
    }

    /// The step has been waiting for a while: for what, as "waiting for ..." says it. An empty text
    /// says that it goes on.
    fn wait(&self, reason: &str) {
        let _ = reason;
    }
}

impl fmt::Debug for dyn Progress + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
