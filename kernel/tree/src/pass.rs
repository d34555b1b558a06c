//! One pass over a source for everybody who wants every frame of it.
//!
//! A [`Subscriber`] is a consumer of the outputs of one node at every scan position: a map, the navigation image, a
//! mean pattern. All subscribers below the same source share its [`Pass`]: a chunk is read once for those that want it,
//! each frame goes to all of them while it is in the processor's cache, and chains of per-frame operations run from
//! frame to frame with nothing kept between them. Who comes while a pass runs is taken along from there and gets
//! what it has missed afterwards; who computes slowly does not hold back the others.
//!
//! A worker takes a *block* (a chunk, or a few small ones) for itself, so that every worker decodes; when no block
//! is left it helps with the *pieces* of those of others. Pieces come in any order, so a consumer writes to places
//! of its own or merges by piece number: the result does not depend on who did what.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use signal::{CancelToken, NavigationIndex, Output, Source};

use crate::compute::Inner;
use crate::region_sum::far_step;
use crate::scan::{Moved, Units};
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Graph, Node, lock};

mod block;
mod chain;
mod lost;
mod order;
mod subscribing;
mod workers;

use block::Block;
pub(crate) use chain::{Chain, Step};
use workers::Task;

/// Most pixel bytes of a piece, and bounds of its scan positions: what a cancel throws away at most.
const PIECE_BYTES: usize = 512 << 10;
const PIECE_POSITIONS: (usize, usize) = (16, 32);
/// Blocks from all over the scan that come first.
const FAR_BLOCKS: usize = 16;
/// How often somebody who waits for a pass looks whether it is cancelled.
const TICK: Duration = Duration::from_millis(10);

/// What becomes of the outputs of a node. Shared by the threads of a pass.
pub(crate) trait Consumer: Send + Sync {
    /// Whether the piece is still to be done when the subscription begins.
    fn wants(&self, piece: usize) -> bool {
        let _ = piece;
        true
    }

    /// Whether blocks are to come in their order. Others get a few from all over the scan first, so that what is there
    /// soon stands for the whole.
    fn in_order(&self) -> bool {
        false
    }

    /// Begins one piece: a few scan positions that follow each other in their chunk. `None`: not wanted any more.
    fn begin(&self, piece: usize, positions: &[NavigationIndex])
    -> Option<Box<dyn PieceSink + '_>>;
}

/// One piece on one thread. Each piece is finished once; a slow subscriber may be taken off one that it has begun, which is then
/// begun again later. Dropped without [`PieceSink::finish`] when the subscription is cancelled.
pub(crate) trait PieceSink {
    /// Whether the output at this position is to be computed at all.
    fn wants(&self, at: NavigationIndex) -> bool {
        let _ = at;
        true
    }

    /// The output of the node at each position of the piece, in their order.
    fn push(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>);
    /// Commits the piece.
    fn finish(self: Box<Self>);
}

/// Somebody who wants the output of `node` at every scan position.
pub(crate) struct Subscriber {
    pub graph: Arc<Graph>,
    pub node: Arc<Node>,
    pub priority: Priority,
    pub cancel: CancelToken,
    pub consumer: Arc<dyn Consumer>,
    /// Frames of the file itself are wanted as they are stored, dead pixels included.
    pub stored: bool,
}

impl Subscriber {
    pub fn new(
        graph: Arc<Graph>,
        node: Arc<Node>,
        priority: Priority,
        cancel: CancelToken,
        consumer: Arc<dyn Consumer>,
    ) -> Self {
        Subscriber {
            graph,
            node,
            priority,
            cancel,
            consumer,
            stored: false,
        }
    }

    /// Takes the frames of the file itself as they are stored.
    pub fn with_stored(self, stored: bool) -> Self {
        Subscriber { stored, ..self }
    }
}

/// A subscriber on its way, as the workers see it.
struct Subscription {
    number: u64,
    subscriber: Subscriber,
    chain: Chain,
    /// Which of its positions go with which of the file, where its scan is another one.
    moved: Option<Arc<Moved>>,
    speed: block::Speed,
    /// Pieces that were finished: a block that is opened again for this subscriber has some of them.
    done: Vec<AtomicBool>,
    /// Why it ended early.
    failed: OnceLock<ComputeError>,
}

struct Unfinished {
    subscription: Arc<Subscription>,
    /// Blocks that are to be opened for it.
    wants: Vec<bool>,
    left: usize,
    /// Blocks that are open for it.
    open: usize,
    /// All blocks, where it goes through them in an order of its own, and how far it is.
    order: Option<(Vec<usize>, usize)>,
}

impl Unfinished {
    /// Its next block, where it has an order of its own.
    fn next_in_order(&mut self) -> Option<usize> {
        let (order, at) = self.order.as_mut()?;
        while order.get(*at).is_some_and(|block| !self.wants[*block]) {
            *at += 1;
        }
        order.get(*at).copied()
    }
}

#[derive(Default)]
struct State {
    unfinished: Vec<Unfinished>,
    open: Vec<Arc<Block>>,
    /// The block after the one that was opened last.
    cursor: usize,
    workers: usize,
    subscriptions: u64,
}

/// The pass over one source. It has threads only while somebody is subscribed.
pub(crate) struct Pass {
    node: Arc<Node>,
    source: Arc<dyn Source>,
    units: Units,
    frame_bytes: usize,
    /// Of all frames. Chunks of a source that fits stay in memory for the next pass.
    total_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

/// A subscription to be waited for; without one it is over.
pub(crate) struct PassHandle {
    subscription: Option<(Arc<Pass>, Arc<Subscription>)>,
}

/// A subscriber, the way to its node, its positions where its scan is not that of the file, and how far apart those of the file
/// are that it takes together.
type NewSubscription = (Subscriber, Chain, Option<Arc<Moved>>, Vec<usize>);

impl Pass {
    fn new(node: Arc<Node>, source: Arc<dyn Source>) -> Self {
        let meta = source.meta();
        let frame_bytes = meta.axes.frame_len() * meta.element.size_bytes();
        let total_bytes = meta.total_bytes();
        let units = units(&source, frame_bytes);
        Pass {
            node,
            source,
            units,
            frame_bytes,
            total_bytes,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn block_units(&self, block: usize) -> Range<usize> {
        self.units.of_block(block)
    }

    /// Takes the subscribers along, all of them from the same block on.
    fn subscribe(
        &self,
        subscriptions: Vec<NewSubscription>,
        room_bytes: usize,
    ) -> Vec<Arc<Subscription>> {
        let blocks = self.units.blocks();
        let mut subscribed = Vec::with_capacity(subscriptions.len());
        let mut unfinished = Vec::with_capacity(subscriptions.len());
        for (subscriber, chain, moved, reach) in subscriptions {
            let has = |unit| (moved.as_ref()).is_none_or(|moved| !moved.of(unit).is_empty());
            let wants: Vec<bool> = (0..blocks)
                .map(|block| {
                    self.block_units(block)
                        .any(|unit| has(unit) && subscriber.consumer.wants(unit))
                })
                .collect();
            let left = wants.iter().filter(|wanted| **wanted).count();
            let by_rows = subscriber.consumer.in_order();
            let order = order::order(self, &reach, room_bytes, by_rows).map(|order| (order, 0));
            let subscription = Arc::new(Subscription {
                number: 0,
                speed: block::Speed::default(),
                done: (0..self.units.len())
                    .map(|_| AtomicBool::new(false))
                    .collect(),
                failed: OnceLock::new(),
                subscriber,
                chain,
                moved,
            });
            unfinished.push((subscription, wants, left, order));
        }
        let mut state = lock(&self.state);
        if state.unfinished.is_empty() {
            state.cursor = 0;
        }
        for (mut subscription, wants, left, order) in unfinished {
            state.subscriptions += 1;
            if let Some(subscription) = Arc::get_mut(&mut subscription) {
                subscription.number = state.subscriptions;
            }
            subscribed.push(subscription.clone());
            if left > 0 {
                state.unfinished.push(Unfinished {
                    subscription,
                    wants,
                    left,
                    open: 0,
                    order,
                });
            }
        }
        subscribed
    }

    /// The next block or piece; `None` when nothing is left to begin, which ends the worker.
    fn next(&self, state: &mut State, ended: bool) -> Option<Task> {
        if ended {
            state.unfinished.clear();
            self.changed.notify_all();
            return None;
        }
        state.unfinished.retain(|unfinished| {
            unfinished.open > 0
                || !(unfinished.left == 0
                    || unfinished.subscription.subscriber.cancel.is_cancelled())
        });
        if let Some(block) = self.open_next(state, false) {
            return Some(Task::Open(block));
        }
        (state.open.iter())
            .find(|block| block.has_unclaimed())
            .map(|block| Task::Help(block.clone()))
    }

    /// Opens the next block for the most urgent subscribers. Among them the quick ones go first; slow ones
    /// take along the quick ones of any urgency, which cost them nothing.
    fn open_next(&self, state: &mut State, only_quick: bool) -> Option<Arc<Block>> {
        let waiting = |unfinished: &Unfinished| {
            unfinished.left > 0 && !unfinished.subscription.subscriber.cancel.is_cancelled()
        };
        let most = (state.unfinished.iter())
            .filter(|unfinished| waiting(unfinished))
            .map(|unfinished| unfinished.subscription.subscriber.priority)
            .max()?;
        let urgent = |unfinished: &Unfinished| {
            waiting(unfinished) && unfinished.subscription.subscriber.priority == most
        };
        let quick = (state.unfinished.iter())
            .any(|unfinished| urgent(unfinished) && !unfinished.subscription.speed.is_slow());
        if only_quick && !quick {
            return None;
        }
        let goes = |unfinished: &Unfinished| {
            let slow = unfinished.subscription.speed.is_slow();
            waiting(unfinished)
                && if quick {
                    !slow
                } else {
                    !slow || urgent(unfinished)
                }
        };
        let leads = |unfinished: &Unfinished| {
            urgent(unfinished) && unfinished.subscription.speed.is_slow() != quick
        };
        let blocks = self.units.blocks();
        let ordered = (state.unfinished.iter_mut())
            .filter(|unfinished| leads(unfinished))
            .find_map(Unfinished::next_in_order);
        let wanted = |block: &usize| {
            (state.unfinished.iter())
                .any(|unfinished| leads(unfinished) && unfinished.wants[*block])
        };
        let orderly = (state.unfinished.iter()).any(|unfinished| {
            goes(unfinished) && unfinished.subscription.subscriber.consumer.in_order()
        });
        let far = (!orderly)
            .then(|| far_blocks(blocks).find(wanted))
            .flatten();
        let next = || {
            (state.cursor..blocks)
                .chain(0..state.cursor.min(blocks))
                .find(wanted)
        };
        let number = match far.or(ordered) {
            Some(number) => number,
            None => next()?,
        };
        let mut subscriptions = Vec::new();
        for unfinished in &mut state.unfinished {
            if goes(unfinished) && unfinished.wants[number] {
                unfinished.wants[number] = false;
                unfinished.left -= 1;
                unfinished.open += 1;
                subscriptions.push(unfinished.subscription.clone());
            }
        }
        if far.is_none() {
            state.cursor = number + 1;
        }
        let units = self.block_units(number);
        let block = Arc::new(Block::new(
            number,
            units,
            subscriptions,
            most,
            quick,
            only_quick,
        ));
        state.open.push(block.clone());
        Some(block)
    }

    /// Called when the last piece of a block is done; by several workers, when they end at the same time.
    fn close(&self, block: &Arc<Block>) {
        let mut state = lock(&self.state);
        let before = state.open.len();
        state.open.retain(|open| !Arc::ptr_eq(open, block));
        if state.open.len() == before {
            return;
        }
        for (number, subscription) in block.subscriptions.iter().enumerate() {
            let unfinished = (state.unfinished.iter_mut())
                .find(|unfinished| unfinished.subscription.number == subscription.number);
            if let Some(unfinished) = unfinished {
                unfinished.open -= 1;
                if block.is_detached(number) {
                    unfinished.wants[block.number] = true;
                    unfinished.left += 1;
                    if let Some((_, at)) = &mut unfinished.order {
                        *at = 0;
                    }
                }
            }
        }
        (state.unfinished).retain(|unfinished| unfinished.open > 0 || unfinished.left > 0);
        drop(state);
        self.changed.notify_all();
    }
}

impl PassHandle {
    /// Waits until every output was taken.
    ///
    /// # Errors
    /// `cancelled`, or why the file can be read no longer.
    pub fn wait(&self, inner: &Inner) -> Result<(), ComputeError> {
        self.wait_until(inner, &CancelToken::new())
    }

    /// As [`PassHandle::wait`], but gives up when `cancel` is set too; the pass goes on then.
    fn wait_until(&self, inner: &Inner, cancel: &CancelToken) -> Result<(), ComputeError> {
        let Some((pass, subscription)) = &self.subscription else {
            return Ok(());
        };
        let subscriber = &subscription.subscriber;
        let _waiting = inner.scheduler.waiting(subscriber.priority);
        let mut state = lock(&pass.state);
        loop {
            if let Some(error) = subscription.failed.get() {
                return Err(error.clone());
            }
            let given_up = cancel.is_cancelled() || subscriber.cancel.is_cancelled();
            if given_up || inner.ended.is_cancelled() {
                return Err(ComputeError::new(&subscriber.node, None, Cause::Cancelled));
            }
            if (state.unfinished.iter())
                .all(|unfinished| unfinished.subscription.number != subscription.number)
            {
                return Ok(());
            }
            state = (pass.changed)
                .wait_timeout(state, TICK)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// A few blocks, each as far as possible from those before it.
fn far_blocks(blocks: usize) -> impl Iterator<Item = usize> {
    let count = FAR_BLOCKS.min(blocks);
    let place = move |number: usize| number * far_step(count) % count;
    (0..count).map(move |number| blocks * (2 * place(number) + 1) / (2 * count))
}

/// The units of a source, the same for every subscriber.
pub(crate) fn units(source: &Arc<dyn Source>, frame_bytes: usize) -> Units {
    let (fewest, most) = PIECE_POSITIONS;
    let positions = (PIECE_BYTES / frame_bytes.max(1)).clamp(fewest, most);
    Units::of_positions(source.clone(), positions)
}
