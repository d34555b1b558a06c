//! Rows of pixels in blocks that begin at the same columns in every row, with masks at the ends of what is inside.

use std::ops::Range;

use super::pixel::Pixel;
use crate::simd::prefetch;

/// Pixels of a block.
pub(super) const LANES: usize = 32;

/// What becomes of the blocks of a row.
pub(super) trait Visit<T: Pixel> {
    /// A block that is inside as a whole, and its number in the row.
    fn whole(&mut self, number: usize, block: &[T; LANES]);

    /// A block of which those pixels are inside that both masks keep.
    fn part(&mut self, number: usize, block: &[T; LANES], masks: [&[T::Bits; LANES]; 2]);
}

/// Goes through the pixels `inside` of the row that begins at `start`.
#[inline(always)]
pub(super) fn visit<T: Pixel>(
    pixels: &[T],
    start: usize,
    inside: Range<usize>,
    visitor: &mut impl Visit<T>,
) {
    let (mut number, last) = (inside.start / LANES, inside.end / LANES);
    let (before, upto) = (inside.start % LANES, inside.end % LANES);
    let row = pixels.get(start..).unwrap_or_default();
    if number == last {
        return part(row, number, before..upto, visitor);
    }
    if before > 0 {
        part(row, number, before..LANES, visitor);
        number += 1;
    }
    let whole = row.get(number * LANES..last * LANES).unwrap_or_default();
    for (number, block) in (number..).zip(whole.as_chunks().0) {
        prefetch(block);
        visitor.whole(number, block);
    }
    if upto > 0 {
        part(row, last, 0..upto, visitor);
    }
}

/// Some pixels of a block, which may go beyond the last pixel there is.
#[inline(always)]
fn part<T: Pixel>(row: &[T], number: usize, inside: Range<usize>, visitor: &mut impl Visit<T>) {
    let own = row.get(number * LANES..).unwrap_or_default();
    let mask = |skipped: usize| T::MASK[skipped..].first_chunk::<LANES>();
    let (Some(from), Some(upto)) = (mask(LANES - inside.start), mask(2 * LANES - inside.end))
    else {
        return;
    };
    match own.first_chunk::<LANES>() {
        Some(block) => {
            prefetch(block);
            visitor.part(number, block, [from, upto]);
        }
        None => {
            let mut block = [T::zeroed(); LANES];
            block[..own.len()].copy_from_slice(own);
            visitor.part(number, &block, [from, upto]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seen<T>(Vec<(usize, T)>);

    impl<T: Pixel> Visit<T> for Seen<T> {
        fn whole(&mut self, number: usize, block: &[T; LANES]) {
            self.0.extend((number * LANES..).zip(*block));
        }

        fn part(
            &mut self,
            number: usize,
            block: &[T; LANES],
            [from, upto]: [&[T::Bits; LANES]; 2],
        ) {
            let lanes = (0..LANES).map(|lane| block[lane].masked(from[lane], upto[lane]));
            self.0.extend((number * LANES..).zip(lanes));
        }
    }

    fn goes_through_pixels_inside<T: Pixel>(of: impl Fn(u8) -> T) {
        let (rows, columns) = (2, 101);
        let pixels: Vec<T> = (1..=rows * columns).map(|at| of(at as u8)).collect();
        let nothing = of(0);
        for (number, row) in pixels.chunks(columns).enumerate() {
            for first in 0..columns {
                for end in first..=columns {
                    let mut seen = Seen(Vec::new());
                    visit(&pixels, number * columns, first..end, &mut seen);
                    let (inside, outside): (Vec<_>, Vec<_>) =
                        (seen.0.into_iter()).partition(|(column, _)| (first..end).contains(column));
                    assert!(
                        inside
                            .into_iter()
                            .eq((first..end).zip(row[first..end].to_vec()))
                    );
                    assert!(outside.iter().all(|(_, value)| *value == nothing));
                }
            }
        }
    }

    #[test]
    fn each_pixel_inside_is_visited_at_its_column_and_zeros_stand_for_others() {
        goes_through_pixels_inside(|at| at);
        goes_through_pixels_inside(u16::from);
        goes_through_pixels_inside(|at| -i32::from(at));
        goes_through_pixels_inside(f32::from);
        goes_through_pixels_inside(|at| -f64::from(at));
    }

    #[test]
    fn what_is_outside_of_a_frame_is_nothing() {
        let mut seen = Seen(Vec::new());
        visit(&[1u8, 2, 3], 5, 0..70, &mut seen);
        assert!(seen.0.iter().all(|(_, value)| *value == 0));
    }
}
