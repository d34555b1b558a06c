//! Parameters and further inputs a node had before: each change of them can be taken back, and taken back again.

use std::sync::Arc;

use signal::Computation;

use crate::{Node, Tree, TreeError};

/// Changes of one node that are remembered; the oldest are forgotten first.
pub const REMEMBERED_CHANGES: usize = 100;

/// What a node is computed by and from.
#[derive(Clone)]
pub struct Binding {
    pub computation: Arc<dyn Computation>,
    pub parents: Vec<u32>,
}

/// What a node was before, and what was taken back; the next step of either is last.
#[derive(Clone, Default)]
pub struct History {
    past: Vec<Binding>,
    future: Vec<Binding>,
}

impl History {
    /// Oldest first. What does not fit into [`REMEMBERED_CHANGES`] is forgotten, oldest first.
    pub fn new(mut past: Vec<Binding>, mut future: Vec<Binding>) -> Self {
        past.drain(..past.len().saturating_sub(REMEMBERED_CHANGES));
        future.drain(..future.len().saturating_sub(REMEMBERED_CHANGES));
        History { past, future }
    }

    /// Oldest first.
    pub fn past(&self) -> &[Binding] {
        &self.past
    }

    /// What was taken back last comes last.
    pub fn future(&self) -> &[Binding] {
        &self.future
    }

    /// After a change away from `current`. What was taken back before cannot be brought back any more.
    pub(crate) fn changed(&self, current: &Binding) -> Self {
        let mut past = self.past.clone();
        past.push(current.clone());
        History::new(past, Vec::new())
    }

    fn step(&self, current: &Binding, step: Step) -> Option<(Binding, Self)> {
        let mut history = self.clone();
        let (from, to) = match step {
            Step::Undo => (&mut history.past, &mut history.future),
            Step::Redo => (&mut history.future, &mut history.past),
        };
        let next = from.pop()?;
        to.push(current.clone());
        Some((next, history))
    }
}

/// A way through the history of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Undo,
    Redo,
}

impl Tree {
    /// Takes the last change of a node's parameters or inputs back, or makes it again. Returns the ids whose results
    /// may have changed, as [`Tree::set_computation`] does.
    ///
    /// # Errors
    /// [`TreeError::NoHistory`] when there is no such change, and those of [`Tree::set_computation`].
    pub fn step(&self, id: u32, step: Step) -> Result<Vec<u32>, TreeError> {
        self.bind_again(id, |node, current| {
            node.history
                .step(current, step)
                .ok_or_else(|| TreeError::NoHistory {
                    name: node.name.clone(),
                    step,
                })
        })
    }

    /// Gives a node the history it had in an earlier session.
    ///
    /// # Errors
    /// [`TreeError::NoNode`].
    pub fn restore_history(&self, id: u32, history: History) -> Result<(), TreeError> {
        self.change(|graph| {
            graph.alter(id, |node| Node {
                history: Arc::new(history),
                ..node.clone()
            })
        })
    }
}
