//! How subscribers come to a pass: which one is theirs, and what lies between its source and their node.

use std::sync::Arc;

use signal::CancelToken;

use super::{Chain, NewSubscription, Pass, PassHandle, Subscriber, lost};
use crate::compute::{Inner, guarded};
use crate::scan::{Moved, Pieces};
use crate::{Cause, ComputeError, lock};

/// A subscriber's place in the caller's list, and what subscribes.
type Waiting = (usize, NewSubscription);

/// How a subscriber gets its outputs.
enum Way {
    /// On the pass over a file.
    Pass(Arc<Pass>, Chain, Option<Arc<Moved>>, Vec<usize>),
    /// Nothing is read for them: they are taken at once.
    WithoutPass(Pieces, Chain),
}

impl Inner {
    /// Hands every output of the subscribers' nodes to them, all in one pass per source, and waits for the end.
    /// To be called from a thread that does not itself work for a pass.
    ///
    /// # Errors
    /// [`ComputeError`] when a preparation above a node fails, or `cancelled`.
    pub fn run_pass(self: &Arc<Self>, subscribers: Vec<Subscriber>) -> Result<(), ComputeError> {
        let mut handles = Vec::new();
        for handle in self.subscribe(subscribers) {
            handles.push(handle?);
        }
        handles.iter().try_for_each(|handle| handle.wait(self))
    }

    /// As [`Inner::run_pass`], for subscribers with cancel tokens of their own: `cancel` ends them too.
    pub fn run_pass_until(
        self: &Arc<Self>,
        subscribers: Vec<Subscriber>,
        cancel: &CancelToken,
    ) -> Result<(), ComputeError> {
        let cancels: Vec<_> = subscribers
            .iter()
            .map(|subscriber| subscriber.cancel.clone())
            .collect();
        let mut handles = Vec::new();
        for handle in self.subscribe(subscribers) {
            handles.push(handle?);
        }
        let outcome = handles
            .iter()
            .try_for_each(|handle| handle.wait_until(self, cancel));
        if cancel.is_cancelled() {
            cancels.iter().for_each(CancelToken::cancel);
        }
        outcome
    }

    /// Begins subscriptions together: those below the same source see the same blocks.
    pub fn subscribe(
        self: &Arc<Self>,
        subscribers: Vec<Subscriber>,
    ) -> Vec<Result<PassHandle, ComputeError>> {
        let mut results: Vec<Option<Result<PassHandle, ComputeError>>> = Vec::new();
        let mut groups: Vec<(Arc<Pass>, Vec<Waiting>)> = Vec::new();
        let mut without_pass = Vec::new();
        for (number, subscriber) in subscribers.into_iter().enumerate() {
            results.push(None);
            match self.way(&subscriber) {
                Ok(Way::WithoutPass(pieces, chain)) => {
                    without_pass.push((number, subscriber, pieces, chain))
                }
                Ok(Way::Pass(pass, chain, moved, reach)) => {
                    let subscription = (number, (subscriber, chain, moved, reach));
                    match groups.iter_mut().find(|(of, _)| Arc::ptr_eq(of, &pass)) {
                        Some((_, subscriptions)) => subscriptions.push(subscription),
                        None => groups.push((pass, vec![subscription])),
                    }
                }
                Err(error) => results[number] = Some(Err(error)),
            }
        }
        // Batch work may lose what it keeps to others at any time.
        let room = self.cache.memory().budget_bytes / 2;
        for (pass, group) in groups {
            let (numbers, subscriptions): (Vec<usize>, Vec<_>) = group.into_iter().unzip();
            for (number, subscription) in
                numbers.into_iter().zip(pass.subscribe(subscriptions, room))
            {
                let pass = pass.clone();
                let subscription = Some((pass, subscription));
                results[number] = Some(Ok(PassHandle { subscription }));
            }
            self.work_on(&pass);
        }
        // After the others, which are on their way meanwhile.
        for (number, subscriber, pieces, chain) in without_pass {
            let done = self.compute_without_pass(&subscriber, &pieces, &chain);
            results[number] = Some(done.map(|()| PassHandle { subscription: None }));
        }
        results.into_iter().flatten().collect()
    }

    /// The pass a subscriber belongs to, and what lies between its source and its node.
    fn way(self: &Arc<Self>, subscriber: &Subscriber) -> Result<Way, ComputeError> {
        let (graph, node) = (&subscriber.graph, &subscriber.node);
        let prepared = self.prepare_all(graph, node, subscriber.priority, &subscriber.cancel)?;
        let (root, source) = graph
            .source_of(node.id)
            .ok_or_else(|| ComputeError::no_node(node.source))?;
        lost::check(node, source)?;
        self.finish_maps_above(graph, node, &subscriber.cancel)?;
        let pieces = self.pieces_of(graph, node)?;
        let route = graph.route(node)?;
        let chain = Chain::new(
            self,
            graph,
            node,
            subscriber.priority,
            &subscriber.cancel,
            prepared,
        )?;
        let moved = match pieces {
            Pieces::OfFile(_) if self.reads(graph, node)? => None,
            Pieces::Moved(moved) if self.reads(graph, node)? => Some(moved),
            pieces => return Ok(Way::WithoutPass(pieces, chain)),
        };
        // Before the first frame: none is used before it is known which pixels are to be left out.
        if !(subscriber.stored && graph.stored_in(node).is_some()) {
            self.dead_pixels(root, source, subscriber.priority, &subscriber.cancel)?;
        }
        let new = || Arc::new(Pass::new(root.clone(), source.clone()));
        let mut passes = lock(&self.passes);
        let pass = match root.file.ended.is_set() {
            true => new(),
            false => passes.entry(root.file.number).or_insert_with(new).clone(),
        };
        drop(passes);
        let reach = match moved {
            None => Vec::new(),
            Some(_) => {
                guarded(|| route.reach(&node.meta.axes.navigation_shape())).unwrap_or_default()
            }
        };
        Ok(Way::Pass(pass, chain, moved, reach))
    }

    /// Every output of a node that is computed without a pass.
    fn compute_without_pass(
        &self,
        subscriber: &Subscriber,
        pieces: &Pieces,
        chain: &Chain,
    ) -> Result<(), ComputeError> {
        let cancelled = || ComputeError::new(&subscriber.node, None, Cause::Cancelled);
        for piece in 0..pieces.len() {
            if !subscriber.consumer.wants(piece) {
                continue;
            }
            let positions = pieces.positions(piece);
            let Some(mut sink) = subscriber.consumer.begin(piece, &positions) else {
                continue;
            };
            for at in positions {
                self.scheduler.yield_to_urgent(subscriber.priority);
                if subscriber.cancel.is_cancelled() || self.ended.is_cancelled() {
                    return Err(cancelled());
                }
                if sink.wants(at) {
                    sink.push(at, &chain.through_tree(self, subscriber, at));
                }
            }
            sink.finish();
        }
        Ok(())
    }
}
