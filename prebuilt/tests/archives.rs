//! The archives in the tree are the ones the lock names, and the validator is content with them.

use oxidize_prebuilt::lock::Lock;
use oxidize_prebuilt::recipe::Recipes;
use oxidize_prebuilt::{digest, validate};
use std::path::Path;

#[test]
fn lock_and_archives_agree() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("distributions");
    let lock = Lock::read(&folder.join("lock.toml"))?;
    let recipes = Recipes::locked(root)?;
    assert_eq!(lock.cpython, recipes.cpython.python.version);
    for archive in &lock.archive {
        let path = folder.join(&archive.file);
        assert_eq!(path.metadata()?.len(), archive.size, "{}", archive.file);
        assert_eq!(digest::file(&path)?, archive.sha256, "{}", archive.file);
        assert!(
            validate::file(&recipes, &path, None)?,
            "{}: see the complaints above",
            archive.file
        );
    }
    assert_eq!(
        lock.text()?,
        std::fs::read_to_string(folder.join("lock.toml"))?
    );
    Ok(())
}
