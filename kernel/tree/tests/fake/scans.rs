//! A source with any number of scan axes, and operations that take other positions than their own.

use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;

use serde_json::{Value, json};
use signal::{
    Axes, Axis, Block, CancelToken, Chunk, ChunkId, Component, Computation, Display, ElementType,
    Finished, Frame, HeapBytes, Inputs, NavigationIndex, Needs, NotApplicable, OperationError,
    OperationInfo, Output, Positions, Preparation, Prepare, Prepared, SignalKind, SignalMeta,
    Source, SourceError, Window,
};

/// Frames of `(2, 3)` f32 whose first pixel is the number of the position in C order.
pub struct Series {
    meta: SignalMeta,
    chunk: Vec<usize>,
    /// Chunks in the order in which they were read.
    pub reads: Mutex<Vec<u64>>,
}

impl Series {
    pub fn new(shape: &[usize], chunk: &[usize]) -> Self {
        let names = ["w", "t", "y", "x"];
        let names = &names[4 - shape.len()..];
        let navigation = (shape.iter().zip(names))
            .map(|(size, name)| Axis::new(*name, *size, 0.5, 10.0, "nm"))
            .collect();
        let signal = vec![Axis::pixels("ky", 2), Axis::pixels("kx", 3)];
        Series {
            meta: SignalMeta::frames("series", Axes::new(navigation, signal), ElementType::F32),
            chunk: chunk.to_vec(),
            reads: Mutex::default(),
        }
    }

    pub fn count(&self) -> usize {
        self.reads.lock().unwrap().len()
    }

    fn grid(&self) -> Vec<usize> {
        let shape = self.meta.axes.navigation_shape();
        shape
            .iter()
            .zip(&self.chunk)
            .map(|(size, chunk)| size.div_ceil(*chunk))
            .collect()
    }
}

impl Source for Series {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }
    fn chunk_at(&self, at: NavigationIndex) -> ChunkId {
        let place: Vec<usize> = at
            .as_slice()
            .iter()
            .zip(&self.chunk)
            .map(|(at, chunk)| at / chunk)
            .collect();
        ChunkId(NavigationIndex::new(&place).flat(&self.grid()) as u64)
    }
    fn chunks(&self) -> u64 {
        self.grid().iter().product::<usize>() as u64
    }
    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        let place = NavigationIndex::from_flat(chunk.0 as usize, &self.grid());
        let shape = self.meta.axes.navigation_shape();
        (place.as_slice().iter().zip(&self.chunk).zip(&shape))
            .map(|((place, chunk), size)| place * chunk..((place + 1) * chunk).min(*size))
            .collect()
    }
    fn read_chunk(&self, chunk: ChunkId, _: &CancelToken) -> Result<Chunk, SourceError> {
        self.reads.lock().unwrap().push(chunk.0);
        let ranges = self.chunk_navigation(chunk);
        let shape = self.meta.axes.navigation_shape();
        let sizes: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        let mut bytes = Vec::new();
        for flat in 0..sizes.iter().product() {
            let inside = NavigationIndex::from_flat(flat, &sizes);
            let at: Vec<usize> = inside
                .as_slice()
                .iter()
                .zip(&ranges)
                .map(|(at, range)| at + range.start)
                .collect();
            let number = NavigationIndex::new(&at).flat(&shape) as f32;
            for pixel in 0..6 {
                bytes.extend((number + pixel as f32 * 1e-3).to_ne_bytes());
            }
        }
        Chunk::new(ranges, vec![2, 3], ElementType::F32, Block::new(bytes), 0)
    }
}

/// What an operation of these tests does with positions.
#[derive(Clone, Copy)]
pub enum Does {
    /// Keeps so many positions along each axis, from `first` on.
    Crop { first: [usize; 4], size: [usize; 4] },
    /// The sum of so many positions along each axis.
    Group([usize; 4]),
    /// The mean of the positions at most so far away.
    Neighbours([usize; 4]),
    /// A map: each value less the largest of its map.
    FromLargest,
    /// A map: the first pixel.
    First,
}

impl Computation for Does {
    fn info(&self) -> OperationInfo {
        let name = match self {
            Does::Crop { .. } => "crop",
            Does::Group(_) => "group",
            Does::Neighbours(_) => "neighbours",
            Does::FromLargest => "from_largest",
            Does::First => "first",
        };
        OperationInfo {
            name,
            ..super::info(name)
        }
    }
    fn params(&self) -> Value {
        match self {
            Does::Crop { first, size } => json!({"first": first, "size": size}),
            Does::Group(size) | Does::Neighbours(size) => json!({"size": size}),
            Does::FromLargest | Does::First => json!({}),
        }
    }
    fn passes_on(&self) -> bool {
        matches!(self, Does::Crop { .. })
    }
    fn takes_stored(&self) -> bool {
        self.passes_on()
    }
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        let mut meta = inputs[0].clone();
        let axes = meta.axes.navigation.iter_mut().enumerate();
        match self {
            Does::Crop { first, size } => axes.for_each(|(axis, of)| {
                *of = Axis::new(
                    &*of.name,
                    size[axis],
                    of.scale,
                    of.value(first[axis] as f64),
                    &*of.units,
                );
            }),
            Does::Group(size) => axes.for_each(|(axis, of)| {
                let (count, by) = (of.size / size[axis], size[axis] as f64);
                *of = Axis::new(
                    &*of.name,
                    count,
                    of.scale * by,
                    of.value((by - 1.0) / 2.0),
                    &*of.units,
                );
            }),
            Does::Neighbours(_) => {}
            Does::FromLargest if meta.kind != SignalKind::Map => {
                return Err(NotApplicable::new("no map", "a map"));
            }
            Does::FromLargest | Does::First => {
                meta = meta.to_map(vec![Component::new(
                    "value",
                    "value",
                    "",
                    Display::Sequential,
                )]);
            }
        }
        Ok(meta)
    }
    fn needs(&self, _: usize, at: NavigationIndex, inputs: &[Arc<SignalMeta>]) -> Needs {
        let rank = at.as_slice().len();
        match self {
            Does::Crop { first, .. } => {
                let place: Vec<usize> = at
                    .as_slice()
                    .iter()
                    .zip(first)
                    .map(|(at, first)| at + first)
                    .collect();
                Needs::At(NavigationIndex::new(&place))
            }
            Does::Group(size) => Needs::Window(Window::group(at, &size[..rank])),
            Does::Neighbours(radius) => {
                let shape = inputs[0].axes.navigation_shape();
                Needs::Window(Window::around(at, &radius[..rank], &shape))
            }
            Does::FromLargest => Needs::WholeMap,
            Does::First => Needs::Same,
        }
    }
    fn preparation(&self, inputs: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        matches!(self, Does::FromLargest).then(|| {
            let values = Values {
                shape: inputs[0].axes.navigation_shape(),
                values: Vec::new(),
            };
            Preparation::new(Positions::All, values)
        })
    }
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        prepared: Option<&Prepared>,
        _: &CancelToken,
    ) -> Result<Output, OperationError> {
        let numbers = |output: &Output| match output {
            Output::Frame(frame) => frame.to_f32().into_owned(),
            Output::Values(values) => values.to_vec(),
            other => panic!("{other:?}"),
        };
        let joined = |mean: bool| {
            let all: Vec<Vec<f32>> = inputs.outputs.iter().map(numbers).collect();
            let count = if mean { all.len() as f32 } else { 1.0 };
            let sums: Vec<f32> = (0..all[0].len())
                .map(|pixel| all.iter().map(|one| one[pixel]).sum::<f32>() / count)
                .collect();
            match &inputs.outputs[0] {
                Output::Frame(frame) => {
                    Output::Frame(Frame::from_vec(frame.shape(), sums).unwrap())
                }
                _ => Output::Values(sums.into()),
            }
        };
        Ok(match self {
            Does::Crop { .. } => inputs.outputs[0].clone(),
            Does::Group(_) => joined(false),
            Does::Neighbours(_) => joined(true),
            Does::First => Output::Values([numbers(&inputs.outputs[0])[0]].into()),
            Does::FromLargest => {
                assert!(inputs.outputs.is_empty());
                let values = prepared
                    .and_then(|any| any.downcast_ref::<Vec<f32>>())
                    .unwrap();
                let largest = values.iter().copied().fold(f32::MIN, f32::max);
                let own = values[at.flat(&inputs.metas[0].axes.navigation_shape())];
                Output::Values([own - largest].into())
            }
        })
    }
}

struct Values {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Prepare<Prepared> for Values {
    fn add(
        &mut self,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        _: &CancelToken,
    ) -> Result<(), OperationError> {
        assert_eq!(at.flat(&self.shape), self.values.len());
        match &inputs.outputs[0] {
            Output::Values(values) => self.values.push(values[0]),
            other => panic!("{other:?}"),
        }
        Ok(())
    }
    fn finish(&mut self, _: &CancelToken) -> Result<Finished<Prepared>, OperationError> {
        Ok(Finished::Done(Prepared::new(self.values.clone())))
    }
    fn heap_bytes(&self) -> usize {
        self.values.heap_bytes()
    }
}
