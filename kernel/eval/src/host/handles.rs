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
        let counted = match lock(&self.handles).get_mut(&node) {
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

    /// The variables of all compiled cells are lost, and nobody drops them.
    pub(crate) fn release_lost(&self) {
        let lost = std::mem::take(&mut *lock(&self.handles));
        for (node, held) in lost {
            (0..held.count).for_each(|_| self.engine.release(node));
        }
    }
}
