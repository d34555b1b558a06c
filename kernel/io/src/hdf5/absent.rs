//! Chunks of an HDF5 array that were never written: their pixels are the fill value.
//!
//! `hdf5-reader` does not say which chunks there are. What it needs from the file for a chunk tells: of one that was
//! never written, nothing. So the file is read through a storage that can refuse to read for a moment.

use std::cell::Cell;
use std::path::Path;

use hdf5_reader::error::{ByteOrder, Error};
use hdf5_reader::storage::{Storage, StorageBuffer};
use hdf5_reader::{Dataset, Datatype};
use serde_json::Value;
use signal::{Block, ElementType, Frame, SignalMeta};

use crate::storage::absent::Absent;

/// Arrays with more chunks are not counted when they are opened: the index of all of them would have to be read.
const MAX_COUNTED: u64 = 4096;

thread_local! {
    static REFUSES: Cell<bool> = const { Cell::new(false) };
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// A file that reads nothing inside [`unread`].
pub struct Refusing<S>(pub S);

impl<S: Storage> Storage for Refusing<S> {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer, Error> {
        if REFUSES.get() {
            return Err(Error::Io(std::io::ErrorKind::PermissionDenied.into()));
        }
        READS.set(READS.get() + 1);
        self.0.read_range(offset, len)
    }
}

/// Does what it can without reading the file: with what is in memory of its index.
pub fn unread<T>(work: impl FnOnce() -> T) -> T {
    /// Also after a panic.
    struct Allowed;
    impl Drop for Allowed {
        fn drop(&mut self) {
            REFUSES.set(false);
        }
    }
    REFUSES.set(true);
    let _allowed = Allowed;
    work()
}

/// How often this thread has read from a file so far.
pub fn reads() -> u64 {
    READS.get()
}

/// What is known of the chunks of an array when it is opened; `None` of one without chunks.
pub fn look(path: &Path, data: &Dataset, meta: &SignalMeta) -> Option<Absent> {
    let chunk = data.chunks()?;
    let total = (data.shape().iter().zip(&chunk))
        .map(|(size, chunk)| size.div_ceil(u64::from(*chunk).max(1)))
        .fold(1, u64::saturating_mul);
    let whole_frames = (chunk
        .iter()
        .skip(meta.axes.navigation.len())
        .zip(&meta.axes.signal))
    .all(|(chunk, axis)| *chunk as usize >= axis.size);
    let pieces = if whole_frames { "frames" } else { "pixels" };
    let fill = fill_value(data, meta.element);
    let mut absent = Absent::of(path, total, pieces, Some(&fill));
    if total <= MAX_COUNTED
        && let Some(present) = count(data)
    {
        absent.looked(total, total.saturating_sub(present), true);
    }
    Some(absent)
}

/// Number of chunks that were written.
fn count(data: &Dataset) -> Option<u64> {
    // The index is read here, and no chunk: each ends with the refusal. One that does not lies in another file.
    let chunks = data.iter_chunks().ok()?;
    let refused: Vec<bool> = unread(|| {
        let mut elsewhere = false;
        chunks
            .take_while(|chunk| !std::mem::replace(&mut elsewhere, chunk.is_ok()))
            .map(|chunk| chunk.is_err())
            .collect()
    });
    (refused.iter().all(|refused| *refused)).then_some(refused.len() as u64)
}

/// HDF5's own default is zero.
fn fill_value(data: &Dataset, element: ElementType) -> Value {
    let zero = Value::from(0);
    let Some(mut bytes) = data.fill_value().and_then(|fill| fill.value.clone()) else {
        return zero;
    };
    let big = match data.dtype() {
        Datatype::FixedPoint { byte_order, .. } | Datatype::FloatingPoint { byte_order, .. } => {
            *byte_order == ByteOrder::BigEndian
        }
        _ => false,
    };
    if big != cfg!(target_endian = "big") {
        bytes.reverse();
    }
    if bytes.len() != element.size_bytes() {
        return zero;
    }
    match Frame::from_block(&[1], element, Block::new(bytes), 0) {
        Ok(pixel) => match pixel.value(0) {
            whole if whole.fract() == 0.0 && whole.abs() < 1e15 => Value::from(whole as i64),
            other if other.is_finite() => Value::from(other),
            other => Value::from(other.to_string()),
        },
        Err(_) => zero,
    }
}
