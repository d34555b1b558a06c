//! Images of one bit a pixel.

use crate::math::pool::{self, Lent};
use signal::simd::{Vectorised, vectorised};

/// Pixels of a word.
pub const WORD: usize = u64::BITS as usize;

/// Rows of whole words, with a word of zeros between them and a row of zeros above and below.
pub struct Bits {
    /// Words of a row.
    pub words: usize,
    values: Lent<u64>,
}

impl Bits {
    /// None is set.
    pub fn none(rows: usize, columns: usize) -> Self {
        let words = columns.div_ceil(WORD);
        Bits {
            words,
            values: pool::filled((rows + 2) * (words + 1) + 2, 0),
        }
    }

    #[inline(always)]
    fn first_of(&self, row: usize) -> usize {
        (row + 1) * (self.words + 1) + 1
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &[u64] {
        &self.values[self.first_of(row)..][..self.words]
    }

    #[inline(always)]
    pub fn row_mut(&mut self, row: usize) -> &mut [u64] {
        let first = self.first_of(row);
        &mut self.values[first..][..self.words]
    }

    pub fn copy(&mut self, other: &Bits) {
        self.values.copy_from_slice(&other.values);
    }

    /// Leaves those that are set in another one of this shape, too.
    pub fn and(&mut self, other: &Bits) {
        for (own, other) in self.values.iter_mut().zip(&*other.values) {
            *own &= other;
        }
    }

    /// Pixels set.
    pub fn count(&self) -> usize {
        vectorised(Count(&self.values))
    }

    #[inline(always)]
    pub fn has(&self, row: usize, column: usize) -> bool {
        self.row(row)[column / WORD] >> (column % WORD) & 1 == 1
    }

    #[inline(always)]
    pub fn set(&mut self, row: usize, column: usize) {
        self.row_mut(row)[column / WORD] |= 1 << (column % WORD);
    }

    /// Those from `left` to `right`, both included.
    #[inline(always)]
    pub fn set_span(&mut self, row: usize, left: usize, right: usize) {
        let words = &mut self.row_mut(row)[left / WORD..=right / WORD];
        let (first, last) = (
            u64::MAX << (left % WORD),
            u64::MAX >> (WORD - 1 - right % WORD),
        );
        match words {
            [word] => *word |= first & last,
            [start, between @ .., end] => {
                *start |= first;
                between.fill(u64::MAX);
                *end |= last;
            }
            [] => {}
        }
    }

    /// Of some pixels from one on, those whose bits are set.
    #[inline(always)]
    pub fn set_part(&mut self, row: usize, column: usize, part: u64) {
        let at = self.first_of(row) + column / WORD;
        let part = u128::from(part) << (column % WORD);
        self.values[at] |= part as u64;
        self.values[at + 1] |= (part >> WORD) as u64;
    }

    /// Those of a square around a pixel: bits for each of its rows, the first one for the first column of the square. What is outside
    /// of the image is left out, or set where nothing asks.
    #[inline(always)]
    pub fn set_square(&mut self, row: usize, column: usize, rows: usize, square: &[u64]) {
        let reach = square.len() / 2;
        let (word, left, cut) = match column.checked_sub(reach) {
            Some(left) => (left / WORD, left % WORD, 0),
            None => (0, 0, reach - column),
        };
        let top = row.saturating_sub(reach);
        let square = &square[top + reach - row..];
        let mut at = self.first_of(top) + word;
        for line in &square[..(row + reach + 1).min(rows) - top] {
            let line = u128::from(line >> cut) << left;
            self.values[at] |= line as u64;
            self.values[at + 1] |= (line >> WORD) as u64;
            at += self.words + 1;
        }
    }

    /// Whether any of the eight pixels around each is set, of a word.
    #[inline(always)]
    pub fn around(&self, row: usize, word: usize) -> u64 {
        let stride = self.words + 1;
        // From the word before the one above on.
        let words = &self.values[row * stride + word..][..2 * stride + 3];
        let beside = |at: usize| {
            let [before, own, after] = [words[at], words[at + 1], words[at + 2]];
            own << 1 | before >> (WORD - 1) | own >> 1 | after << (WORD - 1)
        };
        let (above, below) = (words[1], words[2 * stride + 1]);
        beside(0) | above | beside(stride) | beside(2 * stride) | below
    }
}

struct Count<'a>(&'a [u64]);

impl Vectorised for Count<'_> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// Places of the bits that are set, the lowest first.
#[inline(always)]
pub fn places(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = word.trailing_zeros() as usize;
        let is_one = word != 0;
        word &= word.wrapping_sub(1);
        is_one.then_some(place)
    })
}

/// What stands for a pixel that is set, at each place of a row of whole words: numbers as wide as pixels, so that vector instructions
/// make them, and eight of which make a byte of a word.
pub fn weights(words: usize) -> Lent<u32> {
    let mut weights = pool::empty();
    weights.extend((0..words * WORD).map(|at| 1u32 << (at / 8 % 8)));
    weights
}

/// Weights of the pixels that are set, and 0 of the others, as bits.
#[inline(always)]
pub fn pack(flags: &[u32], words: &mut [u64]) {
    for (word, flags) in words.iter_mut().zip(flags.as_chunks::<WORD>().0) {
        let mut any = [0u32; 8];
        for flags in flags.as_chunks::<8>().0 {
            for lane in 0..8 {
                any[lane] |= flags[lane];
            }
        }
        *word = word_of(&any);
    }
}

/// The bit `n` of the number `m` is that of pixel `8 n + m`.
#[inline(always)]
fn word_of(flags: &[u32; 8]) -> u64 {
    let mut word = u64::from_le_bytes(flags.map(|flags| flags as u8));
    // Transposed, as eight rows of eight bits: single ones, squares of two, of four.
    for (by, upper) in [
        (7, 0x00aa_00aa_00aa_00aa),
        (14, 0x0000_cccc_0000_cccc),
        (28, 0x0000_0000_f0f0_f0f0),
    ] {
        let differ = (word ^ (word >> by)) & upper;
        word ^= differ ^ (differ << by);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stand_where_flags_do() {
        let is_set = |at: usize| at % 7 == 3 || at.is_multiple_of(11) || (60..70).contains(&at);
        let mut flags = weights(2);
        for at in (0..2 * WORD).filter(|at| !is_set(*at)) {
            flags[at] = 0;
        }
        let mut words = [7; 2];
        pack(&flags, &mut words);
        let places = |n: usize| places(words[n]).map(move |place| n * WORD + place);
        let found: Vec<usize> = places(0).chain(places(1)).collect();
        let expected: Vec<usize> = (0..2 * WORD).filter(|at| is_set(*at)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_span_may_go_over_words() {
        for (left, right) in [(0, 0), (3, 60), (63, 64), (5, 199), (64, 127), (199, 199)] {
            let mut bits = Bits::none(2, 200);
            bits.set_span(1, left, right);
            let found = (0..200).filter(|column| bits.has(1, *column));
            assert!(found.eq(left..=right));
            assert!((0..200).all(|column| !bits.has(0, column)));
            assert_eq!(bits.count(), right - left + 1);
        }
    }

    #[test]
    fn what_is_around_a_pixel_ends_at_the_edges() {
        for (row, column) in [(0, 0), (1, 63), (1, 64), (2, 129), (0, 127), (2, 0)] {
            let mut bits = Bits::none(3, 130);
            bits.set(row, column);
            for y in 0..3usize {
                for x in 0..130usize {
                    let is_around = y.abs_diff(row) <= 1 && x.abs_diff(column) <= 1;
                    let expected = is_around && (y, x) != (row, column);
                    let found = bits.around(y, x / WORD) >> (x % WORD) & 1 == 1;
                    assert_eq!(found, expected, "{row} {column} {y} {x}");
                }
            }
        }
    }
}
