//! The signal handlers: where a thread that cannot go on stops for ever.
//!
//! A handler may use atomics, `write` and `pause`, and nothing else that is not async-signal-safe.

#![allow(unsafe_code)] // signals and their handlers

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::text::is_cell_text;
use super::thread::{self, UserThread};
use super::{Ending, Loss, registers};

const PROBE: c_int = libc::SIGUSR2;
const PROBE_PERIOD: Duration = Duration::from_millis(1);
/// What a bug of a cell raises: a bad address or mapping, a bad instruction or a trap of the compiler, a
/// division, `abort`, a break point.
const FATAL: [c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGTRAP,
];

/// What `FATAL` did before: std's own handler tells of the stack overflow of a thread of the kernel.
static BEFORE: OnceLock<[libc::sigaction; FATAL.len()]> = OnceLock::new();
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Where a byte goes whenever a thread is lost.
static EVENTS: AtomicI32 = AtomicI32::new(-1);
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// `process::exit` was called: std lets no other thread call it again, they wait inside for ever.
static EXITED: AtomicBool = AtomicBool::new(false);
/// The last thread lost that a cell had started itself: signal (0: none, -1: `exit`) and address.
static STRANGER: AtomicI32 = AtomicI32::new(0);
static STRANGER_DETAIL: AtomicUsize = AtomicUsize::new(0);

/// Installs the handlers, once per process: gives a pipe from which a byte comes whenever a thread is
/// lost, or `None` when somebody has it already.
///
/// # Errors
/// The operating system refuses a pipe or a handler.
pub(crate) fn install() -> io::Result<Option<File>> {
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return Ok(None);
    }
    let (reader, writer) = io::pipe()?;
    // Open for the life of the process: handlers write to it.
    EVENTS.store(OwnedFd::from(writer).into_raw_fd(), Ordering::Release);
    // SAFETY: asks for a number.
    PROCESS.store(unsafe { libc::getpid() }, Ordering::Release);
    // SAFETY: zero is a valid value of this structure; the kernel of the system fills it below.
    let mut before = [unsafe { std::mem::zeroed::<libc::sigaction>() }; FATAL.len()];
    for (signal, before) in FATAL.iter().zip(&mut before) {
        // SAFETY: only asks for the action in place.
        if unsafe { libc::sigaction(*signal, std::ptr::null(), before) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // Set before any handler can run.
    let _ = BEFORE.set(before);
    let fatal = FATAL.map(|signal| (signal, on_fatal as *const () as usize));
    for (signal, handler) in fatal
        .into_iter()
        .chain([(PROBE, on_probe as *const () as usize)])
    {
        // SAFETY: handlers that do only what a handler may do; every signal is blocked in them, because
        // a thread may stay in them for ever and must not run another handler then.
        let installed = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
            libc::sigfillset(&mut action.sa_mask);
            libc::sigaction(signal, &action, std::ptr::null_mut())
        };
        if installed != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(Some(File::from(OwnedFd::from(reader))))
}

/// Tells the kernel, and stops this thread for ever.
fn stop_for_ever() -> ! {
    let byte = 1u8;
    // SAFETY: writes one byte from the stack. A full pipe has woken its reader already. The thread then
    // waits with every signal blocked.
    unsafe {
        libc::write(EVENTS.load(Ordering::Acquire), (&raw const byte).cast(), 1);
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, std::ptr::null_mut());
        loop {
            libc::pause();
        }
    }
}

/// Whether a cell started this thread with its own std: threads of the kernel have a stack for handlers.
/// The main thread, which runs no code of cells, gives its own back before it exits.
fn is_stranger() -> bool {
    // Not `PROCESS`: a program that only prepares loads libraries without handlers.
    // SAFETY: asks for a number.
    if thread::own_id() == unsafe { libc::getpid() } {
        return false;
    }
    // SAFETY: asks for the alternate stack of this thread; zero is a valid value of the structure.
    unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &mut stack) == 0
            && stack.ss_flags & libc::SS_DISABLE != 0
    }
}

unsafe extern "C" fn on_fatal(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the system passes a live record; which of its fields hold depends on its code.
    let (sent_from_outside, raised, address) = unsafe {
        let code = (*info).si_code;
        let from_outside =
            code == libc::SI_USER && (*info).si_pid() != PROCESS.load(Ordering::Acquire);
        (from_outside, code <= 0, (*info).si_addr() as usize)
    };
    let address = if raised { 0 } else { address };
    if !sent_from_outside {
        if let Some(thread) = thread::this() {
            thread.record(Ending::Signal {
                signal,
                address,
                overflow: false,
            });
            stop_for_ever();
        }
        if is_stranger() {
            STRANGER_DETAIL.store(address, Ordering::Relaxed);
            STRANGER.store(signal, Ordering::Release);
            stop_for_ever();
        }
    }
    // A bug of the kernel, or somebody ends it: as if we were not here.
    let before = FATAL
        .iter()
        .position(|fatal| *fatal == signal)
        .and_then(|index| BEFORE.get()?.get(index));
    // SAFETY: puts back what was in place. A faulting instruction is executed again after the return; a
    // signal that was sent is sent again and comes after the return.
    unsafe {
        if let Some(before) = before {
            libc::sigaction(signal, before, std::ptr::null_mut());
        }
        if raised {
            libc::raise(signal);
        }
    }
}

/// Runs on the probed thread.
unsafe extern "C" fn on_probe(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(thread) = thread::this() else {
        return;
    };
    if thread::is_inside() || !thread.wanted.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: the context of this very signal.
    let interrupted = unsafe { registers::read(context) };
    // In a cell's own code no lock of the allocator is held, nor in a call that waits.
    if (is_cell_text(interrupted.at) || interrupted.waits)
        && thread.wanted.swap(false, Ordering::AcqRel)
    {
        let exits = thread.exits.load(Ordering::Acquire);
        thread.record(if exits {
            Ending::Exit(None)
        } else {
            Ending::Abandoned
        });
        stop_for_ever();
    }
}

/// Makes `process::exit` of user code stop its thread instead. To be called before each cell: handlers
/// run in the reverse order of their registration, and ours must come before those of the cell's libraries.
pub(crate) fn guard_exit() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            /// As `atexit`, with the status: glibc.
            fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void)
            -> c_int;
        }
        extern "C" fn exits(status: c_int, _: *mut c_void) {
            stop_if_user(status);
        }
        // SAFETY: a function that lives for ever.
        unsafe { on_exit(exits, std::ptr::null_mut()) };
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        extern "C" fn exits() {
            stop_if_user(0);
        }
        // SAFETY: a function that lives for ever.
        unsafe { libc::atexit(exits) };
    }
}

fn stop_if_user(status: c_int) {
    if let Some(thread) = thread::this() {
        EXITED.store(true, Ordering::Release);
        thread.record(Ending::Exit(Some(status)));
        stop_for_ever();
    }
    if is_stranger() {
        EXITED.store(true, Ordering::Release);
        STRANGER_DETAIL.store(status as usize, Ordering::Relaxed);
        STRANGER.store(-1, Ordering::Release);
        stop_for_ever();
    }
}

/// Ends the process at once: nothing registered for its end runs, and no thread that user code left
/// behind is waited for. What should be on disk has to be there.
pub fn leave(status: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

/// Whether a thread of user code has called `process::exit` before.
pub(crate) fn somebody_exited() -> bool {
    EXITED.load(Ordering::Acquire)
}

/// The last thread that was lost among those cells started themselves, once.
pub(crate) fn lost_stranger() -> Option<Loss> {
    let detail = STRANGER_DETAIL.load(Ordering::Relaxed);
    let ending = match STRANGER.swap(0, Ordering::AcqRel) {
        0 => return None,
        -1 => Ending::Exit(Some(detail as i32)),
        signal => Ending::Signal {
            signal,
            address: detail,
            overflow: false,
        },
    };
    Some(Loss {
        ending,
        inside: false,
    })
}

/// Parks `thread` as soon as that is safe; `false` if it does not get there within `limit` or `running`
/// says that the code ended meanwhile.
pub(crate) fn park(thread: &UserThread, limit: Duration, running: impl Fn() -> bool) -> bool {
    thread.wanted.store(true, Ordering::Release);
    let until = Instant::now() + limit;
    while running() && Instant::now() < until && !thread.is_parked() {
        probe(thread.id);
        std::thread::sleep(PROBE_PERIOD);
    }
    // Whoever takes the wish decides: a handler that came first has parked its thread.
    if thread.wanted.swap(false, Ordering::AcqRel) {
        return thread.is_parked();
    }
    while !thread.is_parked() {
        std::thread::yield_now();
    }
    true
}

#[cfg(target_os = "linux")]
fn probe(thread: i32) {
    let process = PROCESS.load(Ordering::Acquire);
    // SAFETY: a signal to a thread of this process, by its number: one that is gone is no harm.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, PROBE) };
}

#[cfg(not(target_os = "linux"))]
fn probe(_thread: i32) {}

/// Whether the thread called `process::exit` after another one had: std makes it wait for a signal then.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn waits_to_exit(thread: &UserThread) -> bool {
    let call = format!("/proc/self/task/{}/syscall", thread.id);
    std::fs::read_to_string(call)
        .is_ok_and(|call| call.split_whitespace().next() == Some(&libc::SYS_pause.to_string()))
}

/// Parks a thread that waits to exit, and says so.
pub(crate) fn stop_exit(thread: &UserThread) {
    thread.exits.store(true, Ordering::Release);
    park(thread, Duration::from_millis(100), || true);
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn waits_to_exit(_thread: &UserThread) -> bool {
    false
}
