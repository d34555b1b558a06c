//! The arrays of a Zarr store, by the metadata of its folders.

use std::path::Path;

use serde_json::Value;

use crate::storage::container::Listed;
use crate::storage::json;
use crate::storage::pixel::zarr_pixel;

/// Levels of groups that are looked at.
const MAX_LEVELS: usize = 16;
/// Folders that are looked at; a group may hold anything.
const MAX_FOLDERS: usize = 1 << 13;

/// All arrays below a folder; the chunks of an array are not looked at.
pub fn list(path: &Path) -> Vec<Listed> {
    let mut listed = Vec::new();
    let mut left = MAX_FOLDERS;
    below(path, "", 0, &mut left, &mut listed);
    listed
}

fn below(folder: &Path, prefix: &str, level: usize, left: &mut usize, listed: &mut Vec<Listed>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut names: Vec<String> = (entries.take(*left))
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with(".z") && name != "zarr.json")
        .collect();
    names.sort();
    for name in names {
        let inside = folder.join(&name);
        if *left == 0 || !inside.is_dir() {
            continue;
        }
        *left -= 1;
        let full = format!("{prefix}{name}");
        match described(&inside) {
            Ok(Some(metadata)) => listed.push(array(full, &metadata)),
            Ok(None) if level < MAX_LEVELS => {
                below(&inside, &format!("{full}/"), level + 1, left, listed);
            }
            Ok(None) => {}
            Err(fault) => {
                listed.push(Listed::broken(
                    full,
                    format!("array that cannot be read: {fault}"),
                ));
            }
        }
    }
}

/// The metadata of an array, if a folder is one.
fn described(folder: &Path) -> Result<Option<Value>, String> {
    let read = |name: &str| json::read(&folder.join(name)).map_err(|error| error.to_string());
    match read("zarr.json")? {
        Some(metadata) if metadata["node_type"] == "array" => Ok(Some(metadata)),
        Some(_) => Ok(None),
        None => read(".zarray"),
    }
}

fn array(name: String, metadata: &Value) -> Listed {
    let sizes = metadata["shape"].as_array();
    let shape = sizes.map(|sizes| {
        (sizes.iter())
            .map(|size| size.as_u64().and_then(|size| size.try_into().ok()))
            .collect::<Option<Vec<usize>>>()
    });
    match shape.flatten() {
        Some(shape) => Listed::array(name, shape, zarr_pixel(metadata)),
        None => Listed::broken(name, "array without a shape".into()),
    }
}
