//! Errors of cells as a person reads them: the user's own lines, a caret, colour.

mod remedies;
mod snippet;
mod source;

use std::ops::Range;

use evcxr::CompilationError;
use serde_json::Value;

use crate::CellError;
use crate::advice::{Advice, Notebook};
use crate::mend::{Check, Found};
use crate::source::Prepared;
use crate::suggestions;
use remedies::remedies;
use snippet::Snippet;

pub(crate) use source::{CellSource, Place};

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// An error of rustc about a cell, whoever asked rustc.
pub(crate) trait Diagnosis {
    /// As rustc wrote it.
    fn json(&self) -> &Value;
    fn level(&self) -> &str;
    fn message(&self) -> String;
    /// The places in the cell.
    fn marks(&self) -> Vec<Mark>;
    /// What evcxr adds.
    fn note(&self) -> Option<&'static str>;

    fn code(&self) -> Option<&str> {
        self.json()["code"]["code"].as_str()
    }
}

/// Where an error lies, in lines and columns of the compiled cell, from 1; the end is behind it.
pub(crate) struct Mark {
    pub(crate) label: String,
    pub(crate) is_primary: bool,
    pub(crate) start_line: usize,
    pub(crate) start_column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
}

impl Diagnosis for CompilationError {
    fn json(&self) -> &Value {
        &self.json
    }

    fn level(&self) -> &str {
        self.level()
    }

    fn message(&self) -> String {
        self.message()
    }

    fn marks(&self) -> Vec<Mark> {
        let messages = self.spanned_messages().iter();
        messages
            .filter_map(|message| {
                let span = message.span?;
                Some(Mark {
                    label: message.label.clone(),
                    is_primary: message.is_primary,
                    start_line: span.start_line,
                    start_column: span.start_column,
                    end_line: span.end_line,
                    end_column: span.end_column,
                })
            })
            .collect()
    }

    fn note(&self) -> Option<&'static str> {
        self.evcxr_extra_hint()
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

/// Code to write instead, under an error.
pub(crate) fn write(code: &str) -> String {
    labelled("write", code)
}

fn labelled(label: &str, code: &str) -> String {
    let margin = " ".repeat("  = : ".len() + label.len());
    let code = code.replace('\n', &format!("\n{margin}"));
    format!("  {CYAN}= {label}{RESET}: {BOLD}{code}{RESET}")
}

/// The line an error of a cell begins with.
pub(crate) fn headline(message: &str) -> Vec<String> {
    vec![format!("{RED}error{RESET}: {BOLD}{message}{RESET}")]
}

/// A mistake that was found without the compiler. `at` are bytes of the cell, on one line.
pub(crate) fn slip(
    notebook: &Notebook,
    at: Range<usize>,
    message: &str,
    advice: &Advice,
    check: Check,
) -> CellError {
    let cell = notebook.cell;
    let mut traceback = headline(message);
    traceback.extend(pointing(cell, at.clone(), ""));
    let found = [Found {
        line: cell[..at.start].matches('\n').count(),
        advice: Some(advice.clone()),
    }];
    traceback.push(hint(&advice.text));
    traceback.extend(remedies(notebook, &found, check));
    CellError {
        name: "CompileError".into(),
        value: message.to_owned(),
        traceback,
    }
}

/// The line of a place in a cell with a mark under it. `at` are bytes of the cell, on one line.
pub(crate) fn pointing(cell: &str, at: Range<usize>, label: &str) -> Vec<String> {
    let before = &cell[..at.start];
    let first = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[first..].chars().count() + 1;
    let marked = cell.get(at.clone()).unwrap_or_default();
    let width = marked.lines().next().unwrap_or_default().chars().count();
    let text = cell[first..].lines().next().unwrap_or_default();
    let mut snippet = Snippet::new(Place { line, column });
    snippet.mark(text, line, column, column + width.max(1), label, true);
    snippet.finish()
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

/// What is known about errors of rustc in a cell, each at its line.
pub(crate) fn found<D: Diagnosis>(
    errors: &[D],
    cell: &Prepared,
    notebook: &Notebook,
) -> Vec<Found> {
    (serious(errors).into_iter())
        .map(|error| Found {
            advice: suggestions::advice(&cell.in_own_words(error.json()), notebook),
            line: line_of(error),
        })
        .collect()
}

/// The line of an error, counted from 0.
fn line_of(error: &impl Diagnosis) -> usize {
    let marks = error.marks();
    let first = marks.iter().find(|mark| mark.is_primary);
    first
        .or(marks.first())
        .map_or(0, |mark| mark.start_line.saturating_sub(1))
}

/// Warnings are told when nothing else is.
fn serious<D: Diagnosis>(errors: &[D]) -> Vec<&D> {
    let serious: Vec<&D> = errors
        .iter()
        .filter(|error| error.level() == "error")
        .collect();
    match serious.is_empty() {
        true => errors.iter().collect(),
        false => serious,
    }
}

/// Compile errors with the user's lines.
pub(crate) fn compile_errors<D: Diagnosis>(
    errors: &[D],
    cell: &Prepared,
    notebook: &Notebook,
    check: Check,
) -> CellError {
    let mut traceback = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    let mut message = None;
    let found = found(errors, cell, notebook);
    for (error, found) in serious(errors).into_iter().zip(&found) {
        // One mistake may lead to several errors: what the first says is enough.
        let follows = match &found.advice {
            Some(advice) => hints.contains(&advice.text),
            None => false,
        };
        if follows {
            continue;
        }
        if !traceback.is_empty() {
            traceback.push(String::new());
        }
        let json = cell.in_own_words(error.json());
        let title = suggestions::title(&json).unwrap_or_else(|| readable(&error.message()));
        compile_error(error, &title, cell, &mut traceback);
        message.get_or_insert(title);
        match &found.advice {
            Some(advice) => {
                traceback.push(hint(&advice.text));
                hints.push(advice.text.clone());
            }
            None => traceback.extend(notes(error.json())),
        }
        if let Some(note) = error.note() {
            traceback.push(format!("  {CYAN}= note{RESET}: {note}"));
        }
    }
    traceback.extend(remedies(notebook, &found, check));
    CellError {
        name: "CompileError".into(),
        value: message.unwrap_or_else(|| "the cell does not compile".into()),
        traceback,
    }
}

fn compile_error(error: &impl Diagnosis, title: &str, cell: &Prepared, out: &mut Vec<String>) {
    let code = error
        .code()
        // A lint has a name, no number.
        .filter(|code| code.starts_with('E'))
        .map(|code| format!("[{code}]"))
        .unwrap_or_default();
    out.push(format!("{RED}error{code}{RESET}: {BOLD}{title}{RESET}"));

    let mut marks = error.marks();
    marks.sort_by_key(|mark| (mark.start_line, mark.start_column));
    let first = marks.iter().find(|mark| mark.is_primary);
    if let Some(mark) = first.or(marks.first()) {
        let mut snippet = Snippet::new(Place {
            line: mark.start_line,
            column: cell.column(mark.start_line, mark.start_column),
        });
        for mark in &marks {
            let text = cell.line(mark.start_line);
            let mut start = cell.column(mark.start_line, mark.start_column);
            if mark.label == VALUE {
                // The place is the hook behind the value.
                start = cell.value_start(mark.start_line).unwrap_or(start);
            }
            let end = if mark.end_line == mark.start_line {
                cell.column(mark.end_line, mark.end_column)
            } else {
                text.chars().count() + 1
            };
            let label = readable(mark.label.trim());
            // The hook around the trailing expression is not the user's.
            let label = if label.starts_with("error:") || label.contains("show_value") {
                ""
            } else {
                &label
            };
            snippet.mark(text, mark.start_line, start, end, label, mark.is_primary);
        }
        out.extend(snippet.finish());
    } else if let Some(rendered) = error.json()["rendered"].as_str() {
        // The error lies in code around the cell; rustc's own text is all there is.
        out.extend(rendered.lines().skip(1).map(str::to_owned));
    }
}

/// Label of a value that cannot be shown, as the cell's crate gives it.
const VALUE: &str = "the value of this cell";

/// A text of rustc without paths that the person never wrote: `Signal`, a closure without its file.
fn readable(text: &str) -> String {
    let text = suggestions::short(text);
    match text.split_once("`{closure@") {
        Some((before, rest)) => match rest.split_once("}`") {
            Some((_, behind)) => format!("{before}a closure{behind}"),
            None => text,
        },
        None => text,
    }
}

/// rustc's notes and suggestions.
fn notes(json: &Value) -> Vec<String> {
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
}
