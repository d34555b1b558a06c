//! Scan positions, indices and sizes.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;
use crate::text::{in_brackets, items, last_expression};

/// Something that is no scan position.
pub(super) fn scan_position(diagnostic: &Diagnostic) -> Option<Advice> {
    let wrong = diagnostic.code == "E0277"
        && diagnostic
            .message
            .ends_with(": ScanPosition` is not satisfied");
    if !wrong {
        return None;
    }
    let numbers: Vec<String> = (diagnostic.text.trim_matches(['(', ')']).split(','))
        .map(|number| number.trim())
        .map(|number| {
            number
                .parse::<f64>()
                .map_or_else(|_| number.to_owned(), |number| format!("{number:.0}"))
        })
        .collect();
    let position = match &numbers[..] {
        [row] => format!("({row}, 0)"),
        numbers => format!("({})", numbers.join(", ")),
    };
    Some(
        Advice::new("a scan position is (row, column) in whole numbers: `(25, 36)`")
            .write(diagnostic.with(&position)),
    )
}

/// `list[-1]`.
pub(super) fn negative_index(diagnostic: &Diagnostic) -> Option<Advice> {
    let negative = diagnostic
        .message
        .starts_with("negative integers cannot be used to index");
    let base = last_expression(
        diagnostic
            .before
            .trim_end()
            .strip_suffix('[')
            .filter(|_| negative)?,
    );
    let back = diagnostic.text.trim().strip_prefix('-')?;
    Some(
        Advice::new("the end of a list is counted from its length")
            .write(diagnostic.with(&format!("{base}.len() - {back}"))),
    )
}

/// A list whose index is no whole number, or a part of a list without its copy.
pub(super) fn index(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0277" {
        return None;
    }
    if diagnostic.message.contains("cannot be indexed by `&str`") {
        let base = last_expression(diagnostic.before.trim_end().strip_suffix('[')?);
        let from = diagnostic.before.trim_end().len() - 1 - base.len();
        let to = diagnostic.before.len() + diagnostic.text.len() + 1;
        let advice = Advice::new("a list is asked by number, counted from 0");
        return Some(match diagnostic.quoted(0) {
            Some("[Axis]" | "Vec<Axis>") => {
                let name = diagnostic.text.trim();
                let found = format!("{base}.into_iter().find(|axis| axis.name == {name})");
                // `["x"].scale`
                let field = ["scale", "offset", "size", "units", "name"]
                    .into_iter()
                    .find(|field| {
                        let behind = &diagnostic.behind[1.min(diagnostic.behind.len())..];
                        behind
                            .strip_prefix('.')
                            .is_some_and(|rest| rest.starts_with(field))
                    });
                let (found, to) = match field {
                    Some(field) => (
                        format!("{found}.map(|axis| axis.{field})"),
                        to + 1 + field.len(),
                    ),
                    None => (found, to),
                };
                Advice::new("a list is asked by number, counted from 0; `find` looks for a name")
                    .write(diagnostic.with_range(from, to, &found))
            }
            _ => advice,
        });
    }
    if diagnostic.message.contains("cannot be indexed by `") {
        let text = diagnostic.text.trim();
        let code = match text.strip_suffix(".0") {
            Some(whole) => whole.to_owned(),
            None => format!("{text} as usize"),
        };
        return Some(
            Advice::new("an index is a whole number of type `usize`").write(diagnostic.with(&code)),
        );
    }
    let slice = diagnostic
        .message
        .starts_with("the size for values of type `[")
        && diagnostic.line().contains("..");
    if slice {
        let line = diagnostic.line();
        let end = line.rfind(']')? + 1;
        return Some(
            Advice::new("a part of a list is copied by `.to_vec()`").write(diagnostic.with_range(
                end,
                end,
                ".to_vec()",
            )),
        );
    }
    None
}

/// `frame((-1, 0))`: the last row is counted from the size of the scan.
pub(super) fn negative_position(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.message != "the trait bound `usize: Neg` is not satisfied" {
        return None;
    }
    let advice = Advice::new("indices count from 0, and the last one is the size less 1");
    let back = diagnostic.text.trim().strip_prefix('-')?;
    let Some((call, before)) = diagnostic.before.rsplit_once("((") else {
        return Some(advice);
    };
    let receiver = ["frame", "frame_as", "peaks", "values"]
        .iter()
        .find_map(|method| {
            let receiver = call.strip_suffix(method)?.strip_suffix('.')?;
            Some(last_expression(receiver))
        });
    Some(match receiver {
        Some(receiver) => {
            let axis = before.matches(',').count();
            let last = format!("{receiver}.shape()?.navigation[{axis}] - {back}");
            advice.write(diagnostic.with(&last))
        }
        None => advice,
    })
}

/// `let (dy, dx) = shift.values((0, 0))?;`: a list is taken apart by its indices.
pub(super) fn of_values(diagnostic: &Diagnostic) -> Option<Advice> {
    let (expected, _) = diagnostic
        .mismatch()
        .filter(|_| diagnostic.code == "E0308" && diagnostic.before.trim_end().ends_with("let"))?;
    let names = items(in_brackets(diagnostic.text.trim())?);
    let value = diagnostic.behind.trim_start().strip_prefix('=')?;
    let value = value.trim().trim_end_matches(';');
    if !expected.starts_with("Vec<") {
        return None;
    }
    let of_map = value.contains(".values(");
    // Rows come before columns here, and many write x before y.
    let is_of = |name: &str, axis: char| name.starts_with(axis) || name.ends_with(axis);
    let swapped = of_map
        && matches!(names[..], [x, y] if is_of(x, 'x') && is_of(y, 'y') && !is_of(x, 'y') && !is_of(y, 'x'));
    let entries: Vec<String> = (0..names.len())
        .map(|at| if swapped { names.len() - 1 - at } else { at })
        .map(|at| format!("values[{at}]"))
        .collect();
    let code = format!(
        "let values = {value}; let ({}) = ({});",
        names.join(", "),
        entries.join(", ")
    );
    Some(
        Advice::new(match of_map {
            true => {
                "a list is taken apart by its indices; a map has its values in the order of its components, y before x"
            }
            false => "a list is taken apart by its indices",
        })
        .write(diagnostic.mended(&code)),
    )
}

/// `scan.shape()? == (3, 5)`: the scan and the frame are compared by themselves.
pub(super) fn compared_shape(diagnostic: &Diagnostic) -> Option<Advice> {
    let shape = matches!(diagnostic.code, "E0308" | "E0369" | "E0277")
        && (diagnostic.message.contains("`Shape`") || diagnostic.label.contains("`Shape`"));
    let line = diagnostic.line();
    let at = line.find("== (").filter(|_| shape)?;
    let inner = in_brackets(&line[at + 3..])?;
    let left = last_expression(&line[..at]);
    let from = line[..at].trim_end().len() - left.len();
    let to = at + 3 + inner.len() + 2;
    let sizes = items(inner);
    let compared = |part: &str, sizes: &[&str]| format!("{left}.{part} == [{}]", sizes.join(", "));
    let code = match sizes.len() {
        1 | 2 => compared("navigation", &sizes),
        3 | 4 => format!(
            "{} && {}",
            compared("navigation", &sizes[..2]),
            compared("signal", &sizes[2..])
        ),
        _ => return None,
    };
    Some(
        Advice::new(
            "a shape has the sizes of the scan in `navigation` and those of a frame in `signal`",
        )
        .write(diagnostic.with_range(from, to, &code)),
    )
}

/// `let (rows, columns) = scan.shape()?;`
pub(super) fn sizes(diagnostic: &Diagnostic) -> Option<Advice> {
    let (expected, _) = diagnostic
        .mismatch()
        .filter(|_| diagnostic.code == "E0308")?;
    let names = items(in_brackets(diagnostic.text.trim())?);
    let value = (diagnostic.behind.trim_start().strip_prefix('='))
        .filter(|_| expected == "Shape" && diagnostic.before.trim_end().ends_with("let"))?;
    let value = value.trim().trim_end_matches(';');
    let sizes: Vec<String> = (0..names.len())
        .map(|at| match at {
            0 | 1 => format!("shape.navigation[{at}]"),
            _ => format!("shape.signal[{}]", at - 2),
        })
        .collect();
    let code = format!(
        "let shape = {value}; let ({}) = ({});",
        names.join(", "),
        sizes.join(", ")
    );
    Some(
        Advice::new(
            "a shape has the sizes of the scan in `navigation` and those of a frame in `signal`",
        )
        .write(diagnostic.mended(&code)),
    )
}
