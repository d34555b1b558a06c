//! `scan.mean(axis=(0, 1))`, `np.sum(scan, axis=(2, 3))`, `scan.inav[0:16, 0:16].max()`: many numbers become one.

use super::component;
use super::index::index;
use crate::advice::{Advice, Holds, Notebook};
use crate::text::{in_brackets, is_name, items};

/// What the axes of a reduction are, in numpy's order: those of the scan come first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Over {
    Positions,
    /// Both axes of a frame.
    Pixels,
    /// One axis of a frame, or the only one of a spectrum.
    OneOfPixels,
    Unsaid,
}

impl Over {
    /// `axis=(2, 3)`, `(0, 1)`, `axis="sig"`.
    fn read(arguments: &str) -> Self {
        let written = items(arguments);
        let named = written.iter().find_map(|item| {
            let (name, value) = item.split_once('=')?;
            matches!(name.trim(), "axis" | "axes" | "dim").then_some(value)
        });
        let first = written.first().copied().filter(|item| !item.contains('='));
        let Some(value) = named.or(first).map(str::trim) else {
            return Over::Unsaid;
        };
        match value.trim_matches(['"', '\'']) {
            "sig" | "signal" => return Over::Pixels,
            "nav" | "navigation" => return Over::Positions,
            _ => {}
        }
        let list = value.strip_prefix("vec!").unwrap_or(value);
        let list = in_brackets(list).map_or_else(|| vec![list], items);
        let axes: Option<Vec<i32>> = list.iter().map(|axis| axis.trim().parse().ok()).collect();
        let axes = axes.unwrap_or_default();
        let all = |among: &[i32]| axes.iter().all(|axis| among.contains(axis));
        match axes.len() {
            0 => Over::Unsaid,
            _ if all(&[0, 1, -3, -4]) => Over::Positions,
            1 if all(&[2, 3, -1, -2]) => Over::OneOfPixels,
            // The last is what a series has.
            _ if all(&[2, 3, -1, -2]) || all(&[1, 2]) => Over::Pixels,
            _ => Over::Unsaid,
        }
    }
}

/// The number of a frame of pixels of a type, by its name in numpy.
fn of_one_frame(function: &str, pixel: &str) -> Option<String> {
    let as_decimal = match pixel {
        "f64" => "pixel",
        _ => "f64::from(pixel)",
    };
    Some(match function {
        "mean" | "sum" => format!("frame.{function}()"),
        "max" | "min" => format!("frame.{function}().unwrap_or({pixel}::NAN)"),
        "std" => format!(
            "{{ let mean = frame.mean(); frame.mapv(|pixel| ({as_decimal} - mean).powi(2)).mean().sqrt() }}"
        ),
        "median" => format!(
            "{{ let mut pixels = frame.as_slice().to_vec(); pixels.sort_by({pixel}::total_cmp); pixels[pixels.len() / 2] }}"
        ),
        _ => return None,
    })
}

/// What a reduction of numpy may mean of a signal: one number per frame, or one frame per scan.
pub(crate) fn of_every_frame(
    receiver: &str,
    function: &str,
    arguments: &str,
    notebook: &Notebook,
) -> Option<Advice> {
    let (function, arguments) = match function {
        "sum_pattern" | "sum_frames" => ("sum", "nav"),
        _ => (function, arguments),
    };
    let map = format!(
        "{receiver}.map(|frame: Frame<f32>| {})?",
        of_one_frame(function, "f32")?
    );
    match notebook.holds(receiver) {
        Holds::Map => {
            return matches!(function, "mean" | "sum" | "max" | "min").then(|| {
                Advice::new("the numbers of one component of a map are put into a frame, which has sum, mean, min and max")
                    .write(format!("{}.{function}()", component(receiver, 0)))
            });
        }
        Holds::Pattern => return of_pattern(receiver, function),
        Holds::Peaks => return Some(super::at_position(receiver, "(0, 0)", Holds::Peaks)),
        Holds::Frames => {}
    }
    let over = Over::read(arguments);
    Some(match (over, over_positions(function)) {
        (Over::Pixels | Over::OneOfPixels, _) => of_pixels(receiver, function, map, over),
        (Over::Positions, None) => no_pattern(),
        (Over::Unsaid, None) => Advice::new("one number of every frame is a map").write(map),
        (_, Some((pattern, meaning))) => Advice::new(format!(
            "say over what: one frame with {meaning}, or one number of every frame, a map"
        ))
        .write(format!("{receiver}.pattern({pattern}::default())?"))
        .write(map),
    })
}

/// The parameters of the pattern over the scan, and what it has.
fn over_positions(function: &str) -> Option<(&'static str, &'static str)> {
    match function {
        "max" => Some(("MaximumPattern", "the largest value of every pixel")),
        "mean" => Some(("MeanPattern", "the mean over the scan")),
        "sum" => Some((
            "MeanPattern",
            "the mean over the scan (the sum divided by the number of positions)",
        )),
        _ => None,
    }
}

fn no_pattern() -> Advice {
    Advice::new(
        "over the scan positions there are two patterns, `MeanPattern` and `MaximumPattern` with the largest value of every pixel, and no other",
    )
}

/// One number at every scan position.
fn of_pixels(receiver: &str, function: &str, map: String, over: Over) -> Advice {
    let statistic = match function {
        "sum" => "",
        "mean" => "statistic: Statistic::Mean, ",
        _ => return Advice::new("one number of every frame is a map").write(map),
    };
    // Nobody knows here how large a frame is.
    let image =
        format!("{receiver}.virtual_image(Disk {{ radius: 10000.0, {statistic}..default() }})?");
    match over {
        Over::OneOfPixels => Advice::new(
            "one number of every frame or spectrum is a map; no step goes over one of the two axes of a frame alone",
        )
        .write(map)
        .write(image),
        _ => Advice::new(
            "one number of every frame is a map: here the image of a virtual detector that covers the whole frame, being larger than it",
        )
        .write(image)
        .write(map),
    }
}

/// A number of a signal that is one frame.
fn of_pattern(receiver: &str, function: &str) -> Option<Advice> {
    let frame = format!("{receiver}.frame(())?");
    let code = match function {
        "mean" | "sum" => format!("{frame}.{function}()"),
        _ => {
            let value = of_one_frame(function, "f64")?;
            format!("{{ let frame = {frame}; {value} }}")
        }
    };
    Some(Advice::new("a pattern is one frame, `frame(())?`, and that has its numbers").write(code))
}

/// What to write instead of `base[inner]` and what may be called of it, `.mean(axis=0)`; how much of what stands
/// behind that takes.
pub(crate) fn index_and_call(
    base: &str,
    inner: &str,
    behind: &str,
    notebook: &Notebook,
) -> Option<(Advice, usize)> {
    let advice = index(base, inner, notebook)?;
    let called = call_behind(behind).and_then(|(function, arguments, used)| {
        let advice = of_part(&advice, function, arguments, notebook)?;
        Some((advice, used))
    });
    Some(called.unwrap_or((advice, 0)))
}

/// Name and arguments of the method that a text begins with, and its length with a `?`.
fn call_behind(behind: &str) -> Option<(&str, &str, usize)> {
    let rest = behind.strip_prefix('.')?;
    let open = rest.find('(')?;
    let function = Some(&rest[..open]).filter(|name| is_name(name))?;
    let arguments = in_brackets(&rest[open..])?;
    let used = 1 + open + arguments.len() + 2;
    let used = used + usize::from(behind[used..].starts_with('?'));
    Some((function, arguments, used))
}

/// A number of a part of the data, where what stands for the part has it already.
fn of_part(part: &Advice, function: &str, arguments: &str, notebook: &Notebook) -> Option<Advice> {
    const REGION: &str = ".pattern(MeanPattern {";
    let code = part.write.first()?;
    let over = Over::read(arguments);
    let over_pixels = matches!(over, Over::Pixels | Over::OneOfPixels);
    of_one_frame(function, "f32")?;
    if let Some(at) = code.find(REGION) {
        if over_pixels {
            let mut advice = of_every_frame(&code[..at], function, arguments, notebook)?;
            advice.text += "; `crop_scan` cuts out a part of a scan, this has the whole of it";
            return Some(advice);
        }
        let (pattern, meaning) = match over_positions(function) {
            Some(known) => known,
            None => return Some(no_pattern()),
        };
        let meaning = meaning.replace("the scan", "a region");
        let code = code.replacen("MeanPattern", pattern, 1);
        return Some(
            Advice::new(format!(
                "one frame with {meaning} (x0, y0, width, height) is `pattern`; `crop_scan` cuts the positions out themselves"
            ))
            .write(code),
        );
    }
    if !code.contains(".virtual_image(Rectangle {") || over != Over::Pixels {
        return None;
    }
    let code = match function {
        "sum" => code.clone(),
        "mean" => code.replacen("..default()", "statistic: Statistic::Mean, ..default()", 1),
        _ => return None,
    };
    Some(Advice::new(part.text.clone()).write(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_count_from_either_end() {
        for (arguments, over) in [
            ("", Over::Unsaid),
            ("axis=(2, 3)", Over::Pixels),
            ("axis=(-2,-1)", Over::Pixels),
            ("axis=[2, 3]", Over::Pixels),
            ("(2, 3)", Over::Pixels),
            ("axis=(1, 2)", Over::Pixels),
            ("axis=-1", Over::OneOfPixels),
            ("axis=(0, 1)", Over::Positions),
            ("axis=(0, 1), keepdims=True", Over::Positions),
            ("dtype=float, axis=0", Over::Positions),
            ("axis=(-4, -3)", Over::Positions),
            ("axis=\"sig\"", Over::Pixels),
            ("axis=(0, 1, 2, 3)", Over::Unsaid),
            ("axis=None", Over::Unsaid),
        ] {
            assert_eq!(Over::read(arguments), over, "{arguments}");
        }
    }
}
