//! The mean or sum of the frames of a region of the scan: exact, coarse at once, and moved along by adding and taking
//! away strips while somebody drags the region.
//!
//! Whole numbers are added as such, so the order does not matter. Other numbers are added in blocks and an order that
//! depend on the region alone; what a drag has added and taken away of them is shown, but not called exact.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal::{CancelToken, ChunkId, Frame, NavigationIndex, Output, Region, SignalKind};

use crate::cache::Evictable;
use crate::compute::{Inner, UnitScope, guarded};
use crate::gate::{Lane, work_for_a_pass};
use crate::ordered::in_order;
use crate::{Cause, ComputeError, Engine, EngineEvent, Graph, Node, lock};

mod totals;

use totals::Totals;

/// Frames added by one thread at a time.
const BLOCK_FRAMES: usize = 256;
/// A region that moves is followed by strips only if they are this share of it, …
const STRIP_SHARE: f64 = 0.5;
/// … and if they are there after this time.
const STRIP_TIME: Duration = Duration::from_millis(250);
/// Strips are not tried any more after so many were late: the chunks that were decoded for them are in memory the
/// next time, frames that are slow to compute are not.
const MOST_LATE: usize = 3;
/// Frames of strips read by one thread at a time, and how long they take when more threads pay.
const READ_AT_ONCE: usize = 8;
const WORTH_THREADS: Duration = Duration::from_millis(1);
/// Longest wait for the exact frame before an estimate is shown.
const PATIENCE: Duration = Duration::from_millis(25);
/// Frames of an estimate while no block is finished.
const SAMPLE_FRAMES: usize = 64;
/// Shortest time between two events.
const TELL_EVERY: Duration = Duration::from_millis(150);
/// Viewers whose sums are kept.
const MOST_VIEWERS: usize = 8;

/// How the frames of a region become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionStatistic {
    /// Per pixel, over the positions where it is finite; `f32`.
    Mean,
    /// Likewise; `f64`.
    Sum,
}

/// Whose region is followed while it moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub page: String,
    pub view: u32,
}

/// The frame of a region.
#[derive(Clone, Debug)]
pub struct RegionFrame {
    pub frame: Frame,
    /// Share of the region that was added.
    pub complete: f64,
    /// Whether asking again gives the same.
    pub exact: bool,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    node: u32,
    revision: u32,
    outer: Vec<usize>,
    region: Region,
}

impl Asked {
    /// Whether only the region differs.
    fn is_near(&self, other: &Asked) -> bool {
        (self.node, self.revision, &self.outer) == (other.node, other.revision, &other.outer)
    }
}

struct Kept {
    asked: Asked,
    totals: Totals,
    /// Whether it was gathered by adding alone, in the order that belongs to the region.
    fresh: bool,
    /// How many times in a row strips were not there in time.
    late: usize,
    /// `None` when the budget has no room: then it is kept all the same, as what is on the screen.
    memory: Option<Evictable>,
}

/// A sum that is being gathered.
struct Gathering {
    asked: Asked,
    cancel: CancelToken,
    state: Mutex<Partial>,
    changed: Condvar,
}

#[derive(Default)]
struct Partial {
    totals: Option<Totals>,
    done: usize,
    ended: bool,
    error: Option<ComputeError>,
}

#[derive(Default)]
struct Followed {
    kept: Option<Kept>,
    gathering: Option<Arc<Gathering>>,
}

struct Follower {
    viewer: Viewer,
    state: Mutex<Followed>,
}

/// Sums of the viewers, the one who asked last at the end.
#[derive(Default)]
pub(crate) struct Regions(Mutex<Vec<Arc<Follower>>>);

impl Regions {
    fn of(&self, viewer: &Viewer) -> Arc<Follower> {
        let mut all = lock(&self.0);
        let found = all.iter().position(|follower| follower.viewer == *viewer);
        let follower = match found {
            Some(at) => all.remove(at),
            None => Arc::new(Follower {
                viewer: viewer.clone(),
                state: Mutex::default(),
            }),
        };
        all.push(follower.clone());
        let oldest = (all.len() > MOST_VIEWERS).then(|| all.remove(0));
        drop(all);
        if let Some(oldest) = oldest {
            oldest.clear();
        }
        follower
    }

    fn leave(&self, viewer: &Viewer) {
        let mut all = lock(&self.0);
        let found = all.iter().position(|follower| follower.viewer == *viewer);
        let left = found.map(|at| all.remove(at));
        drop(all);
        if let Some(follower) = left {
            follower.clear();
        }
    }

    /// Ends and drops what belongs to these nodes.
    pub fn forget(&self, nodes: &[u32]) {
        let all = lock(&self.0).clone();
        for follower in all {
            let mut state = lock(&follower.state);
            let of = |asked: &Asked| nodes.contains(&asked.node);
            let kept = state.kept.take_if(|kept| of(&kept.asked));
            let gathering = (state.gathering).take_if(|gathering| of(&gathering.asked));
            drop(state);
            drop(kept);
            if let Some(gathering) = gathering {
                gathering.cancel.cancel();
            }
        }
    }

    pub fn clear(&self) {
        let all = std::mem::take(&mut *lock(&self.0));
        all.iter().for_each(|follower| follower.clear());
    }
}

impl Follower {
    fn clear(&self) {
        let followed = std::mem::take(&mut *lock(&self.state));
        if let Some(gathering) = followed.gathering {
            gathering.cancel.cancel();
        }
    }
}

impl Engine {
    /// The mean or sum of the frames of a region as it is known after a moment; what is missing is gathered in the
    /// background, until `viewer` asks for another region. `at` says the position on the slower navigation axes.
    ///
    /// # Errors
    /// [`ComputeError`] when the node has no frames, the region lies outside the scan, or no frame can be computed.
    pub fn region(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        at: NavigationIndex,
        region: Region,
        statistic: RegionStatistic,
        viewer: &Viewer,
    ) -> Result<RegionFrame, ComputeError> {
        let (node, asked) = asked(graph, node, at, region)?;
        let follower = self.inner.regions.of(viewer);
        let exact = |kept: &Kept| kept.fresh || kept.totals.is_exact();
        let mut moved = None;
        {
            let mut followed = lock(&follower.state);
            if let Some(kept) = &mut followed.kept {
                if let Some(memory) = &kept.memory {
                    memory.touch();
                }
                if self.inner.follow(graph, node, kept, &asked) {
                    let frame = kept.totals.frame(node, statistic, None)?;
                    let exact = exact(kept);
                    if exact {
                        followed.stop_gathering();
                        return Ok(whole(frame, true));
                    }
                    moved = Some(frame);
                }
            }
        }
        let gathering = self.inner.gather(graph, node, &asked, &follower);
        if moved.is_none() {
            gathering.wait(&self.inner, PATIENCE);
        }
        {
            let followed = lock(&follower.state);
            if let Some(kept) = &followed.kept
                && kept.asked == asked
                && exact(kept)
            {
                return Ok(whole(kept.totals.frame(node, statistic, None)?, true));
            }
        }
        if let Some(frame) = moved {
            return Ok(whole(frame, false));
        }
        self.inner
            .estimate_region(graph, node, &asked, statistic, &gathering)
    }

    /// The viewer looks at no region any more.
    pub fn leave_region(&self, viewer: &Viewer) {
        self.inner.regions.leave(viewer);
    }

    /// The exact mean or sum of the frames of a region. `tick` is called often with the share that is done, and
    /// ends the work with `Break`.
    ///
    /// # Errors
    /// As [`Engine::region`], and for any frame that cannot be computed; `cancelled`.
    pub fn region_now(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        at: NavigationIndex,
        region: Region,
        statistic: RegionStatistic,
        cancel: &CancelToken,
        tick: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Frame, ComputeError> {
        let (node, asked) = asked(graph, node, at, region)?;
        let totals = self
            .inner
            .add_up(graph, node, &asked, cancel, &mut |done, _| {
                tick(done as f64 / (region.width * region.height) as f64)
            })?;
        totals.frame(node, statistic, None)
    }
}

fn whole(frame: Frame, exact: bool) -> RegionFrame {
    RegionFrame {
        frame,
        complete: 1.0,
        exact,
    }
}

impl Followed {
    fn stop_gathering(&mut self) {
        if let Some(gathering) = self.gathering.take() {
            gathering.cancel.cancel();
        }
    }
}

/// The node, and the region within its scan.
fn asked(
    graph: &Graph,
    node: u32,
    at: NavigationIndex,
    region: Region,
) -> Result<(&Arc<Node>, Asked), ComputeError> {
    let node = graph
        .node(node)
        .ok_or_else(|| ComputeError::no_node(node))?;
    let fail = |cause| ComputeError::new(node, None, cause);
    if node.meta.kind != SignalKind::Frame {
        return Err(fail(Cause::WrongOutput {
            expected: "frames".into(),
            found: node.meta.kind.noun().into(),
        }));
    }
    if let Some(fault) = &node.fault {
        return Err(fail(Cause::NotApplicable(fault.clone())));
    }
    let shape = node.meta.axes.navigation_shape();
    let [rows, columns] = match shape.as_slice() {
        [] => [1, 1],
        [columns] => [1, *columns],
        [.., rows, columns] => [*rows, *columns],
    };
    let fits = |start: usize, length: usize, size: usize| {
        length > 0 && start.checked_add(length).is_some_and(|end| end <= size)
    };
    if !fits(region.x0, region.width, columns) || !fits(region.y0, region.height, rows) {
        return Err(fail(Cause::RegionOutside { region, shape }));
    }
    let outer = shape.len().saturating_sub(2);
    let asked = Asked {
        node: node.id,
        revision: node.revision,
        outer: at.as_slice().get(..outer).unwrap_or_default().to_vec(),
        region,
    };
    Ok((node, asked))
}

impl Asked {
    /// A scan position of the plane.
    fn at(&self, rank: usize, row: usize, column: usize) -> NavigationIndex {
        let mut index = self.outer.clone();
        match rank - index.len() {
            0 => {}
            1 => index.push(column),
            _ => index.extend([row, column]),
        }
        NavigationIndex::new(&index)
    }

    /// Positions of a rectangle, C order.
    fn positions(&self, rank: usize, region: Region) -> Vec<NavigationIndex> {
        (region.y0..region.y0 + region.height)
            .flat_map(|row| (region.x0..region.x0 + region.width).map(move |column| (row, column)))
            .map(|(row, column)| self.at(rank, row, column))
            .collect()
    }

    /// The region cut into tiles, far ones alternating, so that a part of them stands for all. A tile is a band of
    /// whole rows, or what lies in one decoded chunk (or in a few small ones): each is decoded once.
    fn tiles(&self, chunk: Option<[usize; 2]>) -> Vec<Region> {
        let region = self.region;
        let [rows, columns] = match chunk {
            Some([rows, columns]) => {
                let chunks = BLOCK_FRAMES.div_ceil(rows * columns).max(1);
                [rows, columns * chunks]
            }
            None => [BLOCK_FRAMES.div_ceil(region.width), usize::MAX],
        };
        // Bands begin with the region, tiles of chunks with their chunks.
        let first_row = if chunk.is_some() { 0 } else { region.y0 };
        let downs = cuts(region.y0, region.height, first_row, rows);
        let across = cuts(region.x0, region.width, 0, columns);
        let count = downs.len() * across.len();
        (0..count)
            .map(|number| number * far_step(count) % count)
            .map(|tile| {
                let (y0, height) = downs[tile / across.len()];
                let (x0, width) = across[tile % across.len()];
                Region::rectangle(x0, y0, width, height)
            })
            .collect()
    }
}

/// Starts and lengths of `start .. start + length`, cut at `origin`, `origin + step`, …
fn cuts(start: usize, length: usize, origin: usize, step: usize) -> Vec<(usize, usize)> {
    let (mut cuts, mut at) = (Vec::new(), start);
    while at < start + length {
        let next = origin.saturating_add(((at - origin) / step + 1).saturating_mul(step));
        let end = next.min(start + length);
        cuts.push((at, end - at));
        at = end;
    }
    cuts
}

/// What lies in `a` and not in `b`, in at most four rectangles.
fn difference(a: Region, b: Region) -> Vec<Region> {
    let end = |region: Region| (region.x0 + region.width, region.y0 + region.height);
    let ((ax, ay), (bx, by)) = (end(a), end(b));
    let (x0, x1) = (a.x0.max(b.x0), ax.min(bx));
    let (y0, y1) = (a.y0.max(b.y0), ay.min(by));
    if x0 >= x1 || y0 >= y1 {
        return vec![a];
    }
    [
        Region::rectangle(a.x0, a.y0, a.width, y0 - a.y0),
        Region::rectangle(a.x0, y1, a.width, ay - y1),
        Region::rectangle(a.x0, y0, x0 - a.x0, y1 - y0),
        Region::rectangle(x1, y0, ax - x1, y1 - y0),
    ]
    .into_iter()
    .filter(|part| part.width > 0 && part.height > 0)
    .collect()
}

/// Scan rows and columns of a chunk, if the frames come from decoded ones that hold several.
fn decoded_chunk(graph: &Graph, node: &Node) -> Option<[usize; 2]> {
    let (_, source) = graph.source_of(node.id)?;
    let access = source.access();
    if access.mapped || access.frames_per_chunk < 2 {
        return None;
    }
    let chunk = source.chunk_navigation(ChunkId(0));
    match chunk.as_slice() {
        [.., rows, columns] => Some([rows.len().max(1), columns.len().max(1)]),
        [columns] => Some([1, columns.len().max(1)]),
        [] => None,
    }
}

impl Gathering {
    fn wait(&self, inner: &Inner, patience: Duration) {
        let _waiting = inner.gate.waiting(Lane::Interactive);
        let until = Instant::now() + patience;
        let mut state = lock(&self.state);
        while !state.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = (self.changed)
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Inner {
    /// Brings kept sums to another region by strips, if that is quick; whether they are those of `asked` now.
    fn follow(&self, graph: &Graph, node: &Arc<Node>, kept: &mut Kept, asked: &Asked) -> bool {
        if kept.asked == *asked {
            return true;
        }
        if !kept.asked.is_near(asked) {
            return false;
        }
        let gone = difference(kept.asked.region, asked.region);
        let new = difference(asked.region, kept.asked.region);
        let area = |region: &Region| region.width * region.height;
        let frames: usize = gone.iter().chain(&new).map(area).sum();
        if kept.late >= MOST_LATE || frames as f64 > STRIP_SHARE * area(&asked.region) as f64 {
            return false;
        }
        let rank = node.meta.axes.navigation.len();
        let until = Instant::now() + STRIP_TIME;
        let positions = |regions: &[Region]| -> Vec<NavigationIndex> {
            (regions.iter())
                .flat_map(|region| asked.positions(rank, *region))
                .collect()
        };
        let (gone, new) = (positions(&gone), positions(&new));
        // All frames before the sums are touched: a frame that cannot be read leaves them as they were.
        let frames: Vec<NavigationIndex> = gone.iter().chain(&new).copied().collect();
        let Some(frames) = self.read_until(graph, node, &frames, until) else {
            kept.late += 1;
            return false;
        };
        kept.late = 0;
        let (gone, new) = frames.split_at(gone.len());
        kept.totals.replace(gone, new, self.threads);
        kept.asked = asked.clone();
        kept.fresh = false;
        true
    }

    /// Frames that are there in time, or none.
    fn read_until(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        positions: &[NavigationIndex],
        until: Instant,
    ) -> Option<Vec<Frame>> {
        let never = CancelToken::new();
        let parts: Vec<&[NavigationIndex]> = positions.chunks(READ_AT_ONCE).collect();
        let late = || Instant::now() > until;
        let read = |part: &[NavigationIndex]| -> Option<Vec<Frame>> {
            let frame = |at: &NavigationIndex| {
                let frame = || self.frame(graph, node, *at, Lane::Interactive, &never);
                (!late()).then(frame)?.ok()
            };
            part.iter().map(frame).collect()
        };
        let mut frames = Vec::with_capacity(positions.len());
        // The first ones tell whether others are worth a thread.
        let began = Instant::now();
        let (first, rest) = parts.split_first()?;
        frames.extend(read(first)?);
        let threads = if began.elapsed() > WORTH_THREADS {
            self.threads
        } else {
            1
        };
        in_order(
            rest.len(),
            threads,
            &|number| read(rest[number]),
            &mut || {},
            &mut |_, some| match some {
                Some(some) => {
                    frames.extend(some);
                    ControlFlow::Continue(())
                }
                None => ControlFlow::Break(()),
            },
        );
        (frames.len() == positions.len()).then_some(frames)
    }

    fn frame(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        at: NavigationIndex,
        lane: Lane,
        cancel: &CancelToken,
    ) -> Result<Frame, ComputeError> {
        match self.output(graph, node, at, lane, cancel)? {
            Output::Frame(frame) => Ok(frame),
            other => {
                let cause = Cause::WrongOutput {
                    expected: "a frame".into(),
                    found: other.kind().noun().into(),
                };
                Err(ComputeError::new(node, Some(at), cause))
            }
        }
    }

    /// Finds or begins the sum in the background; one of another region ends.
    fn gather(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        asked: &Asked,
        follower: &Arc<Follower>,
    ) -> Arc<Gathering> {
        let mut followed = lock(&follower.state);
        if let Some(gathering) = &followed.gathering
            && gathering.asked == *asked
        {
            return gathering.clone();
        }
        followed.stop_gathering();
        let gathering = Arc::new(Gathering {
            asked: asked.clone(),
            cancel: CancelToken::new(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        followed.gathering = Some(gathering.clone());
        drop(followed);
        let (inner, graph, node) = (self.clone(), graph.clone(), node.clone());
        let (thread, follower) = (gathering.clone(), follower.clone());
        let started = std::thread::Builder::new()
            .name(format!("region-{}", node.id))
            .spawn(move || inner.run_gathering(&graph, &node, &thread, &follower));
        if let Err(error) = started {
            tracing::error!("the frame of a region could not be started: {error}");
            lock(&gathering.state).ended = true;
        }
        gathering
    }

    fn run_gathering(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        gathering: &Gathering,
        follower: &Arc<Follower>,
    ) {
        work_for_a_pass();
        let mut told = Instant::now();
        let asked = &gathering.asked;
        let frames = asked.region.width * asked.region.height;
        let tell = |complete: f64| {
            self.tell(EngineEvent::Region {
                node: node.id,
                viewer: follower.viewer.clone(),
                complete,
            });
        };
        let added = guarded(|| {
            self.add_up(
                graph,
                node,
                asked,
                &gathering.cancel,
                &mut |done, totals| {
                    let mut state = lock(&gathering.state);
                    state.done = done;
                    if told.elapsed() >= TELL_EVERY {
                        told = Instant::now();
                        state.totals = Some(totals.clone());
                        drop(state);
                        tell(done as f64 / frames as f64);
                    } else if state.totals.is_none() {
                        state.totals = Some(totals.clone());
                    }
                    ControlFlow::Continue(())
                },
            )
        });
        let added =
            added.unwrap_or_else(|text| Err(ComputeError::new(node, None, Cause::Panic(text))));
        let mut ended = false;
        match added {
            Ok(totals) => {
                ended = self.keep(node, gathering, follower, totals);
            }
            Err(error) => lock(&gathering.state).error = Some(error),
        }
        lock(&gathering.state).ended = true;
        gathering.changed.notify_all();
        if ended {
            tell(1.0);
        }
    }

    /// Keeps finished sums for the next step of the drag; whether they are still wanted.
    fn keep(
        self: &Arc<Self>,
        node: &Node,
        gathering: &Gathering,
        follower: &Arc<Follower>,
        totals: Totals,
    ) -> bool {
        let weak = Arc::downgrade(follower);
        let evicted = Arc::new(move || {
            if let Some(follower) = weak.upgrade() {
                let kept = lock(&follower.state).kept.take();
                drop(kept);
            }
        });
        let memory =
            (self.cache).reserve_evictable(node.id, totals.bytes(), Lane::Interactive, evicted);
        let mut followed = lock(&follower.state);
        let wanted = (followed.gathering.as_ref())
            .is_some_and(|current| std::ptr::eq(&**current, gathering));
        if !wanted {
            drop(followed);
            return false;
        }
        followed.gathering = None;
        let before = followed.kept.replace(Kept {
            asked: gathering.asked.clone(),
            totals,
            fresh: true,
            late: 0,
            memory,
        });
        drop(followed);
        drop(before);
        true
    }

    /// The sums over a region, block by block in their order; `step` sees how many frames are in, and the sums.
    fn add_up(
        &self,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        asked: &Asked,
        cancel: &CancelToken,
        step: &mut dyn FnMut(usize, &Totals) -> ControlFlow<()>,
    ) -> Result<Totals, ComputeError> {
        self.prepare_all(graph, node, Lane::Batch, cancel)?;
        let rank = node.meta.axes.navigation.len();
        let blocks = asked.tiles(decoded_chunk(graph, node));
        let mut totals = Totals::new(&node.meta);
        let (mut done, mut failed) = (0, None);
        in_order(
            blocks.len(),
            self.threads,
            &|number| {
                let _slot = self.gate.slot(Lane::Batch);
                let _scope = UnitScope;
                let mut block = Totals::new(&node.meta);
                let positions = asked.positions(rank, blocks[number]);
                for some in positions.chunks(totals::AT_ONCE) {
                    let frames = (some.iter())
                        .map(|at| {
                            self.gate.step_aside(Lane::Batch);
                            if cancel.is_cancelled() || self.ended.is_cancelled() {
                                return Err(ComputeError::new(node, None, Cause::Cancelled));
                            }
                            self.frame(graph, node, *at, Lane::Batch, cancel)
                        })
                        .collect::<Result<Vec<Frame>, ComputeError>>()?;
                    block.add(&frames);
                }
                Ok(block)
            },
            &mut || {},
            &mut |_, block: Result<Totals, ComputeError>| match block {
                Ok(block) => {
                    totals.merge(&block);
                    done += block.frames();
                    let flow = step(done, &totals);
                    if flow.is_break() {
                        failed = Some(ComputeError::new(node, None, Cause::Cancelled));
                    }
                    flow
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            },
        );
        failed.map_or(Ok(totals), Err)
    }

    /// What can be shown now: the blocks that are done, or else a few frames.
    fn estimate_region(
        &self,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        asked: &Asked,
        statistic: RegionStatistic,
        gathering: &Gathering,
    ) -> Result<RegionFrame, ComputeError> {
        let frames = asked.region.width * asked.region.height;
        {
            let state = lock(&gathering.state);
            if let Some(error) = &state.error
                && !error.is_cancelled()
            {
                return Err(error.clone());
            }
            if let Some(totals) = &state.totals {
                let complete = totals.frames() as f64 / frames as f64;
                let frame = totals.frame(node, statistic, Some(frames))?;
                let exact = totals.frames() == frames;
                return Ok(RegionFrame {
                    frame,
                    complete,
                    exact,
                });
            }
        }
        let sample = self.sample(graph, node, asked, &gathering.cancel)?;
        Ok(RegionFrame {
            frame: sample.frame(node, statistic, Some(frames))?,
            complete: sample.frames() as f64 / frames as f64,
            exact: false,
        })
    }

    /// A few frames spread over the region: as many as there is patience for, and one at least.
    fn sample(
        &self,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        asked: &Asked,
        cancel: &CancelToken,
    ) -> Result<Totals, ComputeError> {
        let _first = self.gate.interactive();
        let began = Instant::now();
        let rank = node.meta.axes.navigation.len();
        let region = asked.region;
        let frames = region.width * region.height;
        let count = SAMPLE_FRAMES.min(frames);
        let mut totals = Totals::new(&node.meta);
        for number in 0..count {
            // A low-discrepancy walk: any first part of it covers the region.
            let place = (number * far_step(frames)) % frames;
            let (row, column) = (place / region.width, place % region.width);
            let at = asked.at(rank, region.y0 + row, region.x0 + column);
            let never = CancelToken::new();
            totals.add(&[self.frame(graph, node, at, Lane::Interactive, &never)?]);
            if began.elapsed() > PATIENCE || cancel.is_cancelled() {
                break;
            }
        }
        Ok(totals)
    }
}

/// A step that visits all of `count` places, far from each other at first: near the golden section, without a common
/// divisor.
fn far_step(count: usize) -> usize {
    let divides = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a > 1
    };
    let start = ((count as f64 * 0.618_034) as usize).max(1);
    (start..count.max(2))
        .find(|step| !divides(*step, count))
        .unwrap_or(1)
}

#[cfg(test)]
#[path = "region_sum/tests.rs"]
mod tests;
