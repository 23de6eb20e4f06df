//! Third stage: the blob is laid out, and the stub's bytes around it are planned.

use std::path::Path;

use oxidize_format::Layout;

use super::PackageError;
use crate::container::InjectOptions;
use crate::pack::Payload;
use crate::progress::Progress;
use crate::stubs::Stub;
use crate::{container, output};

/// A program that can be written, as often as needed: once to be run and looked at, say, and again
/// with what that told. The blob is the same each time; what surrounds it is `injection`.
pub(super) struct Packed<'p> {
    pub(super) stub: &'p Stub,
    pub(super) layout: Layout<Payload<'p>>,
    pub(super) injection: InjectOptions,
}

impl Packed<'_> {
    /// The blob's size.
    pub(super) fn blob_len(&self) -> u64 {
        self.layout.len()
    }

    /// Writes the program beside `output`, whose place it does not take yet.
    ///
    /// # Errors
    /// The stub does not take the blob, or the file cannot be written.
    pub(super) fn write(
        &self,
        output: &Path,
        progress: &dyn Progress,
    ) -> Result<output::Staged, PackageError> {
        let failed = |source| PackageError::Container {
            stub: self.stub.path.clone(),
            source,
        };
        let plan = container::inject_with(&self.stub.image, self.layout.len(), &self.injection);
        let plan = plan.map_err(failed)?;
        Ok(output::stage(output, &plan, &self.layout, progress)?)
    }
}
