//! Variables and functions that are made, or given back, as other languages do it.

use super::Line;
use crate::advice::Advice;
use crate::slips::Slip;
use crate::text::{at_top, in_brackets, is_name, items, parses};

/// `var a = 5;`, `let my-name = 5;`, `let a := 5;`.
pub(super) fn declaration(line: &Line) -> Option<Slip> {
    let word = line.first_word();
    let rest = line.text[word.len()..].trim_start();
    let end = line.text.trim_end_matches(';');
    if matches!(
        word,
        "var" | "auto" | "val" | "int" | "float" | "double" | "Let" | "LET" | "local"
    ) {
        let (name, value) = rest.split_once('=')?;
        is_name(name.trim()).then_some(())?;
        let value = value.trim().trim_end_matches(';');
        return line.slip(
            0,
            word.len(),
            "a variable is made by `let`",
            Advice::new("the type is found by itself").write(
                line.notebook
                    .mended(&format!("let {} = {value};", name.trim())),
            ),
        );
    }
    if word != "let" {
        return None;
    }
    if let Some(at) = line.signs(":=") {
        let code = format!("{}={};", &end[..at], &end[at + 2..]);
        return line.slip(
            at,
            at + 2,
            "a value is given by `=`",
            Advice::new("`:` before it would begin a type").write(code),
        );
    }
    if let Some(slip) = without_sign(line, rest) {
        return Some(slip);
    }
    let (name, value) = rest.split_once('=')?;
    let name = name.trim();
    let bare = name.strip_prefix("mut ").unwrap_or(name);
    let simple = bare
        .chars()
        .all(|letter| letter.is_alphanumeric() || "-_. ".contains(letter));
    if is_name(bare) || !simple || bare.is_empty() || bare.contains("..") {
        return None;
    }
    let mut better: String = bare.replace(['-', '.', ' '], "_");
    if better.starts_with(|first: char| first.is_numeric()) {
        better.insert(0, '_');
    }
    let at = line.text.find(bare)?;
    line.slip(
        at,
        at + bare.len(),
        "this is no name of a variable",
        Advice::new("a name has letters, digits and `_`, and begins with no digit").write(
            line.notebook.mended(&format!(
                "let {better} = {};",
                value.trim().trim_end_matches(';')
            )),
        ),
    )
}

/// `let bright scan.frame((0, 0))?;`, `let n: 3;`, `let n == 3;`.
fn without_sign(line: &Line, rest: &str) -> Option<Slip> {
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    let (name, behind) = rest.split_at(end);
    let behind = behind.trim_start();
    let value = match behind
        .strip_prefix("==")
        .or_else(|| behind.strip_prefix(':'))
    {
        Some(value) => value.trim_start(),
        None if behind.starts_with(|first: char| first.is_alphanumeric() || first == '"') => behind,
        None => return None,
    };
    let number = value.starts_with(|first: char| first.is_ascii_digit());
    let typed = behind.starts_with(':') && !number;
    let code = format!("let {name} = {};", value.trim_end_matches(';'));
    let fits = is_name(name) && name != "mut" && !typed && parses(&code) && at_top_is_free(value);
    fits.then_some(())?;
    let at = line.text.len() - behind.len();
    line.slip(
        at,
        at + 1,
        "a value is given by `=`",
        Advice::new("`let name = value;` makes a variable").write(line.notebook.mended(&code)),
    )
}

/// Whether a text has no sign of its own that gives a value.
fn at_top_is_free(value: &str) -> bool {
    at_top(value, b'=').is_empty()
}

/// `let a, b = 1, 2;`: several variables at once stand in brackets.
pub(super) fn several(line: &Line) -> Option<Slip> {
    // `x, y = 5, 6` of Python.
    let rest = line.text.strip_prefix("let ").unwrap_or(line.text);
    let (names, values) = rest.split_once('=')?;
    let names = in_brackets(names.trim())
        .filter(|inner| inner.len() + 2 == names.trim().len())
        .unwrap_or(names);
    if let Some(slip) = one_after_the_other(line, rest) {
        return Some(slip);
    }
    let several = at_top(names, b',');
    // `let (a, b) = pair;` is right.
    let bracketed = rest.trim_start().starts_with('(');
    if bracketed && at_top(values, b',').is_empty() {
        return None;
    }
    if several.is_empty()
        || values.starts_with('=')
        || !names.split(',').all(|name| is_name(name.trim()))
    {
        return None;
    }
    let values = values.trim().trim_end_matches(';');
    let values = match at_top(values, b',').len() == several.len() {
        true => format!("({values})"),
        false => values.to_owned(),
    };
    let code = format!("let ({}) = {values};", names.trim());
    parses(&code).then_some(())?;
    let at = line.text.find(names.trim()).unwrap_or(0);
    line.slip(
        at,
        at + names.trim().len(),
        "several variables without brackets",
        Advice::new("several variables are made at once in brackets, on both sides")
            .write(line.notebook.mended(&code)),
    )
}

/// `let x = 5, y = 6;`: one `let` for each.
fn one_after_the_other(line: &Line, rest: &str) -> Option<Slip> {
    // A line of a struct literal has commas as well.
    line.text.starts_with("let ").then_some(())?;
    let parts = items(rest.trim_end_matches(';'));
    let pairs: Option<Vec<(&str, &str)>> = parts
        .iter()
        .map(|part| part.split_once('='))
        .map(|pair| pair.map(|(name, value)| (name.trim(), value.trim())))
        .collect();
    let pairs = pairs.filter(|pairs| pairs.len() > 1)?;
    if !pairs.iter().all(|(name, _)| is_name(name)) {
        return None;
    }
    let code: Vec<String> = (pairs.iter())
        .map(|(name, value)| format!("let {name} = {value};"))
        .collect();
    let code = code.join(" ");
    parses(&code).then_some(())?;
    let at = line.text.find(',')?;
    line.slip(
        at,
        at + 1,
        "several variables after one `let`",
        Advice::new("each variable has a `let` of its own").write(line.notebook.mended(&code)),
    )
}

/// `del scan`.
pub(super) fn deleted(line: &Line) -> Option<Slip> {
    let name = line.text.strip_prefix("del ")?.trim().trim_end_matches(';');
    is_name(name).then_some(())?;
    line.slip(
        0,
        "del".len(),
        "this is Python, and cells are Rust",
        Advice::new("a variable is given back by `drop`; its node leaves the tree when no view and no other node needs it")
            .write(format!("drop({name});")),
    )
}

/// `fn f(x) { x + 1 }`: arguments without their types.
pub(super) fn untyped(line: &Line) -> Option<Slip> {
    let rest = line.text.strip_prefix("fn ")?;
    let open = rest.find('(')?;
    let inner = in_brackets(&rest[open..])?;
    let body = &rest[open + inner.len() + 2..];
    let names = items(inner);
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return None;
    }
    // What has methods is a signal more often than anything else.
    let typed: Vec<String> = (names.iter())
        .map(|name| match body.contains(&format!("{name}.")) {
            true => format!("{name}: &Signal"),
            false => format!("{name}: f64"),
        })
        .collect();
    let returns = match (body.contains("->"), body.contains('?')) {
        (true, _) => "",
        (false, true) => return None,
        (false, false) => " -> f64",
    };
    let code = format!("fn {}({}){returns}{body}", &rest[..open], typed.join(", "));
    let at = "fn ".len() + open + 1;
    line.slip(
        at,
        at + inner.len(),
        "an argument of a function says its type",
        Advice::new(
            "`x: f64` is a decimal number, `scan: &Signal` a signal, `frame: &Frame<f64>` a frame",
        )
        .write(if parses(&code) {
            line.notebook.mended(&code)
        } else {
            String::new()
        }),
    )
}
