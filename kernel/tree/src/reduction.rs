//! What an operation gathers over the scan before it can compute a frame, once per node and revision.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use signal::serde_json::Value;
use signal::{CancelToken, Inputs, NavigationIndex, Positions, Prepared, Region, SignalMeta};

use crate::compute::{EngineEvent, Inner, guarded};
use crate::gate::{Gate, Lane};
use crate::ordered::in_order;
use crate::{Cause, ComputeError, Engine, Graph, Node, lock};

mod parts;

#[derive(Clone)]
enum Slot {
    Making,
    /// `None`: the operation needs nothing.
    Made(Option<Prepared>),
}

/// All that a reduction depends on: the same gathers the same.
#[derive(Clone, PartialEq)]
struct Depends {
    operation: &'static str,
    params: Value,
    /// Nodes and revisions of the inputs.
    inputs: Vec<(u32, u32)>,
}

impl Depends {
    /// `None` for what has no recipe.
    fn of(graph: &Graph, node: &Node) -> Option<Self> {
        let computation = (node.computation()).filter(|computation| computation.has_recipe())?;
        let inputs = graph.inputs(node)?;
        Some(Depends {
            operation: computation.info().name,
            params: computation.preparation_params(),
            inputs: (inputs.iter())
                .map(|input| (input.id, input.revision))
                .collect(),
        })
    }
}

#[derive(Default)]
pub(crate) struct Reductions {
    slots: Mutex<HashMap<(u32, u32), Slot>>,
    /// What was found last for each node: a parameter that the reduction does not depend on may change.
    last: Mutex<HashMap<u32, (Depends, Prepared)>>,
    changed: Condvar,
}

/// Clears the slot when its maker failed or unwound, so that the next one tries again.
struct Making<'a> {
    reductions: &'a Reductions,
    key: (u32, u32),
    made: Option<Option<Prepared>>,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let mut slots = lock(&self.reductions.slots);
        match self.made.take() {
            // Forgotten in the meantime: nobody will ask for this revision again.
            _ if !slots.contains_key(&self.key) => {}
            Some(made) => {
                slots.insert(self.key, Slot::Made(made));
            }
            None => {
                slots.remove(&self.key);
            }
        }
        self.reductions.changed.notify_all();
    }
}

impl Reductions {
    pub fn forget_older(&self, nodes: &[(u32, u32)]) {
        let older = |(node, revision): &(u32, u32)| {
            (nodes.iter()).any(|(changed, current)| node == changed && revision < current)
        };
        lock(&self.slots).retain(|key, _| !older(key));
        self.changed.notify_all();
    }

    /// What was found for a node, by revision too.
    pub fn made(&self, node: &Node) -> Option<Option<Prepared>> {
        match lock(&self.slots).get(&(node.id, node.revision)) {
            Some(Slot::Made(prepared)) => Some(prepared.clone()),
            _ => None,
        }
    }

    /// Nodes for which something was found.
    pub fn nodes(&self) -> Vec<u32> {
        let slots = lock(&self.slots);
        let made = slots
            .iter()
            .filter(|(_, slot)| matches!(slot, Slot::Made(Some(_))));
        made.map(|((node, _), _)| *node).collect()
    }

    /// Found for a node with the same recipe, unless this one has its own or somebody is at it.
    pub fn give(&self, node: &Node, prepared: Option<Prepared>) {
        if !node.ended.is_set() {
            (lock(&self.slots).entry((node.id, node.revision))).or_insert(Slot::Made(prepared));
        }
    }

    /// What was found last for the same operation on the same inputs.
    fn found(&self, depends: &Depends) -> Option<Prepared> {
        (lock(&self.last).values())
            .find(|(of, _)| of == depends)
            .map(|(_, prepared)| prepared.clone())
    }

    /// Unless the node was forgotten in the meantime.
    fn keep_last(&self, key: (u32, u32), depends: Depends, prepared: Prepared) {
        let slots = lock(&self.slots);
        if slots.contains_key(&key) {
            lock(&self.last).insert(key.0, (depends, prepared));
        }
    }

    pub fn forget(&self, nodes: &[u32]) {
        lock(&self.slots).retain(|(node, _), _| !nodes.contains(node));
        // After the slots: nothing is kept for a node that has none.
        lock(&self.last).retain(|node, _| !nodes.contains(node));
        self.changed.notify_all();
    }
}

impl Engine {
    /// Runs the reductions of a node and of everything above it, as a pass over it would do first.
    ///
    /// # Errors
    /// [`ComputeError`] when one of them fails or is cancelled.
    pub fn prepare(
        &self,
        graph: &Graph,
        node: u32,
        cancel: &CancelToken,
    ) -> Result<(), ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        self.inner.prepare_all(graph, node, Lane::Batch, cancel)
    }

    /// What the reduction of a node has found, if it has run.
    pub fn prepared(&self, node: &Node) -> Option<Prepared> {
        self.inner.reductions.made(node)?
    }
}

impl Inner {
    /// The result of `node`'s reduction, computed by one thread while others wait.
    pub fn prepared(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        lane: Lane,
        cancel: &CancelToken,
    ) -> Result<Option<Prepared>, ComputeError> {
        if node.ended.is_set() {
            return self.reduce(graph, node, lane, cancel);
        }
        let key = (node.id, node.revision);
        let mut slots = lock(&self.reductions.slots);
        loop {
            match slots.get(&key) {
                Some(Slot::Made(prepared)) => return Ok(prepared.clone()),
                None => break,
                Some(Slot::Making) => {
                    if cancel.is_cancelled() {
                        return Err(ComputeError::new(node, None, Cause::Cancelled));
                    }
                    let _waiting = self.gate.waiting(lane);
                    slots = self
                        .reductions
                        .changed
                        .wait_timeout(slots, Duration::from_millis(50))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
            }
        }
        slots.insert(key, Slot::Making);
        drop(slots);
        let mut making = Making {
            reductions: &self.reductions,
            key,
            made: None,
        };
        let depends = Depends::of(graph, node);
        let found = (depends.as_ref())
            .and_then(|depends| self.reductions.found(depends))
            .filter(|_| graph.files_are_unchanged(node));
        let prepared = match found {
            Some(found) => Some(found),
            None => match self.prepared_of_the_same(graph, node) {
                Some(prepared) => prepared,
                None => self.reduce(graph, node, lane, cancel)?,
            },
        };
        making.made = Some(prepared.clone());
        if let (Some(depends), Some(prepared)) = (depends, &prepared) {
            self.reductions.keep_last(key, depends, prepared.clone());
        }
        drop(making);
        if prepared.is_some() {
            self.tell(EngineEvent::Prepared { node: node.id });
        }
        Ok(prepared)
    }

    /// Inputs are computed in parallel and added in C order, one at a time, so that the result does
    /// not depend on the number of threads.
    fn reduce(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        lane: Lane,
        cancel: &CancelToken,
    ) -> Result<Option<Prepared>, ComputeError> {
        let Some(computation) = node.computation() else {
            return Ok(None);
        };
        let fail = |at, cause| ComputeError::new(node, at, cause);
        let metas = graph
            .input_metas(node)
            .ok_or_else(|| fail(None, Cause::NoNode))?;
        let borrowed: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
        let reduction = guarded(|| computation.reduction(&borrowed))
            .map_err(|text| fail(None, Cause::Panic(text)))?;
        let Some(reduction) = reduction else {
            return Ok(None);
        };
        let shape = borrowed
            .first()
            .map_or_else(Vec::new, |meta| meta.axes.navigation_shape());
        let mut reduce = reduction.reduce;
        let inputs = graph.inputs(node).unwrap_or_default();
        if let [parent] = *inputs.as_slice()
            && !Gate::inside_a_pass()
            && reduce.fork().is_some()
            && let Some(region) = in_one_pass(reduction.positions)
        {
            let whole = self.reduce_in_parts(graph, node, parent, region, reduce, lane, cancel)?;
            return finish(node, whole).map(Some);
        }
        let positions = reduction.positions.of(&shape);
        // Those of the first input, then those of the further ones, each with the number of its input.
        let mut work: Vec<(usize, NavigationIndex)> =
            positions.into_iter().map(|at| (0, at)).collect();
        for ((number, input), positions) in
            inputs.iter().enumerate().skip(1).zip(&reduction.further)
        {
            let positions = positions.of(&input.meta.axes.navigation_shape());
            work.extend(positions.into_iter().map(|at| (number, at)));
        }
        let mut failed = None;
        let threads = if Gate::inside_a_pass() {
            1
        } else {
            self.threads
        };
        in_order(
            work.len(),
            threads,
            &|number| {
                // Gathering counts as batch work too: several references at once would leave no core to a drag.
                let _slot = self.gate.slot(lane);
                self.gate.step_aside(lane);
                let (input, at) = work[number];
                match input {
                    0 => self.inputs(graph, node, at, lane, cancel),
                    _ => {
                        let input = inputs[input];
                        let output = self.input(graph, node, input, at, lane, cancel)?;
                        Ok((vec![input.meta.clone()], vec![output]))
                    }
                }
            },
            &mut |number, inputs| {
                let (input, at) = work[number];
                let added = inputs.and_then(|(metas, outputs)| {
                    let inputs = Inputs {
                        metas: &metas,
                        outputs: &outputs,
                    };
                    guarded(|| match input {
                        0 => reduce.add(at, &inputs),
                        _ => reduce.add_further(input - 1, at, &inputs),
                    })
                    .map_err(|text| fail(Some(at), Cause::Panic(text)))?
                    .map_err(|error| fail(Some(at), Cause::Operation(error)))
                });
                match added {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Some(error) = failed {
            return Err(error);
        }
        if cancel.is_cancelled() {
            return Err(fail(None, Cause::Cancelled));
        }
        finish(node, reduce).map(Some)
    }

    /// Runs the reductions of `node` and everything above it, so that the frames of a pass find them done.
    pub fn prepare_all(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        lane: Lane,
        cancel: &CancelToken,
    ) -> Result<(), ComputeError> {
        for parent in &node.parents {
            let parent = graph
                .node(*parent)
                .ok_or_else(|| ComputeError::no_node(*parent))?;
            self.prepare_all(graph, parent, lane, cancel)?;
        }
        self.prepared(graph, node, lane, cancel).map(|_| ())
    }
}

/// The region that a pass over the source goes through, `None` for all of it; no pass for a few positions.
fn in_one_pass(positions: Positions) -> Option<Option<Region>> {
    match positions {
        Positions::All => Some(None),
        Positions::Region(region) => Some(Some(region)),
        Positions::Spread(_) | Positions::SpreadAnd(..) => None,
    }
}

fn finish(
    node: &Node,
    reduce: Box<dyn signal::Reduce<Prepared>>,
) -> Result<Prepared, ComputeError> {
    guarded(|| reduce.finish())
        .map_err(|text| ComputeError::new(node, None, Cause::Panic(text)))?
        .map_err(|error| ComputeError::new(node, None, Cause::Operation(error)))
}
