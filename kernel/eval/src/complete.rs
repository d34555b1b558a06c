//! Completion and inspection: names of the API at once, everything else from rust-analyzer if it is free.

use crate::api::{API, Entry, Kind};
use crate::bridge::Variable;
use crate::cursor::Cursor;
use crate::{paths, variables};

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
        return answer(matching(fields, place.prefix, |entry| {
            format!("{}: ", entry.name)
        }));
    }
    if let Some(receiver) = place.receiver
        && let Some(owner) = type_of(receiver, &code[..byte], variables, 0)
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
        let types = API.types.values().map(|(entry, _)| entry);
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

/// The API type of an expression that ends a text, as far as names tell.
fn type_of<'a>(
    expression: &str,
    before: &str,
    variables: &Variables,
    depth: usize,
) -> Option<&'a str> {
    // `let a = b; let b = a;` must end.
    if depth > 8 {
        return None;
    }
    let mut rest = expression.trim_end();
    loop {
        let shorter = rest.trim_end_matches('?').trim_end();
        let shorter = [".unwrap()", ".clone()"]
            .iter()
            .find_map(|end| shorter.strip_suffix(end))
            .unwrap_or(shorter);
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    if rest.ends_with(')') {
        let open = opening_parenthesis(rest)?;
        return API.returned_type(last_word(&rest[..open]));
    }
    let name = last_word(rest);
    if name.is_empty() || rest[..rest.len() - name.len()].trim_end().ends_with('.') {
        return None;
    }
    // A `let` of this very cell hides an older variable.
    let binding = ["let ", "let mut "]
        .iter()
        .filter_map(|word| {
            before
                .rfind(&format!("{word}{name} = "))
                .map(|at| at + word.len())
        })
        .max();
    if let Some(at) = binding {
        let value = &before[at + name.len() + 3..];
        let value = &value[..value.find(";\n").or(value.find(';')).unwrap_or(value.len())];
        return type_of(value, &before[..at], variables, depth + 1);
    }
    let found = variables.iter().find(|variable| variable.name == name)?;
    let path = found.kind.trim_start_matches('&').split('<').next()?;
    let base = path.rsplit("::").next()?;
    API.types.get_key_value(base).map(|(name, _)| name.as_str())
}

fn opening_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().rev().find_map(|(at, character)| {
        match character {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

fn last_word(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, character)| character.is_alphanumeric() || *character == '_')
        .last()
        .map_or(text.len(), |(at, _)| at);
    &text[start..]
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
        let owner = type_of(receiver, &code[..byte], variables, 0).unwrap_or("Signal");
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
        return Some(describe(entry));
    }
    let (plain, html) = analyser(code, byte)?;
    let known = !plain.is_empty() && plain != "No documentation found";
    known.then_some(Inspection {
        plain,
        markdown: None,
        html: Some(html),
    })
}

fn describe(entry: &Entry) -> Inspection {
    let mut plain = format!("{}\n\n{}", entry.signature, entry.doc);
    let mut markdown = format!("```rust\n{}\n```\n\n{}", entry.signature, entry.doc);
    if entry.kind == Kind::Type {
        for member in API.members(&entry.name) {
            if member.kind != Kind::Field {
                continue;
            }
            let about = member.doc.replace('\n', " ");
            plain.push_str(&format!("\n  {}: {about}", member.signature));
            markdown.push_str(&format!("\n- `{}`: {about}", member.signature));
        }
    }
    Inspection {
        plain,
        markdown: Some(markdown),
        html: None,
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
        let fields = texts("NormalizedCorrelation { radius: 4.0, ");
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
    fn documentation_of_api_names() {
        let about = |code: &str| inspect(code, code.chars().count(), &[], |_| None, |_, _| None);
        assert!(about("open(").unwrap().plain.contains("fn open(path"));
        assert!(about("flat.save").unwrap().plain.contains(".zspy"));
        assert!(
            about("NormalizedCorrelation")
                .unwrap()
                .plain
                .contains("radius: f64")
        );
        assert!(about("nothing").is_none());
    }
}
