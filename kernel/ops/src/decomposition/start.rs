//! Where a sketch begins: random vectors, each with one of the space of some frames spread over the scan. What the scan's components
//! have in those frames stands out of them more than out of random vectors, as by a part of another pass.

use std::sync::Arc;

use ndarray::Array2;
use signal::{
    CancelToken, Finished, HeapBytes, Inputs, NavigationIndex, OperationError, Positions,
    Preparation, Prepare,
};

use super::model::Decomposition;
use super::rows::{Holes, Rows};
use super::sketch::GatherSketch;
use super::svd::Asked;
use crate::math::linear::{orthonormal, signs};

/// Vectors beside those that are asked for.
const BESIDE: usize = 10;

/// Takes as many frames as there are vectors.
pub(super) struct GatherStart {
    asked: Arc<Asked>,
    vectors: usize,
    rows: Rows,
}

impl GatherStart {
    /// The first of all passes.
    pub fn preparation(asked: Arc<Asked>) -> Preparation<Decomposition> {
        let positions: usize = asked.shape.iter().product();
        let most = positions.min(asked.kind.pixels);
        let vectors = (asked.components + BESIDE).min(most);
        let passes = asked.passes;
        let start = GatherStart {
            asked,
            vectors,
            rows: Rows::default(),
        };
        Preparation::new(Positions::Spread(vectors), start).with_passes(passes)
    }
}

impl Prepare<Decomposition> for GatherStart {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        cancel.check()?;
        let kind = self.asked.kind;
        // What has no value is told by the pass over all.
        let mut holes = Holes::default();
        kind.take(inputs.frame()?, &mut self.rows, &mut holes)?;
        Ok(())
    }

    fn finish(&mut self, cancel: &CancelToken) -> Result<Finished<Decomposition>, OperationError> {
        cancel.check()?;
        let pixels = self.asked.kind.pixels;
        let mut start = signs(pixels, self.vectors);
        let mut frames = Array2::zeros((pixels, self.rows.len()));
        for (mut column, row) in frames.columns_mut().into_iter().zip(self.rows.each(pixels)) {
            (column.iter_mut().zip(row)).for_each(|(own, value)| *own = f64::from(*value));
        }
        if self.asked.subtracts_mean()
            && let Some(mean) = frames.mean_axis(ndarray::Axis(1))
        {
            (frames.columns_mut().into_iter()).for_each(|mut column| column -= &mean);
        }
        let basis = orthonormal(frames.view());
        if basis.iter().all(|value| value.is_finite()) {
            // As long as those of signs are.
            let length = (pixels as f64).sqrt();
            for (mut column, own) in start.columns_mut().into_iter().zip(basis.columns()) {
                column.zip_mut_with(&own, |value, own| *value += (length * own) as f32);
            }
        }
        let asked = self.asked.clone();
        let left = asked.passes;
        let next = GatherSketch::new(asked, start);
        Ok(Finished::Again(
            Preparation::new(Positions::All, next).with_passes(left),
        ))
    }

    fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes()
    }

    fn finish_bytes(&self) -> usize {
        4 * self.vectors * self.asked.kind.pixels * size_of::<f64>()
    }
}
