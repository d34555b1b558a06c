//! Grey reconstruction by dilation and the h-dome transform built on it.

use std::collections::VecDeque;

use super::Grid;

/// h-domes of `grid` scaled to a maximum of 1, averaged over 3 x 3; zeros when no pixel is positive.
pub fn domes(grid: &Grid<f64>, h: f64) -> Vec<f32> {
    let Grid { rows, columns, .. } = *grid;
    let highest = grid.values.iter().copied().fold(f64::NAN, f64::max);
    if highest.is_nan() || highest <= 0.0 {
        return grid
            .values
            .iter()
            .map(|v| if v.is_nan() { f32::NAN } else { 0.0 })
            .collect();
    }
    // An invalid pixel lies below everything, so nothing spreads through it.
    let scaled: Vec<f64> = grid
        .values
        .iter()
        .map(|v| {
            if v.is_nan() {
                f64::NEG_INFINITY
            } else {
                v / highest
            }
        })
        .collect();
    let mask = Grid::new(rows, columns, scaled);
    let mut marker = mask.clone();
    marker.values.iter_mut().for_each(|value| *value -= h);
    reconstruct(&mut marker, &mask);
    let mut dome = grid.clone();
    for ((dome, mask), base) in dome.values.iter_mut().zip(&mask.values).zip(&marker.values) {
        if !dome.is_nan() {
            *dome = mask - base;
        }
    }
    let smooth = mean_of_neighbours(&dome);
    let top = smooth.iter().copied().fold(0.0, f64::max);
    let scale = if top > 0.0 { 1.0 / top } else { 0.0 };
    smooth.iter().map(|value| (value * scale) as f32).collect()
}

/// Raises `marker` to its reconstruction under `mask` (8 neighbours): two sweeps, then a queue for what is left.
fn reconstruct(marker: &mut Grid<f64>, mask: &Grid<f64>) {
    let Grid { rows, columns, .. } = *mask;
    let raise = |marker: &mut Grid<f64>, at: usize, before: bool| {
        let mut value = marker.values[at];
        for other in neighbours(at, rows, columns).filter(|other| (*other < at) == before) {
            value = value.max(marker.values[other]);
        }
        marker.values[at] = value.min(mask.values[at]);
    };
    for at in 0..rows * columns {
        raise(marker, at, true);
    }
    let mut queue = VecDeque::new();
    for at in (0..rows * columns).rev() {
        raise(marker, at, false);
        let value = marker.values[at];
        let spreads = |other: usize| {
            marker.values[other] < value && marker.values[other] < mask.values[other]
        };
        if neighbours(at, rows, columns).any(spreads) {
            queue.push_back(at);
        }
    }
    while let Some(at) = queue.pop_front() {
        let value = marker.values[at];
        for other in neighbours(at, rows, columns) {
            if marker.values[other] < value && marker.values[other] < mask.values[other] {
                marker.values[other] = value.min(mask.values[other]);
                queue.push_back(other);
            }
        }
    }
}

fn neighbours(at: usize, rows: usize, columns: usize) -> impl Iterator<Item = usize> {
    let (row, column) = (at / columns, at % columns);
    (row.saturating_sub(1)..(row + 2).min(rows)).flat_map(move |y| {
        (column.saturating_sub(1)..(column + 2).min(columns))
            .map(move |x| y * columns + x)
            .filter(move |other| *other != at)
    })
}

/// Mean of the valid pixels among each pixel and its neighbours inside the frame; NaN stays NaN.
fn mean_of_neighbours(grid: &Grid<f64>) -> Vec<f64> {
    (0..grid.values.len())
        .map(|at| {
            if grid.values[at].is_nan() {
                return f64::NAN;
            }
            let (sum, count) = neighbours(at, grid.rows, grid.columns)
                .map(|other| grid.values[other])
                .filter(|value| !value.is_nan())
                .fold((grid.values[at], 1.0), |(sum, n), v| (sum + v, n + 1.0));
            sum / count
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconstruction_follows_a_spiral_that_no_sweep_can() {
        // One corridor of height 1 that turns back on itself; its start is marked.
        let corridor = [
            "#########",
            "........#",
            "#######.#",
            "#.....#.#",
            "#.###.#.#",
            "#.#...#.#",
            "#.#####.#",
            "#.......#",
            "#########",
        ];
        let values = corridor
            .iter()
            .flat_map(|line| line.bytes().map(|c| if c == b'#' { 0.0 } else { 1.0 }))
            .collect();
        let mask = Grid::new(9, 9, values);
        let mut marker = Grid::filled(9, 9, 0.0);
        marker.values[9] = 1.0;
        reconstruct(&mut marker, &mask);
        assert_eq!(marker, mask);
    }

    #[test]
    fn a_dome_keeps_h_and_a_plateau_keeps_nothing() {
        let mut grid = Grid::filled(9, 12, 2.0);
        grid.values[4 * 12 + 5] = 10.0;
        let dome = domes(&grid, 0.3);
        assert!((dome[4 * 12 + 5] - 1.0).abs() < 1e-6);
        assert!(dome[0].abs() < 1e-6);
        assert!(
            domes(&Grid::filled(4, 6, 0.0), 0.3)
                .iter()
                .all(|v| *v == 0.0)
        );
    }
}
