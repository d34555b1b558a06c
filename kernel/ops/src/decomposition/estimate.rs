//! How far components may be from those of exact arithmetic, or of as many passes as it takes.

use crate::math::linear::Eigen;

/// Half the distance between two numbers of single precision, relative.
const SINGLE: f64 = 1.0 / (1u64 << 24) as f64;
/// Rows whose products are added in single precision.
const BLOCK: f64 = 1024.0;
/// By how much rounding may be larger than it usually is.
const SAFETY: f64 = 4.0;

/// What rounding may add to an eigenvalue of a scatter matrix: products of blocks of rows are rounded to single precision, each
/// another way, and the rest to double precision. `spread` is the trace about the mean.
pub(super) fn rounding(found: &Eigen, spread: f64, rows: f64, pixels: usize) -> f64 {
    let largest = found.values.first().copied().unwrap_or(0.0);
    let pixels = pixels.max(1) as f64;
    let even = 2.0 * SINGLE * spread / (rows.max(1.0) * pixels).sqrt();
    let strong = SINGLE * largest.min(spread) / (rows / BLOCK).max(1.0).sqrt();
    SAFETY * (even + strong + pixels * f64::EPSILON * largest)
}

/// Of that, what lies between two eigenvectors: rounding goes in all directions of so many pixels alike.
pub(super) fn between_two(rounding: f64, pixels: usize) -> f64 {
    rounding / (pixels.max(1) as f64).sqrt()
}

/// Angles in degrees by which an error of this size turns eigenvectors: by its share of the distance to the next eigenvalue.
pub(super) fn of_gaps(values: &[f64], error: f64) -> Vec<f64> {
    (0..values.len())
        .map(|at| {
            let apart =
                |other: Option<&f64>| other.map_or(f64::INFINITY, |v| (v - values[at]).abs());
            let before = at.checked_sub(1).and_then(|before| values.get(before));
            let nearest = apart(before).min(apart(values.get(at + 1)));
            degrees(error / SAFETY / nearest)
        })
        .collect()
}

/// The same of vectors in a subspace that is nearly that of the largest eigenvalues: `values` are those inside, and what their
/// vectors miss has length `residuals`, before one more product with the matrix. `outside` is the largest eigenvalue that is not
/// inside, `rounding` what single precision does.
pub(super) fn of_residuals(
    values: &[f64],
    residuals: &[f64],
    outside: f64,
    rounding: f64,
) -> Vec<f64> {
    // Tangents of the angles to the subspace, after the product.
    let missing: Vec<f64> = (values.iter().zip(residuals))
        .map(|(value, residual)| match *value > outside {
            true => residual / (value - outside) * (outside / value),
            false => f64::INFINITY,
        })
        .collect();
    let turned = of_gaps(values, rounding);
    (0..values.len())
        .map(|at| {
            // What both miss turns two vectors into each other where their values hardly differ.
            let mixed: f64 = (0..values.len())
                .filter(|other| *other != at)
                .map(|other| {
                    let gap = (values[at] - values[other]).abs();
                    let lever = values[at].max(values[other]);
                    missing[at].min(1.0) * missing[other].min(1.0) * lever / gap
                })
                .fold(0.0, f64::max);
            (degrees(missing[at]) + degrees(mixed) + turned[at]).min(90.0)
        })
        .collect()
}

/// The largest eigenvalue that a subspace misses, when this is the smallest inside of it: what was not found is about as large as the
/// last that was.
pub(super) fn beyond(smallest: f64) -> f64 {
    1.5 * smallest
}

fn degrees(tangent: f64) -> f64 {
    match tangent.is_nan() {
        true => 90.0,
        false => tangent.atan().to_degrees(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_values_have_large_angles() {
        let angles = of_gaps(&[10.0, 5.0, 4.999, 1.0], SAFETY * 1e-4);
        assert!(angles[0] < 2e-3 && angles[3] < 2e-3, "{angles:?}");
        assert!((angles[1] - 5.71).abs() < 0.01 && angles[1] == angles[2]);
        assert_eq!(of_gaps(&[2.0, 2.0], 1.0), [90.0, 90.0]);
        assert_eq!(of_gaps(&[2.0], 1.0), [0.0]);
    }

    #[test]
    fn what_lies_in_the_noise_is_not_known() {
        let angles = of_residuals(&[1000.0, 100.0, 1.2, 1.0], &[0.5, 0.5, 0.4, 0.4], 1.5, 0.0);
        assert!(angles[0] < 1e-3 && angles[1] < 0.01, "{angles:?}");
        assert!(angles[2] > 45.0 && angles[3] > 45.0, "{angles:?}");
    }
}
