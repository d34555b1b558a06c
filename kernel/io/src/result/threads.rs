//! Threads that compress while the next frames are computed; what waits for them is bounded.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use signal::SourceError;

use crate::result::core::{Begun, Core};
use crate::storage::lock::lock;

/// Chunks that wait, for each thread.
const WAITING: usize = 2;

pub struct Compressors {
    sender: Option<SyncSender<(usize, Begun)>>,
    threads: Vec<JoinHandle<()>>,
    failed: Arc<Mutex<Option<SourceError>>>,
}

impl Compressors {
    /// `None` for no threads, also when the system gives none: then the caller compresses.
    pub fn start(count: usize, core: &Arc<Core>) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let (sender, receiver) = sync_channel(WAITING * count);
        let receiver = Arc::new(Mutex::new(receiver));
        let failed = Arc::new(Mutex::new(None));
        let threads: Vec<JoinHandle<()>> = (0..count)
            .filter_map(|number| {
                let (core, receiver, failed) = (core.clone(), receiver.clone(), failed.clone());
                std::thread::Builder::new()
                    .name(format!("compress-{number}"))
                    .spawn(move || work(&core, &receiver, &failed))
                    .ok()
            })
            .collect();
        (!threads.is_empty()).then_some(Compressors {
            sender: Some(sender),
            threads,
            failed,
        })
    }

    /// The first error of any thread.
    pub fn check(&self) -> Result<(), SourceError> {
        match &*lock(&self.failed) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Hands over a complete chunk; waits while too many wait.
    pub fn send(&self, chunk: usize, begun: Begun) -> Result<(), SourceError> {
        let sent = self
            .sender
            .as_ref()
            .map(|sender| sender.send((chunk, begun)));
        match sent {
            Some(Ok(())) => self.check(),
            _ => self.check().and(Err(lost())),
        }
    }

    /// Waits until everything handed over is stored.
    pub fn finish(mut self) -> Result<(), SourceError> {
        let panicked = self.join();
        self.check()?;
        if panicked { Err(lost()) } else { Ok(()) }
    }

    fn join(&mut self) -> bool {
        drop(self.sender.take());
        let ends: Vec<bool> = (self.threads.drain(..))
            .map(|thread| thread.join().is_err())
            .collect();
        ends.contains(&true)
    }
}

impl Drop for Compressors {
    fn drop(&mut self) {
        self.join();
    }
}

fn lost() -> SourceError {
    SourceError::Invalid {
        what: "a thread that compresses has failed".into(),
        remedy: "this is a fault of the program: please report it".into(),
    }
}

fn work(
    core: &Core,
    receiver: &Mutex<Receiver<(usize, Begun)>>,
    failed: &Mutex<Option<SourceError>>,
) {
    loop {
        let Ok((chunk, begun)) = lock(receiver).recv() else {
            return;
        };
        // After an error the rest is taken and dropped, so that nobody waits for room.
        if lock(failed).is_some() {
            continue;
        }
        if let Err(error) = core.store(chunk, &begun) {
            lock(failed).get_or_insert(error);
        }
    }
}
