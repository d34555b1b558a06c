//! Calls with the wrong arguments, and functions that do not exist.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;
use crate::api::API;
use crate::text::{in_brackets, items};
use crate::typing::last_word;

/// A wrong number of arguments.
pub(super) fn arguments(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0061" {
        return None;
    }
    if let Some((method, kind)) = diagnostic.text.split_once("::<") {
        // `find_peaks::<LocalMaximum>()`
        let code = API.call(
            method,
            &format!("{}::default()", kind.trim_end_matches('>')),
        );
        let to = diagnostic.line().len() - diagnostic.behind.strip_prefix("()")?.len();
        return Some(
            Advice::new("parameters are a value between the brackets")
                .write(diagnostic.with_range(diagnostic.before.len(), to, &code)),
        );
    }
    let method = diagnostic.text.as_str();
    let given = in_brackets(&diagnostic.behind)?.trim();
    if method == "Some" && given.contains(',') {
        let from = diagnostic.before.len();
        let to = from + method.len() + given.len() + 2;
        return Some(
            Advice::new("several numbers are one value in square brackets")
                .write(diagnostic.with_range(from, to, &format!("Some([{given}])"))),
        );
    }
    let code = diagnostic.mended(&diagnostic.line());
    let changed = if code == diagnostic.line().trim() {
        String::new()
    } else {
        code
    };
    let at_a_position = matches!(method, "frame" | "frame_as" | "peaks" | "values");
    if at_a_position && given.is_empty() {
        let from = diagnostic.before.len() + diagnostic.text.len();
        return Some(
            Advice::new("say at which scan position, (row, column) counted from 0")
                .write(diagnostic.with_range(from, from + 2, "((0, 0))")),
        );
    }
    if at_a_position && given.contains(',') {
        return Some(
            Advice::new(format!(
                "a scan position is one value, (row, column): `.{method}(({given}))`"
            ))
            .write(changed),
        );
    }
    let takes = API.parameters_of(method);
    let Some(first) = takes.first() else {
        let known = API
            .functions
            .iter()
            .chain(API.members("Signal"))
            .find(|entry| entry.name == method)?;
        let advice = Advice::new(format!("it is called as `{}`", known.signature));
        return Some(match changed.is_empty() {
            true => advice.write(with_other_arguments(diagnostic, &known.signature, given)),
            false => advice.write(changed),
        });
    };
    let call = API.call(method, &format!("{first}::default()"));
    let further = API.further_of(method);
    let Some(missing) = further
        .first()
        .filter(|_| items(given).len() <= further.len())
    else {
        return Some(
            Advice::new(format!("it takes its parameters as one struct: `.{call}`")).write(changed),
        );
    };
    let advice = Advice::new(format!(
        "it takes another signal before its parameters: `.{call}`"
    ));
    let from = diagnostic.before.len() + diagnostic.text.len() + 1;
    let known = diagnostic.notebook.kind(missing) == "Signal"
        && takes.iter().any(|name| given.starts_with(name));
    Some(match known {
        true => advice.write(diagnostic.with_range(from, from, &format!("&{missing}, "))),
        false => advice,
    })
}

/// The call without the arguments that are too many, or with a path where that is missing.
fn with_other_arguments(diagnostic: &Diagnostic, signature: &str, given: &str) -> String {
    let Some(takes) = signature
        .find('(')
        .and_then(|at| in_brackets(&signature[at..]))
    else {
        return String::new();
    };
    let takes: Vec<&str> = items(takes)
        .into_iter()
        .filter(|taken| !taken.ends_with("self"))
        .collect();
    let given: Vec<&str> = items(given);
    let arguments = match (takes.as_slice(), given.as_slice()) {
        ([path], []) if path.contains("AsRef<Path>") => match diagnostic.text.as_str() {
            "open" => "\"scan.zspy\"".to_owned(),
            _ => "\"result.zspy\"".to_owned(),
        },
        (takes, given) if given.len() > takes.len() => given[..takes.len()].join(", "),
        _ => return String::new(),
    };
    let from = diagnostic.before.len() + diagnostic.text.len();
    let inner = in_brackets(&diagnostic.behind).map_or(0, str::len);
    diagnostic.with_range(from, from + inner + 2, &format!("({arguments})"))
}

/// `Region::rectangle(0, 0, 16)`, `Region::rectangle((0, 0), (16, 16))`, `Region::rect(…)`, numbers with a point.
pub(super) fn region(diagnostic: &Diagnostic) -> Option<Advice> {
    let line = diagnostic.line();
    let from = line.find("Region::")?;
    let open = from + line[from..].find('(')?;
    let inner = in_brackets(&line[open..])?;
    let at = diagnostic.before.len();
    let inside = (from..open + inner.len() + 2).contains(&at);
    let fits = inside
        && (matches!(diagnostic.code, "E0061" | "E0308" | "E0599")
            || diagnostic.code == "E0425" && diagnostic.behind.trim_start().starts_with('='));
    if !fits {
        return None;
    }
    let advice = Advice::new(
        "a region is `Region::rectangle(x0, y0, width, height)`: first column, first row, width, height, in whole numbers",
    );
    let named = format!("{}Region::rectangle({inner})", &line[..from]);
    let code = format!("{named}{}", &line[open + inner.len() + 2..]);
    let code = diagnostic.mended(&code);
    Some(if code == line.trim() {
        advice
    } else {
        advice.write(code)
    })
}

/// `compute_all(bright, shift)`, `compute_all(&[bright, shift])`.
pub(super) fn compute_all(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(diagnostic.code, "E0061" | "E0308") {
        return None;
    }
    let line = diagnostic.line();
    let from = line.find("compute_all(")? + "compute_all".len();
    let inner = in_brackets(&line[from..])?;
    let list = inner.trim().trim_start_matches('&').trim_start();
    let signals: Vec<String> = items(in_brackets(list).unwrap_or(list))
        .into_iter()
        .map(|signal| format!("&{}", signal.trim_start_matches('&')))
        .collect();
    let code = format!("(&[{}])", signals.join(", "));
    Some(
        Advice::new("it takes one list, and borrows its signals: `compute_all(&[&a, &b])?`")
            .write(diagnostic.with_range(from, from + inner.len() + 2, &code)),
    )
}

/// `NormalizedCorrelation::new(4.0)`.
pub(super) fn made_anew(diagnostic: &Diagnostic) -> Option<Advice> {
    let missing = diagnostic.code == "E0599"
        && diagnostic
            .message
            .starts_with("no function or associated item named");
    let path = diagnostic.before.strip_suffix("::").filter(|_| missing)?;
    let owner = last_word(path);
    if !API.has_default(owner) {
        return None;
    }
    let from = diagnostic.before.len();
    let inner = in_brackets(&diagnostic.behind)?;
    let to = from + diagnostic.text.len() + inner.len() + 2;
    Some(
        Advice::new(format!(
            "`{owner}::default()` has all defaults; `?{owner}` describes the fields"
        ))
        .write(diagnostic.with_range(from, to, "default()")),
    )
}

/// A cell that says `return`.
pub(super) fn returned(diagnostic: &Diagnostic) -> Option<Advice> {
    let before = diagnostic.before.trim_end().strip_suffix("return")?;
    let of_cell = diagnostic.code == "E0308" && diagnostic.label.contains("UserCodeError");
    let from = before.len();
    of_cell.then(|| {
        Advice::new("a cell has no `return`: its value is that of its last line").write(
            diagnostic
                .with_range(from, diagnostic.before.len(), "")
                .trim_end_matches(';'),
        )
    })
}

/// A text with `%d` of C, its places as Rust writes them; `None`: it has none.
fn of_c(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut any = false;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let place = &rest[at + 1..];
        let end = place.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (digits, kind) = place.split_at(end);
        if !kind.starts_with(['d', 'i', 's', 'f', 'g', 'e', 'u']) {
            return None;
        }
        match digits.split_once('.') {
            Some((_, digits)) => out.push_str(&format!("{{:.{digits}}}")),
            None => out.push_str("{}"),
        }
        any = true;
        rest = &kind[1..];
    }
    out.push_str(rest);
    any.then_some(out)
}

/// `println!("{}", a, b)`: more values than places, or fewer.
pub(super) fn printed_values(diagnostic: &Diagnostic) -> Option<Advice> {
    let advice = Advice::new("each `{}` is the place of one value, in their order");
    if diagnostic.message.contains("positional argument")
        && diagnostic.message.contains("in format string")
    {
        return Some(advice);
    }
    if diagnostic.message != "argument never used" {
        return None;
    }
    // `println!("%d", x)` of C.
    let line = diagnostic.line();
    if let Some(code) = line.split_once('"').and_then(|(start, rest)| {
        let (text, behind) = rest.split_once('"')?;
        let text = of_c(text).filter(|_| !text.contains('{'))?;
        Some(format!("{start}\"{text}\"{behind}"))
    }) {
        return Some(advice.write(diagnostic.mended(&code)));
    }
    let at = diagnostic.before.find("\",");
    Some(
        advice.write(
            at.map(|at| diagnostic.with_range(at, at, " {}"))
                .unwrap_or_default(),
        ),
    )
}
