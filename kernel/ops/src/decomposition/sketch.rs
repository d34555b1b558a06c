//! Components of scans whose frames have too many pixels for a matrix of all pairs: a randomised range finder (Halko, Martinsson,
//! Tropp, doi:10.1137/090771806) that reads frame by frame, so that a product with `XᵀX` is one pass. The first pass multiplies it
//! with those of `start.rs`; each later one with orthonormal vectors `Q` of the space that was found, which is another power of it. The last
//! pass also gives the projections `XQ`, an orthonormal basis of which stands for all scores: `X ≈ P PᵀX`, and `PᵀX` comes from the
//! products, so that loadings are another half power better than `Q`.

use std::any::Any;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use signal::{
    CancelToken, Finished, HeapBytes, Inputs, NavigationIndex, OperationError, Positions,
    Preparation, Prepare,
};

use super::estimate;
use super::gram::{add_totals, too_large};
use super::loops::add_rows;
use super::model::{Decomposition, Method};
use super::project::{Directions, Project};
use super::rows::{Holes, Rows};
use super::svd::Asked;
use crate::math::in_parts::in_parts;
use crate::math::linear::{add_product_over_rows, orthonormal, product_over_rows, symmetric};

/// Share of the variance that single precision leaves of nothing.
const NOTHING: f64 = 1e-11;

/// Multiplies the vectors that it begins with.
pub(super) struct GatherSketch {
    asked: Arc<Asked>,
    start: Arc<Array2<f32>>,
    rows: Rows,
    products: Option<Array2<f32>>,
    /// Of rows.
    sums: Vec<f64>,
    count: f64,
    holes: Holes,
    totals: Vec<f64>,
}

impl GatherSketch {
    /// Multiplies the columns of `start`, one row for each pixel.
    pub fn new(asked: Arc<Asked>, start: Array2<f32>) -> Self {
        GatherSketch::empty(&asked, &Arc::new(start))
    }

    fn empty(asked: &Arc<Asked>, start: &Arc<Array2<f32>>) -> Self {
        GatherSketch {
            asked: asked.clone(),
            start: start.clone(),
            rows: Rows::default(),
            products: None,
            sums: Vec::new(),
            count: 0.0,
            holes: Holes::default(),
            totals: Vec::new(),
        }
    }

    fn least(&self) -> usize {
        (2 * self.start.ncols()).max(64)
    }

    fn absorb(&mut self, least: usize) {
        if self.rows.len() < least.max(1) {
            return;
        }
        let pixels = self.asked.kind.pixels;
        let mut block = Vec::with_capacity(self.rows.len() * pixels);
        self.sums.resize(pixels, 0.0);
        self.rows
            .each(pixels)
            .for_each(|row| block.extend_from_slice(row));
        add_rows(&block, &mut self.sums);
        let count = self.rows.len();
        self.count += count as f64;
        self.rows.clear();
        let rows = ArrayView2::from_shape((count, pixels), &block).expect("whole rows");
        let projections = rows.dot(&*self.start);
        let shape = self.start.dim();
        let products = self.products.get_or_insert_with(|| Array2::zeros(shape));
        add_product_over_rows(rows, projections.view(), products);
    }
}

impl Prepare<Decomposition> for GatherSketch {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        cancel.check()?;
        let kind = self.asked.kind;
        let (rows, holes, totals) = (&mut self.rows, &mut self.holes, &mut self.totals);
        kind.take_with_totals(inputs.frame()?, rows, holes, totals)?;
        // In a preparation without parts nothing is merged.
        self.absorb(4 * self.least());
        Ok(())
    }

    fn finish(&mut self, _cancel: &CancelToken) -> Result<Finished<Decomposition>, OperationError> {
        self.absorb(1);
        let asked = self.asked.clone();
        let none = self.count == 0.0;
        let scale = asked.pixel_scales(&self.holes, &self.totals, none);
        let mean: Vec<f64> = self.sums.iter().map(|sum| sum / self.count).collect();
        let shape = self.start.dim();
        let products = self.products.take().unwrap_or_else(|| Array2::zeros(shape));
        let mut found = products.mapv(f64::from);
        if asked.subtracts_mean() && !none {
            let mut sums = vec![0.0; shape.1];
            for (mean, row) in mean.iter().zip(self.start.rows()) {
                (sums.iter_mut().zip(row))
                    .for_each(|(sum, value)| *sum += mean * f64::from(*value));
            }
            for (mean, mut row) in mean.iter().zip(found.rows_mut()) {
                (row.iter_mut().zip(&sums))
                    .for_each(|(value, sum)| *value -= self.count * mean * sum);
            }
        }
        for (scale, mut row) in scale.iter().zip(found.rows_mut()) {
            row.iter_mut().for_each(|value| *value *= f64::from(*scale));
        }
        let next = Directions {
            columns: basis_of(&found)?,
            scale,
            mean,
            holes: self.holes.clone(),
            pass: 2,
            known: None,
            method: Method::Sketch {
                passes: asked.passes,
            },
        };
        let left = asked.passes - 1;
        let next = Project::new(asked, Arc::new(next));
        Ok(Finished::Again(
            Preparation::new(Positions::All, next).with_passes(left),
        ))
    }

    fn heap_bytes(&self) -> usize {
        let products = self
            .products
            .as_ref()
            .map_or(0, |all| all.len() * size_of::<f32>());
        let numbers = self.sums.heap_bytes() + self.totals.heap_bytes();
        self.rows.heap_bytes() + products + numbers + self.holes.heap_bytes()
    }

    fn finish_bytes(&self) -> usize {
        4 * self.start.len() * size_of::<f64>()
    }

    fn fork(&self) -> Option<Box<dyn Prepare<Decomposition>>> {
        Some(Box::new(GatherSketch::empty(&self.asked, &self.start)))
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn merge(&mut self, later: &mut dyn Any) {
        let Some(later) = later.downcast_mut::<GatherSketch>() else {
            return;
        };
        self.holes.merge(&later.holes);
        add_totals(&mut self.totals, &later.totals);
        if let Some(products) = later.products.take() {
            self.absorb(1);
            match &mut self.products {
                Some(own) => *own += &products,
                None => self.products = Some(products),
            }
            add_totals(&mut self.sums, &later.sums);
            self.count += later.count;
        }
        self.rows.append(&mut later.rows);
        self.absorb(self.least());
    }
}

/// Orthonormal columns that span those of `found`, in single precision.
fn basis_of(found: &Array2<f64>) -> Result<Array2<f32>, OperationError> {
    if found.iter().any(|value| !value.is_finite()) {
        return Err(too_large());
    }
    let mut basis = orthonormal(found.view()).mapv(|value| value as f32);
    // What is arbitrary there has nothing at pixels that are left out.
    for (mut own, found) in basis.rows_mut().into_iter().zip(found.rows()) {
        if found.iter().all(|value| *value == 0.0) {
            own.fill(0.0);
        }
    }
    Ok(basis)
}

/// What a pass with orthonormal vectors comes to.
pub(super) enum Next {
    Model(Decomposition),
    Directions(Directions),
}

pub(super) fn conclude(of: &Project, cancel: &CancelToken) -> Result<Next, OperationError> {
    let Project {
        asked, directions, ..
    } = of;
    let shape = directions.columns.dim();
    let base = directions.base(asked);
    let mut products = match &of.products {
        Some(products) => products.mapv(f64::from),
        None => Array2::zeros(shape),
    };
    for (base, mut row) in base.iter().zip(products.rows_mut()) {
        (row.iter_mut().zip(&of.sums)).for_each(|(value, sum)| *value += base * sum);
    }
    cancel.check()?;
    if directions.pass < asked.passes {
        return Ok(Next::Directions(Directions {
            columns: basis_of(&products)?,
            scale: directions.scale.clone(),
            mean: directions.mean.clone(),
            holes: directions.holes.clone(),
            pass: directions.pass + 1,
            known: None,
            method: directions.method,
        }));
    }
    if products.iter().any(|value| !value.is_finite()) {
        return Err(too_large());
    }
    let count = of.count() as f64;
    let total = total(of, &base, count);
    let small = symmetric(scatter_of(of, shape.1).view()).map_err(|_| too_large())?;
    let kept = (small.values.iter())
        .take_while(|value| **value > NOTHING * total)
        .count();
    if kept == 0 {
        let none = |rows| Array2::zeros((rows, 0));
        let model = of.model(
            &none(shape.1),
            &none(shape.0),
            Vec::new(),
            Vec::new(),
            total,
        );
        return Ok(Next::Model(model));
    }
    // Projections that are orthonormal, and what the others are of them.
    let mut turn = small.vectors.slice(ndarray::s![.., ..kept]).to_owned();
    for (mut column, value) in turn.columns_mut().into_iter().zip(&small.values) {
        column.mapv_inplace(|turn| turn / value.sqrt());
    }
    let across = products.dot(&turn);
    let squares = product_over_rows(across.view(), across.view());
    let found = symmetric(squares.view()).map_err(|_| too_large())?;
    let rank = (found.values.iter())
        .take_while(|value| **value > NOTHING * total)
        .count()
        .min(asked.components)
        .min(asked.most_components(count, directions.scale.iter().filter(|s| **s > 0.0).count()));
    let residuals: Vec<f64> = (0..kept)
        .map(|at| {
            // Of a vector of length 1 whose image has the length that `across` has times the root of its value.
            let image = across.column(at);
            let (length, value) = (image.dot(&image) * small.values[at], small.values[at]);
            (length - value * value).max(0.0).sqrt()
        })
        .collect();
    let rounding = estimate::rounding(&found, total, count, shape.0);
    let rounding = estimate::between_two(rounding, shape.0);
    let positions: usize = asked.shape.iter().product();
    let is_whole = kept < shape.1 || shape.1 == positions.min(shape.0);
    let outside = match small.values.get(kept - 1) {
        Some(smallest) if !is_whole => estimate::beyond(*smallest),
        _ => 0.0,
    };
    let errors = estimate::of_residuals(&small.values[..kept], &residuals, outside, rounding);
    let mut columns = across.dot(&found.vectors.slice(ndarray::s![.., ..rank]));
    let mut scores = turn.dot(&found.vectors.slice(ndarray::s![.., ..rank]));
    for (component, value) in found.values[..rank].iter().enumerate() {
        let length = value.sqrt();
        columns
            .column_mut(component)
            .mapv_inplace(|value| value / length);
        scores
            .column_mut(component)
            .mapv_inplace(|value| value * length);
    }
    Ok(Next::Model(of.model(
        &scores.mapv(|value| value as f32),
        &columns.mapv(|value| value as f32),
        found.values[..rank].to_vec(),
        errors[..rank].to_vec(),
        total,
    )))
}

/// `Σ |x|²` of scaled rows, with what was subtracted of them.
fn total(of: &Project, base: &[f64], count: f64) -> f64 {
    let directions = &of.directions;
    let mut total = of.squares;
    for (pixel, base) in base.iter().enumerate() {
        let mean = directions.mean.get(pixel).copied().unwrap_or(0.0);
        let left = (mean - f64::from(mean as f32)) * f64::from(directions.scale[pixel]);
        total += count * base * (2.0 * left + base);
    }
    total
}

/// `Σ p pᵀ` of all projections, blocks of positions in their order.
fn scatter_of(of: &Project, columns: usize) -> Array2<f64> {
    let parts = in_parts(of.projected.len(), |_: &mut (), part| {
        let values: Vec<f64> = (of.projected[part].values.iter())
            .map(|v| f64::from(*v))
            .collect();
        let rows = ArrayView2::from_shape((values.len() / columns.max(1), columns), &values);
        rows.map(|rows| rows.t().dot(&rows))
            .unwrap_or_else(|_| Array2::zeros((columns, columns)))
    });
    let mut sum = Array2::zeros((columns, columns));
    parts.iter().for_each(|part| sum += part);
    sum
}
