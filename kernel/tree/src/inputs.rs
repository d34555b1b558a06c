//! What an output is computed from: the outputs of the inputs that it takes, at the positions that it takes.

use std::sync::Arc;

use signal::{CancelToken, NavigationIndex, Needs, Output, SignalMeta};

use crate::cache::{Cached, Key};
use crate::compute::Inner;
use crate::map::is_referred;
use crate::route::{needs_at, same};
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Graph, Node, Origin};

impl Inner {
    /// An output for a pass, which takes each once: it is looked up, and else not kept, so that what several positions take
    /// has the room.
    pub fn output_of_pass(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let computation = match &node.origin {
            Origin::Operation(computation) if node.fault.is_none() => computation,
            _ => return self.output(graph, node, at, priority, cancel),
        };
        let elsewhere = computation.passes_on()
            || is_referred(node)
            || self.materialised.has(node)
            || self.finished_map(node).is_some();
        if elsewhere {
            return self.output(graph, node, at, priority, cancel);
        }
        let key = Key::Output {
            node: node.id,
            revision: node.revision,
            at,
        };
        if let Some(Cached::Output(output)) = self.cache.get(&key, priority) {
            return Ok(output);
        }
        if cancel.is_cancelled() {
            return Err(ComputeError::new(node, Some(at), Cause::Cancelled));
        }
        self.compute(graph, node, &**computation, at, priority, cancel)
    }

    /// Each input's description, and the outputs that the one at `at` takes of them, without dead pixels unless the operation
    /// takes what is stored.
    pub fn inputs(
        &self,
        graph: &Graph,
        node: &Node,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<(Vec<Arc<SignalMeta>>, Vec<Output>), ComputeError> {
        let no_node = || ComputeError::no_node(node.id);
        let computation = node.computation().ok_or_else(no_node)?;
        let inputs = graph.inputs(node).ok_or_else(no_node)?;
        let metas: Vec<_> = inputs.iter().map(|input| input.meta.clone()).collect();
        let mut outputs = Vec::with_capacity(inputs.len());
        for (number, input) in inputs.into_iter().enumerate() {
            let needs = needs_at(node, &**computation, number, at, &metas)?;
            if needs == Needs::Model {
                outputs.push(self.model(graph, node, input, priority, cancel)?);
                continue;
            }
            let mut take = |at| {
                let output = self.input(graph, node, input, at, priority, cancel)?;
                outputs.push(output);
                Ok(())
            };
            match needs {
                Needs::Nothing | Needs::WholeMap | Needs::Model => {}
                Needs::Same => take(same(at, &input.meta))?,
                Needs::At(at) => take(at)?,
                Needs::Window(window) => window.positions().try_for_each(take)?,
            }
        }
        Ok((metas, outputs))
    }

    /// What was prepared for an input that is a model.
    fn model(
        &self,
        graph: &Graph,
        node: &Node,
        input: &Arc<Node>,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        if let Some(fault) = &input.fault {
            let cause = Cause::NotApplicable(fault.clone());
            return Err(ComputeError::new(input, None, cause));
        }
        match self.prepared(graph, input, priority, cancel)? {
            Some(prepared) => Ok(Output::Model((*prepared).clone())),
            None => Err(ComputeError::new(
                node,
                None,
                Cause::WrongOutput {
                    expected: "a model".into(),
                    found: input.meta.kind.noun().into(),
                },
            )),
        }
    }

    /// What a preparation is handed of a position of the first input: its output, and those of the further inputs there that
    /// a position takes.
    pub fn inputs_to_prepare(
        &self,
        graph: &Graph,
        node: &Node,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<(Vec<Arc<SignalMeta>>, Vec<Output>), ComputeError> {
        let takes = graph.takes(node)?;
        let outputs = (takes.iter())
            .filter(|takes| takes.number == 0 || takes.needs == Needs::Same)
            .map(|takes| {
                let at = match takes.number {
                    0 => at,
                    _ => same(at, &takes.input.meta),
                };
                self.input(graph, node, takes.input, at, priority, cancel)
            })
            .collect::<Result<_, _>>()?;
        let metas = takes.iter().map(|takes| takes.input.meta.clone());
        Ok((metas.collect(), outputs))
    }

    /// The output of one input of `node` at a position of that input.
    pub fn input(
        &self,
        graph: &Graph,
        node: &Node,
        input: &Arc<Node>,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let stored = (node.computation()).is_some_and(|computation| computation.takes_stored());
        let output = self.output(graph, input, at, priority, cancel)?;
        match stored {
            true => Ok(output),
            false => self.in_use(graph, input, output, priority, cancel),
        }
    }
}
