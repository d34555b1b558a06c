//! What is prepared over the scan: in passes, kept where it was cancelled, counted in the memory budget.

mod fake;

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fake::{Add, Scan, Sum};
use serde_json::{Value, json};
use signal::{
    CancelToken, Computation, Finished, Frame, HeapBytes, Inputs, NavigationIndex, NotApplicable,
    OperationError, OperationInfo, Output, Positions, Preparation, Prepare, Prepared, SignalMeta,
};
use tree::{Cause, Engine, EngineConfig, EngineEvent, PassState, Tree};

#[derive(Default)]
struct Log {
    adds: AtomicUsize,
    finishes: AtomicUsize,
    /// The first call of `finish` shares parts until it is interrupted.
    endless: AtomicBool,
}

/// A number that depends on the order in which frames are added, pass after pass.
#[derive(Clone)]
struct Folded {
    passes: usize,
    /// Positions that are looked at before.
    looks: usize,
    forks: bool,
    delay: Duration,
    /// Bytes of what is prepared.
    bytes: usize,
    /// A parameter that the preparation depends on, and one that it does not.
    seed: f64,
    shown: f64,
    log: Arc<Log>,
}

impl Folded {
    fn new() -> Self {
        Folded {
            passes: 1,
            looks: 0,
            forks: false,
            delay: Duration::ZERO,
            bytes: 8,
            seed: 1.0,
            shown: 1.0,
            log: Arc::default(),
        }
    }

    fn adds(&self) -> usize {
        self.log.adds.load(Ordering::SeqCst)
    }
}

struct Fold {
    of: Folded,
    pass: usize,
    number: f64,
}

impl Prepare<Prepared> for Fold {
    fn add(
        &mut self,
        _: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        std::thread::sleep(self.of.delay);
        cancel.check()?;
        let frame = inputs.frame()?.to_f32();
        self.number = self.number * 1.01 + f64::from(frame.iter().sum::<f32>());
        self.of.log.adds.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn finish(&mut self, _: &CancelToken) -> Result<Finished<Prepared>, OperationError> {
        let log = &self.of.log;
        log.finishes.fetch_add(1, Ordering::SeqCst);
        if log.endless.swap(false, Ordering::SeqCst) {
            let crew = signal::crew().expect("whoever runs it brings a crew");
            let nap = |_| std::thread::sleep(Duration::from_millis(1));
            crew.share(usize::MAX, &|parts| parts.for_each(nap));
        }
        if self.pass < self.of.passes {
            let next = Fold {
                of: self.of.clone(),
                pass: self.pass + 1,
                number: self.number,
            };
            let passes = self.of.passes - self.pass;
            let next = Preparation::new(Positions::All, next).with_passes(passes);
            return Ok(Finished::Again(next));
        }
        let mut found = vec![0.0; self.of.bytes / 8];
        found[0] = self.number;
        Ok(Finished::Done(Prepared::new(found)))
    }

    fn heap_bytes(&self) -> usize {
        64
    }

    fn fork(&self) -> Option<Box<dyn Prepare<Prepared>>> {
        self.of.forks.then(|| {
            Box::new(Fold {
                of: self.of.clone(),
                pass: self.pass,
                number: 0.0,
            }) as Box<dyn Prepare<Prepared>>
        })
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn merge(&mut self, later: &mut dyn Any) {
        let later = later.downcast_ref::<Fold>().expect("the same kind");
        self.number = self.number * 1.1 + later.number;
    }
}

impl Computation for Folded {
    fn info(&self) -> OperationInfo {
        OperationInfo {
            name: "folded",
            ..Sum { region: None }.info()
        }
    }
    fn params(&self) -> Value {
        json!({"seed": self.seed, "shown": self.shown, "passes": self.passes, "forks": self.forks})
    }
    fn preparation_params(&self) -> Value {
        json!({"seed": self.seed, "passes": self.passes, "forks": self.forks})
    }
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        Ok(inputs[0].clone())
    }
    fn preparation(&self, _: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        let (positions, pass) = match self.looks {
            0 => (Positions::All, 1),
            looks => (Positions::Spread(looks), 0),
        };
        let first = Fold {
            of: self.clone(),
            pass,
            number: self.seed,
        };
        Some(Preparation::new(positions, first).with_passes(self.passes))
    }
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _: NavigationIndex,
        prepared: Option<&Prepared>,
        _: &CancelToken,
    ) -> Result<Output, OperationError> {
        assert!(prepared.is_some());
        let frame: &Frame = inputs.frame()?;
        Ok(Output::Frame(frame.clone()))
    }
}

fn engine(threads: usize, budget_bytes: usize) -> Engine {
    Engine::new(EngineConfig {
        budget_bytes,
        threads,
    })
}

struct Grown {
    tree: Tree,
    scan: Arc<Scan>,
    plus: u32,
    folded: u32,
}

/// `scan -> plus (add 0.5) -> folded` over 20 x 10 positions.
fn grown(folded: &Folded) -> Grown {
    let tree = Tree::new();
    let scan = Arc::new(Scan::new(20, 10, [2, 5]));
    let source = tree.add_source("scan", scan.clone()).unwrap();
    let plus = Add {
        offset: 0.5,
        ..Add::default()
    };
    let plus = (tree.add_operation("plus", &[source], Arc::new(plus))).unwrap();
    let folded = (tree.add_operation("folded", &[plus], Arc::new(folded.clone()))).unwrap();
    Grown {
        tree,
        scan,
        plus,
        folded,
    }
}

const POSITIONS: usize = 200;

impl Grown {
    fn prepare(&self, engine: &Engine) -> Result<u64, tree::ComputeError> {
        let graph = self.tree.snapshot();
        let kept = engine.prepare(&graph, self.folded, &CancelToken::new())?;
        let found = engine.prepared(graph.node(self.folded).unwrap()).unwrap();
        drop(kept);
        Ok(found.downcast_ref::<Vec<f64>>().unwrap()[0].to_bits())
    }

    /// Begins, and cancels for everybody as soon as `enough`.
    fn cancel_when(&self, engine: &Engine, enough: impl Fn() -> bool) {
        let graph = self.tree.snapshot();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| self.prepare(engine));
            wait_until(enough);
            engine.cancel_preparation(graph.node(self.folded).unwrap());
            let error = waits.join().unwrap().unwrap_err();
            assert!(error.is_cancelled(), "{error}");
        });
    }

    fn progress(&self, engine: &Engine) -> tree::PreparationProgress {
        let graph = self.tree.snapshot();
        (engine.preparation_progress(graph.node(self.folded).unwrap())).expect("it was begun")
    }

    fn change(&self, engine: &Engine, node: u32, computation: Arc<dyn Computation>) {
        let changed = self.tree.set_computation(node, computation).unwrap();
        engine.forget_older(&self.tree.snapshot(), &changed);
    }
}

fn wait_until(there: impl Fn() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

const MEBIBYTE: usize = 1 << 20;

#[test]
fn what_is_cancelled_at_60_percent_goes_on_from_there() {
    let plain = Folded::new();
    let expected = grown(&plain).prepare(&engine(1, MEBIBYTE)).unwrap();
    let folded = Folded {
        delay: Duration::from_millis(2),
        log: Arc::default(),
        ..plain.clone()
    };
    let (scan, engine) = (grown(&folded), engine(3, MEBIBYTE));
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = said.clone();
    engine.observe(move |event| {
        if let EngineEvent::Preparing(progress) = event {
            heard
                .lock()
                .unwrap()
                .push((progress.state, progress.done, progress.total));
        }
    });
    scan.cancel_when(&engine, || folded.adds() >= 120);
    let progress = scan.progress(&engine);
    assert_eq!(progress.state, PassState::Cancelled);
    let before = said.lock().unwrap().len();
    assert_eq!(scan.prepare(&engine).unwrap(), expected);
    assert_eq!(folded.adds(), POSITIONS, "each position was added once");
    let said = said.lock().unwrap();
    let is = |state| move |(found, ..): &&(PassState, usize, usize)| *found == state;
    assert!(
        said.iter().any(|told| is(PassState::Running)(&told)),
        "{said:?}"
    );
    assert_eq!(said.iter().filter(is(PassState::Cancelled)).count(), 1);
    for (state, done, total) in &said[before..] {
        assert!(
            *done >= 120 && *total == POSITIONS,
            "{state:?} {done} {total}"
        );
    }
}

#[test]
fn parts_that_were_merged_are_not_gathered_again_and_the_bits_are_the_same() {
    let plain = Folded {
        forks: true,
        ..Folded::new()
    };
    let expected = grown(&plain).prepare(&engine(1, MEBIBYTE)).unwrap();
    for threads in [1, 4] {
        let folded = Folded {
            delay: Duration::from_millis(2),
            log: Arc::default(),
            ..plain.clone()
        };
        let (scan, engine) = (grown(&folded), engine(threads, MEBIBYTE));
        scan.cancel_when(&engine, || folded.adds() >= 120);
        let before = folded.adds();
        assert!(scan.progress(&engine).done > 0);
        assert_eq!(scan.prepare(&engine).unwrap(), expected);
        // Pieces that were begun are done again: up to 32 positions on each thread.
        let again = folded.adds() - before;
        assert!(
            again < POSITIONS - before + 32 * threads + 1,
            "{again} after {before}"
        );
    }
}

#[test]
fn passes_follow_each_other_and_none_is_done_twice() {
    for forks in [false, true] {
        let plain = Folded {
            passes: 3,
            forks,
            ..Folded::new()
        };
        let expected = grown(&plain).prepare(&engine(1, MEBIBYTE)).unwrap();
        assert_eq!(plain.adds(), 3 * POSITIONS);
        let folded = Folded {
            delay: Duration::from_micros(500),
            log: Arc::default(),
            ..plain.clone()
        };
        let (scan, engine) = (grown(&folded), engine(2, MEBIBYTE));
        scan.cancel_when(&engine, || folded.adds() >= 300);
        let progress = scan.progress(&engine);
        assert_eq!((progress.pass, progress.passes), (2, Some(3)));
        assert_eq!(scan.prepare(&engine).unwrap(), expected);
        assert_eq!(folded.log.finishes.load(Ordering::SeqCst), 3);
        assert!(forks || folded.adds() == 3 * POSITIONS);
    }
}

#[test]
fn a_look_at_a_few_positions_is_no_pass() {
    let folded = Folded {
        passes: 2,
        looks: 5,
        delay: Duration::from_micros(500),
        ..Folded::new()
    };
    let (scan, engine) = (grown(&folded), engine(2, MEBIBYTE));
    for (adds, pass) in [(2, 1), (5 + POSITIONS / 2, 1), (5 + POSITIONS * 3 / 2, 2)] {
        scan.cancel_when(&engine, || folded.adds() >= adds);
        let progress = scan.progress(&engine);
        assert_eq!((progress.pass, progress.passes), (pass, Some(2)), "{adds}");
    }
    scan.prepare(&engine).unwrap();
    assert_eq!(folded.log.finishes.load(Ordering::SeqCst), 3);
}

#[test]
fn what_is_worked_out_is_interrupted_and_needs_no_frame_again() {
    let folded = Folded::new();
    let (scan, engine) = (grown(&folded), engine(2, MEBIBYTE));
    folded.log.endless.store(true, Ordering::SeqCst);
    scan.cancel_when(&engine, || scan_concludes(&scan, &engine));
    let expected = grown(&Folded::new()).prepare(&engine).unwrap();
    assert_eq!(scan.prepare(&engine).unwrap(), expected);
    assert_eq!(folded.adds(), POSITIONS);
}

fn scan_concludes(scan: &Grown, engine: &Engine) -> bool {
    let graph = scan.tree.snapshot();
    (engine.preparation_progress(graph.node(scan.folded).unwrap()))
        .is_some_and(|progress| progress.concluding.is_some())
}

#[test]
fn it_goes_on_only_with_what_depends_on_the_same() {
    let folded = Folded {
        delay: Duration::from_millis(1),
        ..Folded::new()
    };
    let (scan, engine) = (grown(&folded), engine(2, MEBIBYTE));
    scan.cancel_when(&engine, || folded.adds() >= 120);
    // A parameter that it does not depend on.
    let shown = Folded {
        shown: 2.0,
        ..folded.clone()
    };
    scan.change(&engine, scan.folded, Arc::new(shown));
    let first = scan.prepare(&engine).unwrap();
    assert_eq!(folded.adds(), POSITIONS);
    // One that it does.
    let other = Folded {
        seed: 2.0,
        ..folded.clone()
    };
    scan.change(&engine, scan.folded, Arc::new(other));
    scan.cancel_when(&engine, || folded.adds() >= POSITIONS + 120);
    // Another input: nothing of it is left.
    let plus = Add {
        offset: 1.5,
        ..Add::default()
    };
    scan.change(&engine, scan.plus, Arc::new(plus));
    let before = folded.adds();
    assert_ne!(scan.prepare(&engine).unwrap(), first);
    assert_eq!(folded.adds(), before + POSITIONS);
}

#[test]
fn nothing_goes_on_with_what_was_gathered_from_a_file_that_has_changed() {
    for forks in [false, true] {
        let folded = Folded {
            delay: Duration::from_millis(1),
            forks,
            ..Folded::new()
        };
        let (scan, engine) = (grown(&folded), engine(2, MEBIBYTE));
        scan.cancel_when(&engine, || folded.adds() >= 120);
        wait_until(|| scan.progress_state(&engine) == Some(PassState::Cancelled));
        std::thread::sleep(Duration::from_millis(50));
        scan.scan.changed.store(true, Ordering::SeqCst);
        let before = folded.adds();
        scan.prepare(&engine).unwrap();
        assert_eq!(folded.adds(), before + POSITIONS);
    }
}

#[test]
fn it_ends_when_nobody_waits_and_not_before() {
    let folded = Folded {
        delay: Duration::from_millis(5),
        ..Folded::new()
    };
    let (scan, engine) = (grown(&folded), engine(2, MEBIBYTE));
    let graph = scan.tree.snapshot();
    let tokens = [CancelToken::new(), CancelToken::new()];
    std::thread::scope(|scope| {
        let [one, other] = [&tokens[0], &tokens[1]].map(|cancel| {
            let (engine, graph, node) = (&engine, &graph, scan.folded);
            scope.spawn(move || engine.prepare(graph, node, cancel).map(drop))
        });
        wait_until(|| folded.adds() > 0);
        tokens[0].cancel();
        assert!(one.join().unwrap().unwrap_err().is_cancelled());
        let before = folded.adds();
        std::thread::sleep(Duration::from_millis(400));
        assert!(folded.adds() > before, "the other one still waits");
        tokens[1].cancel();
        assert!(other.join().unwrap().unwrap_err().is_cancelled());
    });
    wait_until(|| scan.progress_state(&engine) == Some(PassState::Cancelled));
    let before = folded.adds();
    assert!(before < POSITIONS);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(folded.adds(), before);
    scan.prepare(&engine).unwrap();
    assert_eq!(folded.adds(), POSITIONS);
}

impl Grown {
    fn progress_state(&self, engine: &Engine) -> Option<PassState> {
        let graph = self.tree.snapshot();
        let node = graph.node(self.folded).unwrap();
        Some(engine.preparation_progress(node)?.state)
    }
}

#[test]
fn what_is_prepared_counts_in_the_budget_and_goes_only_when_nobody_uses_it() {
    let folded = Folded {
        bytes: 1 << 16,
        ..Folded::new()
    };
    let (scan, engine) = (grown(&folded), engine(2, 1 << 18));
    let graph = scan.tree.snapshot();
    let node = graph.node(scan.folded).unwrap();
    let never = CancelToken::new();
    let using = engine.prepare(&graph, scan.folded, &never).unwrap();
    let counted = |memory: tree::Memory| [memory.pinned_bytes, memory.used_bytes];
    assert!(
        counted(engine.memory())
            .iter()
            .all(|bytes| *bytes >= 1 << 16)
    );
    engine.set_budget(1 << 10);
    assert!(engine.prepared(node).is_some(), "somebody uses it");
    drop(using);
    assert!(engine.prepared(node).is_none());
    assert_eq!(counted(engine.memory()), [0, 0]);
    assert_eq!(scan.progress_state(&engine), None);
    // Not enough room at all.
    let error = scan.prepare(&engine).unwrap_err();
    assert!(matches!(*error.cause, Cause::Memory { .. }), "{error}");
    engine.set_budget(1 << 18);
    let before = folded.adds();
    scan.prepare(&engine).unwrap();
    assert_eq!(folded.adds(), before + POSITIONS, "it is made again");
    assert_eq!(engine.memory().pinned_bytes, 0);
    assert!(engine.prepared(node).is_some() && engine.memory().used_bytes >= 1 << 16);
}

#[test]
fn what_was_gathered_before_a_cancel_counts_too() {
    let folded = Folded {
        delay: Duration::from_millis(1),
        ..Folded::new()
    };
    let (scan, engine) = (grown(&folded), engine(2, MEBIBYTE));
    scan.cancel_when(&engine, || folded.adds() >= 100);
    let graph = scan.tree.snapshot();
    wait_until(|| scan.progress_state(&engine) == Some(PassState::Cancelled));
    std::thread::sleep(Duration::from_millis(50));
    engine.set_budget(0);
    assert!(
        engine
            .preparation_progress(graph.node(scan.folded).unwrap())
            .is_none()
    );
    engine.set_budget(MEBIBYTE);
    let before = folded.adds();
    scan.prepare(&engine).unwrap();
    assert_eq!(
        folded.adds(),
        before + POSITIONS,
        "memory was short: from the start"
    );
}

#[test]
fn heap_bytes_are_those_of_what_is_kept() {
    assert_eq!(vec![0u64; 5].heap_bytes(), 40);
    assert_eq!(Some(vec![0u8; 3]).heap_bytes(), 3);
    assert!(Prepared::new(vec![0f32; 100]).bytes() >= 400);
}
