//! Whether there is a direct beam at a place of a pattern.

use super::{Grid, Real, pool};

/// Sides of the boxes that are compared with boxes around them: for small beams, and for faint ones.
const SIDES: [usize; 2] = [5, 11];
/// Standard errors that the mean of a box must be above what is around it.
const SURE: f64 = 10.0;
/// Pixels of the box that must be above it: two electrons beside each other are no beam.
const PIXELS: usize = 3;

/// Whether the pixels around `at` stand out of those within twice the `half_width` of `about`: the mean of a box of 5 or 11 pixels a side is
/// above the lower quartile of such boxes by ten of its standard errors. The noise of a pixel is told from the differences of
/// neighbours, which a smooth halo has none of; a bright beam, which has, has a rise that is larger still. NaN does not count.
/// O(pixels looked at).
pub fn stands_out<T: Real>(
    grid: &Grid<T>,
    at: [f64; 2],
    about: [f64; 2],
    half_width: usize,
) -> bool {
    // A beam that fills the place where it is looked for needs something around it.
    let reach = 2 * half_width;
    let range = |axis: usize, size: usize| {
        let middle = (about[axis].round().max(0.0) as usize).min(size.saturating_sub(1));
        middle.saturating_sub(reach)..(middle + reach + 1).min(size)
    };
    let (rows, columns) = (range(0, grid.rows), range(1, grid.columns));
    let (mut squares, mut pairs) = (0.0, 0.0);
    for row in rows.clone() {
        for pair in grid.row(row)[columns.clone()].windows(2) {
            let difference = pair[1].to_f64() - pair[0].to_f64();
            if !difference.is_nan() {
                squares += difference * difference;
                pairs += 2.0;
            }
        }
    }
    let variance = squares / f64::max(pairs, 1.0);
    SIDES.iter().any(|side| {
        let mut around = pool::empty::<f64>();
        for row in rows.clone().step_by(*side) {
            let boxes = columns.clone().step_by(*side);
            around.extend(boxes.filter_map(|column| {
                let pixels = || pixels(grid, row, column, *side);
                (pixels().next().is_some()).then(|| mean(pixels()).0)
            }));
        }
        if around.is_empty() {
            return false;
        }
        let quarter = around.len() / 4;
        let level = *around.select_nth_unstable_by(quarter, f64::total_cmp).1;
        let first = |at: f64| (at.round() - (side / 2) as f64).max(0.0) as usize;
        let inside = || pixels(grid, first(at[0]), first(at[1]), *side);
        let (height, count) = mean(inside());
        let above = inside().filter(|value| *value > level).count();
        // Rounding alone makes a constant frame uneven.
        let rise = height - level;
        above >= PIXELS && rise > SURE * (variance / count).sqrt() && rise > 1e-5 * level.abs()
    })
}

/// The pixels of a box that begins at a place, as far as it lies inside and has values.
fn pixels<T: Real>(
    grid: &Grid<T>,
    row: usize,
    column: usize,
    side: usize,
) -> impl Iterator<Item = f64> {
    let columns = column.min(grid.columns)..(column + side).min(grid.columns);
    (row..(row + side).min(grid.rows))
        .flat_map(move |row| &grid.row(row)[columns.clone()])
        .map(|value| value.to_f64())
        .filter(|value| !value.is_nan())
}

fn mean(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (sum / count, count)
}

#[cfg(test)]
mod tests {
    use super::super::direct_beam;
    use super::*;

    /// Counts of a Poisson distribution by multiplication of random numbers, or their sum by parts for large means.
    struct Counts(u64);

    impl Counts {
        fn uniform(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            ((self.0 >> 33) as f64 + 0.5) / f64::from(1u32 << 31)
        }

        fn poisson(&mut self, mean: f64) -> f64 {
            if mean > 20.0 {
                return self.poisson(20.0) + self.poisson(mean - 20.0);
            }
            let (mut count, mut product, end) = (0.0, self.uniform(), (-mean).exp());
            while product > end {
                count += 1.0;
                product *= self.uniform();
            }
            count
        }
    }

    fn found(
        counts: &mut Counts,
        rows: usize,
        columns: usize,
        expected: impl Fn(f64, f64) -> f64,
    ) -> bool {
        let values = (0..rows * columns).map(|at| {
            let (row, column) = ((at / columns) as f64, (at % columns) as f64);
            counts.poisson(expected(row, column)) as f32
        });
        let grid = Grid::new(rows, columns, values.collect());
        let half_width = (rows.min(columns) / 4).max(4);
        let at = direct_beam::find(&grid);
        stands_out(&grid, at, grid.reference_centre(), half_width)
    }

    #[test]
    fn noise_is_no_beam_at_any_dose() {
        let mut counts = Counts(7);
        for (rows, columns) in [(64, 80), (128, 100)] {
            for mean in [0.0, 0.0005, 0.003, 0.02, 0.2, 3.0, 200.0] {
                let wrong = (0..100).filter(|_| found(&mut counts, rows, columns, |_, _| mean));
                let wrong = wrong.count();
                assert!(
                    wrong <= 1,
                    "{wrong} of 100 frames with {mean} counts per pixel"
                );
            }
        }
    }

    #[test]
    fn a_beam_of_few_counts_is_one_also_on_a_halo() {
        let mut counts = Counts(11);
        for (radius, height, ground, halo) in [
            (2.0, 2.0, 0.0, 0.0),
            (3.0, 1.0, 0.01, 0.0),
            (6.0, 0.5, 0.02, 0.0),
            (4.0, 12.0, 3.0, 20.0),
            (9.0, 100.0, 30.0, 200.0),
            (14.0, 5.0, 0.5, 1.0),
        ] {
            let missed = (0..40).filter(|_| {
                !found(&mut counts, 96, 80, |row, column| {
                    let distance = (row - 49.2).hypot(column - 38.7);
                    let disk = if distance <= radius { height } else { 0.0 };
                    disk + ground + halo * (-distance / 15.0).exp()
                })
            });
            let missed = missed.count();
            assert!(
                missed <= 1,
                "{missed} of 40 with radius {radius} and {height} counts"
            );
        }
    }

    /// Other sizes, doses and radii than the rule was made with.
    #[test]
    fn other_frames_judge_it() {
        let mut counts = Counts(20261130);
        let (mut wrong, mut missed, mut of) = (0, 0, 0);
        for (rows, columns) in [(56, 72), (170, 256), (110, 33)] {
            for mean in [0.0002, 0.001, 0.01, 0.08, 0.7, 12.0, 1500.0] {
                let noise = (0..20).filter(|_| found(&mut counts, rows, columns, |_, _| mean));
                wrong += noise.count();
            }
            for (radius, total) in [
                (1.7, 30.0),
                (3.2, 45.0),
                (4.6, 70.0),
                (6.5, 110.0),
                (6.5, 2e5),
            ] {
                for ground in [0.0, 0.004, 0.04] {
                    let middle = [rows as f64 / 2.0 - 1.1, columns as f64 / 2.0 + 0.7];
                    let height = total / (std::f64::consts::PI * radius * radius);
                    let lost = (0..10).filter(|_| {
                        !found(&mut counts, rows, columns, |row, column| {
                            let distance = (row - middle[0]).hypot(column - middle[1]);
                            ground + if distance <= radius { height } else { 0.0 }
                        })
                    });
                    let lost = lost.count();
                    println!(
                        "{rows} x {columns}, {total} counts in {radius} px on {ground}: {lost}"
                    );
                    (missed, of) = (missed + lost, of + 10);
                }
            }
        }
        println!("{wrong} of 420 frames of noise, {missed} of {of} with a beam");
        assert!(
            wrong <= 4 && missed <= of / 50,
            "{wrong} of 420, {missed} of {of}"
        );
    }

    #[test]
    fn what_is_the_same_everywhere_or_nowhere_is_no_beam() {
        for value in [0.0, -3.0, 1e6 + 0.1, f64::NAN] {
            let grid = Grid::filled(40, 52, value);
            assert!(!stands_out(&grid, [20.0, 26.0], [20.0, 26.0], 10));
        }
        assert!(!stands_out(&Grid::filled(1, 1, 2.0), [0.0; 2], [0.0; 2], 4));
    }
}
