//! Texts and what is printed.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;
use crate::foreign;
use crate::text::{first_expression, in_brackets, is_name, last_expression};

/// `println(x)`, `print(x)`.
pub(super) fn macro_as_function(diagnostic: &Diagnostic) -> Option<Advice> {
    let printing = diagnostic.code == "E0423" && diagnostic.message.contains("found macro `print");
    if !printing {
        return None;
    }
    let advice = Advice::new(
        "printing is a macro, with `{}` where a value goes: `println!(\"{}\", x)`; or end the cell with the value",
    );
    let Some(inside) = in_brackets(&diagnostic.behind) else {
        return Some(advice);
    };
    let from = diagnostic.before.len();
    let to = from + diagnostic.text.len() + inside.len() + 2;
    // `println("{}", x)` only lacks its sign.
    let of_python = inside.contains(".format(") || inside.contains("\" % ");
    let filled = inside.starts_with('"') && inside.contains('{') && !of_python;
    let code = match filled {
        true => format!("println!({inside})"),
        false => foreign::expression_of(&format!("print({inside})"), diagnostic.notebook)?,
    };
    Some(advice.write(diagnostic.with_range(from, to, &code)))
}

/// `println!(x)`.
pub(super) fn no_format(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.message != "format argument must be a string literal" {
        return None;
    }
    let value = diagnostic.text.trim();
    let sign = match foreign::is_display(diagnostic.notebook, value) {
        true => "",
        false => ":?",
    };
    let code = match is_name(value) {
        true => format!("\"{{{value}{sign}}}\""),
        false => format!("\"{{{sign}}}\", {value}"),
    };
    Some(
        Advice::new("the first thing to print is a text, with `{}` where the value goes")
            .write(diagnostic.with(&code)),
    )
}

/// `println!("{}" scan)`.
pub(super) fn no_comma(diagnostic: &Diagnostic) -> Option<Advice> {
    let missing = diagnostic.message.starts_with("expected `,`, found ");
    let at = diagnostic.before.trim_end().len();
    missing.then(|| {
        Advice::new("values are separated by commas").write(diagnostic.with_range(
            at,
            diagnostic.before.len(),
            ", ",
        ))
    })
}

/// A value without `Display`.
pub(super) fn no_display(diagnostic: &Diagnostic) -> Option<Advice> {
    let missing = diagnostic.code == "E0277"
        && diagnostic
            .message
            .ends_with("doesn't implement `std::fmt::Display`");
    if !missing {
        return None;
    }
    let kind = diagnostic.quoted(0)?;
    let advice = Advice::new(format!(
        "a `{kind}` is printed with `{{:?}}`; to see it, end the cell with it"
    ));
    let debug = |hole: &str| match hole.contains(':') {
        true => hole.replace('}', "?}"),
        false => hole.replace('}', ":?}"),
    };
    let code = match diagnostic.labelled("required by this formatting parameter") {
        Some((before, hole, behind)) => {
            diagnostic.mended(&format!("{before}{}{behind}", debug(&hole)))
        }
        // `{scan}`
        None if diagnostic.text.starts_with('{') => diagnostic.with(&debug(&diagnostic.text)),
        None => String::new(),
    };
    Some(advice.write(code))
}

/// `println!("{scan.shape()?}")`: an expression where only a name may stand.
pub(super) fn expression_in_braces(diagnostic: &Diagnostic) -> Option<Advice> {
    if !(diagnostic.message).starts_with("invalid format string: expected `}`, found") {
        return None;
    }
    let advice = Advice::new(
        "between the braces of a text stands a name or nothing: any other value follows the text",
    );
    let line = diagnostic.line();
    let calls = ["println!(", "print!(", "format!("];
    let Some((call, at)) = (calls.iter()).find_map(|call| Some((*call, line.find(call)?))) else {
        return Some(advice);
    };
    let inside = in_brackets(&line[at + call.len() - 1..])?;
    // As a text of Python has them.
    let text = format!("f{}", inside.trim().replace(":?}", "}"));
    let python = match call {
        "format!(" => text,
        _ => format!("print({text})"),
    };
    let code = foreign::expression_of(&python, diagnostic.notebook);
    let to = at + call.len() + inside.len() + 1;
    Some(advice.write(code.map_or_else(String::new, |code| diagnostic.with_range(at, to, &code))))
}

/// `"n = %d" % 5`.
pub(super) fn remainder_of_text(diagnostic: &Diagnostic) -> Option<Advice> {
    let remainder = diagnostic.code == "E0369"
        && diagnostic
            .message
            .starts_with("cannot calculate the remainder of `&");
    let line = diagnostic.line();
    remainder.then(|| {
        let code = foreign::statement(line.trim(), diagnostic.notebook);
        Advice::new("values are put into a text by `format!`, with `{}` where one goes")
            .write(code.filter(|code| code != line.trim()).unwrap_or_default())
    })
}

/// `"n = " + 5`.
pub(super) fn added_texts(diagnostic: &Diagnostic) -> Option<Advice> {
    let texts = matches!(diagnostic.code, "E0369" | "E0308" | "E0277")
        && diagnostic.message.starts_with("cannot add `")
        && (diagnostic.message.contains("to `&str`") || diagnostic.message.contains("to `String`"));
    if !texts {
        return None;
    }
    let before = diagnostic.before.trim_end();
    let left = match before.strip_suffix('"') {
        // A text may have spaces.
        Some(text) => &before[text.rfind('"')?..],
        None => last_expression(before),
    };
    let behind = diagnostic.behind.trim_start();
    let right = match (behind.starts_with('"'), crate::tokens::step(behind, 0)) {
        (true, crate::tokens::Step::Skip(end)) => &behind[..end],
        _ => first_expression(behind),
    };
    let piece = |value: &str| match value
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        Some(text) if !text.contains('"') => (text.replace('{', "{{").replace('}', "}}"), None),
        _ if is_name(value) => (format!("{{{value}}}"), None),
        _ => ("{}".to_owned(), Some(value.to_owned())),
    };
    let ((a, first), (b, second)) = (piece(left), piece(right));
    let values: Vec<String> = [first, second].into_iter().flatten().collect();
    let values = match values.is_empty() {
        true => String::new(),
        false => format!(", {}", values.join(", ")),
    };
    let line = diagnostic.line();
    let from = diagnostic.before.trim_end().len() - left.len();
    let to = line.len() - behind.len() + right.len();
    Some(
        Advice::new("texts are put together by `format!`").write(diagnostic.with_range(
            from,
            to,
            &format!("format!(\"{a}{b}\"{values})"),
        )),
    )
}
