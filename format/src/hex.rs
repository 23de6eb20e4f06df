//! Bytes as text.

use std::fmt;

/// Bytes in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[test]
fn every_byte_has_two_digits() {
    assert_eq!(Hex(&[0, 0x0a, 255]).to_string(), "000aff");
    assert_eq!(Hex(&[]).to_string(), "");
}
