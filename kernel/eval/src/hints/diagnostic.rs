//! A diagnostic of rustc as the rules look at it.

use serde_json::Value;

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
    spans: &'a [Value],
    children: &'a [Value],
}

impl<'a> Diagnostic<'a> {
    pub(super) fn new(json: &'a Value) -> Self {
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

/// The expression a text ends with: `scan.frame((0, 0))` of `let x = scan.frame((0, 0))`.
pub(super) fn last_expression(text: &str) -> &str {
    let text = text.trim_end();
    let mut depth = 0usize;
    let mut start = text.len();
    let mut spaced = false;
    for (at, character) in text.char_indices().rev() {
        match character {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '&' if spaced => break,
            character if character.is_alphanumeric() || "_.?:\"".contains(character) => {}
            _ => break,
        }
        spaced = false;
        start = at;
    }
    &text[start..]
}

/// What stands in the parentheses a text begins with: `25, 36` of `(25, 36)?;`.
pub(super) fn in_parentheses(text: &str) -> Option<&str> {
    let mut depth = 0usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(&text[1..at]);
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_found_in_their_line() {
        assert_eq!(
            last_expression("let x = scan.frame((0, 0))"),
            "scan.frame((0, 0))"
        );
        assert_eq!(
            last_expression("f(open(\"a b.zspy\")"),
            "open(\"a b.zspy\")"
        );
        assert_eq!(last_expression("flat"), "flat");
        assert_eq!(last_expression(""), "");
        assert_eq!(in_parentheses("(25, (3, 4))?;"), Some("25, (3, 4)"));
        assert_eq!(in_parentheses("x(1)"), None);
        assert_eq!(in_parentheses("(1"), None);
    }
}
