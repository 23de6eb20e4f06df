//! A packaged application, opened for reading.

use std::fs::{self, Permissions};
use std::ops::Range;
use std::path::{Path, PathBuf};

use oxidize_format::Blob;

use super::failure::Failure;
use crate::container::{self, Slot};
use crate::mmap::Map;

/// The file and where its blob is.
pub(super) struct App {
    path: PathBuf,
    image: Map,
    permissions: Permissions,
    slot: Slot,
    range: Option<Range<usize>>,
}

impl App {
    /// Opens it. Files that have nothing to do with us are told from those that are broken.
    pub(super) fn open(path: &Path) -> Result<App, Failure> {
        let name = path.display();
        let unreadable =
            |error: std::io::Error| Failure::because(format!("cannot read `{name}`"), &error);
        let permissions = fs::metadata(path).map_err(unreadable)?.permissions();
        let image = Map::open(path).map_err(unreadable)?;
        let slot = container::detect(&image)
            .map_err(|error| Failure::because(format!("`{name}` is damaged"), &error))?
            .ok_or_else(|| {
                Failure::new(format!("`{name}` was not made by oxidize-inject")).hint(Some(
                    "give an application that `oxidize-inject APP --resources DIR` has written",
                ))
            })?;
        let range = slot.blob.clone().map(|blob| {
            // The range was found inside the mapped file.
            let index = |at: u64| usize::try_from(at).expect("an offset within a slice");
            index(blob.start)..index(blob.end)
        });
        Ok(App {
            path: path.to_owned(),
            image,
            permissions,
            slot,
            range,
        })
    }

    pub(super) fn image(&self) -> &[u8] {
        &self.image
    }

    pub(super) fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// The blob's bytes.
    pub(super) fn blob_bytes(&self) -> Result<&[u8], Failure> {
        let empty = || {
            Failure::new(format!(
                "`{}` is a stub: nothing has been injected into it",
                self.path.display()
            ))
        };
        Ok(&self.image[self.range.clone().ok_or_else(empty)?])
    }

    /// The blob.
    pub(super) fn blob(&self) -> Result<Blob<'_>, Failure> {
        Blob::open(self.blob_bytes()?).map_err(|error| self.damaged(&error))
    }

    /// What is inside cannot be read.
    pub(super) fn damaged(&self, error: &dyn std::error::Error) -> Failure {
        Failure::because(format!("`{}` is damaged", self.path.display()), error)
    }
}
