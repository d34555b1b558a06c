//! From a score map to separate maxima and their sub-pixel positions.

mod candidates;
mod largest;
mod plateau;
mod tops;

use super::pool::{self, Lent, pooled};
use super::{Grid, Real};
use candidates::{ALONE, candidates};
use plateau::Plateaus;

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
        if (self.level, self.spread) == (0.0, 1.0) {
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
    let Grid { rows, columns, .. } = *score.grid;
    let candidates = candidates(score.grid, reach, score.least(threshold));
    let inside = |[row, column]: [f64; 2]| {
        let (border, last) = (border as f64, |size: usize| size as f64 - 1.0);
        row >= border
            && row + border <= last(rows)
            && column >= border
            && column + border <= last(columns)
    };
    let mut found = pool::empty();
    let mut order = pool::empty();
    let mut plateaus = Plateaus::of(score.grid);
    let (mut row, mut start) = (0, 0);
    for candidate in candidates.iter() {
        let (at, kind) = ((candidate >> 1) as usize, candidate & 1);
        while at >= start + columns {
            (row, start) = (row + 1, start + columns);
        }
        let value = score.grid.values[at];
        let rank = score.of(value);
        if rank < threshold {
            continue;
        }
        let place = [row, at - start];
        let (place, plateau) = match kind == u32::from(ALONE) {
            true => (place, None),
            false => match plateaus.around(place, &candidates) {
                Some((place, middle)) => (place, Some(middle)),
                None => continue,
            },
        };
        let maximum = Maximum {
            row: place[0],
            column: place[1],
            score: rank,
            plateau,
        };
        if inside(maximum.middle()) {
            order.push(value.best_first(found.len() as u32));
            found.push(maximum);
        }
    }
    order.sort_unstable();
    let mut sorted = pool::empty();
    sorted.extend(order.iter().map(|key| found[T::index(*key)]));
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
    // Empty before the first two alike.
    let mut taken = pool::empty();
    let widths = half_widths(distance as f64);
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
            taken.resize(rows * columns, false);
            if taken[row * columns + column] {
                continue;
            }
            let top = row.saturating_sub(distance);
            for y in top..(row + distance + 1).min(rows) {
                let half = widths[y + distance - row];
                let left = column.saturating_sub(half);
                let right = (column + half).min(columns - 1);
                taken[y * columns + left..=y * columns + right].fill(true);
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

fn top<T: Real>(before: T, at: T, after: T) -> f64 {
    let [before, at, after] = [before, at, after].map(T::to_f64);
    let bend = before - 2.0 * at + after;
    if bend < 0.0 {
        (0.5 * (before - after) / bend).clamp(-1.0, 1.0)
    } else {
        0.0
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
