//! Averages or sums each pattern over rings around the direct beam: a radial profile.
//!
//! `(ny, nx | ky, kx) → (ny, nx | radius)`, counts → counts per pixel (mean) or counts per ring (sum), as `f32`.
//! `A(b) = Σ_p w(p, b) I(p) / Σ_p w(p, b)`, for the sum without the divisor; `w` is the share of the pixel (a rectangle) that
//! lies in the ring, exact, so that a flat pattern has the areas of the rings: `π (r₁² - r₀²)`, in pixels. Rings are circles in
//! the unit of the axes, also where pixels are higher than wide; where both axes have no unit in common they are circles in pixels.
//! With `sector` only pixels count whose centres lie between two directions, from the first up to the second: 0° to the right (columns grow), 90° down (rows
//! grow), in the plane of the axes, so that sectors that follow each other add up. A ring without a pixel there has no mean.
//! The axis `radius` has the middles of the rings: offset `r_inner + width / 2`, scale `(r_outer - r_inner) / npt`.
//! Centre: where both axes are 0 if that is inside the frame (and not its first pixel, which is where axes begin that nobody
//! centred), else the direct beam, the median over up to 32 patterns; `notes` say which, and a caveat where the beam is not at that zero. NaN and infinite pixels are left out of sum and divisor.
//! A ring that has pixels, but none with a value, is NaN; one outside the frame is NaN in the mean and 0 in the sum. Sums run in `f64` in an order
//! that the geometry decides. Frame-local once the centre is known, O(P) per frame; the shares are computed once, 19 bytes per pixel.
//! Reference: Ashiotis et al. (pyFAI), doi:10.1107/S1600576715004306; pyxem `get_azimuthal_integral1d`, whose circles are
//! polygons of 360 corners (sums smaller by 5e-5) and whose axis has the inner edges of the rings.

use signal::{
    Axes, Axis, CancelToken, Category, Caveat, ElementType, Finished, Frame, HeapBytes, Inputs,
    NavigationIndex, NotApplicable, Operation, OperationError, OperationInfo, Outline, Output,
    Positions, Preparation, Prepare, SignalMeta, parameters,
};

use serde_json::{Map, Value, json};

use crate::detectors::virtual_image::Statistic;
use crate::inputs::{self, Image};
use crate::math::annuli::{Annuli, Layout, Total};
use crate::math::{direct_beam, rings};
use crate::measured::rounded_place;
use crate::shape_cache::ShapeCache;

/// Patterns in which the direct beam is looked for, and pixels of all of them together.
const FRAMES: usize = 32;
const MAX_PIXELS: usize = 1 << 24;
/// Pixels that half of the beams may be away from the centre of the rings before that is said.
const WANDERS: f64 = 1.0;
/// A beam is elsewhere when patterns agree on where to this share of the distance.
const SURE: f64 = 0.5;

parameters! {
    /// Averages or sums each pattern over rings around the direct beam.
    pub struct AzimuthalIntegral {
        /// Centre of the rings (row, column). Left out: where both axes of the pattern are 0 if that is inside the frame, else the
        /// direct beam, measured in up to 32 patterns.
        pub centre: Option<[f64; 2]> = None, units "px";
        /// Number of rings. Left out: one for each pixel of the range of radii.
        pub npt: Option<usize> = None, range (2, 4096);
        /// Where the first ring begins, in the unit of the pattern's axes.
        pub inner_radius: f64 = 0.0, range (0.0, 1000000.0);
        /// Where the last ring ends, in the unit of the pattern's axes. Left out: at the edge of the frame that is nearest to the
        /// centre, or for a centre near an edge at half the smaller side of the frame.
        pub outer_radius: Option<f64> = None, range (0.0, 1000000.0);
        /// Directions between which pixels count: 0 to the right, 90 down; across 0 for instance (-15, 15). Left out: all around.
        pub sector: Option<(f64, f64)> = None, range (-360.0, 360.0), units "°", parts ["from", "to"];
        /// Average of the pixels of a ring, or their total.
        pub statistic: Statistic = Statistic::Mean;
    }
}

/// The direct beam in some patterns of a scan, in pixels.
pub struct Beam {
    /// Of the rings.
    centre: [f64; 2],
    /// Half of the patterns have the beam no further from there.
    wander: f64,
    /// Where it is in the median, and half of the patterns have it no further from that.
    seen: [f64; 2],
    spread: f64,
}

impl HeapBytes for Beam {
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// Pixels as rectangles in the unit of the axes.
struct Plane {
    pixel: [f64; 2],
    units: String,
    caveat: Option<Caveat>,
}

fn plane(input: &SignalMeta) -> Plane {
    let [ky, kx] = input.axes.signal.as_slice() else {
        return Plane {
            pixel: [1.0; 2],
            units: "px".into(),
            caveat: None,
        };
    };
    if ky.units == kx.units {
        return Plane {
            pixel: [ky.scale.abs(), kx.scale.abs()],
            units: ky.units.clone(),
            caveat: None,
        };
    }
    let text = format!(
        "the axes `{}` and `{}` have different units (`{}` and `{}`), so that radii are in pixels",
        ky.name, kx.name, ky.units, kx.units
    );
    Plane {
        pixel: [1.0; 2],
        units: "px".into(),
        caveat: Some(Caveat::new("radius_in_pixels", text)),
    }
}

/// Where both axes are 0, in pixels, if that lies inside the frame. Axes that begin with 0 were not centred by anybody.
fn origin(input: &SignalMeta) -> Option<[f64; 2]> {
    let [row, column] = input.axes.signal.as_slice() else {
        return None;
    };
    let inside = |axis: &Axis| {
        let at = axis.index(0.0);
        (at > 0.0 && at < axis.size as f64 - 1.0).then_some(at)
    };
    Some([inside(row)?, inside(column)?])
}

/// The centre, if it need not be measured, and where it is from.
fn known_centre(
    input: &SignalMeta,
    params: &AzimuthalIntegral,
) -> Option<([f64; 2], &'static str)> {
    (params.centre.map(|centre| (centre, "the parameter")))
        .or_else(|| Some((origin(input)?, "the zero of both axes")))
}

/// Edges of the first and the last ring.
fn range(
    input: &SignalMeta,
    params: &AzimuthalIntegral,
    pixel: [f64; 2],
) -> Result<[f64; 2], NotApplicable> {
    let inner = params.inner_radius;
    let outer = params
        .outer_radius
        .unwrap_or_else(|| outer_edge(input, params, pixel));
    if inner < outer {
        return Ok([inner, outer]);
    }
    let units = &plane(input).units;
    Err(inputs::refuse(
        format!(
            "inner_radius = {inner:?} is not smaller than the outer radius of {outer:?} {units}"
        ),
        format!("an inner radius below {outer:?}, or a larger outer_radius"),
    ))
}

/// The edge of the frame that is nearest to the centre; where that is nearer than a quarter of the smaller side half of it, so that
/// a beam near an edge still has rings. Where the centre is still to be measured it is taken for the middle of the frame.
fn outer_edge(input: &SignalMeta, params: &AzimuthalIntegral, pixel: [f64; 2]) -> f64 {
    let (rows, columns) = inputs::frame_shape(input);
    let sizes = [rows as f64, columns as f64];
    let middle = sizes.map(|size| 0.5 * (size - 1.0));
    let centre = known_centre(input, params).map_or(middle, |(centre, _)| centre);
    let side = (0..2)
        .map(|axis| sizes[axis] * pixel[axis])
        .fold(f64::INFINITY, f64::min);
    let edge = (0..2)
        .map(|axis| (centre[axis] + 0.5).min(sizes[axis] - 0.5 - centre[axis]) * pixel[axis])
        .fold(f64::INFINITY, f64::min);
    if edge < 0.25 * side { 0.5 * side } else { edge }
}

fn sector(params: &AzimuthalIntegral) -> Result<Option<[f64; 2]>, NotApplicable> {
    match params.sector {
        Some((from, to)) if from >= to => Err(inputs::refuse(
            format!("in the sector from {from} to {to} ° there is nothing"),
            "the smaller direction first; across 0 for instance (-15, 15)",
        )),
        sector => Ok(sector.map(|(from, to)| [from, to])),
    }
}

#[derive(Default)]
pub struct IntegrateAzimuthally {
    cache: ShapeCache<Annuli, Layout>,
}

/// The rings of an input that [`inputs::images`] takes, around a centre.
fn layout(
    input: &SignalMeta,
    params: &AzimuthalIntegral,
    centre: [f64; 2],
) -> Result<Layout, NotApplicable> {
    let (rows, columns) = inputs::frame_shape(input);
    let pixel = plane(input).pixel;
    let range = range(input, params, pixel)?;
    let per_pixel = (range[1] - range[0]) / (pixel[0] * pixel[1]).sqrt();
    Ok(Layout {
        rows,
        columns,
        centre,
        pixel,
        range,
        rings: (params.npt).unwrap_or((per_pixel.round() as usize).clamp(2, 4096)),
        sector: sector(params)?,
    })
}

impl Operation for IntegrateAzimuthally {
    type Params = AzimuthalIntegral;
    type Prepared = Beam;
    const INFO: OperationInfo = OperationInfo {
        name: "azimuthal_integral",
        method: "azimuthal_integral",
        parameters_type: "AzimuthalIntegral",
        title: "Azimuthal integral",
        summary: "Averages or sums each pattern over rings around the direct beam: a radial profile.",
        category: Category::Radial,
        reference: "Ashiotis et al. (pyFAI), doi:10.1107/S1600576715004306; pyxem, doi:10.5281/zenodo.2649351",
    };
    const OUTLINE: Option<Outline> = Some(Outline::Point { at: "centre" });
    const AFTER_PREPARATION: &'static [&'static str] =
        &["npt", "inner_radius", "outer_radius", "sector", "statistic"];

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &AzimuthalIntegral,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images(inputs)?;
        inputs::even(input)?;
        if let Some(centre) = params.centre {
            inputs::near_the_frame(centre, inputs::frame_shape(input))?;
        }
        let known = known_centre(input, params);
        let Layout { range, rings, .. } =
            layout(input, params, known.map_or([0.0; 2], |(centre, _)| centre))?;
        let Plane { units, caveat, .. } = plane(input);
        let width = (range[1] - range[0]) / rings as f64;
        let radius = Axis::new("radius", rings, width, range[0] + 0.5 * width, units);
        let mut meta = SignalMeta {
            axes: Axes::new(input.axes.navigation.clone(), vec![radius]),
            element: ElementType::F32,
            ..input.clone()
        };
        let from = known.map_or("measured: the direct beam", |(_, from)| from);
        meta.notes.insert("centre_from".into(), from.into());
        if let Some((centre, _)) = known {
            meta.notes.insert("centre_px".into(), json!(centre));
        }
        let text = match params.statistic {
            Statistic::Mean => "mean: counts per pixel",
            Statistic::Sum => "sum: counts per ring, of what lies inside the frame",
        };
        if let Some((from, to)) = params.sector {
            meta.notes.insert("sector_deg".into(), json!([from, to]));
        }
        meta.notes.insert("statistic".into(), text.into());
        meta.caveats.extend(caveat);
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let Some(input) = inputs.first() else {
            return Vec::new();
        };
        let (rows, columns) = inputs::frame_shape(input);
        let [height, width] = plane(input).pixel;
        let corner = (rows as f64 * height).hypot(columns as f64 * width);
        vec![("inner_radius", corner), ("outer_radius", corner)]
    }

    fn preparation(
        &self,
        inputs: &[&SignalMeta],
        params: &AzimuthalIntegral,
    ) -> Option<Preparation<Beam>> {
        let input = inputs.first()?;
        if params.centre.is_some() {
            return None;
        }
        let pixels = input.axes.frame_len().max(1);
        let positions = Positions::Spread((MAX_PIXELS / pixels).clamp(1, FRAMES));
        let gather = Gather {
            origin: origin(input),
            places: Vec::new(),
        };
        Some(Preparation::new(positions, gather))
    }

    fn prepared_notes(beam: &Beam) -> Option<Value> {
        Some(json!({ "centre_px": beam.centre, "direct_beam_wander_px": beam.wander }))
    }

    fn measured_parameters(_params: &AzimuthalIntegral, beam: &Beam) -> Map<String, Value> {
        Map::from_iter([("centre".to_owned(), rounded_place(beam.centre))])
    }

    fn prepared_caveats(_params: &AzimuthalIntegral, beam: &Beam) -> Vec<Caveat> {
        let [row, column] = beam.centre;
        let away = |at: [f64; 2]| (at[0] - row).hypot(at[1] - column);
        let off = away(beam.seen);
        if off > WANDERS && beam.spread < SURE * off {
            let [y, x] = beam.seen;
            let text = format!(
                "the rings are about the zero of both axes, ({row:.1}, {column:.1}) px, and what looks like the direct beam is \
                 {off:.1} px from there, at ({y:.1}, {x:.1}) px: if it is, give `centre`, {y:.1} and {x:.1}"
            );
            return vec![Caveat::new("beam_not_at_zero", text)];
        }
        let text = || {
            format!(
                "the direct beam wanders over the detector: in half of the patterns that were looked at it is more than {:.1} px \
                 from the centre of the rings, ({row:.1}, {column:.1}) px; `center_direct_beam` first takes that out",
                beam.wander
            )
        };
        (beam.wander > WANDERS)
            .then(|| Caveat::new("beam_wanders", text()))
            .into_iter()
            .collect()
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &AzimuthalIntegral,
        prepared: Option<&Beam>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let input = inputs::of_this_shape(inputs, frame)?;
        let measured = prepared.map(|beam| beam.centre);
        let centre = measured.or_else(|| Some(known_centre(input, params)?.0));
        let layout = layout(input, params, centre.unwrap_or([f64::NAN; 2]))
            .map_err(|refused| OperationError::failed(refused.reason, refused.takes))?;
        let annuli = self.cache.get(layout.clone(), || Annuli::new(&layout));
        let mut profile = Vec::with_capacity(layout.rings);
        let each = |total| profile.push(value(total, params.statistic));
        match inputs::image(frame)? {
            Image::Single(grid) => annuli.totals(&grid, each),
            Image::Double(grid) => annuli.totals(&grid, each),
        }
        Frame::from_vec(&[layout.rings], profile)
            .map(Output::Frame)
            .map_err(|what| OperationError::failed(what, "report this; shapes disagree"))
    }
}

fn value(total: Total, statistic: Statistic) -> f32 {
    let has_value = total.pixels > 0.0;
    match statistic {
        Statistic::Mean if has_value => (total.sum / total.pixels) as f32,
        Statistic::Sum if has_value || total.all == 0.0 => total.sum as f32,
        _ => f32::NAN,
    }
}

/// Where the beam is in each pattern so far.
struct Gather {
    /// The centre of the rings, if the axes say it.
    origin: Option<[f64; 2]>,
    places: Vec<[f64; 2]>,
}

impl Prepare<Beam> for Gather {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        _cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        self.places.push(match inputs::image(inputs.frame()?)? {
            Image::Single(grid) => direct_beam::find(&grid),
            Image::Double(grid) => direct_beam::find(&grid),
        });
        Ok(())
    }

    fn finish(&mut self, _cancel: &CancelToken) -> Result<Finished<Beam>, OperationError> {
        let middle = |numbers: Vec<f64>| {
            let mut numbers = numbers;
            rings::median(&mut numbers).ok_or_else(|| {
                OperationError::failed(
                    "no pattern was there to find the direct beam in",
                    "give the centre",
                )
            })
        };
        let along = |axis: usize| self.places.iter().map(|place| place[axis]).collect();
        let seen = [middle(along(0))?, middle(along(1))?];
        let centre = self.origin.unwrap_or(seen);
        let away = |from: [f64; 2]| {
            let off = |[y, x]: &[f64; 2]| (y - from[0]).hypot(x - from[1]);
            middle(self.places.iter().map(off).collect())
        };
        Ok(Finished::Done(Beam {
            centre,
            wander: away(centre)?,
            seen,
            spread: away(seen)?,
        }))
    }

    fn heap_bytes(&self) -> usize {
        self.places.heap_bytes()
    }
}

#[cfg(test)]
mod tests;
