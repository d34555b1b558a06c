//! Completion and inspection: names of the API at once, everything else from rust-analyzer if it is free.

mod expected;

pub(crate) use expected::takes_path;

use crate::api::{API, Entry, Kind};
use crate::bridge::Variable;
use crate::cursor::Cursor;
use crate::typing::{last_word, type_of};
use crate::{pages, paths, variables};

/// Answers to a completion request; positions count characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    pub start: usize,
    pub end: usize,
    pub matches: Vec<Match>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub text: String,
    /// Jupyter's word for it: `function`, `method`, `property`, `class`, `instance`, ….
    pub kind: String,
    pub signature: String,
}

/// Documentation of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    pub plain: String,
    pub markdown: Option<String>,
    pub html: Option<String>,
}

type Variables = [Variable];

pub(crate) fn complete(
    code: &str,
    cursor: usize,
    variables: &Variables,
    analyser: impl FnOnce(&str, usize) -> Option<evcxr::Completions>,
) -> Completions {
    let byte = byte_of(code, cursor);
    if let Some(found) = paths::complete(&code[..byte]) {
        return Completions {
            start: characters(code, found.start),
            end: cursor,
            matches: found.matches,
        };
    }
    let place = Cursor::at(code, byte);
    let start = cursor - place.prefix.chars().count();
    let answer = |matches| Completions {
        start,
        end: cursor,
        matches,
    };

    if let Some(name) = place.literal_of
        && let Some((_, members)) = API.types.get(name)
    {
        let used = |entry: &Entry| place.fields_before.contains(&entry.name.as_str());
        let fields = members
            .iter()
            .filter(|entry| entry.kind == Kind::Field && !used(entry));
        let mut matches = matching(fields, place.prefix, |entry| format!("{}: ", entry.name));
        if place.prefix.is_empty() && API.has_default(name) {
            matches.push(Match {
                text: "..default()".into(),
                kind: "keyword".into(),
                signature: "the other fields keep their defaults".into(),
            });
        }
        return answer(matches);
    }
    // Where only a few things fit, nothing else is offered.
    let expected = expected::matches(&place, variables);
    if !expected.is_empty() {
        return answer(expected);
    }
    if let Some(receiver) = place.receiver
        && let Some(owner) = type_of(receiver, &code[..byte], variables)
    {
        let members = API
            .members(owner)
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::Method | Kind::Field));
        return answer(matching(members, place.prefix, call));
    }
    if let Some(owner) = place.path_of
        && API.types.contains_key(owner)
    {
        let members = API
            .members(owner)
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::Function | Kind::Variant));
        return answer(matching(members, place.prefix, call));
    }
    let mut matches = Vec::new();
    if place.receiver.is_none() && place.path_of.is_none() && !place.prefix.is_empty() {
        // `Html` is a struct and what makes one.
        let called = |name: &str| API.functions.iter().any(|function| function.name == name);
        let types = (API.types.values().map(|(entry, _)| entry)).filter(|of| !called(&of.name));
        matches = matching(API.functions.iter().chain(types), place.prefix, call);
        matches.extend(
            variables
                .iter()
                .filter(|variable| variable.name.starts_with(place.prefix))
                .map(|variable| Match {
                    text: variable.name.clone(),
                    kind: "instance".into(),
                    signature: variable.kind.clone(),
                }),
        );
    }
    merge(answer(matches), analyser(code, byte), code)
}

/// Adds what rust-analyzer found to the API's names.
fn merge(mut ours: Completions, theirs: Option<evcxr::Completions>, code: &str) -> Completions {
    let Some(theirs) = theirs else { return ours };
    let (start, end) = (
        characters(code, theirs.start_offset),
        characters(code, theirs.end_offset),
    );
    if ours.matches.is_empty() {
        (ours.start, ours.end) = (start, end);
    } else if (ours.start, ours.end) != (start, end) {
        return ours;
    }
    for found in theirs.completions {
        let bare = |text: &str| text.split(['(', ':']).next().unwrap_or(text).to_owned();
        if !ours
            .matches
            .iter()
            .any(|known| bare(&known.text) == bare(&found.code))
            && !API.is_internal(&bare(&found.code))
        {
            ours.matches.push(Match {
                text: found.code,
                kind: found.kind.into(),
                signature: found.label,
            });
        }
    }
    ours
}

fn matching<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    prefix: &str,
    text: impl Fn(&Entry) -> String,
) -> Vec<Match> {
    entries
        .filter(|entry| entry.name.starts_with(prefix))
        .map(|entry| Match {
            text: text(entry),
            kind: entry.kind.word().into(),
            signature: entry.signature.clone(),
        })
        .collect()
}

/// Functions end in an opening parenthesis, so that the arguments follow.
fn call(entry: &Entry) -> String {
    match entry.kind {
        Kind::Method | Kind::Function if entry.signature.contains("(&self)") => {
            format!("{}()", entry.name)
        }
        Kind::Method | Kind::Function => format!("{}(", entry.name),
        _ => entry.name.clone(),
    }
}

pub(crate) fn inspect(
    code: &str,
    cursor: usize,
    variables: &Variables,
    describe_node: impl FnOnce(u32) -> Option<serde_json::Value>,
    analyser: impl FnOnce(&str, usize) -> Option<(String, String)>,
) -> Option<Inspection> {
    let mut byte = byte_of(code, cursor);
    // The whole word under the cursor; from behind a call's parenthesis, the function.
    byte += code[byte..]
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(code.len() - byte);
    let before = code[..byte].trim_end_matches(['(', ' ']);
    let byte = if last_word(&code[..byte]).is_empty() {
        before.len()
    } else {
        byte
    };
    let place = Cursor::at(code, byte);
    let named = |entries: &'static [Entry]| entries.iter().find(|entry| entry.name == place.prefix);

    let stands_alone =
        place.receiver.is_none() && place.path_of.is_none() && place.literal_of.is_none();
    let variable = variables
        .iter()
        .find(|variable| stands_alone && variable.name == place.prefix);
    if let Some(variable) = variable {
        return Some(variables::inspection(variable, describe_node));
    }
    let found = if let Some(receiver) = place.receiver {
        // `?Disk.radius`
        let owner = match API.types.get(receiver) {
            Some(_) => receiver,
            None => type_of(receiver, &code[..byte], variables).unwrap_or("Signal"),
        };
        named(API.members(owner))
    } else if let Some(owner) = place.path_of {
        named(API.members(owner))
    } else {
        place
            .literal_of
            .and_then(|owner| named(API.members(owner)))
            .or_else(|| named(&API.functions))
            .or_else(|| API.types.get(place.prefix).map(|(entry, _)| entry))
    };
    if let Some(entry) = found {
        return Some(pages::of_entry(entry));
    }
    let analysed = analyser(code, byte)
        .filter(|(plain, _)| !plain.is_empty() && plain != "No documentation found");
    match analysed {
        Some((plain, html)) => Some(Inspection {
            plain,
            markdown: None,
            html: Some(html),
        }),
        None if stands_alone || place.literal_of.is_some() => pages::page(place.prefix),
        None => None,
    }
}

/// Byte of a position counted in characters; the end if it lies behind.
fn byte_of(code: &str, characters: usize) -> usize {
    code.char_indices()
        .nth(characters)
        .map_or(code.len(), |(byte, _)| byte)
}

fn characters(code: &str, byte: usize) -> usize {
    code.get(..byte).unwrap_or(code).chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(code: &str) -> Vec<String> {
        let variables = [Variable {
            name: "flat".into(),
            kind: "Signal".into(),
            value: None,
            node: Some(1),
        }];
        let cursor = code.chars().count();
        complete(code, cursor, &variables, |_, _| None)
            .matches
            .into_iter()
            .map(|found| found.text)
            .collect()
    }

    #[test]
    fn methods_after_a_dot() {
        assert!(texts("flat.find_").contains(&"find_peaks(".into()));
        assert!(texts("let é = 1; flat.sh").contains(&"shape()".into()));
        assert!(
            texts("let a = open(\"x (1).zspy\")?;\na.sub").contains(&"subtract_background(".into())
        );
        assert!(texts("open(\"a\")?.frame((0, 0))?.mapv").contains(&"mapv(".into()));
        assert!(texts("let a = flat.clone();\na.strain").contains(&"strain_map(".into()));
        assert!(texts("unknown.fi").is_empty());
        assert!(texts("let flat = 1.0;\nflat.fi").is_empty());
    }

    #[test]
    fn fields_inside_a_parameter_struct() {
        let fields = texts("flat.find_peaks(NormalizedCorrelation { ra");
        assert_eq!(fields, ["radius: "]);
        let fields = texts("NormalizedCorrelation { ");
        assert_eq!(fields.last().map(String::as_str), Some("..default()"));
        let fields = texts("NormalizedCorrelation { radius: Some(4.0), ");
        assert!(
            !fields.contains(&"radius: ".into()) && !fields.is_empty(),
            "{fields:?}"
        );
        // A value is no field.
        assert!(
            texts("NormalizedCorrelation { radius: f")
                .iter()
                .all(|text| !text.ends_with(": "))
        );
    }

    #[test]
    fn names_of_the_prelude() {
        assert!(texts("let a = op").contains(&"open(".into()));
        assert!(texts("Radial").contains(&"RadialMedian".into()));
        assert!(texts("Region::re").contains(&"rectangle(".into()));
        assert!(texts("fl").contains(&"flat".into()));
    }

    #[test]
    fn only_what_fits_an_argument_is_offered() {
        let structs = [
            "NormalizedCorrelation { ..default() }",
            "DifferenceOfGaussiansPeaks { ..default() }",
            "LocalMaximum { ..default() }",
        ];
        assert_eq!(texts("flat.find_peaks("), structs);
        assert_eq!(texts("flat.find_peaks( Loc"), structs[2..]);
        assert_eq!(texts("flat.strain_map("), ["StrainMap { ..default() }"]);
        // Signals come before the parameters.
        assert_eq!(texts("flat.find_peaks_with("), ["&flat"]);
        assert_eq!(texts("flat.find_peaks_with(&"), ["flat"]);
        assert_eq!(texts("flat.find_peaks_with(&fl"), ["flat"]);
        assert_eq!(texts("flat.find_peaks_with(&flat, "), structs[..1]);
        assert!(texts("flat.find_peaks(&").is_empty());
        assert_eq!(texts("open_with(\"a.mrc\", "), ["Open { ..default() }"]);
        assert_eq!(texts("flat.diff(&"), ["flat"]);
        assert_eq!(texts("flat.diff("), ["&flat"]);
        assert_eq!(texts("compute_all(&[&flat, "), ["&flat"]);
        assert_eq!(texts("compute_all(&[&flat, &fl"), ["flat"]);
        assert_eq!(texts("flat.map("), ["|frame: Frame<f32>| "]);
        assert_eq!(texts("flat.subtract("), ["&flat"]);
        assert_eq!(texts("display("), ["&flat"]);
        assert_eq!(texts("flat.frame("), ["(0, 0)"]);
        // As a keyword of Python would begin.
        assert_eq!(
            texts("flat.virtual_image(outer"),
            ["Annulus { outer_radius: "]
        );
        assert!(texts("flat.apply(&Di").contains(&"Disk { ..default() }".into()));
        // A name of the person's own fits too.
        assert!(texts("flat.find_peaks(fla").contains(&"flat".into()));
    }

    #[test]
    fn values_of_fields_are_offered() {
        assert_eq!(
            texts("Disk { statistic: "),
            ["Statistic::Sum", "Statistic::Mean"]
        );
        assert_eq!(texts("Disk { statistic: Me"), ["Statistic::Mean"]);
        assert_eq!(texts("RadialMedian { clip: "), ["false", "true"]);
        assert_eq!(texts("Disk { radius: "), ["8.0"]);
        assert_eq!(texts("Disk { centre: "), ["None", "Some([0.0, 0.0])"]);
        assert_eq!(texts("NormalizedCorrelation { radius: "), ["None", "Some("]);
        assert_eq!(
            texts("NormalizedCorrelation { vacuum: "),
            ["None", "Some(Region::rectangle(0, 0, 16, 16))"]
        );
        assert_eq!(
            texts("StrainMap { reference: "),
            ["Region::rectangle(0, 0, 16, 16)"]
        );
    }

    #[test]
    fn documentation_of_api_names() {
        let about = |code: &str| inspect(code, code.chars().count(), &[], |_| None, |_, _| None);
        assert!(about("open(").unwrap().plain.contains("fn open(path"));
        assert!(about("flat.save").unwrap().plain.contains(".zspy"));
        assert!(
            about("NormalizedCorrelation")
                .unwrap()
                .plain
                .contains("radius: Option<f64>")
        );
        assert!(
            about("Signal.find_peaks")
                .unwrap()
                .plain
                .contains("LocalMaximum")
        );
        assert!(
            about("NormalizedCorrelation.radius")
                .unwrap()
                .plain
                .contains("Left out: measured")
        );
        assert!(about("nothing").is_none());
    }
}
