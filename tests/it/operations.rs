//! Every operation of the registry: against its golden, and against the contract all of them sign.
//!
//! While one is worked on, its contract alone: `SIGNALTREE_TEST_OPERATION=radial_median cargo test … -- operations`.

mod goldens;
mod refusals;

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use signal::{
    Axes, Axis, CancelToken, Category, Computation, ElementType, Finished, Frame, Inputs,
    NavigationIndex, Needs, Output, ParameterKind, Prepared, Registered, SignalKind, SignalMeta,
};

fn meta(scan: [usize; 2], detector: [usize; 2], element: ElementType) -> SignalMeta {
    let axes = Axes::new(
        vec![
            Axis::new("y", scan[0], 2.0, 0.0, "nm"),
            Axis::new("x", scan[1], 2.0, 0.0, "nm"),
        ],
        vec![
            Axis::new("ky", detector[0], 0.1, 0.0, "1/nm"),
            Axis::new("kx", detector[1], 0.1, 0.0, "1/nm"),
        ],
    );
    SignalMeta::frames("golden", axes, element)
}

/// The operations whose contract is tested: all, or the one that is asked for.
fn tested() -> Result<Vec<&'static dyn Registered>> {
    match std::env::var("SIGNALTREE_TEST_OPERATION") {
        Ok(name) => Ok(vec![ops::find(&name)?]),
        Err(_) => Ok(ops::registry().to_vec()),
    }
}

fn bind(name: &str, params: &Value) -> Result<Arc<dyn Computation>> {
    Ok(ops::find(name)?.bind(params)?)
}

/// Every position of a scan, C order.
fn positions(meta: &SignalMeta) -> impl Iterator<Item = NavigationIndex> {
    let shape = meta.axes.navigation_shape();
    let count: usize = shape.iter().product();
    (0..count).map(move |flat| NavigationIndex::from_flat(flat, &shape))
}

/// What an operation takes at a position of its one input, whose outputs are in C order.
fn taken(
    computation: &dyn Computation,
    at: NavigationIndex,
    meta: &Arc<SignalMeta>,
    all: &[Output],
) -> Result<Vec<Output>> {
    let shape = meta.axes.navigation_shape();
    let output = |at: NavigationIndex| {
        ensure!(meta.axes.contains(at), "it takes {at}, which is not there");
        Ok(all[at.flat(&shape)].clone())
    };
    match computation.needs(0, at, std::slice::from_ref(meta)) {
        Needs::Same => Ok(vec![output(at)?]),
        Needs::At(at) => Ok(vec![output(at)?]),
        Needs::Window(window) => window.positions().map(output).collect(),
        Needs::Nothing | Needs::WholeMap | Needs::Model => Ok(Vec::new()),
    }
}

fn compute(
    computation: &dyn Computation,
    meta: &Arc<SignalMeta>,
    input: Output,
    prepared: Option<&Prepared>,
) -> Result<Output> {
    let at = NavigationIndex::new(&[0, 0]);
    let metas = repeated(computation, meta);
    let mut outputs = Vec::new();
    for number in 0..metas.len() {
        match computation.needs(number, at, &metas) {
            Needs::Same | Needs::At(_) | Needs::Model => outputs.push(input.clone()),
            Needs::Window(window) => outputs.extend(vec![input.clone(); window.count()]),
            Needs::Nothing | Needs::WholeMap => {}
        }
    }
    let inputs = Inputs {
        metas: &metas,
        outputs: &outputs,
    };
    Ok(computation.compute(&inputs, at, prepared, &CancelToken::new())?)
}

/// What an operation prepares over outputs in C order, `None` when it needs nothing.
fn prepare(
    computation: &dyn Computation,
    meta: &Arc<SignalMeta>,
    outputs: &[Output],
) -> Result<Option<Prepared>> {
    let Some(mut pass) = computation.preparation(&[meta]) else {
        return Ok(None);
    };
    let shape = meta.axes.navigation_shape();
    let never = CancelToken::new();
    loop {
        let wanted = pass.positions.of(&shape);
        for (flat, output) in outputs.iter().enumerate() {
            let at = NavigationIndex::from_flat(flat, &shape);
            if wanted.contains(&at) {
                let inputs = Inputs {
                    metas: std::slice::from_ref(meta),
                    outputs: std::slice::from_ref(output),
                };
                pass.prepare.add(at, &inputs, &never)?;
            }
        }
        match pass.prepare.finish(&never)? {
            Finished::Done(prepared) => return Ok(Some(prepared)),
            Finished::Again(next) => pass = next,
        }
    }
}

fn numbers(output: &Output) -> Vec<f64> {
    match output {
        Output::Frame(frame) => frame
            .to_f32()
            .iter()
            .map(|value| f64::from(*value))
            .collect(),
        Output::Values(values) => values.iter().map(|value| f64::from(*value)).collect(),
        Output::Peaks(peaks) => {
            let mut pairs: Vec<[f32; 2]> = peaks
                .ky
                .iter()
                .zip(&peaks.kx)
                .map(|(ky, kx)| [*ky, *kx])
                .collect();
            pairs.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            pairs.into_iter().flatten().map(f64::from).collect()
        }
        Output::Model(_) => Vec::new(),
    }
}

/// Peaks of the golden, row by row, sorted as [`numbers`] sorts ours.
const SCAN: [usize; 2] = [3, 4];
const DETECTOR: [usize; 2] = [34, 29];

/// Frames of the kinds that break things, on a non-square detector.
fn awkward_frames() -> Result<Vec<(&'static str, Frame)>> {
    let [rows, columns] = DETECTOR;
    let pixels = rows * columns;
    let spots = |at: usize| {
        let (row, column) = (at / columns, at % columns);
        let near = |y: usize, x: usize| row.abs_diff(y).pow(2) + column.abs_diff(x).pow(2) <= 16;
        match (near(17, 14), near(8, 7) || near(26, 22) || near(0, 28)) {
            (true, _) => 900.0,
            (_, true) => 200.0,
            _ => 3.0 + (at % 5) as f32,
        }
    };
    let frame = |value: &dyn Fn(usize) -> f32| {
        Frame::from_vec(&DETECTOR, (0..pixels).map(value).collect::<Vec<f32>>())
    };
    let whole = |value: &dyn Fn(usize) -> u16| {
        Frame::from_vec(&DETECTOR, (0..pixels).map(value).collect::<Vec<u16>>())
    };
    [
        ("disks", frame(&spots)),
        ("disks in integers", whole(&|at| spots(at) as u16)),
        ("zeros", frame(&|_| 0.0)),
        ("constant", frame(&|_| 41.3)),
        ("negative constant", frame(&|_| -2.7)),
        ("all NaN", frame(&|_| f32::NAN)),
        (
            "one NaN",
            frame(&|at| if at == 500 { f32::NAN } else { spots(at) }),
        ),
        (
            "one valid",
            frame(&|at| if at == 500 { 7.0 } else { f32::NAN }),
        ),
        (
            "infinities",
            frame(&|at| {
                if at % 97 == 3 {
                    f32::INFINITY
                } else {
                    spots(at)
                }
            }),
        ),
        ("saturated", whole(&|_| u16::MAX)),
        (
            "one saturated",
            whole(&|at| if at == 500 { u16::MAX } else { 0 }),
        ),
    ]
    .into_iter()
    .map(|(name, frame)| Ok((name, frame.map_err(anyhow::Error::msg)?)))
    .collect()
}

/// The same number of numbers, the same bits; NaN equals NaN.
fn same(a: &Output, b: &Output) -> bool {
    let bits = |output: &Output| match output {
        Output::Peaks(peaks) => [&peaks.ky, &peaks.kx, &peaks.intensity, &peaks.score]
            .into_iter()
            .flatten()
            .map(|value| value.to_bits())
            .collect::<Vec<u32>>(),
        other => numbers(other)
            .iter()
            .map(|value| (*value as f32).to_bits())
            .collect(),
    };
    bits(a) == bits(b)
}

fn keeps_its_promise(described: &SignalMeta, output: &Output) -> Result<()> {
    ensure!(
        output.kind() == Some(described.kind),
        "{:?}, described as {:?}",
        output.kind(),
        described.kind
    );
    match output {
        Output::Frame(frame) => {
            ensure!(
                frame.shape() == described.axes.signal_shape(),
                "shape {:?}",
                frame.shape()
            );
            ensure!(
                frame.element() == described.element,
                "pixels are {}",
                frame.element()
            );
        }
        Output::Values(values) => {
            ensure!(
                values.len() == described.components.len(),
                "{} values",
                values.len()
            );
            ensure!(described.axes.signal.is_empty(), "a map has no signal axes");
        }
        Output::Peaks(peaks) => {
            let [rows, columns] = DETECTOR.map(|size| size as f32);
            ensure!(
                peaks.score.windows(2).all(|pair| pair[0] >= pair[1]),
                "not sorted by score"
            );
            for (ky, kx) in peaks.ky.iter().zip(&peaks.kx) {
                let inside = (-2.0..rows + 2.0).contains(ky) && (-2.0..columns + 2.0).contains(kx);
                ensure!(inside, "a peak at ({ky}, {kx})");
            }
        }
        Output::Model(_) => bail!("a model is no output"),
    }
    Ok(())
}

/// As many of an input as an operation must have.
fn repeated<T: Clone>(computation: &dyn Computation, one: &T) -> Vec<T> {
    let further = computation.further_inputs().iter();
    vec![one.clone(); 1 + further.filter(|input| input.required).count()]
}

/// The input an operation takes: frames, or for those that refuse frames the same as complex numbers or colours, the pixels in one line, or what
/// is made of them: a model, shifts, peaks.
fn suitable_input(
    computation: &dyn Computation,
    frames: &Arc<SignalMeta>,
    frame: &Frame,
) -> Result<(Arc<SignalMeta>, Output)> {
    let input = Output::Frame(frame.clone());
    if computation
        .describe(&repeated(computation, &&**frames))
        .is_ok()
    {
        return Ok((frames.clone(), input));
    }
    let waves = SignalMeta::frames("waves", frames.axes.clone(), ElementType::C64);
    if computation
        .describe(&repeated(computation, &&waves))
        .is_ok()
    {
        let frame = frame.cast(ElementType::C64);
        return Ok((Arc::new(waves), Output::Frame(frame)));
    }
    let colours = SignalMeta::frames("colours", frames.axes.clone(), ElementType::Rgba8);
    if computation
        .describe(&repeated(computation, &&colours))
        .is_ok()
    {
        let frame = frame.cast(ElementType::Rgba8);
        return Ok((Arc::new(colours), Output::Frame(frame)));
    }
    let mut spectra = SignalMeta::clone(frames);
    spectra.axes.signal = vec![Axis::new("Energy", frame.len(), 0.5, 100.0, "eV")];
    if computation.describe(&[&spectra]).is_ok() {
        let line = frame.as_bytes().to_vec();
        let block = signal::Block::new(line);
        let line = Frame::from_block(&[frame.len()], frame.element(), block, 0);
        return Ok((
            Arc::new(spectra),
            Output::Frame(line.map_err(anyhow::Error::msg)?),
        ));
    }
    let all = vec![input.clone(); SCAN[0] * SCAN[1]];
    let model = bind("svd", &json!({}))?;
    let meta = Arc::new(model.describe(&[frames])?);
    if computation.describe(&[&meta]).is_ok() && computation.info().category == Category::Models {
        let prepared = prepare(&*model, frames, &all)?.context("a model")?;
        return Ok((meta, Output::Model(prepared)));
    }
    let shifts = bind("center_of_mass", &json!({}))?;
    let meta = Arc::new(shifts.describe(&[frames])?);
    if computation.describe(&[&meta]).is_ok() {
        return Ok((meta.clone(), compute(&*shifts, frames, input, None)?));
    }
    let finder = bind("normalized_correlation", &json!({}))?;
    let meta = Arc::new(finder.describe(&[frames])?);
    let prepared = prepare(&*finder, frames, &all)?;
    let peaks = compute(&*finder, frames, input, prepared.as_ref())?;
    Ok((meta, peaks))
}

/// Whatever the scan of the result is: what a position of it takes lies in the scan of the input, and is of one kind at all.
fn takes_what_is_there(
    computation: &dyn Computation,
    meta: &Arc<SignalMeta>,
    described: &SignalMeta,
) -> Result<()> {
    let metas = repeated(computation, meta);
    let inside = |at| meta.axes.contains(at);
    for number in 0..metas.len() {
        let mut kinds = Vec::new();
        for at in positions(described) {
            let needs = computation.needs(number, at, &metas);
            kinds.push(std::mem::discriminant(&needs));
            let fits = match needs {
                Needs::Same => described.axes.navigation == meta.axes.navigation,
                Needs::At(at) => inside(at),
                Needs::Window(window) => {
                    window.count() > 0 && inside(window.first()) && inside(window.last())
                }
                Needs::Nothing => true,
                Needs::WholeMap => meta.kind == SignalKind::Map,
                Needs::Model => meta.model.is_some(),
            };
            ensure!(fits, "{needs:?} at {at} of input {number}");
        }
        kinds.dedup();
        ensure!(kinds.len() == 1, "input {number} is needed in several ways");
    }
    Ok(())
}

#[test]
fn every_operation_keeps_the_contract_on_awkward_frames() -> Result<()> {
    for entry in tested()? {
        let name = entry.info().name;
        let computation = bind(name, &json!({}))?;
        for (kind, frame) in awkward_frames()? {
            let frames = Arc::new(meta(SCAN, DETECTOR, frame.element()));
            let check = || -> Result<()> {
                let (meta, input) = suitable_input(&*computation, &frames, &frame)?;
                let described = computation.describe(&repeated(&*computation, &&*meta))?;
                takes_what_is_there(&*computation, &meta, &described)?;
                let all = vec![input.clone(); SCAN[0] * SCAN[1]];
                let prepared = prepare(&*computation, &meta, &all)?;
                let once = compute(&*computation, &meta, input.clone(), prepared.as_ref())?;
                let again = compute(&*bind(name, &json!({}))?, &meta, input, prepared.as_ref())?;
                ensure!(same(&once, &again), "not the same twice");
                keeps_its_promise(&described, &once)
            };
            check().with_context(|| format!("`{name}` on {kind}"))?;
        }
    }
    Ok(())
}

/// The menu goes by kind, and an operation lies in the folder of its own.
#[test]
fn every_operation_is_among_its_kind() -> Result<()> {
    let mut kinds: Vec<Category> = (ops::registry().iter())
        .map(|entry| entry.info().category)
        .collect();
    ensure!(kinds.is_sorted(), "{kinds:?}");
    kinds.dedup();
    let all = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel/ops/src");
    let mut folders = vec![all.clone()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(&all)?.with_extension("");
            let text = std::fs::read_to_string(&path)?;
            for kind in kinds.iter().filter(|_| !below.ends_with("template")) {
                if text.contains(&format!("category: Category::{kind:?},")) {
                    let folder = kind.folder().context("no folder")?;
                    ensure!(
                        below.starts_with(folder),
                        "{} is of {kind:?}",
                        path.display()
                    );
                    seen.insert(*kind);
                }
            }
        }
    }
    ensure!(seen.len() == kinds.len(), "{seen:?}");
    Ok(())
}

#[test]
fn every_schema_is_complete_and_its_defaults_are_allowed() -> Result<()> {
    for entry in tested()? {
        let info = entry.info();
        ensure!(
            [info.title, info.summary, info.method]
                .iter()
                .all(|text| !text.is_empty()),
            "`{}` lacks a text",
            info.name
        );
        let mut defaults = serde_json::Map::new();
        for parameter in entry.parameters() {
            let label = format!("{}.{}", info.name, parameter.name);
            ensure!(!parameter.help.is_empty(), "{label} has no help");
            if let ParameterKind::Number | ParameterKind::Integer = parameter.kind {
                let free = parameter.optional && parameter.minimum.is_none();
                let both = parameter.minimum.is_some() && parameter.maximum.is_some();
                ensure!(free || both, "{label} has no range");
            }
            defaults.insert(parameter.name, parameter.default);
        }
        let bound = entry.bind(&Value::Object(defaults.clone()))?;
        ensure!(
            bound.params() == Value::Object(defaults),
            "`{}` changes its defaults",
            info.name
        );
        ensure!(
            entry.bind(&json!({"no_such_parameter": 1})).is_err(),
            "`{}`",
            info.name
        );
    }
    Ok(())
}
