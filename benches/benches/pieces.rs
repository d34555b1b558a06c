//! The pieces the engine is put together from, each alone: `cargo bench -p benches --bench pieces`.
//!
//! Every operation of the registry that takes a frame, with its default parameters; sums of frames; what a
//! frame goes through on its way to the page; decoding a chunk. Throughput is in pixels of the input.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput};
use signal::{
    Axes, Axis, CancelToken, ChunkId, ElementType, Frame, Inputs, NavigationIndex, Needs, Output,
    SignalMeta, Source,
};

/// Detector rows and columns.
const SHAPE: [usize; 2] = [256, 224];

/// Disks on a falling background, in counts.
fn pattern() -> Vec<u16> {
    let [rows, columns] = SHAPE;
    (0..rows * columns)
        .map(|place| {
            let (ky, kx) = ((place / columns) as f64, (place % columns) as f64);
            let from_centre = (ky - 120.0).hypot(kx - 110.0);
            let (cell_y, cell_x) = ((ky + 7.0) % 29.0 - 14.0, (kx + 3.0) % 31.0 - 15.0);
            let disk = if cell_y.hypot(cell_x) <= 5.0 {
                900.0
            } else {
                0.0
            };
            ((disk + 400.0) * (-from_centre / 60.0).exp()) as u16 + (place * 7919 % 11) as u16
        })
        .collect()
}

fn meta(element: ElementType) -> Arc<SignalMeta> {
    let axes = Axes::new(
        vec![
            Axis::new("y", 6, 1.0, 0.0, "nm"),
            Axis::new("x", 5, 1.0, 0.0, "nm"),
        ],
        vec![
            Axis::new("ky", SHAPE[0], 0.1, 0.0, "1/nm"),
            Axis::new("kx", SHAPE[1], 0.1, 0.0, "1/nm"),
        ],
    );
    Arc::new(SignalMeta::frames("pieces", axes, element))
}

fn operations(criterion: &mut Criterion, counts: &Frame) {
    let mut group = criterion.benchmark_group("operation");
    group.throughput(Throughput::Elements((SHAPE[0] * SHAPE[1]) as u64));
    let meta = meta(ElementType::U16);
    for entry in ops::registry() {
        let Ok(computation) = entry.bind(&serde_json::json!({})) else {
            continue; // a parameter without default
        };
        let required = computation.further_inputs().iter();
        let count = 1 + required.filter(|input| input.required).count();
        let metas = vec![meta.clone(); count];
        let described: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
        // Those that take peaks, or the whole scan first, have no frame to be measured on.
        if computation.describe(&described).is_err()
            || computation.preparation(&described).is_some()
        {
            continue;
        }
        let (at, never) = (NavigationIndex::new(&[2, 3]), CancelToken::new());
        let taken = |number: usize| match computation.needs(number, at, &metas) {
            Needs::Same | Needs::At(_) => 1,
            Needs::Window(window) => window.count(),
            Needs::Nothing | Needs::WholeMap | Needs::Model => 0,
        };
        let taken: usize = (0..count).map(taken).sum();
        let outputs = vec![Output::Frame(counts.clone()); taken];
        let inputs = Inputs {
            metas: &metas,
            outputs: &outputs,
        };
        group.bench_function(entry.info().name, |bencher| {
            bencher.iter(|| black_box(computation.compute(&inputs, at, None, &never)));
        });
    }
    group.finish();
}

fn sums(criterion: &mut Criterion, counts: &Frame, numbers: &Frame) {
    let mut group = criterion.benchmark_group("sum of a frame");
    for (name, frame) in [("u16", counts), ("f32", numbers)] {
        group.throughput(Throughput::Elements((SHAPE[0] * SHAPE[1]) as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(name),
            frame,
            |bencher, frame| {
                bencher.iter(|| black_box(signal::sums::total(frame)));
            },
        );
    }
    group.finish();
}

fn pictures(criterion: &mut Criterion, counts: &Frame, numbers: &Frame) {
    let mut group = criterion.benchmark_group("picture");
    for (name, frame) in [("u16", counts), ("f32", numbers)] {
        group.throughput(Throughput::Elements((SHAPE[0] * SHAPE[1]) as u64));
        group.bench_function(BenchmarkId::new("reduce to 120 x 120", name), |bencher| {
            bencher.iter(|| black_box(views::reduce(frame, None, [120, 120])));
        });
        group.bench_function(BenchmarkId::new("levels", name), |bencher| {
            bencher.iter(|| black_box(views::levels(frame)));
        });
    }
    group.finish();
}

/// One chunk of a file as our writers make it by default.
fn chunks(criterion: &mut Criterion, counts: &Frame) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut group = criterion.benchmark_group("decode a chunk");
    for ending in ["zspy", "zarr", "hspy", "npy"] {
        let path = folder.path().join(format!("pieces.{ending}"));
        let meta = meta(ElementType::U16);
        let writer = io::ResultWriter::create(&path, &meta)?;
        let shape = meta.axes.navigation_shape();
        for flat in 0..shape.iter().product() {
            let at = NavigationIndex::from_flat(flat, &shape);
            writer.write(at, &Output::Frame(counts.clone()))?;
        }
        writer.finish()?;
        let source: Arc<dyn Source> = io::open(&path, &io::OpenOptions::default())?;
        let never = CancelToken::new();
        let chunk = source.read_chunk(ChunkId(0), &never)?;
        let frames: usize = chunk
            .navigation()
            .iter()
            .map(ExactSizeIterator::len)
            .product();
        group.throughput(Throughput::Elements((frames * SHAPE[0] * SHAPE[1]) as u64));
        group.bench_function(ending, |bencher| {
            bencher.iter(|| black_box(source.read_chunk(ChunkId(0), &never)));
        });
    }
    group.finish();
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pixels = pattern();
    let floats = pixels.iter().map(|count| f32::from(*count)).collect();
    let counts = Frame::from_vec(&SHAPE, pixels)?;
    let numbers = Frame::from_vec(&SHAPE, floats)?;
    let mut criterion = Criterion::default().configure_from_args();
    operations(&mut criterion, &counts);
    sums(&mut criterion, &counts, &numbers);
    pictures(&mut criterion, &counts, &numbers);
    chunks(&mut criterion, &counts)?;
    criterion.final_summary();
    Ok(())
}
