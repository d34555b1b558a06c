//! How far a save is, and who may still end it.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use signal::{CancelToken, Caveat};

use crate::lock;

/// A save under way: written by threads of its own, so that neither a slow operation nor a slow disk
/// keeps its cell from being interrupted.
pub(super) struct Writing {
    /// Somebody wants it to end.
    pub cancel: CancelToken,
    /// Ends the pass: also because the disk is full or a frame failed.
    pub pass: CancelToken,
    /// Scan positions.
    pub done: AtomicUsize,
    /// Those of them that were there when it began.
    pub already: AtomicUsize,
    /// 0 while it is not known how much there is to do.
    pub total: AtomicUsize,
    stage: Mutex<Stage>,
    /// What was found while it was computed.
    pub found: Mutex<Vec<Caveat>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Working,
    /// The new file takes the place of the old one; that is not stopped any more.
    Finishing,
    Abandoned,
}

impl Writing {
    pub fn new(positions: usize) -> Self {
        Writing {
            cancel: CancelToken::new(),
            pass: CancelToken::new(),
            done: AtomicUsize::new(0),
            already: AtomicUsize::new(0),
            total: AtomicUsize::new(positions),
            stage: Mutex::new(Stage::Working),
            found: Mutex::default(),
        }
    }

    /// Lets nothing take its place any more; `false` when it is too late for that.
    pub fn abandon(&self) -> bool {
        let mut stage = lock(&self.stage);
        if *stage == Stage::Working {
            *stage = Stage::Abandoned;
            self.cancel.cancel();
            self.pass.cancel();
        }
        *stage == Stage::Abandoned
    }

    pub fn may_finish(&self) -> bool {
        let mut stage = lock(&self.stage);
        if *stage == Stage::Working && !self.cancel.is_cancelled() {
            *stage = Stage::Finishing;
        }
        *stage == Stage::Finishing
    }
}
