//! Lines that a parser of Rust takes, and that mean something else than the person does.

use super::Line;
use crate::advice::{Advice, Instead};
use crate::slips::Slip;
use crate::text::{in_brackets, is_name, parses};

/// `scan.axes()?[0].name = "y"`: a copy is changed, and thrown away.
pub(super) fn axis_of_signal(line: &Line) -> Option<Slip> {
    let at = line.text.find(".axes()")?;
    let signal = line.text[..at].trim();
    let rest = line.text[at + ".axes()".len()..].trim_start_matches('?');
    let index = in_brackets(rest).filter(|_| rest.starts_with('['))?;
    let (field, value) = rest[index.len() + 2..].strip_prefix('.')?.split_once('=')?;
    let field = field.trim();
    if !is_name(signal) || !is_name(field) || value.starts_with('=') {
        return None;
    }
    let value = value.trim().trim_end_matches(';').trim();
    let value = match field {
        "name" | "units" if value.starts_with(['"', '\'']) => {
            format!("{}.into()", value.replace('\'', "\""))
        }
        "scale" | "offset" => crate::text::decimal(value),
        _ => value.to_owned(),
    };
    let code = format!(
        "let mut axes = {signal}.axes()?;\naxes[{index}].{field} = {value};\n\
         let {signal} = open_with(\"scan.zspy\", Open {{ axes, ..default() }})?;"
    );
    line.slip(
        0,
        line.text.len(),
        "this changes a copy of the axes, and the signal keeps its own",
        Advice::new("axes are given when the file is opened: all of them, scan before frame")
            .write(if parses(&code) { code } else { String::new() }),
    )
}

/// `const n = 3;`, `const scan2 = scan`: a variable of the notebook is no constant.
pub(super) fn constant(line: &Line) -> Option<Slip> {
    let rest = line.text.strip_prefix("const ")?;
    let (name, value) = rest.split_once('=')?;
    let name = name.trim();
    if !is_name(name) {
        return None;
    }
    let value = value.trim().trim_end_matches(';').trim();
    let code = line
        .notebook
        .mended(&format!("let {name} = {};", kept(line, value)));
    line.slip(
        0,
        "const".len(),
        "a variable is made by `let`",
        Advice::new(
            "it does not change unless it is made by `let mut`, and its type is found by itself",
        )
        .write(if parses(&code) { code } else { String::new() }),
    )
}

/// A value of a variable that is to stay: a second handle, or a copy.
pub(super) fn kept(line: &Line, value: &str) -> String {
    match line.notebook.knows(value) && is_name(value) {
        true => format!("{value}.clone()"),
        false => value.to_owned(),
    }
}

/// `return scan` outside of a function.
pub(super) fn returned(line: &Line) -> Option<Slip> {
    let value = line.text.strip_prefix("return")?;
    let cell = line.notebook.cell;
    let before = &cell[..line.at];
    let inside = crate::mend::balance(before) > 0 || !value.starts_with([' ', ';']);
    if inside {
        return None;
    }
    let value = value.trim().trim_end_matches(';').trim();
    line.slip(
        0,
        "return".len(),
        "a cell has no `return`",
        Advice::new("its value is that of its last line, without a semicolon")
            .write(value)
            .instead(Instead::Shown),
    )
}
