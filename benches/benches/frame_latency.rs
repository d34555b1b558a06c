//! Position → bytes ready, through the whole engine, beside the bare work it cannot avoid.
//!
//! `cargo bench -p benches --bench frame_latency`. Three cases per format: the frame is cached, its
//! chunk is in memory (another frame of it was shown), its chunk must be read and decoded. The bare
//! figure is measured in the same run: the same decode, or a copy of the frame's bytes. The files are
//! in the page cache, so that the figures are the engine's and not the disk's.
//!
//! Then the rows with a bound: see `frame_latency/bounds.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use protocol::{Command, Detail, FrameRequest, OpenOptions, Reply, Request};
use session::sample::{StrainedGrain, write_strained_grain};
use session::{Config, Session};
use signal::{CancelToken, NavigationIndex, Output, Source};

#[path = "frame_latency/bounds.rs"]
mod bounds;

type Failure = Box<dyn std::error::Error>;

struct Times(Vec<Duration>);

impl Times {
    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len().saturating_sub(1)) * percent / 100;
        sorted
            .get(rank)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}

fn line(name: &str, engine: &Times, bare_name: &str, bare: &Times) {
    println!(
        "{name:<34} p50 {:>8.1} µs  p95 {:>8.1} µs   {bare_name:<14} p50 {:>8.1} µs  p95 {:>8.1} µs   ratio {:>5.2}",
        engine.percentile(50),
        engine.percentile(95),
        bare.percentile(50),
        bare.percentile(95),
        engine.percentile(50) / bare.percentile(50),
    );
}

struct Bench {
    session: Arc<Session>,
    node: u32,
    generation: u32,
}

impl Bench {
    fn open(path: &Path) -> Result<Bench, Failure> {
        let session = Session::new(Config::default());
        let command = Command::Open {
            path: path.display().to_string(),
            options: OpenOptions::default(),
        };
        let node = session.command(command, &|| false, &mut |_| {})?.node;
        Ok(Bench {
            session,
            node: node.ok_or("no node")?,
            generation: 0,
        })
    }

    fn add(&mut self, operation: &str) -> Result<(), Failure> {
        let command = Command::AddNode {
            parents: vec![self.node],
            operation: operation.into(),
            params: serde_json::json!({}),
        };
        let reply = self.session.command(command, &|| false, &mut |_| {})?;
        self.node = reply.node.ok_or("no node")?;
        Ok(())
    }

    /// One request of a page, until its buffers are there.
    fn frame(&mut self, y: usize, x: usize) -> Result<Duration, Failure> {
        self.generation += 1;
        let request = Request::Frame(FrameRequest {
            view: 1,
            generation: self.generation,
            node: self.node,
            index: vec![y as u32, x as u32],
            component: 0,
            size_px: [512, 512],
            part: None,
            detail: Detail::Settled,
            draft: None,
            region: None,
            direction: None,
        });
        let (tell, answers) = channel();
        let started = Instant::now();
        let answer = move |reply, buffers| drop(tell.send((reply, buffers, started.elapsed())));
        self.session.request(request, Box::new(answer));
        match answers.recv()? {
            (Reply::Frame(_), buffers, elapsed) if !buffers.is_empty() => Ok(elapsed),
            (other, ..) => Err(format!("{other:?}").into()),
        }
    }
}

fn every<T>(
    positions: &[(usize, usize)],
    mut measure: impl FnMut(usize, usize) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    positions.iter().map(|(y, x)| measure(*y, *x)).collect()
}

/// The bare work: reading and decoding one chunk, and copying one frame.
fn bare(source: &dyn Source, positions: &[(usize, usize)]) -> Result<(Times, Times), Failure> {
    let never = CancelToken::new();
    let (mut decodes, mut copies) = (Vec::new(), Vec::new());
    // Kept, as the engine keeps them: a block that is freed at once would be faulted in only once.
    let mut kept = Vec::new();
    for (y, x) in positions {
        let at = NavigationIndex::new(&[*y, *x]);
        let started = Instant::now();
        let chunk = source.read_chunk(source.chunk_at(at), &never)?;
        decodes.push(started.elapsed());
        let frame = chunk.frame(at)?;
        let mut copy = vec![0u8; frame.as_bytes().len()];
        let started = Instant::now();
        copy.copy_from_slice(std::hint::black_box(frame.as_bytes()));
        copies.push(started.elapsed());
        std::hint::black_box(&copy);
        kept.push(chunk);
    }
    Ok((Times(decodes), Times(copies)))
}

fn measure(name: &str, path: &Path, grain: &StrainedGrain) -> Result<(), Failure> {
    let source = io::open(path, &io::OpenOptions::default())?;
    // One position per chunk, so that each first visit decodes.
    let mut positions = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for y in 0..grain.scan.0 {
        for x in 0..grain.scan.1 {
            if seen.insert(source.chunk_at(NavigationIndex::new(&[y, x]))) {
                positions.push((y, x));
            }
        }
    }
    positions.truncate(400);
    bare(&*source, &positions)?; // fills the page cache
    let (decodes, copies) = bare(&*source, &positions)?;
    let mut bench = Bench::open(path)?;
    let cold = Times(every(&positions, |y, x| bench.frame(y, x))?);
    let cached = Times(every(&positions, |y, x| bench.frame(y, x))?);
    line(
        &format!("{name}: cold chunk"),
        &cold,
        "bare decode",
        &decodes,
    );
    // The neighbour lies in a chunk that was read, but was never shown itself.
    let beside: Vec<_> = positions
        .iter()
        .map(|(y, x)| (*y, x + 1))
        .filter(|(y, x)| {
            let chunk = |x: usize| source.chunk_at(NavigationIndex::new(&[*y, x]));
            *x < grain.scan.1 && chunk(*x) == chunk(*x - 1)
        })
        .collect();
    if !beside.is_empty() {
        let warm = Times(every(&beside, |y, x| bench.frame(y, x))?);
        line(&format!("{name}: warm chunk"), &warm, "bare copy", &copies);
    }
    line(&format!("{name}: cached"), &cached, "bare copy", &copies);
    let mut flat = Bench::open(path)?;
    flat.add("radial_median")?;
    let computed = Times(every(&positions, |y, x| flat.frame(y, x))?);
    let kept = Times(every(&positions, |y, x| flat.frame(y, x))?);
    let operation = bare_operation(&*source, &positions)?;
    line(
        &format!("{name}: radial median, computed"),
        &computed,
        "bare operation",
        &operation,
    );
    line(
        &format!("{name}: radial median, cached"),
        &kept,
        "bare copy",
        &copies,
    );
    Ok(())
}

/// Decode and operation alone, without tree, cache and messages.
fn bare_operation(source: &dyn Source, positions: &[(usize, usize)]) -> Result<Times, Failure> {
    let never = CancelToken::new();
    let operation = ops::find("radial_median")?.bind(&serde_json::json!({}))?;
    let meta = Arc::new(source.meta().clone());
    let times = every(positions, |y, x| {
        let at = NavigationIndex::new(&[y, x]);
        let started = Instant::now();
        let frame = source.read_chunk(source.chunk_at(at), &never)?.frame(at)?;
        let inputs = signal::Inputs {
            metas: std::slice::from_ref(&meta),
            outputs: &[Output::Frame(frame)],
        };
        std::hint::black_box(operation.compute(&inputs, at, None, &never)?);
        Ok(started.elapsed())
    })?;
    Ok(Times(times))
}

/// The same scan as a plain array, for the memory-mapped path.
fn write_npy(path: &Path, grain: &StrainedGrain) -> Result<(), Failure> {
    let mut text = format!(
        "{{'descr': '<u2', 'fortran_order': False, 'shape': ({}, {}, {}, {}), }}",
        grain.scan.0, grain.scan.1, grain.detector.0, grain.detector.1
    );
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    for y in 0..grain.scan.0 {
        for x in 0..grain.scan.1 {
            bytes.extend(grain.frame(NavigationIndex::new(&[y, x])).as_bytes());
        }
    }
    Ok(std::fs::write(path, bytes)?)
}

/// `--json FILE`: append the figures; `--scan FOLDER`: drag over its files too; `--size small`; `--only bounds`.
#[derive(Default)]
struct Options {
    json: Option<PathBuf>,
    scan: Option<PathBuf>,
    small: bool,
    only_bounds: bool,
}

impl Options {
    fn from_command_line() -> Result<Self, Failure> {
        let mut options = Options::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--json" => options.json = Some(value()?.into()),
                "--scan" => options.scan = Some(value()?.into()),
                "--size" => options.small = value()? == "small",
                "--only" => options.only_bounds = value()? == "bounds",
                "--bench" => {} // cargo's own
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<(), Failure> {
    let options = Options::from_command_line()?;
    if !options.only_bounds {
        paths()?;
    }
    let report = bounds::Report { json: options.json };
    bounds::all(&report, options.scan.as_deref(), options.small)
}

/// Cold, warm and cached, each beside the bare work.
fn paths() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let grain = StrainedGrain {
        scan: (20, 28),
        ..StrainedGrain::default()
    };
    println!(
        "scan {:?}, detector {:?} u16, {} bytes per frame",
        grain.scan,
        grain.detector,
        grain.detector.0 * grain.detector.1 * 2
    );
    let zspy = folder.path().join("scan.zspy");
    write_strained_grain(&zspy, &grain)?;
    measure("zspy", &zspy, &grain)?;
    let npy = folder.path().join("scan.npy");
    write_npy(&npy, &grain)?;
    measure("npy (mapped)", &npy, &grain)?;
    let large = StrainedGrain {
        scan: (5, 8),
        detector: (512, 448),
        ..StrainedGrain::default()
    };
    println!("detector {:?} u16", large.detector);
    let npy = folder.path().join("large.npy");
    write_npy(&npy, &large)?;
    measure("npy (mapped), large", &npy, &large)
}
