//! A thread of user code that is lost: what is told, what is let go, what goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::load::Link;
use super::{Shared, lock};
use crate::Stream;
use crate::lost_threads::{self, Lost};
use crate::park::{self, Loss};

/// How long flushing what a lost cell printed may take: its thread may hold the lock of the stream.
const FLUSHING: Duration = Duration::from_millis(200);

impl Shared {
    /// Parks the running cell. `false` when it cannot be parked within `limit`, or ended meanwhile.
    pub(crate) fn abandon_cell(self: &Arc<Self>, limit: Duration) -> bool {
        let thread = lock(&self.session)
            .as_ref()
            .map(|session| Arc::clone(&session.thread));
        let parked = thread.is_some_and(|thread| {
            park::park(&thread, limit, || {
                self.is_executing() && self.is_interrupted()
            })
        });
        if parked {
            self.look_for_lost();
        }
        parked
    }

    /// Ends the session of a cell whose thread is lost, so that evcxr begins a new one; tells of lost
    /// threads that cells had started.
    pub(crate) fn look_for_lost(self: &Arc<Self>) {
        if let Some(loss) = park::lost_stranger() {
            let lost = self.describe(loss);
            self.warn(&format!("{}.\n", lost_threads::thread_lost(&lost)));
        }
        if let Some(loss) = self.workers.lost_disposal() {
            let lost = self.describe(loss);
            self.warn(&format!("{}.\n", lost_threads::dropped_lost(&lost)));
        }
        let loss = || lock(&self.session).as_ref()?.thread.loss();
        if let Some(loss) = loss() {
            self.end_session(loss);
        }
    }

    fn end_session(self: &Arc<Self>, loss: Loss) {
        // What it had printed comes before its error.
        self.flush_lost();
        let lost = self.describe(loss);
        // Somebody else may have been quicker.
        let Some(session) = lock(&self.session).take_if(|session| session.thread.is_parked())
        else {
            return;
        };
        self.executing.store(false, Ordering::Relaxed);
        lock(&self.running).lost = Some(lost);
        if let (Link::Evcxr { .. }, Some(capture)) = (&session.link, self.capture.get()) {
            capture.end_session();
        }
        if !loss.inside {
            // Nobody drops the variables of a session that is lost.
            self.release_lost();
            session.close();
            return;
        }
        session.close();
        // The lost thread may hold the very lock this needs.
        let shared = Arc::clone(self);
        let release = move || shared.release_lost();
        if let Err(error) = std::thread::Builder::new()
            .name("release".into())
            .spawn(release)
        {
            tracing::warn!(%error, "signals of lost variables are not released");
        }
    }

    /// Lets the std of cells write what it still buffers.
    fn flush_lost(&self) {
        let flush = lock(&self.flush).take();
        if let Some(flush) = flush
            && self
                .workers
                .run(move || flush(), &mut |time| time < FLUSHING)
                .is_err()
        {
            tracing::warn!("a lost cell holds the lock of its output");
        }
        self.drain();
    }

    /// The loss in words, with what std said last.
    pub(super) fn describe(&self, loss: Loss) -> Lost {
        self.drain();
        let words = lost_threads::last_words(&std::mem::take(&mut *lock(&self.last_words)));
        Lost::new(loss, words.as_deref())
    }

    /// Told in the output of the running cell, or of the last one.
    pub(super) fn warn(&self, text: &str) {
        self.outlet.stream(Stream::Stderr, text);
    }

    /// Parks threads that wait inside `process::exit` because another one called it before them.
    pub(crate) fn stop_second_exits(&self) {
        let cell = lock(&self.session)
            .as_ref()
            .filter(|_| self.is_executing())
            .map(|session| Arc::clone(&session.thread));
        for thread in cell.into_iter().chain(self.workers.busy()) {
            if park::waits_to_exit(&thread) {
                park::stop_exit(&thread);
            }
        }
    }
}
