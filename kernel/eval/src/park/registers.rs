//! What a signal handler reads of the interrupted thread.

#![allow(unsafe_code)] // reads the context the operating system passes to a handler

use std::ffi::c_void;

/// The interrupted thread, as far as a handler needs it.
pub(super) struct Interrupted {
    /// Address of the next instruction; 0 where it is not known.
    pub at: usize,
    /// In a call of the operating system that waits for something outside the thread: time, input, a
    /// lock, a child. Never one that the allocator makes.
    pub waits: bool,
}

/// # Safety
/// `context` must be the third argument of a handler with `SA_SIGINFO`.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) unsafe fn read(context: *mut c_void) -> Interrupted {
    const SYSCALL: [u8; 2] = [0x0f, 0x05];
    // SAFETY: the operating system passes a `ucontext_t`.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let at = registers[libc::REG_RIP as usize] as usize;
    let result = registers[libc::REG_RAX as usize];
    // SAFETY: the processor was about to execute at this address and has executed what lies before it,
    // if it is in a call of the operating system; unaligned bytes are read.
    let call_at = |address: usize| unsafe {
        address > 4096 && (address as *const [u8; 2]).read_unaligned() == SYSCALL
    };
    let waits = if result == -i64::from(libc::EINTR) {
        call_at(at - SYSCALL.len())
    } else {
        // The call begins anew after the handler; its number is back in place.
        waits_outside(result, registers[libc::REG_RSI as usize]) && call_at(at)
    };
    Interrupted { at, waits }
}

/// # Safety
/// `context` must be the third argument of a handler with `SA_SIGINFO`.
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub(super) unsafe fn read(context: *mut c_void) -> Interrupted {
    const SVC: u32 = 0xd400_0001;
    // SAFETY: the operating system passes a `ucontext_t`.
    let machine = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let at = machine.pc as usize;
    // SAFETY: as on x86-64; instructions are aligned words.
    let call_at =
        |address: usize| unsafe { address > 4096 && (address as *const u32).read() == SVC };
    let waits = if machine.regs[0] as i64 == -i64::from(libc::EINTR) {
        call_at(at - 4)
    } else {
        waits_outside(machine.regs[8] as i64, machine.regs[1] as i64) && call_at(at)
    };
    Interrupted { at, waits }
}

/// Elsewhere nothing is known, and no running thread is parked.
///
/// # Safety
/// None needed.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
pub(super) unsafe fn read(_context: *mut c_void) -> Interrupted {
    Interrupted {
        at: 0,
        waits: false,
    }
}

/// Calls that may be begun again after a signal, and wait for something outside the thread. `write` is not
/// among them: who writes holds the lock of a stream.
#[cfg(target_os = "linux")]
fn waits_outside(call: libc::c_long, second_argument: i64) -> bool {
    const WAITING: [libc::c_long; 12] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_connect,
        libc::SYS_wait4,
        libc::SYS_waitid,
        libc::SYS_flock,
        libc::SYS_clock_nanosleep,
        libc::SYS_openat,
    ];
    /// `FUTEX_WAIT`, `FUTEX_LOCK_PI`, `FUTEX_WAIT_BITSET`, `FUTEX_WAIT_REQUEUE_PI`; a thread that is about
    /// to wake others must not stop here.
    const WAITS: [i64; 4] = [0, 6, 9, 11];
    if call == libc::SYS_futex {
        return WAITS.contains(&(second_argument & 0x7f));
    }
    WAITING.contains(&call)
}
