//! Every operation against what the reference programs have computed (`golden/make_ops.py`).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use signal::{
    Axis, Block, CancelToken, Computation, ElementType, File, Frame, Inputs, NavigationIndex,
    Output, ParameterKind, Peak, Peaks, SignalKind, SignalMeta,
};

use super::{bind, compute, meta, numbers, positions, prepare, taken};

/// An array read from a `.npy` file, as `f64`.
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

fn golden_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name)
}

/// Reads the `.npy` files that `make_ops.py` writes: version 1, C order, `<f4` or `<f8`.
fn npy(name: &str) -> Result<Array> {
    let bytes = std::fs::read(golden_path(name)).with_context(|| name.to_owned())?;
    ensure!(
        bytes.starts_with(b"\x93NUMPY\x01"),
        "{name} is no .npy file"
    );
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..start])?;
    ensure!(
        header.contains("'fortran_order': False"),
        "{name} is in Fortran order"
    );
    let inside = header
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .context("a shape")?
        .0;
    let shape = inside
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(str::parse)
        .collect::<Result<Vec<usize>, _>>()?;
    let pixels = &bytes[start..];
    let values = if header.contains("<f4") {
        pixels
            .chunks_exact(4)
            .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
            .collect()
    } else if header.contains("<f8") {
        pixels
            .chunks_exact(8)
            .map(|b| Ok(f64::from_le_bytes(b.try_into()?)))
            .collect::<Result<_>>()?
    } else {
        bail!("{name} is neither <f4 nor <f8");
    };
    Ok(Array { shape, values })
}

fn frame_of(array: &Array) -> Result<Frame> {
    let pixels: Vec<f32> = array.values.iter().map(|value| *value as f32).collect();
    Frame::from_vec(&array.shape, pixels).map_err(anyhow::Error::msg)
}

fn sorted_pairs(mut values: Vec<f64>) -> Vec<f64> {
    let mut pairs: Vec<[f64; 2]> = values.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
    pairs.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.clear();
    values.extend(pairs.into_iter().flatten());
    values
}

fn largest_difference(found: &[f64], expected: &[f64]) -> Result<f64> {
    ensure!(
        found.len() == expected.len(),
        "{} numbers, {} expected\nfound {found:?}\nexpected {expected:?}",
        found.len(),
        expected.len()
    );
    Ok(found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max))
}

fn cases() -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(golden_path("ops.json"))?;
    let golden: Value = serde_json::from_str(&text)?;
    Ok(golden["cases"].as_array().context("cases")?.clone())
}

/// With the files that it names beside the goldens.
fn bound(operation: &str, params: &Value) -> Result<Arc<dyn Computation>> {
    let entry = ops::find(operation)?;
    let mut files = Vec::new();
    for info in entry.parameters() {
        if matches!(info.kind, ParameterKind::File { .. })
            && let Some(name) = params[&info.name].as_str()
        {
            let bytes = std::fs::read(golden_path(name)).with_context(|| name.to_owned())?;
            files.push((
                info.name,
                File::unread(name).with_bytes(signal::Block::new(bytes)),
            ));
        }
    }
    Ok(entry.bind_with(params, &files)?)
}

/// One frame, of which pixels may have no value.
fn frame_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let meta = Arc::new(meta(
        [1, 1],
        [given.shape[0], given.shape[1]],
        ElementType::F32,
    ));
    let output = compute(computation, &meta, Output::Frame(frame_of(given)?), None)?;
    with_invalid(&numbers(&output), &expected.values)
}

fn run_case(case: &Value) -> Result<f64> {
    let text = |key: &str| case[key].as_str().with_context(|| key.to_owned());
    let (given, expected) = (npy(text("input")?)?, npy(text("expected")?)?);
    let computation = bound(text("operation")?, &case["params"])?;
    if text("operation")? == "mask_pixels" {
        return frame_case(&*computation, &given, &expected);
    }
    if !case["model"].is_null() {
        return model_case(&*computation, &case["model"], &given, &expected);
    }
    if text("input")? == "ops_waves.npy" {
        return complex_case(&*computation, &given, &expected);
    }
    if text("input")? == "ops_colours.npy" {
        return colour_case(&*computation, &given, &expected);
    }
    if given.shape.len() == 4 {
        return scan_case(&*computation, &given, &expected);
    }
    if text("operation")? == "integrated_center_of_mass" {
        return shifts_case(&*computation, &given, &expected);
    }
    if text("operation")?.ends_with("_pattern") {
        return frames_case(&*computation, &given, &expected);
    }
    if given.shape.first() == Some(&2) {
        return two_frames_case(&*computation, &given, &expected);
    }
    if text("operation")? == "normalized_correlation" {
        return disks_case(&*computation, &given, &expected);
    }
    if given.shape.len() == 3 {
        return strain_case(&*computation, &given, &expected);
    }
    let meta = Arc::new(meta(
        [1, 1],
        [given.shape[0], given.shape[1]],
        ElementType::F32,
    ));
    let frame = Output::Frame(frame_of(&given)?);
    let prepared = prepare(&*computation, &meta, std::slice::from_ref(&frame))?;
    let output = compute(&*computation, &meta, frame, prepared.as_ref())?;
    let expected = match output {
        Output::Peaks(_) => sorted_pairs(expected.values),
        _ => expected.values,
    };
    largest_difference(&numbers(&output), &expected)
}

/// Real and imaginary parts of one frame, along the last axis.
fn complex_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let [rows, columns, 2] = given.shape[..] else {
        bail!("parts as (row, column, part)");
    };
    let parts = given.values.iter().map(|part| *part as f32);
    let block = Block::new(parts.flat_map(f32::to_ne_bytes).collect::<Vec<u8>>());
    let frame = Frame::from_block(&[rows, columns], ElementType::C64, block, 0);
    let frame = Output::Frame(frame.map_err(anyhow::Error::msg)?);
    let meta = Arc::new(meta([1, 1], [rows, columns], ElementType::C64));
    let output = compute(computation, &meta, frame, None)?;
    largest_difference(&numbers(&output), &expected.values)
}

/// Red, green, blue and alpha of one frame, along the last axis.
fn colour_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let [rows, columns, 4] = given.shape[..] else {
        bail!("colours as (row, column, channel)");
    };
    let bytes: Vec<u8> = given.values.iter().map(|number| *number as u8).collect();
    let frame = Frame::from_block(&[rows, columns], ElementType::Rgba8, Block::new(bytes), 0);
    let frame = Output::Frame(frame.map_err(anyhow::Error::msg)?);
    let meta = Arc::new(meta([1, 1], [rows, columns], ElementType::Rgba8));
    let output = compute(computation, &meta, frame, None)?;
    largest_difference(&numbers(&output), &expected.values)
}

/// Frames of several positions, and their scan.
fn frames_of(given: &Array) -> Result<(Vec<Output>, Arc<SignalMeta>)> {
    let [positions, rows, columns] = given.shape[..] else {
        bail!("frames as (position, row, column)");
    };
    let frames = given.values.chunks_exact(rows * columns).map(|pixels| {
        let array = Array {
            shape: vec![rows, columns],
            values: pixels.to_vec(),
        };
        frame_of(&array).map(Output::Frame)
    });
    let meta = Arc::new(meta([1, positions], [rows, columns], ElementType::F32));
    Ok((frames.collect::<Result<_>>()?, meta))
}

/// Frames of a scan of rows and columns that are decomposed, all positions of what is read of the model.
fn model_case(
    computation: &dyn Computation,
    params: &Value,
    given: &Array,
    expected: &Array,
) -> Result<f64> {
    let [rows, columns, down, across] = given.shape[..] else {
        bail!("frames as (row, column, ky, kx)");
    };
    let flat = Array {
        shape: vec![rows * columns, down, across],
        values: given.values.clone(),
    };
    let (frames, _) = frames_of(&flat)?;
    let scan = Arc::new(meta([rows, columns], [down, across], ElementType::F32));
    let model = bind("svd", params)?;
    let prepared = prepare(&*model, &scan, &frames)?.context("a model")?;
    let meta = Arc::new(model.describe(&[&scan])?);
    if computation.info().name == "svd" {
        let scree = compute(computation, &scan, frames[0].clone(), Some(&prepared))?;
        return largest_difference(&numbers(&scree), &expected.values);
    }
    let mut found = Vec::new();
    for at in positions(&computation.describe(&[&meta])?) {
        let inputs = Inputs {
            metas: std::slice::from_ref(&meta),
            outputs: &[Output::Model(prepared.clone())],
        };
        let output = computation.compute(&inputs, at, None, &CancelToken::new())?;
        found.extend(numbers(&output));
    }
    largest_difference(&found, &expected.values)
}

/// Frames of a scan of rows and columns, all positions of the result one after the other.
fn scan_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let [rows, columns, down, across] = given.shape[..] else {
        bail!("frames as (row, column, ky, kx)");
    };
    let mut meta = meta([rows, columns], [down, across], ElementType::F32);
    if down == 1 {
        // Spectra, on the axis that `make_ops.py` gives them.
        meta.axes.signal = vec![Axis::new("Energy", across, 0.5, 200.0, "eV")];
    }
    let frames = given.values.chunks_exact(down * across).map(|pixels| {
        let array = Array {
            shape: meta.axes.signal_shape(),
            values: pixels.to_vec(),
        };
        frame_of(&array).map(Output::Frame)
    });
    let frames = frames.collect::<Result<Vec<_>>>()?;
    let meta = Arc::new(meta);
    let described = computation.describe(&[&meta])?;
    let mut found = Vec::new();
    for at in positions(&described) {
        let outputs = taken(computation, at, &meta, &frames)?;
        let inputs = Inputs {
            metas: std::slice::from_ref(&meta),
            outputs: &outputs,
        };
        let output = computation.compute(&inputs, at, None, &CancelToken::new())?;
        found.extend(numbers(&output));
    }
    largest_difference(&found, &expected.values)
}

/// Maps of row and column shifts that are integrated.
fn shifts_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let [2, rows, columns] = given.shape[..] else {
        bail!("shifts as (2, row, column)");
    };
    let frames = meta([rows, columns], [4, 4], ElementType::F32);
    let meta = Arc::new(bind("center_of_mass", &serde_json::json!({}))?.describe(&[&frames])?);
    let (first, second) = given.values.split_at(rows * columns);
    let shifts: Vec<Output> = (first.iter().zip(second))
        .map(|(y, x)| Output::Values([*y as f32, *x as f32].into()))
        .collect();
    let prepared = prepare(computation, &meta, &shifts)?;
    let inputs = Inputs {
        metas: std::slice::from_ref(&meta),
        outputs: &[],
    };
    let mut found = Vec::new();
    for at in positions(&meta) {
        let output = computation.compute(&inputs, at, prepared.as_ref(), &CancelToken::new())?;
        found.extend(numbers(&output));
    }
    largest_difference(&found, &expected.values)
}

/// Furthest distance of a peak from the one that is expected there.
fn disks_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let (frames, meta) = frames_of(given)?;
    let prepared = prepare(computation, &meta, &frames)?;
    let per_frame = expected.values.len() / frames.len();
    let mut worst = 0.0f64;
    for (frame, expected) in frames.into_iter().zip(expected.values.chunks(per_frame)) {
        let found = numbers(&compute(computation, &meta, frame, prepared.as_ref())?);
        ensure!(
            found.len() == expected.len(),
            "{} peaks, {} expected",
            found.len() / 2,
            expected.len() / 2
        );
        for place in expected.chunks_exact(2) {
            let distances = found
                .chunks_exact(2)
                .map(|peak| (peak[0] - place[0]).hypot(peak[1] - place[1]));
            worst = worst.max(distances.fold(f64::INFINITY, f64::min));
        }
    }
    Ok(worst)
}

/// Two frames that become one.
fn two_frames_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let (frames, meta) = frames_of(given)?;
    let inputs = Inputs {
        metas: &[meta.clone(), meta],
        outputs: &frames,
    };
    let at = NavigationIndex::new(&[0, 0]);
    let output = computation.compute(&inputs, at, None, &CancelToken::new())?;
    with_invalid(&numbers(&output), &expected.values)
}

/// As [`largest_difference`], of those that have a value in both; the others are the same.
fn with_invalid(found: &[f64], expected: &[f64]) -> Result<f64> {
    let invalid = |values: &[f64]| values.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
    ensure!(invalid(found) == invalid(expected), "other pixels are NaN");
    largest_difference(found, expected)
}

/// Frames of several positions that become one.
fn frames_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let (frames, meta) = frames_of(given)?;
    let prepared = prepare(computation, &meta, &frames)?;
    let output = compute(computation, &meta, frames[0].clone(), prepared.as_ref())?;
    with_invalid(&numbers(&output), &expected.values)
}

/// Peaks of several positions (row, column); the first is the reference.
fn strain_case(computation: &dyn Computation, given: &Array, expected: &Array) -> Result<f64> {
    let [positions, count, _] = given.shape[..] else {
        bail!("peaks as (position, peak, 2)");
    };
    let outputs: Vec<Output> = given
        .values
        .chunks_exact(2 * count)
        .map(|pattern| {
            let mut peaks = Peaks::default();
            for pair in pattern.chunks_exact(2) {
                peaks.push(Peak::new(pair[0] as f32, pair[1] as f32, 1.0, 1.0));
            }
            Output::Peaks(Arc::new(peaks))
        })
        .collect();
    let mut meta = meta([1, positions], [120, 96], ElementType::F32);
    meta.kind = SignalKind::Peaks;
    let meta = Arc::new(meta);
    let prepared = prepare(computation, &meta, &outputs)?;
    let mut worst = 0.0f64;
    for (output, expected) in outputs.into_iter().zip(expected.values.chunks_exact(4)) {
        let found = numbers(&compute(computation, &meta, output, prepared.as_ref())?);
        ensure!(found[4] == 1.0, "coverage {}", found[4]);
        worst = worst.max(largest_difference(&found[..4], expected)?);
    }
    Ok(worst)
}

#[test]
fn goldens_of_the_reference_programs() -> Result<()> {
    let mut failures = Vec::new();
    for case in cases()? {
        let tolerance = case["tolerance"].as_f64().context("tolerance")?;
        let line = match run_case(&case) {
            Ok(difference) if difference <= tolerance => {
                println!(
                    "{}: {difference:.3e} (allowed {tolerance:.3e})",
                    case["operation"]
                );
                continue;
            }
            Ok(difference) => format!("off by {difference:.3e}, allowed {tolerance:.3e}"),
            Err(error) => format!("{error:#}"),
        };
        failures.push(format!(
            "{} against {}: {line}",
            case["operation"], case["reference"]
        ));
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[test]
fn every_operation_has_a_golden() -> Result<()> {
    let cases = cases()?;
    for entry in ops::registry() {
        let name = entry.info().name;
        ensure!(
            cases.iter().any(|case| case["operation"] == name),
            "`{name}` has no golden: add a case to tests/golden/make_ops.py"
        );
    }
    Ok(())
}
