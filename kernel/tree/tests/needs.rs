//! Nodes whose positions take other positions of their inputs: scans that are cut, grouped, smoothed, whole maps.

mod fake;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake::scans::{Does, Series};
use fake::{Scan, Sum};
use signal::{CancelToken, NavigationIndex, Output};
use tree::{
    ComputeError, Engine, EngineConfig, EngineEvent, Graph, PassState, Priority, Receiver, Tree,
    ViewId,
};

fn engine(threads: usize, budget_bytes: usize) -> Engine {
    Engine::new(EngineConfig {
        budget_bytes,
        threads,
    })
}

struct Grown {
    tree: Tree,
    series: Arc<Series>,
    source: u32,
}

fn grown(shape: &[usize], chunk: &[usize]) -> Grown {
    let tree = Tree::new();
    let series = Arc::new(Series::new(shape, chunk));
    let source = tree.add_source("series", series.clone()).unwrap();
    Grown {
        tree,
        series,
        source,
    }
}

impl Grown {
    fn add(&self, parent: u32, does: Does) -> u32 {
        (self.tree)
            .add_operation("node", &[parent], Arc::new(does))
            .unwrap()
    }
    fn graph(&self) -> Arc<Graph> {
        self.tree.snapshot()
    }
}

fn go_on(_: &tree::MapProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn first_pixel(output: &Output) -> f32 {
    match output {
        Output::Frame(frame) => frame.to_f32()[0],
        Output::Values(values) => values[0],
        other => panic!("{other:?}"),
    }
}

/// Values by position, as they are delivered.
struct Seen {
    values: Mutex<Vec<(Vec<usize>, f32)>>,
    most: usize,
}

impl Receiver for Seen {
    fn wants(&self, _: NavigationIndex) -> bool {
        true
    }
    fn receive(
        &self,
        at: NavigationIndex,
        output: &Result<Output, ComputeError>,
    ) -> ControlFlow<()> {
        let mut values = self.values.lock().unwrap();
        values.push((
            at.as_slice().to_vec(),
            first_pixel(output.as_ref().unwrap()),
        ));
        match values.len() < self.most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

fn delivered(engine: &Engine, graph: &Arc<Graph>, node: u32) -> Vec<(Vec<usize>, f32)> {
    let seen = Arc::new(Seen {
        values: Mutex::default(),
        most: usize::MAX,
    });
    engine
        .deliver(graph, node, &CancelToken::new(), seen.clone())
        .unwrap();
    let mut values = std::mem::take(&mut *seen.values.lock().unwrap());
    values.sort_by(|a, b| a.0.cmp(&b.0));
    values
}

/// Every position of a scan with what is expected there.
fn expected(shape: &[usize], value: impl Fn(&[usize]) -> f32) -> Vec<(Vec<usize>, f32)> {
    (0..shape.iter().product())
        .map(|flat| {
            let at = NavigationIndex::from_flat(flat, shape);
            (at.as_slice().to_vec(), value(at.as_slice()))
        })
        .collect()
}

const ENOUGH: usize = 1 << 20;

#[test]
fn a_part_of_a_scan_has_the_frames_of_its_place_everywhere() {
    type Case<'a> = (&'a [usize], &'a [usize], [usize; 4], [usize; 4]);
    let cases: [Case<'_>; 4] = [
        (&[9], &[2], [3, 0, 0, 0], [4, 0, 0, 0]),
        (&[6, 9], &[2, 4], [1, 2, 0, 0], [4, 5, 0, 0]),
        (&[3, 4, 7], &[1, 2, 3], [1, 1, 2, 0], [2, 2, 4, 0]),
        (&[6, 9], &[1, 1], [5, 8, 0, 0], [1, 1, 0, 0]),
    ];
    for (shape, chunk, first, size) in cases {
        let rank = shape.len();
        let grown = grown(shape, chunk);
        let crop = grown.add(grown.source, Does::Crop { first, size });
        let map = grown.add(crop, Does::First);
        let graph = grown.graph();
        let wanted = expected(&size[..rank], |at| {
            let place: Vec<usize> = at
                .iter()
                .zip(&first)
                .map(|(at, first)| at + first)
                .collect();
            NavigationIndex::new(&place).flat(shape) as f32
        });
        for threads in [1, 3] {
            let engine = engine(threads, ENOUGH);
            for (at, value) in &wanted {
                let at = NavigationIndex::new(at);
                let found =
                    engine.output(&graph, crop, at, Priority::Interactive, &CancelToken::new());
                assert_eq!(first_pixel(&found.unwrap()), *value);
            }
            assert_eq!(delivered(&engine, &graph, crop), wanted);
            let images = engine.finish_map(&graph, map, &mut go_on).unwrap();
            let values: Vec<f32> = wanted.iter().map(|(_, value)| *value).collect();
            assert_eq!(images.component(0), values);
            assert_eq!(images.progress().done, values.len());
        }
        let axis = &graph.node(crop).unwrap().meta.axes.navigation[0];
        assert_eq!(axis.offset, 10.0 + 0.5 * first[0] as f64);
    }
}

#[test]
fn only_the_chunks_of_a_part_are_read_and_each_once() {
    let grown = grown(&[8, 12], &[2, 3]);
    let crop = grown.add(
        grown.source,
        Does::Crop {
            first: [3, 4, 0, 0],
            size: [3, 4, 0, 0],
        },
    );
    let map = grown.add(crop, Does::First);
    // No room for a chunk.
    let engine = engine(2, 1 << 10);
    engine.finish_map(&grown.graph(), map, &mut go_on).unwrap();
    let mut reads = std::mem::take(&mut *grown.series.reads.lock().unwrap());
    reads.sort_unstable();
    // Rows 3 to 5 and columns 4 to 7 lie in chunk rows 1, 2 and chunk columns 1, 2.
    assert_eq!(reads, [5, 6, 9, 10]);
}

#[test]
fn a_finished_map_is_read_from_the_map() {
    let grown = grown(&[8, 12], &[2, 3]);
    let map = grown.add(grown.source, Does::First);
    let part = Does::Crop {
        first: [3, 4, 0, 0],
        size: [3, 4, 0, 0],
    };
    let cut = grown.add(map, part);
    let smooth = grown.add(map, Does::Neighbours([1, 0, 0, 0]));
    let from_largest = grown.add(map, Does::FromLargest);
    let engine = engine(2, 8 << 10);
    let graph = grown.graph();
    engine.finish_map(&graph, map, &mut go_on).unwrap();
    let reads = grown.series.count();
    let computed = engine.reads().outputs;
    let found = engine
        .finish_map(&graph, cut, &mut go_on)
        .unwrap()
        .component(0);
    assert_eq!(
        found,
        expected(&[3, 4], |at| ((at[0] + 3) * 12 + at[1] + 4) as f32)
            .into_iter()
            .map(|(_, v)| v)
            .collect::<Vec<_>>()
    );
    assert_eq!(
        engine.reads().outputs,
        computed,
        "a crop of a map computes nothing"
    );
    let found = engine
        .finish_map(&graph, smooth, &mut go_on)
        .unwrap()
        .component(0);
    assert_eq!((found[0], found[12], found[7 * 12 + 1]), (6.0, 12.0, 79.0));
    let found = engine
        .finish_map(&graph, from_largest, &mut go_on)
        .unwrap()
        .component(0);
    assert_eq!((found[0], found[95]), (-95.0, 0.0));
    let at = NavigationIndex::new(&[2, 3]);
    let one = engine.output(&graph, cut, at, Priority::Interactive, &CancelToken::new());
    assert_eq!(first_pixel(&one.unwrap()), (5 * 12 + 7) as f32);
    assert_eq!(delivered(&engine, &graph, smooth).len(), 96);
    assert_eq!(grown.series.count(), reads, "nothing is read again");
}

#[test]
fn a_map_that_is_needed_as_a_whole_is_filled_first() {
    for below in [Does::FromLargest, Does::Neighbours([0, 1, 0, 0])] {
        let grown = grown(&[8, 12], &[2, 3]);
        let map = grown.add(grown.source, Does::First);
        let node = grown.add(map, below);
        let engine = engine(1, 8 << 10);
        let graph = grown.graph();
        let images = engine.finish_map(&graph, node, &mut go_on).unwrap();
        assert_eq!(images.progress().state, PassState::Done);
        assert_eq!(grown.series.count(), 16, "each chunk is read once");
        assert_eq!(
            engine.map(&graph, map).unwrap().progress().state,
            PassState::Done
        );
        let at = NavigationIndex::new(&[7, 11]);
        let value = first_pixel(
            &engine
                .output(&graph, node, at, Priority::Interactive, &CancelToken::new())
                .unwrap(),
        );
        assert_eq!(value, images.component(0)[95]);
    }
}

#[test]
fn groups_and_neighbours_are_the_same_for_any_number_of_threads() {
    for (shape, chunk, radius, group) in [
        (&[11][..], &[2][..], [2, 0, 0, 0], [3, 1, 1, 1]),
        (&[6, 9], &[2, 4], [1, 2, 0, 0], [2, 4, 1, 1]),
        (&[5, 4, 7], &[1, 2, 3], [1, 0, 0, 0], [2, 2, 3, 1]),
    ] {
        let rank = shape.len();
        let grown = grown(shape, chunk);
        let smooth = grown.add(grown.source, Does::Neighbours(radius));
        let joined = grown.add(grown.source, Does::Group(group));
        // Of both at once, on the way to a map.
        let map = grown.add(grown.add(smooth, Does::Group(group)), Does::First);
        let graph = grown.graph();
        let number = |at: &[usize]| NavigationIndex::new(at).flat(shape) as f32;
        let window =
            |at: &[usize]| signal::Window::around(NavigationIndex::new(at), &radius[..rank], shape);
        let mean = |at: &[usize]| {
            let window = window(at);
            window
                .positions()
                .map(|at| number(at.as_slice()))
                .sum::<f32>()
                / window.count() as f32
        };
        let groups: Vec<usize> = shape
            .iter()
            .zip(&group)
            .map(|(size, group)| size / group)
            .collect();
        let of_group =
            |at: &[usize]| signal::Window::group(NavigationIndex::new(at), &group[..rank]);
        let mut maps = Vec::new();
        for threads in [1, 2, 4] {
            let engine = engine(threads, ENOUGH);
            let found = delivered(&engine, &graph, smooth);
            assert_eq!(found, expected(shape, mean));
            let found = delivered(&engine, &graph, joined);
            let sum = |at: &[usize]| {
                of_group(at)
                    .positions()
                    .map(|at| number(at.as_slice()))
                    .sum()
            };
            assert_eq!(found, expected(&groups, sum));
            maps.push(
                engine
                    .finish_map(&graph, map, &mut go_on)
                    .unwrap()
                    .component(0),
            );
        }
        assert_eq!(maps[0], maps[1]);
        assert_eq!(maps[0], maps[2]);
        let sum = |at: &[usize]| {
            of_group(at)
                .positions()
                .map(|at| mean(at.as_slice()))
                .sum::<f32>()
        };
        for ((_, wanted), found) in expected(&groups, sum).into_iter().zip(&maps[0]) {
            assert!(
                (wanted - found).abs() <= 1e-5 * wanted.abs(),
                "{wanted} {found}"
            );
        }
    }
}

#[test]
fn a_save_of_a_rolling_mean_reads_each_chunk_about_once() {
    // Room for some five chunks of 32 frames, of 40.
    let chunk = 32 * 6 * 4;
    for (shape, chunks, radius) in [
        (&[1280][..], &[32][..], [3, 0, 0, 0]),
        (&[40, 32], &[1, 32], [2, 0, 0, 0]),
        // The axis of the window is the slowest of the chunks, and what lies between two uses of one does not fit.
        (&[20, 16, 64], &[4, 4, 32], [2, 0, 0, 0]),
    ] {
        for threads in [1, 2] {
            let grown = grown(shape, chunks);
            let smooth = grown.add(grown.source, Does::Neighbours(radius));
            let graph = grown.graph();
            let budget = match shape.len() {
                3 => 14 * 512 * 6 * 4,
                _ => 24 * chunk,
            };
            let engine = engine(threads, budget);
            let found = delivered(&engine, &graph, smooth);
            assert_eq!(found.len(), shape.iter().product::<usize>());
            let (reads, all) = (grown.series.count(), 40);
            assert!(
                reads <= all + all / 4,
                "{reads} reads of {all} chunks, {threads} threads, {shape:?}"
            );
            let memory = engine.memory();
            assert!(memory.used_bytes <= memory.budget_bytes);
        }
    }
}

#[test]
fn a_pass_over_moved_positions_ends_when_it_is_cancelled_and_goes_on() {
    let grown = grown(&[40, 30], &[1, 30]);
    let smooth = grown.add(grown.source, Does::Neighbours([1, 0, 0, 0]));
    let map = grown.add(smooth, Does::First);
    let engine = engine(2, ENOUGH);
    let graph = grown.graph();
    let ended = engine.finish_map(&graph, map, &mut |progress| match progress.done {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    // A pass that was quicker than the first look is complete.
    let before = engine.map(&graph, map).unwrap().progress();
    assert!(before.done > 0 && ended.is_ok() == (before.state == PassState::Done));
    let images = engine.finish_map(&graph, map, &mut go_on).unwrap();
    assert_eq!(images.progress().done, 1200);
    assert!(images.component(0).iter().all(|value| value.is_finite()));
    let seen = Arc::new(Seen {
        values: Mutex::default(),
        most: 100,
    });
    let ended = engine.deliver(&graph, smooth, &CancelToken::new(), seen.clone());
    assert!(ended.is_err_and(|error| error.is_cancelled()));
    assert!(seen.values.lock().unwrap().len() < 200);
}

#[test]
fn a_cut_scan_has_a_navigation_image_of_its_own() {
    let grown = grown(&[3, 8, 12], &[1, 2, 3]);
    let part = Does::Crop {
        first: [1, 3, 4, 0],
        size: [2, 4, 6, 0],
    };
    let crop = grown.add(grown.source, part);
    let joined = grown.add(crop, Does::Group([1, 2, 3, 1]));
    let smooth = grown.add(grown.source, Does::Neighbours([1, 0, 0, 0]));
    let engine = engine(2, ENOUGH);
    let graph = grown.graph();
    let complete = |node: u32, at: &[usize]| {
        let image = engine
            .navigator(&graph, node, NavigationIndex::new(at))
            .unwrap();
        loop {
            let picture = image.picture(Duration::from_secs(5));
            if picture.complete == 1.0 {
                break (picture, image);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let number = |t: usize, y: usize, x: usize| (t * 96 + y * 12 + x) as f32 + 0.0025;
    let (picture, of_crop) = complete(crop, &[1, 0, 0]);
    assert_eq!((picture.rows, picture.columns), (4, 6));
    assert_eq!(picture.outer, [1]);
    let close =
        |found: f32, wanted: f32| assert!((found - wanted).abs() < 1e-2, "{found} {wanted}");
    close(picture.values[0], number(2, 3, 4));
    close(picture.values[3 * 6 + 5], number(2, 6, 9));
    let (picture, _) = complete(joined, &[0, 0, 0]);
    assert_eq!((picture.rows, picture.columns), (2, 2));
    close(picture.values[3], (number(1, 5, 7) + number(1, 6, 9)) / 2.0);
    // What is smoothed stays where it is.
    let (picture, of_smooth) = complete(smooth, &[2, 0, 0]);
    close(picture.values[13], number(2, 1, 1));
    assert!(of_smooth.is_shared_with(&of_crop));
    let ids = [grown.source, crop, joined, smooth].map(|node| graph.scan_of(node).unwrap().id);
    assert_eq!(ids, [grown.source, crop, joined, grown.source]);
    assert_eq!(graph.steps_in_file(smooth), None);
    let (first, step) = graph.steps_in_file(joined).unwrap();
    assert_eq!((first, step), (vec![1.0, 3.5, 5.0], vec![1.0, 2.0, 3.0]));
    assert!(
        engine
            .navigator(&graph, crop, NavigationIndex::new(&[2, 0, 0]))
            .is_err()
    );
}

#[test]
fn a_cut_scan_is_read_ahead_and_looked_at_in_its_own_place() {
    let tree = Tree::new();
    let scan = Arc::new(Scan::new(12, 14, [1, 14]));
    let source = tree.add_source("scan", scan.clone()).unwrap();
    let part = Does::Crop {
        first: [6, 2, 0, 0],
        size: [5, 8, 0, 0],
    };
    let crop = tree
        .add_operation("crop", &[source], Arc::new(part))
        .unwrap();
    let sums = tree
        .add_operation("sums", &[crop], Arc::new(Sum { region: None }))
        .unwrap();
    let engine = engine(2, ENOUGH);
    let (told, news) = std::sync::mpsc::channel();
    let told = Mutex::new(told);
    engine.observe(move |event| {
        if let EngineEvent::Map(progress) = event {
            let _ = told.lock().unwrap().send(progress.total);
        }
    });
    let graph = tree.snapshot();
    let at = NavigationIndex::new(&[0, 3]);
    assert!(engine.cached_output(&graph, crop, at).is_none());
    engine
        .output(&graph, crop, at, Priority::Interactive, &CancelToken::new())
        .unwrap();
    let found = engine.cached_output(&graph, crop, at).unwrap();
    assert_eq!(first_pixel(&found), f32::from(Scan::pixel(6, 5, 0)));
    for row in 0..2 {
        let at = NavigationIndex::new(&[row, 3]);
        engine.set_viewport(&graph, &ViewId::new("a", 1), crop, at, Some([1, 0]), true);
    }
    let ahead = NavigationIndex::new(&[3, 3]);
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while engine.cached_output(&graph, crop, ahead).is_none() {
        assert!(std::time::Instant::now() < until, "the row ahead is read");
        std::thread::sleep(Duration::from_millis(5));
    }
    engine.finish_map(&graph, sums, &mut go_on).unwrap();
    assert!(news.try_iter().all(|total| total == 40));
}
