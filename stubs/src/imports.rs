//! The import names of a DLL, and putting our own in place of CPython's.
//!
//! Wheels import the C API from `pythonXY.dll`, or from `python3.dll` if they keep to the stable
//! ABI. Here the executable itself exports it, as node.exe does for its addons. So the name in the
//! module's import directory is replaced: it is an address of a string, and a string of any usual
//! length fits between the section headers and the first section, which the system maps with the
//! image.
//!
//! Everything here works on bytes that were checked by nobody.

/// The libraries that CPython's own installation would have.
const OURS: [&[u8]; 2] = [oxidize_python::DLL.as_bytes(), b"python3.dll"];

const DESCRIPTOR: usize = 20;
/// Offset of the name's address in an import descriptor.
const NAME: usize = 12;
/// Offset of the certificate table's entry in the optional header.
const CERTIFICATES: usize = 144;
/// More than any DLL imports from.
const MOST_DESCRIPTORS: usize = 4096;

struct Image<'a> {
    bytes: &'a [u8],
    /// Offset of the optional header.
    optional: usize,
    /// Offset of the section headers.
    sections: usize,
    number_of_sections: usize,
    size_of_headers: usize,
    imports: usize,
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?).into())
}

impl<'a> Image<'a> {
    /// A 64-bit PE image (PE format, "PE header", "Optional header").
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header = word(bytes, 0x3c)?;
        let optional = header.checked_add(24)?;
        if !bytes.starts_with(b"MZ")
            || bytes.get(header..)?.get(..4)? != b"PE\0\0"
            || half(bytes, optional)? != 0x20b
        {
            return None;
        }
        Some(Image {
            bytes,
            optional,
            sections: optional + half(bytes, header + 20)?,
            number_of_sections: half(bytes, header + 6)?,
            size_of_headers: word(bytes, optional + 60)?,
            // The second data directory.
            imports: word(bytes, optional + 120)?,
        })
    }

    /// Address, size in memory, offset and size in the file of each section.
    fn sections(&self) -> impl Iterator<Item = [usize; 4]> {
        let at = |index: usize| self.sections + index * 40;
        (0..self.number_of_sections).map_while(move |index| {
            let field = |offset| word(self.bytes, at(index) + offset);
            Some([field(12)?, field(8)?, field(20)?, field(16)?])
        })
    }

    /// The offset in the file of an address in memory.
    fn offset(&self, address: usize) -> Option<usize> {
        self.sections().find_map(|[start, _, offset, size]| {
            let within = address.checked_sub(start)?;
            (within < size).then(|| offset + within)
        })
    }

    /// Offset of each import descriptor and the name in it.
    fn descriptors(&self) -> Vec<(usize, &'a [u8])> {
        let Some(first) = self.offset(self.imports).filter(|_| self.imports != 0) else {
            return Vec::new();
        };
        let descriptor = |index: usize| {
            let at = first + index * DESCRIPTOR;
            let name = word(self.bytes, at + NAME).filter(|name| *name != 0)?;
            let text = self.bytes.get(self.offset(name)?..)?;
            let end = text.iter().take(1024).position(|byte| *byte == 0)?;
            Some((at, &text[..end]))
        };
        (0..MOST_DESCRIPTORS).map_while(descriptor).collect()
    }

    /// Removes the signature: it is over the bytes that were. A file without one is not signed; one
    /// with a wrong one is taken for tampered with.
    fn unsign(&self, out: &mut Vec<u8>) {
        let directory = self.optional + CERTIFICATES;
        let has_directory = word(out, self.optional + 108).is_some_and(|count| count > 4);
        let place = word(out, directory).zip(word(out, directory + 4));
        let Some((start, size)) = place.filter(|place| has_directory && *place != (0, 0)) else {
            return;
        };
        out[directory..directory + 8].fill(0);
        // The checksum, which nobody asks of libraries; zero is none.
        let checksum = self.optional + 64;
        out[checksum..checksum + 4].fill(0);
        // Behind all sections.
        let sections = self
            .sections()
            .map(|[_, _, offset, size]| offset.saturating_add(size));
        let behind =
            sections.max().is_some_and(|end| end <= start) && self.size_of_headers <= start;
        if behind && start.checked_add(size) == Some(out.len()) {
            out.truncate(start);
        }
    }

    /// A run of unused bytes that is mapped with the headers.
    fn slack(&self) -> Option<std::ops::Range<usize>> {
        let start = self.sections + self.number_of_sections * 40;
        let raw = self.sections().map(|[_, _, offset, _]| offset);
        let end = raw
            .filter(|offset| *offset != 0)
            .min()?
            .min(self.size_of_headers);
        let unused = self.bytes.get(start..end)?;
        // Some tools put bound imports here.
        let used = unused.iter().rposition(|byte| *byte != 0);
        Some(start + used.map_or(0, |last| last + 2)..end)
    }
}

/// The libraries an image imports from, CPython's aside.
pub fn names(bytes: &[u8]) -> Vec<String> {
    let mut descriptors = Image::parse(bytes).map_or(Vec::new(), |image| image.descriptors());
    descriptors.retain(|(_, name)| !is_ours(name));
    let text = |(_, name): (usize, &[u8])| String::from_utf8_lossy(name).into_owned();
    descriptors.into_iter().map(text).collect()
}

fn is_ours(name: &[u8]) -> bool {
    OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

/// The image with `executable` in place of CPython's libraries; `None` if it imports from none.
///
/// # Errors
/// There is no room for the name.
pub fn renamed(bytes: &[u8], executable: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let Some(image) = Image::parse(bytes) else {
        return Ok(None);
    };
    let mut ours = image.descriptors();
    ours.retain(|(_, name)| is_ours(name));
    if ours.is_empty() {
        return Ok(None);
    }
    let room = image.slack().filter(|room| room.len() > executable.len());
    let Some(room) = room else {
        return Err("the name of this executable is too long for it".to_owned());
    };
    let address = u32::try_from(room.start).map_err(|error| error.to_string())?;
    let mut out = bytes.to_vec();
    out[room.start..room.start + executable.len()].copy_from_slice(executable);
    for (at, _) in ours {
        out[at + NAME..at + NAME + 4].copy_from_slice(&address.to_le_bytes());
    }
    image.unsign(&mut out);
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signed module with one section, which imports from CPython.
    fn signed_module() -> Vec<u8> {
        let mut out = vec![0; 0x500];
        let mut put = |at: usize, value: &[u8]| out[at..at + value.len()].copy_from_slice(value);
        put(0, b"MZ");
        put(0x3c, &[0x40]);
        put(0x40, b"PE\0\0\x64\x86\x01\0");
        put(0x54, &[240]);
        let optional = 0x58;
        put(optional, &[0x0b, 2]);
        for (at, value) in [
            (60, 0x200),
            (64, 0x1234),
            (108, 16),
            (120, 0x1000),
            (144, 0x400),
            (148, 0x100),
        ] {
            put(optional + at, &u32::to_le_bytes(value));
        }
        for (at, value) in [(8, 0x200), (12, 0x1000), (16, 0x200), (20, 0x200)] {
            put(optional + 240 + at, &u32::to_le_bytes(value));
        }
        put(0x200 + NAME, &0x1040u32.to_le_bytes());
        put(0x240, b"python313.dll");
        put(0x400, &[0x55; 0x100]);
        out
    }

    #[test]
    fn a_renamed_module_has_no_signature() {
        let module = signed_module();
        let out = renamed(&module, b"app.exe").unwrap().unwrap();
        assert_eq!(out.len(), 0x400);
        for at in [64, 144, 148] {
            assert_eq!(word(&out, 0x58 + at), Some(0));
        }
        assert!(out.windows(8).any(|bytes| bytes == b"app.exe\0"));
        assert_eq!(renamed(&out, b"app.exe"), Ok(None));
        // What needs no new name keeps its signature, and what lies before sections stays.
        let mut other = module.clone();
        other[0x240] = b'q';
        assert_eq!(renamed(&other, b"app.exe"), Ok(None));
        let mut odd = module;
        odd[0x58 + 144..0x58 + 148].copy_from_slice(&0x300u32.to_le_bytes());
        odd[0x58 + 148..0x58 + 152].copy_from_slice(&0x200u32.to_le_bytes());
        assert_eq!(renamed(&odd, b"app.exe").unwrap().unwrap().len(), 0x500);
    }

    #[test]
    fn no_damage_panics() {
        let module = signed_module();
        for at in 0..0x300 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = module.clone();
                damaged[at] = value;
                let _ = renamed(&damaged, b"app.exe");
                let _ = renamed(&module[..at], b"app.exe");
            }
        }
    }
}
