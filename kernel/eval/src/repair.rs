//! A cell with those mistakes put right for which the names of the API are enough: fields of parameter structs,
//! kinds of numbers and brackets, keyword arguments, a missing `..default()`, a missing `?`.
//!
//! One mistake seldom comes alone, and a line that is right but for the next one helps nobody: all of them are
//! put right, or nothing is offered.

mod calls;
mod literal;
mod question_mark;

use std::ops::Range;

pub(crate) use literal::{field_of, former, inside, kind_of, literal_of, wanted, without_unit};

use crate::api::API;
use crate::bridge::Variable;
use crate::text::{in_brackets, is_name, parses};
use crate::tokens::{Step, rust_start, step};

/// Something that no rule knows how to put right.
pub(super) struct Beyond;

type Edit = Option<(Range<usize>, String)>;

/// The cell put right; `None` when nothing is to be done, or not all can be.
pub(crate) fn repaired(code: &str, variables: &[Variable]) -> Option<String> {
    /// Each round puts one thing right.
    const MAX: usize = 60;
    let mut text = code.to_owned();
    for _ in 0..MAX {
        let next = match edit(&text) {
            Ok(None) => question_mark::edit(&text, variables),
            Ok(edit) => edit,
            Err(Beyond) => return None,
        };
        match next {
            Some((range, new)) => text.replace_range(range, &new),
            None => break,
        }
    }
    (text != code && parses(&text[rust_start(&text)..])).then_some(text)
}

/// A word, a sign or a literal of the cell; comments and spaces are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The sign; `None` of words and literals.
    pub(super) sign: Option<u8>,
}

pub(super) fn tokens(code: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = rust_start(code);
    while at < code.len() {
        let (end, sign) = match step(code, at) {
            Step::Unfinished => break,
            Step::Skip(end) | Step::Word(end) => (end, None),
            Step::Byte(byte) => (at + 1, Some(byte)),
        };
        let comment = code[at..].starts_with("//") || code[at..].starts_with("/*");
        if !comment && !sign.is_some_and(|sign| sign.is_ascii_whitespace()) {
            found.push(Token {
                start: at,
                end,
                sign,
            });
        }
        at = end;
    }
    found
}

/// The first thing to be put right, but for `?`.
fn edit(code: &str) -> Result<Edit, Beyond> {
    let tokens = tokens(code);
    let sign = |index: Option<usize>| {
        index
            .and_then(|index| tokens.get(index))
            .and_then(|token| token.sign)
    };
    let word = |index: usize| {
        tokens
            .get(index)
            .filter(|token| token.sign.is_none())
            .map_or("", |token| &code[token.start..token.end])
    };
    for (index, token) in tokens.iter().enumerate() {
        if token.sign.is_some() {
            continue;
        }
        let name = word(index);
        let before = index.checked_sub(1);
        let (previous, next) = (sign(before), sign(Some(index + 1)));
        let keyword = before.map_or("", word);
        let behind = tokens.get(index + 1).map_or("", |next| &code[next.start..]);
        let call = in_brackets(behind).filter(|_| next == Some(b'('));
        let after_call = |inner: &str| {
            token.end
                + (behind.as_ptr() as usize - code[token.end..].as_ptr() as usize)
                + inner.len()
                + 2
        };
        if matches!(name, "True" | "False") && previous != Some(b'.') && call.is_none() {
            let lower = name.to_lowercase();
            return Ok(Some((token.start..token.end, lower)));
        }
        // `Region.rectangle(…)`, `Statistic.Mean`: what belongs to a type stands behind `::`.
        let member = word(index + 2);
        let of_type = next == Some(b'.')
            && previous != Some(b'.')
            && (API.members(name).iter())
                .any(|entry| entry.name == member && !entry.signature.contains("self"));
        if of_type {
            let dot = tokens[index + 1];
            return Ok(Some((dot.start..dot.end, "::".to_owned())));
        }
        let in_path = previous == Some(b':') && sign(index.checked_sub(2)) == Some(b':');
        let is_struct = API.fields(name).next().is_some()
            && !in_path
            && !matches!(previous, Some(b'.' | b'<'))
            && !matches!(
                keyword,
                "struct" | "impl" | "enum" | "for" | "fn" | "use" | "type" | "let"
            );
        if is_struct {
            let edit = parameter_struct(name, behind, next, previous)?;
            if let Some((length, new)) = edit {
                let from = behind.as_ptr() as usize - code.as_ptr() as usize;
                return Ok(Some((token.start..from + length, new)));
            }
        }
        let Some(inner) = call else { continue };
        let whole = token.start..after_call(inner);
        let new = match previous {
            Some(b'.') if keyword.is_empty() => calls::method(name, inner)?,
            Some(b':') if name == "rectangle" => calls::rectangle(inner),
            Some(b'.' | b':') => None,
            _ if matches!(name, "open" | "open_with") => calls::opening(name, inner),
            _ => None,
        };
        if let Some(new) = new {
            return Ok(Some((whole, new)));
        }
    }
    Ok(None)
}

/// A struct with what stands behind its name: how much of that is replaced, and by what, the name included.
fn parameter_struct(
    name: &str,
    behind: &str,
    next: Option<u8>,
    previous: Option<u8>,
) -> Result<Option<(usize, String)>, Beyond> {
    let inner = in_brackets(behind);
    match (next, inner) {
        (Some(b'{'), Some(inner)) => {
            let after = behind[inner.len() + 2..].trim_start();
            // A pattern: `let Disk { radius, .. } = disk;`.
            let pattern = after.starts_with('=') && !after.starts_with("==");
            if pattern {
                return Ok(None);
            }
            let new = literal::fields(name, inner)?;
            Ok(new.map(|new| (inner.len() + 2, new)))
        }
        (Some(b'('), Some(inner)) => {
            let new = literal::arguments(name, inner)?;
            Ok(Some((inner.len() + 2, new)))
        }
        (Some(b'.'), _) if behind[1..].trim_start().starts_with("default()") => {
            let dot = behind.len() - behind[1..].trim_start().len();
            Ok(Some((dot, format!("{name}::"))))
        }
        (Some(b')' | b','), _)
            if matches!(previous, Some(b'(' | b',')) && API.has_default(name) =>
        {
            Ok(Some((0, format!("{name}::default()"))))
        }
        _ => Ok(None),
    }
}

/// `name = value` of a keyword argument.
pub(super) fn keyword(argument: &str) -> Option<(&str, &str)> {
    let (name, value) = argument.split_once('=')?;
    let name = name.trim();
    (is_name(name) && !value.starts_with(['=', '>'])).then(|| (name, value.trim()))
}

/// The operation that a text names: by its title, its name on the wire or its parameters.
pub(crate) fn operation(text: &str) -> Option<&'static crate::api::Operation> {
    let bare = |text: &str| -> String {
        (text.chars().filter(|letter| letter.is_alphanumeric()))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = bare(text);
    if wanted.is_empty() {
        return None;
    }
    let without = |title: &str| title.strip_prefix("Subtract ").map(bare);
    let singular = wanted.trim_end_matches('s');
    API.operations.iter().find(|found| {
        bare(&found.name) == wanted
            || bare(&found.title) == wanted
            || bare(&found.parameters) == wanted
            || without(&found.title).is_some_and(|title| title.trim_end_matches('s') == singular)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Vec<Variable> {
        [("scan", "Signal"), ("flat", "Signal"), ("pattern", "Frame")]
            .map(Variable::of_kind)
            .to_vec()
    }

    #[test]
    fn parameters_are_put_right() {
        for (wrong, right) in [
            (
                "Disk { radius: 6, .. }",
                "Disk { radius: 6.0, ..default() }",
            ),
            ("Disk { radius: 6 }", "Disk { radius: 6.0, ..default() }"),
            ("Disk { radius = 6 }", "Disk { radius: 6.0, ..default() }"),
            ("Disk { r: 6 }", "Disk { radius: 6.0, ..default() }"),
            (
                "Disk { radius: 6.0 ..default() }",
                "Disk { radius: 6.0, ..default() }",
            ),
            (
                "Disk { radius: 6.0, ..Default }",
                "Disk { radius: 6.0, ..default() }",
            ),
            (
                "Disk { radius: 6, centre: (64, 64) }",
                "Disk { radius: 6.0, centre: Some([64.0, 64.0]), ..default() }",
            ),
            (
                "EnergyWindow { range: 525..560.5, ..default() }",
                "EnergyWindow { range: Some([525.0, 560.5]), ..default() }",
            ),
            (
                "EnergyWindow { range: (525, 560) }",
                "EnergyWindow { range: Some([525.0, 560.0]), ..default() }",
            ),
            (
                "AzimuthalIntegral { sector: [-30, 45] }",
                "AzimuthalIntegral { sector: Some((-30.0, 45.0)), ..default() }",
            ),
            (
                "MaskPixels { file: \"dead.npy\" }",
                "MaskPixels { file: Some(\"dead.npy\".into()), ..default() }",
            ),
            (
                "Polygon { vertices: [(1, 2), (3, 4), (5, 0.5)] }",
                "Polygon { vertices: Some(vec![[1.0, 2.0], [3.0, 4.0], [5.0, 0.5]]), ..default() }",
            ),
            (
                "Disk { center: Some([64, 64]), ..default() }",
                "Disk { centre: Some([64.0, 64.0]), ..default() }",
            ),
            (
                "Annulus { inner: 10.0, outer: 40, statistic: \"mean\" }",
                "Annulus { inner_radius: 10.0, outer_radius: 40.0, statistic: Statistic::Mean, ..default() }",
            ),
            (
                "LocalMaximum { subpixel: None, max_peaks: 50, min_distance: 5.0, ..default() }",
                "LocalMaximum { subpixel: Subpixel::None, max_peaks: Some(50), min_distance: 5, ..default() }",
            ),
            (
                "NormalizedCorrelation { radius: 4, min_distance: 6, exclude_border: 3, ..default() }",
                "NormalizedCorrelation { radius: Some(4.0), min_distance: Some(6.0), exclude_border: Some(3.0), ..default() }",
            ),
            // Of an earlier release.
            (
                "NormalizedCorrelation { radius: 4.0, threshold: 0.35, window_pad: 3, subpixel: Subpixel::Disk, ..default() }",
                "NormalizedCorrelation { radius: Some(4.0), ..default() }",
            ),
            (
                "NormalizedCorrelation { window_pad: 3, ..default() }",
                "NormalizedCorrelation::default()",
            ),
            (
                "LocalMaximum { subpixel: Subpixel::Disk, min_distance: 2, ..default() }",
                "LocalMaximum { min_distance: 2, ..default() }",
            ),
            (
                "f(NormalizedCorrelation(4, threshold=6))",
                "f(NormalizedCorrelation { radius: Some(4.0), threshold: Some(6.0), ..default() })",
            ),
            (
                "StrainMap { reference: (0, 0, 16, 16), calibrated: True }",
                "StrainMap { reference: Region::rectangle(0, 0, 16, 16), calibrated: true, ..default() }",
            ),
            ("f(Disk(radius=6))", "f(Disk { radius: 6.0, ..default() })"),
            ("f(Disk(6))", "f(Disk { radius: 6.0, ..default() })"),
            ("f(Disk)", "f(Disk::default())"),
            ("f(Disk())", "f(Disk::default())"),
            ("f(Disk.default())", "f(Disk::default())"),
            (
                "StrainMap(reference=Region.rectangle(0, 0, 2, 2))",
                "StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() }",
            ),
            (
                "Disk(statistic=Statistic.Mean)",
                "Disk { statistic: Statistic::Mean, ..default() }",
            ),
            (
                "scan.find_peaks(\n    method=\"difference_of_gaussian\",\n    threshold=0.5,\n)?",
                "scan.find_peaks(DifferenceOfGaussiansPeaks { threshold: 0.5, ..default() })?",
            ),
            (
                "scan.subtract_background(method=\"radial median\", lazy_output=True)?",
                "scan.subtract_background(RadialMedian::default())?",
            ),
            (
                "scan.virtual_image(radius=6)?",
                "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
            ),
            (
                "scan.virtual_image(inner_radius=6, outer_radius=9)?",
                "scan.virtual_image(Annulus { inner_radius: 6.0, outer_radius: 9.0, ..default() })?",
            ),
            (
                "scan.virtual_image(6)?",
                "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
            ),
            (
                "scan.virtual_image({radius: 6})?",
                "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
            ),
            (
                "scan.virtual_image()?",
                "scan.virtual_image(Disk::default())?",
            ),
            (
                "scan.subtract_background(method=\"difference of gaussians\", max_sigma=20)?",
                "scan.subtract_background(DifferenceOfGaussians { max_sigma: 20.0, ..default() })?",
            ),
            (
                "scan.subtract_background(\"radial median\")?",
                "scan.subtract_background(RadialMedian::default())?",
            ),
            ("scan.frame(3, 4)?", "scan.frame((3, 4))?"),
            (
                "scan.save(\"x.zspy\", overwrite=True)?",
                "scan.save(\"x.zspy\")?",
            ),
            ("open(\"a.mrc\", lazy=True)?", "open(\"a.mrc\")?"),
            (
                "open(\"a.mrc\", scan=[3, 4])?",
                "open_with(\"a.mrc\", Open { scan: (3, 4), ..default() })?",
            ),
            (
                "Open { axes: [Axis::calibrated(\"y\", 1, 0, \"nm\")], dataset: \"x\" }",
                "Open { axes: vec![Axis::calibrated(\"y\", 1, 0, \"nm\")], dataset: \"x\".into(), ..default() }",
            ),
        ] {
            assert_eq!(
                repaired(wrong, &variables()).as_deref(),
                Some(right),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_missing_question_mark_is_set_where_the_call_may_fail() {
        for (wrong, right) in [
            (
                "let p = scan.subtract_background(RadialMedian::default()).find_peaks(LocalMaximum::default())?;",
                "let p = scan.subtract_background(RadialMedian::default())?.find_peaks(LocalMaximum::default())?;",
            ),
            (
                "let flat = open(\"a\");\nflat.shape()?",
                "let flat = open(\"a\")?;\nflat.shape()?",
            ),
            ("scan.axes()[0]", "scan.axes()?[0]"),
            ("scan.save(\"x.zspy\");", "scan.save(\"x.zspy\")?;"),
            (
                "println!(\"{}\", scan.shape());",
                "println!(\"{}\", scan.shape()?);",
            ),
        ] {
            assert_eq!(
                repaired(wrong, &variables()).as_deref(),
                Some(right),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_right_or_beyond_repair_is_left_alone() {
        for code in [
            "let Disk { radius, .. } = disk;",
            "Disk { colour: 6, radius: 3 }",
            "struct Disk { radius: u8 }",
            "Disk { radius: 6.0, ..default() }",
            "Disk { radius: x, ..Disk::default() }",
            "scan.shape().unwrap();",
            "let shape: Result<Shape> = scan.shape();",
            "scan.shape()",
            "pattern.shape();",
            "if let Ok(a) = open(\"x\") {}",
            "fn f(s: &Signal) { s.shape(); }",
            "\"Disk { radius: 6 }\"",
            "scan.strain_map(default())?",
        ] {
            assert_eq!(repaired(code, &variables()), None, "{code}");
        }
    }
}
