//! A pass over a file that is not the one which was opened any more: it ends, whatever could still be read.

use std::sync::Arc;

use signal::{Source, SourceError};

use super::Pass;
use crate::compute::guarded;
use crate::{Cause, ComputeError, Node, lock};

/// # Errors
/// What the source says of its file.
pub(super) fn check(node: &Node, source: &Arc<dyn Source>) -> Result<(), ComputeError> {
    let cause = match guarded(|| source.check()) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => Cause::Source(error),
        Err(text) => Cause::Panic(text),
    };
    Err(ComputeError::new(node, None, cause))
}

impl Pass {
    /// What a chunk that could not be read gives its subscribers: each position its error where a part of the file is
    /// damaged. Where the file was replaced or removed, all subscriptions end.
    pub(super) fn refused(&self, error: SourceError) -> Cause {
        match check(&self.node, &self.source) {
            Ok(()) => Cause::Source(error),
            Err(found) => {
                self.lose(&found.cause);
                Cause::Cancelled
            }
        }
    }

    fn lose(&self, cause: &Cause) {
        let mut state = lock(&self.state);
        for unfinished in state.unfinished.drain(..) {
            let error = ComputeError::new(
                &unfinished.subscription.subscriber.node,
                None,
                cause.clone(),
            );
            // Another worker may have met the same.
            let _ = unfinished.subscription.failed.set(error);
        }
        drop(state);
        self.changed.notify_all();
    }
}
