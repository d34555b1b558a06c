//! The rows that have a bound, as ratios within one run.
//!
//! *Message floor*: the time of the same request through the same queue and threads for a frame of one pixel.
//! A cached frame may take three times the copy of its bytes and that floor; all it does beyond handing the
//! frame over is finding its levels. The drags run at a pointer's pace, since a thread that has just worked wakes
//! up faster than one that has slept for 12 ms: figures of an idle and of a busy machine are compared at the
//! same pace.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use session::sample::{StrainedGrain, write_strained_grain};

use crate::{Bench, Failure, Times, bare, write_npy};

/// Time between two positions of a drag: 83 a second.
const PACE: Duration = Duration::from_millis(12);

/// Chains of operations whose maps are computed during a drag, so that they outlast it.
const CHAINS: usize = 5;

/// Where results go besides the terminal.
pub struct Report {
    pub json: Option<PathBuf>,
}

impl Report {
    fn ratio(&self, row: &str, ratio: f64, bound: f64, detail: &str) -> Result<(), Failure> {
        let met = ratio <= bound;
        let mark = if met { "met" } else { "NOT MET" };
        println!("{row:<58} {ratio:>6.2}  (bound {bound:.1}, {mark})   {detail}");
        self.line(&serde_json::json!({
            "bench": "frame_latency", "row": row, "ratio": ratio, "bound": bound, "met": met,
        }))
    }

    fn times(&self, work: &str, source: &str, times: &Times) -> Result<(), Failure> {
        let seconds: Vec<f64> = times.0.iter().map(Duration::as_secs_f64).collect();
        self.line(&serde_json::json!({
            "bench": "frame_latency", "work": work, "source": source, "seconds": seconds,
        }))
    }

    fn line(&self, value: &serde_json::Value) -> Result<(), Failure> {
        use std::io::Write;
        let Some(path) = &self.json else {
            return Ok(());
        };
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        Ok(writeln!(file?, "{value}")?)
    }
}

/// One request per tick; the time of each.
fn drag(bench: &mut Bench, positions: &[(usize, usize)]) -> Result<Times, Failure> {
    let mut times = Vec::new();
    let began = Instant::now();
    for (step, (y, x)) in positions.iter().enumerate() {
        let due = PACE * step as u32;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        times.push(bench.frame(*y, *x)?);
    }
    Ok(Times(times))
}

/// Along rows, to and fro, far enough apart that each row meets chunks of its own.
fn along(scan: (usize, usize), rows: usize) -> Vec<(usize, usize)> {
    let row = |nth: usize| {
        let y = (nth * scan.0 / rows).min(scan.0 - 1);
        let across = move |x: usize| {
            if nth.is_multiple_of(2) {
                x
            } else {
                scan.1 - 1 - x
            }
        };
        (0..scan.1).map(move |x| (y, across(x)))
    };
    (0..rows).flat_map(row).collect()
}

fn microseconds(times: &Times, percent: usize) -> f64 {
    times.percentile(percent)
}

/// Time of a request whose frame costs nothing.
fn floor(folder: &Path) -> Result<Times, Failure> {
    let dot = StrainedGrain {
        scan: (8, 64),
        detector: (2, 2),
        ..StrainedGrain::default()
    };
    let path = folder.join("dot.npy");
    write_npy(&path, &dot)?;
    let mut bench = Bench::open(&path)?;
    let positions = along(dot.scan, 4);
    drag(&mut bench, &positions)?;
    drag(&mut bench, &positions)
}

/// A frame that is kept, beside the copy of its bytes and the message.
fn cached(
    report: &Report,
    folder: &Path,
    name: &str,
    path: &Path,
    scan: (usize, usize),
) -> Result<(), Failure> {
    let source = io::open(path, &io::OpenOptions::default())?;
    let positions = along(scan, 3);
    let some: Vec<_> = positions
        .iter()
        .copied()
        .step_by(positions.len() / 24 + 1)
        .collect();
    let (_, copies) = bare(&*source, &some)?;
    let floor = floor(folder)?;
    let mut bench = Bench::open(path)?;
    drag(&mut bench, &positions)?;
    let times = drag(&mut bench, &positions)?;
    report.times("frame_cached", name, &times)?;
    report.times("message_floor", "none", &floor)?;
    let (frame, bare) = (
        microseconds(&times, 95),
        microseconds(&copies, 95) + microseconds(&floor, 95),
    );
    let detail = format!(
        "p95 {frame:.0} µs; copy {:.0} µs + message {:.0} µs; p50 {:.0} µs",
        microseconds(&copies, 95),
        microseconds(&floor, 95),
        microseconds(&times, 50),
    );
    report.ratio(
        &format!("{name}: cached frame / (copy + message)"),
        frame / bare,
        3.0,
        &detail,
    )
}

/// Frames of chunks that nobody has read yet, in the order of a drag, beside the same drag once more.
fn adjacent(
    report: &Report,
    name: &str,
    path: &Path,
    scan: (usize, usize),
    rows: usize,
) -> Result<(), Failure> {
    let mut bench = Bench::open(path)?;
    let positions = along(scan, rows);
    let first = drag(&mut bench, &positions)?;
    // The first chunk of each row is jumped to, and nobody can have known.
    let jumped = |place: &usize| place % scan.1 < 2;
    let dragged: Vec<Duration> = (first.0.iter().enumerate())
        .filter(|(place, _)| !jumped(place))
        .map(|(_, time)| *time)
        .collect();
    let dragged = Times(dragged);
    let short = along(scan, 1);
    drag(&mut bench, &short)?;
    let cached = drag(&mut bench, &short)?;
    report.times("frame_adjacent", name, &dragged)?;
    let detail = format!(
        "p95 {:.0} µs, cached {:.0} µs; p50 {:.0} and {:.0}; longest {:.1} ms; {} chunks read for {} frames",
        microseconds(&dragged, 95),
        microseconds(&cached, 95),
        microseconds(&dragged, 50),
        microseconds(&cached, 50),
        microseconds(&dragged, 100) / 1e3,
        bench.session.reads().chunks,
        first.0.len(),
    );
    let ratio = microseconds(&dragged, 95) / microseconds(&cached, 95);
    report.ratio(
        &format!("{name}: adjacent frame while dragging / cached"),
        ratio,
        1.2,
        &detail,
    )
}

/// The same drag on an idle machine and while a whole-scan computation uses every core.
fn busy(report: &Report, name: &str, path: &Path, scan: (usize, usize)) -> Result<(), Failure> {
    let positions = along(scan, 4);
    let idle = drag(&mut Bench::open(path)?, &positions)?;
    let mut bench = Bench::open(path)?;
    let source = bench.node;
    let mut maps = Vec::new();
    for _ in 0..CHAINS {
        bench.node = source;
        for operation in ["radial_median", "normalized_correlation", "strain_map"] {
            bench.add(operation)?;
        }
        bench.frame(0, 0)?; // starts the pass
        maps.push(bench.node);
    }
    bench.node = source;
    let outputs = bench.session.reads().outputs;
    let busy = drag(&mut bench, &positions)?;
    let computed = bench.session.reads().outputs - outputs;
    let progress = |map: &u32| bench.session.description(*map)?.progress;
    let running = (maps.iter().filter_map(progress)).any(|progress| progress.done < progress.total);
    report.times("frame_idle_drag", name, &idle)?;
    report.times("frame_busy_drag", name, &busy)?;
    let detail = format!(
        "p95 {:.0} µs, idle {:.0} µs; {computed} outputs computed meanwhile{}",
        microseconds(&busy, 95),
        microseconds(&idle, 95),
        if running {
            ""
        } else {
            "; THE PASS ENDED BEFORE THE DRAG"
        },
    );
    let ratio = microseconds(&busy, 95) / microseconds(&idle, 95);
    report.ratio(
        &format!("{name}: drag during a whole-scan pass / idle"),
        ratio,
        2.0,
        &detail,
    )
}

/// `scan`: a folder with `scan.npy`, `scan_zstd.zarr`, `scan_lz4.zarr`, as `benches/peers` makes them.
pub fn all(report: &Report, scan: Option<&Path>, small: bool) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let grain = StrainedGrain {
        scan: if small { (12, 60) } else { (24, 128) },
        detector: if small { (128, 112) } else { (256, 256) },
        ..StrainedGrain::default()
    };
    println!(
        "drags over a scan of {:?} with {:?} u16, one position every {PACE:?}",
        grain.scan, grain.detector
    );
    let (npy, zspy) = (
        folder.path().join("scan.npy"),
        folder.path().join("scan.zspy"),
    );
    write_npy(&npy, &grain)?;
    write_strained_grain(&zspy, &grain)?;
    cached(report, folder.path(), "npy", &npy, grain.scan)?;
    cached(report, folder.path(), "zspy", &zspy, grain.scan)?;
    adjacent(report, "zspy", &zspy, grain.scan, 4)?;
    busy(report, "npy", &npy, grain.scan)?;
    busy(report, "zspy", &zspy, grain.scan)?;
    for (name, file) in [
        ("zarr_zstd", "scan_zstd.zarr"),
        ("zarr_lz4", "scan_lz4.zarr"),
    ] {
        let path = scan
            .map(|scan| scan.join(file))
            .filter(|path| path.exists());
        let Some(path) = path else { continue };
        let shape = io::open(&path, &io::OpenOptions::default())?
            .meta()
            .axes
            .navigation_shape();
        let [rows, columns] = shape[..] else { continue };
        cached(report, folder.path(), name, &path, (rows, columns))?;
        adjacent(report, name, &path, (rows, columns), 6)?;
        busy(report, name, &path, (rows, columns))?;
    }
    Ok(())
}
