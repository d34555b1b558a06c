//! Maps strain and lattice rotation from the peaks of each pattern against those of a reference region.
//!
//! `(ny, nx | ky, kx)` peaks → `(ny, nx)` maps ε_xx, ε_yy, ε_xy (fractions), θ (rad), coverage (fraction of the reference
//! vectors found), residual (px), and the standard errors of the first four. Peaks obey `g = T g_ref + t`;
//! `F = T^-T = R U`; ε = U - 1, θ is the angle of R. Positive ε_xx and ε_yy are real-space expansion along columns and rows,
//! positive ε_xy lengthens along +x+y, positive θ turns +x towards +y. Any turn is measured, up to the symmetry of the
//! lattice: of the turns that give the same peaks θ is the least.
//!
//! Each peak counts by the inverse of its variance: its own error, what the residuals in the reference region show on top of
//! it, and that of the reference vector. Where the finder knows no errors, the scatter of each vector over the region takes
//! their place, and the residual of each position says how large it is there. Strays are left out. Standard errors are
//! these variances, to first order, enlarged where the peaks of a position disagree by more than chance: 68 % of the true
//! errors lie within them. Where disks touch, the errors of neighbours go together: how much is learned in the reference region
//! (`math/affine/neighbours.rs`). NaN where three peaks without errors leave nothing to tell them from.
//!
//! Positions whose peaks do not bear out a lattice like the reference are NaN: too few matches, matches on one line, less than
//! 35 % of the reference vectors, a residual above 0.09 of the peaks' spacing or one that leaves more than 5 % to chance (95 %
//! confidence), strain below -20 % or above +33 % (12 % with a rotation beyond 14.5 degrees), more unexpected peaks than expected
//! ones among those expected, peaks that are as well those of another lattice (nothing but chance speaks for the orders
//! that a coarser one lacks, or strangers as bright stand where a finer one has peaks), a second lattice near the reference, or a
//! symmetry of the lattice that explains the peaks with about as little change. So is the whole map, with coverage 0, when
//! the reference region yields fewer than three vectors or more than one lattice. Coverage and residual say why.
//! A reference region over two lattices that are near each other has a mean, which is neither: a caveat says how far they are apart
//! (`math/variation.rs`).
//!
//! Two lattices so near each other that their disks merge look like one between them. The merged disks are spread along the line
//! between them, the more the further out, and further out still there are two (`math/affine/doubled.rs`). Where the likeliest two
//! lattices explain that by 21 in twice the logarithm of the likelihood, which one lattice reaches in one of a thousand positions, the
//! value is NaN; from 10 on, one in twenty, the standard errors are those that two such lattices make. Where that is not told (a turn
//! of 1°, 2 % of strain, few counts), what is given lies between. What all disks of a pattern are wider by, or stretched by, is left
//! out: thickness, bending, focus and astigmatism do that too.
//! Peaks of a finder that measures no spread are taken for those of one lattice.
//!
//! Needs the region's peaks first, then each position on its own: O(peaks), in closed form but for the search of strays.
//! Reference: Hÿtch et al., doi:10.1016/S0304-3991(98)00035-7; Pekin et al., doi:10.1016/j.ultramic.2016.12.021.

use serde_json::{Map, Value, json};
use signal::{
    Axes, CancelToken, Category, Caveat, Component, Display, Finished, HeapBytes, Inputs,
    NavigationIndex, NotApplicable, Operation, OperationError, OperationInfo, Output, Peaks,
    Positions, Preparation, Prepare, Region, SignalMeta, parameters,
};

use crate::inputs;
use crate::math::affine::{self, Affine, Observed};
use crate::math::deformation::{Deformation, standard_errors};
use crate::math::lattice::{Flaw, Pattern, Point, Reference, Spread};
use crate::measured::rounded;

parameters! {
    /// Maps strain and rotation against the peaks of a reference region.
    pub struct StrainMap {
        /// Scan positions whose lattice counts as unstrained.
        pub reference: Region = Region::rectangle(0, 0, 16, 16);
        /// How far a peak may lie from its reference vector, at most 0.45 of the peaks' spacing. Left out: a quarter of it.
        pub match_radius: Option<f64> = None, range (0.1, 512.0), units "px";
        /// Fewest matched peaks for a result; three determine it, more make its residual meaningful.
        pub min_matches: usize = 4, range (3, 1000);
        /// Weigh each peak by its intensity instead of its error.
        pub intensity_weights: bool = false;
        /// Turn from detector to scan axes, +x towards +y; used when `calibrated`.
        pub rotation_deg: f64 = 0.0, range (-360.0, 360.0), units "deg";
        /// Mirror the detector's ky before that turn; used when `calibrated`.
        pub flip_ky: bool = false;
        /// Give the tensor in scan axes instead of detector axes.
        pub calibrated: bool = false;
    }
}

/// Most patterns that a reference is gathered from; more of them, evenly thinned, would not sharpen it.
const MAX_PATTERNS: usize = 512;
const REFERENCE_REGION: &str = "reference region";

#[derive(Default)]
pub struct MapStrain;

impl Operation for MapStrain {
    type Params = StrainMap;
    type Prepared = Reference;
    const INFO: OperationInfo = OperationInfo {
        name: "strain_map",
        method: "strain_map",
        parameters_type: "StrainMap",
        title: "Strain map",
        summary: "Maps ε_xx, ε_yy, ε_xy and rotation against a reference region of the scan.",
        category: Category::Strain,
        reference: "Pekin et al., doi:10.1016/j.ultramic.2016.12.021; Hÿtch et al., doi:10.1016/S0304-3991(98)00035-7",
    };

    const WITHOUT_VALUE: &'static str = "too few peaks match the reference lattice, or they do not bear it out \
         (see coverage and residual) or would bear out another lattice as well, or their disks are spread like those of two \
         lattices. \
         Strain from -20 to +33 % is measured, and any rotation up to the symmetry of the lattice";
    const REVISION: u32 = 11;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &StrainMap,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::peaks(inputs)?;
        inputs::even(input)?;
        let (region, cut) = inputs::region_inside(params.reference, &input.axes, REFERENCE_REGION)?;
        let mut meta = input.to_map(vec![
            Component::new("e_xx", "ε_xx", "", Display::Diverging).shown_in(100.0, "%"),
            Component::new("e_yy", "ε_yy", "", Display::Diverging).shown_in(100.0, "%"),
            Component::new("e_xy", "ε_xy", "", Display::Diverging).shown_in(100.0, "%"),
            Component::new("theta", "θ", "rad", Display::Diverging)
                .shown_in(1f64.to_degrees(), "°"),
            Component::new("coverage", "Coverage", "", Display::Sequential).shown_in(100.0, "%"),
            Component::new("residual", "Residual", "px", Display::Sequential),
            Component::new("e_xx_error", "ε_xx error", "", Display::Sequential)
                .shown_in(100.0, "%"),
            Component::new("e_yy_error", "ε_yy error", "", Display::Sequential)
                .shown_in(100.0, "%"),
            Component::new("e_xy_error", "ε_xy error", "", Display::Sequential)
                .shown_in(100.0, "%"),
            Component::new("theta_error", "θ error", "rad", Display::Sequential)
                .shown_in(1f64.to_degrees(), "°"),
        ]);
        let notes = json!({
            "frame": if params.calibrated { "scan" } else { "detector" },
            "axes": "x=columns,y=rows",
            "e_sign": "real-space expansion",
            "rotation_sign": "+x to +y",
            "rotation": "the least turn among those that the symmetry of the lattice makes alike",
            "errors": "standard errors",
            "rotation_deg": params.rotation_deg,
            "flip_ky": params.flip_ky,
            "calibrated": params.calibrated,
            "reference": {
                "kind": "region", "x0": region.x0, "y0": region.y0,
                "width": region.width, "height": region.height,
            },
        });
        if let serde_json::Value::Object(notes) = notes {
            meta.notes = notes;
        }
        meta.caveats.extend(cut);
        Ok(meta)
    }

    fn preparation(
        &self,
        inputs: &[&SignalMeta],
        params: &StrainMap,
    ) -> Option<Preparation<Reference>> {
        let input = inputs.first()?;
        let inside = inputs::region_inside(params.reference, &input.axes, REFERENCE_REGION);
        let region = inside.map_or(params.reference, |(region, _)| region);
        let outer: usize = input
            .axes
            .navigation
            .iter()
            .rev()
            .skip(2)
            .map(|axis| axis.size)
            .product();
        let positions = region.width * region.height * outer;
        let gather = Gather {
            every: positions.div_ceil(MAX_PATTERNS).max(1),
            seen: 0,
            centre: centre(&input.axes),
            radius: params.match_radius,
            min_matches: params.min_matches,
            patterns: Vec::new(),
        };
        Some(Preparation::new(Positions::Region(region), gather))
    }

    fn prepared_notes(reference: &Reference) -> Option<serde_json::Value> {
        Some(json!({
            "reference_peaks_px": reference.points,
            "order": "kx, ky in columns of the detector",
            "spacing_px": reference.spacing,
            "no_reference": reference.flaw.map(Flaw::text),
            "reference_varies": reference.varies.map(|by| json!({
                "two_lattices": by.is_two, "strain": by.strain, "rotation_rad": by.turn,
                "standard_errors": by.errors, "smaller_share": by.share,
            })),
        }))
    }

    fn measured_parameters(params: &StrainMap, reference: &Reference) -> Map<String, Value> {
        let mut measured = Map::new();
        if params.match_radius.is_none() && reference.flaw.is_none() {
            let radius = usual_match_radius(reference);
            measured.insert("match_radius".to_owned(), rounded(radius));
        }
        measured
    }

    fn prepared_caveats(params: &StrainMap, reference: &Reference) -> Vec<Caveat> {
        caveats::of(params, reference)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &StrainMap,
        prepared: Option<&Reference>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let peaks = inputs.peaks()?;
        let reference = prepared.ok_or_else(|| {
            OperationError::failed(
                "the strain map has no reference yet",
                "compute the reference region first",
            )
        })?;
        let pattern = pattern(peaks, row_height(inputs));
        let observed = Observed {
            points: &pattern.points,
            variance: &pattern.variance,
            spread: &pattern.spread,
            weights: match params.intensity_weights {
                true => &pattern.brightness,
                false => &[],
            },
            brightness: &pattern.brightness,
        };
        let radius = (params.match_radius).unwrap_or_else(|| usual_match_radius(reference));
        let fit = affine::fit(reference, &observed, radius, params.min_matches);
        let in_axes = |found: Deformation| match params.calibrated {
            true => found.in_axes(params.rotation_deg.to_radians(), params.flip_ky),
            false => found,
        };
        let [mut values, mut errors] = [[f64::NAN; 4]; 2];
        if let Some(Affine { matrix, .. }) = fit.affine
            && let Some(found) = Deformation::of_reciprocal(matrix)
            && let Some(changes) = Deformation::derivatives(matrix)
        {
            values = in_axes(found).components();
            errors = standard_errors(changes.map(in_axes), fit.covariance);
        }
        let [e_xx, e_yy, e_xy, theta] = values;
        let [e_xx_error, e_yy_error, e_xy_error, theta_error] = errors;
        let values = [
            e_xx,
            e_yy,
            e_xy,
            theta,
            fit.coverage,
            fit.residual,
            e_xx_error,
            e_yy_error,
            e_xy_error,
            theta_error,
        ];
        Ok(Output::Values(values.map(|value| value as f32).into()))
    }
}

/// Height of a detector pixel in widths of one, when the axes are calibrated in the same unit. Angles between
/// vectors are only true in square pixels.
fn aspect(axes: &Axes) -> f64 {
    match axes.signal.as_slice() {
        [ky, kx] if ky.units == kx.units => {
            let ratio = (ky.scale / kx.scale).abs();
            if ratio.is_finite() && ratio > 0.0 {
                ratio
            } else {
                1.0
            }
        }
        _ => 1.0,
    }
}

fn row_height(inputs: &Inputs<'_>) -> f64 {
    inputs.metas.first().map_or(1.0, |meta| aspect(&meta.axes))
}

/// Reference centre of the frame as a point.
fn centre(axes: &Axes) -> Point {
    match axes.signal.as_slice() {
        [ky, kx] => [(kx.size / 2) as f64, (ky.size / 2) as f64 * aspect(axes)],
        _ => [0.0, 0.0],
    }
}

fn pattern(peaks: &Peaks, row_height: f64) -> Pattern {
    let points =
        (peaks.kx.iter().zip(&peaks.ky)).map(|(x, y)| [f64::from(*x), f64::from(*y) * row_height]);
    let brightness = peaks.intensity.iter().map(|value| f64::from(*value));
    Pattern {
        points: points.collect(),
        brightness: brightness.collect(),
        variance: variance(peaks, row_height),
        spread: spread(peaks, row_height),
    }
}

/// Empty when no peak has errors; one that has none among others that do counts like the least sure of them.
fn variance(peaks: &Peaks, row_height: f64) -> Vec<[f64; 2]> {
    let of = |error: &[f32], scale: f64| -> Vec<f64> {
        let squares = error
            .iter()
            .map(|error| (f64::from(*error) * scale).powi(2));
        squares.collect()
    };
    let (x, y) = (of(&peaks.kx_error, 1.0), of(&peaks.ky_error, row_height));
    let is_known = |value: &f64| value.is_finite() && *value >= 0.0;
    let least_sure = x
        .iter()
        .chain(&y)
        .copied()
        .filter(is_known)
        .reduce(f64::max);
    let Some(least_sure) = least_sure else {
        return Vec::new();
    };
    let or_least = |value: f64| if is_known(&value) { value } else { least_sure };
    (x.into_iter().zip(y))
        .map(|(x, y)| [or_least(x), or_least(y)])
        .collect()
}

/// Empty when the finder knows it of none; what it does not know of some counts nothing.
fn spread(peaks: &Peaks, row_height: f64) -> Vec<Spread> {
    let of = |n: usize| {
        let number = |column: &[f32]| column.get(n).map_or(f64::NAN, |value| f64::from(*value));
        let variance = |error: f64| match error > 0.0 {
            true => error * error,
            false => f64::INFINITY,
        };
        let or_none = |value: f64| if value.is_finite() { value } else { 0.0 };
        let (even, stretch) = (number(&peaks.spread), number(&peaks.stretch));
        // A detector pixel may be higher than it is wide.
        let xx = or_none(even + stretch);
        let yy = or_none(even - stretch) * row_height * row_height;
        Spread {
            even: 0.5 * (xx + yy),
            even_variance: variance(number(&peaks.spread_error)),
            stretch: [
                0.5 * (xx - yy),
                or_none(number(&peaks.stretch_diagonal)) * row_height,
            ],
            stretch_variance: variance(number(&peaks.stretch_error)),
        }
    };
    let all: Vec<Spread> = (0..peaks.len()).map(of).collect();
    match all.iter().any(|of| of.even_variance.is_finite()) {
        true => all,
        false => Vec::new(),
    }
}

/// How far from its place a peak is still that of a reference vector where nothing else is said.
fn usual_match_radius(reference: &Reference) -> f64 {
    0.25 * reference.spacing
}

struct Gather {
    every: usize,
    seen: usize,
    centre: Point,
    radius: Option<f64>,
    min_matches: usize,
    patterns: Vec<Pattern>,
}

impl Gather {
    fn reference(&self) -> Reference {
        affine::reference(&self.patterns, self.centre, self.radius, self.min_matches)
    }
}

impl Prepare<Reference> for Gather {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        _cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        if self.seen.is_multiple_of(self.every) {
            let peaks = inputs.peaks()?;
            self.patterns.push(pattern(peaks, row_height(inputs)));
        }
        self.seen += 1;
        Ok(())
    }

    /// Too few peaks are no error: the reference is then empty and the map NaN.
    fn finish(&mut self, _cancel: &CancelToken) -> Result<Finished<Reference>, OperationError> {
        Ok(Finished::Done(self.reference()))
    }

    fn heap_bytes(&self) -> usize {
        self.patterns.iter().map(HeapBytes::heap_bytes).sum()
    }
}

mod caveats;
#[cfg(test)]
mod overlapping;
