//! Work that a cell waits for, done on another thread: an interrupt ends the wait at once, whatever
//! that thread is in the middle of.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::lock;

/// How often a wait looks at the interrupt flag.
const TICK: Duration = Duration::from_millis(5);
/// Threads that wait for the next call; more are started when needed and end afterwards.
const IDLE_THREADS: usize = 4;
/// A closure of the user may run on such a thread, so it gets what a main thread has.
const STACK_BYTES: usize = 8 << 20;

type Job = Box<dyn FnOnce() + Send>;
type Idle = Mutex<Vec<Sender<Job>>>;

thread_local! {
    /// Work is asked for on this thread by somebody who cannot be interrupted, or who is already being waited for.
    static DIRECT: Cell<bool> = const { Cell::new(false) };
}

/// On this thread nothing is handed on, and no cell's interrupt counts.
pub(crate) fn work_directly() {
    DIRECT.set(true);
}

/// Whether what this thread asks for is asked for by a cell.
pub(crate) fn is_interruptible() -> bool {
    !DIRECT.get() && !tree::Engine::on_a_pass_thread()
}

/// Why a call has no result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The work goes on until it looks at its cancel token; its result is dropped.
    Interrupted,
    Panicked,
}

/// Threads for blocking calls, as many as are under way.
#[derive(Default)]
pub(crate) struct BlockingCalls {
    idle: Arc<Idle>,
}

impl BlockingCalls {
    /// Runs `work` elsewhere and waits for it. `tick` is called every few milliseconds, and ends the wait
    /// with `false`.
    pub fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        tick: &mut dyn FnMut() -> bool,
    ) -> Result<T, Failed> {
        if !is_interruptible() {
            return Ok(work());
        }
        if !tick() {
            return Err(Failed::Interrupted);
        }
        let (answer, result) = sync_channel(1);
        let job: Job = Box::new(move || {
            // Nobody listens any more after an interrupt.
            let _ = answer.send(work());
        });
        if let Some(job) = self.hand_over(job) {
            job();
        }
        loop {
            match result.recv_timeout(TICK) {
                Ok(value) => return Ok(value),
                Err(RecvTimeoutError::Disconnected) => return Err(Failed::Panicked),
                Err(RecvTimeoutError::Timeout) if tick() => {}
                Err(RecvTimeoutError::Timeout) => return Err(Failed::Interrupted),
            }
        }
    }

    /// Gives the job back when no thread can be had.
    fn hand_over(&self, mut job: Job) -> Option<Job> {
        while let Some(thread) = lock(&self.idle).pop() {
            match thread.send(job) {
                Ok(()) => return None,
                Err(back) => job = back.0,
            }
        }
        let (sender, jobs) = channel::<Job>();
        let idle = Arc::downgrade(&self.idle);
        let started = std::thread::Builder::new()
            .name("blocking-call".into())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(&idle, jobs));
        match started {
            Ok(_) => sender.send(job).err().map(|back| back.0),
            Err(error) => {
                tracing::warn!("a thread for a cell could not be started: {error}");
                Some(job)
            }
        }
    }
}

/// One call after the other, until enough other threads wait or the session ends.
fn serve(idle: &Weak<Idle>, mut jobs: Receiver<Job>) {
    work_directly();
    while let Ok(job) = jobs.recv() {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        if done.is_err() {
            tracing::error!("work for a cell panicked");
        }
        let Some(idle) = idle.upgrade() else { return };
        let mut waiting = lock(&idle);
        if waiting.len() >= IDLE_THREADS {
            return;
        }
        let (sender, next) = channel();
        waiting.push(sender);
        jobs = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::time::Instant;

    #[test]
    fn an_interrupt_ends_the_wait_and_the_thread_serves_again() {
        let blocking_calls = BlockingCalls::default();
        assert_eq!(blocking_calls.wait(|| 7, &mut || true), Ok(7));
        let began = Instant::now();
        let slow = blocking_calls.wait(|| std::thread::sleep(Duration::from_secs(3)), &mut || {
            began.elapsed() < Duration::from_millis(20)
        });
        assert_eq!(slow, Err(Failed::Interrupted));
        assert!(began.elapsed() < Duration::from_secs(2));
        let broken = blocking_calls.wait(|| panic!("a bug"), &mut || true);
        assert_eq!(broken, Err::<(), _>(Failed::Panicked));
        let name = || std::thread::current().id();
        // Threads put themselves back a moment after their answer.
        let mut served = HashSet::new();
        let again = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !served.insert(blocking_calls.wait(name, &mut || true).unwrap())
        });
        assert!(again, "{served:?}");
    }

    #[test]
    fn a_call_within_a_call_stays_on_its_thread() {
        let blocking_calls = Arc::new(BlockingCalls::default());
        let inner = blocking_calls.clone();
        let never = blocking_calls.wait(
            move || inner.wait(|| std::thread::sleep(TICK * 4), &mut || false),
            &mut || true,
        );
        assert_eq!(never, Ok(Ok(())));
    }
}
