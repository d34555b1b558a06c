//! Nodes that are made from several others.

mod fake;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fake::{Add, Scan, Sum};
use serde_json::{Value, json};
use signal::{
    CancelToken, Component, Computation, Display, Finished, FurtherInput, Inputs, NavigationIndex,
    Needs, NotApplicable, OperationError, OperationInfo, Output, Positions, Preparation, Prepare,
    Prepared, SignalMeta,
};
use tree::{Engine, EngineConfig, Priority, Tree, TreeError};

const DARK: FurtherInput = FurtherInput {
    name: "dark",
    help: "What is subtracted twice, position by position.",
    required: true,
};
const VACUUM: FurtherInput = FurtherInput {
    name: "vacuum",
    help: "Of which the sum of all pixels is subtracted.",
    required: false,
};

/// Sum of the frame, minus twice that of `dark`, minus that of all frames of `vacuum`.
struct Minus {
    takes: &'static [FurtherInput],
}

struct Total {
    vacuum: usize,
    sum: f32,
}

impl Prepare<Prepared> for Total {
    fn add(
        &mut self,
        at: NavigationIndex,
        _: &Inputs<'_>,
        _: &CancelToken,
    ) -> Result<(), OperationError> {
        panic!("{at:?} of the first input was not asked for")
    }
    fn add_further(
        &mut self,
        which: usize,
        _: NavigationIndex,
        inputs: &Inputs<'_>,
        _: &CancelToken,
    ) -> Result<(), OperationError> {
        assert_eq!((which, inputs.metas.len()), (self.vacuum, 1));
        self.sum += total(&inputs.outputs[0]);
        Ok(())
    }
    fn finish(&mut self, _: &CancelToken) -> Result<Finished<Prepared>, OperationError> {
        Ok(Finished::Done(Prepared::new(vec![self.sum])))
    }
    fn heap_bytes(&self) -> usize {
        0
    }
}

fn total(output: &Output) -> f32 {
    match output {
        Output::Frame(frame) => frame.to_f32().iter().sum(),
        other => panic!("{other:?}"),
    }
}

impl Computation for Minus {
    fn info(&self) -> OperationInfo {
        OperationInfo {
            name: "minus",
            ..Sum { region: None }.info()
        }
    }
    fn params(&self) -> Value {
        json!({})
    }
    fn further_inputs(&self) -> &'static [FurtherInput] {
        self.takes
    }
    fn needs(&self, input: usize, _: NavigationIndex, _: &[Arc<SignalMeta>]) -> Needs {
        match input {
            0 => Needs::Same,
            _ if self.takes[input - 1].name == DARK.name => Needs::Same,
            _ => Needs::Nothing,
        }
    }
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        Ok(inputs[0].to_map(vec![Component::new(
            "left",
            "left",
            "",
            Display::Sequential,
        )]))
    }
    fn preparation(&self, inputs: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        let vacuum = self.takes.len() - 1;
        let mut further = vec![Positions::None; vacuum];
        further.push(Positions::All);
        (inputs.len() == 1 + self.takes.len()).then(|| {
            Preparation::new(Positions::None, Total { vacuum, sum: 0.0 }).with_further(further)
        })
    }
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _: NavigationIndex,
        prepared: Option<&Prepared>,
        _: &CancelToken,
    ) -> Result<Output, OperationError> {
        let here = (self.takes.iter()).filter(|input| input.name == DARK.name);
        assert_eq!(inputs.outputs.len(), 1 + here.count());
        let dark = inputs.outputs.get(1).map_or(0.0, total);
        let vacuum = prepared.map_or(0.0, |any| any.downcast_ref::<Vec<f32>>().unwrap()[0]);
        let left = total(&inputs.outputs[0]) - 2.0 * dark - vacuum;
        Ok(Output::Values([left].into()))
    }
}

fn engine(threads: usize) -> Engine {
    Engine::new(EngineConfig {
        budget_bytes: 1 << 20,
        threads,
    })
}

fn sum_at(y: usize, x: usize) -> f32 {
    (0..15).map(|k| f32::from(Scan::pixel(y, x, k))).sum()
}

#[test]
fn every_position_has_its_own_of_one_input_and_all_of_the_other() {
    let tree = Tree::new();
    let scan = tree
        .add_source("scan", Arc::new(Scan::new(4, 6, [2, 3])))
        .unwrap();
    let dark = Arc::new(Scan::new(4, 6, [4, 1]));
    let dark_node = tree.add_source("dark", dark.clone()).unwrap();
    // Of another shape: nothing of it belongs to a position.
    let vacuum = tree
        .add_source("vacuum", Arc::new(Scan::new(1, 3, [1, 1])))
        .unwrap();
    let add = Add {
        offset: 7.0,
        ..Add::default()
    };
    let brighter = tree
        .add_operation("brighter", &[scan], Arc::new(add))
        .unwrap();
    let of_vacuum: f32 = (0..3).map(|x| sum_at(0, x)).sum();
    let all: &[(&'static [FurtherInput], &[u32], f32, f32)] = &[
        (&[DARK, VACUUM], &[brighter, dark_node], 2.0, 0.0),
        (
            &[DARK, VACUUM],
            &[brighter, dark_node, vacuum],
            2.0,
            of_vacuum,
        ),
        (&[VACUUM], &[brighter, vacuum], 0.0, of_vacuum),
        (&[VACUUM], &[brighter], 0.0, 0.0),
    ];
    for (takes, parents, twice, less) in all {
        let minus = tree
            .add_operation("minus", parents, Arc::new(Minus { takes }))
            .unwrap();
        let graph = tree.snapshot();
        let node = graph.node(minus).unwrap();
        assert_eq!(node.parents, *parents);
        assert_eq!(
            (node.source, node.meta.axes.navigation_shape()),
            (scan, vec![4, 6])
        );
        assert_eq!(graph.sources_of(minus).len(), parents.len());
        let expected = |y, x| sum_at(y, x) + 15.0 * 7.0 - twice * sum_at(y, x) - less;
        let never = CancelToken::new();
        for threads in [1, 3] {
            let engine = engine(threads);
            let at = NavigationIndex::new(&[3, 2]);
            let output = engine
                .output(&graph, minus, at, Priority::Interactive, &never)
                .unwrap();
            assert!(matches!(&output, Output::Values(values) if values[0] == expected(3, 2)));
            let map = engine
                .finish_map(&graph, minus, &mut |_| ControlFlow::Continue(()))
                .unwrap();
            for (flat, value) in map.component(0).iter().enumerate() {
                assert_eq!(*value, expected(flat / 6, flat % 6), "{flat} {parents:?}");
            }
        }
    }
    assert!(dark.reads.load(Ordering::SeqCst) > 0);
}

#[test]
fn what_has_one_position_goes_with_every_one() {
    let tree = Tree::new();
    let source = |name: &str, scan: Scan| tree.add_source(name, Arc::new(scan)).unwrap();
    let scan = source("scan", Scan::new(4, 6, [2, 3]));
    let single = source("single", Scan::new(1, 1, [1, 1]));
    let takes = Minus {
        takes: &[DARK, VACUUM],
    };
    let minus = tree
        .add_operation("minus", &[scan, single], Arc::new(takes))
        .unwrap();
    let map = engine(2)
        .finish_map(&tree.snapshot(), minus, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    for (flat, value) in map.component(0).iter().enumerate() {
        let here = sum_at(flat / 6, flat % 6);
        assert_eq!(*value, here - 2.0 * sum_at(0, 0), "{flat}");
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused_and_hold_what_they_are_made_from() {
    let tree = Tree::new();
    let scan = tree
        .add_source("scan", Arc::new(Scan::new(4, 6, [2, 3])))
        .unwrap();
    let dark = tree
        .add_source("dark", Arc::new(Scan::new(4, 6, [2, 3])))
        .unwrap();
    let minus = || {
        Arc::new(Minus {
            takes: &[DARK, VACUUM],
        })
    };
    let refused = |parents: &[u32]| tree.add_operation("minus", parents, minus()).unwrap_err();
    let error = refused(&[scan]).to_string();
    assert!(
        error.contains("1 input was given") && error.contains("beside it `dark`"),
        "{error}"
    );
    assert!(
        refused(&[scan, dark, dark, dark])
            .to_string()
            .contains("4 inputs were given")
    );
    let add = Arc::new(Add::default());
    let error = tree
        .add_operation("flat", &[scan, dark], add.clone())
        .unwrap_err();
    assert!(error.to_string().contains("no other beside it"), "{error}");
    for parents in [&[scan, 99][..], &[]] {
        assert!(matches!(refused(parents), TreeError::NoNode { .. }));
    }

    let flat = tree.add_operation("flat", &[dark], add).unwrap();
    let node = tree.add_operation("minus", &[scan, flat], minus()).unwrap();
    let error = tree.remove(flat).err().unwrap().to_string();
    assert!(error.contains("`minus`"), "{error}");
    let above: Vec<u32> = tree
        .snapshot()
        .above(&[node])
        .nodes()
        .iter()
        .map(|node| node.id)
        .collect();
    assert_eq!(above, [scan, dark, flat, node]);
    let line: Vec<u32> = tree
        .snapshot()
        .with_ancestors(node)
        .iter()
        .map(|node| node.id)
        .collect();
    assert_eq!(line, [scan, dark, flat, node]);
    // What changes above its second input changes it too.
    let changed = tree
        .set_computation(
            flat,
            Arc::new(Add {
                offset: 2.0,
                ..Add::default()
            }),
        )
        .unwrap();
    assert_eq!(changed, [flat, node]);
}
