//! Lines of IPython, of a shell, of MATLAB and of other languages.

use super::Line;
use crate::advice::{Advice, Instead};
use crate::api::API;
use crate::foreign;
use crate::repair;
use crate::slips::Slip;
use crate::text::{
    decimal, in_brackets, is_name, is_number, is_whole, items, last_expression, parses,
};
use crate::typing::last_word;

const IPYTHON: &str = "this is a command of IPython, and cells are Rust";

fn quoted(text: &str) -> String {
    match text.starts_with(['"', '\'']) {
        true => text.replace('\'', "\""),
        false => format!("\"{text}\""),
    }
}

/// `%matplotlib inline`, and comments of MATLAB.
pub(super) fn magic(line: &Line) -> Option<Slip> {
    let rest = line.text.strip_prefix('%')?;
    if rest.starts_with([' ', '%']) && !rest.starts_with("%t") && !rest.starts_with("%c") {
        let text = rest.trim_start_matches('%').trim();
        return line.slip(
            0,
            line.text.len(),
            "this is a comment of MATLAB, and cells are Rust",
            Advice::new("a comment begins with `//`").write(format!("// {text}")),
        );
    }
    let rest = rest.trim_start_matches('%');
    let (command, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    let argument = argument.trim();
    let advice = match command {
        "time" | "timeit" | "prun" => {
            Advice::new("`:timing` says after each compiled cell how long it took")
                .write(":timing")
                .instead(Instead::Nothing)
        }
        "who" | "whos" => Advice::new("`:vars` lists the variables").write(":vars"),
        "ls" | "pwd" => Advice::new("a line that begins with `!` goes to the shell").write(format!("!{rest}")),
        "cd" => return foreign::call("cd", &[quoted(argument).as_str()], line.notebook)
            .and_then(|advice| line.slip(0, line.text.len(), IPYTHON, advice)),
        "matplotlib" | "pylab" | "gui" | "config" | "load_ext" | "autoreload" => Advice::new(
            "leave it out: pictures come by themselves, a signal is shown by its name on the last line of a cell",
        )
        .write(line.notebook.signal())
        .instead(Instead::Nothing),
        _ => Advice::new("`:help` lists what a cell can do").write(":help"),
    };
    line.slip(0, line.text.len(), IPYTHON, advice)
}

/// `help find_peaks`, `man open`.
pub(super) fn asked(line: &Line) -> Option<Slip> {
    let (word, rest) = line.text.split_once(' ')?;
    let name = rest.trim();
    let asks = matches!(word, "help" | "man" | "doc" | "info") && is_name(name);
    asks.then_some(())?;
    line.slip(
        0,
        line.text.len(),
        "this is a command of another program",
        Advice::new("write `?name` to read about a name, `:help` for the rest")
            .write(format!("?{name}")),
    )
}

/// `ls -la`.
pub(super) fn shell(line: &Line) -> Option<Slip> {
    const COMMANDS: [&str; 15] = [
        "echo", "ls", "cd", "pwd", "cat", "head", "cp", "mv", "rm", "mkdir", "du", "wget", "git",
        "pip", "conda",
    ];
    let (word, rest) = line.text.split_once(' ')?;
    let rest = rest.trim();
    let operator = rest.starts_with(['=', '+', '*', '(', '.', '<', '>', '?'])
        && !rest.starts_with("..")
        && !rest.starts_with("./")
        || rest.starts_with("- ");
    if !COMMANDS.contains(&word) || operator {
        return None;
    }
    let message = "this is a command of a shell, and cells are Rust";
    let advice = match word {
        "cd" => foreign::call("cd", &[quoted(rest).as_str()], line.notebook)?,
        "pip" | "conda" => {
            "packages of Python are of no use to cells; a crate of Rust is added with `:dep name = \"1\"`".into()
        }
        _ => Advice::new("a line that begins with `!` goes to the shell").write(format!("!{}", line.text)),
    };
    line.slip(0, line.text.len(), message, advice)
}

/// `a.^2`, `a.*b`.
pub(super) fn element_wise(line: &Line) -> Option<Slip> {
    let sign = [".^", ".*", "./"]
        .into_iter()
        .find(|sign| line.signs(sign).is_some())?;
    let at = line.signs(sign)?;
    let base = last_expression(&line.text[..at]);
    let rest = line.text[at + 2..].trim().trim_end_matches(';');
    let number = is_number(rest);
    let code = match (line.notebook.kind(base), sign) {
        ("Frame", ".^") if number => {
            let power = if is_whole(rest) { "powi" } else { "powf" };
            format!("{base}.mapv(|pixel| pixel.{power}({rest}))")
        }
        ("Frame", sign) if number => {
            format!(
                "{base}.mapv(|pixel| pixel {} {})",
                &sign[1..],
                decimal(rest)
            )
        }
        ("Frame", sign) if sign != ".^" => {
            format!("{base}.zip_mapv(&{rest}, |a, b| a {} b)?", &sign[1..])
        }
        _ => line.translated(),
    };
    let start = line.text[..at].len() - base.len();
    let whole = format!("{}{code}", &line.text[..start]);
    line.slip(
        at,
        at + 2,
        "this is MATLAB, and cells are Rust",
        Advice::new("a function of every pixel is `mapv`, of two frames `zip_mapv`")
            .write(if parses(&whole) { whole } else { String::new() }),
    )
}

/// `i++`.
pub(super) fn increment(line: &Line) -> Option<Slip> {
    let (sign, operator) = [("++", "+"), ("--", "-")].into_iter().find(|(sign, _)| {
        line.signs(sign).is_some_and(|at| {
            let behind = line.text[at + 2..].trim();
            behind.is_empty() || behind == ";"
        })
    })?;
    let at = line.signs(sign)?;
    let name = line.text[..at].trim();
    is_name(name).then_some(())?;
    line.slip(
        at,
        at + 2,
        &format!("there is no `{sign}` in Rust"),
        Advice::new(format!(
            "write the new value; of a variable made by `let mut`, `{name} {operator}= 1;`"
        ))
        .write(format!("let {name} = {name} {operator} 1;")),
    )
}

/// `function y = f(x)`, `end`.
pub(super) fn matlab_function(line: &Line) -> Option<Slip> {
    let word = line.first_word();
    let message = "this is MATLAB, and cells are Rust";
    match word {
        "function" => {
            let head = line.text["function".len()..].trim();
            let head = head.split_once('=').map_or(head, |(_, head)| head.trim());
            let (name, arguments) = head.split_once('(')?;
            let arguments: Vec<String> = (arguments.trim_end_matches(')').split(','))
                .map(|name| format!("{}: f64", name.trim()))
                .collect();
            let first = arguments
                .first()
                .and_then(|argument| argument.split(':').next())
                .unwrap_or("x");
            let code = format!(
                "fn {}({}) -> f64 {{ {first} * {first} }}",
                name.trim(),
                arguments.join(", ")
            );
            let code = if parses(&code) { code } else { String::new() };
            line.slip(
                0,
                word.len(),
                message,
                Advice::new("a function has its body in braces, and its last line is its value")
                    .write(code),
            )
        }
        _ => None,
    }
}

/// `virtual_image(radius: 5)`: fields without their struct.
pub(super) fn labels(line: &Line) -> Option<Slip> {
    let text = line.text;
    let label = |item: &&str| {
        let (name, value) = item.split_once(':')?;
        (is_name(name.trim()) && !value.starts_with(':')).then_some(())
    };
    text.match_indices('(').find_map(|(at, _)| {
        let takes = API.parameters_of(last_word(&text[..at]));
        let inner = in_brackets(&text[at..])?;
        let written = items(inner);
        if takes.is_empty()
            || written.is_empty()
            || !written.iter().all(|item| label(item).is_some())
        {
            return None;
        }
        let (from, to) = (at + 1, at + 1 + inner.len());
        let literal = repair::literal_of(&takes, inner)?;
        let right = format!("{}{literal}{}", &text[..from], &text[to..]);
        let advice = Advice::new("parameters are the fields of a struct with a name")
            .write(line.notebook.mended(&right));
        line.slip(from, to, "arguments have no names", advice)
    })
}
