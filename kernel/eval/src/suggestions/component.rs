//! One component of a map: `strain.e_xx`, `strain["e_xx"]`, `strain.component(0)`.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;
use crate::foreign;
use crate::text::{in_brackets, is_name, last_expression};

const TEXT: &str = "a component of a map is chosen above its picture, and the figure shows it; in a cell its numbers are \
                    put into a frame, which has the rows and columns of the scan";

/// Names that other programs have for it.
const METHODS: [&str; 7] = [
    "component",
    "get_component",
    "components",
    "select",
    "channel",
    "get_map",
    "isig",
];

/// Which component of a map has this name.
pub(super) fn named(name: &str) -> Option<usize> {
    const STRAIN: [&[&str]; 10] = [
        &["e_xx", "exx", "eps_xx", "epsilon_xx", "ε_xx", "εxx"],
        &["e_yy", "eyy", "eps_yy", "epsilon_yy", "ε_yy", "εyy"],
        &["e_xy", "exy", "eps_xy", "epsilon_xy", "ε_xy", "εxy"],
        &["theta", "rotation", "θ"],
        &["coverage"],
        &["residual"],
        &["e_xx_error"],
        &["e_yy_error"],
        &["e_xy_error"],
        &["theta_error"],
    ];
    const SHIFT: [&[&str]; 2] = [&["dy", "shift_y"], &["dx", "shift_x"]];
    let name = name.trim().trim_matches(['"', '\'']).to_lowercase();
    let among = |names: &[&[&str]]| names.iter().position(|known| known.contains(&&*name));
    among(&STRAIN).or_else(|| among(&SHIFT))
}

/// What is said of bytes of the line that ask for a component of `map`.
pub(super) fn asked(
    diagnostic: &Diagnostic,
    map: &str,
    component: usize,
    from: usize,
    to: usize,
) -> Advice {
    let line = diagnostic.line();
    // A frame is not saved; the map is, as a whole.
    if let Some(call) = line[to..].strip_prefix(".save") {
        let path = in_brackets(call).unwrap_or_default();
        let end = to + ".save".len() + path.len() + 2;
        let end = end + usize::from(line[end.min(line.len())..].starts_with('?'));
        return Advice::new("a map is saved with all its components").write(diagnostic.with_range(
            from,
            end,
            &format!("{map}.save({path})?"),
        ));
    }
    let frame = diagnostic.with_range(from, to, &foreign::component(map, component));
    let advice = Advice::new(TEXT);
    let advice = match is_name(map) && !frame.is_empty() {
        // One pass instead of a position after the other.
        true => advice.write(format!("{map}.compute()?;\n{frame}")),
        false => advice.write(frame),
    };
    advice.write(diagnostic.with_range(from, to, &format!("{map}.values((0, 0))?[{component}]")))
}

/// `strain.component("e_xx")`.
pub(super) fn method(diagnostic: &Diagnostic) -> Option<Advice> {
    let of_signal =
        diagnostic.code == "E0599" && diagnostic.message.contains("for struct `Signal`");
    let call = diagnostic.method_call().filter(|_| of_signal)?;
    if !METHODS.contains(&diagnostic.text.as_str()) {
        return None;
    }
    let wanted = call.arguments.trim();
    let component = named(wanted).or_else(|| wanted.parse().ok()).unwrap_or(0);
    Some(asked(
        diagnostic,
        call.receiver,
        component,
        call.from,
        call.to,
    ))
}

/// `strain.e_xx` of a map, `strain.values((0, 0))?.e_xx` of its values at a position.
pub(super) fn field(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0609" {
        return None;
    }
    let component = named(diagnostic.quoted(0)?)?;
    let before = diagnostic.before.trim_end().strip_suffix('.')?;
    let end = diagnostic.before.len() + diagnostic.text.len();
    match crate::typing::bare(diagnostic.quoted(1)?) {
        "Signal" => {
            let map = last_expression(before);
            Some(asked(
                diagnostic,
                map,
                component,
                before.len() - map.len(),
                end,
            ))
        }
        "Vec" => Some(of_values().write(diagnostic.with_range(
            before.len(),
            end,
            &format!("[{component}]"),
        ))),
        _ => None,
    }
}

/// `strain["e_xx"]`, `strain[0]` of a map, `strain.values((0, 0))?["e_xx"]`.
pub(super) fn indexed(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code == "E0277" && diagnostic.message.contains("cannot be indexed by `&str`") {
        let component = named(&diagnostic.text)?;
        return Some(of_values().write(diagnostic.with(&component.to_string())));
    }
    let of_signal = diagnostic.code == "E0608"
        && diagnostic
            .quoted(0)
            .is_some_and(|kind| crate::typing::bare(kind) == "Signal");
    let inner = in_brackets(diagnostic.text.trim()).filter(|_| of_signal)?;
    let map = last_expression(&diagnostic.before);
    let from = diagnostic.before.trim_end().len() - map.len();
    let to = diagnostic.before.len() + diagnostic.text.len();
    let of_map = diagnostic.notebook.holds(map) == crate::advice::Holds::Map;
    let component = named(inner).or_else(|| inner.trim().parse().ok().filter(|_| of_map))?;
    Some(asked(diagnostic, map, component, from, to))
}

fn of_values() -> Advice {
    Advice::new(
        "the values of a map at a scan position come in the order of its components, counted from 0",
    )
}
