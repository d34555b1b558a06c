//! One pass over a source for everybody who wants every frame of it.
//!
//! A [`Rider`] is a consumer of the outputs of one node at every scan position: a map, the navigation image, a
//! mean pattern. All riders below the same source share its [`Sweep`]: a chunk is read once for those that want it,
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

use crate::compute::{Inner, guarded};
use crate::gate::{Lane, work_for_a_pass};
use crate::region_sum::far_step;
use crate::scan::{Moved, Pieces, Units};
use crate::{Cause, ComputeError, Graph, Node, lock};

mod block;
mod chain;
mod lost;
mod order;

use block::Block;
pub(crate) use chain::{Chain, Step};

/// Most pixel bytes of a piece, and bounds of its scan positions: what a cancel throws away at most.
const PIECE_BYTES: usize = 512 << 10;
const PIECE_POSITIONS: (usize, usize) = (16, 32);
/// Blocks from all over the scan that come first.
const FAR_BLOCKS: usize = 16;
/// How often somebody who waits for a pass looks whether it is cancelled.
const TICK: Duration = Duration::from_millis(10);

/// What becomes of the outputs of a node. Shared by the threads of a pass.
pub(crate) trait Consumer: Send + Sync {
    /// Whether the piece is still to be done when the ride begins.
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
    fn begin(&self, piece: usize, positions: &[NavigationIndex]) -> Option<Box<dyn Take + '_>>;
}

/// One piece on one thread. Each piece is finished once; a slow rider may be taken off one that it has begun, which is then
/// begun again later. Dropped without [`Take::finish`] when the ride is cancelled.
pub(crate) trait Take {
    /// Whether the output at this position is to be computed at all.
    fn wants(&self, at: NavigationIndex) -> bool {
        let _ = at;
        true
    }

    /// The output of the node at each position of the piece, in their order.
    fn take(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>);
    /// Commits the piece.
    fn finish(self: Box<Self>);
}

/// Somebody who wants the output of `node` at every scan position.
pub(crate) struct Rider {
    pub graph: Arc<Graph>,
    pub node: Arc<Node>,
    pub lane: Lane,
    pub cancel: CancelToken,
    pub consumer: Arc<dyn Consumer>,
    /// Frames of the file itself are wanted as they are stored, dead pixels included.
    pub stored: bool,
}

impl Rider {
    pub fn new(
        graph: Arc<Graph>,
        node: Arc<Node>,
        lane: Lane,
        cancel: CancelToken,
        consumer: Arc<dyn Consumer>,
    ) -> Self {
        Rider {
            graph,
            node,
            lane,
            cancel,
            consumer,
            stored: false,
        }
    }

    /// Takes the frames of the file itself as they are stored.
    pub fn with_stored(self, stored: bool) -> Self {
        Rider { stored, ..self }
    }
}

/// A rider on its way, as the workers see it.
struct Seat {
    number: u64,
    rider: Rider,
    chain: Chain,
    /// Which of its positions go with which of the file, where its scan is another one.
    moved: Option<Arc<Moved>>,
    pace: block::Pace,
    /// Pieces that were finished: a block that is opened again for this rider has some of them.
    done: Vec<AtomicBool>,
    /// Why the ride ended early.
    failed: OnceLock<ComputeError>,
}

struct Riding {
    seat: Arc<Seat>,
    /// Blocks that are to be opened for it.
    wants: Vec<bool>,
    left: usize,
    /// Blocks that are open for it.
    open: usize,
    /// All blocks, where it goes through them in an order of its own, and how far it is.
    order: Option<(Vec<usize>, usize)>,
}

impl Riding {
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
    riding: Vec<Riding>,
    open: Vec<Arc<Block>>,
    /// The block after the one that was opened last.
    cursor: usize,
    workers: usize,
    seats: u64,
}

/// The pass over one source. It has threads only while somebody rides.
pub(crate) struct Sweep {
    node: Arc<Node>,
    source: Arc<dyn Source>,
    units: Units,
    frame_bytes: usize,
    /// Of all frames. Chunks of a source that fits stay in memory for the next pass.
    total_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

/// A ride that has begun; without a seat it is over.
pub(crate) struct Ride {
    seat: Option<(Arc<Sweep>, Arc<Seat>)>,
}

/// A rider, the way to its node, its positions where its scan is not that of the file, and how far apart those of the file
/// are that it takes together.
type Boarding = (Rider, Chain, Option<Arc<Moved>>, Vec<usize>);

/// A rider's place in the caller's list, and what boards.
type Waiting = (usize, Boarding);

/// How a rider gets its outputs.
enum Way {
    /// On the pass over a file.
    Sweep(Arc<Sweep>, Chain, Option<Arc<Moved>>, Vec<usize>),
    /// Nothing is read for them: they are taken at once.
    Taken(Pieces, Chain),
}

/// What a worker does next.
enum Task {
    Open(Arc<Block>),
    Help(Arc<Block>),
}

impl Sweep {
    fn new(node: Arc<Node>, source: Arc<dyn Source>) -> Self {
        let meta = source.meta();
        let frame_bytes = meta.axes.frame_len() * meta.element.size_bytes();
        let total_bytes = meta.total_bytes();
        let units = units(&source, frame_bytes);
        Sweep {
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

    /// Takes the riders along, all of them from the same block on.
    fn board(&self, seats: Vec<Boarding>, room_bytes: usize) -> Vec<Arc<Seat>> {
        let blocks = self.units.blocks();
        let mut boarded = Vec::with_capacity(seats.len());
        let mut riding = Vec::with_capacity(seats.len());
        for (rider, chain, moved, reach) in seats {
            let has = |unit| (moved.as_ref()).is_none_or(|moved| !moved.of(unit).is_empty());
            let wants: Vec<bool> = (0..blocks)
                .map(|block| {
                    self.block_units(block)
                        .any(|unit| has(unit) && rider.consumer.wants(unit))
                })
                .collect();
            let left = wants.iter().filter(|wanted| **wanted).count();
            let by_rows = rider.consumer.in_order();
            let order = order::order(self, &reach, room_bytes, by_rows).map(|order| (order, 0));
            let seat = Arc::new(Seat {
                number: 0,
                pace: block::Pace::default(),
                done: (0..self.units.len())
                    .map(|_| AtomicBool::new(false))
                    .collect(),
                failed: OnceLock::new(),
                rider,
                chain,
                moved,
            });
            riding.push((seat, wants, left, order));
        }
        let mut state = lock(&self.state);
        if state.riding.is_empty() {
            state.cursor = 0;
        }
        for (mut seat, wants, left, order) in riding {
            state.seats += 1;
            if let Some(seat) = Arc::get_mut(&mut seat) {
                seat.number = state.seats;
            }
            boarded.push(seat.clone());
            if left > 0 {
                state.riding.push(Riding {
                    seat,
                    wants,
                    left,
                    open: 0,
                    order,
                });
            }
        }
        boarded
    }

    /// The next block or piece; `None` when nothing is left to begin, which ends the worker.
    fn next(&self, state: &mut State, ended: bool) -> Option<Task> {
        if ended {
            state.riding.clear();
            self.changed.notify_all();
            return None;
        }
        state.riding.retain(|riding| {
            riding.open > 0 || !(riding.left == 0 || riding.seat.rider.cancel.is_cancelled())
        });
        if let Some(block) = self.open_next(state, false) {
            return Some(Task::Open(block));
        }
        (state.open.iter())
            .find(|block| block.has_unclaimed())
            .map(|block| Task::Help(block.clone()))
    }

    /// Opens the next block for the most urgent riders. Among them the quick ones go first; slow ones
    /// take along the quick ones of any urgency, which cost them nothing.
    fn open_next(&self, state: &mut State, only_quick: bool) -> Option<Arc<Block>> {
        let waiting = |riding: &Riding| riding.left > 0 && !riding.seat.rider.cancel.is_cancelled();
        let most = (state.riding.iter())
            .filter(|riding| waiting(riding))
            .map(|riding| riding.seat.rider.lane)
            .max()?;
        let urgent = |riding: &Riding| waiting(riding) && riding.seat.rider.lane == most;
        let quick =
            (state.riding.iter()).any(|riding| urgent(riding) && !riding.seat.pace.is_slow());
        if only_quick && !quick {
            return None;
        }
        let goes = |riding: &Riding| {
            let slow = riding.seat.pace.is_slow();
            waiting(riding)
                && if quick {
                    !slow
                } else {
                    !slow || urgent(riding)
                }
        };
        let leads = |riding: &Riding| urgent(riding) && riding.seat.pace.is_slow() != quick;
        let blocks = self.units.blocks();
        let ordered = (state.riding.iter_mut())
            .filter(|riding| leads(riding))
            .find_map(Riding::next_in_order);
        let wanted = |block: &usize| {
            (state.riding.iter()).any(|riding| leads(riding) && riding.wants[*block])
        };
        let orderly = (state.riding.iter())
            .any(|riding| goes(riding) && riding.seat.rider.consumer.in_order());
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
        let mut seats = Vec::new();
        for riding in &mut state.riding {
            if goes(riding) && riding.wants[number] {
                riding.wants[number] = false;
                riding.left -= 1;
                riding.open += 1;
                seats.push(riding.seat.clone());
            }
        }
        if far.is_none() {
            state.cursor = number + 1;
        }
        let units = self.block_units(number);
        let block = Arc::new(Block::new(number, units, seats, most, quick, only_quick));
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
        for (number, seat) in block.seats.iter().enumerate() {
            let riding = (state.riding.iter_mut()).find(|riding| riding.seat.number == seat.number);
            if let Some(riding) = riding {
                riding.open -= 1;
                if block.got_off(number) {
                    riding.wants[block.number] = true;
                    riding.left += 1;
                    if let Some((_, at)) = &mut riding.order {
                        *at = 0;
                    }
                }
            }
        }
        (state.riding).retain(|riding| riding.open > 0 || riding.left > 0);
        drop(state);
        self.changed.notify_all();
    }
}

impl Ride {
    /// Waits until every output was taken.
    ///
    /// # Errors
    /// `cancelled`, or why the file can be read no longer.
    pub fn wait(&self, inner: &Inner) -> Result<(), ComputeError> {
        self.wait_until(inner, &CancelToken::new())
    }

    /// As [`Ride::wait`], but gives up when `cancel` is set too; the ride goes on then.
    fn wait_until(&self, inner: &Inner, cancel: &CancelToken) -> Result<(), ComputeError> {
        let Some((sweep, seat)) = &self.seat else {
            return Ok(());
        };
        let rider = &seat.rider;
        let _waiting = inner.gate.waiting(rider.lane);
        let mut state = lock(&sweep.state);
        loop {
            if let Some(error) = seat.failed.get() {
                return Err(error.clone());
            }
            let given_up = cancel.is_cancelled() || rider.cancel.is_cancelled();
            if given_up || inner.ended.is_cancelled() {
                return Err(ComputeError::new(&rider.node, None, Cause::Cancelled));
            }
            if (state.riding.iter()).all(|riding| riding.seat.number != seat.number) {
                return Ok(());
            }
            state = (sweep.changed)
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

/// The units of a source, the same for every rider.
pub(crate) fn units(source: &Arc<dyn Source>, frame_bytes: usize) -> Units {
    let (fewest, most) = PIECE_POSITIONS;
    let positions = (PIECE_BYTES / frame_bytes.max(1)).clamp(fewest, most);
    Units::of_positions(source.clone(), positions)
}

impl Inner {
    /// Hands every output of the riders' nodes to them, all in one pass per source, and waits for the end.
    /// To be called from a thread that does not itself work for a pass.
    ///
    /// # Errors
    /// [`ComputeError`] when a preparation above a node fails, or `cancelled`.
    pub fn sweep(self: &Arc<Self>, riders: Vec<Rider>) -> Result<(), ComputeError> {
        let mut rides = Vec::new();
        for ride in self.board(riders) {
            rides.push(ride?);
        }
        rides.iter().try_for_each(|ride| ride.wait(self))
    }

    /// As [`Inner::sweep`], for riders with cancel tokens of their own: `cancel` ends them too.
    pub fn sweep_until(
        self: &Arc<Self>,
        riders: Vec<Rider>,
        cancel: &CancelToken,
    ) -> Result<(), ComputeError> {
        let cancels: Vec<_> = riders.iter().map(|rider| rider.cancel.clone()).collect();
        let mut rides = Vec::new();
        for ride in self.board(riders) {
            rides.push(ride?);
        }
        let outcome = rides
            .iter()
            .try_for_each(|ride| ride.wait_until(self, cancel));
        if cancel.is_cancelled() {
            cancels.iter().for_each(CancelToken::cancel);
        }
        outcome
    }

    /// Begins rides together: those below the same source see the same blocks.
    pub fn board(self: &Arc<Self>, riders: Vec<Rider>) -> Vec<Result<Ride, ComputeError>> {
        let mut results: Vec<Option<Result<Ride, ComputeError>>> = Vec::new();
        let mut groups: Vec<(Arc<Sweep>, Vec<Waiting>)> = Vec::new();
        let mut taken = Vec::new();
        for (number, rider) in riders.into_iter().enumerate() {
            results.push(None);
            match self.way(&rider) {
                Ok(Way::Taken(pieces, chain)) => taken.push((number, rider, pieces, chain)),
                Ok(Way::Sweep(sweep, chain, moved, reach)) => {
                    let seat = (number, (rider, chain, moved, reach));
                    match groups.iter_mut().find(|(of, _)| Arc::ptr_eq(of, &sweep)) {
                        Some((_, seats)) => seats.push(seat),
                        None => groups.push((sweep, vec![seat])),
                    }
                }
                Err(error) => results[number] = Some(Err(error)),
            }
        }
        // Batch work may lose what it keeps to others at any time.
        let room = self.cache.memory().budget_bytes / 2;
        for (sweep, group) in groups {
            let (numbers, seats): (Vec<usize>, Vec<_>) = group.into_iter().unzip();
            for (number, seat) in numbers.into_iter().zip(sweep.board(seats, room)) {
                let sweep = sweep.clone();
                let seat = Some((sweep, seat));
                results[number] = Some(Ok(Ride { seat }));
            }
            self.work_on(&sweep);
        }
        // After the others, which are on their way meanwhile.
        for (number, rider, pieces, chain) in taken {
            let done = self.take_at_once(&rider, &pieces, &chain);
            results[number] = Some(done.map(|()| Ride { seat: None }));
        }
        results.into_iter().flatten().collect()
    }

    /// The pass a rider belongs to, and what lies between its source and its node.
    fn way(self: &Arc<Self>, rider: &Rider) -> Result<Way, ComputeError> {
        let (graph, node) = (&rider.graph, &rider.node);
        let prepared = self.prepare_all(graph, node, rider.lane, &rider.cancel)?;
        let (root, source) = graph
            .source_of(node.id)
            .ok_or_else(|| ComputeError::no_node(node.source))?;
        lost::check(node, source)?;
        self.finish_maps_above(graph, node, &rider.cancel)?;
        let pieces = self.pieces_of(graph, node)?;
        let route = graph.route(node)?;
        let chain = Chain::new(self, graph, node, rider.lane, &rider.cancel, prepared)?;
        let moved = match pieces {
            Pieces::OfFile(_) if self.reads(graph, node)? => None,
            Pieces::Moved(moved) if self.reads(graph, node)? => Some(moved),
            pieces => return Ok(Way::Taken(pieces, chain)),
        };
        // Before the first frame: none is used before it is known which pixels are to be left out.
        if !(rider.stored && graph.stored_in(node).is_some()) {
            self.dead_pixels(root, source, rider.lane, &rider.cancel)?;
        }
        let new = || Arc::new(Sweep::new(root.clone(), source.clone()));
        let mut sweeps = lock(&self.sweeps);
        let sweep = match root.file.ended.is_set() {
            true => new(),
            false => sweeps.entry(root.file.number).or_insert_with(new).clone(),
        };
        drop(sweeps);
        let reach = match moved {
            None => Vec::new(),
            Some(_) => {
                guarded(|| route.reach(&node.meta.axes.navigation_shape())).unwrap_or_default()
            }
        };
        Ok(Way::Sweep(sweep, chain, moved, reach))
    }

    /// Every output of a node that is computed without a pass.
    fn take_at_once(
        &self,
        rider: &Rider,
        pieces: &Pieces,
        chain: &Chain,
    ) -> Result<(), ComputeError> {
        let cancelled = || ComputeError::new(&rider.node, None, Cause::Cancelled);
        for piece in 0..pieces.len() {
            if !rider.consumer.wants(piece) {
                continue;
            }
            let positions = pieces.positions(piece);
            let Some(mut take) = rider.consumer.begin(piece, &positions) else {
                continue;
            };
            for at in positions {
                self.gate.step_aside(rider.lane);
                if rider.cancel.is_cancelled() || self.ended.is_cancelled() {
                    return Err(cancelled());
                }
                if take.wants(at) {
                    take.take(at, &chain.through_tree(self, rider, at));
                }
            }
            take.finish();
        }
        Ok(())
    }

    /// Starts the workers that are missing.
    fn work_on(self: &Arc<Self>, sweep: &Arc<Sweep>) {
        loop {
            let number = {
                let mut state = lock(&sweep.state);
                if state.riding.is_empty() || state.workers >= self.threads {
                    return;
                }
                state.workers += 1;
                state.workers
            };
            let (inner, of) = (self.clone(), sweep.clone());
            let started = std::thread::Builder::new()
                .name(format!("pass-{number}"))
                .spawn(move || inner.work(&of));
            if let Err(error) = started {
                tracing::warn!("a thread of a pass could not be started: {error}");
                if number == 1 {
                    self.work(sweep);
                } else {
                    lock(&sweep.state).workers -= 1;
                }
                return;
            }
        }
    }

    /// The body of a worker.
    fn work(&self, sweep: &Sweep) {
        work_for_a_pass();
        loop {
            let task = {
                let mut state = lock(&sweep.state);
                match sweep.next(&mut state, self.ended.is_cancelled()) {
                    Some(task) => task,
                    None => {
                        state.workers -= 1;
                        sweep.changed.notify_all();
                        return;
                    }
                }
            };
            let (Task::Open(block) | Task::Help(block)) = &task;
            let worked = guarded(|| match &task {
                Task::Open(block) => self.open(sweep, block),
                Task::Help(block) => self.help(sweep, block),
            });
            if let Err(text) = worked {
                tracing::error!("a pass over `{}` met a bug: {text}", sweep.node.name);
            }
            if block.worked_off() {
                sweep.close(block);
            }
        }
    }

    /// Between two frames of slow work: quick riders who came meanwhile are served at once.
    fn let_quick_pass(&self, sweep: &Sweep) {
        loop {
            let Some(block) = sweep.open_next(&mut lock(&sweep.state), true) else {
                return;
            };
            if let Err(text) = guarded(|| self.open(sweep, &block)) {
                tracing::error!("a pass over `{}` met a bug: {text}", sweep.node.name);
            }
            if block.worked_off() {
                sweep.close(&block);
            }
        }
    }

    /// Reads a block's chunk, shares it, and does its pieces until none is left.
    fn open(&self, sweep: &Sweep, block: &Block) {
        let _slot = self.gate.slot(block.lane);
        let opened = self.open_block(sweep, block);
        block.publish(opened.clone());
        while let Some(claim) = block.claim() {
            self.piece(sweep, block, &opened, claim.unit);
        }
    }

    /// One piece of a block that another worker opens.
    fn help(&self, sweep: &Sweep, block: &Block) {
        let opened = block.opened();
        let _slot = self.gate.slot(block.lane);
        if let Some(claim) = block.claim() {
            self.piece(sweep, block, &opened, claim.unit);
        }
    }
}
