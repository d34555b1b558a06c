use signal::{Axes, Axis, Bound, ElementType, Registered, serde_json::json};

use super::*;

/// Shifts of a scan with this detector, as `center_of_mass` describes them.
fn shifts(rows: Axis, columns: Axis, pixel: Option<(f64, &str)>) -> SignalMeta {
    let axes = Axes::new(vec![rows, columns], Vec::new());
    let frames = SignalMeta::frames("scan", axes, ElementType::U16);
    let mut meta = frames.to_map(vec![
        Component::new("dy", "Δy", "px", Display::Diverging),
        Component::new("dx", "Δx", "px", Display::Diverging),
    ]);
    if let Some((scale, units)) = pixel {
        let pixel = json!({"scale": [scale, scale], "units": [units, units]});
        meta.notes.insert("detector_pixel".into(), pixel);
    }
    meta
}

fn scan(size: [usize; 2], step: [f64; 2]) -> SignalMeta {
    let axis = |name: &str, at: usize| Axis::new(name, size[at], step[at], 0.0, "nm");
    shifts(axis("y", 0), axis("x", 1), Some((0.05, "1/nm")))
}

fn phase(
    meta: &SignalMeta,
    given: &[[f32; 2]],
    params: &serde_json::Value,
) -> (Vec<f32>, Vec<Caveat>) {
    let operation = Bound::<IntegrateShift>::entry().bind(params).unwrap();
    let meta = Arc::new(meta.clone());
    operation.describe(&[&meta]).unwrap();
    let mut preparation = operation.preparation(&[&meta]).unwrap();
    let shape = meta.axes.navigation_shape();
    let never = CancelToken::new();
    for (flat, shift) in given.iter().enumerate() {
        let outputs = [Output::Values(shift.to_vec().into())];
        let inputs = Inputs {
            metas: std::slice::from_ref(&meta),
            outputs: &outputs,
        };
        let at = NavigationIndex::from_flat(flat, &shape);
        preparation.prepare.add(at, &inputs, &never).unwrap();
    }
    let Finished::Done(prepared) = preparation.prepare.finish(&never).unwrap() else {
        panic!("one pass is enough");
    };
    let inputs = Inputs {
        metas: std::slice::from_ref(&meta),
        outputs: &[],
    };
    let values = (0..given.len()).map(|flat| {
        let at = NavigationIndex::from_flat(flat, &shape);
        match operation
            .compute(&inputs, at, Some(&prepared), &never)
            .unwrap()
        {
            Output::Values(values) => values[0],
            other => panic!("{other:?}"),
        }
    });
    (values.collect(), operation.prepared_caveats(&prepared))
}

const SIZE: [usize; 2] = [26, 40];
const STEP: [f64; 2] = [0.2, 0.15];

/// An asymmetric phase that is flat at the edges, and its shifts in pixels of 0.05 / nm.
fn bumps() -> (Vec<f64>, Vec<[f32; 2]>) {
    let spots = [(2.2, 2.0, 0.45, 1.3), (3.0, 3.8, 0.5, -0.8)];
    let (mut values, mut shifts) = (Vec::new(), Vec::new());
    for row in 0..SIZE[0] {
        for column in 0..SIZE[1] {
            let (y, x) = (row as f64 * STEP[0], column as f64 * STEP[1]);
            let (mut value, mut slope) = (0.0, [0.0; 2]);
            for (cy, cx, sigma, height) in spots {
                let squared: f64 = ((y - cy) / sigma).powi(2) + ((x - cx) / sigma).powi(2);
                let here = height * (-squared / 2.0).exp();
                value += here;
                slope[0] -= here * (y - cy) / (sigma * sigma);
                slope[1] -= here * (x - cx) / (sigma * sigma);
            }
            values.push(value);
            // Cycles per nm, in pixels.
            shifts.push(slope.map(|slope| (slope / std::f64::consts::TAU / 0.05) as f32));
        }
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| value - mean).collect(), shifts)
}

fn furthest(found: &[f32], expected: &[f64]) -> f64 {
    (found.iter().zip(expected))
        .map(|(found, expected)| (f64::from(*found) - expected).abs())
        .fold(0.0, f64::max)
}

#[test]
fn a_phase_comes_back_from_its_slopes_in_rad() {
    let (expected, given) = bumps();
    for edges in ["mirrored", "periodic"] {
        let (found, caveats) = phase(&scan(SIZE, STEP), &given, &json!({"edges": edges}));
        // The bumps are 1e-5 of their height at the nearest edge.
        let off = furthest(&found, &expected);
        assert!(off < 1e-3, "{edges}: {off}");
        assert_eq!(caveats, []);
    }
}

#[test]
fn a_detector_that_is_turned_or_swapped_is_turned_back() {
    let (expected, given) = bumps();
    let (sin, cos) = 30f32.to_radians().sin_cos();
    // What a detector sees whose axes must be turned by 30° counter-clockwise to be those of the scan.
    let turned: Vec<[f32; 2]> = (given.iter())
        .map(|[y, x]| [cos * y + sin * x, cos * x - sin * y])
        .collect();
    let (found, _) = phase(&scan(SIZE, STEP), &turned, &json!({"rotation": 30.0}));
    assert!(furthest(&found, &expected) < 1e-3);
    let swapped: Vec<[f32; 2]> = turned.iter().map(|[y, x]| [*x, *y]).collect();
    let params = json!({"rotation": 30.0, "transpose": true});
    let (found, _) = phase(&scan(SIZE, STEP), &swapped, &params);
    assert!(furthest(&found, &expected) < 1e-3);
}

#[test]
fn slow_changes_and_noise_are_damped_as_asked() {
    // Waves of 2 and 8 periods along x, in a periodic scan of 4 nm.
    let size = [4, 64];
    let step = [0.0625, 0.0625];
    let wave = |at: usize, periods: f64| {
        let x = (at % 64) as f64 / 64.0;
        let angle = std::f64::consts::TAU * periods * x;
        let slope = std::f64::consts::TAU * periods / 4.0 * angle.cos();
        (angle.sin(), slope / std::f64::consts::TAU / 0.05)
    };
    let given: Vec<[f32; 2]> = (0..256)
        .map(|at| [0.0, (wave(at, 2.0).1 + wave(at, 8.0).1) as f32])
        .collect();
    // 0.5 and 2 per nm.
    for (params, slow, fast) in [
        (json!({"edges": "periodic"}), 1.0, 1.0),
        (
            json!({"edges": "periodic", "high_pass": 1.0}),
            1.0 - 1.0 / (1.0 + 0.5f64.powi(4)),
            1.0 - 1.0 / 17.0,
        ),
        (
            json!({"edges": "periodic", "low_pass": 1.0}),
            1.0 / (1.0 + 0.5f64.powi(4)),
            1.0 / 17.0,
        ),
    ] {
        let (found, _) = phase(&scan(size, step), &given, &params);
        let expected: Vec<f64> = (0..256)
            .map(|at| slow * wave(at, 2.0).0 + fast * wave(at, 8.0).0)
            .collect();
        // Shifts are in single precision.
        assert!(furthest(&found, &expected) < 1e-5, "{params}");
    }
}

#[test]
fn a_phase_that_rises_through_the_scan_is_mirrored() {
    let given = vec![[0.0f32, 0.4]; 20 * 32];
    let (found, _) = phase(&scan([20, 32], [0.2, 0.2]), &given, &json!({}));
    let rise = 0.4 * 0.05 * std::f64::consts::TAU * 0.2;
    let expected: Vec<f64> = (0..640)
        .map(|at| rise * ((at % 32) as f64 - 15.5))
        .collect();
    // The corners of a mirrored ramp ring a little; half a step.
    assert!(furthest(&found, &expected) < rise / 2.0);
    let (found, _) = phase(
        &scan([20, 32], [0.2, 0.2]),
        &given,
        &json!({"edges": "periodic"}),
    );
    assert!(
        found.iter().all(|value| value.abs() < 1e-6),
        "a slope on average is none"
    );
}

#[test]
fn a_line_and_a_series_of_scans_are_integrated_each_for_itself() {
    let mut line = scan([1, 32], [0.2, 0.2]);
    line.axes.navigation.remove(0);
    let given = vec![[9.0f32, 0.4]; 32];
    let (of_line, _) = phase(&line, &given, &json!({}));
    let rise = (0.4 * 0.05 * std::f64::consts::TAU * 0.2) as f32;
    assert!((of_line[20] - of_line[10] - 10.0 * rise).abs() < rise / 2.0);
    let (_, one) = bumps();
    let mut series = scan(SIZE, STEP);
    series.axes.navigation.insert(0, Axis::pixels("t", 2));
    let both: Vec<[f32; 2]> = one
        .iter()
        .copied()
        .chain(one.iter().map(|[y, x]| [-y, -x]))
        .collect();
    let (found, _) = phase(&series, &both, &json!({}));
    let (alone, _) = phase(&scan(SIZE, STEP), &one, &json!({}));
    assert_eq!(found[..alone.len()], alone);
    assert!(
        (found[alone.len()..].iter().zip(&alone)).all(|(other, one)| (other + one).abs() < 1e-6)
    );
}

#[test]
fn holes_are_said_and_have_no_value() {
    let (expected, mut given) = bumps();
    given[3] = [f32::NAN, 1.0];
    let (found, caveats) = phase(&scan(SIZE, STEP), &given, &json!({}));
    assert!(found[3].is_nan());
    assert!(
        caveats[0].text.contains("1 position without a deflection"),
        "{caveats:?}"
    );
    let others = found.iter().map(|value| {
        if value.is_nan() {
            expected[3] as f32
        } else {
            *value
        }
    });
    assert!(furthest(&others.collect::<Vec<_>>(), &expected) < 1e-3);
}

#[test]
fn units_are_those_of_the_scan_and_the_detector() {
    let describe = |meta: &SignalMeta| {
        let operation = Bound::<IntegrateShift>::entry().bind(&json!({})).unwrap();
        operation
            .describe(&[meta])
            .map_err(|refused| refused.to_string())
    };
    let axis = |units: &str| Axis::new("x", 8, 0.2, 0.0, units);
    let of = |scan: &str, pixel, energy| {
        let mut meta = shifts(axis(scan), axis(scan), pixel);
        meta.beam_energy_kev = energy;
        let described = describe(&meta).unwrap();
        let caveat = described.caveats.first().map(|caveat| caveat.text.clone());
        (
            described.components[0].units.clone(),
            caveat.unwrap_or_default(),
        )
    };
    assert_eq!(
        of("nm", Some((0.1, "1/nm")), None),
        ("rad".into(), String::new())
    );
    assert_eq!(of("Å", Some((0.1, "Å^-1")), None).0, "rad");
    assert_eq!(of("nm", Some((0.1, "mrad")), Some(200.0)).0, "rad");
    let (units, caveat) = of("nm", Some((0.1, "mrad")), None);
    assert!(
        units == "px · nm" && caveat.contains("beam energy"),
        "{caveat}"
    );
    let (units, caveat) = of("px", Some((0.1, "1/nm")), None);
    assert!(
        units == "px · px" && caveat.contains("not in a length"),
        "{caveat}"
    );
    let (units, caveat) = of("nm", None, None);
    assert!(
        units == "px · nm" && caveat.contains("not calibrated"),
        "{caveat}"
    );
    let mixed = shifts(axis("nm"), axis("px"), None);
    assert!(
        describe(&mixed)
            .unwrap_err()
            .contains("in nm and `x` in px")
    );
    let mut other = scan(SIZE, STEP);
    other.components.pop();
    assert!(describe(&other).unwrap_err().contains("center_of_mass"));
    // 200 keV: 2.508 pm.
    let of_angle = {
        let mut meta = shifts(axis("nm"), axis("nm"), Some((1.0, "mrad")));
        meta.beam_energy_kev = Some(200.0);
        scale::scale(&meta).unwrap().factor
    };
    assert!((of_angle - std::f64::consts::TAU * 1e-3 / 2.5079e-3).abs() < 1e-3);
}
