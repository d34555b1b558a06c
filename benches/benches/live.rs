//! What is dragged: a virtual detector with parameters that are tried, a region of the scan.
//!
//! `cargo bench -p benches --bench live -- --scan FOLDER [--source npy|zarr_zstd|zarr_lz4] [--json FILE] [--repeats N]`
//!
//! FOLDER holds `scan.npy`, `scan_zstd.zarr` and `scan_lz4.zarr` (`benches/peers/scan.py` makes them). Each figure is
//! from the request of a page until its bytes are ready. `detector_first_image`: the first step of a drag on a scan
//! that was just opened; `detector_step`: a step once the coarse bins are there; `detector_exact`: from letting go until
//! the exact image; `region_afresh` and `region_step`: the mean of 64 x 64 positions, and moving it on by one. The
//! file is in the page cache; the first, not counted, repetition sees to that.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use protocol::{
    Command, Detail, FrameReply, FrameRequest, NavigationRegion, OpenOptions, RegionStatistic,
    Reply, Request,
};
use serde_json::{Value, json};
use session::{Config, Session};

type Failure = Box<dyn std::error::Error>;

/// Side of the region, and how many steps of a drag are taken.
const SIDE: u32 = 64;
const STEPS: u32 = 60;

struct Options {
    folder: PathBuf,
    source: String,
    json: Option<PathBuf>,
    repeats: usize,
}

impl Options {
    fn read() -> Result<Options, Failure> {
        let mut options = Options {
            folder: std::env::temp_dir().join("signaltree_whole_scan"),
            source: "npy".into(),
            json: None,
            repeats: 5,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--scan" => options.folder = value()?.into(),
                "--source" => options.source = value()?,
                "--json" => options.json = Some(value()?.into()),
                "--repeats" => options.repeats = value()?.parse()?,
                "--size" => drop(value()?),
                _ => {} // `cargo bench` gives options of its own
            }
        }
        Ok(options)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(match self.source.as_str() {
            "npy" => "scan.npy".into(),
            other => format!("scan{}.zarr", other.trim_start_matches("zarr")),
        })
    }
}

/// A page that looks at one scan and a disk on it.
struct Page {
    session: Arc<Session>,
    scan: u32,
    disk: u32,
    generation: u32,
}

impl Page {
    fn open(options: &Options) -> Result<Page, Failure> {
        let session = Session::new(Config::default());
        let run = |command| session.command(command, &|| false, &mut |_| {});
        let scan = run(Command::Open {
            path: options.path().display().to_string(),
            options: OpenOptions::default(),
        })?;
        let scan = scan.node.ok_or("no node")?;
        let disk = run(Command::AddNode {
            parents: vec![scan],
            operation: "virtual_disk".into(),
            params: json!({"radius": 30.0}),
        })?;
        let disk = disk.node.ok_or("no node")?;
        Ok(Page {
            session,
            scan,
            disk,
            generation: 0,
        })
    }

    fn ask(&mut self, frame_request: FrameRequest) -> Result<(FrameReply, Duration), Failure> {
        let (tell, answers) = channel();
        let started = Instant::now();
        let answer = move |reply, _| drop(tell.send((reply, started.elapsed())));
        self.session
            .request(Request::Frame(frame_request), Box::new(answer));
        match answers.recv()? {
            (Reply::Frame(reply), elapsed) => Ok((reply, elapsed)),
            (other, _) => Err(format!("{other:?}").into()),
        }
    }

    fn frame_request(&mut self, node: u32, detail: Detail) -> FrameRequest {
        self.generation += 1;
        FrameRequest {
            view: node,
            generation: self.generation,
            node,
            index: vec![0, 0],
            component: 0,
            size_px: [512, 512],
            part: None,
            detail,
            draft: None,
            region: None,
            direction: None,
        }
    }

    /// One step of dragging the disk.
    fn drag(&mut self, step: u32, detail: Detail) -> Result<(FrameReply, Duration), Failure> {
        let mut frame_request = self.frame_request(self.disk, detail);
        let centre = [40.0 + f64::from(step), 40.0 + 0.5 * f64::from(step)];
        frame_request.draft = Some(json!({"centre": centre}));
        self.ask(frame_request)
    }

    fn region(&mut self, x0: u32, y0: u32) -> Result<(FrameReply, Duration), Failure> {
        let mut frame_request = self.frame_request(self.scan, Detail::Moving);
        let side = SIDE;
        frame_request.region = Some(NavigationRegion {
            x0,
            y0,
            width: side,
            height: side,
            statistic: RegionStatistic::Mean,
        });
        self.ask(frame_request)
    }
}

#[derive(Default)]
struct Series(Vec<f64>);

impl Series {
    fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64());
    }

    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = sorted.len().saturating_sub(1) * percent / 100;
        sorted.get(rank).copied().unwrap_or(f64::NAN)
    }
}

#[derive(Default)]
struct Times {
    first: Series,
    /// Steps while the coarse bins are being gathered.
    filling: Series,
    step: Series,
    exact: Series,
    afresh: Series,
    moved: Series,
}

fn run(options: &Options, times: &mut Times) -> Result<(), Failure> {
    let mut page = Page::open(options)?;
    let (first, elapsed) = page.drag(0, Detail::Moving)?;
    if first.exact {
        return Err("the first image was not an estimate".into());
    }
    times.first.add(elapsed);
    for step in 1..20 {
        times.filling.add(page.drag(step, Detail::Moving)?.1);
    }
    // Until the coarse bins are there and every pass has ended.
    settle(&mut page, 20)?;
    for step in 21..21 + STEPS {
        times.step.add(page.drag(step, Detail::Moving)?.1);
    }
    times.exact.add(settle(&mut page, 100)?);

    let started = Instant::now();
    while !page.region(2, 2)?.0.exact {
        std::thread::sleep(Duration::from_millis(1));
    }
    times.afresh.add(started.elapsed());
    let most = (1..STEPS).take_while(|step| 2 + step + SIDE <= 128);
    for step in most {
        let (mut reply, elapsed) = page.region(2 + step, 2)?;
        times.moved.add(elapsed);
        while !reply.exact {
            std::thread::sleep(Duration::from_millis(1));
            reply = page.region(2 + step, 2)?.0;
        }
    }
    Ok(())
}

/// From letting go of the disk until its exact image is there.
fn settle(page: &mut Page, step: u32) -> Result<Duration, Failure> {
    let started = Instant::now();
    while !page.drag(step, Detail::Settled)?.0.exact {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(started.elapsed())
}

fn main() -> Result<(), Failure> {
    let options = Options::read()?;
    run(&options, &mut Times::default())?;
    let mut times = Times::default();
    for _ in 0..options.repeats {
        run(&options, &mut times)?;
    }
    let mut lines: Vec<Value> = Vec::new();
    for (work, series) in [
        ("detector_first_image", &times.first),
        ("detector_step_filling", &times.filling),
        ("detector_step", &times.step),
        ("detector_exact", &times.exact),
        ("region_afresh", &times.afresh),
        ("region_step", &times.moved),
    ] {
        println!(
            "{work:<24} {:<10} p50 {:>8.2} ms   p95 {:>8.2} ms",
            options.source,
            series.percentile(50) * 1e3,
            series.percentile(95) * 1e3,
        );
        lines.push(json!({
            "bench": "live", "work": work, "source": options.source, "seconds": series.0,
        }));
    }
    let (moved, afresh) = (times.moved.percentile(50), times.afresh.percentile(50));
    let ratio = moved / afresh;
    println!("  region moved by one / afresh   {ratio:.3}   bound 0.05");
    lines.push(json!({
        "bench": "live", "row": format!("mean of 64 x 64 positions moved by one / afresh ({})", options.source),
        "ratio": ratio, "bound": 0.05, "met": ratio <= 0.05, "ours": moved, "theirs": afresh,
    }));
    if let Some(path) = &options.json {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        for line in &lines {
            writeln!(file, "{line}")?;
        }
    }
    Ok(())
}
