//! Inner loops compiled for the widest vectors of this machine, chosen at run time.

use std::sync::OnceLock;

/// How far a loop reads ahead, in bytes: what memory delivers while it answers.
const PREFETCH_BYTES: usize = 4096;
/// Bytes that come from memory together.
const LINE: usize = 64;

/// Work whose loops gain from wide vectors; `run` is compiled once per instruction set, so it must be
/// `#[inline(always)]` and so must be what it calls.
///
/// Products and sums stay apart (no fused multiply-add), so the bits are the same on every machine.
pub trait Vectorised {
    type Result;
    fn run(self) -> Self::Result;
}

struct Call<T>(T);

impl<T: Vectorised> pulp::NullaryFnOnce for Call<T> {
    type Output = T::Result;

    #[inline(always)]
    fn call(self) -> T::Result {
        self.0.run()
    }
}

/// Runs `work` with the best instructions there are.
pub fn vectorised<T: Vectorised>(work: T) -> T::Result {
    static ARCH: OnceLock<pulp::Arch> = OnceLock::new();
    ARCH.get_or_init(pulp::Arch::new).dispatch(Call(work))
}

/// Asks the memory for what lies a page behind `pixels`, without waiting for it. A loop that does more than read gets its pixels so as
/// quickly as one that only reads; where nothing lies there nothing happens.
#[inline(always)]
pub fn prefetch<T, const N: usize>(pixels: &[T; N]) {
    let ahead = pixels.as_ptr().wrapping_byte_add(PREFETCH_BYTES);
    for line in (0..size_of::<[T; N]>()).step_by(LINE) {
        ask_for(ahead.wrapping_byte_add(line).cast());
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
fn ask_for(line: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint, which reads nothing and takes any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn ask_for(_line: *const i8) {}
