//! Programs for macOS. Nothing here can run them, so they are read: by `macos/structure.py`, which
//! knows Apple's headers and nothing of ours and computes every page hash again; by LIEF, whose
//! check is that of Apple's dynamic loader; by goblin and object, which have to see the same. What
//! only a Mac can show is in `smoke/macos.sh`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use goblin::mach::{Mach, MachO};
use object::{Object, ObjectSegment, ObjectSymbol};
use oxidize_format::Target;
use oxidize_tests::identity::Identity;
use oxidize_tests::package::{App, Package};
use oxidize_tests::{Result, check, fail, missing, tools, trial};
use serde::Deserialize;

/// The reader whose layout check is a port of dyld's.
const LIEF: &str = "lief==1.0.0";

/// `MH_PIE` (mach-o/loader.h)
const PIE: u32 = 0x20_0000;

const TARGETS: [(&str, &str); 2] = [
    ("arm64", Target::AARCH64_MACOS.triple()),
    ("intel", Target::X86_64_MACOS.triple()),
];

/// A test of a target.
type Test = fn(&'static str) -> Result;

fn main() -> std::process::ExitCode {
    let tests: [(&str, Test); 10] = [
        ("structure_and_page_hashes", structure),
        ("lief_finds_nothing_wrong", lief),
        ("readers_agree", readers_agree),
        ("imports_are_those_of_macos_11", imports),
        ("file_functions_are_its_own", file_functions),
        ("every_public_name_is_exported", exports),
        ("the_stub_comes_back", round_trip),
        ("a_changed_byte_is_noticed", changed_byte),
        ("packaging_repeats", repeats),
        ("native_modules_are_signed", modules_are_signed),
    ];
    // A target is tested from the moment its distribution is in the repository.
    let lock = tools::checkout().join("prebuilt/distributions/lock.toml");
    let lock = std::fs::read_to_string(lock).unwrap_or_default();
    let mut trials = Vec::new();
    for (label, target) in TARGETS {
        if !lock.contains(&format!("-{target}.tar.zst")) {
            continue;
        }
        for (name, test) in tests {
            trials.push(trial(format!("{label}::{name}"), move || test(target)));
        }
    }
    if TARGETS
        .iter()
        .all(|(_, target)| lock.contains(&format!("-{target}.tar.zst")))
    {
        trials.push(trial("universal::holds_both_programs", universal));
    }
    oxidize_tests::main(trials)
}

fn package(target: &str) -> Package {
    Package::new(tools::checkout().join("examples/hello")).target(target)
}

fn app(target: &str) -> Result<App> {
    package(target).shared()
}

/// What `structure.py` prints, as far as it is compared.
#[derive(Debug, Deserialize)]
struct Facts {
    arch: String,
    libraries: Vec<String>,
    imports: Vec<Import>,
    exports: BTreeSet<String>,
    oldest: String,
    stack: u64,
    segments: Vec<Segment>,
    signature: Signature,
    fixups: Fixups,
}

#[derive(Debug, Deserialize)]
struct Import {
    name: String,
    library: Option<String>,
    weak: bool,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Segment {
    name: String,
    address: u64,
    memory: u64,
    offset: u64,
    size: u64,
}

#[derive(Debug, Deserialize)]
struct Signature {
    identifier: String,
    flags: u32,
    pages: usize,
}

#[derive(Debug, Deserialize)]
struct Fixups {
    bound: usize,
    rebased: usize,
}

/// Everything the reader in Python insists on; an error is its list of problems.
fn read(program: &Path) -> Result<Facts> {
    let output = Command::new(tools::host_tool("python3")?)
        .arg("-I")
        .arg(tools::here().join("macos/structure.py"))
        .arg(program)
        .output()?;
    if !output.status.success() {
        return fail(String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn structure(target: &'static str) -> Result {
    let app = app(target)?;
    for program in [app.path(), &tools::stub(target)?] {
        let facts = read(program)?;
        check(target.starts_with(&facts.arch), || facts.arch.clone())?;
        check(facts.oldest == "11.0", || {
            format!("asks for macOS {}", facts.oldest)
        })?;
        // As CPython asks for; the linker cannot, so it is written afterwards.
        check(facts.stack == 16 << 20, || {
            format!("stack of {}", facts.stack)
        })?;
        let signature = &facts.signature;
        let length = std::fs::metadata(program)?.len();
        check(signature.flags & 2 != 0, || {
            format!("not ad hoc: {signature:?}")
        })?;
        check(signature.pages as u64 > length * 9 / 10 / 4096, || {
            format!("{signature:?} of a file of {length} bytes")
        })?;
        check(
            facts.fixups.bound > 500 && facts.fixups.rebased > 10_000,
            || format!("{:?}", facts.fixups),
        )?;
    }
    let identifier = read(app.path())?.signature.identifier;
    check(identifier == "app", || format!("signed as {identifier}"))
}

/// Python packages for the host's Python, installed once.
fn reader(name: &str) -> Result<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let place = tools::cache("readers")?.join(name);
    if place.is_dir() {
        return Ok(place);
    }
    let fresh = tempfile::tempdir_in(tools::cache("readers")?)?;
    let output = Command::new(tools::host_tool("python3")?)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ])
        .arg(fresh.path())
        .arg(name)
        .output()?;
    if !output.status.success() {
        return missing(String::from_utf8_lossy(&output.stderr));
    }
    std::fs::rename(fresh.keep(), &place)?;
    Ok(place)
}

fn lief(target: &'static str) -> Result {
    const SCRIPT: &str = "\
import sys, lief
for path in sys.argv[1:]:
    binary = lief.MachO.parse(path).at(0)
    good, why = lief.MachO.check_layout(binary)
    assert good, f'{path}: {why}'
    assert binary.has_dyld_chained_fixups and not binary.has_dyld_info
    assert [s.name for s in binary.segments][-2:] == ['__OXI', '__LINKEDIT']
";
    let lief = reader(LIEF)?;
    let output = Command::new(tools::host_tool("python3")?)
        .arg("-c")
        .arg(SCRIPT)
        .arg(app(target)?.path())
        .arg(tools::stub(target)?)
        .env("PYTHONPATH", lief)
        .output()?;
    check(output.status.success(), || {
        String::from_utf8_lossy(&output.stderr).into_owned()
    })
}

fn readers_agree(target: &'static str) -> Result {
    let app = app(target)?;
    let facts = read(app.path())?;
    let bytes = std::fs::read(app.path())?;
    let goblin = MachO::parse(&bytes, 0)?;
    let object = object::File::parse(&*bytes)?;

    let expected: Vec<_> = facts
        .segments
        .iter()
        .map(|s| (s.name.as_str(), s.address, s.memory, s.offset, s.size))
        .collect();
    let mut seen = Vec::new();
    for segment in &goblin.segments {
        let (address, memory) = (segment.vmaddr, segment.vmsize);
        seen.push((
            segment.name()?,
            address,
            memory,
            segment.fileoff,
            segment.filesize,
        ));
    }
    check(seen == expected, || {
        format!("goblin: {seen:x?}\nnot {expected:x?}")
    })?;
    let mut seen = Vec::new();
    for segment in object.segments() {
        let (offset, size) = segment.file_range();
        seen.push((segment.address(), segment.size(), offset, size));
    }
    let expected: Vec<_> = expected.iter().map(|s| (s.1, s.2, s.3, s.4)).collect();
    check(seen == expected, || {
        format!("object: {seen:x?}\nnot {expected:x?}")
    })?;

    // goblin begins its list with the program itself.
    check(goblin.libs[1..] == facts.libraries, || {
        format!("goblin: {:?}", goblin.libs)
    })?;
    let names: BTreeSet<String> = goblin
        .exports()?
        .into_iter()
        .map(|export| export.name)
        .collect();
    check(names == facts.exports, || {
        "goblin sees other exports".to_owned()
    })?;
    let mut undefined = BTreeSet::new();
    for symbol in goblin.symbols() {
        let (name, entry) = symbol?;
        if entry.is_undefined() && !entry.is_stab() {
            undefined.insert(name.to_owned());
        }
    }
    let imports: BTreeSet<String> = facts.imports.iter().map(|i| i.name.clone()).collect();
    check(imports.is_subset(&undefined), || {
        format!(
            "bound and not in the symbol table: {:?}",
            imports.difference(&undefined)
        )
    })?;
    let defined: BTreeSet<String> = object
        .symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .filter_map(|symbol| Some(symbol.name().ok()?.to_owned()))
        .collect();
    check(facts.exports.is_subset(&defined), || {
        "exported and not in the symbol table, as object sees it".to_owned()
    })?;
    check(goblin.header.flags & PIE != 0, || "not PIE".to_owned())
}

/// `prebuilt/support/macos/imports.toml`.
#[derive(Deserialize)]
struct List {
    library: Vec<Library>,
}

#[derive(Deserialize)]
struct Library {
    install_name: String,
    newer: BTreeSet<String>,
    symbols: BTreeSet<String>,
    only: BTreeMap<String, BTreeSet<String>>,
}

fn imports(target: &'static str) -> Result {
    let list =
        std::fs::read_to_string(tools::checkout().join("prebuilt/support/macos/imports.toml"))?;
    let list: List = toml::from_str(&list)?;
    let facts = read(app(target)?.path())?;
    check(facts.imports.len() > 400, || "hardly any import".to_owned())?;
    for import in &facts.imports {
        let Some(name) = &import.library else {
            return fail(format!("{} is looked for everywhere", import.name));
        };
        let library = list
            .library
            .iter()
            .find(|library| library.install_name == *name);
        let Some(library) = library else {
            return fail(format!("{} comes from {name}", import.name));
        };
        let only = library.only.get(&facts.arch);
        let known = library.symbols.contains(&import.name)
            || only.is_some_and(|names| names.contains(&import.name));
        check(known, || format!("{} is not in the list", import.name))?;
        check(!library.newer.contains(&import.name) || import.weak, || {
            format!("{} is not in macOS 11, and needed", import.name)
        })?;
    }
    let libraries: BTreeSet<&str> = facts.libraries.iter().map(String::as_str).collect();
    let expected = list
        .library
        .iter()
        .map(|library| library.install_name.as_str())
        .collect();
    check(libraries == expected, || format!("{libraries:?}"))
}

/// CPython, OpenSSL and SQLite call the stub's own `open`, `stat` and so on: what is not imported
/// is defined in the program, or the linker would have said so. The plain interpreter of the same
/// distribution imports them, so they are called. On 64-bit Arm, `open` and `openat` begin with
/// taking the mode off the stack, where Apple's callers put it.
fn file_functions(target: &'static str) -> Result {
    let list = tools::checkout().join("stubs/src/files/posix/names_macos.txt");
    let list = std::fs::read_to_string(list)?;
    let intel = target.starts_with("x86_64");
    let symbols: BTreeSet<String> = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, other) = line.split_once(' ').unwrap_or((line, ""));
            let symbol = match other.split_once('=') {
                Some(("all", symbol)) => symbol,
                Some(("intel", symbol)) if intel => symbol,
                _ => name,
            };
            format!("_{symbol}")
        })
        .collect();
    let imported = |program: &Path| -> Result<BTreeSet<String>> {
        let imports = read(program)?.imports;
        Ok(imports.into_iter().map(|import| import.name).collect())
    };
    let stub = tools::stub(target)?;
    let ours = imported(&stub)?;
    let left: Vec<_> = symbols.intersection(&ours).collect();
    check(left.is_empty(), || format!("the system's own: {left:?}"))?;
    check(ours.contains("_dlsym"), || {
        "nothing looks the system's functions up".to_owned()
    })?;
    let called = imported(&tools::plain_python(target)?)?;
    let stat = if intel { "_stat$INODE64" } else { "_stat" };
    for name in ["_open", stat, "_access", "_fopen", "_dlopen", "_execve"] {
        check(symbols.contains(name) && called.contains(name), || {
            format!("{name} is not called, or not in the list")
        })?;
    }
    if intel {
        return Ok(());
    }
    // `ldr w2, [sp]` and `ldr w3, [sp]`, each before a branch (Arm Architecture Reference Manual,
    // C6.2: LDR (immediate), unsigned offset; B).
    let bytes = std::fs::read(&stub)?;
    let words: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    for (name, load) in [("open", 0xb940_03e2), ("openat", 0xb940_03e3)] {
        let there = words
            .windows(2)
            .any(|pair| pair[0] == load && pair[1] >> 26 == 0b00_0101);
        check(there, || {
            format!("{name} does not read its mode off the stack")
        })?;
    }
    Ok(())
}

/// What a wheel may import, against what the stub exports. The names are those CPython's own
/// headers promise to limited-API modules (`Misc/stable_abi.toml` in its sources is where
/// `PC/python3dll.c` has them from), read from the shared archive.
fn exports(target: &'static str) -> Result {
    let facts = read(app(target)?.path())?;
    check(
        facts
            .exports
            .iter()
            .all(|name| name.starts_with("_Py") || name.starts_with("__Py")),
        || "it exports more than Python's names".to_owned(),
    )?;
    let archive = format!("prebuilt/distributions/cpython-3.13.15-{target}.tar.zst");
    let file = std::fs::File::open(tools::checkout().join(archive))?;
    let mut tar = tar::Archive::new(zstd::Decoder::new(file)?);
    for entry in tar.entries()? {
        let entry = entry?;
        if entry.path()?.ends_with("link-kit/exports.macos") {
            let promised = std::io::read_to_string(entry)?;
            let promised: BTreeSet<String> = promised.lines().map(str::to_owned).collect();
            check(promised.len() > 1700, || {
                format!("{} names", promised.len())
            })?;
            let lost: Vec<_> = promised.difference(&facts.exports).take(10).collect();
            return check(lost.is_empty(), || format!("not exported: {lost:?}"));
        }
    }
    fail("the archive lists no exports")
}

fn round_trip(target: &'static str) -> Result {
    let (app, place) = (app(target)?, tools::scratch()?);
    let tool = tools::program("oxidize-inject")?;
    let verified = Command::new(&tool).arg("verify").arg(app.path()).output()?;
    check(verified.status.success(), || {
        String::from_utf8_lossy(&verified.stderr).into_owned()
    })?;
    let copy = place.path().join("app");
    std::fs::copy(app.path(), &copy)?;
    let removed = Command::new(&tool).arg("remove").arg(&copy).output()?;
    check(removed.status.success(), || {
        String::from_utf8_lossy(&removed.stderr).into_owned()
    })?;
    check(
        std::fs::read(&copy)? == std::fs::read(tools::stub(target)?)?,
        || "what remove leaves is not the stub".to_owned(),
    )
}

/// One file for both processors: each part is the program that is made for one alone, at a multiple
/// of its page.
fn universal() -> Result {
    let place = tools::scratch()?;
    let output = place.path().join("app");
    for (_, target) in TARGETS {
        tools::stub(target)?;
    }
    let made = Command::new(tools::program("oxidize-inject")?)
        .arg(&output)
        .args([
            "-q",
            "--target",
            Target::UNIVERSAL2_MACOS.triple(),
            "--resources",
        ])
        .arg(tools::checkout().join("examples/hello"))
        .output()?;
    check(made.status.success(), || {
        String::from_utf8_lossy(&made.stderr).into_owned()
    })?;
    let bytes = std::fs::read(&output)?;
    let Mach::Fat(parts) = Mach::parse(&bytes)? else {
        return fail("not a universal file");
    };
    let parts = parts.arches()?;
    check(parts.len() == TARGETS.len(), || format!("{parts:?}"))?;
    for (_, target) in TARGETS {
        let alone = std::fs::read(app(target)?.path())?;
        let part = parts.iter().find(|part| part.slice(&bytes) == alone);
        check(part.is_some_and(|part| part.offset % 0x4000 == 0), || {
            format!("no part is the program for {target}: {parts:?}")
        })?;
    }
    Ok(())
}

/// Of every kind of page one byte: code, data, resources, `__LINKEDIT`.
fn changed_byte(target: &'static str) -> Result {
    let (app, place) = (app(target)?, tools::scratch()?);
    let bytes = std::fs::read(app.path())?;
    let copy = place.path().join("app");
    for segment in read(app.path())?
        .segments
        .iter()
        .filter(|segment| segment.size > 0)
    {
        let mut changed = bytes.clone();
        // Of __LINKEDIT the beginning: its end is the signature itself.
        let at = segment.offset + (segment.size / 2).min(0x8000);
        changed[at as usize] ^= 1;
        std::fs::write(&copy, changed)?;
        let Err(problem) = read(&copy) else {
            return fail(format!("a changed byte in {} goes unnoticed", segment.name));
        };
        check(problem.to_string().contains("hash"), || problem.to_string())?;
    }
    Ok(())
}

/// The hardened runtime loads what the program's own team has signed.
fn modules_are_signed(target: &'static str) -> Result {
    let identity = Identity::new()?;
    let place = identity.place();
    let at = |name: &str| place.join(name);
    // A library: a program that says it is one.
    let mut library = std::fs::read(tools::stub(target)?)?;
    library[12] = 6;
    std::fs::create_dir(at("resources"))?;
    std::fs::write(at("resources/__main__.py"), "")?;
    std::fs::write(at("resources/libx.dylib"), &library)?;
    let run = |words: &[&str]| -> Result<(bool, String)> {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        let output = command.args(words).current_dir(place).output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        ))
    };
    let identity = ["--sign-key", "key.pem", "--sign-certificates", "cert.pem"];
    let team = ["--team-id", "TEAM123456"];
    let hardened = ["--hardened-runtime"];
    const REFUSED: &str = "the hardened runtime will not load";
    for (options, warns, signed) in [
        (vec![], false, false),
        (hardened.to_vec(), true, false),
        ([&hardened[..], &identity].concat(), true, true),
        ([&hardened[..], &identity, &team].concat(), false, true),
    ] {
        let stub = tools::stub(target)?;
        let stub = stub.to_string_lossy();
        let fixed = [
            "app",
            "--resources",
            "resources",
            "--target",
            target,
            "--stub",
            &stub,
        ];
        let (done, said) = run(&[&fixed[..], &options].concat())?;
        check(done && said.contains(REFUSED) == warns, || {
            format!("{options:?}: {said}")
        })?;
        let _ = std::fs::remove_dir_all(at("files"));
        let (done, said) = run(&["extract", "app", "--to", "files"])?;
        check(done, || said)?;
        let (done, said) = run(&["verify", "files/app/libx.dylib"])?;
        check(
            done == signed && said.contains("signed by Tester") == signed,
            || said,
        )?;
    }
    Ok(())
}

fn repeats(target: &'static str) -> Result {
    let again = package(target).build()?;
    check(
        std::fs::read(again.path())? == std::fs::read(app(target)?.path())?,
        || "other bytes the second time".to_owned(),
    )
}
