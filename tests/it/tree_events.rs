//! What pages are told of a tree that changes: only what changed, and no operation is asked for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use protocol::{
    Attention, Command, Detail, Event, FrameRequest, PROTOCOL_VERSION, ProgressState, Reply,
    Request, TreeChange, TreeDescription,
};
use serde_json::{Map, Value, json};

use crate::attention::{attention, slow_map, wait_until};
use crate::menu::menu;
use crate::session_fixture::{SessionFixture, ask, frame_of, frame_request};

const NODES: usize = 100;
/// The most that one change of a parameter may tell, in bytes of JSON.
const MAX_BYTES: usize = 20_000;

/// The tree as a page has it from what it was told.
struct Page {
    revision: u32,
    order: Vec<u32>,
    nodes: BTreeMap<u32, Map<String, Value>>,
}

fn object(value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => bail!("{other}"),
    }
}

impl Page {
    fn greeted(tree: &TreeDescription) -> Result<Page> {
        let nodes = (tree.nodes.iter())
            .map(|node| Ok((node.id, object(serde_json::to_value(node)?)?)))
            .collect::<Result<_>>()?;
        Ok(Page {
            revision: tree.revision,
            order: tree.nodes.iter().map(|node| node.id).collect(),
            nodes,
        })
    }

    fn hears(&mut self, change: TreeChange) -> Result<()> {
        ensure!(change.since == self.revision, "{change:?}");
        self.revision = change.revision;
        for node in change.nodes {
            let fields = self.nodes.entry(node.id).or_default();
            fields.extend(node.fields);
            for name in &node.without {
                fields.shift_remove(name).context("it was not there")?;
            }
        }
        if let Some(order) = change.order {
            self.nodes.retain(|id, _| order.contains(id));
            self.order = order;
        }
        Ok(())
    }

    fn has(&self, tree: &TreeDescription) -> Result<bool> {
        let other = Page::greeted(tree)?;
        Ok((self.revision, &self.order, &self.nodes)
            == (other.revision, &other.order, &other.nodes))
    }
}

type Changes = Arc<Mutex<Vec<TreeChange>>>;

fn changes(fixture: &SessionFixture) -> Changes {
    let changes = Changes::default();
    let sink = changes.clone();
    fixture.session.subscribe(Box::new(move |event| {
        if let (Event::TreeChanged(change), Ok(mut changes)) = (event, sink.lock()) {
            changes.push(change.clone());
        }
    }));
    changes
}

fn taken(changes: &Changes) -> Vec<TreeChange> {
    changes
        .lock()
        .map(|mut all| std::mem::take(&mut *all))
        .unwrap_or_default()
}

fn welcomed(fixture: &SessionFixture) -> Result<TreeDescription> {
    let hello = Request::Hello {
        request_id: 1,
        protocol: PROTOCOL_VERSION,
    };
    match ask(&fixture.session, hello)?.0 {
        Reply::Welcome(welcome) => Ok(welcome.tree),
        other => bail!("{other:?}"),
    }
}

fn set(fixture: &SessionFixture, node: u32, params: Value) -> Result<()> {
    let request = Request::SetParams {
        request_id: 2,
        node,
        params,
    };
    match ask(&fixture.session, request)?.0 {
        Reply::Done { .. } => Ok(()),
        other => bail!("{other:?}"),
    }
}

#[test]
fn a_page_that_hears_every_change_has_the_tree() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let changes = changes(&fixture);
    let mut page = Page::greeted(&welcomed(&fixture)?)?;
    taken(&changes);
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    let disk = fixture.add(flat, "virtual_disk", json!({}))?;
    set(&fixture, flat, json!({"max_sigma": 6.0}))?;
    fixture.run(Command::Name {
        node: disk,
        name: "bright".into(),
    })?;
    // What was measured comes, and goes again with other parameters.
    let peaks = fixture.add(flat, "normalized_correlation", json!({}))?;
    frame_of(&fixture.session, frame_request(peaks, [1, 2], [64, 64]))?;
    let measured = |tree: &TreeDescription| -> Option<String> {
        tree.nodes
            .iter()
            .find(|node| node.id == peaks)?
            .measured
            .clone()
    };
    ensure!(measured(&fixture.session.tree()).is_some());
    set(&fixture, peaks, json!({"radius": 3.0}))?;
    ensure!(measured(&fixture.session.tree()).is_none());
    fixture.run(Command::Remove { node: disk })?;
    let tree = fixture.session.tree();
    let heard = taken(&changes);
    ensure!(heard.len() > 2, "{heard:?}");
    ensure!(
        heard
            .iter()
            .any(|change| change.nodes.iter().any(|node| !node.without.is_empty()))
    );
    for change in heard {
        page.hears(change)?;
    }
    ensure!(page.has(&tree)?);
    // Whoever comes now goes on from the same.
    ensure!(page.has(&welcomed(&fixture)?)?);
    ensure!(taken(&changes).is_empty(), "nothing has changed");
    Ok(())
}

/// The worst place for a slider: everything else is below its node.
#[test]
fn a_slider_in_a_large_tree_asks_no_operation_and_tells_little() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    for number in 2..NODES {
        let radius = 1.0 + number as f64 / 50.0;
        fixture.add(flat, "virtual_disk", json!({"radius": radius}))?;
    }
    let whole = serde_json::to_vec(&fixture.session.tree())?.len();
    let changes = changes(&fixture);
    let asked = fixture.session.questions();
    for step in 1..=20u32 {
        let params = json!({"max_sigma": 5.0 + 0.1 * f64::from(step)});
        let Request::Frame(request) = frame_request(flat, [1, 2], [64, 64]) else {
            bail!("no frame");
        };
        let (reply, _) = frame_of(
            &fixture.session,
            Request::Frame(FrameRequest {
                generation: step,
                draft: Some(params.clone()),
                detail: Detail::Moving,
                ..request
            }),
        )?;
        ensure!(reply.draft);
        ensure!(taken(&changes).is_empty(), "what is tried was told");
    }
    set(&fixture, flat, json!({"max_sigma": 7.0}))?;
    let heard = taken(&changes);
    let [change] = &heard[..] else {
        bail!("{} changes", heard.len());
    };
    ensure!(change.nodes.len() == NODES - 1 && change.order.is_none());
    let bytes = serde_json::to_vec(&Event::TreeChanged(change.clone()))?.len();
    ensure!(
        bytes <= MAX_BYTES && whole > 3 * MAX_BYTES,
        "{bytes} of {whole} bytes"
    );
    ensure!(
        fixture.session.questions() == asked,
        "operations were asked"
    );
    menu(&fixture, flat)?;
    ensure!(fixture.session.questions() == asked + ops::registry().len());
    Ok(())
}

/// A pass that nobody looks at rests without a word of the engine.
#[test]
fn a_map_that_rests_is_not_said_to_run() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let map = slow_map(&fixture)?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    fixture.session.subscribe(Box::new(move |event| {
        if let Ok(mut heard) = sink.lock() {
            heard.push(event.clone());
        }
    }));
    let taken = || -> Vec<Event> {
        (heard.lock())
            .map(|mut all| std::mem::take(&mut *all))
            .unwrap_or_default()
    };
    let mut page = Page::greeted(&welcomed(&fixture)?)?;
    taken();
    ensure!(page.nodes[&map]["progress"].is_null());
    frame_of(&fixture.session, frame_request(map, [0, 0], [64, 64]))?;
    let said = |page: &mut Page| -> Result<Value> {
        for event in taken() {
            match event {
                Event::TreeChanged(change) => page.hears(change)?,
                Event::Progress(progress) => {
                    let node = page.nodes.get_mut(&progress.node).context("no node")?;
                    node.insert("progress".into(), serde_json::to_value(progress)?);
                }
                _ => {}
            }
        }
        Ok(page.nodes[&map]["progress"].clone())
    };
    let running = serde_json::to_value(ProgressState::Running)?;
    let runs = |page: &mut Page| said(page).is_ok_and(|said| said["state"] == running);
    let rests = |page: &mut Page| said(page).is_ok_and(|said| said.is_null());
    wait_until("it is said to run", || runs(&mut page))?;
    ask(&fixture.session, attention(1, map, Attention::Hidden))?;
    wait_until("it is said to rest", || rests(&mut page))?;
    // Frames that were under way end, and some say how far the map is.
    std::thread::sleep(Duration::from_millis(300));
    wait_until("it is still said to rest", || rests(&mut page))?;
    let tree = fixture.session.tree();
    ensure!(rests(&mut page) && page.has(&tree)?);
    Ok(())
}
