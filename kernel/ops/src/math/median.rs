//! Median over a sliding square, for any pixel type, by ranks and a two-level histogram.

use super::{Grid, half_sample};

/// Counts of ranks in two levels, so that a quantile is found in about two square roots of the number of ranks.
struct Histogram {
    fine: Vec<u32>,
    coarse: Vec<u32>,
    shift: u32,
    total: u32,
}

impl Histogram {
    fn new(ranks: usize) -> Self {
        let shift = usize::BITS
            .saturating_sub(ranks.leading_zeros())
            .div_ceil(2);
        Histogram {
            fine: vec![0; ranks],
            coarse: vec![0; (ranks >> shift) + 1],
            shift,
            total: 0,
        }
    }

    #[inline(always)]
    fn insert(&mut self, rank: u32) {
        self.fine[rank as usize] += 1;
        self.coarse[(rank >> self.shift) as usize] += 1;
        self.total += 1;
    }

    #[inline(always)]
    fn remove(&mut self, rank: u32) {
        self.fine[rank as usize] -= 1;
        self.coarse[(rank >> self.shift) as usize] -= 1;
        self.total -= 1;
    }

    fn clear(&mut self) {
        self.fine.fill(0);
        self.coarse.fill(0);
        self.total = 0;
    }

    /// The rank at place `place` (from 0) in sorted order; `place < total`.
    fn at(&self, mut place: u32) -> usize {
        let mut block = 0;
        while self.coarse[block] <= place {
            place -= self.coarse[block];
            block += 1;
        }
        let mut rank = block << self.shift;
        while self.fine[rank] <= place {
            place -= self.fine[rank];
            rank += 1;
        }
        rank
    }
}

const NO_RANK: u32 = u32::MAX;

/// Sorted distinct values, and the place of each pixel among them (`NO_RANK` for NaN).
fn ranks(grid: &Grid<f64>) -> (Vec<f64>, Vec<u32>) {
    let mut order: Vec<u32> = (0..grid.values.len() as u32)
        .filter(|at| !grid.values[*at as usize].is_nan())
        .collect();
    order.sort_unstable_by(|a, b| grid.values[*a as usize].total_cmp(&grid.values[*b as usize]));
    let mut distinct: Vec<f64> = Vec::new();
    let mut rank_of = vec![NO_RANK; grid.values.len()];
    for at in order {
        let value = grid.values[at as usize];
        if distinct.last() != Some(&value) {
            distinct.push(value);
        }
        rank_of[at as usize] = distinct.len() as u32 - 1;
    }
    (distinct, rank_of)
}

/// Each pixel minus the median of the square of side `2 half + 1` around it; NaN takes no part and stays.
/// `interrupted` is asked once a row.
pub fn minus_square_median<E>(
    grid: &Grid<f64>,
    half: usize,
    interrupted: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Vec<f32>, E> {
    let Grid { rows, columns, .. } = *grid;
    let (distinct, rank_of) = ranks(grid);
    let mut out = Vec::with_capacity(grid.values.len());
    let half = half as isize;
    let mut histogram = Histogram::new(distinct.len());
    for row in 0..rows as isize {
        interrupted()?;
        let lines: Vec<usize> = (row - half..=row + half)
            .map(|at| half_sample(at, rows) * columns)
            .collect();
        histogram.clear();
        for column in -half..=half {
            let column = half_sample(column, columns);
            each_rank(&rank_of, &lines, column, |rank| histogram.insert(rank));
        }
        for column in 0..columns as isize {
            if column > 0 {
                let left = half_sample(column - half - 1, columns);
                let right = half_sample(column + half, columns);
                each_rank(&rank_of, &lines, left, |rank| histogram.remove(rank));
                each_rank(&rank_of, &lines, right, |rank| histogram.insert(rank));
            }
            let value = grid.at(row as usize, column as usize);
            out.push((value - median(&histogram, &distinct)) as f32);
        }
    }
    Ok(out)
}

#[inline(always)]
fn each_rank(rank_of: &[u32], lines: &[usize], column: usize, mut take: impl FnMut(u32)) {
    for line in lines {
        let rank = rank_of[line + column];
        if rank != NO_RANK {
            take(rank);
        }
    }
}

fn median(histogram: &Histogram, distinct: &[f64]) -> f64 {
    if histogram.total == 0 {
        return f64::NAN;
    }
    let upper = distinct[histogram.at(histogram.total / 2)];
    if histogram.total % 2 == 1 {
        upper
    } else {
        0.5 * (upper + distinct[histogram.at(histogram.total / 2 - 1)])
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::math::rings;

    #[test]
    fn equals_sorting_every_square_also_with_nan_and_a_square_larger_than_the_frame() {
        let (rows, columns) = (7, 10);
        let mut values: Vec<f64> = (0..70).map(|at| f64::from((at * 37) % 23) - 5.0).collect();
        values[33] = f64::NAN;
        let grid = Grid::new(rows, columns, values);
        for half in [1, 2, 9] {
            let fast = minus_square_median(&grid, half, &mut || Ok::<_, Infallible>(())).unwrap();
            for row in 0..rows {
                for column in 0..columns {
                    let reach = half as isize;
                    let mut square = Vec::new();
                    for y in row as isize - reach..=row as isize + reach {
                        for x in column as isize - reach..=column as isize + reach {
                            square.push(grid.at(half_sample(y, rows), half_sample(x, columns)));
                        }
                    }
                    square.retain(|value| !value.is_nan());
                    let median = rings::median(&mut square).unwrap();
                    let slow = (grid.at(row, column) - median) as f32;
                    let fast = fast[row * columns + column];
                    assert!(fast == slow || fast.is_nan() && slow.is_nan());
                }
            }
        }
    }
}
