//! What an operation measured before its first frame, in words: the size of the disks, the reference lattice.

use serde_json::{Map, Value};
use tree::Node;

use crate::Session;

/// Key of a number among the notes of an operation, key of its standard error, name and unit.
const NUMBERS: &[(&str, &str, &str, &str)] = &[
    ("radius_px", "radius_error_px", "radius", " px"),
    ("edge_px", "edge_error_px", "edge", " px"),
    ("flat_radius_px", "", "radius", " px of a flat disk like it"),
    ("threshold", "", "threshold", " σ"),
    ("misfit", "", "misfit", ""),
    ("spacing_px", "", "spacing of the reference", " px"),
];
/// Key of a place (row, column), what it is, and what was measured for it.
const PLACES: &[(&str, &str, &str)] = &[("centre_px", "centre", "the direct beam")];
/// Key of a number of pixels that are not used, and what they are.
const LEFT_OUT: &[(&str, &str)] = &[("covered_pixels", "covered"), ("hot_pixels", "hot")];
const NO_REFERENCE: &str = "no_reference";
/// Notes that stand behind the numbers.
const REMARKS: &[&str] = &["direct_beam", "pattern"];
/// Notes that are sentences.
const TEXTS: &[&str] = &["disks", "components", NO_REFERENCE];

fn notes(session: &Session, node: &Node) -> Option<Value> {
    let prepared = session.engine.prepared(node)?;
    node.computation()?.prepared_notes(&prepared)
}

/// `radius 4.02 ± 0.01 px, edge 0.61 ± 0.02 px, threshold 4.6 σ`; nothing before it is measured.
pub(crate) fn of(session: &Session, node: &Node) -> Option<String> {
    let notes = notes(session, node)?;
    // A caveat says that already.
    match notes[NO_REFERENCE].is_string() {
        true => None,
        false => in_words(&notes),
    }
}

/// The values of parameters that were left out, and what became of those that were a beginning; empty before that is measured.
pub(crate) fn parameters(session: &Session, node: &Node) -> Map<String, Value> {
    let found = || {
        let prepared = session.engine.prepared(node)?;
        Some(node.computation()?.measured_parameters(&prepared))
    };
    found().unwrap_or_default()
}

fn in_words(notes: &Value) -> Option<String> {
    let texts = TEXTS.iter().filter_map(|key| notes[*key].as_str());
    let texts: Vec<String> = texts.map(str::to_owned).collect();
    if !texts.is_empty() {
        return Some(texts.join("; "));
    }
    let numbers: Vec<String> = (NUMBERS.iter())
        .filter_map(|(key, error, name, unit)| {
            let value = notes[*key].as_f64()?;
            Some(match notes[*error].as_f64() {
                Some(error) => {
                    let digits = digits_of(error);
                    format!("{name} {value:.digits$} ± {error:.digits$}{unit}")
                }
                None => format!("{name} {value:.2}{unit}"),
            })
        })
        .collect();
    let places = (PLACES.iter()).filter_map(|(key, name, what)| {
        let [row, column] = [0, 1].map(|axis| notes[*key][axis].as_f64());
        Some(format!("{name} ({:.2}, {:.2}) px: {what}", row?, column?))
    });
    let left_out = (LEFT_OUT.iter()).filter_map(|(key, what)| {
        let count = notes[*key].as_u64().filter(|count| *count > 0)?;
        let pixels = if count == 1 { "pixel" } else { "pixels" };
        Some(format!("{count} {what} {pixels} left out"))
    });
    let gain = notes["gain"].as_f64().filter(|gain| *gain != 1.0);
    let gain = gain.map(|gain| format!("gain {}", three_digits(gain)));
    // Less than half a count may be noise of the readout.
    let seen = |offset: &f64| match gain {
        Some(_) => offset.abs() > 0.5 * notes["gain"].as_f64().unwrap_or(1.0),
        None => *offset != 0.0,
    };
    let offset = notes["offset"].as_f64().filter(seen);
    let offset = offset.map(|offset| format!("offset {}", three_digits(offset)));
    let remarks = (REMARKS.iter()).filter_map(|key| notes[*key].as_str());
    let all: Vec<String> = (numbers.into_iter())
        .chain(places)
        .chain(gain)
        .chain(offset)
        .chain(left_out)
        .chain(remarks.map(str::to_owned))
        .collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// A number of any size with at least three digits that count; whole ones as they are.
fn three_digits(value: f64) -> String {
    let size = value.abs();
    if !(1e-3..1e6).contains(&size) && size > 0.0 {
        return format!("{value:.2e}");
    }
    let whole = value.fract() == 0.0;
    let before = size.max(1e-3).log10().floor() as i32;
    let digits = if whole {
        0
    } else {
        (2 - before).max(0) as usize
    };
    format!("{value:.digits$}")
}

/// Decimal places that a number with this standard error has: the first of the error.
fn digits_of(error: f64) -> usize {
    match error > 0.0 {
        true => (-error.log10().floor()).clamp(0.0, 4.0) as usize,
        false => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_have_the_places_that_their_errors_leave() {
        let disks = json!({
            "radius_px": 4.0213, "radius_error_px": 0.0061, "edge_px": 0.6, "edge_error_px": 0.0123,
            "threshold": 4.627, "misfit": 1.034, "background_counts": [3.0, 2.0], "direct_beam_px": [1.0, 2.0],
        });
        assert_eq!(
            in_words(&disks).as_deref(),
            Some("radius 4.021 ± 0.006 px, edge 0.60 ± 0.01 px, threshold 4.63 σ, misfit 1.03")
        );
        let spoilt =
            json!({"radius_px": 4.0, "gain": 7.312, "hot_pixels": 12, "covered_pixels": 1});
        assert_eq!(
            in_words(&spoilt).as_deref(),
            Some("radius 4.00 px, gain 7.31, 1 covered pixel left out, 12 hot pixels left out")
        );
        let shifted = |gain: f64, offset: f64| {
            in_words(&json!({"radius_px": 4.0, "gain": gain, "offset": offset})).unwrap_or_default()
        };
        for (gain, offset, said) in [
            (19.973, 98.23, ", gain 20.0, offset 98.2"),
            (1.0, -3.0, ", offset -3"),
            (1.0, 1.5, ", offset 1.50"),
            (1.0, 0.0, ""),
            (10.02, 4.7, ", gain 10.0"),
            (9.917_960_004e29, 0.0, ", gain 9.92e29"),
            (0.000_312_4, 0.001_27, ", gain 3.12e-4, offset 0.00127"),
            (0.0312, 12_345.6, ", gain 0.0312, offset 12346"),
        ] {
            assert_eq!(shifted(gain, offset), format!("radius 4.00 px{said}"));
        }
        let patterned = json!({"flat_radius_px": 9.7, "flat_edge_px": 0.6, "pattern": "not flat"});
        assert_eq!(
            in_words(&patterned).as_deref(),
            Some("radius 9.70 px of a flat disk like it, not flat")
        );
        let none = json!({"spacing_px": 0.0, "no_reference": "no lattice"});
        assert_eq!(in_words(&none).as_deref(), Some("no lattice"));
        let lattice = json!({"spacing_px": 12.345, "no_reference": null});
        assert_eq!(
            in_words(&lattice).as_deref(),
            Some("spacing of the reference 12.35 px")
        );
        let rings = json!({"centre_px": [27.412, 16.2], "direct_beam_wander_px": 0.3});
        assert_eq!(
            in_words(&rings).as_deref(),
            Some("centre (27.41, 16.20) px: the direct beam")
        );
        assert_eq!(in_words(&json!({"pixels": 3})), None);
    }
}
