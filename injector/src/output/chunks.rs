//! The blob on its way to the disk, a chunk at a time and on several threads.
//!
//! The blob's digest is made of the digests of its 1 MiB chunks, and two of these are hashed nearly
//! as fast as one, so that two chunks are the unit of work: a thread gathers their bytes from
//! whatever pieces lie there, hashes them while they are in its cache, and writes them to their
//! place. Memory is a buffer per thread, however large the blob is; and because the blob starts at
//! a multiple of 64 KiB, every write covers whole pages, which a plain copy of an unaligned file
//! does not.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use oxidize_format::digest::{self, CHUNK};
use oxidize_format::{Layout, Payload as _, Piece};

use super::{OutputError, positioned};
use crate::collect::CollectError;
use crate::pack::Payload;
use crate::progress::Progress;
use crate::regular;

/// Bytes a thread takes at a time.
const SHARE: usize = 2 * CHUNK;

/// Shares between two early syncs; see [`sync_early`].
const SYNC_STEP: u64 = 64;

/// Where the blob goes.
pub(super) struct Place<'p> {
    /// The file.
    pub(super) file: &'p File,
    /// Bytes from its start to the blob.
    pub(super) offset: u64,
    /// What errors call the file.
    pub(super) path: &'p Path,
    /// Whether the file will be synced at the end, because it replaces another.
    pub(super) durable: bool,
}

impl Place<'_> {
    fn failed(&self, source: io::Error) -> OutputError {
        OutputError::Write {
            path: self.path.to_owned(),
            source,
        }
    }
}

/// Writes the blob to its place and returns its digest.
pub(super) fn write(
    blob: &Layout<Payload<'_>>,
    place: &Place<'_>,
    progress: &dyn Progress,
) -> Result<[u8; 32], OutputError> {
    let pieces = Pieces::of(blob);
    let work = Work {
        pieces: &pieces,
        shares: blob.len().div_ceil(SHARE as u64),
        next: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        writing: Mutex::new(()),
        results: Mutex::new(Vec::new()),
    };
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    let threads = threads.min(usize::try_from(work.shares).unwrap_or(usize::MAX));
    let (sender, receiver) = channel();
    let outcome = thread::scope(|scope| {
        let syncing = (place.durable && work.shares > SYNC_STEP)
            .then(|| scope.spawn(|| sync_early(place.file, receiver)));
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| work.run(place, progress, sender));
        }
        drop(sender);
        syncing.map_or(Ok(()), |thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
        })
    });
    let mut results = work
        .results
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    let hashes = results
        .into_iter()
        .map(|(_, result)| result)
        .collect::<Result<Vec<_>, OutputError>>()?;
    outcome.map_err(|source| place.failed(source))?;
    if hashes.len() as u64 != work.shares {
        let missing = io::Error::other("part of the output was not written");
        return Err(place.failed(missing));
    }
    Ok(digest::combine(hashes.iter().flatten()))
}

/// The final sync waits for whatever the disk does not have yet; begun early, it runs beside the
/// hashing. It must be told of failures here, because a later sync may not repeat them.
fn sync_early(file: &File, requests: Receiver<()>) -> io::Result<()> {
    while requests.recv().is_ok() {
        // One sync answers all requests that have piled up.
        while requests.try_recv().is_ok() {}
        file.sync_data()?;
    }
    Ok(())
}

/// A share's index and the hashes of its chunks.
type Outcome = (u64, Result<Vec<[u8; 32]>, OutputError>);

struct Work<'b, 'a> {
    pieces: &'b Pieces<'b, 'a>,
    shares: u64,
    next: AtomicU64,
    stop: AtomicBool,
    writing: Mutex<()>,
    results: Mutex<Vec<Outcome>>,
}

impl Work<'_, '_> {
    fn run(&self, place: &Place<'_>, progress: &dyn Progress, sync: Sender<()>) {
        let mut gather = Gather {
            pieces: self.pieces,
            open: None,
            buffer: vec![0; SHARE],
        };
        while !self.stop.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.shares {
                break;
            }
            let start = index * SHARE as u64;
            let result = gather.share(start).and_then(|share| {
                let hashes = digest::chunks(start / CHUNK as u64, share).collect();
                self.write(place, share, start)
                    .map_err(|source| place.failed(source))?;
                progress.advance(share.len() as u64);
                Ok(hashes)
            });
            self.stop.fetch_or(result.is_err(), Ordering::Relaxed);
            self.results
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((index, result));
            if index % SYNC_STEP == SYNC_STEP - 1 {
                // Nobody listens when the blob is small or need not be synced.
                let _ = sync.send(());
            }
        }
    }
}

impl Work<'_, '_> {
    /// One at a time: the kernel allows no more for one file, and makes the others wait by
    /// spinning.
    fn write(&self, place: &Place<'_>, share: &[u8], start: u64) -> io::Result<()> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        positioned::write_all(place.file, share, place.offset + start)
    }
}

/// The blob's pieces with their offsets.
struct Pieces<'b, 'a> {
    starts: Vec<u64>,
    pieces: Vec<Piece<'b, Payload<'a>>>,
    len: u64,
}

impl<'b, 'a> Pieces<'b, 'a> {
    fn of(blob: &'b Layout<Payload<'a>>) -> Pieces<'b, 'a> {
        let (mut starts, mut pieces, mut at) = (Vec::new(), Vec::new(), 0);
        for piece in blob.pieces() {
            starts.push(at);
            at += match piece {
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::Zeros(count) => count,
                Piece::Payload(payload) => payload.len(),
            };
            pieces.push(piece);
        }
        Pieces {
            starts,
            pieces,
            len: at,
        }
    }
}

/// A file that is being copied.
enum Opened<'b> {
    /// It is read a share at a time.
    File(File),
    /// It was held to a digest, which takes all of it.
    Whole(Cow<'b, [u8]>),
}

/// A thread's means to put shares together.
struct Gather<'b, 'a> {
    pieces: &'b Pieces<'b, 'a>,
    /// The file read last, by the index of its piece: a large one lies in many shares.
    open: Option<(usize, Opened<'b>)>,
    buffer: Vec<u8>,
}

impl Gather<'_, '_> {
    /// The share that starts at `start`.
    fn share(&mut self, start: u64) -> Result<&[u8], OutputError> {
        let pieces = self.pieces;
        let size = usize::try_from(pieces.len - start)
            .unwrap_or(SHARE)
            .min(SHARE);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(SHARE, 0);
        // The last piece that starts at or before the share.
        let mut piece = pieces.starts.partition_point(|at| *at <= start) - 1;
        let mut filled = 0;
        while filled < size {
            let at = start + filled as u64;
            let end = pieces.starts.get(piece + 1).copied().unwrap_or(pieces.len);
            let count = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(size - filled);
            let target = &mut buffer[filled..filled + count];
            self.fill(piece, at - pieces.starts[piece], target)?;
            filled += count;
            piece += 1;
        }
        self.buffer = buffer;
        Ok(&self.buffer[..size])
    }

    /// Fills `target` with the bytes of a piece from `offset` on.
    fn fill(&mut self, piece: usize, offset: u64, target: &mut [u8]) -> Result<(), OutputError> {
        let copy = |bytes: &[u8], target: &mut [u8]| {
            // A piece in memory is no longer than memory.
            let start = usize::try_from(offset).expect("an offset within a slice");
            target.copy_from_slice(&bytes[start..start + target.len()]);
        };
        match self.pieces.pieces[piece] {
            Piece::Bytes(bytes) => copy(bytes, target),
            Piece::Zeros(_) => target.fill(0),
            Piece::Payload(Payload::Bytes(bytes)) => copy(bytes, target),
            Piece::Payload(
                payload @ Payload::File {
                    path,
                    stamp,
                    digest,
                    ..
                },
            ) => {
                let unreadable = |source| OutputError::Read {
                    path: path.clone(),
                    source,
                };
                if self.open.as_ref().is_none_or(|(open, _)| *open != piece) {
                    let opened = match digest {
                        None => Opened::File(regular::open(path).map_err(unreadable)?),
                        Some(_) => Opened::Whole(payload.bytes().map_err(|error| match error {
                            CollectError::Io { source, .. } => unreadable(source),
                            _ => OutputError::Changed(path.clone()),
                        })?),
                    };
                    self.open = Some((piece, opened));
                }
                match &self.open.as_ref().expect("just opened").1 {
                    Opened::Whole(bytes) => copy(bytes, target),
                    Opened::File(file) => {
                        let full = positioned::read_full(file, target, offset);
                        // Behind the bytes, so that they are those of then.
                        let found = file.metadata().map_err(unreadable)?;
                        let same = found.len() == payload.len() && stamp.fits(&found);
                        if !(full.map_err(unreadable)? && same) {
                            return Err(OutputError::Changed(path.clone()));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use oxidize_format::{Content, FileEntry, HeaderFields, Writer};

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::progress::Silent;

    /// A blob of small and large pieces, in memory and in files, and the same blob put together the
    /// slow way.
    fn blob(dir: &Path) -> (Layout<Payload<'static>>, Vec<u8>) {
        let fields = HeaderFields {
            py_version_hex: 0,
            bytecode_magic: 0,
            stub_abi: crate::python::STUB_ABI,
            target: String::new(),
            root: "/~oxidize".to_owned(),
        };
        let (mut writer, mut slow) = (Writer::new(fields.clone()), Writer::new(fields));
        for (index, len) in [0, 1, 5000, CHUNK - 1, CHUNK, 3 * CHUNK + 7, 100]
            .into_iter()
            .enumerate()
        {
            let bytes: Vec<u8> = (0..len)
                .map(|at| (at * 31 + at / 977 + index) as u8)
                .collect();
            let path = dir.join(index.to_string());
            fs::write(&path, &bytes).unwrap();
            for (name, payload) in [
                (
                    format!("/~oxidize/m{index}"),
                    Payload::Bytes(bytes.clone().into()),
                ),
                (
                    format!("/~oxidize/f{index}"),
                    Payload::File {
                        path,
                        len: len as u64,
                        stamp: Default::default(),
                        digest: (index % 2 == 0).then(|| Sha256::digest(&bytes).into()),
                    },
                ),
            ] {
                writer
                    .add_file(
                        &name,
                        FileEntry {
                            content: Content::plain(payload),
                            executable: false,
                        },
                    )
                    .unwrap();
                let content = Content::plain(bytes.clone());
                slow.add_file(
                    &name,
                    FileEntry {
                        content,
                        executable: false,
                    },
                )
                .unwrap();
            }
        }
        (writer.layout().unwrap(), slow.layout().unwrap().to_bytes())
    }

    #[test]
    fn what_is_written_is_the_blob_and_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let (layout, mut expected) = blob(dir.path());
        let out = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(dir.path().join("out"));
        let out = out.unwrap();
        let place = Place {
            file: &out,
            offset: 3 << 16,
            path: Path::new("out"),
            durable: true,
        };
        let digest = write(&layout, &place, &Silent).unwrap();
        let at = oxidize_format::DIGEST_OFFSET as usize;
        assert_eq!(digest, expected[at..at + 32]);
        expected[at..at + 32].fill(0);
        let written = fs::read(dir.path().join("out")).unwrap();
        assert_eq!(written.len(), expected.len() + (3 << 16));
        assert!(written[3 << 16..] == expected[..], "the bytes agree");
    }

    #[test]
    fn a_file_that_changed_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (layout, _) = blob(dir.path());
        fs::write(dir.path().join("5"), "short").unwrap();
        let out = fs::File::create(dir.path().join("out")).unwrap();
        let place = Place {
            file: &out,
            offset: 0,
            path: Path::new("out"),
            durable: false,
        };
        let error = write(&layout, &place, &Silent).unwrap_err();
        assert!(matches!(error, OutputError::Changed(path) if path.ends_with("5")));
        fs::remove_file(dir.path().join("5")).unwrap();
        let error = write(&layout, &place, &Silent).unwrap_err();
        assert!(matches!(error, OutputError::Read { path, .. } if path.ends_with("5")));
    }
}
