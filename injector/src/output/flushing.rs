//! Writing back early: the final sync waits for whatever the disk does not have yet, so a large output is synced as it grows.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

/// Bytes between two syncs. Outputs below this are synced once, at the end.
const STEP: u64 = 64 << 20;

/// A thread that syncs what has been written so far.
pub(super) struct Flushing {
    next: u64,
    requests: Option<Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Flushing {
    /// Starts nothing yet.
    pub(super) fn new() -> Flushing {
        Flushing {
            next: STEP,
            requests: None,
            thread: None,
        }
    }

    /// So many bytes are in the file.
    pub(super) fn written(&mut self, file: &File, count: u64) -> io::Result<()> {
        if count < self.next {
            return Ok(());
        }
        self.next = count + STEP;
        if self.requests.is_none() {
            let (sender, receiver) = channel::<()>();
            let file = file.try_clone()?;
            self.requests = Some(sender);
            self.thread = Some(thread::spawn(move || {
                while receiver.recv().is_ok() {
                    // One sync answers all requests that have piled up.
                    while receiver.try_recv().is_ok() {}
                    file.sync_data()?;
                }
                Ok(())
            }));
        }
        // A thread that is gone has failed; `finish` tells.
        let _ = self.requests.as_ref().map(|requests| requests.send(()));
        Ok(())
    }

    /// Waits for the thread. A failed write that it has seen would not be reported to a later sync.
    pub(super) fn finish(mut self) -> io::Result<()> {
        drop(self.requests.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the flushing thread panicked")),
            None => Ok(()),
        }
    }
}
