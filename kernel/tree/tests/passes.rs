//! Passes that several maps share: what is read, who waits for whom, what stays the same.

mod fake;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fake::{Add, Mean, Scan, Sum};
use signal::{CancelToken, NavigationIndex, Output, Region};
use tree::{Engine, EngineConfig, MapImages, PassState, Priority, Tree};

/// A budget that keeps no chunk of the scans here, so that every read of one counts.
fn engine(threads: usize) -> Engine {
    Engine::new(EngineConfig {
        budget_bytes: 8 << 10,
        threads,
    })
}

struct Grown {
    tree: Tree,
    scan: Arc<Scan>,
    source: u32,
}

fn grown(scan: Scan) -> Grown {
    let tree = Tree::new();
    let scan = Arc::new(scan);
    let source = tree.add_source("scan", scan.clone()).unwrap();
    Grown { tree, scan, source }
}

impl Grown {
    fn sums(&self, below: u32, region: Option<Region>) -> u32 {
        (self.tree)
            .add_operation("sums", &[below], Arc::new(Sum { region }))
            .unwrap()
    }

    fn add(&self, add: Add) -> u32 {
        (self.tree)
            .add_operation("add", &[self.source], Arc::new(add))
            .unwrap()
    }
}

fn go_on(_: &tree::MapProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn bits(map: &MapImages) -> Vec<u32> {
    map.all().iter().map(|value| value.to_bits()).collect()
}

#[test]
fn several_maps_read_each_chunk_once_and_are_what_each_alone_is() {
    let grown = grown(Scan::new(12, 14, [2, 14]));
    let flat = grown.add(Add {
        offset: 0.5,
        ..Add::default()
    });
    let nodes = [
        grown.sums(grown.source, None),
        grown.sums(flat, None),
        grown.sums(flat, None),
    ];
    let graph = grown.tree.snapshot();
    let together = engine(2).finish_maps(&graph, &nodes, &mut go_on).unwrap();
    assert_eq!(grown.scan.reads.load(Ordering::SeqCst), 6);
    for (node, map) in nodes.iter().zip(&together) {
        assert_eq!(map.progress().state, PassState::Done);
        let alone = engine(1).finish_map(&graph, *node, &mut go_on).unwrap();
        assert_eq!(bits(&alone), bits(map));
    }
}

#[test]
fn operations_that_maps_have_in_common_run_once_per_frame() {
    let grown = grown(Scan::new(12, 14, [2, 14]));
    let flat = grown.add(Add::default());
    let nodes = [grown.sums(flat, None), grown.sums(flat, None)];
    let engine = engine(2);
    engine
        .finish_maps(&grown.tree.snapshot(), &nodes, &mut go_on)
        .unwrap();
    assert_eq!(engine.reads().outputs, 3 * 12 * 14);
}

#[test]
fn one_large_chunk_is_decoded_once_and_worked_on_by_all_threads() {
    let results = [1, 2, 4].map(|threads| {
        let mut scan = Scan::new(20, 30, [20, 30]);
        scan.delay = Duration::from_millis(5);
        let grown = grown(scan);
        let slow = grown.add(Add {
            delay: Duration::from_micros(300),
            ..Add::default()
        });
        let region = Some(Region::rectangle(3, 2, 4, 5));
        let node = grown.sums(slow, region);
        let engine = engine(threads);
        let began = Instant::now();
        let map = engine
            .finish_map(&grown.tree.snapshot(), node, &mut go_on)
            .unwrap();
        // Each thread for the reference, as the budget keeps no chunk, once for dead pixels and once for the pass.
        assert!(grown.scan.reads.load(Ordering::SeqCst) <= threads as u64 + 2);
        (bits(&map), began.elapsed())
    });
    assert_eq!(results[0].0, results[1].0);
    assert_eq!(results[0].0, results[2].0);
    let share = results[2].1.as_secs_f64() / results[0].1.as_secs_f64();
    assert!(
        share < 0.7,
        "{results:?} {share}",
        results = results.map(|r| r.1)
    );
}

#[test]
fn who_comes_late_is_taken_along_and_gets_what_was_missed() {
    let mut scan = Scan::new(40, 10, [1, 10]);
    scan.delay = Duration::from_millis(5);
    let grown = grown(scan);
    let [first, second] = [(); 2].map(|()| grown.sums(grown.source, None));
    let engine = engine(2);
    let graph = grown.tree.snapshot();
    let early = engine.start_map(&graph, first).unwrap();
    while early.progress().done < 100 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let late = engine.finish_map(&graph, second, &mut go_on).unwrap();
    let early = engine.finish_map(&graph, first, &mut go_on).unwrap();
    assert_eq!(bits(&early), bits(&late));
    assert_eq!((late.progress().done, late.progress().failures), (400, 0));
    let reads = grown.scan.reads.load(Ordering::SeqCst);
    assert!((50..75).contains(&reads), "{reads} chunks read of 40");
}

#[test]
fn a_quick_map_does_not_wait_for_a_slow_one() {
    let grown = grown(Scan::new(40, 10, [1, 10]));
    let slow = grown.add(Add {
        delay: Duration::from_millis(10),
        ..Add::default()
    });
    let (slow, quick) = (grown.sums(slow, None), grown.sums(grown.source, None));
    let engine = engine(2);
    let graph = grown.tree.snapshot();
    let running = engine.start_map(&graph, slow).unwrap();
    while running.progress().done == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let map = engine.finish_map(&graph, quick, &mut go_on).unwrap();
    assert_eq!(map.progress().done, 400);
    let progress = running.progress();
    assert!(progress.done < 200, "{} of the slow one", progress.done);
    assert_eq!(progress.state, PassState::Running);
    engine.cancel_map(slow);
}

#[test]
fn a_ride_that_is_cancelled_or_fails_leaves_the_others_alone() {
    let mut scan = Scan::new(12, 14, [2, 14]);
    scan.bad_chunk = Some(3);
    scan.delay = Duration::from_millis(4);
    let grown = grown(scan);
    let faulty = grown.add(Add {
        panics_at: Some([1, 5]),
        ..Add::default()
    });
    let plain = grown.add(Add::default());
    let nodes = [
        grown.sums(faulty, None),
        grown.sums(plain, None),
        grown.sums(grown.source, None),
    ];
    let engine = engine(2);
    let graph = grown.tree.snapshot();
    let maps = engine.start_maps(&graph, &nodes).unwrap();
    engine.cancel_map(nodes[1]);
    for map in [&maps[0], &maps[2]] {
        engine.wait_for_map(map, &mut go_on);
        assert_eq!(map.progress().state, PassState::Done);
    }
    assert_eq!(maps[0].progress().failures, 28 + 1);
    assert_eq!(maps[2].progress().failures, 28);
    assert!(maps[0].component(0)[14 + 5].is_nan());
    assert!(maps[2].component(0)[14 + 5].is_finite());
    let left = maps[1].progress();
    assert_eq!(left.state, PassState::Cancelled);
    let resumed = engine.finish_map(&graph, nodes[1], &mut go_on).unwrap();
    assert_eq!(resumed.progress().done, 168);
    assert_eq!(resumed.progress().failures, 28);
}

#[test]
fn maps_that_cannot_be_held_start_nothing() {
    let grown = grown(Scan::new(40, 50, [5, 5]));
    let nodes = [
        grown.sums(grown.source, None),
        grown.sums(grown.source, None),
    ];
    let engine = Engine::new(EngineConfig {
        budget_bytes: 20_000,
        threads: 2,
    });
    let refused = engine.finish_maps(&grown.tree.snapshot(), &nodes, &mut go_on);
    assert!(
        refused
            .err()
            .is_some_and(|error| error.to_string().contains("20"))
    );
    assert_eq!(grown.scan.reads.load(Ordering::SeqCst), 0);
}

#[test]
fn what_is_gathered_in_parts_reads_each_chunk_once_and_has_the_same_bits() {
    for region in [None, Some(Region::rectangle(3, 5, 9, 20))] {
        let found = [1, 2, 4].map(|threads| {
            let grown = grown(Scan::new(40, 13, [3, 5]));
            let mean = (grown.tree)
                .add_operation(
                    "mean",
                    &[grown.source],
                    Arc::new(Mean { region, times: 1.0 }),
                )
                .unwrap();
            let below = grown.sums(mean, None);
            let engine = engine(threads);
            let graph = grown.tree.snapshot();
            let map = engine.finish_map(&graph, below, &mut go_on).unwrap();
            assert_eq!(map.progress().total, 1);
            let reads = grown.scan.reads.load(Ordering::SeqCst);
            assert!(
                reads <= 14 * 3 && (region.is_some() || reads == 14 * 3),
                "{reads}"
            );
            let at = NavigationIndex::new(&[]);
            let never = CancelToken::new();
            match engine.output(&graph, mean, at, Priority::Interactive, &never) {
                Ok(Output::Frame(frame)) => {
                    assert_eq!(grown.scan.reads.load(Ordering::SeqCst), reads);
                    frame
                        .to_f32()
                        .iter()
                        .map(|value| value.to_bits())
                        .collect::<Vec<_>>()
                }
                other => panic!("no frame: {other:?}"),
            }
        });
        assert_eq!(found[0], found[1]);
        assert_eq!(found[0], found[2]);
        let (rows, columns) = match region {
            None => (0..40, 0..13),
            Some(_) => (5..25, 3..12),
        };
        let count = (rows.len() * columns.len()) as f64;
        let sum: f64 = rows
            .flat_map(|y| {
                columns
                    .clone()
                    .map(move |x| f64::from(Scan::pixel(y, x, 4)) + 0.1)
            })
            .sum();
        let mean = f32::from_bits(found[0][4]);
        assert!((f64::from(mean) - sum / count).abs() < 0.01, "{mean}");
    }
}

#[test]
fn a_bad_chunk_ends_what_is_gathered_in_parts_and_says_where() {
    let mut scan = Scan::new(12, 14, [2, 14]);
    scan.bad_chunk = Some(3);
    let grown = grown(scan);
    let mean = (grown.tree)
        .add_operation(
            "mean",
            &[grown.source],
            Arc::new(Mean {
                region: None,
                times: 1.0,
            }),
        )
        .unwrap();
    let at = NavigationIndex::new(&[]);
    let never = CancelToken::new();
    let graph = grown.tree.snapshot();
    let failed = engine(2).output(&graph, mean, at, Priority::Interactive, &never);
    let text = failed.err().unwrap().to_string();
    assert!(
        text.contains("chunk 3") && text.contains("(6, 0)"),
        "{text}"
    );
}

/// A slow subscriber is detached from a block of quick ones with several pieces, and gets each piece once all the same.
#[test]
fn who_gets_off_a_block_finishes_each_piece_once() {
    let grown = grown(Scan::new(20, 30, [10, 30]));
    let slow = grown.add(Add {
        delay: Duration::from_millis(1),
        ..Add::default()
    });
    let mean = (grown.tree)
        .add_operation(
            "mean",
            &[slow],
            Arc::new(Mean {
                region: None,
                times: 1.0,
            }),
        )
        .unwrap();
    let quick = grown.sums(grown.source, None);
    let at = NavigationIndex::new(&[]);
    let graph = grown.tree.snapshot();
    let mean_of = |engine: &Engine| match engine.output(
        &graph,
        mean,
        at,
        Priority::Batch,
        &CancelToken::new(),
    ) {
        Ok(Output::Frame(frame)) => frame.to_f32().into_owned(),
        other => panic!("no frame: {other:?}"),
    };
    let alone = mean_of(&engine(1));
    let engine = engine(2);
    engine.start_map(&graph, quick).unwrap();
    assert_eq!(mean_of(&engine), alone);
}
