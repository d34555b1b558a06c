//! Which nodes the cells still hold, and which were replaced when their cell ran again.

use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub(crate) struct Handles {
    counts: HashMap<u32, usize>,
    /// Nodes whose variable name went to a newer node.
    replaced: HashSet<u32>,
    /// Nodes with the name of a variable.
    named: HashSet<u32>,
}

impl Handles {
    pub fn retain(&mut self, node: u32) {
        *self.counts.entry(node).or_default() += 1;
    }

    pub fn release(&mut self, node: u32) {
        if let Some(count) = self.counts.get_mut(&node) {
            *count = count.saturating_sub(1);
        }
    }

    pub fn replace(&mut self, node: u32) {
        self.replaced.insert(node);
        self.named.remove(&node);
    }

    /// A variable has, or has again, the name of this node.
    pub fn keep(&mut self, node: u32) {
        self.replaced.remove(&node);
        self.named.insert(node);
    }

    pub fn is_named(&self, node: u32) -> bool {
        self.named.contains(&node)
    }

    /// Replaced and held by no cell.
    pub fn is_loose(&self, node: u32) -> bool {
        self.replaced.contains(&node) && self.counts.get(&node).is_none_or(|count| *count == 0)
    }

    pub fn forget(&mut self, node: u32) {
        self.counts.remove(&node);
        self.replaced.remove(&node);
        self.named.remove(&node);
    }
}
