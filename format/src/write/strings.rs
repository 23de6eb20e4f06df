//! The string table while it grows.

use std::collections::HashMap;

use super::error::WriteError;
use crate::header::StrRef;

/// Strings in the order of their first use, each once.
#[derive(Debug, Default)]
pub(super) struct Strings {
    pub(super) bytes: Vec<u8>,
    seen: HashMap<String, StrRef>,
}

impl Strings {
    /// The reference of `text`, which is added if it is new. The empty string takes no room.
    pub(super) fn add(&mut self, text: &str) -> Result<StrRef, WriteError> {
        if text.is_empty() {
            return Ok(StrRef::default());
        }
        if let Some(found) = self.seen.get(text) {
            return Ok(*found);
        }
        let too_large = |_| WriteError::TooLarge { what: "strings" };
        let added = StrRef {
            offset: u32::try_from(self.bytes.len()).map_err(too_large)?,
            length: u32::try_from(text.len()).map_err(too_large)?,
        };
        self.bytes.extend(text.as_bytes());
        self.seen.insert(text.to_owned(), added);
        Ok(added)
    }
}
