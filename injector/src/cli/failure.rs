//! How failures are told: what failed, the causes below it, and a hint where there is one.

use std::error::Error;
use std::io::{self, ErrorKind, Write};

use serde_json::{Value, json};

use super::text::{indented, printable};

const FULL: &str = "make room there, or choose another place: TMPDIR for temporary files, \
                    OXIDIZE_CACHE_DIR for the cache";

/// A failure on its way to the user.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// Whether a disk is full, to which every other hint is beside the point.
    disk_is_full: bool,
    /// What JSON says beside it.
    details: Vec<(&'static str, Value)>,
}

impl Failure {
    /// A failure without causes.
    pub(super) fn new(message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            disk_is_full: false,
            details: Vec::new(),
        }
    }

    /// `message` failed because of the error.
    pub(super) fn because(message: impl Into<String>, error: &(dyn Error + 'static)) -> Failure {
        let mut failure = Failure::new(message);
        failure.add_causes(Some(error));
        failure
    }

    pub(super) fn hint(mut self, hint: Option<impl Into<String>>) -> Failure {
        if !self.disk_is_full {
            self.hint = hint.map(Into::into);
        }
        self
    }

    /// The same, unless there is a hint already.
    #[cfg(feature = "notarize")]
    pub(super) fn hint_if_none(self, hint: &str) -> Failure {
        if self.hint.is_some() {
            self
        } else {
            self.hint(Some(hint))
        }
    }

    /// One line more about the cause.
    #[cfg(feature = "notarize")]
    pub(super) fn add_line(&mut self, line: String) {
        self.causes.push(line);
    }

    /// What failed and why, in one line.
    pub(super) fn in_one_line(&self) -> String {
        let parts = std::iter::once(&self.message).chain(&self.causes);
        parts.map(String::as_str).collect::<Vec<_>>().join(": ")
    }

    /// Something more, for programs.
    pub(super) fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Failure {
        self.details.push((name, value.into()));
        self
    }

    /// What programs are told.
    pub(super) fn to_json(&self) -> Value {
        let mut all = json!({ "ok": false });
        for (name, value) in &self.details {
            all[*name] = value.clone();
        }
        all["problem"] = self.in_one_line().into();
        all["hint"] = self.hint.clone().into();
        all
    }

    fn add_causes(&mut self, mut cause: Option<&(dyn Error + 'static)>) {
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if matches!(
                kind,
                Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
            ) {
                self.disk_is_full = true;
                self.hint = Some(FULL.to_owned());
            }
            let text = error.to_string();
            // An error that only passes on what is below it adds nothing.
            if self.causes.last().unwrap_or(&self.message) != &text {
                self.causes.push(text);
            }
            cause = error.source();
        }
    }

    /// Prints it to standard error.
    pub(super) fn report(&self) {
        let mut text = format!("error: {}\n", indented(&self.message));
        for cause in &self.causes {
            text.push_str(&format!("  Caused by: {}\n", indented(cause)));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\nhint: {}\n", indented(hint)));
        }
        // Nobody is left to be told that standard error is closed.
        let _ = std::io::stderr().write_all(printable(&text).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error(transparent)]
        struct Inner(#[from] std::io::Error);
        let error = Outer(Inner(std::io::Error::other("inner")));
        let failure = Failure::because("it failed", &error);
        assert_eq!(failure.message, "it failed");
        assert_eq!(failure.causes, ["outer", "inner"]);
    }

    #[test]
    fn a_full_disk_has_a_hint_of_its_own() {
        let error = io::Error::from(ErrorKind::StorageFull);
        let failure = Failure::because("it failed", &error).hint(Some("try again"));
        assert_eq!(failure.hint.as_deref(), Some(FULL));
        let other = io::Error::from(ErrorKind::NotFound);
        let failure = Failure::because("it failed", &other).hint(Some("try again"));
        assert_eq!(failure.hint.as_deref(), Some("try again"));
    }
}
