//! Writing one sharded Zarr 3 array.
//!
//! Specification: <https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html>.
//! The root of the store is the array, so that every reader opens it by its name alone. Axes are in
//! `dimension_names` and, calibrated, in the attribute `axes`; `metadata` and `original_metadata` are
//! hyperspy's trees as plain JSON.
//!
//! A shard is a file that chunks are appended to in the order they become complete; its index, which
//! says where each is, is written last. So memory does not grow with the size of a shard.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use signal::{Peaks, SignalKind, SourceError};

use crate::error::io_error;
use crate::metadata::axes::own_axis;
use crate::result::blocks::Boxes;
use crate::result::codec::{ChunkCodec, codecs_v3, zero};
use crate::result::partial::Record;
use crate::result::sink::Sink;
use crate::result::tree::{metadata, original};
use crate::result::write_layout::WriteLayout;
use crate::storage::lock::lock;
use crate::storage::write::write_file;
use crate::storage::write::write_json;

/// Offset and length of a chunk that is not there.
const ABSENT: (u64, u64) = (u64::MAX, u64::MAX);

pub struct ZarrSink {
    root: PathBuf,
    codec: ChunkCodec,
    chunks: Boxes,
    blocks: Boxes,
    signal_rank: usize,
    open: Mutex<HashMap<usize, Arc<Shard>>>,
    layout: WriteLayout,
}

/// A shard that misses chunks.
struct Shard {
    path: PathBuf,
    file: File,
    state: Mutex<Filled>,
}

struct Filled {
    end: u64,
    index: Vec<(u64, u64)>,
}

impl ZarrSink {
    /// Writes `zarr.json`; no chunk.
    ///
    /// # Errors
    /// [`SourceError::Io`] naming the file that could not be written.
    pub fn prepare(layout: &WriteLayout, root: &Path) -> Result<(), SourceError> {
        std::fs::create_dir_all(root).map_err(|error| io_error(root, &error))?;
        write_json(&root.join("zarr.json"), &header(layout))
    }

    /// # Errors
    /// [`SourceError::Io`] when the codecs cannot be made.
    pub fn open(layout: &WriteLayout, root: &Path) -> Result<Self, SourceError> {
        let mut inner = header(layout);
        inner["shape"] = json!(layout.chunk_shape());
        inner["chunk_grid"]["configuration"]["chunk_shape"] = json!(layout.chunk_shape());
        inner["codecs"] = codecs_v3(layout.compression, layout.meta.element);
        Ok(ZarrSink {
            root: root.into(),
            codec: ChunkCodec::new(root, inner)?,
            chunks: layout.chunks.clone(),
            blocks: layout.blocks.clone(),
            signal_rank: layout.meta.axes.signal.len(),
            open: Mutex::default(),
            layout: layout.clone(),
        })
    }

    fn file(&self, index: &[usize]) -> PathBuf {
        let mut path = self.root.join("c");
        path.extend(index.iter().map(usize::to_string));
        path
    }

    fn shard_file(&self, block: usize) -> PathBuf {
        let mut index = self.blocks.index(block);
        index.resize(index.len() + self.signal_rank, 0);
        self.file(&index)
    }

    /// Chunks along each navigation axis of a shard, with those beyond the edge of the scan.
    fn in_shard(&self) -> Vec<usize> {
        (self.blocks.size.iter().zip(&self.chunks.size))
            .map(|(block, chunk)| block / chunk)
            .collect()
    }

    /// The shard of a chunk, and the chunk's place in its index.
    fn place(&self, chunk: usize) -> (usize, usize) {
        let index = self.chunks.index(chunk);
        let inside = self.in_shard();
        let grid = Boxes::new(self.chunks.grid(), &inside);
        grid.place(&index)
    }

    fn shard(&self, block: usize) -> Result<Arc<Shard>, SourceError> {
        let mut open = lock(&self.open);
        if let Some(shard) = open.get(&block) {
            return Ok(shard.clone());
        }
        let path = self.shard_file(block);
        write_file(&path, b"")?;
        let file = File::create(&path).map_err(|error| io_error(&path, &error))?;
        let shard = Arc::new(Shard {
            path,
            file,
            state: Mutex::new(Filled {
                end: 0,
                index: vec![ABSENT; self.in_shard().iter().product()],
            }),
        });
        open.insert(block, shard.clone());
        Ok(shard)
    }

    fn index_bytes(&self) -> u64 {
        16 * self.in_shard().iter().product::<usize>() as u64 + 4
    }
}

impl Shard {
    fn write_at(&self, bytes: &[u8], at: u64) -> Result<(), SourceError> {
        self.file
            .write_all_at(bytes, at)
            .map_err(|error| io_error(&self.path, &error))
    }
}

impl Sink for ZarrSink {
    fn chunk(&self, chunk: usize, bytes: &[u8]) -> Result<(), SourceError> {
        let (block, place) = self.place(chunk);
        let shard = self.shard(block)?;
        let encoded = self.codec.encode(&shard.path, bytes)?;
        let length = encoded.len() as u64;
        let at = {
            let mut state = lock(&shard.state);
            let at = state.end;
            state.end += length;
            at
        };
        shard.write_at(&encoded, at)?;
        lock(&shard.state).index[place] = (at, length);
        Ok(())
    }

    fn peaks(&self, _chunk: usize, _lists: &[Option<Arc<Peaks>>]) -> Result<(), SourceError> {
        Err(SourceError::unsupported(
            &self.root,
            "Zarr 3 has no lists of different length",
            "give a name that ends in .zspy or .hspy",
        ))
    }

    fn finish_block(&self, block: usize, durable: bool) -> Result<Record, SourceError> {
        let shard = self.shard(block)?;
        let state = lock(&shard.state);
        let mut index: Vec<u8> = (state.index.iter())
            .flat_map(|(at, length)| [at.to_le_bytes(), length.to_le_bytes()])
            .flatten()
            .collect();
        let checksum = crc32c::crc32c(&index);
        index.extend(checksum.to_le_bytes());
        shard.write_at(&index, state.end)?;
        if durable {
            shard
                .file
                .sync_data()
                .map_err(|error| io_error(&shard.path, &error))?;
        }
        lock(&self.open).remove(&block);
        Ok(Record {
            bytes: state.end + index.len() as u64,
            checksum,
        })
    }

    fn holds(&self, block: usize, record: Record) -> bool {
        let index = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(self.shard_file(block))?;
            let length = file.metadata()?.len();
            if length != record.bytes || length < self.index_bytes() {
                return Ok(Vec::new());
            }
            std::io::Seek::seek(
                &mut file,
                std::io::SeekFrom::Start(length - self.index_bytes()),
            )?;
            let mut index = Vec::new();
            file.read_to_end(&mut index)?;
            Ok(index)
        };
        let Ok(mut index) = index() else {
            return false;
        };
        let Some(at) = index.len().checked_sub(4) else {
            return false;
        };
        let stored = index.split_off(at);
        crc32c::crc32c(&index) == record.checksum && stored == record.checksum.to_le_bytes()
    }

    fn finish(&self, layout: &WriteLayout) -> Result<(), SourceError> {
        ZarrSink::prepare(layout, &self.root)
    }

    fn images(&self, images: &[f32]) -> Result<(), SourceError> {
        self.layout.map_chunks(images, &mut |index, bytes| {
            let file = self.file(index);
            write_file(&file, &self.codec.encode(&file, bytes)?)
        })
    }
}

/// The array's `zarr.json`.
fn header(layout: &WriteLayout) -> Value {
    let meta = &layout.meta;
    let element = meta.element;
    let inner = codecs_v3(layout.compression, element);
    let index_codecs = json!([
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "crc32c"}
    ]);
    let (grid, codecs) = match meta.kind {
        SignalKind::Frame => (
            [layout.blocks.size.clone(), meta.axes.signal_shape()].concat(),
            json!([{"name": "sharding_indexed", "configuration": {
                "chunk_shape": layout.chunk_shape(), "codecs": inner,
                "index_codecs": index_codecs, "index_location": "end"}}]),
        ),
        // The images of a map are few: a file each.
        _ => (layout.chunk_shape(), inner),
    };
    let axes: Vec<Value> = (layout.axes.iter())
        .map(|(axis, navigate)| own_axis(axis, *navigate))
        .collect();
    let names: Vec<&str> = layout
        .axes
        .iter()
        .map(|(axis, _)| axis.name.as_str())
        .collect();
    let mut attributes = json!({
        "axes": axes,
        "metadata": metadata(meta, &Value::Null),
        "original_metadata": original(meta),
    });
    if !layout.provenance.is_null() {
        attributes["provenance"] = layout.provenance.clone();
    }
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": layout.shape(),
        "data_type": long_name(element.name()),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": grid}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": zero(element),
        "codecs": codecs,
        "dimension_names": names,
        "attributes": attributes,
    })
}

/// `u16` is `uint16` there.
fn long_name(name: &str) -> String {
    let (kind, bits) = name.split_at(1);
    let kind = match kind {
        "u" => "uint",
        "i" => "int",
        "c" => "complex",
        _ => "float",
    };
    format!("{kind}{bits}")
}
