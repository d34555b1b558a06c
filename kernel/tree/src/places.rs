//! Where the scan positions of a node are in the scan of its file, and in the scans of other nodes: a part of a scan, or
//! groups of its positions, are still places of it.

use std::sync::Arc;

use signal::{NavigationIndex, Needs};

use crate::compute::guarded;
use crate::route::{Hop, needs_at, same};
use crate::{ComputeError, Graph, Node, Origin};

impl Graph {
    /// The node whose scan positions are those of `node`: its file, or the last operation above that has cut or grouped them. What
    /// has no scan lies in between: a model, whose scores have the scan of what it was fitted to.
    pub fn scan_of(&self, node: u32) -> Option<&Arc<Node>> {
        let mut scan = self.node(node)?;
        let mut at = scan;
        while let Origin::Operation(_) = at.origin {
            at = *self.inputs(at)?.first()?;
            let (own, above) = (&scan.meta.axes.navigation, &at.meta.axes.navigation);
            if own.is_empty() || own == above {
                scan = at;
            } else if !above.is_empty() {
                break;
            }
        }
        Some(scan)
    }

    /// The model of which each scan position of a node is a component, and which one `at` is; `None` where positions are
    /// places of a scan.
    pub fn component_of(
        &self,
        node: u32,
        at: NavigationIndex,
    ) -> Option<(&Arc<Node>, NavigationIndex)> {
        let mut found = (self.node(node)?, at);
        loop {
            let takes = self.takes(found.0).ok()?;
            let first = takes.first()?;
            if first.needs == Needs::Model {
                let is_component = found.0.meta.axes.navigation == first.input.meta.axes.signal;
                return is_component.then_some((first.input, found.1));
            }
            found = self.place_above(found.0, found.1)?;
        }
    }

    /// The position in the scan of its file that the output of a node at `at` is computed from; of several the last, `None`
    /// where it is from no one position.
    pub fn position_in_file(&self, node: u32, at: NavigationIndex) -> Option<NavigationIndex> {
        let route = self.route(self.node(node)?).ok()?;
        guarded(|| route.anchor(at)).ok()?
    }

    /// Where the middle of the first position of a node lies in the scan of its file, and how far apart its positions lie there,
    /// per navigation axis; `None` where its scan is that of the file, or has other axes.
    pub fn steps_in_file(&self, node: u32) -> Option<(Vec<f64>, Vec<f64>)> {
        let node = self.node(node)?;
        let places = self.places(node).ok()?;
        let shape = node.meta.axes.navigation_shape();
        let (root, _) = self.source_of(node.id)?;
        let rank = shape.len();
        if places.are_those_of_the_file() || rank != root.meta.axes.navigation.len() {
            return None;
        }
        let middle = |index: &[usize]| -> Option<Vec<f64>> {
            let all = guarded(|| places.of(NavigationIndex::new(index))).ok()?;
            let (first, last) = (all.first()?.as_slice(), all.last()?.as_slice());
            Some(
                (first.iter().zip(last))
                    .map(|(a, b)| (a + b) as f64 / 2.0)
                    .collect(),
            )
        };
        let first = middle(&vec![0; rank])?;
        let step = (0..rank).map(|axis| {
            if shape[axis] < 2 {
                return Some(1.0);
            }
            let mut next = vec![0; rank];
            next[axis] = 1;
            Some(middle(&next)?[axis] - first[axis])
        });
        let step = step.collect::<Option<_>>()?;
        Some((first, step))
    }

    /// The positions in the scan of its file that a position of a node stands for, whatever its operations take of their
    /// neighbours; empty where it stands for no one of them.
    ///
    /// # Errors
    /// As [`Graph::takes`].
    pub(crate) fn places(&self, node: &Node) -> Result<Places, ComputeError> {
        let mut hops = Vec::new();
        let mut at = node;
        while let Some(computation) = at.computation() {
            let takes = self.takes(at)?;
            let Some(first) = takes.first() else { break };
            if first.input.meta.axes.navigation != at.meta.axes.navigation {
                match first.needs {
                    Needs::At(_) | Needs::Window(_) => hops.push(Hop {
                        computation: computation.clone(),
                        metas: takes.iter().map(|takes| takes.input.meta.clone()).collect(),
                    }),
                    _ => return Ok(Places { hops: None }),
                }
            }
            at = first.input;
        }
        Ok(Places { hops: Some(hops) })
    }

    /// The first parent of a node, and where in its scan a position of the node is: of several the middle one.
    pub fn place_above(
        &self,
        node: &Node,
        at: NavigationIndex,
    ) -> Option<(&Arc<Node>, NavigationIndex)> {
        let parent = self.node(*node.parents.first()?)?;
        let computation = node.computation()?;
        let metas = self.input_metas(node)?;
        let at = match needs_at(node, &**computation, 0, at, &metas).ok()? {
            Needs::At(at) => at,
            Needs::Window(window) => {
                let middle = window.count() / 2;
                window.positions().nth(middle).unwrap_or(window.first())
            }
            _ => same(at, &parent.meta),
        };
        Some((parent, at))
    }

    /// The position in the scan of `to` that is nearest to the place of `at` in the scan of `from`; between a scan and the components
    /// of a model the first one, without anything else in common the same index, kept inside.
    pub fn nearest_position(&self, from: &Node, at: NavigationIndex, to: &Node) -> NavigationIndex {
        let shape = to.meta.axes.navigation_shape();
        let [one, other] = [from, to].map(|node| {
            let rank = node.meta.axes.navigation.len();
            self.steps_in_file(node.id)
                .unwrap_or_else(|| (vec![0.0; rank], vec![1.0; rank]))
        });
        let [component, of_other] = [from, to].map(|node| {
            let first = NavigationIndex::from_flat(0, &node.meta.axes.navigation_shape());
            (self.component_of(node.id, first)).map(|(model, _)| model.id)
        });
        if component != of_other {
            return NavigationIndex::from_flat(0, &shape);
        }
        let related = from.source == to.source && one.0.len() == other.0.len();
        let index: Vec<usize> = (shape.iter().enumerate())
            .map(|(axis, size)| {
                let index = at.as_slice().get(axis).copied().unwrap_or(0);
                let index = match related {
                    true => {
                        let place = one.0[axis] + one.1[axis] * index as f64;
                        ((place - other.0[axis]) / other.1[axis]).round().max(0.0) as usize
                    }
                    false => index,
                };
                index.min(size - 1)
            })
            .collect();
        NavigationIndex::new(&index)
    }
}

/// Where positions of a node are in the scan of its file.
pub(crate) struct Places {
    hops: Option<Vec<Hop>>,
}

impl Places {
    /// Whether the scan is that of the file.
    pub fn are_those_of_the_file(&self) -> bool {
        self.hops.as_ref().is_none_or(Vec::is_empty)
    }

    /// Of one position.
    pub fn of(&self, at: NavigationIndex) -> Vec<NavigationIndex> {
        let mut places = vec![at];
        for hop in self.hops.iter().flatten() {
            places = (places.into_iter())
                .flat_map(|at| match hop.needs(at) {
                    Needs::At(at) => vec![at],
                    Needs::Window(window) => window.positions().collect(),
                    _ => Vec::new(),
                })
                .collect();
        }
        places
    }
}
