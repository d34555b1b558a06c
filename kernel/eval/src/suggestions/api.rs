//! Names of the API: the nearest ones, their arguments, their parameter structs.

use super::diagnostic::Diagnostic;
use super::names;
use crate::advice::{Advice, Instead};
use crate::api::{API, Entry, Kind};
use crate::nearest::nearest;
use crate::repair;
use crate::text::{in_brackets, last_expression};
use crate::typing::bare;
use crate::typing::last_word;

/// A parameter, or a value of one, that only an earlier release had.
pub(super) fn former(diagnostic: &Diagnostic) -> Option<Advice> {
    let now = match diagnostic.code {
        "E0560" => repair::former(
            bare(diagnostic.quoted(0)?),
            diagnostic.quoted(1)?,
            diagnostic.behind.trim_start().strip_prefix(':')?,
        ),
        // `threshold: 0.5`, `Subpixel::Disk`
        "E0308" | "E0599" => {
            let (before, value) = match diagnostic.before.rsplit_once("::") {
                Some((before, "")) => (before.rsplit_once(':')?.0, &diagnostic.text),
                _ => (
                    diagnostic.before.trim_end().strip_suffix(':')?,
                    &diagnostic.text,
                ),
            };
            let name = last_word(before);
            (API.operations.iter())
                .filter(|operation| diagnostic.notebook.cell.contains(&operation.parameters))
                .find_map(|operation| repair::former(&operation.parameters, name, value))
        }
        _ => None,
    }?;
    let mended = diagnostic.mended(&diagnostic.line());
    let changed = mended != diagnostic.line().trim();
    Some(Advice::new(now).write(if changed { mended } else { String::new() }))
}

/// A field that the struct does not have.
pub(super) fn field(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(diagnostic.code, "E0560" | "E0609") {
        return None;
    }
    let (owner, field) = match diagnostic.code {
        "E0560" => (diagnostic.quoted(0)?, diagnostic.quoted(1)?),
        _ => (diagnostic.quoted(1)?, diagnostic.quoted(0)?),
    };
    if let Some(item) = owner
        .strip_prefix("Vec<")
        .and_then(|owner| owner.strip_suffix('>'))
    {
        return field_of_list(diagnostic, item, field);
    }
    let owner = bare(owner);
    let members = API.members(owner);
    if members.is_empty() {
        return None;
    }
    let meant = match diagnostic.code {
        "E0560" => repair::field_of(owner, field),
        _ => nearest(field, members.iter()),
    };
    if let Some(entry) = meant {
        let call = if entry.kind == Kind::Method { "()" } else { "" };
        return Some(did_you_mean(entry).write(diagnostic.with(&format!("{}{call}", entry.name))));
    }
    let fields: Vec<String> = API
        .fields(owner)
        .map(|entry| format!("`{}`", entry.name))
        .collect();
    (!fields.is_empty()).then(|| {
        Advice::new(format!(
            "`{owner}` has {}; `?{owner}` describes them",
            fields.join(", ")
        ))
        .write(format!("?{owner}"))
    })
}

/// A field of what a list holds: `peaks.x`, `axes.x`.
fn field_of_list(diagnostic: &Diagnostic, item: &str, field: &str) -> Option<Advice> {
    let from = diagnostic.before.trim_end().len().checked_sub(1)?;
    let to = diagnostic.before.len() + diagnostic.text.len();
    let place = |code: String| diagnostic.with_range(from, to, &code);
    if let Some(entry) = nearest(field, API.fields(item)) {
        return Some(
            Advice::new("a list is asked for one of its entries first, counted from 0")
                .write(place(format!("[0].{}", entry.name))),
        );
    }
    (item == "Axis").then(|| {
        Advice::new("an axis is looked for by its name").write(place(format!(
            ".into_iter().find(|axis| axis.name == {field:?})"
        )))
    })
}

/// A method that the type does not have.
pub(super) fn method(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0599" || !diagnostic.message.starts_with("no method named") {
        return None;
    }
    let owner = bare(diagnostic.quoted(1)?);
    nearest_method(diagnostic, owner)
}

/// The method of the type that has nearly this name.
pub(super) fn nearest_method(diagnostic: &Diagnostic, owner: &str) -> Option<Advice> {
    let entry = nearest(&diagnostic.text, API.members(owner).iter())?;
    let field = entry.kind == Kind::Field;
    let code = match diagnostic.method_call() {
        // A field is no method.
        Some(call) if field => diagnostic.with_range(diagnostic.before.len(), call.to, &entry.name),
        _ => diagnostic.with(&entry.name),
    };
    Some(did_you_mean(entry).write(code))
}

/// Parameters of another method, or none that could be found out.
pub(super) fn parameters_of_another_method(diagnostic: &Diagnostic) -> Option<Advice> {
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
        let line = diagnostic.line();
        let mended = diagnostic.mended(&line);
        let names: Vec<&str> = takes.split(", ").collect();
        return Some(match of_another_method(diagnostic, method, name, &names) {
            Some(advice) => advice,
            None if mended != line.trim() => {
                Advice::new(format!("`{method}` takes {takes}")).write(mended)
            }
            None => {
                let first = takes.split(", ").next().unwrap_or_default();
                Advice::new(format!("`{method}` takes {takes}"))
                    .write(diagnostic.with(&format!("{first}::default()")))
            }
        });
    }
    // `find_peaks(default())`: which ones?
    if !matches!(diagnostic.code, "E0283" | "E0282" | "E0790")
        || !diagnostic.message.starts_with("type annotations needed")
    {
        return None;
    }
    let line = diagnostic.line();
    let call = line
        .split("(default())")
        .next()
        .filter(|call| call.len() < line.len())?;
    let method = call.rsplit('.').next()?;
    let takes = API.parameters_of(method);
    let first = takes.first()?;
    Some(
        Advice::new(format!(
            "say which parameters: `.{}`; it takes {}",
            API.call(method, &format!("{first}::default()")),
            takes.join(", ")
        ))
        .write(diagnostic.mended(&line)),
    )
}

/// `pattern(Region::rectangle(0, 0, 2, 2))`: the field that takes it.
pub(super) fn region_as_parameters(diagnostic: &Diagnostic) -> Option<Advice> {
    let (method, name) = diagnostic.message.split_once("` does not take `")?;
    let method = method.trim_start_matches('`');
    if bare(name.trim_end_matches('`')) != "Region" {
        return None;
    }
    let takes = API.parameters_of(method);
    let (owner, field) = takes.iter().find_map(|owner| {
        let field = API
            .fields(owner)
            .find(|field| repair::kind_of(field).contains("Region"))?;
        Some((owner, field))
    })?;
    let value = match repair::kind_of(field).starts_with("Option") {
        true => format!("Some({})", diagnostic.text.trim()),
        false => diagnostic.text.trim().to_owned(),
    };
    Some(
        Advice::new(format!(
            "`{method}` takes {}, and a region is their field `{}`",
            takes.join(" or "),
            field.name
        ))
        .write(diagnostic.with(&format!(
            "{owner} {{ {}: {value}, ..default() }}",
            field.name
        ))),
    )
}

/// `virtual_image(Circle { radius: 10.0 })`, `pattern(Mean)`: a struct that does not exist where some can be given.
pub(super) fn unknown_parameters(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(diagnostic.code, "E0422" | "E0425" | "E0433" | "E0412") {
        return None;
    }
    let name = diagnostic.text.trim();
    let call = diagnostic.before.trim_end().strip_suffix('(')?;
    let method = last_word(call);
    let takes = API.parameters_of(method);
    let near = takes.iter().any(|own| {
        signal::edits(&own.to_lowercase(), &name.to_lowercase()) <= 1 + name.chars().count() / 4
    });
    if takes.is_empty() || near || !name.starts_with(char::is_uppercase) {
        return None;
    }
    // `Mean` of `MeanPattern`.
    let begun: Vec<&str> = (takes.iter().copied())
        .filter(|own| own.starts_with(name) || name.starts_with(own))
        .collect();
    let from = diagnostic.before.len();
    let behind = diagnostic.behind.trim_start();
    let space = diagnostic.behind.len() - behind.len();
    let fields = in_brackets(behind).filter(|_| behind.starts_with(['{', '(']));
    let (to, inner) = match fields {
        Some(inner) => (
            from + diagnostic.text.len() + space + inner.len() + 2,
            inner,
        ),
        None if behind.starts_with("::default()") => (
            from + diagnostic.text.len() + space + "::default()".len(),
            "",
        ),
        None => (from + diagnostic.text.len(), ""),
    };
    let meant = if begun.is_empty() { &takes } else { &begun };
    let code = repair::literal_of(meant, inner)?;
    Some(
        Advice::new(format!("`{method}` takes {}", takes.join(", ")))
            .write(diagnostic.with_range(from, to, &code)),
    )
}

/// Parameters that belong to another method: those of nearly this name that this one takes, and the other method.
fn of_another_method(
    diagnostic: &Diagnostic,
    method: &str,
    name: &str,
    takes: &[&str],
) -> Option<Advice> {
    let owner = (API.operations.iter()).find(|operation| operation.parameters == name)?;
    if takes.contains(&name) {
        return None;
    }
    let advice = Advice::new(format!(
        "`{name}` belongs to `{}`; `{method}` takes {}",
        owner.method,
        takes.join(", ")
    ));
    let namesake = (takes.iter()).find(|own| own.starts_with(name) || name.starts_with(**own));
    let own = namesake.map(|own| diagnostic.with(&format!("{own}::default()")));
    let there =
        diagnostic
            .line()
            .replacen(&format!(".{method}("), &format!(".{}(", owner.method), 1);
    Some(
        advice
            .write(own.unwrap_or_default())
            .write(diagnostic.mended(&there)),
    )
}

/// Something else in the place of a struct of parameters: `center_of_mass(())`.
pub(super) fn no_parameters(diagnostic: &Diagnostic) -> Option<Advice> {
    let (expected, _) = diagnostic
        .mismatch()
        .filter(|_| diagnostic.code == "E0308")?;
    let is_ours = (API.operations.iter()).any(|operation| operation.parameters == expected);
    is_ours.then(|| {
        Advice::new(format!("parameters are a struct: `{expected}::default()`"))
            .write(diagnostic.with(&format!("{expected}::default()")))
    })
}

/// A struct of parameters with some of its fields, or with half of its base.
pub(super) fn missing_fields(diagnostic: &Diagnostic) -> Option<Advice> {
    let base = diagnostic.code == "E0797"
        || (diagnostic.code == "E0308"
            && diagnostic.before.ends_with("..")
            && diagnostic.text == "default")
        || (diagnostic.code == "E0423"
            && diagnostic.before.ends_with("..")
            && diagnostic.text == "Default");
    let owner = bare(diagnostic.text.as_str());
    let fields = diagnostic.code == "E0063" && API.types.contains_key(owner);
    if !base && !fields {
        return None;
    }
    let line = diagnostic.line();
    let right = repair::repaired(diagnostic.notebook.cell, diagnostic.notebook.variables);
    let (code, instead) = match right {
        Some(right) => (right, Instead::Cell),
        None => (diagnostic.mended(&line), Instead::Marked),
    };
    let advice = match base {
        true => Advice::new("what completes a struct of parameters is `..default()`"),
        false => Advice::new(format!(
            "end it with `, ..default() }}`: the other fields of `{owner}` keep their defaults"
        )),
    };
    Some(if code == line.trim() {
        advice
    } else {
        advice.write(code).instead(instead)
    })
}

/// A struct literal without its name: `{radius: 6}`.
pub(super) fn nameless_struct(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.message != "struct literal body without path" {
        return None;
    }
    let line = diagnostic.line();
    let code = diagnostic.mended(&line);
    (code != line.trim()).then(|| Advice::new("parameters are a struct with a name").write(code))
}

/// A type that does not exist.
pub(super) fn type_name(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(
        diagnostic.code,
        "E0433" | "E0412" | "E0422" | "E0425" | "E0432" | "E0573"
    ) {
        return None;
    }
    let name = bare(diagnostic.text.as_str());
    let is_type = diagnostic.message.starts_with("cannot find type");
    let ours = match name {
        "float" | "double" | "real" | "number" | "Float" => Some((
            "f64",
            "a decimal number is an `f64`, or an `f32` with half the digits",
        )),
        "int" | "integer" | "long" | "Int" => Some((
            "i64",
            "a whole number is an `i64`; a size or an index is a `usize`",
        )),
        "string" | "char_array" => Some((
            "String",
            "a text of its own is a `String`, one in quotes a `&str`",
        )),
        "boolean" => Some(("bool", "a truth value is a `bool`")),
        "list" | "array" | "ndarray" => Some(("Vec<f64>", "a list of numbers is a `Vec<f64>`")),
        _ => None,
    };
    if let Some((kind, text)) = ours.filter(|_| is_type) {
        return Some(Advice::new(text).write(diagnostic.with(kind)));
    }
    if !name.starts_with(char::is_uppercase) {
        return None;
    }
    // `True` is no `Blue`.
    if let Some(advice) = names::word(diagnostic, name) {
        return Some(advice);
    }
    let entry = nearest(name, API.types.values().map(|(entry, _)| entry))?;
    Some(did_you_mean(entry).write(diagnostic.with(&diagnostic.text.replace(name, &entry.name))))
}

/// `find_peaks(NormalizedCorrelation)`: a struct is not a value.
pub(super) fn struct_as_value(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0423" {
        return None;
    }
    let name = bare(diagnostic.text.split(['(', '{']).next()?.trim());
    if let Some(numbers) = diagnostic.text.strip_prefix("Region").and_then(in_brackets) {
        return Some(
            Advice::new("a region is `Region::rectangle(x0, y0, width, height)`: first column, first row, width, height")
                .write(diagnostic.with(&format!("Region::rectangle({numbers})"))),
        );
    }
    let method = last_word(diagnostic.before.strip_suffix('(').unwrap_or_default());
    let takes = API.parameters_of(method);
    if !takes.is_empty()
        && let Some(advice) = of_another_method(diagnostic, method, name, &takes)
    {
        return Some(advice);
    }
    let field = API.fields(name).next()?;
    let field = match repair::kind_of(field).starts_with("Option") {
        // One whose value needs no brackets says more.
        true => API
            .fields(name)
            .find(|field| !repair::kind_of(field).starts_with("Option"))
            .unwrap_or(field),
        false => field,
    };
    let advice = Advice::new(format!(
        "write `{name}::default()`, or `{name} {{ {}: …, ..default() }}`",
        field.name
    ));
    let line = diagnostic.line();
    let mended = diagnostic.mended(&line);
    let alone = format!("{name}::default()");
    let code = match mended != line.trim() {
        true => mended,
        false if diagnostic.text.trim() == name => diagnostic.with(&alone),
        false => String::new(),
    };
    Some(advice.write(code))
}

/// `scan.shape` without its parentheses.
pub(super) fn method_as_field(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0615" {
        return None;
    }
    let (name, owner) = (diagnostic.quoted(0)?, bare(diagnostic.quoted(1)?));
    let entry = API.members(owner).iter().find(|entry| entry.name == name)?;
    let alone = !entry.signature.contains(',');
    if !alone {
        let takes = API.parameters_of(name);
        let first = takes.first()?;
        return Some(
            Advice::new(format!("`{name}` is a method with parameters")).write(diagnostic.with(
                &format!("{}?", API.call(name, &format!("{first}::default()"))),
            )),
        );
    }
    let tail = if entry.signature.contains("-> Result<") {
        "?"
    } else {
        ""
    };
    let advice = Advice::new(format!("`{name}` is a method: `{name}(){tail}`"));
    // `scan.shape[0]`
    let inner = in_brackets(&diagnostic.behind)
        .filter(|_| name == "shape" && owner == "Signal" && diagnostic.behind.starts_with('['));
    Some(match inner {
        Some(inner) => {
            let base = last_expression(diagnostic.before.trim_end_matches('.'));
            let from = diagnostic.before.len() - 1 - base.len();
            let to = diagnostic.before.len() + diagnostic.text.len() + inner.len() + 2;
            let at: usize = inner.trim().parse().unwrap_or(0);
            let (part, at) = if at < 2 {
                ("navigation", at)
            } else {
                ("signal", at - 2)
            };
            advice.write(diagnostic.with_range(from, to, &format!("{base}.shape()?.{part}[{at}]")))
        }
        None => advice.write(diagnostic.with(&format!("{name}(){tail}"))),
    })
}

pub(super) fn did_you_mean(entry: &Entry) -> Advice {
    let takes = API.parameters_of(&entry.name);
    if let Some(first) = takes.first().filter(|_| entry.kind == Kind::Method) {
        return Advice::new(format!(
            "did you mean `{}`: `.{}?`",
            entry.name,
            API.call(&entry.name, &format!("{first}::default()"))
        ));
    }
    let about = entry
        .doc
        .lines()
        .map(|line| line.trim_start_matches("- ").trim())
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    Advice::new(match about {
        "" => format!("did you mean `{}`?", entry.name),
        about => format!("did you mean `{}`: {about}", entry.name),
    })
}
