use std::sync::Arc;

use signal::{Bound, Computation, Prepared, Registered};

use super::*;

const SIZE: [usize; 2] = [52, 38];

fn meta(scales: [f64; 2], offsets: [f64; 2], units: [&str; 2]) -> Arc<SignalMeta> {
    let axis = |name, at: usize| Axis::new(name, SIZE[at], scales[at], offsets[at], units[at]);
    let axes = Axes::new(
        vec![Axis::pixels("y", 3), Axis::pixels("x", 5)],
        vec![axis("ky", 0), axis("kx", 1)],
    );
    Arc::new(SignalMeta::frames("scan", axes, ElementType::F32))
}

fn bound(params: Value) -> Arc<dyn Computation> {
    Bound::<IntegrateAzimuthally>::entry()
        .bind(&params)
        .unwrap()
}

/// A frame of some function of the distance of a pixel from `centre`, in rows and columns.
fn frame(centre: [f64; 2], value: impl Fn(f64, f64) -> f64) -> Frame {
    let pixels = (0..SIZE[0] * SIZE[1]).map(|at| {
        let (row, column) = ((at / SIZE[1]) as f64, (at % SIZE[1]) as f64);
        value(row - centre[0], column - centre[1]) as f32
    });
    Frame::from_vec(&SIZE, pixels.collect()).unwrap()
}

fn prepared(bound: &dyn Computation, meta: &Arc<SignalMeta>, frames: &[Frame]) -> Option<Prepared> {
    let mut preparation = bound.preparation(&[meta])?;
    for frame in frames {
        let inputs = Inputs {
            metas: std::slice::from_ref(meta),
            outputs: &[Output::Frame(frame.clone())],
        };
        let at = NavigationIndex::new(&[0, 0]);
        preparation
            .prepare
            .add(at, &inputs, &CancelToken::new())
            .unwrap();
    }
    match preparation.prepare.finish(&CancelToken::new()).unwrap() {
        Finished::Done(prepared) => Some(prepared),
        Finished::Again(_) => panic!("one pass is enough"),
    }
}

fn profile(bound: &dyn Computation, meta: &Arc<SignalMeta>, frame: &Frame) -> Vec<f32> {
    let prepared = prepared(bound, meta, std::slice::from_ref(frame));
    let inputs = Inputs {
        metas: std::slice::from_ref(meta),
        outputs: &[Output::Frame(frame.clone())],
    };
    let at = NavigationIndex::new(&[0, 0]);
    let found = bound.compute(&inputs, at, prepared.as_ref(), &CancelToken::new());
    match found.unwrap() {
        Output::Frame(frame) => frame.pixels::<f32>().unwrap().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_profile_is_found_again_on_pixels_that_are_not_square() {
    let centre = [24.3, 20.6];
    let meta = meta([0.02, 0.03], [-24.3 * 0.02, -20.6 * 0.03], ["1/nm"; 2]);
    let of_radius = |dy: f64, dx: f64| 100.0 - 150.0 * (0.02 * dy).hypot(0.03 * dx);
    let bound = bound(json!({"npt": 15, "outer_radius": 0.45}));
    let described = bound.describe(&[&meta]).unwrap();
    let [radius] = described.axes.signal.as_slice() else {
        panic!("one axis");
    };
    assert_eq!((radius.size, radius.units.as_str()), (15, "1/nm"));
    assert!((radius.scale - 0.03).abs() < 1e-12 && (radius.offset - 0.015).abs() < 1e-12);
    assert_eq!(described.notes["centre_from"], "the zero of both axes");
    let found = profile(&*bound, &meta, &frame(centre, of_radius));
    for (ring, mean) in found.iter().enumerate().skip(2) {
        // The mean radius of a ring lies a little outside of its middle.
        let [inner, outer] = [ring as f64, ring as f64 + 1.0].map(|edge| 0.03 * edge);
        let radius = 2.0 / 3.0 * (outer.powi(3) - inner.powi(3)) / (outer.powi(2) - inner.powi(2));
        let truth = 100.0 - 150.0 * radius;
        assert!(
            (f64::from(*mean) - truth).abs() < 0.15,
            "{ring}: {mean} instead of {truth}"
        );
    }
}

#[test]
fn a_flat_pattern_has_the_areas_of_the_rings() {
    let meta = meta([0.1; 2], [-2.6, -1.9], ["1/nm"; 2]);
    let sum = bound(json!({"npt": 6, "outer_radius": 1.5, "statistic": "sum"}));
    for (ring, sum) in profile(&*sum, &meta, &frame([0.0; 2], |_, _| 1.0))
        .iter()
        .enumerate()
    {
        let area = std::f64::consts::PI * 6.25 * (2 * ring + 1) as f64;
        assert!(
            (f64::from(*sum) / area - 1.0).abs() < 1e-6,
            "{sum} instead of {area}"
        );
    }
}

#[test]
fn the_centre_is_said_or_measured() {
    let beam = [27.4, 16.2];
    let disk = frame(beam, |dy, dx| {
        3.0 + 300.0 * (4.5 - dy.hypot(dx)).clamp(0.0, 1.0)
    });
    let inside = meta([0.1; 2], [-2.6, -1.9], ["1/nm"; 2]);
    let at_corner = meta([0.1; 2], [0.0; 2], ["1/nm"; 2]);
    let integral = bound(json!({}));
    assert!(
        bound(json!({"centre": [3, 4]}))
            .preparation(&[&inside])
            .is_none()
    );
    let said = |disk: &Frame| {
        let found = prepared(&*integral, &inside, &[disk.clone(), disk.clone()]).unwrap();
        let caveats = integral.prepared_caveats(&found);
        caveats
            .into_iter()
            .map(|caveat| caveat.text)
            .collect::<String>()
    };
    let text = said(&disk);
    assert!(
        text.contains("(26.0, 19.0) px") && text.contains("at (27.4, 16.2) px"),
        "{text}"
    );
    assert_eq!(
        said(&frame([26.3, 18.8], |dy, dx| 9.0
            * (4.5 - dy.hypot(dx)).clamp(0.0, 1.0))),
        ""
    );
    let note = |meta: &SignalMeta, params: Value| {
        bound(params).describe(&[meta]).unwrap().notes["centre_from"].clone()
    };
    assert_eq!(note(&inside, json!({})), "the zero of both axes");
    assert_eq!(note(&inside, json!({"centre": [3, 4]})), "the parameter");
    assert_eq!(note(&at_corner, json!({})), "measured: the direct beam");
    let found = prepared(
        &*integral,
        &at_corner,
        &[disk.clone(), disk.clone(), disk.clone()],
    );
    let measured = integral.measured_parameters(&found.unwrap())["centre"].clone();
    let off = |axis: usize| (measured[axis].as_f64().unwrap() - beam[axis]).abs();
    assert!(off(0) < 0.1 && off(1) < 0.1, "{measured}");
    let found = profile(&*bound(json!({"statistic": "mean"})), &at_corner, &disk);
    assert!(
        (found[1] - 303.0).abs() < 1.0 && (found[8] - 3.0).abs() < 0.1,
        "{found:?}"
    );
    let promised = integral
        .describe(&[&at_corner])
        .unwrap()
        .axes
        .signal_shape();
    assert_eq!(promised, [found.len()]);
}

#[test]
fn a_beam_that_wanders_is_said() {
    let meta = meta([0.1; 2], [0.0; 2], ["1/nm"; 2]);
    let integral = bound(json!({}));
    let frames = |step: f64| -> Vec<Frame> {
        (0..7)
            .map(|n| {
                let beam = [26.0 + step * f64::from(n - 3), 19.0];
                frame(beam, |dy, dx| {
                    3.0 + 300.0 * (4.5 - dy.hypot(dx)).clamp(0.0, 1.0)
                })
            })
            .collect()
    };
    for (step, caveats) in [(0.0, 0), (0.2, 0), (1.2, 1)] {
        let found = prepared(&*integral, &meta, &frames(step)).unwrap();
        assert_eq!(integral.prepared_caveats(&found).len(), caveats, "{step}");
    }
}

#[test]
fn what_has_no_value_does_not_count() {
    let meta = meta([0.1; 2], [-2.6, -1.9], ["1/nm"; 2]);
    let holed = frame([26.0, 19.0], |dy, dx| match (dy, dx) {
        (0.0, 0.0) => f64::NAN,
        (2.0, _) => f64::INFINITY,
        _ => 7.0,
    });
    assert!(
        profile(&*bound(json!({})), &meta, &holed)
            .iter()
            .all(|mean| *mean == 7.0)
    );
    let empty = frame([0.0; 2], |_, _| f64::NAN);
    for statistic in ["mean", "sum"] {
        let integral = bound(json!({"npt": 4, "outer_radius": 8.0, "statistic": statistic}));
        let found = profile(&*integral, &meta, &empty);
        let outside = if statistic == "sum" { 0.0 } else { f32::NAN };
        assert!(found[0].is_nan() && found[1].is_nan());
        assert_eq!(found[3].to_bits(), outside.to_bits(), "{found:?}");
    }
}

#[test]
fn axes_without_a_common_unit_are_measured_in_pixels() {
    let meta = meta([0.1, 2.0], [0.0; 2], ["1/nm", "mrad"]);
    let described = bound(json!({})).describe(&[&meta]).unwrap();
    assert_eq!(described.axes.signal[0].units, "px");
    assert_eq!(described.caveats[0].code, "radius_in_pixels");
    let refused = bound(json!({"inner_radius": 30.0})).describe(&[&meta]);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("inner_radius = 30.0")
    );
}
