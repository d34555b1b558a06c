//! Module gaps, masked and broken pixels: the largest number of the type in every frame.

use super::*;

fn columns_between_disks(_: usize, column: usize) -> bool {
    (73..75).contains(&column)
}

fn cross_and_single_pixels(row: usize, column: usize) -> bool {
    (61..63).contains(&row) || column == 49 || (row, column) == (20, 97) || (row, column) == (99, 0)
}

/// Through the middles of three disks.
fn columns_through_disks(_: usize, column: usize) -> bool {
    (62..64).contains(&column)
}

#[test]
fn all_disks_are_found_beside_gaps_of_every_integer_type() -> Result<()> {
    let gaps: [Dead; 3] = [
        columns_between_disks,
        cross_and_single_pixels,
        columns_through_disks,
    ];
    for element in [
        ElementType::U8,
        ElementType::U16,
        ElementType::I16,
        ElementType::U32,
        ElementType::I32,
    ] {
        for (number, dead) in gaps.into_iter().enumerate() {
            let holed = Holed::new(SHAPE, element, 60.0, dead)?;
            let params = json!({"radius": RADIUS});
            let scan = holed.open("holed.npy")?;
            let finder = holed.fixture.add(scan, "normalized_correlation", params)?;
            for index in [[0, 0], [2, 3]] {
                let found = peaks(&holed.fixture, finder, index)?;
                same_places(&found, &centres(), 0.4)
                    .with_context(|| format!("{element}, gap {number}"))?;
                ensure!(
                    found.iter().all(|peak| (40.0..80.0).contains(&peak[2])),
                    "{found:?}"
                );
            }
            let dead = holed.dead.iter().filter(|dead| **dead).count();
            let text = caveat(&holed.fixture.session, finder, "dead_pixels").context("unsaid")?;
            ensure!(text.contains(&format!("{dead} pixels")), "{text}");
            ensure!(text.contains(element.name()), "{text}");
        }
    }
    Ok(())
}

/// Standard deviations of a peak that is one at any threshold near ours.
const CLEAR: f64 = 10.0;

#[test]
fn every_operation_of_a_scan_with_a_gap_gives_what_the_live_pixels_give() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U32, 60.0, cross_and_single_pixels)?;
    let (scan, clean) = (holed.open("holed.npy")?, holed.open("clean.npy")?);
    let fixture = &holed.fixture;
    // Peaks found after each background subtraction, and the strain from them.
    for background in [
        "radial_median",
        "median_kernel",
        "difference_of_gaussians",
        "h_dome",
    ] {
        let mut found = Vec::new();
        for node in [scan, clean] {
            let flat = fixture.add(node, background, json!({}))?;
            let spots =
                json!({"sigma_narrow": RADIUS / 2.0, "sigma_wide": RADIUS, "threshold": 3.0});
            let finder = fixture.add(flat, "difference_of_gaussians_peaks", spots)?;
            found.push(peaks(fixture, finder, [1, 2])?);
        }
        // What hardly reaches the threshold is noise, and may be on the other side of it.
        for (some, all) in [(&found[0], &found[1]), (&found[1], &found[0])] {
            let clear = some.iter().filter(|peak| peak[3] > CLEAR);
            for peak in clear {
                ensure!(
                    all.iter()
                        .any(|other| (peak[0] - other[0]).hypot(peak[1] - other[1]) < 0.5),
                    "{background}: {peak:?} is not in {all:?}"
                );
            }
            ensure!(some.len() >= 10, "{background}: {some:?}");
        }
    }
    let finder = fixture.add(scan, "normalized_correlation", json!({"radius": RADIUS}))?;
    let reference = json!({"reference": {"x0": 0, "y0": 0, "width": 4, "height": 3}});
    let strain = fixture.add(finder, "strain_map", reference)?;
    for component in 0..4 {
        let values = map(fixture, strain, component)?;
        ensure!(values.iter().all(|value| value.abs() < 0.02), "{values:?}");
    }
    Ok(())
}

#[test]
fn sums_means_and_centres_leave_dead_pixels_out() -> Result<()> {
    for element in [ElementType::U8, ElementType::U16, ElementType::U32] {
        let holed = Holed::new(SHAPE, element, 60.0, cross_and_single_pixels)?;
        let (fixture, columns) = (&holed.fixture, holed.shape[3]);
        let scan = holed.open("holed.npy")?;
        let sum = fixture.add(
            scan,
            "virtual_rectangle",
            json!({"corner": [30, 20], "height": 50, "width": 60}),
        )?;
        let mean = fixture.add(
            scan,
            "virtual_rectangle",
            json!({"corner": [30, 20], "height": 50, "width": 60, "statistic": "mean"}),
        )?;
        let com = fixture.add(
            scan,
            "center_of_mass",
            json!({"reference": "none", "radius": 45.0}),
        )?;
        let (sums, means) = (map(fixture, sum, 0)?, map(fixture, mean, 0)?);
        let centres = [map(fixture, com, 0)?, map(fixture, com, 1)?];
        let (navigation, values) = navigator(&fixture.session, scan)?;
        ensure!(navigation.extrema[1] < 100.0, "{navigation:?}");
        for at in 0..holed.positions() {
            let inside: Vec<f64> = holed
                .live(at)
                .filter(|(place, _)| {
                    (30..80).contains(&(place / columns)) && (20..80).contains(&(place % columns))
                })
                .map(|(_, value)| value)
                .collect();
            let total: f64 = inside.iter().sum();
            ensure!(sums[at] == total as f32, "{element}: {} {total}", sums[at]);
            ensure!(means[at] == (total / inside.len() as f64) as f32);
            let all: Vec<f64> = holed.live(at).map(|(_, value)| value).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            ensure!(
                (f64::from(values[at]) - mean).abs() < 1e-5,
                "{} {mean}",
                values[at]
            );
            let (mut mass, mut moments) = (0.0, [0.0; 2]);
            for (place, value) in holed.live(at) {
                let (dy, dx) = (
                    (place / columns) as f64 - 50.0,
                    (place % columns) as f64 - 62.0,
                );
                if dy.hypot(dx) <= 45.0 {
                    mass += value;
                    moments = [moments[0] + value * dy, moments[1] + value * dx];
                }
            }
            for (centre, moment) in centres.iter().zip(moments) {
                ensure!((f64::from(centre[at]) - moment / mass).abs() < 1e-4);
            }
        }
        // The value at one position is that of the map.
        for (node, values) in [(sum, &sums), (com, &centres[0])] {
            let reply = fixture.run(Command::Values {
                node,
                index: vec![1, 2],
            })?;
            ensure!(reply.numbers.context("none")?[0] as f32 == values[6]);
        }
    }
    Ok(())
}

#[test]
fn patterns_and_regions_have_no_value_at_dead_pixels() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U16, 60.0, cross_and_single_pixels)?;
    let (fixture, scan) = (&holed.fixture, holed.open("holed.npy")?);
    let mean = fixture.add(scan, "mean_pattern", json!({}))?;
    let maximum = fixture.add(scan, "maximum_pattern", json!({}))?;
    let region = |statistic| {
        let Request::Frame(asked) = frame_request(scan, [0, 0], [256, 256]) else {
            bail!("no wish");
        };
        let region = Some(NavigationRegion {
            x0: 0,
            y0: 0,
            width: 4,
            height: 3,
            statistic,
        });
        for _ in 0..500 {
            let asked = Request::Frame(FrameRequest {
                region,
                ..asked.clone()
            });
            let (reply, buffers) = frame_of(&fixture.session, asked)?;
            if reply.exact {
                return Ok(floats(&reply, &buffers[0]));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("never exact")
    };
    let pixels = |node| {
        fixture
            .session
            .frame(node, &[])
            .map(|frame| frame.to_f32().into_owned())
    };
    let found = [
        pixels(mean)?,
        region(RegionStatistic::Mean)?,
        pixels(maximum)?,
        region(RegionStatistic::Sum)?,
    ];
    let size = holed.dead.len();
    for place in 0..size {
        let values: Vec<f64> = (0..holed.positions())
            .map(|at| holed.values[at * size + place])
            .collect();
        let sum: f64 = values.iter().sum();
        let most = values.iter().copied().fold(0.0, f64::max);
        let mean = sum / values.len() as f64;
        for (pixels, expected) in found.iter().zip([mean, mean, most, sum]) {
            match holed.dead[place] {
                true => ensure!(pixels[place].is_nan(), "{place}: {}", pixels[place]),
                false => ensure!(
                    pixels[place] == expected as f32,
                    "{place}: {} {expected}",
                    pixels[place]
                ),
            }
        }
    }
    Ok(())
}

#[test]
fn a_picture_is_not_darkened_by_a_gap_and_what_is_stored_stays() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U32, 60.0, columns_between_disks)?;
    let (fixture, scan) = (&holed.fixture, holed.open("holed.npy")?);
    for size in [[256, 256], [40, 40]] {
        let (reply, buffers) = frame_of(&fixture.session, frame_request(scan, [1, 1], size))?;
        ensure!(
            reply.extrema[1] < 200.0 && reply.percentiles[1] < 200.0,
            "{reply:?}"
        );
        let gaps = floats(&reply, &buffers[0])
            .iter()
            .filter(|value| value.is_nan())
            .count();
        ensure!(
            (gaps > 0) == (size == [256, 256]),
            "{gaps} samples without a value"
        );
    }
    let stored = fixture.session.frame(scan, &[1, 1])?;
    ensure!(stored.element() == ElementType::U32 && stored.value(74) == f64::from(u32::MAX));
    let copy = fixture.path("copy.npy").display().to_string();
    fixture.run(Command::Save {
        node: scan,
        path: copy,
        options: SaveOptions::default(),
    })?;
    let copy = open(&fixture.session, &fixture.path("copy.npy"))?;
    let copied = fixture.session.frame(copy, &[1, 1])?;
    ensure!(copied.as_bytes() == stored.as_bytes());
    Ok(())
}

/// What is saved before anything was looked at is what is looked at where nothing was saved.
#[test]
fn what_is_saved_has_no_dead_pixels_in_it() -> Result<()> {
    let crop = || ("crop_signal", json!({"top": 1}));
    let chains = [
        vec![crop()],
        vec![("rebin_signal", json!({}))],
        vec![("radial_median", json!({}))],
        vec![("azimuthal_integral", json!({"centre": [62.0, 66.0]}))],
        vec![("rolling_mean", json!({}))],
        vec![
            (
                "crop_scan",
                json!({"region": {"x0": 0, "y0": 1, "width": 4, "height": 2}}),
            ),
            crop(),
        ],
        vec![crop(), ("virtual_disk", json!({"radius": 60.0}))],
    ];
    for chain in chains {
        let names: Vec<&str> = chain.iter().map(|(operation, _)| *operation).collect();
        let begin = || -> Result<(Holed, u32)> {
            let holed = Holed::new(SHAPE, ElementType::U16, 60.0, columns_between_disks)?;
            let mut node = holed.open("holed.npy")?;
            for (operation, parameters) in &chain {
                node = holed.fixture.add(node, operation, parameters.clone())?;
            }
            Ok((holed, node))
        };
        let (saving, node) = begin()?;
        let path = saving.fixture.path("saved.npy");
        saving.fixture.run(Command::Save {
            node,
            path: path.display().to_string(),
            options: SaveOptions::default(),
        })?;
        let saved = open(&saving.fixture.session, &path)?;
        let (looking, node) = begin()?;
        if names.last() == Some(&"virtual_disk") {
            let [saved, looked_at] = [
                map(&saving.fixture, saved, 0)?,
                map(&looking.fixture, node, 0)?,
            ];
            ensure!(saved == looked_at, "{saved:?}, not {looked_at:?}");
            continue;
        }
        let [rows, columns, ..] = SHAPE;
        let first = usize::from(names[0] == "crop_scan");
        for at in (0..(rows - first) * columns).map(|at| [at / columns, at % columns]) {
            let stored = saving.fixture.session.frame(saved, &at)?;
            let expected = looking.fixture.session.frame(node, &at)?;
            ensure!(
                stored.shape() == expected.shape(),
                "{names:?}: {:?}",
                stored.shape()
            );
            let pixels = expected.shape().iter().product();
            for pixel in 0..pixels {
                let [value, expected] = [&stored, &expected].map(|frame| frame.value(pixel));
                let same = value == expected || (value.is_nan() && expected.is_nan());
                ensure!(
                    same,
                    "{names:?} at {at:?}, {pixel}: {value}, not {expected}"
                );
            }
        }
    }
    Ok(())
}

/// A pixel that is taken for dead from the frames that were looked at, and has a count in one of the others.
#[test]
fn a_count_of_a_dead_pixel_counts_everywhere_and_what_is_said_of_it_is_true() -> Result<()> {
    let (place, count) = (40 * SHAPE[3] + 49, 1000.0);
    let mut told = 0;
    for position in 0..SHAPE[0] * SHAPE[1] {
        let mut holed = Holed::new(SHAPE, ElementType::U16, 60.0, cross_and_single_pixels)?;
        let size = holed.dead.len();
        holed.values[position * size + place] = count;
        let path = holed.fixture.path("holed.npy");
        write(&path, &SHAPE, ElementType::U16, &holed.values)?;
        let (fixture, scan) = (&holed.fixture, open(&holed.fixture.session, &path)?);
        // Looked for and not dead in all frames: no number that is left out anywhere.
        let sum = fixture.add(
            scan,
            "virtual_rectangle",
            json!({"corner": [40, 49], "height": 1, "width": 1}),
        )?;
        let sums = map(fixture, sum, 0)?;
        let text = caveat(&fixture.session, scan, "dead_pixels").context("unsaid")?;
        let looked_at = text.contains("in all 8 frames that were looked at");
        ensure!(looked_at && text.contains("`map`"), "{text}");
        let all = holed.dead.iter().filter(|dead| **dead).count();
        if !text.contains(&format!("{all} pixels")) {
            ensure!(text.contains(&format!("{} pixels", all - 1)), "{text}");
            continue;
        }
        told += 1;
        for (at, sum) in sums.iter().enumerate() {
            match at == position {
                true => ensure!(*sum == count as f32, "{sum}"),
                false => ensure!(sum.is_nan(), "{sum} at {at}"),
            }
        }
        for pattern in ["mean_pattern", "maximum_pattern"] {
            let node = fixture.add(scan, pattern, json!({}))?;
            let frame = fixture.session.frame(node, &[])?;
            ensure!(
                frame.value(place) == count,
                "{pattern}: {}",
                frame.value(place)
            );
        }
        let (_, means) = navigator(&fixture.session, scan)?;
        for (at, mean) in means.iter().enumerate() {
            let extra = (at == position).then_some(count);
            let values = holed.live(at).map(|(_, value)| value).chain(extra);
            let (sum, number) = values.fold((0.0, 0.0), |(sum, number), value| {
                (sum + value, number + 1.0)
            });
            ensure!(
                (f64::from(*mean) - sum / number).abs() < 1e-4,
                "{mean} at {at}"
            );
        }
        let index = [(position / SHAPE[1]) as u32, (position % SHAPE[1]) as u32];
        for at in [index, [(index[0] + 1) % 3, index[1]]] {
            let size = [SHAPE[3] as u32, SHAPE[2] as u32];
            let (reply, buffers) = frame_of(&fixture.session, frame_request(scan, at, size))?;
            let shown = floats(&reply, &buffers[0])[place];
            match at == index {
                true => ensure!(shown == count as f32, "{shown}"),
                false => ensure!(shown.is_nan(), "{shown}"),
            }
        }
    }
    ensure!(
        told == 4,
        "told of {told} of 12 positions, 8 of which are looked at"
    );
    Ok(())
}

/// The largest pixel of a frame, as a cell's closure sees it.
struct Most;

impl FrameFunction for Most {
    fn input(&self) -> ElementType {
        ElementType::U16
    }
    fn output(&self) -> Option<ElementType> {
        None
    }
    fn call(&self, input: &Frame, _at: NavigationIndex) -> Result<Output, String> {
        let pixels = input.pixels::<u16>().ok_or("another type")?;
        let most = pixels.iter().copied().max().unwrap_or(0);
        Ok(Output::Values([f32::from(most)].into()))
    }
}

#[test]
fn a_closure_sees_what_is_stored() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U16, 60.0, columns_between_disks)?;
    let scan = holed.open("holed.npy")?;
    let sum = holed
        .fixture
        .add(scan, "virtual_disk", json!({"radius": 30.0}))?;
    let most = holed.fixture.session.add_map(scan, Arc::new(Most))?;
    // Both on one pass, and one position alone.
    holed.fixture.run(Command::ComputeAll {
        nodes: vec![most, sum],
    })?;
    ensure!(
        map(&holed.fixture, most, 0)?
            .iter()
            .all(|value| *value == 65535.0)
    );
    ensure!(
        map(&holed.fixture, sum, 0)?
            .iter()
            .all(|value| *value < 65535.0)
    );
    let reply = holed.fixture.run(Command::Values {
        node: most,
        index: vec![0, 1],
    })?;
    ensure!(reply.numbers == Some(vec![65535.0]));
    Ok(())
}

#[test]
fn dead_pixels_do_not_depend_on_threads_nor_on_what_was_looked_at() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U16, 60.0, cross_and_single_pixels)?;
    let mut all = Vec::new();
    for (threads, first) in [(1, "map"), (3, "peaks"), (2, "navigator"), (4, "frame")] {
        let session = Session::new(Config {
            threads,
            ..Config::default()
        });
        let fixture = SessionFixture {
            session,
            folder: tempfile::tempdir()?,
        };
        let scan = open(&fixture.session, &holed.fixture.path("holed.npy"))?;
        let com = fixture.add(scan, "center_of_mass", json!({}))?;
        let finder = fixture.add(scan, "difference_of_gaussians_peaks", json!({}))?;
        match first {
            "peaks" => drop(peaks(&fixture, finder, [2, 1])?),
            "navigator" => drop(navigator(&fixture.session, scan)?),
            "frame" => drop(frame_of(
                &fixture.session,
                frame_request(scan, [0, 3], [64, 64]),
            )?),
            _ => {}
        }
        let values = map(&fixture, com, 1)?;
        let bits: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
        all.push((
            bits,
            peaks(&fixture, finder, [1, 1])?,
            navigator(&fixture.session, scan)?.1,
        ));
    }
    ensure!(all.windows(2).all(|pair| pair[0] == pair[1]));
    Ok(())
}

#[test]
fn a_saturated_beam_of_8_bits_is_counts() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U8, 2000.0, |_, _| false)?;
    let scan = holed.open("holed.npy")?;
    let finder = holed
        .fixture
        .add(scan, "normalized_correlation", json!({"radius": RADIUS}))?;
    same_places(&peaks(&holed.fixture, finder, [1, 1])?, &centres(), 0.5)?;
    navigator(&holed.fixture.session, scan)?;
    ensure!(caveat(&holed.fixture.session, scan, "dead_pixels").is_none());
    Ok(())
}

#[test]
fn dead_channels_of_spectra_are_left_out() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let shape = [5, 6, 300];
    let value = |at: usize| match at % 300 {
        40 | 41 | 250 => 65535.0,
        channel => (at / 300 * 3 + channel % 17) as f64,
    };
    let values: Vec<f64> = (0..5 * 6 * 300).map(value).collect();
    write(
        &fixture.path("spectra.npy"),
        &shape,
        ElementType::U16,
        &values,
    )?;
    let command = Command::Open {
        path: fixture.path("spectra.npy").display().to_string(),
        options: protocol::OpenOptions {
            signal_axes: Some(1),
            ..Default::default()
        },
    };
    let scan = fixture.run(command)?.node.context("no node")?;
    let (_, means) = navigator(&fixture.session, scan)?;
    for (at, mean) in means.iter().enumerate() {
        let live = values[at * 300..][..300]
            .iter()
            .filter(|value| **value < 65535.0);
        ensure!((f64::from(*mean) - live.sum::<f64>() / 297.0).abs() < 1e-4);
    }
    let (reply, buffers) = frame_of(&fixture.session, frame_request(scan, [2, 2], [600, 300]))?;
    let line = floats(&reply, &buffers[0]);
    ensure!(line[40].is_nan() && line[250].is_nan() && reply.extrema[1] < 200.0);
    let text = caveat(&fixture.session, scan, "dead_pixels").context("unsaid")?;
    ensure!(text.contains("3 pixels"), "{text}");
    Ok(())
}
