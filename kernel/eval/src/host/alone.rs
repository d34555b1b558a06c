//! One cell on a thread of its own, without evcxr.

#![allow(unsafe_code)] // calls into a loaded cell

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use super::load::{Link, STACK_BYTES, Session, load};
use super::{Shared, lock};
use crate::early::{ENTRY, outcome};
use crate::park::UserThread;

impl Shared {
    /// Runs the library of an early cell to its end, or until its thread is lost; what became of it is in what
    /// `end_cell` gives.
    pub(crate) fn run_alone(self: &Arc<Self>, library: PathBuf, source: String) {
        let (done, ended) = mpsc::channel();
        let shared = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("cells".into())
            .stack_size(STACK_BYTES)
            .spawn(move || shared.alone(&library, source, done));
        if let Err(error) = spawned {
            lock(&self.running).broken = Some(format!("no thread can be started: {error}"));
            return;
        }
        // A thread that ends without a word has ended.
        let _ = ended.recv();
    }

    fn alone(self: &Arc<Self>, library: &Path, source: String, done: Sender<()>) {
        let registered = UserThread::register();
        *lock(&self.session) = Some(Session {
            thread: Arc::clone(registered.thread()),
            link: Link::Kernel(done.clone()),
        });
        match load(self, library, ENTRY, || source) {
            Ok(cell) => {
                // SAFETY: the signature that the draft of the cell gives it.
                let function = unsafe {
                    std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> u32>(cell.function)
                };
                // SAFETY: the function was loaded a moment ago; it catches panics itself.
                let code = cell.run(self, || unsafe { function() });
                self.drain();
                let mut running = lock(&self.running);
                running.failed = code == outcome::FAILED;
                running.panicked = code == outcome::PANICKED;
            }
            Err(reason) => lock(&self.running).broken = Some(reason),
        }
        drop(lock(&self.session).take());
        // The kernel may have stopped waiting.
        let _ = done.send(());
    }
}
