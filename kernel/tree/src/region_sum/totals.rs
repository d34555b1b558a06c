//! Sums of frames, pixel by pixel: of complex numbers and colours number by number ([`Frame::to_numbers`]).

use std::borrow::Cow;

use signal::simd::{Vectorised, vectorised};
use signal::{Element, ElementType, Frame, SignalMeta, for_pixels};

use super::RegionStatistic;
use crate::{Cause, ComputeError, Node};

/// Frames that are added together: their sum of 16-bit counts fits into 32 bits.
pub(super) const AT_ONCE: usize = 64;
/// Pixels added at a time, over all frames: their sums stay in the fastest cache.
const RUN: usize = 4096;
/// Fewest pixels worth a thread of their own.
const PIXELS_PER_THREAD: usize = 16384;

#[derive(Clone, Debug, PartialEq)]
enum Sums {
    /// Whole numbers, exact whatever the order. Counts of pixels below are those of frames.
    Whole(Vec<i64>),
    /// Finite values, and how many of them.
    Real(Vec<f64>, Vec<u32>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Totals {
    frames: usize,
    sums: Sums,
}

impl Totals {
    /// `holed`: the frames have invalid pixels, whatever their type.
    pub fn new(meta: &SignalMeta, holed: bool) -> Self {
        let pixels = meta.axes.frame_len() * meta.element.numbers();
        let sums = match meta.element {
            _ if holed => Sums::Real(vec![0.0; pixels], vec![0; pixels]),
            element if element.is_float() || element.part().size_bytes() > 4 => {
                Sums::Real(vec![0.0; pixels], vec![0; pixels])
            }
            _ => Sums::Whole(vec![0; pixels]),
        };
        Totals { frames: 0, sums }
    }

    pub fn frames(&self) -> usize {
        self.frames
    }

    pub fn bytes(&self) -> usize {
        match &self.sums {
            Sums::Whole(sums) => size_of_val(&**sums),
            Sums::Real(sums, valid) => size_of_val(&**sums) + size_of_val(&**valid),
        }
    }

    /// Whether the order of additions makes no difference.
    pub fn is_exact(&self) -> bool {
        matches!(self.sums, Sums::Whole(_))
    }

    pub fn add(&mut self, frames: &[Frame]) {
        self.frames += frames.len();
        let frames = &*numbers(frames);
        match &mut self.sums {
            Sums::Whole(sums) => add_whole(sums, 0, frames, 1),
            Sums::Real(sums, valid) => add_real(sums, valid, 0, frames, false),
        }
    }

    /// Takes `gone` away and adds `new`, with several threads on parts of the frame.
    pub fn replace(&mut self, gone: &[Frame], new: &[Frame], threads: usize) {
        self.frames = (self.frames + new.len()).saturating_sub(gone.len());
        let (gone, new) = (&*numbers(gone), &*numbers(new));
        let part = |pixels: usize| {
            let parts = threads.clamp(1, pixels.div_ceil(PIXELS_PER_THREAD).max(1));
            pixels.div_ceil(parts).max(1)
        };
        std::thread::scope(|scope| match &mut self.sums {
            Sums::Whole(sums) => {
                let part = part(sums.len());
                let mut parts = sums.chunks_mut(part).enumerate();
                let first = parts.next();
                let work = move |number: usize, sums: &mut [i64]| {
                    for some in gone.chunks(AT_ONCE) {
                        add_whole(sums, number * part, some, -1);
                    }
                    for some in new.chunks(AT_ONCE) {
                        add_whole(sums, number * part, some, 1);
                    }
                };
                for (number, sums) in parts {
                    scope.spawn(move || work(number, sums));
                }
                if let Some((number, sums)) = first {
                    work(number, sums);
                }
            }
            Sums::Real(sums, valid) => {
                let part = part(sums.len());
                let mut parts = sums
                    .chunks_mut(part)
                    .zip(valid.chunks_mut(part))
                    .enumerate();
                let first = parts.next();
                let work = move |number: usize, sums: &mut [f64], valid: &mut [u32]| {
                    add_real(sums, valid, number * part, gone, true);
                    add_real(sums, valid, number * part, new, false);
                };
                for (number, (sums, valid)) in parts {
                    scope.spawn(move || work(number, sums, valid));
                }
                if let Some((number, (sums, valid))) = first {
                    work(number, sums, valid);
                }
            }
        });
    }

    pub fn merge(&mut self, other: &Totals) {
        self.frames += other.frames;
        match (&mut self.sums, &other.sums) {
            (Sums::Whole(sums), Sums::Whole(others)) => {
                (sums.iter_mut().zip(others)).for_each(|(sum, other)| *sum += other);
            }
            (Sums::Real(sums, valid), Sums::Real(others, others_valid)) => {
                (sums.iter_mut().zip(others)).for_each(|(sum, other)| *sum += other);
                (valid.iter_mut().zip(others_valid)).for_each(|(sum, other)| *sum += other);
            }
            _ => debug_assert!(false, "sums of different signals"),
        }
    }

    /// The frame these sums make. `expected`: they are part of so many frames, and a sum is scaled up to them.
    pub fn frame(
        &self,
        node: &Node,
        statistic: RegionStatistic,
        expected: Option<usize>,
    ) -> Result<Frame, ComputeError> {
        let frames = self.frames as f64;
        let scale = expected.map_or(1.0, |expected| expected as f64 / frames);
        let shape = node.meta.axes.signal_shape();
        let element = node.meta.element;
        let made = match (element.numbers(), statistic) {
            (1, RegionStatistic::Mean) => {
                let means = self.means().map(|mean| mean as f32);
                Frame::from_vec(&shape, means.collect::<Vec<f32>>())
            }
            (1, RegionStatistic::Sum) => {
                Frame::from_vec(&shape, self.sums(scale).collect::<Vec<f64>>())
            }
            (_, RegionStatistic::Sum) if element.is_complex() => {
                let sums: Vec<f64> = self.sums(scale).collect();
                Frame::of_numbers(&shape, ElementType::C128, &sums)
            }
            // Of colours a sum would be beyond white.
            _ => {
                let means: Vec<f64> = self.means().collect();
                Frame::of_numbers(&shape, element.mean(), &means)
            }
        };
        made.map_err(|found| {
            let expected = format!("a frame of shape {shape:?}");
            ComputeError::new(node, None, Cause::WrongOutput { expected, found })
        })
    }

    fn means(&self) -> impl Iterator<Item = f64> {
        let (whole, real) = self.counted();
        let frames = self.frames as f64;
        let whole = whole.iter().map(move |sum| (*sum as f64, frames));
        let real = real.map(|(sum, valid)| (sum, f64::from(valid)));
        whole
            .chain(real)
            .map(|(sum, count)| if count > 0.0 { sum / count } else { f64::NAN })
    }

    fn sums(&self, scale: f64) -> impl Iterator<Item = f64> {
        let (whole, real) = self.counted();
        let whole = whole.iter().map(move |sum| *sum as f64 * scale);
        let real = real.map(move |(sum, valid)| match valid {
            0 => f64::NAN,
            _ => sum * scale,
        });
        whole.chain(real)
    }

    /// One of both kinds of sums; of the other there are none.
    fn counted(&self) -> (&[i64], impl Iterator<Item = (f64, u32)>) {
        let none = (&[][..], &[][..]);
        let (whole, (sums, valid)): (&[i64], (&[f64], &[u32])) = match &self.sums {
            Sums::Whole(sums) => (&sums[..], none),
            Sums::Real(sums, valid) => (&[][..], (&sums[..], &valid[..])),
        };
        (whole, sums.iter().copied().zip(valid.iter().copied()))
    }
}

/// Frames of real numbers are themselves.
fn numbers(frames: &[Frame]) -> Cow<'_, [Frame]> {
    match frames.first().map(|frame| frame.element().numbers()) {
        None | Some(1) => Cow::Borrowed(frames),
        Some(_) => Cow::Owned(frames.iter().map(Frame::to_numbers).collect()),
    }
}

/// Adds `sign` times the pixels from `start` on of at most [`AT_ONCE`] frames.
fn add_whole(sums: &mut [i64], start: usize, frames: &[Frame], sign: i64) {
    let Some(first) = frames.first() else { return };
    match first.element() {
        ElementType::U8 => add_small::<u8>(sums, start, frames, sign),
        ElementType::U16 => add_small::<u16>(sums, start, frames, sign),
        _ => {
            for frame in frames {
                for_pixels!(frame, |pixels| {
                    for (sum, pixel) in sums.iter_mut().zip(&pixels[start..]) {
                        *sum += sign * pixel.to_f64() as i64;
                    }
                });
            }
        }
    }
}

fn add_small<T: Element + Into<u32>>(sums: &mut [i64], start: usize, frames: &[Frame], sign: i64) {
    let pixels: Vec<&[T]> = (frames.iter())
        .filter_map(|frame| frame.pixels::<T>())
        .map(|pixels| &pixels[start..start + sums.len()])
        .collect();
    vectorised(AddSmall { sums, pixels, sign });
}

struct AddSmall<'a, T> {
    sums: &'a mut [i64],
    pixels: Vec<&'a [T]>,
    sign: i64,
}

impl<T: Element + Into<u32>> Vectorised for AddSmall<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let mut run_sums = [0u32; RUN];
        for (number, sums) in self.sums.chunks_mut(RUN).enumerate() {
            let first = number * RUN;
            let run_sums = &mut run_sums[..sums.len()];
            run_sums.fill(0);
            for pixels in &self.pixels {
                let run = &pixels[first..first + sums.len()];
                for (sum, pixel) in run_sums.iter_mut().zip(run) {
                    *sum += (*pixel).into();
                }
            }
            for (sum, new) in sums.iter_mut().zip(&*run_sums) {
                *sum += self.sign * i64::from(*new);
            }
        }
    }
}

/// Adds, or takes away, the finite pixels from `start` on.
fn add_real(sums: &mut [f64], valid: &mut [u32], start: usize, frames: &[Frame], away: bool) {
    for (number, (sums, valid)) in (sums.chunks_mut(RUN).zip(valid.chunks_mut(RUN))).enumerate() {
        let first = start + number * RUN;
        for frame in frames {
            for_pixels!(frame, |pixels| {
                let run = &pixels[first..first + sums.len()];
                for ((sum, valid), pixel) in sums.iter_mut().zip(valid.iter_mut()).zip(run) {
                    let value = pixel.to_f64();
                    let finite = value.is_finite();
                    let value = if finite { value } else { 0.0 };
                    *sum += if away { -value } else { value };
                    let one = u32::from(finite);
                    *valid = if away { *valid - one } else { *valid + one };
                }
            });
        }
    }
}
