//! Rings of whole-pixel width around a centre.

use super::Grid;

/// Each pixel minus the median of its ring `floor(hypot)`; NaN pixels take no part and stay NaN.
pub fn minus_median(grid: &Grid<f64>, centre: [f64; 2]) -> Vec<f32> {
    let ring_of = rings(grid.rows, grid.columns, centre);
    let medians = ring_medians(grid, &ring_of);
    ring_of
        .iter()
        .zip(&grid.values)
        .map(|(ring, value)| (value - medians[*ring as usize]) as f32)
        .collect()
}

fn rings(rows: usize, columns: usize, [cy, cx]: [f64; 2]) -> Vec<u32> {
    let mut ring_of = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        let dy = row as f64 - cy;
        ring_of.extend((0..columns).map(|column| {
            let dx = column as f64 - cx;
            (dy * dy + dx * dx).sqrt() as u32
        }));
    }
    ring_of
}

/// Median of every ring by a counting sort into rings; 0 for a ring without valid pixel.
fn ring_medians(grid: &Grid<f64>, ring_of: &[u32]) -> Vec<f64> {
    let last = ring_of.iter().max().map_or(0, |ring| *ring as usize);
    let mut ends = vec![0usize; last + 2];
    let valid = || {
        ring_of
            .iter()
            .zip(&grid.values)
            .filter(|(_, v)| !v.is_nan())
    };
    for (ring, _) in valid() {
        ends[*ring as usize + 1] += 1;
    }
    for ring in 0..=last {
        ends[ring + 1] += ends[ring];
    }
    let mut next = ends.clone();
    let mut sorted = vec![0.0f64; ends[last + 1]];
    for (ring, value) in valid() {
        let slot = &mut next[*ring as usize];
        sorted[*slot] = *value;
        *slot += 1;
    }
    ends.windows(2)
        .map(|range| median(&mut sorted[range[0]..range[1]]).unwrap_or(0.0))
        .collect()
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
        let flat = minus_median(&grid, centre);
        for (at, value) in flat.iter().enumerate() {
            match at {
                2 => assert!(value.is_nan()),
                at if at == 4 * columns + 20 => assert!((value - 7.0).abs() < 1e-5),
                _ => assert!(value.abs() < 1e-5),
            }
        }
    }
}
