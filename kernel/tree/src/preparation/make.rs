//! The thread that prepares: pass after pass over the scan, from where an earlier one ended.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use signal::{
    CancelToken, Finished, Inputs, Interrupted, NavigationIndex, Needs, OperationError, Output,
    Positions, Preparation, Prepare, Prepared, SignalMeta, with_crew,
};

use super::crew::ScheduledCrew;
use super::parts::Parts;
use super::run::{Run, Start, forget_on_evict};
use super::{InUse, Made};
use crate::cache::{Cache, Reservation};
use crate::compute::{EngineEvent, Inner, guarded, panic_text};
use crate::map::{MapProgress, MapRun};
use crate::ordered::in_order;
use crate::scheduler::{Priority, work_for_a_pass};
use crate::{Cause, ComputeError, Graph, Node, lock};

/// A preparation as far as it is.
pub(super) struct Partial {
    /// From 1.
    pass: usize,
    passes: Option<usize>,
    /// A few positions that are looked at before are none.
    is_pass: bool,
    gathered: Gathered,
}

enum Gathered {
    /// What an accumulator has of the positions of each input, in their order.
    InOrder {
        prepare: Box<dyn Prepare<Prepared>>,
        positions: Positions,
        further: Vec<Positions>,
        added: usize,
    },
    /// Of the one input.
    Parts(Arc<Parts>),
    All(Box<dyn Prepare<Prepared>>),
}

impl Partial {
    pub fn heap_bytes(&self) -> usize {
        match &self.gathered {
            Gathered::InOrder { prepare, .. } | Gathered::All(prepare) => prepare.heap_bytes(),
            Gathered::Parts(parts) => parts.heap_bytes(),
        }
    }
}

/// Who prepares what.
pub(super) struct Making<'a> {
    pub graph: &'a Arc<Graph>,
    pub node: &'a Arc<Node>,
    pub run: &'a Arc<Run>,
    pub priority: Priority,
    pub cancel: &'a CancelToken,
    pub tally: Arc<Tally>,
}

/// Bytes of what is gathered, as they are counted in the memory budget while it grows.
pub(super) struct Tally {
    cache: Arc<Cache>,
    node: Arc<Node>,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    bytes: usize,
    reserved: Vec<Reservation>,
}

impl Tally {
    /// What is there by now, in steps of an eighth. Where only others leave no room for it, it goes on all the same.
    pub fn count(&self, bytes: usize) -> Result<(), ComputeError> {
        let mut counted = lock(&self.counted);
        if bytes <= counted.bytes {
            return Ok(());
        }
        if bytes > self.cache.memory().budget_bytes {
            return Err(too_large(&self.cache, &self.node, bytes));
        }
        let more = bytes + bytes / 8 - counted.bytes;
        if let Some(reserved) = self.cache.reserve(more) {
            counted.bytes += more;
            counted.reserved.push(reserved);
        }
        Ok(())
    }

    fn clear(&self) {
        let counted = std::mem::take(&mut *lock(&self.counted));
        drop(counted);
    }
}

fn too_large(cache: &Cache, node: &Node, need_bytes: usize) -> ComputeError {
    let cause = Cause::Memory {
        what: "what is measured for it".into(),
        need_bytes,
        budget_bytes: cache.memory().budget_bytes,
    };
    ComputeError::new(node, None, cause)
}

impl Making<'_> {
    pub fn fail(&self, at: Option<NavigationIndex>, cause: Cause) -> ComputeError {
        ComputeError::new(self.node, at, cause)
    }

    pub fn of_operation(&self, at: Option<NavigationIndex>, error: OperationError) -> ComputeError {
        match error {
            OperationError::Cancelled => self.fail(at, Cause::Cancelled),
            error => self.fail(at, Cause::Operation(error)),
        }
    }
}

impl Inner {
    /// Prepares on a thread of its own, which belongs to all who wait.
    pub(super) fn start(&self, graph: &Graph, node: &Arc<Node>, run: &Arc<Run>, start: Start) {
        let Some(inner) = self.this.upgrade() else {
            return;
        };
        let graph = Arc::new(graph.above(&[node.id]));
        let (node, of) = (node.clone(), run.clone());
        let name = format!("prepare-{}", node.id);
        let work = move || inner.make(&graph, &node, &of, start);
        if let Err(error) = std::thread::Builder::new().name(name).spawn(work) {
            tracing::error!("a preparation could not be started: {error}");
            let error = run.error(Cause::Panic(format!("no thread: {error}")));
            run.ended(self, error, None);
        }
    }

    fn make(self: &Arc<Self>, graph: &Arc<Graph>, node: &Arc<Node>, run: &Arc<Run>, start: Start) {
        work_for_a_pass();
        let making = Making {
            graph,
            node,
            run,
            priority: start.priority,
            cancel: &start.cancel,
            tally: Arc::new(Tally {
                cache: self.cache.clone(),
                node: node.clone(),
                counted: Mutex::default(),
            }),
        };
        // What was gathered from a file that has changed is nothing to go on with.
        let mut partial = start.partial.filter(|_| graph.files_are_unchanged(node));
        let made = guarded(|| self.carry_on(&making, &mut partial))
            .unwrap_or_else(|text| Err(making.fail(None, Cause::Panic(text))));
        // Counted as what it came to from here on, or as what waits to be gone on with.
        making.tally.clear();
        match made.and_then(|prepared| self.keep_prepared(&making, prepared)) {
            Ok(made) => {
                drop(partial);
                run.made(self, made);
                self.preparations.keep_last(node, run);
                self.notify(EngineEvent::Prepared { node: node.id });
            }
            Err(error) => {
                let kept = partial.filter(|_| error.is_cancelled());
                run.ended(self, error, kept);
                self.preparations.keep_last(node, run);
            }
        }
    }

    /// `partial` is as far as it came, also where it ends early.
    fn carry_on(
        &self,
        making: &Making<'_>,
        partial: &mut Option<Partial>,
    ) -> Result<Prepared, ComputeError> {
        if partial.is_none() {
            let first = self.first_pass(making)?;
            *partial = Some(self.begin(making, first, 1)?);
        }
        loop {
            let Some(now) = partial else {
                return Err(making.fail(None, Cause::Cancelled));
            };
            self.gather_pass(making, now)?;
            match self.conclude(making, now)? {
                Finished::Done(prepared) => return Ok(prepared),
                Finished::Again(next) => {
                    let pass = now.pass + usize::from(now.is_pass);
                    *partial = Some(self.begin(making, next, pass)?);
                }
            }
        }
    }

    fn first_pass(&self, making: &Making<'_>) -> Result<Preparation<Prepared>, ComputeError> {
        let no_node = || making.fail(None, Cause::NoNode);
        let computation = making.node.computation().ok_or_else(no_node)?;
        let metas = (making.graph.input_metas(making.node)).ok_or_else(no_node)?;
        let metas: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
        guarded(|| computation.preparation(&metas))
            .map_err(|text| making.fail(None, Cause::Panic(text)))?
            .ok_or_else(no_node)
    }

    fn begin(
        &self,
        making: &Making<'_>,
        of: Preparation<Prepared>,
        pass: usize,
    ) -> Result<Partial, ComputeError> {
        let inputs = making.graph.inputs(making.node).unwrap_or_default();
        let is_pass = !matches!(of.positions, Positions::Spread(_));
        let gathered = match *inputs.as_slice() {
            // A pass over the source, but not for a few positions of it.
            [parent]
                if matches!(of.positions, Positions::All | Positions::Region(_))
                    && of.prepare.fork().is_some() =>
            {
                Gathered::Parts(self.parts(making, parent, of.positions, of.prepare)?)
            }
            _ => Gathered::InOrder {
                prepare: of.prepare,
                positions: of.positions,
                further: of.further,
                added: 0,
            },
        };
        Ok(Partial {
            pass,
            passes: of.passes.map(|left| pass - 1 + left),
            is_pass,
            gathered,
        })
    }

    /// Brings a pass to its end, from where it is.
    fn gather_pass(&self, making: &Making<'_>, partial: &mut Partial) -> Result<(), ComputeError> {
        making.run.progressed(self, |progress| {
            (progress.pass, progress.passes) = (partial.pass, partial.passes);
            progress.concluding = None;
        });
        let whole = match &mut partial.gathered {
            Gathered::All(_) => return Ok(()),
            Gathered::InOrder {
                prepare,
                positions,
                further,
                added,
            } => {
                let work = positions_of(making, *positions, further);
                return self.gather_in_order(making, &mut **prepare, &work, added);
            }
            Gathered::Parts(parts) => self.gather_parts(making, parts)?,
        };
        partial.gathered = Gathered::All(whole);
        Ok(())
    }

    /// Inputs are computed in parallel and added in C order, one at a time, so that the result does
    /// not depend on the number of threads.
    fn gather_in_order(
        &self,
        making: &Making<'_>,
        prepare: &mut dyn Prepare<Prepared>,
        work: &[(usize, NavigationIndex)],
        added: &mut usize,
    ) -> Result<(), ComputeError> {
        let &Making {
            graph,
            node,
            run,
            priority,
            cancel,
            ..
        } = making;
        let left = &work[(*added).min(work.len())..];
        let inputs = graph.inputs(node).unwrap_or_default();
        let whole = self.whole_maps(making)?;
        let note = |done: usize| {
            run.progressed(self, |progress| {
                (progress.done, progress.total) = (done, work.len());
            });
        };
        note(*added);
        let mut failed = None;
        in_order(
            left.len(),
            self.threads,
            &|number| {
                // Gathering counts as batch work too: several references at once would leave no core to a drag.
                let _slot = self.scheduler.slot(priority);
                self.scheduler.yield_to_urgent(priority);
                if cancel.is_cancelled() {
                    return Err(making.fail(None, Cause::Cancelled));
                }
                let (input, at) = left[number];
                if let Some(map) = &whole[input] {
                    let values = Output::Values(map.values(at).into());
                    return Ok((vec![inputs[input].meta.clone()], vec![values]));
                }
                match input {
                    0 => self.inputs_to_prepare(graph, node, at, priority, cancel),
                    _ => {
                        let input = inputs[input];
                        let output = self.input(graph, node, input, at, priority, cancel)?;
                        Ok((vec![input.meta.clone()], vec![output]))
                    }
                }
            },
            &mut |number, inputs| {
                let (input, at) = left[number];
                let taken = inputs.and_then(|(metas, outputs)| {
                    let inputs = Inputs {
                        metas: &metas,
                        outputs: &outputs,
                    };
                    guarded(|| match input {
                        0 => prepare.add(at, &inputs, cancel),
                        _ => prepare.add_further(input - 1, at, &inputs, cancel),
                    })
                    .map_err(|text| making.fail(Some(at), Cause::Panic(text)))?
                    .map_err(|error| making.of_operation(Some(at), error))
                });
                let counted = taken.and_then(|()| {
                    *added += 1;
                    note(*added);
                    making.tally.count(prepare.heap_bytes())
                });
                match counted {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        match failed {
            Some(error) => Err(error),
            // A worker that died has left some out.
            None if *added < work.len() => Err(making.fail(None, Cause::Cancelled)),
            None => Ok(()),
        }
    }

    /// The maps that are needed as a whole, complete; `None` for other inputs, and maps of files.
    fn whole_maps(&self, making: &Making<'_>) -> Result<Vec<Option<Arc<MapRun>>>, ComputeError> {
        let mut maps = Vec::new();
        for takes in making.graph.takes(making.node)? {
            let computed = takes.input.computation().is_some();
            if takes.needs != Needs::WholeMap || !computed {
                maps.push(None);
                continue;
            }
            let note = &mut |map: &MapProgress| {
                making.run.progressed(self, |progress| {
                    (progress.done, progress.total) = (map.done, map.total);
                });
            };
            let images = self.finish_for(making.graph, takes.input, making.cancel, note);
            let images = images.map_err(|error| match error.is_cancelled() {
                true => making.fail(None, Cause::Cancelled),
                false => error,
            })?;
            maps.push(Some(images));
        }
        Ok(maps)
    }

    /// What all that is gathered comes to, with the threads that the scheduler has left.
    fn conclude(
        &self,
        making: &Making<'_>,
        partial: &mut Partial,
    ) -> Result<Finished<Prepared>, ComputeError> {
        let (Gathered::InOrder { prepare, .. } | Gathered::All(prepare)) = &mut partial.gathered
        else {
            return Err(making.fail(None, Cause::Cancelled));
        };
        if making.cancel.is_cancelled() {
            return Err(making.fail(None, Cause::Cancelled));
        }
        making.run.progressed(self, |progress| {
            progress.done = progress.total;
            progress.concluding = Some(Instant::now());
        });
        let this = self.this.clone();
        let run = making.run.clone();
        let crew = ScheduledCrew {
            scheduler: self.scheduler.clone(),
            threads: self.threads,
            priority: making.priority,
            cancel: making.cancel.clone(),
            tick: Box::new(move || {
                if let Some(inner) = this.upgrade() {
                    run.progressed(&inner, |_| {});
                }
            }),
        };
        let bytes = prepare.heap_bytes() + prepare.finish_bytes();
        making.tally.count(bytes)?;
        let finish = AssertUnwindSafe(|| prepare.finish(making.cancel));
        match with_crew(Arc::new(crew), || catch_unwind(finish)) {
            Ok(finished) => finished.map_err(|error| making.of_operation(None, error)),
            Err(why) if why.is::<Interrupted>() => Err(making.fail(None, Cause::Cancelled)),
            Err(panic) => Err(making.fail(None, Cause::Panic(panic_text(&*panic)))),
        }
    }

    /// What was made counts in the budget from here on.
    fn keep_prepared(
        &self,
        making: &Making<'_>,
        prepared: Prepared,
    ) -> Result<InUse, ComputeError> {
        let bytes = prepared.bytes();
        let on_evict = forget_on_evict(Arc::downgrade(making.run));
        let in_use = (self.cache.reserve_costly(bytes, on_evict))
            .map(|counted| Arc::new(Made { prepared, counted }))
            .and_then(InUse::of);
        in_use.ok_or_else(|| too_large(&self.cache, making.node, bytes))
    }
}

/// Positions of the first input, then those of the further ones, each with the number of its input.
fn positions_of(
    making: &Making<'_>,
    positions: Positions,
    further: &[Positions],
) -> Vec<(usize, NavigationIndex)> {
    let inputs = making.graph.inputs(making.node).unwrap_or_default();
    let all = [positions].into_iter().chain(further.iter().copied());
    (inputs.iter().zip(all).enumerate())
        .flat_map(|(number, (input, positions))| {
            let positions = positions.of(&input.meta.axes.navigation_shape());
            positions.into_iter().map(move |at| (number, at))
        })
        .collect()
}
