//! One lattice whose disks are not those of the reference region: it must not be taken for two.

use super::*;

/// What is different from the reference region.
#[derive(Clone, Copy, Debug)]
enum Changed {
    /// Edge and radius, times.
    Shape(f64, f64),
    /// All disks, the beam too, are two that are so many pixels apart: astigmatism, a beam that shakes.
    Shaken(f64),
    /// Each disk is brighter towards one side, anywhere, by this share.
    Ramp(f64),
    /// Each disk is darker by this share at the ends of its radius along its vector, as where it is thick.
    Band(f64),
    /// Counts that rise over the frame, in those of the brightest disk.
    Slope(f64),
    /// Strain, in standard deviations.
    Strained(f64),
}

impl Scan {
    /// A frame of one lattice that is changed.
    fn changed(&mut self, changed: Changed) -> (Vec<f32>, Matrix) {
        let strain = match changed {
            Changed::Strained(by) => by,
            _ => 0.01,
        };
        let own = Self::own(&mut self.random, strain);
        let (mut family, random) = (self.family, &mut self.random);
        if let Changed::Shape(edge, radius) = changed {
            family.edge *= edge;
            family.radius *= radius;
        }
        let centre = family.somewhere(random);
        let thick = 0.5 + 0.5 * random.uniform();
        let mut disks = vec![[centre[0], centre[1], family.beam]];
        disks.extend(family.lattice(centre, own, thick));
        if let Changed::Shaken(by) = changed {
            let half = 0.5 * by;
            let of = |[y, x, height]: [f64; 3]| {
                [-half, half].map(|by| [y + 0.6 * by, x + 0.8 * by, 0.5 * height])
            };
            disks = disks.into_iter().flat_map(of).collect();
        }
        let mut expected = family.expected(centre, &disks);
        let turn = std::f64::consts::TAU * random.uniform();
        for [y, x, height] in &disks[1..] {
            let (direction, ramp, bend) = match changed {
                Changed::Ramp(by) => {
                    let (sin, cos) = (std::f64::consts::TAU * random.uniform()).sin_cos();
                    ([sin, cos], by, 0.0)
                }
                Changed::Band(by) => {
                    let (dy, dx) = (y - centre[0], x - centre[1]);
                    ([dy / dy.hypot(dx), dx / dy.hypot(dx)], 0.0, by)
                }
                _ => break,
            };
            family.near(*y, *x, family.radius + 6.0, |at, dy, dx| {
                let along = (direction[0] * dy + direction[1] * dx) / family.radius;
                let along = along.clamp(-1.0, 1.0);
                let change = ramp * along - bend * along * along;
                expected[at] += height * family.share(dy, dx) * change;
            });
        }
        if let Changed::Slope(by) = changed {
            let (sin, cos) = turn.sin_cos();
            for (at, value) in expected.iter_mut().enumerate() {
                let (row, column) = (at / family.columns, at % family.columns);
                let along = sin * (row as f64 / family.rows as f64 - 0.5)
                    + cos * (column as f64 / family.columns as f64 - 0.5);
                *value += by * family.bragg * (0.71 + along);
            }
        }
        let counts = expected.iter().map(|mean| random.poisson(*mean) as f32);
        (counts.collect(), own)
    }

    fn told_of(&mut self, changed: Changed, runs: usize) -> Told {
        let mut told = Told::default();
        for _ in 0..runs {
            let (counts, own) = self.changed(changed);
            let peaks = self.peaks_of(counts);
            let found = self.strain_of(peaks.clone());
            if found.0[0].is_nan() && self.strain_of(unspread(&peaks)).0[0].is_nan() {
                // For another reason.
                continue;
            }
            told.add(found, &[(own, 1.0)]);
        }
        told
    }
}

/// Peaks of which nothing is known of how they are spread.
fn unspread(peaks: &Peaks) -> Arc<Peaks> {
    let mut peaks = peaks.clone();
    for column in [&mut peaks.spread_error, &mut peaks.stretch_error] {
        column.fill(f32::NAN);
    }
    Arc::new(peaks)
}

#[test]
#[ignore = "prints a table"]
fn changed() {
    let hexagonal = |radius: f64, dose: f64| Family {
        vectors: HEXAGONAL,
        ..of(radius, dose)
    };
    let families = [
        of(4.4, 1.0),
        of(4.4, 40.0),
        of(5.76, 100.0),
        hexagonal(7.3, 3.0),
        hexagonal(7.3, 60.0),
        hexagonal(10.0, 100.0),
        of(9.0, 100.0),
    ];
    let kinds = [
        Changed::Shape(1.0, 1.0),
        Changed::Shape(1.5, 1.0),
        Changed::Shape(0.7, 1.0),
        Changed::Shape(1.0, 1.1),
        Changed::Shape(1.0, 0.93),
        Changed::Shaken(1.5),
        Changed::Ramp(0.3),
        Changed::Band(0.2),
        Changed::Band(0.5),
        Changed::Slope(0.2),
        Changed::Strained(0.03),
    ];
    for (family, seed) in families.into_iter().zip(9001..) {
        let mut scan = Scan::new(family, &[], seed);
        print!("radius {} dose {}:", family.radius, family.bragg);
        for kind in kinds {
            let told = scan.told_of(kind, 100);
            print!(
                " {kind:?} {} of {} marked, {:.2} within;",
                told.marked,
                told.runs,
                told.covered()
            );
        }
        println!();
    }
}

/// What is reached: touching disks (R 9, 20.6 apart) of another width at 100 counts are marked at a few of a hundred positions, others
/// at none; a grain that is bent or thick as no reference is, or a background that the scan has not, is in the table only.
#[test]
fn disks_that_are_not_those_of_the_reference_region_are_no_second_lattice() {
    let larger = |pixels: f64, radius: f64| Changed::Shape(1.0, 1.0 + pixels / radius);
    let mut told = [Told::default(); 2];
    for (family, kind, touching) in [
        (of(5.76, 100.0), Changed::Shape(1.3, 1.0), 0),
        (of(5.76, 100.0), Changed::Shape(0.8, 1.0), 0),
        (of(5.76, 100.0), Changed::Shape(1.0, 1.1), 0),
        (of(3.2, 25.0), Changed::Shaken(1.2), 0),
        (of(5.76, 25.0), Changed::Band(0.3), 0),
        (of(9.0, 25.0), larger(0.3, 9.0), 0),
        (of(9.0, 100.0), larger(0.3, 9.0), 1),
    ] {
        let mut scan = Scan::new(family, &[], 47);
        told[touching].merge(scan.told_of(kind, 50));
    }
    let text = told.map(|told| format!("{} of {} marked", told.marked, told.runs));
    println!("{text:?}");
    assert!(told[0].marked <= 1.0 && told[1].marked <= 5.0, "{text:?}");
}
