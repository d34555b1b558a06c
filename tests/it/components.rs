//! A scan larger than the memory budget, taken apart into components: exact, cancelled and gone on with, the same bits for any
//! number of threads.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, NavigatorReply, NavigatorRequest, Reply, Request};
use serde_json::{Value, json};
use signal::{CancelToken, NavigationIndex, Output};
use tree::{Engine, EngineConfig, EngineEvent, PassState, Priority, Tree};

use crate::scan_files::write_counts;
use crate::session_fixture::{SessionFixture, ask, floats, open, save};

/// Counts of four patterns that are mixed in another way at each position, with noise.
fn counts([ny, nx, ky, kx]: [usize; 4]) -> Vec<u16> {
    let mut noise = 1u64;
    let mut next = move || {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (noise >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut all = Vec::with_capacity(ny * nx * ky * kx);
    for at in 0..ny * nx {
        let (y, x) = ((at / nx) as f32 / ny as f32, (at % nx) as f32 / nx as f32);
        for pixel in 0..ky * kx {
            let (row, column) = ((pixel / kx) as f32, (pixel % kx) as f32);
            let mean = 60.0
                + 40.0 * (6.0 * y).sin() * (0.4 * row).cos()
                + 25.0 * (x - 0.5) * (0.3 * column).sin()
                + 15.0 * (9.0 * x * y).cos() * (0.2 * row * column / kx as f32).sin();
            all.push((mean + 12.0 * (next() - 0.5)).max(0.0) as u16);
        }
    }
    all
}

fn engine(threads: usize, budget_bytes: usize) -> Engine {
    Engine::new(EngineConfig {
        budget_bytes,
        threads,
    })
}

/// A tree of the scan, its model, and what is read of that.
struct Grown {
    tree: Tree,
    model: u32,
    scores: u32,
    loadings: u32,
    rebuilt: u32,
}

fn grown(path: &Path, params: &Value) -> Result<Grown> {
    let tree = Tree::new();
    let scan = tree.add_source("scan", io::open(path, &io::OpenOptions::default())?)?;
    let add = |name: &str, parent, params: Value| -> Result<u32> {
        Ok(tree.add_operation(name, &[parent], ops::find(name)?.bind(&params)?)?)
    };
    let model = add("svd", scan, params.clone())?;
    Ok(Grown {
        model,
        scores: add("scores", model, json!({}))?,
        loadings: add("loadings", model, json!({}))?,
        rebuilt: add("reconstruct", model, json!({"components": 4}))?,
        tree,
    })
}

impl Grown {
    fn numbers(&self, engine: &Engine, node: u32, at: &[usize]) -> Result<Vec<f32>> {
        let (graph, at) = (self.tree.snapshot(), NavigationIndex::new(at));
        let output = engine.output(&graph, node, at, Priority::Interactive, &CancelToken::new())?;
        Ok(match output {
            Output::Frame(frame) => frame.to_f32().into_owned(),
            Output::Values(values) => values.to_vec(),
            other => bail!("{other:?}"),
        })
    }

    /// Bits of the scree, of some scores, of loadings and of a rebuilt frame.
    fn bits(&self, engine: &Engine) -> Result<Vec<u32>> {
        let mut all = self.numbers(engine, self.model, &[])?;
        all.extend(self.numbers(engine, self.scores, &[3, 5])?);
        for component in [0, 3, 7] {
            all.extend(self.numbers(engine, self.loadings, &[component])?);
        }
        all.extend(self.numbers(engine, self.rebuilt, &[4, 1])?);
        Ok(all.iter().map(|value| value.to_bits()).collect())
    }
}

/// Frames of few pixels, by the matrix of all pairs, and of many, by products with vectors.
const CASES: [[usize; 4]; 2] = [[200, 200, 16, 16], [80, 60, 50, 44]];
const COMPONENTS: usize = 8;

#[test]
fn a_scan_larger_than_the_budget_has_the_same_components_for_any_number_of_threads() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for shape in CASES {
        let path = folder.path().join("scan.npy");
        write_counts(&path, shape, &counts(shape))?;
        let bytes: usize = 2 * shape.iter().product::<usize>();
        let params = json!({"components": COMPONENTS});
        let mut all = Vec::new();
        for threads in [1, 2, 3] {
            let engine = engine(threads, bytes / 4);
            let grown = grown(&path, &params)?;
            all.push(grown.bits(&engine)?);
            let memory = engine.memory();
            ensure!(memory.used_bytes <= memory.budget_bytes, "{memory:?}");
        }
        ensure!(all[0] == all[1] && all[0] == all[2], "{shape:?}");
        ensure!(all[0].iter().all(|bits| f32::from_bits(*bits).is_finite()));
    }
    Ok(())
}

/// Cancels at 60 % and goes on; `false` where it was done before the word arrived.
fn cancelled_and_gone_on(path: &Path, params: &Value, expected: &[u32]) -> Result<bool> {
    let (grown, engine) = (grown(path, params)?, engine(2, 1 << 30));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    engine.observe(move |event| {
        if let (EngineEvent::Preparing(progress), Ok(mut heard)) = (event, hears.lock()) {
            heard.push((progress.state, progress.pass, progress.done, progress.total));
        }
    });
    let graph = grown.tree.snapshot();
    let node = graph.node(grown.model).context("no model")?;
    let cancelled = std::thread::scope(|scope| -> Result<Option<usize>> {
        let waits = scope.spawn(|| {
            engine
                .prepare(&graph, grown.model, &CancelToken::new())
                .map(drop)
        });
        let began = Instant::now();
        let far = loop {
            ensure!(began.elapsed() < Duration::from_secs(60), "it never comes");
            match engine.preparation_progress(node) {
                Some(now) if now.pass == 1 && 10 * now.done >= 6 * now.total && now.total > 0 => {
                    break now.done;
                }
                Some(now) if now.pass > 1 => break now.done,
                _ => std::thread::yield_now(),
            }
        };
        engine.cancel_preparation(node);
        let Some(error) = waits.join().expect("it does not panic").err() else {
            return Ok(None);
        };
        ensure!(error.is_cancelled(), "{error}");
        Ok(Some(far))
    })?;
    let Some(cancelled) = cancelled else {
        return Ok(false);
    };
    let stopped = engine.preparation_progress(node).context("it was begun")?;
    ensure!(stopped.state == PassState::Cancelled, "{stopped:?}");
    let before = heard.lock().map_or(0, |heard| heard.len());
    ensure!(grown.bits(&engine)? == expected);
    let heard = heard.lock().map(|heard| heard.clone()).unwrap_or_default();
    for (state, pass, done, total) in &heard[before..] {
        ensure!(
            *pass > stopped.pass || *done >= cancelled.min(*total),
            "{state:?} {pass} {done} {total}"
        );
    }
    Ok(true)
}

#[test]
fn what_is_cancelled_at_60_percent_goes_on_from_there_with_the_same_bits() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for shape in CASES {
        let path = folder.path().join("scan.npy");
        let shape = [shape[0] * 3, shape[1], shape[2], shape[3]];
        write_counts(&path, shape, &counts(shape))?;
        let params = json!({"components": COMPONENTS});
        let expected = grown(&path, &params)?.bits(&engine(1, 1 << 30))?;
        // On a busy machine it may be done before.
        let mut gone_on = false;
        for _ in 0..20 {
            gone_on = gone_on || cancelled_and_gone_on(&path, &params, &expected)?;
        }
        ensure!(gone_on, "{shape:?}: each time it was done");
    }
    Ok(())
}

#[test]
fn a_model_is_shown_as_its_scree_saved_and_replayed() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let shape = [9, 7, 12, 10];
    write_counts(&fixture.path("scan.npy"), shape, &counts(shape))?;
    let scan = open(&fixture.session, &fixture.path("scan.npy"))?;
    let model = fixture.add(scan, "svd", json!({"components": 5}))?;
    let described = fixture.session.description(model).context("no model")?;
    ensure!(described.navigation_axes.is_empty() && described.signal_axes[0].name == "component");
    ensure!(
        fixture.session.reads().chunks == 0,
        "adding a node reads nothing"
    );
    let scree = fixture.session.frame(model, &[])?;
    let scree = scree.to_f32();
    ensure!(
        scree.len() == 5 && scree.windows(2).all(|pair| pair[0] >= pair[1]),
        "{scree:?}"
    );
    let described = fixture.session.description(model).context("no model")?;
    let said = described.measured.context("nothing is said of it")?;
    ensure!(said.starts_with("components 0 to 4 have "), "{said}");

    let scores = fixture.add(model, "scores", json!({}))?;
    let loadings = fixture.add(model, "loadings", json!({}))?;
    let rebuilt = fixture.add(model, "reconstruct", json!({"components": 3}))?;
    for (node, name) in [
        (model, "model"),
        (scores, "scores"),
        (loadings, "loadings"),
        (rebuilt, "rebuilt"),
    ] {
        let described = fixture.session.description(node).context("no node")?;
        let call = if name == "rebuilt" {
            "reconstruct(3)".to_owned()
        } else {
            format!("{name}()")
        };
        ensure!(
            name == "model" || described.code.contains(&format!(".{call}?;")),
            "{}",
            described.code
        );
        let path = fixture.path(&format!("{name}.zspy"));
        save(&fixture, node, &path)?;
        let command = Command::Replay {
            path: path.display().to_string(),
            input: None,
        };
        let again = fixture.run(command)?.node.context("it is not replayed")?;
        let at: &[usize] = match name {
            "model" => &[],
            "loadings" => &[2],
            _ => &[4, 3],
        };
        if name != "scores" {
            let [one, other] = [node, again].map(|node| fixture.session.frame(node, at));
            let (one, other) = (one?, other?);
            ensure!(one.as_bytes() == other.as_bytes(), "{name}");
        }
    }
    // What is made of a model is no model: it has no pixels to take apart again.
    let part = fixture.add(model, "crop_signal", json!({"left": 1}))?;
    let refused = fixture
        .add(part, "scores", json!({}))
        .err()
        .context("it is accepted")?;
    ensure!(refused.message.contains("is no model"), "{refused:?}");
    Ok(())
}

#[test]
fn components_have_the_scree_for_their_navigator_and_scores_that_of_the_scan() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let shape = [9, 7, 12, 10];
    write_counts(&fixture.path("scan.npy"), shape, &counts(shape))?;
    let scan = open(&fixture.session, &fixture.path("scan.npy"))?;
    let model = fixture.add(scan, "svd", json!({"components": 5}))?;
    let scores = fixture.add(model, "scores", json!({}))?;
    let loadings = fixture.add(model, "loadings", json!({}))?;
    let later = fixture.add(loadings, "crop_scan", json!({"first": 2}))?;
    let scans = [scores, loadings, later].map(|node| {
        let described = fixture.session.description(node);
        described.map(|described| (described.scan, described.in_file))
    });
    ensure!(
        scans == [scan, loadings, later].map(|scan| Some((scan, None))),
        "{scans:?}"
    );

    let scree = fixture.session.frame(model, &[])?.to_f32().into_owned();
    let image = |node: u32| -> Result<(NavigatorReply, Vec<f32>)> {
        let request = Request::Navigator(NavigatorRequest {
            view: 1,
            generation: 1,
            part: None,
            node,
            index: vec![0],
        });
        let (Reply::Navigator(reply), buffers) = ask(&fixture.session, request)? else {
            bail!("no navigation image");
        };
        Ok((reply, floats(&buffers[0])))
    };
    let (reply, values) = image(loadings)?;
    ensure!(
        (reply.height, reply.width, reply.complete) == (1, 5, 1.0),
        "{reply:?}"
    );
    ensure!(
        values == scree && reply.value_units == "share of the variance",
        "{values:?}"
    );
    ensure!(image(later)?.1 == scree[2..]);
    ensure!(image(scores)?.0.height == 9);

    // A figure of what no page has looked at shows the first.
    let poster = fixture
        .session
        .poster(loadings, &session::Look::default())?;
    ensure!(poster.index == [0], "{:?}", poster.index);
    Ok(())
}
