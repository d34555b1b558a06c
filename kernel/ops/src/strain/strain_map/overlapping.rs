//! Scans of one lattice and of two that overlap, from frames to strain: whether what is given is true.

use std::sync::Arc;

use signal::{CancelToken, Frame, Inputs, NavigationIndex, Operation, Output};

use super::*;
use crate::math::deformation::Matrix;
use crate::math::disks::families::{Family, HEXAGONAL, Random, bullseye, cross, families};
use crate::math::disks::{Given, Prepared, prepare};
use crate::peaks::normalized_correlation::{FindDisks, NormalizedCorrelation};

mod diagnosis;
mod one;
mod region;

const IDENTITY: Matrix = [[1.0, 0.0], [0.0, 1.0]];

fn product(a: Matrix, b: Matrix) -> Matrix {
    [0, 1].map(|i| [0, 1].map(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
}

fn turned(degrees: f64) -> Matrix {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [[cos, -sin], [sin, cos]]
}

/// The true ε_xx, ε_yy, ε_xy and θ of a matrix of rows and columns.
fn truth([[a, b], [c, d]]: Matrix) -> [f64; 4] {
    Deformation::of_reciprocal([[d, c], [b, a]])
        .unwrap()
        .components()
}

/// A scan whose disks and reference were measured.
struct Scan {
    family: Family,
    prepared: Option<Prepared>,
    reference: Reference,
    finder: FindDisks,
    random: Random,
}

impl Scan {
    fn frame(family: &Family, lattices: &[(Matrix, f64)], random: &mut Random) -> Vec<f32> {
        let centre = family.somewhere(random);
        let thick = 0.5 + 0.5 * random.uniform();
        let mut disks = vec![[centre[0], centre[1], family.beam]];
        for (matrix, share) in lattices {
            let own = family.lattice(centre, *matrix, thick);
            disks.extend(own.iter().map(|[y, x, height]| [*y, *x, share * height]));
        }
        let expected = family.expected(centre, &disks);
        expected
            .iter()
            .map(|mean| random.poisson(*mean) as f32)
            .collect()
    }

    /// Strained a little, as positions of one grain are.
    fn own(random: &mut Random, by: f64) -> Matrix {
        IDENTITY.map(|row| row.map(|x| x + by * random.normal()))
    }

    /// Measured from 40 frames of one lattice and 24 of `others`; the reference from as many without strain.
    fn new(family: Family, others: &[Matrix], seed: u64) -> Self {
        let mut random = Random(seed);
        let frames = (0..64)
            .map(|n| {
                let own = Self::own(&mut random, 0.005);
                let lattices = match n % 8 {
                    0..3 if !others.is_empty() => {
                        let other = others[n / 8 % others.len()];
                        vec![(own, 0.5), (product(other, own), 0.5)]
                    }
                    _ => vec![(own, 1.0)],
                };
                Self::frame(&family, &lattices, &mut random)
            })
            .collect();
        let size = (family.rows, family.columns);
        let mut scan = Scan {
            family,
            prepared: prepare(frames, Vec::new(), size, Given::default()),
            reference: Reference::default(),
            finder: FindDisks::default(),
            random,
        };
        scan.reference = scan.reference_of(&[IDENTITY; 64]);
        scan
    }

    /// From positions with these lattices.
    fn reference_of(&mut self, matrices: &[Matrix]) -> Reference {
        let patterns = matrices.iter().map(|own| {
            let peaks = self.peaks(&[(*own, 1.0)]);
            super::pattern(&peaks, 1.0)
        });
        let patterns = patterns.collect();
        let gather = Gather {
            every: 1,
            seen: 0,
            centre: [
                self.family.columns as f64 / 2.0,
                self.family.rows as f64 / 2.0,
            ],
            radius: None,
            min_matches: 4,
            patterns,
        };
        gather.reference()
    }

    fn peaks(&mut self, lattices: &[(Matrix, f64)]) -> Arc<Peaks> {
        let counts = Self::frame(&self.family, lattices, &mut self.random);
        self.peaks_of(counts)
    }

    fn peaks_of(&self, counts: Vec<f32>) -> Arc<Peaks> {
        let shape = [self.family.rows, self.family.columns];
        let inputs = Inputs {
            metas: &[],
            outputs: &[Output::Frame(Frame::from_vec(&shape, counts).unwrap())],
        };
        let (at, params) = (
            NavigationIndex::new(&[0, 0]),
            NormalizedCorrelation::default(),
        );
        let found = (self.finder).compute(
            &inputs,
            at,
            &params,
            Some(&self.prepared),
            &CancelToken::new(),
        );
        match found {
            Ok(Output::Peaks(peaks)) => peaks,
            other => panic!("{other:?}"),
        }
    }

    fn strain(&mut self, lattices: &[(Matrix, f64)]) -> ([f64; 4], [f64; 4]) {
        let peaks = self.peaks(lattices);
        self.strain_of(peaks)
    }

    fn strain_of(&self, peaks: Arc<Peaks>) -> ([f64; 4], [f64; 4]) {
        let inputs = Inputs {
            metas: &[],
            outputs: &[Output::Peaks(peaks)],
        };
        let (at, params) = (NavigationIndex::new(&[0, 0]), StrainMap::default());
        let found = MapStrain.compute(
            &inputs,
            at,
            &params,
            Some(&self.reference),
            &CancelToken::new(),
        );
        let Ok(Output::Values(values)) = found else {
            panic!("{found:?}");
        };
        let value = |n: usize| f64::from(values[n]);
        ([0, 1, 2, 3].map(value), [6, 7, 8, 9].map(value))
    }
}

/// Shares of positions.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    runs: f64,
    right: f64,
    marked: f64,
    /// Errors within one standard error.
    within: f64,
}

impl Told {
    fn wrong(&self) -> f64 {
        1.0 - (self.right + self.marked) / self.runs
    }

    fn add(&mut self, (value, error): ([f64; 4], [f64; 4]), lattices: &[(Matrix, f64)]) {
        self.runs += 1.0;
        if value[0].is_nan() {
            self.marked += 1.0;
            return;
        }
        let off = |n: usize, truth: &[f64; 4]| (value[n] - truth[n]).abs() / error[n];
        let is_it = |(matrix, _): &(Matrix, f64)| {
            let truth = truth(*matrix);
            (0..4).all(|n| off(n, &truth) <= 3.0)
        };
        self.right += f64::from(lattices.iter().any(is_it));
        let first = truth(lattices[0].0);
        self.within += 0.25 * (0..4).filter(|n| off(*n, &first) <= 1.0).count() as f64;
    }

    fn covered(&self) -> f64 {
        self.within / (self.runs - self.marked)
    }

    fn merge(&mut self, other: Told) {
        self.runs += other.runs;
        self.right += other.right;
        self.marked += other.marked;
        self.within += other.within;
    }
}

/// A radius with vectors that leave its disks as far apart as those of a usual one, and at a dose.
fn of(radius: f64, dose: f64) -> Family {
    Family {
        radius,
        bragg: dose,
        beam: 4.0 * dose,
        diffuse: 0.24 * dose,
        ..Family::default()
    }
}

/// The second lattice against the first: turned, smaller, smaller along one axis.
fn others() -> Vec<(&'static str, Matrix)> {
    let even = |by: f64| [[1.0 - by, 0.0], [0.0, 1.0 - by]];
    let one = |by: f64| [[1.0, 0.0], [0.0, 1.0 - by]];
    vec![
        ("turned by 1 degree", turned(1.0)),
        ("2 degrees", turned(2.0)),
        ("3", turned(3.0)),
        ("4", turned(4.0)),
        ("6", turned(6.0)),
        ("8", turned(8.0)),
        ("smaller by 2 %", even(0.02)),
        ("4 %", even(0.04)),
        ("8 %", even(0.08)),
        ("along one axis by 2 %", one(0.02)),
        ("4 %", one(0.04)),
        ("8 %", one(0.08)),
    ]
}

/// Of two lattices of every kind, some positions each; printed by kind.
fn of_two(family: Family, others: &[(&'static str, Matrix)], seed: u64, runs: usize) -> Told {
    let matrices: Vec<Matrix> = others.iter().map(|other| other.1).collect();
    let mut scan = Scan::new(family, &matrices, seed);
    let mut all = Told::default();
    for ratio in [1.0, 0.5, 0.25] {
        print!(
            "radius {} dose {} ratio {ratio}:",
            family.radius, family.bragg
        );
        for (name, other) in others {
            let mut told = Told::default();
            for _ in 0..runs {
                let own = Scan::own(&mut scan.random, 0.005);
                let share = 1.0 / (1.0 + ratio);
                let lattices = [(own, share), (product(*other, own), ratio * share)];
                told.add(scan.strain(&lattices), &lattices);
            }
            let percent = [
                told.right / told.runs,
                told.marked / told.runs,
                told.wrong(),
            ]
            .map(|share| (100.0 * share).round());
            print!(" {name} {percent:?}");
            all.merge(told);
        }
        println!();
    }
    all
}

fn of_one(family: Family, seed: u64, runs: usize) -> Told {
    let mut scan = Scan::new(family, &[], seed);
    let mut told = Told::default();
    for _ in 0..runs {
        let lattices = [(Scan::own(&mut scan.random, 0.01), 1.0)];
        told.add(scan.strain(&lattices), &lattices);
    }
    println!(
        "{} radius {} dose {}: {:.4} marked, {:.3} within the errors",
        family.name,
        family.radius,
        family.bragg,
        told.marked / told.runs,
        told.covered()
    );
    told
}

/// Where counts tell it; 1 degree, 2 % and small doses are beyond them. Without a look at how disks are spread 94 % are wrong, with
/// one at how much only 34 %.
#[test]
fn where_two_lattices_overlap_one_of_them_is_given_or_none() {
    let told_by_counts: Vec<_> = (others().into_iter())
        .filter(|(_, by)| {
            let [[a, b], [c, d]] = *by;
            (0.035..0.11).contains(&(a - 1.0).hypot(c).min((d - 1.0).hypot(b)))
        })
        .collect();
    let mut all = Told::default();
    for (radius, dose, seed) in [(3.2, 100.0, 17), (5.76, 25.0, 18), (9.0, 25.0, 19)] {
        all.merge(of_two(of(radius, dose), &told_by_counts, seed, 3));
    }
    let text = format!(
        "{:.3} marked, {:.3} wrong",
        all.marked / all.runs,
        all.wrong()
    );
    println!("{text}");
    assert!(all.wrong() < 0.06, "{text}");
}

/// Disks that are wider all over the pattern, for a thickness or focus that the reference region does not have, are no two lattices.
#[test]
fn wider_disks_are_no_second_lattice() {
    let mut all = Told::default();
    for (edge, more) in [(1.1, 0.0), (1.3, 0.0), (0.8, 0.0), (1.0, 0.2)] {
        let mut scan = Scan::new(of(5.76, 25.0), &[], 41);
        scan.family.edge *= edge;
        scan.family.radius += more;
        for _ in 0..40 {
            let lattices = [(Scan::own(&mut scan.random, 0.01), 1.0)];
            all.add(scan.strain(&lattices), &lattices);
        }
    }
    assert!(all.marked <= 4.0, "{} of {} marked", all.marked, all.runs);
}

#[test]
fn one_lattice_is_seldom_taken_for_two() {
    let mut all = Told::default();
    let touching = Family {
        name: "touching",
        ..of(9.0, 25.0)
    };
    for (family, seed) in families()
        .into_iter()
        .step_by(3)
        .chain([touching])
        .zip(31..)
    {
        all.merge(of_one(family, seed, 100));
    }
    let text = format!(
        "{} of {} marked, {:.3} within",
        all.marked,
        all.runs,
        all.covered()
    );
    assert!(
        all.marked <= 2.0 && (all.covered() - 0.68).abs() < 0.03,
        "{text}"
    );
}

/// Chance looks a little like a second lattice in many positions, which makes their errors larger, but hardly ever by much.
#[test]
fn errors_of_single_positions_are_like_those_of_others() {
    let hexagonal = |radius: f64, dose: f64| Family {
        vectors: HEXAGONAL,
        ..of(radius, dose)
    };
    let mut much = [0.0; 3];
    for (family, seed) in [of(3.2, 100.0), of(5.76, 25.0), hexagonal(7.3, 60.0)]
        .into_iter()
        .zip(61..)
    {
        let mut scan = Scan::new(family, &[], seed);
        let mut errors: Vec<f64> = (0..400)
            .map(|_| {
                let lattices = [(Scan::own(&mut scan.random, 0.01), 1.0)];
                scan.strain(&lattices).1[0]
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        for (much, times) in much.iter_mut().zip([3.0, 5.0, 10.0]) {
            *much += (errors.iter())
                .filter(|error| **error > times * errors[200])
                .count() as f64
                / 1200.0;
        }
    }
    println!("3, 5 and 10 times as large: {much:.4?}");
    assert!(much[2] <= 0.003 && much[1] < 0.04, "{much:?}");
}

/// Everything, as a table: half a minute.
#[test]
#[ignore = "prints a table"]
fn table() {
    let (mut two, mut one) = (Told::default(), Told::default());
    for radius in [3.2, 5.76, 9.0] {
        for dose in [8.0, 25.0, 100.0] {
            two.merge(of_two(of(radius, dose), &others(), 17, 12));
        }
    }
    let patterned = [
        Family {
            name: "bullseye",
            radius: 8.2,
            edge: 0.6,
            bragg: 60.0,
            beam: 240.0,
            vectors: HEXAGONAL,
            inside: bullseye,
            ..Family::default()
        },
        Family {
            name: "cross",
            radius: 7.1,
            bragg: 60.0,
            beam: 240.0,
            columns: 144,
            inside: cross,
            ..Family::default()
        },
    ];
    let touching = [3.2, 9.0]
        .into_iter()
        .flat_map(|radius| [8.0, 25.0, 100.0].map(|dose| of(radius, dose)));
    for family in families().into_iter().chain(patterned).chain(touching) {
        for seed in 5..8 {
            one.merge(of_one(family, seed, 150));
        }
    }
    println!(
        "two lattices: {:.3} right, {:.3} marked, {:.3} wrong",
        two.right / two.runs,
        two.marked / two.runs,
        two.wrong()
    );
    println!("one: {:.5} of {} marked", one.marked / one.runs, one.runs);
}
