//! Sums that move along with their region, by strips.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::{CancelToken, Frame, NavigationIndex, Output, Region};

use super::area::difference;
use super::{RegionRequest, RegionSum};
use crate::compute::Inner;
use crate::ordered::in_order;
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Graph, Node};

/// A region that moves is followed by strips only if they are this share of it, …
const STRIP_SHARE: f64 = 0.5;
/// … and if they are there after this time.
const STRIP_TIME: Duration = Duration::from_millis(250);
/// Strips are not tried any more after so many were late: the chunks that were decoded for them are in memory the
/// next time, frames that are slow to compute are not.
const MAX_LATE: usize = 3;
/// Frames of strips read by one thread at a time, and how long they take when more threads pay.
const READ_AT_ONCE: usize = 8;
const WORTH_THREADS: Duration = Duration::from_millis(1);

impl Inner {
    /// Brings kept sums to another region by strips, if that is quick; whether they are those of `request` now.
    pub(super) fn follow(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        sum: &mut RegionSum,
        request: &RegionRequest,
    ) -> bool {
        if sum.request == *request {
            return true;
        }
        if !sum.request.is_near(request) {
            return false;
        }
        let gone = difference(sum.request.region, request.region);
        let new = difference(request.region, sum.request.region);
        let area = |region: &Region| region.width * region.height;
        let frames: usize = gone.iter().chain(&new).map(area).sum();
        if sum.late >= MAX_LATE || frames as f64 > STRIP_SHARE * area(&request.region) as f64 {
            return false;
        }
        let rank = node.meta.axes.navigation.len();
        let until = Instant::now() + STRIP_TIME;
        let positions = |regions: &[Region]| -> Vec<NavigationIndex> {
            (regions.iter())
                .flat_map(|region| request.positions(rank, *region))
                .collect()
        };
        let (gone, new) = (positions(&gone), positions(&new));
        // All frames before the sums are touched: a frame that cannot be read leaves them as they were.
        let frames: Vec<NavigationIndex> = gone.iter().chain(&new).copied().collect();
        let Some(frames) = self.read_until(graph, node, &frames, until) else {
            sum.late += 1;
            return false;
        };
        sum.late = 0;
        let (gone, new) = frames.split_at(gone.len());
        sum.totals.replace(gone, new, self.threads);
        sum.request = request.clone();
        sum.fresh = false;
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
                let frame = || self.frame(graph, node, *at, Priority::Interactive, &never);
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

    pub(super) fn frame(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Frame, ComputeError> {
        let output = self.output(graph, node, at, priority, cancel)?;
        match self.in_use(graph, node, output, priority, cancel)? {
            Output::Frame(frame) => Ok(frame),
            other => {
                let cause = Cause::WrongOutput {
                    expected: "a frame".into(),
                    found: other.noun().into(),
                };
                Err(ComputeError::new(node, Some(at), cause))
            }
        }
    }
}
