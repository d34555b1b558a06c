//! Writing a scan in every format, and reading frames back at random: what a choice of format costs.
//!
//! `cargo bench -p benches --bench result_write -- [--size small] [--json FILE] [--threads N] [--folder FOLDER]`
//!
//! Counts (u16) and smooth floats (f32), 64×64 positions of 256×256 pixels made from 16 patterns, so that the time is
//! that of the writer. Written from one thread with N threads that compress; read with the page cache warm, every
//! frame in another chunk. The files go when they are measured.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use io::{Compression, OpenOptions, ResultFormat, ResultWriter, WriteOptions};
use serde_json::json;
use signal::{Axes, Axis, CancelToken, Element, Frame, NavigationIndex, Output, SignalMeta};

type Failure = Box<dyn std::error::Error>;

const PATTERNS: usize = 16;
const READS: usize = 100;

struct Options {
    scan: [usize; 2],
    frame: [usize; 2],
    threads: usize,
    folder: PathBuf,
    json: Option<PathBuf>,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options {
        scan: [64, 64],
        frame: [256, 256],
        threads: std::thread::available_parallelism().map_or(2, usize::from),
        folder: std::env::temp_dir(),
        json: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--size" if value()? == "small" => {
                (options.scan, options.frame) = ([32, 24], [128, 112]);
            }
            "--json" => options.json = Some(value()?.into()),
            "--threads" => options.threads = value()?.parse()?,
            "--folder" => options.folder = value()?.into(),
            _ => {} // `cargo bench` gives options of its own
        }
    }
    Ok(options)
}

/// Poisson-like counts of a direct beam, some disks and a background; the same numbers in every run.
fn counts(shape: [usize; 2], pattern: usize) -> Vec<u16> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(pattern as u64 + 1);
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let disks = [
        (0.5, 0.5, 300.0),
        (0.3, 0.4, 50.0),
        (0.7, 0.6, 50.0),
        (0.25, 0.75, 20.0),
    ];
    (0..shape[0] * shape[1])
        .map(|at| {
            let (y, x) = (at / shape[1], at % shape[1]);
            let (y, x) = (y as f64 / shape[0] as f64, x as f64 / shape[1] as f64);
            let glow = 15.0 * (-((y - 0.5).powi(2) + (x - 0.5).powi(2)) * 20.0).exp();
            let mean = 0.4
                + glow
                + (disks.iter())
                    .filter(|(cy, cx, _)| (y - cy).powi(2) + (x - cx).powi(2) < 0.0022)
                    .map(|disk| disk.2)
                    .sum::<f64>();
            // The sum of twelve uniform numbers is nearly normal: variance as large as the mean.
            let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            (mean + mean.sqrt() * normal).max(0.0).round() as u16
        })
        .collect()
}

fn frames<T: Element>(shape: [usize; 2], cast: impl Fn(f64, usize) -> T) -> Vec<Frame> {
    (0..PATTERNS)
        .filter_map(|pattern| {
            let pixels = counts(shape, pattern);
            let pixels = pixels.iter().enumerate();
            let pixels = pixels.map(|(at, value)| cast(f64::from(*value), at));
            Frame::from_vec(&shape, pixels.collect()).ok()
        })
        .collect()
}

fn bytes_of(path: &Path) -> u64 {
    let Ok(found) = std::fs::metadata(path) else {
        return 0;
    };
    if !found.is_dir() {
        return found.len();
    }
    (std::fs::read_dir(path).into_iter().flatten())
        .filter_map(|entry| Some(bytes_of(&entry.ok()?.path())))
        .sum()
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let folder = tempfile::tempdir_in(&options.folder)?;
    let mut json = match &options.json {
        Some(path) => Some(
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)?,
        ),
        None => None,
    };
    println!("format  compression  pixels   written MB/s   ratio   one frame at random");
    let smooth = |value: f64, at: usize| (value - 0.37 * (at as f64 * 1e-4).cos()) as f32;
    let signals = [
        ("counts", frames(options.frame, |value, _| value as u16)),
        ("floats", frames(options.frame, smooth)),
    ];
    for (kind, frames) in &signals {
        for (format, compression, name) in [
            (ResultFormat::Zarr, Compression::Zstd, "zstd"),
            (ResultFormat::Zarr, Compression::Lz4, "lz4"),
            (ResultFormat::Zarr, Compression::None, "none"),
            (ResultFormat::Zspy, Compression::Zstd, "zstd"),
            (ResultFormat::Hspy, Compression::Gzip, "gzip"),
            (ResultFormat::Npy, Compression::None, "none"),
        ] {
            let path = folder.path().join(format!("scan.{}", format.extension()));
            let axes = |sizes: [usize; 2], names: [&str; 2]| {
                vec![
                    Axis::pixels(names[0], sizes[0]),
                    Axis::pixels(names[1], sizes[1]),
                ]
            };
            let axes = Axes::new(
                axes(options.scan, ["y", "x"]),
                axes(options.frame, ["ky", "kx"]),
            );
            let meta = SignalMeta::frames("bench", axes, frames[0].element());
            let write = WriteOptions {
                compression,
                threads: options.threads,
                ..WriteOptions::default()
            };
            let begun = Instant::now();
            let writer = ResultWriter::create_with(&path, &meta, &write)?;
            for flat in 0..meta.axes.positions() {
                let at = NavigationIndex::from_flat(flat, &options.scan);
                writer.write(at, &Output::Frame(frames[flat % PATTERNS].clone()))?;
            }
            writer.finish()?;
            let seconds = begun.elapsed().as_secs_f64();
            let raw = meta.total_bytes() as f64;
            let ratio = raw / bytes_of(&path) as f64;
            let source = io::open(&path, &OpenOptions::default())?;
            let mut reads: Vec<f64> = (0..READS)
                .map(|read| {
                    let flat = read * 7919 % meta.axes.positions();
                    let at = NavigationIndex::from_flat(flat, &options.scan);
                    let begun = Instant::now();
                    let chunk = source.read_chunk(source.chunk_at(at), &CancelToken::new())?;
                    std::hint::black_box(chunk.frame(at)?.value(0));
                    Ok(begun.elapsed().as_secs_f64())
                })
                .collect::<Result<_, Failure>>()?;
            reads.sort_by(f64::total_cmp);
            let extension = format.extension();
            println!(
                ".{extension:5}  {name:11}  {kind:7}  {:12.0}  {ratio:6.2}   {:.3} ms",
                raw / seconds / 1e6,
                reads[READS / 2] * 1e3
            );
            if let Some(json) = &mut json {
                let line = json!({"bench": "result_write", "work": "write", "source": extension,
                    "compression": name, "pixels": kind, "threads": options.threads,
                    "seconds": [seconds], "ratio": ratio, "frame_seconds": reads[READS / 2]});
                writeln!(json, "{line}")?;
            }
            drop(source);
            match path.is_dir() {
                true => std::fs::remove_dir_all(&path)?,
                false => std::fs::remove_file(&path)?,
            }
        }
    }
    Ok(())
}
