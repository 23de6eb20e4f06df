//! What `stat` says about a virtual file.
//!
//! Descriptors are recognised by the time stamp that [`super::memory`] gives its files:
//! [`MODIFIED`] with the node's index as nanoseconds. That needs no table, so it works after
//! `fork`, in signal handlers and for inherited descriptors.

use std::ffi::c_int;

use oxidize_format::Node;

use super::BLOB;

/// Modification time of every virtual file: the first moment of the year 2000, UTC. A constant,
/// because the same input gives the same bytes, and late enough that zip archives can hold it in
/// every time zone.
pub(super) const MODIFIED: i64 = 946_684_800;
/// Nanoseconds that carry a node's index are fewer.
pub(super) const INDICES: u32 = 1_000_000_000;
/// Device number: none that Linux gives to a device.
const DEVICE: (u32, u32) = (0x6f78, 0x6964);
pub(super) const BLOCK: u64 = 4096;

/// Modes of an installation on a read-only file system: a copy of such a tree can be written to.
pub(super) fn mode(node: Node<'_>) -> libc::mode_t {
    if node.is_dir() {
        libc::S_IFDIR | 0o755
    } else if node.is_executable() {
        libc::S_IFREG | 0o755
    } else {
        libc::S_IFREG | 0o644
    }
}

/// Inode number: counted from 1, as 0 means none.
pub(super) fn inode(node: Node<'_>) -> u64 {
    u64::from(node.index()) + 1
}

fn size(node: Node<'_>) -> Result<u64, c_int> {
    if node.is_dir() {
        return Ok(0);
    }
    node.len().map_err(|_| libc::EIO)
}

/// `struct stat` of a node.
pub(super) fn stat(node: Node<'_>) -> Result<libc::stat, c_int> {
    let size = size(node)?;
    // SAFETY: a structure of numbers.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    stat.st_dev = libc::makedev(DEVICE.0, DEVICE.1);
    stat.st_ino = inode(node);
    stat.st_mode = mode(node);
    stat.st_nlink = if node.is_dir() { 2 } else { 1 };
    // SAFETY: system calls that cannot fail.
    (stat.st_uid, stat.st_gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    stat.st_size = size.cast_signed();
    stat.st_blksize = BLOCK as _;
    stat.st_blocks = size.div_ceil(512).cast_signed();
    stat.st_atime = MODIFIED;
    stat.st_mtime = MODIFIED;
    stat.st_ctime = MODIFIED;
    Ok(stat)
}

/// `struct statx` of a node, as far as `mask` goes: all of it, which the call permits.
pub(super) fn statx(node: Node<'_>) -> Result<libc::statx, c_int> {
    let plain = stat(node)?;
    // SAFETY: a structure of numbers.
    let mut statx: libc::statx = unsafe { std::mem::zeroed() };
    statx.stx_mask = libc::STATX_BASIC_STATS;
    statx.stx_blksize = BLOCK as u32;
    statx.stx_nlink = plain.st_nlink as u32;
    statx.stx_uid = plain.st_uid;
    statx.stx_gid = plain.st_gid;
    statx.stx_mode = plain.st_mode as u16;
    statx.stx_ino = plain.st_ino;
    statx.stx_size = plain.st_size.cast_unsigned();
    statx.stx_blocks = plain.st_blocks.cast_unsigned();
    statx.stx_atime.tv_sec = MODIFIED;
    statx.stx_mtime.tv_sec = MODIFIED;
    statx.stx_ctime.tv_sec = MODIFIED;
    (statx.stx_dev_major, statx.stx_dev_minor) = DEVICE;
    Ok(statx)
}

/// The node that a file of [`super::memory`] stands for.
pub(super) fn identify(
    links: u64,
    mode: u32,
    seconds: i64,
    nanoseconds: u64,
    length: u64,
) -> Option<Node<'static>> {
    if links != 0 || seconds != MODIFIED || mode & libc::S_IFMT != libc::S_IFREG {
        return None;
    }
    let node = BLOB
        .get()?
        .tree()
        .get(u32::try_from(nanoseconds).ok()?)
        .ok()?;
    (size(node) == Ok(length)).then_some(node)
}

/// [`identify`] for what the system said.
#[allow(clippy::useless_conversion)] // the types differ from one processor to another
pub(super) fn of_stat(stat: &libc::stat) -> Option<Node<'static>> {
    identify(
        stat.st_nlink.into(),
        stat.st_mode,
        stat.st_mtime,
        stat.st_mtime_nsec.cast_unsigned(),
        stat.st_size.cast_unsigned(),
    )
}
