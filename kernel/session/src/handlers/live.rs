//! Pictures while something is dragged: parameters that are tried, virtual detectors before their map is computed,
//! sums over a region of the scan.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Detail, Event, FrameRequest, FrameSpace, NavigationRegion, WireError};
use signal::{MapReference, NavigationIndex, Region, SignalKind};
use tree::{Graph, MapImages, MapProgress, Node, PassState, PreparationProgress, ViewId};

use crate::handlers::pictures::{self, Shown, ViewContext, map_to_show, plane};
use crate::{Session, convert, progress};

/// Longest wait for more than the very first patterns of an estimate.
const ESTIMATE_PATIENCE: Duration = Duration::from_millis(20);

/// What a page's request shows.
pub(crate) fn show(
    session: &Arc<Session>,
    graph: &Arc<Graph>,
    node: &Arc<Node>,
    at: NavigationIndex,
    view: &ViewId,
    request: &FrameRequest,
    context: &ViewContext<'_>,
) -> Result<Shown, WireError> {
    let Some(params) = &request.draft else {
        session.drop_drafts(view);
        session.waits.leave(view, Some(node));
        return match request.region {
            Some(region) => {
                self::region(session, graph, node, at, (view, context.component), region)
            }
            None if node.meta.kind == SignalKind::Peaks
                && session.is_being_measured(graph, node, view, context.cancel)? =>
            {
                pictures::pattern_alone(session, graph, node, at, context)
            }
            None => pictures::show(session, graph, node, at, context),
        };
    };
    let (graph, number) = session.draft(graph, node, view.clone(), params)?;
    // What is tried may be another part of the scan.
    let own = at;
    let at = (graph.node(number)).map_or(at, |tried| graph.nearest_position(node, at, tried));
    let shown = match graph.node(number) {
        Some(tried) if number != node.id && tried.meta.kind == SignalKind::Map => {
            let map = map_to_show(session, &graph, tried, context.component)?;
            begin(session, &graph, tried, &map, request.detail)?;
            let shown = self::map(session, &graph, tried, at, context.component, &map)?;
            stand_in(session, &graph, node, own, context.component, shown)
        }
        Some(tried) => match request.region {
            Some(region) => self::region(
                session,
                &graph,
                tried,
                at,
                (view, context.component),
                region,
            ),
            None => pictures::show(session, &graph, tried, at, context),
        },
        None => Err(convert::no_node(request.node)),
    };
    shown.map_err(|error| match error.node {
        Some(tried) if tried == number => error.at_node(node.id),
        _ => error,
    })
}

/// The mean or sum over a region of the scan.
fn region(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    at: NavigationIndex,
    (view, picture): (&ViewId, usize),
    region: NavigationRegion,
) -> Result<Shown, WireError> {
    if node.meta.element.is_colour() && region.statistic == protocol::RegionStatistic::Sum {
        let message = format!(
            "`{}` has colours ({}), whose sum over a region is no colour",
            node.name,
            node.meta.element.colour_name()
        );
        let hint = "look at the mean of the region, or at one number for each pixel: `.luminance()?`, `.red()?`, `.green()?` and `.blue()?` have sums";
        return Err(WireError::new("not_applicable", message, hint).at_node(node.id));
    }
    let [x0, y0, width, height] =
        [region.x0, region.y0, region.width, region.height].map(|px| px as usize);
    let statistic = match region.statistic {
        protocol::RegionStatistic::Mean => tree::RegionStatistic::Mean,
        protocol::RegionStatistic::Sum => tree::RegionStatistic::Sum,
    };
    let region = Region::rectangle(x0, y0, width, height);
    let found = (session.engine).region(graph, node.id, at, region, statistic, view);
    let found = found.map_err(|error| convert::compute_error(&error))?;
    Ok(Shown {
        image: pictures::picture_of(node, &found.frame, picture)?,
        peaks: None,
        space: FrameSpace::Signal,
        complete: found.complete,
        exact: found.exact,
    })
}

/// Where nothing is known of a map that is tried, what the node has with its own parameters stays in view.
fn stand_in(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    at: NavigationIndex,
    component: usize,
    shown: Shown,
) -> Result<Shown, WireError> {
    let tried = shown.image.to_f32();
    let (rows, columns) = shown.image.rows_columns();
    let plane_of = |shape: &[usize]| match shape {
        [.., rows, columns] => (*rows, *columns),
        [columns] => (1, *columns),
        [] => (1, 1),
    };
    let same = plane_of(&node.meta.axes.navigation_shape()) == (rows, columns);
    if shown.exact || !same || !tried.iter().any(|value| value.is_nan()) {
        return Ok(shown);
    }
    let own = map_to_show(session, graph, node, component)?.component(component);
    let own = plane(&own, &node.meta.axes.navigation_shape(), at)
        .map_err(|what| WireError::new("internal", what, ""))?;
    let values = (tried.iter().zip(own.to_f32().iter()))
        .map(|(tried, own)| if tried.is_nan() { *own } else { *tried })
        .collect::<Vec<f32>>();
    let image = signal::Frame::from_vec(shown.image.shape(), values)
        .map_err(|what| WireError::new("internal", what, ""))?;
    drop(tried);
    Ok(Shown { image, ..shown })
}

/// The exact map of a draft is computed once the drag is over, or rests.
fn begin(
    session: &Arc<Session>,
    graph: &Arc<Graph>,
    tried: &Node,
    map: &MapImages,
    detail: Detail,
) -> Result<(), WireError> {
    let progress = map.progress();
    match (progress.state, progress.error) {
        (PassState::Idle | PassState::Cancelled, _) if detail == Detail::Settled => {
            let started = session.engine.start_map(graph, tried.id);
            started.map_err(|error| convert::compute_error(&error))?;
        }
        (PassState::Idle | PassState::Cancelled, _) => session.compute_at_rest(tried.id),
        (PassState::Failed, Some(error)) => return Err(convert::compute_error(&error)),
        _ => {}
    }
    Ok(())
}

/// A map as far as it is computed; of a virtual detector, what is missing is estimated.
pub(crate) fn map(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    at: NavigationIndex,
    component: usize,
    map: &MapImages,
) -> Result<Shown, WireError> {
    // Asked for before the values: what arrives in between is shown, and not yet called complete.
    let complete = map.complete();
    let shape = node.meta.axes.navigation_shape();
    let drawn = |values: &[f32]| {
        plane(values, &shape, at).map_err(|what| WireError::new("internal", what, ""))
    };
    let mut image = drawn(&map.measured(component))?;
    // What the user has stopped is not gone on with for an estimate.
    let stopped = is_of_tree(session, node) && map.progress().state == PassState::Cancelled;
    if complete < 1.0
        && !stopped
        && let Some(estimated) = estimated(session, graph, node, at, component)
    {
        // Begun before the estimate was there, part of it may be exact now.
        image = drawn(&map.measured(component))?;
        let values = (image.to_f32().iter().zip(estimated))
            .map(|(value, estimated)| if value.is_nan() { estimated } else { *value })
            .collect::<Vec<f32>>();
        image = signal::Frame::from_vec(image.shape(), values)
            .map_err(|what| WireError::new("internal", what, ""))?;
    }
    // Of both parts together: what was estimated and what is exact have one reference.
    if map.reference() != MapReference::None {
        let (rows, columns) = image.rows_columns();
        let mut values = image.to_f32().into_owned();
        tree::refer(map.reference(), &mut values, [rows, columns]);
        image = signal::Frame::from_vec(image.shape(), values)
            .map_err(|what| WireError::new("internal", what, ""))?;
    }
    Ok(Shown {
        image,
        peaks: None,
        space: FrameSpace::Navigation,
        complete,
        exact: complete >= 1.0,
    })
}

/// Whether it is a node of the tree, not a draft.
fn is_of_tree(session: &Session, node: &Node) -> bool {
    session.tree.snapshot().node(node.id).is_some()
}

/// The estimated image; `None` when there is none. Why a frame cannot be read is said by the map itself.
fn estimated(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    at: NavigationIndex,
    component: usize,
) -> Option<Vec<f32>> {
    let estimate = (session.engine).estimate(graph, node.id, at, ESTIMATE_PATIENCE);
    let images = estimate.ok()??.images;
    images.into_iter().nth(component)
}

impl Session {
    /// Nobody looks at what a view was trying or summing any more.
    pub(crate) fn leave(&self, view: &ViewId) {
        self.drop_drafts(view);
        self.stop_waiting(view);
        self.engine.leave_region(view);
    }

    /// News of a pass whose node the tree does not know.
    pub(crate) fn draft_progressed(&self, progress: &MapProgress) {
        let ended = matches!(progress.state, PassState::Cancelled);
        if let Some(draft) = self.drafts.by_number(progress.node)
            && !ended
        {
            self.events.send(&Event::Refined {
                node: draft.node,
                view: Some(draft.view.view),
                complete: progress.done as f64 / progress.total.max(1) as f64,
            });
        }
    }

    /// What is measured first is on its way, for nodes that measure it and for maps that wait for it.
    pub(crate) fn preparation_progressed(&self, progress: &PreparationProgress) {
        let graph = self.tree.snapshot();
        let is_same = |other: &PreparationProgress| {
            (other.node, other.revision) == (progress.node, progress.revision)
        };
        let is_stopped = progress.state == PassState::Cancelled;
        let measures = |node: &Node| {
            (self.engine.preparation_progress(node)).is_some_and(|other| is_same(&other))
        };
        let running = |node: &Node| {
            (self.engine.map_progress(node.id))
                .filter(|map| map.state == PassState::Running && map.revision == node.revision)
        };
        for node in graph.nodes() {
            let said = match running(node) {
                Some(map) => {
                    let said = progress::of_map(self, node, &map);
                    let waits = (said.measuring.as_ref())
                        .and_then(|measuring| graph.node(measuring.node))
                        .is_some_and(|node| measures(node));
                    waits.then_some(said)
                }
                None if !measures(node) => None,
                // It is described without, see `progress::of`.
                None if is_stopped && node.meta.kind == SignalKind::Map => {
                    self.notify_tree();
                    None
                }
                None => Some(progress::of_preparation(self, node, progress)),
            };
            if let Some(said) = said {
                let is_made = said.label.starts_with(progress::MEASURING)
                    && progress.state == PassState::Done;
                self.notify_progress(said);
                if is_made {
                    // A view that was told of a cancel asks again.
                    self.events.send(&Event::Refined {
                        node: node.id,
                        view: None,
                        complete: 1.0,
                    });
                }
            }
        }
    }

    /// The frame of a region became better.
    pub(crate) fn region_improved(&self, node: u32, view: &ViewId, complete: f64) {
        let node = self.drafts.by_number(node).map_or(node, |draft| draft.node);
        self.events.send(&Event::Refined {
            node,
            view: Some(view.view),
            complete,
        });
    }

    /// The estimates below a frame node became better: whoever shows one may ask again.
    pub(crate) fn estimate_improved(&self, parent: u32) {
        let graph = self.tree.snapshot();
        for child in graph.children(parent) {
            let shown = (self.engine.map_progress(child.id)).filter(|progress| {
                progress.done < progress.total && progress.revision == child.revision
            });
            if let Some(progress) = shown {
                self.events.send(&Event::Refined {
                    node: child.id,
                    view: None,
                    complete: progress.done as f64 / progress.total.max(1) as f64,
                });
            }
        }
        for (node, view) in self.drafts.of_parents(parent) {
            self.events.send(&Event::Refined {
                node,
                view: Some(view),
                complete: 0.0,
            });
        }
    }
}
