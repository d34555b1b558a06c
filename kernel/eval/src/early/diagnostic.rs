//! What rustc says about an early cell.

use std::ops::Range;

use serde_json::Value;

use crate::error_report::{Diagnosis, Mark};

/// Errors that evcxr mends, or words better because it knows more.
const FOR_EVCXR: [&str; 5] = ["E0282", "E0283", "E0284", "E0658", "E0728"];

/// An error of rustc in a cell.
pub(crate) struct Diagnostic {
    json: Value,
    /// Lines in front of the cell.
    before: usize,
    lines: Range<usize>,
}

/// The errors among the lines of JSON that rustc wrote; `None` when one is not about the cell's own `lines`, or is one
/// that evcxr would not have, unless `all_the_same`: then those are left out. Lines are from 1.
pub(super) fn errors(
    said: &str,
    lines: &Range<usize>,
    all_the_same: bool,
) -> Option<Vec<Diagnostic>> {
    let mut found = Vec::new();
    for line in said.lines() {
        let Ok(json) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let message = json["message"].as_str().unwrap_or_default();
        if json["level"] != "error" || message.starts_with("aborting due to") {
            continue;
        }
        let code = json["code"]["code"].as_str().unwrap_or_default();
        let of_ours = line.contains("Crosses") || line.contains("hook::Returned");
        // A type that nobody knows stays unknown, whoever is asked.
        let unknown_type = matches!(code, "E0282" | "E0283" | "E0284");
        if of_ours || FOR_EVCXR.contains(&code) {
            match all_the_same {
                true if unknown_type && !of_ours => {}
                true => continue,
                false => return None,
            }
        }
        let diagnostic = Diagnostic {
            before: lines.start - 1,
            lines: lines.clone(),
            json,
        };
        if !diagnostic.spans().any(|(_, is_primary)| is_primary) {
            match all_the_same {
                true => continue,
                false => return None,
            }
        }
        found.push(diagnostic);
    }
    (!found.is_empty()).then_some(found)
}

impl Diagnostic {
    /// Spans in the cell's own lines, and whether they are primary.
    fn spans(&self) -> impl Iterator<Item = (&Value, bool)> {
        let spans = self.json["spans"].as_array().into_iter().flatten();
        spans.filter_map(|span| {
            let is_primary = span["is_primary"] == true;
            let mut place = span;
            // A macro of std: the place where the cell calls it.
            while !self.is_own(place) {
                place = &place["expansion"]["span"];
                if place.is_null() {
                    return None;
                }
            }
            Some((place, is_primary))
        })
    }

    fn is_own(&self, span: &Value) -> bool {
        let line = span["line_start"].as_u64().unwrap_or(0) as usize;
        let file = span["file_name"].as_str().unwrap_or_default();
        file == super::SOURCE && self.lines.contains(&line)
    }
}

impl Diagnosis for Diagnostic {
    fn json(&self) -> &Value {
        &self.json
    }

    fn level(&self) -> &str {
        "error"
    }

    fn message(&self) -> String {
        self.json["message"].as_str().unwrap_or_default().to_owned()
    }

    fn marks(&self) -> Vec<Mark> {
        let number = |span: &Value, name: &str| span[name].as_u64().unwrap_or(1) as usize;
        self.spans()
            .map(|(span, is_primary)| Mark {
                label: span["label"].as_str().unwrap_or_default().to_owned(),
                is_primary,
                start_line: number(span, "line_start") - self.before,
                start_column: number(span, "column_start"),
                end_line: (number(span, "line_end")).saturating_sub(self.before),
                end_column: number(span, "column_end"),
            })
            .collect()
    }

    fn note(&self) -> Option<&'static str> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: u64, message: &str, code: &str) -> String {
        serde_json::json!({
            "level": "error", "message": message, "code": {"code": code},
            "spans": [{"file_name": "src/lib.rs", "line_start": line, "line_end": line,
                       "column_start": 3, "column_end": 5, "is_primary": true, "label": "here"}],
        })
        .to_string()
    }

    #[test]
    fn an_error_in_the_cell_is_told_in_its_lines() {
        let text = format!("warning\n{}\n", said(12, "cannot find value `x`", "E0425"));
        let found = errors(&text, &(11..14), false).unwrap();
        let marks = found[0].marks();
        assert_eq!((marks[0].start_line, marks[0].start_column), (2, 3));
        assert_eq!(marks[0].label, "here");
        assert_eq!(found[0].message(), "cannot find value `x`");
    }

    #[test]
    fn what_evcxr_would_not_say_is_not_said() {
        assert!(errors(&said(3, "x", "E0382"), &(11..14), false).is_none());
        assert!(errors(&said(12, "x", "E0728"), &(11..14), false).is_none());
        assert!(
            errors(
                &said(12, "Crosses: `Vec<u8>` stays", "E0277"),
                &(11..14),
                false
            )
            .is_none()
        );
        assert!(errors("", &(11..14), false).is_none());
        let text = format!(
            "{}\n{}\n",
            said(12, "Crosses: `Vec<u8>` stays", "E0277"),
            said(12, "cannot divide `f64` by `{integer}`", "E0277")
        );
        assert_eq!(errors(&text, &(11..14), true).unwrap().len(), 1);
    }
}
