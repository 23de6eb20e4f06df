//! Records: a key and its value, as they lie in the section.

use super::table::KEYS;
use super::value::Item;
use crate::bytes::{align_up, slice, u16_at, u32_at};
use crate::{Error, Structure, WriteError};

/// The shape of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// UTF-8, no NUL, at most once.
    Text,
    /// UTF-8, no NUL, any number of times, order kept.
    TextList,
    /// Little-endian u32 no larger than the given, at most once.
    Number(u32),
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) number: u16,
    /// As the document has it.
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the document"))]
    pub(super) name: &'static str,
    /// As [`super::RunOptions`] has it.
    pub(super) field: &'static str,
    pub(super) shape: Shape,
    /// Flag bit 0 of the record: a reader that does not know the key must refuse the blob.
    pub(super) required: bool,
    /// The fields of the line that a dump has for a value.
    pub(super) show: fn(&Record<'_>) -> Vec<String>,
}

/// Record flag bit 0.
const REQUIRED: u16 = 1;
/// Size of a record's head in bytes: key u16, flags u16, value length u32.
const HEAD: u64 = 8;
/// Values are padded with zero bytes to a multiple of this.
const PAD: u64 = 8;

/// What is known about a key.
fn find(number: u16) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.number == number)
}

/// One keyed value. If its key is known, it has the key's shape.
pub(super) struct Record<'a> {
    at: u64,
    pub(super) number: u16,
    pub(super) key: Option<&'static Key>,
    value: &'a [u8],
}

impl<'a> Record<'a> {
    pub(super) fn fail(&self, rule: &'static str) -> Error {
        Error::BadValue {
            structure: Structure::RunConfig,
            offset: self.at,
            value: u64::from(self.number),
            rule,
        }
    }

    /// The value of a text key; "" for a number.
    pub(super) fn text(&self) -> &'a str {
        core::str::from_utf8(self.value).unwrap_or_default() // checked
    }

    /// The value of a number key; 0 for text.
    pub(super) fn number_value(&self) -> u32 {
        if self.value.len() == 4 {
            u32_at(self.value, 0)
        } else {
            0
        }
    }

    /// Whether it may follow a record with this key.
    pub(super) fn follows(&self, previous: u16) -> bool {
        let list = self.key.is_some_and(|key| key.shape == Shape::TextList);
        self.number > previous || (list && self.number == previous)
    }

    fn check(&self) -> Result<(), Error> {
        match self.key.map(|key| key.shape) {
            None => {}
            Some(Shape::Number(max)) => {
                if self.value.len() != 4 {
                    return Err(self.fail("a number has four bytes"));
                }
                let number = self.number_value();
                if number > max {
                    return Err(Error::BadValue {
                        structure: Structure::RunConfig,
                        offset: self.at + HEAD,
                        value: u64::from(number),
                        rule: "the number is above the key's maximum",
                    });
                }
            }
            Some(Shape::Text | Shape::TextList) => {
                let text = core::str::from_utf8(self.value).map_err(|error| Error::NotUtf8 {
                    structure: Structure::RunConfig,
                    offset: self.at + HEAD + error.valid_up_to() as u64,
                })?;
                if text.is_empty() || text.contains('\0') {
                    return Err(self.fail("text is not empty and has no NUL"));
                }
            }
        }
        Ok(())
    }
}

/// Walks the records of a section.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    base: u64,
    next: u64,
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8], base: u64) -> Self {
        Self {
            bytes,
            base,
            next: 0,
        }
    }

    fn step(&mut self) -> Result<Record<'a>, Error> {
        let at = self.base + self.next;
        let head = slice(self.bytes, self.next, HEAD, Structure::RunConfig, at)?;
        let (number, flags, length) = (u16_at(head, 0), u16_at(head, 2), u32_at(head, 4));
        if flags & !REQUIRED != 0 {
            return Err(Error::UnknownFlags {
                structure: Structure::RunConfig,
                offset: at + 2,
                bits: u32::from(flags & !REQUIRED),
            });
        }
        let key = find(number);
        if key.is_none() && flags & REQUIRED != 0 {
            return Err(Error::BadValue {
                structure: Structure::RunConfig,
                offset: at,
                value: u64::from(number),
                rule: "this required key is unknown",
            });
        }
        let start = self.next + HEAD; // within the section, or the head had failed
        let value = slice(
            self.bytes,
            start,
            u64::from(length),
            Structure::RunConfig,
            at + 4,
        )?;
        // The last value is padded too: a section is a multiple of the padding long.
        let padded = align_up(u64::from(length), PAD).unwrap_or(u64::MAX);
        let whole = slice(self.bytes, start, padded, Structure::RunConfig, at + 4)?;
        if whole.iter().skip(value.len()).any(|byte| *byte != 0) {
            return Err(Error::BadValue {
                structure: Structure::RunConfig,
                offset: at + HEAD + u64::from(length),
                value: 1,
                rule: "padding is zero",
            });
        }
        self.next = start + padded;
        let record = Record {
            at,
            number,
            key,
            value,
        };
        record.check()?;
        Ok(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.bytes.len() as u64 {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.next = u64::MAX; // an error comes once
        }
        Some(step)
    }
}

/// Collects records, in any order of their keys.
#[derive(Default)]
pub(super) struct Encoder(Vec<(u16, Vec<u8>)>);

impl Encoder {
    /// The section's bytes: keys ascend, the items of a list stay in order.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.sort_by_key(|(key, _)| *key);
        self.0.into_iter().flat_map(|(_, record)| record).collect()
    }

    fn record(&mut self, key: u16, value: &[u8], length: u32) {
        let required = find(key).is_some_and(|key| key.required);
        let mut record = Vec::new();
        record.extend(key.to_le_bytes());
        record.extend(u16::from(required).to_le_bytes());
        record.extend(length.to_le_bytes());
        record.extend(value);
        record.resize(record.len().next_multiple_of(PAD as usize), 0);
        self.0.push((key, record));
    }

    pub(super) fn number(
        &mut self,
        key: u16,
        field: &'static str,
        value: Option<u32>,
    ) -> Result<(), WriteError> {
        let Some(value) = value else { return Ok(()) };
        let shape = find(key).map(|key| key.shape);
        if matches!(shape, Some(Shape::Number(max)) if value > max) {
            return Err(bad(field, "the number is above the key's maximum"));
        }
        self.record(key, &value.to_le_bytes(), 4);
        Ok(())
    }

    pub(super) fn item<I: Item>(
        &mut self,
        key: u16,
        field: &'static str,
        value: &I::Owned,
    ) -> Result<(), WriteError> {
        let text = I::text(value).ok_or_else(|| bad(field, I::RULE))?;
        if text.is_empty() || text.contains('\0') {
            return Err(bad(field, "text is not empty and has no NUL"));
        }
        let length =
            u32::try_from(text.len()).map_err(|_| bad(field, "text has fewer than 4 GiB"))?;
        self.record(key, text.as_bytes(), length);
        Ok(())
    }
}

pub(super) fn bad(field: &'static str, rule: &'static str) -> WriteError {
    WriteError::BadOption { field, rule }
}
