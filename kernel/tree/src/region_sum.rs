//! The mean or sum of the frames of a region of the scan: exact, coarse at once, and moved along by adding and taking
//! away strips while somebody drags the region.
//!
//! Whole numbers are added as such, so the order does not matter. Other numbers are added in blocks and an order that
//! depend on the region alone; what a drag has added and taken away of them is shown, but not called exact.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal::{CancelToken, Frame, NavigationIndex, Region, SignalKind};

use crate::cache::Evictable;
use crate::compute::Inner;
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Engine, Graph, Node, ViewId, lock};

mod area;
mod follow;
mod gather;
mod totals;

pub(crate) use area::far_step;
use totals::Totals;

/// Longest wait for the exact frame before an estimate is shown.
const PATIENCE: Duration = Duration::from_millis(25);
/// Views whose sums are kept.
const MAX_VIEWS: usize = 8;

/// How the frames of a region become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionStatistic {
    /// Per pixel, over the positions where it is finite; `f32`.
    Mean,
    /// Likewise; `f64`.
    Sum,
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
struct RegionRequest {
    node: u32,
    revision: u32,
    outer: Vec<usize>,
    region: Region,
}

impl RegionRequest {
    /// Whether only the region differs.
    fn is_near(&self, other: &RegionRequest) -> bool {
        (self.node, self.revision, &self.outer) == (other.node, other.revision, &other.outer)
    }
}

struct RegionSum {
    request: RegionRequest,
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
    request: RegionRequest,
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
    sum: Option<RegionSum>,
    gathering: Option<Arc<Gathering>>,
}

struct Follower {
    view: ViewId,
    state: Mutex<Followed>,
}

/// Sums of the views, the one that asked last at the end.
#[derive(Default)]
pub(crate) struct Regions(Mutex<Vec<Arc<Follower>>>);

impl Regions {
    fn of(&self, view: &ViewId) -> Arc<Follower> {
        let mut all = lock(&self.0);
        let found = all.iter().position(|follower| follower.view == *view);
        let follower = match found {
            Some(at) => all.remove(at),
            None => Arc::new(Follower {
                view: view.clone(),
                state: Mutex::default(),
            }),
        };
        all.push(follower.clone());
        let oldest = (all.len() > MAX_VIEWS).then(|| all.remove(0));
        drop(all);
        if let Some(oldest) = oldest {
            oldest.clear();
        }
        follower
    }

    fn leave(&self, view: &ViewId) {
        let mut all = lock(&self.0);
        let found = all.iter().position(|follower| follower.view == *view);
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
            let of = |request: &RegionRequest| nodes.contains(&request.node);
            let sum = state.sum.take_if(|sum| of(&sum.request));
            let gathering = (state.gathering).take_if(|gathering| of(&gathering.request));
            drop(state);
            drop(sum);
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
    /// background, until `view` asks for another region. `at` says the position on the slower navigation axes.
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
        view: &ViewId,
    ) -> Result<RegionFrame, ComputeError> {
        let (node, request) = request(graph, node, at, region)?;
        let follower = self.inner.regions.of(view);
        let exact = |sum: &RegionSum| sum.fresh || sum.totals.is_exact();
        let mut moved = None;
        {
            let mut followed = lock(&follower.state);
            if let Some(sum) = &mut followed.sum {
                if let Some(memory) = &sum.memory {
                    memory.touch();
                }
                if self.inner.follow(graph, node, sum, &request) {
                    let frame = sum.totals.frame(node, statistic, None)?;
                    let exact = exact(sum);
                    if exact {
                        followed.stop_gathering();
                        return Ok(whole(frame, true));
                    }
                    moved = Some(frame);
                }
            }
        }
        let gathering = self.inner.gather(graph, node, &request, &follower);
        if moved.is_none() {
            gathering.wait(&self.inner, PATIENCE);
        }
        {
            let followed = lock(&follower.state);
            if let Some(sum) = &followed.sum
                && sum.request == request
                && exact(sum)
            {
                return Ok(whole(sum.totals.frame(node, statistic, None)?, true));
            }
        }
        if let Some(frame) = moved {
            return Ok(whole(frame, false));
        }
        self.inner
            .estimate_region(graph, node, &request, statistic, &gathering)
    }

    /// The view shows no region any more.
    pub fn leave_region(&self, view: &ViewId) {
        self.inner.regions.leave(view);
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
fn request(
    graph: &Graph,
    node: u32,
    at: NavigationIndex,
    region: Region,
) -> Result<(&Arc<Node>, RegionRequest), ComputeError> {
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
    let request = RegionRequest {
        node: node.id,
        revision: node.revision,
        outer: at.as_slice().get(..outer).unwrap_or_default().to_vec(),
        region,
    };
    Ok((node, request))
}

impl Gathering {
    fn wait(&self, inner: &Inner, patience: Duration) {
        let _waiting = inner.scheduler.waiting(Priority::Interactive);
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
