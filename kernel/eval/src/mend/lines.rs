//! Lines of Python in a cell that a parser of Rust takes already: calls of modules and functions, drawings.

use super::is_last;
use crate::advice::{Holds, Notebook};
use crate::foreign;
use crate::text::{last_expression, parses};
use crate::tokens::{Step, step};

/// The cell with its lines of Python in Rust, as far as they can be said.
pub(super) fn in_rust(text: &str, notebook: &Notebook) -> String {
    let now = Notebook {
        cell: text,
        ..*notebook
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut depth = 0;
    let mut out: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let own = balance(line);
        let whole = depth >= 0 && own == 0;
        depth += own;
        let code = line.trim();
        if !whole || code.is_empty() || code.starts_with([':', '!', '?']) {
            out.push((*line).to_owned());
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        match foreign::drawing(code, &now) {
            Some("") => continue,
            Some(value) if indent.is_empty() && nothing_follows(&lines, at, &now) => {
                out.push(value.to_owned());
                continue;
            }
            Some(value) => {
                out.push(format!("{indent}display(&{value});"));
                continue;
            }
            None => {}
        }
        let rust = is_foreign(code, &now)
            .then(|| foreign::statement(code, &now))
            .flatten();
        // Inside of a list or a struct a line is no statement.
        let rust = rust.filter(|rust| parses(code) && !rust.trim().is_empty());
        out.push(rust.map_or_else(|| (*line).to_owned(), |rust| format!("{indent}{rust}")));
    }
    out.join("\n")
}

/// `flat.peaks((0, 0))?` of a signal that has frames yet: they are found first.
pub(super) fn with_peaks(text: &str, notebook: &Notebook) -> String {
    const CALL: &str = ".peaks(";
    let now = Notebook {
        cell: text,
        ..*notebook
    };
    let mut out = text.to_owned();
    for (at, _) in text.rmatch_indices(CALL) {
        let signal = last_expression(&text[..at]);
        let frames = now.kind(signal) == "Signal"
            && matches!(
                now.known_holds(signal),
                Some(Holds::Frames | Holds::Pattern)
            );
        if frames {
            out.insert_str(at, ".find_peaks(NormalizedCorrelation::default())?");
        }
    }
    out
}

/// Whether nothing follows but comments and what goes with a drawing.
fn nothing_follows(lines: &[&str], at: usize, notebook: &Notebook) -> bool {
    let kept: Vec<&str> = (lines[at..].iter().copied())
        .enumerate()
        .filter(|(index, line)| *index == 0 || foreign::drawing(line.trim(), notebook) != Some(""))
        .map(|(_, line)| line)
        .collect();
    is_last(&kept, 0)
}

/// How many more brackets a piece of code opens than it closes, outside of texts and comments.
pub(crate) fn balance(text: &str) -> i32 {
    let (mut open, mut at) = (0, 0);
    while at < text.len() {
        at = match step(text, at) {
            Step::Unfinished => break,
            Step::Skip(end) | Step::Word(end) => end,
            Step::Byte(byte) => {
                match byte {
                    b'(' | b'[' | b'{' => open += 1,
                    b')' | b']' | b'}' => open -= 1,
                    _ => {}
                }
                at + 1
            }
        };
    }
    open
}

/// Whether a line calls what Python has, and the notebook has not.
fn is_foreign(line: &str, notebook: &Notebook) -> bool {
    const FUNCTIONS: [&str; 9] = [
        "print", "len", "range", "str", "int", "float", "abs", "sqrt", "disp",
    ];
    let own = |name: &str| {
        notebook.knows(name)
            || ["let ", "let mut ", "fn "]
                .iter()
                .any(|word| notebook.cell.contains(&format!("{word}{name}")))
    };
    let mut at = 0;
    while at < line.len() {
        at = match step(line, at) {
            Step::Unfinished => return false,
            Step::Skip(end) => end,
            Step::Word(end) => {
                let (word, behind) = (&line[at..end], &line[end..]);
                let alone = !line[..at].ends_with(['.', ':']);
                let module = behind.starts_with('.') && foreign::is_module(word);
                let function = behind.starts_with('(') && FUNCTIONS.contains(&word);
                if alone && (module || function) && !own(word) {
                    return true;
                }
                end
            }
            Step::Byte(_) => at + 1,
        };
    }
    false
}
