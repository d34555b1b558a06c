//! What leaves the tree: nodes that nobody holds, and everything that was kept of them.

mod fake;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fake::{Add, Scan, Sum};
use signal::{CancelToken, NavigationIndex, Source};
use tree::{Engine, EngineConfig, PassState, Priority, Tree};

const PATIENCE: Duration = Duration::from_secs(20);

fn start() -> NavigationIndex {
    NavigationIndex::new(&[0, 0])
}

/// Whether nothing else holds it, once the threads that were at work have ended.
fn is_alone<T: ?Sized>(held: &Arc<T>) -> bool {
    let began = Instant::now();
    while Arc::strong_count(held) > 1 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    Arc::strong_count(held) == 1
}

/// A thread that has just filled an image may hold it for a moment.
fn all_is_let_go(engine: &Engine) {
    let began = Instant::now();
    while engine.memory().used_bytes > 0 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(engine.memory().used_bytes, 0);
}

fn engine() -> Engine {
    Engine::new(EngineConfig {
        budget_bytes: 1 << 20,
        threads: 2,
    })
}

/// `NAME -> flat -> sums`, as a cell that runs again makes it.
fn run(tree: &Tree, source: &Arc<dyn Source>) -> [u32; 3] {
    let scan = tree.add_source("scan", source.clone()).unwrap();
    let flat = tree
        .add_operation("flat", &[scan], Arc::new(Add::default()))
        .unwrap();
    let sums = tree
        .add_operation("sums", &[flat], Arc::new(Sum { region: None }))
        .unwrap();
    [scan, flat, sums]
}

fn names(tree: &Tree) -> Vec<String> {
    let graph = tree.snapshot();
    graph.nodes().iter().map(|node| node.name.clone()).collect()
}

fn look(engine: &Engine, graph: &tree::Graph, node: u32, y: usize, x: usize) {
    let (at, never) = (NavigationIndex::new(&[y, x]), CancelToken::new());
    let output = engine.output(graph, node, at, Priority::Interactive, &never);
    assert!(output.is_ok(), "{output:?}");
}

#[test]
fn nodes_of_one_source_are_read_and_painted_once_and_the_last_one_takes_all_with_it() {
    let tree = Tree::new();
    let scan = Arc::new(Scan::new(6, 8, [6, 8]));
    let source: Arc<dyn Source> = scan.clone();
    let engine = engine();
    let first = run(&tree, &source);
    let again = run(&tree, &source);
    let other = tree
        .add_source("other", Arc::new(Scan::new(6, 8, [6, 8])))
        .unwrap();
    let graph = tree.snapshot();
    let file = |node: u32| graph.node(node).unwrap().file.number;
    assert_eq!(file(first[0]), file(again[2]));
    assert_ne!(file(first[0]), file(other));
    for node in [first[0], again[0], first[1], again[1]] {
        look(&engine, &graph, node, 5, 7);
    }
    assert_eq!(scan.reads.load(Ordering::SeqCst), 1);
    let images = [first[0], again[1]].map(|node| engine.navigator(&graph, node, start()).unwrap());
    assert!(images[0].is_shared_with(&images[1]));
    let began = Instant::now();
    while images[0].picture(PATIENCE).complete < 1.0 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(scan.reads.load(Ordering::SeqCst), 1);

    let gone = tree.remove_loose(|_, node| first.contains(&node.id), |_| true);
    assert_eq!(gone.ids(), [first[2], first[1], first[0]]);
    assert!(gone.files.is_empty());
    engine.forget(&gone);
    drop((graph, gone));
    let graph = tree.snapshot();
    let image = engine.navigator(&graph, again[0], start()).unwrap();
    assert!(image.is_shared_with(&images[0]));
    look(&engine, &graph, again[1], 0, 0);
    assert_eq!(scan.reads.load(Ordering::SeqCst), 1);

    let gone = tree.remove_loose(|_, node| again.contains(&node.id), |_| true);
    assert_eq!(gone.files.len(), 1);
    engine.forget(&gone);
    drop((image, images, graph, gone, source));
    all_is_let_go(&engine);
    assert!(is_alone(&scan), "something holds the file");
    assert_eq!(names(&tree), ["other"]);
}

#[test]
fn what_something_stands_below_stays_and_names_come_back() {
    let tree = Tree::new();
    let source: Arc<dyn Source> = Arc::new(Scan::new(3, 4, [3, 4]));
    let first = run(&tree, &source);
    let branch = tree
        .add_operation("flat", &[first[0]], Arc::new(Add::default()))
        .unwrap();
    let again = run(&tree, &source);
    assert_eq!(
        names(&tree),
        [
            "scan", "flat", "sums", "flat_2", "scan_2", "flat_3", "sums_2"
        ]
    );
    let revision = tree.snapshot().revision();
    assert!(tree.remove_loose(|_, _| false, |_| true).nodes.is_empty());
    assert_eq!(tree.snapshot().revision(), revision);

    // The branch holds its file; its name is the user's, so that it stays what it is.
    let gone = tree.remove_loose(|_, node| first.contains(&node.id), |node| node.id != branch);
    assert_eq!(gone.ids(), [first[2], first[1]]);
    assert_eq!(names(&tree), ["scan", "flat_2", "scan_2", "flat", "sums"]);
    let gone = tree.remove_loose(|_, node| node.id == branch || node.id == first[0], |_| true);
    assert_eq!(gone.ids(), [branch, first[0]]);
    assert_eq!(names(&tree), ["scan", "flat", "sums"]);
    assert_eq!(tree.snapshot().by_name("sums").unwrap().id, again[2]);
}

/// A request that was under way when its node left works on an older snapshot.
#[test]
fn nothing_is_kept_for_somebody_who_comes_late() {
    let tree = Tree::new();
    let source: Arc<dyn Source> = Arc::new(Scan::new(6, 8, [2, 8]));
    let engine = engine();
    let [scan, flat, sums] = run(&tree, &source);
    let before = tree.snapshot();
    engine.forget(&tree.remove_loose(|_, _| true, |_| true));
    assert!(tree.snapshot().nodes().is_empty());

    look(&engine, &before, scan, 1, 1);
    look(&engine, &before, flat, 3, 3);
    let image = engine.navigator(&before, flat, start()).unwrap();
    let images = engine.start_map(&before, sums).unwrap();
    let ended = engine.wait_for_map(&images, &mut |_| std::ops::ControlFlow::Continue(()));
    assert_eq!(ended.state, PassState::Done);
    assert!(engine.map_progress(sums).is_none());
    let never = CancelToken::new();
    let held = engine.materialise(&before, flat, &never, Arc::default());
    assert!(held.is_ok(), "{held:?}");
    assert!(!engine.is_materialised(&before, flat));
    drop((images, image, before));
    all_is_let_go(&engine);
    assert!(is_alone(&source), "something holds the file");
}

/// What a failed cell has computed is in nobody's way when its cell never runs again.
#[test]
fn what_waits_for_a_cell_is_given_up_when_memory_is_short() {
    let tree = Tree::new();
    let source: Arc<dyn Source> = Arc::new(Scan::new(6, 8, [6, 8]));
    let engine = engine();
    let never = CancelToken::new();
    let hold = |flat: u32| engine.materialise(&tree.snapshot(), flat, &never, Arc::default());
    let fail = || {
        let gone = tree.remove_loose(|_, _| true, |_| true);
        engine.hand_over(&tree.snapshot(), &gone);
        engine.forget(&gone);
        engine.cell_ended("a", true);
    };
    engine.cell_begins();
    let [_, flat, _] = run(&tree, &source);
    assert!(hold(flat).is_ok());
    fail();
    let waits = engine.memory().used_bytes;
    assert!(waits > 0 && tree.snapshot().nodes().is_empty());
    // The same cell finds it.
    engine.cell_begins();
    let made = run(&tree, &source);
    for node in made {
        engine.take_up(&tree.snapshot(), node);
    }
    assert!(engine.is_materialised(&tree.snapshot(), made[1]));
    fail();
    // There is room for one of them.
    engine.set_budget(waits + waits / 2);
    engine.cell_begins();
    let other: Arc<dyn Source> = Arc::new(Scan::new(6, 8, [6, 8]));
    let [_, flat, _] = run(&tree, &other);
    assert!(hold(flat).is_ok());
    assert!(engine.is_materialised(&tree.snapshot(), flat));
    engine.cell_ended("b", false);
    let [_, flat, _] = run(&tree, &source);
    engine.take_up(&tree.snapshot(), flat);
    assert!(!engine.is_materialised(&tree.snapshot(), flat));
}

#[test]
fn what_is_kept_for_long_keeps_only_what_is_above_it() {
    let tree = Tree::new();
    let source: Arc<dyn Source> = Arc::new(Scan::new(3, 4, [3, 4]));
    let other: Arc<dyn Source> = Arc::new(Scan::new(3, 4, [3, 4]));
    let [scan, flat, _] = run(&tree, &source);
    let gone = tree.add_source("gone", other.clone()).unwrap();
    let draft = tree
        .snapshot()
        .with_draft(flat, Arc::new(Add::default()), 1 << 31)
        .unwrap();
    let ids: Vec<u32> = draft.nodes().iter().map(|node| node.id).collect();
    assert_eq!(ids, [scan, flat, 1 << 31]);
    drop(tree.remove(gone));
    assert_eq!(Arc::strong_count(&other), 1);
}
