//! What is done with every frame, over a whole small scan: `cargo bench -p benches --bench frames -- --scan FOLDER [--json FILE]
//! [--repeats N] [--threads N]`
//!
//! FOLDER holds `frames.npy` (made by `benches/peers/frames.py`; nothing is done without it). A session of its own for each
//! repetition; the whole result is computed and kept in memory, as by `compute()?` in a cell.

mod shared;

use std::path::PathBuf;

use shared::{Failure, add, append, run, timed};

use protocol::{Command, OpenOptions};
use serde_json::{Value, json};
use session::{Config, Session};

const OPERATIONS: [&str; 8] = [
    "radial_median",
    "difference_of_gaussians",
    "h_dome",
    "median_kernel",
    "azimuthal_integral",
    "center_direct_beam",
    "rebin_signal",
    "crop_signal",
];

/// What the peer does by default too, where ours does something else.
fn parameters(operation: &str) -> Value {
    match operation {
        "azimuthal_integral" => json!({"centre": [64.0, 72.0], "npt": 64, "outer_radius": 64.0}),
        "center_direct_beam" => json!({"method": "blur"}),
        "crop_signal" => json!({"top": 16, "bottom": 112, "left": 24, "right": 120}),
        _ => json!({}),
    }
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
    let scan = folder.join("frames.npy");
    if !scan.exists() {
        println!("no frames.npy in the folder: benches/peers/frames.py makes it");
        return Ok(());
    }
    let mut lines = Vec::new();
    for operation in OPERATIONS {
        let mut seconds = Vec::new();
        for _ in 0..repeats {
            let session = Session::new(config);
            let path = scan.display().to_string();
            let options = OpenOptions::default();
            let scan = run(&session, Command::Open { path, options })?;
            let node = add(&session, scan, operation, parameters(operation))?;
            seconds.push(timed(&session, Command::Compute { node })?);
        }
        println!("{operation:<24} {seconds:.4?} s");
        lines.push(json!({
            "bench": "frames", "work": operation, "source": "frames", "threads": config.threads, "seconds": seconds,
        }));
    }
    match &file {
        Some(path) => append(path, &lines),
        None => Ok(()),
    }
}
