//! A file larger than memory. Alone in its process, because it measures the memory of the process.

mod drag;
mod scan_files;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use drag::{add, drag, open};
use scan_files::write_sparse_npy;
use serde_json::json;
use session::{Config, Session};

/// Bytes of anonymous memory of this process: its heap, without mapped files.
fn anonymous_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .context("no RssAnon")?;
    let kilobytes: u64 = line
        .split_whitespace()
        .nth(1)
        .context("no number")?
        .parse()?;
    Ok(kilobytes * 1024)
}

/// Blocks of this size are given back to the system when freed. Without it glibc keeps freed frames
/// in a pool per thread; the kernel is started with this setting too.
const ALLOCATOR: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "262144");

/// 200 GB that exist only as holes: opening, adding nodes and dragging stays within the budget.
#[test]
fn exploring_200_gb_stays_within_the_memory_budget() -> Result<()> {
    if std::env::var_os(ALLOCATOR.0).is_none() {
        let status = std::process::Command::new(std::env::current_exe()?)
            .args([
                "--exact",
                "exploring_200_gb_stays_within_the_memory_budget",
                "--nocapture",
            ])
            .env(ALLOCATOR.0, ALLOCATOR.1)
            .status()?;
        ensure!(status.success(), "see above");
        return Ok(());
    }
    const BUDGET: usize = 128 << 20;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("large.npy");
    let length = write_sparse_npy(&path, [640, 640, 512, 512], &[[3, 5], [320, 320]])?;
    ensure!(length > 200_000_000_000);
    let session = Session::new(Config {
        budget_bytes: BUDGET,
        threads: 2,
    });
    let before = anonymous_bytes()?;
    let started = Instant::now();
    let scan = open(&session, &path)?;
    ensure!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
    let flat = add(&session, scan, "radial_median", json!({}))?;
    ensure!(session.reads().chunks == 0, "adding nodes reads no pixel");
    let mut most_anonymous = 0;
    for round in 0..20u32 {
        let positions: Vec<[u32; 2]> = (0..20)
            .map(|step| [round * 31, step * 29 + round])
            .collect();
        drag(&session, scan, &positions)?;
        drag(&session, flat, &positions)?;
        let memory = session.memory();
        ensure!(memory.used_bytes <= memory.budget_bytes, "{memory:?}");
        most_anonymous = most_anonymous.max(anonymous_bytes()?);
    }
    let reads = session.reads();
    ensure!(reads.chunks <= 400 && reads.outputs == 400, "{reads:?}");
    ensure!(
        session.memory().used_bytes > BUDGET / 2,
        "the budget is used: {:?}",
        session.memory()
    );
    let grown = most_anonymous.saturating_sub(before);
    println!(
        "anonymous memory grew by {} MB under a budget of {} MB",
        grown >> 20,
        BUDGET >> 20
    );
    ensure!(grown < (BUDGET + (64 << 20)) as u64, "{grown} bytes");
    Ok(())
}
