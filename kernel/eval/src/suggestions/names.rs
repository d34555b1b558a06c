//! Names that nothing has: variables that were never made, functions and modules of other languages.

use super::diagnostic::Diagnostic;
use super::keywords;
use crate::advice::{Advice, Holds, Instead};
use crate::api::{API, Entry, Kind};
use crate::foreign;
use crate::nearest::nearest_by;
use crate::repair;
use crate::text::{in_brackets, is_name, items};

/// A variable that was reset, or handed over.
pub(super) fn lost(diagnostic: &Diagnostic) -> Option<Advice> {
    let name = diagnostic.unknown_value()?;
    let mut lost = diagnostic.notebook.lost.iter();
    let gone = lost.rfind(|gone| gone.name == name)?;
    Some(match gone.taken.as_deref() {
        None => Advice::new(format!(
            "`{name}` was lost when the variables were reset; run the cell that makes it again"
        )),
        Some(line) if line.contains("drop(") => Advice::new(format!(
            "`{name}` was given back by `{line}`; run the cell that makes it again"
        )),
        Some(line) => handed_over(diagnostic, name, line),
    })
}

/// `let q = peaks;` and then `peaks`.
fn handed_over(diagnostic: &Diagnostic, name: &str, line: &str) -> Advice {
    let advice = Advice::new(format!(
        "`{name}` was handed over by `{line}`; to keep both, hand over `{name}.clone()` there"
    ));
    let assigned = line.trim_end_matches(';').split_once('=');
    let new = assigned.filter(|(_, value)| value.trim() == name);
    let new = new.and_then(|(new, _)| new.split(':').next()?.trim().strip_prefix("let "));
    match new.filter(|new| diagnostic.notebook.knows(new)) {
        Some(new) => advice
            .write(format!("let {name} = {new}.clone();"))
            .instead(Instead::Before),
        None => advice,
    }
}

/// A name that does not exist.
pub(super) fn unknown(diagnostic: &Diagnostic) -> Option<Advice> {
    // `path`, `method` and `str` are something else to rustc.
    let name = match diagnostic.code {
        "E0425" => diagnostic.unknown_value()?,
        "E0423" | "E0433" => diagnostic.text.trim(),
        _ => return None,
    };
    if diagnostic.code != "E0425" && !is_name(name) {
        return None;
    }
    path(diagnostic, name)
        .or_else(|| module(diagnostic, name))
        .or_else(|| function(diagnostic, name))
        .or_else(|| assignment(diagnostic, name))
        .or_else(|| keywords::keyword_argument(diagnostic, name))
        .or_else(|| word(diagnostic, name))
        .or_else(|| parameters(diagnostic, name))
        .or_else(|| variable(diagnostic, name))
}

/// `:foo`.
pub(super) fn command(diagnostic: &Diagnostic) -> Option<Advice> {
    let name = diagnostic
        .message
        .strip_prefix("Unrecognised command ")?
        .trim();
    let known = crate::help::commands();
    let nearest = nearest_by(name, known, |known| known);
    let advice = Advice::new("`:help` lists what begins with a colon");
    Some(match nearest {
        Some(known) => advice.write(known).write(":help"),
        None => advice.write(":help"),
    })
}

/// `save(result.zspy)`: a path without its quotes.
fn path(diagnostic: &Diagnostic, name: &str) -> Option<Advice> {
    let ending = diagnostic.behind.strip_prefix('.')?;
    let end = ending.find(|letter: char| !letter.is_alphanumeric());
    let ending = &ending[..end.unwrap_or(ending.len())];
    let is_path = diagnostic.before.ends_with('(')
        && matches!(
            ending,
            "zspy" | "zarr" | "npy" | "mrc" | "hspy" | "h5" | "hdf5"
        );
    let from = diagnostic.before.len();
    let to = from + name.len() + 1 + ending.len();
    is_path.then(|| {
        Advice::new("a path is a text in double quotes").write(diagnostic.with_range(
            from,
            to,
            &format!("\"{name}.{ending}\""),
        ))
    })
}

/// The advice with its first piece of code between two bytes of the line.
pub(super) fn placed(diagnostic: &Diagnostic, from: usize, to: usize, advice: Advice) -> Advice {
    let mut all = Advice::new(advice.text).instead(advice.instead);
    for code in &advice.write {
        let command = code.starts_with([':', '!', '?']) || code.contains('\n');
        let line = if command {
            String::new()
        } else {
            diagnostic.with_range(from, to, code)
        };
        // A statement takes the whole line.
        all = all.write(if line.is_empty() { code.clone() } else { line });
    }
    all
}

/// `np.mean(scan)`: a module of Python.
fn module(diagnostic: &Diagnostic, name: &str) -> Option<Advice> {
    if !foreign::is_module(name) || !diagnostic.behind.starts_with('.') {
        return None;
    }
    let from = diagnostic.before.len();
    let path = (diagnostic.behind)
        .find(|letter: char| !letter.is_alphanumeric() && !"_.".contains(letter))
        .unwrap_or(diagnostic.behind.len());
    let callee = format!("{name}{}", &diagnostic.behind[..path]);
    let rest = &diagnostic.behind[path..];
    let python = format!("`{name}` is a module of Python, and cells are Rust");
    let Some(inner) = in_brackets(rest).filter(|_| rest.starts_with('(')) else {
        let code =
            foreign::expression_of(&callee, diagnostic.notebook).filter(|code| *code != callee);
        // `map(np.sqrt)`
        let function = callee.rsplit('.').next().unwrap_or_default();
        let mapped = matches!(function, "sqrt" | "abs" | "exp" | "log10" | "sin" | "cos")
            .then(|| format!("|frame: Frame<f32>| frame.mapv(f32::{function})"));
        let code = code.or_else(|| mapped.filter(|_| diagnostic.before.ends_with(".map(")));
        return Some(placed(
            diagnostic,
            from,
            from + callee.len(),
            Advice::new(python).write(code.unwrap_or_default()),
        ));
    };
    let to = from + callee.len() + inner.len() + 2;
    let to = to + usize::from(diagnostic.line()[to..].starts_with('?'));
    let written = items(inner);
    let arguments: Vec<String> = (written.iter())
        .filter_map(|argument| foreign::expression_of(argument, diagnostic.notebook))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match foreign::call(&callee, &arguments, diagnostic.notebook) {
        Some(advice) => Some(placed(diagnostic, from, to, advice)),
        None => {
            Some(Advice::new(format!("{python}; `:help` lists what a cell can do")).write(":help"))
        }
    }
}

/// `len(scan)`: a function of another language.
fn function(diagnostic: &Diagnostic, name: &str) -> Option<Advice> {
    let inner = in_brackets(&diagnostic.behind).filter(|_| diagnostic.behind.starts_with('('))?;
    let from = diagnostic.before.len();
    let to = from + name.len() + inner.len() + 2;
    // `sqrt(3^2)` is a power, and would be something else in Rust.
    let power = inner.contains('^')
        && matches!(
            name,
            "sqrt" | "exp" | "log" | "log10" | "sin" | "cos" | "abs"
        );
    let raised = inner.replace('^', "**");
    let inner = match power {
        true => foreign::expression_of(&raised, diagnostic.notebook)?,
        false => inner.to_owned(),
    };
    let advice = foreign::call(name, &items(&inner), diagnostic.notebook)?;
    // `list(range(3))`
    let kept = diagnostic.before.ends_with("list(") || diagnostic.before.ends_with("tuple(");
    if let ("range", true, Some(range)) = (name, kept, advice.write.first()) {
        let from = diagnostic
            .before
            .rfind(|letter: char| letter != '(' && !letter.is_alphabetic());
        let from = from.map_or(0, |at| at + 1);
        let advice = foreign::call("list", &[range], diagnostic.notebook)?;
        return Some(placed(diagnostic, from, to + 1, advice));
    }
    Some(placed(diagnostic, from, to, advice))
}

/// `x = 5` where a variable is to be made.
fn assignment(diagnostic: &Diagnostic, name: &str) -> Option<Advice> {
    let value = diagnostic.behind.trim_start().strip_prefix('=')?;
    let before = diagnostic.before.trim();
    if value.starts_with('=') || !(before.is_empty() || before.ends_with([';', '{', '}'])) {
        return None;
    }
    let line = diagnostic.line();
    if is_argument(diagnostic) {
        return None;
    }
    if crate::mend::balance(&line) > 0 {
        let code = begun(diagnostic.notebook.cell, &line)?;
        return Some(
            Advice::new("a new variable is made by `let`")
                .write(diagnostic.notebook.mended(&code))
                .instead(Instead::Cell),
        );
    }
    let end = if line.trim_end().ends_with(';') {
        ""
    } else {
        ";"
    };
    Some(
        Advice::new("a new variable is made by `let`").write(diagnostic.mended(&format!(
            "{}let {name}{}{end}",
            diagnostic.before,
            diagnostic.behind.trim_end()
        ))),
    )
}

/// Whether a line of the cell stands in the brackets of a call that began above it.
pub(super) fn is_argument(diagnostic: &Diagnostic) -> bool {
    let cell = diagnostic.notebook.cell;
    let at = cell.find(diagnostic.line().trim()).unwrap_or(0);
    let opened = |before: &str| before.trim_end().ends_with(['(', ',']);
    crate::mend::balance(&cell[..at]) > 0 && opened(&cell[..at])
}

/// The cell with `let` before a statement of several lines, and `;` at its end.
fn begun(cell: &str, line: &str) -> Option<String> {
    let mut lines: Vec<String> = cell.lines().map(str::to_owned).collect();
    let from = lines.iter().position(|own| own.trim() == line.trim())?;
    let indent = line.len() - line.trim_start().len();
    lines[from].insert_str(indent, "let ");
    let mut open = 0;
    for own in &mut lines[from..] {
        open += crate::mend::balance(own);
        if open <= 0 {
            if !own.trim_end().ends_with(';') {
                own.truncate(own.trim_end().len());
                own.push(';');
            }
            break;
        }
    }
    Some(lines.join("\n"))
}

/// Words of other languages.
pub(super) fn word(diagnostic: &Diagnostic, name: &str) -> Option<Advice> {
    let (text, code) = match name {
        "True" | "true_" | "TRUE" => ("write `true`", "true"),
        "False" | "FALSE" => ("write `false`", "false"),
        "null" | "nil" | "none" | "Null" | "undefined" => (
            "write `None`; a value that may be missing is `Some(value)`",
            "None::<f64>",
        ),
        "nan" | "NaN" | "NAN" => ("a number that is none is `f64::NAN`", "f64::NAN"),
        "inf" | "Inf" | "INFINITY" => ("infinity is `f64::INFINITY`", "f64::INFINITY"),
        "pi" | "PI" => ("write `std::f64::consts::PI`", "std::f64::consts::PI"),
        "ls" | "dir" | "pwd" | "whoami" if diagnostic.behind.trim().is_empty() => {
            return Some(
                Advice::new("a line that begins with `!` goes to the shell; Tab inside `open(\"…\")` lists files too")
                    .write(format!("!{name}")),
            );
        }
        "who" | "whos" => return Some(Advice::new("`:vars` lists the variables").write(":vars")),
        "clc" | "clear" | "reset" => {
            return Some(
                Advice::new("`:clear` forgets the variables of compiled cells").write(":clear"),
            );
        }
        "help" => {
            return Some(
                Advice::new("`:help` lists what a cell can do, `?name` describes a name")
                    .write(":help"),
            );
        }
        "quit" | "exit" | "exit_" | "bye" | "restart" => {
            return Some(Advice::new(
                "the kernel is stopped from the menu of the notebook; a console ends with Ctrl+D, or with `exit` alone",
            ));
        }
        "figure" | "plot" | "imshow" | "show" => {
            return Some(
                Advice::new(
                    "leave this out: a picture comes from a value on the last line of a cell",
                )
                .write(diagnostic.notebook.signal())
                .instead(Instead::Nothing),
            );
        }
        "undo" | "redo" => {
            return Some(
                Advice::new(format!(
                    "the step whose parameters were changed is asked for it, as in `flat.{name}()?`; in the viewer it is Ctrl+{}",
                    if name == "undo" { "Z" } else { "Shift+Z" }
                ))
                .write(format!("?{name}")),
            );
        }
        "pass" => return Some("leave it out: a block may be empty".into()),
        "raise" | "throw" => {
            return Some(
                Advice::new("an error of your own ends the cell with `Err`")
                    .write("Err(\"what is wrong\")?"),
            );
        }
        "self" | "this" => return None,
        _ => return None,
    };
    // `None` fits where something may be missing.
    let code = match code {
        "None::<f64>" if diagnostic.before.trim_end().ends_with(':') => "None",
        code => code,
    };
    Some(Advice::new(text).write(diagnostic.with(code)))
}

/// `virtual_image(disk)`: parameters with a small letter, `sqrt` as a function of every pixel.
fn parameters(diagnostic: &Diagnostic, name: &str) -> Option<Advice> {
    if diagnostic.before.ends_with(".map(")
        && matches!(name, "sqrt" | "abs" | "exp" | "log10" | "sin" | "cos")
    {
        return Some(
            Advice::new("a function of every pixel is passed on by `mapv`")
                .write(diagnostic.with(&format!("|frame: Frame<f32>| frame.mapv(f32::{name})"))),
        );
    }
    if diagnostic.before.ends_with(".mapv(")
        && matches!(name, "sqrt" | "abs" | "exp" | "log10" | "sin" | "cos")
    {
        let pixel = if diagnostic.before.contains("Frame<f32>") {
            "f32"
        } else {
            "f64"
        };
        return Some(
            Advice::new("functions of numbers belong to their type")
                .write(diagnostic.with(&format!("{pixel}::{name}"))),
        );
    }
    let call = diagnostic.before.strip_suffix('(')?;
    let takes = API.parameters_of(crate::typing::last_word(call));
    let meant = takes
        .iter()
        .find(|taken| taken.eq_ignore_ascii_case(name))
        .copied()
        .or_else(|| {
            let found = repair::operation(name)?;
            takes
                .iter()
                .copied()
                .find(|taken| *taken == found.parameters)
        })?;
    Some(
        Advice::new(format!("parameters are a struct: `{meant}::default()`"))
            .write(diagnostic.with(&format!("{meant}::default()"))),
    )
}

fn has_keyword(argument: &str) -> bool {
    let name = argument.split('=').next().unwrap_or_default();
    name.len() < argument.len() && is_name(name.trim())
}

/// `strain_map(reference=(0, 0, 4, 4))`: an operation as a function, of a signal that is not said.
fn without_signal(diagnostic: &Diagnostic, name: &str, inner: &str) -> Advice {
    let notebook = diagnostic.notebook;
    let with_peaks = (notebook.variables.iter())
        .filter(|variable| crate::typing::bare(&variable.kind) == "Signal")
        .find(|variable| notebook.known_holds(&variable.name) == Some(Holds::Peaks));
    let signal = match (name, with_peaks) {
        ("strain_map", Some(peaks)) => peaks.name.clone(),
        ("strain_map", None) => format!(
            "{}.find_peaks(NormalizedCorrelation::default())?",
            notebook.signal()
        ),
        _ => notebook.signal().to_owned(),
    };
    let from = diagnostic.before.len();
    let to = from + name.len() + inner.len() + 2;
    let to = to + usize::from(diagnostic.line()[to..].starts_with('?'));
    Advice::new(format!(
        "`{name}` is a method of a signal, and its parameters are a struct"
    ))
    .write(diagnostic.with_range(from, to, &format!("{signal}.{name}({inner})?")))
}

/// A variable nobody made: the nearest one, or a way to make it.
fn variable(diagnostic: &Diagnostic, name: &str) -> Option<Advice> {
    if diagnostic.code != "E0425" {
        return None;
    }
    let called = diagnostic.behind.starts_with('(')
        || diagnostic.message.starts_with("cannot find function");
    if called {
        let functions = API.functions.iter();
        let own = |entry: &Entry| entry.name == name && entry.kind == Kind::Method;
        let of_signal = API.members("Signal").iter().any(own);
        let entry = crate::nearest::nearest(name, functions).filter(|_| !of_signal);
        if let Some(entry) = entry {
            return Some(super::api::did_you_mean(entry).write(diagnostic.with(&entry.name)));
        }
        // A method of a signal, called like a function.
        let inner = in_brackets(&diagnostic.behind).unwrap_or_default();
        let arguments = items(inner);
        let method = API
            .members("Signal")
            .iter()
            .find(|entry| entry.name == name && entry.kind == Kind::Method)?;
        let keywords = !arguments.is_empty() && arguments.iter().all(|item| has_keyword(item));
        if keywords && !API.parameters_of(name).is_empty() {
            return Some(without_signal(diagnostic, name, inner));
        }
        let here = [diagnostic.notebook.signal()];
        let arguments = match arguments.is_empty() {
            true => &here[..],
            false => &arguments,
        };
        let (signal, rest) = arguments.split_first()?;
        if diagnostic.notebook.kind(signal) != "Signal" {
            return None;
        }
        let tail = if method.signature.contains("-> Result<") {
            "?"
        } else {
            ""
        };
        let from = diagnostic.before.len();
        let to = from + name.len() + inner.len() + 2;
        let to = to + usize::from(diagnostic.line()[to..].starts_with('?'));
        return Some(
            Advice::new(format!("`{name}` is a method of a signal")).write(diagnostic.with_range(
                from,
                to,
                &format!("{signal}.{name}({}){tail}", rest.join(", ")),
            )),
        );
    }
    let variables = diagnostic.notebook.variables;
    let length = name.chars().count();
    // Of a short name everything is near.
    let slip = |found: &&crate::bridge::Variable| {
        length > 2 && signal::edits(name, &found.name) <= (length / 4).max(1)
    };
    if let Some(found) = nearest_by(name, variables.iter(), |variable| &variable.name).filter(slip)
    {
        return Some(
            Advice::new(format!("did you mean the variable `{}`", found.name))
                .write(diagnostic.with(&found.name)),
        );
    }
    let signal = diagnostic.notebook.signal();
    let made = |method: &str| format!("let {name} = {signal}.{method};");
    let code = match name {
        _ if name.starts_with("peak") => made("find_peaks(NormalizedCorrelation::default())?"),
        _ if name.starts_with("strain") => format!(
            "let {name} = {signal}.find_peaks(NormalizedCorrelation::default())?.strain_map(StrainMap::default())?;"
        ),
        _ if name.starts_with("flat") || name.starts_with("background") => {
            made("subtract_background(RadialMedian::default())?")
        }
        _ if name.starts_with("bright") => made("virtual_image(Disk::default())?"),
        _ if name.starts_with("dark") || name.starts_with("adf") => {
            made("virtual_image(Annulus::default())?")
        }
        _ if name.starts_with("shift") || name == "com" => {
            made("center_of_mass(CenterOfMass::default())?")
        }
        _ if name.starts_with("mean") => made("pattern(MeanPattern::default())?"),
        _ if name.starts_with("pattern") || name.starts_with("frame") || name == "image" => {
            made("frame((0, 0))?")
        }
        "s" | "scan" | "data" | "signal" | "dataset" | "dp" | "cube" => {
            format!("let {name} = open(\"scan.zspy\")?;")
        }
        _ => String::new(),
    };
    let text = match code.is_empty() {
        true => format!(
            "there is no variable `{name}`: run the cell that makes it (one that ended in an error has made none); `:vars` lists those there are"
        ),
        false => {
            format!(
                "there is no variable `{name}`: run the cell that makes it (one that ended in an error has made none), or make it here"
            )
        }
    };
    let advice = Advice::new(text);
    Some(if code.is_empty() {
        advice.write(":vars")
    } else {
        advice.write(code).instead(Instead::Before)
    })
}
