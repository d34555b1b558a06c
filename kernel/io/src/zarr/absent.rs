//! Which chunks of a Zarr array are in its store, and whether they lie where its header says.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signal::{Caveat, SourceError};
use zarrs::array::ArrayShardedExt;

use crate::storage::absent::Absent;
use crate::zarr::array::ArrayFolder;

/// Names of chunk files that are looked up when an array is opened, and the time for it: opening stays quick on a
/// disk of which each answer takes long. A store with fewer is looked at wholly.
const MAX_LOOKED: u64 = 4096;
const MAX: Duration = Duration::from_millis(20);
/// Looked up in any case.
const LEAST_LOOKED: u64 = 64;

/// How chunks are named.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Layout {
    /// As Zarr 3 names them, below `c`.
    below_c: bool,
    separator: char,
}

impl Layout {
    const ALL: [Layout; 4] = [
        Layout::new(false, '.'),
        Layout::new(false, '/'),
        Layout::new(true, '/'),
        Layout::new(true, '.'),
    ];

    const fn new(below_c: bool, separator: char) -> Self {
        Layout { below_c, separator }
    }

    /// What a header says.
    fn of(metadata: &Value) -> Self {
        let separator = |given: &Value, usual| match given.as_str() {
            Some(".") => '.',
            Some("/") => '/',
            _ => usual,
        };
        if metadata["zarr_format"] == 2 {
            return Layout::new(false, separator(&metadata["dimension_separator"], '.'));
        }
        let encoding = &metadata["chunk_key_encoding"];
        let given = &encoding["configuration"]["separator"];
        match encoding["name"].as_str().or(encoding.as_str()) {
            Some("v2") => Layout::new(false, separator(given, '.')),
            _ => Layout::new(true, separator(given, '/')),
        }
    }

    fn key(self, indices: &[u64]) -> String {
        let parts = indices.iter().map(u64::to_string);
        let parts: Vec<String> = (self.below_c.then(|| "c".to_owned()).into_iter())
            .chain(parts)
            .collect();
        parts.join(&self.separator.to_string())
    }

    /// The header that says it, if one of this version can.
    fn header(self, metadata: &Value) -> Option<Value> {
        let mut header = metadata.clone();
        let separator = self.separator.to_string();
        if metadata["zarr_format"] == 2 {
            header["dimension_separator"] = json!(separator);
            return (!self.below_c).then_some(header);
        }
        header["chunk_key_encoding"] = json!({
            "name": if self.below_c { "default" } else { "v2" },
            "configuration": {"separator": separator},
        });
        Some(header)
    }
}

/// What was found when the files of chunks were looked up.
struct Look {
    looked: u64,
    /// The chunk files that are not there.
    absent: Vec<Vec<u64>>,
    files: u64,
}

/// Looks up whether the files of chunks are there, spread over the array: all of them if they are few. Files that lie
/// under names of another layout than the header says are found.
///
/// # Errors
/// [`SourceError::Unsupported`] naming both layouts when the header's version does not have that of the files.
pub fn look(
    store: &Path,
    folder: ArrayFolder,
    inner: &[usize],
    whole_frames: bool,
) -> Result<(ArrayFolder, Absent, Option<Caveat>), SourceError> {
    let mut found = look_under(&folder, Layout::of(&folder.metadata));
    let (mut folder, mut caveat) = (folder, None);
    if found.looked > 0 && found.absent.len() as u64 == found.looked {
        let other = other_layout(&folder, &found);
        if let Some(other) = other {
            let said = Layout::of(&folder.metadata);
            let first = vec![0; folder.array.dimensionality()];
            let (said, lie) = (said.key(&first), other.key(&first));
            let Some(header) = other.header(&folder.metadata) else {
                return Err(SourceError::unsupported(
                    &folder.folder,
                    format!(
                        "its header is of Zarr 2 and names chunks like `{said}`, its chunks are named like \
                         `{lie}`, as Zarr 3 does"
                    ),
                    "put the `zarr.json` of the array it was copied from in the place of `.zarray`",
                ));
            };
            folder = folder.with_header(header)?;
            found = look_under(&folder, other);
            caveat = Some(Caveat::new(
                "chunk_layout",
                format!(
                    "its header names chunks like `{said}`, in the store they are named like `{lie}`; \
                     they are read as they lie there"
                ),
            ));
        }
    }
    let absent = absent(store, &folder, inner, whole_frames, &found);
    Ok((folder, absent, caveat))
}

/// Counts in the chunks of which frames are made: those inside of shards, where there are shards.
fn absent(
    store: &Path,
    folder: &ArrayFolder,
    inner: &[usize],
    whole_frames: bool,
    found: &Look,
) -> Absent {
    let grid = grid_of(&folder.shape(), inner);
    let total = grid.iter().product();
    let pieces = if whole_frames { "frames" } else { "pixels" };
    let black = json!("black");
    let fill = match folder.metadata["dtype"].is_array() {
        true => Some(&black),
        false => folder.metadata.get("fill_value"),
    };
    let mut absent = Absent::of(store, total, pieces, fill);
    let zeros = vec![0; grid.len()];
    // A shard that is there may lack some of its chunks, which is seen when it is read.
    let per_file: Vec<u64> = match folder.chunk_shape(&zeros) {
        Ok(file) => (file.iter().zip(inner))
            .map(|(file, inner)| (file / *inner as u64).max(1))
            .collect(),
        Err(_) => vec![1; grid.len()],
    };
    let mut count = 0;
    for file in &found.absent {
        let ranges: Vec<std::ops::Range<u64>> = (file.iter().zip(&per_file).zip(&grid))
            .map(|((at, per), all)| at * per..((at + 1) * per).min(*all))
            .collect();
        let sizes: Vec<u64> = ranges.iter().map(|range| range.end - range.start).collect();
        for inside in 0..sizes.iter().product() {
            let at: Vec<u64> = (unravel(inside, &sizes).iter().zip(&ranges))
                .map(|(index, range)| range.start + index)
                .collect();
            absent.note(number(&at, &grid));
            count += 1;
        }
    }
    // A shard of one chunk may be there without it.
    let sharded = folder.array.effective_subchunk_shape().is_some();
    absent.looked(found.looked, count, found.looked == found.files && !sharded);
    absent
}

fn look_under(folder: &ArrayFolder, layout: Layout) -> Look {
    let grid = folder.array.chunk_grid_shape();
    let files = grid.iter().copied().fold(1, u64::saturating_mul);
    let step = spread(files);
    let began = Instant::now();
    let mut look = Look {
        looked: 0,
        absent: Vec::new(),
        files,
    };
    let mut at = 0;
    while look.looked < files.min(MAX_LOOKED) {
        if look.looked >= LEAST_LOOKED && look.looked.is_multiple_of(16) && began.elapsed() > MAX {
            break;
        }
        let indices = unravel(at, grid);
        if !folder.folder.join(layout.key(&indices)).is_file() {
            look.absent.push(indices);
        }
        look.looked += 1;
        at = (u128::from(at) + u128::from(step))
            .checked_rem(u128::from(files))
            .unwrap_or(0) as u64;
    }
    look
}

/// The layout under which at least one of the chunks that were looked up lies.
fn other_layout(folder: &ArrayFolder, found: &Look) -> Option<Layout> {
    let said = Layout::of(&folder.metadata);
    Layout::ALL.into_iter().find(|layout| {
        *layout != said
            && (found.absent.iter()).any(|indices| {
                let key = layout.key(indices);
                key != said.key(indices) && folder.folder.join(key).is_file()
            })
    })
}

/// A step that visits all of `count` and whose first visits lie far from each other: about 0.618 of it.
fn spread(count: u64) -> u64 {
    fn common(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { common(b, a % b) }
    }
    let golden = (count as f64 * 0.618_034) as u64;
    (golden.max(1)..=count.max(1))
        .find(|step| common(*step, count) == 1)
        .unwrap_or(1)
}

/// Chunks along each axis.
pub fn grid_of(shape: &[usize], chunk: &[usize]) -> Vec<u64> {
    (shape.iter().zip(chunk))
        .map(|(size, chunk)| size.div_ceil((*chunk).max(1)) as u64)
        .collect()
}

fn unravel(number: u64, shape: &[u64]) -> Vec<u64> {
    let mut left = number;
    let mut indices = vec![0; shape.len()];
    for (index, size) in indices.iter_mut().zip(shape).rev() {
        *index = left % size;
        left /= size;
    }
    indices
}

/// Number of a chunk in C order.
pub fn number(indices: &[u64], grid: &[u64]) -> u64 {
    (indices.iter().zip(grid)).fold(0, |flat, (index, size)| flat * size + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_visits_all_once_and_far_apart() {
        for count in [1, 2, 3, 4, 12, 64, 1000, 4096, 65_536] {
            let step = spread(count);
            let mut seen = vec![false; count as usize];
            let mut at = 0;
            for _ in 0..count {
                assert!(!std::mem::replace(&mut seen[at as usize], true), "{count}");
                at = (at + step) % count;
            }
        }
        let first: Vec<u64> = (0..4).map(|visit| visit * spread(1000) % 1000).collect();
        assert!(
            first
                .iter()
                .all(|a| first.iter().all(|b| a == b || a.abs_diff(*b) > 100))
        );
    }

    #[test]
    fn names_of_chunks_by_layout() {
        let names: Vec<String> = Layout::ALL
            .iter()
            .map(|layout| layout.key(&[1, 0, 12]))
            .collect();
        assert_eq!(names, ["1.0.12", "1/0/12", "c/1/0/12", "c.1.0.12"]);
        for (header, layout) in [
            (json!({"zarr_format": 2}), Layout::new(false, '.')),
            (
                json!({"zarr_format": 2, "dimension_separator": "/"}),
                Layout::new(false, '/'),
            ),
            (json!({"zarr_format": 3}), Layout::new(true, '/')),
            (
                json!({"zarr_format": 3, "chunk_key_encoding": {"name": "v2"}}),
                Layout::new(false, '.'),
            ),
        ] {
            assert_eq!(Layout::of(&header), layout);
            for other in Layout::ALL {
                let said = other.header(&header);
                assert_eq!(said.is_none(), other.below_c && header["zarr_format"] == 2);
                assert!(said.is_none_or(|said| Layout::of(&said) == other));
            }
        }
    }
}
