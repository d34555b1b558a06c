//! Sums or averages each frame over a virtual detector: a disk, an annulus or a rectangle.
//!
//! `(ny, nx | ky, kx) → (ny, nx)`, counts → counts. `V = Σ I` over the pixels whose centres lie inside, divided by
//! their number for the mean. Inside: disk `d² ≤ r²`; annulus `r_i² < d² ≤ r_o²` (so disk(r_i) + annulus = disk(r_o);
//! `r_i = 0` includes the centre); rectangle `y0 ≤ ky < y0 + height`, the same in x. NaN pixels are left out; without
//! a valid pixel inside the result is NaN. Integers are summed exactly. Frame-local, O(pixels inside).
//! Reference: Clausen et al. (LiberTEM), doi:10.21105/joss.02006.

use signal::{
    CancelToken, Component, ElementType, Frame, Inputs, NavigationIndex, NotApplicable, Operation,
    OperationError, OperationInfo, Output, SignalMeta, choices, for_pixels, parameters,
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

/// Sum and number of the valid pixels at `places`.
// One arm of the macro converts i64 to itself.
#[allow(clippy::unnecessary_cast)]
fn sum(frame: &Frame, places: &[u32]) -> (f64, usize) {
    if frame.element().is_float() {
        return for_pixels!(frame, |pixels| places.iter().fold(
            (0.0, 0),
            |(sum, n), at| {
                match signal::Element::to_f64(pixels[*at as usize]) {
                    value if value.is_finite() => (sum + value, n + 1),
                    _ => (sum, n),
                }
            }
        ));
    }
    let total: i128 = match frame.element() {
        // A u64 does not fit the signed sum the others share.
        ElementType::U64 => frame.pixels::<u64>().map_or(0, |pixels| {
            places
                .iter()
                .map(|at| i128::from(pixels[*at as usize]))
                .sum()
        }),
        _ => i128::from(for_pixels!(frame, |pixels| places
            .iter()
            .map(|at| pixels[*at as usize] as i64)
            .sum::<i64>())),
    };
    (total as f64, places.len())
}

fn describe(
    inputs: &[&SignalMeta],
    places: usize,
    what: &str,
) -> Result<SignalMeta, NotApplicable> {
    let input = accept::images(inputs)?;
    if places == 0 {
        let (rows, columns) = accept::frame_shape(input);
        return Err(accept::refuse(
            format!("the {what} covers no pixel of the frame of {rows} x {columns} px"),
            format!("a {what} that covers at least one pixel"),
        ));
    }
    let component = Component::new("intensity", "Virtual image", &input.value_units, false);
    Ok(input.to_map(vec![component]))
}

fn measure(
    inputs: &Inputs<'_>,
    places: &[u32],
    statistic: Statistic,
) -> Result<Output, OperationError> {
    let frame = inputs.frame()?;
    let (sum, count) = sum(frame, places);
    let value = match statistic {
        _ if count == 0 => f64::NAN,
        Statistic::Sum => sum,
        Statistic::Mean => sum / count as f64,
    };
    Ok(Output::Values([value as f32].into()))
}

/// The three detectors differ in their geometry only.
macro_rules! virtual_detector {
    ($Operation:ident, $Params:ident, $name:literal, $noun:literal, $title:literal, $summary:literal, $places:expr) => {
        #[derive(Default)]
        pub struct $Operation {
            places: Plan<Vec<u32>>,
        }

        impl $Operation {
            fn places(&self, shape: (usize, usize), params: &$Params) -> std::sync::Arc<Vec<u32>> {
                let places: fn((usize, usize), &$Params) -> Vec<u32> = $places;
                self.places.get(shape, || places(shape, params))
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

            fn describe(
                &self,
                inputs: &[&SignalMeta],
                params: &$Params,
            ) -> Result<SignalMeta, NotApplicable> {
                let shape = accept::frame_shape(accept::images(inputs)?);
                describe(inputs, self.places(shape, params).len(), $noun)
            }

            fn compute(
                &self,
                inputs: &Inputs<'_>,
                _at: NavigationIndex,
                params: &$Params,
                _prepared: Option<&()>,
                _cancel: &CancelToken,
            ) -> Result<Output, OperationError> {
                let shape = inputs.frame()?.rows_columns();
                measure(inputs, &self.places(shape, params), params.statistic)
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
    |shape, params| ring(shape, params.centre, 0.0, params.radius)
);

virtual_detector!(
    MeasureAnnulus,
    Annulus,
    "virtual_annulus",
    "annulus",
    "Virtual annulus",
    "Image of the scan from the counts inside a ring: annular dark field.",
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

    #[test]
    fn integers_are_summed_exactly_and_invalid_pixels_left_out() {
        let big = Frame::from_vec(&[1, 3], vec![u64::MAX, 1, 1]).unwrap();
        assert_eq!(sum(&big, &[0, 1]).0, 2f64.powi(64));
        let full = Frame::from_vec(&[1, 3], vec![u16::MAX; 3]).unwrap();
        assert_eq!(sum(&full, &[0, 1, 2]), (196605.0, 3));
        let holed = Frame::from_vec(&[1, 3], vec![1.0f32, f32::NAN, f32::INFINITY]).unwrap();
        assert_eq!(sum(&holed, &[0, 1, 2]), (1.0, 1));
    }
}
