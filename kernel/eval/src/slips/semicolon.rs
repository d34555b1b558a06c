//! Statements without their semicolon.

use super::Slip;
use crate::advice::{Advice, Instead, Notebook};
use crate::direct;
use crate::foreign;
use crate::text::{is_name, is_whole, parses};
use crate::tokens::{Step, step};

/// The place behind the first statement that lacks one, if nothing else is wrong with the cell.
pub(super) fn find(notebook: &Notebook, start: usize) -> Option<Slip> {
    /// More are another mistake.
    const MAX: usize = 20;
    let cell = notebook.cell;
    let mut rust = cell[start..].to_owned();
    let mut first = None;
    for _ in 0..MAX {
        if parses(&rust) {
            break;
        }
        let at = missing(&rust)?;
        rust.insert(at, ';');
        // Those put in before it moved it.
        first = Some(first.map_or(at, |first: usize| first.min(at)));
    }
    let first = first.filter(|_| parses(&rust))?;
    let at = start + first;
    let rest = cell[at..].lines().next().unwrap_or_default();
    if let Some(comment) = rest
        .trim_start()
        .strip_prefix("//")
        .filter(|text| text.trim_end().ends_with(';'))
    {
        let line = cell[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let divided = format!("{} /{comment}", cell[line..at].trim_end());
        let sign = at + rest.len() - rest.trim_start().len();
        return Some(Slip::new(
            sign..sign + 2,
            "`//` begins a comment, so the semicolon behind it does not count",
            Advice::new("whole numbers are divided by `/`, and the result is whole").write(
                if parses(&divided) {
                    divided
                } else {
                    String::new()
                },
            ),
        ));
    }
    // `x = 1` of Python lacks its `let` too.
    let lines: Vec<String> = (rust.lines().map(|line| divided(line, notebook)))
        .map(|line| {
            let line = line.as_str();
            match is_assignment(line, notebook)
                || has_module(line) && foreign::drawing(line, notebook).is_none()
            {
                true => foreign::statement(line, notebook).unwrap_or_else(|| line.to_owned()),
                false => line.to_owned(),
            }
        })
        .collect();
    let right = notebook.mended(&lines.join("\n"));
    let code = format!("{}{right}", &cell[..start]);
    Some(Slip::new(
        at..at + 1,
        "a semicolon is missing at the end of this statement",
        Advice::new(
            "a statement ends with `;`; only the last line, whose value is shown, has none",
        )
        .write(code)
        .instead(Instead::Cell),
    ))
}

/// `n = 10 // 3` of Python, which a `;` was put into: a division, as Rust has it of whole numbers.
fn divided(line: &str, notebook: &Notebook) -> String {
    let whole = |text: &str| is_whole(text) || is_name(text);
    let parts = line.split_once("; // ").filter(|(left, by)| {
        let value = left.split_once('=').map_or("", |(_, value)| value.trim());
        is_assignment(left, notebook) && whole(value) && whole(by.trim())
    });
    parts.map_or_else(
        || line.to_owned(),
        |(left, by)| format!("{left} / {};", by.trim()),
    )
}

/// `name = value;` of a variable that is not to change.
fn is_assignment(line: &str, notebook: &Notebook) -> bool {
    let Some((name, value)) = line.split_once('=') else {
        return false;
    };
    let name = name.trim_end();
    let changes = notebook.cell.contains(&format!("let mut {name}"));
    // Inside of a block it may be another one's.
    let own = !name.starts_with([' ', '\t']) || !notebook.knows(name.trim());
    is_name(name.trim()) && !value.starts_with('=') && !changes && own
}

/// `hs.load(…)`.
fn has_module(line: &str) -> bool {
    let words =
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '.');
    words
        .filter_map(|word| word.split_once('.'))
        .any(|(module, _)| foreign::is_module(module))
}

/// Where the next one belongs: behind the line before the mistake, or at the end.
fn missing(rust: &str) -> Option<usize> {
    let end = last_token(rust, rust.len())?;
    if parses(&format!("{};{}", &rust[..end], &rust[end..])) {
        return Some(end);
    }
    let mistake = direct::mistake(rust)?;
    let end = last_token(rust, mistake)?;
    let between = &rust[end..mistake];
    let word = rust[mistake..]
        .split(|letter: char| !letter.is_alphanumeric())
        .next();
    let begins = matches!(
        word,
        Some("let" | "for" | "if" | "while" | "fn" | "use" | "match" | "println")
    );
    // Behind these a statement goes on.
    let open = rust[..end].ends_with([
        ',', '(', '[', '{', '.', '=', '+', '-', '*', '/', '&', '|', ':', ';',
    ]);
    ((between.contains('\n') || begins) && !open).then_some(end)
}

/// The end of the last word or sign before a place.
fn last_token(code: &str, before: usize) -> Option<usize> {
    let mut found = None;
    let mut at = 0;
    while at < before {
        let (end, significant) = match step(code, at) {
            Step::Unfinished => return None,
            Step::Skip(end) => {
                let rest = &code[at..];
                (end, !rest.starts_with("//") && !rest.starts_with("/*"))
            }
            Step::Word(end) => (end, true),
            Step::Byte(byte) => (at + 1, !byte.is_ascii_whitespace()),
        };
        if significant {
            found = Some(end);
        }
        at = end;
    }
    found
}
