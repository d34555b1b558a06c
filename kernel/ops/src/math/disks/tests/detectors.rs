//! What detectors do to counts: covered and broken pixels, gains, ends of what they count, noise in common.

use super::*;

/// A beam stop hides the beam in most frames whatever the lattice is: where nothing is seen in the middle, the radius is that of the
/// disks beside it. Its error by counts is about 0.005 px; 0.05 px is a hundredth of it.
#[test]
fn the_radius_is_measured_beside_a_beam_stop() {
    for (vectors, radius) in [
        (SQUARE, 5.0),
        (SQUARE, 5.76),
        (HEXAGONAL, 5.0),
        (HEXAGONAL, 7.5),
        (CLOSE, 5.0),
    ] {
        for first in [1100, 1200] {
            let family = Family {
                vectors,
                radius,
                beam: 400.0,
                wander: 1.0,
                ..Family::default()
            };
            let mut some = frames(&family, first, 64);
            for frame in &mut some {
                for (at, value) in frame.iter_mut().enumerate() {
                    let (y, x) = ((at / 128) as f64 - 63.0, (at % 128) as f64 - 64.0);
                    let hidden = y.hypot(x) < 11.0 || ((y - 0.2 * x).abs() < 4.0 && x > 0.0);
                    *value = if hidden { 0.0 } else { *value };
                }
            }
            let size = (family.rows, family.columns);
            let prepared = prepare(some, Vec::new(), size, Given::default());
            let found = prepared.map_or(f64::NAN, |found| f64::from(found.model.shape.radius));
            let off = (found - radius).abs();
            assert!(off < 0.05, "{vectors:?} {radius} {first}: {found}");
        }
    }
}

/// Hot pixels, a covered beam, a gain with noise of its own, a detector that ends at 255.
#[test]
fn what_detectors_do_is_left_out_or_measured() {
    let family = Family::default();
    let size = (family.rows, family.columns);
    let hot = |frame: &mut Vec<f32>, seed: u64| {
        (0..12).for_each(|n| frame[(n * 1361 + 500) as usize] = 3e4 + seed as f32);
    };
    let covered = |frame: &mut Vec<f32>, _: u64| {
        for (at, value) in frame.iter_mut().enumerate() {
            let (row, column) = (at / 128, at % 128);
            let bar = row < 64 && (60..69).contains(&column);
            let disk = (row as f64 - 64.0).hypot(column as f64 - 64.0) < 11.0;
            *value = if bar || disk { 0.0 } else { *value };
        }
    };
    let gain = |frame: &mut Vec<f32>, seed: u64| {
        let mut random = Random(seed);
        frame
            .iter_mut()
            .for_each(|value| *value = 7.3 * *value + 2.0 * random.normal() as f32);
    };
    let bright = Family {
        bragg: 330.0,
        beam: 2500.0,
        diffuse: 25.0,
        ..family
    };
    let ends = |frame: &mut Vec<f32>, _: u64| {
        frame.iter_mut().for_each(|value| *value = value.min(255.0));
    };
    type Spoil<'a> = &'a dyn Fn(&mut Vec<f32>, u64);
    let cases: [(&str, Family, Spoil); 4] = [
        ("hot", family, &hot),
        ("covered", family, &covered),
        ("gain", family, &gain),
        ("ends", bright, &ends),
    ];
    for (name, family, spoil) in cases {
        let spoilt = |seed: u64| {
            let frame = family.frame(seed, 0);
            let mut counts = frame.image.counts;
            spoil(&mut counts, seed);
            (counts, frame.truth)
        };
        let some = (100..164).map(|seed| spoilt(seed).0).collect();
        let prepared = prepare(some, Vec::new(), size, Given::default()).expect(name);
        let (model, clean) = (&prepared.model, &prepared.clean);
        let (mut image, mut scratch, mut score) =
            (Image::default(), Scratch::default(), Score::default());
        let mut flags = Vec::new();
        for seed in 200..240 {
            let (mut counts, mut truth) = spoilt(seed);
            clean.apply(&mut counts, &mut flags);
            // Disks that the defect touches are neither asked for nor false.
            let touched = |disk: &[f64; 3]| {
                let mut any = false;
                family.near(disk[0], disk[1], family.radius + 3.0, |at, _, _| {
                    any |= !counts[at].is_finite()
                });
                any
            };
            image.fill(size, model.margin(), &counts, clean.most());
            let mut found = model.find(&image, &mut scratch);
            let spoilt: Vec<[f64; 3]> = truth
                .disks
                .iter()
                .copied()
                .filter(|disk| touched(disk))
                .collect();
            found.retain(|peak| {
                spoilt
                    .iter()
                    .all(|disk| (disk[0] - peak.y).hypot(disk[1] - peak.x) > 4.0)
            });
            let untouched: Vec<bool> = truth.disks.iter().map(|disk| !touched(disk)).collect();
            let mut keep = untouched.iter();
            truth.disks.retain(|_| *keep.next().unwrap_or(&false));
            let mut keep = untouched.iter();
            truth.bounds.retain(|_| *keep.next().unwrap_or(&false));
            score.add(&family, &truth, &found);
        }
        assert_at_the_bound(name, &score);
    }
}

/// Slopes of bright disks are no noise, and the place that is fitted to few counts does not make the edge sharper.
#[test]
fn gain_and_edge_are_measured_at_any_dose() {
    for share in [0.05, 0.3, 100.0] {
        let usual = Family::default();
        let family = Family {
            bragg: share * usual.bragg,
            beam: share * usual.beam,
            diffuse: share * usual.diffuse,
            ..usual
        };
        let prepared = measured(&family, 5000, 64);
        let Prepared { model, clean, .. } = prepared.expect("disks");
        assert_eq!(clean.gain, 1.0, "{share}");
        let Shape { radius, edge } = model.shape;
        let off = (f64::from(radius) / family.radius - 1.0).abs();
        assert!(off < 0.02, "{share}: radius {radius}");
        let off = (f64::from(edge) / family.edge - 1.0).abs();
        assert!(off < 0.12, "{share}: edge {edge}");
    }
}

/// Between bright disks without a background pixels are dark in every frame: nothing covers them, and disks beside them are whole.
#[test]
fn dark_places_between_disks_are_not_covered() {
    for (bragg, frames_of) in [(5.0, 40), (500.0, 40)] {
        let family = Family {
            rows: 100,
            columns: 116,
            radius: 5.0,
            edge: 0.5,
            bragg,
            beam: 4.0 * bragg,
            diffuse: 0.0,
            vectors: [[1.9, 15.9], [15.9, -1.9]],
            wander: 1.0,
            ..Family::default()
        };
        let prepared = measured(&family, 600, frames_of).expect("disks");
        let text = format!("{bragg}: misfit {:.2}", prepared.misfit);
        assert!(prepared.clean.dead.len() == prepared.clean.hot, "{text}");
        assert!((prepared.misfit - 1.0).abs() < 0.1, "{text}");
        let score = try_within(&family, &prepared.model, 900..940, 4.0);
        assert_at_the_bound("no background", &score);
    }
}

/// A detector whose pixels share their counts with their neighbours: pixels have less noise, disks have not.
#[test]
fn noise_that_neighbours_have_in_common_is_in_the_errors() {
    let family = Family::default();
    let size = (family.rows, family.columns);
    let blurred = |seed: u64| {
        let mut counts = family.frame(seed, 0).image.counts;
        for step in [1, family.columns] {
            let before = counts.clone();
            for at in step..before.len() - step {
                counts[at] = 0.7 * before[at] + 0.15 * (before[at - step] + before[at + step]);
            }
        }
        counts
    };
    let prepared = prepare(
        (700..764).map(blurred).collect(),
        Vec::new(),
        size,
        Given::default(),
    );
    let Prepared { model, clean, .. } = prepared.expect("disks");
    assert!(model.noise > 1.3, "{}", model.noise);
    let (mut scratch, mut score) = (Scratch::default(), Score::default());
    for seed in 800..840 {
        let truth = family.frame(seed, 0).truth;
        let mut counts = blurred(seed);
        clean.apply(&mut counts, &mut Vec::new());
        let mut image = Image::default();
        image.fill(size, model.margin(), &counts, clean.most());
        score.add(&family, &truth, &model.find(&image, &mut scratch));
    }
    let text = format!("{:.3} within, {:.3}", score.covered(), score.ratio());
    assert!(
        (score.covered() - 0.68).abs() < 0.06 && score.ratio() < 1.25,
        "{text}"
    );
    assert!(score.recall() > 0.99 && score.precision() > 0.98, "{text}");
    let alone = measured(&family, 700, 64).expect("disks");
    assert_eq!(alone.model.noise, 1.0);
}

/// What is under a beam stop is dim, not dark: a part of what is there, or what is scattered, with a soft edge and noise of the
/// camera.
#[test]
fn a_beam_stop_that_is_not_dark_is_left_out() {
    let usual = Family {
        beam: 400.0,
        wander: 1.0,
        ..Family::default()
    };
    let large = Family {
        radius: 7.5,
        vectors: HEXAGONAL,
        ..usual
    };
    let faint = Family {
        bragg: 5.0,
        diffuse: 1.2,
        ..usual
    };
    for (name, family, leak, edge) in [
        ("scattered", usual, 0.13, 0.3),
        ("soft edge", usual, 0.13, 0.6),
        ("hardly any", usual, 0.03, 0.3),
        ("large disks", large, 0.13, 0.3),
        ("few counts", faint, 0.13, 0.3),
    ] {
        let spoilt = |seed: u64| {
            let mut frame = family.frame(seed, 0);
            let mut random = Random(seed);
            let mut hidden = vec![false; frame.image.counts.len()];
            for (at, value) in frame.image.counts.iter_mut().enumerate() {
                let (y, x) = ((at / 128) as f64 - 63.0, (at % 128) as f64 - 64.0);
                let disk = y.hypot(x) - 11.0;
                let bar = f64::max((y - 0.2 * x).abs() - 4.0, -x);
                let inside = 1.0 / (1.0 + (disk.min(bar) / edge).exp());
                hidden[at] = inside > 0.02;
                if random.uniform() < inside {
                    *value = random.poisson(leak * family.expected_background(y.hypot(x))) as f32;
                }
            }
            (frame, hidden)
        };
        let some: Vec<Vec<f32>> = (1300..1364)
            .map(|seed| spoilt(seed).0.image.counts)
            .collect();
        let size = (family.rows, family.columns);
        for direct_beam in [None, Some([63.5, 63.5])] {
            let given = Given {
                direct_beam,
                ..Given::default()
            };
            let prepared = prepare(some.clone(), Vec::new(), size, given).expect(name);
            let off = (f64::from(prepared.model.shape.radius) - family.radius).abs();
            assert!(off < 0.05, "{name} {direct_beam:?}: {off}");
            let (model, clean) = (&prepared.model, &prepared.clean);
            let (mut image, mut scratch, mut score) =
                (Image::default(), Scratch::default(), Score::default());
            for seed in 1400..1440 {
                let (mut frame, hidden) = spoilt(seed);
                let touched = |y: f64, x: f64, reach: f64| {
                    let mut any = false;
                    family.near(y, x, reach, |at, _, _| any |= hidden[at]);
                    any
                };
                let counts = &mut frame.image.counts;
                clean.apply(counts, &mut Vec::new());
                image.fill(size, model.margin(), counts, clean.most());
                let mut found = model.find(&image, &mut scratch);
                let truth = &mut frame.truth;
                let covered: Vec<bool> = (truth.disks.iter())
                    .map(|disk| touched(disk[0], disk[1], family.radius + 5.0))
                    .collect();
                // Disks that are hidden in part are neither asked for nor false.
                found.retain(|peak| {
                    let near = |disk: &[f64; 3]| (disk[0] - peak.y).hypot(disk[1] - peak.x) < 4.0;
                    !(truth.disks.iter().zip(&covered))
                        .any(|(disk, covered)| *covered && near(disk))
                });
                let mut keep = covered.iter();
                truth.disks.retain(|_| !keep.next().unwrap_or(&true));
                let mut keep = covered.iter();
                truth.bounds.retain(|_| !keep.next().unwrap_or(&true));
                score.add(&family, truth, &found);
            }
            assert_at_the_bound(name, &score);
        }
    }
}

/// Dark places inside of a direct beam that is said are no stop.
#[test]
fn what_is_dark_inside_of_the_beam_is_not_covered() {
    let ring = |radius: f64, dy: f64, dx: f64| match dy.hypot(dx) < 0.6 * radius {
        true => 0.05,
        false => 1.0,
    };
    let bar = |radius: f64, _: f64, dx: f64| match dx.abs() < 0.2 * radius {
        true => 0.05,
        false => 1.0,
    };
    let patterns: [fn(f64, f64, f64) -> f64; 4] = [ring, bar, cross, bullseye];
    for (number, inside) in patterns.into_iter().enumerate() {
        for radius in [7.0, 10.0] {
            let family = Family {
                radius,
                beam: 200.0,
                wander: 0.3,
                vectors: HEXAGONAL,
                inside,
                ..Family::default()
            };
            let size = (family.rows, family.columns);
            let given = Given {
                direct_beam: Some([63.5, 63.5]),
                ..Given::default()
            };
            let some = frames(&family, 1500, 32);
            let found = prepare(some, Vec::new(), size, given).expect("disks");
            let covered = found.clean.dead.len() - found.clean.hot;
            assert_eq!(covered, 0, "{number} {radius}");
        }
    }
}
