//! How a cube is filled: a few patterns from everywhere, then all that the pass over the source brings along.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::{CancelToken, NavigationIndex, Output};

use super::Filling;
use crate::compute::{Inner, UnitScope, guarded};
use crate::detector_cube::{Binned, bin};
use crate::ordered::in_order;
use crate::pass::Subscriber;
use crate::scheduler::{Priority, work_for_a_pass};
use crate::{ComputeError, EngineEvent, Graph, Node, lock};

/// Patterns read for the first picture, and for the finer one after it.
const COARSE_READS: [usize; 2] = [64, 1024];
/// The finer one is left to the pass when the first one took longer.
const COARSE_TIME: Duration = Duration::from_millis(60);
/// Shortest time between two events.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(100);

impl Inner {
    /// The body of a cube's thread.
    pub(super) fn fill_cube(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        filling: &Arc<Filling>,
    ) {
        work_for_a_pass();
        let ended = CancelToken::new();
        std::thread::scope(|scope| {
            let notifier = scope.spawn(|| self.notify_of_cube(filling, &ended));
            let filled = guarded(|| {
                let began = Instant::now();
                for reads in COARSE_READS {
                    if began.elapsed() < COARSE_TIME {
                        self.fill_sample(graph, node, filling, reads);
                    }
                }
                if filling.cube.shape.step == 1 {
                    self.fill_all(graph, node, filling)
                } else {
                    self.fill_sample(graph, node, filling, usize::MAX);
                    Ok(())
                }
            });
            match filled {
                Ok(Ok(())) => {}
                Ok(Err(error)) => keep_error(filling, error),
                Err(text) => tracing::error!("a detector cube failed: {text}"),
            }
            lock(&filling.progress).ended = true;
            filling.changed.notify_all();
            ended.cancel();
            notifier.thread().unpark();
        });
    }

    fn notify_of_cube(&self, filling: &Filling, ended: &CancelToken) {
        let mut last_notified = 0.0;
        let mut last = false;
        while !last {
            std::thread::park_timeout(NOTIFY_INTERVAL);
            last = ended.is_cancelled();
            let complete = filling.complete();
            if complete > last_notified && !filling.cancel.is_cancelled() {
                last_notified = complete;
                self.notify(EngineEvent::Estimate {
                    node: filling.node,
                    complete,
                });
            }
        }
    }

    /// Everything the pass over the source brings along.
    fn fill_all(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        filling: &Arc<Filling>,
    ) -> Result<(), ComputeError> {
        let subscriber = Subscriber::new(
            graph.clone(),
            node.clone(),
            Priority::Batch,
            filling.cancel.clone(),
            filling.clone(),
        );
        self.run_pass(vec![subscriber])
    }

    /// About `reads` of the kept positions, evenly spread, with everything else that lies in a chunk that had to
    /// be decoded for them.
    fn fill_sample(&self, graph: &Arc<Graph>, node: &Arc<Node>, filling: &Filling, reads: usize) {
        let Some((_, source)) = graph.source_of(node.id) else {
            return;
        };
        let rank = node.meta.axes.navigation.len();
        let straight = graph.route(node).is_ok_and(|route| route.is_straight());
        let decoded = straight && !source.access().mapped;
        let sample = sample(filling.cube.shape.kept(), reads);
        in_order(
            sample.len(),
            self.threads,
            &|number| {
                let at = filling.at(sample[number], rank);
                let mut wanted = vec![at];
                if decoded && let Ok(chunk) = guarded(|| source.chunk_at(at)) {
                    wanted.extend(chunk_positions(&source.chunk_navigation(chunk)));
                }
                self.bin_all(graph, node, filling, &wanted)
            },
            &mut |_, patterns| {
                filling.add(&patterns);
                if filling.cancel.is_cancelled() || self.ended.is_cancelled() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
    }

    /// Bins of those positions that are kept and missing.
    fn bin_all(
        &self,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        filling: &Filling,
        positions: &[NavigationIndex],
    ) -> Vec<(usize, Binned)> {
        let _slot = self.scheduler.slot(Priority::Batch);
        let _scope = UnitScope;
        let mut patterns = Vec::new();
        for at in positions {
            let Some(kept) = filling.kept(*at).filter(|kept| !filling.cube.has(*kept)) else {
                continue;
            };
            self.scheduler.yield_to_urgent(Priority::Batch);
            let cancel = &filling.cancel;
            let output = self.output(graph, node, *at, Priority::Batch, cancel);
            match output
                .and_then(|output| self.in_use(graph, node, output, Priority::Batch, cancel))
            {
                Ok(Output::Frame(frame)) => {
                    patterns.push((kept, bin(&frame, &filling.cube.shape)));
                }
                Ok(_) => {}
                Err(error) if error.is_cancelled() => break,
                Err(error) => keep_error(filling, error),
            }
        }
        patterns
    }
}

fn keep_error(filling: &Filling, error: ComputeError) {
    if !error.is_cancelled() {
        lock(&filling.progress).error.get_or_insert(error);
    }
}

/// The middles of about `count` equal squares of a grid, C order.
fn sample([rows, columns]: [usize; 2], count: usize) -> Vec<usize> {
    let stride = ((rows * columns) as f64 / count as f64).sqrt().ceil() as usize;
    let stride = stride.max(1);
    let middle = |start: usize, size: usize| (start + stride / 2).min(size - 1);
    (0..rows)
        .step_by(stride)
        .flat_map(|row| {
            (0..columns)
                .step_by(stride)
                .map(move |column| middle(row, rows) * columns + middle(column, columns))
        })
        .collect()
}

/// Every scan position of a chunk, C order.
fn chunk_positions(ranges: &[Range<usize>]) -> Vec<NavigationIndex> {
    let shape: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
    (0..shape.iter().product())
        .map(|flat| {
            let inside = NavigationIndex::from_flat(flat, &shape);
            let index = inside.as_slice().iter().zip(ranges);
            let index: Vec<usize> = index.map(|(at, range)| range.start + at).collect();
            NavigationIndex::new(&index)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_evenly() {
        let found = sample([40, 56], 64);
        assert!((50..=70).contains(&found.len()), "{}", found.len());
        assert!(found.iter().all(|at| *at < 40 * 56));
        assert_eq!(sample([3, 2], usize::MAX), [0, 1, 2, 3, 4, 5]);
    }
}
