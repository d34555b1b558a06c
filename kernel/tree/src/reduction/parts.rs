//! Reductions whose parts can be merged: gathered by a pass over the source, on all threads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use signal::{CancelToken, Inputs, NavigationIndex, Output, Prepared, Reduce, Region, SignalMeta};

use crate::compute::{Inner, guarded};
use crate::gate::Lane;
use crate::sweep::{Consumer, Rider, Take};
use crate::{Cause, ComputeError, Graph, Node, lock};

type Part = Box<dyn Reduce<Prepared>>;

/// Parts of the scan that wait for their neighbours, by level and number within it: two parts of a level make one
/// of the next, so that the same pairs are merged whoever comes first.
#[derive(Default)]
struct Merging {
    waiting: HashMap<(u32, usize), Part>,
    whole: Option<Part>,
    failed: Option<(NavigationIndex, ComputeError)>,
}

struct Parts {
    node: Arc<Node>,
    metas: [Arc<SignalMeta>; 1],
    /// `None`: the whole scan.
    region: Option<Region>,
    prototype: Mutex<Part>,
    /// The part of each piece of the pass; `None` for a piece without a wanted position.
    part_of: Vec<Option<usize>>,
    parts: usize,
    merging: Mutex<Merging>,
    /// Ends the pass at the first failure.
    cancel: CancelToken,
}

impl Parts {
    fn fail(&self, at: NavigationIndex, error: ComputeError) {
        let mut merging = lock(&self.merging);
        if merging.failed.as_ref().is_none_or(|(first, _)| at < *first) {
            merging.failed = Some((at, error));
        }
        drop(merging);
        self.cancel.cancel();
    }

    /// Merges a part with its neighbours as far as they are there.
    fn merge(&self, number: usize, part: Part) {
        let (mut level, mut number, mut part) = (0, number, part);
        loop {
            let parts = self.parts.div_ceil(1 << level);
            if parts == 1 {
                lock(&self.merging).whole = Some(part);
                return;
            }
            let neighbour = number ^ 1;
            if neighbour < parts {
                let mut merging = lock(&self.merging);
                let Some(other) = merging.waiting.remove(&(level, neighbour)) else {
                    merging.waiting.insert((level, number), part);
                    return;
                };
                drop(merging);
                let (mut first, mut later) = match number < neighbour {
                    true => (part, other),
                    false => (other, part),
                };
                if let Some(later) = later.as_any() {
                    first.merge(later);
                }
                part = first;
            }
            level += 1;
            number /= 2;
        }
    }
}

fn counts(region: Option<Region>, at: NavigationIndex) -> bool {
    region.is_none_or(|region| region.contains(at))
}

impl Consumer for Parts {
    fn wants(&self, piece: usize) -> bool {
        self.part_of.get(piece).is_some_and(Option::is_some)
    }

    fn begin(&self, piece: usize, _positions: &[NavigationIndex]) -> Option<Box<dyn Take + '_>> {
        Some(Box::new(TakePart {
            of: self,
            number: (*self.part_of.get(piece)?)?,
            part: lock(&self.prototype).fork()?,
        }))
    }
}

struct TakePart<'a> {
    of: &'a Parts,
    number: usize,
    part: Part,
}

impl Take for TakePart<'_> {
    fn take(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>) {
        let of = self.of;
        if of.cancel.is_cancelled() || !counts(of.region, at) {
            return;
        }
        let fail = |cause| of.fail(at, ComputeError::new(&of.node, Some(at), cause));
        let output = match output {
            Ok(output) => output,
            Err(error) if error.is_cancelled() => return of.cancel.cancel(),
            Err(error) => return of.fail(at, error.clone()),
        };
        let inputs = Inputs {
            metas: &of.metas,
            outputs: std::slice::from_ref(output),
        };
        match guarded(|| self.part.add(at, &inputs)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => fail(Cause::Operation(error)),
            Err(text) => fail(Cause::Panic(text)),
        }
    }

    fn finish(self: Box<Self>) {
        if !self.of.cancel.is_cancelled() {
            self.of.merge(self.number, self.part);
        }
    }
}

impl Inner {
    /// Gathers over the frames of `parent` what `prototype` gathers; `prototype` forks.
    #[allow(clippy::too_many_arguments)] // the parts of one pass; a struct would only rename them
    pub(super) fn reduce_in_parts(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        parent: &Arc<Node>,
        region: Option<Region>,
        prototype: Part,
        lane: Lane,
        cancel: &CancelToken,
    ) -> Result<Part, ComputeError> {
        let fail = |cause| ComputeError::new(node, None, cause);
        let pieces = self.pieces_of(graph, parent)?;
        let mut parts = 0;
        let part_of = (0..pieces.len()).map(|piece| {
            let wanted = (pieces.positions(piece).iter()).any(|at| counts(region, *at));
            wanted.then(|| {
                parts += 1;
                parts - 1
            })
        });
        let part_of: Vec<_> = part_of.collect();
        if parts == 0 {
            return Ok(prototype);
        }
        let gathering = Arc::new(Parts {
            node: node.clone(),
            metas: [parent.meta.clone()],
            region,
            prototype: Mutex::new(prototype),
            part_of,
            parts,
            merging: Mutex::default(),
            cancel: CancelToken::new(),
        });
        let rider = Rider::new(
            Arc::new(graph.clone()),
            parent.clone(),
            lane,
            gathering.cancel.clone(),
            gathering.clone(),
        );
        let this = self.this.upgrade().ok_or_else(|| fail(Cause::Cancelled))?;
        let swept = this.sweep_until(vec![rider], cancel);
        let mut merging = lock(&gathering.merging);
        if let Some((_, error)) = merging.failed.take() {
            return Err(error);
        }
        swept.map_err(|error| fail(*error.cause))?;
        merging.whole.take().ok_or_else(|| fail(Cause::Cancelled))
    }
}
