//! Backgrounds that are brighter on one side are measured, and where they are otherwise under disks than the model says, it is said.

use super::*;

/// With so many counts from side to side in this direction, in degrees from the columns to the rows.
fn with_slope(family: Family, across: f64, direction: f64) -> Family {
    let (down, right) = direction.to_radians().sin_cos();
    let slope = [down, right].map(|part| across / family.columns as f64 * part);
    Family { slope, ..family }
}

/// As good as none: a plane, to which one wide ring gives its mean.
fn hardly_radial(mean: f64) -> Family {
    Family {
        diffuse: 0.01,
        rings: [[mean, 0.0, 50.0], [0.0, 0.3, 0.035]],
        ..Family::default()
    }
}

#[test]
fn backgrounds_with_a_slope_are_measured() {
    let low = Family {
        name: "12 counts on a plane",
        radius: 8.0,
        bragg: 12.0,
        beam: 48.0,
        ..hardly_radial(0.3)
    };
    let high = Family {
        name: "150 counts, small, on a steep plane",
        radius: 4.2,
        edge: 0.5,
        bragg: 150.0,
        beam: 600.0,
        ..hardly_radial(4.0)
    };
    for (family, across, direction) in [
        (Family::default(), 6.0, 30.0),
        (low, 2.0, 225.0),
        (high, 12.0, 100.0),
    ] {
        let family = with_slope(family, across, direction);
        let prepared = measured(&family, 51_000, 64).expect(family.name);
        let model = &prepared.model;
        let slope = model.slope.as_ref().expect(family.name);
        for (found, true_one) in [
            (&slope.down, family.slope[0]),
            (&slope.across, family.slope[1]),
        ] {
            let off = (f64::from(found[40]) - true_one).abs();
            assert!(off < 0.05 * across / 128.0, "{}: {off}", family.name);
        }
        assert_eq!(prepared.uneven, None, "{}", family.name);
        assert_at_the_bound(family.name, &try_on(&family, model, 52_000));
    }
}

/// Each frame has a slope in another direction: the scan has none, which leaves disks on slopes.
#[test]
fn slopes_of_single_frames_are_said() {
    let prepared = |across: f64| {
        let some = (53_000..53_064).map(|seed| {
            let family = with_slope(hardly_radial(0.5), across, 137.0 * seed as f64);
            family.frame(seed, 0).image.counts
        });
        prepare(some.collect(), Vec::new(), (128, 128), Given::default()).expect("disks")
    };
    let even = prepared(0.0);
    assert!(even.uneven.is_none() && even.model.slope.is_none());
    let uneven = prepared(8.0);
    assert!(uneven.model.slope.is_none());
    let Uneven { off, error } = uneven.uneven.expect("slopes under disks");
    // A slope `s` moves a disk of height `h` by `6 s R w / h` where its edge has as many counts as the background.
    assert!(off > 0.4 * error && off < 1.5 * error, "{off} {error}");
}
