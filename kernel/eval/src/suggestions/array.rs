//! Signals, frames and lists as if they were arrays: indices, arithmetic, loops.

use super::diagnostic::Diagnostic;
use crate::advice::{Advice, Holds};
use crate::foreign;
use crate::text::{first_expression, in_brackets, is_name, is_number, last_expression};
use crate::typing::bare;

/// `scan[(1, 2)]`, `strain["e_xx"]`, `scan.shape()?[0]`.
pub(super) fn indexed(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0608" {
        return None;
    }
    let kind = bare(diagnostic.quoted(0)?);
    let inner = in_brackets(diagnostic.text.trim()).or_else(|| in_brackets(&diagnostic.text))?;
    let base = last_expression(&diagnostic.before);
    let from = diagnostic.before.trim_end().len() - base.len();
    let to = diagnostic.before.len() + diagnostic.text.len();
    let advice = match kind {
        "Signal" => foreign::index_of_signal(base, inner, diagnostic.notebook),
        "Shape" => {
            let at: usize = inner.trim().parse().unwrap_or(0);
            let (part, at) = if at < 2 {
                ("navigation", at)
            } else {
                ("signal", at - 2)
            };
            Advice::new("a shape has the sizes of the scan in `navigation` and those of a frame in `signal`")
                .write(format!("{base}.{part}[{at}]"))
        }
        _ => return None,
    };
    let mut placed = Advice::new(advice.text);
    for code in &advice.write {
        placed = placed.write(diagnostic.with_range(from, to, code));
    }
    Some(placed)
}

/// `pattern[0]`, `pattern[0][1]`.
pub(super) fn pixel(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0308" || !diagnostic.before.ends_with('[') {
        return None;
    }
    let (expected, found) = diagnostic.mismatch()?;
    if expected != "(usize, usize)" || !found.contains("integer") {
        return None;
    }
    let row = diagnostic.text.trim();
    let column = (diagnostic.behind.strip_prefix("]["))
        .and_then(|rest| rest.split(']').next())
        .filter(|column| is_number(column) || is_name(column));
    let from = diagnostic.before.len();
    let to = from + diagnostic.text.len() + column.map_or(0, |column| column.len() + 2);
    let pixel = format!("({row}, {})", column.unwrap_or("0"));
    let advice = Advice::new("a pixel of a frame is `frame[(row, column)]`, counted from 0");
    // A closure says the type of its frame, and a row does not outlive it.
    let base = last_expression(&diagnostic.before[..from - 1]);
    let untyped = format!("|{base}|");
    if let Some(at) = diagnostic.before.find(&untyped) {
        let behind = at + untyped.len();
        let body = format!(
            "|{base}: Frame<f32>|{}{pixel}",
            &diagnostic.before[behind..]
        );
        return Some(advice.write(diagnostic.with_range(at, to, &body)));
    }
    let advice = advice.write(diagnostic.with_range(from, to, &pixel));
    Some(match column {
        Some(_) => advice,
        None if diagnostic.before.contains('|') => advice,
        None => advice.write(diagnostic.with_range(
            from - 1 - base.len(),
            to + 1,
            &format!("{base}.rows().nth({row})"),
        )),
    })
}

/// `scan / 2`, `scan - dark`, `pattern * 2.0`.
pub(super) fn arithmetic(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(diagnostic.code, "E0369" | "E0277") {
        return None;
    }
    let operator = diagnostic.text.trim();
    if !matches!(
        operator,
        "+" | "-" | "*" | "/" | "^" | ">" | "<" | ">=" | "<=" | "=="
    ) {
        return None;
    }
    let left = last_expression(&diagnostic.before);
    let behind = diagnostic.behind.trim_start();
    let right = first_expression(behind);
    let goes_on = behind[right.len()..].trim_start();
    if goes_on.starts_with(|sign: char| !")}],;".contains(sign)) {
        return None;
    }
    let kind = |expression: &str| bare(diagnostic.notebook.kind(expression)).to_owned();
    let named = |index: usize| diagnostic.quoted(index).map(bare).unwrap_or_default();
    let of = |expression: &str, name: &str| {
        kind(expression) == name || (named(0) == name || named(1) == name) && is_name(expression)
    };
    let line = diagnostic.line();
    let from = diagnostic.before.trim_end().len() - left.len();
    let to = line.len() - behind.len() + right.len();
    let place = |advice: Advice| {
        let mut placed = Advice::new(advice.text);
        for code in &advice.write {
            placed = placed.write(diagnostic.with_range(from, to, code));
        }
        placed
    };
    if operator == "^" && is_number(right) {
        return Some(place(
            Advice::new("a power is written `x.powi(3)`, or `x.powf(0.5)`, of a decimal number")
                .write(foreign::raised(
                    left,
                    right.trim_end_matches(".0"),
                    diagnostic.notebook,
                )),
        ));
    }
    let number = |text: &str| {
        is_number(text) || matches!(kind(text).as_str(), "f64" | "f32" | "i32" | "usize")
    };
    let pixel = |value: &str| {
        let value = if is_number(value) {
            crate::text::decimal(value)
        } else {
            format!("{value} as f32")
        };
        match operator {
            ">" | "<" | ">=" | "<=" | "==" => {
                format!("f32::from(u8::from(pixel {operator} {value}))")
            }
            _ => format!("pixel {operator} {value}"),
        }
    };
    if of(left, "Signal") && kind(right) == "Signal" {
        let method = match operator {
            "+" => Some("add"),
            "-" => Some("subtract"),
            "*" => Some("multiply"),
            "/" => Some("divide"),
            _ => None,
        };
        if let Some(method) = method {
            return Some(place(
                Advice::new(format!(
                    "two signals are calculated with by methods: `{method}`"
                ))
                .write(format!("{left}.{method}(&{right})?")),
            ));
        }
        return Some(place(
            Advice::new("two signals are compared frame by frame, by `zip_mapv`, which takes the pixels of both")
            .write(format!(
                "{left}.frame((0, 0))?.zip_mapv(&{right}.frame((0, 0))?, |a, b| a {operator} b)?"
            )),
        ));
    }
    if of(left, "Signal") && number(right) {
        return Some(place(
            Advice::new("a signal is calculated with frame by frame: `map` adds a step, `mapv` goes through the pixels")
                .write(format!("{left}.map(|frame: Frame<f32>| frame.mapv(|pixel| {}))?", pixel(right))),
        ));
    }
    if kind(right) == "Signal" && number(left) {
        let value = crate::text::decimal(left);
        return Some(place(
            Advice::new("a signal is calculated with frame by frame: `map` adds a step, `mapv` goes through the pixels")
                .write(format!("{right}.map(|frame: Frame<f32>| frame.mapv(|pixel| {value} {operator} pixel))?")),
        ));
    }
    if of(left, "Frame") && kind(right) == "Frame" {
        return Some(place(
            Advice::new("two frames are combined by `zip_mapv`")
                .write(format!("{left}.zip_mapv(&{right}, |a, b| a {operator} b)?")),
        ));
    }
    if of(left, "Frame") && number(right) {
        let right = crate::text::decimal(right);
        let of_pixel = match operator {
            "+" | "-" | "*" | "/" => format!("pixel {operator} {right}"),
            _ => format!("f64::from(u8::from(pixel {operator} {right}))"),
        };
        return Some(place(
            Advice::new("every pixel of a frame is reached by `mapv`")
                .write(format!("{left}.mapv(|pixel| {of_pixel})")),
        ));
    }
    None
}

/// `for frame in scan { … }`.
pub(super) fn iterated(diagnostic: &Diagnostic) -> Option<Advice> {
    let signal = diagnostic.code == "E0277"
        && diagnostic
            .message
            .starts_with("`Signal` is not an iterator");
    let name = diagnostic.text.trim();
    if !signal || !is_name(name) {
        return None;
    }
    if diagnostic.notebook.holds(name) == Holds::Peaks {
        return Some(
            Advice::new("a signal is no list: a loop over the scan asks for the peaks of one position after the other")
                .write(format!(
                    "for row in 0..{name}.shape()?.navigation[0] {{\n    println!(\"{{:?}}\", {name}.peaks((row, 0))?);\n}}"
                )),
        );
    }
    Some(
        Advice::new(
            "a signal is no list: `map` goes through its frames on all cores, and a loop over the scan asks for one frame after the other",
        )
        .write(format!("{name}.map(|frame: Frame<f32>| frame.mean())?"))
        .write(format!(
            "for row in 0..{name}.shape()?.navigation[0] {{\n    println!(\"{{:?}}\", {name}.frame((row, 0))?);\n}}"
        )),
    )
}

/// `scan(0, 1)`, `pattern(0, 1)`, `list(0)`: an index of MATLAB.
pub(super) fn called(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0618" {
        return None;
    }
    let kind = bare(
        diagnostic
            .message
            .strip_prefix("expected function, found `")?
            .trim_end_matches('`'),
    );
    let line = diagnostic.line();
    let name = diagnostic.text.trim();
    let from = diagnostic.before.len();
    let inner = in_brackets(&line[from + name.len()..])?;
    // `scan((0, 1))` is meant as `scan(0, 1)`.
    let at = (in_brackets(inner.trim()).filter(|at| at.len() + 2 == inner.trim().len()))
        .unwrap_or(inner)
        .trim();
    let brackets = "an index stands in square brackets and counts from 0";
    let advice = match kind {
        "Signal" => {
            let holds = diagnostic.notebook.holds(name);
            foreign::at_position(name, &format!("({at})"), holds)
        }
        "Frame" => Advice::new(brackets).write(format!("{name}[({at})]")),
        "Vec" => Advice::new(brackets).write(format!("{name}[{at}]")),
        _ => return None,
    };
    let to = from + name.len() + inner.len() + 2;
    let code = advice.write.first()?;
    Some(Advice::new(&advice.text).write(diagnostic.with_range(from, to, code)))
}

/// A list by its methods of Python.
pub(super) fn list(diagnostic: &Diagnostic) -> Option<Advice> {
    match diagnostic.code {
        "E0609" => {
            let (name, owner) = (diagnostic.quoted(0)?, bare(diagnostic.quoted(1)?));
            let length = matches!(name, "length" | "size" | "shape" | "len")
                && matches!(owner, "Vec" | "String" | "str");
            length.then(|| {
                Advice::new("the length of a list is `list.len()`").write(diagnostic.with("len()"))
            })
        }
        "E0599" | "E0308" => {
            let owner = diagnostic.message.contains("for struct `Vec<")
                || diagnostic.label.starts_with("expected `&mut Vec<");
            let line = diagnostic.line();
            if diagnostic.code == "E0308" {
                let call = diagnostic.before.strip_suffix(".append(")?;
                let list = last_expression(call);
                return (owner && is_name(list))
                    .then(|| foreign::grown(list, diagnostic.text.trim()));
            }
            let size = matches!(diagnostic.text.as_str(), "size" | "length" | "count")
                && owner
                && line.contains("()");
            size.then(|| {
                Advice::new("the length of a list is `list.len()`").write(diagnostic.with("len"))
            })
        }
        _ => None,
    }
}
