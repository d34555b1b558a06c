//! What frames do not have, and what does the same.

use super::diagnostic::{Diagnostic, quoted};
use super::signal::SHOWING;
use crate::advice::{Advice, Instead};

/// A method that a frame does not have.
pub(super) fn method(diagnostic: &Diagnostic) -> Option<Advice> {
    let message = &diagnostic.message;
    let of_result = diagnostic.value_of_result() == Some("Frame");
    let missing = diagnostic.code == "E0599"
        && (message.contains("for struct `Frame<") || message.starts_with("`Frame<") || of_result);
    let call = diagnostic.method_call().filter(|_| missing)?;
    let name = diagnostic.text.as_str();
    let tried = format!("{}?", call.receiver);
    let receiver = match of_result {
        true => tried.as_str(),
        false => call.receiver,
    };
    let advice = |text: &str, code: String| {
        Some(Advice::new(text).write(diagnostic.with_range(call.from, call.to, &code)))
    };
    if SHOWING.contains(&name) {
        let shown = advice(
            "a frame is shown by the last line of a cell",
            receiver.to_owned(),
        );
        return shown.map(|advice| advice.instead(Instead::Shown));
    }
    let pixel = (diagnostic.labels())
        .find_map(|label| pixel_of(quoted(&label, 0)?).map(str::to_owned))
        .unwrap_or_else(|| "f64".to_owned());
    let of_pixel = match name {
        "log" => "ln",
        "sqrt" | "abs" | "exp" | "log10" | "log2" | "ln" | "sin" | "cos" | "tan" | "floor"
        | "ceil" | "round" => name,
        _ => "",
    };
    if !of_pixel.is_empty() {
        let function = match pixel.as_str() {
            "f32" | "f64" => format!("{pixel}::{of_pixel}"),
            _ => format!("|pixel| f64::from(pixel).{of_pixel}()"),
        };
        return advice(
            "every pixel of a frame is reached by `mapv`",
            format!("{receiver}.mapv({function})"),
        );
    }
    match name {
        "argmax" | "argmin" => {
            let most = if name == "argmax" { "max_by" } else { "min_by" };
            advice(
                "the place of the largest pixel is looked for among all of them, row by row",
                format!(
                    "{receiver}.iter().enumerate().filter(|(_, pixel)| !pixel.is_nan()).{most}(|a, b| a.1.total_cmp(b.1))\
                     .map(|(at, _)| (at / {receiver}.rows_columns().1, at % {receiver}.rows_columns().1))"
                ),
            )
        }
        "T" | "t" | "transpose" => advice(
            "rows become columns by going through the pixels",
            format!(
                "Frame::from_fn(({receiver}.rows_columns().1, {receiver}.rows_columns().0), |(row, column)| {receiver}[(column, row)])"
            ),
        ),
        "save" | "to_csv" | "savetxt" | "write" => {
            let path = call.arguments.trim();
            let path = match path.starts_with('"') && path.ends_with('"') && path.contains('.') {
                true => path,
                false => "\"frame.csv\"",
            };
            advice(
                "a signal is saved, one frame is written as text, row by row",
                format!(
                    "std::fs::write({path}, {receiver}.rows().map(|row| row.iter().map(|pixel| pixel.to_string())\
                     .collect::<Vec<_>>().join(\",\")).collect::<Vec<_>>().join(\"\\n\"))?"
                ),
            )
        }
        "flatten" | "ravel" | "tolist" | "to_vec" | "to_numpy" | "numpy" | "asarray" => advice(
            "the pixels row by row are `as_slice()`",
            format!("{receiver}.as_slice().to_vec()"),
        ),
        "std" | "var" => {
            let root = if name == "std" { ".sqrt()" } else { "" };
            advice(
                "it is the mean of squares about the mean",
                format!(
                    "{{ let mean = {receiver}.mean(); {receiver}.mapv(|pixel| (pixel - mean).powi(2)).mean(){root} }}"
                ),
            )
        }
        "copy" => advice("a copy is made by `clone`", format!("{receiver}.clone()")),
        _ => None,
    }
}

/// A field that a frame does not have: `pattern.values`, `pattern.dtype`.
pub(super) fn field(diagnostic: &Diagnostic) -> Option<Advice> {
    let of_frame = diagnostic.code == "E0609"
        && diagnostic
            .quoted(1)
            .is_some_and(|kind| crate::typing::bare(kind) == "Frame");
    let before = diagnostic.before.trim_end().strip_suffix('.')?;
    let frame = crate::text::last_expression(before);
    match diagnostic.text.as_str() {
        _ if !of_frame => None,
        "values" | "data" | "array" | "flat" => Some(
            Advice::new("the pixels row by row are `as_slice()`")
                .write(diagnostic.with("as_slice().to_vec()")),
        ),
        "dtype" if crate::text::is_name(frame) => Some(
            Advice::new("`:type` tells the type of a variable").write(format!(":type {frame}")),
        ),
        name if SHOWING.contains(&name) => Some(
            Advice::new("a frame is shown by the last line of a cell")
                .write(diagnostic.mended(frame))
                .instead(Instead::Shown),
        ),
        _ => None,
    }
}

/// `scan.frame((0, 1)).plot()`: shown by itself, once the `?` is there.
pub(super) fn shown(diagnostic: &Diagnostic) -> Option<Advice> {
    let of_result = diagnostic.code == "E0599" && diagnostic.message.contains("for enum `Result<");
    let call = diagnostic
        .method_call()
        .filter(|_| of_result && SHOWING.contains(&diagnostic.text.as_str()))?;
    Some(
        Advice::new("this call may fail: write `?` behind it; its value is shown by the last line of a cell")
            .write(diagnostic.with_range(call.from, call.to, &format!("{}?", call.receiver)))
            .instead(Instead::Shown),
    )
}

/// `f32` of `Frame<'_, f32>`.
fn pixel_of(kind: &str) -> Option<&str> {
    let inner = kind.strip_prefix("Frame<")?.strip_suffix('>')?;
    inner.rsplit(", ").next().filter(|pixel| *pixel != "T")
}
