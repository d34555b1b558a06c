//! Sums gathered in the background, and what can be shown of them meanwhile.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use signal::{CancelToken, Frame};

use super::area::{decoded_chunk, far_step};
use super::totals::{self, Totals};
use super::{Asked, Follower, Gathering, Kept, PATIENCE, RegionFrame, RegionStatistic};
use crate::compute::{Inner, UnitScope, guarded};
use crate::gate::{Lane, work_for_a_pass};
use crate::ordered::in_order;
use crate::{Cause, ComputeError, EngineEvent, Graph, Node, lock};

/// Frames of an estimate while no tile is finished.
const SAMPLE_FRAMES: usize = 64;
/// Shortest time between two events.
const TELL_EVERY: Duration = Duration::from_millis(150);

impl Inner {
    /// Finds or begins the sum in the background; one of another region ends.
    pub(super) fn gather(
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
        let mut totals = self.no_frames(graph, node, cancel)?;
        let nothing = totals.clone();
        let (mut done, mut failed) = (0, None);
        in_order(
            blocks.len(),
            self.threads,
            &|number| {
                let _slot = self.gate.slot(Lane::Batch);
                let _scope = UnitScope;
                let mut block = nothing.clone();
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
            Some((root, source)) => self.dead_pixels(root, source, Lane::Batch, cancel)?,
            _ => None,
        };
        Ok(Totals::new(&node.meta, dead.is_some()))
    }

    /// What can be shown now: the blocks that are done, or else a few frames.
    pub(super) fn estimate_region(
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
        let mut totals = self.no_frames(graph, node, cancel)?;
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
