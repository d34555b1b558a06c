//! The fit on one lattice, each fault alone.

use super::super::lattice::alike;
use super::super::orders::Orders;
use super::*;

fn fit(
    reference: &Reference,
    points: &[Point],
    weights: &[f64],
    brightness: &[f64],
    radius: f64,
    min_matches: usize,
) -> Fit {
    let observed = Observed {
        points,
        weights,
        brightness,
        variance: &[],
        spread: &[],
    };
    super::fit(reference, &observed, radius, min_matches)
}

fn reference() -> Reference {
    let orders = || (-2..=2).flat_map(|h| (-2..=2).map(move |k| (f64::from(h), f64::from(k))));
    let points: Vec<Point> = orders()
        .filter(|order| *order != (0.0, 0.0))
        .map(|(h, k)| [50.0 + 17.3 * h - 3.4 * k, 60.0 + 2.6 * h + 15.1 * k])
        .collect();
    let orders = Orders::of(&points, Some([50.0, 60.0]), [50.0, 60.0], 15.5);
    Reference {
        alike: alike(orders.basis()),
        orders,
        points,
        spacing: 15.5,
        ..Reference::default()
    }
}

const MATRIX: Matrix = [[0.98, 0.03], [-0.02, 1.015]];

fn moved(shift: Point) -> Vec<Point> {
    let affine = Affine {
        matrix: MATRIX,
        shift,
    };
    reference()
        .points
        .iter()
        .map(|point| affine.apply(*point))
        .collect()
}

fn off(fit: &Fit) -> f64 {
    let found = fit.affine.unwrap().matrix;
    (0..4)
        .map(|n| (found[n / 2][n % 2] - MATRIX[n / 2][n % 2]).abs())
        .fold(0.0, f64::max)
}

#[test]
fn exact_peaks_give_the_map_to_rounding() {
    let fit = fit(&reference(), &moved([0.4, 1.3]), &[], &[], 3.9, 4);
    assert!(off(&fit) < 1e-12 && fit.residual < 1e-10 && fit.coverage == 1.0);
}

#[test]
fn a_large_shift_of_the_beam_is_no_strain() {
    let fit = fit(&reference(), &moved([9.0, -7.0]), &[], &[], 3.9, 4);
    assert!(off(&fit) < 1e-12 && fit.coverage == 1.0);
}

#[test]
fn an_outlier_is_dropped_and_an_invented_peak_ignored() {
    let mut peaks = moved([0.4, 1.3]);
    peaks[5][0] += 1.6;
    peaks.push([3.0, 4.0]);
    let fit = fit(&reference(), &peaks, &[], &[], 3.9, 4);
    assert!(off(&fit) < 1e-12, "{fit:?}");
    assert!((fit.coverage - 23.0 / 24.0).abs() < 1e-12);
}

/// Peaks of the lattice after `F = T^-T`, in the same field of view.
fn deformed(f: Matrix) -> Vec<Point> {
    let det = f[0][0] * f[1][1] - f[0][1] * f[1][0];
    let t = [
        [f[1][1] / det, -f[1][0] / det],
        [-f[0][1] / det, f[0][0] / det],
    ];
    let orders = || (-8..=8).flat_map(|h| (-8..=8).map(move |k| (f64::from(h), f64::from(k))));
    orders()
        .map(|(h, k)| [17.3 * h - 3.4 * k, 2.6 * h + 15.1 * k])
        .map(|[x, y]| [t[0][0] * x + t[0][1] * y, t[1][0] * x + t[1][1] * y])
        .filter(|[x, y]| x.hypot(*y) > 1.0 && x.hypot(*y) < 55.0)
        .map(|[x, y]| [x + 50.0, y + 60.0])
        .collect()
}

fn turn(degrees: f64) -> Matrix {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [[cos, -sin], [sin, cos]]
}

#[test]
fn strain_far_outside_the_model_is_no_fit_whatever_the_radius() {
    for f in [[[1.5, 0.0], [0.0, 1.0]], [[1.4, 0.2], [0.0, 0.7]]] {
        for radius in [3.9, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0] {
            let fit = fit(&reference(), &deformed(f), &[], &[], radius, 4);
            assert_eq!(fit.affine, None, "{f:?} within {radius}: {fit:?}");
        }
    }
    for f in [[[1.25, 0.0], [0.0, 1.0]], [[0.82, 0.0], [0.03, 1.1]]] {
        let fit = fit(&reference(), &deformed(f), &[], &[], 3.9, 4);
        assert!(
            fit.residual < 1e-6 && fit.affine.is_some(),
            "{f:?}: {fit:?}"
        );
    }
}

/// At a quarter of a circle the opposite vectors turn back as far.
#[test]
fn a_turn_has_its_value_or_none_whatever_the_radius() {
    for (degrees, value) in [
        (12.0, true),
        (20.0, true),
        (25.0, true),
        (30.0, true),
        (-30.0, true),
        (44.0, true),
        (-89.0, false),
    ] {
        for radius in [3.9, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0] {
            let fit = fit(&reference(), &deformed(turn(degrees)), &[], &[], radius, 4);
            match value {
                true => assert!(
                    fit.affine
                        .is_some_and(|found| differ(found.matrix, turn(degrees)) < 1e-9),
                    "{degrees} within {radius}: {fit:?}"
                ),
                false => assert_eq!(fit.affine, None, "{degrees} within {radius}"),
            }
        }
    }
}

/// Of a lattice with as many orders as the reference, some fall near other ones, all equally bright.
#[test]
fn a_lattice_that_falls_on_other_orders_is_no_fit() {
    for scale in [0.5, 0.55, 0.586, 0.622, 1.5, 1.528] {
        for radius in [3.9, 7.0, 9.0, 14.0] {
            for axis in 0..2 {
                let centre = [50.0, 60.0];
                let mut peaks = reference().points;
                peaks.push(centre);
                for peak in &mut peaks {
                    peak[axis] = centre[axis] + scale * (peak[axis] - centre[axis]);
                }
                let found = fit(&reference(), &peaks, &[], &[], radius, 4);
                assert_eq!(found.affine, None, "{scale} {radius} {axis}: {found:?}");
            }
        }
    }
}

#[test]
fn half_of_the_peaks_and_as_many_strangers_still_make_a_fit() {
    let peaks = moved([0.4, 1.3]);
    let mut some: Vec<Point> = peaks.iter().copied().step_by(2).collect();
    some.extend((0..10).map(|n| [20.0 + 7.3 * f64::from(n), 30.0 + 6.1 * f64::from(n)]));
    let mut brightness = vec![90.0; some.len()];
    brightness[some.len() - 10..].fill(35.0);
    let found = fit(&reference(), &some, &[], &brightness, 3.9, 4);
    assert!(off(&found) < 1e-9);
    // A second lattice over the first.
    let mut both = peaks.clone();
    both.extend(deformed([[0.94, -0.34], [0.34, 0.94]]));
    assert!(fit(&reference(), &both, &[], &[], 3.9, 4).affine.is_some());
}

#[test]
fn peaks_that_lie_anyhow_are_no_lattice() {
    let mut state = 5u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1u32 << 24)
    };
    let mut fits = 0;
    for _ in 0..300 {
        let peaks: Vec<Point> = (0..40)
            .map(|_| [110.0 * random(), 120.0 * random()])
            .collect();
        let fit = fit(&reference(), &peaks, &[], &[], 3.9, 4);
        fits += u32::from(fit.affine.is_some());
    }
    assert_eq!(fits, 0);
}

#[test]
fn weights_decide_between_disagreeing_peaks() {
    let mut peaks = moved([0.4, 1.3]);
    peaks[5][0] += 0.05;
    let mut weights = vec![1.0; peaks.len()];
    let even = off(&fit(&reference(), &peaks, &weights, &[], 3.9, 4));
    weights[5] = 0.0;
    let without = off(&fit(&reference(), &peaks, &weights, &[], 3.9, 4));
    assert!(without <= even && without < 1e-12);
}

#[test]
fn too_few_and_collinear_matches_give_coverage_only() {
    let all = moved([0.4, 1.3]);
    let few = fit(&reference(), &all[..3], &[], &[], 3.9, 4);
    assert_eq!((few.affine, few.coverage), (None, 3.0 / 24.0));
    // The first five are one row of the lattice.
    let line = fit(&reference(), &all[..5], &[], &[], 3.9, 4);
    assert_eq!(line.affine, None);
    assert!(line.residual.is_nan());
    let none = fit(&Reference::default(), &all, &[], &[], 3.9, 4);
    assert_eq!((none.affine, none.coverage), (None, 0.0));
}
