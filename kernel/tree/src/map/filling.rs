//! The images of a map and how a pass fills them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use signal::{CancelToken, MapReference, NavigationIndex, Output};

use super::reference::Fitted;
use super::{MapPass, MapProgress, PassState};
use crate::cache::{Cache, Reservation};
use crate::compute::Inner;
use crate::pass::{Consumer, PieceSink, Step, Subscriber};
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, EngineEvent, Graph, Node, lock};

/// Shortest time between two progress events of a pass.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(150);

pub(super) struct Filling {
    /// Component-major, each image in C order over the scan; NaN where nothing is computed.
    images: Vec<f32>,
    piece_done: Vec<bool>,
    progress: MapProgress,
    last_notified: Instant,
    cancel: CancelToken,
    /// Calls of `finish_map` under way: one that gives up ends the pass only if no other waits for it.
    waiting: usize,
    /// Somebody wants the map whether or not it is looked at.
    asked: bool,
}

impl Filling {
    /// One call that waited gives up; whether it was the last.
    pub fn left(&mut self) -> bool {
        self.waiting -= 1;
        self.waiting == 0
    }
}

pub(crate) struct MapRun {
    revision: u32,
    shape: Vec<usize>,
    components: usize,
    reference: MapReference,
    /// What is subtracted, once the images are complete.
    fitted: OnceLock<Fitted>,
    filling: Mutex<Filling>,
    changed: Condvar,
    /// Shared with the run that goes on with this one.
    reserved: Arc<Reservation>,
}

impl MapRun {
    pub fn new(cache: &Arc<Cache>, node: &Node, pieces: usize) -> Result<Self, ComputeError> {
        let shape = node.meta.axes.navigation_shape();
        let positions: usize = shape.iter().product();
        let components = node.meta.components.len();
        let bytes = positions * components * size_of::<f32>();
        let reserved = cache.reserve(bytes).ok_or_else(|| {
            let cause = Cause::Memory {
                what: "the map".into(),
                need_bytes: bytes,
                budget_bytes: cache.memory().budget_bytes,
            };
            ComputeError::new(node, None, cause)
        })?;
        Ok(MapRun {
            revision: node.revision,
            shape,
            components,
            reference: (node.computation()).map_or(MapReference::None, |computation| {
                computation.map_reference()
            }),
            fitted: OnceLock::new(),
            filling: Mutex::new(Filling {
                images: vec![f32::NAN; positions * components],
                piece_done: vec![false; pieces],
                progress: MapProgress {
                    node: node.id,
                    revision: node.revision,
                    state: PassState::Idle,
                    done: 0,
                    total: positions,
                    failures: 0,
                    without_value: 0,
                    error: None,
                },
                last_notified: Instant::now(),
                cancel: CancelToken::new(),
                waiting: 0,
                asked: false,
            }),
            changed: Condvar::new(),
            reserved: Arc::new(reserved),
        })
    }

    /// Begins or resumes the pass; `None` when it runs, is done, or the parameters have changed since `revision`.
    /// `waiting` more wait for it in any case.
    pub fn begin(&self, revision: u32, waiting: usize) -> Option<CancelToken> {
        let mut filling = lock(&self.filling);
        // Who gave up before ended the pass, which is begun anew; who gives up from now on finds this count.
        filling.waiting += waiting;
        let over = matches!(filling.progress.state, PassState::Running | PassState::Done);
        if over || self.revision != revision {
            return None;
        }
        if filling.progress.failures == 0 {
            filling.progress.error = None; // of a pass that failed and is tried again
        }
        filling.progress.state = PassState::Running;
        filling.cancel = CancelToken::new();
        Some(filling.cancel.clone())
    }

    /// The run of `node`, which has the recipe of a node that left the tree: it goes on with the images of that
    /// one, which is ended.
    pub fn succeeding(node: &Node, earlier: &MapRun) -> Self {
        earlier.cancel();
        let found = lock(&earlier.filling);
        let done = found.progress.done == found.progress.total;
        MapRun {
            revision: node.revision,
            shape: earlier.shape.clone(),
            components: earlier.components,
            reference: earlier.reference,
            fitted: OnceLock::new(),
            filling: Mutex::new(Filling {
                images: found.images.clone(),
                piece_done: found.piece_done.clone(),
                progress: MapProgress {
                    node: node.id,
                    revision: node.revision,
                    state: match done {
                        true => PassState::Done,
                        false => PassState::Idle,
                    },
                    error: None,
                    ..found.progress.clone()
                },
                last_notified: Instant::now(),
                cancel: CancelToken::new(),
                waiting: 0,
                asked: false,
            }),
            changed: Condvar::new(),
            reserved: earlier.reserved.clone(),
        }
    }

    /// Scan positions that another run of the same need not compute again. What failed is tried again.
    pub fn worth(&self) -> usize {
        let filling = lock(&self.filling);
        match filling.progress.failures {
            0 => filling.progress.done,
            _ => 0,
        }
    }

    /// Whether nothing fills it.
    pub fn is_idle(&self) -> bool {
        lock(&self.filling).progress.state == PassState::Idle
    }

    /// Takes over what `other`, a run of the same computation under another number, has done so far.
    pub fn adopt(&self, other: &MapRun) {
        let found = lock(&other.filling);
        let mut filling = lock(&self.filling);
        let same = found.images.len() == filling.images.len()
            && found.piece_done.len() == filling.piece_done.len();
        if !same || filling.progress.state != PassState::Idle {
            return;
        }
        filling.images.copy_from_slice(&found.images);
        filling.piece_done.copy_from_slice(&found.piece_done);
        filling.progress.done = found.progress.done;
        filling.progress.failures = found.progress.failures;
        filling.progress.without_value = found.progress.without_value;
        if found.progress.state == PassState::Done {
            filling.progress.state = PassState::Done;
        }
    }

    /// The map is wanted whether or not it is looked at.
    pub fn ask(&self) {
        lock(&self.filling).asked = true;
    }

    /// Ends a pass that was begun only because the map was looked at; looking again resumes it. Whether one was running.
    pub fn pause(&self) -> bool {
        let mut filling = lock(&self.filling);
        let running = filling.progress.state == PassState::Running;
        if !running || filling.asked || filling.waiting > 0 {
            return false;
        }
        filling.cancel.cancel();
        filling.progress.state = PassState::Idle;
        drop(filling);
        self.changed.notify_all();
        true
    }

    pub fn fail_to_start(&self) {
        lock(&self.filling).progress.state = PassState::Failed;
        self.changed.notify_all();
    }

    /// How a pass ended; `false` when it had been cancelled, which has been said.
    pub fn end(&self, cancel: &CancelToken, outcome: Result<(), ComputeError>) -> bool {
        {
            let mut filling = lock(&self.filling);
            if cancel.is_cancelled() {
                return false;
            }
            let progress = &mut filling.progress;
            progress.state = match outcome {
                Ok(()) if progress.done == progress.total => PassState::Done,
                Ok(()) => PassState::Cancelled,
                Err(error) if error.is_cancelled() => PassState::Cancelled,
                Err(error) => {
                    progress.error = Some(error);
                    PassState::Failed
                }
            };
        }
        self.changed.notify_all();
        true
    }

    /// Ends the pass for everybody at once, and says whether one was running. Its threads notice at their
    /// next frame; what they still compute is dropped, and a new pass may begin before that.
    pub fn cancel(&self) -> bool {
        self.cancel_if(|_| true)
    }

    /// As [`MapRun::cancel`], also when the pass rests: looking at the map does not resume it.
    pub fn stop(&self) -> bool {
        let mut rested = false;
        let ran = self.cancel_if(|filling| {
            rested = filling.progress.state == PassState::Idle;
            if rested {
                filling.progress.state = PassState::Cancelled;
            }
            true
        });
        ran || rested
    }

    pub(super) fn cancel_if(&self, wanted: impl FnOnce(&mut Filling) -> bool) -> bool {
        let mut filling = lock(&self.filling);
        if !wanted(&mut filling) {
            return false;
        }
        filling.cancel.cancel();
        let ran = filling.progress.state == PassState::Running;
        if ran {
            filling.progress.state = PassState::Cancelled;
        }
        drop(filling);
        self.changed.notify_all();
        ran
    }

    pub fn leave(&self) {
        lock(&self.filling).waiting -= 1;
    }

    /// Waits until something changes while the pass runs, at most `patience`.
    pub fn wait(&self, patience: Duration) {
        let filling = lock(&self.filling);
        if filling.progress.state == PassState::Running {
            let changed: Result<(MutexGuard<'_, Filling>, _), _> =
                self.changed.wait_timeout(filling, patience);
            drop(changed.unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub fn revision(&self) -> u32 {
        self.revision
    }

    pub fn progress(&self) -> MapProgress {
        lock(&self.filling).progress.clone()
    }

    pub fn images(&self) -> Vec<f32> {
        lock(&self.filling).images.clone()
    }

    pub fn component(&self, component: usize) -> Vec<f32> {
        let positions = self.positions();
        (lock(&self.filling).images)
            .get(component * positions..(component + 1) * positions)
            .map_or_else(Vec::new, <[f32]>::to_vec)
    }

    pub fn reference(&self) -> MapReference {
        self.reference
    }

    /// The values at one position of a map that is complete, from their reference.
    pub fn values(&self, at: NavigationIndex) -> Vec<f32> {
        let (flat, positions) = (at.flat(&self.shape), self.positions());
        let filling = lock(&self.filling);
        let fitted =
            (self.fitted).get_or_init(|| Fitted::of(self.reference, &filling.images, self.plane()));
        (0..self.components)
            .map(|component| component * positions + flat)
            .map(|place| fitted.subtracted(place, filling.images[place]))
            .collect()
    }

    /// Rows and columns of an image over the two fastest navigation axes.
    pub fn plane(&self) -> [usize; 2] {
        match self.shape.as_slice() {
            [] => [1, 1],
            [columns] => [1, *columns],
            [.., rows, columns] => [*rows, *columns],
        }
    }

    fn positions(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Somebody who fills the images of `pass.node` from the outputs of its parent.
pub(super) fn subscriber(
    inner: &Arc<Inner>,
    graph: &Arc<Graph>,
    pass: &MapPass,
) -> Result<Subscriber, ComputeError> {
    let (node, cancel) = (&pass.node, &pass.cancel);
    inner.prepare_all(graph, node, Priority::Batch, cancel)?;
    let (rides_on, last) = match graph.one_input(node)? {
        Some((parent, true)) => {
            let last = Step::new(inner, graph, node, parent, Priority::Batch, cancel)?;
            (parent.clone(), last)
        }
        _ => (node.clone(), None),
    };
    let stored = (last.as_ref()).is_some_and(|step: &Step| step.computation.takes_stored());
    let fill = Fill {
        inner: inner.clone(),
        run: pass.run.clone(),
        cancel: cancel.clone(),
        node: node.clone(),
        last,
    };
    let subscriber = Subscriber::new(
        graph.clone(),
        rides_on,
        Priority::Batch,
        cancel.clone(),
        Arc::new(fill),
    );
    Ok(subscriber.with_stored(stored))
}

struct Fill {
    inner: Arc<Inner>,
    run: Arc<MapRun>,
    cancel: CancelToken,
    node: Arc<Node>,
    /// From the parent's output to the values; `None`: what arrives are the values.
    last: Option<Step>,
}

impl Consumer for Fill {
    fn wants(&self, piece: usize) -> bool {
        let filling = lock(&self.run.filling);
        (filling.piece_done.get(piece)).is_some_and(|done| !*done)
    }

    fn begin(
        &self,
        piece: usize,
        positions: &[NavigationIndex],
    ) -> Option<Box<dyn PieceSink + '_>> {
        Some(Box::new(FillPiece {
            of: self,
            piece,
            flat: Vec::with_capacity(positions.len()),
            values: vec![f32::NAN; positions.len() * self.run.components],
            failures: 0,
            without_value: 0,
            error: None,
            cancelled: false,
        }))
    }
}

/// The values of one piece, position after position.
struct FillPiece<'a> {
    of: &'a Fill,
    piece: usize,
    flat: Vec<usize>,
    values: Vec<f32>,
    failures: usize,
    without_value: usize,
    error: Option<ComputeError>,
    cancelled: bool,
}

impl FillPiece<'_> {
    fn values_at(
        &mut self,
        at: NavigationIndex,
        output: &Result<Output, ComputeError>,
    ) -> Result<(), ComputeError> {
        let components = self.of.run.components;
        let start = self.flat.len() * components;
        let values = &mut self.values[start..start + components];
        let output = output.as_ref().map_err(Clone::clone)?;
        let Some(last) = &self.of.last else {
            return copy(output, values, &self.of.node, at);
        };
        last.values(&self.of.inner, output, at, &self.of.cancel, values)
    }
}

/// The values of a map's output.
pub(crate) fn copy(
    output: &Output,
    values: &mut [f32],
    node: &Node,
    at: NavigationIndex,
) -> Result<(), ComputeError> {
    match output {
        Output::Values(found) if found.len() == values.len() => {
            values.copy_from_slice(found);
            Ok(())
        }
        other => {
            let cause = Cause::WrongOutput {
                expected: format!("{} values", values.len()),
                found: other.noun().into(),
            };
            Err(ComputeError::new(node, Some(at), cause))
        }
    }
}

impl PieceSink for FillPiece<'_> {
    fn push(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>) {
        match self.values_at(at, output) {
            Ok(()) => {
                let first = self.values.get(self.flat.len() * self.of.run.components);
                self.without_value += usize::from(first.is_some_and(|value| value.is_nan()));
            }
            Err(error) => {
                self.cancelled |= error.is_cancelled();
                self.failures += 1;
                self.error.get_or_insert(error);
            }
        }
        self.flat.push(at.flat(&self.of.run.shape));
    }

    /// Writes the values; a failed frame leaves NaN and is counted. Writes nothing for a pass that was
    /// cancelled: another one may fill the same images.
    fn finish(self: Box<Self>) {
        let run = &self.of.run;
        let (positions, components) = (run.positions(), run.components);
        let mut filling = lock(&run.filling);
        if self.cancelled || self.of.cancel.is_cancelled() || filling.piece_done[self.piece] {
            return;
        }
        filling.piece_done[self.piece] = true;
        filling.progress.done += self.flat.len();
        filling.progress.failures += self.failures;
        filling.progress.without_value += self.without_value;
        if let Some(error) = self.error {
            filling.progress.error.get_or_insert(error);
        }
        for (flat, values) in self.flat.iter().zip(self.values.chunks_exact(components)) {
            for (component, value) in values.iter().enumerate() {
                filling.images[component * positions + flat] = *value;
            }
        }
        let due = filling.last_notified.elapsed() >= NOTIFY_INTERVAL;
        if due {
            filling.last_notified = Instant::now();
        }
        let progress = due.then(|| filling.progress.clone());
        drop(filling);
        run.changed.notify_all();
        if let Some(progress) = progress {
            self.of.inner.notify(EngineEvent::Map(progress));
        }
    }
}
