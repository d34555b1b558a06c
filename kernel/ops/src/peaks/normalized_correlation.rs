//! Finds disks of one shape by matched filter and maximum likelihood.
//!
//! `(ny, nx | ky, kx)` frames → `(ny, nx | ky, kx)` peaks: position in detector pixels, mean counts over the disk, score and
//! threshold in standard deviations, standard errors of both coordinates in px, misfit (reduced χ²: 1 where the model holds),
//! and the variance in px² that a disk is spread by beyond the others (two disks that merged), in the mean of all directions and
//! how much more along one than across it, with standard errors.
//!
//! The model of a frame is `λ = Σ hᵢ f(|p - cᵢ|) + a B(p - c₀)` with `f(r) = 1 / (1 + exp((r - R) / w))`. Radius R, edge w and the
//! background B, radial or with a slope `B(r) + r · s(r)`, are the scan's, measured first from some of its frames (`math/disks/prepare.rs`); amplitude a, direct beam c₀
//! and the disks are the frame's. Candidates are maxima of the counts in a disk over those of the background, in standard
//! deviations; each is fitted by Fisher scoring under Poisson counts with row, column, height and the background under it free and
//! its neighbours' models added, then what the models leave over is searched once more. A peak is kept when twice the gain in
//! log-likelihood over background alone is above the square of the threshold. Invalid pixels, saturated ones and single ones far
//! above all around them have no weight.
//! Where values are no counts the line that their variance is of their mean makes them some: gain and offset (`math/disks/noise.rs`).
//! O(P · R) per frame plus O(R²) per disk. Positions are within some percent of the Cramér-Rao bound on simulated scans.
//! Reference: G. L. Turin, doi:10.1109/TIT.1960.1057571 (matched filter); the fit is that of point sources in crowded fields,
//! P. B. Stetson, doi:10.1086/131977, with Poisson weights.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use signal::{
    CancelToken, Category, Caveat, ElementType, Finished, FurtherInput, HeapBytes, Inputs,
    NavigationIndex, Needs, NotApplicable, Operation, OperationError, OperationInfo, Outline,
    Output, Peak, Peaks, Positions, Preparation, Prepare, Region, SignalMeta, parameters,
};

use crate::inputs;
use crate::math::disks::{Given, Image, Prepared, Scratch, Stencil, prepare};
use crate::measured::{rounded, rounded_place};
use crate::peaks::peak_finder;

mod caveats;

parameters! {
    /// Finds disks of one shape, such as those of a convergent beam.
    pub struct NormalizedCorrelation {
        /// About how large the disks are. Left out: measured. The exact radius and the width of the edge are always measured.
        pub radius: Option<f64> = None, range (1.0, 128.0), units "px";
        /// About where the direct beam is (row, column). Left out: looked for near the middle. Its exact place is measured in
        /// every frame.
        pub direct_beam: Option<[f64; 2]> = None, units "px";
        /// Scan positions without specimen: what the direct beam is there, all disks are, unless the disks themselves tell it better.
        /// Left out: measured from all disks, or from a file without specimen: `scan.find_peaks_with(&vacuum, …)`.
        pub vacuum: Option<Region> = None;
        /// Least standard deviations by which the counts speak for a disk. Left out: as many as noise reaches once in two thousand frames,
        /// about 5.
        pub threshold: Option<f64> = None, range (2.0, 1000.0), units "σ";
        /// Peaks this close to a surer one are dropped. Left out: the radius.
        pub min_distance: Option<f64> = None, range (0.0, 512.0), units "px";
        /// Peaks closer than this to the frame's edge are dropped. Left out: the radius less one. Disks that the edge cuts off have
        /// larger errors.
        pub exclude_border: Option<f64> = None, range (0.0, 512.0), units "px";
        /// Keep only the surest peaks of each frame. Left out: all.
        pub max_peaks: Option<usize> = None, range (1, 100000);
    }
}

/// Frames that radius, edge and background are measured from, and most pixels of them all.
const FRAMES: usize = 64;
const MAX_PIXELS: usize = 1 << 23;

#[derive(Default)]
pub struct FindDisks {
    /// For the next frames; as many as there are threads.
    idle: Mutex<Vec<Workspace>>,
}

#[derive(Default)]
struct Workspace {
    values: Vec<f32>,
    flags: Vec<u8>,
    image: Image,
    scratch: Scratch,
}

impl Operation for FindDisks {
    type Params = NormalizedCorrelation;
    type Prepared = Option<Prepared>;
    const INFO: OperationInfo = OperationInfo {
        name: "normalized_correlation",
        method: "find_peaks",
        parameters_type: "NormalizedCorrelation",
        title: "Find disks (matched filter)",
        summary: "Finds disks of one shape whatever their brightness, as exactly as the counts allow, with their errors.",
        category: Category::Peaks,
        reference: "G. L. Turin, doi:10.1109/TIT.1960.1057571; P. B. Stetson, doi:10.1086/131977",
    };

    const OUTLINE: Option<Outline> = Some(Outline::Disk {
        centre: "direct_beam",
        radius: "radius",
    });
    const COUNTS: bool = true;
    const AFTER_PREPARATION: &'static [&'static str] =
        &["threshold", "min_distance", "exclude_border", "max_peaks"];
    const FURTHER_INPUTS: &'static [FurtherInput] = &[FurtherInput {
        name: "vacuum",
        help: "A scan without specimen, or one frame of it, from the same detector: what the direct beam is there, all disks are, unless \
               the disks themselves tell it better.",
        required: false,
    }];
    const REVISION: u32 = 16;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &NormalizedCorrelation,
    ) -> Result<SignalMeta, NotApplicable> {
        let meta = peak_finder::describe(&inputs[..inputs.len().min(1)])?;
        let (rows, columns) = inputs::frame_shape(&meta);
        if let Some([y, x]) = params.direct_beam {
            let inside = |at: f64, size: usize| at >= 0.0 && at <= size as f64 - 1.0;
            if !inside(y, rows) || !inside(x, columns) {
                return Err(inputs::refuse(
                    format!(
                        "direct_beam = [{y}, {x}] is outside the frame of {rows} x {columns} px"
                    ),
                    "a place (row, column) in the frame, or none: it is looked for",
                ));
            }
        }
        let mut meta = meta;
        if let Some(region) = params.vacuum {
            meta.caveats
                .extend(inputs::region_inside(region, &meta.axes, "vacuum")?.1);
        }
        if let Some(vacuum) = inputs.get(1) {
            meta.caveats.extend(vacuum_beside(vacuum, &meta, params)?);
        }
        let Some(radius) = params.radius else {
            return Ok(meta);
        };
        let most = largest_radius((rows, columns));
        if radius > most {
            return Err(inputs::refuse(
                format!(
                    "radius = {radius} px is more than {most} px, a quarter of the shorter side of a frame of {rows} x {columns} px"
                ),
                "a smaller radius, or none: it is measured",
            ));
        }
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let size = inputs.first().map(|input| inputs::frame_shape(input));
        (size.map(largest_radius).into_iter())
            .map(|most| ("radius", most))
            .collect()
    }

    /// Of the vacuum nothing: its disks are measured before.
    fn needs(
        &self,
        input: usize,
        _at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        _params: &NormalizedCorrelation,
    ) -> Needs {
        match input {
            0 => Needs::Same,
            _ => Needs::Nothing,
        }
    }

    fn preparation(
        &self,
        inputs: &[&SignalMeta],
        params: &NormalizedCorrelation,
    ) -> Option<Preparation<Option<Prepared>>> {
        let input = inputs.first()?;
        let size = inputs::frame_shape(input);
        let most = (MAX_PIXELS / (size.0 * size.1).max(1)).clamp(1, FRAMES);
        let positions = match params.vacuum {
            Some(region) => Positions::SpreadAnd(most, region),
            None => Positions::Spread(most),
        };
        let gather = Gather {
            size,
            region: params.vacuum,
            vacuum: Vec::new(),
            given: Given {
                radius: params.radius,
                direct_beam: params.direct_beam,
                saturation: saturation(input.element),
            },
            frames: Vec::new(),
        };
        let further = (inputs[1..].iter()).map(|_| Positions::Spread(most));
        Some(Preparation::new(positions, gather).with_further(further.collect()))
    }

    fn prepared_notes(prepared: &Option<Prepared>) -> Option<serde_json::Value> {
        let Some(prepared) = prepared else {
            return Some(
                json!({ "disks": "none: no disk stands out in the frames that were looked at" }),
            );
        };
        let model = &prepared.model;
        let [radius, edge] = [model.shape.radius, model.shape.edge];
        let mut notes = match model.probe {
            // Of another shape than the disks have: what counts say of their errors is not how far they are off.
            Some(_) => json!({ "flat_radius_px": radius, "flat_edge_px": edge }),
            None => json!({
                "radius_px": radius,
                "radius_error_px": prepared.shape_errors[0],
                "edge_px": edge,
                "edge_error_px": prepared.shape_errors[1],
            }),
        };
        let clean = &prepared.clean;
        // Both are one number: the variance of pixels without counts.
        let (offset, readout) = match clean.shifted {
            true => (clean.values(0.0), 0.0),
            false => (0.0, (clean.gain * clean.offset).max(0.0)),
        };
        let others = json!({
            "threshold": model.threshold,
            "direct_beam_px": model.centre,
            "direct_beam_wander_px": model.wander,
            "background_counts": model.profile.iter().step_by(8).take(16).collect::<Vec<_>>(),
            "background_distance_step_px": 8,
            "background_slope": slope(prepared),
            "direct_beam": covered_beam(prepared),
            "misfit": prepared.misfit,
            "pattern": pattern(prepared),
            "gain": clean.gain,
            "offset": offset,
            "readout_variance": readout,
            "covered_pixels": clean.dead.len() - clean.hot,
            "hot_pixels": clean.hot,
            "measured_from": { "frames": prepared.frames, "disks": prepared.disks },
        });
        if let (Value::Object(notes), Value::Object(others)) = (&mut notes, others) {
            notes.extend(others);
        }
        Some(notes)
    }

    fn measured_parameters(
        params: &NormalizedCorrelation,
        prepared: &Option<Prepared>,
    ) -> Map<String, Value> {
        let Some(Prepared { model, .. }) = prepared else {
            return Map::new();
        };
        let radius = f64::from(model.shape.radius);
        let known = [
            ("radius", None, rounded(radius)),
            ("direct_beam", None, rounded_place(model.centre)),
            ("threshold", params.threshold, rounded(model.threshold)),
            ("min_distance", params.min_distance, rounded(radius)),
            (
                "exclude_border",
                params.exclude_border,
                rounded(usual_border(radius)),
            ),
        ];
        (known.into_iter())
            .filter(|(_, given, _)| given.is_none())
            .map(|(name, _, value)| (name.to_owned(), value))
            .collect()
    }

    fn prepared_caveats(
        params: &NormalizedCorrelation,
        prepared: &Option<Prepared>,
    ) -> Vec<Caveat> {
        caveats::of(params, prepared.as_ref())
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &NormalizedCorrelation,
        prepared: Option<&Option<Prepared>>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let size = inputs::frame_rows_columns(frame)?;
        let Some(Some(prepared)) = prepared else {
            return Ok(Output::Peaks(Arc::default()));
        };
        let model = &prepared.model;
        if size != (model.rows, model.columns) {
            return Err(OperationError::failed(
                format!(
                    "the frame is {} x {} px, the scan's are {} x {} px",
                    size.0, size.1, model.rows, model.columns
                ),
                "frames of one size",
            ));
        }
        let mut work = self.idle().pop().unwrap_or_default();
        let Workspace {
            values,
            flags,
            image,
            scratch,
        } = &mut work;
        inputs::values(frame, values);
        prepared.clean.apply(values, flags);
        image.fill(size, model.margin(), values, prepared.clean.most());
        let radius = f64::from(model.shape.radius);
        let apart = params.min_distance.unwrap_or(radius);
        let border = (params.exclude_border).unwrap_or_else(|| usual_border(radius));
        let inside = |at: f64, size: usize| at >= border && at <= size as f64 - 1.0 - border;
        let disk = Stencil::new(radius);
        let threshold = params.threshold.unwrap_or(model.threshold);
        let all = model.find_above(threshold, image, scratch);
        let mut peaks = Peaks::with_capacity(all.len());
        for found in all {
            let square = |y: f32, x: f32| {
                let (dy, dx) = (f64::from(y) - found.y, f64::from(x) - found.x);
                dy * dy + dx * dx
            };
            let taken =
                (peaks.ky.iter().zip(&peaks.kx)).any(|(y, x)| square(*y, *x) <= apart * apart);
            let cut = !(inside(found.y, size.0) && inside(found.x, size.1));
            if taken || cut || peaks.len() >= params.max_peaks.unwrap_or(usize::MAX) {
                continue;
            }
            // What the model does not say makes the place as much less sure.
            let spread = (2.0 / found.evidence.pixels.max(1.0)).sqrt();
            let misfit = found.evidence.misfit;
            let worse = if misfit > 1.0 + 3.0 * spread {
                misfit.sqrt()
            } else {
                1.0
            };
            peaks.push(Peak {
                ky: found.y as f32,
                kx: found.x as f32,
                intensity: prepared
                    .clean
                    .values(image.mean_over_disk([found.y, found.x], &disk)),
                score: found.evidence.deviations as f32,
                ky_error: (worse * found.y_error) as f32,
                kx_error: (worse * found.x_error) as f32,
                misfit: misfit as f32,
                spread: found.spread.even as f32,
                spread_error: found.spread.even_error as f32,
                stretch: found.spread.stretch[0] as f32,
                stretch_diagonal: found.spread.stretch[1] as f32,
                stretch_error: found.spread.stretch_error as f32,
            });
        }
        self.idle().push(work);
        Ok(Output::Peaks(Arc::new(peaks)))
    }
}

/// Refuses a further input that says nothing of the disks of `scan`; what is doubtful of it.
fn vacuum_beside(
    vacuum: &SignalMeta,
    scan: &SignalMeta,
    params: &NormalizedCorrelation,
) -> Result<Option<Caveat>, NotApplicable> {
    let is_image = inputs::images(&[vacuum]);
    is_image.map_err(|refused| NotApplicable {
        reason: format!("of the vacuum, {}", refused.reason),
        ..refused
    })?;
    let sizes = [vacuum, scan].map(inputs::frame_shape);
    if sizes[0] != sizes[1] {
        let [(rows, columns), (ny, nx)] = sizes;
        return Err(inputs::refuse(
            format!(
                "the frames of the vacuum have {rows} x {columns} px, those with specimen {ny} x {nx} px"
            ),
            "a vacuum from the same detector with the same binning",
        ));
    }
    if params.vacuum.is_some() {
        return Err(inputs::refuse(
            "both a region and another signal are given as the vacuum",
            "leave one of them out: `find_peaks` with the parameter `vacuum`, or `find_peaks_with` without it",
        ));
    }
    let differ = (vacuum.axes.signal.iter().zip(&scan.axes.signal))
        .find(|(one, other)| !inputs::steps_alike(one, other));
    Ok(differ.map(|(one, other)| {
        Caveat::new(
            "vacuum_scale",
            format!(
                "a pixel of the vacuum is {} {} wide and one of the scan {} {}: at another camera length its disks have another size",
                one.scale, one.units, other.scale, other.units
            ),
        )
    }))
}

/// Said where the direct beam is not among the disks: its place is that of the pattern, or the one that was given.
fn covered_beam(prepared: &Prepared) -> Option<&'static str> {
    (!prepared.model.beam_is_seen).then_some("no direct beam was found")
}

/// Counts per px by which the background grows downwards and to the right, at the same distances, where it is more on one side.
fn slope(prepared: &Prepared) -> Option<Vec<[f32; 2]>> {
    let slope = prepared.model.slope.as_ref()?;
    let both = slope.down.iter().zip(&slope.across);
    let some = both.step_by(8).take(16);
    Some(some.map(|(down, across)| [*down, *across]).collect())
}

/// What the disks are, where that is not all said by radius and edge.
fn pattern(prepared: &Prepared) -> Option<&'static str> {
    match (prepared.told, prepared.model.probe.is_some()) {
        (true, true) => Some("the disks are not flat: their pattern is that of the vacuum"),
        (true, false) => Some("the disks are those of the vacuum"),
        (false, true) => {
            Some("the disks are not flat: their pattern was measured from all of them")
        }
        (false, false) => None,
    }
}

/// What is closer to the frame's edge is dropped where nothing else is said.
fn usual_border(radius: f64) -> f64 {
    (radius - 1.0).max(0.0)
}

/// Most that is looked for in frames of a size, in px.
fn largest_radius((rows, columns): (usize, usize)) -> f64 {
    (0.25 * rows.min(columns) as f64).max(1.0)
}

/// The largest number of an integer type, as far as detectors reach it.
fn saturation(element: ElementType) -> Option<f32> {
    match element {
        ElementType::U8 => Some(f32::from(u8::MAX)),
        ElementType::I8 => Some(f32::from(i8::MAX)),
        ElementType::U16 => Some(f32::from(u16::MAX)),
        ElementType::I16 => Some(f32::from(i16::MAX)),
        _ => None,
    }
}

impl FindDisks {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Workspace>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Gather {
    size: (usize, usize),
    /// Where there is no specimen, and the frames from there or from a signal of its own.
    region: Option<Region>,
    vacuum: Vec<Vec<f32>>,
    given: Given,
    frames: Vec<Vec<f32>>,
}

impl Prepare<Option<Prepared>> for Gather {
    fn add(
        &mut self,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        _cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        let frame = inputs.frame()?.to_f32().into_owned();
        match self.region {
            Some(region) if region.contains(at) => self.vacuum.push(frame),
            _ => self.frames.push(frame),
        }
        Ok(())
    }

    fn add_further(
        &mut self,
        _which: usize,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        _cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        self.vacuum.push(inputs.frame()?.to_f32().into_owned());
        Ok(())
    }

    fn finish(
        &mut self,
        _cancel: &CancelToken,
    ) -> Result<Finished<Option<Prepared>>, OperationError> {
        // A scan that is vacuum everywhere has its beam.
        let frames = match self.frames.is_empty() {
            true => &self.vacuum,
            false => &self.frames,
        };
        // Of copies: it may be interrupted between its parts, and the frames stay for the next time.
        let prepared = prepare(frames.clone(), self.vacuum.clone(), self.size, self.given);
        Ok(Finished::Done(prepared))
    }

    fn heap_bytes(&self) -> usize {
        let frames = self.frames.iter().chain(&self.vacuum);
        frames.map(HeapBytes::heap_bytes).sum()
    }
}

impl HeapBytes for Prepared {
    fn heap_bytes(&self) -> usize {
        self.model.heap_bytes() + self.clean.dead.heap_bytes()
    }
}
