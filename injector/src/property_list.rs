//! Property lists of strangers.
//!
//! The crate that reads them nests values as the list does, and a value is dropped level by level,
//! so a list of a few megabytes can take the whole stack. In a binary list many parents may share a
//! child, which is read once for each: a list of a few hundred bytes can take all memory. So both
//! are looked at first: levels, and values in all.

use std::io::Cursor;

use plist::Value;

/// Levels. Nobody writes a tenth of it.
const MOST_LEVELS: usize = 128;
/// Values for each byte of a binary list. A value that is not shared takes two bytes or more.
const MOST_VALUES_PER_BYTE: u64 = 4;

/// Reads a property list, XML or binary. `None`: it is none, or is nested beyond the bounds.
pub(crate) fn read(bytes: &[u8]) -> Option<Value> {
    if bytes.starts_with(b"bplist") {
        Binary::parse(bytes)?.is_bounded().then_some(())?;
        return Value::from_reader(Cursor::new(bytes)).ok();
    }
    is_shallow(bytes).then_some(())?;
    Value::from_reader_xml(Cursor::new(bytes)).ok()
}

/// Whether the elements of an XML list are inside each other within the bounds.
fn is_shallow(bytes: &[u8]) -> bool {
    let mut level = 0usize;
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[at..];
        let skipped = [
            (&b"<!--"[..], &b"-->"[..]),
            (b"<![CDATA[", b"]]>"),
            (b"<?", b"?>"),
        ];
        let skipped = skipped.iter().find(|(start, _)| rest.starts_with(start));
        let len = match skipped {
            // The end is behind the start: `<!-->` is not a whole comment.
            Some((start, end)) => rest[start.len()..]
                .windows(end.len())
                .position(|window| window == *end)
                .map(|at| start.len() + at),
            None => tag_len(rest),
        };
        let Some(len) = len else {
            return true; // cut off, which its reader tells
        };
        let tag = &rest[..len];
        if skipped.is_none() {
            if tag.starts_with(b"<!") {
                // A document type with definitions of its own.
                if tag.contains(&b'[') {
                    return false;
                }
            } else if tag.starts_with(b"</") {
                level = level.saturating_sub(1);
            } else if !tag.ends_with(b"/") {
                level += 1;
                if level > MOST_LEVELS {
                    return false;
                }
            }
        }
        rest = &rest[len..];
    }
    true
}

/// The length of a tag without its `>`, which can also stand in an attribute's quotation marks.
fn tag_len(tag: &[u8]) -> Option<usize> {
    let mut quoted = None;
    tag.iter().position(|byte| {
        match quoted {
            Some(mark) if *byte == mark => quoted = None,
            None if matches!(byte, b'"' | b'\'') => quoted = Some(*byte),
            None => return *byte == b'>',
            Some(_) => {}
        }
        false
    })
}

/// A binary list: a table of objects that refer to each other by number.
struct Binary<'a> {
    bytes: &'a [u8],
    offsets: &'a [u8],
    offset_size: usize,
    reference_size: usize,
    top: usize,
}

fn number(bytes: &[u8]) -> usize {
    let add = |number: usize, byte: &u8| number.checked_mul(256)?.checked_add(usize::from(*byte));
    bytes.iter().try_fold(0, add).unwrap_or(usize::MAX)
}

impl<'a> Binary<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let trailer = bytes.get(bytes.len().checked_sub(32)?..)?;
        let (offset_size, reference_size) = (usize::from(trailer[6]), usize::from(trailer[7]));
        let sizes = 1..=8;
        if !sizes.contains(&offset_size) || !sizes.contains(&reference_size) {
            return None;
        }
        let (count, top, table) = (
            number(&trailer[8..16]),
            number(&trailer[16..24]),
            number(&trailer[24..32]),
        );
        let end = table.checked_add(count.checked_mul(offset_size)?)?;
        Some(Binary {
            bytes,
            offsets: bytes.get(table..end)?,
            offset_size,
            reference_size,
            top,
        })
    }

    /// The objects that an object refers to.
    fn children(&self, object: usize) -> Option<impl Iterator<Item = usize> + 'a> {
        let at = object.checked_mul(self.offset_size)?;
        let offset = number(self.offsets.get(at..at.checked_add(self.offset_size)?)?);
        let marker = *self.bytes.get(offset)?;
        let mut at = offset + 1;
        let references = match marker >> 4 {
            0xa..=0xc => 1,
            0xd => 2,
            _ => 0,
        };
        let mut count = usize::from(marker & 15);
        if references == 0 {
            count = 0;
        } else if count == 15 {
            let size = 1usize << (self.bytes.get(at)? & 15).min(3);
            at += 1;
            count = number(self.bytes.get(at..at.checked_add(size)?)?);
            at += size;
        }
        let len = count
            .checked_mul(references)?
            .checked_mul(self.reference_size)?;
        let list = self.bytes.get(at..at.checked_add(len)?)?;
        Some(list.chunks_exact(self.reference_size).map(number))
    }

    /// Whether levels and values are within the bounds. One that contains itself is not.
    fn is_bounded(&self) -> bool {
        let count = self.offsets.len() / self.offset_size;
        let most = (self.bytes.len() as u64).saturating_mul(MOST_VALUES_PER_BYTE);
        // Values below each object that was looked at, itself included.
        let mut values: Vec<u64> = vec![0; count];
        let Some(children) = self.children(self.top) else {
            return false;
        };
        let mut open = vec![(self.top, children, 1u64)];
        while let Some((object, children, sum)) = open.last_mut() {
            let Some(child) = children.next() else {
                let (object, sum) = (*object, *sum);
                values[object] = sum;
                open.pop();
                if let Some((_, _, outer)) = open.last_mut() {
                    *outer = outer.saturating_add(sum);
                    if *outer > most {
                        return false;
                    }
                }
                continue;
            };
            match values.get(child) {
                None => return false,
                Some(0) => {
                    let Some(children) = self.children(child) else {
                        return false;
                    };
                    if open.len() >= MOST_LEVELS {
                        return false;
                    }
                    open.push((child, children, 1));
                }
                Some(known) => {
                    *sum = sum.saturating_add(*known);
                    if *sum > most {
                        return false;
                    }
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(inside: &str) -> String {
        format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{inside}</plist>")
    }

    /// A binary list in which object N is an array that refers to N + 1 so many times.
    fn chain(levels: usize, times: usize) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for level in 0..levels {
            offsets.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
            bytes.push(0xa0 | u8::try_from(times).unwrap());
            for _ in 0..times {
                bytes.extend_from_slice(&u32::try_from(level + 1).unwrap().to_be_bytes());
            }
        }
        offsets.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
        bytes.push(0x09);
        let table = bytes.len() as u64;
        bytes.extend_from_slice(&offsets);
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 4, 4]);
        for number in [levels as u64 + 1, 0, table] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn lists_within_the_bounds_are_read() {
        let list = xml("<dict><key>a</key><array><true/><!-- <array> --></array></dict>");
        assert!(read(list.as_bytes()).unwrap().as_dictionary().is_some());
        let doctype = "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://a/b.dtd\">";
        assert!(
            read(
                xml("<true/>")
                    .replace("<plist", &format!("{doctype}<plist"))
                    .as_bytes()
            )
            .is_some()
        );
        let mut binary = Vec::new();
        read(list.as_bytes())
            .unwrap()
            .to_writer_binary(&mut binary)
            .unwrap();
        assert_eq!(read(&binary), read(list.as_bytes()));
        assert!(read(&chain(100, 1)).is_some());
        assert!(
            read(b"").is_none() && read(b"bplist00").is_none() && read(b"{ a = b; }").is_none()
        );
    }

    #[test]
    fn neither_levels_nor_shared_values_take_everything() {
        for many in [200, 500_000] {
            let list = xml(&("<array>".repeat(many) + &"</array>".repeat(many)));
            assert!(read(list.as_bytes()).is_none());
            // Ends that are none do not count.
            for hidden in [
                "<array><!--</array>-->",
                "<array><!--></array>-->",
                "<array><?></array>?>",
                "<array><![CDATA[</array>]]>",
                "<array x=\"/>\">",
                "<array x='/>'>",
            ] {
                let list = xml(&(hidden.repeat(many) + &"</array>".repeat(many)));
                assert!(read(list.as_bytes()).is_none(), "{hidden}");
            }
            assert!(read(&chain(many, 1)).is_none());
        }
        assert!(read(&chain(60, 2)).is_none(), "2^60 values");
        let mut cycle = chain(1, 1);
        cycle[12] = 0;
        assert!(read(&cycle).is_none());
    }

    #[test]
    fn no_damage_panics() {
        let good = chain(5, 2);
        for at in 0..good.len() {
            for byte in [0, 1, 0x7f, 0xa3, 0xdf, 0xff] {
                let mut damaged = good.clone();
                damaged[at] = byte;
                let _ = read(&damaged);
                let _ = read(&good[..at]);
            }
        }
    }
}
