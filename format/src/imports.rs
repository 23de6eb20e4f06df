//! The import names of a DLL, and another name in place of some of them.
//!
//! Wheels for Windows import the C API from `pythonXY.dll`, or from `python3.dll` if they keep to
//! the stable ABI. Here the executable itself exports it, as node.exe does for its addons. So the
//! name in the module's import directory is replaced: it is an address of a string, and a string of
//! any usual length fits between the section headers and the first section, which the system maps
//! with the image.
//!
//! Before the string stands `MARK`, so that it can be replaced once more: a module that was
//! renamed and signed while packaging is renamed again if the executable has another name when it
//! runs.
//!
//! Everything here works on bytes that were checked by nobody.

/// Stands directly before a name that was put in.
const MARK: &[u8] = b"C API of\0";
/// Size of a section header.
const SECTION: usize = 40;
/// Size of an import descriptor.
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

/// An import descriptor.
struct Import<'a> {
    /// Its offset.
    descriptor: usize,
    /// Offset of the name.
    at: usize,
    /// The library.
    name: &'a [u8],
    /// Whether the name was put in by [`renamed`].
    is_marked: bool,
}

impl Import<'_> {
    fn is_one_of(&self, libraries: &[&str]) -> bool {
        let is_it = |library: &&str| self.name.eq_ignore_ascii_case(library.as_bytes());
        self.is_marked || libraries.iter().any(is_it)
    }
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
        let at = |index: usize| self.sections + index * SECTION;
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

    /// The import descriptors.
    fn descriptors(&self) -> Vec<Import<'a>> {
        let Some(first) = self.offset(self.imports).filter(|_| self.imports != 0) else {
            return Vec::new();
        };
        let headers = self.headers();
        let descriptor = |index: usize| {
            let descriptor = first + index * DESCRIPTOR;
            let name = word(self.bytes, descriptor + NAME).filter(|name| *name != 0)?;
            // The headers are mapped as they lie in the file.
            let (at, is_marked) = if headers.contains(&name) {
                let mark = self.bytes.get(headers.start..name)?;
                (name, mark.ends_with(MARK))
            } else {
                (self.offset(name)?, false)
            };
            let text = self.bytes.get(at..)?;
            let end = text.iter().take(1024).position(|byte| *byte == 0)?;
            Some(Import {
                descriptor,
                at,
                name: &text[..end],
                is_marked,
            })
        };
        (0..MOST_DESCRIPTORS).map_while(descriptor).collect()
    }

    /// What is mapped with the headers behind the last of them.
    fn headers(&self) -> std::ops::Range<usize> {
        let start = self.sections + self.number_of_sections * SECTION;
        let first = self.sections().map(|[_, _, offset, _]| offset);
        let first = first.filter(|offset| *offset != 0).min();
        start..first.unwrap_or(start).min(self.size_of_headers)
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

    /// A run of bytes that is mapped with the headers and holds nothing but the name that was put
    /// there before, at `old`.
    fn slack(&self, old: Option<&Import<'_>>) -> Option<std::ops::Range<usize>> {
        let headers = self.headers();
        let mut unused = self.bytes.get(headers.clone())?;
        if let Some(old) = old {
            let mark = old.at - headers.start - MARK.len();
            let (before, behind) = unused.split_at(mark);
            let behind = behind.get(MARK.len() + old.name.len()..)?;
            if behind.iter().all(|byte| *byte == 0) {
                unused = before;
            }
        }
        // Some tools put bound imports here.
        let used = unused.iter().rposition(|byte| *byte != 0);
        Some(headers.start + used.map_or(0, |last| last + 2)..headers.end)
    }
}

/// The libraries an image imports from, apart from `replaced` and what was put in their place.
#[must_use]
pub fn names(bytes: &[u8], replaced: &[&str]) -> Vec<String> {
    let mut imports = Image::parse(bytes).map_or(Vec::new(), |image| image.descriptors());
    imports.retain(|import| !import.is_one_of(replaced));
    let text = |import: Import<'_>| String::from_utf8_lossy(import.name).into_owned();
    imports.into_iter().map(text).collect()
}

/// The headers have no room for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// Where the name goes, and the descriptors that get it.
struct Plan<'a> {
    image: Image<'a>,
    room: std::ops::Range<usize>,
    imports: Vec<Import<'a>>,
}

/// `None` if nothing is to be done.
fn plan<'a>(bytes: &'a [u8], replaced: &[&str], by: &[u8]) -> Result<Option<Plan<'a>>, NoRoom> {
    let Some(image) = Image::parse(bytes) else {
        return Ok(None);
    };
    let mut imports = image.descriptors();
    imports.retain(|import| import.is_one_of(replaced));
    let is_named = |import: &Import<'_>| import.is_marked && import.name.eq_ignore_ascii_case(by);
    if imports.iter().all(is_named) {
        return Ok(None);
    }
    let old = imports.iter().find(|import| import.is_marked);
    let room = image.slack(old);
    let room = room.filter(|room| room.len() > MARK.len() + by.len());
    Ok(Some(Plan {
        room: room.ok_or(NoRoom)?,
        image,
        imports,
    }))
}

/// Whether [`renamed`] would change the image, found without reading more of it than its headers
/// and import names.
///
/// # Errors
/// There is no room for the name.
pub fn is_renamed(bytes: &[u8], replaced: &[&str], by: &[u8]) -> Result<bool, NoRoom> {
    Ok(plan(bytes, replaced, by)?.is_some())
}

/// The image with the library `by` in place of each that is one of `replaced`, or that was put in
/// their place before; `None` if it imports from none, or from `by` already. What is renamed loses
/// its signature, which was over other bytes.
///
/// # Errors
/// There is no room for the name.
pub fn renamed(bytes: &[u8], replaced: &[&str], by: &[u8]) -> Result<Option<Vec<u8>>, NoRoom> {
    let Some(plan) = plan(bytes, replaced, by)? else {
        return Ok(None);
    };
    let name = [MARK, by].concat();
    let address = u32::try_from(plan.room.start + MARK.len()).map_err(|_| NoRoom)?;
    let mut out = bytes.to_vec();
    out[plan.room.clone()].fill(0);
    out[plan.room][..name.len()].copy_from_slice(&name);
    for import in plan.imports {
        let at = import.descriptor + NAME;
        out[at..at + 4].copy_from_slice(&address.to_le_bytes());
    }
    plan.image.unsign(&mut out);
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPYTHON: [&str; 2] = ["python313.dll", "python3.dll"];

    fn renamed(bytes: &[u8], by: &[u8]) -> Result<Option<Vec<u8>>, NoRoom> {
        super::renamed(bytes, &CPYTHON, by)
    }

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
    fn a_name_that_was_put_in_is_replaced() {
        let first = renamed(&signed_module(), b"application.exe")
            .unwrap()
            .unwrap();
        assert_eq!(names(&first, &CPYTHON), [""; 0]);
        assert_eq!(renamed(&first, b"Application.EXE"), Ok(None));
        let second = renamed(&first, b"b.exe").unwrap().unwrap();
        // The same as if it had never had the first name.
        assert!(renamed(&signed_module(), b"b.exe") == Ok(Some(second)));
        // A name in the headers that nobody here put there belongs to the module.
        let mark = first.windows(MARK.len()).position(|bytes| bytes == MARK);
        let mut other = first.clone();
        other[mark.unwrap()] ^= 1;
        assert_eq!(names(&other, &CPYTHON), ["application.exe"]);
        assert_eq!(renamed(&other, b"b.exe"), Ok(None));
        // The room is the same for each name.
        let room = 0x200 - (0x58 + 240 + 40) - MARK.len() - 1;
        for (len, fits) in [(room, true), (room + 1, false)] {
            let name = vec![b'n'; len];
            assert_eq!(renamed(&signed_module(), &name).is_ok(), fits);
            assert_eq!(renamed(&first, &name).is_ok(), fits);
        }
    }

    #[test]
    fn no_damage_panics() {
        let named = renamed(&signed_module(), b"app.exe").unwrap().unwrap();
        for module in [signed_module(), named] {
            damage(&module);
        }
    }

    fn damage(module: &[u8]) {
        for at in 0..0x300 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = module.to_vec();
                damaged[at] = value;
                let _ = renamed(&damaged, b"app2.exe");
                let _ = renamed(&module[..at], b"app.exe");
            }
        }
    }
}
