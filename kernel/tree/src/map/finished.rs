//! Maps that are complete: whoever takes their values has them from there.

use std::ops::ControlFlow;
use std::sync::Arc;

use signal::{CancelToken, MapReference, Needs, SignalKind};

use super::{MapProgress, MapRun, PassState};
use crate::compute::Inner;
use crate::route::Takes;
use crate::{Cause, ComputeError, Engine, Graph, Node, Origin, lock};

impl Inner {
    /// The images of a map node when all its positions are there; where some failed, only those of a map with a reference, which
    /// has its values from nowhere else.
    pub fn finished_map(&self, node: &Node) -> Option<Arc<MapRun>> {
        if node.meta.kind != SignalKind::Map {
            return None;
        }
        let run = lock(&self.maps).get(&node.id)?.clone();
        let progress = run.progress();
        let done = run.revision() == node.revision && progress.state == PassState::Done;
        (done && (progress.failures == 0 || is_referred(node))).then_some(run)
    }

    /// Whether an output of `node` is computed from frames, and not from maps that are finished: what is left to do for each
    /// position is little then.
    ///
    /// # Errors
    /// [`ComputeError`] when a node above is gone, or an operation panics.
    pub fn reads(&self, graph: &Graph, node: &Node) -> Result<bool, ComputeError> {
        if let Origin::Source(_) = node.origin {
            return Ok(true);
        }
        if self.finished_map(node).is_some() {
            return Ok(false);
        }
        for takes in graph.takes(node)? {
            if takes.at_positions() && self.reads(graph, takes.input)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Fills the maps of which a position of `node`, or of what it is computed from, takes more than its own: each
    /// value is computed once, and looked up by all that take it.
    ///
    /// # Errors
    /// [`ComputeError`] when one of them fails, or `cancelled`.
    pub fn finish_maps_above(
        &self,
        graph: &Arc<Graph>,
        node: &Node,
        cancel: &CancelToken,
    ) -> Result<(), ComputeError> {
        if self.finished_map(node).is_some() {
            return Ok(());
        }
        for takes in graph.takes(node)? {
            match self.is_to_be_filled(&takes) {
                true => drop(self.finish_for(graph, takes.input, cancel, &mut |_| {})?),
                false if takes.at_positions() => {
                    self.finish_maps_above(graph, takes.input, cancel)?;
                }
                false => {}
            }
        }
        Ok(())
    }

    /// Whether there is a map above `node` that [`Inner::finish_maps_above`] would wait for.
    pub fn waits_for_maps(&self, graph: &Graph, node: &Node) -> bool {
        (graph.takes(node).unwrap_or_default().iter()).any(|takes| {
            self.is_to_be_filled(takes)
                || (takes.at_positions() && self.waits_for_maps(graph, takes.input))
        })
    }

    fn is_to_be_filled(&self, takes: &Takes<'_>) -> bool {
        let node = takes.input;
        let whole =
            matches!(takes.needs, Needs::Window(_)) || (takes.at_positions() && is_referred(node));
        let computed = matches!(node.origin, Origin::Operation(_));
        whole && computed && node.meta.kind == SignalKind::Map && self.finished_map(node).is_none()
    }

    /// Fills a map that somebody needs as a whole, until `cancel` is set.
    ///
    /// # Errors
    /// [`ComputeError`] when it fails, or `cancelled`.
    pub fn finish_for(
        &self,
        graph: &Arc<Graph>,
        map: &Node,
        cancel: &CancelToken,
        note: &mut dyn FnMut(&MapProgress),
    ) -> Result<Arc<MapRun>, ComputeError> {
        let cancelled = || ComputeError::new(map, None, Cause::Cancelled);
        let inner = self.this.upgrade().ok_or_else(cancelled)?;
        let mut tick = |progress: &MapProgress| {
            note(progress);
            match cancel.is_cancelled() || self.ended.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let images = (Engine { inner }).finish_map(graph, map.id, &mut tick)?;
        Ok(images.run)
    }
}

/// Whether the values of a map are known only when all of it is there.
pub(crate) fn is_referred(node: &Node) -> bool {
    node.meta.kind == SignalKind::Map
        && (node.computation())
            .is_some_and(|computation| computation.map_reference() != MapReference::None)
}
