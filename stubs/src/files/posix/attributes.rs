//! What `stat` says about a virtual file.
//!
//! Descriptors are recognised by the time stamp that [`super::descriptors`] gives its files:
//! [`MODIFIED`] with the node's number as nanoseconds ([`stamp`]). That needs no table, so it works
//! after `fork`, in signal handlers and for inherited descriptors.

use std::ffi::c_int;

use oxidize_format::Node;

use super::BLOB;

/// Modification time of every virtual file: the first moment of the year 2000, UTC. A constant,
/// because the same input gives the same bytes, and late enough that zip archives can hold it in
/// every time zone.
pub(super) const MODIFIED: i64 = 946_684_800;
/// Nanoseconds are fewer.
const SECOND: u32 = 1_000_000_000;
/// The first node's number. Files in memory have no name; a private file shall not look like one
/// that somebody gave the time [`MODIFIED`].
const FIRST: u32 = if PRIVATE { 1 } else { 0 };
/// Whether descriptors are of unlinked private files and not of files in memory.
pub(super) const PRIVATE: bool = cfg!(any(target_os = "macos", feature = "private-files"));
/// Mode of a private file: no other has it with such a time.
pub(super) const PRIVATE_MODE: libc::mode_t = 0o400;
/// Device number: none that Linux gives to a device.
#[cfg(target_os = "linux")]
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
    #[cfg(target_os = "linux")]
    {
        stat.st_dev = libc::makedev(DEVICE.0, DEVICE.1);
    }
    #[cfg(target_os = "macos")]
    {
        // None that macOS gives to a file system: there, the numbers are small.
        stat.st_dev = 0x6f78_6964;
        stat.st_birthtime = MODIFIED;
    }
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

/// Modification time of the file that stands for a node.
pub(super) fn stamp(node: Node<'_>) -> libc::timespec {
    let number = node.index().saturating_add(FIRST);
    // Of more nodes than that, the last are not recognised.
    let number = if number < SECOND { number } else { 0 };
    libc::timespec {
        tv_sec: MODIFIED,
        tv_nsec: number.into(),
    }
}

/// `struct statx` of a node, as far as `mask` goes: all of it, which the call permits.
#[cfg(target_os = "linux")]
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

/// The node that a file of [`super::descriptors`] stands for.
pub(super) fn identify(
    links: u64,
    mode: u32,
    seconds: i64,
    nanoseconds: u64,
    length: u64,
) -> Option<Node<'static>> {
    if seconds != MODIFIED || !is_nameless(links, mode) {
        return None;
    }
    let index = u32::try_from(nanoseconds).ok()?.checked_sub(FIRST)?;
    let node = BLOB.get()?.tree().get(index).ok()?;
    (size(node) == Ok(length)).then_some(node)
}

/// Whether a file is of the kind that a descriptor of ours is of.
fn is_nameless(links: u64, mode: u32) -> bool {
    let (regular, private) = (libc::S_IFREG, libc::S_IFREG | PRIVATE_MODE);
    #[allow(clippy::useless_conversion)] // the types differ from one system to another
    let (kind, regular, private) = (
        u32::from(libc::S_IFMT),
        u32::from(regular),
        u32::from(private),
    );
    if PRIVATE {
        // What is said about the links of an unlinked file depends on the file system.
        links <= 1 && mode == private
    } else {
        links == 0 && mode & kind == regular
    }
}

/// [`identify`] for what the system said.
#[allow(clippy::useless_conversion)] // the types differ from one processor to another
pub(super) fn of_stat(stat: &libc::stat) -> Option<Node<'static>> {
    identify(
        stat.st_nlink.into(),
        stat.st_mode.into(),
        stat.st_mtime,
        stat.st_mtime_nsec.cast_unsigned(),
        stat.st_size.cast_unsigned(),
    )
}
