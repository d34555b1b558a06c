//! Whether the positions of a reference region have one lattice: how far their strains differ, beside their standard errors.

use super::deformation::{Deformation, Matrix, standard_errors};
use super::two_groups::two_groups;

/// Fewer positions differ by chance.
const LEAST_POSITIONS: usize = 8;
/// Least difference in standard errors of one position: of chance alone the halves are 1.6 apart.
const LEAST_ERRORS: f64 = 5.0;
/// Least difference of two lattices that is said, in strain or radians: a drift of ±0.1 % has halves that are 0.13 % apart.
const TWO_APART: f64 = 0.0015;
/// The same of quarters of a region whose lattice changes anyhow: a gradient of 1 % over the region.
const CHANGE: f64 = 0.005;
/// Least share of the variance, without that of the errors, that lies between two lattices: of a gradient it is three quarters, of a
/// wave four fifths.
const BETWEEN: f64 = 0.85;

/// How the lattices of a region differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variation {
    /// Two lattices with little between them, or a change without a step.
    pub is_two: bool,
    /// Difference of both groups, or of the upper and the lower half: the larger principal strain, without its sign.
    pub strain: f64,
    /// The same of the rotation, in radians.
    pub turn: f64,
    /// That difference in standard errors of one position, where it is most of them.
    pub errors: f64,
    /// Share of the positions in the smaller group.
    pub share: f64,
}

/// ε_xx, ε_yy, ε_xy, θ of one position, and their standard errors.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub values: [f64; 4],
    pub errors: [f64; 4],
}

impl Measured {
    /// From the change of reciprocal vectors and its covariance by rows; `None` where that is no deformation.
    pub fn of(matrix: Matrix, covariance: [[f64; 3]; 2]) -> Option<Self> {
        let changes = Deformation::derivatives(matrix)?;
        let measured = Measured {
            values: Deformation::of_reciprocal(matrix)?.components(),
            errors: standard_errors(changes, covariance),
        };
        let is_known = |error: &f64| error.is_finite() && *error > 0.0;
        measured.errors.iter().all(is_known).then_some(measured)
    }
}

impl Variation {
    /// Largest difference that the positions of a region show, `None` where it is chance, or too small to matter. Up to a fifth of
    /// the positions may be anything when the others are alike: the mean of the region leaves them out.
    pub fn among(positions: &[Measured]) -> Option<Self> {
        if positions.len() < LEAST_POSITIONS {
            return None;
        }
        let of = |pick: fn(&[Measured], usize) -> Option<Self>| {
            (0..4)
                .filter_map(|n| {
                    let mut sorted = positions.to_vec();
                    sorted.sort_by(|a, b| a.values[n].total_cmp(&b.values[n]));
                    pick(&sorted, n)
                })
                .max_by(|a, b| a.errors.total_cmp(&b.errors))
        };
        of(two_lattices).or_else(|| of(gradual))
    }

    fn between(sorted: &[Measured], below: usize, is_two: bool, errors: f64) -> Self {
        let (lower, upper) = sorted.split_at(below);
        let mean = |of: &[Measured], n: usize| {
            of.iter().map(|one| one.values[n]).sum::<f64>() / of.len() as f64
        };
        let [xx, yy, xy, turn] = [0, 1, 2, 3].map(|n| mean(upper, n) - mean(lower, n));
        let even = 0.5 * (xx + yy);
        Variation {
            is_two,
            strain: even.abs() + (0.5 * (xx - yy)).hypot(xy),
            turn: turn.abs(),
            errors,
            share: lower.len().min(upper.len()) as f64 / sorted.len() as f64,
        }
    }
}

/// Usual standard error, and mean of its square.
fn errors_of(positions: &[Measured], n: usize) -> [f64; 2] {
    let mut errors: Vec<f64> = positions.iter().map(|one| one.errors[n]).collect();
    errors.sort_by(f64::total_cmp);
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    [errors[errors.len() / 2], squares / errors.len() as f64]
}

/// Divides positions that are sorted by their component `n`.
fn two_lattices(sorted: &[Measured], n: usize) -> Option<Variation> {
    let values: Vec<f64> = sorted.iter().map(|one| one.values[n]).collect();
    let groups = two_groups(&values)?;
    let [usual, chance] = errors_of(sorted, n);
    let errors = groups.apart / usual;
    let is_told = groups.apart >= TWO_APART
        && errors >= LEAST_ERRORS
        && groups.between >= BETWEEN * (groups.variance - chance);
    is_told.then(|| Variation::between(sorted, groups.below, true, errors))
}

/// By quarters, which strays do not change.
fn gradual(sorted: &[Measured], n: usize) -> Option<Variation> {
    let quarter = sorted.len() / 4;
    let apart = sorted[sorted.len() - 1 - quarter].values[n] - sorted[quarter].values[n];
    let errors = apart / errors_of(sorted, n)[0];
    (apart >= CHANGE && errors >= LEAST_ERRORS)
        .then(|| Variation::between(sorted, sorted.len() / 2, false, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve uniform numbers make a normal one.
    struct Random(u32);

    impl Random {
        fn normal(&mut self) -> f64 {
            let mut sum = -6.0;
            for _ in 0..12 {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                sum += f64::from(self.0 >> 8) / f64::from(1 << 24);
            }
            sum
        }
    }

    fn said(of: fn(usize) -> [f64; 4], error: f64, random: &mut Random) -> Option<Variation> {
        let positions = (0..128).map(|n| Measured {
            values: of(n).map(|value| value + error * random.normal()),
            errors: [error; 4],
        });
        Variation::among(&positions.collect::<Vec<_>>())
    }

    #[test]
    fn noise_of_any_size_is_no_variation() {
        let mut random = Random(1);
        for _ in 0..2000 {
            for error in [1e-5, 1e-3, 1e-2] {
                assert_eq!(said(|_| [0.0; 4], error, &mut random), None);
            }
        }
    }

    #[test]
    fn two_lattices_are_told_by_their_distance_in_errors_and_by_its_size() {
        let half = |n: usize| {
            [0.0, 0.003, 0.0, 0.002].map(|by| if n.is_multiple_of(2) { by } else { 0.0 })
        };
        let mut random = Random(2);
        for (error, is_said) in [(1e-4, true), (4e-4, true), (1e-3, false)] {
            for _ in 0..100 {
                let by = said(half, error, &mut random);
                assert_eq!(by.is_some_and(|by| by.is_two), is_said, "{error} {by:?}");
                assert_eq!(by.is_some(), is_said);
                if let Some(by) = by {
                    assert!((by.strain - 0.003).abs() < error && (by.turn - 0.002).abs() < error);
                }
            }
        }
        let little =
            |n: usize| [0.001, 0.0, 0.0, 0.0].map(|by| if n.is_multiple_of(2) { by } else { 0.0 });
        assert_eq!(said(little, 1e-5, &mut random), None);
    }

    #[test]
    fn the_strain_between_two_lattices_is_the_larger_principal_one() {
        let shear =
            |n: usize| [0.0, 0.0, 0.01, 0.0].map(|by| if n.is_multiple_of(3) { by } else { 0.0 });
        let by = said(shear, 1e-4, &mut Random(3)).unwrap();
        assert!((by.strain - 0.01).abs() < 1e-4 && by.turn < 1e-4, "{by:?}");
        assert!((by.share - 1.0 / 3.0).abs() < 0.01);
    }
}
