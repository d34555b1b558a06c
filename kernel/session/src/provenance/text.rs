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
const MAX_SHOWN: usize = 6;

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
    let columns = match meta.kind {
        SignalKind::Peaks => io::peak_columns(path),
        SignalKind::Frame | SignalKind::Map => Ok(Vec::new()),
    };
    let columns = columns.map_err(|error| crate::convert::source_error(&error))?;
    axes(&mut text, meta, &columns);
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

/// What a column of peaks is, where its name does not say it.
fn about(column: &str) -> &'static str {
    match column {
        "ky" => "  row, counted from 0",
        "kx" => "  column, counted from 0",
        "intensity" => "  mean over the disk, or at the spot",
        "score" => "  the finder's own, by which the rows are sorted",
        "misfit" => "  about 1 where it is such a disk, more where it overlaps, is cut or is none",
        "spread" => "  variance that it is wider by than the others",
        "stretch" => "  half of what that variance is more along kx than along ky",
        "stretch_diagonal" => "  the same, along one diagonal and the other",
        error if error.ends_with("_error") => "  standard error",
        _ => "",
    }
}

fn axes(text: &mut String, meta: &SignalMeta, columns: &[(String, String)]) {
    line(text, "\nAxes, slowest first");
    let navigation = meta.axes.navigation.iter().map(|axis| ("scan", axis));
    let signal = meta.axes.signal.iter().map(|axis| ("frame", axis));
    for (space, axis) in navigation.chain(signal) {
        line(text, &format!("  {space:<6}{}", axis_text(axis)));
    }
    if !columns.is_empty() {
        line(
            text,
            "\nColumns of the peaks of each frame; NaN is what the finder does not know",
        );
    }
    for (column, units) in columns {
        line(
            text,
            format!("  {column:<18}{units:<7}{}", about(column)).trim_end(),
        );
    }
    if !meta.value_units.is_empty() && meta.components.is_empty() && columns.is_empty() {
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
    if !axis.names.is_empty() {
        let names = axis.names.join(", ");
        return format!("{:<10}{:>7} names: {names}", axis.name, axis.size);
    }
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
    if let Some(prepared) = step.prepared.as_ref().filter(|found| !found.is_null()) {
        let mut found = String::new();
        if write!(found, "{indent}      found: {}", plain(prepared)).is_ok() {
            line(text, &found);
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "left out".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let mut shown: Vec<String> = parts.iter().take(MAX_SHOWN).map(plain).collect();
            if parts.len() > MAX_SHOWN {
                shown.push(format!("… {} in all", parts.len()));
            }
            format!("({})", shown.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = (fields.iter())
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| format!("{name} {}", plain(value)))
                .collect();
            fields.join(", ")
        }
        // More digits than were measured tell nothing; the JSON has them.
        Value::Number(number) => match number.as_f64().filter(|number| number.fract() != 0.0) {
            Some(number) => format!("{}", rounded(number)),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// To six significant digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}
