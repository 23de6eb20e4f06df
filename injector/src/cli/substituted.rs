//! Files that a shell makes of a command's output (`--requirements <(command)`): pipes without a
//! name of their own, which can be read once.

use std::fs;
use std::path::PathBuf;

use super::failure::Failure;
use oxidize_inject::internal::regular;
use oxidize_inject::internal::temporary::Scratch;

/// Copies of such files. They are gone when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Substituted {
    scratch: Option<Scratch>,
    count: usize,
}

impl Substituted {
    /// Puts a copy in the place of each path that is such a pipe.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is longer than a text may be.
    pub(super) fn replace(&mut self, paths: &mut [PathBuf]) -> Result<(), Failure> {
        for path in paths
            .iter_mut()
            .filter(|path| regular::is_substituted(path))
        {
            let cannot = |error: std::io::Error| {
                Failure::because(format!("cannot read `{}`", path.display()), &error)
            };
            let bytes = regular::read_any(path, regular::MOST_TEXT).map_err(cannot)?;
            let scratch = match &mut self.scratch {
                Some(scratch) => scratch,
                none => none.insert(Scratch::new(&std::env::temp_dir()).map_err(cannot)?),
            };
            self.count += 1;
            let copy = scratch.path().join(format!("input-{}.txt", self.count));
            fs::write(&copy, bytes).map_err(cannot)?;
            *path = copy;
        }
        Ok(())
    }
}
