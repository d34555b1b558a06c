//! Loops, conditions and functions of Python: a header that ends in a colon, and what is indented below it.

use super::{decimals, expression_of, functions, lists, statement, trying};
use crate::advice::Notebook;
use crate::mend::balance;
use crate::text::{at_top, is_name, items, parses};

/// Keywords that begin a block.
const HEADERS: [&str; 10] = [
    "for", "while", "if", "elif", "else", "def", "with", "try", "class", "except",
];

/// Whether a line begins a block of Python: its keyword, and a colon where Rust has none.
pub(crate) fn is_header(line: &str) -> bool {
    let line = without_comment(line);
    let word = first_word(line);
    if !HEADERS.contains(&word) {
        return false;
    }
    let colon = match word {
        "else" | "try" => line[word.len()..].trim_start().starts_with(':'),
        _ => !colons(line).is_empty(),
    };
    colon && !line.contains('{')
}

fn first_word(line: &str) -> &str {
    let line = line.trim_start();
    let end = line.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &line[..end.unwrap_or(line.len())]
}

fn without_comment(line: &str) -> &str {
    let end = line.find(" #").unwrap_or(line.len());
    line[..end].trim()
}

/// Colons outside of brackets; those of paths are none.
fn colons(line: &str) -> Vec<usize> {
    let found = at_top(line, b':');
    let bytes = line.as_bytes();
    let path = |at: &usize| bytes.get(at + 1) == Some(&b':') || (*at > 0 && bytes[at - 1] == b':');
    found.into_iter().filter(|at| !path(at)).collect()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The block that the first line begins, in Rust, and how many lines it takes. `None` when it has no counterpart.
pub(crate) fn block(lines: &[&str], notebook: &Notebook) -> Option<(String, usize)> {
    let (code, used) = translated(lines, notebook, false)?;
    parses(&code).then_some((code, used))
}

fn translated(lines: &[&str], notebook: &Notebook, decimal: bool) -> Option<(String, usize)> {
    let header = without_comment(lines.first()?);
    let word = first_word(header);
    let colon = match word {
        "for" | "def" | "with" => colons(header).last().copied()?,
        _ => colons(header).first().copied()?,
    };
    let inline = header[colon + 1..].trim();
    let condition = header[word.len()..colon].trim();
    let mut is_decimal = decimal;
    let begin = match word {
        "for" => {
            let (name, list) = condition.split_once(" in ")?;
            // A result is gone through as well, once.
            let list = lists::value_of(expression_of(list, notebook)?.trim(), notebook);
            let list = list.as_str();
            let name = match name.contains(',') {
                true => format!("({})", name.trim()),
                false => name.trim().to_owned(),
            };
            let list = match list {
                list if notebook.kind(list) == "Signal" => return None,
                list if is_name(list) => format!("&{list}"),
                list => list.to_owned(),
            };
            format!("for {name} in {list} {{")
        }
        "while" if matches!(condition, "True" | "1") => "loop {".into(),
        "while" | "if" => format!("{word} {} {{", expression_of(condition, notebook)?.trim()),
        "elif" => format!(
            "}} else if {} {{",
            expression_of(condition, notebook)?.trim()
        ),
        "else" => "} else {".into(),
        "def" => {
            if let Some(found) = functions::of_frame(condition, inline, lines, notebook) {
                return Some(found);
            }
            is_decimal = true;
            function(condition, &lines[1..], inline)?
        }
        "try" => return tried(inline, lines, notebook),
        "with" => trying::opened(condition, notebook)?,
        _ => return None,
    };
    let (body, used) = body(inline, lines, notebook, is_decimal)?;
    if word == "with" {
        let code: Vec<String> = [begin].into_iter().chain(body).collect();
        return Some((code.join("\n"), used));
    }
    let mut code = begin.clone();
    for line in body.iter().flat_map(|statement| statement.lines()) {
        code.push_str(&format!("\n    {line}"));
    }
    // `elif` and `else` close the block before them.
    let own = indentation(lines.first()?);
    let goes_on = lines.get(used).is_some_and(|line| {
        indentation(line) == own && matches!(first_word(line), "elif" | "else") && is_header(line)
    });
    if goes_on {
        let (rest, more) = translated(&lines[used..], notebook, is_decimal)?;
        return Some((format!("{code}\n{rest}"), used + more));
    }
    if begin == "loop {" && code.ends_with('{') {
        // With nothing to do it would never end.
        code.push_str("\n    break;");
    }
    code.push_str("\n}");
    Some((code, used))
}

/// `try` with its `except`; `else` and `finally` have no counterpart.
fn tried(inline: &str, lines: &[&str], notebook: &Notebook) -> Option<(String, usize)> {
    let (tried, used) = body(inline, lines, notebook, false)?;
    let own = indentation(lines.first()?);
    let of_own = |at: usize, word: &str| {
        (lines.get(at)).is_some_and(|line| indentation(line) == own && first_word(line) == word)
    };
    let header = without_comment(lines.get(used).filter(|_| of_own(used, "except"))?);
    let inline = header[colons(header).first()? + 1..].trim();
    let (then, more) = body(inline, &lines[used..], notebook, false)?;
    let end = used + more;
    if ["except", "else", "finally"]
        .iter()
        .any(|word| of_own(end, word))
    {
        return None;
    }
    let code = trying::tried(&trying::Tried {
        body: &tried,
        error: trying::error_of(&header[..header.len() - inline.len()]),
        then: &then,
    })?;
    Some((code, end))
}

/// The statements behind a header and indented below it, each in Rust, and how many lines that is with the header.
pub(super) fn body(
    inline: &str,
    lines: &[&str],
    notebook: &Notebook,
    decimal: bool,
) -> Option<(Vec<String>, usize)> {
    let own = indentation(lines.first()?);
    let mut found = Vec::new();
    if !inline.is_empty() {
        found.push(in_body(inline, notebook, decimal)?);
    }
    let mut used = 1;
    while let Some(line) = lines.get(used) {
        if !line.trim().is_empty() && indentation(line) <= own {
            break;
        }
        if line.trim().is_empty() {
            used += 1;
        } else if is_header(line) {
            let (inner, more) = translated(&lines[used..], notebook, decimal)?;
            found.push(inner);
            used += more;
        } else {
            let (whole, more) = joined(&lines[used..]);
            found.push(in_body(&whole, notebook, decimal)?);
            used += more;
        }
    }
    found.retain(|statement| !statement.is_empty());
    Some((found, used))
}

/// A statement with the lines it goes on in, and how many there are. A text that nobody uses describes.
pub(super) fn joined(lines: &[&str]) -> (String, usize) {
    let first = lines.first().map_or("", |line| line.trim());
    for quotes in ["\"\"\"", "'''"] {
        if let Some(rest) = first.strip_prefix(quotes) {
            let closes = |line: &&str| line.contains(quotes);
            let more = match rest.contains(quotes) {
                true => 0,
                false => lines[1..].iter().position(closes).map_or(0, |at| at + 1),
            };
            return (String::new(), more + 1);
        }
    }
    let mut whole = first.to_owned();
    let mut used = 1;
    while balance(&whole) > 0 && used < lines.len() {
        whole = format!("{whole} {}", lines[used].trim());
        used += 1;
    }
    (whole, used)
}

/// A line of a body: a statement with its semicolon.
fn in_body(line: &str, notebook: &Notebook, is_decimal: bool) -> Option<String> {
    if line.is_empty() {
        return Some(String::new());
    }
    let mut rust = statement(line, notebook)?;
    if is_decimal && let Some(value) = rust.strip_prefix("return ") {
        rust = format!("return {}", decimals(value));
    }
    let open = !rust.is_empty() && !rust.contains("//") && !rust.ends_with([';', '}']);
    Some(if open { rust + ";" } else { rust })
}

/// `fn name(x: f64) -> f64 {` of `name(x)`.
fn function(head: &str, below: &[&str], inline: &str) -> Option<String> {
    let (name, rest) = head.split_once('(')?;
    let arguments = rest.trim_end().trim_end_matches(')');
    let names: Vec<&str> = (items(arguments).into_iter())
        .map(|argument| argument.split([':', '=']).next().unwrap_or(argument).trim())
        .collect();
    if !names.iter().all(|name| is_name(name)) {
        return None;
    }
    // Nobody knows the type of what has fields and methods.
    let lines: Vec<&str> = (below.iter().copied())
        .take_while(|line| line.starts_with([' ', '\t']) || line.trim().is_empty())
        .chain([inline])
        .collect();
    let more = |name: &&str| {
        lines.iter().any(|line| {
            line.match_indices(name)
                .any(|(at, _)| line[at + name.len()..].starts_with(['.', '[']))
        })
    };
    if names.iter().any(more) {
        return None;
    }
    let arguments: Vec<String> = names.iter().map(|name| format!("{name}: f64")).collect();
    let returns = lines
        .iter()
        .any(|line| line.trim_start().starts_with("return "));
    let returned = if returns { " -> f64" } else { "" };
    Some(format!(
        "fn {}({}){returned} {{",
        name.trim(),
        arguments.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_get_their_braces() {
        let notebook = Notebook {
            cell: "",
            variables: &[],
            lost: &[],
            describe: None,
        };
        for (python, rust) in [
            (
                "for i in range(10):\n    print(i)",
                "for i in 0..10 {\n    println!(\"{i}\");\n}",
            ),
            (
                "for i in range(3): print(i)",
                "for i in 0..3 {\n    println!(\"{i}\");\n}",
            ),
            (
                "if x > 3:\n    y = 1\nelse:\n    y = 2\nz",
                "if x > 3 {\n    let y = 1;\n} else {\n    let y = 2;\n}",
            ),
            ("while True:\n    pass", "loop {\n    break;\n}"),
            (
                "def f(x, n=2):\n    return x * 2",
                "fn f(x: f64, n: f64) -> f64 {\n    return x * 2.0;\n}",
            ),
            (
                "for i, v in enumerate(list):\n  print(i, v)",
                "for (i, v) in list.iter().enumerate() {\n    println!(\"{i} {v}\");\n}",
            ),
            (
                "for i in range(2):\n    for j in range(3):\n        print(i, j)",
                "for i in 0..2 {\n    for j in 0..3 {\n        println!(\"{i} {j}\");\n    }\n}",
            ),
            (
                "with open(\"a.zspy\") as s:\n    print(s)",
                "let s = open(\"a.zspy\")?;\nprintln!(\"{s}\");",
            ),
            (
                "try:\n    s = open(\"a.zspy\")\nexcept OSError as e:\n    print(e)",
                "let s = open(\"a.zspy\").inspect_err(|e| {\n    println!(\"{e}\");\n})?;",
            ),
            (
                "try:\n    s = open(\"a.zspy\")\nexcept:\n    s = open(\"b.zspy\")",
                "let s = match open(\"a.zspy\") {\n    Ok(value) => value,\n    Err(_) => open(\"b.zspy\")?,\n};",
            ),
            (
                "try:\n    print(open(\"a.zspy\"))\nexcept:\n    pass",
                "let tried = || -> Result<()> {\n    println!(\"{:?}\", open(\"a.zspy\")?);\n    Ok(())\n};\n\
                 tried().ok();",
            ),
            (
                "if x < 3:\n    raise ValueError(f\"{x} is few\")",
                "if x < 3 {\n    Err(format!(\"{x} is few\"))?;\n}",
            ),
        ] {
            let lines: Vec<&str> = python.lines().collect();
            let found = block(&lines, &notebook).map(|(code, _)| code);
            assert_eq!(found.as_deref(), Some(rust), "{python}");
        }
        assert!(block(&["with open(f) as g:"], &notebook).is_none());
        assert!(is_header("else:") && is_header("for i in x:  # each"));
        assert!(!is_header("for i in 0..3 {") && !is_header("if a::b() { }"));
    }
}
