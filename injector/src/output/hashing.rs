//! The blob's digest, computed beside the writing: threads read finished chunks back from the page cache.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use oxidize_format::digest::{self, CHUNK};

use crate::mmap::Map;

type Hashes = Vec<(u64, [u8; 32])>;

/// Hashing threads for one blob.
pub(super) struct Hashing {
    len: u64,
    /// Chunks handed out so far.
    next: Mutex<u64>,
    chunks: Option<Sender<u64>>,
    threads: Vec<JoinHandle<io::Result<Hashes>>>,
}

impl Hashing {
    /// Starts threads for a blob of `len` bytes at `offset` in `file`.
    pub(super) fn start(file: &File, offset: u64, len: u64) -> io::Result<Hashing> {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let chunks = len.div_ceil(CHUNK as u64);
        let wanted = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(8);
        let wanted = wanted.min(usize::try_from(chunks / 4 + 1).unwrap_or(usize::MAX));
        let mut threads = Vec::new();
        for _ in 0..wanted {
            let (file, receiver) = (file.try_clone()?, Arc::clone(&receiver));
            threads.push(thread::spawn(move || hash(&file, offset, len, &receiver)));
        }
        Ok(Hashing {
            len,
            next: Mutex::new(0),
            chunks: Some(sender),
            threads,
        })
    }

    /// The first `count` bytes of the blob are in the file.
    pub(super) fn written(&self, count: u64) {
        let ready = if count >= self.len {
            count.div_ceil(CHUNK as u64)
        } else {
            count / CHUNK as u64
        };
        let mut next = self
            .next
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for index in *next..ready {
            // A thread that is gone has failed; `finish` tells.
            let _ = self.chunks.as_ref().map(|chunks| chunks.send(index));
        }
        *next = ready.max(*next);
    }

    /// The digest, once everything is written.
    pub(super) fn finish(mut self) -> io::Result<[u8; 32]> {
        drop(self.chunks.take());
        let mut hashes = Hashes::new();
        for thread in self.threads.drain(..) {
            hashes.extend(
                thread
                    .join()
                    .map_err(|_| io::Error::other("a hashing thread panicked"))??,
            );
        }
        hashes.sort_unstable_by_key(|(index, _)| *index);
        if hashes.len() as u64 != self.len.div_ceil(CHUNK as u64) {
            return Err(io::Error::other("part of the output was not hashed"));
        }
        Ok(digest::combine(hashes.iter().map(|(_, hash)| hash)))
    }
}

fn hash(file: &File, offset: u64, len: u64, chunks: &Mutex<Receiver<u64>>) -> io::Result<Hashes> {
    let mut hashes = Hashes::new();
    loop {
        let index = chunks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .recv();
        let Ok(index) = index else { return Ok(hashes) };
        let start = index * CHUNK as u64;
        let size = usize::try_from(len - start).unwrap_or(CHUNK).min(CHUNK);
        // Mapped and not read: the bytes are in the page cache, and copying them would cost as much as hashing them.
        let chunk = Map::range(file, offset + start, size)?;
        hashes.push((index, digest::chunk(index, &chunk)));
    }
}
