//! Keeps what is brighter than its surroundings and subtracts a wide Gaussian average.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → counts as `f32`.
//! `b1 = G(min_sigma) * I`, `b2 = G(max_sigma) * I`; result = `(b1 > b2 ? I : 0) - b2`. Gaussians are sampled,
//! cut at 4 sigma, normalised, half-sample reflected at the edges (`c b a | a b c`). NaN pixels have weight 0
//! and stay NaN. Frame-local; per frame O(P) for a wide Gaussian
//! (a few cosines, see `math/gaussian/smooth.rs`), O(P · sigma) for a narrow one.
//! Reference: pyxem `subtract_diffraction_background(method="difference of gaussians")`.

use std::cell::RefCell;

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, parameters,
};

use crate::math::Grid;
use crate::math::gaussian::Blur;
use crate::shape_cache::ShapeCache;
use crate::{background, inputs};
use signal::simd::{Vectorised, vectorised};

parameters! {
    /// Subtracts a wide Gaussian average and keeps only what stands out of it.
    pub struct DifferenceOfGaussians {
        /// Standard deviation of the narrow Gaussian, about the size of a disk's edge.
        pub min_sigma: f64 = 1.0, range (0.3, 20.0), units "px";
        /// Standard deviation of the wide Gaussian, about three disk radii or more.
        pub max_sigma: f64 = 55.0, range (1.0, 300.0), units "px";
        /// Set negative results to 0.
        pub clip: bool = true;
    }
}

#[derive(Default)]
pub struct SubtractDifferenceOfGaussians {
    blurs: ShapeCache<(Blur, Blur)>,
}

impl Operation for SubtractDifferenceOfGaussians {
    type Params = DifferenceOfGaussians;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "difference_of_gaussians",
        method: "subtract_background",
        parameters_type: "DifferenceOfGaussians",
        title: "Subtract difference of Gaussians",
        summary: "Removes a smooth background of any shape; keeps disks and spots.",
        category: Category::Background,
        reference: "pyxem, Diffraction2D.subtract_diffraction_background, doi:10.5281/zenodo.2649351",
    };

    const REVISION: u32 = 2;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &DifferenceOfGaussians,
    ) -> Result<SignalMeta, NotApplicable> {
        if params.max_sigma <= params.min_sigma {
            return Err(inputs::refuse(
                format!(
                    "max_sigma = {} px is not larger than min_sigma = {} px",
                    params.max_sigma, params.min_sigma
                ),
                "a max_sigma larger than min_sigma",
            ));
        }
        background::describe(inputs)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &DifferenceOfGaussians,
        _prepared: Option<&()>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let (rows, columns) = inputs::frame_rows_columns(frame)?;
        let blurs = self.blurs.get((rows, columns), || {
            let blur = |sigma| Blur::new(rows, columns, sigma, 4.0);
            (blur(params.min_sigma), blur(params.max_sigma))
        });
        let image = frame.to_f32();
        let pixels = if frame.element().is_float() && image.iter().any(|pixel| !pixel.is_finite()) {
            around_holes(&inputs::grid(frame)?.to_f32(), &blurs, cancel)?
        } else {
            complete(&image, &blurs, cancel)?
        };
        background::subtracted(frame.shape(), pixels, params.clip)
    }
}

thread_local! {
    /// The narrow average, kept from frame to frame.
    static NARROW: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A frame where every pixel has a value.
fn complete(
    image: &[f32],
    (narrow, wide): &(Blur, Blur),
    cancel: &CancelToken,
) -> Result<Vec<f32>, OperationError> {
    NARROW.with_borrow_mut(|narrow_average| {
        narrow_average.resize(image.len(), 0.0);
        narrow.apply_into(image, narrow_average);
        cancel.check()?;
        let mut pixels = vec![0.0; image.len()];
        wide.apply_into(image, &mut pixels);
        vectorised(Subtract {
            image,
            narrow: narrow_average,
            wide: &mut pixels,
        });
        Ok(pixels)
    })
}

/// Turns the wide average into the result.
struct Subtract<'a> {
    image: &'a [f32],
    narrow: &'a [f32],
    wide: &'a mut [f32],
}

impl Vectorised for Subtract<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (wide, (narrow, pixel)) in self.wide.iter_mut().zip(self.narrow.iter().zip(self.image))
        {
            let kept = if *narrow > *wide { *pixel } else { 0.0 };
            *wide = kept - *wide;
        }
    }
}

/// A frame with pixels that have no value; they stay so.
fn around_holes(
    grid: &Grid<f32>,
    (narrow, wide): &(Blur, Blur),
    cancel: &CancelToken,
) -> Result<Vec<f32>, OperationError> {
    let narrow = narrow.apply(grid);
    cancel.check()?;
    let wide = wide.apply(grid);
    Ok(grid
        .values
        .iter()
        .zip(narrow.values.iter().zip(&wide.values))
        .map(|(pixel, (narrow, wide))| match pixel.is_nan() {
            true => f32::NAN,
            false if narrow > wide => pixel - wide,
            false => -wide,
        })
        .collect())
}
