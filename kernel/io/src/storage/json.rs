//! JSON as Python writes it: bare `NaN`, `Infinity` and `-Infinity` are accepted.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;
use signal::SourceError;

use crate::error::io_error;

/// Reads a small JSON file; `None` when it does not exist.
///
/// # Errors
/// [`SourceError::Header`] with the line where the text stops being JSON.
pub fn read(path: &Path) -> Result<Option<Value>, SourceError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path, &error)),
    };
    serde_json::from_str(&quoted(&text))
        .map(Some)
        .map_err(|error| SourceError::damaged(path, "the JSON text", error.to_string()))
}

/// Puts bare `NaN` and infinities between quotes, as zarr spells them in fill values.
fn quoted(text: &str) -> Cow<'_, str> {
    const BARE: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !BARE.iter().any(|word| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut in_string = false;
    while let Some(first) = rest.chars().next() {
        if !in_string && let Some(word) = BARE.iter().find(|word| rest.starts_with(**word)) {
            out.push('"');
            out.push_str(word);
            out.push('"');
            rest = &rest[word.len()..];
            continue;
        }
        let mut taken = first.len_utf8();
        match first {
            '"' => in_string = !in_string,
            '\\' if in_string => taken += rest[taken..].chars().next().map_or(0, char::len_utf8),
            _ => {}
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    Cow::Owned(out)
}

/// A number, also one of the quoted non-finite ones.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_nan_is_a_number_and_nan_in_text_stays_text() {
        let text = r#"{"a": NaN, "b": -Infinity, "c": "not \" NaN", "d": [1.5, Infinity]}"#;
        let value: Value = serde_json::from_str(&quoted(text)).unwrap();
        assert!(number(&value["a"]).unwrap().is_nan());
        assert_eq!(number(&value["b"]), Some(f64::NEG_INFINITY));
        assert_eq!(value["c"], "not \" NaN");
        assert_eq!(number(&value["d"][1]), Some(f64::INFINITY));
    }
}
