//! A long exploration of a file larger than memory: what the process keeps stays within the budget and does not
//! grow. Alone in its process, because it measures the memory of the process.
//!
//! Twenty seconds and four hundred steps by default: after some two hundred every thread has what it keeps. An hour:
//! `SIGNALTREE_SOAK_SECONDS=3600 cargo test --release -p tests --test soak -- --nocapture`.

mod drag;
mod scan_files;
mod session_fixture;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use drag::{add, open};
use protocol::{Attention, Command, Reply, Request};
use scan_files::write_sparse_npy;
use serde_json::json;
use session::{Config, Session};

const BUDGET: usize = 192 << 20;
/// What a process may need beside the budget: code, threads, buffers in flight.
const BESIDE: usize = 200 << 20;
/// Steps at least, if there is time.
const STEPS: usize = 400;
const STEPS_WITHIN: Duration = Duration::from_secs(120);
const SHAPE: [usize; 4] = [640, 640, 512, 512];
/// Blocks of this size go back to the system when freed, as in the kernel.
const ALLOCATOR: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "262144");

/// Heap of this process in bytes: its memory without the pages of mapped files, which the system takes back.
fn heap_bytes() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.context("no RssAnon")?.parse::<usize>()? * 1024)
}

/// The same exploration every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

struct Explorer {
    session: Arc<Session>,
    scan: u32,
    /// Computed nodes, oldest first; detectors are maps.
    frames: Vec<u32>,
    maps: Vec<u32>,
    dice: Dice,
    frames_shown: usize,
    /// Heap after each step, and the part of it that the budget does not count.
    heap: Vec<usize>,
    uncounted: Vec<usize>,
}

impl Explorer {
    fn new(path: &Path) -> Result<Explorer> {
        let session = Session::new(Config {
            budget_bytes: BUDGET,
            threads: 2,
        });
        let scan = open(&session, path)?;
        Ok(Explorer {
            session,
            scan,
            frames: Vec::new(),
            maps: Vec::new(),
            dice: Dice(7),
            frames_shown: 0,
            heap: Vec::new(),
            uncounted: Vec::new(),
        })
    }

    fn command(&self, command: Command) -> Result<()> {
        self.session.command(command, &|| false, &mut |_| {})?;
        Ok(())
    }

    /// A drag in a random direction over the scan or a computed node.
    fn drag(&mut self) -> Result<()> {
        let node = match self.dice.below(3) {
            0 if !self.frames.is_empty() => self.frames[self.dice.below(self.frames.len())],
            _ => self.scan,
        };
        let steps = 10 + self.dice.below(30);
        let start = [self.dice.below(SHAPE[0]), self.dice.below(SHAPE[1])];
        let step = [self.dice.below(5) as i64 - 2, self.dice.below(7) as i64 - 3];
        let positions: Vec<[u32; 2]> = (0..steps as i64)
            .map(|nth| {
                let place = |axis: usize| {
                    (start[axis] as i64 + nth * step[axis]).clamp(0, SHAPE[axis] as i64 - 1) as u32
                };
                [place(0), place(1)]
            })
            .collect();
        self.frames_shown += positions.len();
        drag::drag(&self.session, node, &positions)?;
        Ok(())
    }

    /// A detector whose pass over 200 GB begins because it is looked at, and pauses when it is not.
    fn detector(&mut self) -> Result<()> {
        let radius = 5 + self.dice.below(60);
        let map = add(
            &self.session,
            self.scan,
            "virtual_disk",
            json!({"radius": radius}),
        )?;
        self.maps.push(map);
        let (reply, _) = session_fixture::ask(
            &self.session,
            session_fixture::frame_request(map, [0, 0], [256, 256]),
        )?;
        ensure!(matches!(reply, Reply::Frame(_)), "{reply:?}");
        if self.dice.below(2) == 0 {
            let request = Request::Attention {
                request_id: 1,
                view: 1,
                node: map,
                state: Attention::Hidden,
            };
            session_fixture::ask(&self.session, request)?;
        }
        if self.maps.len() > 4 {
            let oldest = self.maps.remove(0);
            self.command(Command::Remove { node: oldest })?;
        }
        Ok(())
    }

    fn computed_node(&mut self) -> Result<()> {
        let operation = ["radial_median", "difference_of_gaussians"][self.dice.below(2)];
        let node = add(&self.session, self.scan, operation, json!({}))?;
        self.frames.push(node);
        if self.frames.len() > 4 {
            let oldest = self.frames.remove(0);
            self.command(Command::Remove { node: oldest })?;
        }
        Ok(())
    }

    fn parameters(&mut self) -> Result<()> {
        let Some(map) = self.maps.last().copied() else {
            return Ok(());
        };
        let radius = 5 + self.dice.below(60);
        self.command(Command::SetParams {
            node: map,
            params: json!({"radius": radius}),
        })
    }

    /// A save that is interrupted after a while; what it has written goes with the folder.
    fn save(&mut self, folder: &Path) -> Result<()> {
        let node = self.frames.last().copied().unwrap_or(self.scan);
        let path = folder
            .join("out")
            .join(format!("saved-{}.zspy", self.dice.below(1000)));
        std::fs::create_dir_all(folder.join("out"))?;
        let patience = Duration::from_millis(100 + self.dice.below(300) as u64);
        let began = Instant::now();
        let saved = self.session.command(
            Command::Save {
                node,
                path: path.display().to_string(),
                options: protocol::SaveOptions::default(),
            },
            &|| began.elapsed() > patience,
            &mut |_| {},
        );
        ensure!(saved.is_err(), "200 GB were saved in {patience:?}");
        // The save's threads may still be at their last chunk.
        let out = folder.join("out");
        let mut removed = std::fs::remove_dir_all(&out);
        while removed.is_err() && out.exists() && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
            removed = std::fs::remove_dir_all(&out);
        }
        ensure!(removed.is_ok() || !out.exists(), "{removed:?}");
        Ok(())
    }

    fn budget(&mut self) -> Result<()> {
        // Down and up again; never above what the test allows.
        for bytes in [BUDGET / 3, BUDGET] {
            let (tell, answers) = channel();
            let request = Request::SetBudget {
                request_id: 1,
                bytes: bytes as f64,
            };
            let answer = Box::new(move |reply, _| drop(tell.send(reply)));
            self.session.request(request, answer);
            let reply = answers.recv_timeout(Duration::from_secs(20))?;
            ensure!(matches!(reply, Reply::Done { .. }), "{reply:?}");
            let memory = self.session.memory();
            ensure!(
                memory.used_bytes <= bytes.max(memory.pinned_bytes),
                "{memory:?}"
            );
        }
        Ok(())
    }

    fn step(&mut self, folder: &Path) -> Result<()> {
        match self.dice.below(40) {
            0..=1 => self.detector()?,
            2..=3 => self.computed_node()?,
            4..=6 => self.parameters()?,
            7 => self.save(folder)?,
            8 => self.budget()?,
            _ => self.drag()?,
        }
        let memory = self.session.memory();
        ensure!(memory.used_bytes <= memory.budget_bytes, "{memory:?}");
        let heap = heap_bytes()?;
        self.heap.push(heap);
        self.uncounted.push(heap.saturating_sub(memory.used_bytes));
        Ok(())
    }
}

fn mean(samples: &[usize]) -> usize {
    samples.iter().sum::<usize>() / samples.len().max(1)
}

#[test]
fn a_long_exploration_of_200_gb_stays_within_the_budget_and_does_not_grow() -> Result<()> {
    if std::env::var_os(ALLOCATOR.0).is_none() {
        let status = std::process::Command::new(std::env::current_exe()?)
            .arg("--nocapture")
            .env(ALLOCATOR.0, ALLOCATOR.1)
            .status()?;
        ensure!(status.success(), "see above");
        return Ok(());
    }
    let seconds = std::env::var("SIGNALTREE_SOAK_SECONDS")
        .ok()
        .map(|text| text.parse())
        .transpose()?;
    let duration = Duration::from_secs(seconds.unwrap_or(20));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("large.npy");
    ensure!(write_sparse_npy(&path, SHAPE, &[[3, 5], [320, 320]])? > 200_000_000_000);
    let before = heap_bytes()?;
    let mut explorer = Explorer::new(&path)?;
    let began = Instant::now();
    let goes_on = |steps: usize, passed: Duration| {
        passed < duration || (steps < STEPS && passed < STEPS_WITHIN)
    };
    while goes_on(explorer.heap.len(), began.elapsed()) {
        let steps = explorer.heap.len();
        explorer
            .step(folder.path())
            .with_context(|| format!("step {steps}"))?;
    }
    let most = explorer.heap.iter().copied().max().unwrap_or(0);
    // What fills the budget comes and goes; a leak is what grows beside it.
    let half = &explorer.uncounted[explorer.uncounted.len() / 2..];
    let (third, last) = half.split_at(half.len() / 2);
    let tenths = explorer
        .uncounted
        .chunks(explorer.uncounted.len().div_ceil(10));
    let tenths: Vec<usize> = tenths.map(|tenth| mean(tenth) >> 20).collect();
    println!(
        "{} steps, {} frames in {:?}: heap {} MB at the start, {} MB at most, budget {} MB; beside the budget {tenths:?} MB",
        explorer.heap.len(),
        explorer.frames_shown,
        began.elapsed(),
        before >> 20,
        most >> 20,
        BUDGET >> 20,
    );
    ensure!(most < BUDGET + BESIDE, "{most} bytes");
    ensure!(mean(last) < mean(third) + (24 << 20), "it grows");
    Ok(())
}
