//! Lines of Python.

use super::Line;
use crate::advice::{Advice, Instead};
use crate::foreign;
use crate::slips::Slip;
use crate::text::{at_top, in_brackets, is_name, last_expression, parses};
use crate::tokens::{Step, step};

const PYTHON: &str = "this is Python, and cells are Rust";

/// `import numpy as np`.
pub(super) fn import(line: &Line) -> Option<Slip> {
    let word = line.first_word();
    let next = line.text[word.len()..].trim_start();
    let imports = matches!(word, "import" | "from" | "using")
        && next.starts_with(|first: char| first.is_alphabetic());
    if !imports {
        return None;
    }
    let module = next
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .next()
        .unwrap_or(next);
    let known = "`open`, `Signal` and the others are known in every cell";
    let advice = match module {
        "matplotlib" | "seaborn" | "pylab" => Advice::new(format!(
            "there is nothing to import: {known}, and a picture comes from a value on the last line"
        ))
        .write(line.notebook.signal()),
        "hyperspy" | "pyxem" | "py4DSTEM" | "h5py" | "tifffile" | "libertem" => Advice::new(
            format!("there is nothing to import: {known}, and `open` reads a file"),
        )
        .write("let scan = open(\"scan.zspy\")?;"),
        _ => Advice::new(format!(
            "there is nothing to import: {known}; numbers and frames have their methods, and a crate of Rust is added with \
             `:dep name = \"1\"`"
        )),
    };
    let advice = advice.instead(Instead::Nothing);
    line.slip(0, line.text.len(), PYTHON, advice)
}

/// `type(scan)`: a function whose name is a keyword of Rust.
pub(super) fn keyword_call(line: &Line) -> Option<Slip> {
    let word = line.first_word();
    let inner = in_brackets(&line.text[word.len()..]).filter(|_| word == "type")?;
    let advice = foreign::call(word, &[inner.trim()], line.notebook)?;
    line.slip(0, word.len(), PYTHON, advice)
}

/// `for i in range(10):`.
pub(super) fn header(line: &Line) -> Option<Slip> {
    if !foreign::is_header(line.text) {
        return None;
    }
    let word = line.first_word();
    let advice = match word {
        "with" => Advice::new(
            "a file is opened with `open` and closed by itself: `let scan = open(\"scan.zspy\")?;`",
        ),
        "try" | "except" => Advice::new(
            "a call that may fail ends with `?`, or is looked at: `match open(\"a.zspy\") { Ok(scan) => …, Err(error) => … }`",
        ),
        "class" => Advice::new("a type of your own is written `struct Fit { width: f64 }`")
            .write("struct Fit { width: f64 }"),
        "def" => Advice::new(
            "a function says the types of its arguments and of its value, as in `fn f(frame: &Frame<f64>) -> f64`; a \
             block stands in braces",
        ),
        "while" if line.text.contains("True") || line.text.contains("while 1") => Advice::new(
            "a loop without an end is `loop { … }`: `break` leaves it, and Interrupt stops its cell",
        ),
        _ => Advice::new("a block stands in braces, and a range is written `0..10`"),
    };
    let notebook = line.notebook;
    let alone = || {
        // The header by itself, to be filled.
        let body = if word == "def" { "return x" } else { "pass" };
        let filled = match word {
            "for" => {
                let name = line.text["for".len()..]
                    .split(" in ")
                    .next()
                    .unwrap_or("i")
                    .trim();
                format!("{} print({name})", line.text)
            }
            _ => format!("{} {body}", line.text),
        };
        foreign::block(&[&filled], notebook)
    };
    let translated = foreign::block(&line.rest, notebook)
        .filter(|(_, used)| *used > 1 || !line.text.ends_with(':'));
    let indent = |text: &str| text.len() - text.trim_start().len();
    let below = (line.rest.iter().skip(1))
        .take_while(|text| text.trim().is_empty() || indent(text) > indent(line.rest[0]))
        .count();
    let (code, used) = match (translated, word) {
        (Some((code, used)), _) => (code, used),
        // Nobody knows what its arguments are, or what stands below.
        (None, "def" | "for" | "while" | "if" | "with" | "try") if below > 0 => (String::new(), 1),
        (None, "class") => (String::new(), 1),
        (None, _) => (alone().map(|(code, _)| code).unwrap_or_default(), 1),
    };
    let advice = match word {
        "class" => advice.instead(Instead::Cell),
        _ => advice.write(code).instead(Instead::Lines(used)),
    };
    line.slip(0, line.text.len(), PYTHON, advice)
}

/// `assert n == 3`, `raise ValueError("few")`.
pub(super) fn claimed(line: &Line) -> Option<Slip> {
    let word = line.first_word();
    let rest = &line.text[word.len()..];
    let text = match word {
        "assert" if rest.starts_with(' ') => {
            "a claim is a macro: `assert!(n == 3, \"why\")` ends the cell where it is wrong"
        }
        "raise" if rest.is_empty() || rest.starts_with(' ') => {
            "an error of your own ends the cell with `Err(\"what is wrong\")?`; one that was caught goes on with `Err(error)?`"
        }
        _ => return None,
    };
    line.slip(
        0,
        word.len(),
        PYTHON,
        Advice::new(text).write(line.translated()),
    )
}

/// `s.map(lambda frame: frame ** 2)`: the line with a function of a frame. Other arguments of `map` have no counterpart.
fn of_every_frame(line: &Line, at: usize, closure: &str) -> Option<String> {
    const FUNCTION: &str = "function_of_every_frame";
    let (name, body) = closure.strip_prefix('|')?.split_once(": f64| ")?;
    // What comes behind the closure is no part of it.
    let body = &body[..at_top(body, b',').first().copied().unwrap_or(body.len())];
    let body = match body.ends_with(')') && parses(body) {
        true => body,
        false => body.split_at(closing(body)).0,
    };
    let inner = in_brackets(&line.text[at - 1..])?;
    let plain = format!(
        "{}{FUNCTION}{}",
        &line.text[..at],
        &line.text[at + inner.len()..]
    );
    let found = foreign::of_frame(body, name, "f32");
    let code = foreign::statement(&plain, line.notebook)?;
    let function = format!("|{name}: Frame<f32>| {}", found?.code);
    Some(code.replacen(FUNCTION, &function, 1))
}

/// Where a bracket closes that was not opened; the end if there is none.
fn closing(code: &str) -> usize {
    let mut open = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' if open == 0 => return at,
            ')' | ']' | '}' => open -= 1,
            _ => {}
        }
    }
    code.len()
}

/// `# text`.
pub(super) fn comment(line: &Line) -> Option<Slip> {
    let mut at = 0;
    while at < line.text.len() {
        at = match step(line.text, at) {
            Step::Unfinished => return None,
            Step::Skip(end) | Step::Word(end) => end,
            Step::Byte(b'#') if !line.text[at + 1..].starts_with(['[', '!', '"']) => {
                let before = line.text[..at].trim_end();
                let text = line.text[at..].trim_start_matches('#').trim();
                let before = if before.is_empty() {
                    String::new()
                } else {
                    format!("{before} ")
                };
                let whole = format!("{before}// {text}");
                let code = if parses(&whole) {
                    whole
                } else {
                    line.translated()
                };
                return line.slip(
                    at,
                    line.text.len(),
                    "this is a comment of Python, and cells are Rust",
                    Advice::new("a comment begins with `//`").write(code),
                );
            }
            Step::Byte(_) => at + 1,
        };
    }
    None
}

/// `lambda x: x + 1`.
pub(super) fn lambda(line: &Line) -> Option<Slip> {
    let at = line.word("lambda")?;
    let text = "a closure is written `|x: f64| x + 1.0`; to keep one for later, write a function";
    let closure = foreign::expression_of(&line.text[at..], line.notebook)?;
    let code = match line.text[..at].trim_end().strip_suffix('=') {
        Some(name) if is_name(name.trim()) => {
            let (names, body) = closure.strip_prefix('|')?.split_once("| ")?;
            format!("fn {}({names}) -> f64 {{ {body} }}", name.trim())
        }
        _ if at == 0 => format!("({closure})(2.0)"),
        // The function of every frame gets frames.
        _ if line.text[..at].ends_with(".map(") => of_every_frame(line, at, &closure)?,
        _ => line.translated(),
    };
    let code = if parses(&code) { code } else { String::new() };
    line.slip(
        at,
        at + "lambda".len(),
        PYTHON,
        Advice::new(text).write(code),
    )
}

/// `'a text'`.
pub(super) fn quotes(line: &Line) -> Option<Slip> {
    let mut at = 0;
    while at < line.text.len() {
        let rest = &line.text[at..];
        at = match step(line.text, at) {
            Step::Unfinished => return None,
            // A lifetime or a character: a text if it goes on to another quote.
            Step::Skip(end) if rest.starts_with('\'') => {
                let closes = rest[1..].find('\'').filter(|length| *length != 1);
                let text = closes.map(|length| &rest[1..1 + length]);
                let is_text = text.is_some_and(|text| {
                    !text.starts_with('\\') && !text.contains([',', '<', '>', '&', '|'])
                });
                if is_text && end - at <= 1 {
                    let length = closes.unwrap_or(0) + 2;
                    return line.slip(
                        at,
                        at + length,
                        "a text stands in double quotes",
                        Advice::new("single quotes are for one letter, double ones for a text")
                            .write(line.translated_or_double()),
                    );
                }
                end
            }
            Step::Skip(end) | Step::Word(end) => end,
            Step::Byte(_) => at + 1,
        };
    }
    None
}

/// `f"…"`.
pub(super) fn formatted(line: &Line) -> Option<Slip> {
    let prefix = formatted_text(line.text)?;
    let code = line.translated();
    line.slip(
        prefix.start,
        prefix.end,
        "this is a text of Python with values in it, and cells are Rust",
        Advice::new("values are put into a text by `format!`, and into the output by `println!`")
            .write(code),
    )
}

/// Where the `f` of the first `f"…"` is.
pub(in crate::slips) fn formatted_text(code: &str) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    while at < code.len() {
        at = match step(code, at) {
            Step::Unfinished => return None,
            Step::Skip(end) => end,
            Step::Word(end) => {
                let prefix = matches!(&code[at..end], "f" | "F" | "fr" | "rf");
                if prefix && code[end..].starts_with(['"', '\'']) {
                    return Some(at..end);
                }
                end
            }
            Step::Byte(_) => at + 1,
        };
    }
    None
}

/// `not`, `and`, `or`, `is`, `a if b else c`.
pub(super) fn logic(line: &Line) -> Option<Slip> {
    let behind = |at: usize, word: &str| line.text[at + word.len()..].starts_with([' ', '(']);
    if let (Some(at), Some(other)) = (line.word("if"), line.word("else"))
        && at > 0
        && at < other
        && !line.text.contains('{')
    {
        return line.slip(
            at,
            at + 2,
            PYTHON,
            Advice::new("a choice between two values has braces").write(line.translated()),
        );
    }
    for (word, text) in [
        ("and", "`and` is `&&`, `or` is `||`, `not` is `!`"),
        ("or", "`and` is `&&`, `or` is `||`, `not` is `!`"),
        ("not", "`and` is `&&`, `or` is `||`, `not` is `!`"),
        (
            "is",
            "a signal is never missing; a value that may be has `.is_none()` and `.is_some()`",
        ),
    ] {
        let Some(at) = line.word(word).filter(|at| behind(*at, word)) else {
            continue;
        };
        // A variable may be named so.
        let before = line.text[..at].trim_end();
        let operator = match word {
            "not" => {
                !before.ends_with(|letter: char| letter.is_alphanumeric()) || before.ends_with("if")
            }
            _ => before
                .ends_with(|letter: char| letter.is_alphanumeric() || ")]\"'".contains(letter)),
        };
        if operator {
            let receiver = last_expression(before);
            let known = line.notebook.kind(receiver);
            let code = match word {
                "is" if !known.is_empty() && known != "Option" => String::new(),
                _ => line.translated(),
            };
            return line.slip(at, at + word.len(), PYTHON, Advice::new(text).write(code));
        }
    }
    None
}

/// `[x * 2 for x in list]`.
pub(super) fn comprehension(line: &Line) -> Option<Slip> {
    let at = line.word("for").filter(|at| *at > 0)?;
    let open = line.text[..at].rfind('[')?;
    let inner = in_brackets(&line.text[open..])?;
    let list = inner.contains(" in ")
        && !line.text[..open].ends_with(|letter: char| letter.is_alphanumeric());
    if !list {
        return None;
    }
    line.slip(
        at,
        at + 3,
        PYTHON,
        Advice::new("a list is made from another one by `.iter().map(…).collect()`")
            .write(line.translated()),
    )
}

/// `print "x"`.
pub(super) fn printed(line: &Line) -> Option<Slip> {
    let rest = line.text.strip_prefix("print ")?;
    (!rest.trim_start().starts_with(['=', '.', '(', '!'])).then_some(())?;
    line.slip(
        0,
        "print".len(),
        PYTHON,
        Advice::new("printing is a macro: `println!(\"{}\", value);`").write(line.translated()),
    )
}

/// `scan[0, 0]`, `list[0:2]`.
pub(super) fn index(line: &Line) -> Option<Slip> {
    for (at, _) in line.text.match_indices('[') {
        let base = last_expression(&line.text[..at]);
        let attached = line.text[..at]
            .ends_with(|letter: char| letter.is_alphanumeric() || "_)]?".contains(letter));
        let Some(inner) = in_brackets(&line.text[at..]).filter(|_| attached && !base.is_empty())
        else {
            continue;
        };
        let slice = !at_top(inner, b':').is_empty() && !inner.contains("::");
        if !slice && at_top(inner, b',').is_empty() {
            continue;
        }
        let message = match slice {
            true => "this is a slice of Python, and cells are Rust",
            false => "an index of Rust is one value",
        };
        let behind = line.text[at + inner.len() + 2..].trim_start_matches('?');
        let Some((advice, used)) = foreign::index_and_call(base, inner, behind, line.notebook)
        else {
            continue;
        };
        let mut written = Advice::new(advice.text.clone());
        for code in &advice.write {
            let before = &line.text[..at - base.len()];
            let behind = &behind[used..];
            let whole = format!("{before}{code}{behind}");
            if parses(&whole) {
                written = written.write(line.notebook.mended(&whole));
            } else {
                written = written.write(line.translated());
            }
        }
        return line.slip(at, at + inner.len() + 2, message, written);
    }
    None
}
