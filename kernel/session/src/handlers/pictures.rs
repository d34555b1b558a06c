//! Pictures for pages: the frame, peaks or map of a node, and the navigation image.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::{
    Encoding, FrameReply, FrameRequest, FrameSpace, NavigatorReply, NavigatorRequest, Reply,
    TimesMs, WireError,
};
use signal::{CancelToken, Frame, NavigationIndex, Output, Peaks, SignalKind};
use tree::{Graph, MapImages, NavigatorPicture, Node, PassState, Priority, ViewId};
use views::{Levels, Part};

use crate::handlers::{composites, live};
use crate::{Session, convert};

/// Longest wait for the first, coarse navigation image.
const NAVIGATOR_PATIENCE: Duration = Duration::from_millis(500);
/// Longest edge of a navigation image that is sent.
const NAVIGATOR_PX: usize = 1024;

/// What is drawn for a node at a scan position.
pub(crate) struct Shown {
    pub image: Frame,
    pub peaks: Option<Arc<Peaks>>,
    pub space: FrameSpace,
    /// Share of a map or a region that is computed; 1 otherwise.
    pub complete: f64,
    /// Whether it will stay as it is.
    pub exact: bool,
}

pub(crate) fn frame(
    session: &Arc<Session>,
    view: &ViewId,
    request: &FrameRequest,
    queued: Instant,
    focused: bool,
    cancel: &CancelToken,
) -> Result<(Reply, Vec<Bytes>), WireError> {
    let queue = queued.elapsed();
    let started = Instant::now();
    let _first = session.engine.interactive();
    let graph = session.tree.snapshot();
    let node = graph
        .node(request.node)
        .ok_or_else(|| convert::no_node(request.node))?;
    let index: Vec<usize> = request.index.iter().map(|index| *index as usize).collect();
    let at = session.position(&graph, request.node, &index)?;
    let picture = request.component as usize;
    let planes = (node.meta.planes(picture)).unwrap_or_else(|| vec![picture]);
    let mut images = planes.iter().map(|plane| {
        let context = ViewContext {
            component: *plane,
            focused,
            cancel,
        };
        live::show(session, &graph, node, at, view, request, &context)
    });
    let mut shown = match images.next() {
        Some(first) => first?,
        None => return Err(no_picture(node, picture)),
    };
    let mut others = Vec::new();
    for other in images {
        let other = other?;
        shown.complete = shown.complete.min(other.complete);
        shown.exact &= other.exact;
        others.push(other.image);
    }
    let compute = started.elapsed();
    let reducing = Instant::now();
    let (full_height, full_width) = shown.image.rows_columns();
    let part = request.part.map(convert::part);
    let size_px = request.size_px.map(|px| px as usize);
    let colours = views::channels(&shown.image, part, size_px).unwrap_or_default();
    let reduced = match colours.first() {
        Some(red) => red.clone(),
        None => composites::reduced(&node.meta, picture, &shown.image, part, size_px),
    };
    let mut sent_planes = planes.len();
    let (levels, ranges, encoding, samples) = if !colours.is_empty() {
        sent_planes = colours.len();
        let whole = [0.0, node.meta.element.full()];
        let levels = Levels {
            percentiles: whole,
            extrema: whole,
        };
        let sent: Vec<Frame> = colours.into_iter().map(|channel| channel.frame).collect();
        let ranges = vec![whole; sent_planes];
        (levels, ranges, Encoding::Raw, composites::bytes(&sent))
    } else if others.is_empty() {
        let levels = levels(&shown.image, part, &reduced.frame);
        let (encoding, samples) = convert::samples(&reduced);
        (levels, Vec::new(), encoding, samples)
    } else {
        let whole: Vec<Frame> = iter::once(shown.image.clone()).chain(others).collect();
        let sent = composites::sent(&whole, part, size_px, &reduced.frame);
        let from = if part.is_some() { &whole } else { &sent };
        let (levels, ranges) = composites::levels(&node.meta, picture, from)
            .map_err(|what| WireError::new("internal", what, "").at_node(node.id))?;
        (levels, ranges, Encoding::Raw, composites::bytes(&sent))
    };
    let reply = FrameReply {
        view: request.view,
        generation: request.generation,
        node: request.node,
        revision: node.revision,
        index: request.index.clone(),
        component: request.component,
        planes: sent_planes as u32,
        space: shown.space,
        width: reduced.width as u32,
        height: reduced.height as u32,
        full_width: full_width as u32,
        full_height: full_height as u32,
        part: convert::seen(reduced.part),
        block: reduced.block as u32,
        sample: convert::sample(reduced.sample),
        encoding,
        percentiles: levels.percentiles,
        extrema: levels.extrema,
        ranges,
        peak_count: shown.peaks.as_ref().map(|peaks| peaks.len() as u32),
        complete: shown.complete,
        draft: request.draft.is_some(),
        exact: shown.exact,
        filled: request.region.is_none() && is_filled(&graph, node, at),
        times_ms: TimesMs {
            queue: milliseconds(queue),
            compute: milliseconds(compute),
            encode: milliseconds(reducing.elapsed()),
        },
    };
    let mut buffers = vec![samples];
    if let Some(peaks) = &shown.peaks {
        let rows = convert::peak_marks(peaks);
        let rows = rows
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<u8>>();
        buffers.push(Bytes::from(rows));
    }
    Ok((Reply::Frame(reply), buffers))
}

/// Whether the frame comes from a part of the file that is not there.
fn is_filled(graph: &Graph, node: &Node, at: NavigationIndex) -> bool {
    node.meta.kind != SignalKind::Map
        && (graph.source_of(node.id)).is_some_and(|(_, source)| {
            graph
                .position_in_file(node.id, at)
                .is_some_and(|at| source.is_filled(at))
        })
}

/// What the contrast is chosen from: of the whole picture as it is sent, and of its pixels when a part is sent, so
/// that zooming changes no contrast.
fn levels(whole: &Frame, part: Option<Part>, sent: &Frame) -> Levels {
    views::levels(if part.is_some() { whole } else { sent })
}

/// Keeps what a view shows, and reads ahead of where it is going.
pub(crate) fn set_viewport(
    session: &Session,
    view: &ViewId,
    request: &FrameRequest,
    focused: bool,
) {
    let graph = session.tree.snapshot();
    let index: Vec<usize> = request.index.iter().map(|index| *index as usize).collect();
    if request.draft.is_none()
        && request.region.is_none()
        && let Ok(at) = session.position(&graph, request.node, &index)
    {
        (session.engine).set_viewport(&graph, view, request.node, at, request.direction, focused);
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How somebody looks at a node.
pub(crate) struct ViewContext<'a> {
    pub component: usize,
    pub focused: bool,
    pub cancel: &'a CancelToken,
}

/// Computes what is drawn. A map is drawn as far as it is; drawing it for the first time starts its pass.
pub(crate) fn show(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Arc<Node>,
    at: NavigationIndex,
    context: &ViewContext<'_>,
) -> Result<Shown, WireError> {
    if node.meta.kind == SignalKind::Map {
        let map = map_to_show(session, graph, node, context.component)?;
        start(session, graph, node, &map)?;
        return live::map(session, graph, node, at, context.component, &map);
    }
    let _first = session.engine.interactive();
    let (image, peaks) = match output(session, graph, node.id, at, context)? {
        Output::Frame(frame) => (picture_of(node, &frame, context.component)?, None),
        Output::Peaks(peaks) => {
            let under = pattern_alone(session, graph, node, at, context)?;
            (under.image, Some(peaks))
        }
        other => return Err(session.wrong_kind(node.id, "frames", other.noun())),
    };
    Ok(Shown {
        image,
        peaks,
        space: FrameSpace::Signal,
        complete: 1.0,
        exact: true,
    })
}

/// The pattern that the peaks of a node are drawn over, without them.
pub(crate) fn pattern_alone(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Arc<Node>,
    at: NavigationIndex,
    context: &ViewContext<'_>,
) -> Result<Shown, WireError> {
    let (pattern, place) = pattern_of(graph, node, at);
    match output(session, graph, pattern, place, context)? {
        Output::Frame(image) => Ok(Shown {
            image,
            peaks: None,
            space: FrameSpace::Signal,
            complete: 1.0,
            exact: false,
        }),
        other => Err(session.wrong_kind(node.id, "frames", other.noun())),
    }
}

fn output(
    session: &Session,
    graph: &Arc<Graph>,
    node: u32,
    at: NavigationIndex,
    context: &ViewContext<'_>,
) -> Result<Output, WireError> {
    let priority = if context.focused {
        Priority::Interactive
    } else {
        Priority::Visible
    };
    (session.engine)
        .output_in_use(graph, node, at, priority, context.cancel)
        .map_err(|error| convert::compute_error(&error))
}

/// What is seen of a frame: of complex numbers a part, of three axes an image.
pub(crate) fn picture_of(node: &Node, frame: &Frame, picture: usize) -> Result<Frame, WireError> {
    (frame.picture(picture)).ok_or_else(|| no_picture(node, picture))
}

/// The nearest node above that has frames, and where in its scan the position is: what the peaks are drawn over.
fn pattern_of(graph: &Graph, node: &Arc<Node>, at: NavigationIndex) -> (u32, NavigationIndex) {
    let mut found = (node, at);
    while found.0.meta.kind != SignalKind::Frame {
        match graph.place_above(found.0, found.1) {
            Some(above) => found = above,
            None => break,
        }
    }
    (found.0.id, found.1)
}

/// The images of a map as far as they are there.
pub(crate) fn map_to_show(
    session: &Session,
    graph: &Graph,
    node: &Node,
    component: usize,
) -> Result<MapImages, WireError> {
    if component >= node.meta.components.len() {
        return Err(no_picture(node, component));
    }
    (session.engine.map(graph, node.id)).map_err(|error| convert::compute_error(&error))
}

fn no_picture(node: &Node, component: usize) -> WireError {
    let count = node.meta.pictures();
    let message = format!(
        "`{}` has {count} pictures; number {component} was asked for",
        node.name
    );
    WireError::new("no_component", message, "pictures are counted from 0").at_node(node.id)
}

/// Starts the pass of a map that is shown for the first time.
fn start(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    map: &MapImages,
) -> Result<(), WireError> {
    let fail = |error: tree::ComputeError| convert::compute_error(&error);
    let progress = map.progress();
    match (progress.state, progress.error) {
        // A cancelled pass waits for the user, not for the next redraw.
        (PassState::Idle, _) => {
            session.engine.show_map(graph, node.id).map_err(fail)?;
            Ok(())
        }
        (PassState::Failed, Some(error)) => Err(fail(error)),
        _ => Ok(()),
    }
}

/// The image over the two fastest navigation axes that goes through `at`.
pub(crate) fn plane(values: &[f32], shape: &[usize], at: NavigationIndex) -> Result<Frame, String> {
    let split = shape.len().saturating_sub(2);
    let inner = match &shape[split..] {
        [] => vec![1, 1],
        [columns] => vec![1, *columns],
        inner => inner.to_vec(),
    };
    let length: usize = inner.iter().product();
    let outer = at.as_slice().get(..split).unwrap_or(&[]);
    let start = NavigationIndex::new(outer).flat(&shape[..split]) * length;
    let values = values
        .get(start..start + length)
        .ok_or_else(|| format!("the map has {} values, not {shape:?}", values.len()))?;
    Frame::from_vec(&inner, values.to_vec())
}

pub(crate) fn navigator(
    session: &Session,
    request: &NavigatorRequest,
    cancel: &CancelToken,
) -> Result<(Reply, Vec<Bytes>), WireError> {
    let graph = session.tree.snapshot();
    if graph.node(request.node).is_none() {
        return Err(convert::no_node(request.node));
    }
    let index: Vec<usize> = request.index.iter().map(|index| *index as usize).collect();
    let at = NavigationIndex::new(&index);
    let NavigationImage {
        picture,
        image,
        units,
    } = navigation_image(
        session,
        &graph,
        request.node,
        at,
        NAVIGATOR_PATIENCE,
        cancel,
    )?;
    let part = request.part.map(convert::part);
    let reduced = views::reduce(&image, part, [NAVIGATOR_PX; 2]);
    let levels = levels(&image, part, &reduced.frame);
    let reply = NavigatorReply {
        view: request.view,
        generation: request.generation,
        node: request.node,
        outer: picture.outer.iter().map(|index| *index as u32).collect(),
        width: reduced.width as u32,
        height: reduced.height as u32,
        full_width: picture.columns as u32,
        full_height: picture.rows as u32,
        part: convert::seen(reduced.part),
        block: reduced.block as u32,
        percentiles: levels.percentiles,
        extrema: levels.extrema,
        stride: picture.stride as u32,
        complete: picture.complete,
        value_units: units,
    };
    Ok((
        Reply::Navigator(reply),
        vec![convert::frame_bytes(reduced.frame)],
    ))
}

/// What leads through the scan of a node.
pub(crate) struct NavigationImage {
    pub picture: NavigatorPicture,
    pub image: Frame,
    /// What its values are, with their unit.
    pub units: String,
}

/// The navigation image of a node's scan through a position of it; an error when no frame of its file could be read. Where
/// positions are components of a model it is what the model says of each, once that is fitted.
pub(crate) fn navigation_image(
    session: &Session,
    graph: &Arc<Graph>,
    node: u32,
    at: NavigationIndex,
    patience: Duration,
    cancel: &CancelToken,
) -> Result<NavigationImage, WireError> {
    if let Some((model, _)) = graph.component_of(node, at) {
        return scree(session, graph, node, model, cancel);
    }
    let picture = session
        .engine
        .navigator(graph, node, at)
        .map_err(|error| convert::compute_error(&error))?
        .picture(patience);
    if let Some(error) = &picture.error
        && picture.values.iter().all(|value| value.is_nan())
    {
        return Err(convert::compute_error(error));
    }
    let (root, units) = match graph.source_of(node) {
        Some((root, _)) => (Some(root), root.meta.value_units.as_str()),
        None => (None, ""),
    };
    let mean = match root.map(|root| root.meta.element) {
        Some(element) if element.is_complex() => "mean amplitude",
        Some(element) if element.is_colour() => "mean luminance",
        _ => "mean",
    };
    image_of(picture, format!("{mean} {units}").trim_end().to_owned())
}

/// The value of a model at each component that is a position of a node.
fn scree(
    session: &Session,
    graph: &Arc<Graph>,
    node: u32,
    model: &Arc<Node>,
    cancel: &CancelToken,
) -> Result<NavigationImage, WireError> {
    let one = NavigationIndex::new(&[]);
    let output = session
        .engine
        .output_in_use(graph, model.id, one, Priority::Visible, cancel)
        .map_err(|error| convert::compute_error(&error))?;
    let Output::Frame(of_model) = output else {
        return Err(session.wrong_kind(model.id, "frames", output.noun()));
    };
    let shape = (graph.node(node)).map_or_else(Vec::new, |node| node.meta.axes.navigation_shape());
    let positions = shape.iter().product();
    let values = (0..positions).map(|flat| {
        let at = NavigationIndex::from_flat(flat, &shape);
        let component = graph.component_of(node, at);
        component.map_or(f32::NAN, |(_, at)| {
            of_model.value(at.as_slice().first().copied().unwrap_or(0)) as f32
        })
    });
    let picture = NavigatorPicture {
        rows: 1,
        columns: positions,
        outer: Vec::new(),
        values: values.collect(),
        stride: 1,
        complete: 1.0,
        error: None,
    };
    image_of(picture, model.meta.value_units.clone())
}

fn image_of(picture: NavigatorPicture, units: String) -> Result<NavigationImage, WireError> {
    let image = Frame::from_vec(&[picture.rows, picture.columns], picture.values.clone())
        .map_err(|what| WireError::new("internal", what, ""))?;
    Ok(NavigationImage {
        picture,
        image,
        units,
    })
}
