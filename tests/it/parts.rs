//! What is seen of a large picture: its own pixels where they are shown one by one, means that say so elsewhere.

use std::time::Duration;

use crate::scan_files::{pixel, write_npy};
use crate::session_fixture::{SessionFixture, ask, frame_of, frame_request, open};
use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use protocol::{Encoding, FramePart, FrameReply, NavigatorRequest, Reply, Request, SampleType};

/// A frame that is larger than a canvas of 100 x 80, with a ragged edge in blocks of 4.
const SHAPE: [usize; 4] = [2, 3, 301, 258];

fn part(x0: u32, y0: u32, width: u32, height: u32) -> FramePart {
    FramePart {
        x0,
        y0,
        width,
        height,
    }
}

fn large() -> Result<(SessionFixture, u32)> {
    let fixture = SessionFixture::new()?;
    let path = fixture.path("large.npy");
    write_npy(&path, SHAPE)?;
    let scan = open(&fixture.session, &path)?;
    Ok((fixture, scan))
}

fn see(
    fixture: &SessionFixture,
    node: u32,
    size_px: [u32; 2],
    seen: Option<FramePart>,
) -> Result<(FrameReply, Vec<Bytes>)> {
    let Request::Frame(mut frame_request) = frame_request(node, [1, 2], size_px) else {
        bail!("no frame is asked for");
    };
    frame_request.part = seen;
    frame_of(&fixture.session, Request::Frame(frame_request))
}

/// Samples as the page reads them.
fn samples(reply: &FrameReply, buffer: &[u8]) -> Vec<f64> {
    let count = (reply.width * reply.height) as usize;
    let words = || {
        buffer
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
    };
    match (reply.encoding, reply.sample) {
        (Encoding::Raw, SampleType::F32) => {
            words().map(|word| f32::from_bits(word).into()).collect()
        }
        (Encoding::Raw, SampleType::U8) => buffer.iter().map(|byte| (*byte).into()).collect(),
        (Encoding::Raw, SampleType::U16) => {
            let pairs = buffer.chunks(2);
            pairs
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]).into())
                .collect()
        }
        (Encoding::Packed, _) => unpacked(words(), count),
        (Encoding::PackedSums, _) => {
            let sums = unpacked(words(), count);
            let pixels = |at: u32, length: u32| reply.block.min(length - at * reply.block);
            let count = |i: usize| {
                let (row, column) = (i as u32 / reply.width, i as u32 % reply.width);
                pixels(row, reply.part.height) * pixels(column, reply.part.width)
            };
            let means = sums.iter().enumerate();
            means
                .map(|(i, sum)| f64::from((sum / f64::from(count(i))) as f32))
                .collect()
        }
    }
}

fn unpacked(mut words: impl Iterator<Item = u32>, count: usize) -> Vec<f64> {
    let mut samples = Vec::new();
    while samples.len() < count {
        let head = words.next().unwrap();
        let (least, bits) = (head & ((1 << 27) - 1), head >> 27);
        let end = count.min(samples.len() + 64);
        while samples.len() < end {
            let mut word = if bits == 0 { 0 } else { words.next().unwrap() };
            for _ in 0..(end - samples.len()).min(32 / bits.max(1) as usize) {
                samples.push(f64::from(least + (word & ((1 << bits) - 1))));
                word = word.checked_shr(bits).unwrap_or(0);
            }
        }
    }
    samples
}

/// The mean of the pixels of one block.
fn mean(reply: &FrameReply, row: usize, column: usize) -> f64 {
    let block = reply.block as usize;
    let (y0, x0) = (reply.part.y0 as usize, reply.part.x0 as usize);
    let rows = y0 + row * block..(y0 + (row + 1) * block).min(SHAPE[2]);
    let (mut sum, mut count) = (0.0, 0.0);
    for y in rows {
        for x in x0 + column * block..(x0 + (column + 1) * block).min(SHAPE[3]) {
            sum += f64::from(pixel(1, 2, y, x));
            count += 1.0;
        }
    }
    f64::from((sum / count) as f32)
}

#[test]
fn what_is_seen_from_one_to_one_on_are_the_pixels_of_the_file() -> Result<()> {
    let (fixture, scan) = large()?;
    let seen = part(200, 150, 58, 80);
    let (reply, buffers) = see(&fixture, scan, [100, 80], Some(seen))?;
    ensure!((reply.part, reply.block, reply.sample) == (seen, 1, SampleType::U16));
    ensure!((reply.full_width, reply.full_height) == (258, 301));
    let samples = samples(&reply, &buffers[0]);
    ensure!(samples.len() == 58 * 80);
    for (row, column) in [(0, 0), (79, 57), (33, 21)] {
        let expected = f64::from(pixel(1, 2, 150 + row, 200 + column));
        ensure!(samples[row * 58 + column] == expected, "{row}, {column}");
    }
    Ok(())
}

#[test]
fn a_reduced_picture_says_what_its_samples_are_means_of() -> Result<()> {
    let (fixture, scan) = large()?;
    let (whole, whole_buffers) = see(&fixture, scan, [100, 80], None)?;
    ensure!((whole.part, whole.block) == (part(0, 0, 258, 301), 4));
    let (seen, seen_buffers) = see(&fixture, scan, [40, 40], Some(part(101, 55, 150, 160)))?;
    ensure!(
        (seen.part, seen.block) == (part(100, 52, 152, 164), 4),
        "{:?}",
        seen.part
    );
    for (reply, buffers) in [(&whole, &whole_buffers), (&seen, &seen_buffers)] {
        let samples = samples(reply, &buffers[0]);
        for row in [0, 7, reply.height as usize - 1] {
            for column in [0, 11, reply.width as usize - 1] {
                let (got, expected) = (
                    samples[row * reply.width as usize + column],
                    mean(reply, row, column),
                );
                ensure!(got == expected, "{row}, {column}: {got}, not {expected}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_contrast_is_chosen_from_the_whole_whatever_is_seen() -> Result<()> {
    let (fixture, scan) = large()?;
    let (corner, _) = see(&fixture, scan, [100, 80], Some(part(0, 0, 10, 10)))?;
    let (middle, _) = see(&fixture, scan, [100, 80], Some(part(120, 140, 50, 50)))?;
    ensure!(corner.percentiles == middle.percentiles && corner.extrema == middle.extrema);
    let last = f64::from(pixel(1, 2, SHAPE[2] - 1, SHAPE[3] - 1));
    ensure!(
        corner.extrema == [f64::from(pixel(1, 2, 0, 0)), last],
        "{:?}",
        corner.extrema
    );
    Ok(())
}

#[test]
fn large_pictures_of_whole_numbers_are_sent_in_as_few_bits_as_they_need() -> Result<()> {
    let (fixture, scan) = large()?;
    let (reply, buffers) = see(&fixture, scan, [512, 512], None)?;
    ensure!((reply.encoding, reply.block) == (Encoding::Packed, 1));
    ensure!(
        buffers[0].len() < 301 * 258 * 2 * 3 / 4,
        "{} bytes",
        buffers[0].len()
    );
    let found = samples(&reply, &buffers[0]);
    for (flat, sample) in found.iter().enumerate() {
        ensure!(
            *sample == f64::from(pixel(1, 2, flat / 258, flat % 258)),
            "pixel {flat}"
        );
    }
    let (reply, buffers) = see(&fixture, scan, [129, 151], None)?;
    ensure!(
        (reply.encoding, reply.sample, reply.block) == (Encoding::PackedSums, SampleType::F32, 2)
    );
    let found = samples(&reply, &buffers[0]);
    ensure!(
        found[150 * 129 + 128] == mean(&reply, 150, 128),
        "the ragged corner"
    );
    Ok(())
}

#[test]
fn a_large_scan_has_its_own_positions_where_they_are_seen() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let path = fixture.path("wide.npy");
    write_npy(&path, [3, 1100, 2, 2])?;
    let scan = open(&fixture.session, &path)?;
    let look = |seen| -> Result<_> {
        let request = NavigatorRequest {
            view: 1,
            generation: 1,
            node: scan,
            index: Vec::new(),
            part: seen,
        };
        match ask(&fixture.session, Request::Navigator(request))? {
            (Reply::Navigator(reply), buffers) => Ok((reply, buffers)),
            (other, _) => bail!("{other:?}"),
        }
    };
    for _ in 0..500 {
        if look(None)?.0.complete == 1.0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let (whole, _) = look(None)?;
    ensure!((whole.block, whole.width, whole.height) == (2, 550, 2));
    let (seen, buffers) = look(Some(part(1000, 1, 40, 2)))?;
    ensure!((seen.block, seen.part) == (1, part(1000, 1, 40, 2)));
    ensure!(seen.extrema == look(Some(part(0, 0, 5, 2)))?.0.extrema);
    let at = (40 + 7) * 4;
    let value = f32::from_le_bytes(buffers[0][at..at + 4].try_into()?);
    let pixels = (0..4).map(|flat| f64::from(pixel(2, 1007, flat / 2, flat % 2)));
    ensure!(f64::from(value) == pixels.sum::<f64>() / 4.0, "{value}");
    Ok(())
}
