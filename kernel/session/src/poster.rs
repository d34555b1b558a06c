//! The still picture of a node: a labelled figure for readers without a kernel, for exported pages and print.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{FrameSpace, WireError};
use signal::{Axis, CancelToken, Frame, NavigationIndex, ShownUnits, SignalKind, SignalMeta};
use tree::{Graph, Node};
use views::{Colours, Contrast, Panel, ScaleBar, Words};

use crate::handlers::pictures;
use crate::look::{Look, Now, Shows, automatic};
use crate::{Session, convert, date, measured};

mod coloured;

/// Longest wait for the coarse navigation image.
const NAVIGATOR_PATIENCE: Duration = Duration::from_millis(800);
/// Longest time a map is computed for its picture; what is missing then is hatched.
const MAP_PATIENCE: Duration = Duration::from_millis(400);
/// Longest wait for what peaks are measured from; the pattern is drawn without them then.
const PEAKS_PATIENCE: Duration = Duration::from_millis(1500);
/// Pictures of a map that are drawn: images, then composites.
const MAX_PICTURES: usize = 10;
/// Radius of the circles around peaks when the operation has none.
const PEAK_RADIUS_PX: f32 = 4.0;

/// What a notebook shows where no kernel answers.
#[derive(Clone, Debug)]
pub struct Poster {
    pub png: Vec<u8>,
    /// Width it is meant to be seen at, in CSS pixels.
    pub width: usize,
    /// `strain: (40, 56) map of ε_xx, …`.
    pub text: String,
    /// What is to be seen, in words, for those who cannot.
    pub alt: String,
    /// Scan position of the frame that is drawn.
    pub index: Vec<usize>,
    /// Share of a map that was computed, 0 to 1; 1 for frames, 0 for a pattern whose peaks are not there yet.
    pub complete: f64,
}

/// What has been drawn of a figure so far.
#[derive(Default)]
struct Drawing {
    panels: Vec<Panel>,
    notes: Vec<String>,
    /// Sources whose navigation image is there.
    navigators: Vec<u32>,
    /// Of the map that is computed least.
    complete: Option<f64>,
    /// Longest wait for what peaks are measured from.
    peaks_patience: Duration,
}

impl Session {
    /// A figure of what a page shows of a node: its images with the navigation image, or those of its map as far as they
    /// are computed after a moment; and of the other nodes in the page's panes. It starts no map: one that was stopped, or
    /// that nobody looks at, rests until it is asked for.
    ///
    /// # Errors
    /// [`WireError`] when the node is gone or nothing of it can be computed.
    pub fn poster(&self, node: u32, look: &Look) -> Result<Poster, WireError> {
        self.draw_poster(node, look, PEAKS_PATIENCE, &CancelToken::new())
    }

    /// As [`Session::poster`] before any page has shown it, for a cell, which asks for its map: ends within milliseconds of
    /// `interrupted`. Where nobody watches, no later picture takes its place: it waits for what peaks are measured from.
    ///
    /// # Errors
    /// As [`Session::poster`], and `cancelled`.
    pub fn poster_unless(
        self: &Arc<Self>,
        node: u32,
        watched: bool,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Poster, WireError> {
        let peaks_patience = match watched {
            true => PEAKS_PATIENCE,
            false => Duration::MAX,
        };
        self.blocking_call(Some(node), interrupted, move |session, cancel| {
            let graph = session.tree.snapshot();
            if (graph.node(node)).is_some_and(|node| node.meta.kind == SignalKind::Map) {
                let shown = session.engine.show_map(&graph, node);
                shown.map_err(|error| convert::compute_error(&error))?;
            }
            session.draw_poster(node, &Look::default(), peaks_patience, cancel)
        })
    }

    fn draw_poster(
        &self,
        node: u32,
        look: &Look,
        peaks_patience: Duration,
        cancel: &CancelToken,
    ) -> Result<Poster, WireError> {
        let graph = self.tree.snapshot();
        let own = graph.node(node).ok_or_else(|| convert::no_node(node))?;
        let mut drawing = Drawing {
            peaks_patience,
            ..Drawing::default()
        };
        let index = position(&graph, own, look);
        self.draw_node(&mut drawing, &graph, own, &index, look, cancel)?;
        for other in &look.nodes {
            let other = graph.node(*other).filter(|other| other.id != node);
            if let Some(other) = other {
                let index = position(&graph, other, look);
                // The node of the cell is what the figure is for; another one that cannot be drawn is left out.
                let added = self.draw_node(&mut drawing, &graph, other, &index, look, cancel);
                if let Err(error) = added {
                    drawing
                        .notes
                        .push(format!("{} cannot be shown: {}", other.name, error.message));
                }
            }
        }
        if let Some(measured) = measured::of(self, own) {
            drawing.notes.push(format!("Measured: {measured}"));
        }
        for caveat in convert::caveats(self, &graph, own) {
            // Nothing there can be typed or copied.
            drawing.notes.push(caveat.text.replace('`', ""));
        }
        // Where no page renews it, it stays as it is for long.
        drawing
            .notes
            .push(format!("Drawn {}", date::to_the_minute(&date::now())));
        for panel in &mut drawing.panels {
            if !(panel.frame.to_f32().iter()).any(|value| value.is_finite()) {
                panel.levels = [f64::NAN; 2];
            }
        }
        let figure = views::figure(&drawing.panels, &drawing.notes)
            .map_err(|what| WireError::new("poster", what, "").at_node(own.id))?;
        Ok(Poster {
            png: figure.png,
            width: figure.width,
            alt: alt(own, &drawing),
            text: match self.cost_line(own) {
                None => format!("{}: {}", own.name, own.meta.summary()),
                Some(cost) => format!("{}: {}\n{cost}", own.name, own.meta.summary()),
            },
            index,
            complete: drawing.complete.unwrap_or(1.0),
        })
    }

    fn draw_node(
        &self,
        drawing: &mut Drawing,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        index: &[usize],
        look: &Look,
        cancel: &CancelToken,
    ) -> Result<(), WireError> {
        let at = NavigationIndex::new(index);
        if node.meta.kind == SignalKind::Map {
            return self.draw_map(drawing, graph, node, at, look);
        }
        self.draw_navigator(drawing, graph, node, at, cancel)?;
        let meta = &node.meta;
        // Of three signal axes the image that the page is at, of complex numbers each part.
        let image = look.picture(node.id).min(meta.pictures() - 1) % meta.images();
        for part in 0..meta.components.len().max(1) {
            let picture = part * meta.images() + image;
            let context = pictures::ViewContext {
                component: picture,
                focused: false,
                cancel,
            };
            self.draw_frame(drawing, graph, node, at, look, &context)?;
        }
        Ok(())
    }

    fn draw_navigator(
        &self,
        drawing: &mut Drawing,
        graph: &Arc<Graph>,
        node: &Node,
        at: NavigationIndex,
        cancel: &CancelToken,
    ) -> Result<(), WireError> {
        // One for all nodes of a scan.
        let scan = graph.scan_of(node.id).map_or(node, |scan| &**scan);
        if node.meta.axes.positions() <= 1 || drawing.navigators.contains(&scan.id) {
            return Ok(());
        }
        let found =
            pictures::navigation_image(self, graph, node.id, at, NAVIGATOR_PATIENCE, cancel)?;
        let axes = &node.meta.axes.navigation;
        let title = Words::plain(format!("{}: navigation image", scan.name));
        let drawn = Panel {
            crosshair: match at.as_slice() {
                [] => None,
                [column] => Some([0.0, *column as f32]),
                [.., row, column] => Some([*row as f32, *column as f32]),
            },
            values: found.units,
            ..panel(title, found.image, Contrast::of("gray"), axes)
        };
        let mut drawn = laid_along(drawn, axes);
        if drawn.frame.shape().len() == 1 {
            // From its least to its greatest value.
            drawn.levels = views::levels(&drawn.frame).extrema;
        }
        drawing.navigators.push(scan.id);
        drawing.panels.push(drawn);
        Ok(())
    }

    fn draw_frame(
        &self,
        drawing: &mut Drawing,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        at: NavigationIndex,
        look: &Look,
        context: &pictures::ViewContext<'_>,
    ) -> Result<(), WireError> {
        let picture = context.component;
        let waits = node.meta.kind == SignalKind::Peaks
            && !self.is_measured_within(drawing.peaks_patience, graph, node, context.cancel);
        let shown = match waits {
            true => pictures::pattern_alone(self, graph, node, at, context)?,
            false => pictures::show(self, graph, node, at, context)?,
        };
        if waits {
            drawing
                .notes
                .push(format!("{}: peaks are still being measured", node.name));
            drawing.complete = Some(0.0);
        }
        debug_assert_eq!(shown.space, FrameSpace::Signal);
        let given = node.computation().map(|computation| computation.params());
        let radius = (measured::parameters(self, node).get("radius"))
            .or_else(|| given.as_ref()?.get("radius"))
            .and_then(serde_json::Value::as_f64);
        let title = match at.as_slice() {
            [] => node.name.clone(),
            [one] => format!("{} at {one}", node.name),
            several => {
                let indices: Vec<String> = several.iter().map(usize::to_string).collect();
                format!("{} at ({})", node.name, indices.join(", "))
            }
        };
        let meta = &node.meta;
        let shows = Shows::of(meta, picture);
        let title = match meta.axes.signal.as_slice() {
            [outer, _, _] => {
                let place = outer.place(picture % meta.images());
                format!("{title}: {} {place}", outer.name)
            }
            _ => title,
        };
        let (title, colours) = match meta.component(picture) {
            Some(part) => {
                let colours = coloured::of(meta, picture, &|_| Ok(shown.image.clone()))
                    .map_err(|what| WireError::new("poster", what, "").at_node(node.id))?;
                (format!("{title}: {}", part.title), colours.1)
            }
            None if meta.element.is_colour() => (title, Colours::Own),
            None => (title, Colours::Values),
        };
        let mut drawn = Panel {
            values: meta.writing(picture).units,
            colours,
            ..panel(
                Words::plain(title),
                shown.image,
                look.contrast(shows),
                &meta.axes.signal,
            )
        };
        if let Some(peaks) = shown.peaks {
            drawn.peaks = (peaks.ky.iter().zip(&peaks.kx))
                .map(|(ky, kx)| [*ky, *kx])
                .collect();
            drawn.peak_radius = radius.map_or(PEAK_RADIUS_PX, |radius| radius as f32);
        }
        if drawn.frame.shape().len() == 1 {
            let extrema = views::levels(&drawn.frame).extrema;
            // Counts are seen from zero.
            drawn.levels = [extrema[0].min(0.0), extrema[1]];
        } else {
            drawn.levels = automatic(&views::levels(&drawn.frame), shows);
            if let Some(levels) = self.chosen(graph, node, picture, look) {
                drawn.levels = levels;
            }
        }
        drawing.panels.push(drawn);
        Ok(())
    }

    fn draw_map(
        &self,
        drawing: &mut Drawing,
        graph: &Arc<Graph>,
        node: &Node,
        at: NavigationIndex,
        look: &Look,
    ) -> Result<(), WireError> {
        let fail = |error: tree::ComputeError| convert::compute_error(&error);
        let until = Instant::now() + MAP_PATIENCE;
        let map = self.engine.map(graph, node.id).map_err(fail)?;
        let waited = self.engine.wait_for_map(&map, &mut |_| {
            if Instant::now() < until {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        if let tree::PassState::Failed = waited.state
            && let Some(error) = waited.error
        {
            return Err(fail(error));
        }
        let complete = map.complete();
        let meta = &node.meta;
        let count = meta.components.len() + meta.composites.len();
        let failed = |what| WireError::new("poster", what, "").at_node(node.id);
        for picture in 0..count.min(MAX_PICTURES) {
            let drawn = coloured::of(meta, picture, &|plane| {
                pictures::plane(&map.component(plane), &meta.axes.navigation_shape(), at)
            });
            let (image, colours) = drawn.map_err(failed)?;
            let shows = Shows::of(meta, picture);
            let drawn = Panel {
                colours,
                ..panel(
                    coloured::title(node, picture),
                    image,
                    look.contrast(shows),
                    &meta.axes.navigation,
                )
            };
            let mut drawn = laid_along(drawn, &meta.axes.navigation);
            if drawn.frame.shape().len() == 1 {
                drawn.levels = curve_range(views::levels(&drawn.frame).extrema);
            } else {
                drawn.levels = automatic(&views::levels(&drawn.frame), shows);
                if let Some(levels) = self.chosen(graph, node, picture, look) {
                    drawn.levels = levels;
                }
            }
            let drawn = written(drawn, &meta.writing(picture)).map_err(failed)?;
            drawing.panels.push(drawn);
        }
        if count > MAX_PICTURES {
            let rest = count - MAX_PICTURES;
            drawing.notes.push(format!(
                "{rest} more images of {} are not drawn here",
                node.name
            ));
        }
        if complete < 1.0 {
            let percent = (complete * 100.0).floor();
            drawing
                .notes
                .push(format!("{}: {percent} % is computed", node.name));
        }
        drawing.complete = Some(
            drawing
                .complete
                .map_or(complete, |least| least.min(complete)),
        );
        Ok(())
    }

    /// The levels that a page draws it with.
    fn chosen(
        &self,
        graph: &Graph,
        node: &Node,
        component: usize,
        look: &Look,
    ) -> Option<[f64; 2]> {
        let now = |id| {
            let node = graph.node(id)?;
            let complete = match node.meta.kind {
                SignalKind::Map => self.engine.map(graph, id).ok()?.complete(),
                SignalKind::Frame | SignalKind::Peaks => 1.0,
            };
            Some(Now {
                meta: &node.meta,
                revision: node.revision,
                complete,
            })
        };
        let chosen = look.levels(node.id, component, now);
        chosen.filter(|[low, high]| high > low)
    }
}

/// Where the page is in the scan of a node; the middle of a scan it has not been in, and the first component of a model.
fn position(graph: &Graph, node: &Node, look: &Look) -> Vec<usize> {
    let axes = &node.meta.axes;
    // The page's position is one of the node it has selected.
    let selected = look.nodes.first().and_then(|node| graph.node(*node));
    if let Some(selected) = selected.filter(|selected| {
        let axes = &selected.meta.axes;
        let at = NavigationIndex::new(&look.index);
        selected.id != node.id && look.index.len() == axes.navigation.len() && axes.contains(at)
    }) && axes.navigation.len() == look.index.len()
    {
        let at = NavigationIndex::new(&look.index);
        return graph
            .nearest_position(selected, at, node)
            .as_slice()
            .to_vec();
    }
    if look.index.len() == axes.navigation.len() && axes.contains(NavigationIndex::new(&look.index))
    {
        return look.index.clone();
    }
    let first = NavigationIndex::from_flat(0, &axes.navigation_shape());
    match graph.component_of(node.id, first) {
        Some(_) => first.as_slice().to_vec(),
        None => axes.navigation.iter().map(|axis| axis.size / 2).collect(),
    }
}

/// An image or curve over `axes` with automatic levels.
fn panel(title: Words, frame: Frame, contrast: Contrast, axes: &[Axis]) -> Panel {
    Panel {
        title,
        levels: automatic(&views::levels(&frame), Shows::Frame),
        frame,
        contrast,
        colours: Colours::Values,
        values: String::new(),
        scale_bar: axes
            .last()
            .filter(|_| axes.len() > 1)
            .and_then(ScaleBar::along),
        axis: axes.last().filter(|_| axes.len() == 1).cloned(),
        crosshair: None,
        peaks: Vec::new(),
        peak_radius: PEAK_RADIUS_PX,
    }
}

/// The image of a scan that is a line, as a curve over the axis it runs along; that of a single position as a number.
fn laid_along(panel: Panel, scan: &[Axis]) -> Panel {
    let values = panel.frame.to_f32();
    let (rows, columns) = panel.frame.rows_columns();
    let (axis, at) = match (rows, columns) {
        (1, 1) => (None, 0),
        (1, _) => (scan.last(), 1),
        (_, 1) => (scan.iter().rev().nth(1), 0),
        _ => return panel,
    };
    let shape: &[usize] = if rows * columns == 1 {
        &[]
    } else {
        &[values.len()]
    };
    let Ok(frame) = Frame::from_vec(shape, values.into_owned()) else {
        return panel;
    };
    Panel {
        crosshair: panel.crosshair.map(|crosshair| [0.0, crosshair[at]]),
        frame,
        axis: axis.cloned(),
        scale_bar: None,
        ..panel
    }
}

/// The page's rule for what a curve is drawn between (`plotRange`): all values with some room; zero where it is near.
fn curve_range([low, high]: [f64; 2]) -> [f64; 2] {
    let low = if low > 0.0 && low < high * 0.5 {
        0.0
    } else {
        low
    };
    let span = match high - low {
        0.0 if high == 0.0 => 1.0,
        0.0 => high.abs(),
        span => span,
    };
    let room = span * 0.05;
    [if low == 0.0 { 0.0 } else { low - room }, high + room]
}

/// Values and levels in the unit people write them in: the colours stay.
fn written(panel: Panel, writing: &ShownUnits) -> Result<Panel, String> {
    let factor = writing.factor;
    Ok(Panel {
        frame: coloured::times(&panel.frame, factor)?,
        colours: coloured::written(panel.colours, factor)?,
        levels: panel.levels.map(|level| level * factor),
        values: writing.units.clone(),
        ..panel
    })
}

/// What the figure shows, in words.
fn alt(node: &Node, drawing: &Drawing) -> String {
    let mut text = format!("{}: {}.", node.name, summary(&node.meta));
    for panel in &drawing.panels {
        let Words {
            text: title,
            subscript,
            rest,
        } = &panel.title;
        let [low, _] = panel.levels;
        let underscore = if subscript.is_empty() { "" } else { "_" };
        let kind = match panel.frame.shape().len() {
            0 => {
                let number = panel.number();
                let _ = write!(text, " {title}{underscore}{subscript}{rest} is {number}.");
                continue;
            }
            1 => "curve",
            _ => "image",
        };
        // Writing to a text does not fail.
        let _ = write!(text, " {kind} {title}{underscore}{subscript}{rest}, ");
        let _ = match low.is_nan() {
            true => write!(text, "no value"),
            false => write!(text, "{}", coloured::words(panel, &short)),
        };
        text.truncate(text.trim_end().len());
        if !panel.peaks.is_empty() {
            let count = panel.peaks.len();
            let peaks = if count == 1 { "peak" } else { "peaks" };
            let _ = write!(text, ", {count} {peaks} circled");
        }
        text.push('.');
    }
    for note in &drawing.notes {
        let _ = write!(text, " {note}.");
    }
    text
}

fn summary(meta: &SignalMeta) -> String {
    let mut text = meta.summary();
    let axis = meta
        .axes
        .navigation
        .last()
        .filter(|axis| axis.is_uniform() && axis.size > 1);
    if let Some(axis) = axis {
        let _ = write!(text, ", scan step {} {}", short(axis.scale), axis.units);
        text.truncate(text.trim_end().len());
    }
    text
}

/// Three significant digits.
fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        // No minus before zero.
        return format!("{}", value + 0.0);
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = (2.0 - size.log10().floor()).clamp(0.0, 7.0) as usize;
    format!("{value:.decimals$}")
}
