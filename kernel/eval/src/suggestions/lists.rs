//! Lists of numbers, and variables that change.

use super::diagnostic::Diagnostic;
use super::values::{is_decimal, is_whole};
use crate::advice::{Advice, Instead};
use crate::text::{
    first_expression, in_brackets, is_name, is_whole as is_whole_number, items, last_expression,
};

/// Functions of decimal numbers.
const OF_NUMBERS: [&str; 12] = [
    "sqrt", "exp", "ln", "log10", "log2", "sin", "cos", "tan", "powf", "floor", "ceil", "round",
];

/// A method of numpy on a list, or of an iterator.
pub(super) fn method(diagnostic: &Diagnostic) -> Option<Advice> {
    let kind = diagnostic
        .quoted(1)
        .filter(|_| diagnostic.code == "E0599")?;
    let inner = match kind.strip_prefix('[') {
        // `[1, 2, 3].mean()`
        Some(array) => match array.split(';').next()? {
            "{integer}" => "i32",
            "{float}" => "f64",
            kind => kind,
        },
        None => kind.strip_prefix("Vec<")?.strip_suffix('>')?,
    };
    let call = diagnostic.method_call()?;
    let (list, arguments) = (call.receiver, call.arguments);
    let (decimal, whole) = (is_decimal(inner), is_whole(inner));
    let code = match diagnostic.text.as_str() {
        "sum" if decimal || whole => format!("{list}.iter().sum::<{inner}>()"),
        "mean" | "average" if inner == "f64" => {
            format!("{list}.iter().sum::<f64>() / {list}.len() as f64")
        }
        "mean" | "average" if whole => {
            format!("{list}.iter().sum::<{inner}>() as f64 / {list}.len() as f64")
        }
        "max" | "min" if whole => format!("{list}.iter().{}()", diagnostic.text),
        "max" | "min" if decimal => {
            format!(
                "{list}.iter().copied().reduce({inner}::{})",
                diagnostic.text
            )
        }
        "map" => format!("{list}.iter().map({arguments}).collect::<Vec<_>>()"),
        function if inner == "f64" && arguments.is_empty() && OF_NUMBERS.contains(&function) => {
            format!("{list}.iter().map(|value| value.{function}()).collect::<Vec<f64>>()")
        }
        _ => return None,
    };
    Some(
        Advice::new("a list is gone through by `.iter()`, and what comes of it kept by `.collect()` or summed up")
            .write(diagnostic.with_range(call.from, call.to, &code)),
    )
}

/// `[0] * 10`.
pub(super) fn repeated(diagnostic: &Diagnostic) -> Option<Advice> {
    let times = diagnostic.code == "E0369" && diagnostic.message.starts_with("cannot multiply `[");
    let list = last_expression(&diagnostic.before);
    let inner = in_brackets(list).filter(|inner| times && items(inner).len() == 1)?;
    let behind = diagnostic.behind.trim_start();
    let count = first_expression(behind);
    let from = diagnostic.before.trim_end().len() - list.len();
    let to = diagnostic.line().len() - behind.len() + count.len();
    Some(
        Advice::new("a list of equal entries is `vec![value; length]`")
            .write(diagnostic.with_range(from, to, &format!("vec![{inner}; {count}]"))),
    )
}

/// `for i in 3`.
pub(super) fn counted(diagnostic: &Diagnostic) -> Option<Advice> {
    let kind = diagnostic
        .quoted(0)
        .filter(|_| diagnostic.code == "E0277")?;
    let number = diagnostic.message.ends_with("is not an iterator") && is_whole(kind);
    number.then(|| {
        Advice::new("a range is written `0..10`, without its end")
            .write(diagnostic.with(&format!("0..{}", diagnostic.text.trim())))
    })
}

/// `scan = open("…")?` where an earlier cell made `scan`.
pub(super) fn given_anew(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(diagnostic.code, "E0308" | "E0384" | "E0594") {
        return None;
    }
    let line = diagnostic.line();
    let (name, value) = line.trim().split_once('=')?;
    let (name, cell) = (name.trim(), diagnostic.notebook.cell);
    let whole = cell.trim_start().starts_with(line.trim())
        || cell.contains(&format!("\n{}", line.trim_end()));
    let top = whole && !line.starts_with([' ', '\t']);
    if !top || value.starts_with('=') || !is_name(name) || !diagnostic.notebook.knows(name) {
        return None;
    }
    let made_here = ["let ", "let mut "]
        .iter()
        .any(|word| cell.contains(&format!("{word}{name}")));
    let value = value.trim().trim_end_matches(';');
    (!made_here).then(|| {
        Advice::new("a variable gets another value by `let`, as when it was made")
            .write(diagnostic.mended(&format!("let {name} = {value};")))
    })
}

/// A variable of an earlier cell that is to change.
pub(super) fn changed(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(diagnostic.code, "E0596" | "E0384" | "E0594") {
        return None;
    }
    let name = diagnostic.quoted(0)?;
    let cell = diagnostic.notebook.cell;
    let earlier = diagnostic.notebook.knows(name)
        && !["let ", "let mut "]
            .iter()
            .any(|word| cell.contains(&format!("{word}{name}")));
    earlier.then(|| {
        Advice::new("a variable that changes is made by `let mut`")
            .write(format!("let mut {name} = {name};\n{}", cell.trim()))
            .instead(Instead::Cell)
    })
}

/// `total = 0`, then `total += frame.mean()`: a sum of decimal numbers begins with one.
pub(super) fn sum_of_decimals(diagnostic: &Diagnostic) -> Option<Advice> {
    let added = diagnostic.code == "E0277"
        && ["add", "subtract", "multiply", "divide"]
            .iter()
            .any(|verb| {
                let rest = diagnostic.message.strip_prefix("cannot ");
                rest.is_some_and(|rest| rest.starts_with(verb))
            });
    let decimal = |n: usize| diagnostic.quoted(n).is_some_and(is_decimal);
    let whole = |n: usize| diagnostic.quoted(n) == Some("{integer}");
    let mixed = (decimal(0) && whole(1)) || (whole(0) && decimal(1));
    let line = diagnostic.line();
    // The statement, of a line that may have others.
    let begins = (diagnostic.before.rfind(['{', ';'])).map_or(0, |at| at + 1);
    let (name, value) = line[begins..].split_once('=').filter(|_| added && mixed)?;
    let changes = name.trim_end().ends_with(['+', '-', '*', '/']);
    let name = name
        .trim_end()
        .trim_end_matches(['+', '-', '*', '/'])
        .trim();
    // `total = total + value`
    let again = value.trim_start().starts_with(name);
    if !is_name(name) || !(changes || again) {
        return None;
    }
    let made = (diagnostic.notebook.cell.lines()).find(|line| {
        let bare = line.trim().strip_prefix("let ").unwrap_or_default();
        let bare = bare.strip_prefix("mut ").unwrap_or(bare);
        let value = bare
            .strip_prefix(name)
            .and_then(|rest| rest.trim_start().strip_prefix('='));
        value.is_some_and(|value| is_whole_number(value.trim().trim_end_matches(';')))
    })?;
    let (left, value) = made.split_once('=')?;
    let value = value.trim().trim_end_matches(';');
    let left = match left.contains("let mut ") {
        true => left.to_owned(),
        false => left.replacen("let ", "let mut ", 1),
    };
    Some(
        Advice::new(format!(
            "a sum of decimal numbers begins with one: `{value}.0`"
        ))
        .write(format!("{}= {value}.0;", left.trim_start()))
        .instead(Instead::Line(made.to_owned())),
    )
}

/// `2.sqrt()`, `n.sqrt()` of a whole number.
pub(super) fn function_of_whole(diagnostic: &Diagnostic) -> Option<Advice> {
    let whole = match diagnostic.code {
        "E0599" => {
            diagnostic.message.contains("for type `") && diagnostic.quoted(1).is_some_and(is_whole)
        }
        "E0689" => diagnostic.message.contains("`{integer}`"),
        _ => false,
    };
    let name = diagnostic.text.as_str();
    let before = diagnostic
        .before
        .strip_suffix('.')
        .filter(|_| whole && OF_NUMBERS.contains(&name))?;
    let number = last_expression(before);
    let decimal = match is_whole_number(number) {
        true => format!("{number}.0_f64"),
        false => format!("({number} as f64)"),
    };
    Some(
        Advice::new(format!("`{name}` is of decimal numbers")).write(diagnostic.with_range(
            before.len() - number.len(),
            before.len(),
            &decimal,
        )),
    )
}
