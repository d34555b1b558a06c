//! Background subtraction of a whole scan, saved: time, and memory beside the budget.
//!
//! `cargo bench -p benches --bench save -- --scan FOLDER [--size small|2gb|20gb] [--json FILE] [--repeats N]
//!  [--threads N] [--budget BYTES] [--formats zspy,zarr,npy,hspy]`
//!
//! FOLDER holds `scan.npy` (128 × 128 | 256 × 256 u16, 2.1 GB; made when it is absent, by `benches/peers/scan.py` with
//! more realistic patterns if that is run first). `20gb` uses a file of its own, made and removed here: 400 × 400
//! positions, every eighth with a pattern, the others holes of a sparse file, so that the disk holds 2.6 GB.
//!
//! Per format: the difference-of-Gaussians background of every frame, compressed and written, and beside it the frames
//! written as they are, which shows what compressing and writing alone cost. The file is in the page cache, results
//! go to the same folder and are removed. Memory is what the process alone holds (`RssAnon`, sampled every 10 ms;
//! pages of the mapped scan belong to the system).

mod shared;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shared::{Failure, append, remove, run};

use protocol::{Command, OpenOptions, SaveOptions};
use serde_json::{Value, json};
use session::{Config, Session};

/// What a save may need beside the budget.
const ALLOWANCE_BYTES: f64 = 200e6;

struct Options {
    folder: PathBuf,
    size: String,
    json: Option<PathBuf>,
    repeats: usize,
    config: Config,
    formats: Vec<String>,
}

impl Options {
    fn read() -> Result<Options, Failure> {
        let mut options = Options {
            folder: std::env::temp_dir().join("signaltree_save"),
            size: "2gb".into(),
            json: None,
            repeats: 3,
            config: Config::default(),
            formats: vec!["zspy".into(), "zarr".into()],
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--scan" => options.folder = value()?.into(),
                "--size" => options.size = value()?,
                "--json" => options.json = Some(value()?.into()),
                "--repeats" => options.repeats = value()?.parse()?,
                "--threads" => options.config.threads = value()?.parse()?,
                "--budget" => options.config.budget_bytes = value()?.parse()?,
                "--formats" => options.formats = value()?.split(',').map(str::to_owned).collect(),
                _ => {} // `cargo bench` gives options of its own
            }
        }
        Ok(options)
    }

    /// The scan, and whether it is to be removed afterwards.
    fn scan(&self) -> Result<(PathBuf, bool), Failure> {
        std::fs::create_dir_all(&self.folder)?;
        let (name, shape, every, temporary) = match self.size.as_str() {
            "small" => ("scan_small.npy", [32, 24, 128, 112], 1, false),
            "2gb" => ("scan.npy", [128, 128, 256, 256], 1, false),
            "20gb" => ("scan_20gb.npy", [400, 400, 256, 256], 8, true),
            other => return Err(format!("--size {other}: small, 2gb or 20gb").into()),
        };
        let path = self.folder.join(name);
        if !path.exists() {
            write_scan(&path, shape, every)?;
        }
        Ok((path, temporary))
    }
}

/// A diffuse background and a lattice of disks with counting noise; `every` scan position has a pattern.
fn write_scan(path: &Path, shape: [usize; 4], every: usize) -> Result<(), Failure> {
    use std::io::{Seek, SeekFrom};
    let patterns: Vec<Vec<u8>> = (0..61)
        .map(|number| pattern(shape[2], shape[3], number))
        .collect();
    let mut header = format!(
        "{{'descr': '<u2', 'fortran_order': False, 'shape': ({}, {}, {}, {}), }}",
        shape[0], shape[1], shape[2], shape[3]
    );
    let length = (10 + header.len() + 1).next_multiple_of(64);
    header.push_str(&" ".repeat(length - 10 - header.len() - 1));
    header.push('\n');
    let mut file = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(header.len() as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    let frame_bytes = shape[2] * shape[3] * 2;
    for position in (0..shape[0] * shape[1]).step_by(every) {
        if every > 1 {
            file.seek(SeekFrom::Start((length + position * frame_bytes) as u64))?;
        }
        file.write_all(&patterns[position % patterns.len()])?;
    }
    let whole = length + shape[0] * shape[1] * frame_bytes;
    file.flush()?;
    file.get_ref().set_len(whole as u64)?;
    Ok(())
}

fn pattern(rows: usize, columns: usize, number: usize) -> Vec<u8> {
    let mut seed = number as u64 + 1;
    let mut noise = move || {
        // Twelve uniform numbers make a normal one.
        (0..12)
            .map(|_| {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (seed >> 40) as f64 / (1u64 << 24) as f64
            })
            .sum::<f64>()
            - 6.0
    };
    let (middle_y, middle_x) = (rows as f64 / 2.0 + 0.3, columns as f64 / 2.0 - 0.7);
    let pitch = rows as f64 / 7.3;
    let mut bytes = Vec::with_capacity(rows * columns * 2);
    for row in 0..rows {
        for column in 0..columns {
            let (y, x) = (row as f64 - middle_y, column as f64 - middle_x);
            let distance = y.hypot(x);
            let (dy, dx) = (
                y - (y / pitch).round() * pitch,
                x - (x / pitch).round() * pitch,
            );
            let disk = if dy.hypot(dx) < 4.5 { 300.0 } else { 0.0 };
            let expected = 6.0 + (disk + 60.0) * (-distance / (rows as f64 / 4.0)).exp();
            let counts = (expected + expected.sqrt() * noise())
                .round()
                .clamp(0.0, 65_535.0);
            bytes.extend((counts as u16).to_le_bytes());
        }
    }
    bytes
}

/// The most memory that this process alone holds while the guard lives.
struct Watch {
    peak: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watch {
    fn start() -> Watch {
        let (peak, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (seen, ended) = (peak.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                seen.fetch_max(held_bytes(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Watch {
            peak,
            stop,
            thread: Some(thread),
        }
    }

    fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.peak.load(Ordering::Relaxed)
    }
}

fn held_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    (status.lines())
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

fn save(session: &Arc<Session>, node: u32, path: &Path) -> Result<(f64, u64), Failure> {
    remove(path);
    let watch = Watch::start();
    let began = Instant::now();
    let saved = run(
        session,
        Command::Save {
            node,
            path: path.display().to_string(),
            options: SaveOptions::default(),
        },
    );
    let seconds = began.elapsed().as_secs_f64();
    let peak = watch.end();
    saved?;
    Ok((seconds, peak))
}

fn stored_bytes(path: &Path) -> u64 {
    match std::fs::read_dir(path) {
        Ok(entries) => (entries.flatten())
            .map(|entry| stored_bytes(&entry.path()))
            .sum(),
        Err(_) => std::fs::metadata(path).map_or(0, |file| file.len()),
    }
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Failure> {
    let options = Options::read()?;
    let (scan, temporary) = options.scan()?;
    let measured = measure(&options, &scan);
    if temporary {
        remove(&scan);
    }
    let lines = measured?;
    match &options.json {
        Some(path) => append(path, &lines),
        None => Ok(()),
    }
}

fn measure(options: &Options, scan: &Path) -> Result<Vec<Value>, Failure> {
    let session = Session::new(options.config);
    let source = run(
        &session,
        Command::Open {
            path: scan.display().to_string(),
            options: OpenOptions::default(),
        },
    )?;
    let flat = run(
        &session,
        Command::AddNode {
            parents: vec![source],
            operation: "difference_of_gaussians".into(),
            params: json!({}),
        },
    )?;
    let frames = std::fs::metadata(scan)?.len() as f64;
    println!(
        "{}: {:.2} GB, {} threads, budget {:.2} GB",
        scan.display(),
        frames / 1e9,
        options.config.threads,
        options.config.budget_bytes as f64 / 1e9
    );
    let mut lines = Vec::new();
    for format in &options.formats {
        for (work, node) in [("background_save", flat), ("copy_save", source)] {
            let path = options.folder.join(format!("result_of_bench.{format}"));
            let (mut all, mut peak, mut stored) = (Vec::new(), 0, 0);
            for _ in 0..options.repeats {
                let (seconds, most) = save(&session, node, &path)?;
                stored = stored_bytes(&path);
                remove(&path);
                all.push(seconds);
                peak = peak.max(most);
            }
            let seconds = median(&all);
            let above = peak as f64 - options.config.budget_bytes as f64;
            println!(
                "{work:<16} {format:<5} {seconds:>8.2} s   {:>6.0} MB/s of the scan   {:>6.2} GB stored   memory {:>5.0} MB",
                frames / 1e6 / seconds,
                stored as f64 / 1e9,
                peak as f64 / 1e6
            );
            lines.push(json!({
                "bench": "save", "work": work, "source": "npy", "format": format, "size": options.size,
                "threads": options.config.threads, "seconds": all, "scan_bytes": frames,
                "stored_bytes": stored, "peak_bytes": peak, "budget_bytes": options.config.budget_bytes,
            }));
            if work == "background_save" {
                let ratio = peak as f64 / (options.config.budget_bytes as f64 + ALLOWANCE_BYTES);
                println!("  memory above the budget: {:.0} MB", above.max(0.0) / 1e6);
                lines.push(json!({
                    "bench": "save",
                    "row": format!("memory of saving {} as .{format}, of budget + 200 MB", options.size),
                    "ratio": ratio, "bound": 1.0, "met": ratio <= 1.0,
                }));
            }
        }
    }
    Ok(lines)
}
