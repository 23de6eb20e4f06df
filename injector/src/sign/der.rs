//! DER by hand, for the few structures that no crate declares.

use const_oid::ObjectIdentifier;

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const GENERALIZED_TIME: u8 = 0x18;

/// `[n]`, constructed.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// `[n]`, primitive.
pub(super) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// Tag, length, value.
pub(super) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match value.len() {
        len @ 0..0x80 => out.push(len as u8),
        len => {
            let bytes = len.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            out.push(0x80 | (bytes.len() - zeros) as u8);
            out.extend_from_slice(&bytes[zeros..]);
        }
    }
    out.extend_from_slice(value);
    out
}

/// A structure of these parts.
pub(super) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// An object identifier.
pub(super) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    tlv(OID, oid.as_bytes())
}

/// An integer as short as it can be.
pub(super) fn integer(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let mut start = 0;
    while start + 1 < bytes.len()
        && matches!(
            (bytes[start], bytes[start + 1] & 0x80),
            (0, 0) | (0xff, 0x80)
        )
    {
        start += 1;
    }
    tlv(INTEGER, &bytes[start..])
}

/// SHA-256 as an algorithm: `SEQUENCE { OID, NULL }`.
pub(super) fn sha256() -> Vec<u8> {
    seq(&[&oid(const_oid::db::rfc5912::ID_SHA_256), &tlv(NULL, &[])])
}

/// The values in a structure's content, with their tags; `None` when they do not end where it ends.
/// Tags above 30 are not used by anything read here.
pub(super) fn elements(mut content: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut out = Vec::new();
    while !content.is_empty() {
        let (tag, value, rest) = split(content)?;
        out.push((tag, value));
        content = rest;
    }
    Some(out)
}

/// The first value: tag, content, and what follows.
pub(super) fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if !(1..=8).contains(&count) {
            return None;
        }
        let (len, rest) = rest.split_at_checked(count)?;
        let len = len
            .iter()
            .fold(0u64, |len, byte| len << 8 | u64::from(*byte));
        (usize::try_from(len).ok()?, rest)
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((tag, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for len in [0, 1, 127, 128, 255, 256, 65_536] {
            let value = vec![7; len];
            let bytes = tlv(OCTET_STRING, &value);
            assert_eq!(split(&bytes), Some((OCTET_STRING, &value[..], &[][..])));
            assert_eq!(split(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(
            elements(&[2, 1, 5, 5, 0]),
            Some(vec![(2, &[5][..]), (5, &[][..])])
        );
        assert_eq!(elements(&[2, 2, 5]), None);
    }

    #[test]
    fn integers_are_as_short_as_they_can_be() {
        for (value, expected) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0, 128]),
            (-1, &[255]),
            (-128, &[128]),
            (-129, &[255, 127]),
            (
                i128::from(u64::MAX),
                &[0, 255, 255, 255, 255, 255, 255, 255, 255],
            ),
        ] {
            assert_eq!(integer(value)[2..], *expected, "{value}");
        }
    }
}
