//! The Mach-O side of a stub: what it imports and exports, the oldest system it runs on, and the
//! shape that injection and the dynamic loader rely on.

use super::Complaints;
use crate::apple::{self, Imports};
use crate::recipe::{Recipes, Target};
use anyhow::{Context, Result};
use object::Endianness;
use object::macho::{
    LC_BUILD_VERSION, LC_CODE_SIGNATURE, LC_DYLD_CHAINED_FIXUPS, LC_DYLD_INFO, LC_DYLD_INFO_ONLY,
    LC_UUID, LinkeditDataCommand, MachHeader64, N_EXT, S_ATTR_PURE_INSTRUCTIONS, SegmentCommand64,
};
use object::read::macho::{LoadCommandVariant, MachHeader, Nlist, Section, Segment};
use std::collections::{BTreeMap, BTreeSet};

/// What segments of a program begin at: the processor's page.
fn page(target: &Target) -> u64 {
    if target.arch == "aarch64" {
        0x4000
    } else {
        0x1000
    }
}

/// API that wheels need and the interpreter does not use itself.
const REQUIRED: [&str; 6] = [
    "_Py_Initialize",
    "_PyObject_Call",
    "_PyModule_Create2",
    "_PyType_FromSpec",
    "_PyUnicode_AsUTF8AndSize",
    "__Py_NoneStruct",
];

pub(super) fn validate(
    recipes: &Recipes,
    target: &Target,
    bytes: &[u8],
    complaints: &mut Complaints,
) -> Result<()> {
    for name in apple::libraries(bytes)? {
        complaints.check(target.allowed_libraries.contains(&name), || {
            format!("it needs {name}")
        });
    }
    imports(recipes, target, bytes, complaints)?;
    exports(bytes, complaints)?;
    commands(target, bytes, complaints)?;
    segments(page(target), bytes, complaints)
}

/// Every symbol it takes from the system against the list that was compared with macOS 11.
fn imports(
    recipes: &Recipes,
    target: &Target,
    bytes: &[u8],
    complaints: &mut Complaints,
) -> Result<()> {
    let list = Imports::read(&recipes.root)?;
    let known: BTreeMap<&str, (&str, bool)> = list
        .of(&target.arch)
        .map(|(name, library, newer)| (name, (library, newer)))
        .collect();
    let own = apple::defined_functions(&recipes.root, &target.arch)?;
    for import in apple::imports(bytes)? {
        let name = &import.name;
        complaints.check(!own.contains(name), || {
            format!("it imports {name}, which it is to define: virtual files are not there for it")
        });
        match (known.get(name.as_str()), &import.library) {
            (Some((library, newer)), Some(found)) => {
                complaints.check(library == found, || format!("it takes {name} from {found}"));
                complaints.check(!newer || import.weak, || {
                    format!("it needs {name}, which macOS {} lacks", target.oldest_macos)
                });
            }
            (_, None) => complaints.add(format!("it looks for {name} everywhere")),
            (None, Some(found)) => {
                complaints.add(format!(
                    "it imports {name} from {found}, which is not in {}",
                    apple::LIST
                ));
            }
        }
    }
    Ok(())
}

/// Names in the table of what other images may bind to.
fn exports(bytes: &[u8], complaints: &mut Complaints) -> Result<()> {
    let names = exported(bytes)?;
    for name in &names {
        let fine = name.starts_with("_Py") || name.starts_with("__Py");
        complaints.check(fine, || format!("it exports {name}"));
    }
    for name in REQUIRED {
        complaints.check(names.contains(name), || {
            format!("it does not export {name}, which wheels need")
        });
    }
    Ok(())
}

/// What the symbol table marks as external and defined.
fn exported(bytes: &[u8]) -> Result<BTreeSet<String>> {
    let header = MachHeader64::<Endianness>::parse(bytes, 0).context("not a 64-bit Mach-O file")?;
    let endian = header.endian()?;
    let mut names = BTreeSet::new();
    let mut commands = header.load_commands(endian, bytes, 0)?;
    while let Some(command) = commands.next()? {
        let Some(table) = command.symtab()? else {
            continue;
        };
        let symbols = table.symbols::<MachHeader64<Endianness>, _>(endian, bytes)?;
        for symbol in symbols.iter() {
            if symbol.is_definition() && symbol.n_type().0 & N_EXT.0 != 0 {
                names.insert(
                    String::from_utf8_lossy(symbol.name(endian, symbols.strings())?).into(),
                );
            }
        }
    }
    Ok(names)
}

fn commands(target: &Target, bytes: &[u8], complaints: &mut Complaints) -> Result<()> {
    let header = MachHeader64::<Endianness>::parse(bytes, 0)?;
    let endian = header.endian()?;
    let mut segments = 0;
    let mut kinds = BTreeSet::new();
    let mut fixups = None;
    let mut commands = header.load_commands(endian, bytes, 0)?;
    while let Some(command) = commands.next()? {
        kinds.insert(command.cmd());
        segments += u32::from(command.segment_64()?.is_some());
        if command.cmd() == LC_BUILD_VERSION
            && let Some((version, _)) = command.build_version(endian)?
        {
            let oldest = version.minos.get(endian).0;
            let oldest = format!("{}.{}", oldest >> 16, oldest >> 8 & 0xff);
            complaints.check(oldest == target.oldest_macos, || {
                format!(
                    "it asks for macOS {oldest}, the target promises {}",
                    target.oldest_macos
                )
            });
        }
        if let LoadCommandVariant::EntryPoint(entry) = command.variant()? {
            let stack = entry.stacksize.get(endian);
            complaints.check(stack == target.main_stack, || {
                format!("its main thread gets a stack of {stack} bytes")
            });
        }
        if command.cmd() == LC_DYLD_CHAINED_FIXUPS {
            let data: &LinkeditDataCommand<Endianness> = command.data()?;
            fixups = chained_segments(bytes, data.dataoff.get(endian));
        }
    }
    for (kind, what) in [
        (LC_BUILD_VERSION, "oldest system"),
        (LC_CODE_SIGNATURE, "signature"),
        (LC_DYLD_CHAINED_FIXUPS, "chained fixups"),
        (LC_UUID, "UUID, without which newer systems refuse it"),
    ] {
        complaints.check(kinds.contains(&kind), || format!("it has no {what}"));
    }
    for kind in [LC_DYLD_INFO, LC_DYLD_INFO_ONLY] {
        complaints.check(!kinds.contains(&kind), || {
            "it has fixups of the old form beside the chained ones".to_owned()
        });
    }
    complaints.check(fixups == Some(segments), || {
        format!("its fixups are for {fixups:?} segments, it has {segments}")
    });
    Ok(())
}

/// `seg_count` of the chained fixups: `dyld_chained_fixups_header` has at 4 the offset of
/// `dyld_chained_starts_in_image`, which begins with it (mach-o/fixup-chains.h).
fn chained_segments(bytes: &[u8], at: u32) -> Option<u32> {
    let word = |at: usize| {
        let word = bytes.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*word))
    };
    let at = at as usize;
    word(at + word(at + 4)? as usize)
}

/// The order and alignment that let `__OXI` grow.
fn segments(page: u64, bytes: &[u8], complaints: &mut Complaints) -> Result<()> {
    let header = MachHeader64::<Endianness>::parse(bytes, 0)?;
    let endian = header.endian()?;
    let mut all: Vec<(&SegmentCommand64<Endianness>, &[u8])> = Vec::new();
    let mut commands = header.load_commands(endian, bytes, 0)?;
    while let Some(command) = commands.next()? {
        all.extend(command.segment_64()?);
    }
    let mut end = 0;
    for (segment, sections) in &all {
        let name = String::from_utf8_lossy(segment.name()).into_owned();
        let (address, offset) = (segment.vmaddr(endian), segment.fileoff(endian));
        complaints.check(
            address.is_multiple_of(page) && offset.is_multiple_of(page),
            || format!("{name} is not aligned to {page} bytes"),
        );
        complaints.check(offset >= end, || format!("{name} overlaps another segment"));
        end = end.max(offset + segment.filesize(endian));
        if name == "__OXI" {
            let protection = segment.initprot(endian) | segment.maxprot(endian);
            complaints.check(protection == object::macho::VM_PROT_READ, || {
                "the slot is not only read".to_owned()
            });
            let sections = segment.sections(endian, *sections)?;
            let code = sections
                .iter()
                .any(|s| s.flags(endian).0 & S_ATTR_PURE_INSTRUCTIONS.0 != 0);
            complaints.check(sections.len() == 1 && !code, || {
                "the slot's segment holds more than the slot".to_owned()
            });
        }
    }
    let names: Vec<&[u8]> = all.iter().map(|(segment, _)| segment.name()).collect();
    complaints.check(names.ends_with(&[b"__OXI", b"__LINKEDIT"]), || {
        "the slot is not the last before __LINKEDIT".to_owned()
    });
    complaints.check(end == bytes.len() as u64, || {
        "the file does not end with __LINKEDIT".to_owned()
    });
    Ok(())
}
