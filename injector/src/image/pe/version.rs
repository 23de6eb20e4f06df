//! Version information: what Windows shows under "Details" in a program's properties.
//!
//! A tree of nodes. Each is its length, the length of its value, whether that is text, its name in
//! UTF-16 with a terminating zero, its value and its children, both at multiples of 4. The root's
//! value is a record of fixed size with the two numbers; below it are one table of strings and the
//! list of languages, which names that one table.

use super::super::ImageError;
use super::resources::{Name, Resource, VERSION};

/// Version information of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// Version of the file.
    pub file: [u16; 4],
    /// Version of the product.
    pub product: [u16; 4],
    /// Further lines, such as `ProductName`, `FileDescription`, `CompanyName` or `LegalCopyright`,
    /// in order.
    pub strings: Vec<(String, String)>,
}

const SIGNATURE: u32 = 0xfeef_04bd;
const STRUCTURE_VERSION: u32 = 0x1_0000;
const FLAGS_MASK: u32 = 0x3f;
/// Windows NT, 32 bits and more.
const SYSTEM: u32 = 0x4_0004;
const APPLICATION: u32 = 1;
/// United States English, UTF-16: what tools expect, whatever the strings' language.
const LANGUAGE: [u16; 2] = [0x0409, 0x04b0];

/// Is a value bytes, or text?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value<'v> {
    Nothing,
    Bytes(&'v [u8]),
    Text(&'v str),
}

impl Version {
    /// The resource.
    ///
    /// # Errors
    /// A text is too long for the format.
    pub fn resource(&self) -> Result<Resource, ImageError> {
        let mut strings = Vec::new();
        for (name, text) in &self.strings {
            if name.is_empty() || name.contains('\0') || text.contains('\0') {
                let problem = "a line of the version information has no name, or a zero in it";
                return Err(ImageError::Resource(problem));
            }
            append(&mut strings, &node(name, Value::Text(text), &[])?);
        }
        let table = format!("{:04x}{:04x}", LANGUAGE[0], LANGUAGE[1]);
        let table = node(&table, Value::Nothing, &strings)?;
        let mut children = Vec::new();
        if !self.strings.is_empty() {
            append(
                &mut children,
                &node("StringFileInfo", Value::Nothing, &table)?,
            );
        }
        let language = LANGUAGE.map(u16::to_le_bytes).concat();
        let languages = node("Translation", Value::Bytes(&language), &[])?;
        append(
            &mut children,
            &node("VarFileInfo", Value::Nothing, &languages)?,
        );
        let fixed = Value::Bytes(&self.fixed());
        Ok(Resource {
            kind: Name::Id(VERSION),
            name: Name::Id(1),
            language: 0,
            data: node("VS_VERSION_INFO", fixed, &children)?,
        })
    }

    fn fixed(&self) -> Vec<u8> {
        let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        let halves = |[a, b, c, d]: [u16; 4]| [pair(a, b), pair(c, d)];
        let words = [
            &[SIGNATURE, STRUCTURE_VERSION][..],
            &halves(self.file),
            &halves(self.product),
            &[FLAGS_MASK, 0, SYSTEM, APPLICATION, 0, 0, 0],
        ];
        let words = words.concat();
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

fn node(name: &str, value: Value<'_>, children: &[u8]) -> Result<Vec<u8>, ImageError> {
    let text = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16().chain([0]);
        units.flat_map(u16::to_le_bytes).collect()
    };
    let mut out = vec![0; 6];
    out.extend_from_slice(&text(name));
    let (value_len, is_text) = match value {
        Value::Nothing => (0, true),
        Value::Bytes(bytes) => {
            append(&mut out, bytes);
            (bytes.len(), false)
        }
        Value::Text(value) => {
            let units = text(value);
            append(&mut out, &units);
            // Text is counted in units of two bytes.
            (units.len() / 2, true)
        }
    };
    if !children.is_empty() {
        append(&mut out, children);
    }
    let too_long = |_| ImageError::Resource("the version information is longer than 64 KiB");
    let len = u16::try_from(out.len()).map_err(too_long)?;
    // Not longer than the whole.
    for (index, half) in [len, value_len as u16, u16::from(is_text)]
        .into_iter()
        .enumerate()
    {
        out[2 * index..2 * index + 2].copy_from_slice(&half.to_le_bytes());
    }
    Ok(out)
}

/// At the next multiple of 4.
fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_where_they_belong() {
        let version = Version {
            file: [1, 2, 3, 4],
            product: [5, 6, 7, 8],
            strings: vec![("ProductName".to_owned(), "größer".to_owned())],
        };
        let data = version.resource().unwrap().data;
        assert_eq!(
            usize::from(u16::from_le_bytes([data[0], data[1]])),
            data.len()
        );
        assert_eq!(data[2..6], [52, 0, 0, 0]);
        assert_eq!(data[40..44], SIGNATURE.to_le_bytes());
        let numbers = [2u16, 1, 4, 3, 6, 5, 8, 7].map(u16::to_le_bytes).concat();
        assert_eq!(data[48..64], numbers);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let version = |name: &str, text: &str| Version {
            strings: vec![(name.to_owned(), text.to_owned())],
            ..Version::default()
        };
        for (name, text) in [
            ("", "x"),
            ("a\0b", "x"),
            ("a", "x\0"),
            ("a", &"x".repeat(40_000)),
        ] {
            let refused = version(name, text).resource();
            assert!(matches!(refused, Err(ImageError::Resource(_))), "{name:?}");
        }
        assert!(Version::default().resource().is_ok());
    }
}
