//! Who holds a node. The rule, for everything that runs again and again and must leave nothing behind:
//!
//! A node of a cell stays while something holds it: a handle of a cell (a variable, or a value in which one lies:
//! a list, a closure), an open view that was opened for it or shows it, a save of it, or a node below it. With the
//! last of them it goes at once, with all that was computed and read for it; when it is the last one of its file,
//! the file is closed. A name holds nothing: the node that had it before is called `NAME_earlier` while something
//! else holds it.
//!
//! Some nodes nobody would give back, and they stay until they are removed by hand: those made in the viewer, what
//! `restore()` brought back into no variable, and what a cell held that crashed. Of these, all but the first go when
//! a view that was opened for them closes, or when a cell has made the same again.

use std::collections::HashMap;

#[derive(Default)]
struct Hold {
    /// Of cells.
    handles: usize,
    /// Saves under way.
    work: usize,
    /// A cell has had a handle, or a view took over: from then on it goes with the last who holds it.
    given_out: bool,
    /// A variable has given it its name.
    named: bool,
    /// Made in the viewer.
    by_hand: bool,
    /// Brought back into no variable, or left behind by a crash.
    orphan: bool,
}

/// Who holds a node, in the words of [`Holds`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    /// A variable with the name of the node.
    pub variable: bool,
    /// Another value of a cell.
    pub value: bool,
    /// Open views that were opened for it or show it.
    pub views: usize,
    /// It stays until it is removed by hand.
    pub stays: bool,
}

#[derive(Default)]
pub(crate) struct Holds {
    nodes: HashMap<u32, Hold>,
    /// Nodes that each open view was opened for or shows.
    views: HashMap<String, Vec<u32>>,
    /// Somebody let go of something since it was last looked what nobody holds.
    loosened: bool,
}

impl Holds {
    fn of(&mut self, node: u32) -> &mut Hold {
        self.nodes.entry(node).or_default()
    }

    pub fn retain(&mut self, node: u32) {
        // A cell that runs again after `restore()` makes anew what came back.
        self.loosened |= self.nodes.values().any(|hold| hold.orphan);
        let hold = self.of(node);
        hold.handles += 1;
        hold.given_out = true;
    }

    pub fn release(&mut self, node: u32) {
        if let Some(hold) = self.nodes.get_mut(&node) {
            hold.handles = hold.handles.saturating_sub(1);
            self.loosened |= hold.handles == 0;
        }
    }

    pub fn work_begins(&mut self, node: u32) {
        self.of(node).work += 1;
    }

    pub fn work_ends(&mut self, node: u32) {
        if let Some(hold) = self.nodes.get_mut(&node) {
            hold.work = hold.work.saturating_sub(1);
            self.loosened = true;
        }
    }

    /// A view is open from here on.
    pub fn view_opened(&mut self, view: &str, nodes: Vec<u32>) {
        for node in &nodes {
            if let Some(hold) = self.nodes.get_mut(node).filter(|hold| hold.orphan) {
                hold.orphan = false;
                hold.given_out = true;
            }
        }
        self.views.insert(view.to_owned(), nodes);
        self.loosened = true;
    }

    /// An open view shows these nodes now. One that was closed meanwhile holds nothing.
    pub fn view_shows(&mut self, view: &str, nodes: Vec<u32>) {
        if let Some(shown) = self.views.get_mut(view) {
            *shown = nodes;
            self.loosened = true;
        }
    }

    pub fn view_closed(&mut self, view: &str) {
        self.loosened |= self.views.remove(view).is_some();
    }

    /// A variable has, or has again, the name of this node.
    pub fn named(&mut self, node: u32) {
        self.of(node).named = true;
    }

    /// Another node has its name now.
    pub fn unnamed(&mut self, node: u32) {
        self.of(node).named = false;
    }

    pub fn is_named(&self, node: u32) -> bool {
        self.nodes.get(&node).is_some_and(|hold| hold.named)
    }

    pub fn by_hand(&mut self, node: u32) {
        self.of(node).by_hand = true;
    }

    pub fn is_by_hand(&self, node: u32) -> bool {
        self.nodes.get(&node).is_some_and(|hold| hold.by_hand)
    }

    /// It has nothing below it and nobody who would let go of it.
    pub fn orphan(&mut self, node: u32) {
        self.of(node).orphan = true;
    }

    pub fn is_orphan(&self, node: u32) -> bool {
        self.nodes.get(&node).is_some_and(|hold| hold.orphan)
    }

    /// Brought back because of what is below it.
    pub fn goes_with_its_children(&mut self, node: u32) {
        self.of(node).given_out = true;
    }

    /// Something was removed by hand.
    pub fn loosen(&mut self) {
        self.loosened = true;
    }

    /// Whether there may be something that nobody holds.
    pub fn take_loosened(&mut self) -> bool {
        std::mem::take(&mut self.loosened)
    }

    /// Held by nobody but, perhaps, by nodes below it. `made_again`: a cell has made the same node.
    pub fn is_loose(&self, node: u32, made_again: impl FnOnce() -> bool) -> bool {
        let Some(hold) = self.nodes.get(&node) else {
            return false;
        };
        let held = hold.handles > 0 || hold.work > 0 || hold.by_hand;
        if held || self.views.values().any(|shown| shown.contains(&node)) {
            return false;
        }
        match hold.orphan {
            true => made_again(),
            false => hold.given_out,
        }
    }

    pub fn holders(&self, node: u32) -> Holders {
        let views = self.views.values().filter(|shown| shown.contains(&node));
        let views = views.count();
        let Some(hold) = self.nodes.get(&node) else {
            return Holders {
                views,
                ..Holders::default()
            };
        };
        let held = hold.handles > 0;
        Holders {
            variable: held && hold.named,
            value: held && !hold.named,
            views,
            stays: hold.by_hand || hold.orphan,
        }
    }

    /// Whether its name may change by itself: nobody has given it one.
    pub fn has_own_name(&self, node: u32) -> bool {
        !self.is_named(node) && !self.is_by_hand(node)
    }

    pub fn forget(&mut self, nodes: &[u32]) {
        self.nodes.retain(|node, _| !nodes.contains(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_loose(holds: &Holds, node: u32) -> bool {
        holds.is_loose(node, || false)
    }

    #[test]
    fn a_node_is_loose_when_its_last_holder_lets_go() {
        let mut holds = Holds::default();
        assert!(!is_loose(&holds, 1), "nobody has had it yet");
        holds.retain(1);
        holds.retain(1);
        holds.release(1);
        assert!(!is_loose(&holds, 1) && !holds.take_loosened());
        holds.view_opened("a", vec![1]);
        holds.work_begins(1);
        holds.named(1);
        holds.release(1);
        assert!(!is_loose(&holds, 1));
        holds.view_shows("a", vec![2]);
        assert!(!is_loose(&holds, 1));
        holds.work_ends(1);
        assert!(is_loose(&holds, 1), "a name holds nothing");
        assert!(holds.take_loosened() && !holds.take_loosened());
        holds.forget(&[1]);
        assert!(!holds.is_named(1));
    }

    #[test]
    fn a_view_that_was_closed_holds_nothing_whatever_still_arrives_of_it() {
        let mut holds = Holds::default();
        holds.retain(1);
        holds.view_opened("a", vec![1]);
        holds.release(1);
        holds.view_closed("a");
        holds.view_shows("a", vec![1]);
        assert!(is_loose(&holds, 1));
    }

    #[test]
    fn what_was_made_by_hand_or_came_back_stays_until_somebody_takes_over() {
        let mut holds = Holds::default();
        holds.by_hand(1);
        holds.retain(1);
        holds.release(1);
        holds.orphan(2);
        holds.retain(2);
        holds.release(2);
        assert!(!is_loose(&holds, 1) && !is_loose(&holds, 2));
        holds.view_opened("a", vec![1, 2]);
        holds.view_closed("a");
        assert!(!is_loose(&holds, 1) && is_loose(&holds, 2));
        holds.goes_with_its_children(3);
        assert!(is_loose(&holds, 3));
    }
}
