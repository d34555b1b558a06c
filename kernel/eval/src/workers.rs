//! Threads that call the user's closures.
//!
//! A thread of the engine holds locks and places in queues, so it never runs user code itself: it hands
//! the call to a worker and waits. A worker that crashes, or is abandoned in an endless closure, is lost
//! with its stack; the waiting thread gets an error, and the next call another worker.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::park::{self, Loss, UserThread};

/// Idle workers that are kept.
const MAX_IDLE: usize = 16;
/// What a main thread has; only touched pages cost memory.
const STACK_BYTES: usize = 8 << 20;
/// How often a sleeping caller looks for a lost worker.
const TICK: Duration = Duration::from_millis(5);
/// How often both sides look again before they sleep: a closure is often done, and the next frame often
/// there, sooner than a sleep and a wake-up take.
const LOOKS: u32 = 200;
/// How long a call that nobody waits for any more may go on.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// How long a worker is probed for a place where it can be parked.
const PARKING: Duration = Duration::from_secs(2);

/// Why a call has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// The worker is lost.
    Lost(Loss),
    /// It did not end after an interrupt.
    Abandoned,
    /// The caller did not want to wait any longer.
    Left,
    /// No thread can be started, or the kernel's own part of the call panicked.
    Failed,
}

type Job = Box<dyn FnOnce() + Send>;

const WAITING: u32 = 0;
const DONE: u32 = 1;
const ABANDONED: u32 = 2;

/// One call: what its caller waits for.
struct Ticket {
    state: AtomicU32,
    caller: Thread,
    began: Instant,
}

struct Worker {
    job: Mutex<Option<Job>>,
    has_job: AtomicBool,
    ticket: Mutex<Option<Arc<Ticket>>>,
    /// Known once the thread runs.
    thread: Mutex<Option<(Thread, Arc<UserThread>)>>,
    started: Condvar,
}

/// Closures that nobody needs any more, and the thread that drops them.
#[derive(Default)]
struct Disposal {
    jobs: VecDeque<Job>,
    thread: Option<Arc<UserThread>>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Arc<Worker>>,
    all: Vec<Weak<Worker>>,
}

/// All workers of the kernel.
#[derive(Clone, Default)]
pub(crate) struct Workers {
    pool: Arc<Mutex<Pool>>,
    disposal: Arc<Mutex<Disposal>>,
    interrupts: Arc<AtomicU32>,
}

impl Workers {
    /// Runs `call` on a worker and waits for it. `waited` is called every few milliseconds once the call
    /// takes long, with the time since it began; with `false` the caller leaves it alone.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
        waited: &mut dyn FnMut(Duration) -> bool,
    ) -> Result<T, Unfinished> {
        let place = Arc::new(Mutex::new(None));
        let result = place.clone();
        let call = move || {
            let value = call();
            *lock(&place) = Some(value);
        };
        let (worker, ticket, thread) = self.start(call).map_err(|error| {
            tracing::error!(%error, "no thread for a closure can be started");
            Unfinished::Failed
        })?;
        match wait(&ticket, &thread, waited) {
            Ok(()) => lock(&result).take().ok_or(Unfinished::Failed),
            Err(why) => {
                if why == Unfinished::Left {
                    self.forget(&worker, &ticket);
                }
                Err(why)
            }
        }
    }

    /// Gives a call to a worker.
    fn start(
        &self,
        call: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<(Arc<Worker>, Arc<Ticket>, Arc<UserThread>)> {
        let worker = self.worker()?;
        let ticket = Arc::new(Ticket {
            state: AtomicU32::new(WAITING),
            caller: std::thread::current(),
            began: Instant::now(),
        });
        let (workers, own, done) = (self.clone(), worker.clone(), ticket.clone());
        let job = move || {
            if catch_unwind(AssertUnwindSafe(call)).is_err() {
                tracing::error!("the kernel panicked in a call of a closure");
            }
            // The caller's next call finds this worker.
            workers.rests(own);
            let waits =
                done.state
                    .compare_exchange(WAITING, DONE, Ordering::AcqRel, Ordering::Acquire);
            if waits.is_ok() {
                done.caller.unpark();
            }
        };
        let thread = worker.give(Box::new(job), ticket.clone());
        Ok((worker, ticket, thread))
    }

    /// Runs `job` on a worker some time, after those given before; nobody waits for it.
    pub(crate) fn dispose(&self, job: impl FnOnce() + Send + 'static) {
        let mut disposal = lock(&self.disposal);
        disposal.jobs.push_back(Box::new(job));
        if disposal
            .thread
            .as_ref()
            .is_some_and(|thread| !thread.is_parked())
        {
            return;
        }
        let workers = self.clone();
        let all = move || {
            loop {
                let mut disposal = lock(&workers.disposal);
                let Some(job) = disposal.jobs.pop_front() else {
                    disposal.thread = None;
                    return;
                };
                drop(disposal);
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    tracing::error!("the kernel panicked while it dropped a closure");
                }
            }
        };
        match self.start(all) {
            Ok((worker, ticket, thread)) => {
                disposal.thread = Some(thread);
                self.forget(&worker, &ticket);
            }
            Err(error) => {
                tracing::warn!(%error, "a closure is not dropped: no thread can be started")
            }
        }
    }

    /// Why the thread that drops closures is lost, once.
    pub(crate) fn lost_disposal(&self) -> Option<Loss> {
        let mut disposal = lock(&self.disposal);
        let loss = disposal.thread.as_ref()?.loss()?;
        disposal.thread = None;
        Some(loss)
    }

    /// An idle worker, or a new one.
    fn worker(&self) -> std::io::Result<Arc<Worker>> {
        if let Some(worker) = lock(&self.pool).idle.pop() {
            return Ok(worker);
        }
        let worker = Arc::new(Worker {
            job: Mutex::default(),
            has_job: AtomicBool::new(false),
            ticket: Mutex::default(),
            thread: Mutex::default(),
            started: Condvar::new(),
        });
        let own = Arc::downgrade(&worker);
        let first = worker.clone();
        std::thread::Builder::new()
            .name("closure".into())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(&first, &own))?;
        let mut pool = lock(&self.pool);
        pool.all.retain(|worker| worker.strong_count() > 0);
        pool.all.push(Arc::downgrade(&worker));
        Ok(worker)
    }

    fn rests(&self, worker: Arc<Worker>) {
        lock(&worker.ticket).take();
        let mut pool = lock(&self.pool);
        if pool.idle.len() < MAX_IDLE {
            pool.idle.push(worker);
        }
    }

    /// The number of an interrupt that comes now.
    pub(crate) fn next_interrupt(&self) -> u32 {
        self.interrupts.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(crate) fn is_newest_interrupt(&self, number: u32) -> bool {
        self.interrupts.load(Ordering::Acquire) == number
    }

    /// Asks running closures to end. What is given back abandons those that still run after `grace`, or at
    /// the next interrupt. `None` when no closure runs.
    pub(crate) fn interrupt(
        &self,
        number: u32,
        grace: Duration,
    ) -> Option<impl FnOnce() + Send + use<>> {
        let running: Vec<_> = lock(&self.pool)
            .all
            .iter()
            .filter_map(Weak::upgrade)
            .filter_map(|worker| {
                let ticket = lock(&worker.ticket).clone()?;
                worker.runs(&ticket).then_some((worker, ticket))
            })
            .collect();
        if running.is_empty() {
            return None;
        }
        for (worker, _) in &running {
            worker.ask_to_stop(true);
        }
        let workers = self.clone();
        Some(move || {
            let until = Instant::now() + grace;
            while Instant::now() < until
                && workers.is_newest_interrupt(number)
                && running.iter().any(|(worker, ticket)| worker.runs(ticket))
            {
                std::thread::sleep(TICK);
            }
            for (worker, ticket) in &running {
                worker.abandon(ticket);
            }
        })
    }

    /// Ends a call that nobody waits for, if it goes on and on.
    fn forget(&self, worker: &Arc<Worker>, ticket: &Arc<Ticket>) {
        worker.ask_to_stop(true);
        let (worker, ticket) = (worker.clone(), ticket.clone());
        let end = move || {
            let until = Instant::now() + FORGOTTEN;
            while worker.runs(&ticket) && Instant::now() < until {
                std::thread::sleep(TICK * 10);
            }
            worker.abandon(&ticket);
        };
        if let Err(error) = std::thread::Builder::new()
            .name("forgotten".into())
            .spawn(end)
        {
            tracing::warn!(%error, "a closure that nobody waits for goes on");
        }
    }

    /// The threads that are calling closures at the moment.
    pub(crate) fn busy(&self) -> Vec<Arc<UserThread>> {
        let workers: Vec<_> = lock(&self.pool)
            .all
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        workers
            .iter()
            .filter(|worker| lock(&worker.ticket).is_some())
            .filter_map(|worker| {
                lock(&worker.thread)
                    .as_ref()
                    .map(|(_, thread)| thread.clone())
            })
            .filter(|thread| !thread.is_parked())
            .collect()
    }
}

impl Worker {
    fn give(&self, job: Job, ticket: Arc<Ticket>) -> Arc<UserThread> {
        let mut known = lock(&self.thread);
        let (thread, record) = loop {
            match &*known {
                Some((thread, record)) => break (thread.clone(), record.clone()),
                None => {
                    known = self
                        .started
                        .wait(known)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        };
        drop(known);
        record.ask_to_stop(false);
        *lock(&self.ticket) = Some(ticket);
        *lock(&self.job) = Some(job);
        self.has_job.store(true, Ordering::Release);
        thread.unpark();
        record
    }

    fn runs(&self, ticket: &Arc<Ticket>) -> bool {
        lock(&self.ticket)
            .as_ref()
            .is_some_and(|running| Arc::ptr_eq(running, ticket))
            && !lock(&self.thread)
                .as_ref()
                .is_some_and(|(_, thread)| thread.is_parked())
    }

    fn ask_to_stop(&self, stop: bool) {
        if let Some((_, thread)) = &*lock(&self.thread) {
            thread.ask_to_stop(stop);
        }
    }

    /// Lets the caller go, and parks the thread. One that cannot be parked goes on; it is of use again
    /// when it ends.
    fn abandon(&self, ticket: &Arc<Ticket>) {
        if !self.runs(ticket) {
            return;
        }
        let _ =
            ticket
                .state
                .compare_exchange(WAITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
        ticket.caller.unpark();
        let thread = lock(&self.thread)
            .as_ref()
            .map(|(_, thread)| thread.clone());
        if let Some(thread) = thread
            && !park::park(&thread, PARKING, || self.runs(ticket))
            && self.runs(ticket)
        {
            tracing::warn!("an abandoned closure goes on: it waits inside a call");
        }
    }
}

/// The life of a worker: it ends when nobody could give it another call.
fn serve(worker: &Arc<Worker>, own: &Weak<Worker>) {
    let registered = UserThread::register();
    *lock(&worker.thread) = Some((std::thread::current(), registered.thread().clone()));
    worker.started.notify_all();
    loop {
        let mut looks = 0;
        while !worker.has_job.swap(false, Ordering::AcqRel) {
            looks += 1;
            if looks < LOOKS {
                std::thread::yield_now();
                continue;
            }
            // Only this thread holds it: it is not among the idle ones.
            if own.strong_count() == 1 {
                return;
            }
            std::thread::park_timeout(Duration::from_secs(5));
        }
        let job = lock(&worker.job).take();
        if let Some(job) = job {
            job();
        }
    }
}

/// Waits until the call is done.
fn wait(
    ticket: &Ticket,
    thread: &UserThread,
    waited: &mut dyn FnMut(Duration) -> bool,
) -> Result<(), Unfinished> {
    let mut looks = 0;
    loop {
        match ticket.state.load(Ordering::Acquire) {
            DONE => return Ok(()),
            ABANDONED => return Err(Unfinished::Abandoned),
            _ => {}
        }
        looks += 1;
        if looks < LOOKS {
            std::thread::yield_now();
            continue;
        }
        if let Some(loss) = thread.loss() {
            return Err(Unfinished::Lost(loss));
        }
        if !waited(ticket.began.elapsed()) {
            return Err(Unfinished::Left);
        }
        std::thread::park_timeout(TICK);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::park::UserCode;

    fn patiently(_: Duration) -> bool {
        true
    }

    #[test]
    fn a_call_gives_its_value_and_the_worker_is_used_again() {
        let workers = Workers::default();
        for number in 0..1000 {
            assert_eq!(workers.run(move || number, &mut patiently), Ok(number));
        }
        assert_eq!(lock(&workers.pool).all.len(), 1);
        let name = workers.run(
            || std::thread::current().name().map(str::to_owned),
            &mut patiently,
        );
        assert_eq!(name, Ok(Some("closure".into())));
    }

    #[test]
    fn a_call_of_the_kernel_that_panics_costs_no_worker() {
        let workers = Workers::default();
        let panics = workers.run(|| panic!("a bug"), &mut patiently);
        assert_eq!(panics, Err::<(), _>(Unfinished::Failed));
        assert_eq!(workers.run(|| 1, &mut patiently), Ok(1));
    }

    #[test]
    fn calls_run_beside_each_other_and_inside_each_other() {
        let workers = Workers::default();
        let inner = workers.clone();
        let sum = workers.run(
            move || 1 + inner.run(|| 2, &mut patiently).unwrap(),
            &mut patiently,
        );
        assert_eq!(sum, Ok(3));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let workers = &workers;
                scope.spawn(move || {
                    for number in 0..500 {
                        let call = move || number * thread;
                        assert_eq!(workers.run(call, &mut patiently), Ok(number * thread));
                    }
                });
            }
        });
    }

    #[test]
    fn who_leaves_does_not_wait() {
        let workers = Workers::default();
        let (release, released) = mpsc::channel::<()>();
        let call = move || released.recv().is_ok();
        let left = workers.run(call, &mut |time| time < Duration::from_millis(20));
        assert_eq!(left, Err(Unfinished::Left));
        release.send(()).unwrap();
        assert_eq!(workers.run(|| 1, &mut patiently), Ok(1));
    }

    /// Time of one call that does nothing; printed with `--nocapture`.
    #[test]
    fn a_call_is_handed_over_in_microseconds() {
        let workers = Workers::default();
        let measure = |pause: Duration| {
            let mut times: Vec<Duration> = (0..2000)
                .map(|_| {
                    let until = Instant::now() + pause;
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                    let began = Instant::now();
                    workers.run(|| (), &mut patiently).unwrap();
                    began.elapsed()
                })
                .collect();
            times.sort_unstable();
            (times[times.len() / 2], times[times.len() * 9 / 10])
        };
        for pause in [0, 10, 100, 1000] {
            let (median, most) = measure(Duration::from_micros(pause));
            println!("{pause} µs between calls: median {median:?}, 90 % within {most:?}");
            assert!(median < Duration::from_millis(2), "{median:?}");
        }
    }

    #[test]
    fn what_nobody_needs_is_dropped_in_order() {
        let workers = Workers::default();
        let (told, seen) = mpsc::channel();
        for number in 0..100 {
            let told = told.clone();
            workers.dispose(move || {
                let _user = UserCode::enter();
                told.send(number).unwrap();
            });
        }
        let seen: Vec<i32> = (0..100)
            .map(|_| seen.recv_timeout(Duration::from_secs(10)).unwrap())
            .collect();
        assert!(seen.is_sorted());
    }
}
