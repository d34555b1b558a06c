//! Whole-scan passes beside what they cannot avoid: reading the memory, decoding the chunks.
//!
//! `cargo bench -p benches --bench whole_scan -- --scan FOLDER [--size small] [--json FILE] [--repeats N] [--threads N]`
//!
//! FOLDER holds `scan.npy` and `scan_f32.npy` (made when they are absent) and, where they are to be measured, `scan_zstd.zarr` and
//! `scan_lz4.zarr` (`benches/peers/scan.py` makes them), u16 of the same shape but for half as many f32. In one run, repetition by repetition
//! in turn so that a loaded machine is as slow for one as for the other: the navigation image against reading the same
//! mapped file with as many threads; bright field, annular dark field and centre of mass in one pass, against the same
//! loop written by hand over the mapped file and, for compressed chunks, against decoding them on all cores and doing
//! nothing. Ratios are of medians. The files are in the page cache; the first, not counted, repetition sees to that.

use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use signal::{CancelToken, ChunkId, Source};
use tree::{Engine, EngineConfig, Tree};

type Failure = Box<dyn std::error::Error>;

struct Options {
    folder: PathBuf,
    small: bool,
    json: Option<PathBuf>,
    repeats: usize,
    threads: usize,
}

impl Options {
    fn read() -> Result<Options, Failure> {
        let mut options = Options {
            folder: std::env::temp_dir().join("signaltree_whole_scan"),
            small: false,
            json: None,
            repeats: 7,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--scan" => options.folder = value()?.into(),
                "--size" => options.small = value()? == "small",
                "--json" => options.json = Some(value()?.into()),
                "--repeats" => options.repeats = value()?.parse()?,
                "--threads" => options.threads = value()?.parse()?,
                _ => {} // `cargo bench` gives options of its own
            }
        }
        Ok(options)
    }
}

/// Seconds of every repetition of one work on one file.
struct Series {
    work: &'static str,
    source: String,
    seconds: Vec<f64>,
}

impl Series {
    fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

struct Report {
    options: Options,
    lines: Vec<serde_json::Value>,
}

impl Report {
    fn series(&mut self, series: &Series) {
        println!(
            "{:<20} {:<10} {:>9.1} ms   ({:.1} to {:.1})",
            series.work,
            series.source,
            series.median() * 1e3,
            series.seconds.iter().copied().fold(f64::INFINITY, f64::min) * 1e3,
            series.seconds.iter().copied().fold(0.0, f64::max) * 1e3,
        );
        self.lines.push(json!({
            "bench": "whole_scan", "work": series.work, "source": series.source,
            "threads": self.options.threads, "seconds": series.seconds,
        }));
    }

    fn ratio(&mut self, row: &str, ours: &Series, theirs: &Series, bound: Option<f64>) {
        let ratio = ours.median() / theirs.median();
        let met = bound.map(|bound| ratio <= bound);
        let bound_text = match (bound, met) {
            (Some(bound), Some(true)) => format!("bound {bound}"),
            (Some(bound), _) => format!("bound {bound} MISSED"),
            _ => String::new(),
        };
        println!("  {row:<60} {ratio:>6.2}  {bound_text}");
        self.lines.push(json!({
            "bench": "whole_scan", "row": row, "ratio": ratio, "bound": bound, "met": met,
            "ours": ours.median(), "theirs": theirs.median(),
        }));
    }

    fn write(&self) -> Result<(), Failure> {
        let Some(path) = &self.options.json else {
            return Ok(());
        };
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        for line in &self.lines {
            writeln!(file, "{line}")?;
        }
        Ok(())
    }
}

/// `work` on the chunks of a source, each thread taking the next one.
fn on_all_chunks(source: &dyn Source, threads: usize, work: &(dyn Fn(&signal::Chunk) + Sync)) {
    let next = AtomicU64::new(0);
    let never = CancelToken::new();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let chunk = next.fetch_add(1, Ordering::Relaxed);
                    if chunk >= source.chunks() {
                        return;
                    }
                    match source.read_chunk(ChunkId(chunk), &never) {
                        Ok(chunk) => work(&chunk),
                        Err(error) => eprintln!("chunk {chunk}: {error}"),
                    }
                }
            });
        }
    });
}

fn for_each_frame(chunk: &signal::Chunk, mut work: impl FnMut(&signal::Frame)) {
    let ranges = chunk.navigation();
    let shape: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
    for flat in 0..shape.iter().product() {
        let within = signal::NavigationIndex::from_flat(flat, &shape);
        let at: Vec<usize> = (within.as_slice().iter().zip(ranges))
            .map(|(index, range)| range.start + index)
            .collect();
        if let Ok(frame) = chunk.frame(signal::NavigationIndex::new(&at)) {
            work(&frame);
        }
    }
}

/// Eight bytes at a time, as wide as the processor's vectors are.
fn read_words(bytes: &[u8]) -> u64 {
    struct Words<'a>(&'a [u8]);
    impl signal::simd::Vectorised for Words<'_> {
        type Result = u64;
        #[inline(always)]
        fn run(self) -> u64 {
            (self.0.as_chunks::<8>().0.iter()).fold(0u64, |sum, word| {
                sum.wrapping_add(u64::from_ne_bytes(*word))
            })
        }
    }
    signal::simd::vectorised(Words(bytes))
}

fn timed(work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64())
}

/// A tree with the source alone; what is computed of it is not kept from one to the next.
struct Bench {
    tree: Tree,
    engine: Engine,
    scan: u32,
}

impl Bench {
    fn new(source: &Arc<dyn Source>, threads: usize) -> Result<Bench, Failure> {
        let tree = Tree::new();
        let scan = tree.add_source("scan", source.clone())?;
        let engine = Engine::new(EngineConfig {
            threads,
            ..EngineConfig::default()
        });
        Ok(Bench { tree, engine, scan })
    }

    fn navigation_image(&self) -> Result<(), Failure> {
        let start = signal::NavigationIndex::new(&[0, 0]);
        let navigator = self
            .engine
            .navigator(&self.tree.snapshot(), self.scan, start)?;
        while navigator.picture(Duration::ZERO).complete < 1.0 {
            std::thread::sleep(Duration::from_micros(300));
        }
        Ok(())
    }

    fn maps(&self, operations: &[(&str, serde_json::Value)]) -> Result<(), Failure> {
        let mut nodes = Vec::new();
        for (name, params) in operations {
            let computation = ops::find(name)?.bind(params)?;
            nodes.push(self.tree.add_operation(name, &[self.scan], computation)?);
        }
        let go_on = &mut |_: &tree::MapProgress| ControlFlow::Continue(());
        let maps = (self.engine).finish_maps(&self.tree.snapshot(), &nodes, go_on)?;
        let failures: usize = maps.iter().map(|map| map.progress().failures).sum();
        match failures {
            0 => Ok(()),
            _ => Err(format!("{failures} frames failed").into()),
        }
    }
}

/// The detectors of `benches/peers`, scaled to the pattern.
fn detectors(source: &dyn Source) -> Vec<(&'static str, serde_json::Value)> {
    let shape = source.meta().axes.signal_shape();
    let size = shape.iter().copied().min().unwrap_or(1) as f64;
    vec![
        ("virtual_disk", json!({"radius": size / 16.0})),
        (
            "virtual_annulus",
            json!({"inner_radius": size / 10.0, "outer_radius": size / 3.0}),
        ),
        ("center_of_mass", json!({})),
    ]
}

/// The three detectors as a loop by hand: nothing but the sums.
fn by_hand(source: &dyn Source, threads: usize) -> Result<(), Failure> {
    let meta = [source.meta()];
    let mut all = Vec::new();
    for (name, params) in detectors(source) {
        let detector = ops::find(name)?.bind(&params)?.detector(&meta);
        all.push(detector.ok_or("not a detector")?);
    }
    on_all_chunks(source, threads, &|chunk| {
        let mut values = [0f32; 2];
        for_each_frame(chunk, |frame| {
            for detector in &all {
                detector.measure(frame, &mut values);
                black_box(&values);
            }
        });
    });
    Ok(())
}

fn measure(report: &mut Report, name: &str, path: &Path) -> Result<(), Failure> {
    let source: Arc<dyn Source> = io::open(path, &io::OpenOptions::default())?;
    let mapped = name.starts_with("npy");
    let threads = report.options.threads;
    let of = |work| Series {
        work,
        source: name.into(),
        seconds: Vec::new(),
    };
    let floor_name = if mapped { "memory_read" } else { "decode_only" };
    let mut floor = of(floor_name);
    let mut navigation = of("navigation_image");
    let mut fused = of("bright_annular_com");
    let mut hand = of("bright_annular_com_by_hand");
    let mut centre = of("center_of_mass");
    let all = detectors(&*source);
    for repeat in 0..=report.options.repeats {
        let keep = |series: &mut Series, seconds: f64| {
            if repeat > 0 {
                series.seconds.push(seconds);
            }
        };
        let seconds = timed(|| {
            on_all_chunks(&*source, threads, &|chunk| {
                if mapped {
                    for_each_frame(chunk, |frame| {
                        black_box(read_words(frame.as_bytes()));
                    });
                }
            });
            Ok(())
        })?;
        keep(&mut floor, seconds);
        let bench = Bench::new(&source, threads)?;
        keep(&mut navigation, timed(|| bench.navigation_image())?);
        let bench = Bench::new(&source, threads)?;
        keep(&mut fused, timed(|| bench.maps(&all))?);
        let bench = Bench::new(&source, threads)?;
        keep(&mut centre, timed(|| bench.maps(&all[2..]))?);
        if mapped {
            keep(&mut hand, timed(|| by_hand(&*source, threads))?);
        }
    }
    for series in [&floor, &navigation, &fused, &centre] {
        report.series(series);
    }
    if mapped {
        report.series(&hand);
        report.ratio(
            &format!("navigation image / reading the memory, {name}"),
            &navigation,
            &floor,
            Some(if name == "npy" { 1.3 } else { 1.5 }),
        );
        report.ratio(
            &format!("BF + ADF + centre of mass / the loop by hand, {name}"),
            &fused,
            &hand,
            None,
        );
        report.ratio(
            &format!("BF + ADF + centre of mass / reading the memory, {name}"),
            &fused,
            &floor,
            Some(2.0),
        );
        return first_pass(report, name, path);
    }
    report.ratio(
        &format!("BF + ADF + centre of mass / decoding alone, {name}"),
        &fused,
        &floor,
        Some(1.2),
    );
    report.ratio(
        &format!("navigation image / decoding alone, {name}"),
        &navigation,
        &floor,
        None,
    );
    Ok(())
}

/// The first pass after opening, when no page of the file is mapped yet.
fn first_pass(report: &mut Report, name: &str, path: &Path) -> Result<(), Failure> {
    let threads = report.options.threads;
    let of = |work| Series {
        work,
        source: name.into(),
        seconds: Vec::new(),
    };
    let (mut floor, mut navigation) = (of("memory_read_first"), of("navigation_image_first"));
    for _ in 0..report.options.repeats.min(5) {
        let open = || io::open(path, &io::OpenOptions::default());
        let source: Arc<dyn Source> = open()?;
        floor.seconds.push(timed(|| {
            on_all_chunks(&*source, threads, &|chunk| {
                for_each_frame(chunk, |frame| {
                    black_box(read_words(frame.as_bytes()));
                });
            });
            Ok(())
        })?);
        drop(source);
        let bench = Bench::new(&open()?, threads)?;
        navigation.seconds.push(timed(|| bench.navigation_image())?);
    }
    report.series(&floor);
    report.series(&navigation);
    report.ratio(
        &format!("first navigation image after opening / first read of the memory, {name}"),
        &navigation,
        &floor,
        None,
    );
    Ok(())
}

/// A scan with a bright disk whose centre moves; counts as `u16`, or four fifths of them as `f32`.
fn write_npy(
    path: &Path,
    scan: [usize; 2],
    detector: [usize; 2],
    is_float: bool,
) -> Result<(), Failure> {
    let element = if is_float { "<f4" } else { "<u2" };
    let mut text = format!(
        "{{'descr': '{element}', 'fortran_order': False, 'shape': ({}, {}, {}, {}), }}",
        scan[0], scan[1], detector[0], detector[1]
    );
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(text.len() as u16).to_le_bytes())?;
    file.write_all(text.as_bytes())?;
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let mut frame = Vec::new();
    for y in 0..scan[0] {
        for x in 0..scan[1] {
            frame.clear();
            let (cy, cx) = (detector[0] / 2 + y % 3, detector[1] / 2 + x % 5);
            for row in 0..detector[0] {
                for column in 0..detector[1] {
                    noise = noise
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let squared = row.abs_diff(cy).pow(2) + column.abs_diff(cx).pow(2);
                    let level = if squared < (detector[0] / 13).pow(2) {
                        400
                    } else {
                        3
                    };
                    let count = (level + (noise >> 60)) as u16;
                    match is_float {
                        true => frame.extend((0.8 * f32::from(count)).to_le_bytes()),
                        false => frame.extend(count.to_le_bytes()),
                    }
                }
            }
            file.write_all(&frame)?;
        }
    }
    Ok(file.flush()?)
}

fn main() -> Result<(), Failure> {
    let options = Options::read()?;
    std::fs::create_dir_all(&options.folder)?;
    let (scan, detector) = match options.small {
        true => ([32, 24], [128, 112]),
        false => ([128, 128], [256, 256]),
    };
    let npy = options.folder.join("scan.npy");
    if !npy.exists() {
        write_npy(&npy, scan, detector, false)?;
    }
    let float = options.folder.join("scan_f32.npy");
    if !float.exists() {
        // As many bytes.
        write_npy(&float, [scan[0] / 2, scan[1]], detector, true)?;
    }
    println!(
        "{} threads, {} repetitions",
        options.threads, options.repeats
    );
    let folder = options.folder.clone();
    let mut report = Report {
        options,
        lines: Vec::new(),
    };
    measure(&mut report, "npy", &npy)?;
    measure(&mut report, "npy_f32", &float)?;
    for (name, file) in [
        ("zarr_lz4", "scan_lz4.zarr"),
        ("zarr_zstd", "scan_zstd.zarr"),
    ] {
        let path = folder.join(file);
        match path.exists() {
            true => measure(&mut report, name, &path)?,
            false => println!("{name}: {} is not there, not measured", path.display()),
        }
    }
    report.write()
}
