//! Families of lattices with a known answer: which strains have a value, and that it is the true one.

use super::super::lattice::Pattern;
use super::*;

pub(super) const MIDDLE: Point = [128.0, 120.0];

pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// What is done to a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    missing: f64,
    /// Standard deviation of a position in px.
    noise: f64,
    /// Peaks anywhere.
    strangers: usize,
    /// Of those; of the others it is 100.
    brightness: f64,
}

const NONE: Faults = Faults {
    missing: 0.0,
    noise: 0.0,
    strangers: 0,
    brightness: 30.0,
};

#[derive(Clone, Copy, Debug)]
pub(super) struct Lattice {
    pub(super) name: &'static str,
    pub(super) basis: [Point; 2],
    /// Orders up to here: in each index, or rings of a hexagonal lattice.
    most: i64,
    hexagonal: bool,
    /// Of those only the ones as near to the beam.
    furthest: f64,
    /// How much fainter each order is.
    fading: f64,
}

const fn lattice(name: &'static str, basis: [Point; 2], most: i64) -> Lattice {
    Lattice {
        name,
        basis,
        most,
        hexagonal: false,
        furthest: f64::INFINITY,
        fading: 0.0,
    }
}

const SQUARE: [Point; 2] = [[15.0, 0.0], [0.0, 15.0]];

pub(super) fn lattices() -> Vec<Lattice> {
    let hexagonal = |name, most| Lattice {
        hexagonal: true,
        ..lattice(name, [[15.0, 0.0], [7.5, 12.99]], most)
    };
    vec![
        lattice("square 3x3", SQUARE, 1),
        lattice("square 5x5", SQUARE, 2),
        Lattice {
            fading: 0.4,
            ..lattice("square 5x5 fading", SQUARE, 2)
        },
        lattice("square 7x7", SQUARE, 3),
        lattice("square 9x9", [[12.0, 0.0], [0.0, 12.0]], 4),
        lattice("skew 5x5", [[17.3, 2.6], [-3.4, 15.1]], 2),
        Lattice {
            fading: 0.4,
            ..lattice("oblong 5x5", [[14.0, 0.0], [0.0, 22.0]], 2)
        },
        lattice("turned 5x5", [[13.0, 7.5], [-7.5, 13.0]], 2),
        hexagonal("hexagonal 6", 1),
        hexagonal("hexagonal 18", 2),
        hexagonal("hexagonal 36", 3),
    ]
}

pub(super) fn applied(t: Matrix, [x, y]: Point) -> Point {
    [t[0][0] * x + t[0][1] * y, t[1][0] * x + t[1][1] * y]
}

pub(super) fn at([a, b]: [Point; 2], [h, k]: [i64; 2]) -> Point {
    [0, 1].map(|axis| h as f64 * a[axis] + k as f64 * b[axis])
}

impl Lattice {
    fn orders(&self, most: i64) -> Vec<[i64; 2]> {
        let all = (-most..=most).flat_map(|h| (-most..=most).map(move |k| [h, k]));
        all.filter(|[h, k]| !self.hexagonal || (h + k).abs() <= most)
            .collect()
    }

    /// The orders of the reference, and the beam.
    pub(super) fn own_orders(&self) -> Vec<[i64; 2]> {
        let length = |order: &[i64; 2]| {
            let [x, y] = at(self.basis, *order);
            x.hypot(y)
        };
        let mut orders = self.orders(self.most);
        orders.retain(|order| length(order) <= self.furthest);
        orders
    }

    /// Peaks after `T`, as many orders as the reference or all that lie within its field of view.
    fn peaks(&self, t: Matrix, all: bool, faults: Faults, random: &mut Random) -> Pattern {
        let basis = self.basis.map(|vector| applied(t, vector));
        self.peaks_on(basis, all, faults, random)
    }

    /// The same on other vectors.
    fn peaks_on(
        &self,
        basis: [Point; 2],
        all: bool,
        faults: Faults,
        random: &mut Random,
    ) -> Pattern {
        let own = self.own_orders();
        let size = [0, 1].map(|axis| {
            let far = own.iter().map(|order| at(self.basis, *order)[axis].abs());
            far.fold(0.0, f64::max) + 6.0
        });
        let orders = match all {
            true => self.orders(4 * self.most),
            false => own,
        };
        let mut pattern = Pattern::default();
        for order in orders {
            let point = at(basis, order);
            if (all && (point[0].abs() > size[0] || point[1].abs() > size[1]))
                || random.uniform() < faults.missing
            {
                continue;
            }
            let far = point[0].hypot(point[1]) / 15.0;
            pattern.points.push(
                [0, 1].map(|axis| MIDDLE[axis] + point[axis] + faults.noise * random.normal()),
            );
            pattern
                .brightness
                .push(100.0 * (-self.fading * far).exp() * (0.8 + 0.4 * random.uniform()));
        }
        for _ in 0..faults.strangers {
            pattern.points.push(
                [0, 1].map(|axis| MIDDLE[axis] + size[axis] * (2.0 * random.uniform() - 1.0)),
            );
            pattern.brightness.push(faults.brightness);
        }
        pattern
    }

    fn reference(&self) -> Reference {
        let mut random = Random(11);
        let faults = Faults {
            missing: 0.05,
            noise: 0.05,
            strangers: 2,
            brightness: 30.0,
        };
        let patterns: Vec<Pattern> = (0..40)
            .map(|_| self.peaks(IDENTITY, false, faults, &mut random))
            .collect();
        let reference = Reference::gather(&patterns, MIDDLE);
        assert_eq!(
            reference.points.len() + 1,
            self.own_orders().len(),
            "{self:?}"
        );
        reference
    }
}

fn stretched(x: f64, y: f64) -> Matrix {
    [[x, 0.0], [0.0, y]]
}

pub(super) fn turned(degrees: f64) -> Matrix {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [[cos, -sin], [sin, cos]]
}

fn off(found: Matrix, t: Matrix) -> f64 {
    (0..4)
        .map(|n| (found[n / 2][n % 2] - t[n / 2][n % 2]).abs())
        .fold(0.0, f64::max)
}

pub(super) const IDENTITY: Matrix = [[1.0, 0.0], [0.0, 1.0]];
/// In spacings; the first is what is used when none is given.
const RADII: [f64; 4] = [0.25, 0.45, 0.6, 0.9];

fn found(reference: &Reference, pattern: &Pattern, radius: f64) -> Option<Matrix> {
    let radius = radius * reference.spacing;
    let observed = Observed {
        points: &pattern.points,
        brightness: &pattern.brightness,
        ..Observed::default()
    };
    Some(fit(reference, &observed, radius, 4).affine?.matrix)
}

/// Stretches of the peaks from 0.4 to 2.5, along each axis and both.
fn stretches() -> impl Iterator<Item = Matrix> {
    (8..=50).flat_map(|step| {
        let by = 0.05 * f64::from(step);
        [stretched(by, 1.0), stretched(1.0, by), stretched(by, by)]
    })
}

#[test]
fn a_stretch_has_its_value_or_none() {
    for lattice in lattices() {
        let (reference, name) = (lattice.reference(), lattice.name);
        for t in stretches() {
            for all in [false, true] {
                let pattern = lattice.peaks(t, all, NONE, &mut Random(1));
                for radius in RADII {
                    if let Some(found) = found(&reference, &pattern, radius) {
                        assert!(
                            off(found, t) < 0.01,
                            "{name} {t:?} {all} {radius}: {found:?}"
                        );
                    }
                }
            }
        }
    }
}

/// Some 15 % of the orders are missing, and noise stands between: seldom a value, then.
#[test]
fn a_stretch_with_missing_peaks_and_noise_seldom_has_a_wrong_value() {
    let faults = Faults {
        missing: 0.15,
        noise: 0.15,
        strangers: 3,
        brightness: 30.0,
    };
    let (mut wrong, mut runs) = ([0.0; 4], 0.0);
    for lattice in lattices() {
        let reference = lattice.reference();
        for (seed, t) in stretches().enumerate() {
            let mut random = Random(seed as u64);
            for all in [false, true, false, true] {
                let pattern = lattice.peaks(t, all, faults, &mut random);
                runs += 1.0;
                for (wrong, radius) in wrong.iter_mut().zip(RADII) {
                    let found = found(&reference, &pattern, radius);
                    *wrong += f64::from(found.is_some_and(|found| off(found, t) > 0.05));
                }
            }
        }
    }
    let shares = wrong.map(|wrong| wrong / runs);
    assert!(
        shares[0] < 0.001 && shares.iter().all(|share| *share < 0.003),
        "{shares:?}"
    );
}

/// Strains of up to 9 % with rotations of up to 6 degrees, and of up to 15 % alone.
fn good(run: i32) -> Matrix {
    let (by, turn) = match run % 4 {
        0 => (f64::from(run % 7 - 3) * 0.05, 0.0),
        _ => (f64::from(run % 7 - 3) * 0.03, f64::from(run % 5 - 2) * 3.0),
    };
    let [[cos, minus], [sin, _]] = turned(turn);
    let (x, y) = (1.0 + by, 1.0 - 0.7 * by);
    [[x * cos, y * minus], [x * sin, y * cos]]
}

#[test]
fn a_good_strain_keeps_its_value() {
    for lattice in lattices() {
        let (reference, name) = (lattice.reference(), lattice.name);
        let mut random = Random(5);
        for run in 0..140 {
            let t = good(run);
            let pattern = lattice.peaks(t, run % 2 == 0, NONE, &mut random);
            let value = found(&reference, &pattern, 0.25);
            assert!(
                value.is_some_and(|value| off(value, t) < 0.01),
                "{name} {t:?} {value:?}"
            );
        }
        // Noise, and of what is there some is missing.
        for (missing, least) in [(0.0, 0.95), (0.2, 0.93), (0.4, 0.9)] {
            let faults = Faults {
                missing,
                noise: 0.1,
                strangers: 1,
                brightness: 30.0,
            };
            let runs = 140;
            let right = (0..runs).filter(|run| {
                let t = good(*run);
                let pattern = lattice.peaks(t, run % 2 == 0, faults, &mut random);
                found(&reference, &pattern, 0.25).is_some_and(|value| off(value, t) < 0.05)
            });
            let share = right.count() as f64 / f64::from(runs);
            let enough = reference.points.len() < 18 || share >= least;
            assert!(enough, "{name} {missing}: {share}");
        }
    }
}

/// References of four to twelve orders.
fn few_orders() -> Vec<Lattice> {
    let within = |name, basis: [Point; 2], furthest: f64| Lattice {
        furthest,
        ..lattice(name, basis, 2)
    };
    let hexagonal = [[15.0, 0.0], [7.5, 12.990]];
    vec![
        within("square 4", SQUARE, 15.5),
        within("oblong 4", [[14.0, 0.0], [0.0, 17.0]], 17.5),
        within("skew 6", [[14.0, 0.0], [5.0, 16.0]], 20.0),
        within("hexagonal 6", hexagonal, 15.5),
        lattice("oblong 8", [[14.0, 0.0], [0.0, 22.0]], 1),
        lattice("skew 8", [[17.3, 2.6], [-3.4, 15.1]], 1),
        within("square 12", SQUARE, 30.5),
        within("hexagonal 12", hexagonal, 27.0),
    ]
}

/// Another crystal, on any two vectors.
fn any_crystal(random: &mut Random) -> [Point; 2] {
    let mut length = || 15.0 * (0.4 + 1.8 * random.uniform());
    let (a, b) = (length(), length());
    let turn = std::f64::consts::PI * random.uniform();
    let angle = turn + (50.0 + 80.0 * random.uniform()).to_radians();
    [
        [a * turn.cos(), a * turn.sin()],
        [b * angle.cos(), b * angle.sin()],
    ]
}

/// How far the vectors are from whole ones of the true lattice, in spacings; infinite when they span another one.
pub(super) fn off_lattice(found: [Point; 2], truth: [Point; 2]) -> f64 {
    let cross = |a: Point, b: Point| a[0] * b[1] - a[1] * b[0];
    let area = cross(truth[0], truth[1]);
    let whole =
        found.map(|v| [cross(v, truth[1]) / area, cross(truth[0], v) / area].map(f64::round));
    if cross(whole[0], whole[1]).abs() != 1.0 {
        return f64::INFINITY;
    }
    let off = |n: usize| {
        let at = [0, 1].map(|x| whole[n][0] * truth[0][x] + whole[n][1] * truth[1][x]);
        (found[n][0] - at[0]).hypot(found[n][1] - at[1]) / 15.0
    };
    off(0).max(off(1))
}

/// With 0 to 60 % of the peaks missing, noise and bright strays: strains within what is measured, any stretch, any other
/// crystal, and peaks that lie anyhow.
#[test]
fn with_few_orders_a_value_is_that_of_the_lattice() {
    let faults = |missing, noise, strangers, brightness| Faults {
        missing,
        noise,
        strangers,
        brightness,
    };
    let (mut wrong, mut runs) = ([0.0; 4], [0.0; 4]);
    // Beside them: how many good strains are to keep their value: four matches are the least, of four orders as of twelve.
    for (faults, least) in [
        (faults(0.0, 0.15, 3, 90.0), 0.93),
        (faults(0.15, 0.15, 3, 30.0), 0.78),
        (faults(0.3, 0.1, 1, 30.0), 0.67),
        (faults(0.45, 0.15, 2, 90.0), 0.4),
        (faults(0.6, 0.3, 2, 30.0), 0.18),
    ] {
        let [mut right, mut all] = [0.0; 2];
        let mut random = Random(77);
        for lattice in few_orders() {
            let reference = lattice.reference();
            for (run, stretch) in stretches().chain(stretches()).enumerate() {
                let crystal = any_crystal(&mut random);
                let strain = good(run as i32);
                let truths = [strain, stretch]
                    .map(|t| lattice.basis.map(|v| applied(t, v)))
                    .into_iter()
                    .chain([crystal]);
                for (kind, truth) in truths.enumerate() {
                    let pattern = lattice.peaks_on(truth, run % 2 == 0, faults, &mut random);
                    let value = found(&reference, &pattern, 0.25);
                    let off =
                        value.map(|t| off_lattice(lattice.basis.map(|v| applied(t, v)), truth));
                    wrong[kind] += f64::from(off.is_some_and(|off| off > 0.1));
                    runs[kind] += 1.0;
                    if kind == 0 {
                        all += 1.0;
                        right += f64::from(off.is_some_and(|off| off <= 0.1));
                    }
                }
                let anyhow = lattice.peaks_on(
                    crystal,
                    true,
                    Faults {
                        missing: 1.0,
                        strangers: 4 + run % 20,
                        ..faults
                    },
                    &mut random,
                );
                wrong[3] += f64::from(found(&reference, &anyhow, 0.25).is_some());
                runs[3] += 1.0;
            }
        }
        assert!(right >= least * all, "{faults:?}: {}", right / all);
    }
    let shares = [0, 1, 2, 3].map(|kind| wrong[kind] / runs[kind]);
    assert!(shares.iter().all(|share| *share < 0.0015), "{shares:?}");
}

/// A superstructure doubles the cell: orders half-way between come or go. Where they are fainter than the others the strain is
/// that of the others; as bright, they are as well another lattice of half or double the spacing.
#[test]
fn a_superstructure_that_comes_or_goes_leaves_the_strain() {
    let half = lattice("half", [[8.0, 0.0], [0.0, 16.0]], 4);
    let t = [[1.03, 0.01], [-0.02, 0.98]];
    let pattern = |t: Matrix, faint: Option<f64>| {
        let mut pattern = Pattern::default();
        for [h, k] in half.orders(4) {
            let brightness = if h % 2 == 0 { Some(100.0) } else { faint };
            if let (Some(brightness), true) = (brightness, k.abs() <= 2 && [h, k] != [0, 0]) {
                let [x, y] = [8.0 * h as f64, 16.0 * k as f64];
                pattern.points.push([
                    MIDDLE[0] + t[0][0] * x + t[0][1] * y,
                    MIDDLE[1] + t[1][0] * x + t[1][1] * y,
                ]);
                pattern.brightness.push(brightness);
            }
        }
        pattern
    };
    for (before, after, value) in [
        (None, Some(25.0), true),
        (Some(25.0), None, true),
        (Some(25.0), Some(25.0), true),
        (Some(100.0), Some(100.0), true),
        (None, Some(90.0), false),
        (Some(90.0), None, false),
    ] {
        let reference = Reference::gather(&[pattern(IDENTITY, before)], MIDDLE);
        let found = found(&reference, &pattern(t, after), 0.25);
        match value {
            true => assert!(
                found.is_some_and(|found| off(found, t) < 1e-6),
                "{before:?} {after:?}: {found:?}"
            ),
            false => assert_eq!(found, None, "{before:?} {after:?}"),
        }
    }
}
