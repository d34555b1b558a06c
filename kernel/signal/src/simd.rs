//! Inner loops compiled for the widest vectors of this machine, chosen at run time.

use std::sync::OnceLock;

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
