//! Entitlements: what a program is allowed beyond the usual.
//!
//! A signature holds them twice: as the property list that the user wrote, and as DER, which is
//! what systems since macOS 12 look at: `[APPLICATION 16] { 1, [16] { SEQUENCE { key, value } ... }
//! }`, keys in order.

use std::path::Path;

use plist::{Dictionary, Value};

use super::super::der::{self, context, integer, seq, tlv};
use super::super::error::SignError;
use crate::image::macho::signature;
use crate::property_list;
use crate::regular;

/// Their slot in a signature, as a property list.
pub(super) const SLOT_ENTITLEMENTS: u32 = 5;

/// `[APPLICATION 16]`
const TOP: u8 = 0x70;

/// Entitlements, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Entitlements {
    /// The property list as XML.
    pub(super) xml: Vec<u8>,
    dictionary: Dictionary,
}

impl Entitlements {
    /// Reads a property list.
    ///
    /// # Errors
    /// The file cannot be read, or is not a property list that a signature can hold.
    pub fn load(path: &Path) -> Result<Entitlements, SignError> {
        let bytes =
            regular::read_named(path, regular::MOST_TEXT).map_err(|source| SignError::Io {
                path: path.to_owned(),
                source,
            })?;
        Entitlements::parse(&bytes).map_err(|problem| SignError::Entitlements {
            path: path.to_owned(),
            problem,
        })
    }

    /// Those in a signature.
    ///
    /// # Errors
    /// There are some that cannot be read.
    pub(super) fn of_signature(signature: &[u8]) -> Result<Option<Entitlements>, SignError> {
        let blob = signature::blob(signature, SLOT_ENTITLEMENTS);
        let list = blob.and_then(|blob| blob.get(8..));
        let list = list.map(Entitlements::parse).transpose();
        list.map_err(SignError::PresentEntitlements)
    }

    fn parse(bytes: &[u8]) -> Result<Entitlements, String> {
        let value = property_list::read(bytes).ok_or("it is not a property list")?;
        let xml = if bytes.starts_with(b"bplist") {
            let mut xml = Vec::new();
            let written = value.to_writer_xml(&mut xml);
            written.map_err(|error| error.to_string())?;
            xml
        } else {
            bytes.to_vec()
        };
        let dictionary = value.into_dictionary();
        let dictionary = dictionary.ok_or("there is no dictionary at its top")?;
        let entitlements = Entitlements { xml, dictionary };
        entitlements.der()?;
        Ok(entitlements)
    }

    /// Whether this one is there and true.
    pub(crate) fn allow(&self, name: &str) -> bool {
        self.dictionary.get(name).and_then(Value::as_boolean) == Some(true)
    }

    /// The second form.
    pub(super) fn der(&self) -> Result<Vec<u8>, String> {
        let inside = [integer(1), encode_dictionary(&self.dictionary)?].concat();
        Ok(tlv(TOP, &inside))
    }

    /// Flags of the executable segment that follow from them.
    pub(super) fn flags(&self) -> u64 {
        const FLAGS: [(&str, u64); 7] = [
            ("get-task-allow", 0x10),
            ("run-unsigned-code", 0x10),
            ("com.apple.private.cs.debugger", 0x20),
            ("dynamic-codesigning", 0x40),
            ("com.apple.private.skip-library-validation", 0x80),
            ("com.apple.private.amfi.can-load-cdhash", 0x100),
            ("com.apple.private.amfi.can-execute-cdhash", 0x200),
        ];
        let set = FLAGS.iter().filter(|(name, _)| {
            self.dictionary.get(name).and_then(Value::as_boolean) == Some(true)
        });
        set.fold(0, |all, (_, flag)| all | flag)
    }
}

fn encode_dictionary(dictionary: &Dictionary) -> Result<Vec<u8>, String> {
    let mut entries: Vec<_> = dictionary.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let mut out = Vec::new();
    for (key, value) in entries {
        out.extend(seq(&[
            &tlv(der::UTF8_STRING, key.as_bytes()),
            &encode(value)?,
        ]));
    }
    Ok(tlv(context(16), &out))
}

fn encode(value: &Value) -> Result<Vec<u8>, String> {
    Ok(match value {
        Value::Boolean(value) => tlv(der::BOOLEAN, &[if *value { 0xff } else { 0 }]),
        Value::Integer(value) => {
            let signed = value.as_signed().map(i128::from);
            let value = signed.or(value.as_unsigned().map(i128::from));
            integer(value.ok_or("a number in it is too large")?)
        }
        Value::String(value) => tlv(der::UTF8_STRING, value.as_bytes()),
        Value::Array(values) => {
            let values = values.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
            tlv(der::SEQUENCE, &values.concat())
        }
        Value::Dictionary(value) => encode_dictionary(value)?,
        _ => {
            return Err(
                "only booleans, numbers, texts, arrays and dictionaries may be in it".to_owned(),
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(inside: &str) -> Vec<u8> {
        format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{inside}</plist>").into_bytes()
    }

    #[test]
    fn the_second_form_is_in_order() {
        let text = "<dict><key>key</key><true/></dict>";
        let entitlements = Entitlements::parse(&list(text)).unwrap();
        // As Apple's codesign writes it, by apple-codesign's tests.
        let expected = [
            112, 15, 2, 1, 1, 176, 10, 48, 8, 12, 3, 107, 101, 121, 1, 1, 255,
        ];
        assert_eq!(entitlements.der().unwrap(), expected);
        assert_eq!(entitlements.flags(), 0);
        let text = "<dict><key>b</key><array><string>x</string></array><key>a</key><integer>-1</integer>\
                    <key>get-task-allow</key><true/></dict>";
        let entitlements = Entitlements::parse(&list(text)).unwrap();
        let der = entitlements.der().unwrap();
        assert_eq!(
            der[..7],
            [112, der.len() as u8 - 2, 2, 1, 1, 176, der.len() as u8 - 7]
        );
        assert_eq!(der[7..15], [48, 6, 12, 1, b'a', 2, 1, 255]);
        assert_eq!(der[15..25], [48, 8, 12, 1, b'b', 48, 3, 12, 1, b'x']);
        assert_eq!(entitlements.flags(), 0x10);
    }

    #[test]
    fn what_is_no_dictionary_of_plain_values_is_refused() {
        for text in [
            "<array/>",
            "<dict><key>a</key><real>1.5</real></dict>",
            "<dict>",
        ] {
            assert!(Entitlements::parse(&list(text)).is_err(), "{text}");
        }
        assert!(Entitlements::parse(b"text").is_err());
    }
}
