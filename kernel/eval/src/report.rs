//! Errors of cells as a person reads them: the user's own lines, a caret, colour.

use std::sync::Arc;

use evcxr::CompilationError;
use serde_json::Value;

use crate::CellError;
use crate::hints;
use crate::source::Prepared;

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// Source of one loaded cell: the user's code with its hooks, and the file that evcxr made of it.
#[derive(Debug)]
pub(crate) struct CellSource {
    cell: Arc<Prepared>,
    prepared: Vec<String>,
    generated: Vec<String>,
}

/// Line and column, from 1, in the cell as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl CellSource {
    pub(crate) fn new(cell: Arc<Prepared>, generated: &str) -> Self {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        CellSource {
            prepared: lines(&cell.code),
            cell,
            generated: lines(generated),
        }
    }

    /// Of a cell that was not compiled.
    pub(crate) fn written(code: &str) -> Self {
        CellSource::new(Arc::new(Prepared::plain(code)), code)
    }

    /// The user's place of a place in the compiled file. evcxr copies statements line by line, so the
    /// lines are found by their text; among equal ones the neighbours decide.
    pub(crate) fn locate(&self, line: usize, column: usize) -> Option<Place> {
        let index = line.checked_sub(1)?;
        let text = self.generated.get(index)?.trim();
        if text.is_empty() {
            return None;
        }
        let candidates = self
            .prepared
            .iter()
            .enumerate()
            .filter(|(_, prepared)| prepared.contains(text));
        let (found, prepared) = candidates.max_by_key(|(candidate, _)| {
            // Later ones lose a tie: evcxr keeps the order of statements.
            (self.agreement(index, *candidate), usize::MAX - candidate)
        })?;
        let indent = self.generated[index]
            .chars()
            .take_while(|c| c.is_whitespace())
            .count();
        let start = prepared
            .find(text)
            .map_or(0, |at| prepared[..at].chars().count());
        let column = (start + column).saturating_sub(indent).max(1);
        Some(Place {
            line: found + 1,
            column: self.cell.column(found + 1, column),
        })
    }

    /// How many neighbouring lines agree.
    fn agreement(&self, generated: usize, written: usize) -> usize {
        let same = |offset: isize| {
            let line = |lines: &[String], index: usize| {
                index
                    .checked_add_signed(offset)
                    .and_then(|index| lines.get(index))
                    .map(|line| line.trim().to_owned())
            };
            match (
                line(&self.generated, generated),
                line(&self.prepared, written),
            ) {
                (Some(ours), Some(theirs)) => theirs.contains(&ours) && !ours.is_empty(),
                _ => false,
            }
        };
        [-3, -2, -1, 1, 2, 3]
            .into_iter()
            .filter(|offset| same(*offset))
            .count()
    }

    fn line(&self, line: usize) -> &str {
        self.cell.line(line)
    }
}

/// A panic of user code, with its place in the compiled file.
#[derive(Clone, Debug)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Panic {
    /// Without a cell to point into.
    pub(crate) fn text(&self) -> String {
        format!("panicked: {}", self.message)
    }

    /// Message and line: `index out of bounds (line 2 of the cell: let y = v[7];)`.
    pub(crate) fn one_line(&self, source: Option<&CellSource>) -> String {
        match source.and_then(|source| Some((source, self.place(source)?))) {
            Some((source, place)) => format!(
                "{} (line {} of its cell: `{}`)",
                self.message,
                place.line,
                source.line(place.line).trim()
            ),
            None => self.message.clone(),
        }
    }

    fn place(&self, source: &CellSource) -> Option<Place> {
        if self.file.ends_with("lib.rs") && !self.file.starts_with('/') {
            source.locate(self.line, self.column)
        } else {
            None
        }
    }

    pub(crate) fn to_error(&self, source: Option<&CellSource>) -> CellError {
        let mut traceback = vec![format!("{RED}Panic{RESET}: {BOLD}{}{RESET}", self.message)];
        match source.and_then(|source| Some((source, self.place(source)?))) {
            Some((source, place)) => {
                let mut snippet = Snippet::new(place);
                snippet.mark(
                    source.line(place.line),
                    place.line,
                    place.column,
                    place.column + 1,
                    "",
                    true,
                );
                traceback.extend(snippet.finish());
            }
            None if !self.file.is_empty() => {
                traceback.push(format!("{BLUE} -->{RESET} {}:{}", self.file, self.line));
            }
            None => {}
        }
        CellError {
            name: "Panic".into(),
            value: self.message.clone(),
            traceback,
        }
    }
}

/// An error that left the cell through `?`.
pub(crate) fn returned_error(type_name: &str, text: &str) -> CellError {
    let name = short_type(type_name);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut traceback = vec![format!("{RED}{name}{RESET}: {BOLD}{first}{RESET}")];
    traceback.extend(lines.map(|line| match line.strip_prefix("hint: ") {
        Some(hint) => format!("{CYAN}hint{RESET}: {hint}"),
        None => line.to_owned(),
    }));
    CellError {
        name,
        value: text.to_owned(),
        traceback,
    }
}

/// `alloc::boxed::Box<dyn core::error::Error>` → `Error`; `core::num::error::ParseIntError` → `ParseIntError`.
fn short_type(name: &str) -> String {
    let inner = name
        .strip_prefix("alloc::boxed::Box<dyn ")
        .map_or(name, |inner| inner.trim_end_matches('>'));
    let path = inner.split(['<', ' ']).next().unwrap_or(inner);
    match path.rsplit("::").next() {
        Some(last) if !last.is_empty() && !last.starts_with('&') => last.to_owned(),
        _ => "Error".into(),
    }
}

/// A line of advice under an error.
pub(crate) fn hint(text: &str) -> String {
    format!("  {CYAN}= hint{RESET}: {text}")
}

/// A sentence that is an error by itself.
pub(crate) fn plain(name: &str, text: &str) -> CellError {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut traceback = vec![format!("{RED}{name}{RESET}: {BOLD}{first}{RESET}")];
    traceback.extend(lines.map(str::to_owned));
    CellError {
        name: name.into(),
        value: text.to_owned(),
        traceback,
    }
}

/// A cell that is not Rust, told without the compiler.
pub(crate) fn syntax_error(text: &str, line: usize, column: usize, message: &str) -> CellError {
    let mut traceback = vec![format!("{RED}error{RESET}: {BOLD}{message}{RESET}")];
    let mut snippet = Snippet::new(Place { line, column });
    snippet.mark(text, line, column, column + 1, "", true);
    traceback.extend(snippet.finish());
    CellError {
        name: "CompileError".into(),
        value: message.to_owned(),
        traceback,
    }
}

/// Compile errors with the user's lines.
///
/// `lost` are variables that an earlier cell had and that were reset since.
pub(crate) fn compile_errors(
    errors: &[CompilationError],
    cell: &Prepared,
    lost: &[String],
) -> CellError {
    let serious: Vec<&CompilationError> = errors
        .iter()
        .filter(|error| error.level() == "error")
        .collect();
    let shown = if serious.is_empty() {
        errors.iter().collect()
    } else {
        serious
    };
    let mut traceback = Vec::new();
    let mut hints = Vec::new();
    for error in &shown {
        if !traceback.is_empty() {
            traceback.push(String::new());
        }
        compile_error(error, cell, &mut traceback);
        match hints::hint(&error.json, lost) {
            // One mistake may lead to several errors.
            Some(hint) if hints.contains(&hint) => {}
            Some(hint) => {
                traceback.push(format!("  {CYAN}= hint{RESET}: {hint}"));
                hints.push(hint);
            }
            None => traceback.extend(advice(&error.json)),
        }
        if let Some(note) = error.evcxr_extra_hint() {
            traceback.push(format!("  {CYAN}= note{RESET}: {note}"));
        }
    }
    CellError {
        name: "CompileError".into(),
        value: shown.first().map_or_else(
            || "the cell does not compile".into(),
            |error| readable(&error.message()),
        ),
        traceback,
    }
}

fn compile_error(error: &CompilationError, cell: &Prepared, out: &mut Vec<String>) {
    let code = error
        .code()
        .map(|code| format!("[{code}]"))
        .unwrap_or_default();
    out.push(format!(
        "{RED}error{code}{RESET}: {BOLD}{}{RESET}",
        readable(&error.message())
    ));

    let mut spans: Vec<_> = error
        .spanned_messages()
        .iter()
        .filter_map(|message| Some((message, message.span?)))
        .collect();
    spans.sort_by_key(|(_, span)| (span.start_line, span.start_column));
    let first = spans
        .iter()
        .find(|(message, _)| message.is_primary)
        .or(spans.first());
    if let Some((_, span)) = first {
        let mut snippet = Snippet::new(Place {
            line: span.start_line,
            column: cell.column(span.start_line, span.start_column),
        });
        for (message, span) in &spans {
            let text = cell.line(span.start_line);
            let mut start = cell.column(span.start_line, span.start_column);
            if message.label == VALUE {
                // The place is the hook behind the value.
                start = cell.value_start(span.start_line).unwrap_or(start);
            }
            let end = if span.end_line == span.start_line {
                cell.column(span.end_line, span.end_column)
            } else {
                text.chars().count() + 1
            };
            let label = readable(message.label.trim());
            // The hook around the trailing expression is not the user's.
            let label = if label.starts_with("error:") || label.contains("show_value") {
                ""
            } else {
                &label
            };
            snippet.mark(text, span.start_line, start, end, label, message.is_primary);
        }
        out.extend(snippet.finish());
    } else if let Some(rendered) = error.json["rendered"].as_str() {
        // The error lies in code around the cell; rustc's own text is all there is.
        out.extend(rendered.lines().skip(1).map(str::to_owned));
    }
}

/// Label of a value that cannot be shown, as the cell's crate gives it.
const VALUE: &str = "the value of this cell";

/// A text of rustc without paths that the person never wrote: `Signal`, a closure without its file.
fn readable(text: &str) -> String {
    let text = hints::short(text);
    match text.split_once("`{closure@") {
        Some((before, rest)) => match rest.split_once("}`") {
            Some((_, behind)) => format!("{before}a closure{behind}"),
            None => text,
        },
        None => text,
    }
}

/// rustc's notes and suggestions.
fn advice(json: &Value) -> Vec<String> {
    let children = json["children"].as_array().map_or(&[][..], Vec::as_slice);
    children
        .iter()
        .filter_map(|child| {
            let level = child["level"].as_str()?;
            let message = readable(child["message"].as_str()?);
            if !matches!(level, "help" | "note")
                || message.contains("this error originates in")
                || message.contains("show_value")
                || message.contains("hook::")
                || message.contains("required by a bound in")
            {
                return None;
            }
            let replacement = child["spans"][0]["suggested_replacement"]
                .as_str()
                .map(str::trim)
                .filter(|text| !text.is_empty() && !text.contains('\n'));
            Some(match replacement {
                Some(text) => format!("  {CYAN}= {level}{RESET}: {message}: `{text}`"),
                None => format!(
                    "  {CYAN}= {level}{RESET}: {}",
                    message.replace('\n', "\n          ")
                ),
            })
        })
        .collect()
}

/// Source lines with marks under them.
struct Snippet {
    lines: Vec<String>,
    last_line: usize,
    width: usize,
}

impl Snippet {
    fn new(place: Place) -> Self {
        let width = (place.line + 20).to_string().len();
        Snippet {
            lines: vec![
                format!(
                    "{BLUE}{:width$}-->{RESET} line {}, column {}",
                    "", place.line, place.column
                ),
                format!("{BLUE}{:width$} |{RESET}", ""),
            ],
            last_line: 0,
            width,
        }
    }

    /// Marks columns `start .. end` (from 1) of a line.
    fn mark(
        &mut self,
        text: &str,
        line: usize,
        start: usize,
        end: usize,
        label: &str,
        primary: bool,
    ) {
        let width = self.width;
        if line != self.last_line {
            if self.last_line != 0 && line > self.last_line + 1 {
                self.lines.push(format!("{BLUE}{:width$}...{RESET}", ""));
            }
            self.lines
                .push(format!("{BLUE}{line:>width$} |{RESET} {text}"));
            self.last_line = line;
        }
        // Front ends give errors a reddish ground, so the words keep the colour of text.
        let (colour, weight, sign) = if primary {
            (RED, BOLD, "^")
        } else {
            (BLUE, "", "-")
        };
        let marks = sign.repeat(end.saturating_sub(start).max(1));
        // Tabs stay tabs, so that the mark stands under its text.
        let indent: String = text
            .chars()
            .take(start.saturating_sub(1))
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        self.lines.push(format!(
            "{BLUE}{:width$} |{RESET} {indent}{colour}{marks}{RESET} {weight}{label}{RESET}",
            ""
        ));
    }

    fn finish(mut self) -> Vec<String> {
        self.lines
            .push(format!("{BLUE}{:width$} |{RESET}", "", width = self.width));
        self.lines
    }
}

/// The text without colours.
pub(crate) fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('m').map_or("", |end| &rest[at + end + 1..]);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_are_told_apart_by_their_neighbours() {
        let written = "let a = 1;\nf();\nlet b = 2;\n    f();\nlet c = 3;";
        let generated = "fn run() {\nlet a = 1;\nf();\nlet b = 2;\nf();\nlet c = 3;\n}".to_owned();
        let source = CellSource::new(Arc::new(Prepared::plain(written)), &generated);
        assert_eq!(source.locate(3, 1), Some(Place { line: 2, column: 1 }));
        assert_eq!(source.locate(5, 1), Some(Place { line: 4, column: 5 }));
        assert_eq!(source.locate(1, 1), None);
        assert_eq!(source.locate(0, 1), None);
    }

    #[test]
    fn a_returned_error_shows_its_short_type_and_hint() {
        let error = returned_error("signaltree::error::Error", "no such file\nhint: look again");
        assert_eq!(error.name, "Error");
        assert_eq!(
            without_colours(&error.traceback.join("\n")),
            "Error: no such file\nhint: look again"
        );
        assert_eq!(
            short_type("core::num::error::ParseIntError"),
            "ParseIntError"
        );
        assert_eq!(
            short_type("alloc::boxed::Box<dyn core::error::Error>"),
            "Error"
        );
        assert_eq!(short_type("&str"), "Error");
    }

    #[test]
    fn marks_stand_under_their_columns() {
        let mut snippet = Snippet::new(Place { line: 2, column: 5 });
        snippet.mark("let x = y;", 2, 9, 10, "not found", true);
        let text = without_colours(&snippet.finish().join("\n"));
        assert!(
            text.contains("2 | let x = y;\n   |         ^ not found"),
            "{text}"
        );
    }
}
