//! Colours as pixels, written by hyperspy (`tests/golden/make_colours.py`): drawn as they are, taken apart, saved and read by
//! hyperspy again.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use protocol::{
    ColouringDescription, NavigationRegion, NavigatorRequest, NodeKind, RegionStatistic, Reply,
    Request, SampleType,
};
use serde_json::{Value, json};

use crate::results::{HYPERSPY, sees};
use crate::session_fixture::{SessionFixture, ask, frame_of, frame_request, open, save};

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/colours")).join(name)
}

/// The formula of `make_colours.py`.
fn number(bits: usize, [at, row, column, channel]: [usize; 4]) -> usize {
    let number = 101 * at + 37 * row + 11 * column + 53 * channel + 7;
    match bits {
        8 => number % 256,
        _ => number * 211 % 65536,
    }
}

fn request(node: u32, at: u32) -> Request {
    let mut request = frame_request(node, [0, 0], [64, 64]);
    if let Request::Frame(frame) = &mut request {
        frame.index = vec![at];
    }
    request
}

#[test]
fn a_page_is_sent_the_stored_numbers_channel_by_channel() -> Result<()> {
    let fixture = SessionFixture::new()?;
    for (name, bits, channels) in [
        ("rgb8.hspy", 8, 3),
        ("rgba8.npy", 8, 4),
        ("rgb8.zspy", 8, 3),
        ("rgba16.hspy", 16, 4),
    ] {
        let node = open(&fixture.session, &golden(name))?;
        let described = fixture.session.description(node).context("no node")?;
        ensure!(described.kind == NodeKind::Frame && described.components.is_empty());
        let [shown] = &described.composites[..] else {
            panic!("{:?}", described.composites);
        };
        ensure!(shown.colouring == ColouringDescription::Colours && shown.components.is_empty());
        let (reply, buffers) = frame_of(&fixture.session, request(node, 2))?;
        ensure!((reply.width, reply.height, reply.planes) == (5, 4, channels as u32));
        let full = if bits == 8 { 255.0 } else { 65535.0 };
        ensure!(reply.ranges == vec![[0.0, full]; channels], "{reply:?}");
        for channel in 0..channels {
            for (row, column) in [(0, 0), (3, 1), (2, 4)] {
                let at = channel * 20 + row * 5 + column;
                let found = match reply.sample {
                    SampleType::U8 => usize::from(buffers[0][at]),
                    _ => usize::from(u16::from_le_bytes([
                        buffers[0][2 * at],
                        buffers[0][2 * at + 1],
                    ])),
                };
                ensure!(
                    found == number(bits, [2, row, column, channel]),
                    "{name} {at}"
                );
            }
        }
        let alt = fixture.session.poster(node, &session::Look::default())?.alt;
        ensure!(alt.contains("in its own colours"), "{alt}");
        let navigator = Request::Navigator(NavigatorRequest {
            view: 1,
            generation: 1,
            node,
            index: vec![0],
            part: None,
        });
        let (Reply::Navigator(image), _) = ask(&fixture.session, navigator)? else {
            panic!("no navigation image");
        };
        ensure!(image.value_units == "mean luminance", "{image:?}");
    }
    Ok(())
}

#[test]
fn what_takes_one_number_of_a_pixel_refuses_colours_and_says_what_to_do() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let colours = open(&fixture.session, &golden("rgba16.zspy"))?;
    for operation in ["maximum_pattern", "virtual_disk", "radial_median", "svd"] {
        let refused = fixture.add(colours, operation, json!({}));
        let refused = refused.err().context("it is accepted")?;
        ensure!(refused.hint.contains(".luminance()?"), "{refused:?}");
    }
    let mut region = request(colours, 0);
    if let Request::Frame(frame) = &mut region {
        frame.region = Some(NavigationRegion {
            x0: 0,
            y0: 0,
            width: 2,
            height: 1,
            statistic: RegionStatistic::Sum,
        });
    }
    let refused = frame_of(&fixture.session, region).err().context("a sum")?;
    ensure!(format!("{refused:?}").contains("luminance"), "{refused:?}");

    let region = json!({"region": {"x0": 1, "y0": 0, "width": 2, "height": 1}});
    let part = fixture.add(colours, "crop_scan", region)?;
    for (channel, name) in ["red", "green", "blue", "alpha"].iter().enumerate() {
        let taken = fixture.add(part, name, json!({}))?;
        let frame = fixture.session.frame(taken, &[1])?;
        ensure!(
            frame.value(7) == number(16, [2, 1, 2, channel]) as f64,
            "{name}"
        );
        let described = fixture.session.description(taken).context("no node")?;
        ensure!(described.composites.is_empty() && described.element == "u16");
    }
    let luminance = fixture.add(colours, "luminance", json!({}))?;
    let mean = fixture.add(luminance, "mean_pattern", json!({}))?;
    let weights = [0.299, 0.587, 0.114];
    let expected: f64 = (0..3)
        .flat_map(|at| {
            weights
                .iter()
                .enumerate()
                .map(move |(channel, weight)| (at, channel, weight))
        })
        .map(|(at, channel, weight)| weight * number(16, [at, 0, 0, channel]) as f64 / 3.0)
        .sum();
    let found = fixture.session.frame(mean, &[])?.value(0);
    ensure!((found - expected).abs() < 1e-2, "{found} {expected}");
    Ok(())
}

/// The mean colour of some pixels, of what is seen of them.
fn mean(bits: usize, channels: usize, pixels: &[[usize; 3]]) -> Vec<u16> {
    let of = |channel: usize, [at, row, column]: [usize; 3]| {
        number(bits, [at, row, column, channel]) as f64
    };
    let opacity = |pixel: [usize; 3]| if channels == 4 { of(3, pixel) } else { 1.0 };
    let all: f64 = pixels.iter().map(|pixel| opacity(*pixel)).sum();
    (0..channels)
        .map(|channel| {
            let sum: f64 = (pixels.iter())
                .map(|pixel| match channel {
                    3 => of(3, *pixel),
                    _ => of(channel, *pixel) * opacity(*pixel),
                })
                .sum();
            let count = if channel == 3 {
                pixels.len() as f64
            } else {
                all
            };
            (sum / count).round() as u16
        })
        .collect()
}

/// The numbers of a pixel.
fn colour(frame: &signal::Frame, pixel: usize) -> Vec<u16> {
    let channels = frame.element().channels();
    let numbers = frame.as_bytes();
    (channels * pixel..channels * (pixel + 1))
        .map(|at| match frame.element().part().size_bytes() {
            1 => u16::from(numbers[at]),
            _ => u16::from_ne_bytes([numbers[2 * at], numbers[2 * at + 1]]),
        })
        .collect()
}

#[test]
fn colours_are_cropped_rebinned_and_averaged_and_stay_colours() -> Result<()> {
    let fixture = SessionFixture::new()?;
    for (name, bits, channels) in [
        ("rgb8.hspy", 8, 3),
        ("rgba8.hspy", 8, 4),
        ("rgba16.zspy", 16, 4),
    ] {
        let photos = open(&fixture.session, &golden(name))?;
        let part = fixture.add(photos, "crop_signal", json!({"top": 1, "left": 2}))?;
        let joined = fixture.add(part, "rebin_signal", json!({"rows": 3, "columns": 2}))?;
        let region = json!({"positions": {"x0": 1, "y0": 0, "width": 2, "height": 1}});
        let average = fixture.add(photos, "mean_pattern", region)?;
        for node in [part, joined, average] {
            let described = fixture.session.description(node).context("no node")?;
            ensure!(described.composites.len() == 1 && described.element.starts_with("rgb"));
        }
        let frame = fixture.session.frame(part, &[2])?;
        ensure!(frame.shape() == [3, 3]);
        let stored: Vec<u16> = (0..channels)
            .map(|channel| number(bits, [2, 2, 3, channel]) as u16)
            .collect();
        ensure!(
            colour(&frame, 4) == stored,
            "{name}: {:?}",
            colour(&frame, 4)
        );

        let frame = fixture.session.frame(joined, &[1])?;
        ensure!(frame.shape() == [1, 1]);
        let block: Vec<[usize; 3]> = (0..6).map(|at| [1, 1 + at / 2, 2 + at % 2]).collect();
        ensure!(
            colour(&frame, 0) == mean(bits, channels, &block),
            "{name}: {:?}",
            colour(&frame, 0)
        );
        let told = fixture.session.description(joined).context("no node")?;
        ensure!(
            told.caveats
                .iter()
                .any(|caveat| caveat.code == "colours_averaged")
        );

        let expected = mean(bits, channels, &[[1, 3, 4], [2, 3, 4]]);
        let frame = fixture.session.frame(average, &[])?;
        ensure!(
            colour(&frame, 19) == expected,
            "{name}: {:?}",
            colour(&frame, 19)
        );
        // The region of a page is the same.
        let mut region = request(photos, 0);
        if let Request::Frame(frame) = &mut region {
            frame.region = Some(NavigationRegion {
                x0: 1,
                y0: 0,
                width: 2,
                height: 1,
                statistic: RegionStatistic::Mean,
            });
        }
        let (reply, buffers) = frame_of(&fixture.session, region)?;
        ensure!(reply.planes == channels as u32);
        for (channel, expected) in expected.iter().enumerate() {
            let at = channel * 20 + 19;
            let found = match reply.sample {
                SampleType::U8 => u16::from(buffers[0][at]),
                _ => u16::from_le_bytes([buffers[0][2 * at], buffers[0][2 * at + 1]]),
            };
            ensure!(found == *expected, "{name} {channel}: {found} {expected}");
        }
        let path = fixture.path(&format!("{bits}{channels}.zspy"));
        save(&fixture, part, &path)?;
        let again = open(&fixture.session, &path)?;
        ensure!(
            fixture.session.frame(again, &[2])?.as_bytes()
                == fixture.session.frame(part, &[2])?.as_bytes()
        );
        if let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? {
            ensure!(seen["shape"] == json!([3, 3, 3]), "{seen}");
        }
    }
    Ok(())
}

#[test]
fn hyperspy_reads_the_colours_that_are_saved() -> Result<()> {
    let fixture = SessionFixture::new()?;
    for (name, bits, channels) in [("rgb8", 8, 3), ("rgba8", 8, 4), ("rgba16", 16, 4)] {
        let colours = open(&fixture.session, &golden(&format!("{name}.hspy")))?;
        let expected: Vec<f64> = (0..60 * channels)
            .map(|flat| {
                let pixel = flat / channels;
                let at = [pixel / 20, pixel / 5 % 4, pixel % 5, flat % channels];
                number(bits, at) as f64
            })
            .collect();
        for ending in ["zspy", "hspy"] {
            let path = fixture.path(&format!("{name}.{ending}"));
            save(&fixture, colours, &path)?;
            let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? else {
                return Ok(());
            };
            ensure!(
                seen["class"] == "Signal2D" && seen["shape"] == json!([3, 4, 5]),
                "{seen}"
            );
            ensure!(seen["pixels"] == json!(expected), "{name} as {ending}");
            let axes: Vec<&Value> = (0..3).map(|at| &seen["axes"][at]["units"]).collect();
            ensure!(axes == [&json!("s"), &json!("nm"), &json!("nm")]);
        }
        let refused = save(&fixture, colours, &fixture.path(&format!("{name}.zarr"))).err();
        let refused = refused.context("Zarr 3 has no colours")?;
        ensure!(refused.hint.contains(".zspy"), "{refused:?}");
    }
    Ok(())
}
