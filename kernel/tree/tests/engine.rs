//! The engine on a small source in memory: laziness, errors, caches, deliveries.

mod fake;

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use fake::grown::{at, engine, frame_at, frame_of, grown, plain};
use fake::{Add, Asks, Mean, Scan, Sum};
use signal::{CancelToken, ElementType, NavigationIndex, Output, Region, SourceError};
use tree::{Cause, ComputeError, Engine, EngineConfig, Priority, Receiver, Tree, TreeError};

#[test]
fn adding_nodes_reads_nothing_and_a_frame_reads_one_chunk() {
    let (tree, scan, [source, flat, _]) = grown(Scan::new(6, 7, [2, 3]), plain());
    let engine = engine(2);
    assert_eq!(scan.reads.load(Ordering::SeqCst), 0);
    let frame = frame_of(&engine, &tree, flat, 5, 6);
    assert_eq!(frame[4], f32::from(Scan::pixel(5, 6, 4)) + 0.5);
    assert_eq!(
        frame_of(&engine, &tree, source, 4, 6)[0],
        f32::from(Scan::pixel(4, 6, 0))
    );
    assert_eq!(scan.reads.load(Ordering::SeqCst), 1);
    frame_of(&engine, &tree, flat, 5, 6);
    assert_eq!((engine.reads().chunks, engine.reads().outputs), (1, 1));
}

#[test]
fn many_threads_decode_a_chunk_once() {
    let mut scan = Scan::new(6, 7, [6, 7]);
    scan.delay = Duration::from_millis(60);
    let (tree, scan, [source, ..]) = grown(scan, plain());
    let engine = engine(2);
    std::thread::scope(|scope| {
        for x in 0..7 {
            let (tree, engine) = (&tree, &engine);
            scope.spawn(move || frame_of(engine, tree, source, 3, x));
        }
    });
    assert_eq!(scan.reads.load(Ordering::SeqCst), 1);
}

#[test]
fn a_bad_chunk_fails_its_frames_only_and_is_tried_again() {
    let mut scan = Scan::new(6, 7, [2, 3]);
    scan.bad_chunk = Some(4);
    let (tree, scan, [_, flat, _]) = grown(scan, plain());
    let (engine, never) = (engine(2), CancelToken::new());
    for _ in 0..2 {
        let error = engine
            .output(
                &tree.snapshot(),
                flat,
                at(3, 4),
                Priority::Interactive,
                &never,
            )
            .unwrap_err();
        assert!(matches!(
            *error.cause,
            Cause::Source(SourceError::Decode { .. })
        ));
        assert_eq!(
            error.to_string(),
            "`scan` at scan position (3, 4): scan.zspy: chunk 4 cannot be decoded: checksum"
        );
        assert!(!error.hint().is_empty());
    }
    assert_eq!(scan.reads.load(Ordering::SeqCst), 2);
    frame_of(&engine, &tree, flat, 0, 0);
}

#[test]
fn panics_become_errors_that_name_node_operation_and_position() {
    let mut scan = Scan::new(6, 7, [2, 3]);
    scan.panicking_chunk = Some(0);
    let add = Add {
        panics_at: Some([3, 4]),
        ..plain()
    };
    let (tree, _, [source, flat, sums]) = grown(scan, add);
    let (engine, never) = (engine(2), CancelToken::new());
    let fail = |node, index| {
        engine
            .output(&tree.snapshot(), node, index, Priority::Interactive, &never)
            .unwrap_err()
    };
    let error = fail(flat, at(3, 4));
    assert_eq!(
        (error.name.as_str(), error.operation),
        ("flat", Some("add"))
    );
    assert_eq!(error.code(), "panic");
    assert!(
        error.to_string().contains("(3, 4)") && error.to_string().contains("a bug at this place")
    );
    assert_eq!(fail(source, at(0, 0)).code(), "panic");
    frame_of(&engine, &tree, flat, 3, 5);
    assert_eq!(fail(sums, at(9, 0)).code(), "outside_scan");
    assert_eq!(fail(99, at(0, 0)).code(), "not_found");
}

#[test]
fn an_output_of_another_shape_than_described_is_refused() {
    let add = Add {
        wrong_shape: true,
        ..plain()
    };
    let (tree, _, [_, flat, _]) = grown(Scan::new(6, 7, [2, 3]), add);
    let error = engine(1)
        .output(
            &tree.snapshot(),
            flat,
            at(0, 0),
            Priority::Interactive,
            &CancelToken::new(),
        )
        .unwrap_err();
    assert!(error.to_string().contains("[3, 5] f32 expected"), "{error}");
}

#[test]
fn new_parameters_reach_everything_below_and_old_results_are_forgotten() {
    let (tree, _, [_, flat, sums]) = grown(Scan::new(6, 7, [2, 3]), plain());
    let engine = engine(2);
    let never = CancelToken::new();
    let before = frame_of(&engine, &tree, flat, 1, 1);
    let value = |graph: &tree::Graph| match engine.output(
        graph,
        sums,
        at(5, 5),
        Priority::Interactive,
        &never,
    ) {
        Ok(Output::Values(values)) => values[0],
        other => panic!("{other:?}"),
    };
    let old = value(&tree.snapshot());
    let add = Add {
        offset: 100.5,
        ..Add::default()
    };
    let changed = tree.set_computation(flat, Arc::new(add)).unwrap();
    assert_eq!(changed, [flat, sums]);
    engine.forget_older(&tree.snapshot(), &changed);
    let graph = tree.snapshot();
    assert_eq!(graph.node(sums).unwrap().revision, 2);
    assert_eq!(frame_of(&engine, &tree, flat, 1, 1)[0], before[0] + 100.0);
    // The reference moves along, so the difference stays (up to the weights of the preparation).
    assert!((value(&graph) - old).abs() < 1.0);
}

/// What a preparation does not depend on changes without doing it again.
#[test]
fn what_is_prepared_is_done_again_only_for_what_it_depends_on() {
    let tree = Tree::new();
    let source = tree
        .add_source("scan", Arc::new(Scan::new(6, 7, [2, 3])))
        .unwrap();
    let flat = tree
        .add_operation("flat", &[source], Arc::new(plain()))
        .unwrap();
    let of = |region, times| Arc::new(Mean { region, times });
    let mean = tree.add_operation("mean", &[flat], of(None, 1.0)).unwrap();
    let engine = engine(2);
    let whole = NavigationIndex::new(&[]);
    let first = frame_at(&engine, &tree, mean, whole);
    let change = |node, computation| {
        let changed = tree.set_computation(node, computation).unwrap();
        engine.forget_older(&tree.snapshot(), &changed);
        frame_at(&engine, &tree, mean, whole)[0]
    };
    assert_eq!(change(mean, of(None, 2.0)), 2.0 * first[0]);
    let region = Some(Region::rectangle(0, 0, 2, 2));
    let other = change(mean, of(region, 1.0));
    assert_ne!(other, first[0]);
    let shifted = Add {
        offset: 100.5,
        ..Add::default()
    };
    assert!(change(flat, Arc::new(shifted)) > other + 50.0);
}

#[test]
fn a_node_that_no_longer_fits_stays_with_its_reason() {
    let tree = Tree::new();
    let mut scan = Scan::new(2, 3, [1, 1]);
    scan.meta.element = ElementType::U16;
    let source = tree.add_source("scan", Arc::new(scan)).unwrap();
    let first = tree
        .add_operation("first", &[source], Arc::new(plain()))
        .unwrap();
    let picky = Add {
        refuses: Some(ElementType::U16),
        ..plain()
    };
    let error = tree
        .add_operation("second", &[source], Arc::new(picky))
        .unwrap_err();
    assert!(matches!(error, TreeError::NotApplicable { .. }));
    let sums = tree
        .add_operation("sums", &[first], Arc::new(Sum { region: None }))
        .unwrap();
    assert!(
        tree.remove(first)
            .err()
            .unwrap()
            .to_string()
            .contains("`sums`")
    );
    tree.set_computation(first, Arc::new(Sum { region: None }))
        .unwrap();
    let graph = tree.snapshot();
    assert!(graph.node(sums).unwrap().fault.is_some());
    let error = engine(1)
        .output(
            &graph,
            sums,
            at(0, 0),
            Priority::Interactive,
            &CancelToken::new(),
        )
        .unwrap_err();
    assert_eq!(error.code(), "not_applicable");
    tree.set_computation(first, Arc::new(plain())).unwrap();
    assert!(tree.snapshot().node(sums).unwrap().fault.is_none());
}

#[test]
fn a_name_goes_to_its_newest_node() {
    let (tree, _, [source, ..]) = grown(Scan::new(2, 3, [1, 1]), plain());
    let again = tree
        .add_operation("x", &[source], Arc::new(plain()))
        .unwrap();
    let earlier = |node: &tree::Node| format!("{}_earlier", node.name);
    let other = tree.rename(again, "flat", earlier).unwrap();
    let graph = tree.snapshot();
    assert_eq!(graph.by_name("flat").unwrap().id, again);
    assert_eq!(graph.node(other.unwrap()).unwrap().name, "flat_earlier");
}

struct Seen(Mutex<Vec<NavigationIndex>>);

impl Receiver for Seen {
    fn wants(&self, _at: NavigationIndex) -> bool {
        true
    }

    fn receive(
        &self,
        at: NavigationIndex,
        output: &Result<Output, ComputeError>,
    ) -> ControlFlow<()> {
        assert!(output.is_ok());
        self.0.lock().unwrap().push(at);
        ControlFlow::Continue(())
    }
}

#[test]
fn a_delivery_gives_every_position_once_and_reads_every_chunk_once() {
    let (tree, scan, [_, flat, _]) = grown(Scan::new(6, 7, [4, 3]), plain());
    let engine = engine(4);
    let seen = Arc::new(Seen(Mutex::default()));
    engine
        .deliver(&tree.snapshot(), flat, &CancelToken::new(), seen.clone())
        .unwrap();
    let mut seen = seen.0.lock().unwrap().clone();
    assert_eq!(seen.len(), 42);
    assert_eq!(scan.reads.load(Ordering::SeqCst), 6);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 42);
}

#[test]
fn the_navigation_image_is_coarse_at_once_and_then_exact() {
    let mut scan = Scan::new(40, 56, [1, 1]);
    scan.delay = Duration::from_micros(300);
    let (tree, scan, [source, flat, _]) = grown(scan, plain());
    let engine = engine(2);
    let graph = tree.snapshot();
    let navigator = engine.navigator(&graph, flat, at(0, 0)).unwrap();
    let first = navigator.picture(Duration::from_secs(5));
    assert!(first.stride > 1 && first.values.iter().all(|value| value.is_finite()));
    assert!(scan.reads.load(Ordering::SeqCst) < 1500);
    assert_eq!((first.rows, first.columns), (40, 56));
    assert!(navigator.is_shared_with(&engine.navigator(&graph, source, at(0, 0)).unwrap()));
    let until = Instant::now() + Duration::from_secs(20);
    let exact = loop {
        let picture = navigator.picture(Duration::ZERO);
        if picture.complete == 1.0 || Instant::now() > until {
            break picture;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!((exact.stride, exact.complete), (1, 1.0));
    let mean = (0..15)
        .map(|k| f32::from(Scan::pixel(3, 9, k)))
        .sum::<f32>()
        / 15.0;
    assert!((exact.values[3 * 56 + 9] - mean).abs() < 1e-2);
}

#[test]
fn interactive_frames_go_before_a_running_pass() {
    let add = Add {
        delay: Duration::from_millis(3),
        ..plain()
    };
    let (tree, _, [source, _, sums]) = grown(Scan::new(30, 30, [1, 30]), add);
    let engine = engine(2);
    let graph = tree.snapshot();
    engine.start_map(&graph, sums).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let held = engine.interactive();
    std::thread::sleep(Duration::from_millis(20));
    let before = engine.reads().outputs;
    std::thread::sleep(Duration::from_millis(60));
    let after = engine.reads().outputs;
    assert!(
        after - before <= 4,
        "{} outputs while somebody waits",
        after - before
    );
    frame_of(&engine, &tree, source, 29, 29);
    drop(held);
    let map = engine
        .finish_map(&graph, sums, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(map.complete(), 1.0);
}

#[test]
fn the_budget_holds_while_passes_and_frames_run() {
    let (tree, _, [source, _, sums]) = grown(Scan::new(40, 50, [5, 5]), plain());
    let engine = Engine::new(EngineConfig {
        budget_bytes: 60_000,
        threads: 3,
    });
    let graph = tree.snapshot();
    engine.navigator(&graph, source, at(0, 0)).unwrap();
    engine.start_map(&graph, sums).unwrap();
    for step in 0..400 {
        frame_of(&engine, &tree, source, (step * 7) % 40, (step * 3) % 50);
        let memory = engine.memory();
        assert!(memory.used_bytes <= memory.budget_bytes, "{memory:?}");
    }
    let map = engine
        .finish_map(&graph, sums, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(map.progress().failures, 0);
    // What the pass itself had reserved goes with its threads, a moment after its result.
    let pinned = || engine.memory().pinned_bytes;
    let began = Instant::now();
    while pinned() != 40 * 50 * 4 * 3 && began.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(pinned(), 40 * 50 * 4 * 3);
}

/// As a closure that holds a signal of a cell: dropping it lets go of that signal, which asks for the tree.
#[test]
fn what_a_computation_asks_when_it_is_dropped_is_answered() {
    let (tree, _, [source, _, sums]) = grown(Scan::new(6, 7, [2, 3]), plain());
    let tree = Arc::new(tree);
    let asks = || {
        Arc::new(Asks {
            tree: tree.clone(),
            add: plain(),
        })
    };
    let (tell, told) = mpsc::channel();
    let (removed, refused) = (asks(), asks());
    let changed = tree.clone();
    std::thread::spawn(move || {
        let node = changed.add_operation("asks", &[source], removed).unwrap();
        changed.remove(node).unwrap();
        tell.send(changed.add_operation("asks", &[sums], refused).is_err())
            .unwrap();
    });
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(true));
}
