//! Maps: how they fill, stop and go on, and which parameters they are of.

mod fake;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fake::grown::{at, engine, frame_of, grown, plain};
use fake::{Add, Scan, Sum};
use tree::{PassState, Tree};

#[test]
fn a_map_fills_and_has_the_same_bits_for_any_number_of_threads() {
    let images = [1, 4].map(|threads| {
        let (tree, scan, [.., sums]) = grown(Scan::new(6, 7, [4, 3]), plain());
        let engine = engine(threads);
        let graph = tree.snapshot();
        assert_eq!(
            engine.map(&graph, sums).unwrap().progress().state,
            PassState::Idle
        );
        assert_eq!(scan.reads.load(Ordering::SeqCst), 0);
        let mut go_on = |_: &_| ControlFlow::Continue(());
        let map = engine.finish_map(&graph, sums, &mut go_on).unwrap();
        assert_eq!(map.progress().done, 42);
        assert_eq!(map.complete(), 1.0);
        assert_eq!(map.component(1)[7 * 5 + 2], 502.0);
        // Every chunk once: six, however the preparation and the pass met them.
        assert_eq!(scan.reads.load(Ordering::SeqCst), 6);
        map.all()
            .iter()
            .map(|value| value.to_bits())
            .collect::<Vec<_>>()
    });
    assert_eq!(images[0].len(), 84);
    assert_eq!(images[0], images[1]);
}

#[test]
fn failed_frames_are_nan_and_counted_and_do_not_end_a_map() {
    let mut scan = Scan::new(6, 7, [2, 3]);
    scan.bad_chunk = Some(4); // rows 2 to 3, columns 3 to 5
    let tree = Tree::new();
    let source = tree.add_source("scan", Arc::new(scan)).unwrap();
    let sums = tree
        .add_operation("sums", &[source], Arc::new(Sum { region: None }))
        .unwrap();
    let engine = engine(2);
    let map = engine
        .finish_map(&tree.snapshot(), sums, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(map.progress().failures, 6);
    assert!(
        map.progress()
            .error
            .is_some_and(|error| error.to_string().contains("chunk 4"))
    );
    assert_eq!(
        map.component(0)
            .iter()
            .filter(|value| value.is_nan())
            .count(),
        6
    );
    assert!(map.component(0)[3 * 7 + 4].is_nan());
}

/// A scan whose frames take `delay` each, and the map of their sums.
fn slow_sums(scan: Scan, delay: Duration) -> (Tree, u32) {
    let add = Add { delay, ..plain() };
    let tree = Tree::new();
    let source = tree.add_source("scan", Arc::new(scan)).unwrap();
    let flat = tree
        .add_operation("flat", &[source], Arc::new(add))
        .unwrap();
    let sums = tree
        .add_operation("sums", &[flat], Arc::new(Sum { region: None }))
        .unwrap();
    (tree, sums)
}

#[test]
fn a_cancelled_map_keeps_what_is_done_and_goes_on_from_there() {
    let (tree, sums) = slow_sums(Scan::new(12, 7, [1, 7]), Duration::from_millis(4));
    let engine = engine(1);
    let graph = tree.snapshot();
    let mut stop_soon = |progress: &tree::MapProgress| match progress.done {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    let error = engine
        .finish_map(&graph, sums, &mut stop_soon)
        .err()
        .unwrap();
    assert!(error.is_cancelled());
    let before = engine.map_progress(sums).unwrap();
    assert!(before.state == PassState::Cancelled && before.done > 0 && before.done < before.total);
    let computed = engine.reads().outputs;
    let map = engine
        .finish_map(&graph, sums, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(map.progress().done, 84);
    assert!(map.component(0).iter().all(|value| value.is_finite()));
    // Frames of the first run are not computed again, but for the units that were under way.
    assert!(engine.reads().outputs - computed <= 2 * (84 - before.done as u64) + 64);
}

#[test]
fn an_older_snapshot_never_fills_the_map_of_newer_parameters() {
    let (tree, _, [_, flat, sums]) = grown(Scan::new(6, 7, [2, 3]), plain());
    let engine = engine(2);
    let old = tree.snapshot();
    let louder = Add {
        offset: 2.5,
        ..Add::default()
    };
    tree.set_computation(flat, Arc::new(louder)).unwrap();
    let new = tree.snapshot();
    let images = engine.map(&new, sums).unwrap();
    engine.start_map(&old, sums).unwrap();
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let stale = engine.finish_map(&old, sums, go_on).err().unwrap();
    assert!(stale.is_cancelled());
    assert_eq!(images.progress().state, PassState::Idle);
    let filled = engine.finish_map(&new, sums, go_on).unwrap();
    assert_eq!(filled.progress().revision, 2);
    assert_eq!(filled.complete(), 1.0);
}

/// One frame takes long: whoever waits for the map is free before it ends, and who asks again gets a new pass.
#[test]
fn a_cancel_does_not_wait_for_a_frame_under_way_and_a_new_pass_may_begin_at_once() {
    let slow = Duration::from_millis(600);
    let (tree, sums) = slow_sums(Scan::new(2, 2, [1, 1]), slow);
    let engine = engine(1);
    let graph = tree.snapshot();
    let began = Instant::now();
    let mut states = Vec::new();
    let stopped = engine.finish_map(&graph, sums, &mut |progress| {
        states.push(progress.state);
        match began.elapsed() < slow / 6 {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    assert!(stopped.err().unwrap().is_cancelled());
    assert!(began.elapsed() < slow, "{:?}", began.elapsed());
    assert_eq!(states.last(), Some(&PassState::Cancelled));
    // "Compute" right after "Cancel": the thread of the first pass is still busy.
    engine.start_map(&graph, sums).unwrap();
    assert_eq!(engine.map_progress(sums).unwrap().state, PassState::Running);
    let map = engine
        .finish_map(&graph, sums, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!((map.progress().done, map.progress().failures), (4, 0));
}

/// An interrupted save may still be noticing while the next cell computes the same map.
#[test]
fn who_gives_up_a_map_does_not_end_it_for_others() {
    let (tree, sums) = slow_sums(Scan::new(6, 7, [1, 7]), Duration::from_millis(4));
    let engine = engine(1);
    let graph = tree.snapshot();
    std::thread::scope(|scope| {
        let (first_waits, wait) = std::sync::mpsc::channel();
        let (second_waits, give_up) = std::sync::mpsc::channel();
        let (engine, graph) = (&engine, &graph);
        let first = scope.spawn(move || {
            let mut waits = true;
            engine
                .finish_map(graph, sums, &mut |_| {
                    if std::mem::take(&mut waits) {
                        first_waits.send(()).unwrap();
                        give_up.recv().unwrap();
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                })
                .err()
        });
        wait.recv().unwrap();
        let mut joined = Some(second_waits);
        let map = engine.finish_map(graph, sums, &mut |_| {
            if let Some(second_waits) = joined.take() {
                second_waits.send(()).unwrap();
            }
            ControlFlow::Continue(())
        });
        assert_eq!(map.unwrap().progress().done, 42);
        assert!(first.join().unwrap().unwrap().is_cancelled());
    });
}

/// A page may ask for the new images between the change of a parameter and the clearing of the old ones.
#[test]
fn a_pass_with_new_parameters_survives_the_clearing_of_old_ones() {
    let (tree, _, [_, flat, sums]) = grown(Scan::new(6, 7, [2, 3]), plain());
    let engine = engine(2);
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let old = tree.snapshot();
    engine.finish_map(&old, sums, go_on).unwrap();
    let slower = Add {
        offset: 2.5,
        delay: Duration::from_millis(3),
        ..Add::default()
    };
    let changed = tree.set_computation(flat, Arc::new(slower)).unwrap();
    let new = tree.snapshot();
    engine.start_map(&new, sums).unwrap();
    let frame = frame_of(&engine, &tree, flat, 1, 1);
    engine.forget_older(&new, &changed);
    assert_eq!(engine.map_progress(sums).unwrap().state, PassState::Running);
    assert_eq!(frame_of(&engine, &tree, flat, 1, 1), frame);
    assert!(engine.cached_output(&new, flat, at(1, 1)).is_some());
    assert!(engine.cached_output(&old, flat, at(1, 1)).is_none());
    assert_eq!(
        engine.finish_map(&new, sums, go_on).unwrap().complete(),
        1.0
    );
}
