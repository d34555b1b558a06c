//! The cell as it is offered: with what was said about its mistakes in the place of its own lines, and everything
//! else in it put right as well, so that a person copies one text and runs it.
//!
//! What is offered was asked about: where somebody can tell whether the code compiles, it does.

mod lines;

pub(crate) use lines::balance;

use crate::advice::{Advice, Instead, Notebook};
use crate::foreign;
use crate::repair;
use crate::slips;
use crate::text::parses;
use crate::tokens::rust_start;

/// What was found at a line of a cell, counted from 0; without advice nobody knows what to do about it.
pub(crate) struct Found {
    pub(crate) advice: Option<Advice>,
    pub(crate) line: usize,
}

/// What the compiler says of code that is to be offered.
pub(crate) enum Checked {
    Right,
    Wrong(Vec<Found>),
    /// There is no compiler, or it does not know what the cell knows.
    Unknown,
}

/// Asks the compiler without running anything.
pub(crate) type Check<'a> = &'a dyn Fn(&str) -> Checked;

/// Lines of a cell and what comes in their place.
struct Edit {
    from: usize,
    to: usize,
    code: Vec<String>,
}

/// The whole cell, right; `None`: nobody knows how to write it.
pub(crate) fn mended(notebook: &Notebook, found: &[Found], check: Check) -> Option<String> {
    /// Each round puts right what the one before hid from the compiler.
    const ROUNDS: usize = 6;
    let mut text = once(notebook, found)?;
    for _ in 0..ROUNDS {
        let still = match check(&text) {
            Checked::Right | Checked::Unknown => return Some(text),
            Checked::Wrong(still) => still,
        };
        let next = once(
            &Notebook {
                cell: &text,
                ..*notebook
            },
            &still,
        )?;
        if next == text {
            return None;
        }
        text = next;
    }
    None
}

/// The cell with what was found in its place, and what needs no compiler to be seen; not asked about.
fn once(notebook: &Notebook, found: &[Found]) -> Option<String> {
    let mut edits: Vec<Edit> = Vec::new();
    for one in found {
        let edit = (one.advice.as_ref()).and_then(|advice| edit(advice, notebook.cell, one.line));
        let Some(edit) = edit else { continue };
        let free = |known: &Edit| edit.to <= known.from || known.to <= edit.from;
        if edits.iter().all(free) {
            edits.push(edit);
        }
    }
    let text = match edits.is_empty() {
        true => notebook.cell.to_owned(),
        false => spliced(notebook.cell, edits),
    };
    let text = completed(text, notebook)?;
    (text.trim() != notebook.cell.trim() && !text.trim().is_empty()).then_some(text)
}

/// What an advice does to the lines of a cell.
fn edit(advice: &Advice, cell: &str, line: usize) -> Option<Edit> {
    let lines: Vec<&str> = cell.lines().collect();
    let several = lines.iter().filter(|line| !line.trim().is_empty()).count() > 1;
    if advice.instead == Instead::Nothing && several {
        return Some(Edit {
            from: line,
            to: line + 1,
            code: Vec::new(),
        });
    }
    let code = advice.write.first().filter(|code| !is_command(code))?;
    let found = |text: &str| {
        let same = |line: &&str| line.trim() == text.trim();
        lines.iter().position(same)
    };
    let from = match &advice.instead {
        Instead::Cell => {
            return Some(Edit {
                from: 0,
                to: lines.len(),
                code: code.lines().map(str::to_owned).collect(),
            });
        }
        Instead::Line(text) => found(text)?,
        _ => line,
    };
    let own = *lines.get(from)?;
    let indent = &own[..own.len() - own.trim_start().len()];
    let placed = |code: &str| -> Vec<String> {
        (code.lines())
            .map(|line| format!("{indent}{line}"))
            .collect()
    };
    let (to, code) = match advice.instead {
        Instead::Before => {
            let mut code = placed(code);
            code.push(own.to_owned());
            (from + 1, code)
        }
        Instead::Shown if !code.starts_with("let ") => {
            let code = code.trim_end_matches(';');
            let last = indent.is_empty() && is_last(&lines, from);
            let code = match last {
                true => code.to_owned(),
                false => format!("display(&{code});"),
            };
            (from + 1, placed(&code))
        }
        Instead::Lines(count) => (from + count, placed(code)),
        _ => (end_of(&lines, from, code), placed(code)),
    };
    Some(Edit {
        from,
        to: to.min(lines.len()),
        code,
    })
}

/// A command takes a cell of its own.
pub(crate) fn is_command(code: &str) -> bool {
    code.starts_with([':', '!', '?'])
}

/// Whether nothing follows but comments.
fn is_last(lines: &[&str], at: usize) -> bool {
    (lines[at + 1..].iter()).all(|line| line.trim().is_empty() || line.trim().starts_with("//"))
}

/// Where the lines end that a piece of code takes the place of: one that opens a block goes with its block.
fn end_of(lines: &[&str], from: usize, code: &str) -> usize {
    let wanted = balance(code);
    let mut sum = 0;
    for (at, line) in lines.iter().enumerate().skip(from) {
        sum += balance(line);
        if sum == wanted {
            return at + 1;
        }
    }
    from + 1
}

fn spliced(cell: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.from));
    let mut lines: Vec<String> = cell.lines().map(str::to_owned).collect();
    for edit in edits {
        drop(lines.splice(edit.from..edit.to, edit.code));
    }
    lines.join("\n")
}

/// Everything that needs no compiler put right; `None` when that is no Rust in the end.
fn completed(text: String, notebook: &Notebook) -> Option<String> {
    /// Each round puts one line right.
    const ROUNDS: usize = 30;
    let mut text = text;
    for _ in 0..ROUNDS {
        let cell = text.clone();
        let now = Notebook {
            cell: &cell,
            ..*notebook
        };
        let Some(slip) = slips::find(&now) else { break };
        let line = cell[..slip.at.start].matches('\n').count();
        let next = spliced(&cell, vec![edit(&slip.advice, &cell, line)?]);
        if next == cell {
            break;
        }
        text = next;
    }
    let text = lines::in_rust(&text, notebook);
    let text = foreign::scoped(&text, notebook);
    let text = repair::repaired(&text, notebook.variables).unwrap_or(text);
    let text = lines::with_peaks(&text, notebook);
    parses(&text[rust_start(&text)..]).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Variable;

    fn variables() -> Vec<Variable> {
        [("scan", "Signal"), ("pattern", "Frame<'static, f64>")]
            .map(Variable::of_kind)
            .to_vec()
    }

    fn after(cell: &str, line: usize, advice: Advice) -> Option<String> {
        let variables = variables();
        let notebook = Notebook {
            cell,
            variables: &variables,
            lost: &[],
            describe: None,
        };
        let found = [Found {
            advice: Some(advice),
            line,
        }];
        mended(&notebook, &found, &|_| Checked::Unknown)
    }

    #[test]
    fn a_line_takes_its_place_in_the_cell() {
        let cell = "let a = 1;\nfor i in 0..3 {\n    foo(i);\n}\na";
        let own = |code: &str| Advice::new("").write(code);
        assert_eq!(
            after(cell, 2, own("bar(i);")).as_deref(),
            Some("let a = 1;\nfor i in 0..3 {\n    bar(i);\n}\na")
        );
        // A line that opens a block goes with the block.
        assert_eq!(
            after(cell, 1, own("scan.mean()?;")).as_deref(),
            Some("let a = 1;\nscan.mean()?;\na")
        );
        assert_eq!(
            after(cell, 1, own("for i in 0..4 {")).as_deref(),
            Some("let a = 1;\nfor i in 0..4 {\n    foo(i);\n}\na")
        );
        assert_eq!(after(cell, 2, own("let = 5;")), None);
        assert_eq!(after(cell, 2, own(":vars")), None);
    }

    #[test]
    fn advice_says_what_it_takes_the_place_of() {
        let cell = "let n = 5;\nn += 1;\nn";
        let put = |instead: Instead, code: &str| {
            after(cell, 1, Advice::new("").write(code).instead(instead))
        };
        assert_eq!(
            put(Instead::Line("let n = 5;".into()), "let mut n = 5;").as_deref(),
            Some("let mut n = 5;\nn += 1;\nn")
        );
        assert_eq!(
            put(Instead::Before, "let mut n = n;").as_deref(),
            Some("let n = 5;\nlet mut n = n;\nn += 1;\nn")
        );
        assert_eq!(
            put(Instead::Nothing, "scan").as_deref(),
            Some("let n = 5;\nn")
        );
        assert_eq!(
            put(Instead::Shown, "scan").as_deref(),
            Some("let n = 5;\ndisplay(&scan);\nn")
        );
        assert_eq!(
            put(Instead::Cell, "let n = 6;").as_deref(),
            Some("let n = 6;")
        );
    }

    #[test]
    fn what_the_compiler_finds_next_is_put_right_too() {
        let variables = variables();
        let notebook = Notebook {
            cell: "a\nb",
            variables: &variables,
            lost: &[],
            describe: None,
        };
        let found = |line: usize, code: &str| Found {
            advice: Some(Advice::new("").write(code)),
            line,
        };
        let check = |code: &str| match code {
            "1;\nb" => Checked::Wrong(vec![found(1, "2")]),
            "1;\n2" => Checked::Right,
            _ => Checked::Wrong(vec![]),
        };
        let first = [found(0, "1;")];
        assert_eq!(mended(&notebook, &first, &check).as_deref(), Some("1;\n2"));
        // What stays wrong is not offered.
        let first = [found(0, "3;")];
        assert_eq!(mended(&notebook, &first, &check), None);
    }

    #[test]
    fn every_line_of_python_becomes_rust() {
        let variables = variables();
        for (cell, rust) in [
            (
                "import hyperspy.api as hs\ns = hs.load('scan.zspy')\ns.plot()",
                "let s = open(\"scan.zspy\")?;\ns",
            ),
            (
                "import numpy as np\nimport matplotlib.pyplot as plt\nlet f = scan.frame((0, 0))?;\nplt.imshow(f)\nplt.colorbar()",
                "let f = scan.frame((0, 0))?;\nf",
            ),
            (
                "let a = scan.frame((0, 0)?;\nprint(f\"{a.mean()}\")",
                "let a = scan.frame((0, 0))?;\nprintln!(\"{}\", a.mean());",
            ),
            (
                "let a = 1\nlet b = 2\na + b",
                "let a = 1;\nlet b = 2;\na + b",
            ),
            (
                "for i in range(3):\n    print(i)\nprint('done')",
                "for i in 0..3 {\n    println!(\"{i}\");\n}\nprintln!(\"done\");",
            ),
        ] {
            let notebook = Notebook {
                cell,
                variables: &variables,
                lost: &[],
                describe: None,
            };
            let slip = slips::find(&notebook).unwrap_or_else(|| panic!("{cell}"));
            let line = cell[..slip.at.start].matches('\n').count();
            let found = [Found {
                advice: Some(slip.advice),
                line,
            }];
            let text = mended(&notebook, &found, &|_| Checked::Unknown);
            assert_eq!(text.as_deref(), Some(rust), "{cell}");
        }
    }
}
