//! Writing hyperspy's `.hspy`: its tree in one HDF5 file.
//!
//! Specification: the RosettaSciIO documentation of the `hspy` format, version 3.3 (see `zspy.rs`).
//! Chunks are appended in the order they become complete; trees, groups and the superblock that makes
//! the file one follow at the end, so memory holds 40 bytes per chunk.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use flate2::{Compression as Level, write::ZlibEncoder};
use serde_json::{Map, Value, json};
use signal::{Axis, ElementType, Peaks, SignalKind, SourceError};

use crate::error::io_error;
use crate::hdf5::encode::{self as hdf5, ChunkEntry, Heap, Message, Type};
use crate::hyperspy::dictionary::safe_key;
use crate::metadata::axes::axis_tree;
use crate::result::options::Compression;
use crate::result::partial::Record;
use crate::result::sink::Sink;
use crate::result::tree::{experiment_name, hyperspy_trees, object};
use crate::result::write_layout::WriteLayout;
use crate::storage::lock::lock;

/// Higher levels take twice the time for a few per cent of detector counts.
const LEVEL: u32 = 1;

pub struct HspySink {
    path: PathBuf,
    file: File,
    /// Where the next bytes go.
    end: AtomicU64,
    data: Mutex<Vec<ChunkEntry>>,
    shapes: Mutex<Vec<ChunkEntry>>,
    layout: WriteLayout,
}

impl HspySink {
    /// # Errors
    /// [`SourceError::Io`] when the file cannot be made.
    pub fn create(layout: &WriteLayout, path: &Path) -> Result<Self, SourceError> {
        if layout.shape().is_empty() {
            return Err(SourceError::unsupported(
                path,
                "one list of peaks without a scan is not a ragged signal",
                "give a name that ends in .zspy",
            ));
        }
        Ok(HspySink {
            file: File::create(path).map_err(|error| io_error(path, &error))?,
            path: path.into(),
            end: AtomicU64::new(hdf5::SUPERBLOCK_BYTES),
            data: Mutex::default(),
            shapes: Mutex::default(),
            layout: layout.clone(),
        })
    }

    /// Reserves bytes, at an address that is a multiple of eight.
    fn allocate(&self, bytes: u64) -> u64 {
        self.end
            .fetch_add(bytes.next_multiple_of(8), Ordering::Relaxed)
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<(), SourceError> {
        self.file
            .write_all_at(bytes, at)
            .map_err(|error| io_error(&self.path, &error))
    }

    fn append(&self, bytes: &[u8]) -> Result<u64, SourceError> {
        let at = self.allocate(bytes.len() as u64);
        self.write(bytes, at)?;
        Ok(at)
    }

    fn object(&self, messages: &[Message]) -> Result<u64, SourceError> {
        self.append(&hdf5::object_header(messages))
    }

    fn too_long(&self, name: &str) -> SourceError {
        SourceError::unsupported(
            &self.path,
            format!(
                "the name `{:.60}…` in its metadata is too long for HDF5",
                name
            ),
            "give a name that ends in .zspy",
        )
    }

    /// One compressed chunk of the array.
    fn add_chunk(&self, index: &[usize], bytes: &[u8]) -> Result<(), SourceError> {
        let width = self.layout.meta.element.size_bytes();
        let encoded = match self.layout.compression {
            Compression::None => self.append(bytes).map(|at| (at, bytes.len())),
            _ => {
                let mut encoder =
                    ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Level::new(LEVEL));
                let deflated = encoder
                    .write_all(&hdf5::shuffled(bytes, width))
                    .and_then(|()| encoder.finish())
                    .map_err(|error| io_error(&self.path, &error))?;
                self.append(&deflated).map(|at| (at, deflated.len()))
            }
        };
        let (address, length) = encoded?;
        lock(&self.data).push(self.entry(index, address, length));
        Ok(())
    }

    fn entry(&self, index: &[usize], address: u64, bytes: usize) -> ChunkEntry {
        let shape = self.layout.chunk_shape();
        ChunkEntry {
            origin: (index.iter().chain(std::iter::repeat(&0)).zip(&shape))
                .map(|(index, size)| (index * size) as u64)
                .collect(),
            address,
            bytes: bytes as u32,
        }
    }

    /// An array whose chunks are in the file.
    fn chunked_array(
        &self,
        kind: Type,
        width: usize,
        entries: &Mutex<Vec<ChunkEntry>>,
        filtered: bool,
    ) -> Result<u64, SourceError> {
        let mut entries = lock(entries);
        entries.sort_by(|one, other| one.origin.cmp(&other.origin));
        let chunk = self.layout.chunk_shape();
        let (root, nodes) =
            hdf5::chunk_tree(&entries, &chunk, width, &mut |bytes| self.allocate(bytes));
        for (at, node) in nodes {
            self.write(&node, at)?;
        }
        let mut messages = hdf5::array(kind, &self.layout.shape());
        if filtered {
            messages.push(hdf5::shuffle_and_deflate(width, LEVEL));
        }
        messages.push(hdf5::chunked(root, &chunk, width));
        self.object(&messages)
    }

    /// A text in a heap of its own size, as a reference.
    fn texts(&self, texts: &[&str]) -> Result<Vec<u8>, SourceError> {
        let mut references = Vec::new();
        // A heap counts to 65535.
        for part in texts.chunks(30_000) {
            let mut heap = Heap::default();
            let numbers: Vec<u32> = (part.iter())
                .map(|text| heap.add(text.as_bytes()).unwrap_or_default())
                .collect();
            let at = self.append(&heap.encoded())?;
            for (text, number) in part.iter().zip(numbers) {
                references.extend(hdf5::reference(text.len(), at, number));
            }
        }
        Ok(references)
    }

    fn attributes(&self, tree: &[(String, Value)]) -> Result<Vec<Message>, SourceError> {
        let texts: Vec<&str> = tree
            .iter()
            .filter_map(|(_, value)| value.as_str())
            .collect();
        let references = self.texts(&texts)?;
        let mut references = references.chunks_exact(hdf5::REFERENCE_BYTES);
        let mut messages = Vec::new();
        for (key, value) in tree {
            let message = match value {
                Value::String(_) => {
                    hdf5::attribute(key, Type::Text, references.next().unwrap_or_default())
                }
                Value::Bool(truth) => hdf5::attribute(key, Type::Bool, &[u8::from(*truth)]),
                value => match (value.as_i64(), value.as_f64()) {
                    (Some(whole), _) => {
                        hdf5::attribute(key, Type::Element(ElementType::I64), &whole.to_ne_bytes())
                    }
                    (None, real) => hdf5::attribute(
                        key,
                        Type::Element(ElementType::F64),
                        &real.unwrap_or(f64::NAN).to_ne_bytes(),
                    ),
                },
            };
            messages.push(message.ok_or_else(|| self.too_long(key))?);
        }
        Ok(messages)
    }

    /// A group with attributes and links.
    fn group(
        &self,
        attributes: &[(String, Value)],
        links: &[(String, u64)],
    ) -> Result<u64, SourceError> {
        let mut messages = hdf5::group();
        messages.extend(self.attributes(attributes)?);
        for (name, address) in links {
            messages.push(hdf5::link(name, *address).ok_or_else(|| self.too_long(name))?);
        }
        self.object(&messages)
    }

    /// A dictionary as a group, in hyperspy's encoding (see `dictionary.rs`).
    fn dictionary(&self, tree: &Map<String, Value>) -> Result<u64, SourceError> {
        self.dictionary_with(tree, Vec::new())
    }

    /// A dictionary that has objects of its own beside those of the tree.
    fn dictionary_with(
        &self,
        tree: &Map<String, Value>,
        mut links: Vec<(String, u64)>,
    ) -> Result<u64, SourceError> {
        let mut attributes = Vec::new();
        for (key, value) in tree {
            let key = safe_key(key);
            match value {
                Value::Null => attributes.push((key, json!("_None_"))),
                Value::Array(items) if items.is_empty() => {
                    attributes.push((format!("_list_empty_{key}"), json!("_None_")));
                }
                Value::Array(items) => links.push(self.list(&key, items)?),
                Value::Object(inner) => links.push((key, self.dictionary(inner)?)),
                value => attributes.push((key, value.clone())),
            }
        }
        self.group(&attributes, &links)
    }

    fn list(&self, key: &str, items: &[Value]) -> Result<(String, u64), SourceError> {
        let name = format!("_list_{key}");
        let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
        let whole: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
        let real: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
        let (kind, bytes) = if let Some(texts) = texts {
            (Type::Text, self.texts(&texts)?)
        } else if let Some(whole) = whole {
            let bytes = whole.iter().flat_map(|value| value.to_ne_bytes());
            (Type::Element(ElementType::I64), bytes.collect())
        } else if let Some(real) = real {
            let bytes = real.iter().flat_map(|value| value.to_ne_bytes());
            (Type::Element(ElementType::F64), bytes.collect())
        } else {
            let numbered = (items.iter().enumerate())
                .map(|(at, item)| (at.to_string(), item.clone()))
                .collect();
            let name = format!("_list_{}_{key}", items.len());
            return Ok((name, self.dictionary(&numbered)?));
        };
        Ok((name, self.vector(kind, items.len(), &bytes)?))
    }

    fn vector(&self, kind: Type, length: usize, bytes: &[u8]) -> Result<u64, SourceError> {
        let at = self.append(bytes)?;
        let mut messages = hdf5::array(kind, &[length]);
        messages.push(hdf5::contiguous(at, bytes.len() as u64));
        self.object(&messages)
    }

    /// An axis; the values of one that is not uniform are an array.
    fn axis(&self, axis: &Axis, navigate: bool) -> Result<u64, SourceError> {
        let mut tree = axis_tree(axis, navigate);
        let mut links = Vec::new();
        if tree.remove("axis").is_some() {
            let bytes: Vec<u8> = (axis.values.iter())
                .flat_map(|value| value.to_ne_bytes())
                .collect();
            let kind = Type::Element(ElementType::F64);
            links.push(("axis".to_owned(), self.vector(kind, axis.size, &bytes)?));
        }
        self.dictionary_with(&tree, links)
    }

    fn experiment(&self, layout: &WriteLayout) -> Result<u64, SourceError> {
        let ragged = layout.meta.kind == SignalKind::Peaks;
        let mut links = Vec::new();
        if ragged {
            let width = hdf5::REFERENCE_BYTES;
            let lists = Type::List(ElementType::F32);
            let shapes = Type::List(ElementType::I64);
            let data = self.chunked_array(lists, width, &self.data, false)?;
            let beside = self.chunked_array(shapes, width, &self.shapes, false)?;
            links.push(("data".to_owned(), data));
            links.push(("_ragged_shapes_data".to_owned(), beside));
        } else {
            let (element, filtered) =
                (layout.meta.element, layout.compression != Compression::None);
            let kind = Type::Element(element);
            let data = self.chunked_array(kind, element.size_bytes(), &self.data, filtered)?;
            links.push(("data".to_owned(), data));
        }
        for (at, (axis, navigate)) in layout.axes.iter().enumerate() {
            links.push((format!("axis-{at}"), self.axis(axis, *navigate)?));
        }
        let (tree, original) = hyperspy_trees(&layout.meta, &layout.provenance);
        let trees = [("metadata", tree), ("original_metadata", original)];
        for (name, tree) in trees {
            links.push((name.to_owned(), self.dictionary(&tree)?));
        }
        let attributes = pairs(object(json!({"_lazy": false, "ragged": ragged})));
        links.push(("attributes".to_owned(), self.group(&attributes, &[])?));
        self.group(&[], &links)
    }
}

fn pairs(tree: Map<String, Value>) -> Vec<(String, Value)> {
    tree.into_iter().collect()
}

impl Sink for HspySink {
    fn chunk(&self, chunk: usize, bytes: &[u8]) -> Result<(), SourceError> {
        self.add_chunk(&self.layout.chunks.index(chunk), bytes)
    }

    fn peaks(&self, chunk: usize, lists: &[Option<Arc<Peaks>>]) -> Result<(), SourceError> {
        let (mut heap, mut shape_heap) = (Heap::default(), Heap::default());
        let mut numbers = Vec::new();
        let none = Peaks::default();
        for list in lists {
            let list = list.as_deref().unwrap_or(&none);
            let columns = list.columns();
            let values: Vec<u8> = (0..list.len())
                .flat_map(|row| columns.map(|column| column.get(row).copied().unwrap_or(f32::NAN)))
                .flat_map(f32::to_ne_bytes)
                .collect();
            let shape: Vec<u8> = [list.len(), Peaks::COLUMNS.len()]
                .iter()
                .flat_map(|size| (*size as i64).to_ne_bytes())
                .collect();
            let number = match values.len() {
                0 => None,
                _ => heap.add(&values),
            };
            numbers.push((values.len() / 4, number, shape_heap.add(&shape)));
        }
        let (at, shapes_at) = (
            self.append(&heap.encoded())?,
            self.append(&shape_heap.encoded())?,
        );
        let references: Vec<u8> = (numbers.iter())
            .flat_map(|(length, number, _)| match number {
                Some(number) => hdf5::reference(*length, at, *number),
                None => hdf5::reference(0, 0, 0),
            })
            .collect();
        let shapes: Vec<u8> = (numbers.iter())
            .flat_map(|(_, _, number)| hdf5::reference(2, shapes_at, number.unwrap_or_default()))
            .collect();
        let index = self.layout.chunks.index(chunk);
        for (bytes, entries) in [(references, &self.data), (shapes, &self.shapes)] {
            let address = self.append(&bytes)?;
            lock(entries).push(self.entry(&index, address, bytes.len()));
        }
        Ok(())
    }

    fn finish_block(&self, _block: usize, _durable: bool) -> Result<Record, SourceError> {
        Ok(Record {
            bytes: 0,
            checksum: 0,
        })
    }

    fn holds(&self, _block: usize, _record: Record) -> bool {
        false
    }

    fn images(&self, images: &[f32]) -> Result<(), SourceError> {
        self.layout
            .map_chunks(images, &mut |index, bytes| self.add_chunk(index, bytes))
    }

    fn finish(&self, layout: &WriteLayout) -> Result<(), SourceError> {
        let experiment = self.experiment(layout)?;
        let name = experiment_name(&self.layout.meta.title);
        let experiments = self.group(&[], &[(name, experiment)])?;
        let root = self.group(
            &pairs(object(
                json!({"file_format": "HyperSpy", "file_format_version": "3.3"}),
            )),
            &[("Experiments".to_owned(), experiments)],
        )?;
        let end = self.end.load(Ordering::Relaxed);
        self.file
            .set_len(end)
            .map_err(|error| io_error(&self.path, &error))?;
        self.write(&hdf5::superblock(root, end), 0)
    }
}
