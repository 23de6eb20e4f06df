//! The PE side of a stub: DLLs it loads, symbols it exports, properties of the image, nothing of
//! the time or the machine of its making.

use super::Complaints;
use crate::recipe::Target;
use anyhow::{Context, Result};
use object::pe::ImageNtHeaders64;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, ImageThunkData, PeFile64};
use object::{LittleEndian, pe};
use std::collections::BTreeSet;

/// Address space layout randomisation over 64 bits, no execution of data.
const WANTED: u16 = pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE.0
    | pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA.0
    | pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT.0;
/// Size of a section header in bytes: an application gets one section more.
const SECTION_HEADER: u32 = 40;

pub(super) fn validate(target: &Target, bytes: &[u8], complaints: &mut Complaints) -> Result<()> {
    let file = PeFile64::parse(bytes).context("not a 64-bit PE file")?;
    let headers = file.nt_headers();
    let (header, optional) = (headers.file_header(), headers.optional_header());

    let mut imported = BTreeSet::new();
    if let Some(table) = file.import_table()? {
        let mut descriptors = table.descriptors()?;
        while let Some(descriptor) = descriptors.next()? {
            let name = table.name(descriptor.name.get(LittleEndian))?;
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            complaints.check(allowed(target, &name), || format!("it loads {name}"));
            let mut thunks = table.thunks(descriptor.original_first_thunk.get(LittleEndian))?;
            while let Some(thunk) = thunks.next::<ImageNtHeaders64>()? {
                if !thunk.is_ordinal() {
                    let (_, symbol) = table.hint_name(thunk.address())?;
                    imported.insert(String::from_utf8_lossy(symbol).into_owned());
                }
            }
        }
    }
    // compiler_rt has these, too: slower, or wrong in the last digit.
    for name in ["memcpy", "memset", "log2", "fma"] {
        complaints.check(imported.contains(name), || {
            format!("its {name} is not the C runtime's")
        });
    }

    let mut exported = BTreeSet::new();
    if let Some(table) = file.export_table()? {
        for export in table.exports()? {
            let name = export.name.map(String::from_utf8_lossy).unwrap_or_default();
            complaints.check(ours(&name), || format!("it exports {name}"));
            exported.insert(name.into_owned());
        }
    }
    for name in [
        "Py_Initialize",
        "PyObject_Call",
        "PyModule_Create2",
        "PyType_FromSpec",
        "PyExc_ValueError",
        "_Py_NoneStruct",
    ] {
        complaints.check(exported.contains(name), || {
            format!("it does not export {name}, which wheels need")
        });
    }

    complaints.check(header.time_date_stamp.get(LittleEndian) == 0, || {
        "it holds the time of its making".to_owned()
    });
    let characteristics = optional.dll_characteristics().0;
    complaints.check(characteristics & WANTED == WANTED, || {
        format!("it may be loaded at a guessed address or execute data: characteristics {characteristics:#06x}")
    });
    complaints.check(
        optional.subsystem() == pe::IMAGE_SUBSYSTEM_WINDOWS_CUI,
        || "it is not a console program; the injector makes the other kind".to_owned(),
    );
    let directories = file.data_directories();
    for (index, what) in [
        (
            pe::IMAGE_DIRECTORY_ENTRY_RESOURCE,
            "resources of its own, where the blob has to go",
        ),
        (
            pe::IMAGE_DIRECTORY_ENTRY_DEBUG,
            "debug information, which names a file of the building machine",
        ),
        (pe::IMAGE_DIRECTORY_ENTRY_SECURITY, "a signature"),
    ] {
        let there = directories
            .get(index)
            .is_some_and(|d| d.size.get(LittleEndian) != 0);
        complaints.check(!there, || format!("it has {what}"));
    }
    let table = u64::from(file.dos_header().nt_headers_offset())
        + 4
        + size_of::<pe::ImageFileHeader>() as u64
        + u64::from(header.size_of_optional_header.get(LittleEndian));
    let sections = u64::from(header.number_of_sections.get(LittleEndian)) + 1;
    let room = u64::from(optional.size_of_headers());
    complaints.check(table + sections * u64::from(SECTION_HEADER) <= room, || {
        "its header has no room for one more section".to_owned()
    });
    Ok(())
}

/// Names of Python's API.
fn ours(name: &str) -> bool {
    ["Py", "_Py", "PY_"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// The Universal C Runtime by its official front, and what the recipe lists.
fn allowed(target: &Target, name: &str) -> bool {
    name.starts_with("api-ms-win-crt-") || target.allowed_libraries.iter().any(|l| l == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipes;
    use std::path::Path;

    #[test]
    fn one_c_runtime_and_no_other() -> Result<()> {
        let recipes = Recipes::locked(Path::new(env!("CARGO_MANIFEST_DIR")))?;
        let target = recipes.target(oxidize_format::Target::X86_64_WINDOWS.triple())?;
        assert!(allowed(&target, "api-ms-win-crt-heap-l1-1-0.dll"));
        assert!(allowed(&target, "kernel32.dll"));
        for name in [
            "msvcrt.dll",
            "vcruntime140.dll",
            "python3.dll",
            "libgcc_s_seh-1.dll",
        ] {
            assert!(!allowed(&target, name), "{name}");
        }
        Ok(())
    }
}
