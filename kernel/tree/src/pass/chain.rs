//! The operations between a source and the node somebody subscribes to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::{
    CancelToken, Computation, Detector, Inputs, NavigationIndex, Needs, Output, SignalMeta,
};

use crate::cache::{Cached, Key};
use crate::compute::{Inner, guarded};
use crate::map::is_referred;
use crate::preparation::InUse;
use crate::route;
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Graph, Node, Origin};

use super::Subscriber;

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
        priority: Priority,
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
            prepared: inner.prepared(graph, node, priority, cancel)?,
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
    /// The position of its input that its output at `at` is computed from.
    fn place_above(&self, at: NavigationIndex) -> NavigationIndex {
        match guarded(|| self.computation.needs(0, at, &self.metas)) {
            Ok(Needs::At(above)) => above,
            _ => (self.metas.first()).map_or(at, |input| route::same(at, input)),
        }
    }

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
    Steps {
        steps: Vec<Step>,
        /// Whether all of them take it at the same position.
        straight: bool,
        /// So many of the first ones pass on the frames of the source as they are.
        passing: usize,
    },
    /// A node of which a position needs several inputs, computed through the tree.
    Tree {
        graph: Arc<Graph>,
        node: Arc<Node>,
        priority: Priority,
        /// Of the node and all above it: it stays for the whole pass.
        _prepared: Vec<InUse>,
    },
}

/// Outputs of one scan position that several chains have in common.
#[derive(Default)]
pub(super) struct Memo(Vec<MemoEntry>);

struct MemoEntry {
    node: u32,
    revision: u32,
    at: NavigationIndex,
    output: Result<Output, ComputeError>,
    /// Of the whole way from the source.
    took: Duration,
}

impl Memo {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn find(&self, node: &Node, at: NavigationIndex) -> Option<usize> {
        (self.0.iter()).position(|entry| {
            entry.node == node.id
                && entry.revision == node.revision
                && entry.at == at
                // The one who computed it is cancelled; that says nothing about the others.
                && !matches!(&entry.output, Err(error) if error.is_cancelled())
        })
    }

    fn keep(
        &mut self,
        node: &Node,
        at: NavigationIndex,
        output: Result<Output, ComputeError>,
        took: Duration,
    ) -> usize {
        self.0.push(MemoEntry {
            node: node.id,
            revision: node.revision,
            at,
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
        priority: Priority,
        cancel: &CancelToken,
        prepared: Vec<InUse>,
    ) -> Result<Self, ComputeError> {
        let mut steps = Vec::new();
        let mut straight = true;
        let mut at = node;
        while let Origin::Operation(_) = at.origin {
            // The values of such a map are looked up.
            let looked_up = is_referred(at) || inner.finished_map(at).is_some();
            let one = match looked_up {
                true => None,
                false => graph.one_input(at)?,
            };
            let Some((parent, same_place)) = one else {
                return Ok(Chain::Tree {
                    graph: graph.clone(),
                    node: node.clone(),
                    priority,
                    _prepared: prepared,
                });
            };
            straight &= same_place;
            steps.extend(Step::new(inner, graph, at, parent, priority, cancel)?);
            at = parent;
        }
        steps.reverse();
        let passes_on = |step: &Step| step.computation.passes_on();
        let passing = steps.iter().take_while(|step| passes_on(step)).count();
        Ok(Chain::Steps {
            steps,
            straight,
            passing,
        })
    }

    /// Whether it begins with the frames of the pass; what is computed through the tree reads for itself.
    pub(super) fn takes_frames(&self) -> bool {
        matches!(self, Chain::Steps { .. })
    }

    /// Whether the frames of the file are used without their dead pixels: not by an operation that takes them as they are stored,
    /// nor where they are the output and wanted as `stored`.
    pub(super) fn uses_frames(&self, stored: bool) -> bool {
        match self {
            Chain::Steps { steps, passing, .. } => {
                (steps.get(*passing)).map_or(!stored, |step| !step.computation.takes_stored())
            }
            Chain::Tree { .. } => false,
        }
    }

    /// The output at one position of the node, and how long it took, kept in `memo` for other chains of this frame. `stored`:
    /// of the file itself, frames as they are stored.
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
            Chain::Steps {
                steps,
                straight,
                passing,
            } => match steps.get(*passing) {
                None => return (frames.pick(stored), Duration::ZERO),
                Some(first) => {
                    let frame = frames.pick(first.computation.takes_stored());
                    let left = &steps[*passing..];
                    match straight {
                        true => walk(left, inner, frame, &|_| at, cancel, memo),
                        false => {
                            let places = places(left, at);
                            walk(left, inner, frame, &|step| places[step], cancel, memo)
                        }
                    }
                }
            },
            Chain::Tree {
                graph,
                node,
                priority,
                ..
            } => memo.find(node, at).unwrap_or_else(|| {
                let began = Instant::now();
                let output = inner.output_of_pass(graph, node, at, *priority, cancel);
                memo.keep(node, at, output, began.elapsed())
            }),
        };
        let entry = &memo.0[last];
        (&entry.output, entry.took)
    }

    /// The output at one position without a pass.
    pub(super) fn through_tree(
        &self,
        inner: &Inner,
        subscriber: &Subscriber,
        at: NavigationIndex,
    ) -> Result<Output, ComputeError> {
        let Subscriber {
            graph,
            node,
            priority,
            cancel,
            ..
        } = subscriber;
        let output = inner.output_of_pass(graph, node, at, *priority, cancel)?;
        match subscriber.stored {
            true => Ok(output),
            false => inner.in_use(graph, node, output, *priority, cancel),
        }
    }
}

/// Where each step is computed, that the last one is at `at`.
fn places(steps: &[Step], at: NavigationIndex) -> Vec<NavigationIndex> {
    let mut places = vec![at; steps.len()];
    for number in (1..steps.len()).rev() {
        places[number - 1] = steps[number].place_above(places[number]);
    }
    places
}

/// Goes on from the last step that is known at its position; gives the place of the last one.
fn walk(
    steps: &[Step],
    inner: &Inner,
    frame: &Result<Output, ComputeError>,
    at: &dyn Fn(usize) -> NavigationIndex,
    cancel: &CancelToken,
    memo: &mut Memo,
) -> usize {
    let known = (0..steps.len())
        .rev()
        .find_map(|step| Some((step + 1, memo.find(&steps[step].node, at(step))?)));
    let (first, mut place) = known.unwrap_or((0, usize::MAX));
    for (number, step) in steps.iter().enumerate().skip(first) {
        let (input, before) = match memo.0.get(place) {
            Some(entry) => (&entry.output, entry.took),
            None => (frame, Duration::ZERO),
        };
        let (at, began) = (at(number), Instant::now());
        let output = match input {
            Err(error) => Err(error.clone()),
            Ok(input) => match known_frame(inner, &step.node, at) {
                Some(output) => Ok(output),
                None => step.output(inner, input, at, cancel),
            },
        };
        place = memo.keep(&step.node, at, output, before + began.elapsed());
    }
    place
}

/// What somebody has looked at is not computed again.
fn known_frame(inner: &Inner, node: &Node, at: NavigationIndex) -> Option<Output> {
    if let Some(output) = inner.materialised.output(node, at) {
        return Some(output);
    }
    let key = Key::Output {
        node: node.id,
        revision: node.revision,
        at,
    };
    match inner.cache.get(&key, Priority::Batch)? {
        Cached::Output(output) => Some(output),
        Cached::Chunk(_) => None,
    }
}
