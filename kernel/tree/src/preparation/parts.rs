//! Preparations whose parts can be merged: gathered by a pass over the source, on all threads. What is gathered stays when
//! the pass is cancelled, and another one goes on with it.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use signal::{
    CancelToken, Inputs, NavigationIndex, Output, Positions, Prepare, Prepared, SignalMeta,
};

use super::TICK;
use super::make::{Making, Tally};
use super::run::Run;
use crate::compute::{Inner, guarded};
use crate::pass::{Consumer, PieceSink, Subscriber};
use crate::{Cause, ComputeError, Node, lock};

type Part = Box<dyn Prepare<Prepared>>;

/// Parts of the scan that wait for their neighbours, by level and number within it: two parts of a level make one
/// of the next, so that the same pairs are merged whoever comes first.
#[derive(Default)]
struct Merging {
    /// Parts that are there, whether or not they are merged yet.
    there: Vec<bool>,
    /// Scan positions of those.
    done: usize,
    waiting: HashMap<(u32, usize), Part>,
    whole: Option<Part>,
}

pub(super) struct Parts {
    node: Arc<Node>,
    parent: Arc<Node>,
    metas: [Arc<SignalMeta>; 1],
    positions: Positions,
    prototype: Mutex<Part>,
    /// The part of each piece of the pass; `None` for a piece without a wanted position.
    part_of: Vec<Option<usize>>,
    parts: usize,
    /// Scan positions.
    total: usize,
    merging: Mutex<Merging>,
    /// The last two parts were merged.
    merged: Condvar,
}

impl Parts {
    fn wants(&self, at: NavigationIndex) -> bool {
        match self.positions {
            Positions::Region(region) => region.contains(at),
            _ => true,
        }
    }

    pub fn heap_bytes(&self) -> usize {
        let merging = lock(&self.merging);
        let parts = merging.waiting.values().chain(&merging.whole);
        parts.map(|part| part.heap_bytes()).sum()
    }

    /// Takes a part in, unless it is there already, and merges it with its neighbours as far as they are there. How many
    /// positions there are then.
    fn take(&self, number: usize, positions: usize, part: Part) -> usize {
        let done = {
            let mut merging = lock(&self.merging);
            if std::mem::replace(&mut merging.there[number], true) {
                return merging.done;
            }
            merging.done += positions;
            merging.done
        };
        let (mut level, mut number, mut part) = (0, number, part);
        loop {
            let parts = self.parts.div_ceil(1 << level);
            if parts == 1 {
                lock(&self.merging).whole = Some(part);
                self.merged.notify_all();
                return done;
            }
            let neighbour = number ^ 1;
            if neighbour < parts {
                let mut merging = lock(&self.merging);
                let Some(other) = merging.waiting.remove(&(level, neighbour)) else {
                    merging.waiting.insert((level, number), part);
                    return done;
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

/// One pass over what is not there yet.
struct Gathering {
    parts: Arc<Parts>,
    inner: Arc<Inner>,
    run: Arc<Run>,
    tally: Arc<Tally>,
    /// Ends the pass, also at the first failure.
    cancel: CancelToken,
    failed: Mutex<Option<(NavigationIndex, ComputeError)>>,
}

impl Gathering {
    fn fail(&self, at: NavigationIndex, error: ComputeError) {
        let mut failed = lock(&self.failed);
        if failed.as_ref().is_none_or(|(first, _)| at < *first) {
            *failed = Some((at, error));
        }
        drop(failed);
        self.cancel.cancel();
    }
}

impl Consumer for Gathering {
    /// Where parts are large, few are to wait for their neighbours.
    fn in_order(&self) -> bool {
        lock(&self.parts.prototype).finish_bytes() > 0
    }

    fn wants(&self, piece: usize) -> bool {
        let part = self.parts.part_of.get(piece).copied().flatten();
        part.is_some_and(|part| !lock(&self.parts.merging).there[part])
    }

    fn begin(
        &self,
        piece: usize,
        _positions: &[NavigationIndex],
    ) -> Option<Box<dyn PieceSink + '_>> {
        Some(Box::new(PartSink {
            of: self,
            number: (*self.parts.part_of.get(piece)?)?,
            part: lock(&self.parts.prototype).fork()?,
            positions: 0,
        }))
    }
}

struct PartSink<'a> {
    of: &'a Gathering,
    number: usize,
    part: Part,
    positions: usize,
}

impl PieceSink for PartSink<'_> {
    fn wants(&self, at: NavigationIndex) -> bool {
        self.of.parts.wants(at)
    }

    fn push(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>) {
        let (of, parts) = (self.of, &self.of.parts);
        if of.cancel.is_cancelled() {
            return;
        }
        let fail = |cause| of.fail(at, ComputeError::new(&parts.node, Some(at), cause));
        let output = match output {
            Ok(output) => output,
            Err(error) if error.is_cancelled() => return of.cancel.cancel(),
            Err(error) => return of.fail(at, error.clone()),
        };
        let inputs = Inputs {
            metas: &parts.metas,
            outputs: std::slice::from_ref(output),
        };
        match guarded(|| self.part.add(at, &inputs, &of.cancel)) {
            Ok(Ok(())) => self.positions += 1,
            Ok(Err(signal::OperationError::Cancelled)) => of.cancel.cancel(),
            Ok(Err(error)) => fail(Cause::Operation(error)),
            Err(text) => fail(Cause::Panic(text)),
        }
    }

    fn finish(self: Box<Self>) {
        let of = self.of;
        if of.cancel.is_cancelled() {
            return;
        }
        let (done, total) = (
            of.parts.take(self.number, self.positions, self.part),
            of.parts.total,
        );
        of.run.progressed(&of.inner, |progress| {
            (progress.done, progress.total) = (done.max(progress.done), total);
        });
        if let Err(error) = of.tally.count(of.parts.heap_bytes()) {
            of.fail(NavigationIndex::new(&[]), error);
        }
    }
}

impl Inner {
    /// The parts of a pass over the frames of `parent`; `prototype` forks.
    pub(super) fn parts(
        &self,
        making: &Making<'_>,
        parent: &Arc<Node>,
        positions: Positions,
        prototype: Part,
    ) -> Result<Arc<Parts>, ComputeError> {
        let pieces = self.pieces_of(making.graph, parent)?;
        let wanted = |at: &NavigationIndex| match positions {
            Positions::Region(region) => region.contains(*at),
            _ => true,
        };
        let (mut parts, mut total) = (0, 0);
        let part_of = (0..pieces.len()).map(|piece| {
            let positions = pieces.positions(piece);
            let wanted = positions.iter().filter(|at| wanted(at)).count();
            total += wanted;
            (wanted > 0).then(|| {
                parts += 1;
                parts - 1
            })
        });
        let part_of: Vec<_> = part_of.collect();
        Ok(Arc::new(Parts {
            node: making.node.clone(),
            parent: parent.clone(),
            metas: [parent.meta.clone()],
            positions,
            prototype: Mutex::new(prototype),
            part_of,
            parts,
            total,
            merging: Mutex::new(Merging {
                there: vec![false; parts],
                ..Merging::default()
            }),
            merged: Condvar::new(),
        }))
    }

    /// Gathers the parts that are not there yet.
    pub(super) fn gather_parts(
        &self,
        making: &Making<'_>,
        parts: &Arc<Parts>,
    ) -> Result<Part, ComputeError> {
        let cancelled = || making.fail(None, Cause::Cancelled);
        if parts.parts == 0 {
            return lock(&parts.prototype).fork().ok_or_else(cancelled);
        }
        let inner = self.this.upgrade().ok_or_else(cancelled)?;
        let done = lock(&parts.merging).done;
        making.run.progressed(self, |progress| {
            (progress.done, progress.total) = (done, parts.total);
        });
        let gathering = Arc::new(Gathering {
            parts: parts.clone(),
            inner: inner.clone(),
            run: making.run.clone(),
            tally: making.tally.clone(),
            cancel: CancelToken::new(),
            failed: Mutex::new(None),
        });
        let subscriber = Subscriber::new(
            making.graph.clone(),
            parts.parent.clone(),
            making.priority,
            gathering.cancel.clone(),
            gathering.clone(),
        );
        let outcome = inner.run_pass_until(vec![subscriber], making.cancel);
        if let Some((_, error)) = lock(&gathering.failed).take() {
            return Err(error);
        }
        outcome.map_err(|error| making.fail(None, *error.cause))?;
        // One that was cancelled before may still be merging what it had.
        let mut merging = lock(&parts.merging);
        loop {
            if let Some(whole) = merging.whole.take() {
                return Ok(whole);
            }
            let all_there = merging.there.iter().all(|there| *there);
            if making.cancel.is_cancelled() || !all_there {
                return Err(cancelled());
            }
            merging = (parts.merged.wait_timeout(merging, TICK))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
