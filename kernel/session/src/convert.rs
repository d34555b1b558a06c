//! Between the domain and the wire.

use bytes::Bytes;
use protocol::{
    AxisDescription, CaveatDescription, ColouringDescription, ComponentDescription,
    CompositeDescription, DisplayDescription, Encoding, FramePart, FurtherInputDescription,
    NodeDescription, NodeKind, OperationDescription, Outline, ParameterControl,
    ParameterDescription, SampleType, ScanSteps, ShownUnitsDescription, WireError,
};
use serde_json::{Map, Value, json};
use signal::{
    Axis, Colouring, Composite, Display, Frame, ParameterError, ParameterInfo, ParameterKind,
    Peaks, SignalKind, SignalMeta, SourceError,
};
use tree::{ComputeError, Graph, Node, TreeError};
use views::{Part, Reduced, Sample};

use crate::{Session, code, progress};

pub(crate) fn source_error(error: &SourceError) -> WireError {
    WireError::new(error.code(), error.to_string(), error.remedy())
}

pub(crate) fn compute_error(error: &ComputeError) -> WireError {
    WireError {
        code: error.code().into(),
        message: error.to_string(),
        hint: error.hint(),
        node: Some(error.node),
        index: error
            .index
            .map(|at| at.as_slice().iter().map(|index| *index as u32).collect()),
    }
}

pub(crate) fn cancelled() -> WireError {
    WireError::new("cancelled", "cancelled", "run it again")
}

pub(crate) fn hidden() -> WireError {
    let hint = "a view that asks again is shown again";
    WireError::new("hidden", "nobody looks at this view", hint)
}

pub(crate) fn bug() -> WireError {
    WireError::new(
        "internal",
        "the kernel met a bug while computing",
        "the log has the details; please report it",
    )
}

pub(crate) fn tree_error(error: TreeError) -> WireError {
    let message = error.to_string();
    match error {
        TreeError::NoNode { node } => no_node(node),
        TreeError::NotApplicable { reason, .. } => WireError::new(
            "not_applicable",
            message,
            match reason.of_parameter {
                true => format!("give {}", reason.takes),
                false => format!("use it on a signal with {}", reason.takes),
            },
        ),
        TreeError::HasChildren { .. } => {
            WireError::new("has_children", message, "remove those first")
        }
        TreeError::NoParameters { .. } => WireError::new(
            "no_parameters",
            message,
            "change the parameters of an operation below it",
        ),
        TreeError::NoHistory { .. } => {
            WireError::new("no_history", message, "set_parameters() makes a new change")
        }
        TreeError::Axes(_) => WireError::new(
            "axes",
            message,
            "give the axes when opening it: open_with(path, Open { .. })",
        ),
    }
}

pub(crate) fn parameter_error(operation: &str, error: &ParameterError) -> WireError {
    let value = serde_json::from_str(&error.value).unwrap_or_default();
    let remedy = match signal::former_parameter(operation, &error.parameter, &value) {
        Some(now) => now.to_owned(),
        // What is allowed the error says itself.
        None => format!("`?{operation}` describes its parameters"),
    };
    WireError::new("parameter", format!("{operation}: {error}"), remedy)
}

pub(crate) fn unknown_operation(error: &ops::UnknownOperation) -> WireError {
    WireError::new(
        "unknown_operation",
        error.to_string(),
        "the operations menu of the widget lists what there is",
    )
}

pub(crate) fn no_node(node: u32) -> WireError {
    WireError::new(
        "not_found",
        format!("there is no node {node} in the tree"),
        "it was removed; run its cell again",
    )
    .at_node(node)
}

/// The call that reads what a node has at its first scan position.
pub(crate) fn first_position(node: &Node) -> String {
    let method = match node.meta.kind {
        SignalKind::Frame => "frame",
        SignalKind::Peaks => "peaks",
        SignalKind::Map => "values",
    };
    let at = position_text(&vec![0; node.meta.axes.navigation.len()]);
    format!("{}.{method}({at})?", node.name)
}

/// A scan position as a cell writes it.
pub(crate) fn position_text(index: &[usize]) -> String {
    match index {
        [one] => one.to_string(),
        several => {
            let indices: Vec<String> = several.iter().map(usize::to_string).collect();
            format!("({})", indices.join(", "))
        }
    }
}

pub(crate) fn outside_scan(node: &Node, index: &[usize]) -> WireError {
    let (name, axes) = (&node.name, &node.meta.axes.navigation);
    let far = (axes.iter().zip(index)).find(|(axis, index)| **index >= axis.size);
    let (message, hint) = match far {
        _ if index.len() != axes.len() => {
            let names: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
            let has = match names.as_slice() {
                [] => "it has one position only".to_owned(),
                [one] => format!("its scan has one axis, {one}"),
                names => format!("its scan has the axes {}", names.join(", ")),
            };
            let example = first_position(node);
            (
                format!(
                    "`{name}`: {} is no position of its scan: {has}",
                    position_text(index)
                ),
                format!("give one index for each axis, counted from 0: `{example}`"),
            )
        }
        Some((axis, index)) => (
            format!(
                "`{name}`: position {index} of the axis {} is outside the scan, which has {}",
                axis.name, axis.size
            ),
            format!("positions count from 0: here from 0 to {}", axis.size - 1),
        ),
        None => (
            format!("`{name}`: {} is outside the scan", position_text(index)),
            "the scan has changed; ask again".to_owned(),
        ),
    };
    WireError {
        code: "outside_scan".into(),
        message,
        hint,
        node: Some(node.id),
        index: Some(index.iter().map(|index| *index as u32).collect()),
    }
}

pub(crate) fn node(session: &Session, graph: &Graph, node: &Node) -> NodeDescription {
    let meta = &node.meta;
    let computation = node.computation();
    NodeDescription {
        id: node.id,
        name: node.name.clone(),
        title: title(graph, node),
        operation: node.operation_name().map(str::to_owned),
        parents: node.parents.clone(),
        source: node.source,
        scan: graph.scan_of(node.id).map_or(node.source, |scan| scan.id),
        in_file: (graph.steps_in_file(node.id)).map(|(first, step)| ScanSteps { first, step }),
        kind: match meta.kind {
            SignalKind::Frame => NodeKind::Frame,
            SignalKind::Peaks => NodeKind::Peaks,
            SignalKind::Map => NodeKind::Map,
        },
        navigation_axes: meta.axes.navigation.iter().map(axis).collect(),
        signal_axes: meta.axes.signal.iter().map(axis).collect(),
        element: meta.element.name().to_owned(),
        value_units: meta.value_units.clone(),
        components: meta
            .components
            .iter()
            .map(|component| ComponentDescription {
                name: component.name.clone(),
                title: component.title.clone(),
                units: component.units.clone(),
                display: display(&component.display),
                shown: (component.shown.as_ref()).map(|shown| ShownUnitsDescription {
                    factor: shown.factor,
                    units: shown.units.clone(),
                }),
            })
            .collect(),
        composites: meta
            .composites
            .iter()
            .map(|one| composite(meta, one))
            .collect(),
        params: computation.map_or_else(|| json!({}), |computation| computation.params()),
        code: code::line(session, graph, node),
        can_undo: !node.history.past().is_empty(),
        can_redo: !node.history.future().is_empty(),
        revision: node.revision,
        summary: match &node.fault {
            Some(fault) => format!("does not fit any more: {fault}"),
            None => meta.summary(),
        },
        progress: progress::of(session, node),
        frame_cost: session.cost_of(node),
        parameter_maxima: maxima(graph, node),
        measured: crate::measured::of(session, node),
        measured_parameters: crate::measured::parameters(session, node),
        caveats: caveats(session, graph, node),
    }
}

/// What a node does, with the names of what it takes beside its first parent.
pub(crate) fn title(graph: &Graph, node: &Node) -> String {
    let Some(computation) = node.computation() else {
        return node.meta.title.clone();
    };
    let title = computation.info().title;
    let further: Vec<&str> = (node.parents.iter().skip(1))
        .filter_map(|parent| Some(graph.node(*parent)?.name.as_str()))
        .collect();
    let further = further.join(", ");
    match computation.further_inputs().first() {
        _ if further.is_empty() => title.to_owned(),
        // `Divide by gain`: what cannot be left out is what the title speaks of.
        Some(input) if input.required => format!("{title} {further}"),
        _ => format!("{title} with {further}"),
    }
}

fn maxima(graph: &Graph, node: &Node) -> Map<String, Value> {
    let metas = graph.input_metas(node).unwrap_or_default();
    let inputs: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
    let maxima = (node.computation()).map(|computation| computation.maxima(&inputs));
    (maxima.into_iter().flatten())
        .map(|(name, most)| (name.to_owned(), json!(most)))
        .collect()
}

/// What was known when the node was made, what reading its file has shown since, and which positions have no value.
pub(crate) fn caveats(session: &Session, graph: &Graph, node: &Node) -> Vec<CaveatDescription> {
    (crate::caveats::of(session, graph, node).into_iter())
        .map(|caveat| CaveatDescription {
            code: caveat.code,
            text: caveat.text,
        })
        .collect()
}

fn display(display: &Display) -> DisplayDescription {
    match display {
        Display::Sequential => DisplayDescription::Sequential,
        Display::Diverging => DisplayDescription::Diverging,
        Display::Cyclic { period } => DisplayDescription::Cyclic { period: *period },
        Display::Categorical { names } => DisplayDescription::Categorical {
            names: names.clone(),
        },
    }
}

fn composite(meta: &SignalMeta, composite: &Composite) -> CompositeDescription {
    let planes = composite.planes(&meta.components).unwrap_or_default();
    CompositeDescription {
        name: composite.name.clone(),
        title: composite.title.clone(),
        colouring: match composite.colouring {
            Colouring::Wheel => ColouringDescription::Wheel,
            Colouring::Rgb => ColouringDescription::Rgb,
            Colouring::Colours => ColouringDescription::Colours,
        },
        components: planes.into_iter().map(|plane| plane as u32).collect(),
    }
}

fn axis(axis: &Axis) -> AxisDescription {
    AxisDescription {
        name: axis.name.clone(),
        size: axis.size as u32,
        scale: axis.scale,
        offset: axis.offset,
        units: axis.units.clone(),
        values: axis.values.clone(),
        names: axis.names.clone(),
    }
}

pub(crate) fn operations() -> Vec<OperationDescription> {
    ops::registry()
        .iter()
        .map(|entry| {
            let info = entry.info();
            OperationDescription {
                name: info.name.into(),
                method: info.method.into(),
                parameters_type: info.parameters_type.into(),
                title: info.title.into(),
                summary: info.summary.into(),
                category: info.category.heading().into(),
                reference: info.reference.into(),
                parameters: entry.parameters().iter().map(parameter).collect(),
                further_inputs: (entry.further_inputs().iter())
                    .map(|input| FurtherInputDescription {
                        name: input.name.into(),
                        help: input.help.into(),
                        required: input.required,
                    })
                    .collect(),
                outline: entry.outline().map(outline),
            }
        })
        .collect()
}

fn outline(outline: signal::Outline) -> Outline {
    match outline {
        signal::Outline::Disk { centre, radius } => Outline::Disk {
            centre: centre.into(),
            radius: radius.into(),
        },
        signal::Outline::Point { at } => Outline::Point { at: at.into() },
        signal::Outline::Annulus {
            centre,
            inner_radius,
            outer_radius,
        } => Outline::Annulus {
            centre: centre.into(),
            inner_radius: inner_radius.into(),
            outer_radius: outer_radius.into(),
        },
        signal::Outline::Rectangle {
            corner,
            height,
            width,
        } => Outline::Rectangle {
            corner: corner.into(),
            height: height.into(),
            width: width.into(),
        },
        signal::Outline::Polygon { vertices } => Outline::Polygon {
            vertices: vertices.into(),
        },
        signal::Outline::Band { range } => Outline::Band {
            range: range.into(),
        },
    }
}

fn parameter(info: &ParameterInfo) -> ParameterDescription {
    ParameterDescription {
        name: info.name.clone(),
        control: match &info.kind {
            ParameterKind::Number => ParameterControl::Number,
            ParameterKind::Integer => ParameterControl::Integer,
            ParameterKind::Toggle => ParameterControl::Toggle,
            ParameterKind::Text => ParameterControl::Text,
            ParameterKind::Choice { choices } => ParameterControl::Choice {
                choices: choices.clone(),
            },
            ParameterKind::Pair { parts, whole } => ParameterControl::Pair {
                parts: parts.clone(),
                whole: *whole,
            },
            ParameterKind::File { endings } => ParameterControl::File {
                endings: endings.clone(),
            },
            ParameterKind::SignalPoint => ParameterControl::SignalPoint,
            ParameterKind::SignalRange => ParameterControl::SignalRange,
            ParameterKind::SignalPolygon => ParameterControl::SignalPolygon,
            ParameterKind::NavigationRegion => ParameterControl::NavigationRegion,
        },
        optional: info.optional,
        default: info.default.clone(),
        minimum: info.minimum,
        maximum: info.maximum,
        units: info.units.clone(),
        help: info.help.clone(),
    }
}

pub(crate) fn sample(sample: Sample) -> SampleType {
    match sample {
        Sample::U8 => SampleType::U8,
        Sample::U16 => SampleType::U16,
        Sample::F32 => SampleType::F32,
    }
}

/// The frame's own pixels as a message buffer; the frame stays alive with it, nothing is copied.
pub(crate) fn frame_bytes(frame: Frame) -> Bytes {
    struct Pixels(Frame);
    impl AsRef<[u8]> for Pixels {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    Bytes::from_owner(Pixels(frame))
}

/// Pictures of fewer bytes cross the page's side in one piece anyway: they are sent as they are.
const PACKED_FROM_BYTES: usize = 48 << 10;

/// The samples as a message buffer. Large pictures of whole numbers are packed: a browser takes them in pieces of
/// some 64 KB, each of which waits for its turn.
pub(crate) fn samples(reduced: &Reduced) -> (Encoding, Bytes) {
    let frame = &reduced.frame;
    let words = if frame.as_bytes().len() < PACKED_FROM_BYTES {
        None
    } else if let Some(sums) = &reduced.sums {
        views::packed(sums).map(|words| (Encoding::PackedSums, words))
    } else if let Some(pixels) = frame.pixels::<u16>() {
        views::packed(pixels).map(|words| (Encoding::Packed, words))
    } else {
        let pixels = frame.pixels::<u8>().and_then(views::packed);
        pixels.map(|words| (Encoding::Packed, words))
    };
    let words = words.and_then(|(encoding, words)| {
        let words = Frame::from_vec(&[words.len()], words).ok()?;
        Some((encoding, frame_bytes(words)))
    });
    words.unwrap_or_else(|| (Encoding::Raw, frame_bytes(frame.clone())))
}

pub(crate) fn seen(part: Part) -> FramePart {
    FramePart {
        x0: part.x0 as u32,
        y0: part.y0 as u32,
        width: part.width as u32,
        height: part.height as u32,
    }
}

pub(crate) fn part(part: FramePart) -> Part {
    Part {
        x0: part.x0 as usize,
        y0: part.y0 as usize,
        width: part.width as usize,
        height: part.height as usize,
    }
}

/// Rows of [`Peaks::COLUMNS`].
pub(crate) fn peak_rows(peaks: &Peaks) -> Vec<f32> {
    rows(&peaks.columns())
}

/// What is drawn and told of peaks: rows `ky, kx, misfit, ky_error, kx_error, score, spread`.
pub(crate) fn peak_marks(peaks: &Peaks) -> Vec<f32> {
    rows(&[
        &peaks.ky,
        &peaks.kx,
        &peaks.misfit,
        &peaks.ky_error,
        &peaks.kx_error,
        &peaks.score,
        &peaks.spread,
    ])
}

fn rows(columns: &[&[f32]]) -> Vec<f32> {
    let count = columns.first().map_or(0, |column| column.len());
    (0..count)
        .flat_map(|row| columns.iter().map(move |column| column[row]))
        .collect()
}

/// What the user gave when opening, as the formats take it. Axes are matched to the sizes in the file
/// by [`axes_of`].
pub(crate) fn open_options(options: &protocol::OpenOptions) -> io::OpenOptions {
    io::OpenOptions {
        scan: options.scan,
        signal_axes: options.signal_axes,
        axes: None,
        dataset: options.dataset.clone(),
    }
}

/// The user's axes with the sizes of the file.
pub(crate) fn axes_of(
    given: &[(String, f64, f64, String)],
    names: &[Vec<String>],
    found: &signal::Axes,
) -> Result<Vec<Axis>, WireError> {
    let found_axes: Vec<&Axis> = found.navigation.iter().chain(&found.signal).collect();
    if found_axes.len() != given.len() {
        return Err(WireError::new(
            "axes",
            format!(
                "{} axes were given, the file has {}",
                given.len(),
                found.shape_text()
            ),
            "give (name, scale, offset, units) for each axis, slowest first",
        ));
    }
    let names = names.iter().cloned().chain(std::iter::repeat(Vec::new()));
    (given.iter().zip(found_axes).zip(names))
        .map(|(((name, scale, offset, units), axis), names)| {
            let given = Axis {
                names,
                ..Axis::new(name, axis.size, *scale, *offset, units)
            };
            match given.names.is_empty() || given.names.len() == axis.size {
                true => Ok(given),
                false => Err(WireError::new(
                    "axes",
                    format!(
                        "{} names were given for the axis `{name}`, which has {} entries",
                        given.names.len(),
                        axis.size
                    ),
                    "give a name for each entry, in their order",
                )),
            }
        })
        .collect()
}
