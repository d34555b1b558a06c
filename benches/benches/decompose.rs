//! Components of scans four times larger than the memory budget: `cargo bench -p benches --bench decompose -- --scan FOLDER
//! [--json FILE] [--repeats N] [--threads N]`
//!
//! FOLDER holds `components_spectra.npy` and `components_patterns.npy` (made by `benches/peers/components.py`; nothing is done without
//! them). A session of its own for each repetition; beside it one pass over the same scan that sums every pixel, and the most memory that
//! the process had beside the mapped file. The loadings are left as `components_*_ours.npy`.

mod shared;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use shared::{Failure, add, append, remove, run, timed};

use protocol::{Command, OpenOptions, SaveOptions};
use serde_json::{Value, json};
use session::{Config, Session};

/// As in the kernel: rows are taken and given back by the megabyte.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of memory of this process without mapped files.
fn anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// What it comes to, and the most memory that was added meanwhile.
fn watched<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let before = anonymous_bytes();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(anonymous_bytes(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, most.load(Ordering::Relaxed).saturating_sub(before))
    })
}

/// A decomposition that is measured: the name of its results, the scan, its signal axes, and passes over it.
struct Case {
    name: &'static str,
    scan: &'static str,
    signal_axes: usize,
    passes: usize,
}

/// Patterns have more pixels than are taken in pairs: more passes find the same with more certainty.
const CASES: [Case; 3] = [
    Case {
        name: "spectra",
        scan: "spectra",
        signal_axes: 1,
        passes: 2,
    },
    Case {
        name: "patterns",
        scan: "patterns",
        signal_axes: 2,
        passes: 2,
    },
    Case {
        name: "patterns_4_passes",
        scan: "patterns",
        signal_axes: 2,
        passes: 4,
    },
];

struct Options {
    folder: PathBuf,
    file: Option<PathBuf>,
    repeats: usize,
    config: Config,
}

fn measured(options: &Options, case: &Case) -> Result<Vec<Value>, Failure> {
    let Case { name, scan, .. } = case;
    let path = options.folder.join(format!("components_{scan}.npy"));
    if !path.exists() {
        println!(
            "no {}: benches/peers/components.py makes it",
            path.display()
        );
        return Ok(Vec::new());
    }
    let config = Config {
        budget_bytes: std::fs::metadata(&path)?.len() as usize / 4,
        ..options.config
    };
    let (mut seconds, mut pass, mut most) = (Vec::new(), Vec::new(), 0);
    for repeat in 0..options.repeats {
        let open = |session: &Arc<Session>| {
            let path = path.display().to_string();
            let signal_axes = Some(case.signal_axes);
            let options = OpenOptions {
                signal_axes,
                ..OpenOptions::default()
            };
            run(session, Command::Open { path, options })
        };
        let session = Session::new(config);
        let scan = open(&session)?;
        let node = add(&session, scan, "mean_pattern", json!({}))?;
        pass.push(timed(&session, Command::Compute { node })?);
        let session = Session::new(config);
        let scan = open(&session)?;
        let params = json!({"components": 20, "passes": case.passes});
        let model = add(&session, scan, "svd", params)?;
        let (time, memory) = watched(|| timed(&session, Command::Compute { node: model }));
        seconds.push(time?);
        most = most.max(memory);
        if repeat == 0 {
            leave_loadings(
                &session,
                model,
                &options.folder.join(format!("components_{name}_ours.npy")),
            )?;
            if let Some(said) = session.description(model).and_then(|node| node.measured) {
                println!("{name}: {said}");
            }
        }
    }
    let budget = config.budget_bytes;
    println!(
        "{name:<18} svd {seconds:.3?} s, one pass {pass:.3?} s, {} MB of {} MB",
        most >> 20,
        budget >> 20
    );
    let line = |work: &str, seconds: &[f64]| {
        json!({
            "bench": "decompose", "work": work, "source": name, "threads": config.threads, "seconds": seconds,
            "peak_mb": most >> 20, "budget_mb": budget >> 20,
        })
    };
    let memory = json!({
        "bench": "decompose", "row": format!("memory of a decomposition, {name}"), "against": "the budget",
        "ratio": most as f64 / budget as f64, "bound": 1.0,
    });
    Ok(vec![line("svd", &seconds), line("one_pass", &pass), memory])
}

fn leave_loadings(session: &Arc<Session>, model: u32, path: &Path) -> Result<(), Failure> {
    remove(path);
    let node = add(session, model, "loadings", json!({}))?;
    let options = SaveOptions::default();
    let path = path.display().to_string();
    run(
        session,
        Command::Save {
            node,
            path,
            options,
        },
    )
    .map(drop)
}

fn main() -> Result<(), Failure> {
    let mut options = Options {
        folder: PathBuf::new(),
        file: None,
        repeats: 3,
        config: Config::default(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--scan" => options.folder = value()?.into(),
            "--json" => options.file = Some(PathBuf::from(value()?)),
            "--repeats" => options.repeats = value()?.parse()?,
            "--threads" => options.config.threads = value()?.parse()?,
            _ => {} // `cargo bench` gives options of its own
        }
    }
    let mut lines = Vec::new();
    for case in &CASES {
        lines.extend(measured(&options, case)?);
    }
    match &options.file {
        Some(path) => append(path, &lines),
        None => Ok(()),
    }
}
