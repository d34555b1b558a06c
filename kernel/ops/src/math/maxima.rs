//! From a score map to separate maxima and their sub-pixel positions.

mod largest;

use super::pool::{self, Lent, pooled};
use super::{Grid, Real};
pub use largest::largest_in_square;
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
    let values = &score.grid.values;
    let mut largest = pool::grid(rows, columns);
    largest_in_square(score.grid, reach, &mut largest);
    let mut candidates = pool::any::<u32>(values.len() + 1);
    let count = vectorised(Candidates {
        grid: score.grid,
        largest: &largest,
        least: score.least(threshold),
        found: &mut candidates,
    });
    let inside = |[row, column]: [f64; 2]| {
        let (border, last) = (border as f64, |size: usize| size as f64 - 1.0);
        row >= border
            && row + border <= last(rows)
            && column >= border
            && column + border <= last(columns)
    };
    let mut found = pool::empty();
    let mut order = pool::empty();
    // Pixels of plateaus that were looked at; empty before the first one.
    let (mut seen, mut pixels) = (pool::empty(), pool::empty());
    for candidate in &candidates[..count] {
        let (at, kind) = ((candidate >> 1) as usize, candidate & 1);
        let value = values[at];
        let rank = score.of(value);
        if rank < threshold {
            continue;
        }
        let maximum = if kind == ALONE {
            Some((at, None))
        } else {
            seen.resize(values.len(), false);
            match seen[at] {
                true => None,
                false => plateau(score.grid, &largest, at, &mut seen, &mut pixels),
            }
        };
        let Some((at, plateau)) = maximum else {
            continue;
        };
        let maximum = Maximum {
            row: at / columns,
            column: at % columns,
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

/// What a pixel is: none is like it around it, or there are more of a plateau. The last bit tells them apart.
const NOTHING: u32 = 0;
const ALONE: u32 = 1;
const PLATEAU: u32 = 2;

/// Pixels that are the largest of their square and not below `least`, in C order; how many. Most of those of which a neighbour is
/// like them and no maximum are left out.
struct Candidates<'a, T> {
    grid: &'a Grid<T>,
    largest: &'a Grid<T>,
    least: T,
    /// Twice the place, and the last bit of the kind. Longer than the pixels.
    found: &'a mut [u32],
}

/// Pixels that are looked at together.
const PART: usize = 16;

impl<T: Real> Vectorised for Candidates<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let (values, tops) = (&self.grid.values[..], &self.largest.values[..]);
        let columns = self.grid.columns;
        let mut count = 0;
        for (number, (own, top)) in (values.chunks(PART).zip(tops.chunks(PART))).enumerate() {
            if let (Some(own), Some(top)) = (own.first_chunk::<PART>(), top.first_chunk::<PART>()) {
                let mut any = false;
                for lane in 0..PART {
                    any |= self.is_one(own[lane], top[lane]);
                }
                if !any {
                    continue;
                }
            }
            let first = number * PART;
            let end = first + own.len();
            let is_inside = first > columns && end + columns < values.len() && own.len() == PART;
            let mut kinds = [NOTHING; PART];
            if is_inside {
                kinds = self.kinds(first);
                // What is beside the first and the last of a row is in another row.
                let mut edge = first.next_multiple_of(columns);
                while edge <= end {
                    for at in [edge - 1, edge] {
                        if (first..end).contains(&at) {
                            kinds[at - first] = self.kind(at);
                        }
                    }
                    edge += columns;
                }
            } else {
                for (at, kind) in (first..end).zip(&mut kinds) {
                    *kind = self.kind(at);
                }
            }
            for (at, kind) in (first as u32..).zip(kinds) {
                self.found[count] = 2 * at + (kind & 1);
                count += usize::from(kind != NOTHING);
            }
        }
        count
    }
}

impl<T: Real> Candidates<'_, T> {
    #[inline(always)]
    fn is_one(&self, value: T, largest: T) -> bool {
        (value >= self.least) & (value == largest)
    }

    fn kind(&self, at: usize) -> u32 {
        match self.is_one(self.grid.values[at], self.largest.values[at]) {
            false => NOTHING,
            true if has_equal_neighbour(self.grid, at) => PLATEAU,
            true => ALONE,
        }
    }

    /// Of pixels that have others all around.
    #[inline(always)]
    fn kinds(&self, first: usize) -> [u32; PART] {
        let columns = self.grid.columns;
        let own = &self.grid.values[first..][..PART];
        let top = &self.largest.values[first..][..PART];
        let mut seen = [[0u32; PART]; 2];
        seen = self.look(first - columns - 1, own, seen);
        seen = self.look(first - columns, own, seen);
        seen = self.look(first - columns + 1, own, seen);
        seen = self.look(first - 1, own, seen);
        seen = self.look(first + 1, own, seen);
        seen = self.look(first + columns - 1, own, seen);
        seen = self.look(first + columns, own, seen);
        seen = self.look(first + columns + 1, own, seen);
        let [alike, shoulder] = seen;
        let mut kinds = [NOTHING; PART];
        for lane in 0..PART {
            let is_one = u32::from(self.is_one(own[lane], top[lane]));
            kinds[lane] = (is_one & (1 - shoulder[lane])) << alike[lane];
        }
        kinds
    }

    /// Which of some pixels are like others, and like some that are no maximum, too.
    #[inline(always)]
    fn look(
        &self,
        from: usize,
        own: &[T],
        [mut alike, mut shoulder]: [[u32; PART]; 2],
    ) -> [[u32; PART]; 2] {
        let values = &self.grid.values[from..][..PART];
        let tops = &self.largest.values[from..][..PART];
        for lane in 0..PART {
            let is_alike = values[lane] == own[lane];
            alike[lane] |= u32::from(is_alike);
            shoulder[lane] |= u32::from(is_alike & (tops[lane] != own[lane]));
        }
        [alike, shoulder]
    }
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

/// The pixels around one, also at its corners.
fn neighbours(at: usize, rows: usize, columns: usize) -> impl Iterator<Item = usize> {
    let (row, column) = (at / columns, at % columns);
    (row.saturating_sub(1)..(row + 2).min(rows)).flat_map(move |y| {
        (column.saturating_sub(1)..(column + 2).min(columns))
            .map(move |x| y * columns + x)
            .filter(move |other| *other != at)
    })
}

/// Whether there are pixels all around.
fn is_within<T: Real>(grid: &Grid<T>, row: usize, column: usize) -> bool {
    row > 0 && column > 0 && row + 1 < grid.rows && column + 1 < grid.columns
}

fn has_equal_neighbour<T: Real>(grid: &Grid<T>, at: usize) -> bool {
    neighbours(at, grid.rows, grid.columns).any(|other| grid.values[other] == grid.values[at])
}

/// All pixels alike that are connected with the one at `first`: the one nearest to their centroid, and that; `None` when one of
/// them is no maximum. Only those that are one are looked at, for the others are around them.
fn plateau<T: Real>(
    grid: &Grid<T>,
    largest: &Grid<T>,
    first: usize,
    seen: &mut [bool],
    pixels: &mut Vec<usize>,
) -> Option<(usize, Option<[f64; 2]>)> {
    let value = grid.values[first];
    pixels.clear();
    pixels.push(first);
    seen[first] = true;
    let (mut next, mut is_one) = (0, true);
    while let Some(at) = pixels.get(next).copied() {
        next += 1;
        let mut look = |other: usize| {
            if grid.values[other] != value || seen[other] {
                return;
            }
            if largest.values[other] == value {
                seen[other] = true;
                pixels.push(other);
            } else {
                is_one = false;
            }
        };
        let columns = grid.columns;
        let (row, column) = (at / columns, at % columns);
        if is_within(grid, row, column) {
            for middle in [at - columns, at, at + columns] {
                (middle - 1..middle + 2).for_each(&mut look);
            }
        } else {
            neighbours(at, grid.rows, columns).for_each(look);
        }
    }
    if !is_one {
        return None;
    }
    let place = |at: usize| [(at / grid.columns) as f64, (at % grid.columns) as f64];
    let sum = pixels.iter().fold([0.0; 2], |sum, at| {
        let [row, column] = place(*at);
        [sum[0] + row, sum[1] + column]
    });
    let middle = sum.map(|sum| sum / pixels.len() as f64);
    let distance = |at: usize| {
        let [row, column] = place(at);
        (row - middle[0]).powi(2) + (column - middle[1]).powi(2)
    };
    let nearest = (pixels.iter().copied())
        .min_by(|a, b| distance(*a).total_cmp(&distance(*b)).then(a.cmp(b)))?;
    Some((nearest, Some(middle)))
}

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
