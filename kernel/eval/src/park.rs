//! Interrupting a cell: the compiler it waits for is stopped, running code is asked through its flag, and
//! a thread that does not answer (`loop {}`) is parked for ever in a signal handler.
//!
//! A thread is parked only while it executes code of a cell outside any call of the kernel, so that it
//! holds no lock of the engine. Its session is closed, evcxr starts a new one, and variables are lost.

#![allow(unsafe_code)] // signals and their handler; our own child processes

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{CStr, c_int, c_void};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PROBE: c_int = libc::SIGUSR2;
const PROBE_PERIOD: Duration = Duration::from_millis(1);
const MAX_RANGES: usize = 8192;

/// Executable ranges of loaded cells; appended under `add_text`, read by the handler.
static TEXT: [(AtomicUsize, AtomicUsize); MAX_RANGES] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; MAX_RANGES];
static TEXTS: AtomicUsize = AtomicUsize::new(0);
static WANTED: AtomicBool = AtomicBool::new(false);
static PARKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Calls of the kernel this thread is in. Without destructor, so that the handler may read it.
    static KERNEL_CALLS: Cell<u32> = const { Cell::new(0) };
}

/// Marks this thread as inside the kernel until it is dropped.
pub(crate) struct KernelCall;

impl KernelCall {
    pub(crate) fn enter() -> Self {
        KERNEL_CALLS.set(KERNEL_CALLS.get() + 1);
        KernelCall
    }
}

impl Drop for KernelCall {
    fn drop(&mut self) {
        KERNEL_CALLS.set(KERNEL_CALLS.get().saturating_sub(1));
    }
}

/// Remembers where the code of a freshly loaded library lies.
pub(crate) fn add_text(library: &CStr) {
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        wanted: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader passes a live record; `wanted` is the reference given below.
        unsafe {
            let info = &*info;
            let wanted = *wanted.cast::<&CStr>();
            if info.dlpi_name.is_null() || CStr::from_ptr(info.dlpi_name) != wanted {
                return 0;
            }
            for index in 0..usize::from(info.dlpi_phnum) {
                let header = &*info.dlpi_phdr.add(index);
                if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0 {
                    let start = info.dlpi_addr as usize + header.p_vaddr as usize;
                    remember(start, start + header.p_memsz as usize);
                }
            }
        }
        1
    }
    let mut wanted: &CStr = library;
    // SAFETY: the callback only reads the records and the reference, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut wanted).cast()) };
}

fn remember(start: usize, end: usize) {
    let index = TEXTS.load(Ordering::Acquire);
    // With a full table later cells cannot be parked; nothing else changes.
    if let Some((first, last)) = TEXT.get(index) {
        first.store(start, Ordering::Relaxed);
        last.store(end, Ordering::Relaxed);
        TEXTS.store(index + 1, Ordering::Release);
    }
}

fn is_cell_text(address: usize) -> bool {
    TEXT.iter()
        .take(TEXTS.load(Ordering::Acquire))
        .any(|(start, end)| {
            (start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)).contains(&address)
        })
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
unsafe fn program_counter(context: *mut c_void) -> usize {
    // SAFETY: the operating system passes a `ucontext_t` to a handler with `SA_SIGINFO`.
    unsafe {
        (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] as usize
    }
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
unsafe fn program_counter(context: *mut c_void) -> usize {
    // SAFETY: the operating system passes a `ucontext_t` to a handler with `SA_SIGINFO`.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.pc as usize }
}

/// Elsewhere no thread is parked.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
unsafe fn program_counter(_context: *mut c_void) -> usize {
    0
}

/// Runs on the probed thread. Atomics and `pause` only: anything else is not allowed here.
unsafe extern "C" fn on_probe(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the context of this very signal.
    let at = unsafe { program_counter(context) };
    if KERNEL_CALLS.get() == 0 && is_cell_text(at) && WANTED.swap(false, Ordering::AcqRel) {
        PARKED.store(true, Ordering::Release);
        loop {
            // SAFETY: waits for signals, for ever.
            unsafe { libc::pause() };
        }
    }
}

/// Parks `thread` as soon as it executes code of a cell; `false` if it does not within `limit` or
/// `running` says that the cell ended meanwhile.
///
/// # Safety
/// `thread` must be a thread that never ends while `running` is true.
pub(crate) unsafe fn park(
    thread: libc::pthread_t,
    limit: Duration,
    running: impl Fn() -> bool,
) -> bool {
    // SAFETY: a handler that does only what a handler may do; zero is a valid empty mask.
    let ready = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_probe as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(PROBE, &action, std::ptr::null_mut()) == 0
    };
    PARKED.store(false, Ordering::Release);
    WANTED.store(true, Ordering::Release);
    let until = Instant::now() + limit;
    while ready && running() && Instant::now() < until && !PARKED.load(Ordering::Acquire) {
        // SAFETY: promised by the caller.
        unsafe { libc::pthread_kill(thread, PROBE) };
        std::thread::sleep(PROBE_PERIOD);
    }
    // Whoever takes the wish decides: a handler that came first has parked its thread.
    if WANTED.swap(false, Ordering::AcqRel) {
        return false;
    }
    while !PARKED.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    true
}

/// Processes evcxr starts to compile a cell.
const COMPILERS: [&str; 3] = ["cargo", "rustc", "mold"];

/// Ends the compilers this process started, with everything they started.
pub(crate) fn stop_compilers() {
    let children = processes_by_parent();
    let mut doomed: Vec<i32> = children
        .get(&(std::process::id() as i32))
        .into_iter()
        .flatten()
        .filter(|(_, name)| COMPILERS.contains(&name.as_str()))
        .map(|(process, _)| *process)
        .collect();
    let mut next = 0;
    while let Some(process) = doomed.get(next).copied() {
        doomed.extend(
            children
                .get(&process)
                .into_iter()
                .flatten()
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    for process in doomed {
        // SAFETY: a signal to a descendant of this process; a process that is gone is no harm.
        unsafe { libc::kill(process, libc::SIGKILL) };
    }
}

/// Parent → its children with their names. Empty where there is no `/proc`.
fn processes_by_parent() -> HashMap<i32, Vec<(i32, String)>> {
    let mut children: HashMap<i32, Vec<(i32, String)>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else {
        return children;
    };
    for entry in entries.flatten() {
        let Some(process) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((parent, name)) = parent_and_name(&stat) {
            children.entry(parent).or_default().push((process, name));
        }
    }
    children
}

/// From `pid (name) state parent …`; a name may contain spaces and parentheses.
fn parent_and_name(stat: &str) -> Option<(i32, String)> {
    let open = stat.find('(')?;
    let close = stat.rfind(')')?;
    let parent = stat[close + 1..].split_whitespace().nth(1)?.parse().ok()?;
    Some((parent, stat.get(open + 1..close)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        assert_eq!(
            parent_and_name("12 (a) b (c)) S 7 12 12"),
            Some((7, "a) b (c)".into()))
        );
        assert_eq!(parent_and_name("broken"), None);
    }
}
