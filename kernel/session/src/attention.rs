//! Who looks at what. A view that nobody looks at costs nothing: its requests are dropped, nothing is read ahead
//! for it, and a map that fills only because it was shown pauses.

use std::collections::HashMap;
use std::sync::Mutex;

use protocol::Attention;

use crate::request_queue::{Picture, ViewKey};
use crate::{Session, lock};

/// Views remembered; more than any notebook has, and a bound all the same.
const MAX_VIEWS: usize = 4096;

#[derive(Default)]
pub(crate) struct Viewers {
    views: Mutex<HashMap<(String, u32), Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    node: u32,
    attention: Attention,
}

impl Viewers {
    /// Asking for a picture is looking at it. Whether the view has the focus; one that never said so has it.
    pub fn asks(&self, page: &str, view: u32, node: u32) -> bool {
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
        let seen = views.entry((page.to_owned(), view)).or_insert(Seen {
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
    fn note(&self, page: &str, view: u32, node: u32, attention: Attention) {
        let seen = Seen { node, attention };
        lock(&self.views).insert((page.to_owned(), view), seen);
    }

    /// Nodes of the views of a page (or of one of them), and the views themselves.
    fn of_page(&self, page: &str) -> Vec<(u32, u32)> {
        (lock(&self.views).iter())
            .filter(|((of, _), _)| of == page)
            .map(|((_, view), seen)| (*view, seen.node))
            .collect()
    }

    fn is_looked_at(&self, node: u32) -> bool {
        lock(&self.views)
            .values()
            .any(|seen| seen.node == node && seen.attention != Attention::Hidden)
    }

    fn remove(&self, page: &str) {
        lock(&self.views).retain(|(of, _), _| of != page);
    }
}

impl Session {
    /// A page says how much one of its views is looked at.
    pub(crate) fn set_attention(&self, page: &str, view: u32, node: u32, attention: Attention) {
        self.viewers.note(page, view, node, attention);
        if attention == Attention::Hidden {
            self.hide(page, view, node);
        }
    }

    /// A page is gone: nobody looks at any of its views.
    pub fn page_closed(&self, page: &str) {
        let views = self.viewers.of_page(page);
        self.viewers.remove(page);
        self.request_queue.hide(page, None);
        for (view, node) in views {
            self.hide(page, view, node);
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

    fn hide(&self, page: &str, view: u32, node: u32) {
        self.request_queue.hide(page, Some(view));
        let key = ViewKey {
            page: page.to_owned(),
            view,
            picture: Picture::Frame,
        };
        self.engine.clear_viewport(key.number());
        self.leave(page, view);
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
        assert!(viewers.asks("a", 1, 7));
        viewers.note("a", 1, 7, Attention::Hidden);
        assert!(!viewers.is_looked_at(7));
        viewers.note("a", 2, 8, Attention::Focused);
        assert!(!viewers.asks("a", 1, 7), "another view has the focus");
        assert!(viewers.is_looked_at(7));
        assert!(viewers.asks("a", 2, 8));
        viewers.remove("a");
        assert!(!viewers.is_looked_at(8));
    }
}
