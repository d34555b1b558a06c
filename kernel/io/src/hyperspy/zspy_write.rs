//! Writing hyperspy's `.zspy`: a Zarr 2 tree with one file per chunk.
//!
//! Specification: see `zspy.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use signal::{Axis, ElementType, Peaks, SignalKind, SourceError};

use crate::error::io_error;
use crate::hyperspy::dictionary::{write, write_array_header, write_group, write_numbers};
use crate::hyperspy::zspy_ragged::ragged_chunks;
use crate::metadata::axes::axis_tree;
use crate::result::blocks::Boxes;
use crate::result::codec::{ChunkCodec, compressor_v2, zero};
use crate::result::partial::Record;
use crate::result::sink::Sink;
use crate::result::tree::{experiment_name, hyperspy_trees, object};
use crate::result::write_layout::WriteLayout;
use crate::storage::json;
use crate::storage::lock::lock;
use crate::storage::write::write_file;

pub struct ZspySink {
    folder: PathBuf,
    codec: Option<ChunkCodec>,
    chunks: Boxes,
    blocks: Boxes,
    /// Signal axes of the array, each in one chunk.
    signal_rank: usize,
    bytes: Mutex<HashMap<usize, u64>>,
    layout: WriteLayout,
}

impl ZspySink {
    /// Writes every group of the store and the header of its arrays; no chunk.
    ///
    /// # Errors
    /// [`SourceError::Io`] naming the file that could not be written.
    pub fn prepare(layout: &WriteLayout, root: &Path) -> Result<(), SourceError> {
        let meta = &layout.meta;
        let experiment = experiment(layout, root);
        write_group(
            root,
            &object(json!({"file_format": "ZSpy", "file_format_version": "3.3"})),
        )?;
        write_group(&root.join("Experiments"), &Map::new())?;
        // hyperspy warns at every load about a `package` that is not a Python package: left out.
        write_group(&experiment, &Map::new())?;
        for (at, (axis, navigate)) in layout.axes.iter().enumerate() {
            write_axis(&experiment.join(format!("axis-{at}")), axis, *navigate)?;
        }
        let (tree, original) = hyperspy_trees(meta, &layout.provenance);
        write(&experiment.join("metadata"), &tree)?;
        write(&experiment.join("original_metadata"), &original)?;
        let ragged = meta.kind == SignalKind::Peaks;
        write_group(
            &experiment.join("attributes"),
            &object(json!({"_lazy": false, "ragged": ragged})),
        )?;
        if ragged {
            return write_ragged_headers(&experiment, layout);
        }
        write_array_header(
            &experiment.join("data"),
            &dtype(meta.element),
            &layout.shape(),
            &layout.chunk_shape(),
            &compressor_v2(layout.compression, meta.element),
            &zero(meta.element),
            None,
        )
    }

    /// # Errors
    /// [`SourceError::Io`] when the prepared store cannot be read.
    pub fn open(layout: &WriteLayout, root: &Path) -> Result<Self, SourceError> {
        let folder = experiment(layout, root).join("data");
        let codec = match layout.meta.kind {
            SignalKind::Peaks => None,
            _ => {
                let header = json::read(&folder.join(".zarray"))?.unwrap_or_default();
                Some(ChunkCodec::new(&folder, header)?)
            }
        };
        Ok(ZspySink {
            codec,
            chunks: layout.chunks.clone(),
            blocks: layout.blocks.clone(),
            signal_rank: match layout.meta.kind {
                SignalKind::Frame => layout.meta.axes.signal.len(),
                _ => 0,
            },
            bytes: Mutex::default(),
            layout: layout.clone(),
            folder,
        })
    }

    fn file(&self, folder: &Path, index: &[usize]) -> PathBuf {
        let mut path = folder.to_owned();
        path.extend(index.iter().map(usize::to_string));
        path
    }

    /// The file of a chunk of frames or peaks.
    fn chunk_file(&self, chunk: usize) -> PathBuf {
        let mut index = self.chunks.index(chunk);
        let rank = index.len() + self.signal_rank;
        index.resize(rank.max(1), 0);
        self.file(&self.folder, &index)
    }

    fn shapes_file(&self, chunk: usize) -> PathBuf {
        let sibling = self.folder.with_file_name("_ragged_shapes_data");
        match self.chunk_file(chunk).strip_prefix(&self.folder) {
            Ok(inside) => sibling.join(inside),
            Err(_) => sibling,
        }
    }

    fn encoded(&self, file: &Path, bytes: &[u8]) -> Result<u64, SourceError> {
        let Some(codec) = &self.codec else {
            return Ok(0);
        };
        let encoded = codec.encode(file, bytes)?;
        write_file(file, &encoded)?;
        Ok(encoded.len() as u64)
    }

    fn count(&self, chunk: usize, bytes: u64) {
        let first: Vec<usize> = (self.chunks.ranges(chunk).iter())
            .map(|range| range.start)
            .collect();
        let (block, _) = self.blocks.place(&first);
        *lock(&self.bytes).entry(block).or_default() += bytes;
    }
}

impl Sink for ZspySink {
    fn chunk(&self, chunk: usize, bytes: &[u8]) -> Result<(), SourceError> {
        let written = self.encoded(&self.chunk_file(chunk), bytes)?;
        self.count(chunk, written);
        Ok(())
    }

    fn peaks(&self, chunk: usize, lists: &[Option<Arc<Peaks>>]) -> Result<(), SourceError> {
        let (lists, shapes) = ragged_chunks(lists);
        write_file(&self.chunk_file(chunk), &lists)?;
        write_file(&self.shapes_file(chunk), &shapes)?;
        self.count(chunk, (lists.len() + shapes.len()) as u64);
        Ok(())
    }

    fn finish_block(&self, block: usize, _durable: bool) -> Result<Record, SourceError> {
        // Hundreds of small files: none is forced to the disk. One that a crash of the machine shortened
        // is found by its length.
        Ok(Record {
            bytes: lock(&self.bytes).remove(&block).unwrap_or_default(),
            checksum: 0,
        })
    }

    fn holds(&self, block: usize, record: Record) -> bool {
        let length = |path: PathBuf| std::fs::metadata(path).ok().map(|found| found.len());
        let mut total = 0;
        for chunk in self.blocks.inside(block, &self.chunks) {
            let Some(bytes) = length(self.chunk_file(chunk)).filter(|bytes| *bytes > 0) else {
                return false;
            };
            total += bytes;
            if self.codec.is_none() {
                total += length(self.shapes_file(chunk)).unwrap_or_default();
            }
        }
        total == record.bytes
    }

    fn finish(&self, layout: &WriteLayout) -> Result<(), SourceError> {
        let folder = self.folder.with_file_name("metadata");
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(io_error(&folder, &error));
        }
        write(&folder, &hyperspy_trees(&layout.meta, &layout.provenance).0)
    }

    fn images(&self, images: &[f32]) -> Result<(), SourceError> {
        self.layout.map_chunks(images, &mut |index, bytes| {
            self.encoded(&self.file(&self.folder, index), bytes)
                .map(drop)
        })
    }
}

fn experiment(layout: &WriteLayout, root: &Path) -> PathBuf {
    root.join("Experiments")
        .join(experiment_name(&layout.meta.title))
}

/// An axis; the values of one that is not uniform are an array.
fn write_axis(folder: &Path, axis: &Axis, navigate: bool) -> Result<(), SourceError> {
    let mut tree = axis_tree(axis, navigate);
    let values = tree.remove("axis");
    write(folder, &tree)?;
    match values {
        None => Ok(()),
        Some(_) => write_numbers(&folder.join("axis"), &axis.values),
    }
}

/// Ragged arrays: flattened lists beside the shape of each, both of objects (numcodecs `vlen-array`).
fn write_ragged_headers(experiment: &Path, layout: &WriteLayout) -> Result<(), SourceError> {
    for (name, dtype) in [("data", "<f4"), ("_ragged_shapes_data", "<i8")] {
        write_array_header(
            &experiment.join(name),
            &json!("|O"),
            &layout.shape(),
            &layout.chunk_shape(),
            &Value::Null,
            &json!(0),
            Some(json!([{"id": "vlen-array", "dtype": dtype}])),
        )?;
    }
    Ok(())
}

/// numpy's spelling, little-endian: `"<u2"`; of colours the fields, as `[["R", "|u1"], ["G", "|u1"], ["B", "|u1"]]`.
pub fn dtype(element: ElementType) -> Value {
    match element.is_colour() {
        true => ["R", "G", "B", "A"][..element.channels()]
            .iter()
            .map(|name| json!([name, number(element.part())]))
            .collect(),
        false => json!(number(element)),
    }
}

fn number(element: ElementType) -> String {
    let order = if element.size_bytes() == 1 { '|' } else { '<' };
    let name = element.name();
    format!("{order}{}{}", &name[..1], element.size_bytes())
}
