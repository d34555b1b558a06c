//! What detectors and programs add to counts, take from them and multiply them with is measured, at any dose.

use super::*;

/// Another shape, lattice and frame than those that the finder was made with.
fn of_dose(bragg: f64) -> Family {
    Family {
        name: "added",
        rows: 112,
        columns: 136,
        radius: 6.4,
        edge: 0.45,
        vectors: HEXAGONAL,
        bragg,
        beam: 3.0 * bragg,
        diffuse: 0.3 * bragg,
        ..Family::default()
    }
}

/// What became of counts.
#[derive(Clone, Copy)]
struct Detector {
    gain: f64,
    added: f64,
    readout: f64,
}

impl Detector {
    fn read(&self, counts: &[f32], random: &mut Random) -> Vec<f32> {
        let read = |count: &f32| {
            let noise = match self.readout > 0.0 {
                true => self.readout * random.normal(),
                false => 0.0,
            };
            (self.gain * f64::from(*count) + self.added + noise) as f32
        };
        counts.iter().map(read).collect()
    }

    /// Variance is the gain times what a value is above this.
    fn zero(&self) -> f64 {
        self.added - self.readout * self.readout / self.gain
    }

    fn measured(&self, family: &Family, first: u64) -> Option<Prepared> {
        let mut random = Random(first);
        let some = (first..first + 64)
            .map(|seed| self.read(&family.frame(seed, 0).image.counts, &mut random))
            .collect();
        let size = (family.rows, family.columns);
        prepare(some, Vec::new(), size, Given::default())
    }

    fn score(&self, family: &Family, prepared: &Prepared, first: u64) -> Score {
        let Prepared { model, clean, .. } = prepared;
        let mut random = Random(first);
        let (mut image, mut scratch) = (Image::default(), Scratch::default());
        let (mut flags, mut score) = (Vec::new(), Score::default());
        let border = family.radius - 1.0;
        let inside = |at: f64, size: usize| at >= border && at <= size as f64 - 1.0 - border;
        for seed in first..first + 40 {
            let frame = family.frame(seed, 0);
            let mut values = self.read(&frame.image.counts, &mut random);
            clean.apply(&mut values, &mut flags);
            let size = (family.rows, family.columns);
            image.fill(size, model.margin(), &values, clean.most());
            let mut found = model.find(&image, &mut scratch);
            found.retain(|peak| inside(peak.y, family.rows) && inside(peak.x, family.columns));
            score.add(family, &frame.truth, &found);
        }
        score
    }
}

/// Whole counts and something are what the counts alone are.
#[test]
fn what_is_added_to_counts_changes_nothing() {
    for dose in [0.7, 5.0, 50.0] {
        let family = of_dose(dose);
        let measured = |added| {
            let detector = Detector {
                gain: 1.0,
                added,
                readout: 0.0,
            };
            detector.measured(&family, 31_000).expect("disks")
        };
        let alone = measured(0.0);
        assert_eq!((alone.clean.gain, alone.clean.offset), (1.0, 0.0), "{dose}");
        for added in [-30.0, -3.0, -1.5, -0.5, 1.0, 3.0, 20.0, 100.0, 5000.0] {
            let Prepared { model, clean, .. } = measured(added);
            let found = (clean.gain, clean.offset, clean.dead.len());
            assert_eq!(
                found,
                (1.0, -added, alone.clean.dead.len()),
                "{dose} {added}"
            );
            assert_eq!(model.shape, alone.model.shape, "{dose} {added}");
        }
    }
}

/// Gain, pedestal and noise of the readout: variance is the gain times what is above the pedestal, and a constant.
#[test]
fn gain_and_pedestal_are_measured() {
    for (dose, gain_error, zero_error) in [(0.7, 0.15, 0.04), (5.0, 0.05, 0.04), (50.0, 0.05, 0.2)]
    {
        let family = of_dose(dose);
        for (gain, added, readout) in [
            (20.0, 100.0, 5.0),
            (20.0, 1000.0, 5.0),
            (0.3, 7.0, 0.04),
            (7.0, -50.0, 1.0),
            (300.0, 90.0, 0.0),
        ] {
            let detector = Detector {
                gain,
                added,
                readout,
            };
            let prepared = detector.measured(&family, 32_000).expect("disks");
            let clean = &prepared.clean;
            let zero = -clean.offset;
            let text = format!("{dose} {gain} {added}: gain {}, zero {zero}", clean.gain);
            assert!((clean.gain / gain - 1.0).abs() < gain_error, "{text}");
            assert!((zero - detector.zero()).abs() < zero_error * gain, "{text}");
            assert!(
                (prepared.misfit - 1.0).abs() < 0.06,
                "{text}: misfit {}",
                prepared.misfit
            );
            // The bound knows no noise of the readout, which a dose of 50 counts makes nothing of.
            if dose == 50.0 {
                assert_at_the_bound(&text, &detector.score(&family, &prepared, 33_000));
            }
        }
    }
}

/// What a pattern that is fine and bright leaves over is no gain.
#[test]
fn counts_of_fine_patterns_stay_counts() {
    for (radius, dose) in [(4.0, 100.0), (8.0, 100.0)] {
        let family = Family {
            radius,
            edge: 0.4,
            inside: bullseye,
            ..of_dose(dose)
        };
        let some = (37_000..37_048).map(|seed| family.frame(seed, 0).image.counts);
        let size = (family.rows, family.columns);
        let found = prepare(some.collect(), Vec::new(), size, Given::default()).expect("disks");
        let clean = &found.clean;
        assert_eq!((clean.gain, clean.offset), (1.0, 0.0), "{radius} {dose}");
    }
}

/// A beam stop is left out whatever is added, corners that are dark because hardly a count arrives there are not, and broken pixels
/// change nothing.
#[test]
fn what_is_added_covers_nothing() {
    let family = Family {
        rows: 160,
        columns: 150,
        beam: 40.0,
        diffuse: 0.28,
        ..of_dose(5.0)
    };
    let size = (family.rows, family.columns);
    let stop = |at: usize| {
        let (y, x) = ((at / 150) as f64 - 78.0, (at % 150) as f64 - 75.0);
        y.hypot(x) < 11.0 || (y.abs() < 3.0 && x > 0.0)
    };
    let broken = |at: usize| at % 977 == 500;
    let measured = |added: f32, covers: &dyn Fn(usize) -> bool, holds: f32| {
        let of_seed = |seed: u64| {
            let counts = family.frame(seed, 0).image.counts;
            let value = |(at, count): (usize, &f32)| match covers(at) {
                true => holds,
                false => count + added,
            };
            counts.iter().enumerate().map(value).collect()
        };
        let some = (34_000..34_064).map(of_seed).collect();
        prepare(some, Vec::new(), size, Given::default()).expect("disks")
    };
    let mut sums = vec![0.0; 160 * 150];
    for seed in 34_000..34_064 {
        let counts = family.frame(seed, 0).image.counts;
        (sums.iter_mut().zip(counts)).for_each(|(sum, count)| *sum += count);
    }
    let around = |at: usize| (0..9).map(move |n| at + n / 3 * 150 + n % 3);
    let empty = (0..158 * 148).map(|n| n / 148 * 150 + n % 148);
    let empty = empty.filter(|at| around(*at).all(|at| sums[at] == 0.0));
    let empty = empty.count();
    assert!(empty > 5, "{empty}");
    for added in [0.0, -3.0, 100.0] {
        let open = measured(added, &|_| false, 0.0);
        assert!(
            open.clean.dead.is_empty(),
            "{added}: {}",
            open.clean.dead.len()
        );
        assert_eq!(open.clean.values(0.0), added);
        let Prepared { model, clean, .. } = measured(added, &stop, added);
        let covered = clean.dead.iter().filter(|at| stop(**at)).count();
        let hidden = (0..160 * 150).filter(|at| stop(*at)).count();
        let text = format!("{added}: {covered} of {hidden}, {} dead", clean.dead.len());
        assert!(!model.beam_is_seen && clean.values(0.0) == added, "{text}");
        assert!(covered as f64 > 0.95 * hidden as f64, "{text}");
        assert!((clean.dead.len() as f64) < 1.6 * hidden as f64, "{text}");
    }
    for holds in [0.0, 20_000.0] {
        let Prepared { model, clean, .. } = measured(100.0, &broken, holds);
        assert_eq!((clean.gain, clean.offset), (1.0, -100.0), "{holds}");
        let off = f64::from(model.shape.radius) - family.radius;
        assert!(off.abs() < 0.05, "{holds}: {}", model.shape.radius);
    }
}

/// A vacuum that is the mean of many frames has less noise than one of the scan, and the same constant.
#[test]
fn a_vacuum_has_the_constant_of_the_detector() {
    let family = Family {
        radius: 8.2,
        edge: 0.6,
        beam: 30.0,
        diffuse: 1.0,
        inside: bullseye,
        ..of_dose(6.0)
    };
    let empty = Family {
        bragg: 1e-9,
        diffuse: 0.02,
        beam: 100.0,
        wander: 0.0,
        ..family
    };
    let size = (family.rows, family.columns);
    let measured = |added: f32| {
        let counts = |seed: u64| family.frame(seed, 0).image.counts;
        let above = |counts: Vec<f32>| counts.iter().map(|count| count + added).collect();
        let some = (35_000..35_064).map(|seed| above(counts(seed))).collect();
        let mut mean = vec![added; family.rows * family.columns];
        for seed in 36_000..36_048 {
            let counts = empty.frame(seed, 0).image.counts;
            (mean.iter_mut().zip(counts)).for_each(|(mean, count)| *mean += count / 48.0);
        }
        prepare(some, vec![mean], size, Given::default()).expect("disks")
    };
    let (alone, above) = (measured(0.0), measured(100.0));
    assert!(alone.told && above.told && above.model.probe.is_some());
    let off = (alone.model.shape.radius - above.model.shape.radius).abs();
    assert!(off < 0.01, "{off}");
    assert!((above.misfit - alone.misfit).abs() < 0.01);
}

/// A background that was taken from every frame leaves pixels below zero that nothing explains; a constant does not.
#[test]
fn a_background_that_was_taken_away_is_noticed() {
    let family = of_dose(25.0);
    let size = (family.rows, family.columns);
    let middle = [size.0, size.1].map(|size| 0.5 * (size as f64 - 1.0));
    let ring = |at: usize| {
        let (y, x) = ((at / size.1) as f64, (at % size.1) as f64);
        (y - middle[0]).hypot(x - middle[1]).round() as usize
    };
    let without_rings = |mut frame: Vec<f32>| {
        let mut rings = vec![Vec::new(); size.0 + size.1];
        for (at, value) in frame.iter().enumerate() {
            rings[ring(at)].push(*value);
        }
        rings
            .iter_mut()
            .for_each(|ring| ring.sort_by(f32::total_cmp));
        for (at, value) in frame.iter_mut().enumerate() {
            let ring = &rings[ring(at)];
            *value -= ring[ring.len() / 2];
        }
        frame
    };
    let measured = |of: &dyn Fn(Vec<f32>) -> Vec<f32>| {
        let some = (40_000..40_024).map(|seed| of(family.frame(seed, 0).image.counts));
        let prepared = prepare(some.collect(), Vec::new(), size, Given::default());
        prepared.expect("disks").clean.below_zero
    };
    let constant = |frame: Vec<f32>| frame.iter().map(|value| value - 3.0).collect();
    let [taken, constant] = [measured(&without_rings), measured(&constant)];
    assert!(taken > 0.2 && constant == 0.0, "{taken} {constant}");
}
