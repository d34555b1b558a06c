//! Cells that no parser of Rust takes, told at once and without the compiler: habits of Python, MATLAB and IPython,
//! a forgotten semicolon, a bracket without its other end.

mod line;
mod semicolon;

use crate::CellError;
use crate::advice::{Advice, Notebook};
use crate::api::API;
use crate::direct;
use crate::error_report;
use crate::mend::Check;
use crate::text::parses;
use crate::tokens::rust_start;
use crate::typing::last_word;

/// A place in the cell, what is wrong there, and what to do.
#[derive(Debug)]
pub(crate) struct Slip {
    /// Bytes of the cell.
    pub(crate) at: std::ops::Range<usize>,
    pub(crate) message: String,
    pub(crate) advice: Advice,
}

impl Slip {
    pub(crate) fn new(
        at: std::ops::Range<usize>,
        message: &str,
        advice: impl Into<Advice>,
    ) -> Self {
        Slip {
            at,
            message: message.to_owned(),
            advice: advice.into(),
        }
    }

    pub(crate) fn to_error(&self, notebook: &Notebook, check: Check) -> CellError {
        error_report::slip(
            notebook,
            self.at.clone(),
            &self.message,
            &self.advice,
            check,
        )
    }
}

/// The first slip of a cell that is no Rust; `None` when it is, or when the compiler says it better.
pub(crate) fn find(notebook: &Notebook) -> Option<Slip> {
    let cell = notebook.cell;
    let start = rust_start(cell);
    let rust = &cell[start..];
    if rust.trim().is_empty() || !direct::is_readable(rust) {
        return None;
    }
    if parses(rust) && !is_foreign(notebook, rust) {
        return line::meant(notebook, start);
    }
    line::find(notebook, start)
        .or_else(|| unbalanced(notebook, start))
        .or_else(|| semicolon::find(notebook, start))
}

/// What a parser of Rust takes although rustc would not, or in another sense.
fn is_foreign(notebook: &Notebook, rust: &str) -> bool {
    line::formatted_text(rust).is_some() || option_of_a_command(notebook, rust)
}

/// `ls -la` is a difference as well.
fn option_of_a_command(notebook: &Notebook, rust: &str) -> bool {
    let mut words = rust.split_whitespace();
    let command = words.next().unwrap_or_default();
    let option = words.next().and_then(|word| word.strip_prefix('-'));
    option.is_some_and(|option| option.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        && rust.trim().lines().count() == 1
        && notebook
            .variables
            .iter()
            .all(|variable| variable.name != command)
}

/// A bracket or a text without its other end.
fn unbalanced(notebook: &Notebook, start: usize) -> Option<Slip> {
    let cell = notebook.cell;
    let (at, message) = direct::unbalanced(&cell[start..])?;
    let at = start + at;
    let end = at + cell[at..].chars().next().map_or(1, char::len_utf8);
    let line = cell[at..].lines().next().unwrap_or_default();
    let first = cell[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let advice = if message.contains("text") {
        let comment = line.starts_with("/*");
        let missing = if comment { " */" } else { "\"" };
        let text = if comment {
            "a comment ends with `*/`"
        } else {
            "a text ends with a double quote"
        };
        Advice::new(text).write(mended(notebook, &cell[first..at], line, missing))
    } else if message.contains("never closed") {
        let close = match cell.as_bytes()[at] {
            b'(' => ")",
            b'[' => "]",
            _ => "}",
        };
        Advice::new(format!("close it with `{close}`")).write(mended(
            notebook,
            &cell[first..at],
            line,
            close,
        ))
    } else {
        let without = format!("{}{}", &cell[first..at], &line[end - at..]);
        let without = if parses(&without) {
            without
        } else {
            String::new()
        };
        Advice::new("take it out, or open it where it should begin").write(without)
    };
    Some(Slip::new(at..end, message, advice))
}

/// The line with what is missing put in: where a call that may fail is to end, or at the end of the line.
fn mended(notebook: &Notebook, before: &str, line: &str, missing: &str) -> String {
    let whole = format!("{before}{line}");
    let name = last_word(before);
    let fails = (API.members("Signal").iter().chain(&API.functions))
        .any(|entry| entry.name == name && entry.signature.contains("-> Result<"));
    let question = whole.rfind('?').filter(|at| fails && *at > before.len());
    let ends = [")?;", ")?", ");", ")", "?;", "?", ";", ""];
    let cut = question.into_iter().chain(
        (ends
            .iter()
            .filter(|end| missing != ")" || !end.starts_with(')')))
        .filter_map(|end| whole.strip_suffix(end).map(str::len)),
    );
    let candidates = cut.map(|at| format!("{}{missing}{}", &whole[..at], &whole[at..]));
    let right = candidates.into_iter().find(|code| parses(code));
    right.map(|code| notebook.mended(&code)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Variable;

    /// Cells, the message, the column where it points, and the code that is offered.
    const SLIPS: &[(&str, &str, &str, &str)] = &[
        (
            "let scan = open(\"a.zspy\")?\nscan.shape()?",
            "semicolon",
            "line 1, column 27",
            "let scan = open(\"a.zspy\")?;\nscan.shape()?",
        ),
        (
            "let scan = open(\"a.zspy\")?",
            "semicolon",
            "line 1, column 27",
            "let scan = open(\"a.zspy\")?;",
        ),
        (
            "let a = 1\nlet b = 2\na + b",
            "semicolon",
            "line 1, column 10",
            "let a = 1;\nlet b = 2;\na + b",
        ),
        (
            "let a = 1 // one\na",
            "semicolon",
            "line 1, column 10",
            "let a = 1; // one\na",
        ),
        (
            "let a = 7 // 2;\na",
            "comment",
            "line 1, column 11",
            "let a = 7 / 2;",
        ),
        (
            "x = 1\ny = 2",
            "semicolon",
            "line 1, column 6",
            "let x = 1;\nlet y = 2;",
        ),
        (
            "import matplotlib.pyplot as plt",
            "Python",
            "line 1, column 1",
            "scan",
        ),
        (
            "import numpy as np\nlet a = 1;",
            "Python",
            "line 1, column 1",
            "",
        ),
        (
            "from hyperspy.api import load",
            "Python",
            "line 1, column 1",
            "let scan = open(\"scan.zspy\")?;",
        ),
        ("%matplotlib inline", "IPython", "line 1, column 1", "scan"),
        ("%time scan", "IPython", "line 1, column 1", ":timing"),
        (
            "% a comment of MATLAB",
            "MATLAB",
            "line 1, column 1",
            "// a comment of MATLAB",
        ),
        ("ls -la", "shell", "line 1, column 1", "!ls -la"),
        (
            "cd data",
            "shell",
            "line 1, column 1",
            "std::env::set_current_dir(\"data\")?;",
        ),
        ("pip install numpy", "shell", "line 1, column 1", ""),
        ("# a comment", "comment", "line 1, column 1", "// a comment"),
        (
            "let a = 1; # one",
            "comment",
            "line 1, column 12",
            "let a = 1; // one",
        ),
        (
            "for i in range(10):\n    print(i)",
            "Python",
            "line 1, column 1",
            "for i in 0..10 {\n    println!(\"{i}\");\n}",
        ),
        (
            "for i in range(10):",
            "Python",
            "line 1, column 1",
            "for i in 0..10 {\n    println!(\"{i}\");\n}",
        ),
        (
            "def f(x): return x",
            "Python",
            "line 1, column 1",
            "fn f(x: f64) -> f64 {\n    return x;\n}",
        ),
        (
            "lambda x: x + 1",
            "Python",
            "line 1, column 1",
            "(|x: f64| x + 1.0)(2.0)",
        ),
        (
            "f = lambda x: x + 1",
            "Python",
            "line 1, column 5",
            "fn f(x: f64) -> f64 { x + 1.0 }",
        ),
        (
            "print(f\"{n} of {scan}\")",
            "Python",
            "line 1, column 7",
            "println!(\"{n} of {scan:?}\");",
        ),
        (
            "let t = f\"{n}\";",
            "Python",
            "line 1, column 9",
            "let t = format!(\"{n}\");",
        ),
        (
            "scan.save('x.zspy')?;",
            "quotes",
            "line 1, column 11",
            "scan.save(\"x.zspy\")?;",
        ),
        (
            "open('x.zspy')",
            "quotes",
            "line 1, column 6",
            "open(\"x.zspy\")",
        ),
        (
            "scan.inav[10, 20]",
            "index",
            "line 1, column 10",
            "scan.frame((20, 10))?",
        ),
        (
            "scan.isig[10:20, 5:30]",
            "slice",
            "line 1, column 10",
            "scan.virtual_image(Rectangle { corner: Some([5.0, 10.0]), height: 25.0, width: 10.0, ..default() })?",
        ),
        (
            "let f = scan[0, 0];",
            "index",
            "line 1, column 13",
            "let f = scan.frame((0, 0))?;",
        ),
        (
            "scan.data[1, 2, :, :]",
            "slice",
            "line 1, column 10",
            "scan.frame((1, 2))?",
        ),
        (
            "pattern[0, 1]",
            "index",
            "line 1, column 8",
            "pattern[(0, 1)]",
        ),
        (
            "let q = list[0:2];",
            "slice",
            "line 1, column 13",
            "let q = list[0..2].to_vec();",
        ),
        ("let y = not x", "Python", "line 1, column 9", "let y = !x;"),
        ("scan is None", "Python", "line 1, column 6", ""),
        ("i++", "++", "line 1, column 2", "let i = i + 1;"),
        (
            "y = 1 if n > 2 else 3",
            "Python",
            "line 1, column 7",
            "let y = if n > 2 { 1 } else { 3 };",
        ),
        (
            "[x * 2 for x in list]",
            "Python",
            "line 1, column 8",
            "list.iter().map(|x| x * 2).collect::<Vec<_>>()",
        ),
        (
            "print \"x\"",
            "Python",
            "line 1, column 1",
            "println!(\"x\");",
        ),
        (
            "pattern.^2",
            "MATLAB",
            "line 1, column 8",
            "pattern.mapv(|pixel| pixel.powi(2))",
        ),
        (
            "function y = f(x)",
            "MATLAB",
            "line 1, column 1",
            "fn f(x: f64) -> f64 { x * x }",
        ),
        (
            "let my-name = 5;",
            "name",
            "line 1, column 5",
            "let my_name = 5;",
        ),
        ("let a := 5;", "`=`", "line 1, column 7", "let a = 5;"),
        (
            "scan.frame((0, 0)?",
            "never closed",
            "line 1, column 11",
            "scan.frame((0, 0))?",
        ),
        (
            "println!(\"a)",
            "no end",
            "line 1, column 10",
            "println!(\"a\")",
        ),
        (
            "let a = (1, 2;",
            "never closed",
            "line 1, column 9",
            "let a = (1, 2);",
        ),
        (
            "let a = 1);",
            "closes none",
            "line 1, column 10",
            "let a = 1;",
        ),
        (
            "with open('x') as f:\n    pass",
            "Python",
            "line 1, column 1",
            "",
        ),
        ("var a = 5;", "let", "line 1, column 1", "let a = 5;"),
    ];

    fn variables() -> Vec<Variable> {
        [
            ("scan", "Signal"),
            ("pattern", "Frame<'static, f64>"),
            ("list", "Vec<i32>"),
            ("n", "i32"),
        ]
        .map(Variable::of_kind)
        .to_vec()
    }

    #[test]
    fn every_slip_has_its_place_and_its_remedy() {
        let variables = variables();
        let mut wrong = Vec::new();
        for (cell, message, place, code) in SLIPS {
            let notebook = Notebook {
                cell,
                variables: &variables,
                lost: &[],
                describe: None,
            };
            let Some(slip) = find(&notebook) else {
                wrong.push(format!("{cell}\n    is not found"));
                continue;
            };
            let text = slip
                .to_error(&notebook, &|_| crate::mend::Checked::Unknown)
                .to_string();
            let written = match code.is_empty() {
                true => slip.advice.write.is_empty(),
                false => slip.advice.write.iter().any(|found| found == code),
            };
            if !slip.message.contains(message) || !text.contains(place) || !written {
                wrong.push(format!(
                    "{cell}\n    wanted {message:?} at {place} with {code:?}, got\n{text}\n{:?}",
                    slip.advice
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_is_rust_or_unknown_is_left_to_the_compiler() {
        for cell in [
            "let a = 1;",
            "'a: loop { break 'a; }",
            "let c = 'c';",
            "match x { _ => 1 }",
            ":dep x = \"1\"",
            "!ls -la",
            "let = 5;",
            "a b c",
            "",
            "#[derive(Debug)]\nstruct A;",
        ] {
            let notebook = Notebook {
                cell,
                variables: &[],
                lost: &[],
                describe: None,
            };
            assert!(find(&notebook).is_none(), "{cell}: {:?}", find(&notebook));
        }
    }
}
