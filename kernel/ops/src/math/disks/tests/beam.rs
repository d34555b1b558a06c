//! The direct beam: said, covered, elsewhere.

use super::*;

/// The beam wanders by 6 px; it is looked for where it is said to be, 3 px off, and found where it is.
#[test]
fn a_direct_beam_that_is_given_roughly_leads_to_the_same() {
    let family = Family {
        wander: 6.0,
        ..Family::default()
    };
    let size = (family.rows, family.columns);
    let given = Given {
        direct_beam: Some([66.0, 61.5]),
        ..Given::default()
    };
    let measured =
        |given| prepare(frames(&family, 8000, 64), Vec::new(), size, given).expect("disks");
    let [found, told] = [Given::default(), given].map(|given| measured(given).model);
    for axis in 0..2 {
        assert!((found.centre[axis] - told.centre[axis]).abs() < 0.05);
    }
    assert!((found.wander - told.wander).abs() < 0.1);
    assert_at_the_bound("given", &try_on(&family, &told, 8500));
}

/// Bragg disks five times as bright as the beam, which wanders by 5 px: what is brightest near the middle is another disk.
#[test]
fn a_direct_beam_that_is_given_is_found_among_brighter_disks() {
    let family = Family {
        beam: 40.0,
        bragg: 200.0,
        wander: 5.0,
        ..Family::default()
    };
    let size = (family.rows, family.columns);
    let measured = |direct_beam| {
        let given = Given {
            direct_beam,
            ..Given::default()
        };
        let model = prepare(frames(&family, 9000, 64), Vec::new(), size, given)
            .expect("disks")
            .model;
        (model.centre, model.wander, model.beam_is_seen)
    };
    let (centre, wander, seen) = measured(Some([64.0, 64.0]));
    let middle: Vec<f64> = (0..2)
        .map(|axis| {
            let places = (9000..9064).map(|seed| family.frame(seed, 0).truth.disks[0][axis]);
            places.sum::<f64>() / 64.0
        })
        .collect();
    assert!(seen && wander < 5.0 * 2f64.sqrt() + 2.0 + 1.0, "{wander}");
    assert!(
        (centre[0] - middle[0]).hypot(centre[1] - middle[1]) < 1.5,
        "{centre:?} {middle:?}"
    );
    let (_, lost, still_seen) = measured(None);
    assert!(lost > wander + 3.0 || !still_seen, "{lost}");
}

/// Nothing is where the beam is said to be, or a fainter disk: that is told, and the beam is where it is.
#[test]
fn a_direct_beam_that_is_elsewhere_is_told() {
    let hexagonal = Family {
        vectors: HEXAGONAL,
        radius: 7.1,
        columns: 150,
        ..Family::default()
    };
    let faint = Family {
        diffuse: 0.5,
        bragg: 8.0,
        beam: 60.0,
        ..Family::default()
    };
    for family in [Family::default(), hexagonal, faint] {
        let size = (family.rows, family.columns);
        let middle = [0.5 * size.0 as f64, 0.5 * size.1 as f64];
        let [a, b] = family.vectors;
        let at = |h: f64, k: f64| Some([0, 1].map(|n| middle[n] + h * a[n] + k * b[n]));
        for (said, is_wrong) in [
            (Some([0.0, 0.0]), true),
            (Some([size.0 as f64 - 1.0, 20.0]), true),
            (at(0.5, 0.5), true),
            (at(1.0, 0.0), true),
            (at(-1.0, 1.0), true),
            (at(0.05, 0.05), false),
        ] {
            let given = Given {
                direct_beam: said,
                ..Given::default()
            };
            let some = frames(&family, 8100, 32);
            let prepared = prepare(some, Vec::new(), size, given).expect("disks");
            let Prepared {
                model, elsewhere, ..
            } = &prepared;
            let text = format!("{said:?}: {:?} {elsewhere:?}", model.centre);
            println!("{text}");
            let off = (model.centre[0] - middle[0]).hypot(model.centre[1] - middle[1]);
            assert_eq!(elsewhere.is_some(), is_wrong, "{text}");
            assert!(is_wrong || off < 2.0, "{text}");
            assert!(
                elsewhere.is_none_or(|told| !told.taken || off < 2.0),
                "{text}"
            );
            if let Some(told) = elsewhere {
                let off = (told.brightest[0] - middle[0]).hypot(told.brightest[1] - middle[1]);
                assert!(off < 2.0, "{text}");
            }
        }
    }
}

/// Where it is covered nothing is found: what is said is taken.
#[test]
fn a_covered_direct_beam_is_where_it_is_said_to_be() {
    let family = Family::default();
    let size = (family.rows, family.columns);
    let covered = |direct_beam| {
        let mut some = frames(&family, 100, 64);
        for frame in &mut some {
            for (at, value) in frame.iter_mut().enumerate() {
                let away = ((at / 128) as f64 - 64.0).hypot((at % 128) as f64 - 64.0);
                *value = if away < 11.0 { 0.0 } else { *value };
            }
        }
        let given = Given {
            direct_beam,
            ..Given::default()
        };
        let prepared = prepare(some, Vec::new(), size, given).expect("disks");
        (prepared.model, prepared.elsewhere)
    };
    let (told, doubt) = covered(Some([64.5, 63.0]));
    assert_eq!((told.centre, told.beam_is_seen), ([64.5, 63.0], false));
    assert_eq!(doubt, None);
    let (found, _) = covered(None);
    assert!(!found.beam_is_seen);
    assert!(
        (found.centre[0] - 64.0).hypot(found.centre[1] - 64.0) < 1.5,
        "{:?}",
        found.centre
    );
}
