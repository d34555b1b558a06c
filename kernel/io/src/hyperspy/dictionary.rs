//! hyperspy's encoding of a metadata tree in Zarr groups, both ways.
//!
//! A dictionary is a group, a text, number or truth value an attribute, `None` the text `_None_`; lists
//! and tuples are arrays or groups whose names begin with `_list_` or `_tuple_`. The encoding is
//! described in the documentation of RosettaSciIO (`hspy` and `zspy` formats, version 3.3).

use std::path::Path;

use serde_json::{Map, Value, json};
use signal::SourceError;

use crate::error::io_error;
use crate::storage::json;
use crate::storage::write::write_json;
use crate::zarr::array::ArrayFolder;

/// Arrays with more entries than this are named, not read, when a file is opened.
pub const MAX_ENTRIES: u64 = 4096;
/// Groups and arrays read at most; larger trees are cut, so that opening stays quick.
pub const MAX_FOLDERS: usize = 2000;
const NONE: &str = "_None_";

/// Reads the tree below a group; an absent group is an empty tree.
///
/// # Errors
/// [`SourceError`] when a folder or its attributes cannot be read.
pub fn read(folder: &Path) -> Result<Value, SourceError> {
    let mut left = MAX_FOLDERS;
    read_group(folder, &mut left)
}

fn read_group(folder: &Path, left: &mut usize) -> Result<Value, SourceError> {
    let mut tree = Map::new();
    if let Some(Value::Object(attributes)) = json::read(&folder.join(".zattrs"))? {
        for (key, value) in attributes {
            let (key, value) = attribute(key, value);
            tree.insert(key, value);
        }
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Value::Object(tree));
        }
        Err(error) => return Err(io_error(folder, &error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with(".z"))
        .collect();
    names.sort();
    for name in names {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let child = folder.join(&name);
        if child.join(".zgroup").is_file() {
            let value = read_group(&child, left)?;
            let (key, value) = group(&name, value);
            tree.insert(key, value);
        } else if child.join(".zarray").is_file() {
            tree.insert(list_key(&name).to_owned(), array(&child));
        }
    }
    Ok(Value::Object(tree))
}

pub fn attribute(key: String, value: Value) -> (String, Value) {
    for prefix in ["_list_empty_", "_tuple_empty_"] {
        if let Some(key) = key.strip_prefix(prefix) {
            return (key.to_owned(), json!([]));
        }
    }
    match value {
        Value::String(text) if text == NONE => (key, Value::Null),
        value => (key, value),
    }
}

/// `_list_<length>_<key>` with children "0", "1", … is a list; anything else is a dictionary.
pub fn group(name: &str, value: Value) -> (String, Value) {
    let rest = name
        .strip_prefix("_list_")
        .or_else(|| name.strip_prefix("_tuple_"));
    if let Some((length, key)) = rest.and_then(|rest| rest.split_once('_'))
        && let (Ok(length), Value::Object(mut children)) = (length.parse::<usize>(), value.clone())
        && length <= children.len()
    {
        let items = (0..length)
            .map(|at| children.remove(&at.to_string()).unwrap_or_default())
            .collect();
        return (key.to_owned(), Value::Array(items));
    }
    (name.to_owned(), value)
}

pub fn list_key(name: &str) -> &str {
    name.strip_prefix("_list_")
        .or_else(|| name.strip_prefix("_tuple_"))
        .unwrap_or(name)
}

/// A small array as a (nested) list; a large or unreadable one is described in words.
fn array(folder: &Path) -> Value {
    let Ok(Some(array)) = ArrayFolder::open(folder) else {
        return json!("an array that cannot be read");
    };
    let shape = array.shape();
    match array.small_values(MAX_ENTRIES) {
        Some(values) => nested(values, &shape),
        None => json!(format!("an array of shape {shape:?}")),
    }
}

pub fn nested(values: Vec<Value>, shape: &[usize]) -> Value {
    match shape {
        [] => values.into_iter().next().unwrap_or_default(),
        [_] => Value::Array(values),
        [_, inner @ ..] => {
            let size = inner.iter().product::<usize>().max(1);
            Value::Array(
                values
                    .chunks(size)
                    .map(|part| nested(part.to_vec(), inner))
                    .collect(),
            )
        }
    }
}

/// Writes a group with its attributes; the folder is made.
///
/// # Errors
/// [`SourceError::Io`] naming the file that could not be written.
pub fn write_group(folder: &Path, attributes: &Map<String, Value>) -> Result<(), SourceError> {
    std::fs::create_dir_all(folder).map_err(|error| io_error(folder, &error))?;
    write_json(&folder.join(".zgroup"), &json!({"zarr_format": 2}))?;
    if attributes.is_empty() {
        return Ok(());
    }
    write_json(&folder.join(".zattrs"), &Value::Object(attributes.clone()))
}

/// A slash would open a folder, and a name that begins with a dot may hide Zarr's own files.
pub fn safe_key(key: &str) -> String {
    key.replace(['/', '\\'], "-")
        .replacen('.', "_", usize::from(key.starts_with('.')))
}

/// Writes a tree as a group.
///
/// # Errors
/// [`SourceError::Io`] naming the file that could not be written.
pub fn write(folder: &Path, tree: &Map<String, Value>) -> Result<(), SourceError> {
    let mut attributes = Map::new();
    let mut children = Vec::new();
    for (key, value) in tree {
        let key = safe_key(key);
        match value {
            Value::Null => {
                attributes.insert(key, json!(NONE));
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                attributes.insert(key, value.clone());
            }
            Value::Array(items) if items.is_empty() => {
                attributes.insert(format!("_list_empty_{key}"), json!(NONE));
            }
            value => children.push((key, value)),
        }
    }
    write_group(folder, &attributes)?;
    for (key, value) in children {
        match value {
            Value::Object(inner) => write(&folder.join(key), inner)?,
            Value::Array(items) => write_list(folder, &key, items)?,
            _ => {}
        }
    }
    Ok(())
}

fn write_list(folder: &Path, key: &str, items: &[Value]) -> Result<(), SourceError> {
    let list = folder.join(format!("_list_{key}"));
    if let Some(texts) = all(items, Value::as_str) {
        return write_texts(&list, &texts);
    }
    if let Some(whole) = all(items, Value::as_i64) {
        let bytes: Vec<u8> = whole.iter().flat_map(|value| value.to_le_bytes()).collect();
        return write_vector(&list, "<i8", items.len(), json!(0), &bytes);
    }
    if let Some(real) = all(items, Value::as_f64) {
        return write_numbers(&list, &real);
    }
    let numbered = items
        .iter()
        .enumerate()
        .map(|(at, item)| (at.to_string(), item.clone()))
        .collect();
    write(
        &folder.join(format!("_list_{}_{key}", items.len())),
        &numbered,
    )
}

fn all<'a, T>(items: &'a [Value], as_type: impl Fn(&'a Value) -> Option<T>) -> Option<Vec<T>> {
    items.iter().map(as_type).collect()
}

/// Writes a vector of numbers as an array.
///
/// # Errors
/// [`SourceError::Io`] naming the file that could not be written.
pub fn write_numbers(folder: &Path, values: &[f64]) -> Result<(), SourceError> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    write_vector(folder, "<f8", values.len(), json!(0.0), &bytes)
}

/// A vector in one uncompressed chunk.
fn write_vector(
    folder: &Path,
    dtype: &str,
    length: usize,
    fill: Value,
    bytes: &[u8],
) -> Result<(), SourceError> {
    write_array_header(
        folder,
        &json!(dtype),
        &[length],
        &[length],
        &Value::Null,
        &fill,
        None,
    )?;
    let chunk = folder.join("0");
    std::fs::write(&chunk, bytes).map_err(|error| io_error(&chunk, &error))
}

/// Texts in one uncompressed chunk: a count, then length and UTF-8 bytes of each (`vlen-utf8`).
fn write_texts(folder: &Path, texts: &[&str]) -> Result<(), SourceError> {
    let mut bytes = (texts.len() as u32).to_le_bytes().to_vec();
    for text in texts {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    write_array_header(
        folder,
        &json!("|O"),
        &[texts.len()],
        &[texts.len()],
        &Value::Null,
        &json!(""),
        Some(json!([{"id": "vlen-utf8"}])),
    )?;
    let chunk = folder.join("0");
    std::fs::write(&chunk, bytes).map_err(|error| io_error(&chunk, &error))
}

/// Makes the folder of a version 2 array and writes its `.zarray`.
///
/// # Errors
/// [`SourceError::Io`] naming the file that could not be written.
pub fn write_array_header(
    folder: &Path,
    dtype: &Value,
    shape: &[usize],
    chunks: &[usize],
    compressor: &Value,
    fill: &Value,
    filters: Option<Value>,
) -> Result<(), SourceError> {
    std::fs::create_dir_all(folder).map_err(|error| io_error(folder, &error))?;
    write_json(
        &folder.join(".zarray"),
        &json!({
            "zarr_format": 2,
            "shape": shape,
            "chunks": chunks,
            "dtype": dtype,
            "compressor": compressor,
            "fill_value": fill,
            "filters": filters,
            "order": "C",
            "dimension_separator": "/",
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let tree = json!({
            "text": "ε_xx", "whole": 3, "real": 0.25, "truth": true, "none": null,
            "inner": {"deep": {"value": -1}},
            "texts": ["a", "αβ", ""], "wholes": [1, 2, 3], "reals": [1.5, -2.0],
            "empty": [], "mixed": [1, "a"], "dicts": [{"a": 1}, {"a": 2}], "lists": [[1, 2], [3]],
        });
        write(folder.path(), tree.as_object().unwrap()).unwrap();
        let mut back = read(folder.path()).unwrap();
        assert_eq!(back["lists"][0]["0"], Value::Null);
        // Insertion order is not kept by a folder; equality of maps does not look at it.
        assert_eq!(back["lists"].take(), json!([[1, 2], [3]]));
        for (key, value) in tree.as_object().unwrap() {
            if key != "lists" {
                assert_eq!(&back[key], value, "{key}");
            }
        }
    }
}
