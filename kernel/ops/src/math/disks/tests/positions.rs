//! Positions at the bound, with shape and background measured; no disks where there are none.

use super::*;

#[test]
fn positions_are_at_the_bound_with_the_true_model() {
    for family in families() {
        assert_at_the_bound(family.name, &try_on(&family, &family.true_model(4.6), 1000));
    }
}

#[test]
fn radius_edge_and_background_are_measured() {
    for family in families() {
        let prepared = measured(&family, 5000, 64);
        let Prepared { model, clean, .. } = prepared.as_ref().expect(family.name);
        assert_eq!((clean.gain, clean.offset), (1.0, 0.0), "{}", family.name);
        let off = (f64::from(model.shape.radius) / family.radius - 1.0).abs();
        assert!(off < 0.01, "{}: radius {}", family.name, model.shape.radius);
        assert!(
            (f64::from(model.shape.edge) - family.edge).abs() < 0.06,
            "{}",
            family.name
        );
        assert_at_the_bound(family.name, &try_on(&family, model, 2000));
    }
}

/// Soft edges reach across the gaps: hardly a pixel has background only, but for the corners of the frame.
#[test]
fn soft_edges_leave_the_background_what_it_is() {
    for (edge, bragg, diffuse) in [(1.2, 60.0, 6.0), (1.2, 300.0, 6.0), (1.5, 60.0, 2.0)] {
        let family = Family {
            name: "soft",
            rows: 120,
            radius: 6.0,
            edge,
            bragg,
            beam: 4.0 * bragg,
            diffuse,
            vectors: [[3.9, 21.6], [21.6, -3.9]],
            ..Family::default()
        };
        let model = measured(&family, 5000, 64).expect(family.name).model;
        assert_at_the_bound(family.name, &try_on(&family, &model, 2000));
    }
}

#[test]
fn a_radius_a_quarter_off_leads_to_the_same() {
    for family in families().into_iter().step_by(4) {
        for share in [0.75, 1.25] {
            let given = Given {
                radius: Some(share * family.radius),
                ..Given::default()
            };
            let size = (family.rows, family.columns);
            let prepared = prepare(frames(&family, 7000, 64), Vec::new(), size, given);
            let model = &prepared.as_ref().expect(family.name).model;
            assert_at_the_bound(family.name, &try_on(&family, model, 3000));
        }
    }
}

/// Hardly any counts between disks that cover half of the frame, and none of these in a third of the frames: what is dark there is all
/// of the background, and no disk.
#[test]
fn frames_without_disks_beside_others_have_none() {
    for (radius, bragg, diffuse) in [(5.0, 20.0, 0.3), (8.0, 20.0, 1.5), (8.0, 300.0, 1.0)] {
        let family = Family {
            radius,
            edge: 0.4,
            bragg,
            beam: 1.5 * bragg,
            diffuse,
            wander: 1.0,
            ..Family::default()
        };
        let without = Family {
            bragg: 0.0,
            ..family
        };
        let text = format!("radius {radius}, {bragg} counts on {diffuse}");
        let all = [frames(&family, 4000, 32), frames(&without, 4100, 16)].concat();
        let prepared = prepare(all, Vec::new(), (128, 128), Given::default());
        let model = &prepared.as_ref().expect(&text).model;
        let off = (f64::from(model.shape.radius) / radius - 1.0).abs();
        assert!(off < 0.01, "{text}: radius {}", model.shape.radius);
        let score = try_on(&family, model, 4200);
        let precise = score.recall() > 0.995 && score.precision() > 0.995;
        assert!(precise, "{text}: {} {}", score.recall(), score.precision());
        let mut scratch = Scratch::default();
        let of_beams = (4300..4320).map(|seed| {
            let frame = without.frame(seed, model.margin());
            model.find(&frame.image, &mut scratch).len()
        });
        assert_eq!(of_beams.sum::<usize>(), 20, "{text}");
    }
}

/// Where disks fit badly, other places are tried; those that are taken leave fewer candidates than there were before more are
/// looked for. Patterned disks looked at as flat ones of four fifths of the radius: whatever is found, nothing panics.
#[test]
fn places_that_are_taken_leave_fewer_candidates() {
    for vectors in [SQUARE, HEXAGONAL, CLOSE] {
        for radius in [7.0, 9.0] {
            let family = Family {
                vectors,
                radius,
                bragg: 330.0,
                beam: 2500.0,
                inside: bullseye,
                ..Family::default()
            };
            let smaller = Family {
                radius: 0.8 * radius,
                ..family
            };
            let mut model = smaller.true_model(6.0);
            model.realigns = true;
            let mut scratch = Scratch::default();
            for seed in 2100..2104 {
                let frame = family.frame(seed, model.margin());
                assert!(!model.find(&frame.image, &mut scratch).is_empty());
            }
        }
    }
}

/// Background alone: no more than is said of any radius and dose, and about as many where there are many counts and places.
#[test]
fn noise_makes_as_many_disks_as_is_said() {
    const FRAMES: u64 = 24;
    const DEVIATIONS: f64 = 3.6;
    for radius in [2.0, 4.0, 8.0] {
        for diffuse in [0.1, 3.0, 100.0] {
            let family = Family {
                radius,
                diffuse,
                bragg: 1e-9,
                beam: 1e-9,
                wander: 0.0,
                ..Family::default()
            };
            let model = family.true_model(DEVIATIONS);
            let mut scratch = Scratch::default();
            let found: usize = (0..FRAMES)
                .map(|seed| {
                    let frame = family.frame(900 + seed, model.margin());
                    model.find(&frame.image, &mut scratch).len()
                })
                .sum();
            let expected = model.false_disks(DEVIATIONS) * FRAMES as f64;
            let text = format!("radius {radius}, {diffuse} counts: {found} for {expected:.1}");
            assert!((found as f64) < expected + 3.0 * expected.sqrt(), "{text}");
            let many = diffuse > 50.0 && radius < 5.0;
            assert!(!many || found as f64 > 0.5 * expected, "{text}");
        }
    }
}

/// Rings as wide as disks, two of them, one that touches the direct beam.
#[test]
fn rings_are_background() {
    let with = |name, rings| Family {
        name,
        diffuse: 3.0,
        rings,
        ..Family::default()
    };
    for family in [
        with("ring", [[12.0, 0.3, 0.035], [0.0, 0.3, 0.035]]),
        with("two rings", [[12.0, 0.22, 0.035], [8.0, 0.4, 0.03]]),
        with("ring at the beam", [[12.0, 0.09, 0.03], [5.0, 0.3, 0.035]]),
    ] {
        let prepared = measured(&family, 5000, 64);
        let model = &prepared.as_ref().expect(family.name).model;
        let score = try_on(&family, model, 2000);
        let text = format!(
            "{}: {:.3} times the bound, recall {:.4}, precision {:.4}",
            family.name,
            score.ratio(),
            score.recall(),
            score.precision()
        );
        assert!(score.ratio() < 1.15, "{text}");
        assert!(score.recall() > 0.98 && score.precision() > 0.99, "{text}");
    }
}

#[test]
fn where_no_disks_are_none_are_found() {
    let none = Family {
        name: "smooth",
        bragg: 1e-9,
        beam: 1e-9,
        wander: 0.5,
        ..Family::default()
    };
    let ring = Family {
        name: "rings",
        diffuse: 3.0,
        rings: [[12.0, 0.3, 0.035], [6.0, 0.15, 0.03]],
        ..none
    };
    let dark = Family {
        name: "dark",
        diffuse: 0.2,
        ..none
    };
    for family in [none, ring, dark] {
        if let Some(prepared) = measured(&family, 5000, 64) {
            let score = try_on(&family, &prepared.model, 2000);
            let text = format!("{}: {} in 40 frames", family.name, score.peaks);
            assert!(score.peaks <= 2.0, "{text}");
        }
    }
}

/// Each frame measured alone.
#[test]
fn single_frames_are_enough() {
    let family = Family::default();
    let (mut scratch, mut score) = (Scratch::default(), Score::default());
    for seed in 6000..6024 {
        let prepared = measured(&family, seed, 1);
        let model = prepared.expect("disks").model;
        let frame = family.frame(seed, model.margin());
        let mut found = model.find(&frame.image, &mut scratch);
        // In the corners a disk that is cut off is all there is at that distance.
        let inside = |at: f64, size: usize| at > family.radius && at < size as f64 - family.radius;
        found.retain(|peak| inside(peak.y, family.rows) && inside(peak.x, family.columns));
        score.add(&family, &frame.truth, &found);
    }
    assert_at_the_bound("single frames", &score);
}
