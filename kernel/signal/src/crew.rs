//! Who does the parts of one piece of work. An operation starts no threads: whoever runs it says how many there are.

use std::cell::RefCell;
use std::sync::Arc;

/// Threads that share the parts of a piece of work.
pub trait Crew: Send + Sync {
    /// Calls `work` on as many threads as may help, and returns when all have ended. Each of them takes numbers of parts from
    /// its iterator; together they take each of `0..parts` once.
    ///
    /// # Panics
    /// As `work` does; with [`Interrupted`] when the work is not wanted any more.
    fn share(&self, parts: usize, work: &(dyn Fn(&mut dyn Iterator<Item = usize>) + Sync));
}

/// What a crew unwinds with, without a message, when the work is cancelled: whoever runs the operation catches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

thread_local! {
    static CREW: RefCell<Option<Arc<dyn Crew>>> = const { RefCell::new(None) };
}

/// Puts back the crew that was there before.
struct Before(Option<Arc<dyn Crew>>);

impl Drop for Before {
    fn drop(&mut self) {
        CREW.set(self.0.take());
    }
}

/// What `work` shares on this thread is shared by this crew.
pub fn with_crew<T>(crew: Arc<dyn Crew>, work: impl FnOnce() -> T) -> T {
    let _before = Before(CREW.replace(Some(crew)));
    work()
}

/// The crew of this thread; `None` where nobody has said, in tests and measurements.
pub fn crew() -> Option<Arc<dyn Crew>> {
    CREW.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::*;

    struct Alone;

    impl Crew for Alone {
        fn share(&self, parts: usize, work: &(dyn Fn(&mut dyn Iterator<Item = usize>) + Sync)) {
            work(&mut (0..parts));
        }
    }

    #[test]
    fn a_crew_is_that_of_the_work_it_was_given_for() {
        assert!(crew().is_none());
        with_crew(Arc::new(Alone), || assert!(crew().is_some()));
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            with_crew(Arc::new(Alone), || resume_unwind(Box::new(Interrupted)))
        }));
        assert!(unwound.is_err_and(|why: Box<dyn std::any::Any + Send>| why.is::<Interrupted>()));
        assert!(crew().is_none());
    }
}
