//! Version information from a TOML file.
//!
//! ```toml
//! file-version = "1.2.3.4"
//! product-version = "1.2rc1"       # the file's without it
//! product-name = "Hello"
//! file-description = "Says hello"  # what the task manager shows
//! company-name = "..."
//! legal-copyright = "..."
//! legal-trademarks = "..."
//! internal-name = "..."
//! original-filename = "hello.exe"  # the output's without it
//! comments = "..."
//! [strings]                        # further lines, under any name
//! Homepage = "..."
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::image::pe::resources::Resource;
use crate::image::pe::version::Version;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Description {
    file_version: String,
    product_version: Option<String>,
    product_name: Option<String>,
    file_description: Option<String>,
    company_name: Option<String>,
    legal_copyright: Option<String>,
    legal_trademarks: Option<String>,
    internal_name: Option<String>,
    original_filename: Option<String>,
    comments: Option<String>,
    #[serde(default)]
    strings: BTreeMap<String, String>,
}

/// The resource. `output` is the program's file name.
pub(super) fn resource(toml: &[u8], output: &str) -> Result<Resource, String> {
    let text = str::from_utf8(toml).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}');
    let description: Description = toml::from_str(text).map_err(|error| one_line(&error))?;
    let product = description.product_version;
    let product = product.unwrap_or_else(|| description.file_version.clone());
    let (file, product_numbers) = (numbers(&description.file_version)?, numbers(&product)?);
    let original = description.original_filename;
    let known = [
        ("CompanyName", description.company_name),
        ("FileDescription", description.file_description),
        ("FileVersion", Some(description.file_version)),
        ("InternalName", description.internal_name),
        ("LegalCopyright", description.legal_copyright),
        ("LegalTrademarks", description.legal_trademarks),
        (
            "OriginalFilename",
            Some(original.unwrap_or_else(|| output.to_owned())),
        ),
        ("ProductName", description.product_name),
        ("ProductVersion", Some(product)),
        ("Comments", description.comments),
    ];
    let mut strings: Vec<(String, String)> = Vec::new();
    for (name, value) in known {
        strings.extend(value.map(|value| (name.to_owned(), value)));
    }
    for (name, value) in description.strings {
        if strings.iter().any(|(there, _)| *there == name) {
            return Err(format!("`{name}` is there twice"));
        }
        strings.push((name, value));
    }
    let version = Version {
        file,
        product: product_numbers,
        strings,
    };
    version.resource().map_err(|error| error.to_string())
}

/// What the parser says, without its picture of the line.
fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().collect::<Vec<_>>().join(", ")
}

/// The leading numbers of a version: `1.2rc1` is 1.2.0.0.
fn numbers(version: &str) -> Result<[u16; 4], String> {
    let mut numbers = [0; 4];
    for (index, part) in version.split('.').enumerate() {
        let end = part
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(part.len());
        if end == 0 && index > 0 {
            break; // `.dev3` and the like
        }
        let number = part[..end].parse();
        let place = numbers.get_mut(index);
        *place.ok_or_else(|| format!("`{version}` has more than four numbers"))? =
            number.map_err(|_| {
                format!("`{version}` does not begin with numbers from 0 to 65535 and dots")
            })?;
        if end < part.len() {
            break;
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_people_write_them() {
        for (text, expected) in [
            ("1", [1, 0, 0, 0]),
            ("1.2.3.4", [1, 2, 3, 4]),
            ("65535.0", [65535, 0, 0, 0]),
            ("2.0rc1", [2, 0, 0, 0]),
            ("2.0.dev3", [2, 0, 0, 0]),
            ("2.0+local.7", [2, 0, 0, 0]),
        ] {
            assert_eq!(numbers(text), Ok(expected), "{text}");
        }
        for text in ["", "v1", "1.2.3.4.5", "65536", "99999999999999999999"] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_key_is_named() {
        let wrong = resource(b"file-version = '1'\nproduct = 'x'", "a.exe").unwrap_err();
        assert!(wrong.contains("`product`"), "{wrong}");
        assert!(!wrong.contains('\n'));
        let missing = resource(b"", "a.exe").unwrap_err();
        assert!(missing.contains("file-version"), "{missing}");
        let twice = b"file-version = '1'\n[strings]\nFileVersion = '2'";
        assert!(resource(twice, "a.exe").unwrap_err().contains("twice"));
        assert!(resource(b"file-version = '1.0'", "a.exe").is_ok());
    }
}
