//! Numbers that must not be silently wrong: detector gaps and dead pixels, hot pixels, infinities, saturated disks, what a
//! shift is measured from, positions without a value.

mod desk;
mod scan_files;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use desk::{Desk, ask, frame_of, open, wish};
use protocol::{
    Command, FrameReply, FrameRequest, NavigationRegion, NavigatorRequest, RegionStatistic, Reply,
    Request, SaveOptions,
};
use serde_json::{Value, json};
use session::{Config, Session};
use signal::{ElementType, Frame, FrameFunction, NavigationIndex, Output};

/// Scan rows and columns, detector rows and columns.
const SHAPE: [usize; 4] = [3, 4, 100, 124];
const RADIUS: f64 = 6.0;

/// Counts of a low dose: disks of 60 on 1, Poisson.
struct Poisson(u64);

impl Poisson {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn count(&mut self, mean: f64) -> u64 {
        let (end, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > end {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

fn centres() -> Vec<[f64; 2]> {
    let offsets = |count: i32| (-count..=count).map(|n| 24.0 * f64::from(n));
    offsets(1)
        .flat_map(|dy| offsets(2).map(move |dx| [50.3 + dy, 62.4 + dx]))
        .collect()
}

/// The scan without any fault, C order.
fn clean(shape: [usize; 4], height: f64) -> Vec<u64> {
    let [ny, nx, rows, columns] = shape;
    let mut counts = Poisson(7);
    (0..ny * nx * rows * columns)
        .map(|at| {
            let (row, column) = ((at / columns % rows) as f64, (at % columns) as f64);
            let inside = |[y, x]: &[f64; 2]| (row - y).hypot(column - x) <= RADIUS;
            let disk = if centres().iter().any(|c| inside(c)) {
                height
            } else {
                0.0
            };
            counts.count(1.0 + disk)
        })
        .collect()
}

fn little_endian(value: f64, element: ElementType) -> Vec<u8> {
    match element {
        ElementType::U8 => (value as u8).to_le_bytes().to_vec(),
        ElementType::U16 => (value as u16).to_le_bytes().to_vec(),
        ElementType::I16 => (value as i16).to_le_bytes().to_vec(),
        ElementType::U32 => (value as u32).to_le_bytes().to_vec(),
        ElementType::I32 => (value as i32).to_le_bytes().to_vec(),
        ElementType::F32 => (value as f32).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    }
}

fn write(path: &Path, shape: &[usize], element: ElementType, values: &[f64]) -> Result<()> {
    let kind = match element {
        ElementType::U8 => "|u1",
        ElementType::U16 => "<u2",
        ElementType::I16 => "<i2",
        ElementType::U32 => "<u4",
        ElementType::I32 => "<i4",
        ElementType::F32 => "<f4",
        _ => "<f8",
    };
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let sizes = sizes.join(", ");
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes},), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(
        values
            .iter()
            .flat_map(|value| little_endian(*value, element)),
    );
    Ok(std::fs::write(path, bytes)?)
}

fn largest(element: ElementType) -> f64 {
    match element {
        ElementType::U8 => f64::from(u8::MAX),
        ElementType::U16 => f64::from(u16::MAX),
        ElementType::I16 => f64::from(i16::MAX),
        ElementType::I32 => f64::from(i32::MAX),
        _ => f64::from(u32::MAX),
    }
}

/// A scan on disk whose pixels at `dead` hold the largest number of their type.
struct Holed {
    desk: Desk,
    shape: [usize; 4],
    values: Vec<f64>,
    dead: Vec<bool>,
}

impl Holed {
    fn new(
        shape: [usize; 4],
        element: ElementType,
        height: f64,
        dead: impl Fn(usize, usize) -> bool,
    ) -> Result<Holed> {
        let desk = Desk::new()?;
        let [.., rows, columns] = shape;
        let dead: Vec<bool> = (0..rows * columns)
            .map(|at| dead(at / columns, at % columns))
            .collect();
        let clean = clean(shape, height);
        let values: Vec<f64> = (clean.iter().enumerate())
            .map(|(at, count)| match dead[at % dead.len()] {
                true => largest(element),
                false => *count as f64,
            })
            .collect();
        let clean: Vec<f64> = clean.iter().map(|count| *count as f64).collect();
        write(&desk.path("holed.npy"), &shape, element, &values)?;
        write(&desk.path("clean.npy"), &shape, element, &clean)?;
        Ok(Holed {
            desk,
            shape,
            values,
            dead,
        })
    }

    fn open(&self, name: &str) -> Result<u32> {
        open(&self.desk.session, &self.desk.path(name))
    }

    /// Flat places and values of the live pixels of a frame.
    fn live(&self, position: usize) -> impl Iterator<Item = (usize, f64)> {
        let frame = &self.values[position * self.dead.len()..][..self.dead.len()];
        (frame.iter().zip(&self.dead).enumerate())
            .filter(|(_, (_, dead))| !**dead)
            .map(|(at, (value, _))| (at, *value))
    }

    fn positions(&self) -> usize {
        self.shape[0] * self.shape[1]
    }
}

/// Rows `ky, kx, intensity, score`.
fn peaks(desk: &Desk, node: u32, index: [usize; 2]) -> Result<Vec<[f64; 4]>> {
    let reply = desk.run(Command::Peaks {
        node,
        index: index.to_vec(),
    })?;
    let numbers = reply.numbers.context("no peaks")?;
    Ok(numbers
        .chunks_exact(4)
        .map(|row| [row[0], row[1], row[2], row[3]])
        .collect())
}

/// Whether both have the same places, each within `near`, in any order.
fn same_places(found: &[[f64; 4]], expected: &[[f64; 2]], near: f64) -> Result<()> {
    ensure!(
        found.len() == expected.len(),
        "{} peaks, {} expected: {found:?}",
        found.len(),
        expected.len()
    );
    for [y, x] in expected {
        let hit = found
            .iter()
            .any(|peak| (peak[0] - y).hypot(peak[1] - x) <= near);
        ensure!(hit, "nothing at ({y}, {x}): {found:?}");
    }
    Ok(())
}

fn floats(reply: &FrameReply, bytes: &[u8]) -> Vec<f32> {
    match reply.sample {
        protocol::SampleType::U8 => bytes.iter().map(|value| f32::from(*value)).collect(),
        protocol::SampleType::U16 => (bytes.chunks_exact(2))
            .map(|value| f32::from(u16::from_le_bytes([value[0], value[1]])))
            .collect(),
        protocol::SampleType::F32 => (bytes.chunks_exact(4))
            .map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]]))
            .collect(),
    }
}

fn caveat(session: &Arc<Session>, node: u32, code: &str) -> Option<String> {
    let description = session.description(node)?;
    let found: Vec<String> = (description.caveats.into_iter())
        .filter(|caveat| caveat.code == code)
        .map(|caveat| caveat.text)
        .collect();
    assert!(found.len() <= 1, "said more than once: {found:?}");
    found.into_iter().next()
}

/// The exact navigation image.
fn navigator(session: &Arc<Session>, node: u32) -> Result<(protocol::NavigatorReply, Vec<f32>)> {
    for _ in 0..2000 {
        let request = Request::Navigator(NavigatorRequest {
            view: 1,
            generation: 1,
            node,
            index: Vec::new(),
            part: None,
        });
        let (Reply::Navigator(reply), buffers) = ask(session, request)? else {
            bail!("no navigation image");
        };
        if reply.complete == 1.0 {
            let values = (buffers[0].chunks_exact(4))
                .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
                .collect();
            return Ok((reply, values));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("the navigation image was never complete")
}

fn map(desk: &Desk, node: u32, component: u32) -> Result<Vec<f32>> {
    desk.run(Command::Compute { node })?;
    let Request::Frame(asked) = wish(node, [0, 0], [256, 256]) else {
        bail!("no wish");
    };
    let asked = Request::Frame(FrameRequest { component, ..asked });
    let (reply, buffers) = frame_of(&desk.session, asked)?;
    ensure!(reply.complete == 1.0);
    Ok(floats(&reply, &buffers[0]))
}

type Dead = fn(usize, usize) -> bool;

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
            let finder = holed.desk.add(scan, "normalized_correlation", params)?;
            for index in [[0, 0], [2, 3]] {
                let found = peaks(&holed.desk, finder, index)?;
                same_places(&found, &centres(), 0.4)
                    .with_context(|| format!("{element}, gap {number}"))?;
                ensure!(
                    found.iter().all(|peak| (40.0..80.0).contains(&peak[2])),
                    "{found:?}"
                );
            }
            let dead = holed.dead.iter().filter(|dead| **dead).count();
            let text = caveat(&holed.desk.session, finder, "dead_pixels").context("unsaid")?;
            ensure!(text.contains(&format!("{dead} pixels")), "{text}");
            ensure!(text.contains(element.name()), "{text}");
        }
    }
    Ok(())
}

/// Score of a peak that is one at any threshold near ours.
const CLEAR: f64 = 0.7;

#[test]
fn every_operation_of_a_scan_with_a_gap_gives_what_the_live_pixels_give() -> Result<()> {
    let holed = Holed::new(SHAPE, ElementType::U32, 60.0, cross_and_single_pixels)?;
    let (scan, clean) = (holed.open("holed.npy")?, holed.open("clean.npy")?);
    let desk = &holed.desk;
    // Peaks found after each background subtraction, and the strain from them.
    for background in [
        "radial_median",
        "median_kernel",
        "difference_of_gaussians",
        "h_dome",
    ] {
        let mut found = Vec::new();
        for node in [scan, clean] {
            let flat = desk.add(node, background, json!({}))?;
            let finder = desk.add(flat, "normalized_correlation", json!({"radius": RADIUS}))?;
            found.push(peaks(desk, finder, [1, 2])?);
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
    let finder = desk.add(scan, "normalized_correlation", json!({"radius": RADIUS}))?;
    let reference = json!({"reference": {"x0": 0, "y0": 0, "width": 4, "height": 3}});
    let strain = desk.add(finder, "strain_map", reference)?;
    for component in 0..4 {
        let values = map(desk, strain, component)?;
        ensure!(values.iter().all(|value| value.abs() < 0.02), "{values:?}");
    }
    Ok(())
}

#[test]
fn sums_means_and_centres_leave_dead_pixels_out() -> Result<()> {
    for element in [ElementType::U8, ElementType::U16, ElementType::U32] {
        let holed = Holed::new(SHAPE, element, 60.0, cross_and_single_pixels)?;
        let (desk, columns) = (&holed.desk, holed.shape[3]);
        let scan = holed.open("holed.npy")?;
        let sum = desk.add(
            scan,
            "virtual_rectangle",
            json!({"corner": [30, 20], "height": 50, "width": 60}),
        )?;
        let mean = desk.add(
            scan,
            "virtual_rectangle",
            json!({"corner": [30, 20], "height": 50, "width": 60, "statistic": "mean"}),
        )?;
        let com = desk.add(
            scan,
            "center_of_mass",
            json!({"reference": "none", "radius": 45.0}),
        )?;
        let (sums, means) = (map(desk, sum, 0)?, map(desk, mean, 0)?);
        let centres = [map(desk, com, 0)?, map(desk, com, 1)?];
        let (navigation, values) = navigator(&desk.session, scan)?;
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
            let reply = desk.run(Command::Values {
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
    let (desk, scan) = (&holed.desk, holed.open("holed.npy")?);
    let mean = desk.add(scan, "mean_pattern", json!({}))?;
    let maximum = desk.add(scan, "maximum_pattern", json!({}))?;
    let region = |statistic| {
        let Request::Frame(asked) = wish(scan, [0, 0], [256, 256]) else {
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
            let (reply, buffers) = frame_of(&desk.session, asked)?;
            if reply.exact {
                return Ok(floats(&reply, &buffers[0]));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("never exact")
    };
    let pixels = |node| {
        desk.session
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
    let (desk, scan) = (&holed.desk, holed.open("holed.npy")?);
    for size in [[256, 256], [40, 40]] {
        let (reply, buffers) = frame_of(&desk.session, wish(scan, [1, 1], size))?;
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
    let stored = desk.session.frame(scan, &[1, 1])?;
    ensure!(stored.element() == ElementType::U32 && stored.value(74) == f64::from(u32::MAX));
    let copy = desk.path("copy.npy").display().to_string();
    desk.run(Command::Save {
        node: scan,
        path: copy,
        options: SaveOptions::default(),
    })?;
    let copy = open(&desk.session, &desk.path("copy.npy"))?;
    let copied = desk.session.frame(copy, &[1, 1])?;
    ensure!(copied.as_bytes() == stored.as_bytes());
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
        .desk
        .add(scan, "virtual_disk", json!({"radius": 30.0}))?;
    let most = holed.desk.session.add_map(scan, Arc::new(Most))?;
    // Both on one pass, and one position alone.
    holed.desk.run(Command::ComputeAll {
        nodes: vec![most, sum],
    })?;
    ensure!(
        map(&holed.desk, most, 0)?
            .iter()
            .all(|value| *value == 65535.0)
    );
    ensure!(
        map(&holed.desk, sum, 0)?
            .iter()
            .all(|value| *value < 65535.0)
    );
    let reply = holed.desk.run(Command::Values {
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
        let desk = Desk {
            session,
            folder: tempfile::tempdir()?,
        };
        let scan = open(&desk.session, &holed.desk.path("holed.npy"))?;
        let com = desk.add(scan, "center_of_mass", json!({}))?;
        let finder = desk.add(scan, "difference_of_gaussians_peaks", json!({}))?;
        match first {
            "peaks" => drop(peaks(&desk, finder, [2, 1])?),
            "navigator" => drop(navigator(&desk.session, scan)?),
            "frame" => drop(frame_of(&desk.session, wish(scan, [0, 3], [64, 64]))?),
            _ => {}
        }
        let values = map(&desk, com, 1)?;
        let bits: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
        all.push((
            bits,
            peaks(&desk, finder, [1, 1])?,
            navigator(&desk.session, scan)?.1,
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
        .desk
        .add(scan, "normalized_correlation", json!({"radius": RADIUS}))?;
    same_places(&peaks(&holed.desk, finder, [1, 1])?, &centres(), 0.5)?;
    navigator(&holed.desk.session, scan)?;
    ensure!(caveat(&holed.desk.session, scan, "dead_pixels").is_none());
    Ok(())
}

#[test]
fn dead_channels_of_spectra_are_left_out() -> Result<()> {
    let desk = Desk::new()?;
    let shape = [5, 6, 300];
    let value = |at: usize| match at % 300 {
        40 | 41 | 250 => 65535.0,
        channel => (at / 300 * 3 + channel % 17) as f64,
    };
    let values: Vec<f64> = (0..5 * 6 * 300).map(value).collect();
    write(&desk.path("spectra.npy"), &shape, ElementType::U16, &values)?;
    let command = Command::Open {
        path: desk.path("spectra.npy").display().to_string(),
        options: protocol::OpenOptions {
            signal_axes: Some(1),
            ..Default::default()
        },
    };
    let scan = desk.run(command)?.node.context("no node")?;
    let (_, means) = navigator(&desk.session, scan)?;
    for (at, mean) in means.iter().enumerate() {
        let live = values[at * 300..][..300]
            .iter()
            .filter(|value| **value < 65535.0);
        ensure!((f64::from(*mean) - live.sum::<f64>() / 297.0).abs() < 1e-4);
    }
    let (reply, buffers) = frame_of(&desk.session, wish(scan, [2, 2], [600, 300]))?;
    let line = floats(&reply, &buffers[0]);
    ensure!(line[40].is_nan() && line[250].is_nan() && reply.extrema[1] < 200.0);
    let text = caveat(&desk.session, scan, "dead_pixels").context("unsaid")?;
    ensure!(text.contains("3 pixels"), "{text}");
    Ok(())
}

/// Nine disks of 100 on 5, all pixels of a frame 1 higher than in the frame before; and how one pixel is changed.
fn nine_disks(change: impl Fn(usize, usize) -> Option<f64>) -> (Vec<[f64; 2]>, Vec<f64>) {
    let offsets = [14.0, 32.0, 50.0];
    let centres: Vec<[f64; 2]> = (offsets.iter())
        .flat_map(|y| offsets.iter().map(move |x| [*y, *x]))
        .collect();
    let values = (0..6 * 64 * 64)
        .map(|at| {
            let (row, column) = (at / 64 % 64, at % 64);
            let disk =
                (centres.iter()).any(|[y, x]| (row as f64 - y).hypot(column as f64 - x) <= 4.0);
            let clean = 5.0 + 100.0 * f64::from(u8::from(disk)) + (at / 4096) as f64;
            change(row, column).unwrap_or(clean)
        })
        .collect();
    (centres, values)
}

#[test]
fn a_plateau_is_one_peak_at_its_centroid_also_with_a_dead_or_a_hot_pixel() -> Result<()> {
    let desk = Desk::new()?;
    let finders = [
        ("local_maximum", json!({"min_distance": 6})),
        (
            "normalized_correlation",
            json!({"radius": 4.0, "subpixel": "parabola"}),
        ),
        ("normalized_correlation", json!({"radius": 4.0})),
        (
            "difference_of_gaussians_peaks",
            json!({"sigma_narrow": 3.0, "sigma_wide": 6.0, "threshold": 1.0, "min_distance": 7}),
        ),
    ];
    type Change = fn(usize, usize) -> Option<f64>;
    let changes: [(&str, ElementType, Change); 6] = [
        ("clean", ElementType::F32, |_, _| None),
        ("nan", ElementType::F32, |y, x| {
            ((y, x) == (10, 50)).then_some(f64::NAN)
        }),
        ("infinite", ElementType::F32, |y, x| {
            ((y, x) == (12, 51)).then_some(f64::INFINITY)
        }),
        ("hot", ElementType::F32, |y, x| {
            ((y, x) == (10, 50)).then_some(1e6)
        }),
        ("hot between", ElementType::I32, |y, x| {
            ((y, x) == (40, 41)).then_some(3e5)
        }),
        ("dead", ElementType::U32, |y, x| {
            ((y, x) == (10, 50)).then_some(f64::from(u32::MAX))
        }),
    ];
    for (number, (kind, element, change)) in changes.into_iter().enumerate() {
        let (centres, values) = nine_disks(change);
        let path = desk.path(&format!("nine_{number}.npy"));
        write(&path, &[2, 3, 64, 64], element, &values)?;
        let scan = open(&desk.session, &path)?;
        for (finder, params) in &finders {
            let node = desk.add(scan, finder, params.clone())?;
            let found = peaks(&desk, node, [1, 1])?;
            same_places(&found, &centres, 0.75).with_context(|| format!("{finder} on {kind}"))?;
        }
    }
    Ok(())
}

#[test]
fn saturated_squares_are_one_peak_each() -> Result<()> {
    let desk = Desk::new()?;
    let square = |row: usize, column: usize, y: usize, x: usize, size: [usize; 2]| {
        (y..y + size[0]).contains(&row) && (x..x + size[1]).contains(&column)
    };
    for positions in [[1, 1], [2, 3]] {
        let values: Vec<f64> = (0..positions[0] * positions[1] * 1600)
            .map(|at| {
                let (row, column) = (at / 40 % 40, at % 40);
                let bright = square(row, column, 10, 10, [3, 3])
                    || square(row, column, 25, 20, [6, 6])
                    || square(row, column, 0, 35, [3, 3]);
                if bright { 255.0 } else { 0.0 }
            })
            .collect();
        let path = desk.path(&format!("plateau_{}.npy", positions[0]));
        write(
            &path,
            &[positions[0], positions[1], 40, 40],
            ElementType::U8,
            &values,
        )?;
        let scan = open(&desk.session, &path)?;
        let params = json!({"min_distance": 3, "exclude_border": 0});
        let finder = desk.add(scan, "local_maximum", params)?;
        let found = peaks(&desk, finder, [0, 0])?;
        same_places(&found, &[[1.0, 36.0], [11.0, 11.0], [27.5, 22.5]], 1e-6)?;
    }
    Ok(())
}

#[test]
fn infinite_pixels_are_left_out_and_said() -> Result<()> {
    let desk = Desk::new()?;
    let shape = [5, 7, 24, 20];
    let value = |at: usize| match at % 480 {
        77 => f64::INFINITY,
        200 if at / 480 == 3 => f64::NEG_INFINITY,
        pixel => (at / 480 * 10 + pixel % 13) as f64,
    };
    let values: Vec<f64> = (0..5 * 7 * 480).map(value).collect();
    for element in [ElementType::F32, ElementType::F64] {
        let path = desk.path(&format!("infinite_{element}.npy"));
        write(&path, &shape, element, &values)?;
        let scan = open(&desk.session, &path)?;
        let (reply, means) = navigator(&desk.session, scan)?;
        for (at, mean) in means.iter().enumerate() {
            let finite: Vec<f64> = (values[at * 480..][..480].iter().copied())
                .filter(|value| value.is_finite())
                .collect();
            let expected = finite.iter().sum::<f64>() / finite.len() as f64;
            ensure!(
                (f64::from(*mean) - expected).abs() < 1e-3,
                "{mean} {expected}"
            );
        }
        ensure!(reply.extrema[1] < 1000.0, "{reply:?}");
        let text = caveat(&desk.session, scan, "invalid_pixels").context("unsaid")?;
        ensure!(text.contains("at most 2 of a frame"), "{text}");
        for (operation, params) in [
            ("virtual_disk", json!({"radius": 12.0})),
            ("center_of_mass", json!({})),
        ] {
            let node = desk.add(scan, operation, params)?;
            ensure!(
                map(&desk, node, 0)?.iter().all(|value| value.is_finite()),
                "{operation}"
            );
        }
        for operation in ["mean_pattern", "maximum_pattern"] {
            let node = desk.add(scan, operation, json!({}))?;
            let frame = desk.session.frame(node, &[])?;
            let pixels = frame.to_f32();
            for (place, pixel) in pixels.iter().enumerate() {
                ensure!(
                    pixel.is_nan() == (place == 77) && !pixel.is_infinite(),
                    "{operation} {place}"
                );
            }
        }
        let poster = desk.session.poster(scan, &session::Look::default())?;
        ensure!(poster.png.starts_with(b"\x89PNG"));
    }
    Ok(())
}

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
    let desk = Desk::new()?;
    let (shifts, values) = wandering();
    write(
        &desk.path("wandering.npy"),
        &[6, 9, 31, 27],
        ElementType::F32,
        &values,
    )?;
    let scan = open(&desk.session, &desk.path("wandering.npy"))?;
    for (reference, params) in [
        ("none", json!({"reference": "none"})),
        ("mean", json!({})),
        ("plane", json!({"reference": "plane"})),
    ] {
        let node = desk.add(scan, "center_of_mass", params)?;
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
            let found = map(&desk, node, component)?;
            for (found, expected) in found.iter().zip(&expected) {
                ensure!(
                    (f64::from(*found) - expected).abs() < 0.02,
                    "{reference}: {found} {expected}"
                );
            }
            // One position, and the file, say the same; the file also when it is written in parts.
            let reply = desk.run(Command::Values {
                node,
                index: vec![2, 5],
            })?;
            let numbers = reply.numbers.context("none")?;
            ensure!(numbers[component as usize] as f32 == found[23]);
        }
        let saved = desk.path(&format!("{reference}.npy"));
        let path = saved.display().to_string();
        desk.run(Command::Save {
            node,
            path,
            options: SaveOptions::default(),
        })?;
        let images = std::fs::read(&saved)?;
        let last = map(&desk, node, 1)?[53].to_le_bytes();
        ensure!(images.ends_with(&last));
        let description = desk.session.description(node).context("gone")?;
        ensure!(description.components[0].units == "px" && description.components[0].diverging);
    }
    Ok(())
}

#[test]
fn an_estimate_and_the_exact_part_of_a_map_have_one_reference() -> Result<()> {
    let desk = Desk::new()?;
    let (_, values) = wandering();
    write(
        &desk.path("wandering.npy"),
        &[6, 9, 31, 27],
        ElementType::F32,
        &values,
    )?;
    let scan = open(&desk.session, &desk.path("wandering.npy"))?;
    let node = desk.add(scan, "center_of_mass", json!({}))?;
    let Request::Frame(asked) = wish(node, [0, 0], [64, 64]) else {
        bail!("no wish");
    };
    // As while its circle is dragged: nothing but an estimate.
    let asked = Request::Frame(FrameRequest {
        draft: Some(json!({"radius": 12.5})),
        detail: protocol::Detail::Moving,
        ..asked
    });
    let (reply, buffers) = frame_of(&desk.session, asked)?;
    let shown = floats(&reply, &buffers[0]);
    let mean = shown.iter().sum::<f32>() / shown.len() as f32;
    ensure!(mean.abs() < 0.01, "{mean}");
    Ok(())
}

#[test]
fn positions_without_a_value_are_counted_and_explained() -> Result<()> {
    let desk = Desk::new()?;
    // A lattice that is stretched by half in the right part of the scan: no strain map can tell that.
    let shape = [4, 6, 90, 94];
    let mut values = Vec::new();
    for position in 0..24 {
        let stretch = if position % 6 >= 4 { 1.5 } else { 1.0 };
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
        &desk.path("stretched.npy"),
        &shape,
        ElementType::U16,
        &values,
    )?;
    let scan = open(&desk.session, &desk.path("stretched.npy"))?;
    let finder = desk.add(scan, "normalized_correlation", json!({"radius": 3.0}))?;
    for radius in [None, Some(6.0), Some(9.0), Some(14.0)] {
        let mut params = json!({"reference": {"x0": 0, "y0": 0, "width": 3, "height": 4}});
        if let (Some(radius), Value::Object(params)) = (radius, &mut params) {
            params.insert("match_radius".into(), json!(radius));
        }
        let strain = desk.add(finder, "strain_map", params)?;
        ensure!(caveat(&desk.session, strain, "no_value").is_none());
        let e_xx = map(&desk, strain, 0)?;
        for (at, value) in e_xx.iter().enumerate() {
            match at % 6 >= 4 {
                true => ensure!(value.is_nan(), "{radius:?}: {value} at {at}"),
                false => ensure!(value.abs() < 1e-3, "{radius:?}: {value} at {at}"),
            }
        }
        let text = caveat(&desk.session, strain, "no_value").context("unsaid")?;
        ensure!(text.contains("8 of 24 positions have no value: "), "{text}");
        ensure!(
            map(&desk, strain, 4)?
                .iter()
                .all(|coverage| coverage.is_finite())
        );
    }
    Ok(())
}
