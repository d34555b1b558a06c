//! Which inputs an operation takes; used by `describe`.

mod spectra;

use signal::simd::{Vectorised, vectorised};
use signal::{
    Axes, Axis, Caveat, Element, ElementType, Frame, Inputs, NotApplicable, OperationError, Region,
    SignalKind, SignalMeta, rows_and_columns,
};

use crate::math::pool::{self, LentGrid};
use crate::math::{Grid, robust};

pub use spectra::{channels_inside, channels_of, short, spectra};

const IMAGES: &str = "frames with two signal axes (ky, kx), such as diffraction patterns";
const PEAKS: &str = "peaks in a plane with two axes (ky, kx), such as the result of find_peaks";

/// The one input, when it has two-dimensional frames.
pub fn images<'a>(inputs: &[&'a SignalMeta]) -> Result<&'a SignalMeta, NotApplicable> {
    two_dimensional(inputs, SignalKind::Frame, IMAGES)
}

/// The one input, when its frames are images or spectra.
pub fn images_or_spectra<'a>(inputs: &[&'a SignalMeta]) -> Result<&'a SignalMeta, NotApplicable> {
    let takes = "frames with one or two signal axes: patterns, images, spectra";
    let input = of_kind(inputs, SignalKind::Frame, takes)?;
    match input.axes.signal.len() {
        1 | 2 => Ok(input),
        _ => Err(rank(input, "1 or 2", takes)),
    }
}

/// The one input, when it has peaks in a plane.
pub fn peaks<'a>(inputs: &[&'a SignalMeta]) -> Result<&'a SignalMeta, NotApplicable> {
    two_dimensional(inputs, SignalKind::Peaks, PEAKS)
}

/// The one input, of any kind, when it has scan positions.
pub fn a_scan<'a>(inputs: &[&'a SignalMeta]) -> Result<&'a SignalMeta, NotApplicable> {
    let takes = "a signal with scan positions: a scan, a series";
    let [input] = inputs else {
        let reason = format!("{} inputs were given, not 1", inputs.len());
        return Err(NotApplicable::new(reason, takes));
    };
    match input.axes.navigation.is_empty() {
        false => Ok(input),
        true => Err(NotApplicable::new(
            format!("the signal {} has one frame", input.axes.shape_text()),
            takes,
        )),
    }
}

fn two_dimensional<'a>(
    inputs: &[&'a SignalMeta],
    kind: SignalKind,
    takes: &str,
) -> Result<&'a SignalMeta, NotApplicable> {
    let input = of_kind(inputs, kind, takes)?;
    match input.axes.signal.len() {
        2 => Ok(input),
        _ => Err(rank(input, "2", takes)),
    }
}

fn of_kind<'a>(
    inputs: &[&'a SignalMeta],
    kind: SignalKind,
    takes: &str,
) -> Result<&'a SignalMeta, NotApplicable> {
    let [input] = inputs else {
        return Err(NotApplicable::new(
            format!("{} inputs were given, not 1", inputs.len()),
            takes,
        ));
    };
    if input.kind != kind {
        let reason = format!("the signal has {}, not {}", input.kind.noun(), kind.noun());
        return Err(NotApplicable::new(reason, takes));
    }
    Ok(input)
}

fn rank(input: &SignalMeta, wanted: &str, takes: &str) -> NotApplicable {
    let rank = input.axes.signal.len();
    let axes = if rank == 1 { "axis" } else { "axes" };
    NotApplicable::new(
        format!(
            "the signal {} has {rank} signal {axes}, not {wanted}",
            input.axes.shape_text(),
        ),
        takes,
    )
}

/// Refuses a plane whose steps are not the same everywhere, where lengths and angles in it are measured in pixels.
pub fn even(input: &SignalMeta) -> Result<(), NotApplicable> {
    match input.axes.signal.iter().find(|axis| !axis.is_uniform()) {
        None => Ok(()),
        Some(axis) => Err(NotApplicable::new(
            format!("the axis `{}` is not uniform", axis.name),
            "a detector whose pixels are equally far apart",
        )),
    }
}

/// What `describe` would have refused.
pub fn unfit(why: NotApplicable) -> OperationError {
    OperationError::failed(why.to_string(), "add the operation to another node")
}

/// Whether two axes have the same step, as far as calibrations are exact, or nothing is known of one.
pub fn steps_alike(one: &Axis, other: &Axis) -> bool {
    let unknown = |axis: &Axis| matches!(axis.units.as_str(), "px" | "");
    let same =
        one.units == other.units && (one.scale - other.scale).abs() <= 0.01 * other.scale.abs();
    same || unknown(one) || unknown(other)
}

/// Where a stretch of this length begins so that it lies inside of `size`, as near to `first` as can be.
fn within(first: usize, length: usize, size: usize) -> usize {
    first.min(size.saturating_sub(length.max(1)))
}

/// A parameter that fits its range but not this signal or another parameter.
pub fn refuse(reason: impl Into<String>, instead: impl Into<String>) -> NotApplicable {
    NotApplicable::parameter(reason, instead)
}

/// Rows and columns of the scan; a line scan is one row.
pub fn scan_rows_columns(axes: &Axes) -> (usize, usize) {
    let size = |from_last: usize| {
        let axis = axes.navigation.iter().rev().nth(from_last);
        axis.map_or(1, |axis| axis.size)
    };
    (size(1), size(0))
}

/// The part of `region` that lies inside the scan, and what is to be said when that is not all of it; `what` names it.
pub fn region_inside(
    region: Region,
    axes: &Axes,
    what: &str,
) -> Result<(Region, Option<Caveat>), NotApplicable> {
    let (rows, columns) = scan_rows_columns(axes);
    let Region {
        x0,
        y0,
        width,
        height,
    } = region;
    let asked = format!("the {what} y0 = {y0}, x0 = {x0}, height = {height}, width = {width}");
    let cut = |first: usize, length: usize, size: usize| {
        first.saturating_add(length).min(size).saturating_sub(first)
    };
    let inside = Region {
        width: cut(x0, width, columns),
        height: cut(y0, height, rows),
        ..region
    };
    if inside.width == 0 || inside.height == 0 {
        let scan = format!("the scan of {}", rows_and_columns(rows, columns));
        return Err(refuse(
            format!("{asked} lies outside {scan}"),
            format!(
                "Region::rectangle(x0, y0, width, height), its first column below {columns} and its first row below \
                 {rows}: for one, `Region::rectangle({}, {}, {}, {})`",
                within(x0, width, columns),
                within(y0, height, rows),
                width.min(columns).max(1),
                height.min(rows).max(1),
            ),
        ));
    }
    let caveat = (inside != region).then(|| {
        Caveat::new(
            "region_cut",
            format!(
                "{asked} reaches beyond the scan of {}; the {} inside (height = {}, width = {}) are used",
                rows_and_columns(rows, columns),
                rows_and_columns(inside.height, inside.width),
                inside.height,
                inside.width
            ),
        )
    });
    Ok((inside, caveat))
}

/// Rows and columns of a frame signal that [`images`] accepted.
pub fn frame_shape(meta: &SignalMeta) -> (usize, usize) {
    match meta.axes.signal.as_slice() {
        [rows, columns] => (rows.size, columns.size),
        _ => (0, 0),
    }
}

/// Refuses a centre (row, column) that is further outside the frame than half of it.
pub fn near_the_frame(
    [y, x]: [f64; 2],
    (rows, columns): (usize, usize),
) -> Result<(), NotApplicable> {
    let near = |at: f64, size: usize| (-0.5..=1.5).contains(&(at / size as f64));
    if near(y, rows) && near(x, columns) {
        return Ok(());
    }
    Err(refuse(
        format!("centre = [{y}, {x}] is far outside the frame of {rows} x {columns} px"),
        "a centre (row, column) at most half a frame outside the frame",
    ))
}

/// Rows and columns of a frame signal that [`images_or_spectra`] accepted; a spectrum is one row.
pub fn signal_rows_columns(meta: &SignalMeta) -> (usize, usize) {
    match meta.axes.signal.as_slice() {
        [rows, columns] => (rows.size, columns.size),
        [channels] => (1, channels.size),
        _ => (0, 0),
    }
}

/// The description of the first input.
pub fn first_meta<'a>(inputs: &Inputs<'a>) -> Result<&'a SignalMeta, OperationError> {
    let first = inputs.metas.first().map(|meta| &**meta);
    first.ok_or_else(|| OperationError::failed("no input was given", "give one"))
}

/// The description of the first input, when its frame at this position is as it says.
pub fn of_this_shape<'a>(
    inputs: &Inputs<'a>,
    frame: &Frame,
) -> Result<&'a SignalMeta, OperationError> {
    let meta = inputs.metas.first();
    let meta = meta.filter(|meta| meta.axes.signal_shape() == frame.shape());
    meta.map(|meta| &**meta).ok_or_else(|| {
        OperationError::failed(
            format!(
                "the frame has shape {:?}, other than the signal",
                frame.shape()
            ),
            "the file is damaged, or its header does not describe it",
        )
    })
}

/// Rows and columns of an image.
pub fn frame_rows_columns(frame: &Frame) -> Result<(usize, usize), OperationError> {
    match frame.shape() {
        [rows, columns] => Ok((*rows, *columns)),
        shape => Err(OperationError::failed(
            format!("the frame has shape {shape:?}, two axes are needed"),
            "add the operation to a signal of images",
        )),
    }
}

/// As [`grid`], with hot pixels as invalid ones, for what compares pixels with the brightest of the frame.
pub fn grid_without_hot_pixels(frame: &Frame) -> Result<Grid<f64>, OperationError> {
    let mut grid = grid(frame)?;
    robust::leave_out_hot_pixels(&mut grid);
    Ok(grid)
}

/// An image in single precision where that holds every one of its pixels, else in double precision; NaN is invalid.
pub enum Image {
    Single(LentGrid<f32>),
    Double(LentGrid<f64>),
}

/// The frame's pixels, what is not finite as invalid, in memory that is used again.
pub fn image(frame: &Frame) -> Result<Image, OperationError> {
    let (rows, columns) = frame_rows_columns(frame)?;
    let mut single = pool::grid(rows, columns);
    let is_exact = signal::for_pixels!(frame, |pixels| vectorised(Single {
        pixels,
        out: &mut single.values,
    }));
    if is_exact {
        return Ok(Image::Single(single));
    }
    let mut double = pool::grid(rows, columns);
    signal::for_pixels!(frame, |pixels| {
        for (out, pixel) in double.values.iter_mut().zip(pixels) {
            *out = valid(pixel.to_f64());
        }
    });
    Ok(Image::Double(double))
}

/// As [`image`], with hot pixels as invalid ones too.
pub fn image_without_hot_pixels(frame: &Frame) -> Result<Image, OperationError> {
    let mut image = image(frame)?;
    match &mut image {
        Image::Single(grid) => robust::leave_out_hot_pixels(grid),
        Image::Double(grid) => robust::leave_out_hot_pixels(grid),
    }
    Ok(image)
}

/// The frame's pixels in single precision, as they are.
pub fn values(frame: &Frame, out: &mut Vec<f32>) {
    out.resize(frame.len(), 0.0);
    signal::for_pixels!(frame, |pixels| vectorised(AsTheyAre { pixels, out }));
}

struct AsTheyAre<'a, T> {
    pixels: &'a [T],
    out: &'a mut [f32],
}

impl<T: Element> Vectorised for AsTheyAre<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (out, pixel) in self.out.iter_mut().zip(self.pixels) {
            *out = pixel.to_f32();
        }
    }
}

/// Pixels in single precision, what is not finite as NaN; whether that is all of them.
struct Single<'a, T> {
    pixels: &'a [T],
    out: &'a mut [f32],
}

impl<T: Element> Vectorised for Single<'_, T> {
    type Result = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let is_short = matches!(
            T::TYPE,
            ElementType::U8 | ElementType::I8 | ElementType::U16 | ElementType::I16
        );
        if is_short {
            for (out, pixel) in self.out.iter_mut().zip(self.pixels) {
                *out = pixel.to_f32();
            }
            return true;
        }
        let mut is_exact = true;
        for (out, pixel) in self.out.iter_mut().zip(self.pixels) {
            let single = pixel.to_f32();
            let is_finite = single.abs() < f32::INFINITY;
            *out = if is_finite { single } else { f32::NAN };
            let double = pixel.to_f64();
            is_exact &= (f64::from(single) == double) | double.is_nan();
        }
        is_exact
    }
}

fn valid(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// The frame's pixels as `f64`; infinities become NaN, so "invalid" has one form from here on.
pub fn grid(frame: &Frame) -> Result<Grid<f64>, OperationError> {
    let (rows, columns) = frame_rows_columns(frame)?;
    let values = signal::for_pixels!(frame, |pixels| pixels
        .iter()
        .map(|pixel| valid(pixel.to_f64()))
        .collect());
    Ok(Grid::new(rows, columns, values))
}
