//! The ELF side of a stub: libraries it names, oldest glibc it runs on, symbols it exports.

use super::Complaints;
use crate::recipe::{Recipes, Target};
use anyhow::{Context, Result};
use object::LittleEndian;
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, Sym};

pub(super) fn validate(
    recipes: &Recipes,
    target: &Target,
    bytes: &[u8],
    complaints: &mut Complaints,
) -> Result<()> {
    let header = FileHeader64::<LittleEndian>::parse(bytes)
        .context("not a 64-bit little-endian ELF file")?;
    let endian = LittleEndian;
    let sections = header.sections(endian, bytes)?;

    if let Some((entries, link)) = sections.dynamic(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        for entry in entries
            .iter()
            .filter(|e| e.d_tag(endian) == object::elf::DT_NEEDED)
        {
            let name = String::from_utf8_lossy(entry.string(endian, strings)?).into_owned();
            complaints.check(target.allowed_libraries.contains(&name), || {
                format!("it needs {name}")
            });
        }
    }
    if let Some((mut needs, link)) = sections.gnu_verneed(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        let oldest = version(&target.oldest_glibc);
        while let Some((_, mut entries)) = needs.next()? {
            while let Some(entry) = entries.next()? {
                let name = String::from_utf8_lossy(entry.name(endian, strings)?).into_owned();
                if let Some(number) = name.strip_prefix("GLIBC_") {
                    complaints.check(version(number) <= oldest, || {
                        format!(
                            "it needs {name}, the target promises {}",
                            target.oldest_glibc
                        )
                    });
                }
            }
        }
    }

    let own = file_functions(recipes)?;
    let dynamic = sections.symbols(endian, bytes, object::elf::SHT_DYNSYM)?;
    for symbol in dynamic
        .iter()
        .filter(|s| !s.is_undefined(endian) && !s.is_local())
    {
        let name = String::from_utf8_lossy(symbol.name(endian, dynamic.strings())?).into_owned();
        let fine = name.starts_with("Py")
            || name.starts_with("_Py")
            || target.env == "gnu" && own.contains(&name);
        complaints.check(fine, || format!("it exports {name}"));
    }
    if target.env == "gnu" {
        for name in &own {
            let found = dynamic.iter().any(|s| {
                !s.is_undefined(endian)
                    && s.name(endian, dynamic.strings())
                        .is_ok_and(|n| n == name.as_bytes())
            });
            complaints.check(found, || {
                format!("it does not export {name}, so libraries miss virtual files")
            });
        }
        // A compiler's support library defines these too, slower or less exact, and would win over
        // the C library's.
        for name in ["memcpy", "memcmp", "exp", "log2"] {
            let imported = dynamic.iter().any(|s| {
                s.is_undefined(endian)
                    && s.name(endian, dynamic.strings())
                        .is_ok_and(|n| n == name.as_bytes())
            });
            complaints.check(imported, || {
                format!("it does not take {name} from the C library")
            });
        }
        for name in [
            "Py_Initialize",
            "PyObject_Call",
            "PyModule_Create2",
            "PyType_FromSpec",
        ] {
            let found = dynamic.iter().any(|s| {
                s.name(endian, dynamic.strings())
                    .is_ok_and(|n| n == name.as_bytes())
            });
            complaints.check(found, || {
                format!("it does not export {name}, which wheels need")
            });
        }
    } else {
        let interpreter = header
            .program_headers(endian, bytes)?
            .iter()
            .any(|p| p.p_type(endian) == PT_INTERP);
        complaints.check(!interpreter, || "it asks for a dynamic loader".to_owned());
        snapshots(header, bytes, complaints)?;
    }
    Ok(())
}

/// What a start snapshot needs of a stub (`stubs/src/snapshot/fresh.ld`): the ranges that stay
/// fresh lie in the one segment that the snapshot replaces, and there are headers for its heap.
fn snapshots(
    header: &FileHeader64<LittleEndian>,
    bytes: &[u8],
    complaints: &mut Complaints,
) -> Result<()> {
    let endian = LittleEndian;
    let sections = header.sections(endian, bytes)?;
    let address = |name: &str| {
        let found = sections.section_by_name(endian, name.as_bytes());
        found.map(|(_, section)| section.sh_addr(endian))
    };
    let programs = header.program_headers(endian, bytes)?;
    let writable = |program: &&object::elf::ProgramHeader64<LittleEndian>| {
        program.p_type(endian) == object::elf::PT_LOAD
            && program.p_flags(endian).0 & object::elf::PF_W.0 != 0
    };
    let data = programs
        .iter()
        .filter(writable)
        .find(|program| Some(program.p_vaddr(endian)) == address(".data"));
    complaints.check(data.is_some(), || {
        "no writable segment begins with .data".to_owned()
    });
    for name in [".oxi.fresh.data", ".PyRuntime", ".bss", ".oxi.fresh.bss"] {
        let inside = data.zip(address(name)).is_some_and(|(program, address)| {
            let start = program.p_vaddr(endian);
            (start..start.saturating_add(program.p_memsz(endian))).contains(&address)
        });
        complaints.check(inside, || format!("{name} is not in the segment of .data"));
    }
    complaints.check(address(".oxi.heap").is_some(), || {
        "there is no .oxi.heap".to_owned()
    });
    let notes = programs
        .iter()
        .filter(|program| program.p_type(endian) == object::elf::PT_NOTE);
    complaints.check(notes.count() >= 3, || {
        "the note .note.oxiheap has no program header of its own".to_owned()
    });
    Ok(())
}

/// Functions of the C library that the stub defines itself
/// (`stubs/src/files/posix/names_linux.txt`).
fn file_functions(recipes: &Recipes) -> Result<Vec<String>> {
    let path = recipes
        .root
        .join("../stubs/src/files/posix/names_linux.txt");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .filter_map(|l| l.split(' ').next())
        .map(str::to_owned)
        .collect())
}

/// `2.2.5` as numbers, to be compared.
fn version(text: &str) -> Vec<u32> {
    text.split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_compare_by_number() {
        assert!(version("2.9") < version("2.17"));
        assert!(version("2.2.5") < version("2.17"));
        assert!(version("2.34") > version("2.17"));
    }
}
