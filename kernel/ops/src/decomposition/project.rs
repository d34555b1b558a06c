//! A pass that projects every frame on a few directions: the scores of a position, and of a sketch what the next directions are
//! made of.

use std::any::Any;
use std::sync::Arc;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};
use signal::{
    CancelToken, Finished, HeapBytes, Inputs, NavigationIndex, OperationError, Positions,
    Preparation, Prepare,
};

use super::loops::squares;
use super::model::{Decomposition, Method};
use super::rows::{Holes, Row, Rows};
use super::sketch;
use super::svd::Asked;
use crate::math::linear::add_product_over_rows;

/// What frames are projected on.
pub(super) struct Directions {
    /// One column each, of length 1 in the space of scaled pixels; zeros at pixels that are left out.
    pub columns: Array2<f32>,
    /// What a pixel is multiplied by; 0: it is left out.
    pub scale: Vec<f32>,
    /// Of rows.
    pub mean: Vec<f64>,
    pub holes: Holes,
    /// The pass over the scan that projects, from 1.
    pub pass: usize,
    /// Eigenvalues of the directions, their errors, and the sum of all there are; `None` while directions are being found.
    pub known: Option<(Vec<f64>, Vec<f64>, f64)>,
    pub method: Method,
}

impl Directions {
    /// A number near the mean is subtracted of each pixel first, so that what varies keeps its digits.
    fn middle(&self, pixel: usize) -> f32 {
        self.mean.get(pixel).map_or(0.0, |mean| *mean as f32)
    }

    /// What is to be added to a scaled pixel to which that was done.
    pub fn base(&self, asked: &Asked) -> Vec<f64> {
        (self.scale.iter().enumerate())
            .map(|(pixel, scale)| {
                let mean = self.mean.get(pixel).copied().unwrap_or(0.0);
                let subtracted = if asked.subtracts_mean() { mean } else { 0.0 };
                (f64::from(self.middle(pixel)) - subtracted) * f64::from(*scale)
            })
            .collect()
    }

    /// The projections of that.
    fn offsets(&self, asked: &Asked) -> Vec<f64> {
        let mut offsets = vec![0.0; self.columns.ncols()];
        for (base, row) in self.base(asked).iter().zip(self.columns.rows()) {
            for (offset, value) in offsets.iter_mut().zip(row) {
                *offset += base * f64::from(*value);
            }
        }
        offsets
    }
}

impl HeapBytes for Directions {
    fn heap_bytes(&self) -> usize {
        self.columns.len() * size_of::<f32>()
            + self.scale.heap_bytes()
            + self.mean.heap_bytes()
            + self.holes.heap_bytes()
    }
}

/// A row, and where it belongs.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// C order in the scan.
    pub flat: usize,
    pub scale: f32,
    pub level: f32,
}

/// Projections of some positions.
pub(super) struct Projected {
    pub places: Box<[Place]>,
    /// A number per direction for each.
    pub values: Vec<f32>,
}

pub(super) struct Project {
    pub asked: Arc<Asked>,
    pub directions: Arc<Directions>,
    offsets: Arc<Vec<f64>>,
    rows: Rows,
    places: Vec<Place>,
    pub projected: Vec<Projected>,
    /// Of a sketch: `Σ x · projection`, without the offsets of `x`.
    pub products: Option<Array2<f32>>,
    /// `Σ projection`, and `Σ |x|²`.
    pub sums: Vec<f64>,
    pub squares: f64,
    pub positions_left_out: usize,
}

impl Project {
    pub fn new(asked: Arc<Asked>, directions: Arc<Directions>) -> Self {
        let offsets = Arc::new(directions.offsets(&asked));
        Project::empty(&asked, &directions, &offsets)
    }

    fn empty(asked: &Arc<Asked>, directions: &Arc<Directions>, offsets: &Arc<Vec<f64>>) -> Self {
        Project {
            asked: asked.clone(),
            directions: directions.clone(),
            offsets: offsets.clone(),
            rows: Rows::default(),
            places: Vec::new(),
            projected: Vec::new(),
            products: None,
            sums: Vec::new(),
            squares: 0.0,
            positions_left_out: 0,
        }
    }

    fn is_sketch(&self) -> bool {
        self.directions.known.is_none()
    }

    /// Rows are worked on when so many wait: what is made of them takes no more memory than they do.
    fn least(&self) -> usize {
        match self.is_sketch() {
            true => (2 * self.directions.columns.ncols()).max(64),
            false => 1,
        }
    }

    fn absorb(&mut self, least: usize) {
        if self.rows.len() < least.max(1) {
            return;
        }
        let pixels = self.asked.kind.pixels;
        let directions = self.directions.clone();
        let middles: Vec<f32> = (0..pixels).map(|pixel| directions.middle(pixel)).collect();
        let mut block = Vec::with_capacity(self.rows.len() * pixels);
        for row in self.rows.each(pixels) {
            let about = row.iter().zip(&middles).zip(&directions.scale);
            block.extend(about.map(|((value, middle), scale)| (value - middle) * scale));
        }
        let count = self.rows.len();
        self.rows.clear();
        let rows = ArrayView2::from_shape((count, pixels), &block).expect("whole rows");
        let columns = directions.columns.ncols();
        let mut values = Array2::<f32>::zeros((count, columns));
        if columns > 0 {
            general_mat_mul(1.0, &rows, &directions.columns, 0.0, &mut values);
        }
        for mut row in values.rows_mut() {
            for (value, offset) in row.iter_mut().zip(&*self.offsets) {
                *value = (f64::from(*value) + offset) as f32;
            }
        }
        if self.is_sketch() {
            let products = (self.products).get_or_insert_with(|| Array2::zeros((pixels, columns)));
            add_product_over_rows(rows, values.view(), products);
            self.sums.resize(columns, 0.0);
            for row in values.rows() {
                (self.sums.iter_mut().zip(row)).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            self.squares += squares(&block);
        }
        self.projected.push(Projected {
            places: std::mem::take(&mut self.places).into_boxed_slice(),
            values: values.into_raw_vec_and_offset().0,
        });
    }

    /// How many positions there are.
    pub fn count(&self) -> usize {
        self.projected.iter().map(|some| some.places.len()).sum()
    }
}

impl Prepare<Decomposition> for Project {
    fn add(
        &mut self,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        cancel.check()?;
        // What has no value was found before.
        let holes = &mut Holes::default();
        match (self.asked.kind).take(inputs.frame()?, &mut self.rows, holes)? {
            Row::Empty => self.positions_left_out += 1,
            Row::Taken { scale, level } => self.places.push(Place {
                flat: at.flat(&self.asked.shape),
                scale,
                level,
            }),
        }
        // In a preparation without parts nothing is merged.
        self.absorb(
            self.least()
                .max(4096usize.min((64 << 20) / (4 * self.asked.kind.pixels))),
        );
        Ok(())
    }

    fn finish(&mut self, cancel: &CancelToken) -> Result<Finished<Decomposition>, OperationError> {
        self.absorb(1);
        let directions = self.directions.clone();
        let Some((values, errors, total)) = &directions.known else {
            return Ok(match sketch::conclude(self, cancel)? {
                sketch::Next::Model(model) => Finished::Done(model),
                sketch::Next::Directions(next) => {
                    let left = self.asked.passes + 1 - next.pass;
                    let next = Project::new(self.asked.clone(), Arc::new(next));
                    Finished::Again(Preparation::new(Positions::All, next).with_passes(left))
                }
            });
        };
        let turn = Array2::eye(directions.columns.ncols());
        let (values, errors) = (values.clone(), errors.clone());
        let model = self.model(&turn, &directions.columns, values, errors, *total);
        Ok(Finished::Done(model))
    }

    fn heap_bytes(&self) -> usize {
        let projected = (self.projected.iter())
            .map(|some| some.values.heap_bytes() + size_of_val(&*some.places));
        let products = self
            .products
            .as_ref()
            .map_or(0, |all| all.len() * size_of::<f32>());
        self.rows.heap_bytes() + self.places.heap_bytes() + projected.sum::<usize>() + products
    }

    fn finish_bytes(&self) -> usize {
        let Asked {
            kind,
            shape,
            components,
            ..
        } = &*self.asked;
        let positions: usize = shape.iter().product();
        let model = (kind.pixels + positions) * (components + 1) * size_of::<f32>();
        let columns = self.directions.columns.ncols();
        let solving = match self.is_sketch() {
            true => 4 * kind.pixels * columns * size_of::<f64>(),
            false => 0,
        };
        model + solving + self.directions.heap_bytes()
    }

    fn fork(&self) -> Option<Box<dyn Prepare<Decomposition>>> {
        Some(Box::new(Project::empty(
            &self.asked,
            &self.directions,
            &self.offsets,
        )))
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn merge(&mut self, later: &mut dyn Any) {
        let Some(later) = later.downcast_mut::<Project>() else {
            return;
        };
        self.positions_left_out += later.positions_left_out;
        if !later.projected.is_empty() || !self.is_sketch() {
            self.absorb(1);
            if !self.is_sketch() {
                later.absorb(1);
            }
            self.projected.append(&mut later.projected);
            match (&mut self.products, later.products.take()) {
                (Some(own), Some(later)) => *own += &later,
                (own, later) => *own = own.take().or(later),
            }
            super::gram::add_totals(&mut self.sums, &later.sums);
            self.squares += later.squares;
        }
        self.rows.append(&mut later.rows);
        self.places.append(&mut later.places);
        self.absorb(self.least());
    }
}
