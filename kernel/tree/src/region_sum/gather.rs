//! Sums gathered in the background, and what can be shown of them meanwhile.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use signal::{CancelToken, Frame};

use super::area::{decoded_chunk, far_step};
use super::totals::{self, Totals};
use super::{
    Follower, Gathering, PATIENCE, RegionFrame, RegionRequest, RegionStatistic, RegionSum,
};
use crate::compute::{Inner, UnitScope, guarded};
use crate::ordered::in_order;
use crate::scheduler::{Priority, work_for_a_pass};
use crate::{Cause, ComputeError, EngineEvent, Graph, Node, lock};

/// Frames of an estimate while no tile is finished.
const SAMPLE_FRAMES: usize = 64;
/// Shortest time between two events.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(150);

impl Inner {
    /// Finds or begins the sum in the background; one of another region ends.
    pub(super) fn gather(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        request: &RegionRequest,
        follower: &Arc<Follower>,
    ) -> Arc<Gathering> {
        let mut followed = lock(&follower.state);
        if let Some(gathering) = &followed.gathering
            && gathering.request == *request
        {
            return gathering.clone();
        }
        followed.stop_gathering();
        let gathering = Arc::new(Gathering {
            request: request.clone(),
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
        let mut last_notified = Instant::now();
        let request = &gathering.request;
        let frames = request.region.width * request.region.height;
        let notify = |complete: f64| {
            self.notify(EngineEvent::Region {
                node: node.id,
                view: follower.view.clone(),
                complete,
            });
        };
        let added = guarded(|| {
            self.add_up(
                graph,
                node,
                request,
                &gathering.cancel,
                &mut |done, totals| {
                    let mut state = lock(&gathering.state);
                    state.done = done;
                    if last_notified.elapsed() >= NOTIFY_INTERVAL {
                        last_notified = Instant::now();
                        state.totals = Some(totals.clone());
                        drop(state);
                        notify(done as f64 / frames as f64);
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
            notify(1.0);
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
                let sum = lock(&follower.state).sum.take();
                drop(sum);
            }
        });
        let memory =
            (self.cache).reserve_evictable(node.id, totals.bytes(), Priority::Interactive, evicted);
        let mut followed = lock(&follower.state);
        let wanted = (followed.gathering.as_ref())
            .is_some_and(|current| std::ptr::eq(&**current, gathering));
        if !wanted {
            drop(followed);
            return false;
        }
        followed.gathering = None;
        let before = followed.sum.replace(RegionSum {
            request: gathering.request.clone(),
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
        request: &RegionRequest,
        cancel: &CancelToken,
        step: &mut dyn FnMut(usize, &Totals) -> ControlFlow<()>,
    ) -> Result<Totals, ComputeError> {
        self.prepare_all(graph, node, Priority::Batch, cancel)?;
        let rank = node.meta.axes.navigation.len();
        let blocks = request.tiles(decoded_chunk(graph, node));
        let mut totals = self.no_frames(graph, node, cancel)?;
        let nothing = totals.clone();
        let (mut done, mut failed) = (0, None);
        in_order(
            blocks.len(),
            self.threads,
            &|number| {
                let _slot = self.scheduler.slot(Priority::Batch);
                let _scope = UnitScope;
                let mut block = nothing.clone();
                let positions = request.positions(rank, blocks[number]);
                for some in positions.chunks(totals::AT_ONCE) {
                    let frames = (some.iter())
                        .map(|at| {
                            self.scheduler.yield_to_urgent(Priority::Batch);
                            if cancel.is_cancelled() || self.ended.is_cancelled() {
                                return Err(ComputeError::new(node, None, Cause::Cancelled));
                            }
                            self.frame(graph, node, *at, Priority::Batch, cancel)
                        })
                        .collect::<Result<Vec<Frame>, ComputeError>>()?;
                    block.add(&frames);
                }
                Ok(block)
            },
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

    /// Sums of no frames.
    fn no_frames(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        cancel: &CancelToken,
    ) -> Result<Totals, ComputeError> {
        let dead = match graph.stored_in(node) {
            Some((root, source)) => self.dead_pixels(root, source, Priority::Batch, cancel)?,
            _ => None,
        };
        Ok(Totals::new(&node.meta, dead.is_some()))
    }

    /// What can be shown now: the blocks that are done, or else a few frames.
    pub(super) fn estimate_region(
        &self,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        request: &RegionRequest,
        statistic: RegionStatistic,
        gathering: &Gathering,
    ) -> Result<RegionFrame, ComputeError> {
        let frames = request.region.width * request.region.height;
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
        let sample = self.sample(graph, node, request, &gathering.cancel)?;
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
        request: &RegionRequest,
        cancel: &CancelToken,
    ) -> Result<Totals, ComputeError> {
        let _first = self.scheduler.interactive();
        let began = Instant::now();
        let rank = node.meta.axes.navigation.len();
        let region = request.region;
        let frames = region.width * region.height;
        let count = SAMPLE_FRAMES.min(frames);
        let mut totals = self.no_frames(graph, node, cancel)?;
        for number in 0..count {
            // A low-discrepancy walk: any first part of it covers the region.
            let place = (number * far_step(frames)) % frames;
            let (row, column) = (place / region.width, place % region.width);
            let at = request.at(rank, region.y0 + row, region.x0 + column);
            let never = CancelToken::new();
            totals.add(&[self.frame(graph, node, at, Priority::Interactive, &never)?]);
            if began.elapsed() > PATIENCE || cancel.is_cancelled() {
                break;
            }
        }
        Ok(totals)
    }
}
