//! From projections to a model: scores and loadings with their signs, as they are read.

use ndarray::{Array2, ArrayView2};

use super::model::{Decomposition, Mean};
use super::project::Project;
use super::svd::Asked;

impl Project {
    /// The model, when scores are projections times a matrix with a column per component, and loadings are these columns of
    /// scaled pixels; `values` are their eigenvalues, of which there are `total` in all.
    pub fn model(
        &self,
        turn: &Array2<f32>,
        columns: &Array2<f32>,
        values: Vec<f64>,
        errors: Vec<f64>,
        total: f64,
    ) -> Decomposition {
        let (asked, directions) = (&self.asked, &self.directions);
        let Asked { kind, shape, .. } = &**asked;
        let (rank, pixels) = (values.len(), kind.pixels);
        let mut loadings = vec![f32::NAN; rank * pixels];
        let mut signs = vec![1.0f32; rank];
        for (component, loading) in loadings.chunks_exact_mut(pixels).enumerate() {
            for (pixel, value) in loading.iter_mut().enumerate() {
                if directions.scale[pixel] > 0.0 {
                    *value = columns[[pixel, component]] / directions.scale[pixel];
                }
            }
            // The pixel with the largest absolute value is positive.
            let largest = loading.iter().filter(|value| value.is_finite());
            let largest = largest.fold(0.0f32, |most, value| match value.abs() > most.abs() {
                true => *value,
                false => most,
            });
            if largest < 0.0 {
                signs[component] = -1.0;
                loading.iter_mut().for_each(|value| *value = -*value);
            }
        }
        let positions: usize = shape.iter().product();
        let mut scores = vec![f32::NAN; rank * positions];
        let levels = asked.subtracts_levels();
        let mut level_of = vec![f32::NAN; if levels { positions } else { 0 }];
        let narrow = turn.nrows();
        for some in &self.projected {
            let projections = ArrayView2::from_shape((some.places.len(), narrow), &some.values)
                .expect("a row for each place");
            let turned = match rank {
                0 => Array2::zeros((some.places.len(), 0)),
                _ => projections.dot(turn),
            };
            for (place, row) in some.places.iter().zip(turned.rows()) {
                let own = &mut scores[place.flat * rank..(place.flat + 1) * rank];
                for ((score, value), sign) in own.iter_mut().zip(row).zip(&signs) {
                    *score = value * sign / place.scale;
                }
                if levels {
                    level_of[place.flat] = place.level;
                }
            }
        }
        let mean = match (asked.subtracts_mean(), levels) {
            (true, _) => Mean::Frame(
                (directions.mean.iter().zip(&directions.scale))
                    .map(|(mean, scale)| if *scale > 0.0 { *mean as f32 } else { f32::NAN })
                    .collect(),
            ),
            (_, true) => Mean::Levels(level_of),
            _ => Mean::None,
        };
        let count = self.count().max(1) as f64;
        Decomposition {
            shape: shape.clone(),
            pixels,
            asked: asked.components,
            rank,
            loadings,
            scores,
            mean,
            variances: values.iter().map(|value| value / count).collect(),
            shares: values.iter().map(|value| value / total).collect(),
            errors,
            method: directions.method,
            pixels_left_out: directions
                .scale
                .iter()
                .filter(|scale| **scale == 0.0)
                .count(),
            positions_left_out: self.positions_left_out,
        }
    }
}
