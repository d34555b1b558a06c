//! Peaks that nobody should trust, or that are not there: said once under the cell, in the viewer and in every result.

use crate::session_fixture;

use super::*;

const SIZE: [usize; 4] = [3, 4, 90, 94];

/// Counts whose mean at a scan position and a place of the detector is told.
fn scan(fixture: &SessionFixture, mean: impl Fn(usize, f64, f64) -> f64) -> Result<u32> {
    scan_holding(fixture, mean, |_, count| count)
}

/// What pixels hold of their mean and their counts.
fn scan_holding(
    fixture: &SessionFixture,
    mean: impl Fn(usize, f64, f64) -> f64,
    holds: impl Fn(f64, f64) -> f64,
) -> Result<u32> {
    let [ny, nx, rows, columns] = SIZE;
    let mut counts = Poisson(11);
    let values: Vec<f64> = (0..ny * nx * rows * columns)
        .map(|at| {
            let (row, column) = ((at / columns % rows) as f64, (at % columns) as f64);
            let mean = mean(at / (rows * columns), row, column);
            holds(mean, counts.count(mean) as f64)
        })
        .collect();
    write(&fixture.path("scan.npy"), &SIZE, ElementType::U16, &values)?;
    open(&fixture.session, &fixture.path("scan.npy"))
}

/// How far a place is from the nearest point of a lattice through the middle, and which point that is.
fn from_lattice(row: f64, column: f64) -> (f64, [i32; 2]) {
    const SPACING: f64 = 19.0;
    let [dy, dx] = [row - 44.6, column - 46.3];
    let at = [(dy / SPACING).round(), (dx / SPACING).round()];
    let away = (dy - SPACING * at[0]).hypot(dx - SPACING * at[1]);
    (away, at.map(|at| at as i32))
}

fn codes(fixture: &SessionFixture, node: u32) -> Vec<String> {
    let description = fixture.session.description(node);
    let caveats = description.map(|node| node.caveats).unwrap_or_default();
    caveats.into_iter().map(|caveat| caveat.code).collect()
}

/// What a cell that ends now is told, without what it is about.
fn told(fixture: &SessionFixture) -> Vec<String> {
    let remarks = fixture.session.new_remarks().into_iter();
    remarks.map(|remark| remark.text).collect()
}

/// The caveats inside a saved file.
fn saved(fixture: &SessionFixture, node: u32) -> Result<Vec<String>> {
    let path = fixture.path("result.zspy");
    session_fixture::save(fixture, node, &path)?;
    let source = io::open(&path, &io::OpenOptions::default())?;
    let caveats = source.meta().caveats.iter();
    Ok(caveats.map(|caveat| caveat.code.clone()).collect())
}

#[test]
fn a_radius_that_is_hardly_known_is_said() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let only = |position, away, at| position == 0 && away <= 2.1 && at == [0, 0];
    let scan = scan(&fixture, |position, row, column| {
        let (away, at) = from_lattice(row, column);
        if only(position, away, at) { 7.0 } else { 1.0 }
    })?;
    let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
    frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
    ensure!(codes(&fixture, peaks) == ["radius_doubtful"]);
    let said = told(&fixture);
    let text = "the radius of the disks is known to 7 % only, from 1 disk: what was found may be no disks; say ";
    ensure!(said.len() == 1 && said[0].starts_with(text), "{said:?}");
    Ok(())
}

/// Disks of other heights at each position, about a beam above the frames.
#[test]
fn a_beam_that_nobody_saw_is_said() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = scan(&fixture, |position, row, column| {
        let (away, [h, k]) = from_lattice(row, column);
        let of = (7 * position as i32 + 5 * h + 3 * k).rem_euclid(11);
        let under = 3.0 * (-(row + 25.0).hypot(column - 46.3) / 60.0).exp();
        under + f64::from(2 + 4 * of) / (1.0 + ((away - 4.5) / 0.5).exp())
    })?;
    let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
    frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
    ensure!(
        codes(&fixture, peaks).contains(&"no_direct_beam".to_owned()),
        "{:?}",
        codes(&fixture, peaks)
    );
    let said = told(&fixture);
    ensure!(
        said.iter()
            .any(|text| text.starts_with("no direct beam was found in the frames")),
        "{said:?}"
    );
    Ok(())
}

#[test]
fn a_radius_is_no_larger_than_the_frame_lets_it_be() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = scan(&fixture, |_, _, _| 1.0)?;
    let with = |radius: f64| fixture.add(scan, "normalized_correlation", json!({"radius": radius}));
    let refused = with(23.0).expect_err("it is larger than a quarter of 90 px");
    ensure!(
        refused
            .message
            .contains("radius = 23 px is more than 22.5 px"),
        "{refused:?}"
    );
    let described = fixture
        .session
        .description(with(22.5)?)
        .context("no node")?;
    ensure!(described.parameter_maxima["radius"] == 22.5);
    let plain = fixture.session.description(scan).context("no node")?;
    ensure!(plain.parameter_maxima.is_empty());
    Ok(())
}

/// Before its first position a map waits for what it is measured from.
#[test]
fn what_a_map_waits_for_is_said() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (labels, seen) = std::sync::mpsc::channel();
    fixture.session.subscribe(Box::new(move |event| {
        if let protocol::Event::Progress(progress) = event {
            let _ = labels.send(progress.label.clone());
        }
    }));
    let scan = scan(&fixture, |_, _, _| 3.0)?;
    let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
    let strain = fixture.add(peaks, "strain_map", json!({}))?;
    map(&fixture, strain, 0)?;
    let first = seen.try_recv().context("nothing said")?;
    let peaks = fixture.session.description(peaks).context("no node")?;
    ensure!(first == format!("measuring {}", peaks.name), "{first}");
    let strain = fixture.session.description(strain).context("no node")?;
    let after = strain.progress.context("no progress")?.label;
    ensure!(after == format!("computing {}", strain.name), "{after}");
    Ok(())
}

/// The cell of a save hears it, too, instead of a share that does not grow.
#[test]
fn what_a_save_waits_for_is_said() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = scan(&fixture, |_, _, _| 3.0)?;
    let slow = session_fixture::Slow(std::time::Duration::from_millis(120));
    let slow = fixture.session.add_map(scan, std::sync::Arc::new(slow))?;
    let peaks = fixture.add(slow, "normalized_correlation", json!({}))?;
    let strain = fixture.add(peaks, "strain_map", json!({}))?;
    let mut said = Vec::new();
    let save = Command::Save {
        node: strain,
        path: fixture.path("strain.npy").display().to_string(),
        options: Default::default(),
    };
    let mut hear = |progress: &protocol::Progress| {
        let is_saving = progress.label.starts_with("saving ");
        said.push((is_saving, progress.message.clone(), progress.done));
    };
    fixture.session.command(save, &|| false, &mut hear)?;
    let found = fixture.session.description(peaks).context("no node")?.name;
    let measuring = said
        .iter()
        .filter(|(_, text, _)| *text == format!("measuring {found}"));
    ensure!(measuring.clone().count() > 1, "{said:?}");
    for (is_saving, _, done) in measuring {
        ensure!(*is_saving && *done == 0.0, "{said:?}");
    }
    let (_, last, _) = said.last().context("nothing said")?;
    ensure!(last.is_empty(), "{last}");
    Ok(())
}

/// Every second disk of the lattice is half as large as the others.
#[test]
fn disks_that_look_unlike_say_so() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = scan(&fixture, |_, row, column| {
        let (away, at) = from_lattice(row, column);
        let radius = [5.0, 2.5][(at[0] + at[1]).rem_euclid(2) as usize];
        if away <= radius { 151.0 } else { 1.0 }
    })?;
    let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
    let strain = fixture.add(peaks, "strain_map", json!({}))?;
    frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
    let said = told(&fixture);
    ensure!(said.len() == 1, "{said:?}");
    ensure!(
        said[0].starts_with("the disks do not look like the measured one (misfit 1"),
        "{said:?}"
    );
    ensure!(caveat(&fixture.session, strain, "disks_unlike").as_ref() == Some(&said[0]));
    let tree = fixture.run(Command::Tree)?.text.unwrap_or_default();
    ensure!(tree.matches(&said[0]).count() == 1, "{tree}");
    ensure!(saved(&fixture, strain)?.contains(&"disks_unlike".to_owned()));
    // Their pattern is no flat disk: what counts say of its radius would be no error of it.
    let measured = fixture
        .session
        .description(peaks)
        .and_then(|node| node.measured);
    let measured = measured.context("nothing measured")?;
    ensure!(
        measured.starts_with("radius 5.0")
            && measured.contains(" px of a flat disk like it, threshold"),
        "{measured}"
    );
    Ok(())
}

/// Soft disks of 40 counts on a background that falls outwards.
fn soft_disks(row: f64, column: f64) -> f64 {
    let (away, _) = from_lattice(row, column);
    let outside = (row - 44.6).hypot(column - 46.3) / 30.0;
    1.0 + 4.0 / (1.0 + outside * outside) + 40.0 / (1.0 + ((away - 4.2) / 0.5).exp())
}

#[test]
fn a_constant_in_the_counts_is_measured_and_no_doubt() -> Result<()> {
    let found = |added: f64| -> Result<(Vec<String>, String)> {
        let fixture = SessionFixture::new()?;
        let disks = |_, row, column| soft_disks(row, column);
        let scan = scan_holding(&fixture, disks, |_, count| count + added)?;
        let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
        frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
        let node = fixture.session.description(peaks).context("no node")?;
        let measured = node.measured.context("nothing measured")?;
        Ok((codes(&fixture, peaks), measured))
    };
    let (no_doubt, alone) = found(0.0)?;
    ensure!(no_doubt.is_empty() && !alone.contains("offset"), "{alone}");
    for added in [3.0, 100.0] {
        let (doubts, measured) = found(added)?;
        let said = format!("{alone}, offset {added}");
        ensure!(
            doubts.is_empty() && measured == said,
            "{measured} {doubts:?}"
        );
    }
    Ok(())
}

#[test]
fn where_values_are_no_counts_and_where_much_is_covered_is_said() -> Result<()> {
    let said = |covered: bool, noise: bool| -> Result<(Vec<String>, Vec<String>)> {
        let fixture = SessionFixture::new()?;
        let disks = |_, row: f64, column: f64| match covered && column > 65.0 {
            true => 0.0,
            false => soft_disks(row, column),
        };
        let holds = |mean: f64, count: f64| if noise { count } else { mean.round() };
        let scan = scan_holding(&fixture, disks, holds)?;
        let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
        frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
        Ok((codes(&fixture, peaks), told(&fixture)))
    };
    for (covered, noise, code, text) in [
        (
            false,
            false,
            "noise_less",
            "pixels scatter less than counts do",
        ),
        (
            true,
            true,
            "mostly_covered",
            " % of the pixels are dark in every frame",
        ),
    ] {
        let (codes, told) = said(covered, noise)?;
        ensure!(codes.contains(&code.to_owned()), "{codes:?} {told:?}");
        let times = told.iter().filter(|told| told.contains(text)).count();
        ensure!(times == 1, "{told:?}");
    }
    Ok(())
}

/// What is told under a later cell may be of a variable that is another one by then.
#[test]
fn what_is_told_late_names_the_file() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let about = || -> Vec<String> {
        let remarks = fixture.session.new_remarks().into_iter();
        remarks.map(|remark| remark.about).collect()
    };
    let named = |node: u32| {
        let name = "p".to_owned();
        fixture.run(Command::Name { node, name })
    };
    let scan = scan(&fixture, |_, _, _| 3.0)?;
    let find = |scan: u32| fixture.add(scan, "normalized_correlation", json!({}));
    let peaks = find(scan)?;
    named(peaks)?;
    frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
    ensure!(about() == ["p of scan.npy"]);
    let peaks = find(scan)?;
    named(peaks)?;
    named(find(scan)?)?;
    frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
    let earlier = fixture.session.description(peaks).context("no node")?.name;
    ensure!(earlier.starts_with("p_earlier"), "{earlier}");
    let said = about();
    ensure!(
        said.contains(&"find_peaks of scan.npy".to_owned()),
        "{said:?}"
    );
    ensure!(
        said.iter().all(|about| !about.contains("earlier")),
        "{said:?}"
    );
    Ok(())
}

#[test]
fn a_scan_without_disks_says_so_once() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = scan(&fixture, |_, _, _| 3.0)?;
    let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
    let reference = json!({"reference": {"x0": 0, "y0": 0, "width": 2, "height": 2}});
    let strain = fixture.add(peaks, "strain_map", reference)?;
    ensure!(codes(&fixture, peaks).is_empty() && told(&fixture).is_empty());
    ensure!(map(&fixture, strain, 0)?.iter().all(|value| value.is_nan()));
    ensure!(codes(&fixture, peaks) == ["no_disks"]);
    ensure!(codes(&fixture, strain) == ["no_disks", "no_value"]);
    let said = told(&fixture);
    let begins = [
        "no disk stands out in the frames that were looked at, so there are no peaks: say ",
        "no position has a value: fewer than three peaks ",
    ];
    ensure!(said.len() == 2, "{said:?}");
    for (text, begin) in said.iter().zip(begins) {
        ensure!(text.starts_with(begin), "{text}");
    }
    ensure!(told(&fixture).is_empty());
    ensure!(saved(&fixture, strain)? == ["no_disks", "no_value"]);
    // Nothing in a picture can be typed, and no colour stands for a value.
    let alt = fixture
        .session
        .poster(strain, &session::Look::default())?
        .alt;
    ensure!(
        alt.contains("ε_xx, no value.") && alt.contains("Coverage, 0 to "),
        "{alt}"
    );
    ensure!(
        alt.contains(" by radius, or name a vacuum region") && !alt.contains('`'),
        "{alt}"
    );
    // The same cell once more has an output of its own.
    let again = fixture.add(scan, "normalized_correlation", json!({}))?;
    frame_of(&fixture.session, frame_request(again, [0, 0], [64, 64]))?;
    ensure!(told(&fixture).len() == 1);
    Ok(())
}
