//! What a shared object says about itself.

use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::read::pe::PeFile64;
use object::{LittleEndian as Le, Object, ObjectSymbol, elf, pe};
use oxidize_format::target::Container;

/// Libraries and modules are files, whose names are no longer on any of the systems, in bytes.
/// Foreign tables may name one long string many times over.
const LONGEST_NAME: usize = 255;

/// The parts of a shared object that matter for packaging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedObject {
    /// The container that it is.
    pub container: Container,
    /// The machine, by the number that its container has for it.
    pub machine: u32,
    /// The name that others need it by: its own, else that of its file.
    pub soname: Option<String>,
    /// The libraries it needs, in order.
    pub needed: Vec<String>,
    /// Modules whose init functions it exports.
    pub modules: Vec<String>,
}

impl SharedObject {
    /// Reads one, by the name `name` of its file; `None` when these are not the bytes of a 64-bit
    /// little-endian shared object that makes sense.
    #[must_use]
    pub fn read(name: &str, bytes: &[u8]) -> Option<SharedObject> {
        if bytes.starts_with(b"MZ") {
            Self::read_pe(name, bytes)
        } else {
            Self::read_elf(name, bytes)
        }
    }

    /// A DLL. Windows compares the names of DLLs without regard to case, so they are in lower case
    /// here. What others import it by is the name of its file, whatever the one in it.
    fn read_pe(name: &str, bytes: &[u8]) -> Option<SharedObject> {
        let file = PeFile64::parse(bytes).ok()?;
        let header = file.nt_headers().file_header;
        if header.characteristics.get(Le).0 & pe::IMAGE_FILE_DLL.0 == 0 {
            return None;
        }
        let mut needed = Vec::new();
        if let Some(imports) = file.import_table().ok()? {
            let mut descriptors = imports.descriptors().ok()?;
            while let Some(descriptor) = descriptors.next().ok()? {
                // Not always in the section of the descriptors: tools that bundle libraries put new
                // names elsewhere.
                let name = descriptor.name.get(Le);
                let name = file.section_table().pe_data_at(bytes, name)?;
                needed.push(string(name, 0)?.to_ascii_lowercase());
            }
        }
        let mut modules = Vec::new();
        if let Some(exports) = file.export_table().ok()? {
            let named = exports.name_iter().filter_map(|(name, _)| {
                let name = exports.name_from_pointer(name).ok()?;
                module_of(name)
            });
            modules.extend(named);
        }
        modules.sort();
        Some(SharedObject {
            container: Container::Pe,
            machine: header.machine.get(Le).0.into(),
            soname: Some(name.to_ascii_lowercase()),
            needed,
            modules,
        })
    }

    fn read_elf(name: &str, bytes: &[u8]) -> Option<SharedObject> {
        let file = ElfFile64::<Le>::parse(bytes).ok()?;
        let header = file.elf_header();
        if header.e_type(Le) != elf::ET_DYN {
            return None;
        }
        let (mut soname, mut needed) = (None, Vec::new());
        if let Some((entries, names)) = dynamic(bytes, header) {
            for entry in entries {
                let text = || string(names, entry.d_val(Le));
                match entry.d_tag(Le) {
                    tag if tag == elf::DT_SONAME => soname = text(),
                    tag if tag == elf::DT_NEEDED => needed.push(text()?),
                    _ => {}
                }
            }
        }
        let exported = file
            .dynamic_symbols()
            .filter(object::ObjectSymbol::is_definition);
        let names = exported.filter_map(|symbol| symbol.name_bytes().ok());
        let mut modules: Vec<String> = names.filter_map(module_of).collect();
        modules.sort();
        Some(SharedObject {
            container: Container::Elf,
            machine: header.e_machine(Le).0.into(),
            // What was linked with a library that has no name of its own names its file.
            soname: soname.or_else(|| Some(name.to_owned())),
            needed,
            modules,
        })
    }

    /// Whether importing `name` from this file can work.
    #[must_use]
    pub fn has_module(&self, name: &str) -> bool {
        // Names beyond ASCII have init functions named `PyInitU_`, which nobody ships; they count
        // as libraries.
        self.modules.iter().any(|module| module == name)
    }
}

type Dynamic<'a> = (&'a [elf::Dyn64<Le>], &'a [u8]);

/// The dynamic section and its string table, found as the loader finds them: through the program
/// headers.
fn dynamic<'a>(bytes: &'a [u8], header: &elf::FileHeader64<Le>) -> Option<Dynamic<'a>> {
    let programs = header.program_headers(Le, bytes).ok()?;
    let entries = programs
        .iter()
        .find_map(|program| program.dynamic(Le, bytes).ok().flatten())?;
    let value = |tag| {
        entries
            .iter()
            .find(|entry| entry.d_tag(Le) == tag)
            .map(|entry| entry.d_val(Le))
    };
    let address = value(elf::DT_STRTAB)?;
    let size = value(elf::DT_STRSZ)?;
    let names = programs
        .iter()
        .find_map(|program| program.data_range(Le, bytes, address, size).ok().flatten())?;
    Some((entries, names))
}

fn string(names: &[u8], at: u64) -> Option<String> {
    let rest = names.get(usize::try_from(at).ok()?..)?;
    let rest = &rest[..rest.len().min(LONGEST_NAME + 1)];
    let end = rest.iter().position(|byte| *byte == 0)?;
    name_of_file(&rest[..end]).map(str::to_owned)
}

/// The name of a file, if it can be one.
fn name_of_file(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > LONGEST_NAME {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// The module whose init function a symbol is.
pub(super) fn module_of(symbol: &[u8]) -> Option<String> {
    name_of_file(symbol.strip_prefix(b"PyInit_")?).map(str::to_owned)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_this_system_is_read() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps
            .split_whitespace()
            .find(|word| word.contains("/libc.so") || word.contains("/libc-"));
        let Some(libc) = libc else { return };
        let read = SharedObject::read("libc.so.6", &std::fs::read(libc).unwrap()).unwrap();
        assert_eq!(read.soname.as_deref(), Some("libc.so.6"));
        assert!(read.needed.iter().any(|name| name.starts_with("ld-linux")));
        assert!(read.modules.is_empty() && !read.has_module("libc"));
    }

    #[test]
    fn anything_else_is_not() {
        assert_eq!(SharedObject::read("x", b""), None);
        assert_eq!(SharedObject::read("x", b"INPUT(libfoo.so.1)"), None);
        let own = std::fs::read("/proc/self/exe").unwrap();
        for cut in [64, 1000, own.len() / 2] {
            let _ = SharedObject::read("x", &own[..cut]);
        }
    }
}
