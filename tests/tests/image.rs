//! What other readers say about a packaged executable: readelf, goblin and object.

use goblin::elf::program_header::{PF_R, PT_LOAD, PT_NOTE};
use object::{Object, ObjectSection, ObjectSegment};
use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::targets::{LINUX, Target};
use oxidize_tests::tools;
use oxidize_tests::{Result, Stop, check, trial};

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    for Target {
        label,
        triple: target,
    } in LINUX
    {
        trials.push(trial(
            format!("{label}::readelf_has_no_complaint"),
            move || readelf(target),
        ));
        trials.push(trial(
            format!("{label}::segments_are_in_order"),
            move || segments(target),
        ));
        trials.push(trial(
            format!("{label}::segments_suit_every_page_size"),
            move || page_sizes(target),
        ));
        trials.push(trial(format!("{label}::readers_agree"), move || {
            readers_agree(target)
        }));
        trials.push(trial(
            format!("{label}::blob_is_mapped_read_only_and_last"),
            move || blob(target),
        ));
        trials.push(trial(
            format!("{label}::headers_of_the_stub_stay"),
            move || stub_headers(target),
        ));
    }
    oxidize_tests::main(trials)
}

fn image(target: &str) -> Result<Vec<u8>> {
    let app = Package::new(tools::checkout().join("examples/hello"))
        .target(target)
        .shared()?;
    Ok(std::fs::read(app.path())?)
}

fn parse(bytes: &[u8]) -> Result<goblin::elf::Elf<'_>> {
    Ok(goblin::elf::Elf::parse(bytes)?)
}

fn readelf(target: &str) -> Result {
    let app = Package::new(tools::checkout().join("examples/hello"))
        .target(target)
        .shared()?;
    for options in ["-hlSW", "-n", "-dW", "-rW"] {
        let outcome = Run::new(tools::host_tool("readelf")?)
            .arguments([options])
            .arguments([app.path()])
            .outcome()?;
        let outcome = outcome.success()?;
        check(
            outcome.stderr.is_empty() && !outcome.stdout.contains("Warning"),
            || outcome.stderr.clone(),
        )?;
    }
    Ok(())
}

/// What the kernel and ld.so rely on: ascending addresses, no overlap, offset and address
/// congruent, all in the file.
fn segments(target: &str) -> Result {
    let bytes = image(target)?;
    let elf = parse(&bytes)?;
    let mut end = 0;
    for header in elf
        .program_headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD)
    {
        check(header.p_vaddr >= end, || {
            format!("{header:?} overlaps or is out of order")
        })?;
        check(
            header.p_vaddr % header.p_align == header.p_offset % header.p_align,
            || format!("{header:?} is skewed"),
        )?;
        check(
            header.p_offset + header.p_filesz <= bytes.len() as u64,
            || format!("{header:?} is outside of the file"),
        )?;
        check(header.p_filesz <= header.p_memsz, || {
            format!("{header:?} is larger in the file")
        })?;
        check(!(header.is_write() && header.is_executable()), || {
            format!("{header:?} is writable code")
        })?;
        end = header.p_vaddr + header.p_memsz;
    }
    Ok(())
}

/// No page holds bytes of two segments. The page of an x86_64 kernel has 4 KiB, that of an aarch64
/// one 4, 16 or 64 KiB, of which the emulator here shows the first only.
fn page_sizes(target: &str) -> Result {
    let bytes = image(target)?;
    let elf = parse(&bytes)?;
    let largest = if oxidize_tests::targets::is_arm(target) {
        0x1_0000
    } else {
        0x1000
    };
    let mut used = 0;
    for header in elf
        .program_headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD)
    {
        check(
            header.p_align >= largest && header.p_align.is_power_of_two(),
            || format!("{header:?} may lie anywhere"),
        )?;
        check(header.p_vaddr / largest >= used, || {
            format!("{header:?} begins on the page on which another one ends")
        })?;
        used = (header.p_vaddr + header.p_memsz).div_ceil(largest);
    }
    check(used > 0, || "no segment".to_owned())
}

fn readers_agree(target: &str) -> Result {
    let bytes = image(target)?;
    let elf = parse(&bytes)?;
    let file = object::File::parse(&*bytes)?;
    let ours: Vec<_> = elf
        .program_headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD)
        .map(|header| {
            (
                header.p_vaddr,
                header.p_memsz,
                header.p_offset,
                header.p_filesz,
            )
        })
        .collect();
    let theirs: Vec<_> = file
        .segments()
        .map(|segment| {
            (
                segment.address(),
                segment.size(),
                segment.file_range().0,
                segment.file_range().1,
            )
        })
        .collect();
    check(ours == theirs, || {
        format!("goblin {ours:?}\nobject {theirs:?}")
    })?;
    let name = |section: &goblin::elf::SectionHeader| {
        elf.shdr_strtab
            .get_at(section.sh_name)
            .unwrap_or("")
            .to_owned()
    };
    let ours: Vec<_> = elf
        .section_headers
        .iter()
        .skip(1)
        .map(|section| (name(section), section.sh_addr))
        .collect();
    let mut theirs = Vec::new();
    for section in file.sections() {
        theirs.push((section.name()?.to_owned(), section.address()));
    }
    check(ours == theirs, || {
        format!("goblin {ours:?}\nobject {theirs:?}")
    })?;
    check(file.entry() == elf.entry, || {
        "entry points differ".to_owned()
    })
}

/// The section `.oxi.blob` is the blob, and one segment of its own holds it behind everything else.
fn blob(target: &str) -> Result {
    let bytes = image(target)?;
    let elf = parse(&bytes)?;
    let section = elf
        .section_headers
        .iter()
        .find(|section| elf.shdr_strtab.get_at(section.sh_name) == Some(".oxi.blob"))
        .ok_or_else(|| Stop::Failed("no section .oxi.blob".to_owned()))?;
    let content = section.file_range().and_then(|range| bytes.get(range));
    let content =
        content.ok_or_else(|| Stop::Failed("the section is outside of the file".to_owned()))?;
    check(content.starts_with(b"\x89OXIBLOB"), || {
        format!(
            "the section starts with {:?}",
            &content[..8.min(content.len())]
        )
    })?;
    let last = elf
        .program_headers
        .iter()
        .rfind(|header| header.p_type == PT_LOAD);
    let last = last.ok_or_else(|| Stop::Failed("no segment".to_owned()))?;
    check(last.p_flags == PF_R, || {
        format!("{last:?} is not read-only")
    })?;
    check(
        last.p_vaddr == section.sh_addr && last.p_filesz >= section.sh_size,
        || format!("{last:?} is not {section:?}"),
    )?;
    check(
        last.p_vaddr % 0x1_0000 == 0 && last.p_offset % 0x1_0000 == 0,
        || format!("{last:?} is not aligned to 64 KiB"),
    )
}

/// Injection changes one program header, from a note to a segment, and the header of one section.
fn stub_headers(target: &str) -> Result {
    let (bytes, stub) = (image(target)?, std::fs::read(tools::stub(target)?)?);
    let (elf, stub) = (parse(&bytes)?, parse(&stub)?);
    check(elf.header == stub.header, || {
        "the ELF header differs".to_owned()
    })?;
    let changed: Vec<_> = elf
        .program_headers
        .iter()
        .zip(&stub.program_headers)
        .filter(|(new, old)| new != old)
        .collect();
    check(changed.len() == 1, || format!("{changed:?}"))?;
    check(
        changed[0].0.p_type == PT_LOAD && changed[0].1.p_type == PT_NOTE,
        || format!("{changed:?}"),
    )?;
    let sections = elf
        .section_headers
        .iter()
        .zip(&stub.section_headers)
        .filter(|(new, old)| new != old)
        .count();
    check(sections == 1, || {
        format!("{sections} section headers differ")
    })
}
