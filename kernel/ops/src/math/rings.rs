//! Rings of whole-pixel width around a centre.

use signal::simd::{Vectorised, vectorised};

use super::pool::{self, Lent};
use super::{Grid, Real, select};

/// Each pixel minus the median of its ring `floor(hypot)`; NaN pixels take no part and stay NaN.
/// With `keep_beam` the rings of a bright centre take the median of the first ring outside it.
pub fn minus_median<T: Real>(grid: &Grid<T>, centre: [f64; 2], keep_beam: bool) -> Vec<f32> {
    let ring_of = rings(grid.rows, grid.columns, centre);
    let mut medians = ring_medians(grid, &ring_of);
    if keep_beam {
        spare_beam(&mut medians, grid.rows.min(grid.columns) / 4);
    }
    (ring_of.iter().zip(&grid.values))
        .map(|(ring, value)| (value.to_f64() - medians[*ring as usize]) as f32)
        .collect()
}

fn rings(rows: usize, columns: usize, centre: [f64; 2]) -> Lent<u32> {
    let mut ring_of = pool::any(rows * columns);
    vectorised(Rings {
        columns,
        centre,
        out: &mut ring_of,
    });
    ring_of
}

struct Rings<'a> {
    columns: usize,
    centre: [f64; 2],
    out: &'a mut [u32],
}

impl Vectorised for Rings<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let [cy, cx] = self.centre;
        for (row, out) in self.out.chunks_exact_mut(self.columns.max(1)).enumerate() {
            let dy = row as f64 - cy;
            for (column, ring) in out.iter_mut().enumerate() {
                let dx = column as f64 - cx;
                *ring = (dy * dy + dx * dx).sqrt() as u32;
            }
        }
    }
}

/// Median of every ring by a counting sort into rings; 0 for a ring without valid pixel.
fn ring_medians<T: Real>(grid: &Grid<T>, ring_of: &[u32]) -> Vec<f64> {
    let last = ring_of.iter().max().map_or(0, |ring| *ring as usize);
    let mut ends = pool::filled(last + 2, 0usize);
    if grid.has_nan() {
        for (ring, value) in ring_of.iter().zip(&grid.values) {
            ends[*ring as usize + 1] += usize::from(!value.is_nan());
        }
    } else {
        ring_of
            .iter()
            .for_each(|ring| ends[*ring as usize + 1] += 1);
    }
    for ring in 0..=last {
        ends[ring + 1] += ends[ring];
    }
    let mut next = pool::empty();
    next.extend_from_slice(&ends);
    let mut sorted = pool::any::<T>(ends[last + 1]);
    for (ring, value) in ring_of.iter().zip(&grid.values) {
        let place = &mut next[*ring as usize];
        if !value.is_nan() {
            sorted[*place] = *value;
            *place += 1;
        }
    }
    ends.windows(2)
        .map(|range| select::median(&sorted[range[0]..range[1]]).unwrap_or(0.0))
        .collect()
}

/// The direct beam is a plateau that ends in the steepest fall of the profile, to less than half of its
/// height within two rings. Without such an edge inside `reach` rings the profile stays as it is.
fn spare_beam(medians: &mut [f64], reach: usize) {
    let fall = |ring: usize| medians[ring - 1] - medians[ring + 1];
    let Some(edge) = (1..reach.min(medians.len().saturating_sub(2)))
        .max_by(|a, b| fall(*a).total_cmp(&fall(*b)))
    else {
        return;
    };
    let (inside, outside) = (medians[edge - 1], medians[edge + 2]);
    let plateau = medians[..edge].iter().all(|median| *median >= 0.5 * inside);
    if plateau && inside > 0.0 && medians[edge + 1] < 0.5 * inside {
        medians[..edge + 2].fill(outside);
    }
}

/// Median; the mean of the middle two for an even count. Reorders `values`, which must hold no NaN.
pub fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return Some(*upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(0.5 * (lower + *upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_and_odd_counts() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }

    #[test]
    fn a_radial_profile_is_removed_and_an_off_centre_spot_stays() {
        let (rows, columns, centre) = (21, 27, [9.0, 14.0]);
        let profile = rings(rows, columns, centre);
        let mut grid = Grid::new(
            rows,
            columns,
            profile
                .iter()
                .map(|ring| 100.0 / f64::from(ring + 1))
                .collect(),
        );
        grid.values[4 * columns + 20] += 7.0;
        grid.values[2] = f64::NAN;
        let flat = minus_median(&grid, centre, false);
        for (at, value) in flat.iter().enumerate() {
            match at {
                2 => assert!(value.is_nan()),
                at if at == 4 * columns + 20 => assert!((value - 7.0).abs() < 1e-5),
                _ => assert!(value.abs() < 1e-5),
            }
        }
    }

    #[test]
    fn a_bright_beam_is_kept_and_a_smooth_profile_is_not_touched() {
        let mut beam = vec![
            420.0, 425.0, 418.0, 421.0, 90.0, 31.0, 30.0, 28.0, 27.0, 25.0,
        ];
        spare_beam(&mut beam, 8);
        assert_eq!(
            beam,
            [30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 28.0, 27.0, 25.0]
        );
        let smooth: Vec<f64> = (0..10).map(|ring| 100.0 - 5.0 * f64::from(ring)).collect();
        let mut same = smooth.clone();
        spare_beam(&mut same, 8);
        assert_eq!(same, smooth);
        spare_beam(&mut [1.0], 8);
        spare_beam(&mut [f64::NAN; 5], 8);
    }
}
