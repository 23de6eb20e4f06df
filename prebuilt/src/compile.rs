//! Compiling many C files, as many at a time as there are processors.

use crate::recipe::Target;
use crate::zig::Zig;
use anyhow::{Result, anyhow, bail};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One C or assembler file.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// Relative to the folder the compiler runs in, so that `__FILE__` is the same everywhere.
    pub source: String,
    /// Where the object goes.
    pub object: PathBuf,
    /// Flags, macros and include folders of this file.
    pub arguments: Vec<String>,
}

/// Compiles `units` in `folder`. The first failure stops the rest and is reported with the
/// compiler's words.
pub(crate) fn compile(
    zig: &Zig,
    target: &Target,
    map: &Path,
    folder: &Path,
    what: &str,
    units: &[Unit],
    jobs: usize,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<anyhow::Error>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = one(zig, target, map, folder, unit) {
                        next.store(units.len(), Ordering::Relaxed);
                        failure
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .get_or_insert(error);
                    }
                }
            });
        }
    });
    match failure
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        Some(error) => Err(error),
        None => {
            eprintln!("   compiled {what}: {} files", units.len());
            Ok(())
        }
    }
}

fn one(zig: &Zig, target: &Target, map: &Path, folder: &Path, unit: &Unit) -> Result<()> {
    if let Some(parent) = unit.object.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut command = zig.cc(target, map);
    command
        .args(&unit.arguments)
        .arg("-c")
        .arg(&unit.source)
        .arg("-o")
        .arg(&unit.object)
        .current_dir(folder);
    let output = command
        .output()
        .map_err(|e| anyhow!("cannot run zig cc: {e}"))?;
    if !output.status.success() {
        // zig leaves an empty object behind, which a later look would take for a finished one.
        let _ = std::fs::remove_file(&unit.object);
        bail!(
            "{} does not compile\n{}\n  command: {command:?}",
            unit.source,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// `dir/file.c` to `dir-file.o`: members of a static library are told apart by their file name
/// alone.
pub(crate) fn object_name(source: &str) -> String {
    let stem = source.rsplit_once('.').map_or(source, |(stem, _)| stem);
    let stem = stem.trim_start_matches("../").trim_start_matches('/');
    format!("{}.o", stem.replace('/', "-"))
}

/// Macros as compiler arguments.
pub(crate) fn defines(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("-D{name}")).collect()
}
