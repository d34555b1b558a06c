//! Writers that are killed, and how much memory they take: both seen from outside, in processes of their own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use io::{OpenOptions, ResultWriter, WriteOptions};
use signal::{
    Axes, Axis, CancelToken, ChunkId, ElementType, Frame, NavigationIndex, Output, SignalMeta,
};

fn pixel(flat: usize) -> f64 {
    ((flat * 37 + flat / 24 * 11) % 4000) as f64
}

const KILLED_SCAN: [usize; 2] = [20, 24];

fn killed_meta(title: &str) -> SignalMeta {
    let axes = Axes::new(
        vec![Axis::pixels("y", 20), Axis::pixels("x", 24)],
        vec![Axis::pixels("ky", 4), Axis::pixels("kx", 6)],
    );
    SignalMeta::frames(title, axes, ElementType::U16)
}

/// Writes, or goes on with, the result `new`; slowly, so that it is killed in the middle.
fn write_killed(path: &Path, title: &str, pause: std::time::Duration) -> Result<()> {
    let options = WriteOptions {
        chunk: Some(vec![1, 4]),
        shard: (path.extension().is_some_and(|name| name == "zarr")).then(|| vec![2, 8]),
        identity: title.into(),
        threads: 1,
        ..WriteOptions::default()
    };
    let writer = ResultWriter::create_with(path, &killed_meta(title), &options)?;
    for block in writer.wanted() {
        let ranges = writer.blocks()[block].positions.clone();
        for y in ranges[0].clone() {
            for x in ranges[1].clone() {
                let flat = y * KILLED_SCAN[1] + x;
                let offset = if title == "new" { 7.0 } else { 0.0 };
                let pixels = (0..24).map(|at| (pixel(flat * 24 + at) + offset) as u16);
                let frame =
                    Frame::from_vec(&[4, 6], pixels.collect()).map_err(anyhow::Error::msg)?;
                let at = NavigationIndex::new(&[y, x]);
                writer.write(at, &Output::Frame(frame))?;
                std::thread::sleep(pause);
            }
        }
    }
    Ok(writer.finish()?)
}

/// Which file is there, all of whose pixels are right.
fn whole(path: &Path) -> Result<&'static str> {
    let source = io::open(path, &OpenOptions::default())?;
    let first = source.read_chunk(ChunkId(0), &CancelToken::new())?;
    let offset = first.frame(NavigationIndex::new(&[0, 0]))?.value(0);
    ensure!(offset == 0.0 || offset == 7.0, "{offset}");
    let title = if offset == 7.0 { "new" } else { "old" };
    for flat in 0..KILLED_SCAN.iter().product() {
        let at = NavigationIndex::from_flat(flat, &KILLED_SCAN);
        let frame = (source.read_chunk(source.chunk_at(at), &CancelToken::new())?).frame(at)?;
        for at in 0..24 {
            ensure!(
                frame.value(at) == pixel(flat * 24 + at) + offset,
                "{flat} {at}"
            );
        }
    }
    Ok(title)
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn child_of_the_next_test() -> Result<()> {
    match std::env::var_os("RESULTS_CHILD") {
        Some(path) => write_killed(
            Path::new(&path),
            "new",
            std::time::Duration::from_micros(300),
        ),
        None => Ok(()),
    }
}

#[test]
fn a_killed_writer_leaves_the_old_file_and_what_it_had_finished() -> Result<()> {
    for extension in ["zarr", "zspy", "npy"] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(format!("result.{extension}"));
        write_killed(&path, "old", std::time::Duration::ZERO)?;
        let (mut finished, mut kills) = (0, 0);
        loop {
            let mut child = Command::new(std::env::current_exe()?)
                .args(["--exact", "child_of_the_next_test"])
                .env("RESULTS_CHILD", &path)
                .stdout(std::process::Stdio::null())
                .spawn()?;
            let patience = std::time::Duration::from_millis(5 + kills * 13 % 90);
            std::thread::sleep(patience);
            if kills < 30 && child.try_wait()?.is_none() {
                child.kill()?;
            }
            kills += 1;
            if child.wait()?.success() {
                break;
            }
            ensure!(kills < 100, "it never ends");
            if whole(&path)? == "new" {
                // It was killed after the exchange: one more, in peace, tidies up.
                (finished, kills) = (0, kills.max(30));
                continue;
            }
            if let Some(there) = io::unfinished(&path)? {
                ensure!(
                    there.finished_positions >= finished,
                    "finished work was lost"
                );
                finished = there.finished_positions;
            }
        }
        ensure!(kills > 1, "it was never killed");
        assert_eq!(whole(&path)?, "new");
        let left: Vec<_> = std::fs::read_dir(folder.path())?.collect::<std::io::Result<_>>()?;
        let expected = if extension == "npy" { 2 } else { 1 };
        assert_eq!(left.len(), expected, "{left:?}");
    }
    Ok(())
}

/// Not a test of its own: the process whose memory the next test looks at.
#[test]
fn large_child_of_the_next_test() -> Result<()> {
    let Some(path) = std::env::var_os("RESULTS_LARGE") else {
        return Ok(());
    };
    let axes = Axes::new(
        vec![Axis::pixels("y", 48), Axis::pixels("x", 64)],
        vec![Axis::pixels("ky", 256), Axis::pixels("kx", 256)],
    );
    let meta = SignalMeta::frames("large", axes, ElementType::U16);
    let options = WriteOptions {
        identity: "large".into(),
        threads: 2,
        ..WriteOptions::default()
    };
    let writer = ResultWriter::create_with(Path::new(&path), &meta, &options)?;
    let mut pixels: Vec<u16> = (0..256 * 256)
        .map(|at| (at * 31 % 257) as u16 & 15)
        .collect();
    for flat in 0..48 * 64 {
        pixels[0] = flat as u16;
        let frame = Frame::from_vec(&[256, 256], pixels.clone()).map_err(anyhow::Error::msg)?;
        let at = NavigationIndex::from_flat(flat, &[48, 64]);
        writer.write(at, &Output::Frame(frame))?;
    }
    writer.finish()?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = (status.lines().find_map(|line| line.strip_prefix("VmHWM:"))).unwrap_or("0 kB");
    println!("peak {}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}

#[test]
fn memory_does_not_grow_with_the_result() -> Result<()> {
    for extension in ["zarr", "zspy", "npy", "hspy"] {
        let folder = tempfile::tempdir()?;
        let run = Command::new(std::env::current_exe()?)
            .args(["--exact", "large_child_of_the_next_test", "--nocapture"])
            .env(
                "RESULTS_LARGE",
                folder.path().join(format!("large.{extension}")),
            )
            .output()?;
        ensure!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        let text = String::from_utf8_lossy(&run.stdout);
        let peak = (text.lines().find_map(|line| line.split_once("peak ")))
            .and_then(|(_, kib)| kib.trim().parse::<u64>().ok())
            .context("no peak")?;
        // 403 MB pass through.
        ensure!(peak < 100 << 10, "{extension}: {} MB", peak >> 10);
        eprintln!("{extension}: peak {} MB", peak >> 10);
    }
    Ok(())
}
