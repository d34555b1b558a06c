//! Reading ahead of a drag, on a small source in memory.

mod fake;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fake::{Add, Scan};
use signal::{CancelToken, NavigationIndex, Output};
use tree::{Engine, EngineConfig, Priority, Removed, Tree, ViewId};

struct Drag {
    tree: Tree,
    scan: Arc<Scan>,
    engine: Engine,
    source: u32,
    flat: u32,
}

impl Drag {
    fn over(scan: Scan, budget_bytes: usize) -> Drag {
        let tree = Tree::new();
        let scan = Arc::new(scan);
        let source = tree.add_source("scan", scan.clone()).unwrap();
        let add = Add {
            offset: 0.5,
            ..Add::default()
        };
        let flat = tree
            .add_operation("flat", &[source], Arc::new(add))
            .unwrap();
        let engine = Engine::new(EngineConfig {
            budget_bytes,
            threads: 2,
        });
        Drag {
            tree,
            scan,
            engine,
            source,
            flat,
        }
    }

    /// A view shows a frame, as a page makes it.
    fn show(&self, node: u32, y: usize, x: usize) {
        let (graph, at) = (self.tree.snapshot(), NavigationIndex::new(&[y, x]));
        let never = CancelToken::new();
        let output = (self.engine).output(&graph, node, at, Priority::Interactive, &never);
        assert!(matches!(output, Ok(Output::Frame(_))));
        self.engine
            .set_viewport(&graph, &ViewId::new("a", 1), node, at, None, true);
    }

    fn reads(&self) -> u64 {
        self.scan.reads.load(Ordering::SeqCst)
    }

    /// Waits until as much was done, and a little longer to see that no more is.
    fn settles_at(&self, counter: impl Fn() -> u64, expected: u64) {
        let began = Instant::now();
        while counter() < expected && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(counter(), expected);
    }
}

#[test]
fn the_next_two_chunks_in_the_direction_of_the_drag_are_read_and_no_others() {
    let drag = Drag::over(Scan::new(64, 320, [16, 32]), 1 << 20);
    drag.show(drag.source, 3, 40);
    drag.settles_at(|| drag.reads(), 1);
    drag.show(drag.source, 3, 41);
    drag.settles_at(|| drag.reads(), 3);
    let graph = drag.tree.snapshot();
    let kept = |y, x| {
        let at = NavigationIndex::new(&[y, x]);
        drag.engine.cached_output(&graph, drag.source, at).is_some()
    };
    assert!(kept(3, 64) && kept(3, 96) && !kept(3, 128) && !kept(3, 0));
    // Within the chunk nothing more is read; a chunk further, one more.
    (42..64).for_each(|x| drag.show(drag.source, 3, x));
    drag.settles_at(|| drag.reads(), 3);
    drag.show(drag.source, 3, 64);
    drag.settles_at(|| drag.reads(), 4);
    // It turns down: the column of chunks below.
    drag.show(drag.source, 4, 64);
    drag.settles_at(|| drag.reads(), 6);
    assert!(kept(16, 64) && kept(32, 64) && !kept(48, 64));
    // It jumps: that is no drag.
    drag.show(drag.source, 60, 300);
    drag.settles_at(|| drag.reads(), 7);
}

#[test]
fn positions_of_a_computed_node_are_computed_ahead_until_the_edge() {
    let drag = Drag::over(Scan::new(8, 40, [4, 8]), 1 << 20);
    let outputs = || drag.engine.reads().outputs;
    drag.show(drag.flat, 1, 20);
    drag.show(drag.flat, 1, 19);
    drag.settles_at(outputs, 2 + 12);
    drag.show(drag.flat, 1, 4);
    drag.show(drag.flat, 1, 3);
    drag.settles_at(outputs, 2 + 12 + 5);
    assert_eq!(drag.reads(), 3);
}

#[test]
fn nothing_is_read_ahead_for_a_view_that_is_hidden_or_a_node_that_is_gone() {
    let mut scan = Scan::new(8, 400, [4, 8]);
    scan.delay = Duration::from_millis(30);
    let drag = Drag::over(scan, 1 << 20);
    drag.show(drag.source, 1, 20);
    drag.show(drag.source, 1, 21);
    drag.engine.clear_viewport(&ViewId::new("a", 1));
    std::thread::sleep(Duration::from_millis(150));
    assert!(drag.reads() <= 2, "{}", drag.reads());
    drag.show(drag.source, 1, 22);
    drag.show(drag.source, 1, 23);
    let source = drag.tree.snapshot().node(drag.source).cloned();
    drag.engine.forget(&Removed {
        files: source.iter().map(|node| node.file.clone()).collect(),
        nodes: source.into_iter().collect(),
    });
    std::thread::sleep(Duration::from_millis(150));
    assert!(drag.reads() <= 4, "{}", drag.reads());
    drag.engine.shut_down();
    drag.show(drag.source, 1, 24);
    drag.show(drag.source, 1, 25);
}

#[test]
fn reading_ahead_keeps_to_its_share_of_the_budget() {
    // Four chunks fill the budget: there is room for one ahead.
    let chunk = 16 * 16 * 30;
    let drag = Drag::over(Scan::new(16, 640, [16, 16]), 4 * (chunk + 512));
    for x in 0..600 {
        drag.show(drag.source, 3, x);
        let memory = drag.engine.memory();
        assert!(memory.used_bytes <= memory.budget_bytes, "{memory:?}");
    }
    // Each chunk of the row is read once, whoever was first.
    drag.settles_at(|| drag.reads(), 39);
}
