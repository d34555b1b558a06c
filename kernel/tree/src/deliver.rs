//! A whole signal to somebody who stores it: every output once, from the threads of the pass, in no order.

use std::ops::ControlFlow;
use std::sync::Arc;

use signal::{CancelToken, MapReference, NavigationIndex, Output, SignalKind};

use crate::compute::Inner;
use crate::pass::{Consumer, PieceSink, Subscriber};
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Engine, Graph, Node};

/// Takes the outputs of one node; called from several threads at once.
pub trait Receiver: Send + Sync {
    /// Whether the output of this position is still to be computed.
    fn wants(&self, at: NavigationIndex) -> bool;

    /// `Break` ends the pass.
    fn receive(
        &self,
        at: NavigationIndex,
        output: &Result<Output, ComputeError>,
    ) -> ControlFlow<()>;
}

/// Subscribes a receiver to a pass.
struct Delivery {
    receiver: Arc<dyn Receiver>,
    /// Pieces with a wanted position.
    pieces: Vec<bool>,
    cancel: CancelToken,
}

struct Piece<'a>(&'a Delivery);

impl Consumer for Delivery {
    /// Files are written from their first block to their last.
    fn in_order(&self) -> bool {
        true
    }

    fn wants(&self, piece: usize) -> bool {
        self.pieces.get(piece).copied().unwrap_or(false)
    }

    fn begin(
        &self,
        _piece: usize,
        _positions: &[NavigationIndex],
    ) -> Option<Box<dyn PieceSink + '_>> {
        Some(Box::new(Piece(self)))
    }
}

impl PieceSink for Piece<'_> {
    fn wants(&self, at: NavigationIndex) -> bool {
        self.0.receiver.wants(at)
    }

    fn push(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>) {
        let Delivery {
            receiver, cancel, ..
        } = self.0;
        if !cancel.is_cancelled() && receiver.receive(at, output).is_break() {
            cancel.cancel();
        }
    }

    fn finish(self: Box<Self>) {}
}

impl Engine {
    /// Computes what `receiver` wants of `node` and hands it over, with the memory of a few chunks. It steps
    /// aside for interactive work between frames. Returns at once when `cancel` is set; a thread that is in the
    /// middle of a frame drops it later.
    ///
    /// # Errors
    /// [`ComputeError`] when the pass cannot start, when a preparation before it fails, or `cancelled`, also by
    /// the receiver.
    pub fn deliver(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        cancel: &CancelToken,
        receiver: Arc<dyn Receiver>,
    ) -> Result<(), ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        let refers = (node.computation())
            .is_some_and(|computation| computation.map_reference() != MapReference::None);
        if node.meta.kind == SignalKind::Map && refers {
            return self.deliver_map(graph, node, cancel, &*receiver);
        }
        let pieces = self.inner.wanted_pieces(graph, node, &*receiver)?;
        let delivery = Delivery {
            receiver,
            pieces,
            cancel: cancel.clone(),
        };
        let subscriber = Subscriber::new(
            graph.clone(),
            node.clone(),
            Priority::Batch,
            cancel.clone(),
            Arc::new(delivery),
        )
        // What is saved of a file is what is in it.
        .with_stored(true);
        self.inner.run_pass(vec![subscriber])
    }
}

impl Engine {
    /// The values of a map whose reference is known only when all of it is there.
    fn deliver_map(
        &self,
        graph: &Arc<Graph>,
        node: &Node,
        cancel: &CancelToken,
        receiver: &dyn Receiver,
    ) -> Result<(), ComputeError> {
        let map = self.finish_map(graph, node.id, &mut |_| match cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })?;
        let (images, shape) = (map.all(), node.meta.axes.navigation_shape());
        let positions: usize = shape.iter().product();
        for flat in 0..positions {
            let at = NavigationIndex::from_flat(flat, &shape);
            if !receiver.wants(at) {
                continue;
            }
            let values = images.iter().skip(flat).step_by(positions).copied();
            let output = Ok(Output::Values(values.collect()));
            if cancel.is_cancelled() || receiver.receive(at, &output).is_break() {
                return Err(ComputeError::new(node, None, Cause::Cancelled));
            }
        }
        Ok(())
    }
}

impl Inner {
    fn wanted_pieces(
        &self,
        graph: &Graph,
        node: &Node,
        receiver: &dyn Receiver,
    ) -> Result<Vec<bool>, ComputeError> {
        let units = self.pieces_of(graph, node)?;
        let wanted = |unit| (units.positions(unit).iter()).any(|at| receiver.wants(*at));
        Ok((0..units.len()).map(wanted).collect())
    }
}
