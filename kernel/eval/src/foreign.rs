//! Python and MATLAB as people write them from habit, in Rust: enough of it to show the line that was meant.

mod block;
mod calls;
mod drawings;
mod functions;
mod index;
mod lex;
mod lists;
mod pixels;
mod reduced;
mod scopes;
mod text;
mod trying;

use lex::Part;

use crate::advice::{Advice, Notebook};
use crate::text::{is_name, is_whole, last_expression, parses};
pub(crate) use block::{block, is_header};
pub(crate) use calls::{call, grown, is_module, with_type};
pub(crate) use drawings::{component, drawing};
pub(crate) use index::{at_position, index_of_signal};
pub(crate) use pixels::of_frame;
pub(crate) use reduced::{index_and_call, of_every_frame};
pub(crate) use scopes::scoped;
pub(crate) use text::{is_display, printed};

/// One statement in Rust; `None` when it has no counterpart that a parser takes.
pub(crate) fn statement(written: &str, notebook: &Notebook) -> Option<String> {
    let parts = lex::parts(written.trim())?;
    let (code, comment) = match parts.split_last() {
        Some((Part::Comment(text), rest)) => (rest, format!(" // {}", text.trim())),
        _ => (&parts[..], String::new()),
    };
    let code = lex::trimmed(code);
    if code.is_empty() {
        return Some(comment.trim_start().to_owned());
    }
    let ends = matches!(code.last(), Some(Part::Sign(';')));
    let code = lex::trimmed(if ends { &code[..code.len() - 1] } else { code });
    let rust = match assignment(code) {
        Some((name, operator, value)) => {
            let left = lex::text(name);
            let left = left.trim();
            let value = expression(value, notebook);
            let value = value.trim();
            // A list that may grow.
            let value = match value.strip_prefix('[') {
                Some(list) if value.ends_with(']') => format!("vec![{list}"),
                _ => value.to_owned(),
            };
            match (operator, is_name(left)) {
                ("=", true) => format!("let {left} = {value};"),
                ("=", false) if left.split(',').all(|name| is_name(name.trim())) => {
                    format!("let ({left}) = {value};")
                }
                _ => format!("{left} {operator} {value};"),
            }
        }
        None => simple(code, ends, notebook)?,
    };
    let rust = notebook.mended(&rust) + &comment;
    parses(&rust).then_some(rust)
}

/// A statement that binds nothing.
fn simple(code: &[Part], ends: bool, notebook: &Notebook) -> Option<String> {
    let semicolon = if ends { ";" } else { "" };
    match code.first() {
        Some(Part::Word("pass")) => return Some(String::new()),
        Some(Part::Word("del" | "global" | "nonlocal" | "yield")) => return None,
        Some(Part::Word("raise")) => return trying::raised(&code[1..], notebook),
        Some(Part::Word("assert")) if matches!(code.get(1), Some(Part::Space(_))) => {
            return trying::asserted(&code[1..], notebook);
        }
        Some(Part::Word(word @ ("return" | "break" | "continue"))) => {
            let value = expression(&code[1..], notebook);
            return Some(format!("{word}{value};"));
        }
        // Python 2.
        Some(Part::Word("print")) if matches!(code.get(1), Some(Part::Space(_))) => {
            return Some(printed(&lex::split(&code[1..], ','), notebook) + ";");
        }
        _ => {}
    }
    let value = expression(code, notebook);
    let prints = value.starts_with("println!");
    Some(if prints {
        value + ";"
    } else {
        value + semicolon
    })
}

/// Left side, operator and right side of an assignment.
fn assignment<'a, 'b>(
    code: &'b [Part<'a>],
) -> Option<(&'b [Part<'a>], &'static str, &'b [Part<'a>])> {
    let mut depth = 0usize;
    for (at, part) in code.iter().enumerate() {
        match part {
            Part::Sign('(' | '[' | '{') => depth += 1,
            Part::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Part::Sign('=') if depth == 0 => {
                let before = at.checked_sub(1).map(|at| &code[at]);
                let comparison = matches!(before, Some(Part::Sign('<' | '>' | '!' | '=')))
                    || matches!(code.get(at + 1), Some(Part::Sign('=')));
                if comparison {
                    return None;
                }
                let (operator, left) = match before {
                    Some(Part::Sign('+')) => ("+=", at - 1),
                    Some(Part::Sign('-')) => ("-=", at - 1),
                    Some(Part::Sign('*')) => ("*=", at - 1),
                    Some(Part::Sign('/')) => ("/=", at - 1),
                    Some(Part::Sign(':')) => ("=", at - 1),
                    _ => ("=", at),
                };
                let mut name = lex::trimmed(&code[..left]);
                // `let a = 1` without its semicolon is half Rust.
                if let [
                    Part::Word(
                        "let" | "var" | "auto" | "const" | "Let" | "int" | "float" | "double",
                    ),
                    rest @ ..,
                ] = name
                {
                    name = lex::trimmed(rest);
                }
                return Some((name, operator, lex::trimmed(&code[at + 1..])));
            }
            _ => {}
        }
    }
    None
}

/// An expression of Python in Rust.
pub(crate) fn expression_of(written: &str, notebook: &Notebook) -> Option<String> {
    Some(expression(&lex::parts(written)?, notebook))
}

fn expression(parts: &[Part], notebook: &Notebook) -> String {
    let inner = lex::trimmed(parts);
    if let Some(Part::Word("lambda")) = inner.first()
        && let [names, body] = &lex::split(&inner[1..], ':')[..]
    {
        let names: Vec<String> = (lex::split(names, ',').iter())
            .map(|name| format!("{}: f64", lex::text(name).trim()))
            .collect();
        return format!(
            "|{}| {}",
            names.join(", "),
            decimals(&expression(lex::trimmed(body), notebook))
        );
    }
    if let Some(found) = lists::comprehension(inner, notebook) {
        return found;
    }
    if let Some(found) = text::percent(inner, notebook) {
        return found;
    }
    if let (Some(condition), Some(other)) = (lex::word_at(inner, "if"), lex::word_at(inner, "else"))
        && condition > 0
        && condition < other
    {
        let part =
            |range: std::ops::Range<usize>| expression(&inner[range], notebook).trim().to_owned();
        return format!(
            "if {} {{ {} }} else {{ {} }}",
            part(condition + 1..other),
            part(0..condition),
            part(other + 1..inner.len())
        );
    }
    chain(parts, notebook)
}

/// What has no structure of its own, from left to right.
fn chain(parts: &[Part], notebook: &Notebook) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < parts.len() {
        let rest = &parts[at..];
        let used = match rest {
            [Part::Comment(text), ..] => {
                out.push_str(&format!("// {}", text.trim()));
                1
            }
            [Part::Text { .. }, ..] => {
                out.push_str(&text::literal(&rest[0], notebook));
                1
            }
            [Part::Sign('('), ..] => {
                let inner = lex::inside(rest);
                in_parentheses(&mut out, inner, notebook);
                inner.len() + 2
            }
            [Part::Sign('['), ..] => {
                let inner = lex::inside(rest);
                // A bracket may have no end.
                let behind = rest.get(inner.len() + 2..).unwrap_or_default();
                inner.len() + 2 + in_square_brackets(&mut out, inner, behind, notebook)
            }
            // `a ** 2`, `a.^2`
            [Part::Sign('*'), Part::Sign('*'), ..] | [Part::Sign('.'), Part::Sign('^'), ..] => {
                2 + power(&mut out, &rest[2..], notebook)
            }
            [Part::Sign('.'), Part::Sign('*' | '/'), ..] => 1,
            [Part::Sign('/'), Part::Sign('/'), ..] => 1,
            [Part::Sign('~'), ..] => {
                out.push('!');
                1
            }
            // A macro of Rust with a text of Python.
            [Part::Word(name), Part::Sign('!'), call @ ..] if is_formatted(call) => {
                let inner = lex::inside(call);
                let printed = printed(&lex::split(inner, ','), notebook);
                out.push_str(&printed.replacen("println", name, 1));
                inner.len() + 4
            }
            [Part::Word("is"), Part::Space(_), Part::Word("None"), ..] => {
                missing(&mut out, true, 3)
            }
            [
                Part::Word("is"),
                Part::Space(_),
                Part::Word("not"),
                Part::Space(_),
                Part::Word("None"),
                ..,
            ] => missing(&mut out, false, 5),
            [Part::Word("not"), Part::Space(_), ..] => {
                out.push('!');
                2
            }
            [Part::Word(word), ..] => {
                out.push_str(match *word {
                    "True" => "true",
                    "False" => "false",
                    "and" => "&&",
                    "or" => "||",
                    "is" => "==",
                    word => word,
                });
                constant(&mut out);
                1
            }
            [Part::Space(text), ..] => {
                out.push_str(text);
                1
            }
            [Part::Sign(sign), ..] => {
                out.push(*sign);
                1
            }
            [] => 1,
        };
        at += used;
    }
    out
}

/// `(f"…"`.
fn is_formatted(call: &[Part]) -> bool {
    matches!(call, [Part::Sign('('), Part::Text { prefix, .. }, ..] if prefix.to_ascii_lowercase().contains('f'))
}

/// `is None` behind an expression.
fn missing(out: &mut String, none: bool, used: usize) -> usize {
    out.truncate(out.trim_end().len());
    if last_expression(out) == "None" {
        out.truncate(out.len() - "None".len());
        out.push_str(if none { "true" } else { "false" });
    } else {
        out.push_str(if none { ".is_none()" } else { ".is_some()" });
    }
    used
}

/// `np.pi` at the end of what was written so far.
fn constant(out: &mut String) {
    const KNOWN: [(&str, &str); 7] = [
        ("np.pi", "std::f64::consts::PI"),
        ("numpy.pi", "std::f64::consts::PI"),
        ("math.pi", "std::f64::consts::PI"),
        ("np.e", "std::f64::consts::E"),
        ("np.nan", "f64::NAN"),
        ("np.inf", "f64::INFINITY"),
        ("np.newaxis", "0"),
    ];
    for (theirs, ours) in KNOWN {
        if out.ends_with(theirs) {
            out.truncate(out.len() - theirs.len());
            out.push_str(ours);
            return;
        }
    }
}

/// Raises the expression `out` ends with to the power that follows; gives how many parts that took.
fn power(out: &mut String, rest: &[Part], notebook: &Notebook) -> usize {
    let mut used = 0;
    let mut exponent = String::new();
    for part in rest {
        match part {
            Part::Space(_) if exponent.is_empty() => {}
            Part::Sign('-') if exponent.is_empty() => exponent.push('-'),
            Part::Word(word) => exponent.push_str(word),
            Part::Sign('.') if is_whole(&exponent) => exponent.push('.'),
            _ => break,
        }
        used += 1;
    }
    let base = last_expression(out).to_owned();
    out.truncate(out.trim_end().len() - base.len());
    out.push_str(&raised(&base, &exponent, notebook));
    used
}

/// A power as a method call.
pub(crate) fn raised(base: &str, exponent: &str, notebook: &Notebook) -> String {
    let whole = is_whole(exponent);
    let integer = notebook.kind(base).starts_with(['i', 'u']);
    let base = with_type(base);
    match (whole, integer) {
        (true, true) => format!("{base}.pow({exponent})"),
        (true, false) => format!("{base}.powi({exponent})"),
        (false, _) => format!("{base}.powf({exponent})"),
    }
}

/// Arguments of a call, or an expression in parentheses.
fn in_parentheses(out: &mut String, inner: &[Part], notebook: &Notebook) {
    let callee: String = {
        let start = out.rfind(|letter: char| !letter.is_alphanumeric() && !"_.".contains(letter));
        let from = start.map_or(0, |at| {
            at + out[at..].chars().next().map_or(1, char::len_utf8)
        });
        out[from..].to_owned()
    };
    // `sqrt(3^2)` means a power, which in Rust would be bits.
    let raised = lex::with_stars(inner);
    let inner = match callee.as_str() {
        "sqrt" | "exp" | "log" | "log10" | "abs" | "sin" | "cos" | "tan" => &raised[..],
        _ => inner,
    };
    let written = lex::split(inner, ',');
    if callee == "print" {
        out.truncate(out.len() - callee.len());
        out.push_str(&printed(&written, notebook));
        return;
    }
    let arguments: Vec<String> = (written.iter())
        .map(|argument| expression(argument, notebook).trim().to_owned())
        .filter(|argument| !argument.is_empty())
        .collect();
    let borrowed: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match call(&callee, &borrowed, notebook) {
        Some(Advice { write, .. }) if !callee.is_empty() && !write.is_empty() => {
            out.truncate(out.len() - callee.len());
            out.push_str(&write[0]);
        }
        _ => out.push_str(&format!("({})", arguments.join(", "))),
    }
}

/// An index, or a list; gives how many of the parts behind it go with it.
fn in_square_brackets(
    out: &mut String,
    inner: &[Part],
    behind: &[Part],
    notebook: &Notebook,
) -> usize {
    let base = last_expression(out).to_owned();
    let follows = out.ends_with(|letter: char| letter.is_alphanumeric() || "_)]?".contains(letter));
    if follows && !base.is_empty() {
        // `scan.inav[0:2, 0:3].mean()`
        let call = match behind {
            [Part::Sign('.'), Part::Word(_), call @ ..]
                if call.first() == Some(&Part::Sign('(')) =>
            {
                lex::inside(call).len() + 4
            }
            _ => 0,
        };
        let called = lex::text(&behind[..call.min(behind.len())]);
        if let Some((found, used)) = index_and_call(&base, &lex::text(inner), &called, notebook)
            && let Some(code) = found.write.first()
        {
            out.truncate(out.len() - base.len());
            out.push_str(code);
            return if used > 0 { call } else { 0 };
        }
        out.push_str(&format!("[{}]", expression(inner, notebook)));
        return 0;
    }
    if let Some(list) = lists::comprehension(lex::trimmed(inner), notebook) {
        out.push_str(&list);
        return 0;
    }
    let items: Vec<String> = (lex::split(inner, ',').iter())
        .map(|item| expression(item, notebook).trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect();
    out.push_str(&format!("[{}]", items.join(", ")));
    0
}

/// The whole numbers of an expression as decimal ones.
pub(crate) fn decimals(expression: &str) -> String {
    let mut out = String::new();
    let mut rest = expression;
    while !rest.is_empty() {
        let end = rest
            .find(|letter: char| !letter.is_alphanumeric() && !"_.".contains(letter))
            .unwrap_or(rest.len());
        if end == 0 {
            let first = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..first]);
            rest = &rest[first..];
            continue;
        }
        // An exponent and an index are whole.
        let whole = ["powi(", "pow(", "["]
            .iter()
            .any(|before| out.ends_with(before));
        match whole {
            true => out.push_str(&rest[..end]),
            false => out.push_str(&crate::text::decimal(&rest[..end])),
        }
        rest = &rest[end..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Variable;

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
    fn statements_of_python_become_rust() {
        let variables = variables();
        let notebook = Notebook {
            cell: "",
            variables: &variables,
            lost: &[],
            describe: None,
        };
        for (python, rust) in [
            ("x = 5", "let x = 5;"),
            ("x = [1, 2]", "let x = vec![1, 2];"),
            ("a, b = 1, 2", "let (a, b) = 1, 2;"),
            ("n += 1", "n += 1;"),
            ("s = hs.load('scan.hspy')", "let s = open(\"scan.hspy\")?;"),
            ("print(x)", "println!(\"{x}\");"),
            (
                "print('mean', n)  # told",
                "println!(\"mean {n}\"); // told",
            ),
            (
                "print(f\"{n:.2f} of {scan}, {len(list)}\")",
                "println!(\"{n:.2} of {scan:?}, {}\", list.len());",
            ),
            ("f\"{n}\"", "format!(\"{n}\")"),
            ("println!(f\"{n}\")", "println!(\"{n}\");"),
            ("print \"x\"", "println!(\"x\");"),
            (
                "if_true = not True and n is None",
                "let if_true = !true && n.is_none();",
            ),
            ("y = n ** 2", "let y = n.pow(2);"),
            ("y = 2 ** 0.5", "let y = 2.0_f64.powf(0.5);"),
            ("y = 7 // 2", "let y = 7 / 2;"),
            (
                "y = [x * 2 for x in list]",
                "let y = list.iter().map(|x| x * 2).collect::<Vec<_>>();",
            ),
            (
                "y = [x for x in range(3)]",
                "let y = (0..3).collect::<Vec<_>>();",
            ),
            (
                "y = 1 if n > 2 else 3",
                "let y = if n > 2 { 1 } else { 3 };",
            ),
            ("scan.inav[10, 20]", "scan.frame((20, 10))?"),
            ("list[1:3]", "list[1..3].to_vec()"),
            ("plt.imshow(scan)", "scan"),
            ("x = np.pi * 2.0", "let x = std::f64::consts::PI * 2.0;"),
            ("pattern[0, 1]", "pattern[(0, 1)]"),
        ] {
            let found = statement(python, &notebook);
            // Two values are no tuple in Rust.
            let expected = parses(rust).then(|| rust.to_owned());
            assert_eq!(found, expected, "{python}");
        }
        assert_eq!(statement("del x", &notebook), None);
        assert_eq!(statement("x = 'unfinished", &notebook), None);
        assert_eq!(decimals("x * 2 + 0.5"), "x * 2.0 + 0.5");
    }
}
