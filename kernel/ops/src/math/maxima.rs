//! From a score map to separate maxima and their sub-pixel positions.

use super::Grid;

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
pub fn local_maxima(
    score: &Grid<f64>,
    reach: usize,
    threshold: f64,
    border: usize,
) -> Vec<Maximum> {
    let largest = largest_in_square(score, reach);
    let mut found = Vec::new();
    // Pixels of plateaus that were looked at; empty before the first one.
    let mut seen = Vec::new();
    for row in 0..score.rows {
        let line = row * score.columns;
        for (column, value) in score.row(row).iter().enumerate() {
            let at = line + column;
            if !(*value >= threshold && *value == largest.values[at]) {
                continue;
            }
            if !has_equal_neighbour(score, at) {
                found.push(Maximum {
                    row,
                    column,
                    score: *value,
                    plateau: None,
                });
                continue;
            }
            seen.resize(score.values.len(), false);
            if !seen[at] {
                found.extend(plateau(score, &largest, at, &mut seen));
            }
        }
    }
    let inside = |middle: f64, size: usize| {
        middle >= border as f64 && middle + border as f64 <= size as f64 - 1.0
    };
    found.retain(|maximum| {
        let [row, column] = maximum.middle();
        inside(row, score.rows) && inside(column, score.columns)
    });
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

impl Maximum {
    /// Row and column, between pixels for a plateau.
    pub fn middle(&self) -> [f64; 2] {
        let whole = [self.row as f64, self.column as f64];
        self.plateau.unwrap_or(whole)
    }
}

/// The pixels around one, also at its corners.
fn neighbours(at: usize, rows: usize, columns: usize) -> impl Iterator<Item = usize> {
    let (row, column) = (at / columns, at % columns);
    (row.saturating_sub(1)..(row + 2).min(rows)).flat_map(move |y| {
        (column.saturating_sub(1)..(column + 2).min(columns))
            .map(move |x| y * columns + x)
            .filter(move |other| *other != at)
    })
}

fn has_equal_neighbour(score: &Grid<f64>, at: usize) -> bool {
    neighbours(at, score.rows, score.columns).any(|other| score.values[other] == score.values[at])
}

/// All pixels alike that are connected with the one at `first`; `None` when one of them is no maximum.
fn plateau(
    score: &Grid<f64>,
    largest: &Grid<f64>,
    first: usize,
    seen: &mut [bool],
) -> Option<Maximum> {
    let value = score.values[first];
    let mut pixels = vec![first];
    seen[first] = true;
    let mut next = 0;
    while let Some(at) = pixels.get(next).copied() {
        next += 1;
        for other in neighbours(at, score.rows, score.columns) {
            if !seen[other] && score.values[other] == value {
                seen[other] = true;
                pixels.push(other);
            }
        }
    }
    if pixels.iter().any(|at| largest.values[*at] != value) {
        return None;
    }
    let place = |at: usize| [(at / score.columns) as f64, (at % score.columns) as f64];
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
    Some(Maximum {
        row: nearest / score.columns,
        column: nearest % score.columns,
        score: value,
        plateau: Some(middle),
    })
}

/// Drops every maximum within `distance` (inclusive) of a better one that is kept; expects the order of
/// [`local_maxima`].
pub fn separate(
    maxima: Vec<Maximum>,
    distance: usize,
    rows: usize,
    columns: usize,
) -> Vec<Maximum> {
    let mut taken = vec![false; rows * columns];
    let reach = distance as isize;
    maxima
        .into_iter()
        .filter(|maximum| {
            if taken[maximum.row * columns + maximum.column] {
                return false;
            }
            for dy in -reach..=reach {
                let Some(row) = maximum.row.checked_add_signed(dy).filter(|row| *row < rows) else {
                    continue;
                };
                let half = ((reach * reach - dy * dy) as f64).sqrt().floor() as usize;
                let left = maximum.column.saturating_sub(half);
                let right = (maximum.column + half).min(columns - 1);
                taken[row * columns + left..=row * columns + right].fill(true);
            }
            true
        })
        .collect()
}

fn largest_in_square(grid: &Grid<f64>, reach: usize) -> Grid<f64> {
    let Grid { rows, columns, .. } = *grid;
    let mut across = Grid::filled(rows, columns, f64::NEG_INFINITY);
    let mut line = Vec::new();
    for row in 0..rows {
        line.clear();
        line.extend_from_slice(grid.row(row));
        running_maximum(
            &line,
            reach,
            &mut across.values[row * columns..(row + 1) * columns],
        );
    }
    let mut both = across.clone();
    let mut out = vec![0.0; rows];
    for column in 0..columns {
        line.clear();
        line.extend((0..rows).map(|row| across.at(row, column)));
        running_maximum(&line, reach, &mut out);
        for (row, value) in out.iter().enumerate() {
            both.values[row * columns + column] = *value;
        }
    }
    both
}

/// Largest value within `reach` on both sides, by maxima from the start and from the end of blocks of the
/// window's length (van Herk, doi:10.1016/0167-8655(92)90069-C). NaN counts as the smallest value.
fn running_maximum(line: &[f64], reach: usize, out: &mut [f64]) {
    let block = 2 * reach + 1;
    let mut from_start = line.to_vec();
    let mut from_end = line.to_vec();
    for at in 1..line.len() {
        if !at.is_multiple_of(block) {
            from_start[at] = from_start[at].max(from_start[at - 1]);
        }
        let back = line.len() - 1 - at;
        if !(back + 1).is_multiple_of(block) {
            from_end[back] = from_end[back].max(from_end[back + 1]);
        }
    }
    for (at, out) in out.iter_mut().enumerate() {
        let low = at.saturating_sub(reach);
        let high = (at + reach).min(line.len() - 1);
        // A window cut by an edge may lie within one block, where one of the two runs covers it.
        *out = if low / block == high / block {
            match (low % block == 0, high + 1 == line.len()) {
                (true, _) => from_start[high],
                (_, true) => from_end[low],
                _ => line[low..=high].iter().copied().fold(f64::NAN, f64::max),
            }
        } else {
            from_end[low].max(from_start[high])
        };
    }
}

/// Offset (row, column) of the top of the parabola through the maximum and its two neighbours on each axis, at most
/// 1 px; 0 on the border and where the curve does not bend down.
pub fn parabola(score: &Grid<f64>, row: usize, column: usize) -> [f64; 2] {
    let down = (row > 0 && row + 1 < score.rows).then(|| {
        top(
            score.at(row - 1, column),
            score.at(row, column),
            score.at(row + 1, column),
        )
    });
    let across = (column > 0 && column + 1 < score.columns).then(|| {
        top(
            score.at(row, column - 1),
            score.at(row, column),
            score.at(row, column + 1),
        )
    });
    [down.unwrap_or(0.0), across.unwrap_or(0.0)]
}

fn top(before: f64, at: f64, after: f64) -> f64 {
    let bend = before - 2.0 * at + after;
    if bend < 0.0 {
        (0.5 * (before - after) / bend).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Offset (row, column) of the centre of mass of the score, negatives as 0, in the square of side `2 reach + 1`
/// around the maximum, cut at the edges alike on both sides so that the cut moves nothing.
pub fn centre_of_mass(score: &Grid<f64>, row: usize, column: usize, reach: usize) -> [f64; 2] {
    let down = reach.min(row).min(score.rows - 1 - row) as isize;
    let across = reach.min(column).min(score.columns - 1 - column) as isize;
    let (mut sum, mut moment_y, mut moment_x) = (0.0, 0.0, 0.0);
    for dy in -down..=down {
        for dx in -across..=across {
            let value = score
                .at(row.wrapping_add_signed(dy), column.wrapping_add_signed(dx))
                .max(0.0);
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
    fn the_running_maximum_equals_looking_at_every_window() {
        for length in [1, 2, 5, 9, 20] {
            let line: Vec<f64> = (0..length).map(|at| ((at * 31 + 7) % 17) as f64).collect();
            for reach in [0, 1, 2, 4, 30] {
                let mut fast = vec![0.0; length];
                running_maximum(&line, reach, &mut fast);
                for (at, fast) in fast.iter().enumerate() {
                    let window = &line[at.saturating_sub(reach)..(at + reach + 1).min(length)];
                    assert_eq!(*fast, window.iter().copied().fold(f64::NAN, f64::max));
                }
            }
        }
    }

    #[test]
    fn maxima_are_ordered_separate_and_inside_the_border() {
        let score = rough(23, 31);
        let maxima = separate(local_maxima(&score, 3, 100.0, 2), 3, 23, 31);
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
        let maxima = local_maxima(&score, 20, 0.5, 0);
        assert_eq!(maxima.len(), 1);
        assert_eq!(maxima[0].middle(), [3.5, 5.0]);
        assert_eq!((maxima[0].row, maxima[0].column), (3, 5));
        assert!(local_maxima(&Grid::filled(8, 11, f64::NAN), 2, 0.5, 0).is_empty());
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
            (local_maxima(&score, 2, 0.5, border).iter())
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
