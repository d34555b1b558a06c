//! A variable of Python lives in the whole cell; one of Rust in its block, and changes only if it says so.

use std::collections::BTreeSet;

use crate::advice::Notebook;
use crate::mend::balance;
use crate::text::{is_name, items};
use crate::tokens::{Step, step};

/// A `let` of a name.
struct Made {
    name: String,
    line: usize,
    depth: i32,
}

/// The cell with `let mut` for what changes, and without the `let`s that would make other variables inside of blocks.
/// `notebook` has the cell as it was written.
pub(crate) fn scoped(text: &str, notebook: &Notebook) -> String {
    let theirs = given_without_let(notebook.cell);
    if theirs.is_empty() {
        return text.to_owned();
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut made: Vec<Made> = Vec::new();
    let mut changed: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    for (at, line) in text.lines().enumerate() {
        let code = line.trim();
        let own = depth - i32::from(code.starts_with('}'));
        made.retain(|known| known.depth <= own);
        // A function sees nothing of what is around it.
        if code.starts_with("fn ") {
            made.clear();
        }
        if let Some((names, value)) = made_names(code) {
            let outer = (made.iter().rev())
                .find(|known| names == [known.name.as_str()] && known.depth < own)
                .map(|known| known.line);
            let earlier = own > 0
                && names
                    .iter()
                    .all(|name| notebook.knows(name) && mentions(value, name));
            let theirs = names.iter().all(|name| theirs.contains(*name));
            if theirs && !code.starts_with("let mut ") && (outer.is_some() || earlier) {
                lines[at] = line.replacen("let ", "", 1);
                changed.extend(outer.map(|line| (line, names[0].to_owned())));
            } else {
                made.extend(names.iter().map(|name| Made {
                    name: (*name).to_owned(),
                    line: at,
                    depth: own,
                }));
            }
        } else if let Some(name) = changed_name(code) {
            let known = made.iter().rev().find(|known| known.name == name);
            changed.extend(known.map(|known| (known.line, name.to_owned())));
        }
        depth += balance(line);
    }
    for (at, name) in changed {
        lines[at] = changing(&lines[at], &name);
    }
    lines.join("\n")
}

/// Names that get a value as in Python.
fn given_without_let(cell: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for line in cell.lines() {
        let Some((left, value)) = line.split_once('=') else {
            continue;
        };
        let left = left.trim_end_matches(['+', '-', '*', '/']);
        let names = items(left);
        if !value.starts_with('=') && names.iter().all(|name| is_name(name)) {
            found.extend(names);
        }
    }
    found
}

/// Whether a cell gives a variable its value as Python does.
pub(super) fn gives(cell: &str, name: &str) -> bool {
    given_without_let(cell).contains(name)
}

/// Names and value of `let a = 1;`, `let (a, b) = pair;`.
fn made_names(code: &str) -> Option<(Vec<&str>, &str)> {
    let rest = code.strip_prefix("let ")?;
    let rest = rest.strip_prefix("mut ").unwrap_or(rest);
    let (left, value) = rest.split_once('=')?;
    let left = left.split(':').next().unwrap_or(left).trim();
    let left = left.trim_matches(['(', ')']);
    let names = items(left);
    (!value.starts_with('=') && names.iter().all(|name| is_name(name))).then_some((names, value))
}

/// `n` of `n += 1;`, `n = 2;`.
fn changed_name(code: &str) -> Option<&str> {
    let grown = [".push(", ".pop(", ".sort(", ".insert("]
        .iter()
        .find_map(|call| Some(code.split_once(call)?.0))
        .filter(|name| is_name(name));
    if grown.is_some() {
        return grown;
    }
    let (left, value) = code.split_once('=')?;
    let left = left.trim_end_matches(['+', '-', '*', '/']).trim();
    (is_name(left) && !value.starts_with('=')).then_some(left)
}

fn changing(line: &str, name: &str) -> String {
    if line.contains(&format!("mut {name}")) {
        return line.to_owned();
    }
    let single = format!("let {name}");
    if line.trim_start().starts_with(&single) {
        return line.replacen(&single, &format!("let mut {name}"), 1);
    }
    for before in ["(", ", "] {
        for behind in [",", ")"] {
            let place = format!("{before}{name}{behind}");
            if line.contains(&place) {
                return line.replacen(&place, &format!("{before}mut {name}{behind}"), 1);
            }
        }
    }
    line.to_owned()
}

/// Whether a name stands in a piece of code.
pub(super) fn mentions(code: &str, name: &str) -> bool {
    let mut at = 0;
    while at < code.len() {
        at = match step(code, at) {
            Step::Unfinished => return false,
            Step::Skip(end) => end,
            Step::Word(end) if &code[at..end] == name => return true,
            Step::Word(end) => end,
            Step::Byte(_) => at + 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Variable;

    #[test]
    fn variables_of_python_live_in_the_whole_cell() {
        let variables = [("n", "i32")].map(Variable::of_kind);
        for (written, text, right) in [
            (
                "t = 0\nfor i in range(3):\n    t += i",
                "let t = 0;\nfor i in 0..3 {\n    t += i;\n}",
                "let mut t = 0;\nfor i in 0..3 {\n    t += i;\n}",
            ),
            (
                "t = 0\nfor i in range(3):\n    t = t + i\n    u = i",
                "let t = 0;\nfor i in 0..3 {\n    let t = t + i;\n    let u = i;\n}",
                "let mut t = 0;\nfor i in 0..3 {\n    t = t + i;\n    let u = i;\n}",
            ),
            (
                "a, b = 0, 1\nfor i in range(3):\n    b = i",
                "let (a, b) = (0, 1);\nfor i in 0..3 {\n    let b = i;\n}",
                "let (a, mut b) = (0, 1);\nfor i in 0..3 {\n    b = i;\n}",
            ),
            (
                "for i in range(3):\n    n = n + i",
                "for i in 0..3 {\n    let n = n + i;\n}",
                "for i in 0..3 {\n    n = n + i;\n}",
            ),
            // A function has its own.
            (
                "t = 0\ndef f(x):\n    t = x\n    return t",
                "let t = 0;\nfn f(x: f64) -> f64 {\n    let t = x;\n    return t;\n}",
                "let t = 0;\nfn f(x: f64) -> f64 {\n    let t = x;\n    return t;\n}",
            ),
            // Rust that hides a variable means it.
            (
                "let t = 0;\nif true { let t = 1; }",
                "let t = 0;\nif true { let t = 1; }",
                "let t = 0;\nif true { let t = 1; }",
            ),
        ] {
            let notebook = Notebook {
                cell: written,
                variables: &variables,
                lost: &[],
                describe: None,
            };
            assert_eq!(scoped(text, &notebook), right, "{written}");
        }
    }
}
