//! What operations refuse, and what they make of too little.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use signal::{Category, ElementType, Frame, Output, Peak, Peaks, SignalKind, SignalMeta};

use super::{DETECTOR, SCAN, bind, compute, meta, numbers, prepare, repeated, tested};

#[test]
fn operations_refuse_what_does_not_fit_and_say_why() -> Result<()> {
    let frames = meta([20, 24], DETECTOR, ElementType::U16);
    let map = frames.to_map(Vec::new());
    let mut peaks = frames.clone();
    peaks.kind = SignalKind::Peaks;
    let mut spectra = frames.clone();
    spectra.axes.signal.truncate(1);

    let refused = |name: &str, params: Value, input: &SignalMeta, words: &str| -> Result<()> {
        let computation = bind(name, &params)?;
        let error = (computation.describe(&repeated(&*computation, &input))).err();
        let text = error
            .with_context(|| format!("`{name}` accepted {params}"))?
            .to_string();
        ensure!(text.contains(words), "`{name}`: {text}");
        Ok(())
    };
    for entry in tested()? {
        if ["amplitude", "phase", "real", "imaginary"].contains(&entry.info().name) {
            let name = entry.info().name;
            refused(name, json!({}), &frames, "has real numbers already")?;
            continue;
        }
        if ["luminance", "red", "green", "blue", "alpha"].contains(&entry.info().name) {
            refused(entry.info().name, json!({}), &frames, "has no colours")?;
            continue;
        }
        // Numbers are numbers, whatever they are of.
        if entry.info().category == Category::Arithmetic {
            refused(entry.info().name, json!({}), &peaks, "a signal has peaks")?;
            continue;
        }
        // What lies behind a position makes no difference to those.
        if ["crop_scan", "rebin_scan", "rolling_mean"].contains(&entry.info().name) {
            let mut one = frames.clone();
            one.axes.navigation.clear();
            refused(entry.info().name, json!({}), &one, "has one frame")?;
            continue;
        }
        if entry.info().name == "integrated_center_of_mass" {
            let name = entry.info().name;
            refused(name, json!({}), &frames, "the signal has frames, not maps")?;
            continue;
        }
        if ["scores", "loadings", "reconstruct"].contains(&entry.info().name) {
            let name = entry.info().name;
            refused(
                name,
                json!({}),
                &frames,
                "the signal has frames, and is no model",
            )?;
            continue;
        }
        refused(entry.info().name, json!({}), &map, "the signal has maps")?;
        let takes_spectra = [
            "pattern",
            "crop_signal",
            "rebin_signal",
            "energy_window",
            "decompose",
            "mask_pixels",
            "flat_field",
        ];
        if entry.info().method != "strain_map" && !takes_spectra.contains(&entry.info().method) {
            refused(
                entry.info().name,
                json!({}),
                &spectra,
                "1 signal axis, not 2",
            )?;
        }
    }
    refused(
        "strain_map",
        json!({}),
        &frames,
        "the signal has frames, not peaks",
    )?;
    refused("energy_window", json!({}), &frames, "2 signal axes, not 1")?;
    refused(
        "virtual_polygon",
        json!({"vertices": [[1, 90], [1, 99], [8, 99]]}),
        &frames,
        "the polygon covers no pixel of the frame of 34 x 29 px",
    )?;
    ensure!(bind("virtual_polygon", &json!({"vertices": [[1, 9], [1, 2]]})).is_err());
    ensure!(bind("energy_window", &json!({"range": [560, 520]})).is_err());
    let far = json!({"reference": {"x0": 24, "y0": 0, "width": 4, "height": 4}});
    refused("strain_map", far, &peaks, "20 rows and 24 columns")?;
    refused(
        "median_kernel",
        json!({"footprint": 18}),
        &frames,
        "footprint = 18 px is even",
    )?;
    let swapped = json!({"min_sigma": 5.0, "max_sigma": 2.0});
    refused(
        "difference_of_gaussians",
        swapped,
        &frames,
        "max_sigma = 2 px",
    )?;
    refused(
        "normalized_correlation",
        json!({"radius": 15}),
        &frames,
        "more than 7.25 px",
    )?;
    refused(
        "virtual_annulus",
        json!({"inner_radius": 40.0, "outer_radius": 10.0}),
        &frames,
        "inner_radius = 40.0 px is larger than outer_radius = 10.0 px",
    )?;
    refused(
        "virtual_disk",
        json!({"centre": [500, 3]}),
        &frames,
        "covers no pixel",
    )?;
    let centred = json!({"centre": "signal", "normalize_poissonian_noise": true});
    refused(
        "svd",
        centred,
        &frames,
        "which are none when a mean is subtracted",
    )?;
    let model = bind("svd", &json!({"components": 7}))?.describe(&[&frames])?;
    refused(
        "reconstruct",
        json!({"components": 8}),
        &model,
        "the model has 7",
    )?;
    ensure!(bind("normalized_correlation", &json!({"min_distance": -1})).is_err());
    ensure!(bind("h_dome", &json!({"h": 0})).is_err());
    Ok(())
}

/// A reference without enough peaks gives NaN and coverage 0, never an error.
#[test]
fn a_reference_with_fewer_than_three_peaks_gives_an_empty_map() -> Result<()> {
    let computation = bind("strain_map", &json!({}))?;
    let mut meta = meta(SCAN, DETECTOR, ElementType::F32);
    meta.kind = SignalKind::Peaks;
    let meta = Arc::new(meta);
    for count in 0..3 {
        let mut peaks = Peaks::default();
        for n in 0..count {
            peaks.push(Peak::new(4.0 + 9.0 * n as f32, 6.0, 1.0, 1.0));
        }
        let outputs = vec![Output::Peaks(Arc::new(peaks)); 12];
        let prepared = prepare(&*computation, &meta, &outputs)?;
        let values = numbers(&compute(
            &*computation,
            &meta,
            outputs[0].clone(),
            prepared.as_ref(),
        )?);
        ensure!(values[..4].iter().all(|value| value.is_nan()), "{values:?}");
        ensure!(values[4] == 0.0, "{values:?}");
    }
    Ok(())
}

/// Peaks on the border and in the corner are kept or dropped exactly as asked.
#[test]
fn exclude_border_counts_whole_pixels() -> Result<()> {
    let [rows, columns] = DETECTOR;
    let meta = Arc::new(meta([1, 1], DETECTOR, ElementType::F32));
    for (row, column) in [(2, 14), (31, 14), (17, 2), (17, 26), (2, 2), (31, 26)] {
        let mut pixels = vec![0.0f32; rows * columns];
        pixels[row * columns + column] = 5.0;
        let frame = Frame::from_vec(&DETECTOR, pixels).map_err(anyhow::Error::msg)?;
        for (border, count) in [(0, 1), (2, 1), (3, 0)] {
            let params = json!({"exclude_border": border, "subpixel": "none"});
            let finder = bind("local_maximum", &params)?;
            let found = compute(&*finder, &meta, Output::Frame(frame.clone()), None)?;
            let Output::Peaks(peaks) = found else {
                bail!("peaks");
            };
            ensure!(
                peaks.len() == count,
                "({row}, {column}) border {border}: {}",
                peaks.len()
            );
        }
    }
    Ok(())
}
