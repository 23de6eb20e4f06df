//! What the system's functions say about a virtual file.

use oxidize_format::Node;

use super::Handle;
use super::system::{
    ATTRIBUTE_ARCHIVE, ATTRIBUTE_DIRECTORY, AttributeData, ByHandle, ERROR_FILE_CORRUPT, FileTime,
};

/// Modification time of every virtual file: the first moment of the year 2000, UTC, in units of 100
/// ns since 1601.
pub(super) const MODIFIED: u64 = 125_911_584_000_000_000;
/// Serial number of the volume that virtual files are on.
pub(super) const VOLUME: u32 = 0x6f78_6964;

pub(super) fn attributes(node: Node<'_>) -> u32 {
    if node.is_dir() {
        ATTRIBUTE_DIRECTORY
    } else {
        ATTRIBUTE_ARCHIVE
    }
}

/// The number by which the volume knows a file: counted from 1, as 0 means none.
pub(super) fn number(node: Node<'_>) -> u64 {
    u64::from(node.index()) + 1
}

pub(super) fn size(node: Node<'_>) -> Result<u64, u32> {
    if node.is_dir() {
        return Ok(0);
    }
    node.len().map_err(|_| ERROR_FILE_CORRUPT)
}

pub(super) fn attribute_data(node: Node<'_>) -> Result<AttributeData, u32> {
    let size = size(node)?;
    let time = FileTime::new(MODIFIED);
    Ok(AttributeData {
        attributes: attributes(node),
        created: time,
        accessed: time,
        written: time,
        size_high: (size >> 32) as u32,
        size_low: size as u32,
    })
}

pub(super) fn by_handle(node: Node<'_>) -> Result<ByHandle, u32> {
    let data = attribute_data(node)?;
    let number = number(node);
    Ok(ByHandle {
        attributes: data.attributes,
        created: data.created,
        accessed: data.accessed,
        written: data.written,
        volume: VOLUME,
        size_high: data.size_high,
        size_low: data.size_low,
        links: 1,
        index_high: (number >> 32) as u32,
        index_low: number as u32,
    })
}

/// What `GetFileInformationByHandleEx` says, by class, as bytes; `None` for a class that is not
/// answered.
pub(super) fn by_class(node: Node<'_>, class: i32) -> Result<Option<Vec<u8>>, u32> {
    let size = size(node)?;
    let mut bytes = Vec::new();
    match class {
        // FileBasicInfo: four times, attributes
        0 => {
            for _ in 0..4 {
                bytes.extend(MODIFIED.to_le_bytes());
            }
            bytes.extend(u64::from(attributes(node)).to_le_bytes());
        }
        // FileStandardInfo: size on disk, size, links, to be deleted, directory
        1 => {
            bytes.extend(size.next_multiple_of(4096).to_le_bytes());
            bytes.extend(size.to_le_bytes());
            bytes.extend(1u32.to_le_bytes());
            bytes.extend([0, node.is_dir().into(), 0, 0]);
        }
        // FileAttributeTagInfo: attributes, reparse tag
        9 => bytes.extend(u64::from(attributes(node)).to_le_bytes()),
        // FileIdInfo: volume, 128 bits of number
        18 => {
            bytes.extend(u64::from(VOLUME).to_le_bytes());
            bytes.extend(u128::from(number(node)).to_le_bytes());
        }
        _ => return Ok(None),
    }
    Ok(Some(bytes))
}

/// `FILE_STAT_BASIC_INFORMATION` (winternl.h): what `GetFileInformationByName` says.
pub(super) fn by_name(node: Node<'_>) -> Result<Vec<u8>, u32> {
    /// `FILE_DEVICE_DISK`
    const DISK: u32 = 7;
    let size = size(node)?;
    let mut bytes = Vec::new();
    bytes.extend(number(node).to_le_bytes());
    for _ in 0..4 {
        bytes.extend(MODIFIED.to_le_bytes());
    }
    bytes.extend(size.next_multiple_of(4096).to_le_bytes());
    bytes.extend(size.to_le_bytes());
    // Attributes, reparse tag, links, kind and properties of the device, nothing.
    for word in [attributes(node), 0, 1, DISK, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(u64::from(VOLUME).to_le_bytes());
    bytes.extend(u128::from(number(node)).to_le_bytes());
    Ok(bytes)
}

/// A handle of no object: the kernel's have 32 bits.
const MARK: usize = 0x6f78_0000_0000;

/// A handle to ask a node by.
pub(super) fn number_handle(node: Node<'_>) -> Handle {
    std::ptr::without_provenance_mut(MARK | node.index() as usize)
}

/// The index of the node that such a handle means.
pub(super) fn index_of(handle: Handle) -> Option<u32> {
    let address = handle.addr();
    (address >> 32 == MARK >> 32).then_some(address as u32)
}
