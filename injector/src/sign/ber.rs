//! From BER to DER.
//!
//! Apple's `codesign` writes its signatures in BER: with lengths that are found only at the end,
//! and with octet strings in pieces. The rest of this program reads DER.

use super::der::{OCTET_STRING, tlv};

/// No signature nests deeper; a stranger's file may.
const DEEPEST: usize = 40;
const CONSTRUCTED: u8 = 0x20;
const INDEFINITE: u8 = 0x80;

/// The first value in DER; `None` when it is not BER, or nests absurdly deep.
///
/// The result is at most a few times as long as the input: a header grows by no more than four
/// bytes, and the shortest has two.
pub(super) fn to_der(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(value(bytes, DEEPEST)?.0)
}

/// What follows the first value; `None` when that is not BER, or nests absurdly deep.
pub(super) fn behind(bytes: &[u8]) -> Option<&[u8]> {
    Some(value(bytes, DEEPEST)?.1)
}

/// One value in DER, and what follows it.
fn value(bytes: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    let depth = depth.checked_sub(1)?;
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    if tag & 0x1f == 0x1f {
        return None; // tags in several bytes are not used in signatures
    }
    let constructed = tag & CONSTRUCTED != 0;
    if first == INDEFINITE {
        if !constructed {
            return None;
        }
        let mut rest = rest;
        let mut parts = Vec::new();
        while !rest.starts_with(&[0, 0]) {
            let (part, behind) = value(rest, depth)?;
            parts.push(part);
            rest = behind;
        }
        return Some((join(tag, &parts)?, &rest[2..]));
    }
    let (_, content, behind) = super::der::split(bytes)?;
    if !constructed {
        return Some((tlv(tag, content), behind));
    }
    let mut rest = content;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, next) = value(rest, depth)?;
        parts.push(part);
        rest = next;
    }
    Some((join(tag, &parts)?, behind))
}

/// A structure of these parts. The pieces of an octet string become one.
fn join(tag: u8, parts: &[Vec<u8>]) -> Option<Vec<u8>> {
    if tag != OCTET_STRING | CONSTRUCTED {
        return Some(tlv(tag, &parts.concat()));
    }
    let mut content = Vec::new();
    for part in parts {
        let (OCTET_STRING, piece, _) = super::der::split(part)? else {
            return None;
        };
        content.extend_from_slice(piece);
    }
    Some(tlv(OCTET_STRING, &content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_come_at_the_end_and_strings_in_pieces() {
        let ber = [
            0x30, 0x80, 0x06, 1, 42, 0xa0, 0x80, 0x24, 0x80, 4, 1, b'a', 4, 2, b'b', b'c', 0, 0, 0,
            0, 0, 0, 99,
        ];
        let der = [0x30, 10, 0x06, 1, 42, 0xa0, 5, 4, 3, b'a', b'b', b'c'];
        assert_eq!(to_der(&ber).unwrap(), der);
        assert_eq!(to_der(&der).unwrap(), der);
        // A length in more bytes than it takes.
        assert_eq!(
            to_der(&[0x30, 0x82, 0, 3, 2, 1, 5]).unwrap(),
            [0x30, 3, 2, 1, 5]
        );
        for end in 0..ber.len() - 1 {
            assert_eq!(to_der(&ber[..end]), None, "{end}");
        }
    }

    #[test]
    fn what_nests_without_end_is_refused() {
        assert_eq!(to_der(&[0x30, 0x80].repeat(100_000)), None);
        assert_eq!(to_der(&[0x04, 0x80, 0, 0]), None);
        assert_eq!(to_der(&[0x24, 3, 2, 1, 5]), None);
    }
}
