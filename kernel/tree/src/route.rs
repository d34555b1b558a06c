//! The way from a scan position of a node up to the scan of its file: operations may cut, group and move scan positions.

use std::sync::Arc;

use signal::{Computation, NavigationIndex, Needs, OperationError, SignalMeta, Source, Window};

use crate::compute::guarded;
use crate::{Cause, ComputeError, Graph, Node, Origin};

/// What a node takes of one of its inputs.
#[derive(Clone, Copy)]
pub(crate) struct Takes<'a> {
    /// Number of the input.
    pub number: usize,
    pub input: &'a Arc<Node>,
    /// At the first position; the kind is the same at all.
    pub needs: Needs,
}

impl Takes<'_> {
    /// Whether outputs of this input go into the output of a position.
    pub fn at_positions(&self) -> bool {
        !matches!(self.needs, Needs::Nothing | Needs::WholeMap | Needs::Model)
    }
}

/// One operation that takes its first input elsewhere than at its own position.
#[derive(Clone)]
pub(crate) struct Hop {
    pub computation: Arc<dyn Computation>,
    pub metas: Vec<Arc<SignalMeta>>,
}

/// From a node along its first inputs to the file.
#[derive(Clone)]
pub(crate) struct Route {
    /// From the node up.
    hops: Vec<Hop>,
    /// `false`: what a position takes of the file is prepared before, or stands for the whole scan.
    reaches_file: bool,
}

impl Graph {
    /// What `node` takes of each of its inputs.
    ///
    /// # Errors
    /// [`ComputeError`] when an input is gone or the operation panics.
    pub(crate) fn takes(&self, node: &Node) -> Result<Vec<Takes<'_>>, ComputeError> {
        let no_node = || ComputeError::no_node(node.id);
        let inputs = self.inputs(node).ok_or_else(no_node)?;
        let Some(computation) = node.computation() else {
            return Ok(Vec::new());
        };
        let metas: Vec<_> = inputs.iter().map(|input| input.meta.clone()).collect();
        let first = NavigationIndex::from_flat(0, &node.meta.axes.navigation_shape());
        let needs = guarded(|| {
            (0..inputs.len())
                .map(|number| computation.needs(number, first, &metas))
                .collect::<Vec<_>>()
        });
        let needs = needs.map_err(|text| ComputeError::new(node, None, Cause::Panic(text)))?;
        Ok((inputs.into_iter().zip(needs).enumerate())
            .map(|(number, (input, needs))| Takes {
                number,
                input,
                needs,
            })
            .collect())
    }

    /// The input of a node that passes on what it has, and the position there.
    ///
    /// # Errors
    /// As [`Graph::takes`], and when there is no such position.
    pub(crate) fn passed_on(
        &self,
        node: &Node,
        at: NavigationIndex,
    ) -> Result<Option<(&Arc<Node>, NavigationIndex)>, ComputeError> {
        let Some(computation) = node.computation().filter(|found| found.passes_on()) else {
            return Ok(None);
        };
        let no_node = || ComputeError::no_node(node.id);
        let input = *(self.inputs(node).ok_or_else(no_node)?.first()).ok_or_else(no_node)?;
        let metas = std::slice::from_ref(&input.meta);
        let at = match needs_at(node, &**computation, 0, at, metas)? {
            Needs::At(at) => at,
            _ => same(at, &input.meta),
        };
        Ok(Some((input, at)))
    }

    /// The file whose frames a node has as they are stored: its own, or those that were only passed on.
    pub(crate) fn stored_in(&self, node: &Node) -> Option<(&Arc<Node>, &Arc<dyn Source>)> {
        let mut at = self.node(node.id)?;
        loop {
            match &at.origin {
                Origin::Source(source) => return Some((at, source)),
                Origin::Operation(computation) if computation.passes_on() => {
                    at = self.node(*at.parents.first()?)?;
                }
                Origin::Operation(_) => return None,
            }
        }
    }

    /// The one input whose output at one position is all that the output of `node` at a position takes; whether that is the
    /// same position.
    ///
    /// # Errors
    /// As [`Graph::takes`].
    pub(crate) fn one_input(
        &self,
        node: &Node,
    ) -> Result<Option<(&Arc<Node>, bool)>, ComputeError> {
        let takes = self.takes(node)?;
        let mut taken = takes.iter().filter(|takes| takes.at_positions());
        let (Some(first), None) = (taken.next(), taken.next()) else {
            return Ok(None);
        };
        Ok(match first.needs {
            Needs::Same if first.number == 0 => {
                Some((first.input, is_same_place(node, first.input)))
            }
            Needs::At(_) if first.number == 0 => Some((first.input, false)),
            _ => None,
        })
    }

    /// # Errors
    /// As [`Graph::takes`].
    pub(crate) fn route(&self, node: &Node) -> Result<Route, ComputeError> {
        let mut route = Route {
            hops: Vec::new(),
            reaches_file: true,
        };
        let mut below: Vec<&Node> = vec![node];
        while let Some(at) = below.pop() {
            let Some(computation) = at.computation() else {
                break;
            };
            let takes = self.takes(at)?;
            let Some(first) = takes.first() else { break };
            match first.needs {
                Needs::Nothing | Needs::WholeMap | Needs::Model => {
                    route.reaches_file = false;
                    break;
                }
                Needs::Same if is_same_place(at, first.input) => {}
                Needs::Same | Needs::At(_) | Needs::Window(_) => route.hops.push(Hop {
                    computation: computation.clone(),
                    metas: takes.iter().map(|takes| takes.input.meta.clone()).collect(),
                }),
            }
            below.push(first.input);
        }
        Ok(route)
    }
}

/// Whether the same position of an input is one with the same index.
fn is_same_place(node: &Node, input: &Node) -> bool {
    let [own, above] = [node, input].map(|node| &node.meta.axes);
    own.navigation.len() == above.navigation.len()
        && (above.positions() > 1 || own.positions() == 1)
}

impl Hop {
    pub fn needs(&self, at: NavigationIndex) -> Needs {
        self.computation.needs(0, at, &self.metas)
    }

    fn up(&self, at: NavigationIndex) -> Option<NavigationIndex> {
        match self.needs(at) {
            Needs::Same => Some(self.same(at)),
            Needs::At(at) => Some(at),
            Needs::Window(window) => Some(window.last()),
            Needs::Nothing | Needs::WholeMap | Needs::Model => None,
        }
    }

    fn same(&self, at: NavigationIndex) -> NavigationIndex {
        self.metas.first().map_or(at, |meta| same(at, meta))
    }
}

/// The same position of an input; of one with a single position that one.
pub(crate) fn same(at: NavigationIndex, input: &SignalMeta) -> NavigationIndex {
    match input.axes.positions() {
        1 => NavigationIndex::from_flat(0, &input.axes.navigation_shape()),
        _ => at,
    }
}

impl Route {
    /// Whether positions are those of the file.
    pub fn is_straight(&self) -> bool {
        self.reaches_file && self.hops.is_empty()
    }

    pub fn reaches_file(&self) -> bool {
        self.reaches_file
    }

    /// How far apart positions of the file are that one position takes and its neighbour along an axis takes again, per axis of
    /// a scan of this shape.
    pub fn reach(&self, shape: &[usize]) -> Vec<usize> {
        let mut reach = vec![0; shape.len()];
        let middle: Vec<usize> = shape.iter().map(|size| size / 2).collect();
        let mut at = NavigationIndex::new(&middle);
        for hop in &self.hops {
            let Needs::Window(window) = hop.needs(at) else {
                let Some(up) = hop.up(at) else { break };
                at = up;
                continue;
            };
            for (axis, reach) in reach.iter_mut().enumerate().take(window.size().len()) {
                let mut before = at.as_slice().to_vec();
                if before[axis] == 0 {
                    continue;
                }
                before[axis] -= 1;
                if let Needs::Window(other) = hop.needs(NavigationIndex::new(&before))
                    && other.last().as_slice()[axis] >= window.first().as_slice()[axis]
                {
                    *reach += window.size()[axis] - 1;
                }
            }
            at = window.last();
        }
        reach
    }

    /// The position in the scan of the file at which the output at `at` can be computed: of a window the last one. May panic
    /// with an operation.
    pub fn anchor(&self, at: NavigationIndex) -> Option<NavigationIndex> {
        let up = self.hops.iter().try_fold(at, |at, hop| hop.up(at))?;
        self.reaches_file.then_some(up)
    }
}

/// What a node takes of an input at a position, inside that input's scan.
///
/// # Errors
/// [`ComputeError`] when the operation panics, or names a position that the input does not have.
pub(crate) fn needs_at(
    node: &Node,
    computation: &dyn Computation,
    number: usize,
    at: NavigationIndex,
    metas: &[Arc<SignalMeta>],
) -> Result<Needs, ComputeError> {
    let fail = |cause| ComputeError::new(node, Some(at), cause);
    let needs = guarded(|| computation.needs(number, at, metas))
        .map_err(|text| fail(Cause::Panic(text)))?;
    let inside = |at| metas.get(number).is_some_and(|meta| meta.axes.contains(at));
    let fits = match needs {
        Needs::Same | Needs::Nothing | Needs::WholeMap | Needs::Model => true,
        Needs::At(at) => inside(at),
        Needs::Window(window) => fits(&window) && inside(window.first()) && inside(window.last()),
    };
    match fits {
        true => Ok(needs),
        false => Err(fail(Cause::Operation(OperationError::failed(
            format!("it takes {needs:?} of an input that has no such position"),
            "report this: the operation is wrong",
        )))),
    }
}

fn fits(window: &Window) -> bool {
    window.size().iter().all(|size| *size > 0)
}
