//! A source in memory and small operations on it; each file of tests uses its own part of them.
#![allow(dead_code)]

pub mod grown;
pub mod scans;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use signal::{
    Axes, Axis, Block, CancelToken, Category, Chunk, ChunkId, Component, Computation, Display,
    ElementType, Finished, Frame, HeapBytes, Inputs, NavigationIndex, Needs, NotApplicable,
    OperationError, OperationInfo, Output, Positions, Preparation, Prepare, Prepared, Region,
    SignalKind, SignalMeta, Source, SourceError,
};

/// A scan `(ny, nx | 3, 5)` of u16 whose pixel values tell their position.
pub struct Scan {
    pub meta: SignalMeta,
    pub chunk: [usize; 2],
    pub reads: AtomicU64,
    pub bad_chunk: Option<u64>,
    pub panicking_chunk: Option<u64>,
    pub delay: Duration,
    /// The file is no longer as it was opened.
    pub changed: AtomicBool,
}

impl Scan {
    pub fn new(ny: usize, nx: usize, chunk: [usize; 2]) -> Self {
        let axes = Axes::new(
            vec![Axis::pixels("y", ny), Axis::pixels("x", nx)],
            vec![Axis::pixels("ky", 3), Axis::pixels("kx", 5)],
        );
        Scan {
            meta: SignalMeta::frames("scan", axes, ElementType::U16),
            chunk,
            reads: AtomicU64::new(0),
            bad_chunk: None,
            panicking_chunk: None,
            delay: Duration::ZERO,
            changed: AtomicBool::new(false),
        }
    }

    pub fn pixel(y: usize, x: usize, k: usize) -> u16 {
        (y * 1000 + x * 20 + k) as u16
    }

    fn shape(&self) -> [usize; 2] {
        let shape = self.meta.axes.navigation_shape();
        [shape[0], shape[1]]
    }
}

impl Source for Scan {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }

    fn chunk_at(&self, at: NavigationIndex) -> ChunkId {
        let columns = self.shape()[1].div_ceil(self.chunk[1]);
        let index = at.as_slice();
        ChunkId((index[0] / self.chunk[0] * columns + index[1] / self.chunk[1]) as u64)
    }

    fn chunks(&self) -> u64 {
        let [ny, nx] = self.shape();
        (ny.div_ceil(self.chunk[0]) * nx.div_ceil(self.chunk[1])) as u64
    }

    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        let [ny, nx] = self.shape();
        let columns = nx.div_ceil(self.chunk[1]);
        let (row, column) = (chunk.0 as usize / columns, chunk.0 as usize % columns);
        let range = |at: usize, step: usize, size: usize| at * step..((at + 1) * step).min(size);
        vec![
            range(row, self.chunk[0], ny),
            range(column, self.chunk[1], nx),
        ]
    }

    fn is_as_opened(&self) -> bool {
        !self.changed.load(Ordering::SeqCst)
    }

    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.delay);
        if cancel.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        assert_ne!(self.panicking_chunk, Some(chunk.0), "the decoder met a bug");
        if self.bad_chunk == Some(chunk.0) {
            return Err(SourceError::Decode {
                path: "scan.zspy".into(),
                place: format!("chunk {}", chunk.0),
                reason: "checksum".into(),
            });
        }
        let navigation = self.chunk_navigation(chunk);
        let mut bytes = Vec::new();
        for y in navigation[0].clone() {
            for x in navigation[1].clone() {
                (0..15).for_each(|k| bytes.extend(Scan::pixel(y, x, k).to_ne_bytes()));
            }
        }
        // A vector of bytes may be unaligned for u16; the contract copes with it.
        Chunk::new(
            navigation,
            vec![3, 5],
            ElementType::U16,
            Block::new(bytes),
            0,
        )
    }
}

pub fn info(name: &'static str) -> OperationInfo {
    OperationInfo {
        name,
        method: name,
        parameters_type: "",
        title: name,
        summary: "",
        category: Category::Closures,
        reference: "",
    }
}

fn frames_only(inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
    match inputs {
        [meta] if meta.kind == SignalKind::Frame => Ok((*meta).clone()),
        _ => Err(NotApplicable::new("the signal has no frames", "frames")),
    }
}

/// Adds `offset`, as f32; panics or fails where told; slow if told.
#[derive(Default)]
pub struct Add {
    pub offset: f32,
    pub panics_at: Option<[usize; 2]>,
    pub wrong_shape: bool,
    pub delay: Duration,
    /// Refuses parents of this element type.
    pub refuses: Option<ElementType>,
}

impl Computation for Add {
    fn info(&self) -> OperationInfo {
        info("add")
    }
    fn params(&self) -> Value {
        json!({"offset": self.offset})
    }
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        let mut meta = frames_only(inputs)?;
        if Some(meta.element) == self.refuses {
            return Err(NotApplicable::new("wrong pixel type", "other pixels"));
        }
        meta.element = ElementType::F32;
        Ok(meta)
    }
    fn preparation(&self, _: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        None
    }
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        _: Option<&Prepared>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        std::thread::sleep(self.delay);
        cancel.check()?;
        if let Some(place) = self.panics_at {
            assert_ne!(at.as_slice(), place, "a bug at this place");
        }
        let frame = inputs.frame()?;
        let pixels = frame
            .to_f32()
            .iter()
            .map(|pixel| pixel + self.offset)
            .collect();
        let shape: &[usize] = if self.wrong_shape {
            &[15]
        } else {
            frame.shape()
        };
        Frame::from_vec(shape, pixels)
            .map(Output::Frame)
            .map_err(|what| OperationError::failed(what, ""))
    }
}

/// As [`Add`]; asks for the tree when it is dropped.
pub struct Asks {
    pub tree: Arc<tree::Tree>,
    pub add: Add,
}

impl Drop for Asks {
    fn drop(&mut self) {
        self.tree.snapshot();
    }
}

impl Computation for Asks {
    fn info(&self) -> OperationInfo {
        self.add.info()
    }
    fn params(&self) -> Value {
        self.add.params()
    }
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        self.add.describe(inputs)
    }
    fn preparation(&self, inputs: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        self.add.preparation(inputs)
    }
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        prepared: Option<&Prepared>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        self.add.compute(inputs, at, prepared, cancel)
    }
}

/// Sum of the frame, minus the mean of the sums in `region`, gathered first.
pub struct Sum {
    pub region: Option<Region>,
}

struct Gather {
    sum: f64,
    count: usize,
    order: Vec<NavigationIndex>,
}

impl Prepare<Prepared> for Gather {
    fn add(
        &mut self,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        _: &CancelToken,
    ) -> Result<(), OperationError> {
        self.sum = self.sum * 1.000_001 + f64::from(total(inputs.frame()?));
        self.count += 1;
        self.order.push(at);
        Ok(())
    }
    fn finish(&mut self, _: &CancelToken) -> Result<Finished<Prepared>, OperationError> {
        assert!(self.order.is_sorted());
        let mean = (self.sum / self.count as f64) as f32;
        Ok(Finished::Done(Prepared::new(vec![mean])))
    }
    fn heap_bytes(&self) -> usize {
        self.order.heap_bytes()
    }
}

fn total(frame: &Frame) -> f32 {
    frame.to_f32().iter().sum()
}

impl Computation for Sum {
    fn info(&self) -> OperationInfo {
        info("sum")
    }
    fn params(&self) -> Value {
        json!({})
    }
    /// What a test makes twice is computed twice.
    fn has_recipe(&self) -> bool {
        false
    }
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        let components = vec![
            Component::new("sum", "sum", "counts", Display::Sequential),
            Component::new("flat", "flat", "", Display::Sequential),
        ];
        Ok(frames_only(inputs)?.to_map(components))
    }
    fn preparation(&self, _: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        let region = self.region?;
        let gather = Gather {
            sum: 0.0,
            count: 0,
            order: Vec::new(),
        };
        Some(Preparation::new(Positions::Region(region), gather))
    }
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        prepared: Option<&Prepared>,
        _: &CancelToken,
    ) -> Result<Output, OperationError> {
        let reference = prepared
            .and_then(|any| any.downcast_ref::<Vec<f32>>())
            .map_or(0.0, |mean| mean[0]);
        let value = total(inputs.frame()?) - reference;
        let place = at
            .as_slice()
            .iter()
            .fold(0, |place, index| place * 100 + index);
        Ok(Output::Values([value, place as f32].into()))
    }
}

/// Mean of the frames plus a tenth each, gathered in parts that are merged; shown so many times as large.
pub struct Mean {
    pub region: Option<Region>,
    pub times: f32,
}

#[derive(Default)]
struct Means {
    sums: Vec<f64>,
    count: f64,
}

impl Prepare<Prepared> for Means {
    fn add(
        &mut self,
        _: NavigationIndex,
        inputs: &Inputs<'_>,
        _: &CancelToken,
    ) -> Result<(), OperationError> {
        self.sums.resize(15, 0.0);
        let frame = inputs.frame()?;
        for (sum, pixel) in self.sums.iter_mut().zip(frame.to_f32().iter()) {
            *sum += f64::from(*pixel) + 0.1;
        }
        self.count += 1.0;
        Ok(())
    }
    fn finish(&mut self, _: &CancelToken) -> Result<Finished<Prepared>, OperationError> {
        let mean = self.sums.iter().map(|sum| (sum / self.count) as f32);
        let mean: Vec<f32> = mean.collect();
        Ok(Finished::Done(Prepared::new(mean)))
    }
    fn heap_bytes(&self) -> usize {
        self.sums.heap_bytes()
    }
    fn fork(&self) -> Option<Box<dyn Prepare<Prepared>>> {
        Some(Box::new(Means::default()))
    }
    fn as_any(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }
    fn merge(&mut self, later: &mut dyn std::any::Any) {
        let later = later.downcast_mut::<Means>().expect("the same kind");
        self.sums.resize(15, 0.0);
        (self.sums.iter_mut().zip(&later.sums)).for_each(|(sum, more)| *sum += more);
        self.count += later.count;
    }
}

impl Computation for Mean {
    fn info(&self) -> OperationInfo {
        info("mean")
    }
    fn params(&self) -> Value {
        json!({"region": format!("{:?}", self.region), "times": self.times})
    }
    fn preparation_params(&self) -> Value {
        json!({"region": format!("{:?}", self.region)})
    }
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        let mut meta = frames_only(inputs)?;
        meta.axes.navigation.clear();
        meta.element = ElementType::F32;
        Ok(meta)
    }
    fn needs(&self, _: usize, _: NavigationIndex, _: &[Arc<SignalMeta>]) -> Needs {
        Needs::Nothing
    }
    fn preparation(&self, _: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        assert_eq!(self.times, 1.0, "found already");
        let positions = self.region.map_or(Positions::All, Positions::Region);
        Some(Preparation::new(positions, Means::default()))
    }
    fn compute(
        &self,
        _: &Inputs<'_>,
        _: NavigationIndex,
        prepared: Option<&Prepared>,
        _: &CancelToken,
    ) -> Result<Output, OperationError> {
        let mean = prepared.and_then(|any| any.downcast_ref::<Vec<f32>>());
        let mean = mean.ok_or_else(|| OperationError::failed("nothing is prepared", ""))?;
        let mean = mean.iter().map(|value| self.times * value).collect();
        Frame::from_vec(&[3, 5], mean)
            .map(Output::Frame)
            .map_err(|what| OperationError::failed(what, ""))
    }
}
