//! Axes as hyperspy stores them (`.zspy`, `.hspy`), and as this project writes them beside an array.
//!
//! hyperspy has three kinds: `UniformDataAxis` (offset and scale), `DataAxis` (a value for each entry, in an array
//! `axis`) and `FunctionalDataAxis` (a formula over another axis `x`). All three are read as what they are and
//! written again as that.

use std::path::Path;

use serde_json::{Map, Value, json};
use signal::{Axes, Axis, Caveat, SourceError};

use crate::metadata::expression::Expression;
use crate::metadata::units;
use crate::options::{MAX_SIGNAL_AXES, OpenOptions, usual_names};
use crate::storage::json;

/// Code of the caveat that a file has no axes of a frame.
pub const NAVIGATION_ONLY: &str = "navigation_only";

/// Values whose steps differ less than this from their mean (in steps) are those of a uniform axis, rounded.
const ROUNDING: f64 = 1e-9;
/// What is said of an axis whose calibration is not used; not said when the user gives the axes.
const IN_PIXELS: &str = "axis_in_pixels";
/// Attributes of an axis that our own fields hold.
const HELD: [&str; 8] = [
    "_type", "name", "units", "navigate", "size", "scale", "offset", "axis",
];

/// What helps a signal whose axes are in another order or number.
const TRANSPOSE: &str = "in Python, save it with two signal axes: `hs.load(FILE).transpose(signal_axes=2).save(\"frames.zspy\")`";
/// What helps a signal whose description does not fit its array.
const SAVE_AGAIN: &str = "open it with hyperspy and save it again, or write the array alone in Python: `np.save(\"array.npy\", array)`";

/// Where a format keeps its axes.
pub trait StoredAxes {
    /// Everything of `axis-<at>` but long arrays; `None` when it is missing.
    fn attributes(&self, at: usize) -> Result<Option<Value>, SourceError>;

    /// The values of an array of `axis-<at>`: `axis`, `x/axis`.
    fn values(&self, at: usize, array: &str) -> Result<Option<Vec<f64>>, SourceError>;
}

/// The axes of an experiment, in stored order: slowest first, navigation before signal; and what is to be said of them.
///
/// # Errors
/// Missing or contradicting axes.
pub fn read_axes(
    path: &Path,
    stored: &dyn StoredAxes,
    shape: &[usize],
    options: &OpenOptions,
) -> Result<(Axes, Vec<Caveat>), SourceError> {
    let (mut navigation, mut signal) = (Vec::new(), Vec::new());
    let mut caveats = Vec::new();
    for (at, size) in shape.iter().enumerate() {
        let attributes = stored.attributes(at)?.ok_or_else(|| {
            let place = format!("axis-{at}");
            let reason = "the group of this axis is missing";
            SourceError::header(path, place, reason, SAVE_AGAIN)
        })?;
        let given = Given {
            path,
            stored,
            attributes: &attributes,
            at,
        };
        let axis = given.axis(*size, &mut caveats)?;
        if attributes["navigate"] == true {
            if !signal.is_empty() {
                return Err(SourceError::unsupported(
                    path,
                    format!(
                        "navigation axis `{}` comes after a signal axis in the array",
                        axis.name
                    ),
                    TRANSPOSE,
                ));
            }
            navigation.push(axis);
        } else {
            signal.push(axis);
        }
    }
    if signal.len() > MAX_SIGNAL_AXES {
        let reason = format!(
            "its frames have {} axes; 1 to {MAX_SIGNAL_AXES} are handled",
            signal.len()
        );
        return Err(SourceError::unsupported(path, reason, TRANSPOSE));
    }
    if options.axes.is_some() {
        caveats.clear();
    }
    if signal.is_empty() && !navigation.is_empty() {
        name_unnamed(&mut navigation, true);
        signal = navigation.split_off(navigation.len().saturating_sub(2));
        caveats.push(Caveat::new(
            NAVIGATION_ONLY,
            "the file has navigation axes only, one number at each position; the last two are taken as those of a frame",
        ));
    }
    name_unnamed(&mut navigation, true);
    name_unnamed(&mut signal, false);
    Ok((Axes::new(navigation, signal), caveats))
}

/// One axis of a file.
struct Given<'a> {
    path: &'a Path,
    stored: &'a dyn StoredAxes,
    attributes: &'a Value,
    at: usize,
}

impl Given<'_> {
    fn name(&self) -> &str {
        match self.attributes["name"].as_str() {
            None | Some("_None_" | "<undefined>") => "",
            Some(name) => name,
        }
    }

    fn label(&self) -> String {
        match self.name() {
            "" => format!("axis-{}", self.at),
            name => format!("axis-{} ({name})", self.at),
        }
    }

    fn wrong(&self, reason: String) -> SourceError {
        SourceError::header(self.path, self.label(), reason, SAVE_AGAIN)
    }

    fn axis(&self, size: usize, caveats: &mut Vec<Caveat>) -> Result<Axis, SourceError> {
        let said = self.attributes["size"].as_u64();
        if let Some(said) = said.filter(|said| *said != size as u64) {
            return Err(self.wrong(format!("it says {said} entries, the array has {size}")));
        }
        let units = units::normalised(self.attributes["units"].as_str().unwrap_or_default());
        let read = match self.attributes["_type"]
            .as_str()
            .unwrap_or("UniformDataAxis")
        {
            "UniformDataAxis" => self.uniform(size, &units),
            "DataAxis" => {
                let values = (self.stored.values(self.at, "axis")?)
                    .filter(|values| values.len() == size)
                    .ok_or_else(|| self.wrong(format!("its {size} values cannot be read")))?;
                sampled(self.name(), values, &units)
            }
            "FunctionalDataAxis" => self.functional(size, &units)?,
            other => Err(format!("is a {other}, which is not known")),
        };
        let mut axis = match read {
            Ok(axis) => axis,
            Err(why) => {
                let text = format!("{} {why}; it is shown in pixels", self.label());
                caveats.push(Caveat::new(IN_PIXELS, text));
                return Ok(Axis::pixels(self.name(), size));
            }
        };
        if axis.definition.is_null() {
            axis.definition = more_than_held(self.attributes);
        }
        Ok(axis)
    }

    fn uniform(&self, size: usize, units: &str) -> Result<Axis, String> {
        let number = |name: &str| json::number(&self.attributes[name]);
        let (Some(scale), Some(offset)) = (number("scale"), number("offset")) else {
            return Err("has no scale and offset in the file".into());
        };
        if !scale.is_finite() || scale == 0.0 || !offset.is_finite() {
            return Err(format!("has scale {scale} and offset {offset} in the file"));
        }
        Ok(Axis::new(self.name(), size, scale, offset, units))
    }

    /// The values that the formula gives, and the formula for who writes the axis again. Inside: why it gives none.
    fn functional(&self, size: usize, units: &str) -> Result<Result<Axis, String>, SourceError> {
        let text = self.attributes["expression"].as_str().unwrap_or_default();
        let Some(x) = self.argument(size)?.filter(|x| x.len() == size) else {
            return Ok(Err(format!("is given by `{text}`, whose x cannot be read")));
        };
        let mut definition = self.attributes.clone();
        if self.attributes["x"]["_type"] == "DataAxis" {
            definition["x"]["axis"] = json!(x);
        }
        let values = Expression::parse(text).and_then(|formula| {
            let value = |x: f64| {
                formula.value(&|name| match name {
                    "x" => Some(x),
                    name => json::number(&self.attributes[name]),
                })
            };
            x.into_iter()
                .map(value)
                .collect::<Result<Vec<f64>, String>>()
        });
        let read = match values {
            Err(why) => Err(format!(
                "is given by `{text}`, which cannot be computed ({why})"
            )),
            Ok(values) => sampled(self.name(), values, units),
        };
        Ok(read.map(|axis| Axis { definition, ..axis }))
    }

    /// The values of the axis `x` of a formula.
    fn argument(&self, size: usize) -> Result<Option<Vec<f64>>, SourceError> {
        let x = &self.attributes["x"];
        if x["_type"] != "DataAxis" {
            let (scale, offset) = (json::number(&x["scale"]), json::number(&x["offset"]));
            return Ok((scale.zip(offset)).map(|(scale, offset)| {
                (0..size)
                    .map(|index| offset + scale * index as f64)
                    .collect()
            }));
        }
        if let Value::Array(values) = &x["axis"] {
            return Ok(values.iter().map(json::number).collect());
        }
        // As hyperspy writes it, and as our dictionaries do.
        match self.stored.values(self.at, "x/axis")? {
            None => self.stored.values(self.at, "x/_list_axis"),
            values => Ok(values),
        }
    }
}

/// An axis with these values: uniform if they are, in the last digits of a number.
fn sampled(name: &str, values: Vec<f64>, units: &str) -> Result<Axis, String> {
    if let [only] = values[..] {
        return match only.is_finite() {
            true => Ok(Axis::new(name, 1, 1.0, only, units)),
            false => Err(format!("has the value {only}")),
        };
    }
    let axis = Axis::with_values(name, values, units);
    if axis.size == 0 {
        return Ok(Axis::new(name, 0, 1.0, 0.0, units));
    }
    if axis.fault().is_some() {
        return Err("has values that neither rise nor fall throughout".into());
    }
    let line = Axis::new(name, axis.size, axis.scale, axis.offset, units);
    let most = (axis.values.iter().enumerate())
        .map(|(at, value)| (value - line.value(at as f64)).abs())
        .fold(0.0, f64::max);
    match most <= ROUNDING * axis.scale.abs() {
        true => Ok(line),
        false => Ok(axis),
    }
}

/// What an axis says beside what our fields hold, if that is more than hyperspy says of every axis.
fn more_than_held(attributes: &Value) -> Value {
    let usual = |name: &str, value: &Value| {
        HELD.contains(&name) || (name == "is_binned" && *value == false) || name == "index_in_array"
    };
    let more: Map<String, Value> = (attributes.as_object().into_iter().flatten())
        .filter(|(name, value)| !usual(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    match more.is_empty() {
        true => Value::Null,
        false => Value::Object(more),
    }
}

fn name_unnamed(axes: &mut [Axis], navigation: bool) {
    let names = usual_names(axes.len(), navigation);
    for (axis, name) in axes.iter_mut().zip(names) {
        if axis.name.is_empty() {
            axis.name = (*name).to_owned();
        }
    }
}

/// Everything of one axis as hyperspy stores it; the values of a `DataAxis` under `axis`.
pub fn axis_tree(axis: &Axis, navigate: bool) -> Map<String, Value> {
    let mut tree = axis.definition.as_object().cloned().unwrap_or_default();
    // A formula gives as many values as it did in the file it came from.
    if tree.contains_key("expression") && tree.get("size") != Some(&json!(axis.size)) {
        tree.retain(|name, _| name == "is_binned");
    }
    tree.entry("is_binned").or_insert(json!(false));
    tree.insert("name".into(), json!(axis.name));
    tree.insert(
        "units".into(),
        json!(if axis.units.is_empty() {
            "_None_"
        } else {
            axis.units.as_str()
        }),
    );
    tree.insert("navigate".into(), json!(navigate));
    if tree.contains_key("expression") {
        tree.insert("_type".into(), json!("FunctionalDataAxis"));
    } else if axis.is_uniform() {
        tree.insert("_type".into(), json!("UniformDataAxis"));
        tree.insert("size".into(), json!(axis.size));
        tree.insert("scale".into(), json!(axis.scale));
        tree.insert("offset".into(), json!(axis.offset));
    } else {
        tree.insert("_type".into(), json!("DataAxis"));
        tree.insert("axis".into(), json!(axis.values));
    }
    tree
}

/// One axis as this project writes it beside an array.
pub fn own_axis(axis: &Axis, navigate: bool) -> Value {
    let mut entry = json!({"name": axis.name, "size": axis.size, "scale": axis.scale,
        "offset": axis.offset, "units": axis.units, "navigate": navigate});
    if !axis.is_uniform() {
        entry["values"] = json!(axis.values);
    }
    if !axis.definition.is_null() {
        entry["definition"] = axis.definition.clone();
    }
    if !axis.names.is_empty() {
        entry["names"] = json!(axis.names);
    }
    entry
}

/// Names of axes as they stand in our part of hyperspy's metadata, by the names of the axes: hyperspy's axes have none, and keep
/// nothing beside what they know. As text, for an axis may be called what no group of HDF5 can. `None` where no axis has names.
pub fn axis_names(axes: &Axes) -> Option<Value> {
    let all = axes.navigation.iter().chain(&axes.signal);
    let named: Map<String, Value> = all
        .filter(|axis| !axis.names.is_empty())
        .map(|axis| (axis.name.clone(), json!(axis.names)))
        .collect();
    (!named.is_empty()).then(|| json!(Value::Object(named).to_string()))
}

/// Gives axes the names that [`axis_names`] wrote; what is said of those that do not fit.
pub fn take_axis_names(axes: &mut Axes, written: &Value) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    let written: Value = (written.as_str())
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    for (name, names) in written.as_object().into_iter().flatten() {
        let names: Vec<String> = (names.as_array().into_iter().flatten())
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let mut axes = axes.navigation.iter_mut().chain(&mut axes.signal);
        // Whoever opens the file may have given others.
        let Some(axis) = axes.find(|axis| axis.name == *name && axis.names.is_empty()) else {
            continue;
        };
        match names.len() == axis.size {
            true => {
                axis.names = names;
                axis.units.clear();
            }
            false => caveats.push(Caveat::new(
                "axis_names_unfit",
                format!(
                    "the file has {} names for the {} entries of the axis `{name}`, which are shown without",
                    names.len(),
                    axis.size
                ),
            )),
        }
    }
    caveats
}

/// Axes as this project writes them beside an array: one entry per axis, slowest first. `None` when they
/// are not there or do not fit the array.
pub fn own_axes(entries: &Value, shape: &[usize]) -> Option<Axes> {
    let entries = entries.as_array()?;
    let (mut navigation, mut signal) = (Vec::new(), Vec::new());
    for (entry, size) in entries.iter().zip(shape) {
        let mut axis = Axis::new(
            entry["name"].as_str()?,
            entry["size"].as_u64()?.try_into().ok()?,
            json::number(&entry["scale"])?,
            json::number(&entry["offset"])?,
            entry["units"].as_str()?,
        );
        if let Value::Array(values) = &entry["values"] {
            axis.values = values.iter().map(json::number).collect::<Option<_>>()?;
        }
        axis.definition = entry["definition"].clone();
        let names = entry["names"].as_array().into_iter().flatten();
        axis.names = (names.map(|name| name.as_str().map(str::to_owned))).collect::<Option<_>>()?;
        let navigates = entry["navigate"].as_bool()?;
        let special = !axis.is_uniform() || !axis.names.is_empty();
        let faulty = special && axis.fault().is_some();
        if axis.size != *size || faulty || (navigates && !signal.is_empty()) {
            return None;
        }
        match navigates {
            true => navigation.push(axis),
            false => signal.push(axis),
        }
    }
    if signal.is_empty() {
        // The numbers of a map without a scan.
        signal = navigation.split_off(navigation.len().saturating_sub(2));
    }
    let fits = entries.len() == shape.len() && (1..=MAX_SIGNAL_AXES).contains(&signal.len());
    fits.then(|| Axes::new(navigation, signal))
}

/// What is said of a description of the axes that was found beside an array and does not fit it.
pub fn own_axes_unfit(what: &str) -> Caveat {
    Caveat::new(
        IN_PIXELS,
        format!("{what} does not belong to the array; the axes are shown in pixels"),
    )
}
