//! Drawings of Python and MATLAB: values of ours show themselves.

use crate::advice::{Advice, Instead, Notebook};
use crate::text::{is_name, items};

pub(super) const PLOTTING: [&str; 6] = ["plt", "pyplot", "matplotlib", "ax", "sns", "pylab"];

/// The value that a drawing of Python shows, `plt.imshow(pattern)`; an empty one when it shows none, `plt.colorbar()`.
/// `None`: the line draws nothing.
pub(crate) fn drawing<'a>(line: &'a str, notebook: &Notebook) -> Option<&'a str> {
    const METHODS: [&str; 3] = ["plot", "show", "imshow"];
    let call = line.trim().trim_end_matches([';', '?']).trim_end();
    let open = crate::typing::opening_parenthesis(call).filter(|_| call.ends_with(')'))?;
    let (callee, inner) = (&call[..open], &call[open + 1..call.len() - 1]);
    let plain = (callee.chars()).all(|letter| letter.is_alphanumeric() || "_.".contains(letter));
    let (module, function) = callee.rsplit_once('.').unwrap_or(("", callee));
    let root = module.split('.').next().unwrap_or(module);
    let ours = |value: &str| matches!(notebook.kind(value), "Signal" | "Frame");
    let known = |name: &str| {
        notebook.knows(name)
            || notebook.cell.contains(&format!("let {name} "))
            || notebook.cell.contains(&format!("fn {name}"))
    };
    let of_module = PLOTTING.contains(&root) && !known(root);
    if plain && (of_module || (module.is_empty() && is_showing(function) && !known(function))) {
        let value = items(inner).into_iter().find(|argument| ours(argument));
        return Some(value.unwrap_or_default());
    }
    (METHODS.contains(&function) && is_name(module) && ours(module)).then_some(module)
}

pub(super) fn is_showing(function: &str) -> bool {
    matches!(
        function,
        "imshow"
            | "imagesc"
            | "figure"
            | "subplot"
            | "plot"
            | "imtool"
            | "surf"
            | "colorbar"
            | "colormap"
            | "show"
            | "axis"
            | "subplots"
    )
}

/// A drawing: values of ours show themselves.
pub(super) fn shown(function: &str, arguments: &[&str], notebook: &Notebook) -> Advice {
    let value = (arguments.iter().copied())
        .find(|argument| notebook.kind(argument) == "Signal" || notebook.kind(argument) == "Frame")
        .or_else(|| {
            arguments
                .first()
                .copied()
                .filter(|argument| is_name(argument) && notebook.knows(argument))
        });
    match value {
        Some(value) => Advice::new(
            "a picture needs no plotting: the value on the last line of a cell is shown; in the middle of one, \
             `display(&value);`",
        )
        .write(value)
        .instead(Instead::Shown),
        None if matches!(function, "imshow" | "plot" | "imagesc" | "pcolormesh") => Advice::new(
            "a picture needs no plotting: the value on the last line of a cell is shown",
        )
        .write(notebook.signal())
        .instead(Instead::Nothing),
        None => Advice::new(
            "leave this out: pictures come by themselves, with scale bar and levels; the value on the last line of a \
             cell is shown",
        )
        .write(notebook.signal())
        .instead(Instead::Nothing),
    }
}

/// A component of a map as a frame with the rows and columns of the scan.
pub(crate) fn component(map: &str, component: usize) -> String {
    format!(
        "Frame::from_fn(({map}.shape()?.navigation[0], {map}.shape()?.navigation[1]), \
         |(row, column)| {map}.values((row, column)).map_or(f64::NAN, |values| values[{component}]))"
    )
}
