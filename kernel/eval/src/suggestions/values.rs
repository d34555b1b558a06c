//! Values of the wrong kind: whole and decimal numbers, brackets.

use super::diagnostic::{Diagnostic, quoted};
use crate::advice::{Advice, Instead};
use crate::api::{API, Kind};
use crate::repair;
use crate::text::{first_expression, is_name, is_number, last_expression};

/// The value of the cell has no `Debug`.
pub(super) fn nothing_to_show(diagnostic: &Diagnostic) -> Option<Advice> {
    let name = diagnostic
        .message
        .strip_suffix("` has no text to show: it doesn't implement `Debug`")?
        .strip_prefix('`')?;
    if name.starts_with("{closure") || name.contains("fn(") || name.contains("fn item") {
        // `fn() -> Result<String, Error> {tree}`
        let inside = name
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'));
        let function = inside.map_or("", |(function, _)| function);
        let ours = API.functions.iter().find(|entry| entry.name == function);
        let tail = match ours.is_some_and(|entry| entry.signature.contains("-> Result<")) {
            true => "?",
            false => "",
        };
        let alone = ours.is_some_and(|entry| entry.signature.contains("()"));
        let code = match alone {
            true => format!("{function}(){tail}"),
            false => String::new(),
        };
        return Some(Advice::new("this is a function: call it to see what it gives").write(code));
    }
    let name = name.split('<').next().unwrap_or(name);
    let name = name.rsplit("::").next().unwrap_or(name);
    let advice = Advice::new(format!(
        "write `#[derive(Debug)]` above `struct {name}`, or implement `Show` for it"
    ));
    let cell = diagnostic.notebook.cell;
    let declared = cell.find(&format!("struct {name}"));
    let whole = declared.map(|at| format!("{}#[derive(Debug)]\n{}", &cell[..at], &cell[at..]));
    Some(
        advice
            .write(whole.unwrap_or_default())
            .instead(Instead::Cell),
    )
}

/// `pattern.max() / 2`: the largest pixel of a frame without pixels is none.
pub(super) fn no_number(diagnostic: &Diagnostic) -> Option<Advice> {
    let said = format!("{} {}", diagnostic.message, diagnostic.label);
    let labels = || diagnostic.labels().any(|label| label.contains("`Option<f"));
    let fits = matches!(diagnostic.code, "E0369" | "E0277" | "E0308" | "E0599")
        && (said.contains("Option<f64>")
            || said.contains("Option<f32>")
            || said.contains("`Option<_>`")
            || labels())
        && !diagnostic.message.contains("std::fmt::Display");
    let line = diagnostic.line();
    let end = [".max()", ".min()"]
        .iter()
        .filter_map(|call| line.rfind(call).map(|at| at + call.len()))
        .max()
        .filter(|end| fits && !line[*end..].starts_with(".unwrap"))?;
    let pixel = match said.contains("f32") || line.contains("Frame<f32>") || line.contains(".map(|")
    {
        true => "f32",
        false => "f64",
    };
    Some(
        Advice::new("the largest and the smallest pixel may be missing, in a frame without any; `unwrap_or` says what then")
            .write(diagnostic.with_range(end, end, &format!(".unwrap_or({pixel}::NAN)"))),
    )
}

pub(super) fn is_decimal(kind: &str) -> bool {
    matches!(kind, "f64" | "f32" | "{float}" | "floating-point number")
}

pub(super) fn is_whole(kind: &str) -> bool {
    matches!(kind, "integer" | "{integer}" | "usize" | "isize")
        || (kind.starts_with(['i', 'u']) && kind[1..].parse::<u8>().is_ok())
}

/// `radius: "4"`.
pub(super) fn number_in_quotes(diagnostic: &Diagnostic) -> Option<Advice> {
    let (expected, found) = diagnostic
        .mismatch()
        .filter(|_| diagnostic.code == "E0308")?;
    let whole = expected;
    let expected = repair::inside(expected, "Option").unwrap_or(expected);
    let number = repair::without_unit(diagnostic.text.trim());
    let fits = found == "&str" && (is_decimal(expected) || is_whole(expected)) && is_number(number);
    let code = match is_decimal(expected) {
        true => crate::text::decimal(number),
        false => number.to_owned(),
    };
    let code = match whole == expected {
        true => code,
        false => format!("Some({code})"),
    };
    fits.then(|| {
        Advice::new(format!("a number stands without quotes: `{code}`"))
            .write(diagnostic.with(&code))
    })
}

/// `radius: 4px`.
pub(super) fn number_with_unit(diagnostic: &Diagnostic) -> Option<Advice> {
    let suffix = diagnostic.message.starts_with("invalid suffix `");
    let number = repair::without_unit(diagnostic.text.trim());
    let fits = suffix && is_number(number);
    fits.then(|| {
        Advice::new("a number stands without its unit; `?` and the name of a parameter tell the unit it has")
            .write(diagnostic.with(number))
    })
}

/// Whole numbers where decimal ones are wanted, and the other way round.
pub(super) fn number(diagnostic: &Diagnostic) -> Option<Advice> {
    let literal = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let decimal = |text: &str| match literal(text) {
        true => (
            format!("write a decimal number: `{text}.0`"),
            format!("{text}.0"),
        ),
        false => (
            format!("make it a decimal number: `{text} as f64`"),
            format!("{text} as f64"),
        ),
    };
    let text = diagnostic.text.trim();
    if diagnostic.code == "E0308" {
        let (expected, found) = diagnostic.mismatch()?;
        if is_decimal(expected) && is_whole(found) {
            let (text, code) = decimal(text);
            return Some(Advice::new(text).write(diagnostic.with(&code)));
        }
        if is_whole(expected) && is_decimal(found) {
            let (text, code) = match text.strip_suffix(".0") {
                Some(whole) => (format!("write a whole number: `{whole}`"), whole.to_owned()),
                None => (
                    format!("make it a whole number: `{text} as {expected}`"),
                    format!("{text} as {expected}"),
                ),
            };
            return Some(Advice::new(text).write(diagnostic.with(&code)));
        }
        return None;
    }
    // `3 * 2.5`
    let operation = [
        "cannot multiply",
        "cannot add",
        "cannot subtract",
        "cannot divide",
        "can't compare",
    ]
    .iter()
    .any(|start| diagnostic.message.starts_with(start));
    if diagnostic.code != "E0277" || !operation {
        return None;
    }
    let (first, second) = (diagnostic.quoted(0)?, diagnostic.quoted(1)?);
    if !(is_whole(first) && is_decimal(second) || is_decimal(first) && is_whole(second)) {
        return None;
    }
    // "multiply `left` by `right`", "divide `left` by `right`", but "add `right` to `left`".
    let swapped =
        !diagnostic.message.contains("` by `") && !diagnostic.message.contains("` with `");
    let whole_is_left = is_whole(first) != swapped;
    let (operand, from) = if whole_is_left {
        let operand = last_expression(&diagnostic.before);
        (operand, diagnostic.before.trim_end().len() - operand.len())
    } else {
        let rest = diagnostic.behind.trim_start();
        let space = diagnostic.behind.len() - rest.len();
        let from = diagnostic.before.len() + diagnostic.text.len() + space;
        (first_expression(rest), from)
    };
    if operand.is_empty() {
        return None;
    }
    let (text, code) = decimal(operand);
    Some(Advice::new(text).write(diagnostic.with_range(from, from + operand.len(), &code)))
}

/// Tuples, arrays, options and regions in place of each other.
pub(super) fn brackets(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0308" {
        return None;
    }
    let (expected, found) = diagnostic.mismatch()?;
    let text = diagnostic.text.trim();
    let inside = text
        .strip_prefix(['(', '['])
        .and_then(|text| text.strip_suffix([')', ']']));
    let array = |kind: &str| kind.starts_with('[');
    let tuple = |kind: &str| kind.starts_with('(') && kind.len() > 2;
    let wanted = expected
        .strip_prefix("Option<")
        .and_then(|inner| inner.strip_suffix('>'));
    let (text, code) = match (wanted, inside) {
        (Some(wanted), Some(inside)) if array(wanted) && (tuple(found) || array(found)) => {
            let code = crate::repair::wanted(expected, text);
            (format!("write `Some([{inside}])`"), code)
        }
        (Some(wanted), _) if !found.starts_with("Option<") && found != "()" && !text.is_empty() => {
            let given = crate::repair::wanted(expected, text);
            let code = match is_decimal(wanted) && is_whole(found) {
                _ if given != text => given,
                true => format!("Some({text} as {wanted})"),
                false => format!("Some({text})"),
            };
            (format!("write `{code}`"), code)
        }
        (None, Some(_)) if expected.starts_with("Vec<") && (array(found) || tuple(found)) => {
            let code = crate::repair::wanted(expected, text);
            (format!("a list that may grow is `{code}`"), code)
        }
        (None, Some(inside)) if array(expected) && tuple(found) => {
            (format!("write `[{inside}]`"), format!("[{inside}]"))
        }
        (None, Some(inside)) if tuple(expected) && array(found) => {
            (format!("write `({inside})`"), format!("({inside})"))
        }
        (None, Some(inside)) if expected == "Region" && (tuple(found) || array(found)) => {
            let numbers: Vec<&str> = inside.split(',').map(str::trim).collect();
            let numbers = match numbers.len() {
                4 => numbers.join(", "),
                _ => "x0, y0, width, height".into(),
            };
            (
                format!(
                    "a region is `Region::rectangle({numbers})`: first column, first row, width, height"
                ),
                format!("Region::rectangle({numbers})"),
            )
        }
        (None, _) if found.starts_with("Option<") && text.starts_with("Some(") => {
            let inner = text.strip_prefix("Some(")?.strip_suffix(')')?;
            (
                format!("write the value without `Some`: `{inner}`"),
                inner.to_owned(),
            )
        }
        _ => return None,
    };
    Some(Advice::new(text).write(diagnostic.with(&code)))
}

/// A text in place of one of several choices.
pub(super) fn choice(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0308" {
        return None;
    }
    let (expected, found) = diagnostic.mismatch()?;
    let none = diagnostic.text == "None" && found.starts_with("Option<");
    if !matches!(found, "&str" | "String") && !none {
        return None;
    }
    let variants: Vec<&str> = API
        .members(expected)
        .iter()
        .filter(|entry| entry.kind == Kind::Variant)
        .map(|entry| entry.name.as_str())
        .collect();
    let bare = |text: &str| {
        text.trim_matches('"')
            .replace(['_', '-', ' '], "")
            .to_lowercase()
    };
    let meant = variants
        .iter()
        .find(|name| bare(name) == bare(&diagnostic.text))
        .or(variants.first())?;
    Some(
        Advice::new(format!(
            "write `{expected}::{meant}`; there are {}",
            variants.join(", ")
        ))
        .write(diagnostic.with(&format!("{expected}::{meant}"))),
    )
}

/// A signal that another variable took over.
pub(super) fn moved_signal(diagnostic: &Diagnostic) -> Option<Advice> {
    let moved = diagnostic.code == "E0382"
        && (diagnostic.label.contains("moved") || diagnostic.message.contains("moved"));
    let name = diagnostic.quoted(0).filter(|_| moved)?;
    let signal = diagnostic
        .labels()
        .any(|label| quoted(&label, 1) == Some("Signal"));
    if !signal {
        return None;
    }
    let advice = Advice::new(format!(
        "`{name}` was handed over; hand over `{name}.clone()` to keep both: a second handle on the same node, \
         nothing is copied"
    ));
    let Some((before, text, behind)) = diagnostic.labelled("value moved here") else {
        return Some(advice);
    };
    Some(
        advice
            .write(diagnostic.mended(&format!("{before}{text}.clone(){behind}")))
            .instead(Instead::Line(format!("{before}{text}{behind}"))),
    )
}

/// A closure for `map` that ends with a semicolon and so returns nothing.
pub(super) fn no_value(diagnostic: &Diagnostic) -> Option<Advice> {
    let returns_nothing = diagnostic.message == "a closure given to `map` cannot return `()`";
    let line = diagnostic.line();
    let at = returns_nothing.then(|| line.rfind("; }"));
    let advice = Advice::new("what a closure ends with is its value: leave the last semicolon out");
    at.map(|at| match at {
        Some(at) => advice.write(diagnostic.with_range(at, at + 1, "")),
        None => advice,
    })
}

/// `open(scan)`: a signal in the place of a path.
pub(super) fn signal_as_path(diagnostic: &Diagnostic) -> Option<Advice> {
    let message = "the trait bound `Signal: AsRef<Path>` is not satisfied";
    let name = diagnostic.text.trim().trim_start_matches('&');
    if diagnostic.message.replace("std::path::", "") != message || !is_name(name) {
        return None;
    }
    Some(match diagnostic.before.strip_suffix('(') {
        Some(call) if call.ends_with("open") => Advice::new(format!(
            "`{name}` is open already; `open` takes the path of a file"
        ))
        .write(name),
        _ => Advice::new("a path is a text in double quotes")
            .write(diagnostic.with(&format!("\"{name}.zspy\""))),
    })
}

/// A closure for `map` that does not say the type of its pixels.
pub(super) fn pixel_type(diagnostic: &Diagnostic) -> Option<Advice> {
    let unknown = matches!(diagnostic.code, "E0282" | "E0283" | "E0284");
    let unsaid = unknown && diagnostic.message.contains("`Frame<");
    // `scan.map(|f| f.mapv(|pixel| pixel * 2.0))`: the mark is at what is done to the pixels.
    let line = diagnostic.line();
    if let Some(at) = line.find(".map(|").filter(|_| unknown && !unsaid) {
        let from = at + ".map(|".len();
        let name = line[from..].split('|').next().unwrap_or_default();
        let receiver = last_expression(&line[..at]);
        if is_name(name) && diagnostic.notebook.kind(receiver) == "Signal" {
            return Some(
                Advice::new(format!(
                    "say the type of the pixels: `|{name}: Frame<f32>| …`"
                ))
                .write(diagnostic.with_range(
                    from,
                    from + name.len(),
                    &format!("{name}: Frame<f32>"),
                )),
            );
        }
    }
    let bare = diagnostic.code == "E0107" && diagnostic.text == "Frame";
    if bare {
        return Some(
            Advice::new("say the type of the pixels: `Frame<f32>`")
                .write(diagnostic.with("Frame<f32>")),
        );
    }
    if !unsaid {
        return None;
    }
    let name = match diagnostic.text.as_str() {
        "" => "frame",
        name => name,
    };
    Some(
        Advice::new(format!(
            "say the type of the pixels: `|{name}: Frame<f32>| …`"
        ))
        .write(diagnostic.with(&format!("{name}: Frame<f32>"))),
    )
}

/// `let f = |x| x * 2;`: a function of numbers says that it is one.
pub(super) fn untyped_closure(diagnostic: &Diagnostic) -> Option<Advice> {
    let unknown = matches!(diagnostic.code, "E0282" | "E0283" | "E0284");
    let line = diagnostic.line();
    let (name, rest) = line.trim().strip_prefix("let ")?.split_once(" = |")?;
    let (arguments, body) = rest.split_once('|').filter(|_| unknown)?;
    let names = crate::text::items(arguments);
    let body = body.trim().trim_end_matches(';');
    if !is_name(name) || names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let advice = Advice::new(
        "an argument says its type, `|x: f64| x * 2.0`; to keep it for the next cells, write a function",
    );
    // What has members is no number.
    let members = names.iter().any(|name| {
        (body.match_indices(name)).any(|(at, _)| body[at + name.len()..].starts_with(['.', '[']))
    });
    let typed: Vec<String> = names.iter().map(|name| format!("{name}: f64")).collect();
    Some(match members {
        true => advice,
        false => advice.write(diagnostic.mended(&format!(
            "fn {name}({}) -> f64 {{ {} }}",
            typed.join(", "),
            crate::foreign::decimals(body)
        ))),
    })
}

/// `let c = None;`, `Vec::new()`: of what?
pub(super) fn open_type(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0282" {
        return None;
    }
    let kind = diagnostic.quoted(0)?;
    let of = match kind {
        "Option<_>" => "Option<f64>",
        "Vec<_>" => "Vec<f64>",
        _ => return None,
    };
    let name = diagnostic.text.trim();
    if !is_name(name) {
        return None;
    }
    Some(
        Advice::new(format!("say what it is to hold, `{of}` for one"))
            .write(diagnostic.with(&format!("{name}: {of}"))),
    )
}
