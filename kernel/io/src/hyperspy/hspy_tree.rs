//! hyperspy's encoding of a metadata tree in HDF5 groups, as JSON (see `dictionary.rs` for the encoding).

use std::path::Path;

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::{Attribute, Dataset, Datatype, H5Type};
use serde_json::{Map, Value, json};
use signal::SourceError;

use crate::hdf5::error::damaged;
use crate::hyperspy::dictionary::{
    MAX_ENTRIES, MAX_FOLDERS, attribute, group as listed, list_key, nested,
};
use crate::metadata::axes::StoredAxes;
use crate::storage::json;

/// Entries of a value-by-value axis that are read.
const MAX_AXIS_VALUES: u64 = 1 << 20;

/// The tree below a group; what cannot be read is described in words.
pub fn dictionary(group: &Group) -> Value {
    let mut left = MAX_FOLDERS;
    read_group(group, &mut left)
}

fn read_group(group: &Group, left: &mut usize) -> Value {
    let mut tree = Map::new();
    for (key, value) in attributes(group).unwrap_or_default() {
        let (key, value) = attribute(key, value);
        tree.insert(key, value);
    }
    let (groups, arrays) = group.members().unwrap_or_default();
    for child in groups {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let (key, value) = listed(child.name(), read_group(&child, left));
        tree.insert(key, value);
    }
    for array in arrays {
        if *left == 0 {
            break;
        }
        *left -= 1;
        tree.insert(list_key(array.name()).to_owned(), array_value(&array));
    }
    Value::Object(tree)
}

/// The attributes of a group as they are stored.
pub fn attributes(group: &Group) -> Result<Map<String, Value>, Error> {
    Ok((group.attributes()?.iter())
        .map(|attribute| (attribute.name.clone(), attribute_value(attribute)))
        .collect())
}

fn attribute_value(attribute: &Attribute) -> Value {
    let values = match (&attribute.decoded_strings, &attribute.datatype) {
        (Some(texts), _) => Some(texts.iter().cloned().map(Value::from).collect()),
        (None, Datatype::String { .. }) => (attribute.read_strings().ok())
            .map(|texts| texts.into_iter().map(Value::from).collect()),
        (None, Datatype::Enum { .. }) => {
            // h5py's truth values.
            let truths = attribute.raw_data.iter().map(|byte| json!(*byte != 0));
            Some(truths.collect())
        }
        (None, datatype) => typed(datatype, &Numbers::Attribute(attribute)),
    };
    match (values, attribute.shape.as_slice()) {
        (Some(mut values), []) if values.len() == 1 => values.remove(0),
        (Some(values), _) => Value::Array(values),
        (None, _) => json!("a value that cannot be read"),
    }
}

fn array_value(array: &Dataset) -> Value {
    let shape: Vec<usize> = array.shape().iter().map(|size| *size as usize).collect();
    if array.num_elements().is_ok_and(|count| count > MAX_ENTRIES) {
        return json!(format!("an array of shape {shape:?}"));
    }
    let values = match array.dtype() {
        Datatype::FixedPoint { .. } | Datatype::FloatingPoint { .. } => numbers(array),
        _ => (array.read_strings().ok()).map(|texts| texts.into_iter().map(Value::from).collect()),
    };
    match values {
        Some(values) => nested(values, &shape),
        None => json!("an array that cannot be read"),
    }
}

/// All numbers of a small array, in C order.
pub fn numbers(array: &Dataset) -> Option<Vec<Value>> {
    typed(array.dtype(), &Numbers::Array(array))
}

enum Numbers<'a> {
    Attribute(&'a Attribute),
    Array(&'a Dataset),
}

impl Numbers<'_> {
    fn read<T: H5Type + Copy + Into<Value>>(&self) -> Option<Vec<Value>> {
        match self {
            Numbers::Attribute(attribute) if attribute.shape.is_empty() => {
                Some(vec![attribute.read_scalar::<T>().ok()?.into()])
            }
            Numbers::Attribute(attribute) => {
                let values = attribute.read_1d::<T>().ok()?;
                Some(values.into_iter().map(Into::into).collect())
            }
            Numbers::Array(array) => {
                let values = array.read_array::<T>().ok()?;
                Some(values.iter().map(|value| (*value).into()).collect())
            }
        }
    }
}

fn typed(datatype: &Datatype, numbers: &Numbers<'_>) -> Option<Vec<Value>> {
    match datatype {
        Datatype::FixedPoint { size, signed, .. } => match (*size, *signed) {
            (1, false) => numbers.read::<u8>(),
            (1, true) => numbers.read::<i8>(),
            (2, false) => numbers.read::<u16>(),
            (2, true) => numbers.read::<i16>(),
            (4, false) => numbers.read::<u32>(),
            (4, true) => numbers.read::<i32>(),
            (8, false) => numbers.read::<u64>(),
            (8, true) => numbers.read::<i64>(),
            _ => None,
        },
        Datatype::FloatingPoint { size: 4, .. } => numbers.read::<f32>(),
        Datatype::FloatingPoint { size: 8, .. } => numbers.read::<f64>(),
        _ => None,
    }
}

/// Axes as groups of an experiment.
pub struct AxisGroups<'a> {
    pub path: &'a Path,
    pub experiment: &'a Group,
}

impl StoredAxes for AxisGroups<'_> {
    fn attributes(&self, at: usize) -> Result<Option<Value>, SourceError> {
        let Ok(group) = self.experiment.group(&format!("axis-{at}")) else {
            return Ok(None);
        };
        // A dictionary passes over what cannot be read, and an axis must not lose its scale.
        attributes(&group)
            .map(|_| Some(dictionary(&group)))
            .map_err(|error| damaged(self.path, &format!("axis-{at}"), &error))
    }

    fn values(&self, at: usize, array: &str) -> Result<Option<Vec<f64>>, SourceError> {
        let (inside, name) = array.rsplit_once('/').unwrap_or(("", array));
        let array = (self.experiment.group(&format!("axis-{at}")))
            .and_then(|group| match inside {
                "" => Ok(group),
                inside => group.group(inside),
            })
            .and_then(|group| group.dataset(name));
        Ok(array
            .ok()
            .filter(|array| {
                array
                    .num_elements()
                    .is_ok_and(|count| count <= MAX_AXIS_VALUES)
            })
            .and_then(|array| numbers(&array))
            .map(|values| values.iter().filter_map(json::number).collect()))
    }
}
