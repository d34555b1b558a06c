//! Disks with a pattern inside, and beams without specimen that tell it.

use super::*;

/// What is inside is measured, and disks are found by it.
#[test]
fn patterned_probes_are_found_by_their_pattern() {
    let d25 = Family::default();
    let patterned = [
        Family {
            name: "bullseye",
            radius: 8.2,
            edge: 0.6,
            bragg: 60.0,
            beam: 240.0,
            vectors: HEXAGONAL,
            inside: bullseye,
            ..d25
        },
        Family {
            name: "touching",
            radius: 9.0,
            edge: 0.6,
            bragg: 60.0,
            beam: 240.0,
            inside: bullseye,
            ..d25
        },
        Family {
            name: "cross",
            radius: 7.1,
            bragg: 60.0,
            beam: 240.0,
            columns: 144,
            inside: cross,
            ..d25
        },
    ];
    for family in patterned {
        let prepared = measured(&family, 600, 64);
        let model = &prepared.as_ref().expect(family.name).model;
        assert!(model.probe.is_some(), "{}", family.name);
        // Of disks that the frame cuts another ring may fit.
        let score = try_within(&family, model, 800..840, family.radius - 1.0);
        assert_at_the_bound(family.name, &score);
    }
}

/// The direct beam without specimen tells what is inside the disks, of which there are few counts.
#[test]
fn a_probe_without_specimen_is_what_disks_are() {
    let family = Family {
        name: "vacuum",
        radius: 8.2,
        edge: 0.6,
        bragg: 6.0,
        beam: 30.0,
        diffuse: 1.0,
        vectors: HEXAGONAL,
        inside: bullseye,
        ..Family::default()
    };
    let empty = Family {
        bragg: 1e-9,
        diffuse: 0.02,
        beam: 100.0,
        ..family
    };
    let size = (family.rows, family.columns);
    let vacuum = frames(&empty, 4000, 48);
    let prepared = prepare(frames(&family, 600, 64), vacuum, size, Given::default());
    let model = prepared.expect("disks").model;
    assert!(model.probe.is_some());
    let score = try_within(&family, &model, 800..840, family.radius - 1.0);
    assert_at_the_bound(family.name, &score);
}

/// Four frames with the beam over a background say little: what is measured without them is not made worse.
#[test]
fn a_vacuum_of_few_noisy_frames_does_no_harm() {
    let bright = |radius: f64, dy: f64, dx: f64| {
        0.25 + 0.75 * (-(dy * dy + dx * dx) / (0.3 * radius).powi(2)).exp()
    };
    for (inside, dose) in [(Family::default().inside, 5.0), (bright, 300.0)] {
        let family = Family {
            radius: 5.0,
            bragg: dose,
            beam: 4.0 * dose,
            diffuse: 0.15 * dose,
            vectors: HEXAGONAL,
            inside,
            ..Family::default()
        };
        let empty = Family {
            bragg: 1e-9,
            ..family
        };
        let vacuum = frames(&empty, 4000, 4);
        let prepared = prepare(
            frames(&family, 600, 32),
            vacuum,
            (128, 128),
            Given::default(),
        );
        let model = &prepared.as_ref().expect("disks").model;
        let score = try_within(&family, model, 900..940, 4.0);
        let text = format!("{dose}: {:.3} times the bound", score.ratio());
        assert!(score.ratio() < 1.12, "{text}");
        assert!(score.recall() > 0.99 && score.precision() > 0.99, "{text}");
    }
}
