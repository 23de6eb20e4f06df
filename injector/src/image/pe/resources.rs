//! The resource tree: what a PE file's `.rsrc` section begins with.
//!
//! Three levels of directories, kind, name, language, and then the data. A directory lists its
//! names before its numbers, each in ascending order, because Windows looks an entry up by
//! bisection. Names are kept in upper case: that is what Windows asks for, whatever case the
//! program used.

use std::collections::BTreeMap;

use super::super::ImageError;

/// Kind of a resource: a single image of an icon.
pub const ICON: u16 = 3;
/// Kind of a resource: bytes that mean something to the program alone.
pub const RCDATA: u16 = 10;
/// Kind of a resource: the list of an icon's images.
pub const GROUP_ICON: u16 = 14;
/// Kind of a resource: version information.
pub const VERSION: u16 = 16;
/// Kind of a resource: the manifest of a program.
pub const MANIFEST: u16 = 24;

/// The name of a resource or of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A name, UTF-16 in upper case.
    Text(Vec<u16>),
    /// A number.
    Id(u16),
}

impl Name {
    /// A name.
    #[must_use]
    pub fn text(name: &str) -> Name {
        Name::Text(name.to_uppercase().encode_utf16().collect())
    }
}

/// One resource of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: Name,
    /// Its name among those of its kind.
    pub name: Name,
    /// Its language; 0 is neutral.
    pub language: u16,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Resource {
    /// The manifest of an executable.
    #[must_use]
    pub fn manifest(xml: &str) -> Resource {
        Resource {
            kind: Name::Id(MANIFEST),
            name: Name::Id(1),
            language: 0,
            data: xml.as_bytes().to_vec(),
        }
    }

    /// The images of an `.ico` file, and the group that lists them.
    ///
    /// # Errors
    /// The file is not an icon.
    pub fn icon(ico: &[u8]) -> Result<Vec<Resource>, ImageError> {
        let cut = || ImageError::Resource("the icon file is cut off");
        let half =
            |at: usize| -> Option<u16> { Some(u16::from_le_bytes(*ico.get(at..)?.first_chunk()?)) };
        let word =
            |at: usize| -> Option<u32> { Some(u32::from_le_bytes(*ico.get(at..)?.first_chunk()?)) };
        if (half(0), half(2)) != (Some(0), Some(1)) {
            return Err(ImageError::Resource("the icon is not an .ico file"));
        }
        let count = half(4).ok_or_else(cut)?;
        if count == 0 {
            return Err(ImageError::Resource("there is no image in the icon file"));
        }
        let mut group = ico[..6].to_vec();
        let mut out = Vec::new();
        for index in 1..=count {
            let at = 6 + 16 * usize::from(index - 1);
            // The same fields, but for the last: in a file the image's offset, in a group its
            // number.
            group.extend_from_slice(ico.get(at..at + 12).ok_or_else(cut)?);
            group.extend_from_slice(&index.to_le_bytes());
            let len = word(at + 8).ok_or_else(cut)? as usize;
            let start = word(at + 12).ok_or_else(cut)? as usize;
            let image = start.checked_add(len).and_then(|end| ico.get(start..end));
            out.push(Resource {
                kind: Name::Id(ICON),
                name: Name::Id(index),
                language: 0,
                data: image.ok_or_else(cut)?.to_vec(),
            });
        }
        out.push(Resource {
            kind: Name::Id(GROUP_ICON),
            name: Name::Id(1),
            language: 0,
            data: group,
        });
        Ok(out)
    }
}

/// Where an entry's data is.
enum Data<'r> {
    Here(&'r [u8]),
    /// Behind the tree: the blob.
    Behind,
}

type Languages<'r> = BTreeMap<u16, Data<'r>>;
type Names<'r> = BTreeMap<Name, Languages<'r>>;

/// The tree before its address is known.
pub(crate) struct Tree<'r> {
    kinds: BTreeMap<Name, Names<'r>>,
    len: usize,
}

/// The blob is aligned to this, in the file and in memory, and so is the tree's length.
pub(crate) const PAGE: usize = 0x1000;
/// Resources beyond this are not icons and manifests any more.
const LARGEST: usize = 64 << 20;

const DIRECTORY: usize = 16;
const ENTRY: usize = 8;
const LEAF: usize = 16;
/// In an entry: the name is a string, or what it points to is a directory.
const HIGH: u32 = 0x8000_0000;

impl<'r> Tree<'r> {
    /// The tree of the blob, under its name, and of these resources.
    pub(crate) fn new(blob_name: &str, resources: &'r [Resource]) -> Result<Tree<'r>, ImageError> {
        let mut kinds: BTreeMap<Name, Names<'r>> = BTreeMap::new();
        let blob = (Name::Id(RCDATA), Name::text(blob_name), 0, Data::Behind);
        let others = resources.iter().map(|resource| {
            let data = Data::Here(&resource.data);
            let (kind, name) = (resource.kind.clone(), resource.name.clone());
            (kind, name, resource.language, data)
        });
        let mut room = 0usize;
        for (kind, name, language, data) in std::iter::once(blob).chain(others) {
            for name in [&kind, &name] {
                if let Name::Text(units) = name
                    && (units.is_empty() || units.len() > 255)
                {
                    return Err(ImageError::Resource("a name is empty or very long"));
                }
            }
            if let Data::Here(bytes) = data {
                room = room.saturating_add(bytes.len());
            }
            let languages = kinds.entry(kind).or_default().entry(name).or_default();
            if languages.insert(language, data).is_some() {
                return Err(ImageError::Resource(
                    "two have the same kind, name and language",
                ));
            }
        }
        if room > LARGEST || resources.len() > 10_000 {
            return Err(ImageError::Resource("there are more than 64 MiB of them"));
        }
        let mut tree = Tree { kinds, len: 0 };
        tree.len = tree.write(0).len();
        Ok(tree)
    }

    /// Length of what [`write`](Tree::write) gives: a multiple of a page.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bytes at address `rva`. The blob, of `blob_len` bytes, comes right behind them.
    pub(crate) fn write_with(&self, rva: u32, blob_len: u32) -> Vec<u8> {
        let mut out = self.write(rva);
        assert_eq!(
            out.len(),
            self.len,
            "the layout reserved what the tree takes"
        );
        let (at, _) = find_blob(&out).expect("the tree has an entry for the blob");
        let address = rva + self.len as u32;
        out[at..at + 4].copy_from_slice(&address.to_le_bytes());
        out[at + 4..at + 8].copy_from_slice(&blob_len.to_le_bytes());
        out
    }

    /// Directories level by level, then what describes the data, then names, then the data.
    fn write(&self, rva: u32) -> Vec<u8> {
        let names: usize = self.kinds.values().map(BTreeMap::len).sum();
        let all_names = || self.kinds.values().flat_map(BTreeMap::values);
        let leaves: usize = all_names().map(BTreeMap::len).sum();
        let names_at = DIRECTORY + self.kinds.len() * ENTRY;
        let languages_at = names_at + self.kinds.len() * DIRECTORY + names * ENTRY;
        let leaves_at = languages_at + names * DIRECTORY + leaves * ENTRY;
        let mut out = vec![0; leaves_at + leaves * LEAF];

        let mut next = [names_at, languages_at, leaves_at];
        let mut tables = vec![(0, self.kinds.keys().collect::<Vec<_>>())];
        let mut leaf_data = Vec::new();
        let mut children = Vec::new();
        for names in self.kinds.values() {
            children.push(next[0]);
            tables.push((next[0], names.keys().collect()));
            next[0] += DIRECTORY + names.len() * ENTRY;
        }
        for languages in all_names() {
            children.push(next[1]);
            put_counts(&mut out, next[1], 0, languages.len());
            for (index, (language, data)) in languages.iter().enumerate() {
                let at = next[1] + DIRECTORY + index * ENTRY;
                put(&mut out, at, &[u32::from(*language), next[2] as u32]);
                leaf_data.push((next[2], data));
                next[2] += LEAF;
            }
            next[1] += DIRECTORY + languages.len() * ENTRY;
        }
        let mut children = children.into_iter();
        for (table, names) in tables {
            let texts = names.iter().filter(|name| matches!(name, Name::Text(_)));
            let texts = texts.count();
            put_counts(&mut out, table, texts, names.len() - texts);
            for (index, name) in names.into_iter().enumerate() {
                let key = match name {
                    Name::Id(id) => u32::from(*id),
                    Name::Text(units) => {
                        let at = out.len() as u32;
                        out.extend_from_slice(&(units.len() as u16).to_le_bytes());
                        out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
                        at | HIGH
                    }
                };
                let child = children.next().expect("a table for each entry");
                let at = table + DIRECTORY + index * ENTRY;
                put(&mut out, at, &[key, child as u32 | HIGH]);
            }
        }
        for (leaf, data) in leaf_data {
            let Data::Here(bytes) = data else { continue };
            out.resize(out.len().next_multiple_of(8), 0);
            let start = rva + out.len() as u32;
            put(&mut out, leaf, &[start, bytes.len() as u32]);
            out.extend_from_slice(bytes);
        }
        out.resize(out.len().next_multiple_of(PAGE), 0);
        out
    }
}

fn put(out: &mut [u8], at: usize, words: &[u32]) {
    for (index, word) in words.iter().enumerate() {
        out[at + 4 * index..at + 4 * index + 4].copy_from_slice(&word.to_le_bytes());
    }
}

fn put_counts(out: &mut [u8], at: usize, names: usize, ids: usize) {
    out[at + 12..at + 14].copy_from_slice(&(names as u16).to_le_bytes());
    out[at + 14..at + 16].copy_from_slice(&(ids as u16).to_le_bytes());
}

/// The name under which others find the blob.
pub(crate) const BLOB_NAME: &str = "OXIDIZE";

/// Looks the blob up as `FindResource` does. The answer is the offset of its leaf in the section,
/// and its address and size.
pub(crate) fn find_blob(section: &[u8]) -> Option<(usize, (u32, u32))> {
    let child = |table: usize, wanted: &Name| {
        let header = section.get(table..)?.first_chunk::<DIRECTORY>()?;
        let count = |at| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let entries = section.get(table + DIRECTORY..)?.as_chunks::<ENTRY>().0;
        let entry = entries.get(..count(12) + count(14))?.iter().find(|entry| {
            let key = word(&entry[..], 0);
            match wanted {
                Name::Id(id) => key == Some(u32::from(*id)),
                Name::Text(units) => key.is_some_and(|key| {
                    key & HIGH != 0 && text(section, (key & !HIGH) as usize) == Some(units.clone())
                }),
            }
        })?;
        word(entry, 4)
    };
    let directory = |entry: u32| (entry & HIGH != 0).then_some((entry & !HIGH) as usize);
    let names = directory(child(0, &Name::Id(RCDATA))?)?;
    let languages = directory(child(names, &Name::text(BLOB_NAME))?)?;
    let leaf = child(languages, &Name::Id(0))? as usize;
    Some((leaf, (word(section, leaf)?, word(section, leaf + 4)?)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn text(bytes: &[u8], at: usize) -> Option<Vec<u16>> {
    let bytes = bytes.get(at..)?;
    let len = usize::from(u16::from_le_bytes(*bytes.first_chunk()?));
    let units = bytes.get(2..2 + 2 * len)?.as_chunks::<2>().0;
    Some(units.iter().map(|unit| u16::from_le_bytes(*unit)).collect())
}
