//! Interrupting a cell, a compiler or a closure, and noticing what is lost.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Evaluator, lock};
use crate::host::Shared;
use crate::{Compiler, Stream, park};

/// How often waiting looks again.
const TICK: Duration = Duration::from_millis(5);
/// The same, when an interrupt has been waiting for a while.
const SLOW_TICK: Duration = Duration::from_millis(50);
/// How long an interrupt goes on stopping compilers that evcxr starts one after another.
const COMPILERS_STOPPED_FOR: Duration = Duration::from_secs(5);
/// How long user code may take to answer an interrupt; a second interrupt ends it.
const GRACE: Duration = Duration::from_millis(500);
/// How long a cell is probed for a place where it can be parked.
const PARKING: Duration = Duration::from_secs(2);

impl Evaluator {
    /// Asks the running cell and running closures to stop; harmless when nothing runs.
    ///
    /// Calls of SignalTree end with an error, and the compiler is stopped if the cell still waits for it.
    /// Code that neither calls SignalTree nor looks at `interrupted()` is abandoned after half a second, or
    /// at a second interrupt: then variables of compiled cells are lost, or the frame of a closure.
    pub fn interrupt(self: &Arc<Self>) {
        let number = self.shared.workers.next_interrupt();
        let closures = self.shared.workers.interrupt(number, GRACE);
        let evaluating = self.evaluating.load(Ordering::Relaxed);
        if evaluating {
            self.shared.interrupted.store(true, Ordering::Relaxed);
            self.direct.interrupted.store(true, Ordering::Relaxed);
            self.alone.interrupted.store(true, Ordering::Relaxed);
            // Who waits for the compiler looks at the flag under this lock.
            drop(lock(&self.state));
            self.changed.notify_all();
        }
        if let Some(abandon) = closures {
            start("abandon", abandon);
        }
        if evaluating {
            let evaluator = Arc::clone(self);
            start("interrupt", move || {
                evaluator.stop_compiling();
                evaluator.stop_running_cell(number);
            });
        }
    }

    /// Whether the interrupted cell is still there.
    fn is_stopping(&self) -> bool {
        self.evaluating.load(Ordering::Relaxed) && self.shared.interrupted.load(Ordering::Relaxed)
    }

    fn stop_compiling(&self) {
        let began = Instant::now();
        while self.is_stopping()
            && self.executing().is_none()
            && !self.runs_direct.load(Ordering::Relaxed)
            && self.state() == Compiler::Ready
            && began.elapsed() < COMPILERS_STOPPED_FOR
        {
            park::stop_compilers();
            std::thread::sleep(if began.elapsed() < GRACE {
                TICK
            } else {
                SLOW_TICK
            });
        }
    }

    /// Whose cell is being executed.
    fn executing(&self) -> Option<&Arc<Shared>> {
        [&self.shared, &self.alone]
            .into_iter()
            .find(|shared| shared.is_executing())
    }

    /// Gives a running cell time to stop by itself, then abandons it.
    fn stop_running_cell(&self, number: u32) {
        let still = || self.executing().filter(|_| self.is_stopping());
        let until = Instant::now() + GRACE;
        while still().is_some()
            && Instant::now() < until
            && self.shared.workers.is_newest_interrupt(number)
        {
            std::thread::sleep(TICK);
        }
        if let Some(shared) = still()
            && !shared.abandon_cell(PARKING)
            && still().is_some()
        {
            self.shared.outlet.stream(
                Stream::Stderr,
                "The cell does not stop: it waits inside a call. Wait for it, or restart the kernel.\n",
            );
        }
    }
}

/// From now on user code that crashes, or ends the process, loses its thread only.
pub(super) fn survive(all: [&Arc<Shared>; 2]) {
    let mut events = match park::install() {
        Ok(Some(events)) => events,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, "a crash in a cell will end the kernel");
            return;
        }
    };
    let all = all.map(Arc::clone);
    start("lost", move || {
        let mut byte = [0];
        let mut exits = false;
        while events.read_exact(&mut byte).is_ok() {
            all.iter().for_each(Shared::look_for_lost);
            if park::somebody_exited() && !exits {
                exits = true;
                let all = all.clone();
                start("exits", move || {
                    loop {
                        std::thread::sleep(SLOW_TICK);
                        all.iter().for_each(|shared| shared.stop_second_exits());
                    }
                });
            }
        }
    });
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.into()).spawn(run) {
        tracing::error!(%error, name, "a thread cannot be started");
    }
}
