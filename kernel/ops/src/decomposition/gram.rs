//! One pass that gathers the scatter of all pairs of pixels, where frames are small enough for a matrix of them, and its leading
//! eigenvectors.

use std::any::Any;
use std::sync::Arc;

use ndarray::Array2;
use signal::{
    CancelToken, Finished, HeapBytes, Inputs, NavigationIndex, OperationError, Positions,
    Preparation, Prepare,
};

use super::estimate;
use super::model::{Decomposition, Method};
use super::project::{Directions, Project};
use super::rows::{Holes, Kind, Rows};
use super::scatter::Scatter;
use super::svd::Asked;
use crate::math::linear::{Eigen, leading};

/// Frames of at most so many pixels: their matrix takes 16 MiB, and is solved in a second or two.
pub(super) const MAX_PIXELS: usize = 2048;
/// Fewer rows than this wait for more.
const LEAST_ROWS: usize = 256;

/// Gathers the scatter of a part of a scan.
pub(super) struct GatherScatter {
    asked: Arc<Asked>,
    rows: Rows,
    scatter: Option<Scatter>,
    holes: Holes,
    /// Totals of pixels before rows were scaled, where they are.
    totals: Vec<f64>,
}

impl GatherScatter {
    pub fn new(asked: Arc<Asked>) -> Self {
        GatherScatter {
            asked,
            rows: Rows::default(),
            scatter: None,
            holes: Holes::default(),
            totals: Vec::new(),
        }
    }

    fn kind(&self) -> Kind {
        self.asked.kind
    }

    /// Works on the rows that wait, when there are enough of them.
    fn absorb(&mut self, least: usize) {
        if self.rows.len() < least.max(1) {
            return;
        }
        let kind = self.kind();
        let scatter = self
            .scatter
            .get_or_insert_with(|| Scatter::new(kind.pixels));
        scatter.add_rows(&self.rows, kind.whole && !kind.poissonian);
        self.rows.clear();
    }

    fn least(&self) -> usize {
        self.kind().pixels.max(LEAST_ROWS)
    }
}

impl Prepare<Decomposition> for GatherScatter {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        cancel.check()?;
        let kind = self.kind();
        let (rows, holes, totals) = (&mut self.rows, &mut self.holes, &mut self.totals);
        kind.take_with_totals(inputs.frame()?, rows, holes, totals)?;
        // In a preparation without parts nothing is merged.
        self.absorb(4 * self.least());
        Ok(())
    }

    fn finish(&mut self, cancel: &CancelToken) -> Result<Finished<Decomposition>, OperationError> {
        self.absorb(1);
        let kind = self.kind();
        let empty = Scatter::new(0);
        let scatter = self.scatter.as_ref().unwrap_or(&empty);
        let none = scatter.count == 0.0;
        let scale = self.asked.pixel_scales(&self.holes, &self.totals, none);
        let kept: Vec<usize> = (0..kind.pixels)
            .filter(|pixel| scale[*pixel] > 0.0)
            .collect();
        let centred = self.asked.subtracts_mean();
        let matrix = Array2::from_shape_fn((kept.len(), kept.len()), |(a, b)| {
            if a < b {
                return 0.0;
            }
            let (a, b) = (kept[a], kept[b]);
            let mean = if centred {
                0.0
            } else {
                scatter.count * scatter.mean[a] * scatter.mean[b]
            };
            (scatter.of(a, b) + mean) * f64::from(scale[a]) * f64::from(scale[b])
        });
        let matrix = mirrored(matrix);
        let total = matrix.diag().sum();
        // One more than is asked for tells how far the last one is from the others.
        let wanted = self.asked.components + 1;
        let found = leading(matrix.view(), wanted, &mut || !cancel.is_cancelled());
        let found = found
            .map_err(|_| too_large())?
            .ok_or(OperationError::Cancelled)?;
        let spread: f64 = (kept.iter())
            .map(|pixel| scatter.of(*pixel, *pixel) * f64::from(scale[*pixel]).powi(2))
            .sum();
        let rounding = estimate::rounding(&found, spread, scatter.count, kept.len());
        let rank = (found.values.iter())
            .take_while(|value| **value > rounding)
            .count()
            .min(self.asked.most_components(scatter.count, kept.len()));
        let errors = estimate::of_gaps(&found.values, estimate::between_two(rounding, kept.len()));
        let Eigen { values, vectors } = found;
        let rank = rank.min(self.asked.components);
        let mut directions = Array2::<f32>::zeros((kind.pixels, rank));
        for (row, pixel) in kept.iter().enumerate() {
            for component in 0..rank {
                directions[[*pixel, component]] = vectors[[row, component]] as f32;
            }
        }
        let directions = Directions {
            columns: directions,
            scale,
            mean: scatter.mean.clone(),
            holes: self.holes.clone(),
            pass: 2,
            known: Some((values[..rank].to_vec(), errors[..rank].to_vec(), total)),
            method: Method::Scatter,
        };
        let next = Project::new(self.asked.clone(), Arc::new(directions));
        Ok(Finished::Again(Preparation::new(Positions::All, next)))
    }

    fn heap_bytes(&self) -> usize {
        let scatter = self.scatter.as_ref().map_or(0, HeapBytes::heap_bytes);
        self.rows.heap_bytes() + scatter + self.holes.heap_bytes() + self.totals.heap_bytes()
    }

    fn finish_bytes(&self) -> usize {
        // The matrix, and a copy of it while it is solved; a basis of a few hundred vectors.
        let pixels = self.kind().pixels;
        (2 * pixels * pixels + 3 * pixels * 400.min(pixels)) * size_of::<f64>()
    }

    fn fork(&self) -> Option<Box<dyn Prepare<Decomposition>>> {
        Some(Box::new(GatherScatter::new(self.asked.clone())))
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn merge(&mut self, later: &mut dyn Any) {
        let Some(later) = later.downcast_mut::<GatherScatter>() else {
            return;
        };
        self.holes.merge(&later.holes);
        add_totals(&mut self.totals, &later.totals);
        match &later.scatter {
            None => self.rows.append(&mut later.rows),
            Some(scatter) => {
                self.absorb(1);
                match &mut self.scatter {
                    Some(own) => own.merge(scatter),
                    None => self.scatter = later.scatter.take(),
                }
                self.rows.append(&mut later.rows);
            }
        }
        self.absorb(self.least());
    }
}

pub(super) fn add_totals(own: &mut Vec<f64>, later: &[f64]) {
    match own.is_empty() {
        true => own.extend_from_slice(later),
        false => (own.iter_mut().zip(later)).for_each(|(own, later)| *own += later),
    }
}

pub(super) fn too_large() -> OperationError {
    OperationError::failed(
        "the pixels are too large for single precision: their squares are infinite",
        "divide the signal by a large number first",
    )
}

/// The lower triangle on both sides.
fn mirrored(mut matrix: Array2<f64>) -> Array2<f64> {
    for a in 0..matrix.nrows() {
        for b in a + 1..matrix.nrows() {
            matrix[[a, b]] = matrix[[b, a]];
        }
    }
    matrix
}
