//! Reading ahead of a drag: each view says where it is and the direction it moves in; one thread computes what
//! it will probably ask for next, in the order in which it will.
//!
//! A frame of a chunked file comes with its chunk, so what counts are the chunks that the drag will enter: the
//! next two, and as many more as the next positions touch. Of a mapped file the system is told which pages will
//! be needed. Of a computed node the next positions themselves are computed, as long as one costs little. What
//! is read ahead yields to whoever waits, keeps to its share of the budget and never displaces what is on
//! screen; a turn of the drag ends what lies on the old course.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use signal::{CancelToken, ChunkId, NavigationIndex, SignalKind, Source};

use crate::cache::Key;
use crate::compute::{Inner, guarded};
use crate::scheduler::Priority;
use crate::{Engine, Graph, Node, Origin, ViewId, lock};

/// Scan positions ahead whose outputs and pages are wanted: a tenth of a second of a drag or two.
const POSITIONS: usize = 12;
/// Chunks ahead that are read however far away the next one is.
const CHUNKS: usize = 2;
/// How far ahead the next chunk is looked for, in steps.
const MAX_STEPS: usize = 512;
/// Share of the budget that one view may read ahead.
const SHARE: usize = 8;
/// Outputs that cost more than this are not computed on suspicion.
const CHEAP: Duration = Duration::from_millis(60);
/// After this time one is tried again: the machine may have been busy.
const TRIED_AGAIN: Duration = Duration::from_secs(10);
/// A jump longer than this (rows or columns) is no drag.
const MAX_STEP: i64 = 24;
/// A view that has not moved for this long is not going anywhere.
const AT_REST: Duration = Duration::from_secs(2);
/// Views remembered.
const MAX_VIEWS: usize = 64;

/// Something that will probably be asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    /// The chunk that holds this position of a file that is decoded.
    Chunk(NavigationIndex, Key),
    /// Pages of a mapped file, at a position of it.
    Pages(NavigationIndex),
    /// At a position of the node.
    Output(NavigationIndex, Key),
}

/// Where a view is and where it is going.
struct ViewMotion {
    graph: Arc<Graph>,
    node: u32,
    at: NavigationIndex,
    /// Rows and columns of the scan per step.
    step: [i64; 2],
    moved: Instant,
    focused: bool,
    /// Done or given up on this course, so that nothing is tried twice where the cache cannot keep it.
    tried: Vec<Wanted>,
    cancel: CancelToken,
}

#[derive(Default)]
struct PrefetchState {
    motions: HashMap<ViewId, ViewMotion>,
    /// What the thread is busy with.
    current: Option<(ViewId, Wanted)>,
    /// Time one output of a node took last, and when that was.
    costs: HashMap<u32, (Duration, Instant)>,
    /// A view has moved since the thread looked.
    moved: bool,
    running: bool,
    ended: bool,
}

/// Shared by the engine and its thread.
#[derive(Default)]
pub(crate) struct PrefetchQueue {
    state: Mutex<PrefetchState>,
    changed: Condvar,
}

impl Engine {
    /// A view shows `node` at `at`. What it shows is kept before all else, and what lies ahead of it in its
    /// direction is read. `direction`: scan rows and columns per step; without it, it is taken from where the
    /// view was before.
    pub fn set_viewport(
        &self,
        graph: &Arc<Graph>,
        view: &ViewId,
        node: u32,
        at: NavigationIndex,
        direction: Option<[i32; 2]>,
        focused: bool,
    ) {
        let Some(found) = graph.node(node) else {
            return;
        };
        self.inner.cache.show(view, key_of(graph, found, at));
        let queue = &self.inner.prefetch;
        let mut state = lock(&queue.state);
        let moved = state.follow(
            graph,
            view,
            node,
            at,
            direction.map(|step| step.map(i64::from)),
            focused,
        );
        if moved {
            self.inner.scheduler.drags();
        }
        if !state.running && !state.ended {
            state.running = self.start_prefetching();
        }
        drop(state);
        queue.changed.notify_all();
    }

    /// Nobody looks at a view any more: nothing is read ahead for it, and what it showed gives way first.
    pub fn clear_viewport(&self, view: &ViewId) {
        self.inner.cache.show(view, None);
        if let Some(motion) = lock(&self.inner.prefetch.state).motions.remove(view) {
            motion.cancel.cancel();
        }
    }

    fn start_prefetching(&self) -> bool {
        let (queue, inner) = (self.inner.prefetch.clone(), Arc::downgrade(&self.inner));
        let started = std::thread::Builder::new()
            .name("prefetch".into())
            .spawn(move || queue.serve(&inner));
        if let Err(error) = &started {
            tracing::warn!("nothing is read ahead: no thread: {error}");
        }
        started.is_ok()
    }
}

impl PrefetchState {
    /// Whether the view has moved.
    fn follow(
        &mut self,
        graph: &Arc<Graph>,
        view: &ViewId,
        node: u32,
        at: NavigationIndex,
        direction: Option<[i64; 2]>,
        focused: bool,
    ) -> bool {
        let before = self.motions.remove(view);
        let moved = (before.as_ref()).is_some_and(|before| before.node == node && before.at != at);
        let guess = before.as_ref().and_then(|before| before.step_to(node, at));
        let step = direction.filter(|step| *step != [0, 0]).or(guess);
        let mut motion = ViewMotion {
            graph: Arc::new(graph.above(&[node])),
            node,
            at,
            step: step.unwrap_or([0, 0]),
            moved: Instant::now(),
            focused,
            tried: Vec::new(),
            cancel: CancelToken::new(),
        };
        if let Some(before) = before {
            let same = before.node == node && before.step == motion.step;
            // What is under way stays if it is still on the course.
            let still_ahead = match &self.current {
                Some((busy, wanted)) if busy == view => {
                    same || motion.upcoming(usize::MAX).contains(wanted)
                }
                _ => true,
            };
            if still_ahead {
                motion.cancel = before.cancel;
            } else {
                before.cancel.cancel();
            }
            if same {
                motion.tried = before.tried;
            }
        }
        if self.motions.len() >= MAX_VIEWS {
            let oldest = self.motions.iter().min_by_key(|(_, motion)| motion.moved);
            let oldest = oldest.map(|(view, _)| view.clone());
            oldest.and_then(|view| self.motions.remove(&view));
        }
        self.motions.insert(view.clone(), motion);
        self.moved = true;
        moved
    }

    /// The views in the order in which they are served.
    fn order(&self) -> Vec<ViewId> {
        let mut views: Vec<(&ViewId, &ViewMotion)> = (self.motions.iter())
            .filter(|(_, motion)| motion.step != [0, 0] && motion.moved.elapsed() < AT_REST)
            .collect();
        views.sort_by_key(|(_, motion)| std::cmp::Reverse((motion.focused, motion.moved)));
        views.into_iter().map(|(view, _)| view.clone()).collect()
    }
}

impl ViewMotion {
    /// The step from here to the next position of the view; `None` when that is no drag.
    fn step_to(&self, node: u32, at: NavigationIndex) -> Option<[i64; 2]> {
        let (from, to) = (self.at.as_slice(), at.as_slice());
        if self.node != node || from.len() != to.len() || self.moved.elapsed() > AT_REST {
            return None;
        }
        let split = to.len().saturating_sub(2);
        if from[..split] != to[..split] {
            return None;
        }
        let mut step = [0; 2];
        for (place, (from, to)) in step[2 - (to.len() - split)..]
            .iter_mut()
            .zip(from[split..].iter().zip(&to[split..]))
        {
            *place = *to as i64 - *from as i64;
        }
        if step == [0, 0] {
            return Some(self.step); // drawn again: still on its way
        }
        (step.iter().all(|step| step.abs() <= MAX_STEP)).then_some(step)
    }

    /// The position `steps` steps ahead; `None` outside the scan.
    fn position(&self, node: &Node, steps: usize) -> Option<NavigationIndex> {
        let mut index = self.at.as_slice().to_vec();
        let axes = index.len().min(2);
        let first = index.len() - axes;
        for (place, step) in index[first..].iter_mut().zip(&self.step[2 - axes..]) {
            *place = usize::try_from(*place as i64 + step * steps as i64).ok()?;
        }
        let at = NavigationIndex::new(&index);
        node.meta.axes.contains(at).then_some(at)
    }

    /// What lies ahead, nearest first, within `most_bytes` of chunks.
    fn upcoming(&self, most_bytes: usize) -> Vec<Wanted> {
        let Some(node) = self.graph.node(self.node) else {
            return Vec::new();
        };
        let Some((root, source)) = self.graph.source_of(self.node) else {
            return Vec::new();
        };
        if node.meta.kind == SignalKind::Map || node.fault.is_some() || self.step == [0, 0] {
            return Vec::new();
        }
        let Ok(route) = self.graph.route(node) else {
            return Vec::new();
        };
        // Where in the file the position is.
        let in_file = |at| guarded(|| route.anchor(at)).ok()?;
        let Some(here) = in_file(self.at) else {
            return Vec::new();
        };
        let access = source.access();
        let computed = self.graph.stored_in(node).is_none();
        let mut upcoming = Vec::new();
        let mut chunks: Vec<Option<ChunkId>> = vec![chunk_at(source, here)];
        for steps in 1..=MAX_STEPS {
            let near = steps <= POSITIONS;
            if !near && (access.mapped || chunks.len() > CHUNKS) {
                break;
            }
            let Some(at) = self.position(node, steps) else {
                break;
            };
            let Some(place) = in_file(at) else { break };
            let chunk = chunk_at(source, place);
            let fits = chunks.len() * access.chunk_bytes <= most_bytes || chunks.len() == 1;
            match chunk {
                Some(_) if access.mapped => upcoming.push(Wanted::Pages(place)),
                Some(id) if !chunks.contains(&chunk) && fits => {
                    chunks.push(chunk);
                    let key = Key::Chunk {
                        file: root.file.number,
                        chunk: id,
                    };
                    upcoming.push(Wanted::Chunk(place, key));
                }
                _ => {}
            }
            if computed && near && chunks.contains(&chunk) {
                let key = key_of(&self.graph, node, at);
                upcoming.extend(key.map(|key| Wanted::Output(at, key)));
            }
        }
        upcoming
    }
}

/// Where the output of a node at a position is kept.
fn key_of(graph: &Graph, node: &Node, at: NavigationIndex) -> Option<Key> {
    if let Some((input, at)) = graph.passed_on(node, at).ok()? {
        return key_of(graph, input, at);
    }
    match &node.origin {
        Origin::Source(source) => Some(Key::Chunk {
            file: node.file.number,
            chunk: chunk_at(source, at)?,
        }),
        Origin::Operation(_) => Some(Key::Output {
            node: node.id,
            revision: node.revision,
            at,
        }),
    }
}

fn chunk_at(source: &Arc<dyn Source>, at: NavigationIndex) -> Option<ChunkId> {
    guarded(|| source.chunk_at(at)).ok()
}

impl PrefetchQueue {
    /// Ends the thread.
    pub fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        for motion in state.motions.values() {
            motion.cancel.cancel();
        }
        state.motions.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// Forgets where all views are: nodes have changed, and nobody should hold on to what they were.
    pub fn forget(&self) {
        let gone = std::mem::take(&mut lock(&self.state).motions);
        gone.values().for_each(|motion| motion.cancel.cancel());
    }

    /// Of nodes that are gone; other views go on.
    pub fn forget_nodes(&self, nodes: &[u32]) {
        let mut state = lock(&self.state);
        state.costs.retain(|node, _| !nodes.contains(node));
        let gone: Vec<ViewMotion> = (state.motions)
            .extract_if(|_, motion| nodes.contains(&motion.node))
            .map(|(_, motion)| motion)
            .collect();
        drop(state);
        gone.iter().for_each(|motion| motion.cancel.cancel());
    }

    fn serve(&self, inner: &Weak<Inner>) {
        loop {
            let Some(inner) = inner.upgrade() else {
                return;
            };
            match self.next(&inner) {
                Some(Some((view, wanted, graph, node, cancel))) => {
                    let began = Instant::now();
                    let _ = guarded(|| inner.fetch(&graph, node, wanted, &cancel));
                    self.done(&view, node, wanted, began.elapsed(), &cancel);
                }
                Some(None) => {
                    drop(inner);
                    self.rest();
                }
                None => return,
            }
        }
    }

    /// Waits until a view moves. The timeout is for an engine that is dropped without being shut down.
    fn rest(&self) {
        let state = lock(&self.state);
        if !state.ended && !state.moved {
            drop(
                self.changed
                    .wait_timeout(state, Duration::from_secs(5))
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    /// What is to be done next; `None`: the engine is shut down, `Some(None)`: nothing.
    #[allow(clippy::type_complexity)] // one use, taken apart at once
    fn next(
        &self,
        inner: &Inner,
    ) -> Option<Option<(ViewId, Wanted, Arc<Graph>, u32, CancelToken)>> {
        let most_bytes = inner.cache.memory().budget_bytes / SHARE;
        let mut state = lock(&self.state);
        if state.ended {
            return None;
        }
        state.moved = false;
        for view in state.order() {
            let Some(motion) = state.motions.get(&view) else {
                continue;
            };
            let dear = (state.costs.get(&motion.node))
                .is_some_and(|(cost, when)| *cost > CHEAP && when.elapsed() < TRIED_AGAIN);
            let wanted = motion.upcoming(most_bytes).into_iter().find(|wanted| {
                let missing = match wanted {
                    Wanted::Chunk(_, key) => !inner.cache.has_or_makes(key),
                    Wanted::Output(_, key) => !dear && !inner.cache.has_or_makes(key),
                    Wanted::Pages(_) => true,
                };
                missing && !motion.tried.contains(wanted)
            });
            if let Some(wanted) = wanted {
                let job = (
                    view.clone(),
                    wanted,
                    motion.graph.clone(),
                    motion.node,
                    motion.cancel.clone(),
                );
                state.current = Some((view, wanted));
                return Some(Some(job));
            }
        }
        Some(None)
    }

    fn done(&self, view: &ViewId, node: u32, wanted: Wanted, took: Duration, cancel: &CancelToken) {
        let mut state = lock(&self.state);
        state.current = None;
        if matches!(wanted, Wanted::Output(..)) && !cancel.is_cancelled() {
            if state.costs.len() > MAX_VIEWS {
                state.costs.clear();
            }
            state.costs.insert(node, (took, Instant::now()));
        }
        if let Some(motion) = state.motions.get_mut(view) {
            if motion.tried.len() >= 4 * POSITIONS {
                motion.tried.remove(0);
            }
            motion.tried.push(wanted);
        }
    }
}

impl Inner {
    /// Reads or computes one thing, after whoever waits now. A failure is told to whoever asks for it.
    fn fetch(&self, graph: &Graph, node: u32, wanted: Wanted, cancel: &CancelToken) {
        self.scheduler.yield_to_urgent(Priority::Prefetch);
        let _prefetching = self.scheduler.prefetching();
        let Some(node) = graph.node(node) else {
            return;
        };
        match wanted {
            Wanted::Pages(at) => {
                if let Some((_, source)) = graph.source_of(node.id) {
                    source.will_need(at);
                }
            }
            Wanted::Chunk(at, _) => {
                if let Some((root, _)) = graph.source_of(node.id) {
                    drop(self.output(graph, root, at, Priority::Prefetch, cancel));
                }
            }
            Wanted::Output(at, _) => drop(self.output(graph, node, at, Priority::Prefetch, cancel)),
        }
    }
}
