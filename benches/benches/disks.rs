//! Disks of a whole scan and the strain between them: time, and the peaks for `benches/peers/compare.py`.
//!
//! `cargo bench -p benches --bench disks -- --scan FOLDER [--json FILE] [--repeats N] [--threads N]`
//!
//! FOLDER holds `disks.npy` (made by `benches/peers/disks.py`; nothing is done without it). A session of its own for each
//! repetition: what disks have in common is measured again each time and counted.

mod shared;

use std::path::{Path, PathBuf};

use shared::{Failure, add, append, remove, run, timed};

use protocol::{Command, OpenOptions, SaveOptions};
use serde_json::json;
use session::{Config, Session};

/// Unstrained corner of the scan, as the peer takes it.
const REFERENCE: [usize; 4] = [0, 0, 8, 8];

/// Seconds that peaks and, once these are there, the map of strain take.
fn measure(folder: &Path, config: Config) -> Result<[f64; 2], Failure> {
    let session = Session::new(config);
    let path = folder.join("disks.npy").display().to_string();
    let options = OpenOptions::default();
    let scan = run(&session, Command::Open { path, options })?;
    let peaks = add(&session, scan, "normalized_correlation", json!({}))?;
    let found = timed(&session, Command::Compute { node: peaks })?;
    let [x0, y0, width, height] = REFERENCE;
    let reference = json!({"x0": x0, "y0": y0, "width": width, "height": height});
    let strain = add(
        &session,
        peaks,
        "strain_map",
        json!({"reference": reference}),
    )?;
    let mapped = timed(&session, Command::Compute { node: strain })?;
    for (node, name) in [(peaks, "ours_peaks.zspy"), (strain, "ours_strain.npy")] {
        let path = folder.join(name);
        remove(&path);
        let path = path.display().to_string();
        let options = SaveOptions::default();
        run(
            &session,
            Command::Save {
                node,
                path,
                options,
            },
        )?;
    }
    Ok([found, mapped])
}

fn main() -> Result<(), Failure> {
    let mut folder = PathBuf::new();
    let mut file = None;
    let mut repeats = 5;
    let mut config = Config::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--scan" => folder = value()?.into(),
            "--json" => file = Some(PathBuf::from(value()?)),
            "--repeats" => repeats = value()?.parse()?,
            "--threads" => config.threads = value()?.parse()?,
            _ => {} // `cargo bench` gives options of its own
        }
    }
    if !folder.join("disks.npy").exists() {
        println!("no disks.npy in the folder: benches/peers/disks.py makes it");
        return Ok(());
    }
    let all = (0..repeats)
        .map(|_| measure(&folder, config))
        .collect::<Result<Vec<_>, _>>()?;
    let mut lines = Vec::new();
    for (at, work) in ["find_disks", "strain_map"].into_iter().enumerate() {
        let seconds: Vec<f64> = all.iter().map(|both| both[at]).collect();
        println!("{work:<12} {seconds:.3?} s");
        lines.push(json!({
            "bench": "disks", "work": work, "source": "npy", "threads": config.threads, "seconds": seconds,
        }));
    }
    match &file {
        Some(path) => append(path, &lines),
        None => Ok(()),
    }
}
