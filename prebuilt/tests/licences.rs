//! The licence texts that a stub's build script takes from the tree are those of the crates in
//! `Cargo.lock`.

use oxidize_prebuilt::crates::Kept;
use oxidize_prebuilt::wheels;

#[test]
fn the_texts_in_the_tree_are_those_of_the_locked_crates() -> anyhow::Result<()> {
    let repository = oxidize_prebuilt::repository()?;
    let targets = wheels::targets(&repository.join("prebuilt"))?;
    let wanted = Kept::wanted(&repository, &targets)?;
    let differing = wanted.differences(&Kept::found(&repository)?);
    assert!(
        differing.is_empty(),
        "{}\n  hint: oxidize-prebuilt licences",
        differing.join(", ")
    );
    Ok(())
}

#[test]
fn a_stale_text_and_one_too_many_are_found() -> anyhow::Result<()> {
    let repository = oxidize_prebuilt::repository()?;
    let kept = Kept::found(&repository)?;
    let copy = tempfile::tempdir()?;
    kept.write(copy.path())?;
    assert_eq!(Kept::found(copy.path())?, kept);
    let folder = copy.path().join("stubs/licences/crates");
    std::fs::write(folder.join("gone-1.0.0.txt"), "SPDX: MIT\n")?;
    let changed = std::fs::read_dir(&folder)?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("libc-"));
    std::fs::write(changed.expect("the stub links libc").path(), "SPDX: MIT\n")?;
    let differing = kept.differences(&Kept::found(copy.path())?);
    assert_eq!(differing.len(), 2, "{differing:?}");
    assert!(differing.contains(&"crates/gone-1.0.0.txt".to_owned()));
    Ok(())
}
