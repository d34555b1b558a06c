//! The threads that answer pages: frames with the newest wish of each view first in mind, changes
//! of the tree one after the other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::lock;

/// Threads for frames: one may be busy with a slow node while another view goes on.
const FRAME_THREADS: usize = 2;
/// How long a view waits for them before another thread is used: a closure that never ends keeps its own
/// view waiting, and no other one.
const PATIENCE: Duration = Duration::from_millis(300);
/// Most of those other threads.
const MOST_SPARES: usize = 16;
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
    /// Views with a waiting job, in the order they began to wait, and since when.
    turn: VecDeque<(ViewKey, Instant)>,
    newest: HashMap<ViewKey, Job>,
    changes: VecDeque<Job>,
    /// Since when each thread for frames has been busy.
    busy: [Option<Instant>; FRAME_THREADS],
    /// Spare threads, and how many of them have nothing to do.
    spares: usize,
    idle_spares: usize,
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
    /// One of the threads for frames.
    Frames(usize),
    /// Frames that waited too long.
    Spare,
    Changes,
}

impl Workers {
    pub fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let duties = (0..FRAME_THREADS).map(Duty::Frames).chain([Duty::Changes]);
        for (number, duty) in duties.enumerate() {
            shared.start(format!("session-{number}"), duty);
        }
        lock(&shared.queue).add_spare(&shared);
        Workers { shared }
    }

    /// Queues the newest wish of a view; one that still waits is dropped, and keeps its turn.
    pub fn frame(&self, key: ViewKey, job: Job) {
        let mut queue = lock(&self.shared.queue);
        let superseded = queue.newest.insert(key.clone(), job);
        if superseded.is_none() {
            queue.turn.push_back((key, Instant::now()));
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

impl Queue {
    /// For how long the first view has waited, or found no thread free; `None` if none waits.
    fn waited(&self) -> Option<Duration> {
        let (_, since) = self.turn.front()?;
        let busy = self.busy.iter().copied().collect::<Option<Vec<Instant>>>();
        let all_busy = busy.and_then(|busy| busy.into_iter().max());
        Some(
            all_busy
                .map_or(*since, |all_busy| all_busy.min(*since))
                .elapsed(),
        )
    }

    /// Sees to it that one spare thread looks after what waits.
    fn add_spare(&mut self, shared: &Arc<Shared>) {
        if self.idle_spares == 0 && self.spares < MOST_SPARES && !self.closed {
            self.spares += 1;
            self.idle_spares += 1;
            shared.start(format!("spare-{}", self.spares), Duty::Spare);
        }
    }
}

impl Shared {
    fn start(self: &Arc<Self>, name: String, duty: Duty) {
        let shared = self.clone();
        let started = std::thread::Builder::new()
            .name(name)
            .spawn(move || shared.serve(duty));
        if let Err(error) = started {
            tracing::error!("a thread of the session could not be started: {error}");
        }
    }

    fn serve(self: &Arc<Self>, duty: Duty) {
        crate::errand::work_directly();
        while let Some(job) = self.next(duty) {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            if done.is_err() {
                tracing::error!("a request of a page panicked; it stays unanswered");
            }
        }
    }

    /// The next job for this thread; `None` when there will be none.
    fn next(self: &Arc<Self>, duty: Duty) -> Option<Job> {
        if duty == Duty::Spare {
            return self.next_late();
        }
        let mut queue = lock(&self.queue);
        if let Duty::Frames(thread) = duty {
            queue.busy[thread] = None;
        }
        loop {
            if queue.closed {
                return None;
            }
            let job = match duty {
                Duty::Changes => queue.changes.pop_front(),
                Duty::Frames(_) | Duty::Spare => queue
                    .turn
                    .pop_front()
                    .and_then(|(key, _)| queue.newest.remove(&key)),
            };
            if job.is_some() {
                if let Duty::Frames(thread) = duty {
                    queue.busy[thread] = Some(Instant::now());
                }
                return job;
            }
            queue = self
                .work
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A frame that waited longer than its view should.
    fn next_late(self: &Arc<Self>) -> Option<Job> {
        let mut queue = lock(&self.queue);
        if queue.idle_spares > 1 {
            // Another one is there already.
            queue.spares -= 1;
            queue.idle_spares -= 1;
            return None;
        }
        loop {
            if queue.closed {
                return None;
            }
            queue = match queue.waited() {
                Some(waited) if waited >= PATIENCE => {
                    if let Some((key, _)) = queue.turn.pop_front()
                        && let Some(job) = queue.newest.remove(&key)
                    {
                        queue.idle_spares -= 1;
                        queue.add_spare(self);
                        return Some(Box::new(self.as_spare(job)));
                    }
                    continue;
                }
                Some(waited) => {
                    self.work
                        .wait_timeout(queue, PATIENCE - waited)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .work
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The job, after which its thread has nothing to do again.
    fn as_spare(self: &Arc<Self>, job: Job) -> impl FnOnce() + Send + use<> {
        /// Also when the job panics.
        struct Idle(Arc<Shared>);
        impl Drop for Idle {
            fn drop(&mut self) {
                lock(&self.0.queue).idle_spares += 1;
            }
        }
        let shared = self.clone();
        move || {
            let _idle = Idle(shared);
            job();
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
    fn views_that_never_end_keep_no_other_view_waiting() {
        let workers = Workers::start();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let stuck = 6;
        for view in 0..stuck {
            let released = released.clone();
            let wait = move || lock(&released).recv().unwrap();
            workers.frame(key(view), Box::new(wait));
        }
        let (told, seen) = mpsc::channel();
        let began = Instant::now();
        for view in 100..200 {
            let told = told.clone();
            workers.frame(key(view), Box::new(move || told.send(view).unwrap()));
            assert_eq!(seen.recv_timeout(Duration::from_secs(10)), Ok(view));
        }
        // They wait once, not each.
        assert!(began.elapsed() < 20 * PATIENCE, "{:?}", began.elapsed());
        (0..stuck).for_each(|_| release.send(()).unwrap());
        let spares = || lock(&workers.shared.queue).spares;
        for _ in 0..1000 {
            if spares() == 1 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} spare threads stayed", spares());
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
