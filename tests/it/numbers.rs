//! Numbers that must not be silently wrong: detector gaps and dead pixels, hot pixels, infinities, saturated disks, what a
//! shift is measured from, positions without a value.

mod dead_pixels;
mod doubts;
mod infinities;
mod maxima;
mod references;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::session_fixture::{SessionFixture, ask, frame_of, frame_request, open};
use anyhow::{Context, Result, bail, ensure};
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
            let disk = if centres().iter().any(inside) {
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
    fixture: SessionFixture,
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
        let fixture = SessionFixture::new()?;
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
        write(&fixture.path("holed.npy"), &shape, element, &values)?;
        write(&fixture.path("clean.npy"), &shape, element, &clean)?;
        Ok(Holed {
            fixture,
            shape,
            values,
            dead,
        })
    }

    fn open(&self, name: &str) -> Result<u32> {
        open(&self.fixture.session, &self.fixture.path(name))
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

/// The first columns of the peaks' rows: `ky, kx, intensity, score`.
fn peaks(fixture: &SessionFixture, node: u32, index: [usize; 2]) -> Result<Vec<[f64; 4]>> {
    let reply = fixture.run(Command::Peaks {
        node,
        index: index.to_vec(),
    })?;
    let numbers = reply.numbers.context("no peaks")?;
    Ok(numbers
        .chunks_exact(signal::Peaks::COLUMNS.len())
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

fn map(fixture: &SessionFixture, node: u32, component: u32) -> Result<Vec<f32>> {
    fixture.run(Command::Compute { node })?;
    let Request::Frame(asked) = frame_request(node, [0, 0], [256, 256]) else {
        bail!("no wish");
    };
    let asked = Request::Frame(FrameRequest { component, ..asked });
    let (reply, buffers) = frame_of(&fixture.session, asked)?;
    ensure!(reply.complete == 1.0);
    Ok(floats(&reply, &buffers[0]))
}

type Dead = fn(usize, usize) -> bool;
