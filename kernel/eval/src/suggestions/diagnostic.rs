//! A diagnostic of rustc as the rules look at it.

use serde_json::Value;

use crate::advice::Notebook;
use crate::text::{in_brackets, last_expression, parses};

/// Texts of one error; the names of our types without their path.
pub(super) struct Diagnostic<'a> {
    pub(super) code: &'a str,
    pub(super) message: String,
    /// Label of the primary place.
    pub(super) label: String,
    /// The source at the primary place.
    pub(super) text: String,
    /// What stands before and behind it on its line.
    pub(super) before: String,
    pub(super) behind: String,
    pub(super) notebook: &'a Notebook<'a>,
    spans: &'a [Value],
    children: &'a [Value],
}

/// A method call: where its receiver begins and the call ends, with a `?` behind it, on the line of the error.
pub(super) struct MethodCall<'a> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) receiver: &'a str,
    pub(super) arguments: &'a str,
}

/// What rustc suggests: its words, and the line as it then reads.
pub(super) struct Suggestion {
    pub(super) message: String,
    pub(super) code: String,
    /// The line as it was written.
    pub(super) line: String,
}

impl<'a> Diagnostic<'a> {
    pub(super) fn new(json: &'a Value, notebook: &'a Notebook<'a>) -> Self {
        let spans = json["spans"].as_array().map_or(&[][..], Vec::as_slice);
        let primary = spans
            .iter()
            .find(|span| span["is_primary"] == true)
            .unwrap_or(&Value::Null);
        let (before, text, behind) = around(primary);
        Diagnostic {
            code: json["code"]["code"].as_str().unwrap_or_default(),
            message: short(json["message"].as_str().unwrap_or_default()),
            label: short(primary["label"].as_str().unwrap_or_default()),
            text,
            before,
            behind,
            notebook,
            spans,
            children: json["children"].as_array().map_or(&[][..], Vec::as_slice),
        }
    }

    /// Texts of rustc's notes and suggestions.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.children
            .iter()
            .filter_map(|child| child["message"].as_str())
            .map(short)
    }

    /// Labels of all places.
    pub(super) fn labels(&self) -> impl Iterator<Item = String> + '_ {
        self.spans
            .iter()
            .filter_map(|span| span["label"].as_str())
            .map(short)
    }

    /// The line of the error.
    pub(super) fn line(&self) -> String {
        format!("{}{}{}", self.before, self.text, self.behind)
    }

    /// The line with other code at its marked place, and everything else on it put right.
    pub(super) fn with(&self, code: &str) -> String {
        self.with_range(self.before.len(), self.before.len() + self.text.len(), code)
    }

    /// As [`Self::with`], between two bytes of the line. Empty when that is no Rust.
    pub(super) fn with_range(&self, from: usize, to: usize, code: &str) -> String {
        let line = self.line();
        let (Some(before), Some(behind)) = (line.get(..from), line.get(to..)) else {
            return String::new();
        };
        self.mended(&format!("{before}{code}{behind}"))
    }

    /// A line that is part of the cell: everything that names tell put right; empty when it is no Rust.
    pub(super) fn mended(&self, line: &str) -> String {
        let mended = self.notebook.mended(line.trim());
        if parses(&mended) {
            return mended;
        }
        // A part of a statement of several lines is none by itself.
        let own = self.line();
        let within = self.notebook.cell.replacen(own.trim(), line.trim(), 1);
        match !own.trim().is_empty() && parses(&within) {
            true => line.trim().to_owned(),
            false => String::new(),
        }
    }

    /// The method call whose name is the marked place.
    pub(super) fn method_call(&self) -> Option<MethodCall<'_>> {
        let before = self.before.trim_end().strip_suffix('.')?;
        let receiver = last_expression(before);
        if receiver.is_empty() {
            return None;
        }
        let arguments = in_brackets(&self.behind)?;
        let end = self.before.len() + self.text.len() + arguments.len() + 2;
        let tried = self.behind[arguments.len() + 2..].starts_with('?');
        Some(MethodCall {
            from: before.trim_end().len() - receiver.len(),
            to: end + usize::from(tried),
            receiver,
            arguments,
        })
    }

    /// The type of the value that a `Result` without its `?` holds: `Frame` of `Result<Frame<'static, f64>, Error>`.
    pub(super) fn value_of_result(&self) -> Option<&str> {
        if !self.message.contains("for enum `Result<") {
            return None;
        }
        let of = |text: &'_ str| -> Option<usize> { text.find("`Result<") };
        // The message may say `Result<T, E>`, the label says more.
        [&self.label, &self.message].into_iter().find_map(|text| {
            let kind = &text[of(text)? + "`Result<".len()..];
            let kind = kind.split(['<', ',', '>']).next()?.trim_start_matches('&');
            let kind = kind.rsplit("::").next()?;
            crate::api::API.types.contains_key(kind).then_some(kind)
        })
    }

    /// The source at each secondary place with this label.
    pub(super) fn labelled(&self, label: &str) -> Option<(String, String, String)> {
        let span = self.spans.iter().find(|span| span["label"] == label)?;
        Some(around(span))
    }

    /// The source before the place of a suggestion with this replacement.
    pub(super) fn before_suggestion(&self, replacement: &str) -> Option<String> {
        let spans = self
            .children
            .iter()
            .filter_map(|child| child["spans"].as_array())
            .flatten();
        let span = spans
            .into_iter()
            .find(|span| span["suggested_replacement"] == replacement)?;
        Some(around(span).0)
    }

    /// rustc's own suggestions: what it says, and the line with all its replacements made.
    pub(super) fn suggestions(&self) -> impl Iterator<Item = Suggestion> + '_ {
        self.children.iter().filter_map(move |child| {
            let spans = child["spans"].as_array()?;
            let line = spans.first()?["text"][0]["text"].as_str()?;
            let mut edits: Vec<(usize, usize, &str)> = Vec::new();
            for span in spans {
                let code = span["suggested_replacement"].as_str()?;
                let text = &span["text"][0];
                let sure = span["suggestion_applicability"] != "HasPlaceholders"
                    && span["suggestion_applicability"] != "Unspecified";
                if !sure || code.contains("/*") || text["text"] != line || line.is_empty() {
                    return None;
                }
                let column = |name: &str| text[name].as_u64().map_or(1, |column| column as usize);
                edits.push((column("highlight_start"), column("highlight_end"), code));
            }
            edits.sort_by_key(|(start, ..)| std::cmp::Reverse(*start));
            let mut letters: Vec<char> = line.chars().collect();
            for (start, end, code) in edits {
                let range = start.saturating_sub(1).min(letters.len())
                    ..end.saturating_sub(1).min(letters.len());
                letters.splice(range, code.chars());
            }
            let code = self.mended(&letters.into_iter().collect::<String>());
            let message = child["message"].as_str().map(short)?;
            (!code.is_empty()).then(|| Suggestion {
                message,
                code,
                line: line.to_owned(),
            })
        })
    }

    /// Name of a value that does not exist.
    pub(super) fn unknown_value(&self) -> Option<&str> {
        self.message
            .strip_prefix("cannot find value `")
            .or_else(|| self.message.strip_prefix("cannot find function `"))
            .and_then(|rest| rest.split('`').next())
    }

    /// The `n`-th text in backquotes of the message.
    pub(super) fn quoted(&self, n: usize) -> Option<&str> {
        quoted(&self.message, n)
    }

    /// `expected` and `found` of the label: "expected `f64`, found integer".
    pub(super) fn mismatch(&self) -> Option<(&str, &str)> {
        let (expected, found) = self
            .label
            .strip_prefix("expected ")?
            .split_once(", found ")?;
        Some((expected.trim_matches('`'), found.trim_matches('`')))
    }
}

/// The `n`-th text in backquotes.
pub(super) fn quoted(text: &str, n: usize) -> Option<&str> {
    text.split('`').nth(2 * n + 1)
}

/// The text without paths of types that a person writes without one: `Signal`, `Result`. rustc adds the
/// path of a std type as soon as a second type of that name is in sight.
pub(crate) fn short(text: &str) -> String {
    const PATHS: [&str; 6] = [
        "signaltree::",
        "std::result::",
        "std::option::",
        "std::string::",
        "std::vec::",
        "std::boxed::",
    ];
    PATHS
        .iter()
        .fold(text.to_owned(), |text, path| text.replace(path, ""))
}

/// The line of a place in three: before, at and behind it.
fn around(span: &Value) -> (String, String, String) {
    let line = &span["text"][0];
    let text = line["text"].as_str().unwrap_or_default();
    let column = |name: &str| line[name].as_u64().map_or(1, |column| column as usize);
    let (start, end) = (column("highlight_start"), column("highlight_end"));
    let cut = |from: usize, to: usize| {
        text.chars()
            .skip(from.saturating_sub(1))
            .take(to.saturating_sub(from))
            .collect::<String>()
    };
    (cut(1, start), cut(start, end), cut(end, usize::MAX))
}
