//! A packaged application, opened for reading.

use std::path::{Path, PathBuf};

use oxidize_format::{Blob, Data, Target};

use super::failure::Failure;
use oxidize_inject::internal::container::{self, Slot};
use oxidize_inject::internal::mmap::Map;
use oxidize_inject::internal::output;
use oxidize_inject::internal::snapshot::Report;

/// The file and where its blob is.
pub(super) struct App {
    path: PathBuf,
    image: Map,
    /// One for each program in the file, which only universal ones have several of.
    slots: Vec<Slot>,
}

impl App {
    /// Opens it. Files that have nothing to do with us are told from those that are broken.
    pub(super) fn open(path: &Path) -> Result<App, Failure> {
        App::open_or_judge(path)?
    }

    /// [`open`](App::open), where what is ours and broken is an answer and no failure.
    pub(super) fn open_or_judge(path: &Path) -> Result<Result<App, Failure>, Failure> {
        let name = path.display();
        let unreadable =
            |error: std::io::Error| Failure::because(format!("cannot read `{name}`"), &error);
        let image = Map::open(path).map_err(unreadable)?;
        let slots = match container::slots(&image) {
            Ok(slots) => slots,
            Err(error) => {
                let damage = Failure::because(format!("`{name}` is damaged"), &error);
                return Ok(Err(damage));
            }
        };
        if slots.is_empty() {
            return Err(
                Failure::new(format!("`{name}` was not made by oxidize-inject")).hint(Some(
                    "give an application that `oxidize-inject APP --resources DIR` has written",
                )),
            );
        }
        Ok(Ok(App {
            path: path.to_owned(),
            image,
            slots,
        }))
    }

    /// [`open_or_judge`](App::open_or_judge) for a file that may be somebody else's.
    pub(super) fn open_if_ours(path: &Path) -> Result<Option<Result<App, Failure>>, Failure> {
        let name = path.display();
        let unreadable =
            |error: std::io::Error| Failure::because(format!("cannot read `{name}`"), &error);
        let image = Map::open(path).map_err(unreadable)?;
        let is_strange = container::slots(&image).is_ok_and(|slots| slots.is_empty());
        if is_strange {
            return Ok(None);
        }
        App::open_or_judge(path).map(Some)
    }

    /// Where a file is that lies beside the program.
    pub(super) fn beside(&self, data: &Data<'_>) -> Option<PathBuf> {
        let relative = data.relative_path()?;
        // A program that is started by a link looks beside the file itself.
        let program = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        Some(output::directory_of(&program).join(relative))
    }

    pub(super) fn image(&self) -> &[u8] {
        &self.image
    }

    /// The slot, in a universal file that of its first program.
    pub(super) fn slot(&self) -> &Slot {
        &self.slots[0]
    }

    /// What it is for.
    pub(super) fn target(&self) -> Option<Target> {
        container::target(&self.image)
    }

    /// The blob's bytes.
    pub(super) fn blob_bytes(&self) -> Result<&[u8], Failure> {
        self.bytes_of(self.slot())
    }

    /// Fails for a stub, into which nothing has been injected.
    pub(super) fn check_filled(&self) -> Result<(), Failure> {
        self.slots
            .iter()
            .try_for_each(|slot| self.bytes_of(slot).map(drop))
    }

    fn bytes_of(&self, slot: &Slot) -> Result<&[u8], Failure> {
        let empty = || {
            Failure::new(format!(
                "`{}` is a stub: nothing has been injected into it",
                self.path.display()
            ))
        };
        let range = slot.blob.clone().ok_or_else(empty)?;
        // The range was found inside the mapped file.
        let index = |at: u64| usize::try_from(at).expect("an offset within a slice");
        Ok(&self.image[index(range.start)..index(range.end)])
    }

    /// The blob, in a universal file that of its first program.
    pub(super) fn blob(&self) -> Result<Blob<'_>, Failure> {
        self.open_blob(self.slot())
    }

    /// The blobs of all programs in the file.
    pub(super) fn blobs(&self) -> Result<Vec<Blob<'_>>, Failure> {
        self.slots.iter().map(|slot| self.open_blob(slot)).collect()
    }

    /// What is done with it then reads all of its names, so these are in proportion to the file.
    fn open_blob(&self, slot: &Slot) -> Result<Blob<'_>, Failure> {
        let blob = Blob::open(self.bytes_of(slot)?);
        let blob = blob.and_then(|blob| blob.check_proportion().map(|()| blob));
        blob.map_err(|error| self.damaged(&error))
    }

    /// The start snapshot's size, and what it says about itself.
    pub(super) fn snapshot(&self) -> Result<Option<(u64, Report)>, Failure> {
        let damaged =
            |error| Failure::because(format!("`{}` is damaged", self.path.display()), &error);
        let snapshot = container::elf::snapshot::snapshot(&self.image).map_err(damaged)?;
        Ok(snapshot.map(|snapshot| {
            let report = Report::parse(&self.image[snapshot.report]);
            (snapshot.size, report)
        }))
    }

    /// Checks program and resources, apart from files beside it: whether another tool rewrote the
    /// file. `image` is the application, perhaps with another signature.
    ///
    /// # Errors
    /// It is damaged.
    pub(super) fn check(&self, image: &[u8]) -> Result<bool, Failure> {
        let verified = container::verify(image).map_err(|error| self.damaged(&error))?;
        for blob in &self.blobs()? {
            blob.validate().map_err(|error| self.damaged(&error))?;
            blob.verify_digest().map_err(|error| self.damaged(&error))?;
            blob.verify_data().map_err(|error| self.damaged(&error))?;
        }
        Ok(verified.altered)
    }

    /// What is inside cannot be read.
    pub(super) fn damaged(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        Failure::because(format!("`{}` is damaged", self.path.display()), error)
    }
}
