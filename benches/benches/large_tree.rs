//! A slider dragged in a tree of 4 nodes and in one of 100, in turns: how long until its picture is there, and what pages are told.
//!
//! `cargo bench -p benches --bench large_tree -- [--json FILE] [--repeats N]`
//!
//! All nodes but the file are below the one whose parameter is dragged, or it itself. `step`: a picture with the parameter that is
//! tried; `let go`: until the change is carried out and told; `menu`: until every operation has said whether it fits.

mod shared;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{Command, Detail, Event, FrameRequest, OpenOptions, Reply, Request};
use serde_json::{Value, json};
use session::sample::{StrainedGrain, write_strained_grain};
use session::{Config, Session};
use shared::{Failure, add, append, run};

/// Time between two steps of a drag: 83 a second.
const PACE: Duration = Duration::from_millis(12);
const STEPS: usize = 20;
const BOUND: f64 = 1.2;

/// A page that drags a slider in a tree.
struct Page {
    session: Arc<Session>,
    dragged: u32,
    generation: u32,
    told: Arc<AtomicUsize>,
    steps: Vec<f64>,
    changes: Vec<f64>,
    menus: Vec<f64>,
}

impl Page {
    fn open(path: &Path, nodes: usize) -> Result<Page, Failure> {
        let session = Session::new(Config::default());
        let path = path.display().to_string();
        let options = OpenOptions::default();
        let scan = run(&session, Command::Open { path, options })?;
        let dragged = add(&session, scan, "difference_of_gaussians", json!({}))?;
        for _ in 2..nodes {
            add(&session, dragged, "virtual_disk", json!({}))?;
        }
        session.tree(); // what was made is no news
        let told = Arc::new(AtomicUsize::new(0));
        let most = told.clone();
        session.subscribe(Box::new(move |event| {
            if matches!(event, Event::TreeChanged(_)) {
                let bytes = serde_json::to_vec(event).map_or(0, |text| text.len());
                most.fetch_max(bytes, Ordering::Relaxed);
            }
        }));
        Ok(Page {
            session,
            dragged,
            generation: 0,
            told,
            steps: Vec::new(),
            changes: Vec::new(),
            menus: Vec::new(),
        })
    }

    /// Seconds until a request is answered.
    fn ask(&self, request: Request) -> Result<f64, Failure> {
        let (tell, answers) = channel();
        let tell = Mutex::new(tell);
        let began = Instant::now();
        let answer = move |reply: Reply, _| {
            if let Ok(tell) = tell.lock() {
                let _ = tell.send((reply, began.elapsed()));
            }
        };
        self.session.request(request, Box::new(answer));
        match answers.recv()? {
            (Reply::Refused { error, .. } | Reply::Failed { error, .. }, _) => {
                Err(error.message.into())
            }
            (_, took) => Ok(took.as_secs_f64()),
        }
    }

    fn step(&mut self, params: Value) -> Result<(), Failure> {
        std::thread::sleep(PACE);
        self.generation += 1;
        let took = self.ask(Request::Frame(FrameRequest {
            view: 1,
            generation: self.generation,
            node: self.dragged,
            index: vec![7, 9],
            component: 0,
            size_px: [512, 512],
            part: None,
            detail: Detail::Moving,
            draft: Some(params),
            region: None,
            direction: None,
        }))?;
        self.steps.push(took);
        Ok(())
    }

    fn let_go(&mut self, params: Value) -> Result<(), Failure> {
        let (request_id, node) = (1, self.dragged);
        let took = self.ask(Request::SetParams {
            request_id,
            node,
            params,
        })?;
        self.changes.push(took);
        self.menus
            .push(self.ask(Request::Menu { request_id, node })?);
        Ok(())
    }
}

/// Milliseconds that half of them take at most.
fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len() / 2)
        .map_or(f64::NAN, |seconds| seconds * 1e3)
}

fn main() -> Result<(), Failure> {
    let mut file: Option<PathBuf> = None;
    let mut repeats = 20;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--json" => file = Some(value()?.into()),
            "--repeats" => repeats = value()?.parse()?,
            _ => {} // `cargo bench` gives options of its own
        }
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("grain.zspy");
    let grain = StrainedGrain {
        scan: (12, 16),
        ..StrainedGrain::default()
    };
    write_strained_grain(&path, &grain)?;
    let mut pages = [4, 100].map(|nodes| Page::open(&path, nodes));
    for repeat in 0..repeats {
        for step in 0..STEPS {
            let sigma = 4.0 + 0.02 * (repeat * STEPS + step) as f64;
            for page in pages.iter_mut().flatten() {
                page.step(json!({"max_sigma": sigma}))?;
            }
        }
        let sigma = 4.01 + 0.02 * (repeat * STEPS) as f64;
        for page in pages.iter_mut().flatten() {
            page.let_go(json!({"max_sigma": sigma}))?;
        }
    }
    let [small, large] = pages;
    let (small, large) = (small?, large?);
    for (page, nodes) in [(&small, 4), (&large, 100)] {
        println!(
            "{nodes:>4} nodes   step {:>7.3} ms   let go {:>7.3} ms, {:>6} bytes told   menu {:>7.3} ms",
            median(&page.steps),
            median(&page.changes),
            page.told.load(Ordering::Relaxed),
            median(&page.menus),
        );
    }
    let (ours, theirs) = (median(&large.steps), median(&small.steps));
    let ratio = ours / theirs;
    println!("  a step with 100 nodes / with 4   {ratio:.3}   bound {BOUND}");
    let line = json!({
        "bench": "large_tree", "row": "a slider dragged in a tree of 100 nodes / of 4", "ratio": ratio, "bound": BOUND,
        "met": ratio <= BOUND, "ours": ours, "theirs": theirs,
    });
    match &file {
        Some(path) => append(path, &[line]),
        None => Ok(()),
    }
}
