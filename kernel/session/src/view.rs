//! The threads that answer pages: frames with the newest wish of each view first in mind, changes
//! of the tree one after the other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::lock;

/// Threads for frames: one may be busy with a slow node while another view goes on.
const FRAME_THREADS: usize = 2;
/// Changes that may wait; beyond it a page is refused.
const MOST_CHANGES: usize = 1024;

/// One picture of one page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ViewKey {
    pub page: String,
    pub view: u32,
    pub picture: Picture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Picture {
    Frame,
    Navigator,
}

pub(crate) type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    /// Views with a waiting job, in the order they began to wait.
    turn: VecDeque<ViewKey>,
    newest: HashMap<ViewKey, Job>,
    changes: VecDeque<Job>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

pub(crate) struct Workers {
    shared: Arc<Shared>,
}

#[derive(Clone, Copy, PartialEq)]
enum Duty {
    Frames,
    Changes,
}

impl Workers {
    pub fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let duties = std::iter::repeat_n(Duty::Frames, FRAME_THREADS).chain([Duty::Changes]);
        for (number, duty) in duties.enumerate() {
            let shared = shared.clone();
            let started = std::thread::Builder::new()
                .name(format!("session-{number}"))
                .spawn(move || shared.serve(duty));
            if let Err(error) = started {
                tracing::error!("a thread of the session could not be started: {error}");
            }
        }
        Workers { shared }
    }

    /// Queues the newest wish of a view; one that still waits is dropped, and keeps its turn.
    pub fn frame(&self, key: ViewKey, job: Job) {
        let mut queue = lock(&self.shared.queue);
        let superseded = queue.newest.insert(key.clone(), job);
        if superseded.is_none() {
            queue.turn.push_back(key);
        }
        drop(queue);
        drop(superseded); // outside the lock: it may hold an answer with side effects
        self.shared.work.notify_all();
    }

    /// Queues a change of the tree; gives the job back when too many wait.
    pub fn change(&self, job: Job) -> Result<(), Job> {
        let mut queue = lock(&self.shared.queue);
        if queue.changes.len() >= MOST_CHANGES {
            return Err(job);
        }
        queue.changes.push_back(job);
        drop(queue);
        self.shared.work.notify_all();
        Ok(())
    }

    pub fn stop(&self) {
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        let waiting = (
            std::mem::take(&mut queue.newest),
            std::mem::take(&mut queue.changes),
        );
        drop(queue);
        drop(waiting);
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn serve(&self, duty: Duty) {
        crate::errand::work_directly();
        while let Some(job) = self.next(duty) {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            if done.is_err() {
                tracing::error!("a request of a page panicked; it stays unanswered");
            }
        }
    }

    fn next(&self, duty: Duty) -> Option<Job> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            let job = match duty {
                Duty::Changes => queue.changes.pop_front(),
                Duty::Frames => queue
                    .turn
                    .pop_front()
                    .and_then(|key| queue.newest.remove(&key)),
            };
            if job.is_some() {
                return job;
            }
            queue = self
                .work
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn key(view: u32) -> ViewKey {
        ViewKey {
            page: "a".into(),
            view,
            picture: Picture::Frame,
        }
    }

    #[test]
    fn only_the_newest_wish_of_a_view_is_served() {
        let workers = Workers::start();
        let (block, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let (told, seen) = mpsc::channel();
        for view in [100, 101] {
            let (blocked, told) = (blocked.clone(), told.clone());
            workers.frame(
                key(view),
                Box::new(move || {
                    told.send(view).unwrap();
                    lock(&blocked).recv().unwrap();
                }),
            );
        }
        for _ in 0..2 {
            seen.recv_timeout(Duration::from_secs(5)).unwrap();
        }
        for wish in 0..50 {
            let told = told.clone();
            workers.frame(key(1), Box::new(move || told.send(wish).unwrap()));
        }
        let other = told.clone();
        workers.frame(key(2), Box::new(move || other.send(1000).unwrap()));
        drop(told);
        (0..2).for_each(|_| block.send(()).unwrap());
        let mut rest: Vec<u32> = seen.iter().collect();
        rest.sort_unstable();
        assert_eq!(rest, [49, 1000]);
    }
}
