//! Scans with more than two navigation axes: every position of them is shown, and pictures agree with the values
//! a cell gets.

use std::fs;
use std::time::{Duration, Instant};

use crate::session_fixture::{SessionFixture, ask, floats, frame_of, frame_request, open};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, NavigatorReply, NavigatorRequest, Reply, Request};
use serde_json::json;

/// `(tilt, time, y, x | ky, kx)`.
const SHAPE: [usize; 6] = [2, 3, 4, 5, 6, 7];

/// Tells its position, so that no two axes can be swapped.
fn pixel(at: [usize; 4], ky: usize, kx: usize) -> u16 {
    let [tilt, time, y, x] = at;
    (tilt * 9000 + time * 1500 + y * 300 + x * 50 + ky * 7 + kx) as u16
}

fn mean(at: [usize; 4]) -> f32 {
    f32::from(pixel(at, 0, 0)) + 2.5 * 7.0 + 3.0
}

fn positions() -> impl Iterator<Item = [usize; 4]> {
    let [tilts, times, ny, nx, ..] = SHAPE;
    (0..tilts * times * ny * nx).map(move |flat| {
        [
            flat / (times * ny * nx),
            flat / (ny * nx) % times,
            flat / nx % ny,
            flat % nx,
        ]
    })
}

fn scan(fixture: &SessionFixture) -> Result<u32> {
    let header = format!(
        "{{'descr': '<u2', 'fortran_order': False, 'shape': ({}), }}",
        SHAPE.map(|size| size.to_string()).join(", ")
    );
    let padded = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(padded.len())?.to_le_bytes());
    bytes.extend(padded.as_bytes());
    for at in positions() {
        for flat in 0..42 {
            bytes.extend(pixel(at, flat / 7, flat % 7).to_le_bytes());
        }
    }
    let path = fixture.path("tilt_series.npy");
    fs::write(&path, bytes)?;
    open(&fixture.session, &path)
}

fn request(node: u32, at: [usize; 4]) -> Request {
    let mut request = frame_request(node, [0, 0], [64, 64]);
    if let Request::Frame(frame) = &mut request {
        frame.index = at.map(|index| index as u32).to_vec();
    }
    request
}

fn navigator(
    fixture: &SessionFixture,
    node: u32,
    index: &[u32],
) -> Result<(NavigatorReply, Vec<f32>)> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let request = Request::Navigator(NavigatorRequest {
            view: 1,
            generation: 1,
            part: None,
            node,
            index: index.to_vec(),
        });
        let (Reply::Navigator(reply), buffers) = ask(&fixture.session, request)? else {
            bail!("no navigation image");
        };
        if reply.complete == 1.0 {
            return Ok((reply, floats(&buffers[0])));
        }
        ensure!(Instant::now() < until, "never complete");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_position_of_four_axes_has_its_frame() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = scan(&fixture)?;
    for at in positions() {
        let (reply, buffers) = frame_of(&fixture.session, request(scan, at))?;
        ensure!((reply.width, reply.height) == (7, 6));
        let last = buffers[0].chunks_exact(2).last().context("no pixels")?;
        ensure!(
            u16::from_le_bytes([last[0], last[1]]) == pixel(at, 5, 6),
            "{at:?}"
        );
    }
    Ok(())
}

#[test]
fn the_navigation_image_goes_through_the_position() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = scan(&fixture)?;
    for (tilt, time) in [
        (0, 0),
        (1, 2),
        (0, 1),
        (1, 2),
        (1, 0),
        (0, 2),
        (1, 1),
        (0, 0),
    ] {
        let (reply, values) = navigator(&fixture, scan, &[tilt, time, 3, 4])?;
        ensure!((reply.width, reply.height) == (5, 4) && reply.outer == [tilt, time]);
        for (pixel, value) in values.iter().enumerate() {
            let at = [tilt as usize, time as usize, pixel / 5, pixel % 5];
            ensure!((value - mean(at)).abs() < 0.01, "{at:?}: {value}");
        }
    }
    // A page that names no position sees the first one; one outside the scan gets an error.
    ensure!(navigator(&fixture, scan, &[])?.0.outer == [0, 0]);
    ensure!(navigator(&fixture, scan, &[2, 0, 0, 0]).is_err());
    Ok(())
}

#[test]
fn a_map_shows_the_plane_of_the_position_and_its_values() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let whole = json!({"corner": [0.0, 0.0], "height": 6.0, "width": 7.0});
    let map = fixture.add(scan(&fixture)?, "virtual_rectangle", whole)?;
    fixture.run(Command::Compute { node: map })?;
    for [tilt, time] in [[0, 0], [1, 2], [0, 1]] {
        let at = [tilt, time, 2, 3];
        let (reply, buffers) = frame_of(&fixture.session, request(map, at))?;
        ensure!((reply.width, reply.height, reply.complete) == (5, 4, 1.0));
        let drawn = floats(&buffers[0])[2 * 5 + 3];
        let index = at.to_vec();
        let value = fixture.run(Command::Values { node: map, index })?;
        ensure!(value.numbers.context("none")?[0] as f32 == drawn, "{at:?}");
        ensure!((drawn - 42.0 * mean(at)).abs() < 1.0, "{at:?}: {drawn}");
    }
    Ok(())
}
