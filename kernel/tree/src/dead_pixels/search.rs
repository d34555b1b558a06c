//! Which pixels are dead, told from a few frames.

use signal::{Element, ElementType, Frame, for_pixels};

use super::is_largest;

/// Fewest frames in which a pixel must hold the largest number of an 8- or 16-bit type: a count may be that large.
const FEWEST_FRAMES: usize = 3;
/// Share of the pixels around a group that must be below half of the largest number.
const DARK_AROUND: f64 = 0.75;
/// A spot fades: what touches it is this much brighter than what lies one pixel further, and at least this share of the
/// largest number.
const FADING: f64 = 4.0;
const GLOW: f64 = 0.02;

/// What the frames so far say of each pixel.
pub(super) struct Search {
    rows: usize,
    columns: usize,
    /// 32 bits and more are never counted to their end.
    wide: bool,
    frames: usize,
    /// Frames in which the pixel held the largest number, and in which it was above half of it.
    largest: Vec<u8>,
    bright: Vec<u8>,
    /// Sum over the frames, in units of the largest number.
    sums: Vec<f32>,
}

impl Search {
    pub fn new(rows: usize, columns: usize, element: ElementType) -> Self {
        Search {
            rows,
            columns,
            wide: element.size_bytes() >= 4,
            frames: 0,
            largest: vec![0; rows * columns],
            bright: vec![0; rows * columns],
            sums: vec![0.0; rows * columns],
        }
    }

    /// Frames that said something.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Whether dead pixels are still possible after one more frame.
    pub fn look_at(&mut self, frame: &Frame) -> bool {
        if frame.rows_columns() != (self.rows, self.columns) {
            return true;
        }
        for_pixels!(frame, |pixels| self.add(pixels))
    }

    fn add<T: Element>(&mut self, pixels: &[T]) -> bool {
        let (Some(first), Some(end)) = (pixels.first(), T::LARGEST) else {
            return true;
        };
        if pixels.iter().all(|pixel| pixel == first) {
            return true;
        }
        self.frames += 1;
        let end = end.to_f64();
        let counts = self.largest.iter_mut().zip(&mut self.bright);
        let mut possible = false;
        for (((largest, bright), sum), pixel) in counts.zip(&mut self.sums).zip(pixels) {
            let share = pixel.to_f64() / end;
            *largest += u8::from(is_largest(pixel));
            *bright += u8::from(share > 0.5);
            *sum += share as f32;
            possible |= usize::from(*largest) == self.frames;
        }
        possible
    }

    /// Flat places in C order. All that held the largest number in every frame, of 8 and 16 bits with two more conditions,
    /// so that a saturated beam is none: they are far brighter than what is around their group, and the group
    /// goes from one edge of the frame to the other (a gap between modules) or is nowhere three pixels thick and does not
    /// fade as a spot does (single pixels, lines, neighbouring channels of a spectrum).
    pub fn found(self) -> Vec<usize> {
        if self.frames == 0 {
            return Vec::new();
        }
        let dead: Vec<bool> = (self.largest.iter())
            .map(|frames| usize::from(*frames) == self.frames)
            .collect();
        let mut seen = vec![false; dead.len()];
        let mut found = Vec::new();
        for place in 0..dead.len() {
            if dead[place] && !seen[place] {
                let group = self.group(place, &dead, &mut seen);
                if self.wide || self.stands_alone(&group, &dead) {
                    found.extend(group);
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Everything that touches `first`, at a corner too.
    fn group(&self, first: usize, dead: &[bool], seen: &mut [bool]) -> Vec<usize> {
        let mut group = vec![first];
        seen[first] = true;
        let mut next = 0;
        while let Some(place) = group.get(next).copied() {
            next += 1;
            for other in self.around(place) {
                if dead[other] && !seen[other] {
                    seen[other] = true;
                    group.push(other);
                }
            }
        }
        group
    }

    fn around(&self, place: usize) -> impl Iterator<Item = usize> + use<> {
        let (rows, columns) = (self.rows, self.columns);
        let (row, column) = (place / columns, place % columns);
        (row.saturating_sub(1)..(row + 2).min(rows)).flat_map(move |y| {
            (column.saturating_sub(1)..(column + 2).min(columns)).map(move |x| y * columns + x)
        })
    }

    fn stands_alone(&self, group: &[usize], dead: &[bool]) -> bool {
        let spans = self.spans(group);
        let around = self.ring(group, dead);
        let small = || !self.is_thick(group, dead) && !self.fades(group, &around, dead);
        let shaped = spans || (self.frames >= FEWEST_FRAMES && small());
        shaped && self.dark_share(&around) >= DARK_AROUND
    }

    /// From the first row to the last, or from the first column to the last.
    fn spans(&self, group: &[usize]) -> bool {
        let covers = |size: usize, at: &dyn Fn(usize) -> usize| {
            let places = || group.iter().map(|place| at(*place));
            size > 2 && places().min() == Some(0) && places().max() == Some(size - 1)
        };
        // A spectrum is one row.
        self.rows > 1
            && (covers(self.rows, &|place| place / self.columns)
                || covers(self.columns, &|place| place % self.columns))
    }

    /// Whether a square of three pixels fits inside; three channels of a spectrum.
    fn is_thick(&self, group: &[usize], dead: &[bool]) -> bool {
        let down = self.rows.min(3);
        group.iter().any(|place| {
            let (row, column) = (place / self.columns, place % self.columns);
            row + down <= self.rows
                && column + 3 <= self.columns
                && (row..row + down)
                    .all(|y| (column..column + 3).all(|x| dead[y * self.columns + x]))
        })
    }

    /// What touches a group and is not dead.
    fn ring(&self, group: &[usize], dead: &[bool]) -> Vec<usize> {
        let mut ring: Vec<usize> = (group.iter())
            .flat_map(|place| self.around(*place))
            .filter(|place| !dead[*place])
            .collect();
        ring.sort_unstable();
        ring.dedup();
        ring
    }

    /// Whether the pixels around a group are the flank of a spot.
    fn fades(&self, group: &[usize], around: &[usize], dead: &[bool]) -> bool {
        let mean = |places: &[usize]| {
            let sum: f64 = (places.iter())
                .map(|place| f64::from(self.sums[*place]))
                .sum();
            sum / (places.len().max(1) * self.frames) as f64
        };
        let mut further = self.ring(around, dead);
        further.retain(|place| around.binary_search(place).is_err() && !group.contains(place));
        let flank = mean(around);
        flank > GLOW && flank > FADING * mean(&further)
    }

    /// Share of these pixels, over all frames, that are below half of the largest number.
    fn dark_share(&self, ring: &[usize]) -> f64 {
        let bright: usize = ring
            .iter()
            .map(|place| usize::from(self.bright[*place]))
            .sum();
        match ring.len() * self.frames {
            0 => 0.0,
            all => 1.0 - bright as f64 / all as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 2] = [24, 30];

    fn noise(seed: usize) -> usize {
        let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)) as usize >> 16
    }

    /// What is found in `frames` frames of pixels `value(frame, row, column)`, as (row, column).
    fn found<T: Element>(
        frames: usize,
        value: impl Fn(usize, usize, usize) -> T,
    ) -> Vec<(usize, usize)> {
        let [rows, columns] = SHAPE;
        let mut search = Search::new(rows, columns, T::TYPE);
        for frame in 0..frames {
            let pixels = (0..rows * columns).map(|at| value(frame, at / columns, at % columns));
            let frame = Frame::from_vec(&SHAPE, pixels.collect::<Vec<T>>()).unwrap();
            if !search.look_at(&frame) {
                return Vec::new();
            }
        }
        (search.found().into_iter())
            .map(|place| (place / columns, place % columns))
            .collect()
    }

    fn counts(frame: usize, row: usize, column: usize, most: usize) -> usize {
        noise(frame * 10_000 + row * 100 + column) % most
    }

    #[test]
    fn a_gap_and_single_pixels_are_found_in_every_type() {
        let dead = |row: usize, column: usize| {
            (13..15).contains(&column)
                || row == 7
                || (row, column) == (20, 4)
                || (row, column) == (0, 0)
        };
        let expected: Vec<_> = (0..SHAPE[0] * SHAPE[1])
            .map(|at| (at / SHAPE[1], at % SHAPE[1]))
            .filter(|(row, column)| dead(*row, *column))
            .collect();
        macro_rules! check {
            ($($pixel:ty),*) => {$(
                let value = |frame, row, column| match dead(row, column) {
                    true => <$pixel>::MAX,
                    false => counts(frame, row, column, 60) as $pixel,
                };
                assert_eq!(found(5, value), expected, stringify!($pixel));
            )*};
        }
        check!(u8, i8, u16, i16, u32, i32, u64, i64);
    }

    #[test]
    fn a_gap_through_a_bright_disk_is_a_gap() {
        let value = |frame, row: usize, column: usize| match (column == 14, row.abs_diff(12) < 3) {
            (true, _) => u8::MAX,
            (_, true) if column.abs_diff(14) < 4 => {
                250 + (noise(frame * 99 + row + column) % 6) as u8
            }
            _ => counts(frame, row, column, 9) as u8,
        };
        assert_eq!(found(5, value).len(), SHAPE[0]);
    }

    /// A beam of `height` counts with soft edges that the type cuts off.
    fn beam(frame: usize, row: usize, column: usize, height: f64, soft: f64, wander: f64) -> f64 {
        let shift = wander * ((frame * 7 % 5) as f64 - 2.0);
        let distance = (row as f64 - 11.4 - shift).hypot(column as f64 - 15.3);
        height / (1.0 + ((distance - 4.0) / soft).exp()) + counts(frame, row, column, 5) as f64
    }

    #[test]
    fn a_saturated_beam_is_counts() {
        for height in [300.0, 1000.0, 30_000.0] {
            for soft in [0.02, 0.3, 1.0] {
                for wander in [0.0, 0.4] {
                    let value =
                        |frame, row, column| beam(frame, row, column, height, soft, wander) as u8;
                    assert!(found(6, value).is_empty(), "{height} {soft} {wander}");
                    let value = |frame, row, column| {
                        beam(frame, row, column, 257.0 * height, soft, wander) as u16
                    };
                    assert!(found(6, value).is_empty(), "{height} {soft} {wander}");
                }
            }
        }
    }

    #[test]
    fn a_small_saturated_spot_with_a_tail_is_counts() {
        let value = |_, row: usize, column: usize| {
            let squared = (row as f64 - 11.2).powi(2) + (column as f64 - 15.1).powi(2);
            (700.0 * (-squared / 1.3).exp()) as u8
        };
        assert!(found(6, value).is_empty());
        // Narrower still: what is beside the saturated pixels is dark.
        for width in [0.6, 0.9, 1.8, 2.6] {
            for (y, x) in [(11.2, 15.1), (11.5, 15.5), (11.0, 15.5), (11.0, 15.0)] {
                let value = |frame, row: usize, column: usize| {
                    let squared = (row as f64 - y).powi(2) + (column as f64 - x).powi(2);
                    (1400.0 * (-squared / width).exp() + counts(frame, row, column, 4) as f64) as u8
                };
                assert!(found(6, value).is_empty(), "{width} {y} {x}");
            }
        }
    }

    #[test]
    fn flat_squares_of_one_frame_or_of_several_are_counts() {
        let value = |_, row: usize, column: usize| {
            let square = |y: usize, x: usize, side: usize| {
                (y..y + side).contains(&row) && (x..x + side).contains(&column)
            };
            match square(4, 4, 3) || square(14, 12, 6) || square(0, 25, 3) {
                true => u8::MAX,
                false => 0,
            }
        };
        assert!(found(1, value).is_empty());
        assert!(found(6, value).is_empty());
    }

    #[test]
    fn one_frame_shows_a_gap_but_no_single_pixel_of_16_bits() {
        let gap = |frame, row, column| match column {
            9 => u16::MAX,
            _ => counts(frame, row, column, 60) as u16,
        };
        assert_eq!(found(1, gap).len(), SHAPE[0]);
        let single = |frame, row, column| match (row, column) {
            (3, 3) => u16::MAX,
            _ => counts(frame, row, column, 60) as u16,
        };
        assert!(found(1, single).is_empty());
        assert_eq!(found(3, single), [(3, 3)]);
    }

    #[test]
    fn frames_that_were_not_recorded_say_nothing() {
        let value = |frame: usize, row, column| match (frame % 2, row, column) {
            (0, ..) => 0,
            (_, 5, 6) => u32::MAX,
            _ => counts(frame, row, column, 60) as u32,
        };
        assert_eq!(found(5, value), [(5, 6)]);
        assert!(found(5, |_, _, _| u32::MAX).is_empty());
    }

    #[test]
    fn dead_channels_of_a_spectrum_are_found_and_a_saturated_line_is_not() {
        let spectrum = |value: &dyn Fn(usize, usize) -> u16| {
            let mut search = Search::new(1, 200, ElementType::U16);
            for frame in 0..6 {
                let pixels: Vec<u16> = (0..200).map(|channel| value(frame, channel)).collect();
                search.look_at(&Frame::from_vec(&[200], pixels).unwrap());
            }
            search.found()
        };
        let dead = spectrum(&|frame, channel| match channel {
            40 | 41 | 120 => u16::MAX,
            _ => counts(frame, 0, channel, 900) as u16,
        });
        assert_eq!(dead, [40, 41, 120]);
        for width in [1.5, 2.0, 6.0] {
            let line = spectrum(&|frame, channel| {
                let squared = (channel as f64 - 77.3).powi(2) / (2.0 * width * width);
                (6e5 * (-squared).exp()) as u16 + counts(frame, 0, channel, 90) as u16 % 60
            });
            assert!(line.is_empty(), "{width}: {line:?}");
        }
    }
}
