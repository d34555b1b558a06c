//! A small tree over a scan in memory, and what is asked of it.

use std::sync::Arc;

use signal::{CancelToken, NavigationIndex, Output, Region};
use tree::{Engine, EngineConfig, Priority, Tree};

use super::{Add, Scan, Sum};

pub fn engine(threads: usize) -> Engine {
    Engine::new(EngineConfig {
        budget_bytes: 1 << 20,
        threads,
    })
}

pub fn at(y: usize, x: usize) -> NavigationIndex {
    NavigationIndex::new(&[y, x])
}

/// `scan -> flat (add 0.5) -> sums (minus the reference region)`.
pub fn grown(scan: Scan, add: Add) -> (Tree, Arc<Scan>, [u32; 3]) {
    let tree = Tree::new();
    let scan = Arc::new(scan);
    let source = tree.add_source("scan", scan.clone()).unwrap();
    let flat = tree
        .add_operation("flat", &[source], Arc::new(add))
        .unwrap();
    let region = Some(Region::rectangle(1, 0, 3, 2));
    let sums = tree
        .add_operation("sums", &[flat], Arc::new(Sum { region }))
        .unwrap();
    (tree, scan, [source, flat, sums])
}

pub fn plain() -> Add {
    Add {
        offset: 0.5,
        ..Add::default()
    }
}

pub fn frame_of(engine: &Engine, tree: &Tree, node: u32, y: usize, x: usize) -> Vec<f32> {
    frame_at(engine, tree, node, at(y, x))
}

pub fn frame_at(engine: &Engine, tree: &Tree, node: u32, at: NavigationIndex) -> Vec<f32> {
    let never = CancelToken::new();
    match engine.output(&tree.snapshot(), node, at, Priority::Interactive, &never) {
        Ok(Output::Frame(frame)) => frame.to_f32().into_owned(),
        other => panic!("no frame: {other:?}"),
    }
}
