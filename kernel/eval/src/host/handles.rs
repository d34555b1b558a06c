//! Handles on nodes that the variables of compiled cells hold.

use std::collections::HashMap;

use super::{Shared, lock};

/// Handles on one node.
#[derive(Default)]
pub(super) struct Held {
    count: usize,
    /// Given back already, before the variable that holds it was dropped.
    revoked: usize,
}

pub(super) type Handles = HashMap<u32, Held>;

impl Shared {
    pub(super) fn retain_for_cell(&self, node: u32) {
        lock(&self.handles).entry(node).or_default().count += 1;
        self.engine.retain(node);
    }

    pub(super) fn release_for_cell(&self, node: u32) {
        // A thread of a cell that was abandoned may still drop its handles: nothing is counted for it.
        let mut handles = lock(&self.handles);
        let counted = match handles.get_mut(&node) {
            Some(held) if held.revoked > 0 => {
                held.revoked -= 1;
                false
            }
            Some(held) if held.count > 0 => {
                held.count -= 1;
                true
            }
            _ => false,
        };
        if (handles.get(&node)).is_some_and(|held| held.count + held.revoked == 0) {
            handles.remove(&node);
        }
        drop(handles);
        if counted {
            self.engine.release(node);
        }
    }

    /// Gives back the handle of a variable that no cell can use any more, though it is not dropped yet.
    pub(crate) fn revoke(&self, node: u32) {
        let counted = match lock(&self.handles).get_mut(&node) {
            Some(held) if held.count > 0 => {
                held.count -= 1;
                held.revoked += 1;
                true
            }
            _ => false,
        };
        if counted {
            self.engine.release(node);
        }
    }

    /// The variables of all compiled cells are lost in a crash, and nobody drops them.
    pub(crate) fn release_lost(&self) {
        self.engine.lose(&self.take_all());
    }

    /// The variables of all compiled cells were given up by the user, and nobody drops them.
    pub(crate) fn release_cleared(&self) {
        let nodes = self.take_all();
        nodes.iter().for_each(|node| self.engine.release(*node));
    }

    /// Every handle, by its node.
    fn take_all(&self) -> Vec<u32> {
        let all = std::mem::take(&mut *lock(&self.handles));
        (all.into_iter())
            .flat_map(|(node, held)| std::iter::repeat_n(node, held.count))
            .collect()
    }
}
