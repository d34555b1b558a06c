//! Gathers one frame of many: the mean or the brightest pixels of the whole scan or of a region of it.
//!
//! `(ny, nx | ky, kx) → (| ky, kx)`, counts → counts: one frame, without navigation axes. Mean: `Σ I / n` per pixel over
//! the positions where the pixel is finite, as `f32`; sums of 8 and 16 bits are exact, others in `f64`. The mean of complex numbers is
//! that of both parts where both are finite, as `c64`; that of colours a colour, channel by channel, rounded (with opacity: of what is
//! seen). Maximum: the
//! largest finite value per pixel, as `f32`, or `f64` where the input has more digits (64-bit integers beyond 2⁵³ lose their
//! last ones). A pixel that is finite nowhere (a dead one) is NaN. Pieces of the scan are summed for themselves and merged in pairs of neighbours, the same
//! for any number of threads. Whole scan, O(scan · P). Reference: none needed.

use std::any::Any;
use std::sync::Arc;

use signal::simd::{Vectorised, vectorised};
use signal::{
    Axes, CancelToken, Category, Element, ElementType, Finished, Frame, HeapBytes, Inputs,
    NavigationIndex, Needs, NotApplicable, Operation, OperationError, OperationInfo, Output,
    Positions, Preparation, Prepare, Region, SignalKind, SignalMeta, for_pixels, parameters,
};

use crate::inputs;

/// Largest frames that are gathered in pieces: a few of them are in memory at a time.
const MAX_PIXELS: usize = 1 << 19;
/// Frames of 16 bits whose sum fits 32.
const FRAMES_PER_U32: u32 = 1 << 16;

parameters! {
    /// The mean of all frames, or of those of a region of the scan.
    pub struct MeanPattern {
        /// Scan positions that count. Left out: all.
        pub positions: Option<Region> = None;
    }
}

parameters! {
    /// The largest value of every pixel over all frames, or over those of a region of the scan.
    pub struct MaximumPattern {
        /// Scan positions that count. Left out: all.
        pub positions: Option<Region> = None;
    }
}

fn describe(
    inputs: &[&SignalMeta],
    region: Option<Region>,
    element: impl Fn(ElementType) -> ElementType,
) -> Result<SignalMeta, NotApplicable> {
    let takes = "frames of a scan";
    let [input] = inputs else {
        let reason = format!("{} inputs were given, not 1", inputs.len());
        return Err(NotApplicable::new(reason, takes));
    };
    if input.kind != SignalKind::Frame {
        let reason = format!("the signal has {}, not frames", input.kind.noun());
        return Err(NotApplicable::new(reason, takes));
    }
    if input.axes.navigation.is_empty() {
        let reason = format!("the signal {} has one frame", input.axes.shape_text());
        return Err(NotApplicable::new(reason, takes));
    }
    let cut = match region {
        Some(region) => inputs::region_inside(region, &input.axes, "region")?.1,
        None => None,
    };
    let mut meta = (*input).clone().with_element(element(input.element));
    meta.axes = Axes::new(Vec::new(), input.axes.signal.clone());
    meta.caveats.extend(cut);
    Ok(meta)
}

fn wanted(region: Option<Region>) -> Positions {
    region.map_or(Positions::All, Positions::Region)
}

fn gathered(frame: Option<&Frame>) -> Result<Output, OperationError> {
    let frame = frame.ok_or_else(none_gathered)?;
    Ok(Output::Frame(frame.clone()))
}

/// Both operations differ in what they keep of a frame.
macro_rules! pattern {
    ($Operation:ident, $Params:ident, $name:literal, $title:literal, $summary:literal, $element:expr, $gather:ident, $takes_all:literal) => {
        #[derive(Default)]
        pub struct $Operation;

        impl Operation for $Operation {
            type Params = $Params;
            type Prepared = Frame;
            const INFO: OperationInfo = OperationInfo {
                name: $name,
                method: "pattern",
                parameters_type: stringify!($Params),
                title: $title,
                summary: $summary,
                category: Category::Patterns,
                reference: "",
            };
            const REVISION: u32 = 2;
            const COMPLEX: bool = $takes_all;
            const COLOUR: bool = $takes_all;

            fn describe(
                &self,
                inputs: &[&SignalMeta],
                params: &$Params,
            ) -> Result<SignalMeta, NotApplicable> {
                describe(inputs, params.positions, $element)
            }

            /// All is gathered before.
            fn needs(
                &self,
                _input: usize,
                _at: NavigationIndex,
                _inputs: &[Arc<SignalMeta>],
                _params: &$Params,
            ) -> Needs {
                Needs::Nothing
            }

            fn preparation(
                &self,
                inputs: &[&SignalMeta],
                params: &$Params,
            ) -> Option<Preparation<Frame>> {
                let gather = $gather::new(inputs.first()?);
                Some(Preparation::new(wanted(params.positions), gather))
            }

            fn compute(
                &self,
                _inputs: &Inputs<'_>,
                _at: NavigationIndex,
                _params: &$Params,
                prepared: Option<&Frame>,
                _cancel: &CancelToken,
            ) -> Result<Output, OperationError> {
                gathered(prepared)
            }
        }
    };
}

pattern!(
    GatherMean,
    MeanPattern,
    "mean_pattern",
    "Mean pattern",
    "One frame: the mean of all frames of the scan, or of a region of it.",
    ElementType::mean,
    Mean,
    true
);

pattern!(
    GatherMaximum,
    MaximumPattern,
    "maximum_pattern",
    "Maximum pattern",
    "One frame: the largest value of every pixel over the scan, or over a region of it.",
    ElementType::as_float,
    Maximum,
    false
);

fn none_gathered() -> OperationError {
    OperationError::failed("no frame was gathered", "choose another region of the scan")
}

fn fits(frame: &Frame, shape: &[usize]) -> Result<(), OperationError> {
    if frame.shape() == shape {
        return Ok(());
    }
    Err(OperationError::failed(
        format!("a frame of shape {:?}, not {shape:?}", frame.shape()),
        "the file is damaged, or its header does not describe it",
    ))
}

/// Sums per pixel.
enum Sums {
    Nothing,
    /// Of 8 and 16 bits: exact.
    Whole {
        /// Of the frames since the last addition to `wide`.
        narrow: Vec<u32>,
        narrow_frames: u32,
        wide: Vec<u64>,
        frames: u64,
    },
    Float {
        sums: Vec<f64>,
        valid: Vec<u32>,
    },
}

struct Mean {
    shape: Vec<usize>,
    /// Of what is gathered.
    element: ElementType,
    sums: Sums,
}

impl Mean {
    fn new(input: &SignalMeta) -> Self {
        Mean {
            shape: input.axes.signal_shape(),
            element: input.element,
            sums: Sums::Nothing,
        }
    }
}

struct AddWhole<'a, T>(&'a mut [u32], &'a [T]);

impl<T: Copy + Into<u32>> Vectorised for AddWhole<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        for (sum, pixel) in self.0.iter_mut().zip(self.1) {
            *sum += (*pixel).into();
        }
    }
}

struct AddFloat<'a, T>(&'a mut [f64], &'a mut [u32], &'a [T]);

impl<T: Element> Vectorised for AddFloat<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        for ((sum, valid), pixel) in self.0.iter_mut().zip(self.1).zip(self.2) {
            let value = pixel.to_f64();
            let finite = value.is_finite();
            *sum += if finite { value } else { 0.0 };
            *valid += u32::from(finite);
        }
    }
}

fn widen(wide: &mut Vec<u64>, narrow: &mut [u32]) {
    wide.resize(narrow.len(), 0);
    for (wide, narrow) in wide.iter_mut().zip(narrow) {
        *wide += u64::from(std::mem::take(narrow));
    }
}

impl HeapBytes for Sums {
    fn heap_bytes(&self) -> usize {
        match self {
            Sums::Nothing => 0,
            Sums::Whole { narrow, wide, .. } => narrow.heap_bytes() + wide.heap_bytes(),
            Sums::Float { sums, valid } => sums.heap_bytes() + valid.heap_bytes(),
        }
    }
}

impl Sums {
    /// Whole numbers as real ones: a frame with dead pixels has NaN there, one in which they hold numbers has not.
    fn become_float(&mut self) {
        if let Sums::Whole {
            narrow,
            wide,
            frames,
            ..
        } = self
        {
            widen(wide, narrow);
            *self = Sums::Float {
                valid: vec![*frames as u32; wide.len()],
                sums: wide.iter().map(|sum| *sum as f64).collect(),
            };
        }
    }

    fn add(&mut self, frame: &Frame) {
        let whole = matches!(frame.element(), ElementType::U8 | ElementType::U16);
        if !whole {
            self.become_float();
        }
        if matches!(self, Sums::Nothing) {
            *self = match whole {
                true => Sums::Whole {
                    narrow: vec![0; frame.len()],
                    narrow_frames: 0,
                    wide: Vec::new(),
                    frames: 0,
                },
                false => Sums::Float {
                    sums: vec![0.0; frame.len()],
                    valid: vec![0; frame.len()],
                },
            };
        }
        match self {
            Sums::Nothing => {}
            Sums::Whole {
                narrow,
                narrow_frames,
                wide,
                frames,
            } => {
                if *narrow_frames == FRAMES_PER_U32 {
                    widen(wide, narrow);
                    *narrow_frames = 0;
                }
                match (frame.pixels::<u8>(), frame.pixels::<u16>()) {
                    (Some(pixels), _) => vectorised(AddWhole(narrow, pixels)),
                    (_, Some(pixels)) => vectorised(AddWhole(narrow, pixels)),
                    _ => {}
                }
                *narrow_frames += 1;
                *frames += 1;
            }
            Sums::Float { sums, valid } => {
                for_pixels!(frame, |pixels| vectorised(AddFloat(sums, valid, pixels)));
            }
        }
    }

    fn merge(&mut self, mut later: Sums) {
        if matches!(self, Sums::Float { .. }) || matches!(later, Sums::Float { .. }) {
            self.become_float();
            later.become_float();
        }
        match (&mut *self, later) {
            (_, Sums::Nothing) => {}
            (Sums::Nothing, later) => *self = later,
            (
                Sums::Whole {
                    narrow,
                    narrow_frames,
                    wide,
                    frames,
                },
                Sums::Whole {
                    narrow: mut more_narrow,
                    narrow_frames: more_frames,
                    wide: more_wide,
                    frames: more,
                },
            ) => {
                *frames += more;
                if *narrow_frames + more_frames > FRAMES_PER_U32 {
                    widen(wide, narrow);
                    widen(wide, &mut more_narrow);
                    *narrow_frames = 0;
                } else {
                    vectorised(AddWhole(narrow, &more_narrow));
                    *narrow_frames += more_frames;
                }
                if !more_wide.is_empty() {
                    wide.resize(narrow.len(), 0);
                    (wide.iter_mut().zip(&more_wide)).for_each(|(sum, more)| *sum += more);
                }
            }
            (
                Sums::Float { sums, valid },
                Sums::Float {
                    sums: more,
                    valid: more_valid,
                },
            ) => {
                (sums.iter_mut().zip(&more)).for_each(|(sum, more)| *sum += more);
                (valid.iter_mut().zip(&more_valid)).for_each(|(sum, more)| *sum += more);
            }
            // Both are of the same kind by now.
            _ => {}
        }
    }

    fn means(mut self) -> Vec<f64> {
        match &mut self {
            Sums::Nothing => Vec::new(),
            Sums::Whole {
                narrow,
                wide,
                frames,
                ..
            } => {
                widen(wide, narrow);
                let frames = *frames as f64;
                wide.iter().map(|sum| *sum as f64 / frames).collect()
            }
            Sums::Float { sums, valid } => (sums.iter().zip(valid))
                .map(|(sum, valid)| match *valid {
                    0 => f64::NAN,
                    valid => sum / f64::from(valid),
                })
                .collect(),
        }
    }
}

impl Prepare<Frame> for Mean {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        _cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        let frame = inputs.frame()?;
        fits(frame, &self.shape)?;
        match self.element.numbers() {
            1 => self.sums.add(frame),
            _ => self.sums.add(&frame.to_numbers()),
        }
        Ok(())
    }

    fn finish(&mut self, _cancel: &CancelToken) -> Result<Finished<Frame>, OperationError> {
        let sums = std::mem::replace(&mut self.sums, Sums::Nothing);
        let means = sums.means();
        let mean = match self.element.numbers() {
            1 => {
                let means = means.into_iter().map(|mean| mean as f32).collect();
                Frame::from_vec::<f32>(&self.shape, means)
            }
            _ => Frame::of_numbers(&self.shape, self.element.mean(), &means),
        };
        Ok(Finished::Done(mean.map_err(|_| none_gathered())?))
    }

    fn heap_bytes(&self) -> usize {
        self.sums.heap_bytes()
    }

    fn fork(&self) -> Option<Box<dyn Prepare<Frame>>> {
        (self.shape.iter().product::<usize>() <= MAX_PIXELS).then(|| {
            Box::new(Mean {
                shape: self.shape.clone(),
                element: self.element,
                sums: Sums::Nothing,
            }) as Box<dyn Prepare<Frame>>
        })
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn merge(&mut self, later: &mut dyn Any) {
        if let Some(later) = later.downcast_mut::<Mean>() {
            self.sums
                .merge(std::mem::replace(&mut later.sums, Sums::Nothing));
        }
    }
}

struct Maximum {
    shape: Vec<usize>,
    element: ElementType,
    /// NaN where nothing was finite; empty before the first frame.
    largest: Vec<f64>,
}

impl Maximum {
    fn new(input: &SignalMeta) -> Self {
        Maximum {
            shape: input.axes.signal_shape(),
            element: input.element.as_float(),
            largest: Vec::new(),
        }
    }
}

struct Largest<'a, T>(&'a mut [f64], &'a [T]);

impl<T: Element> Vectorised for Largest<'_, T> {
    type Result = ();
    #[inline(always)]
    fn run(self) {
        for (largest, pixel) in self.0.iter_mut().zip(self.1) {
            let value = pixel.to_f64();
            // NaN is not at least anything.
            let keep = *largest >= value || !value.is_finite();
            *largest = if keep { *largest } else { value };
        }
    }
}

impl Prepare<Frame> for Maximum {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        _cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        let frame = inputs.frame()?;
        fits(frame, &self.shape)?;
        self.largest.resize(frame.len(), f64::NAN);
        for_pixels!(frame, |pixels| vectorised(Largest(
            &mut self.largest,
            pixels
        )));
        Ok(())
    }

    fn finish(&mut self, _cancel: &CancelToken) -> Result<Finished<Frame>, OperationError> {
        let largest = std::mem::take(&mut self.largest);
        let largest = Frame::from_vec(&self.shape, largest).map_err(|_| none_gathered())?;
        Ok(Finished::Done(largest.cast(self.element)))
    }

    fn heap_bytes(&self) -> usize {
        self.largest.heap_bytes()
    }

    fn fork(&self) -> Option<Box<dyn Prepare<Frame>>> {
        (self.shape.iter().product::<usize>() <= MAX_PIXELS).then(|| {
            Box::new(Maximum {
                shape: self.shape.clone(),
                element: self.element,
                largest: Vec::new(),
            }) as Box<dyn Prepare<Frame>>
        })
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn merge(&mut self, later: &mut dyn Any) {
        if let Some(later) = later.downcast_mut::<Maximum>()
            && !later.largest.is_empty()
        {
            self.largest.resize(later.largest.len(), f64::NAN);
            vectorised(Largest(&mut self.largest, &later.largest));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn gather(mut prepare: Box<dyn Prepare<Frame>>, frames: &[Frame]) -> Box<dyn Prepare<Frame>> {
        for frame in frames {
            let outputs = [Output::Frame(frame.clone())];
            let inputs = Inputs {
                metas: &[] as &[Arc<SignalMeta>],
                outputs: &outputs,
            };
            let at = NavigationIndex::new(&[0, 0]);
            prepare.add(at, &inputs, &CancelToken::new()).unwrap();
        }
        prepare
    }

    fn finish(mut gathered: Box<dyn Prepare<Frame>>) -> Frame {
        match gathered.finish(&CancelToken::new()).unwrap() {
            Finished::Done(frame) => frame,
            Finished::Again(_) => panic!("one pass is enough"),
        }
    }

    fn meta(element: ElementType) -> SignalMeta {
        let axes = Axes::new(
            vec![signal::Axis::pixels("x", 3)],
            vec![signal::Axis::pixels("ky", 2), signal::Axis::pixels("kx", 2)],
        );
        SignalMeta::frames("scan", axes, element)
    }

    #[test]
    fn parts_merge_to_the_whole_and_nan_is_left_out() {
        let nan = f32::NAN;
        let frames = [
            Frame::from_vec(&[2, 2], vec![1.0f32, nan, nan, f32::INFINITY]).unwrap(),
            Frame::from_vec(&[2, 2], vec![2.0f32, 5.0, nan, -3.0]).unwrap(),
            Frame::from_vec(&[2, 2], vec![6.0f32, 8.0, nan, -4.0]).unwrap(),
        ];
        let meta = meta(ElementType::F32);
        let kinds: [Box<dyn Prepare<Frame>>; 2] =
            [Box::new(Mean::new(&meta)), Box::new(Maximum::new(&meta))];
        let expected = [[3.0, 6.5, nan, -3.5], [6.0, 8.0, nan, -3.0]];
        for (kind, expected) in kinds.into_iter().zip(expected) {
            let mut first = gather(kind.fork().unwrap(), &frames[..1]);
            let mut later = gather(kind.fork().unwrap(), &frames[1..]);
            first.merge(later.as_any().unwrap());
            let frame = finish(first);
            let found = frame.pixels::<f32>().unwrap();
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found.to_bits(), expected.to_bits());
            }
        }
    }

    #[test]
    fn complex_numbers_and_colours_are_gathered_number_by_number() {
        let complex = |parts: [f64; 8]| {
            Frame::from_parts(&[2, 2], ElementType::C128, parts.to_vec()).unwrap()
        };
        let frames = [
            complex([3.0, 4.0, 1.0, -1.0, 0.5, 0.0, f64::NAN, 2.0]),
            complex([-3.0, 2.0, 3.0, 0.0, 0.5, 1.0, 5.0, 6.0]),
        ];
        let expected = [0.0, 3.0, 2.0, -0.5, 0.5, 0.5, 5.0, 6.0f32];
        let expected = Frame::from_parts(&[2, 2], ElementType::C64, expected.to_vec()).unwrap();
        let colours = |parts: [u8; 12]| {
            Frame::from_parts(&[2, 2], ElementType::Rgb8, parts.to_vec()).unwrap()
        };
        let photos = [
            colours([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]),
            colours([0, 3, 2, 4, 0, 5, 6, 7, 18, 9, 10, 255]),
        ];
        let mean = colours([0, 2, 2, 4, 2, 5, 6, 7, 13, 9, 10, 255]);
        for (frames, expected) in [(frames, expected), (photos, mean)] {
            let meta = meta(frames[0].element());
            let mut first = gather(Box::new(Mean::new(&meta)), &frames[..1]);
            let mut later = gather(Box::new(Mean::new(&meta)), &frames[1..]);
            first.merge(later.as_any().unwrap());
            let found = finish(first);
            assert_eq!(found.element(), expected.element());
            assert_eq!(found.as_bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn whole_and_real_frames_of_a_scan_with_dead_pixels_add_up() {
        let meta = meta(ElementType::U16);
        let whole = Frame::from_vec(&[2, 2], vec![4u16, 2, 7, 1]).unwrap();
        let holed = Frame::from_vec(&[2, 2], vec![2u16, 65535, 3, 1]).unwrap();
        let holed = holed.without([1]);
        for frames in [[whole.clone(), holed.clone()], [holed, whole]] {
            let together = gather(Box::new(Mean::new(&meta)), &frames);
            let mut first = gather(Box::new(Mean::new(&meta)), &frames[..1]);
            let mut later = gather(Box::new(Mean::new(&meta)), &frames[1..]);
            first.merge(later.as_any().unwrap());
            for mean in [together, first] {
                let frame = finish(mean);
                assert_eq!(frame.pixels::<f32>().unwrap(), [3.0, 2.0, 5.0, 1.0]);
            }
        }
    }

    #[test]
    fn counts_are_summed_beyond_32_bits() {
        let meta = meta(ElementType::U16);
        let full = Frame::from_vec(&[2, 2], vec![u16::MAX, 0, 1, 65534]).unwrap();
        let frames = vec![full; 70_000];
        let mut mean = gather(Box::new(Mean::new(&meta)), &frames);
        let mut later = gather(Box::new(Mean::new(&meta)), &frames);
        mean.merge(later.as_any().unwrap());
        let frame = finish(mean);
        assert_eq!(frame.pixels::<f32>().unwrap(), [65535.0, 0.0, 1.0, 65534.0]);
    }
}
