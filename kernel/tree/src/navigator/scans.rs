//! The navigation image of a node: that of its file, cut and grouped as the scan was on the way.

use std::sync::Arc;
use std::time::Duration;

use signal::NavigationIndex;

use super::{Navigator, NavigatorPicture};
use crate::compute::guarded;
use crate::{Cause, ComputeError, Engine, Graph};

/// The navigation image of the scan of a node.
pub struct NavigationImage {
    of_file: Arc<Navigator>,
    /// `None`: the scan is that of the file.
    moved: Option<Moved>,
}

/// The image of a scan that was cut or grouped.
struct Moved {
    rows: usize,
    columns: usize,
    outer: Vec<usize>,
    /// Pixels of the image of the file that each pixel is the mean of; where slower axes are grouped those of one of them.
    pixels: Vec<Vec<usize>>,
}

impl NavigationImage {
    /// Whether both are made from one image of a file.
    pub fn is_shared_with(&self, other: &NavigationImage) -> bool {
        Arc::ptr_eq(&self.of_file, &other.of_file)
    }

    /// The picture now; waits at most `patience` for a first one.
    pub fn picture(&self, patience: Duration) -> NavigatorPicture {
        let picture = self.of_file.picture(patience);
        let Some(moved) = &self.moved else {
            return picture;
        };
        let mean = |pixels: &Vec<usize>| {
            let values = pixels.iter().filter_map(|pixel| picture.values.get(*pixel));
            let (sum, count) = (values.filter(|value| !value.is_nan()))
                .fold((0.0, 0), |(sum, count), value| {
                    (sum + f64::from(*value), count + 1)
                });
            (sum / f64::from(count)) as f32
        };
        NavigatorPicture {
            rows: moved.rows,
            columns: moved.columns,
            outer: moved.outer.clone(),
            values: moved.pixels.iter().map(mean).collect(),
            ..picture
        }
    }
}

impl Engine {
    /// The navigation image of `node`'s scan that goes through `at` (what is missing of it is 0): of each position the mean of the
    /// frames of the file that it is made from. The first call starts computing it in the background.
    ///
    /// # Errors
    /// [`ComputeError`] when the node is gone, the position is outside the scan, or the image does not fit into
    /// the memory budget.
    pub fn navigator(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        at: NavigationIndex,
    ) -> Result<NavigationImage, ComputeError> {
        let (root, _) = graph
            .source_of(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        let places = graph.places(node)?;
        let of_file = places.are_those_of_the_file();
        let scan = if of_file { root } else { node };
        let shape = scan.meta.axes.navigation_shape();
        let split = shape.len().saturating_sub(2);
        let outer: Vec<usize> = (0..split)
            .map(|axis| at.as_slice().get(axis).copied().unwrap_or(0))
            .collect();
        if outer.iter().zip(&shape).any(|(at, size)| at >= size) {
            let cause = Cause::OutsideScan { shape };
            return Err(ComputeError::new(node, Some(at), cause));
        }
        if of_file {
            return Ok(NavigationImage {
                of_file: self.navigator_of_file(graph, root, outer)?,
                moved: None,
            });
        }
        let inner = &shape[split..];
        let positions = (0..inner.iter().product::<usize>()).map(|flat| {
            let place = NavigationIndex::from_flat(flat, inner);
            let index: Vec<usize> = outer.iter().chain(place.as_slice()).copied().collect();
            NavigationIndex::new(&index)
        });
        let in_file: Vec<Vec<NavigationIndex>> =
            guarded(|| positions.map(|at| places.of(at)).collect())
                .map_err(|text| ComputeError::new(node, Some(at), Cause::Panic(text)))?;
        // One plane of the file stands for those of a group.
        let rank = root.meta.axes.navigation.len();
        let plane = (in_file.first().and_then(|places| places.first()))
            .map_or_else(Vec::new, |at| {
                at.as_slice()[..rank.saturating_sub(2)].to_vec()
            });
        let of_file = self.navigator_of_file(graph, root, plane)?;
        let pixels = (in_file.iter())
            .map(|places| places.iter().filter_map(|at| of_file.pixel(*at)).collect())
            .collect();
        let [rows, columns] = match inner {
            [] => [1, 1],
            [columns] => [1, *columns],
            [rows, columns, ..] => [*rows, *columns],
        };
        Ok(NavigationImage {
            of_file,
            moved: Some(Moved {
                rows,
                columns,
                outer,
                pixels,
            }),
        })
    }
}
