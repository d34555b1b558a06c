//! Functions of Python whose argument is an array: here a frame.

use super::block::joined;
use super::scopes::mentions;
use super::{decimals, expression_of, of_frame as in_pixels};
use crate::advice::Notebook;
use crate::text::{is_name, items};

/// Names that people give to arrays.
const ARRAYS: [&str; 10] = [
    "frame", "image", "img", "im", "pattern", "dp", "array", "arr", "data", "pixels",
];

/// The function with a frame in place of the array, and how many lines it takes; `None` when it has no array, or when
/// nobody knows what is done to it.
pub(super) fn of_frame(
    head: &str,
    inline: &str,
    lines: &[&str],
    notebook: &Notebook,
) -> Option<(String, usize)> {
    let (name, rest) = head.split_once('(')?;
    let arguments = rest.trim_end().strip_suffix(')')?;
    let names: Vec<&str> = (items(arguments).into_iter())
        .map(|argument| argument.split([':', '=']).next().unwrap_or(argument).trim())
        .collect();
    let (body, used) = statements(inline, lines);
    let has_members = |name: &str| {
        body.iter().any(|line| {
            (line.match_indices(name)).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let begins = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_');
                begins && line[at + name.len()..].starts_with(['.', '['])
            })
        })
    };
    let is_array = |name: &&&str| has_members(name) || ARRAYS.contains(*name);
    let arrays: Vec<&&str> = names.iter().filter(is_array).collect();
    let [array] = arrays[..] else { return None };
    if !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let (code, frame) = translated(&body, array, notebook)?;
    let arguments: Vec<String> = (names.iter())
        .map(|name| match name == array {
            true => format!("{name}: &Frame<f64>"),
            false => format!("{name}: f64"),
        })
        .collect();
    let returned = if frame { "Frame<'static, f64>" } else { "f64" };
    let head = format!("fn {}({}) -> {returned}", name.trim(), arguments.join(", "));
    let whole = match &code[..] {
        [only] => format!("{head} {{ {only} }}"),
        lines => format!("{head} {{\n    {}\n}}", lines.join("\n    ")),
    };
    Some((whole, used))
}

/// Lines of the body without comments and descriptions.
fn statements(inline: &str, lines: &[&str]) -> (Vec<String>, usize) {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let own = lines.first().map_or(0, |line| indentation(line));
    let mut found = vec![inline.to_owned()];
    let mut used = 1;
    while let Some(line) = lines.get(used) {
        if !line.trim().is_empty() && indentation(line) <= own {
            break;
        }
        let (whole, more) = joined(&lines[used..]);
        found.push(
            whole
                .split(" #")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
        );
        used += more;
    }
    found.retain(|line| !line.is_empty() && !line.starts_with('#'));
    (found, used)
}

/// The body in Rust: variables, and the value it ends with; whether that is a frame.
fn translated(body: &[String], array: &str, notebook: &Notebook) -> Option<(Vec<String>, bool)> {
    let (last, before) = body.split_last()?;
    let mut frames = vec![array.to_owned()];
    let mut code = Vec::new();
    for line in before {
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        if !is_name(name) || value.starts_with('=') {
            return None;
        }
        let (value, frame) = valued(value, &frames, notebook)?;
        code.push(format!("let {name} = {value};"));
        frames.retain(|known| known != name);
        if frame {
            frames.push(name.to_owned());
        }
    }
    let (value, frame) = valued(last.strip_prefix("return ")?, &frames, notebook)?;
    code.push(value);
    Some((code, frame))
}

/// One value of the body, and whether it is a frame.
fn valued(written: &str, frames: &[String], notebook: &Notebook) -> Option<(String, bool)> {
    let rust = decimals(expression_of(written.trim(), notebook)?.trim());
    let mut used = frames.iter().filter(|frame| mentions(&rust, frame));
    match (used.next(), used.next()) {
        (None, _) => Some((rust, false)),
        (Some(frame), None) => {
            let found = in_pixels(&rust, frame, "f64")?;
            Some((found.code, found.frame))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::block;
    use super::*;

    #[test]
    fn a_function_of_an_array_is_one_of_a_frame() {
        let notebook = Notebook {
            cell: "",
            variables: &[],
            lost: &[],
            describe: None,
        };
        for (python, rust) in [
            (
                "def root(frame): return frame.sqrt()",
                "fn root(frame: &Frame<f64>) -> Frame<'static, f64> { frame.mapv(f64::sqrt) }",
            ),
            (
                "def root(frame):\n    return np.sqrt(frame)",
                "fn root(frame: &Frame<f64>) -> Frame<'static, f64> { frame.mapv(f64::sqrt) }",
            ),
            (
                "def mean_of(x):\n    \"\"\"The mean.\"\"\"\n    return x.mean()",
                "fn mean_of(x: &Frame<f64>) -> f64 { x.mean() }",
            ),
            (
                "def scaled(image, by):\n    top = image.max()  # of all\n    return image / top * by",
                "fn scaled(image: &Frame<f64>, by: f64) -> Frame<'static, f64> {\n    let top = image.max().unwrap_or(f64::NAN);\n    \
                 image.mapv(|pixel| pixel / top * by)\n}",
            ),
        ] {
            let lines: Vec<&str> = python.lines().collect();
            let found = block(&lines, &notebook).map(|(code, _)| code);
            assert_eq!(found.as_deref(), Some(rust), "{python}");
        }
        assert!(block(&["def f(s): return s.inav[0]"], &notebook).is_none());
    }
}
