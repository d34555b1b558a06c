//! Who looks at what. A view that nobody looks at costs nothing: its requests are dropped, nothing is read ahead
//! for it, and a map that fills only because it was shown pauses.

use std::collections::HashMap;
use std::sync::Mutex;

use protocol::Attention;
use tree::ViewId;

use crate::{Session, lock};

/// Views remembered; more than any notebook has, and a bound all the same.
const MAX_VIEWS: usize = 4096;

#[derive(Default)]
pub(crate) struct Viewers {
    views: Mutex<HashMap<ViewId, Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    node: u32,
    attention: Attention,
}

impl Viewers {
    /// Asking for a picture is looking at it. Whether the view has the focus; one that never said so has it.
    pub fn asks(&self, view: &ViewId, node: u32) -> bool {
        let mut views = lock(&self.views);
        if views.len() >= MAX_VIEWS {
            views.retain(|_, seen| seen.attention != Attention::Hidden);
        }
        if views.len() >= MAX_VIEWS {
            views.clear();
        }
        let another = views
            .values()
            .any(|seen| seen.attention == Attention::Focused);
        let seen = views.entry(view.clone()).or_insert(Seen {
            node,
            attention: Attention::Visible,
        });
        seen.node = node;
        if seen.attention == Attention::Hidden {
            seen.attention = Attention::Visible;
        }
        seen.attention == Attention::Focused || !another
    }

    /// Notes what a view says; what it showed before.
    fn note(&self, view: &ViewId, node: u32, attention: Attention) {
        let seen = Seen { node, attention };
        lock(&self.views).insert(view.clone(), seen);
    }

    /// The views of a page, and the nodes that they show.
    fn of_page(&self, page: &str) -> Vec<(ViewId, u32)> {
        (lock(&self.views).iter())
            .filter(|(view, _)| *view.page == *page)
            .map(|(view, seen)| (view.clone(), seen.node))
            .collect()
    }

    fn is_looked_at(&self, node: u32) -> bool {
        lock(&self.views)
            .values()
            .any(|seen| seen.node == node && seen.attention != Attention::Hidden)
    }

    fn remove(&self, page: &str) {
        lock(&self.views).retain(|view, _| *view.page != *page);
    }
}

impl Session {
    /// A page says how much one of its views is looked at.
    pub(crate) fn set_attention(&self, view: &ViewId, node: u32, attention: Attention) {
        self.viewers.note(view, node, attention);
        if attention == Attention::Hidden {
            self.hide(view, node);
        }
    }

    /// A page is gone: nobody looks at any of its views.
    pub fn page_closed(&self, page: &str) {
        let views = self.viewers.of_page(page);
        self.viewers.remove(page);
        self.request_queue.hide(page, None);
        for (view, node) in views {
            self.hide(&view, node);
        }
        lock(&self.holds).view_closed(page);
        self.remove_loose_nodes();
    }

    /// A cell begins. What was computed for nodes that go from here on waits for the same nodes.
    pub fn cell_begins(&self) {
        self.engine.cell_begins();
    }

    /// A cell has made what it makes. Where it failed, what was computed for it waits until it has run well.
    pub fn cell_ended(&self, cell: &str, failed: bool) {
        self.engine.cell_ended(cell, failed);
    }

    /// Estimates are shared by the detectors below one node.
    fn pause_estimates(&self, node: u32) {
        let graph = self.tree.snapshot();
        for parent in graph.node(node).iter().flat_map(|node| &node.parents) {
            let shared = |child: &tree::Node| self.viewers.is_looked_at(child.id);
            if !graph.children(*parent).any(|child| shared(child)) {
                self.engine.pause_estimates(*parent);
            }
        }
    }

    fn hide(&self, view: &ViewId, node: u32) {
        self.request_queue.hide(&view.page, Some(view.view));
        self.engine.clear_viewport(view);
        self.leave(view);
        if !self.viewers.is_looked_at(node) {
            if self.engine.pause_map(node) {
                // Other views would go on saying that it runs.
                self.notify_tree();
            }
            self.pause_estimates(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_that_asks_is_looked_at_and_the_only_one_has_the_focus() {
        let viewers = Viewers::default();
        let view = |number| ViewId::new("a", number);
        assert!(viewers.asks(&view(1), 7));
        viewers.note(&view(1), 7, Attention::Hidden);
        assert!(!viewers.is_looked_at(7));
        viewers.note(&view(2), 8, Attention::Focused);
        assert!(!viewers.asks(&view(1), 7), "another view has the focus");
        assert!(viewers.is_looked_at(7));
        assert!(viewers.asks(&view(2), 8));
        viewers.remove("a");
        assert!(!viewers.is_looked_at(8));
    }
}
