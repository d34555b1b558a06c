//! Calls that may fail: their missing `?`, one too many, an outcome that nobody looks at.

use super::diagnostic::Diagnostic;
use crate::advice::{Advice, Instead};
use crate::api::API;
use crate::direct;
use crate::repair;
use crate::text::{is_name, last_expression};

/// An outcome that nobody looks at.
pub(super) fn unlooked(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "unused_must_use" {
        return None;
    }
    if !diagnostic.message.starts_with("unused `Result`") {
        return Some("the value is not used: leave the semicolon out to see it, or give it a name with `let`".into());
    }
    let end = diagnostic.before.len() + diagnostic.text.len();
    Some(direct::unlooked_advice().write(diagnostic.with_range(end, end, "?")))
}

/// The title of an outcome that nobody looks at.
pub(super) fn unlooked_title(diagnostic: &Diagnostic) -> Option<String> {
    let of_result =
        diagnostic.code == "unused_must_use" && diagnostic.message.starts_with("unused `Result`");
    of_result.then(|| direct::UNLOOKED.to_owned())
}

/// A `Result` where its value is wanted.
pub(super) fn missing_question_mark(diagnostic: &Diagnostic) -> Option<Advice> {
    let of_result = |text: &str| text.contains("`Result<") || text.contains("`&Result<");
    let is_result = match diagnostic.code {
        "E0599" => {
            diagnostic.message.contains("for enum `Result<")
                && (diagnostic
                    .notes()
                    .any(|note| note.contains(" exists on the type `"))
                    || value_has(diagnostic, &diagnostic.text))
        }
        "E0308" => diagnostic.mismatch().is_some_and(|(expected, found)| {
            found.trim_start_matches('&').starts_with("Result<") && !expected.contains("Result<")
        }),
        "E0609" | "E0608" | "E0369" | "E0615" => of_result(&diagnostic.message),
        "E0277" => {
            (diagnostic.message.starts_with("`Result<") && !diagnostic.message.contains("iterator"))
                && diagnostic
                    .message
                    .contains("doesn't implement `std::fmt::Display`")
        }
        _ => return None,
    };
    if !is_result {
        return None;
    }
    let before = diagnostic.before_suggestion("?");
    let (expression, end) = match (diagnostic.code, &before) {
        (_, Some(before)) => (last_expression(before).to_owned(), before.len()),
        ("E0308" | "E0277", None) => (
            diagnostic.text.trim_start_matches('&').to_owned(),
            diagnostic.before.len() + diagnostic.text.len(),
        ),
        _ => {
            let before = diagnostic.before.trim_end_matches('.');
            (last_expression(before).to_owned(), before.trim_end().len())
        }
    };
    Some(if expression.ends_with(')') {
        Advice::new(format!(
            "this call may fail: write `?` behind `{expression}`"
        ))
        .write(diagnostic.with_range(end, end, "?"))
    } else if expression.is_empty() {
        "a call may fail: write `?` behind it".into()
    } else {
        let advice = Advice::new(format!(
            "`{expression}` may hold an error instead: write `?` at the end of the line that makes `{expression}`"
        ));
        let cell = diagnostic.notebook.cell;
        let here = repair::repaired(cell, diagnostic.notebook.variables);
        match here.filter(|_| cell.contains(&format!("let {expression} "))) {
            Some(code) => advice.write(code).instead(Instead::Cell),
            // It was made in an earlier cell.
            None if is_name(&expression) => advice
                .write(format!("let {expression} = {expression}?;"))
                .instead(Instead::Before),
            None => advice,
        }
    })
}

/// Whether the value inside of a `Result` has this method, although rustc looks at the `Result` only.
fn value_has(diagnostic: &Diagnostic, method: &str) -> bool {
    let of_value = diagnostic.value_of_result();
    of_value.is_some_and(|kind| API.members(kind).iter().any(|entry| entry.name == method))
}

/// `?` behind something that cannot fail, or in a function that returns nothing.
pub(super) fn needless_question_mark(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0277" {
        return None;
    }
    if diagnostic
        .message
        .starts_with("the `?` operator can only be applied to values")
    {
        let end = diagnostic.before.len() + diagnostic.text.len();
        let line = diagnostic.line();
        let at = line[..end]
            .rfind('?')
            .or_else(|| line[end..].find('?').map(|at| end + at));
        let code = at.map(|at| diagnostic.with_range(at, at + 1, ""));
        return Some(
            Advice::new("this cannot fail: leave the `?` out").write(code.unwrap_or_default()),
        );
    }
    let in_function = diagnostic
        .message
        .starts_with("the `?` operator can only be used in a function that returns");
    if !in_function {
        return None;
    }
    let line = diagnostic.line();
    let code = line.split_once(") {").map(|(head, body)| {
        let body = body.trim_end().trim_end_matches('}').trim();
        diagnostic.mended(&format!("{head}) -> Result<()> {{ {body} Ok(()) }}"))
    });
    Some(
        Advice::new("let the function say that it may fail, and end it with `Ok(value)`")
            .write(code.unwrap_or_default()),
    )
}
