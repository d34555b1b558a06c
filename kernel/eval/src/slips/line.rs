//! Lines that other languages have: each rule looks at one line, the first that knows one answers.

mod c_like;
mod elsewhere;
mod meant;
mod python;
mod variables;

pub(super) use python::formatted_text;

use super::Slip;
use crate::advice::{Advice, Notebook};
use crate::foreign;
use crate::text::parses;
use crate::tokens::{Step, step};

/// A line of the cell.
struct Line<'a> {
    /// Without spaces around.
    text: &'a str,
    /// Byte of the cell where it begins.
    at: usize,
    /// This line and those behind it, as they are written.
    rest: Vec<&'a str>,
    notebook: &'a Notebook<'a>,
}

type Rule = fn(&Line) -> Option<Slip>;

const RULES: &[Rule] = &[
    c_like::quotes,
    c_like::condition,
    c_like::then,
    c_like::counted,
    elsewhere::magic,
    python::import,
    python::keyword_call,
    elsewhere::asked,
    elsewhere::shell,
    python::header,
    python::claimed,
    python::comment,
    elsewhere::labels,
    python::lambda,
    python::quotes,
    python::formatted,
    python::logic,
    python::comprehension,
    python::printed,
    elsewhere::element_wise,
    python::index,
    variables::several,
    c_like::ternary,
    c_like::size,
    elsewhere::increment,
    meant::constant,
    variables::declaration,
    variables::deleted,
    variables::untyped,
    elsewhere::matlab_function,
];

/// Of a cell that a parser of Rust takes.
const MEANT: &[Rule] = &[meant::axis_of_signal, meant::constant, meant::returned];

pub(super) fn find(notebook: &Notebook, start: usize) -> Option<Slip> {
    first(RULES, notebook, start)
}

/// What is Rust, and means something else.
pub(super) fn meant(notebook: &Notebook, start: usize) -> Option<Slip> {
    first(MEANT, notebook, start)
}

fn first(rules: &[Rule], notebook: &Notebook, start: usize) -> Option<Slip> {
    let cell = notebook.cell;
    let hidden = literals(cell, start);
    let mut at = start;
    let lines: Vec<(usize, &str)> = cell[start..]
        .split_inclusive('\n')
        .map(|line| {
            let begins = at;
            at += line.len();
            (begins, line.trim_end_matches(['\n', '\r']))
        })
        .collect();
    for (number, (begins, text)) in lines.iter().enumerate() {
        let trimmed = text.trim();
        let inside = hidden
            .iter()
            .any(|range| range.start < *begins && *begins < range.end);
        if trimmed.is_empty() || inside {
            continue;
        }
        let line = Line {
            text: trimmed,
            at: begins + text.len() - text.trim_start().len(),
            rest: lines[number..].iter().map(|(_, text)| *text).collect(),
            notebook,
        };
        if let Some(slip) = rules.iter().find_map(|rule| rule(&line)) {
            return Some(slip);
        }
    }
    None
}

/// Texts and comments that may have several lines.
fn literals(cell: &str, start: usize) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = start;
    while at < cell.len() {
        at = match step(cell, at) {
            Step::Unfinished => break,
            Step::Skip(end) => {
                found.push(at..end);
                end
            }
            Step::Word(end) => end,
            Step::Byte(_) => at + 1,
        };
    }
    found
}

impl Line<'_> {
    fn slip(
        &self,
        from: usize,
        to: usize,
        message: &str,
        advice: impl Into<Advice>,
    ) -> Option<Slip> {
        Some(Slip::new(self.at + from..self.at + to, message, advice))
    }

    fn first_word(&self) -> &str {
        let end = self
            .text
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        &self.text[..end.unwrap_or(self.text.len())]
    }

    /// The whole line in Rust, if it can be said.
    fn translated(&self) -> String {
        foreign::statement(self.text, self.notebook).unwrap_or_default()
    }

    /// Where a word stands by itself, outside of texts.
    fn word(&self, wanted: &str) -> Option<usize> {
        let mut at = 0;
        while at < self.text.len() {
            at = match step(self.text, at) {
                Step::Unfinished => return None,
                Step::Skip(end) => end,
                Step::Word(end) => {
                    if &self.text[at..end] == wanted {
                        return Some(at);
                    }
                    end
                }
                Step::Byte(_) => at + 1,
            };
        }
        None
    }

    /// Where two or more signs stand together, outside of texts.
    fn signs(&self, wanted: &str) -> Option<usize> {
        let mut at = 0;
        while at < self.text.len() {
            at = match step(self.text, at) {
                Step::Unfinished => return None,
                Step::Skip(end) | Step::Word(end) => end,
                Step::Byte(_) if self.text[at..].starts_with(wanted) => return Some(at),
                Step::Byte(_) => at + 1,
            };
        }
        None
    }

    /// In Rust, or only with other quotes.
    fn translated_or_double(&self) -> String {
        let double = self.text.replace('\'', "\"");
        match parses(&double) {
            true => self.notebook.mended(&double),
            false => self.translated(),
        }
    }
}
