//! What a shift is measured from, and positions without a value.

use super::*;

/// A beam that wanders by a plane and is deflected on top of it.
fn wandering() -> (Vec<[f64; 2]>, Vec<f64>) {
    let shape = [6, 9, 31, 27];
    let shift = |y: usize, x: usize| {
        let bump = if (y, x) == (2, 5) { 0.8 } else { 0.0 };
        [
            1.0 + 0.3 * y as f64 - 0.1 * x as f64 + bump,
            -2.0 + 0.2 * x as f64,
        ]
    };
    let mut values = Vec::new();
    let mut shifts = Vec::new();
    for position in 0..54 {
        let [dy, dx] = shift(position / 9, position % 9);
        shifts.push([dy, dx]);
        for place in 0..31 * 27 {
            let (row, column) = ((place / 27) as f64, (place % 27) as f64);
            let squared = (row - 15.0 - dy).powi(2) + (column - 13.0 - dx).powi(2);
            values.push(1000.0 * (-squared / 8.0).exp());
        }
    }
    debug_assert_eq!(values.len(), shape.iter().product::<usize>());
    (shifts, values)
}

/// `values` less their plane of least squares over 6 x 9 positions, by the sums that a full grid allows.
fn less_plane(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / 54.0;
    let (mut down, mut across) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        down += value * ((at / 9) as f64 - 2.5);
        across += value * ((at % 9) as f64 - 4.0);
    }
    // Σ (row - 2.5)² = 9 · 17.5 and Σ (column - 4)² = 6 · 60.
    let (down, across) = (down / 157.5, across / 360.0);
    (values.iter().enumerate())
        .map(|(at, value)| {
            value - mean - down * ((at / 9) as f64 - 2.5) - across * ((at % 9) as f64 - 4.0)
        })
        .collect()
}

#[test]
fn a_shift_is_measured_from_the_centre_the_mean_or_a_plane() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (shifts, values) = wandering();
    write(
        &fixture.path("wandering.npy"),
        &[6, 9, 31, 27],
        ElementType::F32,
        &values,
    )?;
    let scan = open(&fixture.session, &fixture.path("wandering.npy"))?;
    for (reference, params) in [
        ("none", json!({"reference": "none"})),
        ("mean", json!({})),
        ("plane", json!({"reference": "plane"})),
    ] {
        let node = fixture.add(scan, "center_of_mass", params)?;
        for component in 0..2u32 {
            let truth: Vec<f64> = shifts
                .iter()
                .map(|shift| shift[component as usize])
                .collect();
            let mean = truth.iter().sum::<f64>() / 54.0;
            let expected = match reference {
                "none" => truth,
                "mean" => truth.iter().map(|value| value - mean).collect(),
                _ => less_plane(&truth),
            };
            let found = map(&fixture, node, component)?;
            for (found, expected) in found.iter().zip(&expected) {
                ensure!(
                    (f64::from(*found) - expected).abs() < 0.02,
                    "{reference}: {found} {expected}"
                );
            }
            // One position, and the file, say the same; the file also when it is written in parts.
            let reply = fixture.run(Command::Values {
                node,
                index: vec![2, 5],
            })?;
            let numbers = reply.numbers.context("none")?;
            ensure!(numbers[component as usize] as f32 == found[23]);
        }
        let saved = fixture.path(&format!("{reference}.npy"));
        let path = saved.display().to_string();
        fixture.run(Command::Save {
            node,
            path,
            options: SaveOptions::default(),
        })?;
        let images = std::fs::read(&saved)?;
        let last = map(&fixture, node, 1)?[53].to_le_bytes();
        ensure!(images.ends_with(&last));
        let description = fixture.session.description(node).context("gone")?;
        ensure!(
            description.components[0].units == "px"
                && description.components[0].display == protocol::DisplayDescription::Diverging
        );
    }
    Ok(())
}

#[test]
fn an_estimate_and_the_exact_part_of_a_map_have_one_reference() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (_, values) = wandering();
    write(
        &fixture.path("wandering.npy"),
        &[6, 9, 31, 27],
        ElementType::F32,
        &values,
    )?;
    let scan = open(&fixture.session, &fixture.path("wandering.npy"))?;
    let node = fixture.add(scan, "center_of_mass", json!({}))?;
    let Request::Frame(asked) = frame_request(node, [0, 0], [64, 64]) else {
        bail!("no wish");
    };
    // As while its circle is dragged: nothing but an estimate.
    let asked = Request::Frame(FrameRequest {
        draft: Some(json!({"radius": 12.5})),
        detail: protocol::Detail::Moving,
        ..asked
    });
    let (reply, buffers) = frame_of(&fixture.session, asked)?;
    let shown = floats(&reply, &buffers[0]);
    let mean = shown.iter().sum::<f32>() / shown.len() as f32;
    ensure!(mean.abs() < 0.01, "{mean}");
    Ok(())
}

#[test]
fn positions_without_a_value_are_counted_and_explained() -> Result<()> {
    // By a half, and so that the peaks fall on every second one of the reference, or between.
    for stretch in [1.5, 2.0, 1.9, 0.59, 0.5] {
        stretched_beyond_the_model(stretch).with_context(|| format!("stretch {stretch}"))?;
    }
    Ok(())
}

/// A lattice that is stretched in the right part of the scan: no strain map can tell that.
fn stretched_beyond_the_model(stretch: f64) -> Result<()> {
    let fixture = SessionFixture::new()?;
    let shape = [4, 6, 90, 94];
    let mut values = Vec::new();
    for position in 0..24 {
        let stretch = if position % 6 >= 4 { stretch } else { 1.0 };
        for place in 0..90 * 94 {
            let (row, column) = ((place / 94) as f64 - 45.0, (place % 94) as f64 - 47.0);
            let near = |at: f64, spacing: f64| at - spacing * (at / spacing).round();
            let distance = near(row, 17.0).hypot(near(column, 18.0 / stretch));
            values.push(if distance <= 3.2 && row.hypot(column) < 42.0 {
                300.0
            } else {
                4.0
            });
        }
    }
    write(
        &fixture.path("stretched.npy"),
        &shape,
        ElementType::U16,
        &values,
    )?;
    let scan = open(&fixture.session, &fixture.path("stretched.npy"))?;
    let finder = fixture.add(scan, "normalized_correlation", json!({"radius": 3.0}))?;
    for radius in [None, Some(6.0), Some(9.0), Some(14.0)] {
        let mut params = json!({"reference": {"x0": 0, "y0": 0, "width": 3, "height": 4}});
        if let (Some(radius), Value::Object(params)) = (radius, &mut params) {
            params.insert("match_radius".into(), json!(radius));
        }
        let strain = fixture.add(finder, "strain_map", params)?;
        ensure!(caveat(&fixture.session, strain, "no_value").is_none());
        let e_xx = map(&fixture, strain, 0)?;
        for (at, value) in e_xx.iter().enumerate() {
            match at % 6 >= 4 {
                true => ensure!(value.is_nan(), "{radius:?}: {value} at {at}"),
                false => ensure!(value.abs() < 1e-3, "{radius:?}: {value} at {at}"),
            }
        }
        let text = caveat(&fixture.session, strain, "no_value").context("unsaid")?;
        ensure!(text.contains("8 of 24 positions have no value: "), "{text}");
        ensure!(
            map(&fixture, strain, 4)?
                .iter()
                .all(|coverage| coverage.is_finite())
        );
    }
    Ok(())
}

#[test]
fn a_region_beyond_the_scan_is_said_and_one_outside_is_refused() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U16, 60.0, |_, _| false)?;
    let (fixture, scan) = (&holed.fixture, holed.open("holed.npy")?);
    let finder = fixture.add(scan, "normalized_correlation", json!({"radius": RADIUS}))?;
    let operations = [
        (finder, "strain_map", "reference"),
        (scan, "mean_pattern", "positions"),
        (scan, "maximum_pattern", "positions"),
    ];
    let region = |x0: usize, y0: usize, width: usize, height: usize| json!({"x0": x0, "y0": y0, "width": width, "height": height});
    for (parent, operation, parameter) in operations {
        let add = |region: Value| {
            let mut params = json!({});
            params[parameter] = region;
            let operation = operation.to_owned();
            fixture.run(Command::AddNode {
                parents: vec![parent],
                operation,
                params,
            })
        };
        let inside = add(region(1, 1, 3, 2))?;
        ensure!(inside.caveats.is_empty(), "{:?}", inside.caveats);
        // Beyond the last column, the last row, and both: the scan has 3 rows and 4 columns.
        for (asked, used) in [
            (
                [2, 0, 5, 3],
                "3 rows and 2 columns inside (height = 3, width = 2)",
            ),
            (
                [0, 2, 4, 2],
                "1 row and 4 columns inside (height = 1, width = 4)",
            ),
            (
                [3, 2, 9, usize::MAX],
                "1 row and 1 column inside (height = 1, width = 1)",
            ),
        ] {
            let [x0, y0, width, height] = asked;
            let reply = add(region(x0, y0, width, height))?;
            let node = reply.node.context("no node")?;
            let text = caveat(&fixture.session, node, "region_cut").context("unsaid")?;
            let corner = format!("y0 = {y0}, x0 = {x0}");
            ensure!(
                text.contains(used)
                    && text.contains(&corner)
                    && text.contains("3 rows and 4 columns"),
                "{text}"
            );
            // Under the cell, and in what is saved.
            ensure!(reply.caveats.iter().any(|remark| remark.text == text));
            let path = fixture.path("cut.npy").display().to_string();
            fixture.run(Command::Save {
                node,
                path,
                options: SaveOptions::default(),
            })?;
            let provenance = fixture.run(Command::Provenance {
                path: fixture.path("cut.npy").display().to_string(),
            })?;
            ensure!(format!("{provenance:?}").contains("reaches beyond the scan"));
        }
        // Rows and columns are not mixed up: row 3 and column 4 are the first outside.
        for [x0, y0] in [[4, 0], [0, 3], [100, 100]] {
            let Err(error) = add(region(x0, y0, 2, 2)) else {
                bail!("{operation} took a region outside");
            };
            let text = format!("{} {}", error.message, error.hint);
            ensure!(
                text.contains("lies outside the scan of 3 rows and 4 columns")
                    && text.contains("its first column below 4 and its first row below 3"),
                "{text}"
            );
        }
    }
    Ok(())
}
