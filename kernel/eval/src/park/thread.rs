//! Threads that run code of cells, and which code runs on them at the moment.

#![allow(unsafe_code)] // asks the operating system for the thread's id and stack

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, compiler_fence};

use super::{Ending, Loss};

/// One thread that runs code of cells. When that code cannot go on, the thread stops for ever inside a
/// signal handler, and this record says why.
pub(crate) struct UserThread {
    pub(super) id: i32,
    /// Lowest address of its stack; 0 if unknown.
    stack: usize,
    /// Somebody wants it to stop at the next place where that is safe.
    pub(super) wanted: AtomicBool,
    /// It waits inside `process::exit`.
    pub(super) exits: AtomicBool,
    /// Set last, once everything below is.
    parked: AtomicBool,
    ending: AtomicU32,
    detail: AtomicUsize,
    inside: AtomicBool,
    /// The code was asked to end: `interrupted()` says so.
    stop: AtomicBool,
}

thread_local! {
    // Without destructors, so that signal handlers may read them.
    static THIS: Cell<*const UserThread> = const { Cell::new(std::ptr::null()) };
    /// Above 0 while the thread executes code of the kernel rather than of a cell.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

/// How far from the end of a stack an access counts as running out of it.
const NEAR_THE_END: usize = 64 << 10;

const EXIT: u32 = 1 << 16;
const EXIT_AGAIN: u32 = 1 << 17;
const ABANDONED: u32 = 1 << 18;

/// The calling thread is a user thread while this lives.
pub(crate) struct Registered {
    thread: Arc<UserThread>,
}

impl UserThread {
    /// Makes the calling thread a user thread; it begins inside the kernel.
    pub(crate) fn register() -> Registered {
        let thread = Arc::new(UserThread {
            id: own_id(),
            stack: own_stack(),
            wanted: AtomicBool::new(false),
            exits: AtomicBool::new(false),
            parked: AtomicBool::new(false),
            ending: AtomicU32::new(0),
            detail: AtomicUsize::new(0),
            inside: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        INSIDE.set(INSIDE.get() + 1);
        THIS.set(Arc::as_ptr(&thread));
        Registered { thread }
    }

    /// Why the thread stopped for ever; `None` while it runs.
    pub(crate) fn loss(&self) -> Option<Loss> {
        if !self.parked.load(Ordering::Acquire) {
            return None;
        }
        let detail = self.detail.load(Ordering::Relaxed);
        let ending = match self.ending.load(Ordering::Relaxed) {
            ABANDONED => Ending::Abandoned,
            EXIT => Ending::Exit(Some(detail as i32)),
            EXIT_AGAIN => Ending::Exit(None),
            signal => Ending::Signal {
                signal: signal as i32,
                address: detail,
                overflow: self.runs_out_of_stack(detail),
            },
        };
        Some(Loss {
            ending,
            inside: self.inside.load(Ordering::Relaxed),
        })
    }

    fn runs_out_of_stack(&self, address: usize) -> bool {
        self.stack != 0 && self.stack.abs_diff(address) <= NEAR_THE_END
    }

    /// Written by the thread itself, in a handler, before it stops for ever.
    pub(super) fn record(&self, ending: Ending) {
        let (code, detail) = match ending {
            Ending::Abandoned => (ABANDONED, 0),
            Ending::Exit(Some(status)) => (EXIT, status as usize),
            Ending::Exit(None) => (EXIT_AGAIN, 0),
            Ending::Signal {
                signal, address, ..
            } => (signal as u32, address),
        };
        self.ending.store(code, Ordering::Relaxed);
        self.detail.store(detail, Ordering::Relaxed);
        self.inside.store(INSIDE.get() > 0, Ordering::Relaxed);
        self.parked.store(true, Ordering::Release);
    }

    pub(crate) fn is_parked(&self) -> bool {
        self.parked.load(Ordering::Acquire)
    }

    /// Asks the code on this thread to end, or takes that back.
    pub(crate) fn ask_to_stop(&self, stop: bool) {
        self.stop.store(stop, Ordering::Relaxed);
    }
}

impl Registered {
    pub(crate) fn thread(&self) -> &Arc<UserThread> {
        &self.thread
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        THIS.set(std::ptr::null());
        INSIDE.set(INSIDE.get().saturating_sub(1));
    }
}

/// The calling thread's record. Handlers ask.
pub(super) fn this() -> Option<&'static UserThread> {
    // SAFETY: set by `register` and taken back before the record can go; whoever asks is this very
    // thread, so that cannot happen meanwhile.
    unsafe { THIS.get().as_ref() }
}

/// Whether somebody asked the code on this thread to end.
pub(crate) fn asked_to_stop() -> bool {
    this().is_some_and(|thread| thread.stop.load(Ordering::Relaxed))
}

pub(super) fn is_inside() -> bool {
    INSIDE.get() > 0
}

/// Marks this thread as inside the kernel until it is dropped.
pub(crate) struct KernelCall;

impl KernelCall {
    pub(crate) fn enter() -> Self {
        INSIDE.set(INSIDE.get() + 1);
        compiler_fence(Ordering::SeqCst);
        KernelCall
    }
}

impl Drop for KernelCall {
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        INSIDE.set(INSIDE.get().saturating_sub(1));
    }
}

/// Marks this thread as executing code of a cell until it is dropped.
pub(crate) struct UserCode {
    outer: u32,
}

impl UserCode {
    pub(crate) fn enter() -> Self {
        let outer = INSIDE.replace(0);
        compiler_fence(Ordering::SeqCst);
        UserCode { outer }
    }
}

impl Drop for UserCode {
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        INSIDE.set(self.outer);
    }
}

#[cfg(target_os = "linux")]
pub(super) fn own_id() -> i32 {
    // SAFETY: asks for a number.
    unsafe { libc::gettid() }
}

/// Elsewhere no running thread is parked, and nobody asks for its number.
#[cfg(not(target_os = "linux"))]
pub(super) fn own_id() -> i32 {
    0
}

#[cfg(target_os = "linux")]
fn own_stack() -> usize {
    // SAFETY: the attributes are initialised by the first call and given back once; zero is a valid
    // value before that.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return 0;
        }
        let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
        let found = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        if found { lowest as usize } else { 0 }
    }
}

#[cfg(not(target_os = "linux"))]
fn own_stack() -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_knows_whose_code_it_runs() {
        std::thread::spawn(|| {
            assert!(this().is_none() && !is_inside());
            let registered = UserThread::register();
            assert!(is_inside());
            {
                let _user = UserCode::enter();
                assert!(!is_inside());
                let _call = KernelCall::enter();
                assert!(is_inside());
            }
            assert!(is_inside());
            registered.thread().ask_to_stop(true);
            assert!(asked_to_stop());
            drop(registered);
            assert!(this().is_none() && !is_inside() && !asked_to_stop());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn an_access_at_the_end_of_the_stack_is_an_overflow() {
        let registered = UserThread::register();
        let thread = registered.thread();
        let local = 0u8;
        let here = std::ptr::from_ref(&local) as usize;
        assert!(thread.stack < here && here - thread.stack > NEAR_THE_END);
        assert!(thread.runs_out_of_stack(thread.stack - 100));
        assert!(!thread.runs_out_of_stack(1));
    }
}
