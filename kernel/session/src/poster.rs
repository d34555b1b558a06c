//! The still picture of a node, for readers without a kernel.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{FrameSpace, WireError};
use signal::{CancelToken, Component, Frame, NavigationIndex, SignalKind};
use tree::{Graph, Node};
use views::{Colors, Panel};

use crate::handlers::pictures;
use crate::{Session, convert};

/// Height of a poster.
const HEIGHT_PX: usize = 320;
/// Longest wait for the coarse navigation image.
const NAVIGATOR_PATIENCE: Duration = Duration::from_millis(800);
/// Longest time a map is computed for its poster; what is missing then stays blank.
const MAP_PATIENCE: Duration = Duration::from_millis(400);
/// Images of a map that are drawn side by side.
const MOST_COMPONENTS: usize = 4;
/// Radius of the circles around peaks when the operation has none.
const PEAK_RADIUS_PX: f32 = 4.0;

/// What a notebook shows where no kernel answers.
#[derive(Clone, Debug)]
pub struct Poster {
    pub png: Vec<u8>,
    /// `strain: (40, 56) map of ε_xx, …`.
    pub text: String,
    /// Scan position of the frame that is drawn.
    pub index: Vec<usize>,
    /// Share of a map that was computed, 0 to 1; 1 for frames.
    pub complete: f64,
}

impl Session {
    /// The navigation image beside the picture of a node in the middle of its scan; for a map, its
    /// images as far as they are computed after a moment.
    ///
    /// # Errors
    /// [`WireError`] when the node is gone or nothing of it can be computed.
    pub fn poster(&self, node: u32) -> Result<Poster, WireError> {
        self.draw_poster(node, &CancelToken::new())
    }

    /// As [`Session::poster`] for a cell: ends within milliseconds of `interrupted`.
    ///
    /// # Errors
    /// As [`Session::poster`], and `cancelled`.
    pub fn poster_unless(
        self: &Arc<Self>,
        node: u32,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Poster, WireError> {
        self.errand(Some(node), interrupted, move |session, cancel| {
            session.draw_poster(node, cancel)
        })
    }

    fn draw_poster(&self, node: u32, cancel: &CancelToken) -> Result<Poster, WireError> {
        let graph = self.tree.snapshot();
        let node = graph.node(node).ok_or_else(|| convert::no_node(node))?;
        let index: Vec<usize> = node
            .meta
            .axes
            .navigation
            .iter()
            .map(|axis| axis.size / 2)
            .collect();
        let at = NavigationIndex::new(&index);
        let (panels, complete) = if node.meta.kind == SignalKind::Map {
            self.map_panels(&graph, node, at)?
        } else {
            (self.frame_panels(&graph, node, at, cancel)?, 1.0)
        };
        let png = views::poster(&panels, HEIGHT_PX)
            .map_err(|what| WireError::new("poster", what, "").at_node(node.id))?;
        Ok(Poster {
            png,
            text: match self.cost_line(node) {
                None => format!("{}: {}", node.name, node.meta.summary()),
                Some(cost) => format!("{}: {}\n{cost}", node.name, node.meta.summary()),
            },
            index,
            complete,
        })
    }

    fn navigator_panel(
        &self,
        graph: &Arc<Graph>,
        node: &Node,
        at: NavigationIndex,
    ) -> Result<Option<Panel>, WireError> {
        if node.meta.axes.positions() <= 1 {
            return Ok(None);
        }
        let (_, image) = pictures::navigation_image(self, graph, node.id, NAVIGATOR_PATIENCE)?;
        let crosshair = match at.as_slice() {
            [] => None,
            [column] => Some([0.0, *column as f32]),
            [.., row, column] => Some([*row as f32, *column as f32]),
        };
        let mut drawn = Panel {
            crosshair,
            ..panel(image, Colors::Gray)
        };
        if node.meta.axes.navigation.len() == 1 {
            // A series is a curve over its one axis, from its least to its greatest value.
            let curve = drawn.frame.to_f32().into_owned();
            drawn.frame = Frame::from_vec(&[curve.len()], curve)
                .map_err(|what| WireError::new("internal", what, ""))?;
            drawn.levels = views::levels(&drawn.frame).extrema;
        }
        Ok(Some(drawn))
    }

    fn frame_panels(
        &self,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        at: NavigationIndex,
        cancel: &CancelToken,
    ) -> Result<Vec<Panel>, WireError> {
        let mut panels: Vec<Panel> = self.navigator_panel(graph, node, at)?.into_iter().collect();
        let looking = pictures::Looking {
            component: 0,
            focused: false,
            cancel,
        };
        let shown = pictures::show(self, graph, node, at, &looking)?;
        let radius = node
            .computation()
            .and_then(|computation| computation.params().get("radius")?.as_f64());
        let peaks = shown.peaks.map_or_else(Vec::new, |peaks| {
            peaks
                .ky
                .iter()
                .zip(&peaks.kx)
                .map(|(ky, kx)| [*ky, *kx])
                .collect()
        });
        debug_assert_eq!(shown.space, FrameSpace::Signal);
        panels.push(Panel {
            peaks,
            peak_radius: radius.map_or(PEAK_RADIUS_PX, |radius| radius as f32),
            ..panel(shown.image, Colors::Sequential)
        });
        Ok(panels)
    }

    fn map_panels(
        &self,
        graph: &Arc<Graph>,
        node: &Node,
        at: NavigationIndex,
    ) -> Result<(Vec<Panel>, f64), WireError> {
        let fail = |error: tree::ComputeError| convert::compute_error(&error);
        let until = Instant::now() + MAP_PATIENCE;
        let map = self.engine.show_map(graph, node.id).map_err(fail)?;
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
        let shape = node.meta.axes.navigation_shape();
        let panels = node
            .meta
            .components
            .iter()
            .take(MOST_COMPONENTS)
            .enumerate()
            .map(|(number, component)| {
                pictures::plane(&map.component(number), &shape, at)
                    .map(|image| map_panel(image, component))
                    .map_err(|what| WireError::new("poster", what, "").at_node(node.id))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok((panels, map.complete()))
    }
}

fn panel(frame: Frame, colors: Colors) -> Panel {
    Panel {
        levels: views::levels(&frame).percentiles,
        frame,
        colors,
        crosshair: None,
        peaks: Vec::new(),
        peak_radius: PEAK_RADIUS_PX,
    }
}

/// Zero in the middle of a component that has two signs.
fn map_panel(image: Frame, component: &Component) -> Panel {
    if !component.diverging {
        return panel(image, Colors::Sequential);
    }
    let drawn = panel(image, Colors::Diverging);
    let largest = drawn.levels[0].abs().max(drawn.levels[1].abs());
    Panel {
        levels: [-largest, largest],
        ..drawn
    }
}
