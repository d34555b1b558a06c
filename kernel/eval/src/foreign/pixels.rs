//! Functions of arrays, as Python has them, as functions of a frame: what is done to the array is done to each pixel.

use crate::tokens::{Step, step};

/// Methods of a number that Python calls on the array.
const OF_A_PIXEL: [&str; 17] = [
    "sqrt", "abs", "exp", "ln", "log10", "log2", "sin", "cos", "tan", "atan", "floor", "ceil",
    "round", "powi", "powf", "clamp", "recip",
];

/// A function of one frame.
#[derive(Debug, PartialEq)]
pub(crate) struct OfFrame {
    pub(crate) code: String,
    /// Whether it gives a frame; otherwise a number.
    pub(crate) frame: bool,
}

/// How the frame is used at one place, with the bytes of the use.
enum Use {
    /// As if it were a pixel; only the name goes.
    Pixel,
    /// `frame.mean()`: one number of the frame, and how long the call is.
    Number(&'static str, usize),
    /// As a frame of ours.
    Frame,
}

/// The value of a function whose argument `name` is a frame of `pixel`s; `None` when nobody knows what it does.
pub(crate) fn of_frame(body: &str, name: &str, pixel: &str) -> Option<OfFrame> {
    let uses = uses(body, name)?;
    let pixels = uses.iter().any(|(_, found)| matches!(found, Use::Pixel));
    let frames = uses.iter().any(|(_, found)| matches!(found, Use::Frame));
    if uses.is_empty() || (frames && pixels) {
        return None;
    }
    if frames {
        return Some(OfFrame {
            code: body.to_owned(),
            frame: body.contains("mapv("),
        });
    }
    let mut code = body.to_owned();
    let mut numbers: Vec<&str> = Vec::new();
    for (at, found) in uses.into_iter().rev() {
        match found {
            Use::Pixel => code.replace_range(at..at + name.len(), "pixel"),
            Use::Number(function, length) if pixels => {
                code.replace_range(at..at + length, function);
                if !numbers.contains(&function) {
                    numbers.push(function);
                }
            }
            Use::Number(function, length) => {
                code.replace_range(at..at + length, &number(name, function, pixel, false));
            }
            Use::Frame => {}
        }
    }
    if !pixels {
        return Some(OfFrame { code, frame: false });
    }
    let compared = code.contains(" > ") || code.contains(" < ") || code.contains("= ");
    if compared {
        code = format!("{pixel}::from(u8::from({code}))");
    }
    let function = (code.strip_prefix("pixel."))
        .and_then(|rest| rest.strip_suffix("()"))
        .filter(|function| OF_A_PIXEL.contains(function));
    let mapped = match function {
        Some(function) => format!("{name}.mapv({pixel}::{function})"),
        None => format!("{name}.mapv(|pixel| {code})"),
    };
    let lets: Vec<String> = (numbers.iter().rev())
        .map(|function| format!("let {function} = {}; ", number(name, function, pixel, true)))
        .collect();
    Some(OfFrame {
        code: match lets.is_empty() {
            true => mapped,
            false => format!("{{ {}{mapped} }}", lets.concat()),
        },
        frame: true,
    })
}

/// One number of a frame, of the type of its pixels if it is calculated with them.
fn number(frame: &str, function: &str, pixel: &str, with_pixels: bool) -> String {
    match function {
        "max" | "min" => format!("{frame}.{function}().unwrap_or({pixel}::NAN)"),
        _ if with_pixels && pixel == "f32" => format!("{frame}.{function}() as f32"),
        _ => format!("{frame}.{function}()"),
    }
}

/// Where a frame is used, and how; `None` when it is used as nobody knows.
fn uses(body: &str, name: &str) -> Option<Vec<(usize, Use)>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < body.len() {
        at = match step(body, at) {
            Step::Unfinished => return None,
            Step::Skip(end) => end,
            Step::Word(end) => {
                if &body[at..end] == name && !body[..at].ends_with('.') {
                    found.push((at, used(&body[end..], name.len())?));
                }
                end
            }
            Step::Byte(_) => at + 1,
        };
    }
    Some(found)
}

fn used(behind: &str, length: usize) -> Option<Use> {
    if behind.starts_with(['[', '(']) {
        return behind.starts_with('[').then_some(Use::Frame);
    }
    let Some(rest) = behind.strip_prefix('.') else {
        return Some(Use::Pixel);
    };
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let method = &rest[..end.unwrap_or(rest.len())];
    let call = &rest[method.len()..];
    let alone = call.starts_with("()");
    match method {
        "mean" | "sum" | "max" | "min" if alone && !call.starts_with("().unwrap") => {
            let function = ["mean", "sum", "max", "min"];
            let function = function.into_iter().find(|known| *known == method)?;
            Some(Use::Number(function, length + 1 + method.len() + 2))
        }
        "max" | "min" if !alone => Some(Use::Pixel),
        _ if OF_A_PIXEL.contains(&method) => Some(Use::Pixel),
        "mean" | "sum" | "max" | "min" | "mapv" | "zip_mapv" | "rows" | "rows_columns" | "iter"
        | "as_slice" | "len" | "shape" => Some(Use::Frame),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_to_an_array_is_done_to_each_pixel() {
        let of = |body: &str, pixel: &str| of_frame(body, "f", pixel).map(|found| found.code);
        for (body, code) in [
            ("f.sqrt()", "f.mapv(f32::sqrt)"),
            ("f * 2.0", "f.mapv(|pixel| pixel * 2.0)"),
            ("f.powi(2)", "f.mapv(|pixel| pixel.powi(2))"),
            ("f.mean()", "f.mean()"),
            ("f.max()", "f.max().unwrap_or(f32::NAN)"),
            (
                "(f - f.mean()) / f.max()",
                "{ let mean = f.mean() as f32; let max = f.max().unwrap_or(f32::NAN); \
                 f.mapv(|pixel| (pixel - mean) / max) }",
            ),
            (
                "f > 5.0",
                "f.mapv(|pixel| f32::from(u8::from(pixel > 5.0)))",
            ),
            ("f[(0, 1)]", "f[(0, 1)]"),
            ("f.mapv(f32::sqrt)", "f.mapv(f32::sqrt)"),
        ] {
            assert_eq!(of(body, "f32").as_deref(), Some(code), "{body}");
        }
        for body in ["f.inav[1]", "f(3.0)", "f[(0, 0)] * f", "x + 1.0"] {
            assert_eq!(of(body, "f32"), None, "{body}");
        }
        assert_eq!(
            of("f - f.mean()", "f64").as_deref(),
            Some("{ let mean = f.mean(); f.mapv(|pixel| pixel - mean) }")
        );
    }
}
