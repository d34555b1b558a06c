//! Moves every pattern so that its direct beam is in the middle of the frame.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → counts. `out(p) = I(p + s)`, `s = beam - c`, `c = (floor(ky / 2), floor(kx /
//! 2))`; both axes read 0 there: `offset' = - c · scale`. `bilinear` takes fractions of a pixel from the four pixels around (which
//! smooths noise a little); `whole_pixels` moves by the nearest whole number, so that every pixel keeps its counts. What comes in at the
//! border was not measured: NaN, or 0 if asked for; so is a pixel of which any part comes from there, or from a pixel that is NaN. `half_height`: the
//! centroid of what rises above half the height of the brightest disk near the middle, unbiased for disks of any radius; `com`: the centre of mass within
//! `radius`, towards the middle of which a background draws it; `blur`: the maximum of the pattern smoothed by a Gaussian, with a parabola. A pattern without a beam, where nothing stands out by ten standard errors
//! within `radius`, is NaN throughout: it is not moved to anywhere. `f32`, or `f64` where the input has more digits than `f32` holds. Frame-local, O(P).
//! Reference: pyxem `center_direct_beam`, which keeps the axes and fills with 0; for `com` Müller et al., doi:10.1038/ncomms6653.

use signal::{
    CancelToken, Category, ElementType, Frame, Inputs, NavigationIndex, NotApplicable, Operation,
    OperationError, OperationInfo, Output, SignalMeta, choices, parameters,
};

use serde_json::json;

use crate::detectors::center_of_mass::{CenterOfMass, circle};
use crate::inputs::{self, Image};
use crate::math::gaussian::Blur;
use crate::math::maxima::parabola;
use crate::math::{Grid, Real, beam_found, direct_beam, robust, shift};
use crate::shape_cache::ShapeCache;

choices! {
    /// How the direct beam is found.
    pub enum BeamMethod {
        /// Centroid of what rises above half the height of the brightest disk near the middle.
        HalfHeight = "half_height",
        /// Centre of mass.
        Com = "com",
        /// Maximum of the smoothed pattern.
        Blur = "blur",
    }
}

choices! {
    /// How a pattern is moved.
    pub enum Movement {
        /// By fractions of a pixel, between the four pixels around.
        Bilinear = "bilinear",
        /// By the nearest whole number of pixels: counts stay counts.
        WholePixels = "whole_pixels",
    }
}

choices! {
    /// What stands where nothing was measured.
    pub enum Outside {
        /// No value.
        Nan = "nan",
        /// Zero, which operations take for a count.
        Zero = "zero",
    }
}

parameters! {
    /// Moves every pattern so that its direct beam is in the middle of the frame.
    pub struct CenterDirectBeam {
        /// How the direct beam is found: the centroid above half of its height, the centre of mass, or the maximum of the
        /// smoothed pattern.
        pub method: BeamMethod = BeamMethod::HalfHeight;
        /// Where it is looked for (row, column). Left out: around the middle of the frame.
        pub centre: Option<[f64; 2]> = None, units "px";
        /// How far from there it may be. Left out: a quarter of the frame; for the centre of mass the largest circle inside the frame.
        pub radius: Option<f64> = None, range (2.0, 100000.0), units "px";
        /// Width of the smoothing, for `blur` only.
        pub sigma: f64 = 3.0, range (1.0, 10.0), units "px";
        /// How patterns are moved: between pixels, or by whole ones.
        pub movement: Movement = Movement::Bilinear;
        /// What comes in at the border: no value, or 0.
        pub outside: Outside = Outside::Nan;
    }
}

#[derive(Default)]
pub struct MoveToBeam {
    blurs: ShapeCache<Blur>,
}

impl MoveToBeam {
    /// Where the beam is; `None` where nothing stands out.
    fn beam<T: Real>(
        &self,
        frame: &Frame,
        grid: &Grid<T>,
        params: &CenterDirectBeam,
    ) -> Option<[f64; 2]> {
        let middle = params.centre.unwrap_or(grid.reference_centre());
        let quarter = (grid.rows.min(grid.columns) / 4).max(4);
        let half_width = params
            .radius
            .map_or(quarter, |radius| radius.round() as usize);
        let at = match params.method {
            BeamMethod::HalfHeight => direct_beam::find_within(grid, middle, half_width),
            BeamMethod::Com => center_of_mass(frame, params)?,
            BeamMethod::Blur => self.brightest(grid, params.sigma, middle, half_width)?,
        };
        let brightest = match params.method {
            // Between several disks there may be nothing where their mass has its centre.
            BeamMethod::Com => direct_beam::find_within(grid, middle, half_width),
            BeamMethod::HalfHeight | BeamMethod::Blur => at,
        };
        beam_found::stands_out(grid, brightest, middle, half_width).then_some(at)
    }

    fn brightest<T: Real>(
        &self,
        grid: &Grid<T>,
        sigma: f64,
        middle: [f64; 2],
        half_width: usize,
    ) -> Option<[f64; 2]> {
        let blur = self.blurs.get((grid.rows, grid.columns), || {
            Blur::new(grid.rows, grid.columns, sigma, 4.0)
        });
        let values = grid
            .values
            .iter()
            .map(|value| value.to_f64() as f32)
            .collect();
        let mut single = Grid::new(grid.rows, grid.columns, values);
        robust::leave_out_hot_pixels(&mut single);
        let smooth = blur.apply(&single);
        let near = |at: usize, middle: f64| (at as f64 - middle).abs() <= half_width as f64;
        let rows = (0..grid.rows).filter(|row| near(*row, middle[0]));
        let mut best: Option<(f32, usize, usize)> = None;
        for row in rows {
            for (column, value) in smooth.row(row).iter().enumerate() {
                if near(column, middle[1])
                    && best.is_none_or(|(most, ..)| *value > most)
                    && !value.is_nan()
                {
                    best = Some((*value, row, column));
                }
            }
        }
        let (_, row, column) = best?;
        let [down, across] = parabola(&smooth, row, column);
        Some([row as f64 + down, column as f64 + across])
    }
}

fn center_of_mass(frame: &Frame, params: &CenterDirectBeam) -> Option<[f64; 2]> {
    let (rows, columns) = frame.rows_columns();
    let of_circle = CenterOfMass {
        centre: params.centre,
        radius: params.radius,
        ..CenterOfMass::default()
    };
    let middle = params
        .centre
        .unwrap_or([(rows / 2) as f64, (columns / 2) as f64]);
    let mut found = [f32::NAN; 2];
    circle((rows, columns), &of_circle).measure(frame, &mut found);
    let [dy, dx] = found.map(f64::from);
    (dy.is_finite() && dx.is_finite()).then_some([middle[0] + dy, middle[1] + dx])
}

impl Operation for MoveToBeam {
    type Params = CenterDirectBeam;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "center_direct_beam",
        method: "center_direct_beam",
        parameters_type: "CenterDirectBeam",
        title: "Centre direct beam",
        summary: "Moves every pattern so that its direct beam is in the middle of the frame.",
        category: Category::Geometry,
        reference: "pyxem, center_direct_beam, doi:10.5281/zenodo.2649351",
    };

    const REVISION: u32 = 2;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &CenterDirectBeam,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images(inputs)?;
        inputs::even(input)?;
        let (rows, columns) = inputs::frame_shape(input);
        if let Some([y, x]) = params.centre {
            let inside = |at: f64, size: usize| (0.0..size as f64).contains(&at);
            if !inside(y, rows) || !inside(x, columns) {
                return Err(inputs::refuse(
                    format!("centre = [{y}, {x}] is outside the frame of {rows} x {columns} px"),
                    "a centre (row, column) inside the frame",
                ));
            }
        }
        let mut meta = input.clone();
        meta.element = input.element.as_float();
        for axis in &mut meta.axes.signal {
            axis.offset = -((axis.size / 2) as f64) * axis.scale;
        }
        let centre = json!([rows / 2, columns / 2]);
        meta.notes.insert("direct_beam_px".into(), centre);
        let outside = match params.outside {
            Outside::Nan => "NaN: what came in at the border, and patterns without a direct beam",
            Outside::Zero => "0: what came in at the border; NaN: patterns without a direct beam",
        };
        meta.notes.insert("outside".into(), outside.into());
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let size = inputs.first().map(|input| inputs::frame_shape(input));
        (size.into_iter())
            .map(|(rows, columns)| ("radius", rows.max(columns) as f64))
            .collect()
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &CenterDirectBeam,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let input = inputs::of_this_shape(inputs, frame)?;
        let shape = frame.shape();
        let moved = match (inputs::image(frame)?, input.element.as_float()) {
            (Image::Single(grid), ElementType::F32) => {
                let beam = self.beam(frame, &grid, params);
                Frame::from_vec(shape, centred(&*grid, beam, params))
            }
            (image, _) => {
                let beam = match &image {
                    Image::Single(grid) => self.beam(frame, grid, params),
                    Image::Double(grid) => self.beam(frame, grid, params),
                };
                Frame::from_vec(shape, centred(&inputs::grid(frame)?, beam, params))
            }
        };
        moved
            .map(Output::Frame)
            .map_err(|what| OperationError::failed(what, "report this; shapes or types disagree"))
    }
}

/// The image moved from where the beam is; without a beam nothing has a value.
fn centred<T: Real>(grid: &Grid<T>, beam: Option<[f64; 2]>, params: &CenterDirectBeam) -> Vec<T> {
    let Some([y, x]) = beam else {
        return vec![T::NAN; grid.values.len()];
    };
    let [cy, cx] = grid.reference_centre();
    let by = match params.movement {
        Movement::Bilinear => [y - cy, x - cx],
        Movement::WholePixels => [y - cy, x - cx].map(f64::round),
    };
    let outside = match params.outside {
        Outside::Nan => T::NAN,
        Outside::Zero => T::nearest(0.0),
    };
    shift::moved(grid, by, outside)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use signal::{Axes, Axis, Bound, Element, Registered};

    use super::*;

    const SIZE: [usize; 2] = [64, 51];

    fn meta(element: ElementType) -> Arc<SignalMeta> {
        let axes = Axes::new(
            vec![Axis::pixels("x", 3)],
            vec![
                Axis::new("ky", SIZE[0], 0.1, 0.7, "1/nm"),
                Axis::pixels("kx", SIZE[1]),
            ],
        );
        Arc::new(SignalMeta::frames("scan", axes, element))
    }

    fn frame<T: Element>(beam: [f64; 2], number: impl Fn(f64) -> T) -> Frame {
        let disk = |at: [f64; 2], radius: f64, height: f64, centre: [f64; 2]| {
            height * (radius + 0.5 - (at[0] - centre[0]).hypot(at[1] - centre[1])).clamp(0.0, 1.0)
        };
        let pixels = (0..SIZE[0] * SIZE[1]).map(|n| {
            let at = [(n / SIZE[1]) as f64, (n % SIZE[1]) as f64];
            let bragg = [beam[0] - 15.0, beam[1] + 9.0];
            number((4.0 + disk(at, 5.0, 300.0, beam) + disk(at, 5.0, 90.0, bragg)).round())
        });
        Frame::from_vec(&SIZE, pixels.collect()).unwrap()
    }

    fn centred(frame: &Frame, params: serde_json::Value) -> Frame {
        let bound = Bound::<MoveToBeam>::entry().bind(&params).unwrap();
        let meta = meta(frame.element());
        let described = bound.describe(&[&meta]).unwrap();
        let inputs = Inputs {
            metas: &[meta],
            outputs: &[Output::Frame(frame.clone())],
        };
        let at = NavigationIndex::new(&[0]);
        match bound
            .compute(&inputs, at, None, &CancelToken::new())
            .unwrap()
        {
            Output::Frame(frame) => {
                assert_eq!(frame.element(), described.element);
                frame
            }
            other => panic!("{other:?}"),
        }
    }

    fn found(frame: &Frame) -> [f64; 2] {
        direct_beam::find(&inputs::grid(frame).unwrap())
    }

    #[test]
    fn the_beam_is_in_the_middle_whatever_finds_it() {
        for beam in [[35.4, 21.8], [28.75, 29.2], [32.0, 25.0]] {
            let frame = frame(beam, |value| value as u16);
            for (params, most) in [
                (json!({}), 0.1),
                (json!({"method": "blur", "sigma": 2.0}), 0.3),
                (
                    json!({"method": "com", "centre": [32, 25], "radius": 12}),
                    2.0,
                ),
                (json!({"movement": "whole_pixels"}), 0.75),
            ] {
                let [y, x] = found(&centred(&frame, params.clone()));
                let off = (y - 32.0).hypot(x - 25.0);
                assert!(off < most, "{beam:?} {params}: ({y}, {x})");
            }
        }
    }

    #[test]
    fn whole_pixels_keep_their_counts_and_the_border_has_no_value() {
        let frame = frame([35.4, 21.8], |value| value as u16);
        let moved = centred(&frame, json!({"movement": "whole_pixels"}));
        // By 3 rows down there, 3 columns to the left.
        for row in 0..SIZE[0] {
            for column in 0..SIZE[1] {
                let value = moved.value(row * SIZE[1] + column);
                match (row + 3 < SIZE[0], column.checked_sub(3)) {
                    (true, Some(from)) => {
                        assert_eq!(value, frame.value((row + 3) * SIZE[1] + from));
                    }
                    _ => assert!(value.is_nan()),
                }
            }
        }
        let zero = centred(
            &frame,
            json!({"movement": "whole_pixels", "outside": "zero"}),
        );
        assert_eq!(zero.value(0), 0.0);
        let wide = centred(
            &super::tests::frame([32.0, 25.0], |value| value as u32),
            json!({}),
        );
        assert_eq!(wide.element(), ElementType::F64);
    }

    #[test]
    fn a_pattern_without_a_beam_is_marked() {
        for value in [0.0f32, 7.0, f32::NAN] {
            let flat = Frame::from_vec(&SIZE, vec![value; SIZE[0] * SIZE[1]]).unwrap();
            for method in ["half_height", "com", "blur"] {
                let moved = centred(&flat, json!({"method": method, "outside": "zero"}));
                assert!(
                    moved.to_f32().iter().all(|value| value.is_nan()),
                    "{method}"
                );
            }
        }
    }

    #[test]
    fn both_axes_read_zero_in_the_middle() {
        let bound = Bound::<MoveToBeam>::entry().bind(&json!({})).unwrap();
        let axes = bound
            .describe(&[&meta(ElementType::U8)])
            .unwrap()
            .axes
            .signal;
        assert_eq!([axes[0].value(32.0), axes[1].value(25.0)], [0.0, 0.0]);
        let far = Bound::<MoveToBeam>::entry().bind(&json!({"centre": [3, 90]}));
        let refused = far
            .unwrap()
            .describe(&[&meta(ElementType::U8)])
            .unwrap_err();
        assert!(
            refused.to_string().contains("outside the frame"),
            "{refused}"
        );
    }
}
