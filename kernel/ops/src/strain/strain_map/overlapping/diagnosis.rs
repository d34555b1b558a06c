//! What happens where two lattices overlap and neither is given nor the position marked, and what could be told at all.

use super::*;

/// Twice the gain in log-likelihood that two lattices are expected to have over the best disks of one, with known shapes,
/// background and beam: what no test of the counts exceeds.
pub(super) fn possible(family: &Family, lattices: &[(Matrix, f64)]) -> f64 {
    let centre = [family.rows as f64 / 2.0, family.columns as f64 / 2.0];
    let both: Vec<_> = (lattices.iter())
        .map(|(matrix, share)| (family.lattice(centre, *matrix, 0.75), *share))
        .collect();
    let beam = [centre[0], centre[1], family.beam];
    let mut disks = vec![beam];
    let mut one = vec![beam];
    for (own, share) in &both {
        disks.extend(own.iter().map(|[y, x, height]| [*y, *x, share * height]));
    }
    for n in 0..both[0].0.len() {
        let mut mean = [0.0; 3];
        for (own, share) in &both {
            let of = own.get(n).copied().unwrap_or_default();
            mean = [
                mean[0] + share * of[0],
                mean[1] + share * of[1],
                mean[2] + share * of[2],
            ];
        }
        one.push(mean);
    }
    let truth = family.expected(centre, &disks);
    for _ in 0..3 {
        for n in 1..one.len() {
            let model = family.expected(centre, &one);
            let (mut information, mut slope) = ([[0.0; 3]; 3], [0.0; 3]);
            let [y, x, height] = one[n];
            const STEP: f64 = 0.05;
            let share = |dy: f64, dx: f64| family.share(dy, dx);
            family.near(y, x, family.radius + 4.0, |at, dy, dx| {
                let down = 0.5 * height / STEP * (share(dy - STEP, dx) - share(dy + STEP, dx));
                let across = 0.5 * height / STEP * (share(dy, dx - STEP) - share(dy, dx + STEP));
                let along = [down, across, share(dy, dx)];
                for i in 0..3 {
                    for j in 0..3 {
                        information[i][j] += along[i] * along[j] / model[at];
                    }
                    slope[i] += along[i] * (truth[at] - model[at]) / model[at];
                }
            });
            if let Some(by) = crate::math::disks::cholesky(information, slope) {
                for (value, by) in one[n].iter_mut().zip(by) {
                    *value += by.clamp(-1.0, 1.0);
                }
                one[n][2] = one[n][2].max(0.01);
            }
        }
    }
    let model = family.expected(centre, &one);
    2.0 * (truth.iter().zip(&model))
        .map(|(t, m)| t * (t / m).ln() - t + m)
        .sum::<f64>()
}

/// Reference points that have a peak, and those that have several, within 0.45 spacings of where the mean lattice has them.
fn divided(scan: &Scan, peaks: &Peaks, lattices: &[(Matrix, f64)]) -> [usize; 2] {
    let reference = &scan.reference;
    let beam = [0, 1].map(|n| {
        let at = [
            peaks.kx.iter().collect::<Vec<_>>(),
            peaks.ky.iter().collect(),
        ];
        f64::from(*at[n][brightest(peaks)])
    });
    let origin = reference.orders.beam();
    let mut counts = [0; 2];
    for point in &reference.points {
        let g = [point[1] - origin[1], point[0] - origin[0]];
        let mut at = [0.0; 2];
        for (matrix, share) in lattices {
            for n in 0..2 {
                at[n] += share * (matrix[n][0] * g[0] + matrix[n][1] * g[1]);
            }
        }
        let near = (peaks.kx.iter().zip(&peaks.ky)).filter(|(x, y)| {
            let (dx, dy) = (
                f64::from(**x) - beam[0] - at[1],
                f64::from(**y) - beam[1] - at[0],
            );
            dx.hypot(dy) < 0.45 * reference.spacing
        });
        let count = near.count();
        counts[0] += usize::from(count > 0);
        counts[1] += usize::from(count > 1);
    }
    counts
}

fn brightest(peaks: &Peaks) -> usize {
    let all = peaks.intensity.iter().enumerate();
    all.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |one| one.0)
}

#[test]
#[ignore = "prints a table"]
fn diagnosis() {
    use std::collections::BTreeMap;
    let mut classes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    // All, marked and wrong where twice the possible gain is below 9, 25, 50, 100, 400, and above.
    let mut by_bound = [[0; 3]; 6];
    let mut at_each: BTreeMap<String, BTreeMap<(&str, &str), usize>> = BTreeMap::new();
    for radius in [3.2, 5.76, 9.0] {
        for dose in [8.0, 25.0, 100.0] {
            let family = of(radius, dose);
            let matrices: Vec<Matrix> = others().iter().map(|other| other.1).collect();
            let mut scan = Scan::new(family, &matrices, 17);
            for ratio in [1.0, 0.5, 0.25] {
                let share = 1.0 / (1.0 + ratio);
                let mut line = String::new();
                for (name, other) in others() {
                    let bound = possible(&family, &[(IDENTITY, share), (other, ratio * share)]);
                    line += &format!(" {name}: {bound:.0}");
                    for _ in 0..12 {
                        let own = Scan::own(&mut scan.random, 0.005);
                        let lattices = [(own, share), (product(other, own), ratio * share)];
                        let peaks = scan.peaks(&lattices);
                        let (value, error) = scan.strain_of(peaks.clone());
                        let off = |matrix: Matrix| {
                            let truth = truth(matrix);
                            (0..4)
                                .map(|n| (value[n] - truth[n]).abs() / error[n])
                                .fold(0.0, f64::max)
                        };
                        let [points, several] = divided(&scan, &peaks, &lattices);
                        let difference =
                            [0, 1, 2, 3].map(|n| truth(lattices[1].0)[n] - truth(own)[n]);
                        let square: f64 = difference.iter().map(|d| d * d).sum();
                        let along: f64 = (0..4)
                            .map(|n| (value[n] - truth(own)[n]) * difference[n])
                            .sum::<f64>()
                            / square;
                        let how = if value[0].is_nan() {
                            "marked"
                        } else if off(lattices[0].0) <= 3.0 {
                            "right, first"
                        } else if off(lattices[1].0) <= 3.0 {
                            "right, second"
                        } else if along < 0.15 {
                            "wrong, near the first"
                        } else if along > 0.85 {
                            "wrong, near the second"
                        } else {
                            "wrong, between"
                        };
                        let what = if bound < 9.0 {
                            "A LR < 9"
                        } else if bound < 25.0 {
                            "B LR < 25"
                        } else if several == 0 {
                            "C merged"
                        } else if 5 * several < 2 * points {
                            "D less than 2/5 divided"
                        } else if 5 * several < 4 * points {
                            "E less than 4/5 divided"
                        } else {
                            "F divided"
                        };
                        let limit = [9.0, 25.0, 50.0, 100.0, 400.0]
                            .iter()
                            .filter(|limit| bound >= **limit);
                        let at = &mut by_bound[limit.count()];
                        at[0] += 1;
                        at[1] += usize::from(how == "marked");
                        at[2] += usize::from(how.starts_with("wrong"));
                        *classes.entry((what, how)).or_default() += 1;
                        *at_each
                            .entry(format!("{name} {}", dose))
                            .or_default()
                            .entry((what, how))
                            .or_default() += 1;
                    }
                }
                println!("radius {radius} dose {dose} ratio {ratio}:{line}");
            }
        }
    }
    for (name, of) in at_each {
        println!("{name}: {of:?}");
    }
    println!("{by_bound:?}");
    for (class, count) in classes {
        println!("{class:?}: {count}");
    }
}

/// Seeds, lattices and shapes that nothing was chosen by.
#[test]
#[ignore = "prints a table"]
fn held_out() {
    let hexagonal = |radius: f64, dose: f64| Family {
        vectors: HEXAGONAL,
        ..of(radius, dose)
    };
    let by = |degrees: f64, xx: f64, xy: f64, yy: f64| {
        product(turned(degrees), [[1.0 + xx, xy], [xy, 1.0 + yy]])
    };
    let others = [
        ("1.5 degrees and 1 %", by(1.5, 0.01, 0.0, 0.01)),
        ("2.5 degrees, -2 %", by(-2.5, -0.02, 0.01, 0.0)),
        ("5 degrees, 3 %", by(5.0, 0.03, 0.0, -0.01)),
        ("shear of 3 %", by(0.0, 0.0, 0.03, 0.0)),
        ("7 degrees", by(-7.0, 0.0, 0.0, 0.0)),
        ("6 % larger", by(0.0, 0.06, 0.0, 0.06)),
        ("10 degrees", by(10.0, 0.0, 0.0, 0.0)),
    ];
    let patterned = |inside| Family {
        inside,
        columns: 140,
        ..of(7.6, 50.0)
    };
    let families = [
        of(4.4, 4.0),
        of(4.4, 40.0),
        hexagonal(7.3, 12.0),
        hexagonal(7.3, 60.0),
        hexagonal(10.0, 30.0),
        patterned(bullseye),
        patterned(cross),
    ];
    for (family, seed) in families.into_iter().zip(7001..) {
        for ratio in [1.0, 0.4] {
            let share = 1.0 / (1.0 + ratio);
            let both = |other| [(IDENTITY, share), (other, ratio * share)];
            let bounds = others.map(|(_, other)| possible(&family, &both(other)).round());
            println!("possible: {bounds:?}");
        }
        of_two(family, &others, seed, 20);
    }
}
