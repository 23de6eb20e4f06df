//! The slot of a stub, whatever the container around it.

use std::borrow::Cow;
use std::ops::Range;

use oxidize_format::descriptor::{DESCRIPTOR_SIZE, Descriptor};
use oxidize_format::target::Container;

use super::error::ContainerError;
use crate::python::Python;

/// What [`detect`](super::detect) found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The container around it.
    pub container: Container,
    /// Identity of the stub, given when it was built.
    pub stub_id: [u8; 16],
    /// Version of the agreement between stub and blob.
    pub abi: u32,
    /// The CPython in the stub.
    pub python: Python,
    /// Flags of the descriptor.
    pub flags: u32,
    /// File offset of the descriptor.
    pub descriptor: u64,
    /// Where the blob lies in the file; `None` while the slot is empty.
    pub blob: Option<Range<u64>>,
}

impl Slot {
    /// The slot whose descriptor lies at `at`, without its blob. `bytes` reach that far.
    pub(super) fn read(
        container: Container,
        bytes: &[u8],
        at: usize,
    ) -> Result<(Slot, Descriptor), ContainerError> {
        let raw = &bytes[at..at + DESCRIPTOR_SIZE];
        let descriptor = Descriptor::read(raw).map_err(|source| ContainerError::Descriptor {
            offset: at as u64,
            source,
        })?;
        let slot = Slot {
            container,
            stub_id: descriptor.stub_id,
            abi: descriptor.stub_abi,
            python: Python::of(descriptor.py_version_hex, descriptor.bytecode_magic),
            flags: descriptor.flags,
            descriptor: at as u64,
            blob: None,
        };
        Ok((slot, descriptor))
    }
}

/// The stub to put a blob of `blob_len` bytes in: the file, or what it was before something was put
/// in. Injection always starts from the bare stub, so injecting twice and injecting once give the
/// same bytes.
pub(super) fn bare(
    file: &[u8],
    blob_len: u64,
    detect: fn(&[u8]) -> Result<Option<Slot>, ContainerError>,
    remove: fn(&[u8]) -> Result<Vec<u8>, ContainerError>,
) -> Result<Cow<'_, [u8]>, ContainerError> {
    let slot = detect(file)?.ok_or(ContainerError::NoSlot)?;
    if blob_len == 0 {
        return Err(ContainerError::TooLarge(
            "an empty blob cannot be told from an empty slot",
        ));
    }
    if slot.blob.is_none() {
        return Ok(Cow::Borrowed(file));
    }
    let stub = remove(file)?;
    match detect(&stub)? {
        Some(Slot { blob: None, .. }) => Ok(Cow::Owned(stub)),
        Some(_) => Err(ContainerError::Altered),
        None => Err(ContainerError::NoSlot),
    }
}
