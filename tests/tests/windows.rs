//! What wine makes of a packaged Windows program's resources.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use object::LittleEndian as LE;
use object::read::pe::{PeFile64, ResourceDirectoryEntryData, ResourceNameOrId};
use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::targets::WINDOWS;
use oxidize_tests::tools;
use oxidize_tests::{Result, check, fail, trial};
use serde::Deserialize;

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("resources_as_the_system_hands_them_out", resources),
        trial("a_resource_editor_may_move_the_blob", editor),
    ])
}

/// What `wine/resources` prints.
#[derive(Deserialize)]
struct Seen {
    /// Whether the blob that `FindResource` leads to is the one in the file.
    same: bool,
    /// Where the blob lies, from the image's base.
    offset: u64,
    /// Kind, name, language, address from the image's base, length, SHA-256.
    tree: BTreeSet<Entry>,
    version: [u32; 4],
    product: String,
    icons: Vec<u32>,
}

type Entry = (String, String, u32, u32, u32, String);

/// A packaged program with everything that it can show of itself, in a directory with its blob.
fn program(directory: &Path) -> Result<()> {
    let version =
        "file-version = \"1.2.3.4\"\nproduct-version = \"5.6.7.8\"\nproduct-name = \"größer\"\n";
    std::fs::write(directory.join("version.toml"), version)?;
    std::fs::write(directory.join("icon.ico"), icon())?;
    let option = |name: &str| directory.join(name).display().to_string();
    let package = Package::new(tools::here().join("wine/resources")).target(WINDOWS);
    let package = package.options([
        "--version-info".to_owned(),
        option("version.toml"),
        "--icon".to_owned(),
        option("icon.ico"),
    ]);
    let app = directory.join("app.exe");
    package.write(&app)?;
    extract(&app, &directory.join("blob"))
}

fn extract(app: &Path, blob: &Path) -> Result<()> {
    let mut command = Command::new(tools::program("oxidize-inject")?);
    command.arg("extract").arg(app).arg("--blob").arg(blob);
    let done = command.arg("-q").output()?;
    check(done.status.success(), || {
        String::from_utf8_lossy(&done.stderr).into_owned()
    })
}

/// An icon of the usual sizes, each of one colour.
fn icon() -> Vec<u8> {
    const SIZES: [u32; 7] = [16, 24, 32, 48, 64, 128, 256];
    let mut directory = [0, 1, SIZES.len() as u16].map(u16::to_le_bytes).concat();
    let mut images = Vec::new();
    for size in SIZES {
        let mask = size.div_ceil(32) * 4 * size;
        let mut image = [
            40,
            size,
            2 * size,
            1 | 32 << 16,
            0,
            4 * size * size + mask,
            0,
            0,
            0,
            0,
        ]
        .map(u32::to_le_bytes)
        .concat();
        image.resize(image.len() + 4 * (size * size) as usize, size as u8);
        image.resize(image.len() + mask as usize, 0);
        let offset = 6 + 16 * SIZES.len() + images.len();
        directory.extend_from_slice(&[size as u8, size as u8, 0, 0, 1, 0, 32, 0]);
        let place = [image.len() as u32, offset as u32];
        directory.extend_from_slice(&place.map(u32::to_le_bytes).concat());
        images.extend_from_slice(&image);
    }
    directory.extend_from_slice(&images);
    directory
}

fn seen(directory: &Path) -> Result<Seen> {
    let run = Run::new(directory.join("app.exe")).directory(directory);
    let outcome = run.arguments(["blob"]).outcome()?.success()?;
    Ok(serde_json::from_str(&outcome.stdout)?)
}

fn resources() -> Result {
    let directory = tools::scratch()?;
    program(directory.path())?;
    let seen = seen(directory.path())?;
    check(seen.same, || {
        "the resource is not what was packaged".to_owned()
    })?;
    check(seen.offset % 4096 == 0, || {
        format!("the blob lies at {:#x}", seen.offset)
    })?;
    check(
        seen.version == [1, 2, 3, 4] && seen.product == "größer",
        || format!("version {:?} of {:?}", seen.version, seen.product),
    )?;
    check(seen.icons == [16, 24, 32, 48, 64, 128, 256], || {
        format!("icons {:?}", seen.icons)
    })?;
    let ours = tree(&std::fs::read(directory.path().join("app.exe"))?)?;
    let theirs = without_digests(&seen.tree);
    check(ours == theirs, || {
        format!("object {ours:?}\nwine {theirs:?}")
    })?;
    let kinds: BTreeSet<&str> = theirs.iter().map(|entry| &*entry.0).collect();
    check(
        kinds == BTreeSet::from(["3", "10", "14", "16", "24"]),
        || format!("kinds {kinds:?}"),
    )
}

fn without_digests(tree: &BTreeSet<Entry>) -> BTreeSet<Entry> {
    let bare = |entry: &Entry| {
        let (kind, name, language, address, size, _) = entry.clone();
        (kind, name, language, address, size, String::new())
    };
    tree.iter().map(bare).collect()
}

/// The resource tree as `object` reads it.
fn tree(image: &[u8]) -> Result<BTreeSet<Entry>> {
    let file = PeFile64::parse(image)?;
    let directories = file.data_directories();
    let resources = directories.resource_directory(image, &file.section_table())?;
    let Some(resources) = resources else {
        return fail("there are no resources");
    };
    let name = |name: ResourceNameOrId| -> Result<String> {
        Ok(match name {
            ResourceNameOrId::Name(name) => name.to_string_lossy(resources)?,
            ResourceNameOrId::Id(id) => id.to_string(),
        })
    };
    let mut found = BTreeSet::new();
    for kind in resources.root()?.entries {
        let ResourceDirectoryEntryData::Table(names) = kind.data(resources)? else {
            return fail("a kind without a table");
        };
        for entry in names.entries {
            let ResourceDirectoryEntryData::Table(languages) = entry.data(resources)? else {
                return fail("a name without a table");
            };
            for language in languages.entries {
                let ResourceDirectoryEntryData::Data(data) = language.data(resources)? else {
                    return fail("a language without data");
                };
                found.insert((
                    name(kind.name_or_id())?,
                    name(entry.name_or_id())?,
                    u32::from(language.name_or_id().id().unwrap_or(0)),
                    data.offset_to_data.get(LE),
                    data.size.get(LE),
                    String::new(),
                ));
            }
        }
    }
    Ok(found)
}

/// `UpdateResource`, which resource editors use, writes all resources anew: the blob is somewhere
/// else then, and still found.
fn editor() -> Result {
    let directory = tools::scratch()?;
    program(directory.path())?;
    let before = seen(directory.path())?;
    std::fs::copy(
        directory.path().join("app.exe"),
        directory.path().join("editor.exe"),
    )?;
    let editor = Run::new(directory.path().join("editor.exe")).directory(directory.path());
    editor
        .arguments(["edit", "app.exe"])
        .outcome()?
        .prints("")?;
    let after = seen(directory.path())?;
    check(after.same, || "the blob changed".to_owned())?;
    let content = |tree: &BTreeSet<Entry>| -> BTreeSet<(String, String, String)> {
        let bare = |entry: &Entry| (entry.0.clone(), entry.1.clone(), entry.5.clone());
        tree.iter().map(bare).collect()
    };
    let (before, after) = (content(&before.tree), content(&after.tree));
    let new: Vec<_> = after.difference(&before).collect();
    check(
        after.is_superset(&before) && new.len() == 1 && new[0].1 == "ANOTHER",
        || format!("before {before:?}\nafter {after:?}"),
    )?;
    let app = directory.path().join("app.exe");
    extract(&app, &directory.path().join("again"))?;
    let read = |name: &str| std::fs::read(directory.path().join(name));
    check(read("again")? == read("blob")?, || {
        "extract gives another blob".to_owned()
    })?;
    for (word, status, expected) in [
        ("verify", Some(3), "another tool rewrote the file"),
        ("remove", Some(1), "altered after injection"),
    ] {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        let done = command.arg(word).arg(&app).output()?;
        let told = String::from_utf8_lossy(&done.stderr);
        check(
            done.status.code() == status && told.contains(expected),
            || format!("{word}: {}\n{told}", done.status),
        )?;
    }
    Ok(())
}
