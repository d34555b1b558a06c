//! One line of advice under a compile error, where the compiler's own is missing or speaks of something
//! that a person at a notebook has never seen. At most one per error; it takes the place of the
//! compiler's notes.

mod api;
mod diagnostic;
mod python;
mod values;

use serde_json::Value;

use diagnostic::Diagnostic;
pub(crate) use diagnostic::short;

type Rule = fn(&Diagnostic) -> Option<String>;

/// The first rule that knows an answer gives it, so the narrow ones come first.
const RULES: &[Rule] = &[
    python::hint,
    values::nothing_to_show,
    values::missing_question_mark,
    values::needless_question_mark,
    api::field,
    api::method,
    api::arguments,
    api::parameters_of_another_method,
    api::missing_fields,
    api::type_name,
    api::struct_as_value,
    api::method_as_field,
    api::indexed_signal,
    values::scan_position,
    values::number,
    values::brackets,
    values::choice,
    values::moved_signal,
    values::pixel_type,
];

/// Advice for a diagnostic of rustc (its JSON). `lost` are variables that an earlier cell had and that
/// were reset since.
pub(crate) fn hint(json: &Value, lost: &[String]) -> Option<String> {
    let diagnostic = Diagnostic::new(json);
    lost_variable(&diagnostic, lost).or_else(|| RULES.iter().find_map(|rule| rule(&diagnostic)))
}

fn lost_variable(diagnostic: &Diagnostic, lost: &[String]) -> Option<String> {
    let name = diagnostic.unknown_value()?;
    lost.iter().any(|lost| lost == name).then(|| {
        format!("`{name}` was lost when the variables were reset; run the cell that makes it again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rustc 1.95 said to these cells, and a part of our advice; empty: the compiler's own is kept.
    const EXPECTED: &[(&str, &str)] = &[
        (
            "let peaks = scan.subtract_background(RadialMedian::default()).find_peaks(LocalMaximum::default())?;",
            "`?` behind `scan.subtract_background(RadialMedian::default())`",
        ),
        (
            "let flat = open(\"a.zspy\"); let p = flat.find_peaks(LocalMaximum::default());",
            "line that makes `flat`",
        ),
        (
            "let flat: Signal = scan.subtract_background(RadialMedian::default());",
            "`?` behind",
        ),
        ("fn f(s: &Signal) {} f(&open(\"x\"));", "`?` behind"),
        (
            "let n = scan.shape().navigation.len();",
            "`?` behind `scan.shape()`",
        ),
        ("for axis in scan.axes() { println!(\"{}\", axis); }", ""),
        (
            "println!(\"{}\", scan.shape());",
            "`?` behind `scan.shape()`",
        ),
        (
            "let m = scan.frame((0, 0))[(1, 2)];",
            "`?` behind `scan.frame((0, 0))`",
        ),
        ("let n = scan.id()?;", "cannot fail"),
        (
            "let p = scan.find_peaks(NormalizedCorrelation { radios: 4.0, ..default() })?;",
            "`radius`: ",
        ),
        (
            "let d = Annulus { inner: 3.0, ..default() };",
            "`inner_radius`: ",
        ),
        (
            "let d = Annulus { colour: 3.0, ..default() };",
            "has `centre`, `inner_radius`, `outer_radius`, `statistic`",
        ),
        (
            "let p = scan.find_peaks(NormalizedCorrelation { radius: 4, ..default() })?;",
            "`4.0`",
        ),
        (
            "let d = Disk { centre: Some([3, 4]), ..default() };",
            "`3.0`",
        ),
        ("let x: f64 = 3;", "`3.0`"),
        ("let x = 3 * 2.5;", "`3.0`"),
        ("let n = 3; let x = n * 2.5;", "`n as f64`"),
        (
            "let p = scan.find_peaks(NormalizedCorrelation { radius: 4.0 })?;",
            "`, ..default() }`",
        ),
        ("let p = scan.find_peaks_interactive()?;", "`find_peaks`"),
        (
            "let p = scan.get_virtual_image(Disk::default())?;",
            "`virtual_image`",
        ),
        (
            "let p = scan.subtract_diffraction_background(RadialMedian::default())?;",
            "`subtract_background`",
        ),
        (
            "let p = scan.remove_background()?;",
            "`subtract_background`",
        ),
        (
            "let p = scan.find_peak(LocalMaximum::default())?;",
            "`find_peaks`: ",
        ),
        ("let s = scan.plot();", "end the cell with `scan`"),
        ("let s = scan.mean();", "of a frame"),
        ("let s = scan.inav(1);", "frame((row, column))"),
        ("let f = scan.frame(25, 36)?;", "`.frame((25, 36))`"),
        ("let g = scan.frame(25.0)?;", "whole numbers"),
        ("let f = scan.frame((25, 36.5))?;", "whole numbers"),
        (
            "let p = scan.find_peaks()?;",
            "`.find_peaks(NormalizedCorrelation::default())`",
        ),
        (
            "let p = scan.subtract_background(LocalMaximum::default())?;",
            "`LocalMaximum` belongs to `find_peaks`",
        ),
        (
            "let p = scan.find_peaks(radius=4.0)?;",
            "NormalizedCorrelation { radius: 4.0, ..default() }",
        ),
        (
            "let o = open(\"a\", signal_axes=1)?;",
            "Open { signal_axes: 1, ..default() }",
        ),
        ("let a = scan; let b = scan.shape()?;", "`scan.clone()`"),
        ("let v = vec![1,2]; let w = v; println!(\"{:?}\", v);", ""),
        ("scan.save('x.zspy')?;", "double quotes"),
        ("scan.save('x')?;", "double quotes"),
        ("import numpy as np", "nothing to import"),
        ("print(\"x\");", "`println!(\"{}\", x)`"),
        ("let a = True;", "`true`"),
        ("let a = null;", "`None`"),
        ("let n = len(scan);", "`list.len()`"),
        ("for i in range(3): print(i)", "braces"),
        ("def f(x):\n    return x", "`fn "),
        ("let a = 2 ** 3;", "powi"),
        ("# a comment", "`//`"),
        ("f\"abc {scan}\"", "format!(\"abc {scan}\")"),
        ("let a = scan and peaks;", ""),
        ("let y = undefined_name + 1;", ""),
        (
            "let p = scan.find_peaks(NormalisedCorrelation::default())?;",
            "`NormalizedCorrelation`: ",
        ),
        (
            "let k = scan.center_of_mass(CentreOfMass::default())?;",
            "`CenterOfMass`: ",
        ),
        (
            "let p = scan.find_peaks(NormalizedCorrelation)?;",
            "`NormalizedCorrelation::default()`",
        ),
        (
            "let p = scan.find_peaks(default())?;",
            "NormalizedCorrelation::default()",
        ),
        (
            "let d = Disk { centre: Some((3.0, 4.0)), ..default() };",
            "`[3.0, 4.0]`",
        ),
        (
            "let d = Disk { centre: [3.0, 4.0], ..default() };",
            "`Some([3.0, 4.0])`",
        ),
        (
            "let d = Disk { centre: (3.0, 4.0), ..default() };",
            "`Some([3.0, 4.0])`",
        ),
        (
            "let o = open_with(\"a\", Open { scan: [3, 4], ..default() })?;",
            "`(3, 4)`",
        ),
        (
            "let o = open_with(\"a\", Open { signal_axes: Some(1), ..default() })?;",
            "without `Some`: `1`",
        ),
        (
            "let r = StrainMap { reference: (0,0,3,4), ..default() };",
            "`Region::rectangle(0, 0, 3, 4)`",
        ),
        (
            "let d = Disk { statistic: \"mean\", ..default() };",
            "`Statistic::Mean`",
        ),
        ("let s = scan.shape; ", "`shape()?`"),
        ("let s = scan[(1,2)];", "`.frame((1,2))?`"),
        ("let q = scan.map(|f| f.mean())?;", "|f: Frame<f32>|"),
        (
            "struct Mute;\n=> Mute",
            "`#[derive(Debug)]` above `struct Mute`",
        ),
        ("=> |x: i32| x", "call it"),
        ("=> open", "call it"),
    ];

    #[test]
    fn every_mistake_gets_its_advice() {
        let recorded: Value =
            serde_json::from_str(include_str!("../tests/diagnostics.json")).unwrap();
        let mut wrong = Vec::new();
        for (cell, part) in EXPECTED {
            let Some(errors) = recorded[*cell]
                .as_array()
                .filter(|errors| !errors.is_empty())
            else {
                wrong.push(format!("{cell}: not recorded"));
                continue;
            };
            let hints: Vec<String> = errors.iter().filter_map(|error| hint(error, &[])).collect();
            let right = match part.is_empty() {
                true => hints.is_empty(),
                false => hints.iter().any(|hint| hint.contains(part)),
            };
            if !right {
                wrong.push(format!("{cell}\n    wanted {part:?}, got {hints:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_lost_variable_is_named() {
        let json = serde_json::json!({
            "code": { "code": "E0425" },
            "message": "cannot find value `strain` in this scope",
            "spans": [], "children": [],
        });
        assert!(hint(&json, &["strain".into()]).is_some_and(|hint| hint.contains("run the cell")));
        assert_eq!(hint(&json, &[]), None);
    }
}
