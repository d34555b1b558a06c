//! What a writer and its compressing threads share: from single positions to finished blocks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use signal::{Frame, NavigationIndex, Peaks, SignalKind, SourceError};

use crate::error::io_error;
use crate::result::blocks::flats;
use crate::result::partial::{Partial, Record};
use crate::result::sink::Sink;
use crate::result::write_layout::WriteLayout;
use crate::storage::lock::lock;

/// What the compressing threads share.
pub struct Core {
    pub layout: WriteLayout,
    pub sink: Box<dyn Sink>,
    pub partial: Partial,
    pub navigation: Vec<usize>,
    begun: Mutex<HashMap<usize, Arc<Mutex<Begun>>>>,
    pub images: Mutex<Vec<f32>>,
    pub seen: Mutex<Vec<u64>>,
    /// Positions of each block that are not stored yet.
    pub left: Vec<AtomicUsize>,
    pub written: AtomicU64,
}

/// A chunk that waits for more of its positions.
#[derive(Default)]
pub struct Begun {
    bytes: Vec<u8>,
    peaks: Vec<Option<Arc<Peaks>>>,
    missing: usize,
}

impl Core {
    pub fn new(layout: WriteLayout, partial: Partial, sink: Box<dyn Sink>) -> Self {
        let positions = layout.meta.axes.positions();
        let map_values = match layout.meta.kind {
            SignalKind::Map => positions * layout.meta.components.len(),
            _ => 0,
        };
        Core {
            sink,
            navigation: layout.meta.axes.navigation_shape(),
            begun: Mutex::default(),
            images: Mutex::new(vec![f32::NAN; map_values]),
            seen: Mutex::new(vec![0; positions.div_ceil(64)]),
            left: (0..layout.blocks.count())
                .map(|block| AtomicUsize::new(layout.blocks.positions(block)))
                .collect(),
            written: AtomicU64::new(0),
            layout,
            partial,
        }
    }

    /// Takes over what is finished already: which blocks, and the values of a map.
    pub fn recall(&self) -> Result<Vec<bool>, SourceError> {
        let mut finished = vec![false; self.layout.blocks.count()];
        if !self.partial.is_resumable() {
            return Ok(finished);
        }
        for (block, record) in self.partial.records()? {
            if block >= finished.len() || !self.recall_block(block, record) {
                continue;
            }
            finished[block] = true;
            self.left[block].store(0, Ordering::Relaxed);
            let mut seen = lock(&self.seen);
            for flat in flats(&self.layout.blocks.ranges(block), &self.navigation) {
                seen[flat / 64] |= 1 << (flat % 64);
            }
            let positions = self.layout.blocks.positions(block) as u64;
            self.written.fetch_add(positions, Ordering::Relaxed);
        }
        Ok(finished)
    }

    fn recall_block(&self, block: usize, record: Record) -> bool {
        if self.layout.meta.kind != SignalKind::Map {
            return self.sink.holds(block, record);
        }
        let flats = flats(&self.layout.blocks.ranges(block), &self.navigation);
        let Ok(bytes) = std::fs::read(self.partial.block_file(block)) else {
            return false;
        };
        let components = self.layout.meta.components.len();
        let expected = flats.len() * components * size_of::<f32>();
        if bytes.len() != expected || crc32c::crc32c(&bytes) != record.checksum {
            return false;
        }
        let mut values = bytes
            .chunks_exact(size_of::<f32>())
            .map(|value| f32::from_le_bytes(value.try_into().unwrap_or_default()));
        let mut images = lock(&self.images);
        let positions = self.layout.meta.axes.positions();
        for component in 0..components {
            for flat in &flats {
                images[component * positions + flat] = values.next().unwrap_or(f32::NAN);
            }
        }
        true
    }

    pub fn add_frame(&self, at: NavigationIndex, frame: &Frame) -> Option<(usize, Begun)> {
        let pixels = frame.as_bytes();
        self.add(at, |begun, place, positions| {
            if begun.bytes.is_empty() {
                begun.bytes = vec![0; positions * pixels.len()];
            }
            begun.bytes[place * pixels.len()..(place + 1) * pixels.len()].copy_from_slice(pixels);
        })
    }

    pub fn add_peaks(&self, at: NavigationIndex, peaks: &Arc<Peaks>) -> Option<(usize, Begun)> {
        self.add(at, |begun, place, positions| {
            begun.peaks.resize(positions, None);
            begun.peaks[place] = Some(peaks.clone());
        })
    }

    /// Puts one position into its chunk; gives the chunk when that was the last one.
    fn add(
        &self,
        at: NavigationIndex,
        put: impl FnOnce(&mut Begun, usize, usize),
    ) -> Option<(usize, Begun)> {
        let (chunk, place) = self.layout.chunks.place(at.as_slice());
        let positions = self.layout.chunks.size.iter().product();
        let begun = (lock(&self.begun).entry(chunk))
            .or_insert_with(|| {
                Arc::new(Mutex::new(Begun {
                    missing: self.layout.chunks.positions(chunk),
                    ..Begun::default()
                }))
            })
            .clone();
        // The frame is copied under the lock of its chunk alone.
        let mut begun = lock(&begun);
        put(&mut begun, place, positions);
        begun.missing -= 1;
        if begun.missing > 0 {
            return None;
        }
        lock(&self.begun).remove(&chunk);
        Some((chunk, std::mem::take(&mut *begun)))
    }

    pub fn add_values(&self, at: NavigationIndex, values: &[f32]) -> Result<(), SourceError> {
        let flat = at.flat(&self.navigation);
        let positions = self.layout.meta.axes.positions();
        let mut images = lock(&self.images);
        for (component, value) in values.iter().enumerate() {
            images[component * positions + flat] = *value;
        }
        drop(images);
        let (block, _) = self.layout.blocks.place(at.as_slice());
        self.stored(block, 1)
    }

    /// Compresses and stores a complete chunk.
    pub fn store(&self, chunk: usize, begun: &Begun) -> Result<(), SourceError> {
        match self.layout.meta.kind {
            SignalKind::Peaks => self.sink.peaks(chunk, &begun.peaks)?,
            _ => self.sink.chunk(chunk, &begun.bytes)?,
        }
        let ranges = self.layout.chunks.ranges(chunk);
        let first: Vec<usize> = ranges.iter().map(|range| range.start).collect();
        let (block, _) = self.layout.blocks.place(&first);
        self.stored(block, self.layout.chunks.positions(chunk))
    }

    fn stored(&self, block: usize, positions: usize) -> Result<(), SourceError> {
        if self.left[block].fetch_sub(positions, Ordering::AcqRel) > positions {
            return Ok(());
        }
        let durable = self.partial.is_resumable();
        let record = match self.layout.meta.kind {
            SignalKind::Map if durable => self.spill(block)?,
            SignalKind::Map => return Ok(()),
            _ => self.sink.finish_block(block, durable)?,
        };
        self.partial.finished(block, record)
    }

    /// Keeps the values of one block of a map, component after component.
    fn spill(&self, block: usize) -> Result<Record, SourceError> {
        let flats = flats(&self.layout.blocks.ranges(block), &self.navigation);
        let positions = self.layout.meta.axes.positions();
        let images = lock(&self.images);
        let bytes: Vec<u8> = (0..self.layout.meta.components.len())
            .flat_map(|component| flats.iter().map(move |flat| component * positions + flat))
            .flat_map(|at| images[at].to_le_bytes())
            .collect();
        drop(images);
        let path = self.partial.block_file(block);
        std::fs::write(&path, &bytes).map_err(|error| io_error(&path, &error))?;
        Ok(Record {
            bytes: bytes.len() as u64,
            checksum: crc32c::crc32c(&bytes),
        })
    }
}
