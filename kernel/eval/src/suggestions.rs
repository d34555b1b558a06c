//! Advice under a compile error, where the compiler's own is missing or speaks of something that a person
//! at a notebook has never seen: one sentence, and the code that is right. It takes the place of the
//! compiler's notes.

mod api;
mod array;
mod calls;
mod component;
mod describing;
mod diagnostic;
mod frame;
mod kept;
mod keywords;
mod lists;
mod markup;
mod names;
mod position;
mod power;
mod printing;
mod results;
mod signal;
mod suggestion;
mod values;

use serde_json::Value;

use crate::advice::{Advice, Notebook};
use diagnostic::Diagnostic;
pub(crate) use diagnostic::short;

type Rule = fn(&Diagnostic) -> Option<Advice>;

/// The first rule that knows an answer gives it, so the narrow ones come first.
const RULES: &[Rule] = &[
    names::lost,
    results::unlooked,
    describing::printed,
    printing::macro_as_function,
    printing::no_format,
    printing::no_comma,
    names::command,
    markup::converted,
    markup::lent,
    values::nothing_to_show,
    frame::shown,
    keywords::keyword_of_variable,
    lists::given_anew,
    results::missing_question_mark,
    lists::sum_of_decimals,
    position::of_values,
    position::compared_shape,
    values::no_number,
    results::needless_question_mark,
    printing::no_display,
    printing::added_texts,
    printing::remainder_of_text,
    printing::expression_in_braces,
    power::stars,
    describing::asked,
    describing::private,
    component::field,
    component::method,
    component::indexed,
    signal::field,
    signal::method,
    frame::method,
    frame::field,
    array::indexed,
    array::arithmetic,
    array::iterated,
    array::called,
    array::pixel,
    array::list,
    lists::method,
    lists::repeated,
    lists::counted,
    lists::changed,
    lists::function_of_whole,
    api::former,
    api::field,
    api::method,
    calls::region,
    calls::compute_all,
    calls::arguments,
    calls::made_anew,
    calls::returned,
    calls::printed_values,
    api::region_as_parameters,
    api::parameters_of_another_method,
    api::unknown_parameters,
    api::missing_fields,
    api::nameless_struct,
    api::type_name,
    api::struct_as_value,
    api::method_as_field,
    names::unknown,
    position::scan_position,
    position::negative_position,
    position::negative_index,
    position::index,
    position::sizes,
    values::no_value,
    values::signal_as_path,
    values::number_in_quotes,
    values::number_with_unit,
    values::number,
    values::brackets,
    values::choice,
    api::no_parameters,
    values::moved_signal,
    values::pixel_type,
    values::untyped_closure,
    values::open_type,
    kept::borrowed,
    suggestion::applied,
];

/// Advice for a diagnostic of rustc (its JSON).
pub(crate) fn advice(json: &Value, notebook: &Notebook) -> Option<Advice> {
    let diagnostic = Diagnostic::new(json, notebook);
    RULES.iter().find_map(|rule| rule(&diagnostic))
}

/// What is said in place of rustc's own title, where that speaks of something else.
pub(crate) fn title(json: &Value) -> Option<String> {
    let nothing = Notebook {
        cell: "",
        variables: &[],
        lost: &[],
        describe: None,
    };
    results::unlooked_title(&Diagnostic::new(json, &nothing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Variable;
    use crate::source::Prepared;
    use crate::text::parses;

    /// What rustc 1.95 said to these cells, and a part of our advice; empty: the compiler's own is kept. Cells that no
    /// parser takes are in `slips`.
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
        (
            "for axis in scan.axes() { println!(\"{}\", axis); }",
            "printed with `{:?}`",
        ),
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
            "`Some(4.0)`",
        ),
        (
            "scan.find_peaks(NormalizedCorrelation { window_pad: 3, ..default() })?;",
            "leave `window_pad` out",
        ),
        (
            "scan.find_peaks(NormalizedCorrelation { threshold: 0.5, ..default() })?;",
            "in standard deviations now",
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
        ("let s = scan.mean();", "over what"),
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
            "NormalizedCorrelation { radius: Some(4.0), ..default() }",
        ),
        (
            "let o = open(\"a\", signal_axes=1)?;",
            "Open { signal_axes: 1, ..default() }",
        ),
        ("let a = scan; let b = scan.shape()?;", "`scan.clone()`"),
        (
            "let v = vec![1,2]; let w = v; println!(\"{:?}\", v);",
            "`.clone()`",
        ),
        ("print(\"x\");", "`println!(\"{}\", x)`"),
        ("let a = True;", "`true`"),
        ("let a = null;", "`None`"),
        ("let n = len(scan);", "are its shape"),
        ("let a = 2 ** 3;", "powi"),
        ("let y = undefined_name + 1;", "there is no variable"),
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
        ("let s = scan[(1,2)];", "`frame((row, column))?`"),
        ("let q = scan.map(|f| f.mean())?;", "|f: Frame<f32>|"),
        (
            "struct Mute;\n=> Mute",
            "`#[derive(Debug)]` above `struct Mute`",
        ),
        ("=> |x: i32| x", "call it"),
        ("=> open", "call it"),
        ("let m = scan.sum();", "over what"),
        ("scan.max()", "largest value of every pixel"),
        ("scan.T", "no transposed signal"),
        ("scan.data", "read frame by frame"),
        ("scan.data.shape", "`shape()?`"),
        ("plt.imshow(scan)", "needs no plotting"),
        ("np.mean(scan)", "over what"),
        ("np.sqrt(2.0)", "are methods"),
        ("let z = np.zeros((3, 4));", "a `Frame`"),
        ("let s = hs.load(\"scan.hspy\")?;", "opened with `open`"),
        ("len(scan)", "are its shape"),
        ("list.length", "`list.len()`"),
        ("list.append(4)", "`push`"),
        ("scan.shape[0]", "is a method"),
        ("scan.shape()?[0]", "`navigation`"),
        ("scan.inav[10]", "in hyperspy the column"),
        ("scan.axes_manager[0].scale", "axes of a signal"),
        ("pattern[0][1]", "`frame[(row, column)]`"),
        ("pattern(0, 1)", "square brackets"),
        ("scan(0, 1)", "`frame((row, column))?`"),
        ("x = 5", "made by `let`"),
        ("let n = 5; n += 1;", "`let mut`"),
        ("let name: String = \"grain\";", "`.to_string()`"),
        ("\"n = \" + 5", "`format!`"),
        ("pattern.mean() == 3", "`3.0`"),
        ("let c = None;", "`Option<f64>`"),
        ("println!(pattern)", "with `{}` where"),
        ("println!(\"{}\", scan)", "`{:?}`"),
        ("println!(\"{scan}\")", "`{:?}`"),
        ("peaks", "there is no variable `peaks`"),
        ("scn.shape()?", "the variable `scan`"),
        (
            "scan.virtual_image(Disk { radius: 6, .. })?",
            "`..default()`",
        ),
        ("scan.virtual_image(Disk { r: 6 })?", "`radius`: "),
        ("scan.virtual_image(Disk(radius=6))?", "`Disk::default()`"),
        ("scan.virtual_image(disk)?", "`Disk::default()`"),
        ("scan.virtual_image(6)?", "`virtual_image` takes"),
        ("scan.virtual_image({radius: 6})?", "struct with a name"),
        (
            "scan.find_peaks(LocalMaximum { subpixel: None, ..default() })?",
            "`Subpixel::None`",
        ),
        ("scan.mean_pattern()", "`pattern`"),
        ("scan.fft()", "no step `fft` yet"),
        ("scan / 2", "frame by frame"),
        ("scan - flat", "`subtract`"),
        ("pattern / 2.0", "`mapv`"),
        ("int(3.7)", "`as i64`"),
        ("abs(-3)", "are methods"),
        ("let x: float = 3.0;", "`f64`"),
        ("exit()", "with `exit` alone"),
        ("ls()", "goes to the shell"),
        ("imagesc(scan)", "needs no plotting"),
        ("let p = list[-1];", "counted from its length"),
        ("let p = list[0.0];", "whole number"),
        ("let q = list[0..2];", "`.to_vec()`"),
        ("for f in scan { println!(\"{}\", f.mean()); }", "no list"),
        ("let axis = scan.axes()?[0];", "`.clone()`"),
        (
            "scan.subtract_background(method=\"radial median\")?",
            "no keyword arguments",
        ),
        ("open(scan.zspy)?", "double quotes"),
        ("let k = 3; let c = |x: i32| x + k; c(2)", "in a box"),
    ];

    fn variables() -> Vec<Variable> {
        [
            ("scan", "Signal"),
            ("flat", "Signal"),
            ("pattern", "Frame<'static, f64>"),
            ("list", "Vec<i32>"),
        ]
        .map(Variable::of_kind)
        .to_vec()
    }

    #[test]
    fn every_mistake_gets_its_advice() {
        let recorded: Value =
            serde_json::from_str(include_str!("../tests/diagnostics.json")).unwrap();
        let variables = variables();
        let mut wrong = Vec::new();
        for (cell, part) in EXPECTED {
            let Some(errors) = recorded[*cell]
                .as_array()
                .filter(|errors| !errors.is_empty())
            else {
                wrong.push(format!("{cell}: not recorded"));
                continue;
            };
            let notebook = Notebook {
                cell,
                variables: &variables,
                lost: &[],
                describe: None,
            };
            let prepared = Prepared::new(cell, "");
            let found: Vec<Advice> = errors
                .iter()
                .filter_map(|error| advice(&prepared.in_own_words(error), &notebook))
                .collect();
            let right = match part.is_empty() {
                true => found.is_empty(),
                false => found.iter().any(|advice| advice.text.contains(part)),
            };
            let code = found.iter().flat_map(|advice| &advice.write);
            let broken: Vec<&String> = code
                .filter(|code| !code.starts_with([':', '!', '?']))
                // `=> x` stands for the value of the cell.
                .filter(|code| !parses(&code.replace("=> ", "")))
                .collect();
            if !right || !broken.is_empty() {
                wrong.push(format!("{cell}\n    wanted {part:?}, got {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn nothing_of_the_evaluator_is_offered_or_left_unsaid() {
        let notebook = Notebook {
            cell: "return scan",
            variables: &variables(),
            lost: &[],
            describe: None,
        };
        let of_line = |code: &str, message: &str, label: &str, children: Value| {
            let json = serde_json::json!({
                "code": { "code": code },
                "message": message,
                "spans": [{
                    "is_primary": true,
                    "label": label,
                    "text": [{"text": "return scan", "highlight_start": 8, "highlight_end": 12}],
                }],
                "children": children,
            });
            advice(&json, &notebook).map(|advice| advice.write)
        };
        let label = "expected `Result<(), EvcxrUserCodeError>`, found `Signal`";
        let none = serde_json::json!([]);
        let written = of_line("E0308", "mismatched types", label, none);
        assert_eq!(written, Some(vec!["scan".to_owned()]));
        let inside = serde_json::json!([{
            "message": "consider changing this to be mutable",
            "spans": [{
                "suggested_replacement": "mut list",
                "suggestion_applicability": "MachineApplicable",
                "text": [{
                    "text": "let list = evcxr_variable_store.take();",
                    "highlight_start": 5,
                    "highlight_end": 9,
                }],
            }],
        }]);
        let message = "cannot borrow `other` as mutable";
        assert_eq!(of_line("E0596", message, "", inside), None);
    }

    #[test]
    fn a_lost_variable_is_named() {
        let json = serde_json::json!({
            "code": { "code": "E0425" },
            "message": "cannot find value `strain` in this scope",
            "spans": [], "children": [],
        });
        let text = |lost: &[crate::advice::Lost]| {
            let notebook = Notebook {
                cell: "strain",
                variables: &[],
                lost,
                describe: None,
            };
            advice(&json, &notebook).map_or_else(String::new, |advice| advice.text)
        };
        let strain = crate::advice::Lost {
            name: "strain".into(),
            taken: None,
        };
        assert!(text(&[strain]).contains("was lost"));
        assert!(text(&[]).contains("there is no variable"));
    }
}
