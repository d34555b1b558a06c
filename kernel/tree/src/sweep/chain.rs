//! The operations between a source and the node somebody rides on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::{CancelToken, Computation, Detector, Inputs, NavigationIndex, Output, SignalMeta};

use crate::cache::{Held, Key};
use crate::compute::{Inner, guarded};
use crate::gate::Lane;
use crate::preparation::InUse;
use crate::{Cause, ComputeError, Graph, Node, Origin};

/// One per-frame operation with what it needs to run.
pub(crate) struct Step {
    pub node: Arc<Node>,
    pub computation: Arc<dyn Computation>,
    /// Of all inputs; the first one's outputs are what is computed from.
    pub metas: Vec<Arc<SignalMeta>>,
    /// Of the first input's frames.
    shape: Vec<usize>,
    pub prepared: Option<InUse>,
    /// What the operation does, where it is a virtual detector: measured without a call per frame.
    detector: Option<Detector>,
}

impl Step {
    pub fn new(
        inner: &Inner,
        graph: &Graph,
        node: &Arc<Node>,
        parent: &Node,
        lane: Lane,
        cancel: &CancelToken,
    ) -> Result<Option<Self>, ComputeError> {
        let Some(computation) = node.computation() else {
            return Ok(None);
        };
        if let Some(fault) = &node.fault {
            let cause = Cause::NotApplicable(fault.clone());
            return Err(ComputeError::new(node, None, cause));
        }
        let metas = graph
            .input_metas(node)
            .ok_or_else(|| ComputeError::no_node(node.id))?;
        Ok(Some(Step {
            metas,
            computation: computation.clone(),
            shape: parent.meta.axes.signal_shape(),
            prepared: inner.prepared(graph, node, lane, cancel)?,
            detector: guarded(|| computation.detector(&[&parent.meta])).unwrap_or_default(),
            node: node.clone(),
        }))
    }

    pub fn output(
        &self,
        inner: &Inner,
        input: &Output,
        at: NavigationIndex,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let inputs = Inputs {
            metas: &self.metas,
            outputs: std::slice::from_ref(input),
        };
        let prepared = self.prepared.as_deref();
        inner.apply(
            &self.node,
            &*self.computation,
            &inputs,
            at,
            prepared,
            cancel,
        )
    }
}

impl Step {
    /// The values of a map, without a vector of their own where the operation can do that.
    pub fn values(
        &self,
        inner: &Inner,
        input: &Output,
        at: NavigationIndex,
        cancel: &CancelToken,
        values: &mut [f32],
    ) -> Result<(), ComputeError> {
        if let (Some(detector), Output::Frame(frame)) = (&self.detector, input)
            && detector.components() == values.len()
            && frame.shape() == self.shape
        {
            inner.count_output();
            detector.measure(frame, values);
            return Ok(());
        }
        let output = self.output(inner, input, at, cancel)?;
        crate::map::copy(&output, values, &self.node, at)
    }
}

/// A frame of a file: as it is stored, and as it is used, with NaN at dead pixels.
#[derive(Clone, Copy)]
pub(super) struct Frames<'a> {
    pub stored: &'a Result<Output, ComputeError>,
    pub used: &'a Result<Output, ComputeError>,
}

impl<'a> Frames<'a> {
    fn pick(self, stored: bool) -> &'a Result<Output, ComputeError> {
        if stored { self.stored } else { self.used }
    }
}

/// The way from the frames of a source to the outputs of a node.
pub(crate) enum Chain {
    /// Each step takes the output of the one before; none: the source itself.
    Steps(Vec<Step>),
    /// A node of which a position needs several inputs, computed through the tree.
    Tree {
        graph: Arc<Graph>,
        node: Arc<Node>,
        lane: Lane,
        /// Of the node and all above it: it stays for the whole pass.
        _prepared: Vec<InUse>,
    },
}

/// Outputs of one scan position that several chains have in common.
#[derive(Default)]
pub(super) struct Memo(Vec<Kept>);

struct Kept {
    node: u32,
    revision: u32,
    output: Result<Output, ComputeError>,
    /// Of the whole way from the source.
    took: Duration,
}

impl Memo {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn find(&self, node: &Node) -> Option<usize> {
        (self.0.iter()).position(|kept| {
            kept.node == node.id
                && kept.revision == node.revision
                // The one who computed it is cancelled; that says nothing about the others.
                && !matches!(&kept.output, Err(error) if error.is_cancelled())
        })
    }

    fn keep(&mut self, node: &Node, output: Result<Output, ComputeError>, took: Duration) -> usize {
        self.0.push(Kept {
            node: node.id,
            revision: node.revision,
            output,
            took,
        });
        self.0.len() - 1
    }
}

impl Chain {
    pub fn new(
        inner: &Inner,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        lane: Lane,
        cancel: &CancelToken,
        prepared: Vec<InUse>,
    ) -> Result<Self, ComputeError> {
        let mut steps = Vec::new();
        let mut at = node;
        while let Origin::Operation(_) = at.origin {
            let inputs = (graph.position_inputs(at)).ok_or_else(|| ComputeError::no_node(at.id))?;
            let [parent] = *inputs.as_slice() else {
                return Ok(Chain::Tree {
                    graph: graph.clone(),
                    node: node.clone(),
                    lane,
                    _prepared: prepared,
                });
            };
            steps.extend(Step::new(inner, graph, at, parent, lane, cancel)?);
            at = parent;
        }
        steps.reverse();
        Ok(Chain::Steps(steps))
    }

    /// Whether the frames of the file are used as they are, without an operation that takes them as they are stored.
    pub(super) fn uses_frames(&self) -> bool {
        match self {
            Chain::Steps(steps) => {
                (steps.first()).is_none_or(|step| !step.computation.takes_stored())
            }
            Chain::Tree { .. } => false,
        }
    }

    /// The output at one position and how long it took, kept in `memo` for other chains of this position. `stored`: of
    /// the file itself, frames as they are stored.
    pub(super) fn output<'m>(
        &self,
        inner: &Inner,
        frames: Frames<'m>,
        stored: bool,
        at: NavigationIndex,
        cancel: &CancelToken,
        memo: &'m mut Memo,
    ) -> (&'m Result<Output, ComputeError>, Duration) {
        let last = match self {
            Chain::Steps(steps) => match steps.first() {
                None => return (frames.pick(stored), Duration::ZERO),
                Some(first) => {
                    let frame = frames.pick(first.computation.takes_stored());
                    walk(steps, inner, frame, at, cancel, memo)
                }
            },
            Chain::Tree {
                graph, node, lane, ..
            } => memo.find(node).unwrap_or_else(|| {
                let began = Instant::now();
                let output = inner.output(graph, node, at, *lane, cancel);
                memo.keep(node, output, began.elapsed())
            }),
        };
        let kept = &memo.0[last];
        (&kept.output, kept.took)
    }
}

/// Goes on from the last step that is known at this position; gives the place of the last one.
fn walk(
    steps: &[Step],
    inner: &Inner,
    frame: &Result<Output, ComputeError>,
    at: NavigationIndex,
    cancel: &CancelToken,
    memo: &mut Memo,
) -> usize {
    let known = (0..steps.len())
        .rev()
        .find_map(|step| Some((step + 1, memo.find(&steps[step].node)?)));
    let (first, mut place) = known.unwrap_or((0, usize::MAX));
    for step in &steps[first..] {
        let (input, before) = match memo.0.get(place) {
            Some(kept) => (&kept.output, kept.took),
            None => (frame, Duration::ZERO),
        };
        let began = Instant::now();
        let output = match input {
            Err(error) => Err(error.clone()),
            Ok(input) => match known_frame(inner, &step.node, at) {
                Some(output) => Ok(output),
                None => step.output(inner, input, at, cancel),
            },
        };
        place = memo.keep(&step.node, output, before + began.elapsed());
    }
    place
}

/// What somebody has looked at is not computed again.
fn known_frame(inner: &Inner, node: &Node, at: NavigationIndex) -> Option<Output> {
    if let Some(output) = inner.held.output(node, at) {
        return Some(output);
    }
    let key = Key::Output {
        node: node.id,
        revision: node.revision,
        at,
    };
    match inner.cache.get(&key, Lane::Batch)? {
        Held::Output(output) => Some(output),
        Held::Chunk(_) => None,
    }
}
