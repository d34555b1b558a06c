//! Which run fills the images of a node: its own, or one that goes on with what was computed for the same.

use std::sync::Arc;

use signal::SignalKind;

use super::MapRun;
use crate::compute::Inner;
use crate::{Cause, ComputeError, Graph, Node, lock};

impl Inner {
    /// The run of this node and revision; an older revision's run is ended and replaced.
    pub(super) fn map_run(&self, graph: &Graph, node: &Node) -> Result<Arc<MapRun>, ComputeError> {
        if node.meta.kind != SignalKind::Map {
            let cause = Cause::WrongOutput {
                expected: "maps".into(),
                found: node.meta.kind.noun().into(),
            };
            return Err(ComputeError::new(node, None, cause));
        }
        if let Some(run) = self.current_run(node) {
            return Ok(run);
        }
        let pieces = self.pieces_of(graph, node)?.len();
        let donor = self.map_of_the_same(graph, node);
        let make = || MapRun::new(&self.cache, node, pieces);
        let fresh = match make() {
            Ok(fresh) => fresh,
            Err(error) => match self.current_run(node) {
                // Somebody else was quicker.
                Some(run) => return Ok(run),
                // What waits for a cell that runs again goes before what somebody asks for.
                None if self.estates.clear() => make()?,
                None => return Err(error),
            },
        };
        if let Some(donor) = donor {
            fresh.adopt(&donor);
        }
        let mut maps = lock(&self.maps);
        if let Some(run) = maps.get(&node.id)
            && run.revision() >= node.revision
        {
            return Ok(run.clone());
        }
        let run = Arc::new(fresh);
        if !node.ended.is_set()
            && let Some(older) = maps.insert(node.id, run.clone())
        {
            older.cancel();
        }
        Ok(run)
    }

    /// The run of this node and revision, if there is one. That of an older revision is ended: its memory is free for the
    /// next.
    fn current_run(&self, node: &Node) -> Option<Arc<MapRun>> {
        let mut maps = lock(&self.maps);
        let run = maps.get(&node.id)?;
        if run.revision() >= node.revision {
            return Some(run.clone());
        }
        run.cancel();
        maps.remove(&node.id);
        None
    }

    /// The map of another node with the same recipe, as far as it is computed.
    fn map_of_the_same(&self, graph: &Graph, node: &Node) -> Option<Arc<MapRun>> {
        let mut runs: Vec<_> = (lock(&self.maps).iter())
            .filter(|(other, _)| **other != node.id)
            .map(|(other, run)| (*other, run.clone()))
            .collect();
        runs.retain(|(other, run)| {
            let other = graph.node(*other);
            run.worth() > 0
                && other.is_some_and(|other| {
                    run.revision() == other.revision && graph.has_same_recipe(node, graph, other)
                })
        });
        let (_, run) = runs.into_iter().max_by_key(|(_, run)| run.worth())?;
        graph.files_are_unchanged(node).then_some(run)
    }

    /// `heir` goes on with the run of a node that left the tree, unless it has come further or is at work itself.
    pub(crate) fn succeed(&self, heir: &Node, earlier: &MapRun) {
        let mut maps = lock(&self.maps);
        let better = (maps.get(&heir.id)).is_none_or(|own| {
            own.revision() < heir.revision || (own.is_idle() && own.worth() < earlier.worth())
        });
        if better && !heir.ended.is_set() {
            let run = Arc::new(MapRun::succeeding(heir, earlier));
            if let Some(own) = maps.insert(heir.id, run) {
                own.cancel();
            }
        }
    }
}
