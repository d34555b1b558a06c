//! Variables that cannot be kept for the next cell. evcxr stores every variable of a cell under the name of its type,
//! and says in its own words, or in rustc's about code that nobody wrote, when that is impossible; here it is said of
//! the line that makes the variable.

use evcxr::{CompilationError, Error};

use crate::CellError;
use crate::advice::{Advice, Instead, Notebook};
use crate::api::API;
use crate::error_report;
use crate::names;
use crate::text::{at_top, is_name, parses};

/// The error in the user's words, if a variable is to blame. `type_of` asks what type the last cell's variable has.
pub(crate) fn explained(
    error: &Error,
    notebook: &Notebook,
    type_of: impl Fn(&str) -> Option<String>,
) -> Option<CellError> {
    match error {
        Error::Message(text) => {
            let name = variable_in(text)?;
            let kind = match text.split_once(" has type `") {
                Some((_, rest)) => rest.split("` which").next().map(str::to_owned),
                None if text.contains(" is a closure") => Some("{closure}".into()),
                None => None,
            };
            Some(told(name, kind.as_deref().unwrap_or_default(), notebook))
        }
        Error::CompilationErrors(errors) => {
            let kept = errors.iter().find_map(|error| {
                let text = error.message();
                let of_evcxr = text.contains("non-static lifetime");
                of_evcxr.then(|| variable_in(&text).map(str::to_owned))?
            });
            if let Some(name) = kept {
                return Some(told(&name, "&", notebook));
            }
            if errors.iter().any(has_place) {
                return None;
            }
            // The code around the cell that stores its variables does not compile.
            let bound = names::defined(notebook.cell).bound;
            let typed = |name: &String| Some((name.clone(), type_of(name)?));
            let found = (bound.iter().filter_map(typed)).find(|(_, kind)| is_suspect(kind));
            let (name, kind) = found.or_else(|| Some((bound.last()?.clone(), String::new())))?;
            Some(told(&name, &kind, notebook))
        }
        _ => None,
    }
}

/// The error about a variable that borrows from another one, where the cell tells so by itself.
pub(crate) fn borrowed(name: &str, notebook: &Notebook) -> CellError {
    told(name, "&", notebook)
}

/// Whether rustc points into the user's code.
fn has_place(error: &CompilationError) -> bool {
    error
        .spanned_messages()
        .iter()
        .any(|message| message.span.is_some())
}

/// `c` of "The variable `c` is a closure, …".
fn variable_in(text: &str) -> Option<&str> {
    let about = ["The variable `", "type of variable `"];
    let rest = about
        .iter()
        .find_map(|start| text.split_once(start).map(|(_, rest)| rest))?;
    rest.split('`').next()
}

/// A type that no variable can keep.
fn is_suspect(kind: &str) -> bool {
    ["&", "impl ", "{closure", "dyn ", "'_", "|"]
        .iter()
        .any(|part| kind.contains(part))
}

fn told(name: &str, kind: &str, notebook: &Notebook) -> CellError {
    let closure = kind.contains("closure") || kind.contains('|');
    let (message, advice) = if closure {
        (
            format!("`{name}` is a closure, and no variable can keep one for the next cells"),
            closure_advice(name, notebook.cell),
        )
    } else if kind.contains("impl ") || kind.starts_with("std::iter") {
        (
            format!(
                "`{name}` is an unfinished iterator, and no variable can keep one for the next cells"
            ),
            finished(name, notebook.cell),
        )
    } else if kind.contains('&') || kind.contains("dyn ") || kind.contains("'_") {
        let lender = lender(name, notebook);
        let from = lender.map_or_else(|| "another value".into(), |lender| format!("`{lender}`"));
        (
            format!(
                "`{name}` borrows from {from}, and no variable can keep that for the next cells"
            ),
            reference_advice(name, kind, notebook),
        )
    } else {
        (
            format!(
                "`{name}` cannot be kept for the next cells: the type of its value cannot be written down"
            ),
            in_braces(
                notebook.cell,
                "say its type, `let name: Type = …`, or use it inside of braces",
            ),
        )
    };
    let at = place(notebook.cell, name);
    let mut traceback = error_report::headline(&message);
    if let Some(at) = at {
        traceback.extend(error_report::pointing(
            notebook.cell,
            at..at + name.len(),
            "",
        ));
    }
    traceback.push(error_report::hint(&advice.text));
    traceback.extend(advice.write.iter().map(|code| error_report::write(code)));
    CellError {
        name: "CompileError".into(),
        value: message,
        traceback,
    }
}

/// Byte of the name behind its last `let`.
fn place(cell: &str, name: &str) -> Option<usize> {
    let ends = |at: usize| {
        !cell[at + name.len()..]
            .starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    };
    ["let mut ", "let "]
        .iter()
        .flat_map(|word| {
            let pattern = format!("{word}{name}");
            let found: Vec<usize> = cell
                .match_indices(&pattern)
                .map(|(at, _)| at + word.len())
                .collect();
            found
        })
        .filter(|at| ends(*at))
        .max()
        // A name of a pattern.
        .or_else(|| {
            cell.match_indices(name)
                .map(|(at, _)| at)
                .find(|at| ends(*at))
        })
}

/// Bytes of the statement that makes a variable.
fn statement(cell: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let at = place(cell, name)?;
    let start = cell[..at].rfind("let ")?;
    let end = at_top(&cell[at..], b';').first().map(|end| at + end + 1);
    Some(start..end.unwrap_or(cell.len()))
}

/// The statement that makes a variable, without its `let`: its value.
fn value_of<'a>(cell: &'a str, name: &str) -> Option<&'a str> {
    let rest = &cell[place(cell, name)? + name.len()..];
    let end = at_top(rest, b';').first().copied().unwrap_or(rest.len());
    let (_, value) = rest[..end].split_once('=')?;
    Some(value.trim())
}

/// The variable whose value another one looks into.
fn lender<'a>(name: &str, notebook: &Notebook<'a>) -> Option<&'a str> {
    // Words of a text are no variables.
    let value = value_of(notebook.cell, name)?.split('"').next()?;
    let bound = names::defined(notebook.cell).bound;
    value
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .find(|word| {
            *word != name && (notebook.knows(word) || bound.iter().any(|known| known == word))
        })
}

/// What to do about a closure.
pub(crate) fn closure(name: &str, cell: &str) -> Advice {
    closure_advice(name, cell)
}

fn closure_advice(name: &str, cell: &str) -> Advice {
    let advice = Advice::new(
        "write a function, `fn name(x: f64) -> f64 { … }`, or keep the closure in a box, which says its types",
    );
    let Some(value) = value_of(cell, name) else {
        return advice;
    };
    let closure = value.strip_prefix("move ").unwrap_or(value);
    let Some((arguments, body)) = closure
        .strip_prefix('|')
        .and_then(|rest| rest.split_once('|'))
    else {
        return advice;
    };
    let typed: Vec<String> = (crate::text::items(arguments).into_iter())
        .map(|argument| match argument.split_once(':') {
            Some((name, kind)) => format!("{}: {}", name.trim(), kind.trim()),
            None => format!("{argument}: f64"),
        })
        .collect();
    let untyped = !arguments.contains(':') && !body.trim_start().starts_with("->");
    let body = match untyped {
        true => crate::foreign::decimals(body),
        false => body.to_owned(),
    };
    let kinds: Vec<&str> = typed
        .iter()
        .filter_map(|argument| Some(argument.split_once(": ")?.1))
        .collect();
    let returns = match body.trim_start().strip_prefix("->") {
        Some(rest) => rest.split('{').next().unwrap_or("f64").trim(),
        None => kinds.first().copied().unwrap_or("f64"),
    };
    let code = format!(
        "let {name}: Box<dyn Fn({}) -> {returns}> = Box::new(move |{}|{body});",
        kinds.join(", "),
        typed.join(", ")
    );
    let code = statement(cell, name).map_or(code.clone(), |at| {
        format!("{}{code}{}", &cell[..at.start], &cell[at.end..])
    });
    advice
        .write(if parses(&code) { code } else { String::new() })
        .instead(Instead::Cell)
}

/// What to do about a reference.
pub(crate) fn reference(name: &str) -> Advice {
    Advice::new(format!(
        "what `{name}` refers to ends with this cell: keep a copy (`.clone()`, `.to_owned()`, `.collect()`), or use it inside of braces"
    ))
}

fn reference_advice(name: &str, kind: &str, notebook: &Notebook) -> Advice {
    let cell = notebook.cell;
    const OWNED: [(&str, &str); 9] = [
        (".iter()", ".iter().cloned().collect::<Vec<_>>()"),
        (".chars()", ".chars().collect::<Vec<char>>()"),
        (".bytes()", ".bytes().collect::<Vec<u8>>()"),
        (".as_str()", ".to_string()"),
        (".as_slice()", ".to_vec()"),
        (
            ".rows()",
            ".rows().map(|row| row.to_vec()).collect::<Vec<_>>()",
        ),
        (
            ".lines()",
            ".lines().map(str::to_owned).collect::<Vec<String>>()",
        ),
        (".trim()", ".trim().to_owned()"),
        (
            ".split_whitespace()",
            ".split_whitespace().map(str::to_owned).collect::<Vec<String>>()",
        ),
    ];
    let value = value_of(cell, name);
    let lent = value.and_then(|value| value.strip_prefix('&'));
    let signal = lent.is_some_and(|lent| is_name(lent) && notebook.kind(lent) == "Signal");
    let advice = match signal {
        true => "keep a second handle on the same node with `.clone()`: no pixels are copied",
        false => "keep a copy of what it borrows, or use it inside of braces",
    };
    let Some(value) = value else {
        return in_braces(cell, advice);
    };
    let owned = OWNED
        .iter()
        .find_map(|(end, own)| value.strip_suffix(end).map(|rest| format!("{rest}{own}")))
        .or_else(|| {
            let lent = value.strip_prefix('&')?.trim_start_matches("mut ");
            let of_list = lent.rsplit_once('[').filter(|_| lent.ends_with(']'));
            Some(match of_list {
                Some((_, inner)) if inner.contains("..") => format!("{lent}.to_vec()"),
                Some((list, _)) if is_of_numbers(kind, list, notebook) => lent.to_owned(),
                // The value of a call is the variable's own.
                _ if lent.ends_with([')', '?']) => lent.to_owned(),
                _ => format!("{lent}.clone()"),
            })
        });
    match owned {
        Some(owned) => {
            let right = cell.replacen(value, &owned, 1);
            Advice::new(advice).write(right).instead(Instead::Cell)
        }
        None => in_braces(cell, advice),
    }
}

/// Whether a reference of this type, or into this list, is to a number, which is copied by itself.
fn is_of_numbers(kind: &str, list: &str, notebook: &Notebook) -> bool {
    let number = |kind: &str| {
        matches!(kind, "f32" | "f64" | "usize" | "isize")
            || kind
                .strip_prefix(['i', 'u'])
                .is_some_and(|bits| bits.parse::<u8>().is_ok())
    };
    let list = list.trim();
    let made = value_of(notebook.cell, list).unwrap_or_default();
    let of_signal = API.members("Signal").iter().any(|method| {
        method.signature.contains("Vec<f64>") && made.contains(&format!(".{}(", method.name))
    });
    let kind_of_list = notebook.whole_kind(list);
    let inside = (kind_of_list.strip_prefix("Vec<")).and_then(|kind| kind.strip_suffix('>'));
    of_signal || number(crate::typing::last_word(kind)) || inside.is_some_and(number)
}

/// An iterator that is to be gone through.
fn finished(name: &str, cell: &str) -> Advice {
    let advice = Advice::new("finish it with `.collect()`, a list of its values");
    let Some(value) = value_of(cell, name) else {
        return advice;
    };
    let right = cell.replacen(value, &format!("{value}.collect::<Vec<_>>()"), 1);
    advice.write(right).instead(Instead::Cell)
}

/// The whole cell in braces: its variables end with it.
fn in_braces(cell: &str, text: &str) -> Advice {
    let lines: Vec<String> = cell
        .trim()
        .lines()
        .map(|line| format!("    {line}"))
        .collect();
    let code = match cell.trim().contains('\n') {
        true => format!("{{\n{}\n}}", lines.join("\n")),
        false => format!("{{ {} }}", cell.trim()),
    };
    Advice::new(text)
        .write(if parses(&code) { code } else { String::new() })
        .instead(Instead::Cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(cell: &str) -> Notebook<'_> {
        Notebook {
            cell,
            variables: &[],
            lost: &[],
            describe: None,
        }
    }

    #[test]
    fn what_evcxr_says_gets_a_line_and_a_remedy() {
        for (cell, said, message, place, code) in [
            (
                "let c = |x: i32| x + 1;\nc(2)",
                "The variable `c` is a closure, which cannot be persisted.",
                "`c` is a closure",
                "line 1, column 5",
                "let c: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + 1);",
            ),
            (
                "let k = 3;\nlet c = |x: i32| x + k;",
                "The variable `c` is a closure, which cannot be persisted.",
                "`c` is a closure",
                "line 2, column 5",
                "let k = 3;\nlet c: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + k);",
            ),
            (
                "let m = (0..3).map(|i| i * 2);",
                "The variable `m` has type `std::iter::Map<std::ops::Range<i32>, impl FnMut(i32) -> i32>` which cannot be persisted.",
                "unfinished iterator",
                "line 1, column 5",
                "let m = (0..3).map(|i| i * 2).collect::<Vec<_>>();",
            ),
            (
                "let x = unknown();",
                "Couldn't automatically determine type of variable `x`.\nPlease give it an explicit type.",
                "cannot be kept",
                "line 1, column 5",
                "{ let x = unknown(); }",
            ),
        ] {
            let error = explained(&Error::Message(said.into()), &notebook(cell), |_| None);
            let error = error.unwrap_or_else(|| panic!("{cell}"));
            let text = error.to_string();
            assert!(
                error.value.contains(message) && text.contains(place),
                "{text}"
            );
            let code = code.replace('\n', "\n           ");
            assert!(text.contains(&format!("= write: {code}")), "{text}");
        }
        let other = Error::Message("Failed to execute shell command".into());
        assert!(explained(&other, &notebook("!x"), |_| None).is_none());
    }

    #[test]
    fn a_reference_says_what_it_borrows_from() {
        let cell = "let err = f();\nlet g = err.get_ref();";
        let error = told("g", "Option<&(dyn Error + Send + Sync)>", &notebook(cell));
        assert!(error.value.starts_with("`g` borrows from `err`"), "{error}");
        assert!(error.to_string().contains("line 2, column 5"), "{error}");
        let cell = "let it = list.iter();";
        let text = told("it", "&", &notebook(cell)).to_string();
        assert!(
            text.contains("let it = list.iter().cloned().collect::<Vec<_>>();"),
            "{text}"
        );
    }
}
