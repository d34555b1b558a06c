//! What `signaltree show` prints of a file.

use std::fmt::Write as _;
use std::path::Path;

use protocol::{OpenOptions, WireError};
use serde_json::{Value, json};
use signal::{Axis, Caveat, SignalKind, SignalMeta};

use super::{Provenance, Step, read};
use crate::journal::Stamp;
use crate::sources;

/// Entries of a list that are printed; the JSON has all.
const MOST_SHOWN: usize = 6;

/// Shape, axes and the way a result was made: for people, or as JSON.
///
/// # Errors
/// [`WireError`] when the file cannot be opened.
pub fn describe(path: &Path, as_json: bool) -> Result<String, WireError> {
    let provenance = read(path)?;
    let (meta, caveats) = what_it_holds(path, provenance.as_ref())?;
    let meta = &meta;
    if as_json {
        let whole = json!({
            "path": path,
            "format": io::format_name(path),
            "summary": meta.summary(),
            "signal": super::SignalIdentity::of(meta),
            "caveats": caveats,
            "provenance": provenance,
        });
        return serde_json::to_string_pretty(&whole)
            .map_err(|error| WireError::new("internal", error.to_string(), "please report this"));
    }
    let mut text = String::new();
    let format = io::format_name(path).unwrap_or("unknown format");
    line(
        &mut text,
        &format!("{}  {}  ({format})", path.display(), meta.summary()),
    );
    axes(&mut text, meta);
    let told = (provenance.as_ref()).map_or(&[][..], |known| &known.conventions.caveats[..]);
    let untold: Vec<&Caveat> = (caveats.iter())
        .filter(|caveat| !told.contains(caveat))
        .collect();
    if !untold.is_empty() {
        line(&mut text, "\nBefore trusting the numbers");
        for caveat in untold {
            line(&mut text, &format!("  {}", caveat.text));
        }
    }
    match &provenance {
        Some(provenance) => lineage(&mut text, provenance, ""),
        None => line(&mut text, "\nThe file does not say how it was made."),
    }
    Ok(text)
}

/// What the file itself says of its signal. It stores maps and peaks as arrays of other shapes, and opened as
/// frames they are hard to recognise; the record of how they were made knows them.
fn what_it_holds(
    path: &Path,
    provenance: Option<&Provenance>,
) -> Result<(SignalMeta, Vec<Caveat>), WireError> {
    let made = provenance
        .and_then(|provenance| provenance.nodes.last()?.signal.as_ref())
        .filter(|signal| signal.kind != SignalKind::Frame);
    match made {
        Some(signal) => {
            let told = provenance.map_or_else(Vec::new, |known| known.conventions.caveats.clone());
            Ok((signal.meta(), told))
        }
        None => {
            let source = sources::read(path, &OpenOptions::default())?;
            let mut meta = source.meta().clone();
            for caveat in source.caveats() {
                meta.add_caveat(caveat);
            }
            let caveats = meta.caveats.clone();
            Ok((meta, caveats))
        }
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn axes(text: &mut String, meta: &SignalMeta) {
    line(text, "\nAxes, slowest first");
    let navigation = meta.axes.navigation.iter().map(|axis| ("scan", axis));
    let signal = meta.axes.signal.iter().map(|axis| ("frame", axis));
    for (space, axis) in navigation.chain(signal) {
        line(text, &format!("  {space:<6}{}", axis_text(axis)));
    }
    if !meta.value_units.is_empty() && meta.components.is_empty() {
        line(text, &format!("  values in {}", meta.value_units));
    }
    for component in &meta.components {
        let units = if component.units.is_empty() {
            "1"
        } else {
            &component.units
        };
        line(
            text,
            &format!(
                "  image {}  {}  in {units}",
                component.name, component.title
            ),
        );
    }
}

fn axis_text(axis: &Axis) -> String {
    let units = if axis.units.is_empty() {
        "px"
    } else {
        &axis.units
    };
    match axis.values.last() {
        Some(last) => format!(
            "{:<10}{:>7} points, uneven, from {} {units} to {last} {units}",
            axis.name, axis.size, axis.offset
        ),
        None => format!(
            "{:<10}{:>7} points, {} {units} apart, from {} {units}",
            axis.name, axis.size, axis.scale, axis.offset
        ),
    }
}

fn lineage(text: &mut String, provenance: &Provenance, indent: &str) {
    line(
        text,
        &format!(
            "\n{indent}How `{}` was made ({}, signaltree {})",
            provenance.result, provenance.created, provenance.signaltree
        ),
    );
    for step in &provenance.nodes {
        step_lines(text, step, indent);
    }
    let conventions = &provenance.conventions;
    line(text, &format!("\n{indent}Conventions"));
    line(
        text,
        &format!("{indent}  order of axes: {}", conventions.axis_order),
    );
    line(text, &format!("{indent}  index: {}", conventions.index));
    line(
        text,
        &format!("{indent}  calibration: {}", conventions.calibration),
    );
    if !conventions.notes.is_empty() {
        line(text, &format!("{indent}  of this result:"));
    }
    for (name, value) in &conventions.notes {
        line(text, &format!("{indent}      {name} = {}", plain(value)));
    }
    for caveat in &conventions.caveats {
        line(text, &format!("{indent}  caveat: {}", caveat.text));
    }
    let nested = provenance
        .nodes
        .iter()
        .filter_map(|step| step.file.as_ref()?.provenance.as_ref());
    nested.for_each(|provenance| lineage(text, provenance, &format!("{indent}  ")));
}

fn step_lines(text: &mut String, step: &Step, indent: &str) {
    if let Some(file) = &step.file {
        let now = match (file.stamp(), Stamp::of(&file.path)) {
            (_, None) => "not there any more",
            (Some(then), Some(now)) if then != now => "changed since",
            _ => "as it was",
        };
        // Of a folder, only the size of its headers is known, which says nothing to people.
        let size = match file.format.as_str() {
            "zspy" | "zarr" => String::new(),
            _ => format!(", {} bytes", file.size),
        };
        line(
            text,
            &format!(
                "{indent}  {}  file {} ({}{size}, changed {}; {now})",
                step.name,
                file.path.display(),
                file.format,
                file.modified
            ),
        );
        return;
    }
    let parents = match step.parents.as_slice() {
        [] => "?".to_owned(),
        [first, further @ ..] => {
            let with = if further.is_empty() { "" } else { " with " };
            format!("{first}{with}{}", further.join(", "))
        }
    };
    let Some(operation) = &step.operation else {
        line(
            text,
            &format!("{indent}  {}  a closure of a cell on {parents}", step.name),
        );
        return;
    };
    let title = step.title.as_ref().unwrap_or(operation);
    line(
        text,
        &format!("{indent}  {}  {title} of {parents}", step.name),
    );
    if let Some(Value::Object(parameters)) = &step.parameters {
        for (name, value) in parameters {
            line(text, &format!("{indent}      {name} = {}", plain(value)));
        }
    }
    if let Some(prepared) = &step.prepared {
        let mut found = String::new();
        if write!(found, "{indent}      found: {}", plain(prepared)).is_ok() {
            line(text, &found);
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "found automatically".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let mut shown: Vec<String> = parts.iter().take(MOST_SHOWN).map(plain).collect();
            if parts.len() > MOST_SHOWN {
                shown.push(format!("… {} in all", parts.len()));
            }
            format!("({})", shown.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = (fields.iter())
                .map(|(name, value)| format!("{name} {}", plain(value)))
                .collect();
            fields.join(", ")
        }
        other => other.to_string(),
    }
}
