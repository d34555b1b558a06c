//! Sums or averages each frame over a virtual detector: a disk, an annulus or a rectangle.
//!
//! `(ny, nx | ky, kx) → (ny, nx)`, counts → counts. `V = Σ I` over the pixels whose centres lie inside, divided by
//! their number for the mean. Inside: disk `d² ≤ r²`; annulus `r_i² < d² ≤ r_o²` (so disk(r_i) + annulus = disk(r_o);
//! `r_i = 0` includes the centre); rectangle `y0 ≤ ky < y0 + height`, the same in x. NaN and infinite pixels are left
//! out; without a valid pixel inside the result is NaN. Integers are summed exactly. Frame-local, O(pixels inside).
//! Reference: Clausen et al. (LiberTEM), doi:10.21105/joss.02006.

use signal::{
    CancelToken, Component, Detector, Display, Inputs, Measure, NavigationIndex, NotApplicable,
    Operation, OperationError, OperationInfo, Outline, Output, SignalMeta, choices, parameters,
};

use crate::accept;
use crate::plan::Plan;

choices! {
    /// How the pixels inside a virtual detector are combined.
    pub enum Statistic {
        /// Total counts.
        Sum = "sum",
        /// Counts per valid pixel.
        Mean = "mean",
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

fn middle((rows, columns): (usize, usize)) -> [f64; 2] {
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

fn describe(
    inputs: &[&SignalMeta],
    places: usize,
    what: &str,
) -> Result<SignalMeta, NotApplicable> {
    let input = accept::images(inputs)?;
    if places == 0 {
        let (rows, columns) = accept::frame_shape(input);
        let article = if what.starts_with('a') { "an" } else { "a" };
        return Err(accept::refuse(
            format!("the {what} covers no pixel of the frame of {rows} x {columns} px"),
            format!("{article} {what} that covers at least one pixel"),
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

/// A ring whose hole is larger than itself is one whose radii were given in the other order.
fn radii(params: &Annulus) -> Result<(), NotApplicable> {
    let (inner, outer) = (params.inner_radius, params.outer_radius);
    if inner <= outer {
        return Ok(());
    }
    Err(accept::refuse(
        format!("inner_radius = {inner:?} px is larger than outer_radius = {outer:?} px"),
        format!("`Annulus {{ inner_radius: {outer:?}, outer_radius: {inner:?}, ..default() }}`"),
    ))
}

/// The three detectors differ in their geometry only.
macro_rules! virtual_detector {
    ($Operation:ident, $Params:ident, $name:literal, $noun:literal, $title:literal, $summary:literal, $outline:expr, $fits:expr, $places:expr) => {
        #[derive(Default)]
        pub struct $Operation {
            plan: Plan<Detector>,
        }

        impl $Operation {
            fn plan(&self, shape: (usize, usize), params: &$Params) -> std::sync::Arc<Detector> {
                let places: fn((usize, usize), &$Params) -> Vec<u32> = $places;
                self.plan.get(shape, || {
                    let measure = match params.statistic {
                        Statistic::Sum => Measure::Sum,
                        Statistic::Mean => Measure::Mean,
                    };
                    Detector::from_places(&places(shape, params), shape.1 as u32, measure)
                })
            }
        }

        impl Operation for $Operation {
            type Params = $Params;
            type Prepared = ();
            const INFO: OperationInfo = OperationInfo {
                name: $name,
                method: "virtual_image",
                parameters_type: stringify!($Params),
                title: $title,
                summary: $summary,
                category: "Virtual detectors",
                reference: "Clausen et al. (LiberTEM), doi:10.21105/joss.02006",
            };
            const OUTLINE: Option<Outline> = Some($outline);
            const WITHOUT_VALUE: &'static str = "no pixel of the detector has one";
            const REVISION: u32 = 3;

            fn describe(
                &self,
                inputs: &[&SignalMeta],
                params: &$Params,
            ) -> Result<SignalMeta, NotApplicable> {
                let shape = accept::frame_shape(accept::images(inputs)?);
                let fits: fn(&$Params) -> Result<(), NotApplicable> = $fits;
                fits(params)?;
                describe(inputs, self.plan(shape, params).pixels(), $noun)
            }

            fn detector(&self, inputs: &[&SignalMeta], params: &$Params) -> Option<Detector> {
                let shape = accept::frame_shape(accept::images(inputs).ok()?);
                Some((*self.plan(shape, params)).clone())
            }

            fn compute(
                &self,
                inputs: &Inputs<'_>,
                _at: NavigationIndex,
                params: &$Params,
                _prepared: Option<&()>,
                _cancel: &CancelToken,
            ) -> Result<Output, OperationError> {
                let frame = inputs.frame()?;
                let mut values = [f32::NAN];
                self.plan(frame.rows_columns(), params)
                    .measure(frame, &mut values);
                Ok(Output::Values(values.into()))
            }
        }
    };
}

virtual_detector!(
    MeasureDisk,
    Disk,
    "virtual_disk",
    "disk",
    "Virtual disk",
    "Image of the scan from the counts inside a disk: bright field, or one Bragg disk.",
    Outline::Disk {
        centre: "centre",
        radius: "radius"
    },
    |_| Ok(()),
    |shape, params| ring(shape, params.centre, 0.0, params.radius)
);

virtual_detector!(
    MeasureAnnulus,
    Annulus,
    "virtual_annulus",
    "annulus",
    "Virtual annulus",
    "Image of the scan from the counts inside a ring: annular dark field.",
    Outline::Annulus {
        centre: "centre",
        inner_radius: "inner_radius",
        outer_radius: "outer_radius"
    },
    radii,
    |shape, params| ring(
        shape,
        params.centre,
        params.inner_radius,
        params.outer_radius
    )
);

virtual_detector!(
    MeasureRectangle,
    Rectangle,
    "virtual_rectangle",
    "rectangle",
    "Virtual rectangle",
    "Image of the scan from the counts inside a rectangle.",
    Outline::Rectangle {
        corner: "corner",
        height: "height",
        width: "width"
    },
    |_| Ok(()),
    |shape, params| {
        let [my, mx] = middle(shape);
        let [y0, x0] = params.corner.unwrap_or([
            my - (params.height / 2.0).floor(),
            mx - (params.width / 2.0).floor(),
        ]);
        pixels_inside(shape, |ky, kx| {
            (y0..y0 + params.height).contains(&ky) && (x0..x0 + params.width).contains(&kx)
        })
    }
);

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
