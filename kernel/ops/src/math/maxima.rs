//! From a score map to separate maxima and their sub-pixel positions.

mod bits;
mod candidates;
mod few;
mod order;
mod plateau;
mod window;

use super::pool::{self, Lent, pooled};
use super::{Grid, Real};
use bits::{Bits, WORD, places};
use candidates::Candidates;
use plateau::plateaus;
use signal::simd::{Vectorised, vectorised};

/// A score on a scale of its own: that of a pixel is `(value - level) / spread`.
#[derive(Clone, Copy)]
pub struct Score<'a, T> {
    pub grid: &'a Grid<T>,
    pub level: f64,
    /// Above 0.
    pub spread: f64,
}

impl<'a, T: Real> Score<'a, T> {
    /// The values themselves.
    pub fn plain(grid: &'a Grid<T>) -> Self {
        Score {
            grid,
            level: 0.0,
            spread: 1.0,
        }
    }

    fn is_plain(&self) -> bool {
        (self.level, self.spread) == (0.0, 1.0)
    }

    #[inline(always)]
    pub fn of(&self, value: T) -> f64 {
        (value.to_f64() - self.level) / self.spread
    }

    #[inline(always)]
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.of(self.grid.at(row, column))
    }

    /// A value that those with this score or a better one are not below; rounding may let others through.
    fn least(&self, threshold: f64) -> T {
        if self.is_plain() {
            return T::at_least(threshold);
        }
        let part = threshold * self.spread;
        let margin = 1e-6 * (self.level.abs() + part.abs());
        T::nearest(self.level + part - margin)
    }
}

/// A maximum of the score: one pixel, or pixels alike that touch each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maximum {
    /// Of the pixel, or of the one of the plateau that is nearest to its centroid.
    pub row: usize,
    pub column: usize,
    pub score: f64,
    /// Centroid (row, column) of a plateau; `None` for a single pixel.
    pub plateau: Option<[f64; 2]>,
}

/// Maxima of the square of side `2 reach + 1` around them (cut at the edges), not below `threshold`, with their middle at
/// least `border` pixels from the edge; best first, ties by row, then column. Pixels alike that touch each other, at
/// a corner too, are one maximum, and none where one of them has a larger score within its square. O(P).
pub fn local_maxima<T: Real>(
    score: Score<'_, T>,
    reach: usize,
    threshold: f64,
    border: usize,
) -> Lent<Maximum> {
    let grid = score.grid;
    let Grid { rows, columns, .. } = *grid;
    let least = score.least(threshold);
    let mut sorted = pool::empty();
    let Some(candidates) = Candidates::of(grid, reach, least) else {
        return sorted;
    };
    let is_inside = |[row, column]: [f64; 2]| {
        let (border, last) = (border as f64, |size: usize| size as f64 - 1.0);
        row >= border
            && row + border <= last(rows)
            && column >= border
            && column + border <= last(columns)
    };
    let mut plateaus = plateaus(rows, &candidates);
    plateaus.retain(|plateau| is_inside(plateau.middle));
    // The first pixels of plateaus and the maxima of one pixel.
    let mut firsts = Bits::none(rows, columns);
    for plateau in plateaus.iter() {
        firsts.set(plateau.row as usize, plateau.column as usize);
    }
    let mut within = Bits::none(1, columns);
    if 2 * border < columns {
        within.set_span(0, border, columns - 1 - border);
    }
    let Candidates { largest, shoulders } = &candidates;
    for row in border..rows.saturating_sub(border) {
        for (word, within) in within.row(0).iter().enumerate() {
            let own = largest.row(row)[word] & within;
            if own != 0 {
                let not = largest.around(row, word) | shoulders.row(row)[word];
                firsts.row_mut(row)[word] |= own & !not;
            }
        }
    }
    let all = firsts.count();
    // Row, column, and the number of the plateau behind them, from 1.
    let (mut found, mut values) = (pool::any::<[u32; 3]>(all), pool::any(all));
    let (mut count, mut next) = (0, 0);
    let is_exact = score.is_plain();
    for row in 0..rows {
        let pixels = grid.row(row);
        for (n, word) in firsts.row(row).iter().enumerate() {
            for place in places(*word) {
                let column = n * WORD + place;
                let mut one = [row as u32, column as u32, 0];
                if let Some(plateau) = plateaus.get(next)
                    && [plateau.row, plateau.column] == one[..2]
                {
                    next += 1;
                    one[2] = next as u32;
                }
                let value = pixels[column];
                (found[count], values[count]) = (one, value);
                count += usize::from(is_exact || score.of(value) >= threshold);
            }
        }
    }
    let order = order::best_first(&values[..count]);
    sorted.extend(order.iter().map(|at| {
        let [row, column, plateau] = found[*at as usize];
        let score = score.of(values[*at as usize]);
        let plateau = plateau.checked_sub(1).map(|at| plateaus[at as usize]);
        let [row, column] = plateau.map_or([row, column], |plateau| plateau.nearest);
        Maximum {
            row: row as usize,
            column: column as usize,
            score,
            plateau: plateau.map(|plateau| plateau.middle),
        }
    }));
    sorted
}

impl Maximum {
    pub const NONE: Maximum = Maximum {
        row: 0,
        column: 0,
        score: f64::NAN,
        plateau: None,
    };

    /// Row and column, between pixels for a plateau.
    pub fn middle(&self) -> [f64; 2] {
        let whole = [self.row as f64, self.column as f64];
        self.plateau.unwrap_or(whole)
    }
}

pooled!(Maximum: Maximum::NONE);

/// Half width of each row of a disk whose middle is a pixel, top to bottom.
pub fn half_widths(radius: f64) -> Lent<usize> {
    let reach = radius.floor() as isize;
    let mut widths = pool::empty();
    widths.extend((-reach..=reach).map(|dy| {
        let dy = dy as f64;
        (radius * radius - dy * dy).max(0.0).sqrt() as usize
    }));
    widths
}

/// Drops every maximum within `distance` (inclusive) of a better one that is kept, and what comes after the first `most`; expects
/// those of [`local_maxima`] with this reach, in their order.
pub fn separate(
    maxima: &mut Vec<Maximum>,
    distance: usize,
    (rows, columns): (usize, usize),
    most: usize,
) {
    // Plateaus that are so near touch each other.
    if distance <= 1 {
        maxima.truncate(most);
        return;
    }
    // Not there before the first two alike.
    let mut taken = None;
    let widths = half_widths(distance as f64);
    // Of each row of the disk the bits from the first column of its square on, where they are not too many.
    let mut square = pool::empty();
    if 2 * distance < WORD {
        let ones = |half: usize| (u64::MAX >> (WORD - 1 - 2 * half)) << (distance - half);
        square.extend(widths.iter().map(|half| ones(*half)));
    }
    // Those near each other are alike, or one of them were no maximum.
    let is_alike =
        |pair: [Option<&Maximum>; 2]| matches!(pair, [Some(a), Some(b)] if a.score == b.score);
    let (mut kept, mut before) = (0, None);
    for at in 0..maxima.len() {
        let maximum = maxima[at];
        let Maximum { row, column, .. } = maximum;
        let has_like = is_alike([before.as_ref(), Some(&maximum)])
            || is_alike([Some(&maximum), maxima.get(at + 1)]);
        before = Some(maximum);
        if has_like {
            let taken = taken.get_or_insert_with(|| Bits::none(rows, columns));
            if taken.has(row, column) {
                continue;
            }
            if square.is_empty() {
                for y in row.saturating_sub(distance)..(row + distance + 1).min(rows) {
                    let half = widths[y + distance - row];
                    let left = column.saturating_sub(half);
                    let right = (column + half).min(columns - 1);
                    taken.set_span(y, left, right);
                }
            } else {
                taken.set_square(row, column, rows, &square);
            }
        }
        maxima[kept] = maximum;
        kept += 1;
        if kept == most {
            break;
        }
    }
    maxima.truncate(kept);
}

/// Offset (row, column) of the top of the parabola through the maximum and its two neighbours on each axis, at most
/// 1 px; 0 on the border and where the curve does not bend down.
pub fn parabola<T: Real>(grid: &Grid<T>, row: usize, column: usize) -> [f64; 2] {
    let Grid { rows, columns, .. } = *grid;
    let down = (row > 0 && row + 1 < rows).then(|| {
        top(
            grid.at(row - 1, column),
            grid.at(row, column),
            grid.at(row + 1, column),
        )
    });
    let across = (column > 0 && column + 1 < columns).then(|| {
        top(
            grid.at(row, column - 1),
            grid.at(row, column),
            grid.at(row, column + 1),
        )
    });
    [down.unwrap_or(0.0), across.unwrap_or(0.0)]
}

#[inline(always)]
fn top<T: Real>(before: T, at: T, after: T) -> f64 {
    let [before, at, after] = [before, at, after].map(T::to_f64);
    let bend = before - 2.0 * at + after;
    let offset = (0.5 * (before - after) / bend).clamp(-1.0, 1.0);
    if bend < 0.0 { offset } else { 0.0 }
}

/// Where the maxima are: the middle of a plateau; else the pixel moved by [`parabola`].
pub fn parabolas<T: Real>(grid: &Grid<T>, maxima: &[Maximum], places: &mut [[f64; 2]]) {
    vectorised(Parabolas {
        grid,
        maxima,
        places,
    });
}

struct Parabolas<'a, T> {
    grid: &'a Grid<T>,
    maxima: &'a [Maximum],
    places: &'a mut [[f64; 2]],
}

impl<T: Real> Vectorised for Parabolas<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        const TOGETHER: usize = 128;
        let Grid { rows, columns, .. } = *self.grid;
        let values = &self.grid.values[..];
        // The pixels above, before, at, after and below each; beyond the edges NaN, through which no curve bends.
        let mut around = [[T::NAN; TOGETHER]; 5];
        let mut offsets = [[0.0; TOGETHER]; 2];
        let parts = self.maxima.chunks(TOGETHER);
        for (maxima, places) in parts.zip(self.places.chunks_mut(TOGETHER)) {
            let [above, left, middle, right, below] = &mut around;
            for (n, maximum) in maxima.iter().enumerate() {
                let Maximum { row, column, .. } = *maximum;
                let at = row * columns + column;
                let value = |is_there: bool, at: usize| {
                    let value = values.get(at).copied().unwrap_or(T::NAN);
                    if is_there { value } else { T::NAN }
                };
                above[n] = value(row > 0, at.wrapping_sub(columns));
                left[n] = value(column > 0, at.wrapping_sub(1));
                middle[n] = values[at];
                right[n] = value(column + 1 < columns, at + 1);
                below[n] = value(row + 1 < rows, at + columns);
            }
            let [down, across] = &mut offsets;
            for n in 0..TOGETHER {
                down[n] = top(above[n], middle[n], below[n]);
                across[n] = top(left[n], middle[n], right[n]);
            }
            let offsets = down.iter().zip(across);
            for ((maximum, place), (down, across)) in maxima.iter().zip(places).zip(offsets) {
                let moved = [maximum.row as f64 + *down, maximum.column as f64 + *across];
                *place = maximum.plateau.unwrap_or(moved);
            }
        }
    }
}

/// Offset (row, column) of the centre of mass of the score, negatives as 0, in the square of side `2 reach + 1`
/// around the maximum, cut at the edges alike on both sides so that the cut moves nothing.
pub fn centre_of_mass<T: Real>(
    score: Score<'_, T>,
    row: usize,
    column: usize,
    reach: usize,
) -> [f64; 2] {
    let grid = score.grid;
    let Grid { rows, columns, .. } = *grid;
    let down = reach.min(row).min(rows - 1 - row) as isize;
    let across = reach.min(column).min(columns - 1 - column) as isize;
    let (mut sum, mut moment_y, mut moment_x) = (0.0, 0.0, 0.0);
    for dy in -down..=down {
        for dx in -across..=across {
            let value = grid.at(row.wrapping_add_signed(dy), column.wrapping_add_signed(dx));
            // The unit does not matter.
            let value = (value.to_f64() - score.level).max(0.0);
            sum += value;
            moment_y += value * dy as f64;
            moment_x += value * dx as f64;
        }
    }
    if sum > 0.0 {
        [moment_y / sum, moment_x / sum]
    } else {
        [0.0, 0.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rough(rows: usize, columns: usize) -> Grid<f64> {
        let mut state = 1u32;
        let values = (0..rows * columns)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(state >> 22)
            })
            .collect();
        Grid::new(rows, columns, values)
    }

    #[test]
    fn maxima_are_ordered_separate_and_inside_the_border() {
        let score = rough(23, 31);
        let mut maxima = local_maxima(Score::plain(&score), 3, 100.0, 2);
        separate(&mut maxima, 3, (23, 31), usize::MAX);
        assert!(maxima.len() > 5);
        assert!(maxima.windows(2).all(|pair| pair[0].score >= pair[1].score));
        for (n, a) in maxima.iter().enumerate() {
            assert!((2..21).contains(&a.row) && (2..29).contains(&a.column));
            for b in &maxima[..n] {
                let (dy, dx) = (a.row.abs_diff(b.row), a.column.abs_diff(b.column));
                assert!(dy * dy + dx * dx > 9);
            }
        }
    }

    #[test]
    fn a_plateau_is_one_maximum_at_its_centroid() {
        let score = Grid::filled(8, 11, 1.0);
        let maxima = local_maxima(Score::plain(&score), 20, 0.5, 0);
        assert_eq!(maxima.len(), 1);
        assert_eq!(maxima[0].middle(), [3.5, 5.0]);
        assert_eq!((maxima[0].row, maxima[0].column), (3, 5));
        assert!(local_maxima(Score::plain(&Grid::filled(8, 11, f64::NAN)), 2, 0.5, 0).is_empty());
    }

    /// A diagonal line, a square on the edge, a shoulder of something brighter, a ring.
    #[test]
    fn plateaus_of_any_shape_are_one_maximum_unless_something_near_is_brighter() {
        let mut score = Grid::filled(30, 40, 0.0);
        let mut set = |row: usize, column: usize, value: f64| {
            score.values[row * 40 + column] = value;
        };
        (0..4).for_each(|n| set(4 + n, 6 + n, 5.0));
        (0..9).for_each(|n| set(n / 3, 37 + n % 3, 7.0));
        (0..5).for_each(|n| set(20, 5 + n, 3.0));
        set(20, 10, 4.0);
        (0..25).for_each(|n| set(20 + n / 5, 25 + n % 5, 6.0));
        (0..9).for_each(|n| set(21 + n / 3, 26 + n % 3, 0.0));
        let middles = |border| -> Vec<[f64; 2]> {
            (local_maxima(Score::plain(&score), 2, 0.5, border).iter())
                .map(Maximum::middle)
                .collect()
        };
        let all = [[1.0, 38.0], [22.0, 27.0], [5.5, 7.5], [20.0, 10.0]];
        assert_eq!(middles(0), all);
        assert_eq!(middles(1), all);
        assert_eq!(middles(2), all[1..]);
    }

    #[test]
    fn a_parabola_is_found_exactly() {
        let values = (0..9 * 7)
            .map(|at| 5.0 - ((at / 7) as f64 - 4.3).powi(2) - 2.0 * ((at % 7) as f64 - 2.8).powi(2))
            .collect();
        let score = Grid::new(9, 7, values);
        let [dy, dx] = parabola(&score, 4, 3);
        assert!((dy - 0.3).abs() < 1e-12 && (dx + 0.2).abs() < 1e-12);
        assert_eq!(parabola(&score, 0, 3)[0], 0.0);
    }
}
