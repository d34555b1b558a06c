//! The threads that answer pages: frames with the newest request of each view first in mind, changes
//! of the tree one after the other.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal::CancelToken;
use tree::ViewId;

use crate::lock;

/// Threads for frames: one may be busy with a slow node while another view goes on.
const FRAME_THREADS: usize = 2;
/// How long a view waits for them before another thread is used: a closure that never ends keeps its own
/// view waiting, and no other one.
const PATIENCE: Duration = Duration::from_millis(300);
/// Most of those other threads.
const MAX_SPARES: usize = 16;
/// A picture that has been computed for this long gives way to a newer position of its view, every other time:
/// a drag over a slow node neither queues nor shows nothing.
const LONG: Duration = Duration::from_millis(250);
/// Changes that may wait; beyond it a page is refused.
const MAX_CHANGES: usize = 1024;

/// One picture of one view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QueueKey {
    pub view: ViewId,
    pub picture: Picture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Picture {
    Frame,
    Navigator,
}

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// What a request is told while it is carried out.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestToken {
    /// Set when nobody wants the picture any more.
    pub cancel: CancelToken,
    hidden: Arc<AtomicBool>,
}

impl RequestToken {
    /// Nobody looks at the view; otherwise a newer request has taken its place.
    pub fn is_hidden(&self) -> bool {
        self.hidden.load(Ordering::SeqCst)
    }

    fn hide(&self) {
        self.hidden.store(true, Ordering::SeqCst);
        self.cancel.cancel();
    }
}

/// A picture somebody wants.
pub(crate) struct QueuedRequest {
    /// Node, revision and the like: a picture of another subject is of no use to its view.
    pub subject: u64,
    /// Goes before views without focus.
    pub focused: bool,
    /// Called once, or dropped when a newer request of the view comes first.
    pub job: Box<dyn FnOnce(&RequestToken) + Send>,
}

/// A picture that is being made.
struct Running {
    subject: u64,
    began: Instant,
    token: RequestToken,
    number: u64,
}

#[derive(Default)]
struct Queue {
    /// Views with a waiting job, in the order they began to wait, and since when.
    waiting: VecDeque<(QueueKey, Instant)>,
    newest: HashMap<QueueKey, QueuedRequest>,
    running: HashMap<QueueKey, Vec<Running>>,
    /// Views whose last picture gave way to a newer position; their next one is finished.
    gave_way: HashSet<QueueKey>,
    numbers: u64,
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

pub(crate) struct RequestQueue {
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

impl RequestQueue {
    pub fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let duties = (0..FRAME_THREADS).map(Duty::Frames).chain([Duty::Changes]);
        for (number, duty) in duties.enumerate() {
            shared.start(format!("session-{number}"), duty);
        }
        lock(&shared.queue).add_spare(&shared);
        RequestQueue { shared }
    }

    /// Queues the newest request of a view; one that still waits is dropped and leaves its place to it. One that is
    /// carried out is ended when it shows something else, or takes long.
    pub fn frame(&self, key: QueueKey, request: QueuedRequest) {
        let mut queue = lock(&self.shared.queue);
        queue.give_way(&key, request.subject);
        let superseded = queue.newest.insert(key.clone(), request);
        if superseded.is_none() {
            queue.waiting.push_back((key, Instant::now()));
        }
        drop(queue);
        drop(superseded); // outside the lock: it may hold an answer with side effects
        self.shared.work.notify_all();
    }

    /// Ends every request of a view that nobody looks at: what waits, and what is being made.
    pub fn hide(&self, page: &str, view: Option<u32>) {
        let ours = |key: &QueueKey| {
            *key.view.page == *page && view.is_none_or(|view| key.view.view == view)
        };
        let mut queue = lock(&self.shared.queue);
        let keys: Vec<QueueKey> = queue
            .newest
            .keys()
            .filter(|key| ours(key))
            .cloned()
            .collect();
        let waiting: Vec<QueuedRequest> = (keys.iter())
            .filter_map(|key| queue.newest.remove(key))
            .collect();
        queue.waiting.retain(|(key, _)| !ours(key));
        for (_, running) in queue.running.iter().filter(|(key, _)| ours(key)) {
            running.iter().for_each(|running| running.token.hide());
        }
        drop(queue);
        let token = RequestToken::default();
        token.hide();
        waiting
            .into_iter()
            .for_each(|request| (request.job)(&token));
    }

    /// Queues a change of the tree; gives the job back when too many wait.
    pub fn change(&self, job: Job) -> Result<(), Job> {
        let mut queue = lock(&self.shared.queue);
        if queue.changes.len() >= MAX_CHANGES {
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
    /// Ends what is being made for a view that now wants something else.
    fn give_way(&mut self, key: &QueueKey, subject: u64) {
        let Some(running) = self.running.get(key) else {
            return;
        };
        for running in running {
            let long = running.began.elapsed() >= LONG && !self.gave_way.contains(key);
            if running.subject != subject {
                running.token.cancel.cancel();
            } else if long && !running.token.cancel.is_cancelled() {
                running.token.cancel.cancel();
                self.gave_way.insert(key.clone());
            }
        }
    }

    /// The request that comes next: of views with focus before others.
    fn next_request(self: &mut Queue, shared: &Arc<Shared>) -> Option<Job> {
        let focused = |(key, _): &(QueueKey, Instant)| {
            self.newest.get(key).is_some_and(|request| request.focused)
        };
        let place = self.waiting.iter().position(focused).unwrap_or(0);
        let (key, _) = self.waiting.remove(place)?;
        let request = self.newest.remove(&key)?;
        self.numbers += 1;
        let (number, token) = (self.numbers, RequestToken::default());
        let running = Running {
            subject: request.subject,
            began: Instant::now(),
            token: token.clone(),
            number,
        };
        self.running.entry(key.clone()).or_default().push(running);
        let made = Made {
            shared: shared.clone(),
            key,
            number,
        };
        Some(Box::new(move || {
            let made = made;
            (request.job)(&token);
            drop(made);
        }))
    }

    /// For how long the first view has waited, or found no thread free; `None` if none waits.
    fn waited(&self) -> Option<Duration> {
        let (_, since) = self.waiting.front()?;
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
        if self.idle_spares == 0 && self.spares < MAX_SPARES && !self.closed {
            self.spares += 1;
            self.idle_spares += 1;
            shared.start(format!("spare-{}", self.spares), Duty::Spare);
        }
    }
}

/// Strikes a picture off the list of those being made, also when its job panics.
struct Made {
    shared: Arc<Shared>,
    key: QueueKey,
    number: u64,
}

impl Drop for Made {
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        let Some(running) = queue.running.get_mut(&self.key) else {
            return;
        };
        let whole = running
            .iter()
            .any(|running| running.number == self.number && !running.token.cancel.is_cancelled());
        running.retain(|running| running.number != self.number);
        if running.is_empty() {
            queue.running.remove(&self.key);
        }
        if whole {
            queue.gave_way.remove(&self.key);
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
        crate::blocking_call::work_directly();
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
                Duty::Frames(_) | Duty::Spare => queue.next_request(self),
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
                    if let Some(job) = queue.next_request(self) {
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

    fn key(view: u32) -> QueueKey {
        QueueKey {
            view: ViewId::new("a", view),
            picture: Picture::Frame,
        }
    }

    fn request(job: impl FnOnce() + Send + 'static) -> QueuedRequest {
        QueuedRequest {
            subject: 0,
            focused: false,
            job: Box::new(move |_| job()),
        }
    }

    #[test]
    fn views_that_never_end_keep_no_other_view_waiting() {
        let queue = RequestQueue::start();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let stuck = 6;
        for view in 0..stuck {
            let released = released.clone();
            let wait = move || lock(&released).recv().unwrap();
            queue.frame(key(view), request(wait));
        }
        let (sender, seen) = mpsc::channel();
        let began = Instant::now();
        for view in 100..200 {
            let sender = sender.clone();
            queue.frame(key(view), request(move || sender.send(view).unwrap()));
            assert_eq!(seen.recv_timeout(Duration::from_secs(10)), Ok(view));
        }
        // They wait once, not each.
        assert!(began.elapsed() < 20 * PATIENCE, "{:?}", began.elapsed());
        (0..stuck).for_each(|_| release.send(()).unwrap());
        let spares = || lock(&queue.shared.queue).spares;
        for _ in 0..1000 {
            if spares() == 1 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} spare threads stayed", spares());
    }

    #[test]
    fn only_the_newest_request_of_a_view_is_served() {
        let queue = RequestQueue::start();
        let (block, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let (sender, seen) = mpsc::channel();
        for view in [100, 101] {
            let (blocked, sender) = (blocked.clone(), sender.clone());
            queue.frame(
                key(view),
                request(move || {
                    sender.send(view).unwrap();
                    lock(&blocked).recv().unwrap();
                }),
            );
        }
        for _ in 0..2 {
            seen.recv_timeout(Duration::from_secs(5)).unwrap();
        }
        for number in 0..50 {
            let sender = sender.clone();
            queue.frame(key(1), request(move || sender.send(number).unwrap()));
        }
        let other = sender.clone();
        queue.frame(key(2), request(move || other.send(1000).unwrap()));
        drop(sender);
        (0..2).for_each(|_| block.send(()).unwrap());
        let mut rest: Vec<u32> = seen.iter().collect();
        rest.sort_unstable();
        assert_eq!(rest, [49, 1000]);
    }

    /// A picture that goes on until it is cancelled, at most a few seconds; tells how it ended.
    fn endless(subject: u64, sender: mpsc::Sender<&'static str>) -> QueuedRequest {
        let job = move |token: &RequestToken| {
            sender.send("began").unwrap();
            let began = Instant::now();
            while !token.cancel.is_cancelled() && began.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(2));
            }
            let end = match (token.cancel.is_cancelled(), token.is_hidden()) {
                (true, true) => "hidden",
                (true, false) => "superseded",
                _ => "finished",
            };
            sender.send(end).unwrap();
        };
        QueuedRequest {
            subject,
            focused: false,
            job: Box::new(job),
        }
    }

    #[test]
    fn a_picture_gives_way_to_another_subject_at_once_and_to_a_new_position_when_it_takes_long() {
        let queue = RequestQueue::start();
        let (sender, seen) = mpsc::channel();
        let next = || seen.recv_timeout(Duration::from_secs(10)).unwrap();
        queue.frame(key(1), endless(1, sender.clone()));
        assert_eq!(next(), "began");
        queue.frame(key(1), endless(2, sender.clone()));
        let mut both = [next(), next()];
        both.sort_unstable();
        assert_eq!(both, ["began", "superseded"]);
        std::thread::sleep(LONG);
        queue.frame(key(1), endless(2, sender.clone()));
        let mut both = [next(), next()];
        both.sort_unstable();
        assert_eq!(both, ["began", "superseded"]);
        // Not twice in a row: something is shown.
        std::thread::sleep(LONG);
        queue.frame(key(1), endless(2, sender.clone()));
        assert_eq!(next(), "began");
        assert_eq!(
            seen.recv_timeout(LONG),
            Err(mpsc::RecvTimeoutError::Timeout)
        );
        queue.hide("a", Some(1));
        assert_eq!([next(), next()], ["hidden", "hidden"]);
        queue.frame(key(1), endless(2, sender));
        assert_eq!(next(), "began");
        queue.hide("another page", None);
        assert_eq!(
            seen.recv_timeout(LONG),
            Err(mpsc::RecvTimeoutError::Timeout)
        );
        queue.hide("a", None);
        assert_eq!(next(), "hidden");
    }

    #[test]
    fn what_waits_is_ended_with_its_view_and_views_with_focus_go_first() {
        let queue = RequestQueue::start();
        let (sender, seen) = mpsc::channel();
        let next = || seen.recv_timeout(Duration::from_secs(10)).unwrap();
        for view in [100, 101] {
            queue.frame(key(view), endless(0, sender.clone()));
            assert_eq!(next(), "began");
        }
        let waits = |name: &'static str, focused| {
            let sender = sender.clone();
            let job = move |token: &RequestToken| {
                sender
                    .send(if token.is_hidden() { "hidden" } else { name })
                    .unwrap();
            };
            QueuedRequest {
                subject: 0,
                focused,
                job: Box::new(job),
            }
        };
        queue.frame(key(1), waits("first", false));
        queue.frame(key(2), waits("focused", true));
        queue.frame(key(3), waits("never", false));
        queue.hide("a", Some(3));
        assert_eq!(next(), "hidden");
        queue.hide("a", Some(100));
        assert_eq!([next(), next(), next()], ["hidden", "focused", "first"]);
        queue.hide("a", Some(101));
    }
}
