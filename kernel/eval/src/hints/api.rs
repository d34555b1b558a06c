//! Names of the API: the nearest ones, and what hyperspy, pyxem and py4DSTEM call the same thing.

use super::diagnostic::{Diagnostic, in_parentheses, last_expression};
use crate::api::{API, Entry, Kind};

/// Names of other programs for what a method of `Signal` does here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("find_peaks", "find_peaks"),
    ("find_bragg_disks", "find_peaks"),
    ("detect_peaks", "find_peaks"),
    ("template_match", "find_peaks"),
    ("get_virtual_image", "virtual_image"),
    ("get_integrated_intensity", "virtual_image"),
    ("virtual_bright_field", "virtual_image"),
    ("virtual_dark_field", "virtual_image"),
    ("get_bright_field", "virtual_image"),
    ("get_dark_field", "virtual_image"),
    ("subtract_diffraction_background", "subtract_background"),
    ("remove_background", "subtract_background"),
    ("remove_diffraction_background", "subtract_background"),
    ("get_strain", "strain_map"),
    ("fit_strain", "strain_map"),
    ("get_direct_beam_position", "center_of_mass"),
    ("get_com", "center_of_mass"),
    ("write", "save"),
    ("apply_along", "map"),
    ("apply_function", "map"),
    ("axes_manager", "axes"),
    ("data_shape", "shape"),
    ("copy", "clone"),
    ("deepcopy", "clone"),
];

/// What a signal does not have because it is shown, or because it is done frame by frame.
const SHOWING: &[&str] = &["plot", "show", "imshow", "display", "view", "interactive"];
const OF_A_FRAME: &[&str] = &[
    "mean", "sum", "max", "min", "std", "iter", "as_slice", "mapv", "get",
];
const INDEXING: &[&str] = &["inav", "isig", "data", "values_at", "at", "isel", "sel"];

/// A field that the struct does not have.
pub(super) fn field(diagnostic: &Diagnostic) -> Option<String> {
    if !matches!(diagnostic.code, "E0560" | "E0609") {
        return None;
    }
    let (owner, field) = match diagnostic.code {
        "E0560" => (diagnostic.quoted(0)?, diagnostic.quoted(1)?),
        _ => (diagnostic.quoted(1)?, diagnostic.quoted(0)?),
    };
    let owner = bare(owner);
    let members = API.members(owner);
    if members.is_empty() {
        return None;
    }
    if let Some(entry) = nearest(field, members.iter()) {
        return Some(did_you_mean(entry));
    }
    let fields: Vec<String> = members
        .iter()
        .filter(|entry| entry.kind == Kind::Field)
        .map(|entry| format!("`{}`", entry.name))
        .collect();
    (!fields.is_empty()).then(|| format!("`{owner}` has {}", fields.join(", ")))
}

/// A method that the type does not have.
pub(super) fn method(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0599" || !diagnostic.message.starts_with("no method named") {
        return None;
    }
    let (name, owner) = (diagnostic.quoted(0)?, bare(diagnostic.quoted(1)?));
    let members = API.members(owner);
    if members.is_empty() {
        return None;
    }
    let known = |name: &str| members.iter().find(|entry| entry.name == name);
    if owner == "Signal" {
        let elsewhere = |&&(theirs, _): &&(&str, &str)| name == theirs || name.starts_with(theirs);
        if let Some((_, ours)) = ELSEWHERE.iter().find(elsewhere)
            && known(name).is_none()
        {
            return Some(match known(ours) {
                Some(entry) => format!("here it is `{ours}`{}", example(entry)),
                None => format!("here it is `{ours}`"),
            });
        }
        let receiver = last_expression(diagnostic.before.trim_end_matches('.'));
        if SHOWING.contains(&name) {
            return Some(format!(
                "a signal is shown by the last line of a cell: end the cell with `{receiver}`"
            ));
        }
        if OF_A_FRAME.contains(&name) {
            return Some(format!(
                "that is a method of a frame: `{receiver}.frame((0, 0))?.{name}()`; for every frame \
                 `{receiver}.map(|frame: Frame<f32>| frame.mean())?`"
            ));
        }
        if INDEXING.contains(&name) {
            return Some(format!(
                "the pixels at a scan position are `{receiver}.frame((row, column))?`"
            ));
        }
    }
    nearest(name, members.iter()).map(did_you_mean)
}

/// A wrong number of arguments.
pub(super) fn arguments(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0061" {
        return None;
    }
    let method = diagnostic.text.as_str();
    let given = in_parentheses(&diagnostic.behind)?.trim();
    if matches!(method, "frame" | "frame_as" | "peaks" | "values") && given.contains(',') {
        return Some(format!(
            "a scan position is one value, (row, column): `.{method}(({given}))`"
        ));
    }
    let first = parameters_of(method).into_iter().next()?;
    Some(format!(
        "it takes its parameters as one struct: `.{method}({first}::default())`"
    ))
}

/// Parameters of another method, or none that could be found out.
pub(super) fn parameters_of_another_method(diagnostic: &Diagnostic) -> Option<String> {
    if let Some((method, name)) = diagnostic
        .message
        .split_once("` does not take `")
        .filter(|_| diagnostic.code == "E0277")
    {
        let name = bare(name.trim_end_matches('`'));
        let method = method.trim_start_matches('`');
        let takes = diagnostic
            .notes()
            .find_map(|note| note.strip_prefix("it takes ").map(str::to_owned))?;
        let owner = API
            .members("Signal")
            .iter()
            .find(|entry| parameters_of(&entry.name).iter().any(|found| found == name));
        return Some(match owner {
            Some(entry) => format!(
                "`{name}` belongs to `{}`; `{method}` takes {takes}",
                entry.name
            ),
            None => format!("`{method}` takes {takes}"),
        });
    }
    // `find_peaks(default())`: which ones?
    if !matches!(diagnostic.code, "E0283" | "E0282" | "E0790")
        || !diagnostic.message.starts_with("type annotations needed")
    {
        return None;
    }
    let line = format!(
        "{}{}{}",
        diagnostic.before, diagnostic.text, diagnostic.behind
    );
    let call = line
        .split("(default())")
        .next()
        .filter(|call| call.len() < line.len())?;
    let method = call.rsplit('.').next()?;
    let takes = parameters_of(method);
    let first = takes.first()?;
    Some(format!(
        "say which parameters: `.{method}({first}::default())`; it takes {}",
        takes.join(", ")
    ))
}

/// A struct of parameters with some of its fields.
pub(super) fn missing_fields(diagnostic: &Diagnostic) -> Option<String> {
    let owner = bare(diagnostic.text.as_str());
    (diagnostic.code == "E0063" && API.types.contains_key(owner)).then(|| {
        format!("end it with `, ..default() }}`: the other fields of `{owner}` keep their defaults")
    })
}

/// A type that does not exist.
pub(super) fn type_name(diagnostic: &Diagnostic) -> Option<String> {
    if !matches!(
        diagnostic.code,
        "E0433" | "E0412" | "E0422" | "E0425" | "E0432"
    ) {
        return None;
    }
    let name = bare(diagnostic.text.as_str());
    if !name.starts_with(char::is_uppercase) {
        return None;
    }
    nearest(name, API.types.values().map(|(entry, _)| entry)).map(did_you_mean)
}

/// `find_peaks(NormalizedCorrelation)`: a struct is not a value.
pub(super) fn struct_as_value(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0423" {
        return None;
    }
    let name = bare(diagnostic.text.split(['(', '{']).next()?.trim());
    let field = API
        .members(name)
        .iter()
        .find(|entry| entry.kind == Kind::Field)?;
    Some(format!(
        "write `{name}::default()`, or `{name} {{ {}: …, ..default() }}`",
        field.name
    ))
}

/// `scan.shape` without its parentheses.
pub(super) fn method_as_field(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0615" {
        return None;
    }
    let (name, owner) = (diagnostic.quoted(0)?, bare(diagnostic.quoted(1)?));
    let entry = API.members(owner).iter().find(|entry| entry.name == name)?;
    let tail = if entry.signature.contains("-> Result<") {
        "?"
    } else {
        ""
    };
    let alone = !entry.signature.contains(',');
    alone.then(|| format!("`{name}` is a method: `{name}(){tail}`"))
}

/// `scan[(1, 2)]`.
pub(super) fn indexed_signal(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0608" || bare(diagnostic.quoted(0)?) != "Signal" {
        return None;
    }
    let inside = diagnostic
        .text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let at = match inside {
        Some(at) if at.starts_with('(') => at.to_owned(),
        Some(at) if at.contains(',') => format!("({at})"),
        _ => "(row, column)".into(),
    };
    Some(format!("the pixels at a scan position are `.frame({at})?`"))
}

/// Structs that a method takes, as its documentation lists them.
pub(super) fn parameters_of(method: &str) -> Vec<String> {
    let entry = API
        .members("Signal")
        .iter()
        .find(|entry| entry.name == method);
    entry.map_or_else(Vec::new, |entry| {
        entry
            .doc
            .lines()
            .filter_map(|line| line.strip_prefix("- [`")?.split('`').next())
            .map(str::to_owned)
            .collect()
    })
}

/// `Frame` of `signaltree::Frame<'_, f32>`.
fn bare(name: &str) -> &str {
    let name = name.trim_start_matches('&');
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

fn example(entry: &Entry) -> String {
    let takes = parameters_of(&entry.name);
    match takes.first() {
        Some(first) => format!(": `.{}({first}::default())?`", entry.name),
        None => String::new(),
    }
}

fn did_you_mean(entry: &Entry) -> String {
    let example = example(entry);
    if !example.is_empty() {
        return format!("did you mean `{}`{example}", entry.name);
    }
    let about = entry
        .doc
        .lines()
        .map(|line| line.trim_start_matches("- ").trim())
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    match about {
        "" => format!("did you mean `{}`?", entry.name),
        about => format!("did you mean `{}`: {about}", entry.name),
    }
}

/// The entry whose name is nearest, if it is near enough to be a slip of the pen.
fn nearest<'a>(name: &str, entries: impl Iterator<Item = &'a Entry>) -> Option<&'a Entry> {
    let limit = 1 + name.chars().count() / 4;
    let score = |entry: &Entry| {
        let theirs = entry.name.as_str();
        let (a, b) = (name.to_lowercase(), theirs.to_lowercase());
        if theirs.starts_with(&format!("{name}_")) || theirs.ends_with(&format!("_{name}")) {
            // `inner` of `inner_radius`.
            1
        } else {
            distance(&a, &b)
        }
    };
    entries
        .map(|entry| (score(entry), entry))
        .filter(|(score, _)| *score <= limit)
        .min_by_key(|(score, _)| *score)
        .map(|(_, entry)| entry)
}

/// Number of characters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_by_their_letters() {
        assert_eq!(distance("radios", "radius"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("centre", "center"), 2);
    }

    #[test]
    fn every_name_of_other_programs_leads_to_a_method() {
        for (_, ours) in ELSEWHERE {
            let known = *ours == "clone"
                || API
                    .members("Signal")
                    .iter()
                    .any(|entry| entry.name == *ours);
            assert!(known, "Signal has no method `{ours}`");
        }
        assert!(parameters_of("find_peaks").contains(&"LocalMaximum".into()));
    }
}
