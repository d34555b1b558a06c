//! Sums or averages each frame over a virtual detector: a disk, an annulus, a rectangle or another [`Shape`].
//!
//! `(ny, nx | ky, kx) → (ny, nx)`, counts → counts. `V = Σ I` over the pixels whose centres lie inside, divided by
//! their number for the mean. Inside: disk `d² ≤ r²`; annulus `r_i² < d² ≤ r_o²` (so disk(r_i) + annulus = disk(r_o);
//! `r_i = 0` includes the centre); rectangle `y0 ≤ ky < y0 + height`, the same in x. NaN and infinite pixels are left
//! out; without a valid pixel inside the result is NaN. Integers are summed exactly. Frame-local, O(pixels inside).
//! Reference: Clausen et al. (LiberTEM), doi:10.21105/joss.02006.

use std::marker::PhantomData;
use std::sync::Arc;

use signal::{
    CancelToken, Category, Component, Detector, DetectorStatistic, Display, Inputs,
    NavigationIndex, NotApplicable, Operation, OperationError, OperationInfo, Outline, Output,
    Parameters, SignalMeta, choices, parameters,
};

use crate::inputs;
use crate::shape_cache::ShapeCache;

choices! {
    /// How the pixels inside a virtual detector are combined.
    pub enum Statistic {
        /// Total counts.
        Sum = "sum",
        /// Counts per valid pixel.
        Mean = "mean",
    }
}

impl Statistic {
    pub fn measure(self) -> DetectorStatistic {
        match self {
            Statistic::Sum => DetectorStatistic::Sum,
            Statistic::Mean => DetectorStatistic::Mean,
        }
    }
}

parameters! {
    /// A virtual detector in the shape of a disk.
    pub struct Disk {
        /// Centre (row, column). Left out: the middle of the frame.
        pub centre: Option<[f64; 2]> = None, units "px";
        /// Radius of the disk.
        pub radius: f64 = 8.0, range (0.0, 100000.0), units "px";
        /// Total or average.
        pub statistic: Statistic = Statistic::Sum;
    }
}

parameters! {
    /// A virtual detector in the shape of a ring.
    pub struct Annulus {
        /// Centre (row, column). Left out: the middle of the frame.
        pub centre: Option<[f64; 2]> = None, units "px";
        /// Inner radius, exclusive; 0 includes the centre.
        pub inner_radius: f64 = 12.0, range (0.0, 100000.0), units "px";
        /// Outer radius, inclusive.
        pub outer_radius: f64 = 32.0, range (0.0, 100000.0), units "px";
        /// Total or average.
        pub statistic: Statistic = Statistic::Sum;
    }
}

parameters! {
    /// A virtual detector in the shape of a rectangle.
    pub struct Rectangle {
        /// First row and column inside. Left out: the rectangle is in the middle of the frame.
        pub corner: Option<[f64; 2]> = None, units "px";
        /// Extent along the rows' axis ky.
        pub height: f64 = 16.0, range (1.0, 100000.0), units "px";
        /// Extent along the columns' axis kx.
        pub width: f64 = 16.0, range (1.0, 100000.0), units "px";
        /// Total or average.
        pub statistic: Statistic = Statistic::Sum;
    }
}

/// Flat places of the pixels inside, in C order.
fn pixels_inside((rows, columns): (usize, usize), inside: impl Fn(f64, f64) -> bool) -> Vec<u32> {
    let mut places = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            if inside(row as f64, column as f64) {
                places.push((row * columns + column) as u32);
            }
        }
    }
    places
}

pub fn middle((rows, columns): (usize, usize)) -> [f64; 2] {
    [(rows / 2) as f64, (columns / 2) as f64]
}

fn ring(shape: (usize, usize), centre: Option<[f64; 2]>, inner: f64, outer: f64) -> Vec<u32> {
    let [cy, cx] = centre.unwrap_or(middle(shape));
    // No squared distance is below 0, so a negative bound includes the centre.
    let low = if inner > 0.0 { inner * inner } else { -1.0 };
    pixels_inside(shape, |ky, kx| {
        let squared = (ky - cy).powi(2) + (kx - cx).powi(2);
        low < squared && squared <= outer * outer
    })
}

/// A virtual detector over patterns: they differ in their geometry only.
pub trait Shape: Parameters {
    const INFO: OperationInfo;
    const OUTLINE: Outline;
    /// What it is called, with its article.
    const NOUN: [&'static str; 2];
    fn statistic(&self) -> Statistic;
    /// # Errors
    /// Parameters that do not go together, and those that were meant.
    fn fits(&self) -> Result<(), NotApplicable> {
        Ok(())
    }
    /// Flat places of the pixels inside, in C order.
    fn places(&self, shape: (usize, usize)) -> Vec<u32>;
}

/// Names of a virtual detector.
pub const fn info(
    name: &'static str,
    parameters_type: &'static str,
    title: &'static str,
    summary: &'static str,
) -> OperationInfo {
    OperationInfo {
        name,
        method: "virtual_image",
        parameters_type,
        title,
        summary,
        category: Category::Detectors,
        reference: "Clausen et al. (LiberTEM), doi:10.21105/joss.02006",
    }
}

#[derive(Default)]
pub struct MeasureInside<S> {
    cache: ShapeCache<Detector>,
    shape: PhantomData<fn() -> S>,
}

pub type MeasureDisk = MeasureInside<Disk>;
pub type MeasureAnnulus = MeasureInside<Annulus>;
pub type MeasureRectangle = MeasureInside<Rectangle>;

impl<S: Shape> MeasureInside<S> {
    fn of_shape(&self, shape: (usize, usize), params: &S) -> Arc<Detector> {
        self.cache.get(shape, || {
            let measure = params.statistic().measure();
            Detector::from_places(&params.places(shape), shape.1 as u32, measure)
        })
    }
}

impl<S: Shape> Operation for MeasureInside<S> {
    type Params = S;
    type Prepared = ();
    const INFO: OperationInfo = S::INFO;
    const OUTLINE: Option<Outline> = Some(S::OUTLINE);
    const WITHOUT_VALUE: &'static str = "no pixel of the detector has one";
    const REVISION: u32 = 4;

    fn describe(&self, inputs: &[&SignalMeta], params: &S) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images(inputs)?;
        let (rows, columns) = inputs::frame_shape(input);
        params.fits()?;
        if self.of_shape((rows, columns), params).runs.is_empty() {
            let [article, noun] = S::NOUN;
            return Err(inputs::refuse(
                format!("the {noun} covers no pixel of the frame of {rows} x {columns} px"),
                format!("{article} {noun} that covers at least one pixel"),
            ));
        }
        let component = Component::new(
            "intensity",
            "Virtual image",
            &input.value_units,
            Display::Sequential,
        );
        Ok(input.to_map(vec![component]))
    }

    fn detector(&self, inputs: &[&SignalMeta], params: &S) -> Option<Detector> {
        let shape = inputs::frame_shape(inputs::images(inputs).ok()?);
        Some((*self.of_shape(shape, params)).clone())
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &S,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let mut values = [f32::NAN];
        self.of_shape(frame.rows_columns(), params)
            .measure(frame, &mut values);
        Ok(Output::Values(values.into()))
    }
}

impl Shape for Disk {
    const INFO: OperationInfo = info(
        "virtual_disk",
        "Disk",
        "Virtual disk",
        "Image of the scan from the counts inside a disk: bright field, or one Bragg disk.",
    );
    const OUTLINE: Outline = Outline::Disk {
        centre: "centre",
        radius: "radius",
    };
    const NOUN: [&'static str; 2] = ["a", "disk"];

    fn statistic(&self) -> Statistic {
        self.statistic
    }

    fn places(&self, shape: (usize, usize)) -> Vec<u32> {
        ring(shape, self.centre, 0.0, self.radius)
    }
}

impl Shape for Annulus {
    const INFO: OperationInfo = info(
        "virtual_annulus",
        "Annulus",
        "Virtual annulus",
        "Image of the scan from the counts inside a ring: annular dark field.",
    );
    const OUTLINE: Outline = Outline::Annulus {
        centre: "centre",
        inner_radius: "inner_radius",
        outer_radius: "outer_radius",
    };
    const NOUN: [&'static str; 2] = ["an", "annulus"];

    fn statistic(&self) -> Statistic {
        self.statistic
    }

    /// A ring whose hole is larger than itself is one whose radii were given in the other order.
    fn fits(&self) -> Result<(), NotApplicable> {
        let (inner, outer) = (self.inner_radius, self.outer_radius);
        if inner <= outer {
            return Ok(());
        }
        Err(inputs::refuse(
            format!("inner_radius = {inner:?} px is larger than outer_radius = {outer:?} px"),
            format!(
                "`Annulus {{ inner_radius: {outer:?}, outer_radius: {inner:?}, ..default() }}`"
            ),
        ))
    }

    fn places(&self, shape: (usize, usize)) -> Vec<u32> {
        ring(shape, self.centre, self.inner_radius, self.outer_radius)
    }
}

impl Shape for Rectangle {
    const INFO: OperationInfo = info(
        "virtual_rectangle",
        "Rectangle",
        "Virtual rectangle",
        "Image of the scan from the counts inside a rectangle.",
    );
    const OUTLINE: Outline = Outline::Rectangle {
        corner: "corner",
        height: "height",
        width: "width",
    };
    const NOUN: [&'static str; 2] = ["a", "rectangle"];

    fn statistic(&self) -> Statistic {
        self.statistic
    }

    fn places(&self, shape: (usize, usize)) -> Vec<u32> {
        let [my, mx] = middle(shape);
        let [y0, x0] = self.corner.unwrap_or([
            my - (self.height / 2.0).floor(),
            mx - (self.width / 2.0).floor(),
        ]);
        pixels_inside(shape, |ky, kx| {
            (y0..y0 + self.height).contains(&ky) && (x0..x0 + self.width).contains(&kx)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_counts() {
        let shape = (40, 33);
        let centre = Some([20.0, 15.0]);
        assert_eq!(ring(shape, centre, 0.0, 3.0).len(), 29);
        let (inner, outer) = (ring(shape, centre, 0.0, 4.5), ring(shape, centre, 0.0, 9.0));
        assert_eq!(
            inner.len() + ring(shape, centre, 4.5, 9.0).len(),
            outer.len()
        );
    }
}
